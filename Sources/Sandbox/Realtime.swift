import CLinux
import Glibc
import Reactor

/// What a process wants of the scheduler (docs/decisions.md, D1, D29).
public struct RealtimePlan: Hashable, Sendable {
    /// SCHED_FIFO's priority, 1...99; nil for the ordinary class.
    public var priority: Int32?
    /// Whether children start in the ordinary class (SCHED_RESET_ON_FORK).
    public var resetsOnFork: Bool
    /// CPU time in microseconds that it may take without ever waiting before the kernel kills it (RLIMIT_RTTIME).
    public var fuseMicroseconds: UInt64
    /// Whether its memory is to be locked (mlockall with MCL_ONFAULT), if the limit allows that for good.
    public var locksMemory: Bool

    /// A plan.
    public init(
        priority: Int32?, resetsOnFork: Bool = false, fuseMicroseconds: UInt64 = 200_000, locksMemory: Bool = true
    ) {
        self.priority = priority
        self.resetsOnFork = resetsOnFork
        self.fuseMicroseconds = fuseMicroseconds
        self.locksMemory = locksMemory
    }
}

/// Scheduling class and locked memory of the calling process, before it gives up what that needs.
public enum Realtime {
    /// Applies the plan as far as it is possible. - Returns: what wasn't, one sentence each.
    public static func apply(_ plan: RealtimePlan) -> [String] {
        var shortfalls: [String] = []
        if let priority = plan.priority {
            do { try schedule(priority, plan) } catch { shortfalls.append("\(error)") }
        } else {
            end()
        }
        if plan.locksMemory {
            do { try lockMemory() } catch { shortfalls.append("\(error)") }
        }
        return shortfalls
    }

    /// Back to the ordinary class, which everybody may.
    public static func end() { hasup_set_realtime(0, 0) }

    /// Whether the calling thread is SCHED_FIFO with this priority, read from the kernel.
    public static func isRealtime(priority: Int32) -> Bool {
        hasup_scheduling_policy() == SCHED_FIFO && hasup_scheduling_priority() == priority
    }

    /// Gives a process, 0 for the caller, another priority of the realtime class. - Throws: `SystemError`.
    public static func schedule(
        process pid: Int32 = 0, priority: Int32, resetsOnFork: Bool = false
    ) throws(SystemError) {
        let whose = pid == 0 ? "" : " for process \(pid)"
        try checked(
            hasup_set_realtime_of(pid, priority, resetsOnFork ? 1 : 0), "get realtime priority \(priority)\(whose)")
    }

    private static func schedule(_ priority: Int32, _ plan: RealtimePlan) throws(SystemError) {
        // The fuse comes first, so that there is no moment without it.
        try limit(HASUP_LIMIT_REALTIME_TIME, plan.fuseMicroseconds, "limit realtime CPU time")
        try checked(hasup_set_realtime(priority, plan.resetsOnFork ? 1 : 0), "get realtime priority \(priority)")
        guard isRealtime(priority: priority) else { throw SystemError(EPERM, "get realtime priority \(priority)") }
    }

    /// Locks memory only where the limit is infinite: with a finite one a later mmap fails, and the process traps.
    private static func lockMemory() throws(SystemError) {
        try limit(HASUP_LIMIT_LOCKED_MEMORY, .max, "lock memory (its limit can't be made infinite)")
        try checked(hasup_lock_memory(), "lock memory")
    }

    /// Sets a limit and reads it back. One that is as wanted, or lower by somebody's will, is left alone.
    static func limit(_ kind: hasup_limit, _ value: UInt64, _ purpose: String) throws(SystemError) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        if soft == value, hard == value { return }
        let reachable = kind == HASUP_LIMIT_REALTIME_TIME ? min(value, hard) : value
        try checked(hasup_limit_set(kind, reachable, reachable), purpose)
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        guard soft == reachable else { throw SystemError(EPERM, purpose) }
    }
}
