/// Admits one event in a period.
package struct RateLimit: Hashable, Sendable {
    /// The earliest time of the next event.
    private(set) var next = Instant(nanoseconds: .min)
    private let period: Interval

    package init(period: Interval) { self.period = period }

    /// True if an event may happen now; then the period begins.
    package mutating func admits(at now: Instant) -> Bool {
        guard now >= next else { return false }
        next = now + period
        return true
    }
}
