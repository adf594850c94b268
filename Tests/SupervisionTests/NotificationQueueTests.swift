import Base
import ConfigurationModel
import Testing

@testable import Supervision

extension NotificationKey: ExpressibleByStringInterpolation {
    /// An instance of this name.
    public init(stringLiteral name: String) { self.init(.instance, name) }
}

@Suite("Notify scripts (S1)")
struct NotificationQueueTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    @Test("instances that rest are forgotten, a part of them at a time")
    func resting() {
        var queue = NotificationQueue<Int>()
        for run in 0..<200 {
            queue.add(run, of: "\(run)", scripts: 1, at: now)
            #expect(queue.next(at: now) == run)
            queue.ended(of: "\(run)", at: now)
        }
        #expect(queue.isIdle)
        let later = now + .seconds(60)
        #expect(queue.next(at: later) == nil)
        #expect(queue.deadline <= later, "one question doesn't look at all of them")
        for _ in 0..<3 { #expect(queue.next(at: later) == nil) }
        #expect(queue.deadline == .never && queue.instanceCount == 0)
        queue.add(7, of: "0", scripts: 1, at: later)
        #expect(queue.next(at: later) == 7)
    }

    @Test("one run of an instance at a time, and only the last of those that wait")
    func order() {
        var queue = NotificationQueue<Int>()
        for run in 1...4 { queue.add(run, of: "A", scripts: run == 1 ? 2 : 1, at: now) }
        #expect(queue.skipped(of: "A") == 3, "nothing has been started yet")
        #expect(queue.next(at: now) == 4)
        queue.add(5, of: "A", scripts: 2, at: now)
        #expect(queue.next(at: now) == nil)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 5)
        queue.ended(of: "A", at: now)
        queue.add(6, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == nil, "the second script of the fifth run still runs")
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 6)
        #expect(!queue.isIdle)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == nil && queue.isIdle)
        #expect(queue.skipped(of: "A") == 3)
    }

    @Test("a sync group is another one than an instance of its name")
    func group() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 1, at: now)
        let folds = queue.add(2, of: NotificationKey(.group, "A"), scripts: 1, at: now)
        #expect(!folds)
        #expect(queue.next(at: now) == 1)
        #expect(queue.next(at: now) == 2)
        queue.ended(of: NotificationKey(.group, "A"), at: now)
        queue.add(3, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == nil, "the instance's first one still runs")
    }

    @Test("an event waits behind a state, alone of its kind, and gives way to a newer state (behaviours_vrrp2 §5)")
    func events() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 1, at: now)
        queue.add(2, of: "A", event: .reclaimed, scripts: 1, at: now)
        #expect(queue.next(at: now) == 1)
        queue.add(3, of: "A", event: .receivedLowerPriority, scripts: 1, at: now)
        let isFolded = queue.add(4, of: "A", event: .receivedLowerPriority, scripts: 1, at: now)
        #expect(isFolded && queue.skipped(of: "A") == 1 && queue.unbegun == [2, 4])
        #expect(queue.next(at: now) == nil, "scripts of one instance never run side by side")
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 2)
        queue.add(5, of: "A", event: .masterPriority, scripts: 0, at: now)
        #expect(queue.unbegun == [4], "one without a script is nothing")
        queue.add(6, of: "A", scripts: 1, at: now)
        #expect(queue.unbegun == [6] && queue.skipped(of: "A") == 2)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 6)
        queue.add(7, of: "A", event: .reclaimed, scripts: 1, at: now)
        queue.add(8, of: "A", scripts: 0, at: now)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == nil && queue.isIdle, "a state without a script takes the event away, too")
    }

    @Test("events that a stranger causes have a limit of their own, and keep no state waiting")
    func eventFlood() {
        var queue = NotificationQueue<Int>()
        var runs = 0
        for run in 0..<100 {
            queue.add(run, of: "A", event: .receivedLowerPriority, scripts: 1, at: now)
            guard queue.next(at: now) != nil else { continue }
            runs += 1
            queue.ended(of: "A", at: now)
        }
        #expect(runs == Int(NotificationQueue<Int>.burst))
        queue.add(100, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == 100)
        queue.ended(of: "A", at: now)
        queue.add(101, of: "A", event: .receivedLowerPriority, scripts: 1, at: now)
        #expect(queue.next(at: now) == nil && queue.deadline == now + NotificationQueue<Int>.spacing)
        #expect(queue.next(at: now + NotificationQueue<Int>.spacing) == 101)
    }

    @Test("instances don't wait for each other")
    func independent() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 1, at: now)
        queue.add(2, of: "B", scripts: 1, at: now)
        #expect(queue.next(at: now) == 1)
        #expect(queue.next(at: now) == 2)
        #expect(queue.skipped(of: "A") == 0)
    }

    @Test("runs of several scripts are no more at once either")
    func boundedRuns() {
        var queue = NotificationQueue<Int>(runningMax: 4)
        for run in 0..<3 { queue.add(run, of: "\(run)", scripts: 3, at: now) }
        queue.add(3, of: "3", scripts: 1, at: now)
        #expect(queue.next(at: now) == 0)
        #expect(queue.next(at: now) == nil, "it would be six")
        queue.ended(of: "0", at: now)
        #expect(queue.next(at: now) == nil, "first come, first served: nobody waits for ever")
        queue.ended(of: "0", at: now)
        #expect(queue.next(at: now) == 1 && queue.next(at: now) == nil)
        queue.add(12, of: "2", scripts: 0, at: now)
        #expect(queue.next(at: now) == nil, "four run")
        queue.ended(of: "0", at: now)
        #expect(queue.next(at: now) == 3, "the one before it was given up")
        for _ in 0..<3 { queue.ended(of: "1", at: now) }
        queue.add(4, of: "4", scripts: 5, at: now)
        #expect(queue.next(at: now) == nil)
        queue.ended(of: "3", at: now)
        #expect(queue.next(at: now) == 4, "more than may run at once run alone")
        for _ in 0..<5 { queue.ended(of: "4", at: now) }
        #expect(queue.next(at: now) == nil && queue.isIdle)
    }

    @Test("only so many scripts at once, and first come, first served")
    func bounded() {
        var queue = NotificationQueue<Int>(runningMax: 2)
        for run in 0..<5 { queue.add(run, of: "\(run)", scripts: 1, at: now) }
        #expect(queue.next(at: now) == 0 && queue.next(at: now) == 1 && queue.next(at: now) == nil)
        queue.add(12, of: "2", scripts: 1, at: now)
        queue.ended(of: "1", at: now)
        #expect(queue.next(at: now) == 12, "the newer run of the same instance took its place")
        #expect(queue.skipped(of: "2") == 1)
        for ended in ["0", "2"] as [NotificationKey] { queue.ended(of: ended, at: now) }
        #expect(queue.next(at: now) == 3 && queue.next(at: now) == 4 && queue.next(at: now) == nil)
        for ended in ["3", "4", "4", "none"] as [NotificationKey] { queue.ended(of: ended, at: now) }
        #expect(queue.isIdle)
    }

    @Test("what a former hasupd has started is waited for, and counts")
    func adopted() {
        var queue = NotificationQueue<Int>(runningMax: 3)
        queue.adopt(scripts: 2, of: "A")
        #expect(!queue.isIdle)
        queue.add(1, of: "A", scripts: 1, at: now)
        queue.add(2, of: "B", scripts: 1, at: now)
        queue.add(3, of: "C", scripts: 1, at: now)
        #expect(queue.unbegun == [1, 2, 3])
        #expect(queue.next(at: now) == 2 && queue.next(at: now) == nil)
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 3 && queue.next(at: now) == nil, "another one of A's still runs")
        queue.ended(of: "A", at: now)
        #expect(queue.next(at: now) == 1)
        #expect(queue.unbegun.isEmpty)
    }

    @Test("a transition without scripts is nothing to wait for")
    func noScripts() {
        var queue = NotificationQueue<Int>()
        queue.add(1, of: "A", scripts: 0, at: now)
        #expect(queue.next(at: now) == nil && queue.isIdle)
        queue.ended(of: "A", at: now)
        #expect(queue.isIdle)
    }

    @Test("a transition without scripts takes away what waits: it isn't true any more")
    func givenUp() {
        var queue = NotificationQueue<Int>(runningMax: 1)
        queue.add(1, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == 1)
        queue.add(2, of: "A", scripts: 1, at: now)
        var isGivenUp = queue.add(3, of: "A", scripts: 0, at: now)
        #expect(isGivenUp)
        isGivenUp = queue.add(4, of: "A", scripts: 0, at: now)
        #expect(!isGivenUp, "nothing waits any more")
        #expect(queue.skipped(of: "A") == 1 && queue.unbegun.isEmpty && !queue.isIdle)
        // Also of those that wait for room only, and without a gap in what follows.
        for (run, name) in (["B", "C", "D"] as [NotificationKey]).enumerated() {
            queue.add(10 + run, of: name, scripts: 1, at: now)
        }
        for (run, name) in [(20, "B"), (21, "C")] as [(Int, NotificationKey)] {
            queue.add(run, of: name, scripts: 0, at: now)
        }
        #expect(queue.skipped(of: "B") == 1 && queue.skipped(of: "C") == 1)
        queue.add(22, of: "C", scripts: 1, at: now)
        queue.ended(of: "A", at: now)
        for (name, run) in [("C", 22), ("D", 12)] as [(NotificationKey, Int)] {
            #expect(queue.next(at: now) == run)
            #expect(queue.next(at: now) == nil)
            queue.ended(of: name, at: now)
        }
        #expect(queue.next(at: now) == nil && queue.isIdle)
        // What was given up has cost nothing, and the line is used again, and forgotten.
        queue.add(23, of: "B", scripts: 1, at: now)
        #expect(queue.next(at: now) == 23)
        queue.ended(of: "B", at: now)
        for _ in 0..<2 { #expect(queue.next(at: now + .seconds(60)) == nil) }
        #expect(queue.instanceCount == 0)
    }

    @Test("what waits for its time is taken away, too")
    func givenUpBeforeItsTime() {
        var queue = NotificationQueue<Int>()
        for run in 0..<NotificationQueue<Int>.burst {
            queue.add(Int(run), of: "A", scripts: 1, at: now)
            #expect(queue.next(at: now) == Int(run))
            queue.ended(of: "A", at: now)
        }
        queue.add(11, of: "A", scripts: 1, at: now)
        #expect(queue.next(at: now) == nil && !queue.isIdle)
        queue.add(12, of: "A", scripts: 0, at: now)
        #expect(queue.isIdle && queue.next(at: now + .seconds(1)) == nil)
        #expect(queue.skippedCount == 1)
        queue.forgetSkipped { $0 == "A" }
        #expect(queue.skippedCount == 0 && queue.skipped(of: "A") == 0)
        #expect(queue.next(at: now + .seconds(60)) == nil && queue.instanceCount == 0)
    }

    @Test("a script that takes too long is told to end, and then ended")
    func tooLong() {
        var scripts = RunningScripts()
        let begin = Instant(nanoseconds: 0)
        scripts.started(7, at: begin)
        scripts.started(8, at: begin + .seconds(1))
        #expect(scripts.deadline == begin + .seconds(60))
        #expect(scripts.due(at: begin + .seconds(59)).isEmpty)
        var measures = scripts.due(at: begin + .seconds(60))
        #expect(measures == [.terminate(7)])
        measures = scripts.due(at: begin + .seconds(60))
        #expect(measures.isEmpty, "once")
        measures = scripts.due(at: begin + .seconds(65))
        #expect(measures == [.kill(7), .terminate(8)])
        measures = scripts.due(at: begin + .seconds(69))
        #expect(measures.isEmpty)
        var wasTold = scripts.ended(8, keepsNumber: false)
        #expect(wasTold)
        #expect(scripts.deadline == .never)
        wasTold = scripts.ended(7, keepsNumber: true)
        #expect(wasTold && scripts.isEmpty, "its group was ended with it")
        scripts.started(9, at: begin)
        wasTold = scripts.ended(9, keepsNumber: true)
        #expect(!wasTold && scripts.isEmpty, "in time: what it has left behind may stay")
    }

    @Test("the group of a script that has ended when it was told to is ended at its time")
    func groupsOfEnded() {
        var scripts = RunningScripts()
        let begin = Instant(nanoseconds: 0)
        for group in Int32(1)...3 { scripts.started(group, at: begin) }
        var measures = scripts.due(at: begin + .seconds(60))
        #expect(measures == [.terminate(1), .terminate(2), .terminate(3)])
        let wasTold = scripts.ended(1, keepsNumber: true)
        #expect(wasTold && scripts.deadline == begin + .seconds(65))
        measures = scripts.due(at: begin + .seconds(64))
        #expect(measures.isEmpty)
        _ = scripts.ended(3, keepsNumber: false)
        measures = scripts.due(at: begin + .seconds(65))
        #expect(measures == [.kill(1), .kill(2)])
        _ = scripts.ended(2, keepsNumber: true)
        #expect(scripts.isEmpty)
        for group in Int32(4)...5 { scripts.started(group, at: begin + .seconds(Int64(group))) }
        measures = scripts.due(at: begin + .seconds(64))
        #expect(measures == [.terminate(4)])
        measures = scripts.dueAtOnce()
        #expect(measures == [.kill(4)])
        measures = scripts.dueAtOnce()
        #expect(measures.isEmpty && !scripts.isEmpty, "once")
    }

    /// A worker that notifies without end: after the burst two runs a second, and always the last that was told.
    @Test func floods() {
        var queue = NotificationQueue<Int>()
        var started: [(at: Int64, run: Int)] = []
        var number = 0
        for millisecond in Int64(0)..<30_000 {
            let now = Instant(nanoseconds: 1_000_000_000_000 + millisecond * 1_000_000)
            for _ in 0..<3 {
                number += 1
                queue.add(number, of: "A", scripts: 1, at: now)
            }
            while let run = queue.next(at: now) {
                #expect(run == number, "an older state was told")
                started.append((millisecond, run))
                queue.ended(of: "A", at: now)
            }
        }
        #expect(started.count == 10 + 59, "\(started.map(\.at))")
        #expect(queue.skipped(of: "A") + started.count + 1 == number)
        // The flood is over; its last state is told, and it isn't idle before.
        #expect(!queue.isIdle)
        #expect(queue.deadline != .never)
        let end = queue.deadline
        #expect(queue.next(at: end - Interval(nanoseconds: 1)) == nil)
        #expect(queue.next(at: end) == number)
        queue.ended(of: "A", at: end)
        // What is left to do is to forget that it has had its burst.
        #expect(queue.isIdle && queue.next(at: end) == nil && queue.deadline == end + .milliseconds(5_000))
        // Others don't wait for it, and after a rest it has all of its burst again.
        queue.add(-1, of: "B", scripts: 1, at: end)
        #expect(queue.next(at: end) == -1)
        let later = end + Interval.seconds(10)
        for run in 1...10 {
            queue.add(run, of: "A", scripts: 1, at: later)
            #expect(queue.next(at: later) == run)
            queue.ended(of: "A", at: later)
        }
        // One more waits, unless nobody is left who could tell of another.
        queue.add(11, of: "A", scripts: 1, at: later)
        #expect(queue.next(at: later) == nil)
        queue.hurry(at: later)
        #expect(queue.next(at: later) == 11)
    }
}
