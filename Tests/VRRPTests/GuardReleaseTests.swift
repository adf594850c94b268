import Base
import ConfigurationModel
import Testing
import Wire

@testable import VRRP

/// The release script of a cluster (docs/decisions, D111): a group is released when the kernel has let its addresses go and
/// the script has ended.
@Suite struct GuardReleaseTests {
    private static let script = ReleaseScript(arguments: ["/stop"])

    /// n0 is MASTER of a group with a release script of 1 s.
    private static func master() -> GuardBench {
        var guarded = GuardBench { $0.release = script }
        guarded.hear(for: .seconds(4))
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        guarded.advance(.milliseconds(100))
        return guarded
    }

    private static func asks(_ frame: inout Heartbeat) {
        frame.standings[0].flags = [.ready, .claims, .asksForHandOver]
        frame.standings[0].claim = 9
        frame.standings[0].priority = 200
    }

    /// n0 has let go for n1, and its script runs.
    private static func releasing() -> GuardBench {
        var guarded = master()
        guarded.hear(change: asks)
        return guarded
    }

    @Test("D111: priority 0, the addresses, the script behind the kernel's answer, and then the frame")
    func order() throws {
        var guarded = Self.master()
        #expect(guarded.state == .master)
        guarded.bench.kernelAnswers = false
        guarded.hear(change: Self.asks)
        #expect(guarded.state == .backup && guarded.actions.adverts.last == 0)
        #expect(guarded.runs.isEmpty, "the kernel hasn't answered")
        for action in guarded.actions.filter({ if case .withdraw = $0 { true } else { false } }) {
            guarded.bench.answer(action)
        }
        guarded.hear(change: Self.asks)
        let run = try #require(guarded.runs.last)
        #expect(guarded.runs.count == 1 && run.subject == .guarded(cluster: 0, group: 0) && run.hook == .release)
        #expect(guarded.isTakenForHolder && guarded.standing?.assentsTo == nil)
        guarded.end(run, succeeded: true)
        #expect(!guarded.isTakenForHolder)
        #expect(guarded.standing?.assentsTo == 1 && guarded.standing?.claim == 9)
    }

    @Test("D111: while the script runs, who has let go neither claims nor agrees, however late its own timer is over")
    func noClaimMeanwhile() throws {
        var guarded = Self.releasing()
        guarded.hear(for: .milliseconds(900), change: Self.asks)
        #expect(guarded.isTakenForHolder && guarded.claim == 0 && guarded.standing?.assentsTo == nil)
        #expect(guarded.bench.status().awaitedHook == .release)
    }

    @Test("D111: its end lets the one go first that waits for it, even when our own timer is over")
    func theWaitingOneGoesFirst() throws {
        var guarded = GuardBench(priority: 250) { cluster in
            cluster.release = ReleaseScript(arguments: ["/stop"])
            cluster.release?.timeout = .seconds(20)
        }
        guarded.hear(for: .seconds(4))
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        let order = OperatorOrder(.resigned, NotificationKey(.instance, "VI_1"), number: 1, until: .never)
        guarded.handle(.orders([order]))
        #expect(guarded.state == .backup)
        let claims: (inout Heartbeat) -> Void = { frame in
            frame.standings[0].flags = [.ready, .claims]
            frame.standings[0].claim = 9
        }
        guarded.hear(for: .seconds(9), change: claims)
        #expect(guarded.state == .backup && guarded.claim == 0)
        guarded.end(try #require(guarded.runs.last), succeeded: true)
        #expect(guarded.claim == 0 && guarded.standing?.assentsTo == 1 && !guarded.isTakenForHolder)
    }

    @Test("D111: nobody else there: it is MASTER again when its script has ended, and not before")
    func again() throws {
        var guarded = GuardBench { cluster in
            cluster.release = ReleaseScript(arguments: ["/stop"])
            cluster.release?.timeout = .seconds(20)
        }
        guarded.hear(for: .seconds(4))
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        guarded.hear(change: Self.asks)
        #expect(guarded.state == .backup)
        guarded.advance(.seconds(15))
        #expect(guarded.state == .backup && guarded.holds.last == .ownRelease)
        guarded.end(try #require(guarded.runs.last), succeeded: true)
        let next = guarded.claim
        #expect(next != 0 && !guarded.isTakenForHolder)
        guarded.hear { $0.assent(to: next) }
        #expect(guarded.state == .master)
    }

    @Test("D111: a script that is killed counts as not released: the others wait, and status says so")
    func killed() throws {
        var guarded = Self.releasing()
        let run = try #require(guarded.runs.last)
        guarded.hear(for: .milliseconds(1_500), change: Self.asks)
        #expect(guarded.holds.last == .notReleased, "it is late")
        guarded.end(run, succeeded: false)
        guarded.hear(for: .seconds(60), change: Self.asks)
        #expect(guarded.isTakenForHolder && guarded.standing?.assentsTo == nil && guarded.state == .backup)
        #expect(guarded.bench.status().guardHold?.kind == .notReleased)
        #expect(guarded.holds.filter { $0 == .notReleased }.count == 1)
        // It has what nobody else may have: it may be MASTER again itself, and its next release begins anew.
        let claim = guarded.claim
        #expect(claim != 0)
        guarded.hear { $0.assent(to: claim) }
        guarded.hear(for: .seconds(2), change: Self.asks)
        #expect(guarded.state == .master && guarded.bench.status().hasFailedRelease, "it isn't asked once more")
        let order = OperatorOrder(.resigned, NotificationKey(.instance, "VI_1"), number: 1, until: .never)
        guarded.handle(.orders([order]))
        #expect(guarded.runs.count == 2)
        guarded.end(try #require(guarded.runs.last), succeeded: true)
        #expect(!guarded.isTakenForHolder && !guarded.bench.status().hasFailedRelease)
    }

    @Test("D111: a late script that has ended by itself is an end; that of an earlier release isn't")
    func lateEnd() throws {
        var guarded = Self.releasing()
        let run = try #require(guarded.runs.last)
        guarded.hear(for: .milliseconds(1_500), change: Self.asks)
        guarded.handle(
            .hookEnded(
                HookEnd(.release, of: NotificationKey(.instance, "VI_1"), number: run.number &- 1, succeeded: true)))
        #expect(guarded.isTakenForHolder)
        guarded.end(run, succeeded: true)
        #expect(!guarded.isTakenForHolder)
    }

    @Test("D111: who still has the addresses is agreed to when it claims, also by a better one; another one isn't")
    func assentToTheHolder() {
        for other in [false, true] {
            var guarded = GuardBench(nodes: 3, priority: 150)
            guarded.hear(for: .seconds(1), .master, from: [1])
            guarded.hear(from: 1) { $0.standings[0].flags = [.ready, .addressIsThere] }
            guarded.hear(from: other ? 2 : 1) { frame in
                frame.standings[0].flags = other ? [.ready, .claims] : [.ready, .addressIsThere, .claims]
                frame.standings[0].claim = 5
            }
            #expect(guarded.standing?.assentsTo == (other ? nil : 1))
        }
    }

    // MARK: End

    @Test("D111: a stop waits for the script, and says goodbye behind it")
    func stop() throws {
        var guarded = Self.master()
        guarded.handle(.stopAfterHooks)
        #expect(!guarded.bench.node.hasStopped && guarded.goodbye == false)
        guarded.end(try #require(guarded.runs.last), succeeded: true)
        #expect(guarded.bench.node.hasStopped && guarded.goodbye == true)
    }

    @Test("D111: a stop doesn't wait for a script that is late; there is no goodbye then")
    func stopWithAHangingScript() {
        var guarded = Self.master()
        guarded.handle(.stopAfterHooks)
        guarded.advance(.milliseconds(1_100))
        #expect(guarded.bench.node.hasStopped && guarded.goodbye == false && guarded.isTakenForHolder)
        // Without hasupd nobody runs it.
        var alone = Self.master()
        alone.handle(.stop)
        #expect(alone.bench.node.hasStopped && alone.goodbye == false)
    }

    @Test("D111: a fault is released by the script, too; who wasn't MASTER has nothing to release")
    func fault() {
        var guarded = Self.master()
        var down = guarded.bench.eth0
        down.isUsable = false
        guarded.handle(.interface(down))
        #expect(guarded.state == .fault && guarded.runs.count == 1 && guarded.isTakenForHolder)
        var backup = GuardBench { $0.release = Self.script }
        backup.hear(for: .seconds(2), .master)
        backup.handle(.stopAfterHooks)
        #expect(backup.runs.isEmpty && backup.bench.node.hasStopped && backup.goodbye == true)
    }

    @Test("D111: a reload that takes the release block away ends what waits for it")
    func reload() {
        var guarded = Self.releasing()
        guarded.bench.model.clusters[0].release = nil
        guarded.handle(.configure(guarded.bench.model))
        #expect(!guarded.isTakenForHolder)
    }

    // MARK: Successors

    @Test("D127: a successor asks for the same run, and goes on waiting")
    func successor() throws {
        var guarded = Self.releasing()
        let run = try #require(guarded.runs.last)
        guarded.die()
        guarded.hear(for: .milliseconds(200), change: Self.asks)
        #expect(guarded.runs.last == run && guarded.runs.count == 2 && guarded.isTakenForHolder)
        guarded.end(run, succeeded: false)
        guarded.die()
        guarded.hear(for: .seconds(3), change: Self.asks)
        #expect(guarded.isTakenForHolder && guarded.runs.count == 2)
        #expect(guarded.bench.status().guardHold?.kind == .notReleased)
    }

    @Test("D127: one whose predecessor has died as MASTER releases when it comes too late to stay it")
    func interrupted() {
        var guarded = Self.master()
        guarded.bench.stall(.seconds(30))
        guarded.die()
        guarded.advance(.zero)
        #expect(guarded.state == .backup && guarded.runs.count == 1 && guarded.isTakenForHolder)
    }
}

extension GuardBench {
    /// The runs that were asked for.
    fileprivate var runs: [HookRequest] {
        actions.compactMap { if case .runHook(let request) = $0 { request } else { nil } }
    }

    /// True if others take it for one that has the addresses.
    fileprivate var isTakenForHolder: Bool { standing?.flags.contains(.addressIsThere) == true }

    fileprivate var goodbye: Bool? { frames.last?.echoes.first?.isGoodbye }

    fileprivate mutating func handle(_ event: Event) {
        bench.handle(event)
        advance(.zero)
    }

    fileprivate mutating func end(_ run: HookRequest, succeeded: Bool) {
        handle(
            .hookEnded(
                HookEnd(.release, of: NotificationKey(.instance, "VI_1"), number: run.number, succeeded: succeeded)))
    }
}
