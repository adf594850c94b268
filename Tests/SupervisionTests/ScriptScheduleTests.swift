import Base
import Testing

@testable import Supervision

private let start = Instant(nanoseconds: 1_000_000_000_000)

/// A script that starts at once and then each second, and the time that has passed.
private struct Bench {
    var schedule: ScriptSchedule
    var now = start

    init(
        interval: Interval = .seconds(1), timeout: Interval? = nil, rise: UInt32 = 1, fall: UInt32 = 1,
        isProcess: Bool = true, known: TrackerVerdict = TrackerVerdict(), place: Interval? = nil
    ) {
        let settings = ScriptSchedule.Settings(
            interval: interval, timeout: timeout ?? interval, rise: rise, fall: fall, isProcess: isProcess)
        schedule = ScriptSchedule(settings, known, place: place ?? interval, at: start)
    }

    /// Waits until something is due.
    mutating func wait() -> [ScriptStep] {
        now = schedule.deadline
        return schedule.due(at: now)
    }

    /// Waits for the next start, and ends that run a little later. Returns what is reported.
    mutating func run(_ end: ScriptEnd) -> TrackerResult? {
        #expect(wait() == [.start])
        return ended(end)
    }

    mutating func ended(_ end: ScriptEnd) -> TrackerResult? {
        now = now + .milliseconds(1)
        let before = schedule.verdict.result
        for case .report(let verdict) in schedule.ended(end, at: now) where verdict.result != before {
            return verdict.result
        }
        return nil
    }

    var sinceStart: Interval { now - start }
}

private let bad = ScriptEnd.failure("exit status 1")

@Suite("The runs of a tracking script (behaviours §8, pain point S4)")
struct ScriptScheduleTests {
    @Test("§8: the first result alone decides, whatever rise and fall are")
    func first() {
        for (end, result) in [(ScriptEnd.success, TrackerResult.up), (bad, .down)] {
            var bench = Bench(rise: 3, fall: 3)
            #expect(bench.run(end) == result)
        }
    }

    @Test("§8: afterwards rise successes in a row and fall failures in a row, and the other one begins anew")
    func riseAndFall() {
        var bench = Bench(rise: 2, fall: 3)
        #expect(bench.run(.success) == .up)
        for _ in 0..<3 {
            #expect(bench.run(bad) == nil)
            #expect(bench.run(bad) == nil)
            #expect(bench.run(.success) == nil, "a success resets the failures")
        }
        #expect([bench.run(bad), bench.run(bad), bench.run(bad)] == [nil, nil, .down])
        #expect(bench.schedule.verdict.count == 3)
        for _ in 0..<3 {
            #expect(bench.run(.success) == nil)
            #expect(bench.run(bad) == nil, "a failure resets the successes")
        }
        #expect([bench.run(.success), bench.run(.success)] == [nil, .up])
    }

    @Test("S4: one timeout with fall 2 changes nothing")
    func oneTimeout() {
        var bench = Bench(fall: 2, known: TrackerVerdict(.up))
        #expect(bench.wait() == [.start])
        #expect(bench.wait() == [.terminate])
        #expect(bench.ended(.success) == nil, "its time was over, so it has failed")
        #expect(bench.schedule.verdict == TrackerVerdict(.up, streak: 1, detail: ScriptSchedule.timedOut))
        #expect(bench.run(.success) == nil)
        #expect(bench.schedule.verdict == TrackerVerdict(.up))
    }

    @Test("§8: TERM at the timeout, KILL to the group 2 s later, one failure, and the next start at the next tick")
    func stubborn() {
        var bench = Bench(timeout: .seconds(2), known: TrackerVerdict(.up))
        var starts: [Interval] = []
        for _ in 0..<3 {
            #expect(bench.wait() == [.start])
            starts.append(bench.sinceStart)
            #expect(bench.wait() == [.terminate])
            #expect(bench.sinceStart - (starts.last ?? .zero) == .seconds(2))
            let steps = bench.wait()
            #expect(bench.sinceStart - (starts.last ?? .zero) == .seconds(4))
            let down = TrackerVerdict(.down, count: 1, detail: ScriptSchedule.timedOut)
            #expect(steps == (starts.count == 1 ? [.kill, .report(down)] : [.kill]), "one line for each change")
            #expect(bench.ended(.failure("signal 9")) == nil, "it is counted once")
        }
        #expect(starts == [.seconds(1), .seconds(6), .seconds(11)])
    }

    @Test("S4: a run that can't be ended never gets company, and fails again at each start that it prevents")
    func unkillable() {
        var bench = Bench(fall: 3, known: TrackerVerdict(.up))
        #expect(bench.wait() == [.start])
        _ = bench.wait()
        var results: [TrackerResult] = []
        for _ in 0..<5 {
            #expect(!bench.wait().contains(.start))
            results.append(bench.schedule.verdict.result)
        }
        #expect(results == [.up, .up, .down, .down, .down])
        #expect(bench.ended(.success) == nil)
        #expect(bench.wait() == [.start])
    }

    @Test("a file that isn't opened in time has failed at once, and isn't opened again beside that")
    func hungFile() {
        var bench = Bench(timeout: .milliseconds(500), isProcess: false, known: TrackerVerdict(.up))
        #expect(bench.wait() == [.start])
        #expect(
            bench.wait() == [.report(TrackerVerdict(.down, count: 1, detail: ScriptSchedule.timedOut))])
        #expect(bench.sinceStart == .milliseconds(1_500))
        #expect(bench.wait().isEmpty)
        #expect(bench.ended(.success) == nil)
        #expect(bench.run(.success) == .up)
    }

    @Test("a script without a result starts at once, one with a result at its place, both then each interval")
    func starts() {
        for (known, first) in [(TrackerVerdict(), Interval.zero), (TrackerVerdict(.down), .milliseconds(300))] {
            var bench = Bench(known: known, place: .milliseconds(300))
            var starts: [Interval] = []
            for _ in 0..<3 {
                _ = bench.wait()
                starts.append(bench.sinceStart)
                _ = bench.ended(bad)
            }
            let regular = [Interval.milliseconds(300), .milliseconds(1_300), .milliseconds(2_300)]
            #expect(starts == (first == .zero ? Array(([.zero] + regular).prefix(3)) : regular))
        }
    }

    @Test("what is told is what has changed: a state that lasts is silent")
    func silence() {
        var bench = Bench()
        #expect(bench.run(bad) == .down)
        for _ in 0..<3 {
            _ = bench.wait()
            #expect(bench.schedule.ended(bad, at: bench.now).isEmpty)
        }
        _ = bench.wait()
        let other = TrackerVerdict(.down, count: 1, detail: "signal 9")
        #expect(bench.schedule.ended(.failure("signal 9"), at: bench.now) == [.report(other)])
    }

    @Test("a successor goes on where the last one was")
    func goesOn() {
        var before = Bench(fall: 3)
        _ = before.run(.success)
        _ = before.run(bad)
        _ = before.run(bad)
        var after = Bench(fall: 3, known: before.schedule.verdict)
        #expect(after.run(bad) == .down)
    }

    @Test("a reload with other numbers keeps the state and the run, and acts at once")
    func reload() {
        var bench = Bench(interval: .seconds(10), fall: 3, known: TrackerVerdict(.up))
        #expect(bench.wait() == [.start])
        bench.schedule.change(
            to: ScriptSchedule.Settings(interval: .seconds(1), timeout: .milliseconds(500), fall: 1), at: bench.now)
        #expect(bench.wait() == [.terminate])
        #expect(bench.sinceStart == .milliseconds(10_500))
        #expect(bench.ended(bad) == .down)
        bench.schedule.change(to: ScriptSchedule.Settings(interval: .milliseconds(100)), at: bench.now)
        #expect(bench.schedule.deadline <= bench.now + .milliseconds(100))
        #expect(bench.run(.success) == .up)
    }
}
