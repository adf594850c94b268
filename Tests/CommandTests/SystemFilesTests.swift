import Configuration
import ConfigurationModel
import Files
import Glibc
import Testing

@Suite struct SystemFilesTests {
    private final class Directory {
        let path: String
        init() {
            var template = Array("/tmp/hasup-test-XXXXXX".utf8CString)
            mkdtemp(&template)
            path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        func write(_ name: String, mode: mode_t = 0o600) {
            let descriptor = open("\(path)/\(name)", O_CREAT | O_WRONLY, mode)
            Glibc.write(descriptor, name, name.utf8.count)
            close(descriptor)
        }
        deinit {
            for name in ["a.conf", "b.conf", "c.txt", "x", "fifo"] { unlink("\(path)/\(name)") }
            rmdir("\(path)/d.conf")
            rmdir(path)
        }
    }

    @Test func readsOrdinaryFilesOnly() {
        let directory = Directory()
        directory.write("a.conf")
        directory.write("x", mode: 0o700)
        mkfifo("\(directory.path)/fifo", 0o600)
        mkdir("\(directory.path)/d.conf", 0o700)
        let files = SystemFiles()
        #expect(files.read(path: "\(directory.path)/a.conf") == .success(Array("a.conf".utf8)))
        #expect(files.read(path: "\(directory.path)/none") == .failure(.notFound))
        #expect(files.read(path: "\(directory.path)/a.conf/none") == .failure(.notFound))
        #expect(files.read(path: "\(directory.path)/x") == .failure(.executable))
        for name in ["fifo", "d.conf"] {
            #expect(files.read(path: "\(directory.path)/\(name)") == .failure(.notRegular), "\(name)")
        }
        #expect(files.read(path: "/dev/zero") == .failure(.notRegular))
    }

    @Test func patternsGiveSortedFiles() throws {
        let directory = Directory()
        for name in ["b.conf", "a.conf", "c.txt"] { directory.write(name) }
        mkdir("\(directory.path)/d.conf", 0o700)
        let files = SystemFiles()
        func names(_ pattern: String) throws -> [String] {
            try files.glob(pattern: "\(directory.path)/\(pattern)").get()
                .map { String($0.dropFirst(directory.path.count + 1)) }
        }
        mkdir("\(directory.path)/e", 0o700)
        directory.write("e/.hidden")
        directory.write("e/f.conf")
        symlink("/nowhere", "\(directory.path)/e/g.conf")
        // What isn't a file is for whoever reads it to say.
        #expect(try names("*.conf") == ["a.conf", "b.conf", "d.conf"])
        #expect(try names("[ab].conf") == ["a.conf", "b.conf"])
        #expect(try names("?.none") == [])
        #expect(try names("?/*") == ["e/f.conf", "e/g.conf"])
        #expect(try names("e/.h*") == ["e/.hidden"])
        #expect(try names("?/f.conf") == ["e/f.conf"])
        #expect(try names("c\\.txt") == ["c.txt"])
        #expect(try names("none/*") == [])
    }

    @Test func aFolderThatIsClosed() {
        let directory = Directory()
        mkdir("\(directory.path)/d.conf", 0o700)
        #expect(SystemFiles().glob(pattern: "\(directory.path)/none/*") == .success([]))
        // A name that is too long is refused to root, too.
        let long = String(repeating: "x", count: 300)
        let folder = "\(directory.path)/\(long)"
        let (all, one) = (SystemFiles().glob(pattern: "\(folder)/*"), SystemFiles().glob(pattern: "\(folder)/x?/y"))
        #expect(all == .success([folder]) && one == all)
        #expect(SystemFiles().read(path: folder) == .failure(.other("File name too long")))
    }

    @Test func aPatternThroughTheWholeMachineIsGivenUp() {
        #expect(SystemFiles().glob(pattern: "/*/*/*/*/*/*/*") == .failure(.tooLarge))
    }

    @Test func eachEnvironmentHasASeedOfItsOwn() {
        let seeds = (0..<2).map { _ in SystemEnvironment.current(checksInterfaces: false).randomSeed }
        #expect(seeds[0] != seeds[1])
    }

    @Test func theMachineHasALoopback() {
        let environment = SystemEnvironment.current(checksInterfaces: true)
        #expect(environment.interfaces?.contains("lo") == true)
        #expect(!environment.configID.contains("."))
        #expect(SystemEnvironment.current(checksInterfaces: false).interfaces == nil)
    }
}
