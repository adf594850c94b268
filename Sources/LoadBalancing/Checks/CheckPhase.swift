import Base
import ConfigurationModel

/// The times at which a check starts: always the same place within its interval, so that a restart keeps it, and that the
/// nodes of a pair don't ask together (docs/decisions, D72, D76).
struct CheckPhase: Sendable {
    let interval: Interval
    let warmup: Interval
    /// The place within the interval, 0 to 2³².
    let spread: UInt64

    init(_ schedule: CheckSchedule, _ fingerprint: CheckFingerprint, router: UInt64) {
        interval = max(schedule.interval, Interval(nanoseconds: 1))
        warmup = schedule.warmup
        spread = fingerprint.spread(router: router)
    }

    /// The first regular time at or after this one.
    func next(from now: Instant) -> Instant {
        let place = interval.part(spread).nanoseconds
        let period = interval.nanoseconds
        let ahead = (place - now.nanoseconds) % period
        return now + Interval(nanoseconds: ahead < 0 ? ahead + period : ahead)
    }

    /// The first start of a new check: within warmup.
    func first(from now: Instant) -> Instant {
        warmup == interval ? next(from: now) : now + warmup.part(spread)
    }

    /// The start of a check that is overdue: within an eighth of its interval.
    func overdue(from now: Instant) -> Instant { now + (interval / 8).part(spread) }
}

/// The grid of starts: one wake-up for many of them (docs/decisions, D76).
package struct StartGrid: Hashable, Sendable {
    package static let finest = Interval.microseconds(250)
    package static let coarsest = Interval.milliseconds(4)

    package let step: Interval

    /// The grid for checks of which the shortest interval is this; nil without checks.
    package init(shortestInterval: Interval?) {
        step = min(max((shortestInterval ?? .seconds(1)) / 256, Self.finest), Self.coarsest)
    }

    /// The time at or after this one that lies on the grid.
    package func roundUp(_ time: Instant) -> Instant {
        let over = time.nanoseconds % step.nanoseconds
        return over <= 0 ? time : time + step - Interval(nanoseconds: over)
    }
}
