import Base
import ConfigurationModel
import Testing

@testable import Supervision

private struct Instances: InstanceSource {
    let global = GlobalSettings()
    var list: [InstanceSettings]
    var instanceCount: Int { list.count }
    var groups: [SyncGroup] = []
    var clusters: [ClusterSettings] = []
    var asking: Set<Int> = []
    func instance(at index: Int) -> InstanceSettings? { list.indices.contains(index) ? list[index] : nil }
    func asksForAddress(of index: Int) -> Bool { asking.contains(index) }
    func group(at index: Int) -> SyncGroup? { groups.indices.contains(index) ? groups[index] : nil }
}

private func instance(_ name: String, interface: String = "eth0") -> InstanceSettings {
    var settings = InstanceSettings(name: name, location: SourceLocation(file: "x", line: 1))
    settings.interface = interface
    settings.scripts = [
        NotifyScript(trigger: .any, arguments: ["/any", "extra"]),
        NotifyScript(trigger: .master, arguments: ["/master", "a b"]),
    ]
    return settings
}

@Suite("The broker rule (architecture §1): a worker names things, it never describes them")
struct BrokerTests {
    @Test("a socket is that of the instance's interface, family and group")
    func socket() throws {
        var unicast = instance("B", interface: "eth1")
        unicast.unicastPeers = [UnicastPeer(address: IPAddress(v4: 0x0a00_0002))]
        var broker = Broker(generation: 7, source: Instances(list: [instance("A"), unicast]))
        #expect(
            try broker.socket(generation: 7, instance: 0)
                == SocketPlan(interface: "eth0", family: .ipv4, group: IPAddress(v4: 0xe000_0012)))
        #expect(
            try broker.socket(generation: 7, instance: 1) == SocketPlan(interface: "eth1", family: .ipv4, group: nil))
    }

    @Test("a socket that a worker hasn't taken yet isn't opened again, whichever instance it asks for")
    func pendingSockets() throws {
        var broker = Broker(
            generation: 7,
            source: Instances(list: [instance("A"), instance("B"), instance("C", interface: "eth1")]))
        let plan = try broker.socket(generation: 7, instance: 0)
        #expect(throws: Refusal.pendingSocket("eth0")) { try broker.socket(generation: 7, instance: 0) }
        #expect(throws: Refusal.pendingSocket("eth0")) { try broker.socket(generation: 7, instance: 1) }
        #expect(try broker.socket(generation: 7, instance: 2).interface == "eth1")
        broker.workerHasTakenAll()
        #expect(try broker.socket(generation: 7, instance: 1) == plan)
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(try broker.socket(generation: 7, instance: 0) == plan, "its successor was sent nothing yet")
    }

    @Test("a heartbeat socket is the configuration's, by its place, and each one once until the worker has it")
    func heartbeatSockets() throws {
        var cluster = ClusterSettings(name: "web", location: SourceLocation(file: "x", line: 1))
        cluster.nodes = ["a", "b", "c"].enumerated().map { place, name in
            var node = ClusterMember(name: name)
            node.paths = ["lan", "cable"].enumerated().map { path, word in
                HeartbeatPath(
                    name: word,
                    kind: .unicast(
                        IPAddress(v4: UInt32(path << 8 | place)), device: "eth\(path)", port: UInt16(7_112 + place)))
            }
            return node
        }
        cluster.nodes[2].paths.removeFirst()
        cluster.ownNode = 1
        var broker = Broker(generation: 7, source: Instances(list: [], clusters: [cluster]))
        func plan(_ cluster: UInt8, _ path: UInt8, _ node: UInt8) throws(Refusal) -> UnicastEnds {
            let ends = try broker.heartbeatSocket(
                generation: 7, at: HeartbeatPlace(cluster: cluster, path: path, node: node))
            guard case .unicast(let ends) = ends else { throw .heartbeat(HeartbeatPlace(cluster: 9, path: 9, node: 9)) }
            return ends
        }
        let ends = try plan(0, 1, 2)
        #expect(ends.device == "eth1" && ends.address == IPAddress(v4: 0x101) && ends.port == 7_113)
        #expect(ends.peer == IPAddress(v4: 0x102) && ends.peerPort == 7_114)
        #expect(try plan(0, 0, 0).device == "eth0")
        for (cluster, path, node): (UInt8, UInt8, UInt8) in [
            (1, 0, 0), (0, 2, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (255, 255, 255),
        ] {
            let place = HeartbeatPlace(cluster: cluster, path: path, node: node)
            #expect(throws: Refusal.heartbeat(place)) { try plan(cluster, path, node) }
        }
        let again = HeartbeatPlace(cluster: 0, path: 1, node: 2)
        #expect(throws: Refusal.pendingHeartbeat(again)) { try plan(0, 1, 2) }
        broker.workerHasTakenAll()
        #expect(try plan(0, 1, 2).device == "eth1")
        #expect(throws: Refusal.generation(8)) { try broker.heartbeatSocket(generation: 8, at: again) }
    }

    @Test("of a path that all nodes share there is one socket, with this node's place")
    func sharedHeartbeatSockets() throws {
        var cluster = ClusterSettings(name: "web", location: SourceLocation(file: "x", line: 1))
        let group = HeartbeatPath(
            name: "group", kind: .multicast(IPAddress(v4: 0xe000_0064), device: "eth0", port: 7_112))
        cluster.nodes = ["a", "b", "c"].enumerated().map { place, name in
            var node = ClusterMember(name: name)
            node.paths = [
                group, HeartbeatPath(name: "line", kind: .serial("/dev/ttyS\(place)", speed: 115_200)),
                HeartbeatPath(name: "slow", kind: .serial("/dev/ttyS9", speed: 1_200)),
                HeartbeatPath(name: "alone \(name)", kind: group.kind),
            ]
            return node
        }
        cluster.ownNode = 1
        let broker = Broker(generation: 7, source: Instances(list: [], clusters: [cluster]))
        func plan(_ path: UInt8, _ node: UInt8) throws(Refusal) -> HeartbeatConnection {
            var broker = broker
            return try broker.heartbeatSocket(
                generation: 7, at: HeartbeatPlace(cluster: 0, path: path, node: node))
        }
        guard case .multicast(let group) = try plan(0, 1), case .serial(let line) = try plan(1, 1) else {
            Issue.record("other kinds")
            return
        }
        #expect(group == MulticastGroup(device: "eth0", group: IPAddress(v4: 0xe000_0064), port: 7_112))
        #expect(line == SerialLine(device: "/dev/ttyS1", speed: 115_200))
        for (path, node) in [(0, 0), (0, 2), (1, 0), (2, 1), (3, 1)] as [(UInt8, UInt8)] {
            #expect(throws: Refusal.self) { try plan(path, node) }
        }
        #expect(cluster.connections(ofCluster: 0).map(\.place.path) == [0, 1])
    }

    @Test("a release script is the cluster's, for what it guards at a place")
    func releaseScripts() throws {
        var cluster = ClusterSettings(name: "web", location: SourceLocation(file: "x", line: 1))
        cluster.guarded = ["G", "A"]
        var script = ReleaseScript(arguments: ["/stop", "x"])
        script.timeout = .seconds(3)
        cluster.release = script
        let without = ClusterSettings(name: "far", location: SourceLocation(file: "x", line: 9))
        let broker = Broker(
            generation: 7,
            source: Instances(list: [instance("A")], groups: [SyncGroup(name: "G")], clusters: [without, cluster]))
        let group = try broker.hook(.release, of: .guarded(cluster: 1, group: 0), generation: 7)
        #expect(group.command.arguments == ["/stop", "x"] && group.timeout == .seconds(3))
        #expect(group.key == HookKey(.release, of: NotificationKey(.group, "G")))
        let alone = try broker.hook(.release, of: .guarded(cluster: 1, group: 1), generation: 7)
        #expect(alone.key == HookKey(.release, of: NotificationKey(.instance, "A")))
        for (hook, cluster, group) in [(.release, 0, 0), (.release, 1, 2), (.release, 2, 0), (.beforeMaster, 1, 0)]
            as [(Hook, Int, Int)]
        {
            #expect(throws: Refusal.self) {
                try broker.hook(hook, of: .guarded(cluster: cluster, group: group), generation: 7)
            }
        }
        #expect(throws: Refusal.hook(.release, "A")) { try broker.hook(.release, of: .instance(0), generation: 7) }
    }

    @Test("a reference's socket is the configuration's, by its place, and each one once until the worker has it (D102)")
    func referenceSockets() throws {
        var cluster = ClusterSettings(name: "web", location: SourceLocation(file: "x", line: 1))
        cluster.nodes = ["a", "b"].map { ClusterMember(name: $0) }
        cluster.ownNode = 1
        var references = ReferenceSettings()
        references.targets = [
            ReferenceTarget(address: IPAddress(v4: 1), device: "eth0"),
            ReferenceTarget(address: IPAddress(v4: 2), device: "eth1", tcpPort: 80),
            ReferenceTarget(address: IPAddress(v4: 3), device: "eth2"),
        ]
        cluster.references = references
        var foreign = cluster
        foreign.ownNode = nil
        var broker = Broker(generation: 7, source: Instances(list: [], clusters: [cluster, foreign]))
        func target(_ cluster: UInt8, _ reference: UInt8) throws(Refusal) -> ReferenceTarget {
            try broker.referenceSocket(
                generation: 7, at: ReferencePlace(cluster: cluster, reference: reference))
        }
        #expect(try target(0, 2) == references.targets[2])
        // One that is asked by TCP, none, in a cluster of other nodes, in none.
        for (cluster, reference): (UInt8, UInt8) in [(0, 1), (0, 3), (0, 255), (1, 0), (2, 0), (255, 0)] {
            let place = ReferencePlace(cluster: cluster, reference: reference)
            #expect(throws: Refusal.reference(place)) { try target(cluster, reference) }
        }
        let again = ReferencePlace(cluster: 0, reference: 2)
        #expect(throws: Refusal.pendingReference(again)) { try target(0, 2) }
        #expect(try target(0, 0).device == "eth0")
        broker.workerHasTakenAll()
        #expect(try target(0, 2).device == "eth2")
        #expect(throws: Refusal.generation(8)) { try broker.referenceSocket(generation: 8, at: again) }
    }

    @Test("a socket for questions is that of a guarded instance's first address, and each one once (D102)")
    func questionSockets() throws {
        var (one, other) = (instance("A"), instance("B"))
        one.virtualAddresses = [VirtualAddress(prefix: Prefix(host: IPAddress(v4: 1)))]
        other.virtualAddresses = one.virtualAddresses
        other.virtualAddresses[0].interface = "eth1"
        var source = Instances(list: [one, other, one, instance("empty")], asking: [0, 1, 3])
        source.list[2].name = "unguarded"
        var broker = Broker(generation: 7, source: source)
        func link(_ instance: UInt32) throws(Refusal) -> QuestionLink {
            try broker.questionSocket(generation: 7, instance: instance)
        }
        #expect(try link(0) == QuestionLink(interface: "eth0", family: .ipv4))
        #expect(try link(1) == QuestionLink(interface: "eth1", family: .ipv4))
        #expect(throws: Refusal.pendingQuestion("eth0")) { try link(0) }
        #expect(throws: Refusal.question("unguarded")) { try link(2) }
        #expect(throws: Refusal.question("empty")) { try link(3) }
        #expect(throws: Refusal.instance(4)) { try link(4) }
        broker.workerHasTakenAll()
        #expect(try link(0).interface == "eth0")
        #expect(throws: Refusal.generation(6)) { try broker.questionSocket(generation: 6, instance: 0) }
    }

    @Test("a hook is the configuration's, whoever asks for it")
    func hooks() throws {
        var hooked = instance("A")
        hooked.scripts.append(NotifyScript(trigger: .beforeMaster, arguments: ["/hook", "x"]))
        var extra = ExtraSettings()
        extra.hooks.timeout = .seconds(7)
        hooked.extra = OutOfLine(extra)
        var group = SyncGroup(name: "G")
        group.scripts = [NotifyScript(trigger: .beforeRelease, arguments: ["/leave"])]
        let broker = Broker(generation: 7, source: Instances(list: [hooked, instance("B")], groups: [group]))
        let hook = try broker.hook(.beforeMaster, of: .instance(0), generation: 7)
        #expect(hook.command.arguments == ["/hook", "x"] && hook.timeout == .seconds(7))
        #expect(hook.key == HookKey(.beforeMaster, of: NotificationKey(.instance, "A")))
        let leave = try broker.hook(.beforeRelease, of: .group(0), generation: 7)
        #expect(leave.command.arguments == ["/leave"] && leave.timeout == .seconds(5))
        #expect(throws: Refusal.hook(.beforeRelease, "A")) {
            try broker.hook(.beforeRelease, of: .instance(0), generation: 7)
        }
        #expect(throws: Refusal.hook(.beforeMaster, "B")) {
            try broker.hook(.beforeMaster, of: .instance(1), generation: 7)
        }
        #expect(throws: Refusal.instance(2)) { try broker.hook(.beforeMaster, of: .instance(2), generation: 7) }
        #expect(throws: Refusal.group(1)) { try broker.hook(.beforeMaster, of: .group(1), generation: 7) }
        #expect(throws: Refusal.generation(8)) { try broker.hook(.beforeMaster, of: .instance(0), generation: 8) }
    }

    @Test("what isn't in the configuration is refused")
    func refusals() {
        var broker = Broker(generation: 7, source: Instances(list: [instance("A"), instance("B", interface: "")]))
        #expect(throws: Refusal.instance(2)) { try broker.socket(generation: 7, instance: 2) }
        #expect(throws: Refusal.instance(.max)) { try broker.socket(generation: 7, instance: .max) }
        #expect(throws: Refusal.generation(8)) { try broker.socket(generation: 8, instance: 0) }
        #expect(throws: Refusal.generation(6)) { try broker.socket(generation: 6, instance: 0) }
        #expect(throws: Refusal.faultyInstance("B")) { try broker.socket(generation: 7, instance: 1) }
        #expect(throws: Refusal.trigger(.any)) {
            try broker.pending(generation: 7, .instance(0), sequence: 1, trigger: .any, priority: 1)
        }
    }

    @Test("scripts: the moment's first, then the generic one with INSTANCE NAME STATE PRIORITY (behaviours §6)")
    func scripts() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        let run = try broker.pending(generation: 1, .instance(0), sequence: 1, trigger: .master, priority: 150)
        #expect(
            run.commands.map(\.arguments) == [
                ["/master", "a b"], ["/any", "extra", "INSTANCE", "A", "MASTER", "150"],
            ])
        let backup = try broker.pending(generation: 1, .instance(0), sequence: 2, trigger: .backup, priority: 150)
        #expect(backup.commands.map(\.arguments) == [["/any", "extra", "INSTANCE", "A", "BACKUP", "150"]])
    }

    @Test("scripts of a sync group: GROUP NAME STATE 0, whatever priority a worker says (behaviours_vrrp2 §5)")
    func groupScripts() throws {
        var group = SyncGroup(name: "A")
        group.scripts = [NotifyScript(trigger: .any, arguments: ["/g"])]
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")], groups: [group]))
        let run = try broker.pending(generation: 1, .group(0), sequence: 1, trigger: .master, priority: 150)
        #expect(run.commands.map(\.arguments) == [["/g", "GROUP", "A", "MASTER", "0"]])
        let own = try broker.pending(generation: 1, .instance(0), sequence: 2, trigger: .stop, priority: 150)
        #expect(run.line == "GROUP \"A\" MASTER 0\n" && own.line == "INSTANCE \"A\" STOP 150\n")
        #expect(run.key != own.key && own.commands.map(\.arguments).last?.contains("INSTANCE") == true)
        #expect(throws: Refusal.group(1)) {
            try broker.pending(generation: 1, .group(1), sequence: 3, trigger: .master, priority: 1)
        }
        #expect(throws: Refusal.instance(1)) {
            try broker.pending(generation: 1, .instance(1), sequence: 3, trigger: .master, priority: 1)
        }
        for trigger in NotifyTrigger.allCases where !trigger.isOfGroups {
            #expect(throws: Refusal.trigger(trigger)) {
                try broker.pending(generation: 1, .group(0), sequence: 3, trigger: trigger, priority: 1)
            }
        }
        #expect(broker.lastNotification == 2, "what is refused doesn't count")
    }

    @Test("an event runs its own script and no generic one, a change of the priority none (behaviours_vrrp2 §5)")
    func events() throws {
        var settings = instance("A")
        settings.scripts.append(NotifyScript(trigger: .receivedLowerPriority, arguments: ["/lower"]))
        settings.scripts.append(NotifyScript(trigger: .reclaimed, arguments: ["/reclaimed"]))
        var broker = Broker(generation: 1, source: Instances(list: [settings]))
        let cases: [(NotifyTrigger, [[String]], String)] = [
            (.receivedLowerPriority, [["/lower"]], "INSTANCE \"A\" MASTER_RX_LOWER_PRI 150\n"),
            (.reclaimed, [["/reclaimed"]], "INSTANCE \"A\" RECLAIMED 150\n"),
            (.masterPriority, [], "INSTANCE \"A\" MASTER_PRIORITY 150\n"),
            (.backupPriority, [], "INSTANCE \"A\" BACKUP_PRIORITY 150\n"),
            (.deleted, [["/any", "extra", "INSTANCE", "A", "DELETED", "150"]], "INSTANCE \"A\" DELETED 150\n"),
        ]
        for (number, (trigger, commands, line)) in cases.enumerated() {
            let pending = try broker.pending(
                generation: 1, .instance(0), sequence: UInt64(number + 1), trigger: trigger, priority: 150)
            #expect(pending.commands.map(\.arguments) == commands)
            #expect(pending.line == line)
        }
    }

    @Test("D12: a notification is started once; a successor counts on, without a snapshot from 1 again")
    func repeated() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        _ = try broker.pending(generation: 1, .instance(0), sequence: 5, trigger: .master, priority: 1)
        for old: UInt64 in [0, 1, 5] {
            #expect(throws: Refusal.repeated(old)) {
                try broker.pending(generation: 1, .instance(0), sequence: old, trigger: .master, priority: 1)
            }
        }
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(broker.lastNotification == 5)
        #expect(throws: Refusal.repeated(5)) {
            try broker.pending(generation: 1, .instance(0), sequence: 5, trigger: .master, priority: 1)
        }
        let countsAnew = broker.workerStarted(hasSnapshot: false)
        #expect(countsAnew, "whoever knows numbers has to be told")
        _ = try broker.pending(generation: 1, .instance(0), sequence: 1, trigger: .master, priority: 1)
    }

    @Test(
        "a hostile worker can't count to the end of all numbers, so that no successor is heard",
        arguments: [1 << 20 + 1, 1 << 62, .max])
    func leaps(number: UInt64) throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]))
        #expect(throws: Refusal.leap(number)) {
            try broker.pending(generation: 1, .instance(0), sequence: number, trigger: .master, priority: 1)
        }
        #expect(broker.lastNotification == 0)
        _ = try broker.pending(generation: 1, .instance(0), sequence: 1 << 20, trigger: .master, priority: 1)
    }

    @Test("nor step by step: the last numbers are nobody's")
    func numbersEnd() throws {
        let end = Broker<Instances>.notificationsEnd
        var broker = Broker(
            generation: 1, source: Instances(list: [instance("A")]), lastNotification: end - 2)
        _ = try broker.pending(generation: 1, .instance(0), sequence: end - 1, trigger: .master, priority: 1)
        #expect(throws: Refusal.leap(end)) {
            try broker.pending(generation: 1, .instance(0), sequence: end, trigger: .master, priority: 1)
        }
        #expect(broker.lastNotification == end - 1)
    }

    @Test("while a reload is under way, both generations have their own instances")
    func counts() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A"), instance("B")]))
        broker.advance(to: 2, source: Instances(list: [instance("A")]))
        #expect(try broker.source(of: 1).instanceCount == 2)
        #expect(try broker.source(of: 2).instanceCount == 1)
        broker.configured()
        #expect(throws: Refusal.generation(1)) { _ = try broker.source(of: 1) }
    }

    @Test("D10: the broker of another hasupd goes on counting, too")
    func inherited() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("A")]), lastNotification: 5)
        _ = broker.workerStarted(hasSnapshot: true)
        #expect(throws: Refusal.repeated(5)) {
            try broker.pending(generation: 1, .instance(0), sequence: 5, trigger: .master, priority: 1)
        }
        _ = try broker.pending(generation: 1, .instance(0), sequence: 6, trigger: .master, priority: 1)
        #expect(broker.lastNotification == 6)
    }

    @Test("requests of the generation before are served until the worker runs the new one")
    func generations() throws {
        var broker = Broker(generation: 1, source: Instances(list: [instance("old")]))
        broker.advance(to: 2, source: Instances(list: [instance("new")]))
        #expect(try broker.instance(0, generation: 1).name == "old")
        #expect(try broker.instance(0, generation: 2).name == "new")
        broker.configured()
        #expect(throws: Refusal.generation(1)) { try broker.instance(0, generation: 1) }
    }
}
