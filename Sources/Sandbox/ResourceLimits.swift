import CLinux
import Glibc
import Reactor

/// Limits of the calling process that its work never reaches (setrlimit(2)).
package enum ResourceLimits {
    /// As many open descriptors as this, if the hard limit allows so many. - Parameter forGood: whether the hard limit
    /// goes down, too. - Throws: `SystemError`.
    package static func descriptors(_ count: UInt64, forGood: Bool) throws(SystemError) {
        try limit(HASUP_LIMIT_DESCRIPTORS, to: count, forGood: forGood, "limit the descriptors to \(count)")
    }

    /// No core file. - Parameter forGood: whether the hard limit goes down, too. - Throws: `SystemError`.
    package static func noCore(forGood: Bool) throws(SystemError) {
        try limit(HASUP_LIMIT_CORE, to: 0, forGood: forGood, "forbid core files")
    }

    /// No further process and no further thread, for good. The kernel counts by user and exempts root, so any number
    /// but none would depend on what else runs. - Throws: `SystemError`.
    package static func noMoreThreads() throws(SystemError) {
        try limit(HASUP_LIMIT_PROCESSES, to: 0, forGood: true, "forbid further processes")
    }

    private static func limit(
        _ kind: hasup_limit, to value: UInt64, forGood: Bool, _ purpose: String
    ) throws(SystemError) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        let wanted = min(value, hard)
        try checked(hasup_limit_set(kind, wanted, forGood ? wanted : hard), purpose)
        try checked(hasup_limit_get(kind, &soft, &hard), purpose)
        guard soft == wanted else { throw SystemError(EPERM, purpose) }
    }
}
