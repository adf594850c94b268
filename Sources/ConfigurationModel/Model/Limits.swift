/// Limits that the words of several blocks share.
package enum Limits {
    /// Whole seconds: as many as 32-bit milliseconds hold.
    package static let seconds = 0...4_294_967
    /// Whole seconds: as many as 32-bit microseconds hold.
    package static let shortSeconds = 0...4_294
    package static let rounds = 0...65_535
    /// vrrp_garp_interval and its kin, in microseconds; 0 is none, as in keepalived's samples.
    package static let gap: ClosedRange<Int64> = 0...4_294_967_295
    /// The longest time, in microseconds.
    package static let longest: Int64 = 4_294_967_000_000
    package static let downTimerAdverts = 1...100
    /// What IPVS takes as a weight.
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
    package static let int32 = Int(Int32.min)...Int(Int32.max)
    /// Bytes of an auth_hmac key.
    package static let hmacKey = 32...64
}
