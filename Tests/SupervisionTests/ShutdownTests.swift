import Base
import Supervision
import Testing

@Suite("Shutdown of hasupd")
struct ShutdownTests {
    private var shutdown = Shutdown()
    private let now = Instant(nanoseconds: 1_000_000_000)

    private mutating func handle(_ event: ShutdownEvent, after time: Interval = .zero) -> [ShutdownAction] {
        shutdown.handle(event, at: now + time)
    }

    private mutating func stop(_ limits: ShutdownLimits = ShutdownLimits()) -> [ShutdownAction] {
        handle(.stop("SIGTERM", limits))
    }

    @Test("a stop ends the worker, then its scripts, then hasupd")
    mutating func ordinary() {
        #expect(stop() == [.stopWorkers("SIGTERM", within: WorkerLife.stopLimit)])
        #expect(handle(.scriptsFinished) == [], "its last notifications are still to come")
        #expect(handle(.vrrpFinished) == [.removeServices, .finishScripts(within: .seconds(5))])
        #expect(handle(.scriptsFinished) == [.end])
        #expect(shutdown.phase == .ended)
        #expect(handle(.timeout) == [])
    }

    @Test("scripts that don't end in time get SIGTERM, then SIGKILL, and don't keep hasupd")
    mutating func slowScripts() {
        _ = stop()
        _ = handle(.vrrpFinished)
        #expect(handle(.timeout) == [.terminateScripts(within: .seconds(1))])
        #expect(handle(.timeout) == [.killScripts, .end])
    }

    @Test("what ends by SIGTERM isn't killed")
    mutating func terminated() {
        _ = stop()
        _ = handle(.vrrpFinished)
        _ = handle(.timeout)
        #expect(handle(.scriptsFinished) == [.end])
    }

    @Test("child_wait_time bounds workers and scripts together, and is no shorter than a hand-over takes")
    mutating func bounded() {
        let limits = ShutdownLimits(total: .seconds(20))
        #expect(limits.longest == .seconds(21))
        #expect(stop(limits) == [.stopWorkers("SIGTERM", within: WorkerLife.stopLimit)])
        #expect(handle(.vrrpFinished, after: .seconds(2)) == [.removeServices, .finishScripts(within: .seconds(17))])
        #expect(handle(.timeout, after: .seconds(19)) == [.terminateScripts(within: .seconds(1))])
        shutdown = Shutdown()
        let short = ShutdownLimits(total: .zero)
        #expect(stop(short) == [.stopWorkers("SIGTERM", within: .seconds(1))] && short.longest == .seconds(2))
        #expect(handle(.vrrpFinished, after: .milliseconds(50)) == [.removeServices, .finishScripts(within: .zero)])
        #expect(handle(.timeout, after: .milliseconds(50)) == [.terminateScripts(within: .zero)])
    }

    @Test("workers have the time of hooks besides, and child_wait_time doesn't cut it")
    mutating func hooks() {
        let limits = ShutdownLimits(hooks: .seconds(60))
        #expect(limits.longest == .seconds(60 + 3 + 5 + 1 + 1))
        #expect(stop(limits) == [.stopWorkers("SIGTERM", within: .seconds(63))])
        shutdown = Shutdown()
        let short = ShutdownLimits(total: .seconds(2), hooks: .seconds(60))
        #expect(stop(short) == [.stopWorkers("SIGTERM", within: .seconds(62))] && short.longest == .seconds(63))
        #expect(handle(.vrrpFinished, after: .seconds(60)) == [.removeServices, .finishScripts(within: .seconds(1))])
    }

    @Test("shutdown_script runs when all others have ended, has a time of its own, and comes before the end")
    mutating func shutdownScript() {
        let limits = ShutdownLimits(shutdownScript: .seconds(10))
        #expect(limits.longest == .seconds(3 + 5 + 1 + 10 + 1 + 1))
        _ = stop(limits)
        _ = handle(.vrrpFinished)
        #expect(handle(.scriptsFinished) == [.runShutdownScript])
        #expect(handle(.timeout) == [] && handle(.scriptsFinished) == [])
        #expect(handle(.shutdownScriptFinished) == [.end])
        shutdown = Shutdown()
        _ = stop(limits)
        _ = handle(.vrrpFinished)
        _ = handle(.timeout)
        #expect(handle(.timeout) == [.killScripts, .runShutdownScript])
    }

    @Test("a checker that was started ends, too, in either order", arguments: [true, false])
    mutating func checker(isFirst: Bool) {
        #expect(handle(.checkerStarted) == [])
        _ = stop()
        #expect(handle(isFirst ? .checkerFinished : .vrrpFinished) == [])
        #expect(
            handle(isFirst ? .vrrpFinished : .checkerFinished) == [
                .removeServices, .finishScripts(within: .seconds(5)),
            ])
    }

    @Test("a second stop and a park after a stop do nothing")
    mutating func again() {
        _ = stop()
        #expect(stop() == [])
        #expect(handle(.park) == [])
        _ = handle(.vrrpFinished)
        #expect(stop() == [])
    }

    @Test("a park leaves the worker, and ends at once: no script of a stop runs")
    mutating func park() {
        #expect(handle(.park) == [.leaveWorkers, .end])
        #expect(shutdown.phase == .parked)
        #expect(handle(.park) == [])
        #expect(handle(.vrrpFinished) == [])
    }

    @Test("a stop overrides a park")
    mutating func parkThenStop() {
        _ = handle(.park)
        #expect(stop().count == 1)
        #expect(shutdown.phase == .stoppingWorkers)
    }

    @Test("while hasupd runs, scripts that end mean nothing")
    mutating func running() {
        #expect(handle(.scriptsFinished) == [])
        #expect(handle(.timeout) == [])
        #expect(handle(.shutdownScriptFinished) == [])
        #expect(shutdown.phase == .running)
    }
}
