import Base
import ConfigurationModel
import Testing
import VRRP

/// MASTER, RFC 9568 §6.4.3 and RFC 3768 §6.4.3.
@Suite struct MasterTests {
    /// §6.4.3: every interval, from when the last one was due: no drift.
    @Test func advertisesWithoutDrift() {
        var bench = Bench.master()
        let began = bench.node.deadline
        bench.advance(.seconds(1))
        // Fired 3 ms late a hundred times: the rate doesn't suffer.
        for _ in 0..<100 {
            bench.now = bench.node.deadline + .milliseconds(3)
            bench.handle(.timeout)
        }
        #expect((bench.node.deadline - began).nanoseconds % 1_000_000_000 == 0)
        #expect(bench.node.deadline - began <= .seconds(102))
    }

    /// More than an interval behind: one advertisement now, not all that were missed.
    @Test func doesNotCatchUp() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.stall(.milliseconds(2_500))
        bench.handle(.timeout)
        #expect(bench.take().adverts == [100])
        #expect(bench.node.deadline == bench.now + .seconds(1))
    }

    /// §6.4.3: priority 0 is answered at once.
    @Test func answersARelease() {
        var bench = Bench.master()
        bench.advance(.milliseconds(500))
        _ = bench.take()
        bench.receive(0)
        #expect(bench.take().adverts == [100])
        #expect(bench.state == .master)
    }

    /// §6.4.3: a higher priority, or the same and a higher address: BACKUP, the addresses go, no priority 0.
    @Test(arguments: [(200, "10.0.0.1"), (101, "10.0.0.1"), (100, "10.0.0.9"), (255, "10.0.0.1")])
    func yields(_ priority: UInt8, _ source: String) {
        var bench = Bench.master()
        bench.receive(priority, from: address(source))
        #expect(bench.state == .backup)
        let actions = bench.take()
        #expect(!actions.adverts.contains(0))
        #expect(actions.withdrawn == [[address("10.0.4.1")]])
        #expect(actions.notified == [.backup])
        #expect(actions.reasons == [priority == 100 ? .equalPriorityHigherAddress : .higherPriority])
        #expect(bench.remaining == Interval(nanoseconds: 3_609_375_000))
        #expect(bench.status().master == address(source))
        bench.advance(.seconds(3))
        #expect(bench.take().adverts.isEmpty)
    }

    /// T1: one last advertisement, by which the winner learns that there were two.
    @Test func lastWordBeforeYielding() {
        var bench = Bench.master()
        bench.receive(200)
        #expect(bench.take().adverts == [100])
    }

    /// §6.4.3: a lower priority, or the same and a lower address, is answered at once, and stays so.
    @Test(arguments: [(99, "10.0.0.9"), (1, "10.0.0.1"), (100, "10.0.0.1")])
    func standsFirm(_ priority: UInt8, _ source: String) {
        var bench = Bench.master()
        bench.advance(.milliseconds(500))
        _ = bench.take()
        bench.receive(priority, from: address(source))
        #expect(bench.state == .master)
        let actions = bench.take()
        #expect(actions.adverts == [100])
        // T1: neighbours are told again whose the addresses are.
        #expect(actions.announced.count == 5)
    }

    /// garp_lower_prio_delay: the burst comes a second time.
    @Test func announcesAgainAfterALowerPriority() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.advance(.milliseconds(500))
        bench.receive(50)
        _ = bench.take()
        bench.advance(.milliseconds(4_900))
        #expect(bench.take().announced.isEmpty)
        bench.advance(.milliseconds(200))
        #expect(bench.take().announced.count == 5)
    }

    /// lower_prio_no_advert, and garp_lower_prio_repeat 0.
    @Test func lowerPriorityOptions() {
        var bench = Bench.master {
            $0.lowerPriorityNoAdvert = true
            $0.announcements.lowerPriorityRounds = 0
        }
        bench.advance(.milliseconds(500))
        _ = bench.take()
        bench.receive(50)
        let actions = bench.take()
        #expect(actions.adverts.isEmpty)
        #expect(actions.announced.isEmpty)
    }

    /// A flood of lower-priority advertisements isn't answered by a flood, and never moves the timer.
    @Test func answersAreBounded() {
        var bench = Bench.master()
        let due = bench.node.deadline
        bench.now = due - .milliseconds(100)
        _ = bench.take()
        for _ in 0..<1_000 { bench.receive(50) }
        #expect(bench.take().adverts.count == 1)
        #expect(bench.node.deadline <= due)
    }

    /// §6.4.3: a priority 0 must be answered, however soon it comes after an advertisement: a backup waits only for its
    /// skew now. What may not leave at once leaves a sixteenth of an interval after the last one, and the period goes on
    /// from there.
    @Test func answersAReleaseRightAfterAnAdvertisement() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.advance(bench.node.deadline - bench.now)
        #expect(bench.take().adverts == [100])
        bench.advance(.milliseconds(20))
        bench.receive(0)
        bench.receive(0)
        #expect(bench.take().adverts.isEmpty)
        #expect(bench.node.deadline - bench.now == .microseconds(42_500))
        bench.advance(.microseconds(42_500))
        #expect(bench.take().adverts == [100])
        bench.advance(.microseconds(999_999))
        #expect(bench.take().adverts.isEmpty)
        bench.advance(.microseconds(1))
        #expect(bench.take().adverts == [100])
    }

    /// An advertisement that is due sooner anyway isn't put off by a priority 0.
    @Test func aReleaseDelaysNothing() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        let due = bench.node.deadline
        bench.advance(due - bench.now - .milliseconds(10))
        bench.receive(0)
        bench.receive(0)
        #expect(bench.take().adverts == [100])
        #expect(bench.node.deadline == due)
    }

    /// A flood of priority 0 gets sixteen answers in an interval.
    @Test func answersToReleasesAreBounded() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.advance(bench.node.deadline - bench.now)
        _ = bench.take()
        for _ in 0..<1_000 {
            bench.receive(0)
            bench.advance(.milliseconds(1))
        }
        #expect(bench.take().adverts.count == 16)
        #expect(bench.state == .master)
    }

    /// Two owners: the lower address yields and waits like anyone (§6.4.3 applied to priority 255).
    @Test func ownerConflict() {
        var bench = Bench { $0.priority = .owner }
        bench.advance(.seconds(1))
        bench.receive(255, from: Bench.higher)
        #expect(bench.state == .backup)
        bench.advance(.seconds(2))
        #expect(bench.state == .backup)
        bench.advance(.seconds(2))
        #expect(bench.state == .master)
        bench.receive(255, from: Bench.lower)
        #expect(bench.state == .master)
    }

    /// T3: silent for longer than peers wait: told, sent at once, announced again.
    @Test func stalledMaster() {
        var bench = Bench.master { $0.announcements.delay = .zero }
        bench.stall(.seconds(10))
        bench.handle(.timeout)
        let actions = bench.take()
        #expect(actions.stalls.count == 1)
        #expect(actions.adverts == [100])
        #expect(actions.announced.count == 5)
        #expect(bench.state == .master)
    }

    /// T3: the queue says that a better master took over; no advertisement but the last word leaves.
    @Test func stalledMasterReadsItsQueueFirst() {
        var bench = Bench.master()
        bench.stall(.seconds(10))
        bench.receive(150)
        bench.handle(.timeout)
        #expect(bench.state == .backup)
        #expect(bench.take().adverts == [100])
    }

    /// Advertisements due within a 64th of the interval leave together; each keeps its own phase.
    @Test func batchesWhatIsNearlyDue() {
        var bench = Bench { $0.announcements.delay = .zero }
        bench.stall(.milliseconds(1))
        bench.reload { model in
            model.instances.append(Bench.settings { $0.virtualRouterID = VRID(rawValue: 21) })
            model.instances[1].announcements.delay = .zero
        }
        bench.advance(.seconds(5))
        _ = bench.take()
        var wakeups = 0
        let end = bench.now + .seconds(100)
        while bench.node.deadline <= end {
            bench.now = bench.node.deadline
            bench.handle(.timeout)
            wakeups += 1
        }
        #expect(wakeups == 100)
        #expect(bench.take().adverts.count == 200)
        #expect(bench.status(0).counters.advertsSent == bench.status(1).counters.advertsSent)
    }

    /// Counters of a life.
    @Test func counts() {
        var bench = Bench.master()
        bench.receive(200)
        bench.advance(.seconds(4))
        let counters = bench.status().counters
        #expect(counters.becameMaster == 2)
        #expect(counters.leftMaster == 1)
        #expect(counters.advertsReceived == 1)
        #expect(counters.advertsSent >= 3)
    }

    /// Equal priorities, all pairs both ways: exactly one of two masters yields.
    @Test func electionIsTotal() {
        let addresses = ["10.0.0.1", "10.0.0.4", "10.0.0.6", "10.0.0.9", "10.0.0.255"]
        for priority: UInt8 in [1, 99, 100, 101, 254] {
            for other in addresses {
                var bench = Bench.master()
                bench.receive(priority, from: address(other))
                let loses = priority > 100 || priority == 100 && address(other) > Bench.own
                #expect((bench.state == .backup) == loses)
            }
        }
    }
}
