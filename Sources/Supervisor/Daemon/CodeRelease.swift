import Base
import CLinux
import Reactor

/// Gives the code of events back when they are over (docs/decisions, D30).
final class CodeRelease {
    /// Time without an event after which the code of the start and of events is given back.
    private static let delay = Interval.seconds(2)
    /// The same after what comes each second and is over at once.
    private static let shortDelay = Interval.milliseconds(20)

    private let loop: EventLoop
    private var timer: Timer?
    private var isDue = false

    init(on loop: EventLoop) {
        self.loop = loop
        timer = loop.makeTimer { [unowned self] in
            self.isDue = false
            hasup_release_code()
        }
    }

    /// An event has happened; others may follow.
    func noteEvent() { set(Self.delay) }

    /// A look at IPVS's table is over.
    func noteLook() { if !isDue { set(Self.shortDelay) } }

    private func set(_ delay: Interval) {
        isDue = true
        if let timer { loop.set(timer, to: Clock.now + delay) }
    }
}
