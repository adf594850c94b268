import Base

/// When a worker's loop counts as hung (docs/decisions.md, D13): hasupd looks at the stamp in the shared page now and
/// then, and a stamp that is too old means that the worker is replaced.
///
/// A machine that was paused stops hasupd too: when a look comes late itself, the worker gets one period to stamp again.
/// A worker that wants to run and isn't given a processor isn't hung, and its successor would be no better off: it is
/// waited for.
public struct Watchdog: Hashable, Sendable {
    /// Time between two looks.
    public let period: Interval
    /// A stamp older than this is too old.
    public let limit: Interval
    /// How long a worker is waited for that gets no processor.
    public static let starvationMax = Interval.seconds(1)
    private var lastLook: Instant?
    private var lastProcessorTime: Interval?

    /// A watchdog for workers whose smallest advert_int is this; one second when nothing is configured.
    public init(smallestAdvertInterval: Interval?) {
        let interval = smallestAdvertInterval ?? .seconds(1)
        period = max(.milliseconds(5), interval / 2)
        limit = max(.milliseconds(20), interval * 3 / 2)
    }

    /// The longest that a worker with nothing to do may leave its stamp alone: well below the limit.
    public static func stampPeriod(smallestAdvertInterval: Interval?) -> Interval {
        max(.milliseconds(8), (smallestAdvertInterval ?? .seconds(1)) / 2)
    }

    /// Looks at the stamp: its age when the worker is to be replaced, nil when all is well or can't be judged yet. What
    /// the kernel says of the worker is asked only when the stamp is too old; nil when it says nothing.
    public mutating func look(at stamp: Instant, now: Instant, activity: () -> WorkerActivity?) -> Interval? {
        defer { lastLook = now }
        guard let lastLook, now - lastLook < period * 2 else { return nil }
        // A stamp from the future is as wrong as an old one: the page is the worker's.
        let age = max(stamp.age(at: now), now.age(at: stamp))
        guard age > limit else {
            lastProcessorTime = nil
            return nil
        }
        guard let activity = activity(), activity.isRunnable, age < Self.starvationMax else { return age }
        // It spins when it has used a good part of the time since the last look, and starves otherwise.
        let used = lastProcessorTime.map { activity.processorTime - $0 }
        lastProcessorTime = activity.processorTime
        guard let used, used > (now - lastLook) / 4 else { return nil }
        return age
    }

    /// Whether a service whose worker is in this state may call itself well: its loop turns, or there is none for a
    /// reason that has a limit of its own (it starts, it waits to be started again, it stops). A worker that hangs is
    /// replaced long before this says no; it does when that isn't possible.
    public static func isWorkerWell(
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
    public mutating func reset() {
        lastLook = nil
        lastProcessorTime = nil
    }
}

/// What the kernel says of a worker at one moment.
public struct WorkerActivity: Hashable, Sendable {
    /// Whether it runs or waits for a processor (state R in proc(5)): neither stopped nor asleep.
    public var isRunnable: Bool
    /// Processor time that it has used since its start.
    public var processorTime: Interval

    /// What the kernel says.
    public init(isRunnable: Bool, processorTime: Interval) {
        self.isRunnable = isRunnable
        self.processorTime = processorTime
    }
}
