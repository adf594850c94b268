import Base
import ConfigurationModel
import Supervision
import Testing

@Suite("Runs of hooks (D48)")
struct HookRunsTests {
    private static let a = HookKey(.beforeMaster, of: NotificationKey(.instance, "A"))
    private static let b = HookKey(.beforeMaster, of: NotificationKey(.instance, "B"))
    private static let release = HookKey(.beforeRelease, of: NotificationKey(.instance, "A"))
    private let start = Instant(nanoseconds: 1_000_000_000)
    private var later: Instant { start + .seconds(1) }

    @Test("each number runs once, and whoever asks is told")
    func once() {
        var runs = HookRuns(runningMax: 4)
        #expect(runs.ask(Self.a, 7).isEmpty && runs.due(at: start) == [.start(Self.a, 7)])
        #expect(runs.ask(Self.a, 7).isEmpty && runs.deadline == .never, "a successor asks while it runs")
        #expect(runs.ended(Self.a, succeeded: true) == [.tell(Self.a, 7, succeeded: true)])
        #expect(runs.ask(Self.a, 7) == [.tell(Self.a, 7, succeeded: true)], "it asks after the end")
        #expect(runs.isIdle)
    }

    @Test("no hook runs twice at once: the next one waits for the end of the one before")
    func order() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 7) + runs.due(at: start)
        #expect(runs.ask(Self.a, 8).isEmpty)
        #expect(runs.ask(Self.a, 9).isEmpty, "only the last one is still wanted")
        #expect(runs.due(at: later).isEmpty)
        #expect(runs.ended(Self.a, succeeded: false) == [.tell(Self.a, 7, succeeded: false)])
        #expect(runs.due(at: later) == [.start(Self.a, 9)])
    }

    @Test("one that a former hasupd has started is waited for, and nobody is told what became of it")
    func adopted() {
        var runs = HookRuns(runningMax: 4)
        runs.adopt(Self.a)
        #expect(runs.ask(Self.a, 7).isEmpty && runs.due(at: start).isEmpty)
        #expect(runs.ended(Self.a, succeeded: true).isEmpty)
        #expect(runs.due(at: start) == [.start(Self.a, 7)])
    }

    @Test("a worker that asks without end doesn't make processes without end", arguments: [false, true])
    func spacing(_ drops: Bool) {
        var runs = HookRuns(runningMax: 4)
        var started = 0
        var now = start
        for number in 0..<1_000 {
            var steps = runs.ask(Self.a, UInt64(number))
            if runs.deadline <= now { steps += runs.due(at: now) }
            if drops { steps += runs.drop(Self.a, UInt64(number)) }
            for case .start(let key, _) in steps {
                started += 1
                _ = runs.ended(key, succeeded: true)
            }
            now = now + .milliseconds(1)
        }
        #expect((5...6).contains(started))
    }

    @Test("so many run at once, and the others follow in the order in which they were asked for")
    func limit() {
        var runs = HookRuns(runningMax: 1)
        _ = runs.ask(Self.a, 1) + runs.due(at: start)
        #expect(runs.ask(Self.b, 1).isEmpty && runs.deadline == .never && runs.due(at: start).isEmpty)
        #expect(runs.ended(Self.a, succeeded: true) == [.tell(Self.a, 1, succeeded: true)])
        _ = runs.ask(Self.a, 2)
        #expect(runs.due(at: later) == [.start(Self.b, 1)])
        #expect(runs.ended(Self.b, succeeded: true) == [.tell(Self.b, 1, succeeded: true)])
        #expect(runs.ended(Self.b, succeeded: true).isEmpty, "nothing runs")
        #expect(runs.due(at: later) == [.start(Self.a, 2)])
    }

    @Test("one call starts a few, and the next one is due at once")
    func starts() {
        var runs = HookRuns(runningMax: 100)
        for number in 0..<10 { _ = runs.ask(HookKey(.beforeMaster, of: NotificationKey(.instance, "\(number)")), 1) }
        var counts: [Int] = []
        while runs.deadline <= start { counts.append(runs.due(at: start).count) }
        #expect(counts == [HookRuns.startsMax, HookRuns.startsMax, 10 - 2 * HookRuns.startsMax])
    }

    @Test("waiting counts: what couldn't be started in its time has failed, and is started for nobody")
    func expiry() {
        var runs = HookRuns(runningMax: 1)
        _ = runs.ask(Self.a, 1, until: later + .seconds(1)) + runs.due(at: start)
        #expect(runs.ask(Self.b, 3, until: later).isEmpty && runs.deadline == later)
        #expect(runs.end(of: Self.b, 3) == later && runs.end(of: Self.b, 2) == nil)
        #expect(runs.due(at: later) == [.expire(Self.b, 3), .tell(Self.b, 3, succeeded: false)])
        _ = runs.ended(Self.a, succeeded: true)
        #expect(runs.due(at: later).isEmpty && runs.isIdle)
        #expect(runs.ask(Self.b, 3, until: .never) == [.tell(Self.b, 3, succeeded: false)], "a successor asks again")
    }

    @Test("what isn't wanted any more isn't started")
    func dropped() {
        var runs = HookRuns(runningMax: 1)
        _ = runs.ask(Self.a, 1) + runs.due(at: start)
        _ = runs.ask(Self.b, 2)
        #expect(runs.drop(Self.b, 1).isEmpty && runs.deadline == .never, "another mastership's")
        #expect(runs.drop(Self.b, 2).isEmpty)
        _ = runs.ended(Self.a, succeeded: true)
        #expect(runs.due(at: later).isEmpty && runs.isIdle)
        #expect(runs.drop(Self.a, 1).isEmpty, "it has ended")
    }

    @Test("what runs for nobody is ended, once, and its end is nobody's")
    func void() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 7) + runs.due(at: start)
        #expect(runs.drop(Self.a, 6).isEmpty)
        #expect(runs.drop(Self.a, 7) == [.terminate(Self.a)])
        #expect(runs.drop(Self.a, 7).isEmpty)
        // MASTER again before it has ended.
        #expect(runs.ask(Self.a, 8).isEmpty && runs.due(at: later).isEmpty)
        #expect(runs.ended(Self.a, succeeded: false).isEmpty)
        #expect(runs.due(at: later) == [.start(Self.a, 8)])
        #expect(runs.ended(Self.a, succeeded: true) == [.tell(Self.a, 8, succeeded: true)])
    }

    @Test("a successor that knows nothing of the end of its predecessor's mastership gets another run")
    func voidAndAskedAgain() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 7) + runs.due(at: start) + runs.drop(Self.a, 7)
        #expect(runs.ask(Self.a, 7).isEmpty)
        #expect(runs.ended(Self.a, succeeded: true).isEmpty)
        #expect(runs.due(at: later) == [.start(Self.a, 7)])
    }

    @Test("what a former hasupd has started for a mastership that is over is ended, too")
    func voidAdopted() {
        var runs = HookRuns(runningMax: 4)
        runs.adopt(Self.a)
        _ = runs.ask(Self.a, 7)
        #expect(runs.drop(Self.a, 7) == [.terminate(Self.a)])
        #expect(runs.ended(Self.a, succeeded: true).isEmpty && runs.isIdle)
    }

    @Test("before_release isn't begun while before_master of the same subject runs, and the other way round")
    func exclusion() {
        for (first, second) in [(Self.a, Self.release), (Self.release, Self.a)] {
            var runs = HookRuns(runningMax: 4)
            _ = runs.ask(first, 7) + runs.due(at: start)
            _ = runs.ask(second, 8) + runs.ask(Self.b, 1)
            #expect(runs.due(at: later) == [.start(Self.b, 1)] && runs.deadline == .never)
            _ = runs.drop(first, 7)
            #expect(runs.due(at: later).isEmpty, "not before its end")
            _ = runs.ended(first, succeeded: false)
            #expect(runs.due(at: later) == [.start(second, 8)])
            _ = runs.ended(second, succeeded: true)
            // Both at once: the one that was asked for first.
            _ = runs.ask(first, 9) + runs.ask(second, 10)
            #expect(runs.due(at: later + .seconds(1)) == [.start(first, 9)])
        }
    }

    @Test("a release script isn't begun while before_master of the same subject runs, and the other way round")
    func exclusionOfReleaseScripts() {
        let script = HookKey(.release, of: Self.a.subject)
        for (first, second) in [(Self.a, script), (script, Self.a)] {
            var runs = HookRuns(runningMax: 4)
            _ = runs.ask(first, 7) + runs.due(at: start)
            _ = runs.ask(second, 8)
            #expect(runs.due(at: later).isEmpty)
            _ = runs.ended(first, succeeded: true)
            #expect(runs.due(at: later) == [.start(second, 8)])
        }
        // A before_release that is late is killed beside it.
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.release, 7) + runs.due(at: start)
        _ = runs.ask(script, 8)
        #expect(runs.due(at: later) == [.start(script, 8)])
    }

    @Test("what isn't configured any more is forgotten when it has ended")
    func forget() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 1) + runs.due(at: start)
        runs.keep { _ in false }
        #expect(runs.ended(Self.a, succeeded: true) == [.tell(Self.a, 1, succeeded: true)])
        runs.keep { _ in false }
        #expect(runs.ask(Self.a, 1).isEmpty && runs.due(at: later) == [.start(Self.a, 1)])
    }
}
