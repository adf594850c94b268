import Base
import Logging
import Reactor

/// A state of the service, as sd_notify(3) has them.
enum NotifiedState: Hashable {
    /// With the status text of `systemctl status`.
    case ready(String)
    case reloading
    /// A start takes so long.
    case starting(within: Interval)
    /// A stop takes so long.
    case stopping(within: Interval)

    fileprivate var name: String {
        switch self {
        case .ready: "ready"
        case .reloading: "reloading"
        case .starting: "starting"
        case .stopping: "stopping"
        }
    }
}

/// Notifies the service manager of hasupd's state. A notification that fails, because systemd is busy and its socket full,
/// is repeated until it succeeds: without READY=1 systemd would end a healthy hasupd.
final class ServiceNotifier {
    private let systemd: SystemdNotify
    private let log: Logger
    private let loop: EventLoop
    private let period: Interval
    private var timer: Timer?
    private var watchdog: ServiceWatchdog?
    /// In order: a manager that waits for the end of a reload has to know of its beginning first.
    private var pending: [NotifiedState] = []
    /// True after the log has told of a failure, until it tells of success.
    private var isFailing = false

    /// - Parameter period: the time between two attempts.
    init(_ systemd: SystemdNotify, on loop: EventLoop, log: Logger, period: Interval = .seconds(1)) {
        self.systemd = systemd
        self.loop = loop
        self.log = log
        self.period = period
        timer = loop.makeTimer { [weak self] in self?.send() }
    }

    /// Starts to feed the service's watchdog, if it has one, as long as hasupd is healthy.
    func startWatchdog(isHealthy: @escaping () -> Bool) {
        watchdog = ServiceWatchdog(systemd, on: loop, isHealthy: isHealthy)
    }

    func notify(_ state: NotifiedState) {
        let isRetrying = !pending.isEmpty
        // Of reloads that end while nothing arrives, only the last one counts.
        switch state {
        case .ready: pending = pending.filter { $0 == .reloading }
        case .reloading: pending = []
        case .starting, .stopping: break
        }
        pending.append(state)
        if !isRetrying { send() }
    }

    private func send() {
        while let state = pending.first {
            do throws(SystemError) {
                try systemd.notify(state)
            } catch {
                if !isFailing {
                    log.warning("systemd isn't notified that hasupd is \(state.name): \(error); will retry")
                }
                isFailing = true
                if let timer { loop.set(timer, to: Clock.now + period) }
                return
            }
            pending.removeFirst()
            guard isFailing, pending.isEmpty else { continue }
            isFailing = false
            log.notice("systemd is notified that hasupd is \(state.name)")
        }
    }
}
