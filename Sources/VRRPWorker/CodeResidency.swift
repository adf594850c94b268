import Base
import CLinux
import Reactor

/// The memory of code that only events need: given back when nothing has happened for a while, and fetched again before
/// a takeover (docs/decisions, D30).
final class CodeResidency {
    /// After this long without a transition, an announcement or a reload, their code needn't stay in memory.
    private static let idleTime = Interval.seconds(2)

    private let loop: EventLoop
    private var releaseTimer: Timer?
    private let fetchTimer: Timer
    /// Gives back other memory.
    var onRelease: (() -> Void)?

    init(on loop: EventLoop) {
        self.loop = loop
        // What was given back may have left the page cache.
        fetchTimer = loop.makeTimer { hasup_fetch_code() }
        releaseTimer = loop.makeTimer { [unowned self] in
            self.onRelease?()
            hasup_release_code()
        }
    }

    /// Something has happened.
    func postponeRelease() {
        if let releaseTimer { loop.set(releaseTimer, to: loop.now + Self.idleTime) }
    }

    /// - Parameter notice: some time before the next takeover; nil without one.
    func fetch(at notice: Instant?) {
        let notice = notice ?? .never
        loop.set(fetchTimer, to: notice > loop.now ? notice : .never)
    }
}
