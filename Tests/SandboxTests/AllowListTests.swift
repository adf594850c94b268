// Without Foundation: with it, types of C that other files of this module use become those of another module.
import Glibc
import Testing

@testable import Sandbox

/// The allow-lists as they were when somebody last looked at them (Tests/Golden/calls-*.txt), so that a list can't become
/// wider without a line in a diff that says so; and what isn't on any of them, whatever the files say.
@Suite("What each role may ask of the kernel (D3, D4)")
struct AllowListTests {
    private static let refusals: [Int32: String] = [
        EACCES: "EACCES", ENOPROTOOPT: "ENOPROTOOPT", ENOSYS: "ENOSYS", ENOTTY: "ENOTTY",
    ]

    /// One rule in words: the call, its conditions, and how it fails if it isn't done.
    private static func line(_ rule: SeccompRule) -> String {
        let conditions = rule.conditions.map { condition in
            let mask = condition.mask == .max ? "" : " & 0x\(String(condition.mask, radix: 16))"
            return "argument \(condition.index)\(mask) is 0x\(String(condition.value, radix: 16))"
        }
        let refusal = rule.refusal.map { ["fails with \(refusals[$0] ?? "error \($0)")"] } ?? []
        return ([rule.call] + conditions + refusal).joined(separator: ", ")
    }

    private static func path(_ role: SandboxRole) -> String {
        let folders = #filePath.split(separator: "/").dropLast(2)
        return "/\(folders.joined(separator: "/"))/Golden/calls-\(role).txt"
    }

    /// The lines of a file; nil when there is none.
    private static func lines(of path: String) -> [String]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    @Test("are those that are written down", arguments: SandboxRole.allCases)
    func isWhatItWas(_ role: SandboxRole) throws {
        let lines = Set(SeccompLists.rules(for: role).map(Self.line))
        let path = Self.path(role)
        if let word = getenv("HASUP_GOLDEN"), strcmp(word, "write") == 0, Self.lines(of: path) == nil {
            let file = try #require(fopen(path, "w"))
            fputs(lines.sorted().map { $0 + "\n" }.joined(), file)
            fclose(file)
        }
        let kept = Set(try #require(Self.lines(of: path)))
        let advice =
            "if \(role) needs it, say why beside the list, remove \(path) and let HASUP_GOLDEN=write make it anew"
        #expect(lines.subtracting(kept).sorted() == [], "the list has become wider: \(advice)")
        #expect(kept.subtracting(lines).sorted() == [], "the list has become narrower: \(advice)")
    }

    /// What would undo the seal, reach into other processes, or open a part of the kernel that has no business here.
    private static let never: Set<String> = [
        // Other processes.
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
        // Ways around a filter, and what exploits are made of.
        "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "perf_event_open", "personality",
        "modify_ldt", "keyctl", "add_key", "request_key",
        // Mounts and namespaces.
        "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
        "pivot_root", "chroot", "setns", "unshare", "name_to_handle_at", "open_by_handle_at",
        // The machine.
        "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
        "iopl", "ioperm", "acct", "quotactl", "syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
        "sethostname", "setdomainname", "mknod", "mknodat",
    ]

    /// hasupd's children make FIFOs, and no devices (D47).
    private static func isForFIFOsOnly(_ rule: SeccompRule) -> Bool {
        ["mknod", "mknodat"].contains(rule.call)
            && rule.conditions.contains { $0.mask == UInt64(S_IFMT) && $0.value == UInt64(S_IFIFO) }
    }

    @Test("never have these calls on them, not even in part", arguments: SandboxRole.allCases)
    func neverAllows(_ role: SandboxRole) {
        let rules = SeccompLists.rules(for: role).filter { $0.refusal == nil }
        let allowed = Set(rules.filter { role != .supervisor || !Self.isForFIFOsOnly($0) }.map(\.call))
        #expect(allowed.intersection(Self.never).sorted() == [])
        #expect(allowed.contains("exit_group"), "the names are those of the list")
    }

    /// hasupd starts programs and signals its own; nobody else has to (D3).
    @Test(
        "let only hasupd start and signal processes",
        arguments: SandboxRole.allCases.filter { $0 != .supervisor })
    func leavesOthersAlone(_ role: SandboxRole) {
        let allowed = Set(SeccompLists.rules(for: role).filter { $0.refusal == nil }.map(\.call))
        let reserved: Set = [
            "execve", "execveat", "fork", "vfork", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_open",
            "pidfd_send_signal", "seccomp", "setuid", "setgid", "setresuid", "setresgid", "setgroups", "capset",
        ]
        // The first one only tells when a process has ended; the other is for files that are opened as another user.
        let tracking: Set = role == .track ? ["pidfd_open", "setgroups"] : []
        #expect(allowed.intersection(reserved).subtracting(tracking).sorted() == [])
    }
}
