import Base

/// A machine's clock: it runs up to one percent too fast or too slow, and it stands still while a hypervisor pauses the
/// machine (docs/decisions, D15).
struct MachineClock {
    private var base: Int64
    private var origin: Int64
    private let driftPPM: Int64
    private var isStopped = false

    init(startingAt world: Int64, reading: Int64, driftPPM: Int64) {
        base = reading
        origin = world
        self.driftPPM = driftPPM
    }

    func reading(at world: Int64) -> Instant {
        if isStopped { return Instant(nanoseconds: base) }
        let elapsed = world - origin
        return Instant(nanoseconds: base + elapsed + elapsed * driftPPM / 1_000_000)
    }

    /// World time at which the clock shows this or a little more.
    func worldTime(of reading: Instant) -> Int64 {
        origin + max(0, reading.nanoseconds - base) * 1_000_000 / (1_000_000 + driftPPM) + 1_000
    }

    mutating func stop(at world: Int64) {
        base = reading(at: world).nanoseconds
        isStopped = true
    }

    mutating func resume(at world: Int64) {
        if isStopped {
            origin = world
            isStopped = false
        }
    }
}
