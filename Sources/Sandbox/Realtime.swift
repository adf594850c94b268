import Base
import CLinux
import Glibc
import Reactor

/// The time for which a realtime process may compute without ever waiting before the kernel ends it (docs/decisions,
/// D29).
///
/// It is RLIMIT_RTTIME's soft limit, whose signal (SIGXCPU) nobody handles. The hard one is the long fuse's, so that a
/// process may lengthen its fuse for a while without a privilege, and no further.
package enum RealtimeFuse: UInt64, Hashable, Sendable {
    /// For what only answers: 200 ms.
    case short = 200_000
    /// For work that grows with the configuration: 5 s.
    case long = 5_000_000

    var microseconds: UInt64 { rawValue }
}

/// The scheduling that a process wants (docs/decisions, D1, D29).
package struct RealtimePlan: Hashable, Sendable {
    /// SCHED_FIFO's priority, 1...99; nil for the ordinary class.
    package var priority: Int32?
    /// Nice value in the ordinary class; nil to leave it alone.
    package var niceness: Int32?
    /// True if children start in the ordinary class (SCHED_RESET_ON_FORK).
    package var resetsOnFork: Bool
    package var fuse: RealtimeFuse
    /// True if its memory is to be locked (mlockall with MCL_ONFAULT), if the limit allows that for good.
    package var locksMemory: Bool
    /// Microseconds in place of the fuse's.
    package var limit: UInt64?
    /// Numbers of the processors that it may run on; empty for all.
    package var processors: [Int32] = []

    package init(
        priority: Int32?, niceness: Int32? = nil, resetsOnFork: Bool = false, fuse: RealtimeFuse = .short,
        locksMemory: Bool = true
    ) {
        self.priority = priority
        self.niceness = niceness
        self.resetsOnFork = resetsOnFork
        self.fuse = fuse
        self.locksMemory = locksMemory
    }
}

/// Scheduling class and locked memory of the calling process, before it gives up what that needs.
package enum Realtime {
    /// Applies the plan as far as it is possible. - Returns: what wasn't, one sentence each.
    package static func apply(_ plan: RealtimePlan) -> [String] {
        var shortfalls: [String] = []
        func step(_ action: () throws(SystemError) -> Void) -> Bool {
            do throws(SystemError) { try action() } catch {
                shortfalls.append("\(error)")
                return false
            }
            return true
        }
        var mayBeNicer = true
        if let priority = plan.priority {
            mayBeNicer = step { () throws(SystemError) in try schedule(priority, plan) }
        } else {
            end()
        }
        // It needs the privilege that the realtime class has just used.
        if let niceness = plan.niceness, mayBeNicer {
            _ = step { () throws(SystemError) in
                try checked(hasup_set_niceness(niceness), "get niceness \(niceness)")
            }
        }
        if !plan.processors.isEmpty {
            _ = step { () throws(SystemError) in
                try checked(
                    hasup_set_processors(plan.processors, Int32(plan.processors.count)),
                    "run on processors \(plan.processors.map(String.init).joined(separator: " ")) only")
            }
        }
        if plan.locksMemory {
            do { try lockMemory() } catch {
                shortfalls.append("\(error); when memory is short, adverts may wait for the disk")
            }
        }
        return shortfalls
    }

    /// Back to the ordinary class, which everybody may.
    package static func end() { hasup_set_realtime(0, 0) }

    /// Does work that may take its time in the ordinary class, and comes back to the realtime class if the caller was
    /// there and still may.
    package static func leaving<Result>(for work: () -> Result) -> Result {
        let priority = hasup_scheduling_policy() == SCHED_FIFO ? hasup_scheduling_priority() : 0
        if priority > 0 { end() }
        let result = work()
        if priority > 0 { try? schedule(priority: priority, resetsOnFork: true) }
        return result
    }

    /// Changes the fuse of the calling process, as far as its hard limit allows. - Throws: `SystemError`.
    package static func change(to fuse: RealtimeFuse) throws(SystemError) {
        // What was computed until now counts, and would blow a shorter fuse at once: any wait ends it.
        if fuse == .short { hasup_sleep_until((Clock.now + .microseconds(50)).nanoseconds) }
        try limitTime(fuse)
    }

    /// True if the calling thread is SCHED_FIFO with this priority, read from the kernel.
    package static func isRealtime(priority: Int32) -> Bool {
        hasup_scheduling_policy() == SCHED_FIFO && hasup_scheduling_priority() == priority
    }

    /// Gives a process, 0 for the caller, another priority of the realtime class. - Throws: `SystemError`.
    package static func schedule(
        process pid: Int32 = 0, priority: Int32, resetsOnFork: Bool = false
    ) throws(SystemError) {
        let whose = pid == 0 ? "" : " for process \(pid)"
        try checked(
            hasup_set_realtime_of(pid, priority, resetsOnFork ? 1 : 0), "get realtime priority \(priority)\(whose)")
    }

    private static func schedule(_ priority: Int32, _ plan: RealtimePlan) throws(SystemError) {
        // The fuse comes first, so that there is no moment without it.
        try limitTime(plan.fuse)
        if let limit = plan.limit {
            let longest = RealtimeFuse.long.microseconds
            try Self.limit(HASUP_LIMIT_REALTIME_TIME, min(limit, longest), "limit realtime CPU time")
        }
        try checked(hasup_set_realtime(priority, plan.resetsOnFork ? 1 : 0), "get realtime priority \(priority)")
        guard isRealtime(priority: priority) else { throw SystemError(EPERM, "get realtime priority \(priority)") }
    }

    /// Locks memory only where the limit is infinite: with a finite one a later mmap fails, and the process traps.
    private static func lockMemory() throws(SystemError) {
        try limit(HASUP_LIMIT_LOCKED_MEMORY, .max, "lock memory (its limit can't be made infinite)")
        try checked(hasup_lock_memory(), "lock memory")
    }

    /// The soft limit is the fuse, the hard one the long fuse; a hard limit that is lower stays.
    private static func limitTime(_ fuse: RealtimeFuse) throws(SystemError) {
        let purpose = "limit realtime CPU time"
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try checked(hasup_limit_get(HASUP_LIMIT_REALTIME_TIME, &soft, &hard), purpose)
        let longest = min(RealtimeFuse.long.microseconds, hard)
        let wanted = min(fuse.microseconds, longest)
        if soft == wanted, hard == longest { return }
        try checked(hasup_limit_set(HASUP_LIMIT_REALTIME_TIME, wanted, longest), purpose)
        try checked(hasup_limit_get(HASUP_LIMIT_REALTIME_TIME, &soft, &hard), purpose)
        guard soft == wanted else { throw SystemError(EPERM, purpose) }
    }

    /// Sets a limit and reads it back. One that is as wanted is left alone.
    static func limit(_ kind: hasup_limit, _ value: UInt64, _ purpose: String) throws(SystemError) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        if soft == value, hard == value { return }
        try checked(hasup_limit_set(kind, value, value), purpose)
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        guard soft == value else { throw SystemError(EPERM, purpose) }
    }
}
