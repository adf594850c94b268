import Base

/// The watchdog of hasup-checker: it is hung after 2 s without a stamp (docs/decisions, D74).
package enum CheckerWatch {
    /// As for a VRRP worker with this advert_int: hung after one and a half of it without a stamp.
    package static let interval = Interval(nanoseconds: 1_333_333_333)
}
