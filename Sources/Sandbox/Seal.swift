import CLinux
import Glibc
import Reactor

/// What a worker gives up before it reads its first byte (docs/decisions.md, D1).
public struct SealPlan: Hashable, Sendable {
    /// Who it becomes; nil to stay who it is.
    public var identity: Identity?
    /// Capabilities that it keeps.
    public var capabilities: CapabilitySet
    /// Descriptor of the compiled filter; nil for none. It stays the caller's.
    public var filter: Int32?
    /// Scheduling and memory; nil to leave both alone.
    public var realtime: RealtimePlan?

    /// A plan.
    public init(
        identity: Identity?, capabilities: CapabilitySet = [], filter: Int32? = nil, realtime: RealtimePlan? = nil
    ) {
        self.identity = identity
        self.capabilities = capabilities
        self.filter = filter
        self.realtime = realtime
    }
}

/// What a seal has reached. Everything in it was read back from the kernel.
public struct SealReport: Hashable, Sendable {
    /// What couldn't be done, one sentence each. Empty when all is as planned.
    public internal(set) var shortfalls: [String] = []
    /// Whether the process is who it was to be, with no supplementary group.
    public internal(set) var hasIdentity = false
    /// Whether it has the planned capabilities and no others.
    public internal(set) var hasOnlyPlannedCapabilities = false
    /// Whether nothing that it executes could gain privilege.
    public internal(set) var hasNoNewPrivileges = false
    /// Whether the system call filter is in force.
    public internal(set) var isFiltered = false
    /// Whether it is scheduled in the realtime class as planned.
    public internal(set) var isRealtime = false

    /// Nothing done yet.
    public init() {}

    /// Whether nothing is missing.
    public var isComplete: Bool { shortfalls.isEmpty }

    fileprivate mutating func step(_ action: () throws(SystemError) -> Void) -> Bool {
        do {
            try action()
            return true
        } catch {
            shortfalls.append("\(error)")
            return false
        }
    }
}

/// Seals the calling process, which must have one thread. A part that isn't possible, because there is no such right
/// or it was given up before, is reported, and the rest is done: the caller decides whether what was reached is enough.
public func seal(as plan: SealPlan) -> SealReport {
    var report = SealReport()
    if let realtime = plan.realtime {
        report.shortfalls += Realtime.apply(realtime)
        report.isRealtime = realtime.priority.map(Realtime.isRealtime) ?? false
        // The class stays; whoever owns the worker can't raise it.
        _ = report.step { () throws(SystemError) in
            try Realtime.limit(HASUP_LIMIT_REALTIME_PRIORITY, 0, "limit the realtime priority")
        }
    }
    // Without it, leaving uid 0 would clear what is to be kept (PR_SET_KEEPCAPS, capabilities(7)).
    _ = hasup_prctl(Prctl.setKeepCapabilities, 1, 0, 0, 0)
    // Without the right to, it is left as it is: hasupd says that once for all its processes.
    if mayLimitBounding() { _ = report.step { () throws(SystemError) in try emptyBoundingSet() } }
    if let identity = plan.identity {
        report.hasIdentity = report.step { () throws(SystemError) in try become(identity) }
    }
    report.hasOnlyPlannedCapabilities = report.step { () throws(SystemError) in try keep(plan.capabilities) }
    _ = report.step { () throws(SystemError) in
        try checked(hasup_prctl(Prctl.setDumpable, 0, 0, 0, 0), "become undumpable")
        guard hasup_prctl(Prctl.getDumpable, 0, 0, 0, 0) == 0 else { throw SystemError(EPERM, "become undumpable") }
    }
    report.hasNoNewPrivileges = report.step { () throws(SystemError) in try forbidNewPrivileges() }
    if let filter = plan.filter {
        report.isFiltered = report.step { () throws(SystemError) in try SeccompProgram.load(from: filter) }
    }
    return report
}

/// Limits hasupd (docs/decisions.md, D2). With scripts only its own permitted and effective sets, because scripts
/// inherit everything else and live on it; without scripts (`fullSandbox`) also the bounding set and no_new_privs.
public func limitSupervisor(keeping capabilities: CapabilitySet, fullSandbox: Bool) -> SealReport {
    var report = SealReport()
    if fullSandbox {
        // Workers are executed by it as root and need these to seal themselves.
        if mayLimitBounding() {
            _ = report.step { () throws(SystemError) in
                try Capabilities.limitBounding(to: capabilities)
                guard Capabilities.bounding().isSubset(of: capabilities) else {
                    throw SystemError(EPERM, "limit the bounding set")
                }
            }
        }
        report.hasNoNewPrivileges = report.step { () throws(SystemError) in try forbidNewPrivileges() }
    }
    report.hasOnlyPlannedCapabilities = report.step { () throws(SystemError) in try keep(capabilities) }
    return report
}

/// Options of prctl(2) that Swift's Glibc module doesn't show (linux/prctl.h).
private enum Prctl {
    static let getDumpable: Int32 = 3
    static let setDumpable: Int32 = 4
    static let setKeepCapabilities: Int32 = 8
    static let setNoNewPrivileges: Int32 = 38
    static let getNoNewPrivileges: Int32 = 39
}

/// PR_CAPBSET_DROP needs CAP_SETPCAP.
private func mayLimitBounding() -> Bool { (try? Capabilities.current(.effective))?.contains(.setPCap) ?? true }

private func emptyBoundingSet() throws(SystemError) {
    try Capabilities.limitBounding(to: [])
    guard Capabilities.bounding().isEmpty else { throw SystemError(EPERM, "empty the bounding set") }
}

private func become(_ identity: Identity) throws(SystemError) {
    let purpose = "run as user \(identity.uid) and group \(identity.gid)"
    // Who has no right to leave groups may have none to leave.
    if hasup_supplementary_groups() != 0 {
        try checked(hasup_supplementary_groups_clear(), "leave the supplementary groups")
    }
    try checked(hasup_set_group(identity.gid), purpose)
    try checked(hasup_set_user(identity.uid), purpose)
    var users: [UInt32] = [0, 0, 0]
    var groups: [UInt32] = [0, 0, 0]
    try checked(hasup_users_get(&users), purpose)
    try checked(hasup_groups_get(&groups), purpose)
    guard users.allSatisfy({ $0 == identity.uid }), groups.allSatisfy({ $0 == identity.gid }),
        hasup_supplementary_groups() == 0
    else { throw SystemError(EPERM, purpose) }
}

/// Permitted and effective as wanted, as far as they are there; the other sets empty.
private func keep(_ wanted: CapabilitySet) throws(SystemError) {
    let available = try Capabilities.current(.permitted)
    try Capabilities.clearAmbient()
    try Capabilities.limit(to: wanted.intersection(available))
    let permitted = try Capabilities.current(.permitted)
    let effective = try Capabilities.current(.effective)
    let inheritable = try Capabilities.current(.inheritable)
    guard effective == permitted, permitted.isSubset(of: wanted), inheritable.isEmpty,
        Capabilities.ambient().isEmpty
    else { throw SystemError(EPERM, "limit the capabilities to \(wanted)") }
    let missing = wanted.subtracting(permitted)
    if !missing.isEmpty { throw SystemError(EPERM, "keep the capabilities \(missing)") }
}

private func forbidNewPrivileges() throws(SystemError) {
    try checked(hasup_prctl(Prctl.setNoNewPrivileges, 1, 0, 0, 0), "give up new privileges")
    guard hasup_prctl(Prctl.getNoNewPrivileges, 0, 0, 0, 0) == 1 else {
        throw SystemError(EPERM, "give up new privileges")
    }
}
