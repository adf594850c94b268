import Base
import Configuration
import Files
import Glibc
import Testing

@Suite struct ProgramInspectionTests {
    /// A folder for one test; its parts above are root's and closed, /tmp has the sticky bit.
    private func withFolder(_ body: (String) throws -> Void) rethrows {
        var template = Array("/tmp/hasup-test-XXXXXX".utf8CString)
        mkdtemp(&template)
        let path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        defer {
            for name in ["good", "link", "plain"] { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        try body(path)
    }

    private func make(_ path: String, _ mode: mode_t) {
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        chmod(path, mode)
    }

    @Test func obstacles() {
        withFolder { folder in
            make("\(folder)/plain", 0o644)
            #expect(ProgramInspection.inspect("\(folder)/none").obstacle == "no such file")
            #expect(ProgramInspection.inspect(folder).obstacle == "it isn't a regular file")
            let plain = ProgramInspection.inspect("\(folder)/plain").obstacle
            #expect(plain == "it isn't executable (owner \(getuid()), mode 644)")
            #expect(ProgramInspection.inspect("hasup-no-such-program").obstacle == "it isn't in PATH")
        }
        #expect(ProgramInspection.inspect("sh").obstacle == nil)
        #expect(SystemFiles(inspectsPrograms: false).inspect(program: "/none") == nil)
    }

    /// A link is followed: what counts is where the program really is.
    @Test(.enabled(if: getuid() == 0)) func weaknesses() {
        withFolder { folder in
            make("\(folder)/good", 0o755)
            symlink("\(folder)/good", "\(folder)/link")
            #expect(ProgramInspection.inspect("\(folder)/link") == ProgramFinding())
            chmod("\(folder)/good", 0o757)
            #expect(
                ProgramInspection.inspect("\(folder)/link").weakness(forUser: 0)
                    == "\(folder)/good (owner 0, mode 757) can be changed by somebody else")
            chmod("\(folder)/good", 0o755)
            chmod(folder, 0o777)
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)
                    == "\(folder) (owner 0, mode 777) can be changed by somebody else")
            chmod(folder, 0o755)
            chown("\(folder)/good", 12345, 0)
            #expect(ProgramInspection.inspect("\(folder)/good").weakness(forUser: 12345) == nil)
            #expect(ProgramInspection.inspect("\(folder)/good").weakness(forUser: 12346) != nil)
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)
                    == "\(folder)/good (owner 12345, mode 755) can be changed by somebody else")
        }
    }

    /// Who runs scripts is known by number, with his groups; a number without an entry needs a group.
    @Test func accounts() throws {
        let files = SystemFiles()
        guard case .known(let root) = files.account(user: "root", group: nil) else {
            Issue.record("there is no root")
            return
        }
        #expect(root.uid == 0 && root.gid == 0 && root.groups.contains(0))
        #expect(files.account(user: "0", group: nil) == .known(root))
        #expect(files.account(user: "4711", group: "root") == .known(ScriptAccount(uid: 4711, gid: 0, groups: [0])))
        #expect(
            files.account(user: "4711", group: nil) == .unknown("user 4711 isn't known here and has no group: say one"))
        #expect(files.account(user: "hasup-none", group: nil) == .unknown("there is no user 'hasup-none'"))
        #expect(files.account(user: "root", group: "hasup-none") == .unknown("there is no group 'hasup-none'"))
        #expect(SystemFiles(inspectsPrograms: false).account(user: "root", group: nil) == nil)
    }

    @Test func loopbackHasItsNetwork() throws {
        let loopback = try #require(SystemEnvironment.prefixes()?["lo"])
        let network = try #require(Prefix("127.0.0.1/8"))
        #expect(loopback.contains(network))
    }

    @Test func namesOfTables() {
        let names = SystemEnvironment.routingNames()
        #expect(names.tables["main"] == 254 && names.scopes["link"] == 253)
    }
}
