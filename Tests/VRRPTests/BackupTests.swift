import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// BACKUP, RFC 9568 §6.4.2 and RFC 3768 §6.4.2; behaviours of keepalived where they refine it.
@Suite struct BackupTests {
    /// §6.4.1: not an owner, so BACKUP; the initial state is notified.
    @Test func startsAsBackup() {
        var bench = Bench()
        let actions = bench.take()
        #expect(bench.state == .backup)
        #expect(actions.notified == [.backup])
        #expect(actions.reasons == [.started])
        #expect(actions.adverts.isEmpty)
        #expect(bench.status().waiting == .listening)
    }

    /// §6.1: 3 × interval + skew; RFC 3768's skew is in parts of a second.
    @Test(arguments: [(100, 3_609_375_000), (200, 3_218_750_000), (254, 3_007_812_500)])
    func masterDownInterval(_ priority: UInt8, _ nanoseconds: Int64) {
        let bench = Bench { $0.priority = Priority(rawValue: priority) }
        #expect(bench.remaining == Interval(nanoseconds: nanoseconds))
    }

    /// §6.1: version 3's skew is in parts of the master's interval.
    @Test func skewOfVersion3() {
        let bench = Bench {
            $0.version = .v3
            $0.advertInterval = .centiseconds(10)
        }
        #expect(bench.remaining == Interval(nanoseconds: 300_000_000 + 100_000_000 * 156 / 256))
    }

    @Test func downTimerAdverts() {
        let bench = Bench { $0.downTimerAdverts = 5 }
        #expect(bench.remaining == Interval(nanoseconds: 5_609_375_000))
    }

    /// `state MASTER` doesn't shorten the wait (behaviours §7).
    @Test func stateMasterWaitsLikeAnyone() {
        let bench = Bench { $0.wantsMaster = true }
        #expect(bench.state == .backup)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
    }

    /// §6.4.2 (345): the timer fires: advertise, then addresses, then announcements.
    @Test func becomesMasterWhenTheTimerFires() {
        var bench = Bench()
        _ = bench.take()
        bench.advance(Interval(nanoseconds: 3_609_374_999))
        #expect(bench.state == .backup)
        bench.advance(Interval(nanoseconds: 1))
        #expect(bench.state == .master)
        let actions = bench.take()
        #expect(actions.reasons == [.masterDown])
        #expect(actions.adverts == [100])
        #expect(actions.installed == [[address("10.0.4.1")]])
        #expect(actions.announced.count == 5)
        #expect(actions.notified == [.master])
        guard case .advertise? = actions.first else {
            Issue.record("the advertisement comes first")
            return
        }
        #expect(bench.status().master == Bench.own)
    }

    /// A takeover that is near is noticed an interval of the master before.
    @Test func takeoversAreNoticed() throws {
        var bench = Bench()
        bench.receive(200)
        bench.advance(.seconds(3))
        bench.receive(200)
        #expect(
            bench.node.nextTakeover?.notice == nil, "the timer is early: an advertisement has moved the takeover on")
        bench.advance(.seconds(3))
        let notice = try #require(bench.node.nextTakeover?.notice)
        #expect(notice + .seconds(1) - bench.now == Interval(nanoseconds: 609_375_000))
        bench.advance(.seconds(1))
        #expect(bench.node.nextTakeover?.notice == nil, "a MASTER takes nothing over")
    }

    /// §6.4.2: a superior or equal advertisement starts the timer again.
    @Test(arguments: [UInt8(100), 101, 200, 255])
    func superiorRestartsTheTimer(_ priority: UInt8) {
        var bench = Bench()
        bench.advance(.seconds(3))
        bench.receive(priority)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        bench.advance(.seconds(3))
        #expect(bench.state == .backup)
        #expect(bench.status().master == Bench.lower)
        #expect(bench.status().masterPriority == Priority(rawValue: priority))
    }

    /// §6.4.2: an inferior one is discarded; the timer runs on and we claim.
    @Test func inferiorIsPreempted() {
        var bench = Bench()
        for _ in 0..<3 {
            bench.advance(.seconds(1))
            bench.receive(99)
        }
        #expect(bench.status().waiting == .preempting)
        #expect(bench.remaining == Interval(nanoseconds: 609_375_000))
        bench.advance(.seconds(1))
        #expect(bench.state == .master)
        let transition = bench.status().lastTransition
        #expect(transition?.reason == .preempted)
        #expect(transition?.peer == Bench.lower)
        #expect(transition?.peerPriority == Priority(rawValue: 99))
        #expect(transition?.lastAdvertAge == Interval(nanoseconds: 609_375_000))
    }

    /// §6.4.2: the address doesn't matter to a BACKUP of equal priority.
    @Test func equalPriorityIsLeftAlone() {
        var bench = Bench()
        bench.receive(100, from: Bench.lower)
        #expect(bench.status().waiting == .equalPriority)
        #expect(bench.status().remarks(.equalPriority) == 1)
        bench.receive(100, from: Bench.higher)
        #expect(bench.status().waiting == .higherAddress)
        bench.receive(101, from: Bench.lower)
        #expect(bench.status().waiting == .higherPriority)
    }

    /// §6.4.2: priority 0 leaves only the skew time.
    @Test func releaseLeavesTheSkew() {
        var bench = Bench()
        bench.receive(200)
        bench.receive(0)
        #expect(bench.remaining == Interval(nanoseconds: 609_375_000))
        bench.advance(.seconds(1))
        #expect(bench.state == .master)
        #expect(bench.status().lastTransition?.reason == .masterReleased)
        #expect(bench.status().counters.releasesReceived == 1)
    }

    /// Priority 0 of a third router doesn't start an election while the master is heard.
    @Test func releaseOfAThirdRouterIsNone() {
        var bench = Bench()
        bench.receive(200, from: Bench.lower)
        bench.receive(0, from: Bench.higher)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
    }

    /// A new master after a release ends the hand-over.
    @Test func releaseThenSuperior() {
        var bench = Bench()
        bench.receive(200, from: Bench.lower)
        bench.receive(0, from: Bench.lower)
        bench.receive(150, from: Bench.higher)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        bench.advance(.seconds(4))
        #expect(bench.status().lastTransition?.reason == .masterDown)
    }

    /// nopreempt: every advertisement counts as superior (behaviours §7).
    @Test func nopreemptFollowsAnInferiorMaster() {
        var bench = Bench { $0.nopreempt = true }
        for _ in 0..<20 {
            bench.advance(.seconds(1))
            bench.receive(1)
        }
        #expect(bench.state == .backup)
        #expect(bench.status().waiting == .nopreempt)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        bench.advance(.seconds(4))
        #expect(bench.state == .master)
    }

    /// p37, T7 (b): preempt_delay runs from the first inferior advertisement, and the takeover is when it ends.
    @Test func preemptDelayDelaysALiveMaster() {
        var bench = Bench { $0.preemptDelay = .seconds(4) }
        bench.receive(50)
        for _ in 0..<3 {
            bench.advance(.seconds(1))
            bench.receive(50)
            #expect(bench.status().waiting == .preemptDelay)
        }
        #expect(bench.remaining == .seconds(1))
        bench.advance(.milliseconds(999))
        #expect(bench.state == .backup)
        bench.advance(.milliseconds(1))
        #expect(bench.state == .master)
        #expect(bench.status().lastTransition?.reason == .preempted)
        #expect(bench.status().lastTransition?.peer == Bench.lower)
    }

    /// The master dies, or leaves, while the delay runs.
    @Test func preemptDelayEndsWithItsMaster() {
        var dead = Bench { $0.preemptDelay = .seconds(10) }
        dead.receive(50)
        dead.advance(.milliseconds(3_609))
        #expect(dead.state == .backup)
        dead.advance(.milliseconds(1))
        #expect(dead.status().lastTransition?.reason == .masterDown)
        var left = Bench { $0.preemptDelay = .seconds(1) }
        left.receive(50)
        left.advance(.milliseconds(900))
        left.receive(0)
        left.advance(.milliseconds(600))
        #expect(left.state == .backup)
        left.advance(.milliseconds(10))
        #expect(left.status().lastTransition?.reason == .masterReleased)
    }

    /// A priority that a tracker lowers below the master's while the delay runs: what it has waited for isn't its due.
    @Test func preemptDelayOfAPriorityThatFell() {
        var bench = Bench {
            $0.preemptDelay = .seconds(4)
            $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: -60)]
        }
        for _ in 0..<4 {
            bench.receive(50)
            bench.advance(.milliseconds(950))
        }
        var eth1 = Bench.interface("eth1", 3)
        eth1.isUsable = false
        bench.handle(.interface(eth1))
        bench.advance(.milliseconds(800))
        #expect(bench.state == .backup)
        eth1.isUsable = true
        bench.handle(.interface(eth1))
        bench.advance(.zero)
        #expect(bench.status().lastTransition?.reason == .preempted, "it has waited, and may again")
    }

    /// A superior advertisement clears the delay.
    @Test func preemptDelayStartsAgainAfterASuperiorMaster() {
        var bench = Bench { $0.preemptDelay = .seconds(4) }
        bench.receive(50)
        bench.advance(.seconds(3))
        bench.receive(200, from: Bench.higher)
        bench.advance(.seconds(3))
        bench.receive(50)
        #expect(bench.status().waiting == .preemptDelay)
    }

    /// The last advertisement of a lower master that yields to a superior one is heard after the superior one's: a short
    /// delay that it began would be over before the next of those, and there would be two masters.
    @Test func preemptDelayOutlastsASuperiorMaster() {
        var bench = Bench { $0.preemptDelay = .milliseconds(500) }
        bench.receive(200, from: Bench.higher)
        bench.advance(.milliseconds(1))
        bench.receive(50)
        bench.advance(.milliseconds(990))
        #expect(bench.state == .backup)
        bench.receive(200, from: Bench.higher)
        bench.advance(.seconds(1))
        #expect(bench.status().waiting == .higherPriority)
        // It dies, and the lower one is the master: its time is waited for, and no longer.
        bench.receive(50)
        bench.advance(.milliseconds(2_609))
        #expect(bench.state == .backup)
        bench.receive(50)
        bench.advance(.milliseconds(1))
        #expect(bench.status().lastTransition?.reason == .preempted)
    }

    /// T7 (c): no master, no delay.
    @Test func preemptDelayNeedsAMaster() {
        var bench = Bench { $0.preemptDelay = .seconds(1_000) }
        bench.advance(.seconds(4))
        #expect(bench.state == .master)
        var other = Bench { $0.preemptDelay = .seconds(1_000) }
        other.receive(50)
        other.advance(.seconds(4))
        #expect(other.state == .master)
    }

    /// §6.4.2: version 3 adopts the master's interval.
    @Test func learnsTheIntervalInVersion3() {
        var bench = Bench { $0.version = .v3 }
        bench.receive(200) { $0.interval = .centiseconds(50) }
        #expect(bench.status().advertInterval == .centiseconds(50))
        #expect(bench.remaining == Interval(nanoseconds: 1_500_000_000 + 500_000_000 * 156 / 256))
        #expect(bench.status().remarks(.intervalAdopted) == 1)
        // As MASTER its own counts again.
        bench.advance(.seconds(2))
        #expect(bench.state == .master)
        #expect(bench.status().advertInterval == .seconds(1))
    }

    /// An inferior master's interval isn't learned.
    @Test func doesNotLearnFromAnInferior() {
        var bench = Bench { $0.version = .v3 }
        bench.receive(50) { $0.interval = .centiseconds(5) }
        #expect(bench.status().advertInterval == .seconds(1))
    }

    /// Another address list is accepted with a remark, told once a master (behaviours §7).
    @Test func otherAddressListIsAccepted() {
        var bench = Bench()
        _ = bench.take()
        for _ in 0..<3 { bench.receive(200) { $0.addresses.append(address("10.0.4.2")) } }
        #expect(bench.status().counters.advertsReceived == 3)
        #expect(bench.status().remarks(.addressListMismatch) == 3)
        #expect(bench.take().remarks == [.addressListMismatch])
    }

    /// The order of addresses isn't a difference, and skip_check_adv_addr doesn't look.
    @Test func sameAddressesInAnotherOrder() {
        var bench = Bench { $0.virtualAddresses = [virtual("10.0.4.1/24"), virtual("10.0.4.2/24")] }
        bench.receive(200) { $0.addresses.reverse() }
        #expect(bench.status().remarks(.addressListMismatch) == 0)
        var blind = Bench { $0.skipsAddressListCheck = true }
        blind.receive(200) { $0.addresses = [] }
        #expect(blind.status().remarks(.addressListMismatch) == 0)
    }

    /// 255 at the start: at once (§6.4.1).
    @Test func ownerStartsAsMaster() {
        var bench = Bench { $0.priority = .owner }
        #expect(bench.remaining == .zero)
        bench.advance(.zero)
        #expect(bench.state == .master)
        #expect(bench.take().reasons == [.started, .addressOwner])
    }

    /// Nothing is sent or judged before the startup delay is over; the timer counts from its end (behaviours §4).
    @Test func startupDelay() {
        var global = GlobalSettings()
        global.startupDelay = .seconds(10)
        var bench = Bench(global: global)
        bench.receive(200)
        #expect(bench.status().discarded(.notRunning) == 1)
        #expect(bench.status().waiting == .startupDelay)
        #expect(bench.remaining == .seconds(10) + Interval(nanoseconds: 3_609_375_000))
        bench.advance(.seconds(10))
        bench.receive(200)
        #expect(bench.status().counters.advertsReceived == 1)
        var owner = Bench(global: global) { $0.priority = .owner }
        owner.advance(.seconds(9))
        #expect(owner.state == .backup)
        owner.advance(.seconds(1))
        #expect(owner.state == .master)
    }

    /// T3: a timer that fires more than an interval late is no evidence; one interval and the skew more is listened to.
    @Test func stalledBackupListensAgain() {
        var bench = Bench()
        bench.stall(.seconds(20))
        bench.handle(.timeout)
        #expect(bench.state == .backup)
        #expect(bench.take().stalls == [.seconds(20) - Interval(nanoseconds: 3_609_375_000)])
        #expect(bench.remaining == Interval(nanoseconds: 1_609_375_000))
        // Late again: it claims, or a machine that is always late never would.
        bench.stall(.seconds(20))
        bench.handle(.timeout)
        #expect(bench.state == .master)
    }

    /// T3: what was queued is judged before the timer; the master lives, and nothing happens.
    @Test func stalledBackupReadsItsQueueFirst() {
        var bench = Bench()
        bench.receive(200)
        bench.stall(.seconds(20))
        bench.receive(200)
        bench.handle(.timeout)
        #expect(bench.state == .backup)
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
    }

    /// Spurious timeouts do nothing.
    @Test func spuriousTimeouts() {
        var bench = Bench()
        _ = bench.take()
        for _ in 0..<100 {
            bench.stall(.milliseconds(10))
            bench.handle(.timeout)
        }
        #expect(bench.take().isEmpty)
        #expect(bench.remaining == Interval(nanoseconds: 2_609_375_000))
    }

    /// The hot path leaves the heap alone: the deadline isn't moved by each advertisement.
    @Test func deadlineMovesLazily() {
        var bench = Bench()
        let first = bench.node.deadline
        bench.advance(.seconds(1))
        bench.receive(200)
        #expect(bench.node.deadline == first)
        bench.advance(.seconds(3))
        #expect(bench.node.deadline > first)
        #expect(bench.state == .backup)
    }
}
