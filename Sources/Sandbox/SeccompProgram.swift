import CLibseccomp
import CLinux
import Glibc
import Reactor

/// A process with an allow-list of its own.
package enum SandboxRole: Hashable, Sendable, CaseIterable {
    case vrrp
    case checker
    /// The short-lived child that parses the configuration (docs/decisions, D6).
    case config
    /// The short-lived child that writes keepalived's files at a signal.
    case dump
    /// The short-lived child that sends a mail.
    case mail
    /// The short-lived child that removes addresses which nobody advertises.
    case withdraw
    /// hasup-track without scripts.
    case track
    /// hasupd without scripts, with all that its children need before their own filters.
    case supervisor
}

/// The consequence of a system call that isn't on the list.
package enum SeccompViolation: Hashable, Sendable {
    /// The process dies by SIGSYS, and the kernel's audit log says by which call.
    case killProcess
    /// The call fails with EPERM.
    case refuse
    /// The call fails with EPERM, and the kernel's audit log says which one it was.
    case log
}

/// A filter of system calls as the kernel takes it: classic BPF, 8 bytes an instruction (seccomp(2)).
///
/// The supervisor compiles it once per start and hands it to each worker as a sealed memory file; a worker loads it
/// without touching libseccomp.
package enum SeccompProgram {
    /// Compiles the role's list into a sealed memory file. - Throws: `SystemError`.
    package static func compile(
        _ role: SandboxRole, onViolation violation: SeccompViolation = .killProcess
    ) throws(SystemError) -> Descriptor {
        let fallback = violation == .killProcess ? UInt32(SCMP_ACT_KILL_PROCESS) : refusal(EPERM)
        guard let context = seccomp_init(fallback) else { throw SystemError(ENOMEM, "prepare the system call filter") }
        defer { seccomp_release(context) }
        // A tree instead of a chain: what is asked most often isn't at the end of it.
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        for rule in SeccompLists.rules(for: role) { try add(rule, to: context) }
        let file = try owned(hasup_memfd_create("hasup-filter"), "create a memory file for the system call filter")
        try checked(seccomp_export_bpf(context, file.number), "compile the system call filter")
        try checked(hasup_memfd_seal_content(file.number), "seal the system call filter")
        return file
    }

    private static func refusal(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(UInt16(truncatingIfNeeded: code)) }

    private static func add(_ rule: SeccompRule, to context: scmp_filter_ctx) throws(SystemError) {
        let number = seccomp_syscall_resolve_name(rule.call)
        // A call that this architecture hasn't got can't be made either.
        guard number >= 0 else { return }
        let action = rule.refusal.map(refusal) ?? UInt32(SCMP_ACT_ALLOW)
        let conditions = rule.conditions.map {
            scmp_arg_cmp(arg: $0.index, op: SCMP_CMP_MASKED_EQ, datum_a: $0.mask, datum_b: $0.value)
        }
        try checked(
            seccomp_rule_add_array(context, action, number, UInt32(conditions.count), conditions),
            "add \(rule.call) to the system call filter")
    }

    /// Reads a compiled program. - Throws: `SystemError`: EINVAL for what can't be one.
    package static func instructions(in file: Int32) throws(SystemError) -> [UInt64] {
        let purpose = "read the system call filter"
        // BPF_MAXINSNS (linux/bpf_common.h) instructions.
        var program = [UInt64](repeating: 0, count: 4096)
        let size = program.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        guard size >= 0 else { throw SystemError(errno, purpose) }
        guard size > 0, size % 8 == 0 else { throw SystemError(EINVAL, purpose) }
        return Array(program[0..<size / 8])
    }

    /// Loads a compiled program for the whole process. It can't be taken back. - Throws: `SystemError`.
    static func load(from file: Int32, logsRefusals: Bool) throws(SystemError) {
        let program = try instructions(in: file)
        try checked(
            hasup_seccomp_load(program, UInt16(program.count), logsRefusals ? 1 : 0), "load the system call filter")
        guard isInForce else { throw SystemError(EPERM, "load the system call filter") }
    }

    /// Asks the kernel whether it knows filters. - Throws: `SystemError` when it doesn't.
    package static func requireKernel() throws(SystemError) {
        try checked(hasup_seccomp_probe(), "filter system calls")
    }

    /// True if the calling process is under a filter (PR_GET_SECCOMP: 2 is "filter").
    static var isInForce: Bool { hasup_prctl(21, 0, 0, 0, 0) == 2 }
}
