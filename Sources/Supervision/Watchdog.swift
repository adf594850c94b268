import Base

/// When a worker's loop counts as hung (docs/decisions.md, D13): hasupd looks at the stamp in the shared page now and
/// then, and a stamp that is too old means that the worker is replaced.
///
/// A machine that was paused stops hasupd too: when a look comes late itself, the worker gets one period to stamp again.
public struct Watchdog: Hashable, Sendable {
    /// Time between two looks.
    public let period: Interval
    /// A stamp older than this is too old.
    public let limit: Interval
    private var lastLook: Instant?

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

    /// Looks at the stamp: its age when it is too old, nil when all is well or can't be judged.
    public mutating func look(at stamp: Instant, now: Instant) -> Interval? {
        defer { lastLook = now }
        guard let lastLook, now - lastLook < period * 2 else { return nil }
        let age = now - stamp
        return age > limit ? age : nil
    }

    /// Forgets the last look: a new worker starts.
    public mutating func reset() { lastLook = nil }
}
