import Base
import Testing

@testable import Supervision

private let start = Instant(nanoseconds: 1_000_000_000_000)

/// A worker that was spawned and is ready.
private func runningWorker() -> WorkerLife {
    var life = WorkerLife()
    _ = life.handle(.start, at: start)
    _ = life.handle(.spawned, at: start)
    _ = life.handle(.ready, at: start)
    return life
}

@Suite("A worker's life (D9, D11, D13)")
struct WorkerLifeTests {
    @Test("it is spawned when it is wanted, and has a limit until it is ready")
    func spawns() {
        var life = WorkerLife()
        #expect(life.handle(.start, at: start) == [.wake(.never), .spawn(dropsSnapshot: false)])
        #expect(life.handle(.spawned, at: start) == [.wake(start + WorkerLife.startLimitMax)])
        #expect(life.state == .starting)
        #expect(life.handle(.ready, at: start) == [.wake(.never)])
        #expect(life.state == .running)
    }

    @Test("one that isn't ready in time is replaced")
    func startLimit() {
        var life = WorkerLife()
        _ = life.handle(.start, at: start)
        _ = life.handle(.spawned, at: start)
        let actions = life.handle(.timeout, at: start + WorkerLife.startLimitMax)
        #expect(actions.contains(.kill))
        #expect(life.state == .dying)
    }

    @Test("D11: one that had worked is restarted at once, every time")
    func restartsAtOnce() {
        var life = runningWorker()
        for round in 1...5 {
            _ = life.handle(.worked, at: start)
            let actions = life.handle(.exited(.signal(9)), at: start)
            #expect(
                actions == [.report(.died(.signal(9), restartIn: .zero)), .wake(.never), .spawn(dropsSnapshot: false)])
            #expect(life.restarts == round)
            _ = life.handle(.spawned, at: start)
            _ = life.handle(.ready, at: start)
        }
    }

    @Test("D11: one that says it has worked before it runs its configuration has died early")
    func workedTooEarly() {
        var life = runningWorker()
        _ = life.handle(.exited(.code(1)), at: start)
        _ = life.handle(.spawned, at: start)
        _ = life.handle(.worked, at: start)
        let actions = life.handle(.exited(.code(1)), at: start)
        #expect(life.earlyDeaths == 2)
        #expect(life.state == .waiting)
        #expect(!actions.contains(.spawn(dropsSnapshot: false)))
    }

    @Test("D11: one that judges what has waited for it before it says that it's ready has worked")
    func workedBeforeReady() {
        var life = runningWorker()
        _ = life.handle(.exited(.code(1)), at: start)
        _ = life.handle(.spawned, at: start)
        _ = life.handle(.worked, at: start)
        _ = life.handle(.ready, at: start)
        #expect(life.earlyDeaths == 0)
        #expect(life.handle(.exited(.signal(9)), at: start).contains(.spawn(dropsSnapshot: false)))
    }

    @Test("D11: a snapshot with which hasupd has died three times before a worker had worked is dropped, too")
    func deathsOfTheSupervisor() {
        for deaths in 0...4 {
            var life = WorkerLife(deathsWithSnapshot: deaths)
            #expect(life.handle(.start, at: start).contains(.spawn(dropsSnapshot: deaths > 3)), "\(deaths)")
            _ = life.handle(.spawned, at: start)
            #expect(life.deathsWithSnapshot == (deaths > 3 ? 0 : deaths))
            _ = life.handle(.ready, at: start)
            _ = life.handle(.worked, at: start)
            #expect(life.deathsWithSnapshot == 0 && life.earlyDeaths == 0)
        }
        var life = WorkerLife(deathsWithSnapshot: 3)
        _ = life.handle(.start, at: start)
        _ = life.handle(.spawned, at: start)
        _ = life.handle(.exited(.signal(9)), at: start)
        #expect(life.deathsWithSnapshot == 4)
        life.supervisorSurvived()
        #expect(life.deathsWithSnapshot == 1, "hasupd has lived: the worker's own death counts on")
    }

    @Test("D11: hundreds of deaths within seconds are early ones, whatever the workers say; as many in minutes aren't")
    func deathBurst() {
        var life = runningWorker()
        func die(after wait: Interval, _ times: Int) -> Int? {
            for round in 1...times {
                _ = life.handle(.worked, at: start + wait * Int64(round))
                _ = life.handle(.exited(.signal(9)), at: start + wait * Int64(round))
                if life.state == .waiting { return round }
                _ = life.handle(.spawned, at: start)
                _ = life.handle(.ready, at: start)
            }
            return nil
        }
        #expect(die(after: .milliseconds(30), 2_000) == nil)
        life = runningWorker()
        #expect(die(after: .milliseconds(5), 2_000) == WorkerLife.deathBurst.count + 1)
        #expect(life.earlyDeaths > WorkerLife.deathsWithSnapshotMax)
    }

    @Test("D11: early deaths wait 0.1 s, doubling up to 30 s, and a worker that works resets them")
    func backsOff() {
        var life = runningWorker()
        var waits: [Interval] = []
        for _ in 0..<12 {
            for case .report(.died(_, let wait)) in life.handle(.exited(.code(1)), at: start) { waits.append(wait) }
            if life.state == .waiting { _ = life.handle(.timeout, at: start) }
            _ = life.handle(.spawned, at: start)
            _ = life.handle(.ready, at: start)
        }
        #expect(
            waits.prefix(5) == [.zero, .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(waits.last == .seconds(30))
        _ = life.handle(.worked, at: start)
        #expect(life.handle(.exited(.code(1)), at: start).contains(.report(.died(.code(1), restartIn: .zero))))
    }

    /// What happens to a worker that had worked, letter by letter: `d` dies early, `f` can't be forked, `w` works and
    /// then dies. What each start gives to its process: the snapshot (`S`) or none (`-`).
    @Test(
        "D11: three early deaths with one snapshot drop it; a fork that failed has seen none, and kills nothing",
        arguments: [
            ("dddd", "SSS-"), ("ddddd", "SSS-S"), ("dddddddd", "SSS-SSS-"), ("dddwddd", "SSSSSS-"),
            ("dffffffd", "SSSSSSSS"), ("ddffdd", "SSSSS-"), ("dddfdd", "SSSS-S"), ("ddddfd", "SSS--S"),
        ])
    func snapshot(story: String, given: String) {
        var life = runningWorker()
        _ = life.handle(.worked, at: start)
        var seen = ""
        for letter in story {
            if letter != "f" { _ = life.handle(.spawned, at: start) }
            if letter == "w" {
                _ = life.handle(.ready, at: start)
                _ = life.handle(.worked, at: start)
            }
            var actions: [WorkerAction]
            if letter == "f" {
                // It was about to be started: `spawned` hasn't come.
                actions = life.handle(.spawnFailed, at: start)
            } else {
                actions = life.handle(.exited(.code(1)), at: start)
            }
            if life.state == .waiting { actions += life.handle(.timeout, at: start) }
            for case .spawn(let drops) in actions { seen += drops ? "-" : "S" }
        }
        #expect(seen == given)
    }

    @Test("forks that fail wait longer and longer, but don't make the next death an early one")
    func failedForks() {
        var life = runningWorker()
        _ = life.handle(.worked, at: start)
        _ = life.handle(.exited(.signal(9)), at: start)
        var waits: [Interval] = []
        for _ in 0..<4 {
            for case .report(.notStarted(let wait)) in life.handle(.spawnFailed, at: start) { waits.append(wait) }
            _ = life.handle(.timeout, at: start)
        }
        #expect(waits == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(life.earlyDeaths == 1)
        _ = life.handle(.spawned, at: start)
        _ = life.handle(.ready, at: start)
        _ = life.handle(.worked, at: start)
        #expect(life.handle(.exited(.signal(9)), at: start).contains(.spawn(dropsSnapshot: false)))
        for case .report(.notStarted(let wait)) in life.handle(.spawnFailed, at: start) {
            #expect(wait == .milliseconds(100))
        }
    }

    @Test(
        "a start that hangs is soon replaced; a machine that is too slow for that gets more time each time",
        arguments: [
            (0, 0, Interval.seconds(1)), (1_000, 0, .seconds(2)), (1_000, 1, .seconds(2)), (1_000, 2, .seconds(4)),
            (1_000, 3, .seconds(8)), (1_000, 4, .seconds(10)), (1_000, 40, .seconds(10)), (4_000, 0, .seconds(5)),
            (60_000, 0, .seconds(10)),
        ])
    func startLimits(instances: Int, deaths: Int, limit: Interval) {
        var life = WorkerLife()
        life.instanceCount = instances
        _ = life.handle(.start, at: start)
        for _ in 0..<deaths {
            _ = life.handle(.spawned, at: start)
            _ = life.handle(.exited(.code(1)), at: start)
            if life.state == .waiting { _ = life.handle(.timeout, at: start) }
        }
        #expect(life.handle(.spawned, at: start) == [.wake(start + limit)])
    }

    @Test("D13: a hung worker is killed and replaced when the kernel says that it is gone, not before")
    func hung() {
        var life = runningWorker()
        let actions = life.handle(.hung(.milliseconds(30)), at: start)
        #expect(actions.contains(.kill))
        #expect(!actions.contains(.spawn(dropsSnapshot: false)))
        #expect(life.handle(.exited(.signal(9)), at: start).contains(.spawn(dropsSnapshot: false)))
    }

    @Test("no exit status ends the attempts: a hostile worker must not stop hasupd", arguments: Int32(0)...255)
    func neverGivesUp(status: Int32) {
        var life = runningWorker()
        for _ in 0..<20 {
            let actions = life.handle(.exited(.code(status)), at: start)
            #expect(!actions.contains(.finished))
            if life.state == .waiting { _ = life.handle(.timeout, at: start) }
            _ = life.handle(.spawned, at: start)
            #expect(life.state == .starting)
        }
    }

    @Test("stop asks, then kills, and is over only when the process is gone")
    func stops() {
        var life = runningWorker()
        #expect(life.handle(.stop, at: start) == [.requestStop, .wake(start + WorkerLife.stopLimit)])
        #expect(life.handle(.timeout, at: start + WorkerLife.stopLimit).contains(.kill))
        #expect(life.state == .stopping)
        #expect(life.handle(.exited(.signal(9)), at: start).contains(.finished))
        #expect(life.state == .finished)
    }

    @Test("a worker that waits for its restart and isn't wanted any more is finished")
    func stopsWhileWaiting() {
        var life = runningWorker()
        _ = life.handle(.exited(.code(1)), at: start)
        _ = life.handle(.spawned, at: start)
        _ = life.handle(.exited(.code(1)), at: start)
        #expect(life.state == .waiting)
        #expect(life.handle(.stop, at: start).contains(.finished))
    }

    @Test("exit statuses as waitpid encodes them")
    func exitStatus() {
        #expect(WorkerExit(waitStatus: 78 << 8) == .code(78))
        #expect(WorkerExit(waitStatus: 9) == .signal(9))
        #expect(WorkerExit(waitStatus: 11 | 0x80) == .signal(11))
        // SIGXCPU: the realtime fuse (D29).
        let fused = WorkerExit(waitStatus: 24)
        #expect(fused == .signal(24))
        #expect("\(fused)" == "signal 24: it used more processor time than its limits allow")
    }
}

@Suite("Watchdog (D13)")
struct WatchdogTests {
    @Test("limits follow the smallest advert_int")
    func limits() {
        let fast = Watchdog(smallestAdvertInterval: .milliseconds(10))
        #expect(fast.period == .milliseconds(5) && fast.limit == .milliseconds(20))
        let slow = Watchdog(smallestAdvertInterval: .seconds(1))
        #expect(slow.period == .milliseconds(500) && slow.limit == .milliseconds(1500))
        for interval in [Interval.milliseconds(10), .milliseconds(100), .seconds(1)] {
            let dog = Watchdog(smallestAdvertInterval: interval)
            #expect(Watchdog.stampPeriod(smallestAdvertInterval: interval) < dog.limit)
        }
    }

    /// A watchdog for 10 ms adverts that has looked at times 0 and 5 ms; the stamp is from time 0.
    private func watching() -> Watchdog {
        var dog = Watchdog(smallestAdvertInterval: .milliseconds(10))
        _ = dog.look(at: start, now: start) { nil }
        _ = dog.look(at: start, now: start + .milliseconds(5)) { nil }
        return dog
    }

    @Test("a sleeping or stopped worker with an old stamp is told with its age; a young stamp isn't looked into")
    func oldStamp() {
        var dog = watching()
        let asleep = WorkerActivity(isRunnable: false, processorTime: .zero)
        for now in [10, 15, 20] as [Int64] {
            #expect(dog.look(at: start, now: start + .milliseconds(now)) { asleep } == nil)
        }
        #expect(dog.look(at: start, now: start + .milliseconds(21)) { asleep } == .milliseconds(21))
        var other = watching()
        for now in [10, 15, 20] as [Int64] { _ = other.look(at: start, now: start + .milliseconds(now)) { nil } }
        #expect(other.look(at: start, now: start + .milliseconds(21)) { nil } == .milliseconds(21))
    }

    @Test("a stamp that can't be is no sign of life", arguments: [Int64.min, -1, 0, .max])
    func impossibleStamp(nanoseconds: Int64) {
        var dog = watching()
        let told = dog.look(at: Instant(nanoseconds: nanoseconds), now: start + .milliseconds(10)) { nil }
        #expect(told != nil)
    }

    @Test("a worker that spins is told at the second look")
    func spinning() {
        var dog = watching()
        var told: [Int64] = []
        for now in stride(from: Int64(10), through: 30, by: 5) {
            let activity = WorkerActivity(isRunnable: true, processorTime: .milliseconds(now))
            if dog.look(at: start, now: start + .milliseconds(now), activity: { activity }) != nil { told.append(now) }
        }
        #expect(told.first == 30)
    }

    @Test("a worker that gets no processor is waited for, for a second")
    func starving() {
        var dog = watching()
        let starved = WorkerActivity(isRunnable: true, processorTime: .milliseconds(7))
        var told: [Int64] = []
        for now in stride(from: Int64(10), through: 1_010, by: 5)
        where dog.look(at: start, now: start + .milliseconds(now), activity: { starved }) != nil {
            told.append(now)
        }
        #expect(told.first == 1_000)
    }

    /// Looks at these milliseconds at a stamp of time 0 that doesn't change; when it is told first.
    private func told(_ looks: [Int64], stamp: (Int64) -> Int64 = { _ in 0 }) -> Int64? {
        var dog = Watchdog(smallestAdvertInterval: .milliseconds(100))
        return looks.first { look in
            let stamp = start + .milliseconds(stamp(look))
            return dog.look(at: stamp, now: start + .milliseconds(look)) {
                WorkerActivity(isRunnable: false, processorTime: .zero)
            } != nil
        }
    }

    @Test("a worker that hangs is found within the limit and a look; looks that are a little late delay nothing")
    func hung() {
        #expect(told(Array(stride(from: 50, through: 500, by: 50))) == 200)
        #expect(told([50, 105, 160, 215]) == 160)
    }

    @Test("after a pause of the whole machine the worker gets its turn first, however long the pause was")
    func machinePaused() {
        for pause: Int64 in [50, 99, 150, 200, 60_000] {
            let end = 50 + pause
            #expect(told([50, end + 50, end + 100, end + 150, end + 200, end + 250]) == end + 250, "\(pause) ms")
            // It takes its turn, and goes on.
            #expect(told([50, end + 50, end + 100, end + 150, end + 200]) { $0 > end + 50 ? $0 - 10 : 0 } == nil)
        }
    }

    @Test("several pauses, one after the other, are none of the worker's either")
    func pausedAgain() {
        #expect(told([50, 200, 290, 380, 530, 620]) == nil)
        #expect(told([50, 100, 240, 290, 340, 480, 530, 580, 720]) == nil)
    }

    @Test("where each look is late, a worker that hangs is found in the end")
    func alwaysLate() {
        let looks = (0...30).map { 50 + 90 * Int64($0) }
        #expect(told(looks) == looks[Watchdog.lateLooksMax + 4])
        // One that lives isn't.
        #expect(told(looks) { $0 - 40 } == nil)
    }

    @Test("of a worker that gets no processor, too, only time counts in which hasupd ran")
    func starvingPaused() {
        var dog = watching()
        let starved = WorkerActivity(isRunnable: true, processorTime: .milliseconds(7))
        for now in [Int64(3_000), 3_005, 3_010, 3_015, 3_020, 3_025, 3_030] {
            #expect(dog.look(at: start, now: start + .milliseconds(now)) { starved } == nil)
        }
    }

    @Test("the service is well while the worker stamps, or has none for a reason that has its own limit")
    func serviceIsWell() {
        func isWell(_ state: WorkerLife.State, _ age: Interval?, _ interval: Interval? = .milliseconds(10)) -> Bool {
            Watchdog.isWorkerWell(
                state, stamp: age.map { start - $0 }, now: start, smallestAdvertInterval: interval)
        }
        for state in [WorkerLife.State.running, .dying] {
            #expect(isWell(state, .zero))
            #expect(isWell(state, .seconds(2)))
            #expect(!isWell(state, .milliseconds(2_001)))
            #expect(isWell(state, .milliseconds(2_001), .seconds(1)))
            #expect(!isWell(state, .milliseconds(3_001), .seconds(1)))
            // A stamp from the future is as wrong.
            #expect(!isWell(state, .seconds(-3)))
            #expect(isWell(state, nil))
        }
        for state in [WorkerLife.State.down, .starting, .waiting, .stopping, .finished] {
            #expect(isWell(state, .seconds(5)))
        }
    }
}
