import Base

/// Finds a worker whose loop has hung (docs/decisions, D13): hasupd reads the stamp in the shared page periodically, and
/// replaces a worker that leaves it unchanged for too long.
///
/// Only time counts in which hasupd itself ran on time: a paused machine stops both, and hasupd may wake first. So a late
/// look doesn't count, and the worker gets its whole time again. A worker that waits for a processor isn't hung, and its
/// successor would have to wait as well.
package struct Watchdog: Hashable, Sendable {
    /// Time between two looks.
    package let period: Interval
    /// A worker that leaves its stamp unchanged for longer is hung.
    package let limit: Interval
    /// Time that a worker may wait for a processor.
    package static let starvationMax = Interval.seconds(1)
    /// Late looks at one stamp that don't count: where each look is late, a hung worker is still found.
    static let lateLooksMax = 10
    private var lastLook: Instant?
    private var lastStamp = Instant(nanoseconds: 0)
    /// The time that counts for which the stamp was unchanged.
    private var silence = Interval.zero
    private var lateLooks = 0
    private var lastProcessorTime: Interval?

    /// - Parameter smallestAdvertInterval: the workers' smallest advert_int; nil for one second.
    package init(smallestAdvertInterval: Interval?) {
        let interval = smallestAdvertInterval ?? .seconds(1)
        period = max(.milliseconds(5), interval / 2)
        limit = max(.milliseconds(20), interval * 3 / 2)
    }

    /// The period at which an idle worker writes its stamp: well below the limit.
    package static func stampPeriod(smallestAdvertInterval: Interval?) -> Interval {
        max(.milliseconds(8), (smallestAdvertInterval ?? .seconds(1)) / 2)
    }

    /// Looks at the stamp. Returns the time for which it was unchanged if the worker has hung, nil otherwise.
    ///
    /// - Parameter activity: reads the worker's state, only when it may have hung; nil when that can't be read.
    package mutating func look(at stamp: Instant, now: Instant, activity: () -> WorkerActivity?) -> Interval? {
        defer {
            lastLook = now
            lastStamp = stamp
        }
        // A stamp from the future is as wrong as an old one: the worker writes the page.
        let age = max(stamp.age(at: now), now.age(at: stamp))
        guard let lastLook else {
            silence = min(age, period)
            return nil
        }
        let passed = now - lastLook
        let isLate = passed - period > period / 2
        if stamp == lastStamp {
            silence = silence + (isLate ? period : passed)
        } else {
            silence = age
            lateLooks = 0
        }
        if isLate, lateLooks < Self.lateLooksMax {
            lateLooks += 1
            silence = .zero
            lastProcessorTime = nil
            return nil
        }
        guard silence > limit else {
            lastProcessorTime = nil
            return nil
        }
        guard let activity = activity(), activity.isRunnable, silence < Self.starvationMax else { return silence }
        // It spins if it has used much of the time since the last look, and starves otherwise.
        let used = lastProcessorTime.map { activity.processorTime - $0 }
        lastProcessorTime = activity.processorTime
        guard let used, used > passed / 4 else { return nil }
        return silence
    }

    /// Returns true if a service with a worker in this state is healthy: its loop turns, or it doesn't for a reason that has
    /// a limit of its own (a start, a wait, a stop). A hung worker is replaced long before; this finds that it wasn't.
    package static func isWorkerWell(
        _ state: WorkerLife.State, stamp: Instant?, now: Instant, smallestAdvertInterval: Interval?
    ) -> Bool {
        switch state {
        case .down, .starting, .waiting, .stopping, .finished: return true
        case .running, .dying:
            guard let stamp else { return true }
            let limit = max(starvationMax, Watchdog(smallestAdvertInterval: smallestAdvertInterval).limit) * 2
            return max(stamp.age(at: now), now.age(at: stamp)) <= limit
        }
    }

    /// Forgets the last look, for a new worker.
    package mutating func reset() {
        lastLook = nil
        silence = .zero
        lateLooks = 0
        lastProcessorTime = nil
    }
}

/// A worker's state in the kernel at one moment.
package struct WorkerActivity: Hashable, Sendable {
    /// True if it runs or waits for a processor (state R in proc(5)).
    package var isRunnable: Bool
    /// Processor time since its start.
    package var processorTime: Interval

    package init(isRunnable: Bool, processorTime: Interval) {
        self.isRunnable = isRunnable
        self.processorTime = processorTime
    }
}
