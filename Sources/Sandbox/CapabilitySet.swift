/// A set of capabilities, bit n for capability n (linux/capability.h, capabilities(7)).
package struct CapabilitySet: OptionSet, Hashable, Sendable {
    /// The kernel's 64 bits, as /proc/PID/status shows them in hexadecimal.
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(number: Int32) { self.init(rawValue: number >= 0 && number < 64 ? 1 << UInt64(number) : 0) }

    package static let chown = CapabilitySet(number: 0)
    package static let dacOverride = CapabilitySet(number: 1)
    package static let dacReadSearch = CapabilitySet(number: 2)
    package static let kill = CapabilitySet(number: 5)
    package static let setGID = CapabilitySet(number: 6)
    package static let setUID = CapabilitySet(number: 7)
    package static let setPCap = CapabilitySet(number: 8)
    package static let netBindService = CapabilitySet(number: 10)
    package static let netAdmin = CapabilitySet(number: 12)
    package static let netRaw = CapabilitySet(number: 13)
    package static let ipcLock = CapabilitySet(number: 14)
    package static let sysNice = CapabilitySet(number: 23)

    /// The capabilities that hasupd always keeps (docs/decisions, D2).
    package static let supervisor: CapabilitySet = [.netAdmin, .netRaw, .setUID, .setGID, .setPCap, .kill]

    /// The capabilities by which files of others are read. The first one is enough, and the least that is.
    package static let reading: CapabilitySet = [.dacReadSearch, .dacOverride]

    /// The numbers in the set, lowest first.
    package var numbers: [Int32] { (0..<Int32(64)).filter { contains(CapabilitySet(number: $0)) } }
}

extension CapabilitySet: CustomStringConvertible {
    private static let names = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
        "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
        "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
        "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
        "checkpoint_restore",
    ]

    /// `net_admin net_raw`, `none`, or `all but sys_resource` when few are missing.
    package var description: String {
        if isEmpty { return "none" }
        let known = CapabilitySet(rawValue: (1 << UInt64(Self.names.count)) - 1)
        let missing = known.subtracting(self)
        if missing.isEmpty { return "all" }
        return missing.numbers.count < 6 ? "all but " + missing.list : list
    }

    /// The names in the set, lowest number first, without `cap_`.
    package var nameList: [String] {
        numbers.map { Int($0) < Self.names.count ? Self.names[Int($0)] : "cap_\($0)" }
    }

    private var list: String { nameList.joined(separator: " ") }
}
