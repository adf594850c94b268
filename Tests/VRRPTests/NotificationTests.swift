import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// What is told to scripts and FIFOs, and when (behaviours §6, behaviours_vrrp2 §5, D47).
@Suite struct NotificationTests {
    // MARK: MASTER

    /// A bench that is about to become MASTER, whose kernel doesn't answer.
    private static func claiming(_ change: (inout InstanceSettings) -> Void = { _ in }) -> Bench {
        var bench = Bench(change)
        bench.kernelAnswers = false
        bench.advance(.milliseconds(3_700))
        return bench
    }

    private static func install(_ actions: [Action]) -> Action? {
        actions.first { if case .install = $0 { true } else { false } }
    }

    @Test("D47: MASTER is told when the kernel has answered for the addresses")
    func masterIsToldWhenItServes() throws {
        var bench = Self.claiming()
        let actions = bench.take()
        #expect(bench.state == .master && actions.notified == [.backup])
        bench.advance(.milliseconds(200))
        #expect(bench.take().notified.isEmpty)
        bench.answer(try #require(Self.install(actions)))
        #expect(bench.take().notified == [.master])
        bench.advance(.seconds(5))
        #expect(bench.take().notified.isEmpty, "once")
    }

    @Test("D47: after a second it is told, whether the kernel has answered or not")
    func masterIsToldAfterASecond() throws {
        var bench = Self.claiming()
        let actions = bench.take()
        bench.advance(.milliseconds(900))
        #expect(bench.take().notified.isEmpty)
        bench.advance(.milliseconds(200))
        #expect(bench.take().notified == [.master])
        bench.answer(try #require(Self.install(actions)))
        bench.advance(.seconds(5))
        #expect(bench.take().notified.isEmpty, "once")
    }

    @Test("D47: what needs no answer is told at once")
    func nothingToWaitFor() {
        var without = Bench {
            $0.virtualAddresses = []
            $0.version = .v3
        }
        without.advance(.seconds(5))
        #expect(without.take().notified == [.backup, .master])
        var there = Bench(empty: ())
        there.handle(.interface(there.eth0))
        there.tell(Bench.ownAddresses + [Bench.kernelAddress("10.0.4.1/24")])
        there.model.instances = [Bench.settings { $0.virtualAddresses = [virtual("10.0.4.1/24")] }]
        there.kernelAnswers = false
        there.handle(.configure(there.model))
        there.advance(.milliseconds(3_700))
        #expect(there.take().notified == [.backup, .master], "another program's address serves")
    }

    @Test("D47: one that ends before it could serve isn't told; one whose addresses are refused is, before FAULT")
    func neverServed() throws {
        var bench = Self.claiming()
        bench.receive(200)
        bench.advance(.milliseconds(1_500))
        #expect(bench.take().notified == [.backup, .backup])
        bench = Self.claiming()
        let actions = bench.take()
        let request = try #require(Self.install(actions))
        guard case .install(let places, _) = request else { return }
        bench.answer(request, places.map { _ in .refused(13) })
        #expect(bench.state == .fault && bench.take().notified == [.fault])
    }

    @Test("D47, D12: a successor tells what its predecessor hadn't, once")
    func resumed() throws {
        for (dies, answers) in [(50, true), (50, false), (1_200, false)] as [(Int64, Bool)] {
            var twin = Twin(2)
            twin.bench.kernelAnswers = false
            twin.take(.wait(.milliseconds(3_700)))
            #expect(twin.bench.state == .master)
            twin.take(.wait(.milliseconds(dies)))
            let before = twin.bench.take().notified.filter { $0 == .master }.count
            twin.bench.kernelAnswers = answers
            twin.die()
            twin.take(.wait(.seconds(3)))
            let after = twin.bench.take().notified.filter { $0 == .master }.count
            #expect(before == (dies > 1_000 ? 1 : 0) && before + after == 1)
        }
    }

    // MARK: Removal

    @Test("DELETED with notify_deleted, FAULT without it (behaviours §6)", arguments: [true, false])
    func removed(_ tells: Bool) {
        var bench = Bench.master { if tells { $0.options.insert(.tellsDeletion) } }
        bench.reload { $0.instances = [] }
        #expect(bench.take().notified == [tells ? .deleted : .fault])
    }

    // MARK: Lower-priority advertisements

    @Test("a lower-priority advertisement is told once in an interval, whoever sends how many")
    func lowerPriority() {
        var bench = Bench.master()
        for _ in 0..<100 {
            bench.receive(50)
            bench.receive(60, from: Bench.higher)
            bench.advance(.milliseconds(30))
        }
        let told = bench.take().notified
        #expect(told.filter { $0 == .receivedLowerPriority }.count == 3, "in 3 s")
        #expect(told.count == 3)
        bench.receive(0)
        bench.receive(200)
        #expect(bench.take().notified == [.backup], "priority 0 isn't one, nor is a higher one")
    }

    @Test("only a MASTER tells it")
    func lowerPriorityInBackup() {
        var bench = Bench()
        bench.receive(200)
        bench.receive(50)
        #expect(bench.take().notified == [.backup])
    }

    // MARK: Another master that has yielded (S3)

    /// A MASTER for longer than a takeover lasts, told of nothing.
    private static func settled() -> Bench {
        var bench = Bench.master()
        bench.advance(.seconds(5))
        _ = bench.take()
        return bench
    }

    private static func reclaims(_ bench: inout Bench) -> Int {
        bench.take().notified.filter { $0 == .reclaimed }.count
    }

    @Test("S3: one last advertisement of the other master is a healed partition, told once when it is silent")
    func reclaimed() {
        var bench = Self.settled()
        for _ in 0..<3 {
            bench.receive(50)
            bench.advance(.milliseconds(3_000))
            #expect(Self.reclaims(&bench) == 0, "it may not have yielded yet")
            bench.advance(.milliseconds(800))
            #expect(Self.reclaims(&bench) == 1)
            bench.advance(.seconds(30))
            #expect(Self.reclaims(&bench) == 0)
        }
    }

    @Test("S3: it is told when all have yielded, however long that takes")
    func severalMasters() {
        var bench = Self.settled()
        for _ in 0..<20 {
            bench.receive(50)
            bench.advance(.milliseconds(500))
            bench.receive(60, from: IPAddress(v4: 0x0a00_0009))
            bench.advance(.milliseconds(500))
        }
        #expect(Self.reclaims(&bench) == 0)
        bench.advance(.seconds(4))
        #expect(Self.reclaims(&bench) == 1)
    }

    @Test("S3: one that says that it goes isn't waited for, unless another one is")
    func released() {
        var bench = Self.settled()
        bench.receive(50)
        bench.receive(0)
        #expect(Self.reclaims(&bench) == 1)
        bench.receive(50)
        bench.receive(60, from: Bench.higher)
        bench.receive(0)
        #expect(Self.reclaims(&bench) == 0)
        bench.receive(0, from: Bench.higher)
        #expect(Self.reclaims(&bench) == 1)
        bench.receive(0)
        #expect(Self.reclaims(&bench) == 0, "who leaves without having been master is none")
    }

    @Test("S3: what a takeover leaves of the former master is none, and who loses mastership reclaims nothing")
    func takeover() {
        var bench = Bench()
        bench.receive(50)
        bench.advance(.seconds(4))
        #expect(bench.state == .master)
        bench.receive(50)
        bench.advance(.seconds(9))
        #expect(Self.reclaims(&bench) == 0)
        bench.receive(50)
        bench.receive(200)
        bench.advance(.seconds(3))
        #expect(bench.state == .backup && Self.reclaims(&bench) == 0)
    }

    @Test("S3: a worker's death neither forgets it nor tells it twice")
    func reclaimedOverADeath() {
        var twin = Twin(2)
        twin.take(.wait(.seconds(12)))
        twin.take(.advert(50, Bench.lower, 255))
        #expect(twin.bench.state == .master)
        _ = twin.bench.take()
        twin.die()
        twin.take(.wait(.seconds(1)))
        #expect(Self.reclaims(&twin.bench) == 0)
        twin.take(.wait(.seconds(3)))
        #expect(Self.reclaims(&twin.bench) == 1)
        twin.die()
        twin.take(.wait(.seconds(9)))
        #expect(Self.reclaims(&twin.bench) == 0)
    }

    @Test("S3, D12: one that hasupd hasn't heard is repeated, and MASTER with it only when that wasn't heard either")
    func reclaimedUnheard() throws {
        var twin = Twin(2)
        twin.take(.wait(.seconds(12)))
        twin.take(.advert(50, Bench.lower, 255))
        twin.take(.wait(.seconds(4)))
        let last = twin.bench.node.context.lastNotification
        for (heard, expected) in [(last, []), (last - 1, [.reclaimed])] as [(UInt64, [NotifyTrigger])] {
            var node = Node()
            var actions: [Action] = []
            node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
            node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
            node.handle(
                .addresses(
                    (Bench.ownAddresses + [Bench.kernelAddress("10.0.4.1/24"), Bench.kernelAddress("10.0.4.2/24")])
                        .map { AddressChange($0, isPresent: true) }, isAfterLoss: false),
                at: twin.bench.now, into: &actions)
            let snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: heard)
            node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
            #expect(actions.notified == expected)
            #expect(node.routers[0].lastNotification?.trigger == .master)
        }
    }

    // MARK: Priorities

    @Test("a change of the priority is told where notify_priority_changes asks for it, in each state")
    func priorityChanges() {
        func started(_ tells: Bool) -> Bench {
            var bench = Bench(empty: ())
            bench.model.instances = [
                Bench.settings {
                    if tells { $0.options.insert(.notifiesPriorityChanges) }
                    $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: 10)]
                }
            ]
            bench.handle(.interface(bench.eth0))
            bench.handle(.interface(Bench.interface("eth1", 3)))
            bench.tell(Bench.ownAddresses)
            bench.handle(.configure(bench.model))
            return bench
        }
        var bench = started(true)
        #expect(bench.take().notified == [.backupPriority, .backup], "before BACKUP (behaviours_vrrp2 §5)")
        var eth1 = Bench.interface("eth1", 3)
        eth1.isUsable = false
        bench.handle(.interface(eth1))
        #expect(bench.take().notified == [.backupPriority])
        bench.handle(.interface(eth1))
        bench.advance(.seconds(5))
        #expect(bench.take().notified == [.master])
        eth1.isUsable = true
        bench.handle(.interface(eth1))
        #expect(bench.take().notified == [.masterPriority])
        var other = started(false)
        other.handle(.interface(eth1))
        #expect(other.take().notified == [.backup])
    }
}
