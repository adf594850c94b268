import Base
import ConfigurationModel
import Foundation
import Testing

@testable import Configuration

/// cluster blocks, in guard.conf and behind `@hasup` (docs/decisions, D100).
@Suite struct ClusterTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../Guard")
    static func sample(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// The text on `@hasup` lines.
    static func hidden(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.isEmpty || $0.hasPrefix("#") ? $0 : "@hasup \($0)"
        }
        .joined(separator: "\n")
    }

    static func load(
        _ text: String, guarded: String? = nil, node: String = "lb1", interfaces: Set<String>? = nil,
        file: GuardFilePlace = .beside, guardPath: String = "/e/guard.conf"
    ) -> LoadedConfiguration {
        var environment = Environment(interfaces: interfaces, configID: node)
        environment.guardFile = file
        var files = SampleFiles(["/e/k.conf": text])
        if let guarded { files.files[guardPath] = Array(guarded.utf8) }
        return loadConfiguration(path: "/e/k.conf", files: files, environment: environment)
    }

    /// What isn't handled yet of these keywords, each with its place.
    static func notYet(_ findings: [String]) -> [String] {
        findings.compactMap { finding in
            guard finding.contains("isn't handled yet and has no effect: ") else { return nil }
            return finding.split(separator: ":").prefix(2).joined(separator: ":").replacing(" warning", with: "")
                .replacing(" isn't handled yet and has no effect", with: "")
        }
    }

    /// A complete block but for these lines, which begin on line 4.
    static func cluster(_ lines: String, nodes: String? = nil) -> String {
        let usual =
            "node lb1 { heartbeat a udp 10.0.0.1 dev eth0 }\nnode lb2 { heartbeat a udp 10.0.0.2 dev eth0 }"
        return "cluster c {\nsecret file:/k\nguard A\n\(lines)\n\(nodes ?? usual)\n}\n"
    }

    @Test func everythingIsRead() throws {
        let loaded = Self.load(try Self.sample("keepalived.conf"), guarded: try Self.sample("guard.conf"), node: "lb2")
        #expect(
            Self.notYet(loaded.findings).sorted()
                == [
                    "19:5 `references`", "28:5 `probe`", "30:5 `lock`",
                ].sorted())
        #expect(loaded.findings.count == 3)
        #expect(loaded.paths == ["/e/k.conf", "/e/guard.conf"])
        try #require(loaded.model.clusters.count == 2)
        let web = loaded.model.clusters[0]
        #expect(web.name == "web" && web.location == SourceLocation(file: "/e/guard.conf", line: 2))
        #expect(web.secretFile == "/etc/hasup/cluster.key")
        #expect(web.interval == .milliseconds(50) && web.timeout == .milliseconds(500))
        #expect(web.nodes.map(\.name) == ["lb1", "lb2", "sw1"] && web.ownNode == 1)
        #expect(web.nodes.map(\.isUnguarded) == [false, false, true] && web.nodes[2].paths.isEmpty)
        #expect(
            web.nodes[0].paths == [
                HeartbeatPath(
                    name: "lan", kind: .unicast(IPAddress(v4: 0x0a00_0001), device: "eth0", port: 7_112)),
                HeartbeatPath(
                    name: "cable", kind: .unicast(IPAddress(v4: 0xc0a8_0901), device: "eth1", port: 7_200)),
                HeartbeatPath(
                    name: "group", kind: .multicast(IPAddress(v4: 0xef01_0203), device: "eth0", port: 7_112)),
                HeartbeatPath(name: "line", kind: .serial("/dev/ttyS0", speed: 57_600)),
            ])
        let references = try #require(web.references)
        #expect(
            references.targets == [
                ReferenceTarget(address: IPAddress(v4: 0x0a00_00fe), device: "eth0"),
                ReferenceTarget(address: IPAddress(v4: 0x0a00_00fd), device: "eth0", tcpPort: 443),
            ])
        #expect(references.required == 2 && references.losses == 4 && references.onLost == .hold)
        #expect(references.interval == .milliseconds(100) && references.timeout == .milliseconds(300))
        #expect(web.probe == .holdFor(.seconds(20)) && web.coldStart == .wait)
        #expect(web.release?.arguments == ["/usr/bin/true", "stop"] && web.release?.identity?.user == "nobody")
        #expect(web.release?.timeout == .seconds(2))
        let lock = try #require(web.lock)
        var files = TLSFiles()
        (files.authorities, files.certificate, files.key) = ("/etc/ca.pem", "/etc/c.pem", "/etc/k.pem")
        #expect(
            lock.engine
                == .etcd(
                    [
                        LockEndpoint(isEncrypted: true, address: IPAddress(v4: 0x0a01_0001), port: 2_379),
                        LockEndpoint(
                            isEncrypted: true, address: IPAddress(v6High: 0xfd00_0000_0000_0000, low: 1), port: 2_379),
                    ], files))
        #expect(lock.mode == .always && lock.ttl == .seconds(6) && lock.unreachable == .stay)
        #expect(web.guarded == ["VI_1", "G"])
        #expect(loaded.model.clusters[1].ownNode == 0)
        #expect(
            loaded.model.guardedGroups.mapValues { [$0.cluster, $0.group] }
                == ["VI_1": [0, 0], "VI_2": [0, 1], "VI_3": [0, 1], "VI_4": [1, 0]])
        #expect(loaded.model.hasScripts && loaded.firstScript?.location?.file == "/e/guard.conf")
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    @Test func defaults() throws {
        let loaded = Self.load(
            instance(""), guarded: Self.cluster("references {\n10.0.0.9 dev eth0\n}\nlock {\nwitness 10.1.0.9\n}"))
        #expect(Self.notYet(loaded.findings) == ["4:1 `references`", "7:1 `lock`"] && loaded.findings.count == 2)
        let cluster = try #require(loaded.model.clusters.first)
        #expect(cluster.interval == .milliseconds(100) && cluster.timeout == .seconds(1))
        #expect(cluster.probe == .hold && cluster.coldStart == .claim(after: .seconds(30)) && cluster.release == nil)
        #expect(cluster.lock?.engine == .witness(IPAddress(v4: 0x0a01_0009), port: 7_113))
        #expect(cluster.lock?.ttl == .seconds(5) && cluster.lock?.mode == .smart && cluster.lock?.unreachable == .auto)
        #expect(cluster.references?.required == 1 && cluster.references?.onLost == .release)
    }

    /// Both forms say the same, and what is made of them is read again as the same.
    @Test func formsAreOne() throws {
        let text = try Self.sample("keepalived.conf")
        let guarded = try Self.sample("guard.conf")
        let apart = Self.load(text, guarded: guarded)
        let together = Self.load(text + Self.hidden(guarded))
        #expect(together.errorCount == 0 && together.warningCount == 3)
        #expect(apart.model.withoutPlaces == together.model.withoutPlaces)
        #expect(!apart.model.clusters.isEmpty)
        var files = SampleFiles(["/e/k.conf": text, "/e/guard.conf": guarded])
        let environment = Environment(configID: "lb1")
        let shown = effectiveConfiguration(path: "/e/k.conf", files: files, environment: environment)
        #expect(String(decoding: shown, as: UTF8.self).contains("\n@hasup cluster web {\n    @hasup secret file:/etc/"))
        let again = Self.load(String(decoding: shown, as: UTF8.self))
        #expect(again.model.withoutPlaces == apart.model.withoutPlaces)
        #expect(again.errorCount == 0)
        // Each file is laid out by itself, and means the same.
        let formatted = try formatConfiguration(Array(guarded.utf8), path: "guard.conf")
        #expect(
            Self.load(text, guarded: String(decoding: formatted, as: UTF8.self)).model.withoutPlaces
                == apart.model.withoutPlaces)
        let hidden = try formatConfiguration(Array((text + Self.hidden(guarded)).utf8), path: "k.conf")
        #expect(Self.load(String(decoding: hidden, as: UTF8.self)).model.withoutPlaces == apart.model.withoutPlaces)
        // The reader that has given up its rights finds the same.
        files.files["/e/guard.conf"] = Array(guarded.utf8)
        let sources = readSources(path: "/e/k.conf", files: files, environment: environment)
        #expect(parse(sources, environment: environment).model == apart.model)
    }

    // MARK: - Where it may stand

    private static let open =
        "error keepalived doesn't know `cluster`, and reads what is in the block as if it stood outside: put the block into "
        + "/e/guard.conf, or `@hasup` before each of its lines"

    @Test func openBlockInTheMainFile() {
        let block = Self.cluster("")
        let loaded = Self.load(block + instance(""))
        #expect(loaded.findings == ["1:1 \(Self.open)"])
        // One line that isn't hidden is enough.
        let half = Self.hidden(block).replacing("@hasup guard A", with: "guard A")
        let message = Self.load(half + instance("")).findings
        #expect(
            message.count == 1
                && message.last?.hasPrefix("3:1 error this line of `cluster` is keepalived's, too") == true)
        let end = Self.hidden(block).replacing("@hasup }", with: "}")
        #expect(Self.load(end + instance("")).errorCount == 1)
        #expect(Self.load(Self.hidden(block) + "\n" + instance("")).findings.isEmpty)
    }

    @Test func onlyClustersInGuardFile() {
        let loaded = Self.load(instance(""), guarded: Self.cluster("") + "global_defs {\n}\n")
        #expect(
            loaded.findings.last
                == "8:1 error only `cluster` blocks stand in this file; `global_defs` belongs into the main one")
        // Nothing of one file reaches the other.
        let unclosed = Self.load(
            "$X=/k\n" + instance("") + "vrrp_script s {\nscript /usr/bin/true\n", guarded: Self.cluster(""))
        #expect(unclosed.model.clusters.count == 1 && unclosed.errorCount == 1)
        #expect(
            Self.load("$X=lb1\n" + instance(""), guarded: Self.cluster("node $X {\n}")).findings.contains {
                $0.contains("$X")
            } == true)
        #expect(
            Self.load(instance(""), guarded: "# nothing\n").findings == [
                "1:1 warning /e/guard.conf has no `cluster` block, so nothing is guarded"
            ])
    }

    @Test func placesOfTheFile() {
        let block = Self.cluster("")
        #expect(Self.load(instance("")).findings.isEmpty)
        #expect(Self.load(instance(""), guarded: block, file: .named("/x"), guardPath: "/x").model.clusters.count == 1)
        #expect(
            Self.load(instance(""), guarded: block, file: .named("/x")).findings == [
                "- error can't read /x: no such file"
            ])
        #expect(Self.load(instance(""), guarded: block, file: .none).findings.isEmpty)
        // The same name twice is one too many.
        let twice = Self.load(instance("") + Self.hidden(block), guarded: block)
        #expect(twice.findings.contains("1:9 error `cluster c` exists already; this block is left out"))
        #expect(twice.model.clusters.count == 1)
    }

    // MARK: - Findings

    /// Lines of a block, and what is found.
    private static let cases: [(lines: String, finding: String)] = [
        (
            "secret abc",
            "4:8 error `secret` is `file:` and the absolute path of a file with the keys: the keys don't stand in a configuration"
        ),
        (
            "secret file:k",
            "4:8 error `secret` is `file:` and the absolute path of a file with the keys: the keys don't stand in a configuration"
        ),
        ("guard B", "4:7 error there is no instance or sync group `B`; did you mean `A`?"),
        ("guard A", "4:7 error `A` is guarded already"),
        ("guard", "4:1 error `guard` needs the name of an instance or a sync group"),
        ("interval 0.001", "4:10 error `interval` is 0.01 s to 10 s"),
        ("timeout 61", "4:9 error `timeout` is 0.03 s to 60 s"),
        (
            "timeout 0.2",
            "4:9 error `timeout` is 3 times `interval` at least, so 0.3 s: fewer lost heartbeats would be silence"
        ),
        ("node lb1 {\n}", "6:6 error `node lb1` exists already; this one is left out"),
        (
            "node sw {\nunguarded\nheartbeat a udp 10.0.0.3 dev eth0\n}",
            "4:6 error `node sw` is unguarded, so it sends no heartbeats"
        ),
        (
            "node lb3 {\n}",
            "4:6 warning `node lb3` has no `heartbeat`, so the others never hear it (a node without hasup is `unguarded`)"
        ),
        (
            "node lb3 {\nheartbeat b udp 10.0.0.3 dev eth0\n}",
            "5:11 warning no other node has a heartbeat `b`, so none hears `lb3` there: paths of one name are connected"
        ),
        (
            "node lb3 {\nheartbeat a udp 10.0.0.3 dev eth0\nheartbeat a udp 10.0.0.4 dev eth0\n}",
            "6:11 error this node has a heartbeat `a` already"
        ),
        (
            "node lb3 {\nheartbeat a udp 10.0.0.3\n}",
            "5:13 error `udp` needs `dev` and the interface that it is bound to"
        ),
        ("node lb3 {\nheartbeat a udp 10.0.0.300 dev eth0\n}", "5:17 error `10.0.0.300` isn't an IP address"),
        ("node lb3 {\nheartbeat a udp 224.0.0.1 dev eth0\n}", "5:17 error `224.0.0.1` isn't the address of a node"),
        ("node lb3 {\nheartbeat a multicast 10.0.0.3 dev eth0\n}", "5:23 error `10.0.0.3` isn't a multicast group"),
        ("node lb3 {\nheartbeat a udp 10.0.0.3 dev eth0 port 0\n}", "5:40 error `port` is 1 to 65535, not 0"),
        ("node lb3 {\nheartbeat a udp 10.0.0.3 via eth0\n}", "5:26 error `via` isn't one of dev, port"),
        ("node lb3 {\nheartbeat a tcp 10.0.0.3\n}", "5:13 error `tcp` isn't one of udp, multicast, serial"),
        ("node lb3 {\nheartbeat a serial ttyS0\n}", "5:20 error `ttyS0` isn't an absolute path"),
        (
            "node lb3 {\nheartbeat a serial /dev/ttyS0 12345\n}",
            "5:31 error `12345` isn't a speed of serial lines; usual are 9600, 19200, 38400, 57600 and 115200"
        ),
        (
            "node lb3 {\nheartbeat a serial /dev/ttyS0\n}",
            "7:22 error heartbeat `a` is serial on another node: both ends have to fit"
        ),
        (
            "node lb3 {\nheartbeat a udp fd00::1 dev eth0\n}",
            "7:22 error heartbeat `a` is IPv6 on another node: both ends have to fit"
        ),
        (
            "node lb3 {\nheartbeat a udp 10.0.0.1 dev eth0\n}",
            "7:22 error 10.0.0.1 with port 7112 is the end of another heartbeat already"
        ),
        ("references {\n}", "4:1 error `references` names no address, and is left out"),
        ("references {\n10.0.0.9\n}", "5:1 error a reference needs `dev` and the interface that requests leave by"),
        ("references {\n10.0.0.9 dev eth0\nrequire 2\n}", "6:9 error `require 2` can't be: there is one address"),
        (
            "references {\n10.0.0.9 dev eth0\n10.0.0.9 dev eth0\n}",
            "6:1 error this reference is there already, and would count twice"
        ),
        ("references {\n10.0.0.9 dev eth0\non_lost wait\n}", "6:9 error `wait` isn't one of release, hold"),
        (
            "references {\n10.0.0.9 dev eth0\nrequir 1\n}",
            "6:1 error unknown keyword `requir` in `references`; did you mean `require`?"
        ),
        ("probe maybe", "4:7 error `maybe` isn't one of hold, off"),
        ("probe hold 0", "4:12 error `probe hold` is 0.001 s to 4294967 s"),
        ("release {\ntimeout 1\n}", "4:1 error `release` has no `script`, and is left out"),
        (
            "lock {\n}",
            "4:1 error `lock` says nothing that keeps it, one of etcd, witness, sanlock, file; it is left out"
        ),
        ("lock {\nwitness 10.1.0.9\nfile /l\n}", "6:1 error a lock is kept at one place; this is left out"),
        (
            "lock {\netcd https://10.1.0.1:2379\n}",
            "5:1 error a lock of etcd needs `ttl`, the seconds for which it is held: 4 or more with etcd's own defaults"
        ),
        (
            "lock {\netcd https://10.1.0.1:2379\nttl 3\n}",
            "6:5 warning with its defaults etcd may take writes again 1.5 s after a leader has stopped: a `ttl` below 4 doesn't outlast that"
        ),
        (
            "lock {\netcd https://etcd1:2379\nttl 5\n}",
            "5:6 error `https://etcd1:2379` isn't an endpoint of etcd, such as https://10.1.0.1:2379: an http or https URL with a numeric address and no path"
        ),
        ("lock {\netcd https://10.1.0.1 cert /c\nttl 5\n}", "5:1 error `cert` and `key` belong together"),
        ("lock {\nsanlock web\nttl 5\n}", "6:5 warning a lock of this kind has no `ttl`; this is ignored"),
        ("lock {\nwitness 10.1.0.9\nttl 31\n}", "6:5 error `ttl` is 1 s to 30 s"),
        ("cold_start now", "4:12 error `now` isn't one of claim, wait"),
        ("fence x", "4:1 error unknown keyword `fence` in `cluster`"),
    ]

    @Test(arguments: cases.indices)
    func finding(_ index: Int) throws {
        let (lines, finding) = Self.cases[index]
        let loaded = Self.load(instance(""), guarded: Self.cluster(lines))
        #expect(loaded.findings.contains(finding), "\(lines)\n\(loaded.findings.joined(separator: "\n"))")
        #expect(loaded.hasErrors == finding.contains(" error "))
        // Whatever is wrong, what is left can be passed on.
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    @Test func nodesAndThisMachine() {
        func findings(_ nodes: String, node: String = "lb1", interfaces: Set<String>? = ["eth0"]) -> [String] {
            let text = Self.cluster("", nodes: nodes)
            return Self.load(instance(""), guarded: text, node: node, interfaces: interfaces).findings.filter {
                !$0.contains("isn't handled yet")
            }
        }
        let two = "node lb1 { heartbeat a udp 10.0.0.1 dev eth0 }\nnode lb2 { heartbeat a udp 10.0.0.2 dev eth0 }"
        #expect(findings(two).isEmpty)
        #expect(
            findings(two, node: "web1") == [
                "1:9 error this machine, `web1`, isn't a node of `cluster c`, which has `lb1`, `lb2`: name it there, or say by "
                    + "`--config-id` which one it is"
            ])
        // Files of another machine.
        #expect(findings(two, node: "web1", interfaces: nil).isEmpty)
        #expect(findings("node a {\nunguarded\n}\nnode b {\nunguarded\n}", node: "web1").isEmpty)
        #expect(findings(two.replacing("10.0.0.1 dev eth0", with: "10.0.0.1 dev eth7")).count == 1)
        #expect(
            findings("node lb1 {\n}") == [
                "1:9 error `cluster c` has one node, and no other to guard against: a cluster has 2 to 8"
            ])
        let nine = (1...9).map { "node lb\($0) {\n}" }.joined(separator: "\n")
        #expect(
            findings(nine) == [
                "21:6 error a cluster has 8 nodes at most; this one is left out",
                "1:9 error `cluster c` guards nothing yet: it has no `heartbeat`, and nothing else acts",
            ])
    }

    @Test func requiredSettings() {
        let block = Self.cluster("")
        func findings(_ text: String) -> [String] {
            Self.load(instance(""), guarded: text).findings
        }
        #expect(
            findings(block.replacing("secret file:/k\n", with: "")) == [
                "1:9 error `cluster c` has no `secret`: say `secret file:PATH`, the file with the keys by which nodes know each "
                    + "other"
            ])
        #expect(
            findings(block.replacing("guard A\n", with: "")) == [
                "1:9 error `cluster c` guards nothing: say `guard` and the names of instances and sync groups"
            ])
    }

    @Test func groupsDecideForTheirMembers() throws {
        let text = try Self.sample("keepalived.conf")
        func findings(_ names: String) -> [String] {
            Self.load(text, guarded: Self.cluster("").replacing("guard A", with: "guard \(names)")).findings
        }
        let message = "error `VI_2` is a member of sync group `G`, whose members change together: guard `G`"
        #expect(findings("G VI_2") == ["3:9 \(message)"])
        #expect(findings("VI_2") == ["3:7 \(message)"])
        #expect(
            findings("VI_9").first?.hasPrefix("3:7 error there is no instance or sync group `VI_9`; did you mean")
                == true)
        let many = (1...49).map { number in
            instance("").replacing("vrrp_instance A", with: "vrrp_instance I\(number)")
                .replacing("_id 1", with: "_id \(number)").replacing("10.0.0.1/24", with: "10.0.0.\(number)/24")
        }.joined()
        let all = Self.cluster("").replacing(
            "guard A", with: "guard " + (1...49).map { "I\($0)" }.joined(separator: " "))
        let loaded = Self.load(many, guarded: all)
        #expect(loaded.errorCount == 1 && loaded.model.clusters.first?.guarded.count == 48)
    }

    /// A key that stands where a path belongs is shown to nobody.
    @Test func secretsStayInside() {
        let key = "c2VjcmV0LWtleS1vZi0zMi1ieXRlcw"
        let text = Self.cluster("").replacing("file:/k", with: key)
        #expect(!Self.load(instance(""), guarded: text).diagnostics.contains { $0.message.contains(key) })
        let files = SampleFiles([
            "/e/k.conf": instance(""), "/e/guard.conf": text + Self.cluster("").replacing(" c ", with: " d "),
        ])
        let redacted = redactedConfiguration(path: "/e/k.conf", files: files, environment: Environment())
        let shown = String(decoding: redacted.text, as: UTF8.self)
        #expect(!shown.contains(key) && redacted.secrets.contains(key))
        #expect(shown.contains("secret file:/k") && shown.contains("vrrp_instance A"))
    }

    /// The worker gets what it decides by, and neither paths nor commands.
    @Test func partForTheWorker() throws {
        let model = Self.load(try Self.sample("keepalived.conf"), guarded: try Self.sample("guard.conf")).model
        let part = model.vrrpPart
        let bytes = String(decoding: part.encode(), as: UTF8.self)
        for word in ["/etc/hasup/cluster.key", "/etc/k.pem", "/usr/bin/true"] {
            #expect(String(decoding: model.encode(), as: UTF8.self).contains(word) && !bytes.contains(word))
        }
        #expect(try part.encode().withUnsafeBytes { try EncodedModel($0).decode() } == part)
        #expect(part.clusters.map(\.nodes) == model.clusters.map(\.nodes) && !part.hasScripts)
        #expect(part.clusters[0].release?.timeout == .seconds(2))
    }

    // MARK: - What doesn't act

    /// A cluster that guards nothing is an error, and what it names is in FAULT (docs/decisions, D105).
    @Test func blocksWithErrorsLeaveWhatTheyGuardInFault() {
        func faults(_ guarded: String?, file: GuardFilePlace = .beside) -> [[String]] {
            let other = instance("", addresses: "10.0.0.2/24").replacing("vrrp_instance A", with: "vrrp_instance B")
            let two = instance("") + other.replacing("_id 1\n", with: "_id 2\n")
            return Self.load(two, guarded: guarded, interfaces: ["eth0"], file: file).model.instances.map(\.faults)
        }
        let block = Self.cluster("")
        #expect(faults(block) == [[], []])
        for (text, why) in [
            (block.replacing("secret file:/k\n", with: ""), "no key"), (Self.cluster("timeout 0.1"), "a value"),
            (Self.cluster("fence x"), "a keyword"), (block.replacing("cluster c", with: "cluster"), "no name"),
            (Self.cluster("", nodes: "node lb2 {\n}\nnode lb3 {\n}"), "another machine's"),
            (
                Self.cluster(
                    "",
                    nodes: ["lb1", "lb2"].map { "node \($0) { heartbeat a serial /dev/ttyS0 1200 }" }
                        .joined(separator: "\n")),
                "nothing acts"
            ), (block + block, "twice"),
        ] {
            let found = faults(text)
            #expect(found.count == 2 && found[0].count == 1 && found[1].isEmpty, "\(why): \(found)")
            #expect(found.first?.first?.hasPrefix("its cluster block has errors") == true, "\(why)")
        }
        // What can't be read may be any instance's.
        for text in [nil, "clutser c {\n}\n"] {
            let found = faults(text, file: .named("/e/guard.conf"))
            #expect(found.allSatisfy { $0.count == 1 && $0[0].hasPrefix("guard.conf can't be read") }, "\(found)")
        }
        #expect(faults(nil) == [[], []])
    }

    // MARK: - Comparisons

    @Test func differenceOfModels() {
        let daemon = instance("")
        let old = Self.load(daemon, guarded: Self.cluster("")).model
        func changes(_ text: String?) -> [String] {
            ModelDifference(from: old, to: Self.load(daemon, guarded: text).model).global.map(\.description)
        }
        #expect(changes("\n" + Self.cluster("")).isEmpty)
        #expect(changes(Self.cluster("timeout 2")) == ["cluster c timeout 1 s -> 2 s"])
        #expect(changes(Self.cluster("probe off")) == ["cluster c probe hold -> off (not handled yet: without effect)"])
        #expect(changes(nil) == ["cluster c removed"])
        #expect(
            changes(Self.cluster("") + Self.cluster("").replacing(" c ", with: " d ").replacing("guard A\n", with: ""))
                == ["cluster d added"])
        let more = changes(Self.cluster("node lb3 {\nheartbeat a udp 10.0.0.3 dev eth0 port 9\n}"))
        #expect(more.contains("cluster c node lb3 heartbeat a udp 10.0.0.3 dev eth0 port 9 added"))
        let turned = Self.cluster(
            "", nodes: "node lb2 { heartbeat a udp 10.0.0.2 dev eth0 }\nnode lb1 { heartbeat a udp 10.0.0.1 dev eth0 }")
        #expect(changes(turned) == ["cluster c order of node changed"])
    }

    @Test func nodesOfACluster() {
        func check(_ other: String?, nodes: [String] = ["lb1", "lb2"]) -> [String] {
            let texts = [Self.cluster(""), other]
            let loaded = zip(texts, nodes).map { text, node in
                var files = SampleFiles(["/\(node)/k.conf": instance("priority \(node == "lb1" ? 150 : 100)")])
                if let text { files.files["/\(node)/guard.conf"] = Array(text.utf8) }
                return ClusterNode(path: "/\(node)/k.conf", files: files, environment: Environment(configID: node))
            }
            return checkCluster(loaded).filter { $0.severity != .note }.map { "\($0.severity) \($0.message)" }
        }
        #expect(check(Self.cluster("").replacing("file:/k", with: "file:/other")).isEmpty)
        #expect(check(nil) == ["error `cluster c` is missing on node /lb2/k.conf"])
        #expect(
            check(Self.cluster("timeout 2")) == ["error `cluster c` isn't the same on both nodes: timeout 1 s -> 2 s"])
        let turned = Self.cluster(
            "", nodes: "node lb2 { heartbeat a udp 10.0.0.2 dev eth0 }\nnode lb1 { heartbeat a udp 10.0.0.1 dev eth0 }")
        #expect(
            check(turned) == [
                "error the nodes of `cluster c` stand in another order on the other node: a node's number is its place"
            ])
        let moved = Self.cluster("").replacing("10.0.0.2", with: "10.0.0.3")
        #expect(
            check(moved).count == 1
                && check(moved)[0].hasPrefix(
                    "error `node lb2` of `cluster c` isn't the same on both nodes: heartbeat a udp 10.0.0.2")
        )
    }
}
