import Base
import IPC
import Reactor
import Supervision
import VRRP

/// What happens, for those who watch, those who will ask, and scripts.
extension Daemon {
    func observed(_ observation: Observation, generation number: UInt64) {
        unsettle()
        // While a reload is being applied, numbers may mean the old list or the new one.
        let source = number == reloads?.pending?.number ? reloads?.pending : generation
        observations.add(.init(observation: observation, source: source, wallNanoseconds: Clock.wallNanoseconds))
    }

    /// Tells those who watch, and those who will ask.
    func tell(_ event: @escaping () -> WatchEvent) {
        control?.publish(event)
        history.add(event)
    }

    func run(_ run: ScriptRun) {
        guard !run.scripts.isEmpty else { return }
        scripts.add(run, global: generation.global)
    }

    func notificationCountBeginsAnew() { scripts.countBeginsAnew() }

    func report(_ text: String) {
        let event = WatchEvent("process", text: text, unixSeconds: Double(Clock.wallNanoseconds) / 1e9)
        tell { event }
    }
}
