import Base

/// Work that mustn't delay anything: it waits for a while, and then all that waits is done together.
struct Leisure {
    /// How long the first of it waits.
    static let delay = Interval.milliseconds(100)

    var work: [() -> Void] = []
    var timer: Timer?
}

extension EventLoop {
    /// Does this in a while, with whatever else waits so, in the order in which it came (`leisurely`).
    package func atLeisure(_ work: @escaping () -> Void) {
        let timer = leisure.timer ?? makeTimer { [unowned self] in self.doWaitingWork() }
        leisure.timer = timer
        if leisure.work.isEmpty { set(timer, to: now + Leisure.delay) }
        leisure.work.append(work)
    }

    /// Does at once what waits for leisure: before nobody turns the loop any more.
    package func finishLeisure() {
        if !leisure.work.isEmpty { doWaitingWork() }
    }

    private func doWaitingWork() {
        let work = leisure.work
        leisure.work = []
        leisurely { for piece in work { piece() } }
    }
}
