import Base
import CLinux

/// The only place that asks for the time.
public enum Clock {
    /// CLOCK_BOOTTIME.
    public static var now: Instant { Instant(nanoseconds: hasup_boottime()) }
    /// Nanoseconds since 1970: for what a person reads.
    public static var wallNanoseconds: Int64 { hasup_wall_clock() }
}
