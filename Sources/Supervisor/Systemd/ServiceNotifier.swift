import Base
import Logging
import Reactor

/// A state, as sd_notify(3) has them.
enum ServiceState: Hashable {
    /// With what `systemctl status` shows.
    case ready(String)
    case reloading
    case stopping

    fileprivate var meaning: String {
        switch self {
        case .ready: "is ready"
        case .reloading: "reloads"
        case .stopping: "stops"
        }
    }
}

/// What the service manager knows of hasupd's state. A state that doesn't arrive, because systemd is busy and its socket
/// full, is said again until it does: without READY=1 systemd would end a hasupd that is well.
final class ServiceNotifier {
    private let systemd: SystemdNotify
    private let log: Logger
    private let loop: EventLoop
    private let period: Interval
    private var timer: Timer?
    /// In this order: a manager that waits for the end of a reload has to hear of its beginning first.
    private var pending: [ServiceState] = []
    /// Whether the log tells that something didn't arrive, and not yet that it has.
    private var isFailing = false

    /// - Parameter period: how long it waits before it says something again.
    init(_ systemd: SystemdNotify, on loop: EventLoop, log: Logger, period: Interval = .seconds(1)) {
        self.systemd = systemd
        self.loop = loop
        self.log = log
        self.period = period
        timer = loop.makeTimer { [weak self] in self?.send() }
    }

    func notify(_ state: ServiceState) {
        let isRetrying = !pending.isEmpty
        // Of reloads that end while nothing arrives, only the last one is still to be told.
        switch state {
        case .ready: pending = pending.filter { $0 == .reloading }
        case .reloading: pending = []
        case .stopping: break
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
                    log.warning("systemd doesn't know that hasupd \(state.meaning): \(error); it is told again")
                }
                isFailing = true
                if let timer { loop.set(timer, to: Clock.now + period) }
                return
            }
            pending.removeFirst()
            guard isFailing, pending.isEmpty else { continue }
            isFailing = false
            log.notice("systemd knows by now that hasupd \(state.meaning)")
        }
    }
}
