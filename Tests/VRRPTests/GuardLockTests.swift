import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// A guarded node whose lock's engine answers a millisecond after it was asked, and what the other nodes say.
private struct LockedBench {
    var guarded: GuardBench
    var revision: UInt64 = 0
    var value: LockValue?
    /// False of an engine that is dead, or can't be reached.
    var answers = true
    /// True of an engine whose answers are lost.
    var isMute = false
    private var seen = 0

    static let ttl = Interval.seconds(4)

    init(
        _ mode: LockSettings.LockMode = .smart, nodes: Int = 2, priority: UInt8 = 100,
        _ change: (inout ClusterSettings) -> Void = { _ in }
    ) {
        guarded = GuardBench(nodes: nodes, priority: priority) { cluster in
            var lock = LockSettings(engine: .witness(IPAddress(v4: 9), port: 7_113))
            lock.mode = mode
            lock.ttl = Self.ttl
            cluster.lock = lock
            change(&cluster)
        }
    }

    /// MASTER, because n1 has agreed.
    static func master(
        _ mode: LockSettings.LockMode = .smart, _ change: (inout ClusterSettings) -> Void = { _ in }
    ) -> LockedBench {
        var bench = LockedBench(mode, change)
        bench.hear(for: .seconds(4))
        let claim = bench.guarded.claim
        bench.guarded.hear { $0.assent(to: claim) }
        bench.run(.milliseconds(100))
        return bench
    }

    var state: RouterState { guarded.state }
    var requests: [LockRequest] {
        guarded.actions.compactMap { if case .lock(_, let request) = $0 { request } else { nil } }
    }
    var reads: Int { requests.count { $0.change == .read } }
    var standing: GroupStanding? { guarded.standing }
    var isOurs: Bool { value?.owner == 0 }
    var report: ClusterLockReport? { guarded.bench.node.clusterLocks(at: guarded.bench.now).first }
    var reason: TransitionReason? { guarded.actions.reasons.last }

    /// The other node writes.
    mutating func write(_ owner: UInt8?, epoch: UInt64 = 1) {
        revision += 1
        value = LockValue(owner: owner, nonce: 77, epoch: epoch, counter: revision)
    }

    mutating func answer() {
        let actions = guarded.actions
        let new = actions[seen...]
        seen = actions.count
        guard answers else { return }
        for case .lock(let cluster, let request) in new {
            var isWritten = false
            if case .exchange(let expected, let new) = request.change, expected == revision {
                (revision, value, isWritten) = (revision + 1, new, true)
            }
            if isMute { continue }
            let result = LockAnswer.LockOutcome.register(revision: revision, value, isWritten: isWritten)
            let answer = LockAnswer(number: request.number, group: request.group, result: result)
            guarded.bench.handle(.lockAnswered(answer, cluster: cluster))
        }
    }

    mutating func run(_ time: Interval) {
        let end = guarded.bench.now + time
        while guarded.bench.now < end {
            guarded.advance(.milliseconds(1))
            answer()
        }
        guarded.advance(.zero)
    }

    mutating func hear(for time: Interval, _ state: RouterState = .backup, from senders: [UInt8] = [1]) {
        let end = guarded.bench.now + time
        while guarded.bench.now < end {
            for sender in senders { guarded.hear(state, from: sender) }
            run(.milliseconds(100))
        }
    }

    /// Runs until something is so, at most for so long. - Returns: the time that it took.
    mutating func run(atMost time: Interval, until isTrue: (LockedBench) -> Bool) -> Interval {
        let start = guarded.bench.now
        while !isTrue(self), guarded.bench.now - start < time { run(.milliseconds(1)) }
        return guarded.bench.now - start
    }
}

/// The lock in the decisions of a guard, one case each, with the numbers that they have in docs/decisions.
@Suite struct GuardLockTests {
    // MARK: D115: smart

    @Test("D115: in peace a smart lock is read every 10 s, and nobody holds it")
    func peace() {
        var bench = LockedBench.master()
        #expect(bench.state == .master && !bench.isOurs)
        bench.hear(for: .seconds(30), .backup)
        #expect((3...5).contains(bench.reads) && bench.requests.count == bench.reads)
    }

    @Test("D115: a MASTER takes it when somebody isn't heard for its patience, by one exchange")
    func takenByMaster() {
        var bench = LockedBench.master()
        bench.hear(for: .seconds(2), .backup)
        let before = bench.requests.count
        bench.run(.milliseconds(350))
        #expect(!bench.isOurs)
        bench.run(.milliseconds(200))
        #expect(bench.isOurs && bench.requests.count == before + 1 && bench.state == .master)
        #expect(bench.standing?.flags.contains(.holdsLock) == true)
        bench.run(.seconds(60))
        #expect(bench.isOurs && bench.state == .master)
    }

    @Test("D115: it is given back twice the timeout after all are heard again")
    func givenBack() {
        var bench = LockedBench.master()
        bench.run(.seconds(3))
        #expect(bench.isOurs)
        bench.hear(for: .milliseconds(1_900))
        #expect(bench.isOurs)
        bench.hear(for: .milliseconds(500))
        #expect(bench.value != nil && bench.value?.owner == nil)
        #expect(bench.standing?.flags.contains(.holdsLock) == false)
    }

    @Test("D115: who is off is missed by nobody")
    func offNode() {
        var bench = LockedBench.master()
        bench.guarded.hear(.initialize) { frame in
            frame.echoes[0].isGoodbye = true
            frame.standings[0].flags = []
        }
        bench.run(.seconds(20))
        #expect(bench.value == nil && bench.state == .master)
    }

    @Test("D108 (3): a BACKUP takes it when a silent node may be replaced, and is MASTER at once")
    func takenByBackup() throws {
        var bench = LockedBench()
        bench.hear(for: .seconds(4), .master)
        // (0.6 of Z's others + 0.1 + its own timeout of 0.4) after the last frame, and a request.
        let waited = bench.run(atMost: .seconds(5)) { $0.state == .master }
        #expect(bench.isOurs && waited < .milliseconds(1_300))
        #expect(bench.standing?.flags.isSuperset(of: [.isProved, .holdsLock]) == true)
        #expect(bench.guarded.holds.allSatisfy { $0 != .asksForLock })
    }

    @Test("D108 (3): who agrees needs no smart lock, and `always` has it for each claim")
    func claimsByAssent() {
        #expect(LockedBench.master().value == nil)
        let bench = LockedBench.master(.always)
        #expect(bench.state == .master && bench.isOurs)
    }

    @Test("D108 (3): a lock that another node renews isn't taken, and the claim says so")
    func heldByOther() {
        var bench = LockedBench()
        bench.hear(for: .seconds(4), .master)
        for _ in 0..<20 {
            bench.write(1)
            bench.run(.seconds(1))
        }
        #expect(bench.state == .backup && bench.guarded.holds.contains(.lockHeldByOther))
        // It stops.
        let waited = bench.run(atMost: .seconds(10)) { $0.state == .master }
        #expect(waited > .milliseconds(3_000) && waited < .milliseconds(4_100))
        #expect(bench.guarded.holds.contains(.awaitsLock))
    }

    @Test("D114: a released value is free at once")
    func released() {
        var bench = LockedBench()
        bench.hear(for: .seconds(4), .master)
        bench.write(1)
        bench.run(.seconds(3))
        #expect(bench.state == .backup)
        bench.write(nil)
        bench.run(.milliseconds(600))
        #expect(bench.state == .master)
    }

    @Test("D108 (3): an engine that doesn't answer keeps a silent node from being replaced")
    func deadEngine() {
        var bench = LockedBench()
        bench.hear(for: .seconds(4), .master)
        bench.answers = false
        bench.run(.seconds(30))
        #expect(bench.state == .backup && bench.guarded.holds.contains(.lockUnreachable))
        #expect(bench.guarded.bench.status().guardHold?.kind == .lockUnreachable)
        bench.answers = true
        bench.run(.seconds(1))
        #expect(bench.state == .master)
    }

    @Test("D108: a claim that ends gives the lock back")
    func endedClaim() {
        var bench = LockedBench(nodes: 3)
        bench.hear(for: .seconds(4), .master, from: [1])
        bench.hear(for: .seconds(1), .backup, from: [2])
        // It has it, and doesn't know that.
        bench.isMute = true
        let waited = bench.run(atMost: .seconds(3)) { $0.isOurs }
        #expect(waited < .seconds(3))
        bench.isMute = false
        bench.hear(for: .seconds(1), .master, from: [1, 2])
        #expect(bench.state == .backup && bench.value?.owner == nil)
    }

    // MARK: D109: staying

    @Test("D109 (b): a MASTER that misses somebody and finds another's lock lets go")
    func lostToAnother() {
        var bench = LockedBench.master()
        bench.hear(for: .seconds(1))
        bench.write(1)
        bench.hear(for: .seconds(12))
        bench.write(1)
        #expect(bench.state == .master)
        bench.run(.milliseconds(700))
        #expect(bench.state == .backup && bench.reason == .guarded(.lockLost(node: "n1")))
    }

    @Test("D109 (b): what an engine that can't be reached means is `unreachable`'s to say")
    func unreachable() {
        for (word, hasReferences, stays) in [
            (LockSettings.Unreachable.auto, false, false), (.stay, false, true), (.release, false, false),
        ] {
            var bench = LockedBench.master { $0.lock?.unreachable = word }
            bench.hear(for: .seconds(1))
            bench.answers = false
            // T/2 since the newest frame that came back, then the time of a request.
            bench.run(.milliseconds(700))
            #expect(bench.state == .master)
            bench.run(.milliseconds(250))
            #expect(bench.state == (stays ? .master : .backup), "\(word) \(hasReferences)")
            if !stays { #expect(bench.reason == .guarded(.lockUnreachable)) }
        }
    }

    @Test("D109 (b): a smart lease that isn't renewed ends the mastership before it ends, with the time of a release")
    func leaseOver() {
        var bench = LockedBench.master()
        bench.run(.seconds(5))
        #expect(bench.isOurs)
        bench.answers = false
        let waited = bench.run(atMost: .seconds(6)) { $0.state == .backup }
        #expect(waited > .milliseconds(2_800) && waited < .milliseconds(3_830))
    }

    @Test("D109 (a): `always` stays without a lease while a fresh echo comes, and lets go without")
    func alwaysWithoutEngine() {
        var bench = LockedBench.master(.always)
        bench.answers = false
        bench.hear(for: .seconds(20))
        #expect(bench.state == .master)
        bench.run(.seconds(1))
        #expect(bench.state == .backup && bench.reason == .guarded(.lockUnreachable))
    }

    @Test("D109 (a): `always` lets go for another's lock, though everybody is heard")
    func alwaysLost() {
        var bench = LockedBench.master(.always)
        bench.write(1)
        bench.hear(for: .seconds(2))
        #expect(bench.state == .backup && bench.reason == .guarded(.lockLost(node: "n1")))
    }

    @Test("D107: with `always` the lock is renewed every quarter of the ttl at least")
    func alwaysRenews() {
        var bench = LockedBench.master(.always)
        let before = bench.requests.count
        bench.hear(for: .seconds(20))
        #expect((19...22).contains(bench.requests.count - before))
    }

    // MARK: D110 to D112

    @Test("D110: the epoch is one more than the highest in frames and lock")
    func epoch() {
        var bench = LockedBench(.always)
        bench.write(nil, epoch: 41)
        bench.hear(for: .seconds(4), .master)
        bench.run(.seconds(3))
        #expect(bench.state == .master && bench.standing?.epoch == 42 && bench.value?.epoch == 42)
        bench.run(.seconds(3))
        #expect(bench.standing?.epoch == 42 && bench.value?.epoch == 42)
    }

    @Test("D110: without heartbeats the holder asks the engine, and answers a better advertisement after that")
    func advertWithoutHeartbeats() {
        var bench = LockedBench { cluster in for place in cluster.nodes.indices { cluster.nodes[place].paths = [] } }
        bench.run(.seconds(8))
        #expect(bench.state == .master && bench.isOurs)
        let (adverts, requests) = (bench.guarded.actions.adverts.count, bench.requests.count)
        bench.guarded.bench.receive(200, from: Bench.higher)
        bench.guarded.advance(.zero)
        #expect(bench.guarded.bench.state == .master && bench.guarded.actions.adverts.count == adverts)
        bench.run(.milliseconds(30))
        #expect(bench.requests.count == requests + 1 && bench.guarded.actions.adverts.count == adverts + 1)
        // One whose lock is another's by now lets go instead.
        bench.write(1)
        bench.guarded.bench.receive(200, from: Bench.higher)
        bench.run(.milliseconds(30))
        #expect(bench.state == .backup && bench.reason == .guarded(.lockLost(node: "n1")))
    }

    @Test("D110: without heartbeats and without the lock a better advertisement decides")
    func advertWithoutLock() {
        var bench = LockedBench { cluster in
            for place in cluster.nodes.indices { cluster.nodes[place].paths = [] }
            cluster.lock?.unreachable = .stay
        }
        bench.run(.seconds(8))
        bench.answers = false
        bench.run(.seconds(5))
        #expect(bench.state == .master)
        bench.guarded.bench.receive(200, from: Bench.higher)
        #expect(bench.guarded.bench.state == .backup)
    }

    @Test("D111: the lock is given back when the addresses are gone, and not before")
    func releaseIsOver() {
        var bench = LockedBench.master(.always)
        bench.guarded.bench.kernelAnswers = false
        bench.guarded.hear { frame in
            frame.standings[0].flags = [.ready, .claims, .asksForHandOver]
            frame.standings[0].claim = 9
            frame.standings[0].priority = 200
        }
        bench.hear(for: .seconds(2))
        #expect(bench.state == .backup && bench.isOurs)
        for action in bench.guarded.actions.filter({ if case .withdraw = $0 { true } else { false } }) {
            bench.guarded.bench.answer(action)
        }
        bench.hear(for: .milliseconds(200))
        #expect(bench.value?.owner == nil)
    }

    @Test("D112: at a cold start the lock is the proof, whatever cold_start says")
    func coldStart() {
        for wait in [ColdStart.wait, .claim(after: .seconds(60))] {
            var bench = LockedBench { $0.coldStart = wait }
            bench.run(.seconds(6))
            #expect(bench.state == .master && bench.isOurs)
            #expect(bench.standing?.flags.contains(.isProved) == true)
        }
        var held = LockedBench()
        held.write(1)
        held.run(.seconds(4))
        #expect(held.state == .backup)
    }

    @Test("D127: the death of a worker loses no lease: its successor renews at once")
    func successor() {
        var bench = LockedBench.master(.always)
        bench.run(.milliseconds(300))
        let end = bench.value?.counter ?? 0
        let before = bench.requests.count
        bench.guarded.die()
        bench.run(.milliseconds(5))
        #expect(bench.state == .master && bench.requests.count == before + 1)
        #expect((bench.value?.counter ?? 0) > end && bench.isOurs)
        #expect(bench.standing?.flags.isSuperset(of: [.isProved, .holdsLock]) == true)
    }

    // MARK: D114: the engine

    @Test("D114: an engine that is dead in peace is told once, and so is its return")
    func engineIsTold() {
        var bench = LockedBench.master()
        bench.answers = false
        bench.hear(for: .seconds(60))
        bench.answers = true
        bench.hear(for: .seconds(12))
        let news = bench.guarded.actions.compactMap {
            if case .observe(.clusterLock(let name, let isDead, _)) = $0, name == "web" { isDead } else { nil }
        }
        #expect(news == [true, false] && bench.state == .master)
    }

    @Test("D115: status says whose the lock is, for how long, and since when its engine doesn't answer")
    func status() throws {
        var bench = LockedBench.master()
        #expect(try #require(bench.report).holder == nil)
        bench.run(.seconds(5))
        let held = try #require(bench.report)
        #expect(held.isOurs && held.holder == "n0" && held.isAnswering && held.group == "VI_1")
        #expect((held.leaseLeft ?? .zero) > .seconds(2))
        bench.answers = false
        bench.run(.seconds(3))
        #expect(bench.report?.isAnswering == false && bench.report?.silentFor != nil)
        var other = LockedBench()
        other.hear(for: .seconds(4), .master)
        other.write(1)
        other.run(.seconds(2))
        #expect(other.report?.holder == "n1" && other.report?.isOurs == false && other.report?.leaseLeft == nil)
    }
}
