import Base
import Configuration
import ConfigurationModel
import Reactor
import Supervision

/// Tells the service manager again and again that hasupd is well (WatchdogSec in its unit), as long as it is. A hasupd that
/// has hung is ended and started again by systemd, which costs as little as any other death of it (docs/decisions.md, D10).
final class ServiceWatchdog {
    private var timer: Timer?

    /// Nil when the service has no watchdog.
    init?(_ systemd: SystemdNotify, on loop: EventLoop, isHealthy: @escaping () -> Bool) {
        guard systemd.isAvailable, let limit = systemd.watchdogLimit else { return nil }
        // Two words may get lost.
        let period = limit / 3
        timer = loop.makeTimer { [unowned self] in
            if isHealthy() { systemd.keepAlive() }
            if let timer = self.timer { loop.set(timer, to: Clock.now + period) }
        }
        // At once: a hasupd that has just become this one (`hasup upgrade`) may have said its last word a while ago.
        if let timer { loop.set(timer, to: Clock.now) }
    }
}

extension Daemon {
    /// What the service manager's watchdog is told: hasupd's loop turns, or nobody would ask, and so does its worker's.
    var isHealthy: Bool {
        guard let worker = vrrp?.worker else { return true }
        let interval = generation.model.smallestAdvertInterval
        return Watchdog.isWorkerWell(
            worker.life.state, stamp: vrrp?.stamp(of: worker), now: Clock.now, smallestAdvertInterval: interval)
    }
}
