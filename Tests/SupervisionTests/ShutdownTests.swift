import Supervision
import Testing

@Suite("Shutdown of hasupd")
struct ShutdownTests {
    private var shutdown = Shutdown()
    private static let finish = ShutdownAction.finishScripts(within: Shutdown.scriptTimeout)

    @Test("a stop ends the worker, then its scripts, then hasupd")
    mutating func stop() {
        #expect(shutdown.handle(.stop("SIGTERM")) == [.stopWorkers("SIGTERM")])
        #expect(shutdown.handle(.scriptsFinished) == [], "its last notifications are still to come")
        #expect(shutdown.handle(.vrrpFinished) == [Self.finish])
        #expect(shutdown.handle(.scriptsFinished) == [.end])
        #expect(shutdown.phase == .ended)
        #expect(shutdown.handle(.timeout) == [])
    }

    @Test("scripts that don't end in time don't keep hasupd")
    mutating func slowScripts() {
        _ = shutdown.handle(.stop("SIGTERM"))
        _ = shutdown.handle(.vrrpFinished)
        #expect(shutdown.handle(.timeout) == [.end])
    }

    @Test("a checker that was started ends, too, in either order", arguments: [true, false])
    mutating func checker(isFirst: Bool) {
        #expect(shutdown.handle(.checkerStarted) == [])
        _ = shutdown.handle(.stop("SIGTERM"))
        #expect(shutdown.handle(isFirst ? .checkerFinished : .vrrpFinished) == [])
        #expect(shutdown.handle(isFirst ? .vrrpFinished : .checkerFinished) == [Self.finish])
    }

    @Test("a second stop and a park after a stop do nothing")
    mutating func again() {
        _ = shutdown.handle(.stop("SIGTERM"))
        #expect(shutdown.handle(.stop("SIGINT")) == [])
        #expect(shutdown.handle(.park) == [])
        _ = shutdown.handle(.vrrpFinished)
        #expect(shutdown.handle(.stop("SIGINT")) == [])
    }

    @Test("a park leaves the worker, and ends at once")
    mutating func park() {
        #expect(shutdown.handle(.park) == [.leaveWorkers, .end])
        #expect(shutdown.phase == .parked)
        #expect(shutdown.handle(.park) == [])
        #expect(shutdown.handle(.vrrpFinished) == [])
    }

    @Test("a stop overrides a park")
    mutating func parkThenStop() {
        _ = shutdown.handle(.park)
        #expect(shutdown.handle(.stop("SIGTERM")) == [.stopWorkers("SIGTERM")])
        #expect(shutdown.phase == .stoppingWorkers)
    }

    @Test("while hasupd runs, scripts that end mean nothing")
    mutating func running() {
        #expect(shutdown.handle(.scriptsFinished) == [])
        #expect(shutdown.handle(.timeout) == [])
        #expect(shutdown.phase == .running)
    }
}
