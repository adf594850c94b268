import Base

/// Whether the kernel has ended processes of hasupd's cgroup because its memory was used up (cgroups(7); Linux
/// Documentation/admin-guide/cgroup-v2.rst, memory.events; cgroup-v1/memory.rst, memory.oom_control).
///
/// A script that grows, or a limit that is too small, otherwise shows only as workers that die of signal 9.
struct CgroupMemory {
    /// How long it is told after the last one.
    static let memory = Interval.seconds(600)

    private let file: [CChar]?
    private var before: UInt64
    private var count: UInt64
    private var last: Instant?
    /// The file as it was read last: what is unchanged isn't read as text each second.
    private var seen: [UInt8] = []

    /// - Parameters:
    ///   - process: the folder of this process in /proc.
    ///   - root: where cgroups are mounted.
    init(process: String = "/proc/self", root: String = "/sys/fs/cgroup") {
        let file = Self.file(SmallFile.bytes(of: "\(process)/cgroup", max: 4096), root)
        seen = file.map { Self.bytes(of: $0) } ?? []
        self.file = file.map { Array($0.utf8CString) }
        before = Self.kills(in: seen) ?? 0
        count = before
    }

    /// The file that counts; nil when there is none.
    private static func file(_ cgroups: [UInt8], _ root: String) -> String? {
        for line in String(decoding: cgroups, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3 else { continue }
            let path = words[2] == "/" ? "" : String(words[2])
            let found: String
            if words[1].split(separator: ",").contains("memory") {
                found = "\(root)/memory\(path)/memory.oom_control"
            } else if words[0] == "0" {
                found = "\(root)\(path)/memory.events"
            } else {
                continue
            }
            if kills(in: bytes(of: found)) != nil { return found }
        }
        return nil
    }

    private static func bytes(of file: UnsafePointer<CChar>) -> [UInt8] { SmallFile.bytes(of: file, max: 256) }

    private static func kills(in bytes: [UInt8]) -> UInt64? {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").lazy.compactMap { line in
            let words = line.split(separator: " ")
            return words.count == 2 && words[0] == "oom_kill" ? UInt64(words[1]) : nil
        }.first
    }

    /// Looks again; whether there are more.
    mutating func look(at now: Instant) -> Bool {
        guard let file else { return false }
        let bytes = Self.bytes(of: file)
        guard bytes != seen else { return false }
        seen = bytes
        guard let kills = Self.kills(in: bytes), kills > count else { return false }
        if problem(at: now) == nil { before = count }
        count = kills
        last = now
        return true
    }

    /// What is to be told, a sentence; nil when all is well.
    func problem(at now: Instant) -> String? {
        guard let last, now - last < Self.memory else { return nil }
        let ended = count - before == 1 ? "a process" : "\(count - before) processes"
        return "The memory of hasupd's cgroup was used up, and the kernel has ended \(ended) in it: raise its limit "
            + "(MemoryMax), or look which script needs so much."
    }
}
