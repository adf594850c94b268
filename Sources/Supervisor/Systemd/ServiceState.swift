import Base
import Logging
import Reactor

/// What the service manager knows of hasupd's state. A word that doesn't arrive, because systemd is busy and its socket
/// full, is said again until it does: without READY=1 systemd would end a hasupd that is well.
final class ServiceState {
    /// A state, as sd_notify(3) has them.
    enum Word: Hashable {
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

    private let systemd: SystemdNotify
    private let log: Logger
    private let loop: EventLoop
    private let period: Interval
    private var timer: Timer?
    /// In this order: a manager that waits for the end of a reload has to hear of its beginning first.
    private var unsaid: [Word] = []
    /// Whether the log tells that something didn't arrive, and not yet that it has.
    private var isUnheard = false

    /// - Parameter period: how long it waits before it says something again.
    init(_ systemd: SystemdNotify, on loop: EventLoop, log: Logger, period: Interval = .seconds(1)) {
        self.systemd = systemd
        self.loop = loop
        self.log = log
        self.period = period
        timer = loop.makeTimer { [weak self] in self?.say() }
    }

    func tell(_ word: Word) {
        let isWaiting = !unsaid.isEmpty
        // Of reloads that end while nothing arrives, only the last one is still to be told.
        switch word {
        case .ready: unsaid = unsaid.filter { $0 == .reloading }
        case .reloading: unsaid = []
        case .stopping: break
        }
        unsaid.append(word)
        if !isWaiting { say() }
    }

    private func say() {
        while let word = unsaid.first {
            do throws(SystemError) {
                try systemd.tell(word)
            } catch {
                if !isUnheard {
                    log.warning("systemd doesn't know that hasupd \(word.meaning): \(error); it is told again")
                }
                isUnheard = true
                if let timer { loop.set(timer, to: Clock.now + period) }
                return
            }
            unsaid.removeFirst()
            guard isUnheard, unsaid.isEmpty else { continue }
            isUnheard = false
            log.notice("systemd knows by now that hasupd \(word.meaning)")
        }
    }
}
