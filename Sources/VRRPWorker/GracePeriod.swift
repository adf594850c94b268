import Base
import Reactor

/// The time after hasupd's loss in which another hasupd may replace this worker (docs/decisions, D10).
final class GracePeriod {
    /// In an upgrade the next hasupd has replaced this worker by then.
    private static let upgradeTime = Interval.milliseconds(200)

    private let loop: EventLoop
    private let length: Interval
    private var endTimer: Timer?
    private var reportTimer: Timer?
    private var reason = ""
    /// The loss, in a sentence for the log.
    var onReport: ((String) -> Void)?
    /// No hasupd has connected.
    var onEnd: (() -> Void)?

    init(_ length: Interval, on loop: EventLoop) {
        self.loop = loop
        self.length = length
        endTimer = loop.makeTimer { [unowned self] in self.onEnd?() }
        reportTimer = loop.makeTimer { [unowned self] in self.report(left: self.length - Self.upgradeTime) }
    }

    /// The channel to hasupd has ended: hasupd is gone, or becomes another program, which looks the same from here.
    func begin(_ reason: String) {
        self.reason = reason
        if let endTimer { loop.set(endTimer, to: loop.now + length) }
        // An upgrade is over before it is reported.
        guard length > Self.upgradeTime * 2 else { return report(left: length) }
        if let reportTimer { loop.set(reportTimer, to: loop.now + Self.upgradeTime) }
    }

    private func report(left: Interval) {
        onReport?("no hasupd is connected (\(reason)): handing over in \(left) unless another hasupd connects")
    }
}
