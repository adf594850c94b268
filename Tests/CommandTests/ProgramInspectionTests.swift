import Base
import Configuration
import ConfigurationModel
import Files
import Glibc
import Reactor
import Testing

@Suite struct ProgramInspectionTests {
    /// A folder for one test; its parts above are root's and closed, /tmp has the sticky bit.
    private func withFolder(_ body: (String) throws -> Void) rethrows {
        var template = Array("/tmp/hasup-test-XXXXXX".utf8CString)
        mkdtemp(&template)
        let path = template.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        defer {
            for name in ["good", "link", "plain", "bob/link", "bob/loop"] { unlink("\(path)/\(name)") }
            rmdir("\(path)/bob")
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

    /// Of these the kernel says `No such file or directory`, as if the script itself were missing.
    @Test(arguments: [
        ("#!/bin/sh\ntrue\n", nil), ("#! /bin/sh -e\ntrue\n", nil), ("true\n", nil), ("", nil), ("#!/bin/sh", nil),
        (
            "#!/bin/sh\r\ntrue\r\n",
            "its lines end with CR and LF, so that nothing is called like its interpreter /bin/sh with CR; dos2unix takes the CR away"
        ),
        (
            "#!/usr/bin/env python3\r\n",
            "its lines end with CR and LF, so that nothing is called like its interpreter /usr/bin/env with CR; dos2unix takes the CR away"
        ),
        ("#!/no/such/python\n", "its interpreter /no/such/python doesn't exist"),
        ("#!/etc/passwd\n", "its interpreter /etc/passwd isn't executable"),
        ("#!\n", "its first line names no interpreter behind `#!`"),
    ])
    func interpreters(_ text: String, _ obstacle: String?) {
        withFolder { folder in
            let descriptor = open("\(folder)/good", O_CREAT | O_WRONLY, 0o700)
            write(descriptor, text, text.utf8.count)
            close(descriptor)
            #expect(ProgramInspection.inspect("\(folder)/good").obstacle == obstacle)
        }
    }

    /// A link is followed: where the program really is counts, too.
    @Test(.enabled(if: getuid() == 0, "needs root")) func weaknesses() {
        withFolder { folder in
            make("\(folder)/good", 0o755)
            symlink("\(folder)/good", "\(folder)/link")
            #expect(ProgramInspection.inspect("\(folder)/link") == ProgramFinding())
            chmod("\(folder)/good", 0o757)
            #expect(
                ProgramInspection.inspect("\(folder)/link").weakness(forUser: 0)
                    == "\(folder)/good (owner 0, mode 757) can be changed by users other than root")
            chmod("\(folder)/good", 0o755)
            chmod(folder, 0o777)
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)
                    == "\(folder) (owner 0, mode 777) can be changed by users other than root")
            chmod(folder, 0o755)
            chown("\(folder)/good", 12345, 0)
            #expect(ProgramInspection.inspect("\(folder)/good").weakness(forUser: 12345) == nil)
            #expect(ProgramInspection.inspect("\(folder)/good").weakness(forUser: 12346) != nil)
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)
                    == "\(folder)/good (owner 12345, mode 755) can be changed by users other than root")
        }
    }

    /// Who may replace a link chooses the program, whatever that one's owner is: the folder that holds it counts, and
    /// where that has the sticky bit, the link's owner.
    @Test(.enabled(if: getuid() == 0, "needs root")) func linksOfOthers() {
        withFolder { folder in
            make("\(folder)/good", 0o755)
            mkdir("\(folder)/bob", 0o755)
            symlink("../good", "\(folder)/bob/link")
            symlink("bob/link", "\(folder)/link")
            func weakness(_ uid: UInt32 = 0) -> String? {
                let weakness = ProgramInspection.inspect("\(folder)/link").weakness(forUser: uid)
                #expect(ProgramInspection.inspect("\(folder)/bob/link").weakness(forUser: uid) == weakness)
                #expect(ProgramInspection.inspect("\(folder)/bob/../good").weakness(forUser: 0) == weakness)
                return weakness
            }
            #expect(weakness() == nil)
            chown("\(folder)/bob", 65534, 65534)
            #expect(weakness() == "\(folder)/bob (owner 65534, mode 755) can be changed by users other than root")
            #expect(ProgramInspection.inspect("\(folder)/link").weakness(forUser: 65534) == nil)
            chown("\(folder)/bob", 0, 0)
            chmod("\(folder)/bob", 0o757)
            #expect(weakness() == "\(folder)/bob (owner 0, mode 757) can be changed by users other than root")
            chmod("\(folder)/bob", 0o1777)
            #expect(weakness() == nil, "root's own link")
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root")) func linksInStickyFolders() {
        withFolder { folder in
            make("\(folder)/good", 0o755)
            mkdir("\(folder)/bob", 0o755)
            symlink("../good", "\(folder)/bob/link")
            lchown("\(folder)/bob/link", 65534, 65534)
            // Nobody can change where a link leads to, or replace it in a folder that isn't his.
            #expect(ProgramInspection.inspect("\(folder)/bob/link") == ProgramFinding())
            chmod("\(folder)/bob", 0o1777)
            let finding = ProgramInspection.inspect("\(folder)/bob/link")
            #expect(
                finding.weakness(forUser: 0)
                    == "\(folder)/bob/link (a link, owner 65534) can be changed by users other than root")
            #expect(finding.weakness(forUser: 65534) == nil)
        }
    }

    /// As the kernel follows: 40 links and no more, and none for ever.
    @Test func manyLinks() {
        withFolder { folder in
            make("\(folder)/good", 0o755)
            mkdir("\(folder)/bob", 0o755)
            symlink("loop", "\(folder)/bob/loop")
            #expect(throws: SystemError(ELOOP, "follow \(folder)/bob/loop")) {
                try FollowedPath("\(folder)/bob/loop")
            }
            for count in [40, 41] {
                for number in 1...count {
                    symlink(number == 1 ? "../good" : "\(number - 1)", "\(folder)/bob/\(number)")
                }
                defer { for number in 1...count { unlink("\(folder)/bob/\(number)") } }
                let path = "\(folder)/bob/\(count)"
                #expect((try? FollowedPath(path).resolved) == (count == 40 ? "\(folder)/good" : nil))
                #expect((access(path, X_OK) == 0) == (count == 40), "the kernel's own bound")
            }
        }
    }

    /// A path means the same as to realpath(3), and a folder whose name begins with a combining mark is one, too.
    @Test func resolves() throws {
        try withFolder { folder in
            make("\(folder)/good", 0o755)
            mkdir("\(folder)/bob", 0o755)
            symlink("//\(folder)/./bob/..//good", "\(folder)/bob/link")
            symlink("bob/link", "\(folder)/link")
            #expect(try FollowedPath("\(folder)/link").resolved == "\(folder)/good")
            #expect(try FollowedPath("/").resolved == "/")
            #expect(try FollowedPath("/../etc/./").resolved == "/etc")
            let shell = try #require(realpath("/bin/sh", nil))
            defer { free(shell) }
            #expect(try FollowedPath("/bin/sh").resolved == String(cString: shell))
            let here = try #require(getcwd(nil, 0))
            defer { free(here) }
            #expect(try FollowedPath(".").resolved == String(cString: here))
            #expect(throws: SystemError(ENOENT, "follow \(folder)/none")) { try FollowedPath("\(folder)/none/x") }
            mkdir("\(folder)/bob/\u{301}x", 0o777)
            defer { rmdir("\(folder)/bob/\u{301}x") }
            chmod("\(folder)/bob", 0o777)
            let weaknesses = try FollowedPath("\(folder)/bob/\u{301}x").weaknesses.map(\.text)
            #expect(weaknesses.contains { $0.hasPrefix("\(folder)/bob (") })
        }
    }

    /// root's group has no other members that matter, but a list may name anybody: its grants end at the group's bits.
    @Test(.enabled(if: getuid() == 0, "needs root")) func accessLists() throws {
        try withFolder { folder in
            make("\(folder)/good", 0o775)
            #expect(ProgramInspection.inspect("\(folder)/good") == ProgramFinding())
            guard grantToNobody("\(folder)/good") else {
                return #expect(errno == ENOTSUP, "a file system without access control lists")
            }
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)
                    == "\(folder)/good (owner 0, mode 775 and an access control list) can be changed by users other than root"
            )
            chmod("\(folder)/good", 0o755)
            #expect(ProgramInspection.inspect("\(folder)/good") == ProgramFinding(), "it grants no writing any more")
            try #require(grantToNobody(folder))
            #expect(
                ProgramInspection.inspect("\(folder)/good").weakness(forUser: 0)?.hasPrefix("\(folder) (") == true)
        }
    }

    /// What `setfacl -m u:65534:rwx` does to a file of mode 775 (linux/posix_acl_xattr.h): version 2, and entries of a
    /// tag, a right and an id.
    private func grantToNobody(_ path: String) -> Bool {
        let entries: [(tag: UInt16, right: UInt16, id: UInt32)] = [
            (1, 7, .max), (2, 7, 65534), (4, 7, .max), (16, 7, .max), (32, 5, .max),
        ]
        var bytes: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            for value in [UInt32(entry.tag) | UInt32(entry.right) << 16, entry.id] {
                bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
            }
        }
        typealias SetAttribute =
            @convention(c) (
                UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32
            ) -> Int32
        // Swift's Glibc hasn't got it.
        guard let call = dlsym(nil, "setxattr") else { return false }
        return unsafeBitCast(call, to: SetAttribute.self)(path, "system.posix_acl_access", bytes, bytes.count, 0) == 0
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
            files.account(user: "4711", group: nil)
                == .unknown("user 4711 isn't known on this machine and has no group: name one"))
        #expect(files.account(user: "hasup-none", group: nil) == .unknown("there is no user 'hasup-none'"))
        #expect(files.account(user: "root", group: "hasup-none") == .unknown("there is no group 'hasup-none'"))
        #expect(SystemFiles(inspectsPrograms: false).account(user: "root", group: nil) == nil)
    }

    @Test func loopbackHasItsNetwork() throws {
        let loopback = try #require(SystemEnvironment.current(checksInterfaces: true).prefixes?["lo"])
        let network = try #require(Prefix("127.0.0.1/8"))
        #expect(loopback.contains(network))
    }

    @Test func namesOfTables() {
        let names = SystemEnvironment.routingNames()
        #expect(names.tables["main"] == 254 && names.scopes["link"] == 253)
    }
}
