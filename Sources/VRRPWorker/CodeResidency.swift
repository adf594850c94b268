import Base
import CLinux
import Reactor

/// The memory of code that only events need: given back when nothing has happened for a while, and fetched again before
/// a takeover (docs/decisions, D30).
final class CodeResidency {
    /// After this long without a transition, an announcement or a reload, their code needn't stay in memory.
    private static let idleTime = Interval.seconds(2)

    /// The code is mapped so long before a takeover: to map all of it takes about 2 ms.
    private static let mapTime = Interval.milliseconds(5)

    private let loop: EventLoop
    private var releaseTimer: Timer?
    private var takeoverTimer: Timer?
    private var mapsAt = Instant.never
    /// Gives back other memory.
    var onRelease: (() -> Void)?

    init(on loop: EventLoop) {
        self.loop = loop
        takeoverTimer = loop.makeTimer { [unowned self] in
            // What was given back may have left the page cache.
            guard loop.now >= self.mapsAt else { return hasup_fetch_code() }
            hasup_map_code()
            self.postponeRelease()
        }
        releaseTimer = loop.makeTimer { [unowned self] in
            self.onRelease?()
            hasup_release_code()
        }
    }

    /// Something has happened.
    func postponeRelease() {
        if let releaseTimer { loop.set(releaseTimer, to: loop.now + Self.idleTime) }
    }

    /// Prepares for the next takeover: the code is read at its notice, and mapped immediately before it (docs/decisions, D41).
    func prepare(for takeover: (notice: Instant, at: Instant)?) {
        mapsAt = takeover.map { $0.at - min(Self.mapTime, ($0.at - $0.notice) / 2) } ?? .never
        let notice = takeover?.notice ?? .never
        let moment = notice > loop.now ? min(notice, mapsAt) : mapsAt > loop.now ? mapsAt : .never
        if let takeoverTimer { loop.set(takeoverTimer, to: moment) }
    }
}
