/// A length of time in nanoseconds; negative when a deadline has passed.
///
/// The standard library's `Duration` is 128 bits wide; on the advert path 64 bits of nanoseconds (292 years) do.
package struct Interval: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable package static var zero: Interval { Interval(nanoseconds: 0) }
    @inlinable package static func seconds(_ count: Int64) -> Interval { Interval(nanoseconds: count * 1_000_000_000) }
    @inlinable package static func milliseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count * 1_000_000) }
    @inlinable package static func microseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count * 1_000) }
    /// Centiseconds, the unit of VRRPv3's Max Advertise Interval (RFC 9568 §5.2.7).
    @inlinable package static func centiseconds(_ count: Int64) -> Interval {
        Interval(nanoseconds: count * 10_000_000)
    }

    /// The length in seconds, for texts and statistics only: whole microseconds, which are written in a tenth of the
    /// time.
    @inlinable package var seconds: Double { Double(nanoseconds / 1_000) / 1e6 }

    /// Nil for a number that doesn't fit.
    package init?(seconds: Double) {
        guard abs(seconds) < 9.3e9 else { return nil }
        // `seconds` of the longest interval is read back, too.
        self.init(nanoseconds: Int64(exactly: (seconds * 1e9).rounded()) ?? (seconds < 0 ? .min : .max))
    }

    /// The same in whole milliseconds, rounded, for texts.
    package var inMilliseconds: Interval {
        let rounded =
            Int64(min((nanoseconds.magnitude + 500_000) / 1_000_000, UInt64(Int64.max) / 1_000_000)) * 1_000_000
        return Interval(nanoseconds: nanoseconds < 0 ? -rounded : rounded)
    }

    @inlinable package static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }
    @inlinable package static func + (left: Interval, right: Interval) -> Interval {
        Interval(nanoseconds: left.nanoseconds &+ right.nanoseconds)
    }
    @inlinable package static func - (left: Interval, right: Interval) -> Interval {
        Interval(nanoseconds: left.nanoseconds &- right.nanoseconds)
    }
    @inlinable package static func * (left: Interval, right: Int64) -> Interval {
        Interval(nanoseconds: left.nanoseconds &* right)
    }
    /// Part, rounded towards zero.
    @inlinable package static func / (left: Interval, right: Int64) -> Interval {
        Interval(nanoseconds: left.nanoseconds / right)
    }
}

extension Interval: CustomStringConvertible {
    /// Seconds with as many decimals as are needed, at most six: `3.609375 s`, `0.01 s`, `1 s`.
    package var description: String {
        let sign = nanoseconds < 0 ? "-" : ""
        let micros = (nanoseconds.magnitude + 500) / 1_000
        let whole = micros / 1_000_000
        var fraction = String(micros % 1_000_000)
        if fraction == "0" { return "\(sign)\(whole) s" }
        fraction = String(repeating: "0", count: 6 - fraction.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(sign)\(whole).\(fraction) s"
    }
}

/// A point in time on CLOCK_BOOTTIME, in nanoseconds since boot (docs/decisions, D15). Never the wall clock.
package struct Instant: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Later than any deadline: a timer that isn't set.
    @inlinable package static var never: Instant { Instant(nanoseconds: .max) }

    @inlinable package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
    @inlinable package static func + (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds &+ right.nanoseconds)
    }
    @inlinable package static func - (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds &- right.nanoseconds)
    }
    /// The age of this point: at least nothing and at most since boot. For points of an untrusted source, which may lie
    /// anywhere.
    package func age(at now: Instant) -> Interval {
        Interval(nanoseconds: max(0, now.nanoseconds) - min(max(0, nanoseconds), max(0, now.nanoseconds)))
    }
    @inlinable package static func - (left: Instant, right: Instant) -> Interval {
        Interval(nanoseconds: left.nanoseconds &- right.nanoseconds)
    }
}
