import Base
import CLinux
import Glibc

/// The only reader of the clock.
package enum Clock {
    package static var now: Instant { Instant(nanoseconds: hasup_boottime()) }
    /// CLOCK_MONOTONIC in microseconds, as sd_notify(3) wants it.
    package static var monotonicMicroseconds: Int64 { clockNanoseconds(CLOCK_MONOTONIC) / 1_000 }
    /// Processor time of the calling thread. A system call, so not for every packet.
    package static var threadTime: Interval { Interval(nanoseconds: clockNanoseconds(CLOCK_THREAD_CPUTIME_ID)) }

    private static func clockNanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Nanoseconds since 1970: for what a person reads.
    package static var wallNanoseconds: Int64 { hasup_wall_clock() }
}
