import Base

/// When a worker's loop counts as hung (docs/decisions.md, D13): hasupd looks at the stamp in the shared page now and
/// then, and a worker that leaves it as it is for too long is replaced.
///
/// Only time counts in which hasupd itself ran when it meant to: a machine that was paused stops both, and whoever of them
/// wakes first isn't the better one. So a look that comes late counts nothing, and the worker gets its whole time again.
/// A worker that wants to run and isn't given a processor isn't hung, and its successor would be no better off: it is
/// waited for.
package struct Watchdog: Hashable, Sendable {
    /// Time between two looks.
    package let period: Interval
    /// A worker is hung that leaves its stamp as it is for longer.
    package let limit: Interval
    /// How long a worker is waited for that gets no processor.
    package static let starvationMax = Interval.seconds(1)
    /// Late looks at one stamp that count nothing: where each one is late, a worker that hangs is found all the same.
    static let lateLooksMax = 10
    private var lastLook: Instant?
    private var lastStamp = Instant(nanoseconds: 0)
    /// How long the stamp has been what it is, as far as that counts.
    private var silence = Interval.zero
    private var lateLooks = 0
    private var lastProcessorTime: Interval?

    /// A watchdog for workers whose smallest advert_int is this; one second when nothing is configured.
    package init(smallestAdvertInterval: Interval?) {
        let interval = smallestAdvertInterval ?? .seconds(1)
        period = max(.milliseconds(5), interval / 2)
        limit = max(.milliseconds(20), interval * 3 / 2)
    }

    /// The longest that a worker with nothing to do may leave its stamp alone: well below the limit.
    package static func stampPeriod(smallestAdvertInterval: Interval?) -> Interval {
        max(.milliseconds(8), (smallestAdvertInterval ?? .seconds(1)) / 2)
    }

    /// Looks at the stamp: for how long the worker has left it as it is, when that is so long that it is to be replaced;
    /// nil when all is well or can't be judged yet. What the kernel says of the worker is asked only when it may be hung;
    /// nil when it says nothing.
    package mutating func look(at stamp: Instant, now: Instant, activity: () -> WorkerActivity?) -> Interval? {
        defer {
            lastLook = now
            lastStamp = stamp
        }
        // A stamp from the future is as wrong as an old one: the page is the worker's.
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
        // It spins when it has used a good part of the time since the last look, and starves otherwise.
        let used = lastProcessorTime.map { activity.processorTime - $0 }
        lastProcessorTime = activity.processorTime
        guard let used, used > passed / 4 else { return nil }
        return silence
    }

    /// Whether a service whose worker is in this state may call itself well: its loop turns, or there is none for a
    /// reason that has a limit of its own (it starts, it waits to be started again, it stops). A worker that hangs is
    /// replaced long before this says no; it does when that isn't possible.
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

    /// Forgets the last look: a new worker starts.
    package mutating func reset() {
        lastLook = nil
        silence = .zero
        lateLooks = 0
        lastProcessorTime = nil
    }
}

/// What the kernel says of a worker at one moment.
package struct WorkerActivity: Hashable, Sendable {
    /// Whether it runs or waits for a processor (state R in proc(5)): neither stopped nor asleep.
    package var isRunnable: Bool
    /// Processor time that it has used since its start.
    package var processorTime: Interval

    /// What the kernel says.
    package init(isRunnable: Bool, processorTime: Interval) {
        self.isRunnable = isRunnable
        self.processorTime = processorTime
    }
}
