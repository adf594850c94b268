import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// What depends on the machine: networks, programs, users.
@Suite struct SurroundingsTests {
    private func environment(_ prefixes: [String: [String]]) -> Environment {
        var environment = Environment()
        environment.prefixes = prefixes.mapValues { $0.compactMap { Prefix($0) } }
        return environment
    }

    @Test func addressOffTheLink() {
        let lines = "virtual_ipaddress {\n10.0.1.9\n10.0.0.8/24 dev eth1\n}"
        let loaded = load(
            instance(lines), environment(["eth0": ["10.0.0.5/24"], "eth1": ["10.0.9.1/24", "10.7.0.1/16"]]))
        #expect(
            loaded.findings == [
                "6:1 warning `10.0.1.9` isn't in a network of `eth0` (10.0.0.5/24): neighbours reach it only by a route",
                "7:1 warning `10.0.0.8` isn't in a network of `eth1` (10.0.9.1/24, 10.7.0.1/16): neighbours reach it only by a route",
            ])
        // Without an address of the family there is nothing to compare with.
        #expect(
            load(instance(lines), environment(["eth0": ["fe80::5/64"]])).findings == [
                "2:1 warning interface `eth0` has no IPv4 address to send from: instance `A` stays in FAULT until it has one"
            ])
        #expect(load(instance(lines)).findings == [])
        let six = instance("", addresses: "\nfe80::9\n2001:db8::9\n")
        #expect(load(six, environment(["eth0": ["fe80::5/64", "2001:db8::5/64"]])).findings == [])
    }

    @Test func manyAddressesOffTheLinkAreOneFinding() {
        let addresses = (1...9).map { "10.0.1.\($0)/24" }.joined(separator: "\n")
        let loaded = load(instance("", addresses: "\n\(addresses)\n"), environment(["eth0": ["10.0.0.5/24"]]))
        #expect(loaded.warningCount == 1)
        #expect(loaded.findings.first?.hasPrefix("5:1 warning `10.0.1.1` and 8 more aren't in a network of") == true)
    }

    @Test func addressesThatAreNoHosts() {
        func findings(_ addresses: String, _ lines: String = "", own: String = "10.0.0.5/24") -> [String] {
            load(instance(lines, addresses: addresses), environment(["eth0": [own]])).findings
        }
        #expect(findings("10.0.0.9/24") == [])
        #expect(findings("10.0.0.0/24")[0].hasPrefix("4:21 warning `10.0.0.0` is the address of the network"))
        #expect(findings("10.0.0.255/24")[0].hasPrefix("4:21 warning `10.0.0.255` is the broadcast address"))
        #expect(findings("10.0.0.255/32") == [])
        #expect(findings("10.0.0.5/24")[0].hasPrefix("4:21 warning `10.0.0.5` is the address of `eth0` itself"))
        #expect(findings("10.0.0.5/24", "priority 255") == [])
        #expect(findings("10.0.0.254/31") == [])
    }

    /// On a master the interface has the virtual address, too.
    @Test func theAddressOfAMasterIsNoneOfTheInterface() {
        let here = environment(["eth0": ["10.0.0.5/24", "10.0.0.1/24"]])
        #expect(load(instance(""), here).findings == [])
    }

    @Test func theFirstIPv6Address() {
        func findings(_ addresses: String, _ lines: String = "") -> [String] {
            load(instance(lines, addresses: "\n\(addresses)\n")).findings
        }
        #expect(findings("2001:db8::9/64").count == 1)
        #expect(findings("2001:db8::9/64")[0].hasPrefix("5:1 warning `2001:db8::9` isn't link-local, as the first"))
        #expect(findings("fe80::9/64\n2001:db8::9/64") == [])
        #expect(findings("2001:db8::9/64", "unicast_peer {\n2001:db8::2\n}") == [])
    }

    @Test func scopesWithinANetwork() {
        let two = instance("virtual_ipaddress_excluded {\n10.0.0.8/24 scope link\n}")
        #expect(
            load(two).findings == [
                "6:1 warning `10.0.0.8` and `10.0.0.1` are of one network of `eth0` and of different scope: the kernel refuses the second"
            ])
        #expect(load(two.replacing("8/24", with: "8/32")).findings == [])
        #expect(load(two.replacing("8/24", with: "8/24 dev eth1")).findings == [])
        #expect(load(instance("", addresses: "10.0.0.1/24 scope link")).findings == [])
    }

    private static let notYet =
        "5:1 warning `virtual_routes` isn't handled yet and has no effect: they aren't set, whichever node is MASTER"

    @Test func aVRFThatDoesNotExist() {
        let text = instance("virtual_routes {\n10.6.0.0/16 dev eth0 vrf blue\n}")
        #expect(
            load(text, Environment(interfaces: ["eth0"])).findings == [
                Self.notYet, "6:26 error interface `blue` doesn't exist; this machine has `eth0`",
            ])
        #expect(load(text).findings == [Self.notYet])
    }

    @Test func ownerWithoutTheAddress() {
        let owner = instance("priority 255")
        #expect(
            load(owner, environment(["eth0": ["10.0.0.5/24"]])).findings == [
                "5:1 warning priority 255 is for the owner of the addresses, but `eth0` hasn't got 10.0.0.1; use 254 or less"
            ])
        #expect(load(owner, environment(["eth0": ["10.0.0.1/24"]])).findings == [])
    }

    @Test func oneAddressTwice() {
        let second = instance("").replacing("vrrp_instance A", with: "vrrp_instance B").replacing(
            "_id 1", with: "_id 2")
        #expect(
            load(instance("") + second).findings == [
                "10:21 warning `10.0.0.1` on `eth0` belongs to two: one removes it while the other needs it",
                "4:21 note it is given here first",
            ])
        #expect(
            load(instance("") + second.replacing("eth0", with: "eth1")).findings == [
                "10:21 warning `10.0.0.1` is on `eth0`, too; is that meant?", "4:21 note it is given here first",
            ])
        // fe80::1 is the usual gateway of every link.
        let link =
            instance("", addresses: "fe80::1")
            + second.replacing("10.0.0.1/24", with: "fe80::1")
            .replacing("eth0", with: "eth1")
        #expect(load(link).findings == [])
    }

    // MARK: - Programs

    private struct Machine: FileProvider {
        var text: String
        var programs: [String: ProgramFinding] = [:]
        var hasDefaultUser = false
        func read(path: String) -> Result<[UInt8], FileError> {
            switch path {
            case "t.conf": .success(Array(text.utf8))
            case "/key": .success(Array(String(repeating: "k", count: 32).utf8))
            default: .failure(.notFound)
            }
        }
        func glob(pattern: String) -> Result<[String], FileError> { .success([]) }
        func inspect(program: String) -> ProgramFinding? { programs[program] ?? ProgramFinding() }
        func account(user: String, group: String?) -> AccountFinding? {
            switch (user, group) {
            case ("root", nil): .known(ScriptAccount(uid: 0, gid: 0))
            case ("nobody", nil): .known(ScriptAccount(uid: 99, gid: 100, groups: [100, 101]))
            case ("nobody", "adm"): .known(ScriptAccount(uid: 99, gid: 4, groups: [4, 101]))
            case ("keepalived_script", nil) where hasDefaultUser: .known(ScriptAccount(uid: 98, gid: 98))
            default: .unknown("there is no user '\(user)'")
            }
        }
    }

    private static let weak = ProgramFinding(
        weaknesses: [PathWeakness("/opt (owner 7, mode 777) can be changed by users other than root")])
    private static let missing = ProgramFinding(obstacle: "no such file")

    private func findings(
        _ text: String, _ programs: [String: ProgramFinding], _ environment: Environment = Environment(),
        hasDefaultUser: Bool = false
    ) -> [String] {
        let machine = Machine(text: text, programs: programs, hasDefaultUser: hasDefaultUser)
        // Both ways: at once, and from what was remembered.
        let direct = loadConfiguration(path: "t.conf", files: machine, environment: environment)
        let sources = readSources(path: "t.conf", files: machine, environment: environment)
        let later = parse(sources, environment: environment)
        #expect(direct.findings == later.findings)
        return TrackerTests.complaints(direct).filter { !$0.contains("nothing tracks") }
    }

    @Test func missingPrograms() {
        let script = "vrrp_script s {\nscript \"/bin/s 'a b'\"\n}\n"
        #expect(
            findings(
                script + instance("track_script {\ns\n}\nnotify '/bin/n x'"),
                ["/bin/s": Self.missing, "/bin/n": Self.missing])
                == [
                    "2:8 error `/bin/s` can't be run: no such file",
                    "11:8 warning `/bin/n` can't be run: no such file; the notification is left out",
                ])
        #expect(
            findings("global_defs {\nstartup_script /bin/s\n}\n" + instance(""), ["/bin/s": Self.missing])
                == ["2:16 warning `/bin/s` can't be run: no such file; the notification is left out"])
    }

    @Test func programsThatOthersMayChange() {
        let text = instance("notify /opt/n")
        func refused(_ line: Int, _ user: String) -> [String] {
            [
                "\(line):8 error `/opt/n` is refused: it would run as \(user), and /opt (owner 7, mode 777) can be changed by users other than root; change that, or say another user"
            ]
        }
        let secure = "global_defs {\nenable_script_security\n}\n"
        #expect(findings(text, ["/opt/n": Self.weak]) == refused(5, "root"))
        #expect(findings(secure + text, ["/opt/n": Self.weak]) == refused(8, "root"))
        // Somebody else runs it: only under enable_script_security it matters who could have written it.
        #expect(findings(instance("notify /opt/n nobody"), ["/opt/n": Self.weak]) == [])
        #expect(findings(secure + instance("notify /opt/n nobody"), ["/opt/n": Self.weak]) == refused(8, "user 99"))
        #expect(findings("global_defs {\nscript_user nobody\n}\n" + text, ["/opt/n": Self.weak]) == [])
        let own = ProgramFinding(weaknesses: [PathWeakness("/opt/n is nobody's", owner: 99)])
        #expect(findings(secure + instance("notify /opt/n nobody"), ["/opt/n": own]) == [])
        #expect(findings(text, ["/opt/n": own]).count == 1)
        #expect(findings(text, ["/opt/n": Self.weak], hasDefaultUser: true) == [])
        #expect(findings(instance("notify /opt/n root"), ["/opt/n": Self.weak], hasDefaultUser: true).count == 1)
    }

    /// The user whom nobody names is looked up only where scripts are, and it is no change that one is needed.
    @Test func theUserOfScriptsThatSayNone() {
        let machine = Machine(text: instance("notify /bin/n"), hasDefaultUser: true)
        let plain = Machine(text: instance(""), hasDefaultUser: true)
        let environment = Environment()
        let sources = readSources(path: "t.conf", files: machine, environment: environment)
        let with = parse(sources, environment: environment).model
        let without = loadConfiguration(path: "t.conf", files: plain, environment: environment).model
        #expect(with.global.defaultScriptAccount == ScriptAccount(uid: 98, gid: 98))
        #expect(without.global.defaultScriptAccount == nil)
        #expect(
            readSources(path: "t.conf", files: plain, environment: environment)
                .account(user: "keepalived_script", group: nil) == nil)
        #expect(ModelDifference(from: without, to: with).global == [])
        #expect(ModelDifference(from: with, to: without).global == [])
        var another = with
        another.global.defaultScriptAccount = ScriptAccount(uid: 97, gid: 98)
        #expect(ModelDifference(from: with, to: another).global.map(\.name) == ["user keepalived_script"])
    }

    /// Names are looked up when the files are read; what isn't there is told, and nothing runs as it.
    @Test func usersOfScripts() {
        let text =
            "global_defs {\nscript_user nobody :adm\n}\nvrrp_script s {\nscript /bin/s\nuser lost\n}\n"
            + instance("notify '/bin/n x' nobody\nnotify_master /bin/m who team")
        #expect(
            findings(text, [:]) == [
                "6:6 error there is no user 'lost': no script is run as lost",
                "13:22 error there is no user 'who': no script is run as who:team (a command and its arguments stand in one pair of double quotes)",
            ])
        let model = loadConfiguration(path: "t.conf", files: Machine(text: text), environment: Environment()).model
        #expect(model.global.scriptUser?.account == ScriptAccount(uid: 99, gid: 4, groups: [4, 101]))
        let scripts = model.instances[0].scripts
        #expect(scripts.first?.identity?.account == ScriptAccount(uid: 99, gid: 100, groups: [100, 101]))
        #expect(scripts.last?.identity?.user == "who" && scripts.last?.identity?.account == nil)
    }

    @Test func programsOfServices() {
        let text = """
            virtual_server 10.0.0.1 80 {
            protocol TCP
            lb_algo rr
            lb_kind NAT
            quorum_up /bin/q
            real_server 10.0.0.2 80 {
            MISC_CHECK {
            misc_path "/bin/m x"
            }
            }
            }
            """
        #expect(
            findings(text, ["/bin/q": Self.missing, "/bin/m": Self.missing]) == [
                "5:11 warning `/bin/q` can't be run: no such file; the notification is left out",
                "8:11 error `/bin/m` can't be run: no such file",
            ])
    }

    @Test func keyFilesAreRemembered() {
        let text = instance("auth_hmac {\nkey 1 file:/key\nactive_key 1\n}")
        #expect(!findings(text, [:]).contains { $0.contains("can't read") })
    }

    // MARK: - Libraries

    /// Stands for both libraries: refuses a regex and a key by their words.
    private struct Judge: ContentJudge {
        func objection(to pattern: BodyPattern) -> String? {
            pattern.expression.starts(with: "(".utf8) ? "missing closing parenthesis, at byte 1" : nil
        }
        func objection(to credentials: TLSCredentials, password: String?) -> CredentialObjection? {
            if credentials.certificate.map({ String(decoding: $0, as: UTF8.self) }) == "no" {
                return CredentialObjection(.certificate, "no start line")
            }
            return credentials.key == nil || password == "right" ? nil : CredentialObjection(.key, "bad decrypt")
        }
    }

    private struct LibraryMachine: FileProvider {
        var text: String
        var files: [String: String] = [:]
        var missing: [CheckLibrary: String] = [:]
        func read(path: String) -> Result<[UInt8], FileError> {
            if path == "t.conf" { return .success(Array(text.utf8)) }
            return files[path].map { .success(Array($0.utf8)) } ?? .failure(.notFound)
        }
        func glob(pattern: String) -> Result<[String], FileError> { .success([]) }
        func library(_ library: CheckLibrary) -> LibraryFinding? {
            missing[library].map { .missing($0) } ?? .loaded(Judge())
        }
    }

    private func loaded(_ machine: LibraryMachine) -> LoadedConfiguration {
        // Both ways: at once, and from what was remembered.
        let direct = loadConfiguration(path: "t.conf", files: machine, environment: Environment())
        let sources = readSources(path: "t.conf", files: machine, environment: Environment())
        let later = parse(sources, environment: Environment())
        #expect(direct.findings == later.findings && direct.credentials == later.credentials)
        return later
    }

    private func service(_ kind: String, _ lines: String) -> String {
        "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.2 80 {\n"
            + "\(kind) {\nurl {\npath /\n\(lines)\n}\n}\n}\n}\n"
    }

    @Test func regexes() {
        let text = service("HTTP_GET", "regex \"(a\"\nregex_options caseless")
        #expect(
            loaded(LibraryMachine(text: text)).findings == [
                "9:7 error the regex doesn't compile: missing closing parenthesis, at byte 1"
            ])
        #expect(loaded(LibraryMachine(text: service("HTTP_GET", "regex \"a\""))).findings == [])
        // Said once, however many need it; not where nothing does.
        let second = text.replacing("0.1 80", with: "0.3 80")
        let machine = LibraryMachine(text: text + second, missing: [.patterns: "no file"])
        #expect(
            loaded(machine).findings == [
                "9:1 error `regex` needs PCRE2, which can't be loaded (no file): install it"
            ])
        #expect(loaded(LibraryMachine(text: service("HTTP_GET", ""), missing: machine.missing)).findings == [])
    }

    @Test func filesOfSSL() {
        let get = service("SSL_GET", "")
        let block = "SSL {\nca /ca\ncertificate /c\nkey /k\npassword right\n}\n"
        let files = ["/ca": "ca", "/c": "c", "/k": "PRIVATE"]
        let good = loaded(LibraryMachine(text: block + get, files: files))
        #expect(good.findings == [])
        var expected = TLSCredentials()
        (expected.authorities, expected.certificate, expected.key) = (
            Array("ca".utf8), Array("c".utf8), Array("PRIVATE".utf8)
        )
        #expect(good.credentials == expected)
        // A checker without them isn't to connect as somebody else.
        let missing = loaded(LibraryMachine(text: block + get, files: ["/ca": "ca"]))
        #expect(
            missing.findings == [
                "3:13 error can't read `/c`: no such file", "4:5 error can't read `/k`: no such file",
            ])
        #expect(missing.credentials.isEmpty)
        // Nobody reads what no check uses.
        let unused = LibraryMachine(text: block + service("HTTP_GET", ""), missing: [.tls: "no file"])
        #expect(loaded(unused).findings == [] && loaded(unused).credentials.isEmpty)
        let wrong = loaded(LibraryMachine(text: block.replacing("right", with: "wrong") + get, files: files))
        #expect(wrong.findings == ["4:5 error the key `/k` can't be used: bad decrypt"])
        #expect(wrong.credentials.isEmpty)
        let other = loaded(LibraryMachine(text: block + get, files: files.merging(["/c": "no"]) { $1 }))
        #expect(other.findings == ["3:13 error the certificate `/c` can't be used: no start line"])
        // What the model shows is no secret of the files.
        #expect(!String(decoding: good.model.encode(), as: UTF8.self).contains("PRIVATE"))
        #expect(
            loaded(LibraryMachine(text: get, missing: [.tls: "no file"])).findings == [
                "6:1 error `SSL_GET` needs OpenSSL, which can't be loaded (no file): install it"
            ])
    }
}
