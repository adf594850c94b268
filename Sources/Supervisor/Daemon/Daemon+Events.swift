import Base
import Control
import Reactor
import Supervision
import VRRP

/// What happens, for those who watch, those who will ask, and scripts.
extension Daemon {
    func observed(_ observation: Observation, generation number: UInt64) {
        deferCodeRelease()
        if case .discarded(nil, let reason, let source, let detail) = observation {
            lastStray = (reason, detail, source, Clock.now)
        }
        // While a reload is being applied, numbers may mean the old list or the new one.
        let source = number == reloads?.pending?.number ? reloads?.pending : generation
        var wallNanoseconds = Clock.wallNanoseconds
        if case .earlier(_, let time) = observation { wallNanoseconds -= Self.lateness(of: time) }
        observations.add(.init(observation: observation, source: source, wallNanoseconds: wallNanoseconds))
    }

    /// How long ago something happened that is told only now, in nanoseconds. The time is a worker's word: at most what a
    /// hand-over takes is believed.
    private static func lateness(of time: Instant) -> Int64 {
        min(max(0, time.age(at: Clock.now).nanoseconds), WatchEvent.lateness.nanoseconds)
    }

    /// Writes what waits, and how often lines repeated whose minute isn't over: nobody does it later.
    func flushRest() {
        observations.flush()
        vrrp?.lines.flushRest()
        checker?.lines.flushRest()
        scripts.flushRest()
        control?.flushRest()
    }

    /// Tells those who watch, and those who will ask.
    func tell(_ event: @escaping () -> WatchEvent) {
        control?.publish(event)
        history.add(event)
    }

    func run(_ run: ScriptRun) { scripts.add(run, global: generation.global) }

    func resetNotificationSequence() { scripts.resetSequence() }

    func report(_ text: String) {
        let event = WatchEvent("process", text: text, unixSeconds: Double(Clock.wallNanoseconds) / 1e9)
        tell { event }
    }
}
