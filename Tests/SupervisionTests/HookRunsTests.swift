import Base
import ConfigurationModel
import Supervision
import Testing

@Suite("Runs of hooks (D48)")
struct HookRunsTests {
    private static let a = HookKey(.beforeMaster, of: NotificationKey(.instance, "A"))
    private static let b = HookKey(.beforeMaster, of: NotificationKey(.instance, "B"))
    private let start = Instant(nanoseconds: 1_000_000_000)

    @Test("each number runs once, and whoever asks is told")
    func once() {
        var runs = HookRuns(runningMax: 4)
        #expect(runs.ask(Self.a, 7, at: start) == [.start(Self.a, 7)])
        #expect(runs.ask(Self.a, 7, at: start).isEmpty, "a successor asks while it runs")
        #expect(runs.ended(Self.a, succeeded: true, at: start) == [.tell(Self.a, 7, succeeded: true)])
        #expect(runs.ask(Self.a, 7, at: start) == [.tell(Self.a, 7, succeeded: true)], "it asks after the end")
        #expect(runs.isIdle)
    }

    @Test("no hook runs twice at once: the next one waits for the end of the one before")
    func order() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 7, at: start)
        #expect(runs.ask(Self.a, 8, at: start).isEmpty)
        #expect(runs.ask(Self.a, 9, at: start).isEmpty, "only the last one is still wanted")
        let later = start + .seconds(1)
        #expect(
            runs.ended(Self.a, succeeded: false, at: later)
                == [.tell(Self.a, 7, succeeded: false), .start(Self.a, 9)])
    }

    @Test("one that a former hasupd has started is waited for, and nobody is told what became of it")
    func adopted() {
        var runs = HookRuns(runningMax: 4)
        runs.adopt(Self.a)
        #expect(runs.ask(Self.a, 7, at: start).isEmpty)
        #expect(runs.ended(Self.a, succeeded: true, at: start) == [.start(Self.a, 7)])
    }

    @Test("a worker that asks without end doesn't make processes without end")
    func spacing() {
        var runs = HookRuns(runningMax: 4)
        var started = 0
        var now = start
        for number in 0..<1_000 {
            var steps = runs.ask(Self.a, UInt64(number), at: now)
            if runs.deadline <= now { steps += runs.due(at: now) }
            for case .start(let key, _) in steps {
                started += 1
                _ = runs.ended(key, succeeded: true, at: now)
            }
            now = now + .milliseconds(1)
        }
        #expect((5...6).contains(started))
    }

    @Test("so many run at once, and the others follow")
    func limit() {
        var runs = HookRuns(runningMax: 1)
        _ = runs.ask(Self.a, 1, at: start)
        #expect(runs.ask(Self.b, 1, at: start).isEmpty && runs.deadline == .never)
        #expect(runs.ended(Self.a, succeeded: true, at: start).contains(.start(Self.b, 1)))
        #expect(runs.ended(Self.b, succeeded: true, at: start) == [.tell(Self.b, 1, succeeded: true)])
        #expect(runs.ended(Self.b, succeeded: true, at: start).isEmpty, "nothing runs")
    }

    @Test("what isn't configured any more is forgotten when it has ended")
    func forget() {
        var runs = HookRuns(runningMax: 4)
        _ = runs.ask(Self.a, 1, at: start)
        runs.keep { _ in false }
        #expect(runs.ended(Self.a, succeeded: true, at: start) == [.tell(Self.a, 1, succeeded: true)])
        runs.keep { _ in false }
        #expect(runs.ask(Self.a, 1, at: start + .seconds(1)) == [.start(Self.a, 1)])
    }
}
