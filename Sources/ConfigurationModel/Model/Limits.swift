import Base

/// Limits that the words of several blocks share.
package enum Limits {
    /// Whole seconds: as many as 32-bit milliseconds hold.
    package static let seconds = 0...4_294_967
    /// hook_timeout.
    package static let hookTimeout = Interval.seconds(1)...Interval.seconds(60)
    /// Seconds of address_lease. With less a renewed address would end before a worker's successor has come; with more
    /// than a minute nobody would wait for its end.
    package static let addressLease = 3...60
    /// A length of time that a configuration can name.
    package static let interval = Interval.zero...Interval.seconds(Int64(seconds.upperBound))
    /// The same for a time that has to pass.
    package static let positive = Interval(nanoseconds: 1)...interval.upperBound
    package static let advertInterval = Interval.milliseconds(10)...Interval.seconds(255)
    package static let priority = Priority(rawValue: 1)...Priority.owner
    /// Whole seconds: as many as 32-bit microseconds hold.
    package static let shortSeconds = 0...4_294
    package static let rounds = 0...65_535
    /// vrrp_garp_interval and its kin, in microseconds; 0 is none, as in keepalived's samples.
    package static let gap: ClosedRange<Int64> = 0...4_294_967_295
    /// The longest time, in microseconds.
    package static let longest: Int64 = 4_294_967_000_000
    package static let downTimerAdverts = 1...100
    /// Weights that IPVS takes.
    package static let weight = 0...Int(Int32.max)
    /// More addresses than one entry of a group may stand for: each becomes a service in the kernel.
    package static let rangeMaximum: UInt64 = 65_536
    /// Weight of a tracker; files and processes reach 254.
    package static let trackerWeight = -254...254
    /// rise and fall.
    package static let results = 1...Int(Int32.max)
    /// Value that init_file writes.
    package static let fileValue = -999_999_999...999_999_999
    /// Bytes of a receive buffer.
    package static let buffer = 1...Int(Int32.max)
    package static let bufferMultiplier = 1...65_535
    package static let nice = -20...19
    /// Number of a CPU: as many as cpu_set_t holds.
    package static let processor = 0...1_023
    /// Weight of a tracked interface.
    package static let interfaceWeight = -255...255
    /// Number of processes.
    package static let processes = 0...65_535
    /// Bytes of a datagram.
    package static let datagram = 0...65_535
    /// Number of a line, and of whatever else fits into 32 bits.
    package static let number = 0...Int(UInt32.max)
    package static let int32 = Int(Int32.min)...Int(Int32.max)
    /// Bytes of an auth_hmac key.
    package static let hmacKey = 32...64
}
