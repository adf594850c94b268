import Base
import Reactor

/// Feeds the service manager's watchdog (WatchdogSec in the unit) as long as hasupd is healthy. A hasupd that has hung is
/// ended and started again by systemd, which costs as little as any other death of it (docs/decisions, D10).
final class ServiceWatchdog {
    private var timer: Timer?

    /// Nil when the service has no watchdog.
    init?(_ systemd: SystemdNotify, on loop: EventLoop, isHealthy: @escaping () -> Bool) {
        guard systemd.isAvailable, let limit = systemd.watchdogLimit else { return nil }
        // Two notifications may get lost.
        let period = limit / 3
        timer = loop.makeTimer { [unowned self] in
            if isHealthy() { systemd.keepAlive() }
            if let timer = self.timer { loop.set(timer, to: Clock.now + period) }
        }
        // At once: after `hasup upgrade` the last one may be long ago.
        if let timer { loop.set(timer, to: Clock.now) }
    }
}
