import Base

/// Work that mustn't delay anything: it waits for a while, and then all that waits is done together.
struct DeferredWork {
    /// The time for which the first of it waits.
    static let delay = Interval.milliseconds(100)

    var work: [() -> Void] = []
    var timer: Timer?
}

extension EventLoop {
    /// Does this after a while, with other deferred work, in the order in which it came.
    package func deferWork(_ work: @escaping () -> Void) {
        let timer = deferredWork.timer ?? makeTimer { [unowned self] in self.doWaitingWork() }
        deferredWork.timer = timer
        if deferredWork.work.isEmpty { set(timer, to: now + DeferredWork.delay) }
        deferredWork.work.append(work)
    }

    /// Does the deferred work at once: before the loop ends.
    package func flushDeferredWork() {
        if !deferredWork.work.isEmpty { doWaitingWork() }
    }

    private func doWaitingWork() {
        let work = deferredWork.work
        deferredWork.work = []
        deferred { for piece in work { piece() } }
    }
}
