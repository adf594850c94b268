import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// Instances that are MASTER together or not at all (behaviours §9, behaviours_vrrp2 §4, D46, pain point T8).
@Suite struct SyncGroupTests {
    /// VI_1, VI_2 and so on in group G, each with one address and a VRID of its own, at priority 100.
    private static func settings(_ number: UInt8, _ change: (inout InstanceSettings) -> Void = { _ in })
        -> InstanceSettings
    {
        Bench.settings {
            $0.name = "VI_\(number)"
            $0.virtualRouterID = VRID(rawValue: 19 + number)
            $0.virtualAddresses = [virtual("10.0.4.\(number)/24")]
            change(&$0)
        }
    }

    private static func model(
        _ count: UInt8 = 2, _ change: (inout ConfigurationModel) -> Void = { _ in }
    ) -> ConfigurationModel {
        var model = ConfigurationModel()
        model.instances = (1...count).map { settings($0) }
        var group = SyncGroup(name: "G")
        group.members = Array(0..<Int(count))
        model.shared.syncGroups = [group]
        change(&model)
        return model
    }

    private static func bench(
        _ model: ConfigurationModel = SyncGroupTests.model(), table: [TrackerState] = []
    ) -> Bench {
        var bench = Bench(empty: ())
        bench.model = model
        bench.handle(.interface(bench.eth0))
        bench.handle(.interface(Bench.interface("eth1", 3)))
        bench.tell(Bench.ownAddresses)
        bench.handle(.trackerTable(table))
        bench.handle(.configure(model))
        return bench
    }

    /// A group that is MASTER, with nothing left to read.
    private static func master(
        _ model: ConfigurationModel = SyncGroupTests.model(), table: [TrackerState] = []
    ) -> Bench {
        var bench = bench(model, table: table)
        bench.advance(.seconds(9))
        _ = bench.take()
        return bench
    }

    private static func states(_ bench: Bench) -> [RouterState] {
        bench.model.instances.indices.map { bench.status($0).state }
    }

    // MARK: BACKUP and MASTER

    @Test func startsInBackup() {
        var bench = Self.bench()
        #expect(bench.take().told == ["0 BACKUP", "1 BACKUP", "G0 BACKUP"])
        #expect(bench.status(0).syncGroup == "G")
    }

    /// Who is silent first wants to be MASTER, and is when the last one wants to, all in one event: that one first.
    @Test func theLastOneDecides() {
        var bench = Self.bench(Self.model(3) { $0.instances[1].advertInterval = .seconds(2) })
        _ = bench.take()
        bench.advance(.seconds(5))
        #expect(Self.states(bench) == [.backup, .backup, .backup])
        #expect(bench.status(0).waiting == .syncGroup && bench.status(0).takeover == nil)
        #expect(bench.status(0).heldBy == ["VI_2"] && bench.status(1).heldBy.isEmpty)
        #expect(bench.take().isEmpty)
        bench.advance(.seconds(2))
        let actions = bench.take()
        #expect(Self.states(bench) == [.master, .master, .master])
        #expect(actions.told == ["1 MASTER", "0 MASTER", "2 MASTER", "G0 MASTER"])
        #expect(actions.advertsByInstance.prefix(3) == ["1: 100", "0: 100", "2: 100"])
        let follows = TransitionReason.syncGroup(member: "VI_2", group: "G")
        #expect(actions.reasons == [.masterDown, follows, follows])
    }

    /// A member that hears a master again doesn't want to be one any more.
    @Test func aWishEnds() {
        var bench = Self.bench(Self.model { $0.instances[1].advertInterval = .seconds(2) })
        bench.advance(.seconds(5))
        #expect(bench.status(0).waiting == .syncGroup)
        bench.receive(200)
        #expect(bench.status(0).waiting == .higherPriority && bench.status(0).heldBy.isEmpty)
        bench.advance(.seconds(3))
        #expect(Self.states(bench) == [.backup, .backup])
        bench.advance(.seconds(1))
        #expect(Self.states(bench) == [.master, .master])
    }

    /// D46: a member that hears a better master takes the others down, who say priority 0: nobody serves what they give
    /// up.
    @Test func aBetterMasterAtOneMember() {
        var bench = Self.master(Self.model(3))
        bench.receive(200, for: 1)
        let actions = bench.take()
        #expect(Self.states(bench) == [.backup, .backup, .backup])
        #expect(actions.told == ["1 BACKUP", "0 BACKUP", "2 BACKUP", "G0 BACKUP"])
        #expect(actions.advertsByInstance == ["1: 100", "0: 0", "2: 0"])
        #expect(
            actions.reasons.dropFirst() == [
                .syncGroup(member: "VI_2", group: "G"), .syncGroup(member: "VI_2", group: "G"),
            ])
        #expect(actions.withdrawn.count == 3)
    }

    /// A lower-priority advertisement that one member hears makes all announce again.
    @Test func allAnnounceAgain() {
        var bench = Self.master()
        bench.receive(50, for: 1)
        bench.advance(.milliseconds(20))
        let actions = bench.take()
        #expect(Set(actions.announced) == [address("10.0.4.1"), address("10.0.4.2")])
        #expect(actions.advertsByInstance == ["1: 100"] && actions.told == ["1 MASTER_RX_LOWER_PRI"])
        // Once in an interval, not for each of a flood.
        bench.advance(.milliseconds(500))
        _ = bench.take()
        for _ in 0..<9 { bench.receive(50, for: 1) }
        bench.advance(.milliseconds(20))
        #expect(Set(bench.take().announced) == [address("10.0.4.2")])
    }

    /// D47: the group is told behind the last of its members, when that can serve.
    @Test func groupIsToldBehindItsMembers() {
        var bench = Self.bench(Self.model(3))
        bench.kernelAnswers = false
        bench.advance(.milliseconds(3_700))
        let actions = bench.take()
        #expect(Self.states(bench) == [.master, .master, .master])
        #expect(!actions.told.contains { $0.hasSuffix("MASTER") })
        let requests = actions.filter { if case .install = $0 { true } else { false } }
        #expect(requests.count == 3)
        bench.answer(requests[1])
        bench.answer(requests[2])
        #expect(bench.take().told.count == 2)
        bench.answer(requests[0])
        let told = bench.take().told
        #expect(told.count == 2 && told.last == "G0 MASTER")
        bench.advance(.seconds(3))
        #expect(bench.take().told.isEmpty)
    }

    /// notify_priority_changes of a group is that of its members (behaviours_vrrp2 §5).
    @Test func priorityChangesOfAGroup() {
        var bench = Self.master(
            Self.model {
                $0.shared.syncGroups[0].notifiesPriorityChanges = true
                $0.shared.syncGroups[0].trackedInterfaces = [TrackedInterface(name: "eth1", weight: 10)]
            })
        var eth1 = Bench.interface("eth1", 3)
        eth1.isUsable = false
        bench.handle(.interface(eth1))
        #expect(bench.take().told == ["0 MASTER_PRIORITY", "1 MASTER_PRIORITY"])
    }

    /// Owners are MASTER at once when all are owners, and else when the others are.
    @Test func owners() {
        var bench = Self.bench(Self.model { for id in 0...1 { $0.instances[id].priority = .owner } })
        bench.advance(.zero)
        #expect(Self.states(bench) == [.master, .master])
        bench = Self.bench(Self.model { $0.instances[0].priority = .owner })
        bench.advance(.seconds(3))
        #expect(Self.states(bench) == [.backup, .backup] && bench.status(0).heldBy == ["VI_2"])
        bench.advance(.seconds(1))
        #expect(Self.states(bench) == [.master, .master])
    }

    /// preempt_delay: who wants to preempt goes on wanting to while the lower master advertises.
    @Test func preemptDelay() {
        var bench = Self.bench(
            Self.model {
                $0.instances[0].preemptDelay = .seconds(3)
                $0.instances[1].advertInterval = .seconds(3)
            })
        for _ in 0..<8 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        #expect(bench.status(0).waiting == .syncGroup)
        bench.receive(50)
        #expect(bench.status(0).waiting == .syncGroup)
        bench.advance(.seconds(3))
        #expect(Self.states(bench) == [.master, .master])
    }

    // MARK: FAULT

    /// One in FAULT is all in FAULT, each MASTER with priority 0 and the failed one's name; they recover together.
    @Test func oneFaultIsAllFaults() {
        var bench = Self.master(
            Self.model(3) {
                $0.instances[1].trackedInterfaces = [TrackedInterface(name: "eth1")]
                $0.instances[2].trackers = [Tracker(kind: .process, name: "db")]
            }, table: [TrackerState(TrackerKey(.process, "db"), .up)])
        bench.handle(.interfaceRemoved(3))
        var actions = bench.take()
        #expect(actions.told == ["1 FAULT", "0 FAULT", "2 FAULT", "G0 FAULT"])
        #expect(actions.advertsByInstance == ["1: 0", "0: 0", "2: 0"])
        let follows = Fault.memberFault("VI_2", group: "G")
        #expect(actions.reasons == [.fault(.trackedInterfaceDown("eth1")), .fault(follows), .fault(follows)])
        #expect(bench.status(0).faults == [follows] && bench.status(1).faults == [.trackedInterfaceDown("eth1")])
        // Another reason, and the first one ends: they all stay.
        bench.track(TrackerState(TrackerKey(.process, "db"), .down))
        bench.handle(.interface(Bench.interface("eth1", 3)))
        #expect(bench.take().told.isEmpty && Self.states(bench) == [.fault, .fault, .fault])
        #expect(bench.status(1).faults == [.memberFault("VI_3", group: "G")])
        bench.track(TrackerState(TrackerKey(.process, "db"), .up))
        actions = bench.take()
        #expect(actions.told == ["2 BACKUP", "0 BACKUP", "1 BACKUP", "G0 BACKUP"])
        #expect(actions.reasons == [.recovered, .recovered, .recovered])
        bench.advance(.seconds(4))
        #expect(Self.states(bench) == [.master, .master, .master])
    }

    /// A fault at the start: each instance says its first state once (behaviours_vrrp2 §4).
    @Test func startsInFault() {
        var model = Self.model()
        model.instances[1].faults = ["no addresses"]
        var bench = Self.bench(model)
        #expect(bench.take().told == ["1 FAULT", "0 FAULT", "G0 FAULT"])
        bench.advance(.seconds(9))
        #expect(bench.take().told.isEmpty)
    }

    /// A group waits in INIT for the scripts of all its members, and says nothing.
    @Test func waitsForScripts() {
        let web = TrackerKey(.script, "web")
        let model = Self.model { $0.instances[1].trackers = [Tracker(kind: .script, name: "web")] }
        var bench = Self.bench(model)
        bench.advance(.seconds(9))
        #expect(bench.take().told.isEmpty && Self.states(bench) == [.initialize, .initialize])
        #expect(bench.status(0).heldBy == ["VI_2"] && bench.status(1).awaitedScripts == ["web"])
        var other = bench
        bench.track(TrackerState(web, .up))
        #expect(bench.take().told == ["1 BACKUP", "0 BACKUP", "G0 BACKUP"])
        other.track(TrackerState(web, .down))
        #expect(other.take().told == ["1 FAULT", "0 FAULT", "G0 FAULT"])
    }

    @Test func stops() {
        var bench = Self.master()
        bench.handle(.stop)
        let actions = bench.take()
        #expect(actions.told == ["0 STOP", "1 STOP", "G0 STOP"] && actions.advertsByInstance == ["0: 0", "1: 0"])
        bench.track(TrackerState(TrackerKey(.script, "web"), .up))
        bench.handle(.interfaceRemoved(2))
        #expect(bench.take().told.isEmpty)
    }

    /// Addresses that are taken away again and again: the whole group yields.
    @Test func aMemberThatYieldsItsAddress() {
        var bench = Self.master()
        for _ in 0..<5 { bench.remove(["10.0.4.2/24"]) }
        #expect(Self.states(bench) == [.backup, .backup])
        #expect(bench.take().advertsByInstance.suffix(2) == ["1: 0", "0: 0"])
    }

    /// A member that can use none of its addresses takes its group to FAULT. What the others give back, and what goes
    /// with it in one network, is no reason to try again.
    @Test func aMemberThatServesNothing() throws {
        var bench = Self.bench()
        bench.tell([Bench.kernelAddress("10.0.4.77/24")])
        bench.kernelAnswers = false
        bench.advance(.seconds(9))
        let questions = Bench.questions(bench.take())
        #expect(questions.count == 2)
        bench.answer(questions[0])
        bench.tell([Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours)])
        bench.answer(questions[1], [.refused(22)])
        #expect(Self.states(bench) == [.fault, .fault])
        let withdrawal = try #require(Bench.questions(bench.take()).first)
        bench.answer(withdrawal, [.done])
        bench.remove(["10.0.4.1/24"])
        bench.remove(["10.0.4.1/24", "10.0.4.77/24"])
        #expect(Self.states(bench) == [.fault, .fault])
        bench.advance(.seconds(2))
        #expect(Self.states(bench) == [.backup, .backup])
    }

    // MARK: Trackers

    /// behaviours §8: a member's own weights don't count, a process's do, and the group's entry takes the place of the
    /// member's.
    @Test func whatMembersTrack() throws {
        var model = Self.model()
        model.instances[0].trackedInterfaces = [TrackedInterface(name: "eth1", weight: 5, reverse: true)]
        model.instances[0].trackers = [
            Tracker(kind: .script, name: "web", weight: 30), Tracker(kind: .script, name: "ping"),
            Tracker(kind: .file, name: "load", weight: 1), Tracker(kind: .file, name: "rate", weight: 2),
            Tracker(kind: .process, name: "db", weight: -20),
        ]
        func first() throws -> InstanceSettings { try #require(model.effectiveInstances.first) }
        #expect(try first().trackedInterfaces == [TrackedInterface(name: "eth1")])
        #expect(
            try first().trackers == [
                Tracker(kind: .script, name: "ping"), Tracker(kind: .file, name: "load", weight: 0),
                Tracker(kind: .process, name: "db", weight: -20),
            ])
        model.shared.syncGroups[0].trackers = [Tracker(kind: .script, name: "ping", weight: -7)]
        model.shared.syncGroups[0].trackedInterfaces = [
            TrackedInterface(name: "eth0"), TrackedInterface(name: "eth1", weight: 9),
        ]
        #expect(try first().trackers.last == Tracker(kind: .script, name: "ping", weight: -7))
        #expect(try first().trackers.count == 3)
        #expect(try first().trackedInterfaces == [TrackedInterface(name: "eth1", weight: 9)])
        #expect(model.effectiveInstances[1].trackers == [Tracker(kind: .script, name: "ping", weight: -7)])
        model.shared.syncGroups[0].keepsMemberWeights = true
        #expect(try first().trackers.count == 5)
        #expect(try !first().options.contains(.notifiesPriorityChanges))
        model.shared.syncGroups[0].notifiesPriorityChanges = true
        #expect(try first().options.contains(.notifiesPriorityChanges))
    }

    /// behaviours_vrrp2 §2: 150 + 30 of its own - 20 of the group's.
    @Test func weightsOfBoth() {
        let model = Self.model {
            $0.instances[0].priority = Priority(rawValue: 150)
            $0.instances[0].trackers = [Tracker(kind: .script, name: "web", weight: 30)]
            $0.shared.syncGroups[0].trackers = [Tracker(kind: .file, name: "load", weight: -4)]
            $0.shared.syncGroups[0].keepsMemberWeights = true
        }
        let bench = Self.bench(
            model,
            table: [
                TrackerState(TrackerKey(.script, "web"), .up), TrackerState(TrackerKey(.file, "load"), .number(5)),
            ])
        #expect(bench.status(0).priority.rawValue == 160 && bench.status(1).priority.rawValue == 80)
    }

    // MARK: Reload

    /// A member that a reload brings into a MASTER's group becomes MASTER with it, and nobody else moves.
    @Test func aMemberJoins() {
        var bench = Self.master()
        bench.reload {
            $0.instances.insert(Self.settings(3), at: 0)
            $0.shared.syncGroups[0].members = [1, 2, 0]
        }
        let actions = bench.take()
        #expect(actions.told == ["0 MASTER"] && Self.states(bench) == [.master, .master, .master])
        #expect(actions.advertsByInstance == ["0: 100"])
        // Its own fault is everybody's.
        bench.reload { $0.instances[0].trackedInterfaces = [TrackedInterface(name: "none")] }
        #expect(Self.states(bench) == [.fault, .fault, .fault])
    }

    @Test func aMemberLeaves() {
        var bench = Self.master(Self.model(3))
        bench.reload { $0.shared.syncGroups[0].members = [0, 1] }
        #expect(bench.take().told.isEmpty && Self.states(bench) == [.master, .master, .master])
        bench.receive(200, for: 2)
        #expect(Self.states(bench) == [.master, .master, .backup])
        _ = bench.take()
        // It comes back, and knows a better master: all follow.
        bench.reload { $0.shared.syncGroups[0].members = [0, 1, 2] }
        let actions = bench.take()
        #expect(actions.told == ["0 BACKUP", "1 BACKUP", "G0 BACKUP"])
        #expect(actions.advertsByInstance == ["0: 0", "1: 0"])
        bench.advance(.seconds(2))
        bench.receive(200, for: 2)
        bench.reload { $0.shared.syncGroups = [] }
        bench.advance(.seconds(2))
        #expect(Self.states(bench) == [.master, .master, .backup])
    }

    /// Who kept the others waiting leaves: they are MASTER at once.
    @Test func theOneThatHeldBackLeaves() {
        var bench = Self.bench()
        for _ in 0..<5 {
            bench.receive(200, for: 1)
            bench.advance(.seconds(1))
        }
        #expect(bench.status(0).waiting == .syncGroup)
        _ = bench.take()
        bench.reload {
            $0.instances.removeLast()
            $0.shared.syncGroups[0].members = [0]
        }
        #expect(bench.take().told == ["1 FAULT", "0 MASTER", "G0 MASTER"])
    }

    /// A member in FAULT for another's sake recovers when it leaves the group; the same group again says nothing.
    @Test func groupsThatComeAndGo() {
        var bench = Self.bench(Self.model { $0.instances[1].trackedInterfaces = [TrackedInterface(name: "none")] })
        _ = bench.take()
        let groups = bench.model.shared.syncGroups
        bench.reload { $0.shared.syncGroups = [] }
        #expect(bench.take().told == ["0 BACKUP"] && Self.states(bench) == [.backup, .fault])
        bench.reload { $0.shared.syncGroups = groups }
        #expect(bench.take().told == ["0 FAULT", "G0 FAULT"])
        bench.reload { _ in }
        #expect(bench.take().isEmpty)
    }

    // MARK: A worker's successor

    private static func snapshot(_ bench: inout Bench, last: UInt64? = nil) -> NodeSnapshot {
        var keeper = Keeper()
        bench.node.changed.addAll(bench.model.instances.count)
        keeper.keep(&bench.node)
        return keeper.snapshot(
            heardUntil: bench.now, lastNotification: last ?? bench.node.context.lastNotification)
    }

    private static func resume(_ bench: inout Bench, _ snapshot: NodeSnapshot) {
        bench.node = Node()
        bench.handle(.interface(bench.eth0))
        bench.handle(.interface(Bench.interface("eth1", 3)))
        bench.tell(Bench.ownAddresses)
        bench.handle(.resume(bench.model, snapshot))
    }

    /// One member comes too late: all are BACKUP. hasup-withdraw takes all addresses at the earliest member's time.
    @Test func oneTooLateIsAllTooLate() {
        var bench = Self.master(
            Self.model {
                $0.instances[0].advertInterval = .seconds(9)
                $0.instances[1].advertInterval = .seconds(1)
            })
        bench.advance(.seconds(30))
        _ = bench.take()
        let snapshot = Self.snapshot(&bench)
        let deadlines = snapshot.masterDeadlines(of: bench.model, at: bench.now)
        #expect(deadlines.count == 2 && deadlines[0] == deadlines[1])
        #expect(deadlines[0].map { $0 < bench.now + .seconds(4) } == true)
        var other = bench
        bench.now = bench.now + .milliseconds(100)
        Self.resume(&bench, snapshot)
        #expect(Self.states(bench) == [.master, .master] && bench.node.resumption.masters == 2)
        other.now = other.now + .seconds(5)
        Self.resume(&other, snapshot)
        #expect(Self.states(other) == [.backup, .backup] && other.node.resumption.late == 2)
        #expect(other.take().told == ["1 BACKUP", "0 BACKUP", "G0 BACKUP"])
    }

    /// A record that can't be read: the group isn't MASTER with a member that listens.
    @Test func aMemberWithoutARecord() {
        var bench = Self.master()
        var snapshot = Self.snapshot(&bench)
        snapshot.instances.removeLast()
        Self.resume(&bench, snapshot)
        #expect(Self.states(bench) == [.backup, .backup])
    }

    /// The group's notification is repeated as an instance's is, behind those of its members, until it was heard.
    @Test func groupsAreToldAgain() {
        var bench = Self.bench()
        bench.advance(.seconds(9))
        let last = bench.node.context.lastNotification
        for (heard, expected) in [
            (last, []), (last - 1, ["G0 MASTER"]), (last - 2, ["0 MASTER", "G0 MASTER"]),
            (last - 3, ["1 MASTER", "0 MASTER", "G0 MASTER"]),
        ] {
            var other = bench
            let snapshot = Self.snapshot(&other, last: heard)
            _ = other.take()
            Self.resume(&other, snapshot)
            let told = other.take().told
            #expect(told.count == expected.count && told.last == expected.last, "\(told)")
        }
    }
}
