import CLinux
import Glibc

/// Limits that hasupd changes for itself and that its scripts get back: what they start may be realtime, too.
struct ScriptLimits: Equatable {
    /// RLIMIT_RTTIME in microseconds, RLIMIT_MEMLOCK in bytes.
    private var realtimeTime: UInt64
    private var lockedMemory: UInt64

    /// Those in force. Ask before hasupd changes them.
    init() {
        func read(_ limit: hasup_limit) -> UInt64 {
            var soft = UInt64.max
            var hard = UInt64.max
            _ = hasup_limit_get(limit, &soft, &hard)
            return soft
        }
        realtimeTime = read(HASUP_LIMIT_REALTIME_TIME)
        lockedMemory = read(HASUP_LIMIT_LOCKED_MEMORY)
    }

    /// What `word` gave; nil for anything else.
    init?(word: String) {
        let parts = word.split(separator: ",").map { UInt64($0) }
        guard parts.count == 2, let time = parts[0], let memory = parts[1] else { return nil }
        realtimeTime = time
        lockedMemory = memory
    }

    /// How they are told to another process.
    var word: String { "\(realtimeTime),\(lockedMemory)" }

    /// Puts them in force for this process, as far as it may, and makes it no harder to kill than others when memory
    /// runs out.
    func apply() {
        _ = hasup_limit_set(HASUP_LIMIT_REALTIME_TIME, realtimeTime)
        _ = hasup_limit_set(HASUP_LIMIT_LOCKED_MEMORY, lockedMemory)
        let file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        var first: CChar = 0
        if read(file, &first, 1) == 1, first == CChar(UInt8(ascii: "-")) { _ = pwrite(file, "0\n", 2, 0) }
    }
}
