import Base
import Reactor

/// Holds reports back while kernel calls are under way: hasupd, which is realtime, would take the processor from the
/// thread that does them, and a takeover's address would be there 0.3 ms later.
struct ReportDelay {
    private static let delayMax = Interval.milliseconds(1)

    private let loop: EventLoop
    private let timer: Timer
    /// The time at which reports leave in any case; nil when none waits.
    private var due: Instant?

    init(on loop: EventLoop) {
        self.loop = loop
        // The end of the turn sends what is due.
        timer = loop.makeTimer {}
    }

    /// True if reports are to wait.
    mutating func holds(isBusy: Bool) -> Bool {
        let due = self.due ?? loop.now + Self.delayMax
        let waits = isBusy && loop.now < due
        self.due = waits ? due : nil
        loop.set(timer, to: waits ? due : .never)
        return waits
    }
}
