import Configuration
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

    @Test func patternsGiveSortedFiles() {
        let directory = Directory()
        for name in ["b.conf", "a.conf", "c.txt"] { directory.write(name) }
        mkdir("\(directory.path)/d.conf", 0o700)
        let files = SystemFiles()
        func names(_ pattern: String) -> [String] {
            files.glob(pattern: "\(directory.path)/\(pattern)").map { String($0.dropFirst(directory.path.count + 1)) }
        }
        #expect(names("*.conf") == ["a.conf", "b.conf"])
        #expect(names("{c.txt,[ab].conf}") == ["a.conf", "b.conf", "c.txt"])
        #expect(names("?.none") == [])
    }

    @Test func theMachineHasALoopback() {
        let environment = SystemEnvironment.current(checksInterfaces: true)
        #expect(environment.interfaces?.contains("lo") == true)
        #expect(!environment.configID.contains("."))
        #expect(SystemEnvironment.current(checksInterfaces: false).interfaces == nil)
    }
}
