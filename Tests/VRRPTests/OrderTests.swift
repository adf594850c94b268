import Base
import ConfigurationModel
import Testing
import VRRP

extension [Action] {
    /// What became of orders: number and outcome.
    var outcomes: [OrderOutcome] {
        compactMap { if case .observe(.order(_, let outcome)) = $0 { outcome } else { nil } }
    }
}

extension Bench {
    /// Gives the only instance this order, or none.
    mutating func order(_ kind: OperatorOrder.Kind?, number: UInt64 = 1, until: Interval = .seconds(60)) {
        let order = kind.map {
            OperatorOrder(
                $0, NotificationKey(.instance, "VI_1"), number: number, until: $0 == .raised ? now + until : .never)
        }
        handle(.orders(order.map { [$0] } ?? []))
    }
}

/// Orders of operators (docs/decisions, D49; pain point F3).
@Suite struct OrderTests {
    // MARK: resign

    /// Priority 0 leaves at once, and the addresses only when the successor is heard: no client's packet is lost.
    @Test func aMasterResigns() {
        var bench = Bench.master()
        bench.order(.resigned)
        var actions = bench.take()
        #expect(actions.adverts == [0] && actions.withdrawn.isEmpty && bench.state == .master)
        #expect(bench.status().isResigning)
        bench.advance(.milliseconds(600))
        #expect(bench.take().isEmpty)
        bench.receive(50)
        actions = bench.take()
        #expect(bench.state == .backup && actions.reasons == [.resigned])
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.outcomes == [.handedOver(Bench.lower)])
        #expect(bench.status().waiting == .resigned)
    }

    /// A resigned router is a nopreempt one, as long as the master is heard.
    @Test func theSuccessorIsLeftAlone() {
        var bench = Bench.master()
        bench.order(.resigned)
        for _ in 0..<20 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        #expect(bench.state == .backup)
        _ = bench.take()
        bench.advance(.seconds(5))
        let actions = bench.take()
        #expect(bench.state == .master && actions.reasons == [.masterDown] && actions.outcomes == [.masterSilent])
        // It has ended: from here on nothing is different.
        bench.receive(50)
        #expect(bench.take().adverts == [100])
    }

    /// It claims after a priority 0 as anybody does.
    @Test func theSuccessorLeaves() {
        var bench = Bench.master()
        bench.order(.resigned)
        bench.receive(50)
        bench.receive(0)
        bench.advance(.seconds(1))
        let actions = bench.take()
        #expect(bench.state == .master && actions.reasons.last == .masterReleased)
        #expect(actions.outcomes == [.handedOver(Bench.lower), .masterSilent])
    }

    /// RFC 3768 §6.1: the lowest priority's skew is 255/256 s; and an interval for a successor that is late.
    @Test func nobodyTakesOver() {
        var bench = Bench.master()
        bench.order(.resigned)
        bench.advance(Interval(nanoseconds: 1_000_000_000 + 996_093_749))
        #expect(bench.take().adverts == [0])
        bench.advance(Interval(nanoseconds: 1))
        let actions = bench.take()
        #expect(bench.state == .master && !bench.status().isResigning)
        #expect(actions.adverts == [100] && actions.outcomes == [.nobodyTookOver] && actions.withdrawn.isEmpty)
        // Somebody may have claimed and told the neighbours.
        #expect(actions.announced.count == 5)
        bench.advance(.seconds(1))
        #expect(bench.take().adverts == [100])
        // hasupd may not have heard of the end yet: the order isn't obeyed again.
        bench.order(.resigned)
        bench.advance(.seconds(1))
        #expect(bench.take().adverts == [100])
    }

    /// A successor with duplicate address detection would find the address here, and couldn't use it.
    @Test func breakBeforeMake() {
        var bench = Bench.master {
            $0.virtualAddresses[0].duplicateAddressDetection = true
        }
        bench.order(.resigned)
        var actions = bench.take()
        #expect(bench.state == .backup && actions.adverts == [0] && actions.withdrawn.count == 1)
        #expect(actions.outcomes.isEmpty)
        bench.advance(.milliseconds(600))
        bench.receive(50)
        actions = bench.take()
        #expect(actions.outcomes == [.handedOver(Bench.lower)])
    }

    @Test func breakBeforeMakeAndNobodyTakesOver() {
        var bench = Bench.master {
            $0.virtualAddresses[0].duplicateAddressDetection = true
        }
        bench.order(.resigned)
        bench.advance(.seconds(2))
        let actions = bench.take()
        #expect(bench.state == .master && actions.reasons == [.resigned, .notTakenOver])
        #expect(actions.outcomes == [.nobodyTookOver])
    }

    /// Who isn't MASTER has nothing to hand over, and doesn't claim above the master from here on.
    @Test func aBackupResigns() {
        var bench = Bench()
        bench.receive(50)
        #expect(bench.status().waiting == .preempting)
        bench.order(.resigned)
        #expect(bench.take().outcomes == [.holds] && bench.status().waiting == .resigned)
        for _ in 0..<8 {
            bench.advance(.seconds(1))
            bench.receive(50)
        }
        #expect(bench.state == .backup)
        bench.order(nil)
        bench.receive(50)
        bench.advance(.seconds(4))
        #expect(bench.state == .master && bench.take().reasons == [.preempted])
    }

    /// An owner that is started again claims at once (RFC 9568 §6.4.1); a resigned one listens first.
    @Test func aResignedOwnerListens() {
        var bench = Bench(empty: ())
        bench.model.instances = [Bench.settings { $0.priority = .owner }]
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        bench.handle(.orderTable([OperatorOrder(.resigned, NotificationKey(.instance, "VI_1"), number: 1)]))
        bench.handle(.configure(bench.model))
        bench.handle(.timeout)
        #expect(bench.state == .backup)
        for _ in 0..<8 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        #expect(bench.state == .backup && bench.status().waiting == .resigned)
    }

    // MARK: maintenance

    @Test func maintenance() {
        var bench = Bench.master()
        bench.order(.maintenance)
        bench.receive(50)
        var actions = bench.take()
        #expect(actions.reasons == [.maintenance] && actions.outcomes == [.handedOver(Bench.lower)])
        #expect(bench.status().waiting == .maintenance)
        // Whoever is silent.
        bench.advance(.seconds(60))
        #expect(bench.state == .backup && bench.take().isEmpty)
        #expect(bench.status().master == nil && bench.status().takeover == nil)
        bench.order(nil, number: 0)
        bench.advance(.seconds(1))
        actions = bench.take()
        #expect(bench.state == .master && actions.reasons == [.masterDown])
    }

    /// The addresses are nobody's, and it stays so.
    @Test func maintenanceWithoutASuccessor() {
        var bench = Bench.master()
        bench.order(.maintenance)
        bench.advance(.seconds(2))
        let actions = bench.take()
        #expect(bench.state == .backup && actions.reasons == [.maintenance])
        #expect(actions.adverts == [0] && actions.outcomes == [.nobodyTookOver] && actions.withdrawn.count == 1)
        bench.receive(0)
        bench.advance(.seconds(20))
        #expect(bench.state == .backup)
    }

    /// It holds from the start, whatever the priority is.
    @Test func maintenanceAtStart() {
        var bench = Bench(empty: ())
        bench.model.instances = [Bench.settings { $0.priority = .owner }]
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        bench.handle(.orderTable([OperatorOrder(.maintenance, NotificationKey(.instance, "VI_1"), number: 1)]))
        bench.handle(.configure(bench.model))
        bench.advance(.seconds(20))
        #expect(bench.state == .backup && bench.take().outcomes == [.holds])
        bench.order(nil)
        bench.advance(.seconds(1))
        #expect(bench.state == .master)
    }

    // MARK: takeover

    /// nopreempt and preempt_delay don't count, and no timer is waited for.
    @Test(arguments: [false, true])
    func takeover(_ hasDelay: Bool) {
        var bench = Bench {
            $0.nopreempt = !hasDelay
            $0.preemptDelay = hasDelay ? .seconds(100) : .zero
        }
        bench.receive(150, from: Bench.higher)
        bench.order(.raised)
        #expect(bench.status().priority.rawValue == 151)
        bench.handle(.timeout)
        let actions = bench.take()
        #expect(bench.state == .master && actions.reasons == [.started, .raised] && actions.adverts == [151])
        #expect(actions.outcomes == [.becameMaster])
        #expect(bench.status().contributions == [Contribution(.order, "takeover", 51)])
        // The other one hears that, and yields. If it preempts it has a higher priority.
        bench.receive(200, from: Bench.higher)
        let end = bench.take()
        #expect(bench.state == .backup && end.outcomes == [.lostMastership])
        #expect(bench.status().priority.rawValue == 100)
    }

    /// A master that raises its own priority meanwhile is outranked at its next advertisement.
    @Test func aMasterIsHeardLater() {
        var bench = Bench { $0.nopreempt = true }
        bench.order(.raised)
        bench.receive(200, from: Bench.higher)
        bench.handle(.timeout)
        #expect(bench.state == .master && bench.take().adverts == [201])
    }

    @Test func nothingIsAbove254() {
        var bench = Bench()
        bench.receive(254, from: Bench.higher)
        bench.order(.raised, until: .seconds(3))
        for _ in 0..<6 {
            bench.advance(.milliseconds(500))
            bench.receive(254, from: Bench.higher)
        }
        #expect(bench.state == .backup && bench.take().outcomes == [.late])
        #expect(bench.status().priority.rawValue == 100)
    }

    /// It stays MASTER when a lower router comes, and its raised priority is what it was.
    @Test func resignEndsATakeover() {
        var bench = Bench { $0.nopreempt = true }
        bench.receive(150, from: Bench.higher)
        bench.order(.raised, number: 1)
        bench.handle(.timeout)
        _ = bench.take()
        bench.order(.resigned, number: 2)
        #expect(bench.take().adverts == [0] && bench.status().priority.rawValue == 100)
        bench.receive(150, from: Bench.higher)
        #expect(bench.take().outcomes == [.handedOver(Bench.higher)])
    }

    /// A resigned router takes it back before anybody has come.
    @Test func takeoverEndsAResignation() {
        var bench = Bench.master()
        bench.order(.resigned, number: 1)
        _ = bench.take()
        bench.order(.raised, number: 2)
        let actions = bench.take()
        #expect(actions.adverts == [100] && actions.outcomes == [.becameMaster] && !bench.status().isResigning)
    }

    // MARK: Surroundings

    /// A link that fails ends the hand-over, not the order.
    @Test func faultWhileResigning() {
        var bench = Bench.master()
        bench.order(.resigned)
        bench.eth0.isUsable = false
        bench.handle(.interface(bench.eth0))
        #expect(bench.state == .fault && bench.take().outcomes == [.lost])
        bench.eth0.isUsable = true
        bench.handle(.interface(bench.eth0))
        for _ in 0..<8 {
            bench.receive(50)
            bench.advance(.seconds(1))
        }
        #expect(bench.state == .backup && bench.status().waiting == .resigned)
    }

    /// The table that comes with a configuration is in effect with it, not before.
    @Test func reload() {
        var bench = Bench()
        bench.receive(50)
        bench.handle(.orderTable([OperatorOrder(.maintenance, NotificationKey(.instance, "VI_1"), number: 1)]))
        #expect(bench.status().waiting == .preempting)
        bench.reload { $0.instances[0].priority = Priority(rawValue: 120) }
        bench.advance(.seconds(20))
        #expect(bench.state == .backup && bench.status().waiting == .maintenance)
    }

    /// In maintenance nothing is timed once the master is silent: there is no time that a changed priority could move.
    @Test(arguments: [50, 150] as [UInt8])
    func reloadInMaintenanceWithoutAMaster(priority: UInt8) {
        var bench = Bench()
        bench.order(.maintenance)
        bench.advance(.seconds(10))
        bench.reload { $0.instances[0].priority = Priority(rawValue: priority) }
        #expect(bench.node.deadline == .never)
        bench.advance(.seconds(20))
        #expect(bench.state == .backup && bench.status().waiting == .maintenance)
        bench.order(nil)
        bench.advance(.seconds(5))
        #expect(bench.state == .master)
    }

    /// Advertising, announcing and a changed interval wait until it has taken mastership back.
    @Test func reloadWhileResigning() {
        var bench = Bench.master { $0.announcements.refresh = .milliseconds(300) }
        bench.order(.resigned)
        _ = bench.take()
        bench.handle(.orderTable([OperatorOrder(.resigned, NotificationKey(.instance, "VI_1"), number: 1)]))
        bench.reload {
            $0.instances[0].advertInterval = .seconds(2)
            $0.instances[0].announcements.refresh = .milliseconds(200)
        }
        bench.advance(.milliseconds(1_900))
        let actions = bench.take()
        #expect(actions.adverts.isEmpty && actions.announced.isEmpty)
    }

    /// It was given before this mastership: the master fell silent while no hasupd was there to be told.
    @Test func anOrderThatHasEndedUnheard() {
        var bench = Bench.master()
        let subject = NotificationKey(.instance, "VI_1")
        bench.handle(.orders([OperatorOrder(.resigned, subject, number: 1, given: Instant(nanoseconds: 1))]))
        let actions = bench.take()
        #expect(actions.outcomes == [.masterSilent] && actions.adverts.isEmpty && bench.state == .master)
        bench.handle(.orders([OperatorOrder(.resigned, subject, number: 2, given: bench.now)]))
        #expect(bench.take().adverts == [0])
    }

    /// Whose own priority sufficed isn't raised, and goes with what it tracks, also after a death.
    @Test func deathOfAMasterThatNeededNoRaise() {
        var twin = Twin.master()
        let order = OperatorOrder(.raised, NotificationKey(.instance, "VI_1"), number: 1)
        twin.bench.handle(.orders([order]))
        twin.keeper.keep(&twin.bench.node)
        twin.order = order
        twin.die(after: .milliseconds(20))
        let before = twin.bench.status().priority.rawValue
        twin.bench.reload { $0.instances[0].priority = Priority(rawValue: before - 60) }
        #expect(twin.bench.state == .master && twin.bench.status().priority.rawValue == before - 60)
    }

    /// A worker dies while it resigns: the successor is given the order again, and resigns again.
    @Test func deathWhileResigning() {
        var twin = Twin.master()
        let order = OperatorOrder(.resigned, NotificationKey(.instance, "VI_1"), number: 1)
        twin.bench.handle(.orders([order]))
        twin.keeper.keep(&twin.bench.node)
        _ = twin.bench.take()
        twin.order = order
        twin.die(after: .milliseconds(20))
        #expect(twin.bench.state == .master && twin.bench.take().adverts == [0])
        twin.bench.receive(50)
        #expect(twin.bench.state == .backup && twin.bench.take().outcomes == [.handedOver(Bench.lower)])
        // The next one has nothing to do.
        twin.keeper.keep(&twin.bench.node)
        twin.die(after: .milliseconds(20))
        #expect(twin.bench.state == .backup && twin.bench.take().outcomes == [.holds])
        twin.bench.advance(.seconds(8))
        #expect(twin.bench.state == .master && twin.bench.take().outcomes == [.masterSilent])
    }

    /// So is one by whose order it is MASTER.
    @Test func deathOfARaisedMaster() {
        var twin = Twin.master()
        twin.bench.receive(200, from: Bench.higher)
        let order = OperatorOrder(
            .raised, NotificationKey(.instance, "VI_1"), number: 1, until: twin.bench.now + .seconds(9))
        twin.bench.handle(.orders([order]))
        twin.bench.handle(.timeout)
        twin.keeper.keep(&twin.bench.node)
        twin.order = order
        #expect(twin.bench.state == .master && twin.bench.status().priority.rawValue == 201)
        twin.die(after: .milliseconds(20))
        twin.bench.handle(.timeout)
        #expect(twin.bench.state == .master && twin.bench.status().priority.rawValue == 201)
        #expect(twin.bench.take().outcomes == [.becameMaster, .becameMaster])
    }

    /// An order to something that isn't there changes nothing.
    @Test func unknownSubject() {
        var bench = Bench.master()
        bench.handle(.orders([OperatorOrder(.maintenance, NotificationKey(.group, "VI_1"), number: 1)]))
        bench.advance(.seconds(2))
        #expect(bench.state == .master)
    }
}
