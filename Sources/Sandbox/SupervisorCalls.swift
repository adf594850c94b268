import Glibc

/// hasupd's allow-list, in force when no scripts are configured (docs/decisions, D2). Every child inherits it, so it
/// has all that a child needs from its first instruction to its own filter, too. What it keeps out: tracing and reading
/// other processes, mounts, namespaces, modules, keys, BPF, io_uring, performance events, clocks, reboot, memory that
/// is writable and executable, and sockets of other families.
extension SeccompLists {
    static let supervisor: [SeccompRule] =
        life + files + processes + privileges + sockets + memory + unknown

    /// Calls that the C library and Swift's need to live, and the event loop.
    private static let life: [SeccompRule] =
        controls
        + plain(
            "read", "write", "close", "futex", "restart_syscall", "getrandom", "rt_sigaction", "rt_sigprocmask",
            "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "exit", "exit_group", "set_tid_address",
            "set_robust_list", "rseq", "arch_prctl", "uname", "sysinfo", "getrusage", "times", "gettid", "getpid",
            "getppid", "getpgrp", "getpgid", "getsid", "clock_gettime", "clock_getres", "gettimeofday", "time",
            "clock_nanosleep", "nanosleep", "alarm", "setitimer", "sched_yield", "sched_getaffinity", "getcpu",
            "epoll_wait", "epoll_pwait", "epoll_ctl", "epoll_create1", "poll", "ppoll", "select", "pselect6",
            "timerfd_create", "timerfd_settime", "timerfd_gettime", "eventfd2", "signalfd4", "pipe", "pipe2", "fcntl",
            "dup", "dup2", "dup3", "close_range")

    /// TCGETS, FIONREAD, FIONBIO, SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFINDEX; for serial lines TCSETS, TCFLSH,
    /// TIOCEXCL, and TCGETS2 and TCSETS2 of newer C libraries (asm-generic/ioctls.h, linux/sockios.h). The worker that inherits
    /// it asks for TIOCOUTQ.
    private static let controls: [SeccompRule] = [
        0x5401, 0x541b, 0x5421, 0x8910, 0x8913, 0x8921, 0x8933, 0x5402, 0x540b, 0x540c, 0x5411,
        Int32(bitPattern: 0x802c_542a), 0x402c_542b,
    ].map { request in SeccompRule("ioctl", int(1, request)) }

    /// Files: which ones is Landlock's part.
    private static let files: [SeccompRule] =
        plain(
            "open", "openat", "lseek", "pread64", "pwrite64", "preadv", "pwritev", "readv", "writev", "fstat", "stat",
            "lstat", "newfstatat", "statx", "fstatfs", "statfs", "access", "faccessat", "faccessat2", "getdents64",
            "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "umask", "mkdir", "mkdirat", "unlink", "unlinkat",
            "rename", "renameat", "renameat2", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown",
            "ftruncate", "fsync", "fdatasync", "flock", "fadvise64", "memfd_create", "inotify_init1",
            "inotify_add_watch", "inotify_rm_watch", "lgetxattr")
        // FIFOs, and no device.
        + [
            SeccompRule("mknod", ArgumentRule(1, is: UInt64(S_IFIFO), mask: UInt64(S_IFMT))),
            SeccompRule("mknodat", ArgumentRule(2, is: UInt64(S_IFIFO), mask: UInt64(S_IFMT))),
        ]

    /// Starting, watching and ending children; no new namespace. `setpriority` and `sched_setaffinity` are
    /// a worker's before its own seal: after an upgrade it is started beneath this filter.
    private static let processes: [SeccompRule] =
        plain(
            "execve", "vfork", "wait4", "waitid", "kill", "tgkill", "pidfd_open", "pidfd_send_signal", "setpgid",
            "setsid", "sched_setscheduler", "sched_setaffinity", "sched_getscheduler", "sched_getparam",
            "sched_get_priority_max", "sched_get_priority_min", "prlimit64", "getrlimit", "setrlimit", "getpriority",
            "setpriority")
        + [SeccompRule("clone", ArgumentRule(0, is: 0, mask: 0x7e02_0000))]

    /// Giving up, which every child does for itself.
    private static let privileges: [SeccompRule] =
        processOptions
        + plain(
            "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid", "setgid",
            "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capget", "capset", "seccomp",
            "landlock_create_ruleset",
            "landlock_add_rule", "landlock_restrict_self")

    /// PR_SET_PDEATHSIG, PR_{GET,SET}_DUMPABLE, PR_{GET,SET}_KEEPCAPS, PR_{SET,GET}_NAME, PR_GET_SECCOMP, PR_CAPBSET_{READ,DROP},
    /// PR_GET_SECUREBITS, PR_{SET,GET}_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_SET_VMA (linux/prctl.h).
    private static let processOptions: [SeccompRule] = [
        1, 3, 4, 7, 8, 15, 16, 21, 23, 24, 27, 38, 39, 47, 0x5356_4d41,
    ].map { option in SeccompRule("prctl", int(0, option)) }

    /// Sockets for the workers, the control socket, and the C library's name services.
    private static let sockets: [SeccompRule] =
        plain(
            "socketpair", "bind", "listen", "accept4", "accept", "connect", "shutdown", "getsockname", "getpeername",
            "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg")
        + localSockets + internet(AF_INET) + internet(AF_INET6)

    private static let localSockets: [SeccompRule] = [
        SeccompRule("socket", int(0, AF_UNIX)),
        // NETLINK_ROUTE.
        SeccompRule("socket", int(0, AF_NETLINK), int(2, 0)),
        // NETLINK_GENERIC: IPVS.
        SeccompRule("socket", int(0, AF_NETLINK), int(2, 16)),
        // NETLINK_CONNECTOR: reports about processes, for hasup-track.
        SeccompRule("socket", int(0, AF_NETLINK), int(2, 11)),
        // Bound to no protocol: it receives nothing (docs/decisions, D4).
        SeccompRule("socket", int(0, AF_PACKET), int(2, 0)),
    ]

    private static func internet(_ family: Int32) -> [SeccompRule] {
        [
            // VRRP's protocol, whatever the type is.
            SeccompRule("socket", int(0, family), int(2, 112)),
            // SOCK_STREAM and SOCK_DGRAM: the checker's.
            SeccompRule("socket", int(0, family), ArgumentRule(1, is: 1, mask: 0xf)),
            SeccompRule("socket", int(0, family), ArgumentRule(1, is: 2, mask: 0xf)),
        ]
    }

    /// Memory: code comes from files, and isn't writable.
    private static let memory: [SeccompRule] =
        plain("munmap", "madvise", "mremap", "brk", "mlockall", "munlockall", "mlock", "mlock2", "munlock", "mincore")
        + [
            SeccompRule("mmap", notExecutable), SeccompRule("mprotect", notExecutable),
            SeccompRule("mmap", ArgumentRule(2, is: 0, mask: UInt64(PROT_WRITE))),
        ]

    /// Newer calls with which C libraries try first what they can do in an older way.
    private static let unknown: [SeccompRule] = [
        "clone3", "openat2", "fchmodat2", "epoll_pwait2", "preadv2", "pwritev2", "futex_waitv", "execveat",
    ].map { SeccompRule($0, refusal: ENOSYS) }
}
