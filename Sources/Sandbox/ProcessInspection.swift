import Glibc
import Reactor

/// The state of a process in the kernel: `hasup status --processes` shows this and not what we believe (proc(5)).
package struct ProcessInspection: Hashable, Sendable {
    /// Name, at most 15 bytes.
    package var name = ""
    package var uid: UInt32 = 0
    package var realUser: UInt32?
    package var gid: UInt32 = 0
    package var groups: [UInt32] = []
    package var effective: CapabilitySet = []
    package var permitted: CapabilitySet = []
    package var bounding: CapabilitySet = []
    /// True if nothing that it executes could gain privilege.
    package var hasNoNewPrivileges = false
    /// 0 none, 1 strict, 2 filter.
    package var seccompMode = 0
    package var seccompFilters = 0
    package var threads = 0
    package var residentKilobytes = 0
    package var lockedKilobytes = 0
    /// Start in clock ticks after boot; with the pid it names a process for good.
    package var startTicks: UInt64 = 0
    /// Largest core file in bytes; nil without a limit.
    package var coreLimit: UInt64? = 0
    /// True if it is dumpable, which the owner of its files tells; nil for a process of root, whose files are root's
    /// either way.
    package var isDumpable: Bool?

    /// Reads /proc/PID. - Throws: `SystemError`; ENOENT or ESRCH when there is no such process.
    package init(pid: Int32) throws(SystemError) {
        let limits = "/proc/\(pid)/limits"
        self.init(
            status: try Self.read("/proc/\(pid)/status", pid), stat: try Self.read("/proc/\(pid)/stat", pid),
            limits: try Self.read(limits, pid))
        // Files are root's when it isn't dumpable; the folder is always its user's (proc(5)).
        var status = stat()
        if uid != 0, stat(limits, &status) == 0 { isDumpable = status.st_uid == uid }
    }

    /// The line `Max core file size  SOFT  HARD  bytes`.
    private mutating func take(limits: String) {
        let name = "Max core file size"
        guard let line = limits.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
            let soft = line.dropFirst(name.utf8.count).split(separator: " ").first
        else { return }
        coreLimit = soft == "unlimited" ? nil : UInt64(soft) ?? 0
    }

    /// From the text of the three files. What isn't there stays zero.
    package init(status: String, stat: String, limits: String = "") {
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let words = line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }
            take(line[..<colon], words)
        }
        take(limits: limits)
        // The name, in parentheses, may hold anything; field 22 is the 20th after it.
        if let end = stat.lastIndex(of: ")") {
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            if fields.count > 19 { startTicks = UInt64(fields[19]) ?? 0 }
        }
    }

    private mutating func take(_ key: Substring, _ words: [Substring]) {
        let number = words.first.flatMap { Int($0) } ?? 0
        switch key {
        case "Name": name = words.joined(separator: " ")
        // Real, effective, saved, file system.
        case "Uid":
            uid = words.count > 1 ? UInt32(words[1]) ?? 0 : 0
            realUser = words.first.flatMap { UInt32($0) }
        case "Gid": gid = words.count > 1 ? UInt32(words[1]) ?? 0 : 0
        case "Groups": groups = words.compactMap { UInt32($0) }
        case "CapEff": effective = Self.capabilities(words)
        case "CapPrm": permitted = Self.capabilities(words)
        case "CapBnd": bounding = Self.capabilities(words)
        case "NoNewPrivs": hasNoNewPrivileges = number == 1
        case "Seccomp": seccompMode = number
        case "Seccomp_filters": seccompFilters = number
        case "Threads": threads = number
        case "VmRSS": residentKilobytes = number
        case "VmLck": lockedKilobytes = number
        default: break
        }
    }

    private static func capabilities(_ words: [Substring]) -> CapabilitySet {
        CapabilitySet(rawValue: words.first.flatMap { UInt64($0, radix: 16) } ?? 0)
    }

    private static func read(_ path: String, _ pid: Int32) throws(SystemError) -> String {
        let purpose = "inspect process \(pid)"
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw SystemError(errno, purpose) }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = Glibc.read(file.number, &bytes, bytes.count)
        guard count >= 0 else { throw SystemError(errno, purpose) }
        return String(decoding: bytes[0..<count], as: UTF8.self)
    }
}
