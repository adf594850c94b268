// Sandbox: the rights that processes give up before they read input, each step read back from the kernel.
// Imports: Base, CLibcap, CLibseccomp, CLinux, Reactor.
// Begin with Sandbox.swift: `seal`, `limitSupervisor`; SeccompLists.swift, SupervisorCalls.swift are the allow-lists.

import CLinux
import Glibc
import Reactor

/// The rights that a worker gives up before it reads its first byte (docs/decisions, D1).
package struct SandboxPlan: Hashable, Sendable {
    /// The user that it becomes; nil to stay the same.
    package var identity: Identity?
    package var capabilities: CapabilitySet
    /// Descriptor of the compiled filter; nil for none. It stays the caller's.
    package var filter: Int32?
    /// Scheduling and memory; nil to leave both alone.
    package var realtime: RealtimePlan?
    /// The rights on files that it keeps; nil when that is settled otherwise.
    package var landlock: LandlockPlan?
    /// Descriptors that it may have open.
    package var descriptorsMax: UInt64 = 64
    /// True if it will start a thread or children: it calls `ResourceLimits.noMoreThreads` itself when it has.
    package var startsThread = false
    /// True if a crash may leave a core file.
    package var keepsCore = false
    /// True if the kernel's audit log names each refused system call.
    package var logsRefusals = false

    package init(
        identity: Identity?, capabilities: CapabilitySet = [], filter: Int32? = nil, realtime: RealtimePlan? = nil
    ) {
        self.identity = identity
        self.capabilities = capabilities
        self.filter = filter
        self.realtime = realtime
    }

    /// As hasupd has said on the command line.
    package init(
        _ options: SandboxArguments, capabilities: CapabilitySet = [], filter: Int32, landlock: LandlockPlan?,
        descriptorsMax: UInt64 = 64
    ) {
        self.init(identity: options.identity, capabilities: capabilities, filter: filter)
        self.landlock = landlock
        self.descriptorsMax = descriptorsMax
        keepsCore = options.keepsCore
        logsRefusals = options.logsRefusals
    }
}

/// The result of a seal, read back from the kernel.
package struct AppliedSandbox: Hashable, Sendable {
    /// The failures, one sentence each. Empty when all is as planned.
    package internal(set) var shortfalls: [String] = []
    /// True if the process is who it was to be, with no supplementary group.
    package internal(set) var hasIdentity = false
    /// True if it has the planned capabilities and no others.
    package internal(set) var hasOnlyPlannedCapabilities = false
    /// True if nothing that it executes could gain privilege.
    package internal(set) var hasNoNewPrivileges = false
    /// True if the system call filter is in force.
    package internal(set) var isFiltered = false
    /// True if it is scheduled in the realtime class as planned.
    package internal(set) var isRealtime = false
    /// True if Landlock is in force: tried, because nobody can ask the kernel.
    package internal(set) var isConfined = false
    /// True if others of its user may look into its memory, and a crash may leave a core file.
    package internal(set) var isDumpable = false
    /// The folder that it stands in; nil when that can't be told.
    package internal(set) var workingDirectory: String?

    package init() {}

    /// True if nothing is missing.
    package var isComplete: Bool { shortfalls.isEmpty }

    /// Returns the reason a process with this seal doesn't begin to work; nil when it may. What reads
    /// untrusted bytes beside root is to be behind a filter, and who it was to be, if anything is.
    package func refusal(for options: SandboxArguments) -> String? {
        guard options.requiresFilter else { return nil }
        if !isFiltered { return "it can't run: its system call filter isn't in force" }
        if options.identity != nil, !hasIdentity { return "it can't run: it couldn't become its own user" }
        if !hasNoNewPrivileges { return "it can't run: new privileges couldn't be given up (no_new_privs)" }
        return nil
    }

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
package func seal(as plan: SandboxPlan) -> AppliedSandbox {
    var report = AppliedSandbox()
    report.workingDirectory = workingDirectory()
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
    report.setDumpable(plan.keepsCore)
    _ = report.step { () throws(SystemError) in
        if !plan.keepsCore { try ResourceLimits.noCore(forGood: true) }
        try ResourceLimits.descriptors(plan.descriptorsMax, forGood: true)
        if !plan.startsThread { try ResourceLimits.noMoreThreads() }
    }
    report.hasNoNewPrivileges = report.step { () throws(SystemError) in try forbidNewPrivileges() }
    report.confine(to: plan.landlock, filter: plan.filter, logsRefusals: plan.logsRefusals)
    return report
}

/// Lets the calling process open files for reading only, and execute nothing: for who reads with privilege what others
/// have written, before the rest of its seal.
/// - Throws: `SystemError`.
package func confineToReading(removingIn folder: String? = nil) throws(SystemError) {
    try forbidNewPrivileges()
    var plan = LandlockPlan.reader
    if let folder { plan.rules.append(.init(folder, .removeFile)) }
    try Landlock.confine(to: plan)
}

/// The rights that hasupd gives up (docs/decisions, D2).
package struct SupervisorPlan: Hashable, Sendable {
    package var capabilities: CapabilitySet
    /// Descriptor of the compiled filter; nil with scripts, which would inherit it.
    package var filter: Int32?
    /// The rights on files that it keeps; nil with scripts.
    package var landlock: LandlockPlan?
    /// True if it gives up what scripts would inherit and live on, because there are none.
    package var isFull: Bool
    /// True if a hasupd that has become this one has put filter and Landlock in force already: layers can't be taken
    /// back, and the kernel has an end of them.
    package var isSuccessor = false
    /// Descriptors that it may have open.
    package var descriptorsMax: UInt64 = 4096
    /// True if a crash may leave a core file.
    package var keepsCore = false
    /// True if the kernel's audit log names each refused system call.
    package var logsRefusals = false

    /// A plan with or without all that scripts would inherit.
    package init(capabilities: CapabilitySet, isFull: Bool) {
        self.capabilities = capabilities
        self.isFull = isFull
    }
}

/// Limits hasupd. With scripts only its own permitted and effective sets and soft limits, because scripts inherit
/// everything else and live on it; without scripts also the bounding set, no_new_privs, Landlock and system calls.
package func limitSupervisor(as plan: SupervisorPlan) -> AppliedSandbox {
    var report = AppliedSandbox()
    report.workingDirectory = workingDirectory()
    let capabilities = plan.capabilities
    report.setDumpable(plan.keepsCore)
    _ = report.step { () throws(SystemError) in
        if !plan.keepsCore { try ResourceLimits.noCore(forGood: plan.isFull) }
        // Its workers may need more.
        try ResourceLimits.descriptors(plan.descriptorsMax, forGood: false)
    }
    if plan.isFull {
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
    if plan.isSuccessor {
        report.isConfined = Landlock.isInForce
        report.isFiltered = SeccompProgram.isInForce
    }
    report.confine(
        to: report.isConfined ? nil : plan.landlock, filter: report.isFiltered ? nil : plan.filter,
        logsRefusals: plan.logsRefusals)
    return report
}

extension AppliedSandbox {
    fileprivate mutating func setDumpable(_ isWanted: Bool) {
        // Another user's process isn't dumpable any more (PR_SET_DUMPABLE, prctl(2)).
        let purpose = isWanted ? "become dumpable" : "become undumpable"
        _ = step { () throws(SystemError) in
            try checked(hasup_prctl(Prctl.setDumpable, isWanted ? 1 : 0, 0, 0, 0), purpose)
        }
        isDumpable = hasup_prctl(Prctl.getDumpable, 0, 0, 0, 0) != 0
        if isDumpable != isWanted { shortfalls.append("can't \(purpose)") }
    }

    /// Landlock before the filter, which forbids to ask for it.
    fileprivate mutating func confine(to landlock: LandlockPlan?, filter: Int32?, logsRefusals: Bool) {
        if let landlock {
            isConfined = step { () throws(SystemError) in try Landlock.confine(to: landlock) }
        }
        if let filter {
            isFiltered = step { () throws(SystemError) in
                try SeccompProgram.load(from: filter, logsRefusals: logsRefusals)
            }
        }
    }
}

private func workingDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
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
