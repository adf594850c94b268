import Base
import ConfigurationModel
import Sandbox
import Testing
import VRRP
import Varlink
import WorkerProtocol

@testable import Supervisor

/// Files that signals ask for: their places, and what stands in them (behaviours_vrrp2 §7; texts of keepalived 2.2.7).
@Suite struct DumpTests {
    // MARK: Places

    private static func paths(_ change: (inout GlobalSettings) -> Void) -> [String] {
        var global = GlobalSettings()
        change(&global)
        let paths = DumpPaths(global, in: "/tmp")
        return DumpKind.allCases.flatMap(paths.files)
    }

    @Test func places() {
        #expect(
            Self.paths { _ in } == [
                "/tmp/keepalived.data", "/tmp/keepalived_parent.data", "/tmp/keepalived.stats", "/tmp/keepalived.json",
            ])
        #expect(Self.paths { $0.daemon.instance = "a" }[0] == "/tmp/keepalived.data")
        #expect(
            Self.paths {
                $0.reports.namesInstance = true
                $0.daemon.instance = "a"
                $0.daemon.namespace = "blue"
            } == [
                "/tmp/keepalived.blue_a.data", "/tmp/keepalived_parent.blue_a.data", "/tmp/keepalived.stats",
                "/tmp/keepalived.json",
            ])
        for (file, first, second) in [
            ("/var/x/state.dump", "/var/x/state.a.dump", "/var/x/state_parent.a.dump"),
            ("/var/x.d/state", "/var/x.d/state.a", "/var/x.d/state_parent.a"),
            ("/.state", "/.state.a", "/.state_parent.a"),
        ] {
            let found = Self.paths {
                $0.reports.stateFile = file
                $0.reports.namesInstance = true
                $0.daemon.instance = "a"
            }
            #expect(Array(found.prefix(2)) == [first, second])
        }
    }

    @Test func theFoldersThatASandboxMustAllow() {
        var global = GlobalSettings()
        global.reports.stateFile = "/var/lib/ha/state.data"
        #expect(DumpPaths(global, in: "/tmp").folders == ["/var/lib/ha", "/tmp"])
    }

    @Test func wordsSurviveTheWay() {
        let seal = SandboxArguments(identity: Identity(uid: 5, gid: 6), realtimePriority: nil)
        let order = DumpOrder(seal: seal, .data, paths: ["/tmp/a.data", "/tmp/a_parent.data"], umask: 0o137)
        #expect(order.mode == 0o640)
        #expect(DumpOrder(words: order.words) == order)
        #expect(DumpOrder(words: order.words.dropLast()) == nil)
        #expect(SaveOrder(words: order.words) == nil)
        for path in ["a.data", "/tmp/", ""] {
            #expect(DumpOrder(words: DumpOrder(seal: seal, .json, paths: [path], umask: 0).words) == nil, "\(path)")
        }
    }

    // MARK: Contents

    private static func address(_ text: String) -> VirtualAddress {
        VirtualAddress(prefix: Prefix(text) ?? Prefix(host: IPAddress(v4: 0)))
    }

    private static func contents(_ change: (inout DumpContents) -> Void = { _ in }) -> DumpContents {
        var model = ConfigurationModel()
        var web = InstanceSettings(name: "web", location: SourceLocation(file: "a.conf", line: 1))
        web.interface = "eth0"
        web.virtualRouterID = VRID(rawValue: 51)
        web.password = Array("secret\0\0".utf8)
        web.virtualAddresses = [address("10.0.0.100/24")]
        web.scripts = [NotifyScript(trigger: .master, arguments: ["/bin/x", "a b"])]
        var mail = web
        (mail.name, mail.version, mail.password, mail.scripts) = ("mail", .v3, nil, [])
        mail.advertInterval = .milliseconds(500)
        mail.family = .ipv6
        mail.virtualAddresses = [address("fe80::9/128"), address("fd00::9/64")]
        model.instances = [web, mail]
        model.shared.syncGroups = [SyncGroup(name: "G")]
        model.shared.syncGroups[0].members = [0, 1]
        var first = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        first.state = .master
        first.source = IPAddress("10.0.0.1")
        first.installedAddresses = [web.virtualAddresses[0].prefix.address]
        first.counters.advertsSent = 3
        var second = InstanceStatus(priority: .standard, advertInterval: .milliseconds(500))
        second.state = .backup
        second.master = IPAddress("fe80::2")
        second.masterPriority = Priority(rawValue: 150)
        second.takeover = .seconds(1)
        var contents = DumpContents(
            model: model, statuses: [first, second], transitions: [1_796_046_672_927_053_111, 0],
            now: 1_796_046_700_000_000_000)
        change(&contents)
        return contents
    }

    private static func lines(_ bytes: [UInt8]) -> [Substring] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// What mehdy/keepalived-exporter and gen2brain/keepalived_exporter look for; a line without `=` ends an instance for
    /// the second one.
    @Test func data() throws {
        let lines = Self.lines(DataDump.bytes(of: Self.contents()))
        let start = try #require(lines.firstIndex(of: " VRRP Instance = web"))
        let end = try #require(lines[start...].firstIndex(of: " VRRP Instance = mail"))
        let pairs = lines[(start + 1)..<end].prefix { $0.hasPrefix("   ") && $0.contains("=") }
        for line in [
            "   State = MASTER", "   Wantstate = MASTER", "   Interface = eth0", "   Gratuitous ARP delay = 5",
            "   Virtual Router ID = 51", "   Sync group = G", "   Using src_ip = 10.0.0.1",
            "   Master down timer = 3609375 usecs", "   Advert interval = 1 sec", "   Effective priority = 100",
            "   Authentication type = SIMPLE_PASSWORD", "   Master state transition script = '/bin/x' 'a b'",
        ] { #expect(pairs.contains { $0 == line }, "\(line)") }
        let transition = try #require(pairs.first { $0.hasPrefix("   Last transition = ") })
        #expect(transition.hasPrefix("   Last transition = 1796046672.927053 ("))
        #expect(transition.hasSuffix(".927053 2026)"))
        let rest = lines[(start + 1 + pairs.count)..<end]
        #expect(rest.contains("   Virtual IP (1):") && rest.contains("     10.0.0.100/24 dev eth0 scope global set"))
        let mail = lines[end...]
        for line in [
            "   State = BACKUP", "   Master router = fe80::2", "   Master priority = 150",
            "   Advert interval = 500 milli-sec", "     fe80::9 dev eth0 scope global deprecated",
            "     fd00::9/64 dev eth0 scope global preferred_lft forever", " VRRP Sync Group = G, BACKUP",
        ] { #expect(mail.contains { $0 == line }, "\(line)") }
        #expect(!String(decoding: DataDump.bytes(of: Self.contents()), as: UTF8.self).contains("secret"))
    }

    /// No text of a configuration can add a line.
    @Test func textsStayInTheirLine() {
        let bytes = DataDump.bytes(
            of: Self.contents { $0.model.instances[0].scripts[0].arguments = ["/bin/x", "\n VRRP Instance = evil"] })
        #expect(!Self.lines(bytes).contains { $0.hasPrefix(" VRRP Instance = evil") })
    }

    /// Status and state by the words that exporters know; what isn't tracked isn't there.
    @Test func scripts() throws {
        let contents = Self.contents {
            $0.model.shared.trackScripts = ["good", "bad", "new", "unused"].map {
                TrackScript(name: $0, command: .run(["/bin/x"]))
            }
            $0.model.instances[0].trackers = [Tracker(kind: .script, name: "good", weight: 5)]
            $0.verdicts = [
                TrackerKey(.script, "good"): TrackerVerdict(.up), TrackerKey(.script, "bad"): TrackerVerdict(.down),
                TrackerKey(.script, "new"): TrackerVerdict(),
            ]
        }
        let lines = Self.lines(DataDump.bytes(of: contents))
        for (name, status) in [("good", "GOOD"), ("bad", "BAD"), ("new", "INIT")] {
            let start = try #require(lines.firstIndex(of: " VRRP Script = \(name)"))
            let block = lines[(start + 1)...].prefix { $0.hasPrefix("   ") }
            #expect(block.contains("   Status = \(status)") && block.contains("   State = idle"))
            #expect(block.contains("     web, weight 5") == (name == "good"))
        }
        #expect(!lines.contains(" VRRP Script = unused"))
    }

    @Test func parent() {
        let bytes = DataDump.parentBytes(of: Self.contents().model.global)
        #expect(Self.lines(bytes).first == "------< Global definitions >------")
        #expect(!Self.lines(bytes).contains { $0.contains("VRRP Instance") })
    }

    @Test func statistics() {
        let lines = Self.lines(StatisticsDump.bytes(of: Self.contents()))
        #expect(lines.filter { $0.hasPrefix("VRRP Instance: ") } == ["VRRP Instance: web", "VRRP Instance: mail"])
        #expect(lines.contains("    Sent: 3"))
    }

    @Test(arguments: [1, 2]) func json(version: Int) throws {
        let contents = Self.contents {
            $0.model.global.reports.jsonVersion = version
            $0.model.shared.trackProcesses = [TrackProcess(name: "p", process: "nginx")]
        }
        let whole = try JSON(parsing: JSONDump.bytes(of: contents))
        let list = version == 1 ? whole : try #require(whole["vrrp"])
        #expect((whole["track_process"] != nil) == (version == 2))
        guard case .array(let instances) = list, instances.count == 2 else {
            Issue.record("no list of two instances")
            return
        }
        let (data, stats) = (try #require(instances[0]["data"]), try #require(instances[0]["stats"]))
        #expect(data["iname"] == .string("web") && data["state"] == .int(2) && data["vrid"] == .int(51))
        #expect(data["garp_delay"] == .int(5) && data["ifp_ifname"] == .string("eth0") && data["adver_int"] == .int(1))
        #expect(data["vips"] == .array([.string("10.0.0.100/24 dev eth0 scope global set")]))
        #expect(data["last_transition"] == .double(1_796_046_672.927053))
        #expect(data["auth_type"] == .int(1) && data["auth_data"] == nil)
        #expect(stats["advert_sent"] == .int(3))
        #expect(instances[1]["data"]?["adver_int"] == .double(0.5))
        #expect(instances[1]["data"]?["master_priority"] == .int(150))
    }

    // MARK: From hasupd to its child

    @Test func theContentsCross() throws {
        let contents = Self.contents()
        let image = try ConfigurationImage(
            try ConfigurationImage.make(
                canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [],
                model: contents.model.encode()))
        var writer = ByteWriter()
        writer.write(contents.now)
        writer.write(UInt32(2))
        for time in contents.transitions { writer.write(time) }
        DumpHandover.write(contents.verdicts, into: &writer)
        for (id, status) in contents.statuses.enumerated().reversed() {
            writer.write(UInt32(id))
            status?.encode(into: &writer)
        }
        let bytes = writer.bytes
        let again = try bytes.withUnsafeBytes { try DumpHandover.contents(image, $0) }
        #expect(DataDump.bytes(of: again) == DataDump.bytes(of: contents))
        for count in [0, 7, 11, 27, 31, 33, bytes.count - 1] {
            #expect(throws: ByteError.self) {
                _ = try bytes[..<count].withUnsafeBytes { try DumpHandover.contents(image, $0) }
            }
        }
    }
}
