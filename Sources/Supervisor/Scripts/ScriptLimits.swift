import CLinux
import Glibc

/// Limits that hasupd changes for itself and that its scripts get back: what they start may be realtime, open many files
/// and leave core files.
struct ScriptLimits: Equatable {
    private struct Limit: Equatable {
        var soft: UInt64
        var hard: UInt64
    }

    private static let kinds = [
        HASUP_LIMIT_REALTIME_TIME, HASUP_LIMIT_LOCKED_MEMORY, HASUP_LIMIT_CORE, HASUP_LIMIT_DESCRIPTORS,
    ]

    /// In the order of `kinds`, in the kernel's units; infinity is `UInt64.max`.
    private var limits: [Limit]

    /// Those in force. Ask before hasupd changes them.
    init() {
        limits = Self.kinds.map { kind in
            var limit = Limit(soft: .max, hard: .max)
            _ = hasup_limit_get(kind, &limit.soft, &limit.hard)
            return limit
        }
    }

    /// Reads `word`; nil for anything else.
    init?(word: String) {
        limits = word.split(separator: ",").compactMap { part in
            let numbers = part.split(separator: ":").map { UInt64($0) }
            guard numbers.count == 2, let soft = numbers[0], let hard = numbers[1] else { return nil }
            return Limit(soft: soft, hard: hard)
        }
        guard limits.count == Self.kinds.count, word == self.word else { return nil }
    }

    /// The form for another process.
    var word: String { limits.map { "\($0.soft):\($0.hard)" }.joined(separator: ",") }

    /// Puts them in force for this process, as far as it may.
    func apply() {
        for (kind, limit) in zip(Self.kinds, limits) where hasup_limit_set(kind, limit.soft, limit.hard) < 0 {
            // A hard limit goes up with CAP_SYS_RESOURCE only.
            var current = Limit(soft: 0, hard: 0)
            guard hasup_limit_get(kind, &current.soft, &current.hard) == 0 else { continue }
            _ = hasup_limit_set(kind, min(limit.soft, current.hard), min(limit.hard, current.hard))
        }
    }

    /// True if this process is harder to kill than others when memory runs out; read once.
    static let isHardToKill = isHardToKill(by: "/proc/self/oom_score_adj")

    private static func isHardToKill(by path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var first: CChar = 0
        return read(file, &first, 1) == 1 && first == CChar(UInt8(ascii: "-"))
    }

    /// Makes this process no harder to kill than others, if hasupd is.
    static func forgetScore(in path: String = "/proc/self/oom_score_adj") {
        guard isHardToKill(by: path) else { return }
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        _ = pwrite(file, "0\n", 2, 0)
    }
}
