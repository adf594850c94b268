import Base

/// hasupd's watch over hasup-track (docs/decisions, D13): long limits, because it is in the ordinary class and may start
/// hundreds of scripts in a turn, and because its hang changes no state.
package enum TrackerWatch {
    /// As for a VRRP worker with this advert_int: hung after one and a half of it without a stamp.
    package static let interval = Interval.seconds(6)
    package static var stampPeriod: Interval { Watchdog.stampPeriod(smallestAdvertInterval: interval) }
}
