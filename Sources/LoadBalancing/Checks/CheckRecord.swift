import Base

/// The knowledge of a check: the record that the page of checks keeps for the next checker (docs/decisions, D73).
package struct CheckRecord: Hashable, Sendable {
    package enum State: UInt8, Sendable {
        case unknown = 0
        case up = 1
        case down = 2
    }

    /// Bytes in the page.
    package static let size = 64

    package var fingerprint: CheckFingerprint
    package var state = State.unknown
    /// Why it is down, or why it couldn't be tried; `none` for a success.
    package var reason = CheckReason.none
    package var detail: Int32 = 0
    /// Number of the url block that comes next.
    package var request: UInt16 = 0
    /// Failures that don't count yet.
    package var retriesLeft: UInt16 = 0
    /// True if the whole set of url blocks has to pass before the check is up.
    package var isConfirming = false
    /// True if the last attempt couldn't be made.
    package var isUntried = false
    /// Exit status of misc_dynamic less two, value of a file.
    package var weight: Int32?
    /// Of the last attempt.
    package var duration = Interval.zero
    package var lastStart: Instant?
    package var lastVerdict: Instant?
    package var lastChange: Instant?
    package var nextDue: Instant?

    package init(_ fingerprint: CheckFingerprint) { self.fingerprint = fingerprint }

    private struct RecordFlags: OptionSet {
        let rawValue: UInt16
        static let isConfirming = RecordFlags(rawValue: 1)
        static let isUntried = RecordFlags(rawValue: 2)
        static let hasWeight = RecordFlags(rawValue: 4)
    }

    /// In bytes of this machine: the page never leaves it.
    package func store(to place: UnsafeMutableRawPointer) {
        var flags: RecordFlags = []
        if isConfirming { flags.insert(.isConfirming) }
        if isUntried { flags.insert(.isUntried) }
        if weight != nil { flags.insert(.hasWeight) }
        place.storeBytes(of: fingerprint.value, toByteOffset: 8, as: UInt64.self)
        place.storeBytes(of: state.rawValue, toByteOffset: 16, as: UInt8.self)
        place.storeBytes(of: reason.rawValue, toByteOffset: 17, as: UInt8.self)
        place.storeBytes(of: request, toByteOffset: 18, as: UInt16.self)
        place.storeBytes(of: retriesLeft, toByteOffset: 20, as: UInt16.self)
        place.storeBytes(of: flags.rawValue, toByteOffset: 22, as: UInt16.self)
        place.storeBytes(of: detail, toByteOffset: 24, as: Int32.self)
        place.storeBytes(of: weight ?? 0, toByteOffset: 28, as: Int32.self)
        place.storeBytes(of: lastStart?.nanoseconds ?? 0, toByteOffset: 32, as: Int64.self)
        place.storeBytes(of: lastVerdict?.nanoseconds ?? 0, toByteOffset: 40, as: Int64.self)
        place.storeBytes(of: lastChange?.nanoseconds ?? 0, toByteOffset: 48, as: Int64.self)
        place.storeBytes(of: nextDue?.nanoseconds ?? 0, toByteOffset: 56, as: Int64.self)
        let micros = UInt32(clamping: duration.nanoseconds / 1_000)
        place.storeBytes(of: micros, toByteOffset: 4, as: UInt32.self)
        place.storeBytes(of: Self.checksum(of: place), as: UInt32.self)
    }

    /// Nil for an empty place, and for a record that is torn or that nobody could have written.
    package init?(from place: UnsafeRawPointer) {
        let fingerprint = place.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let flags = RecordFlags(rawValue: place.loadUnaligned(fromByteOffset: 22, as: UInt16.self))
        guard fingerprint != 0, place.loadUnaligned(as: UInt32.self) == Self.checksum(of: place),
            let state = State(rawValue: place.loadUnaligned(fromByteOffset: 16, as: UInt8.self)),
            let reason = CheckReason(rawValue: place.loadUnaligned(fromByteOffset: 17, as: UInt8.self)),
            flags.rawValue < 8
        else { return nil }
        self.init(CheckFingerprint(value: fingerprint))
        self.state = state
        self.reason = reason
        request = place.loadUnaligned(fromByteOffset: 18, as: UInt16.self)
        retriesLeft = place.loadUnaligned(fromByteOffset: 20, as: UInt16.self)
        isConfirming = flags.contains(.isConfirming)
        isUntried = flags.contains(.isUntried)
        detail = place.loadUnaligned(fromByteOffset: 24, as: Int32.self)
        if flags.contains(.hasWeight) { weight = place.loadUnaligned(fromByteOffset: 28, as: Int32.self) }
        duration = .microseconds(Int64(place.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        func instant(_ offset: Int) -> Instant? {
            let nanoseconds = place.loadUnaligned(fromByteOffset: offset, as: Int64.self)
            return nanoseconds == 0 ? nil : Instant(nanoseconds: nanoseconds)
        }
        lastStart = instant(32)
        lastVerdict = instant(40)
        lastChange = instant(48)
        nextDue = instant(56)
    }

    /// Of all but the checksum itself. Words are mixed, not bytes: this runs at every verdict.
    private static func checksum(of place: UnsafeRawPointer) -> UInt32 {
        var hash = UInt64(place.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) ^ 0xcbf2_9ce4_8422_2325
        for offset in stride(from: 8, to: size, by: 8) {
            hash = (hash ^ place.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 29
        }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
