import Glibc

/// A condition on an argument of a system call: `argument & mask == value`.
struct ArgumentRule {
    let index: UInt32
    let mask: UInt64
    let value: UInt64

    init(_ index: UInt32, is value: UInt64, mask: UInt64 = .max) {
        self.index = index
        self.mask = mask
        self.value = value
    }
}

/// One line of an allow-list. Conditions of a line hold together; lines with the same name are alternatives.
struct SeccompRule {
    let call: String
    var conditions: [ArgumentRule] = []
    /// Error number that the call fails with instead of being done.
    var refusal: Int32?

    init(_ call: String, _ conditions: ArgumentRule..., refusal: Int32? = nil) {
        self.call = call
        self.conditions = conditions
        self.refusal = refusal
    }
}

/// The allow-lists. What isn't here is forbidden (docs/decisions, D3, D4): kill and its relatives, ptrace,
/// process_vm_*, prlimit64, execve, every fork, opening files, and for the VRRP worker socket, bind and connect.
enum SeccompLists {
    static func rules(for role: SandboxRole) -> [SeccompRule] {
        switch role {
        case .vrrp:
            common + serialLine + noLinks + messages + plain("recvmmsg", "sendmmsg") + netlink + thread + fuse
        case .checker: common + noControls + noLinks + messages + checker
        case .config: common + noControls + noLinks + config
        case .dump: common + noControls + noLinks + dump
        case .mail: common + noControls + noLinks + messages + mail
        case .withdraw: common + noControls + noLinks + messages + netlink
        case .track: common + noControls + messages + track
        case .supervisor: supervisor
        }
    }

    static func plain(_ names: String...) -> [SeccompRule] { names.map { SeccompRule($0) } }

    /// An argument that C passes as an int: the kernel ignores the upper half, so the filter must, too.
    static func int(_ index: UInt32, _ value: Int32) -> ArgumentRule {
        ArgumentRule(index, is: UInt64(UInt32(bitPattern: value)), mask: 0xffff_ffff)
    }

    /// No PROT_EXEC.
    static let notExecutable = ArgumentRule(2, is: 0, mask: UInt64(PROT_EXEC))

    /// Calls that the C library and Swift's need to live, and the event loop.
    private static let common: [SeccompRule] =
        plain(
            "read", "write", "close", "fstat", "lseek", "futex", "munmap", "madvise", "mremap", "brk", "getrandom",
            "clock_gettime", "gettimeofday", "clock_nanosleep", "nanosleep", "restart_syscall", "sched_yield",
            "getpid", "gettid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit", "exit_group",
            "memfd_create", "ftruncate", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
            "epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "timerfd_settime", "eventfd2",
            "epoll_create1", "timerfd_create", "signalfd4")
        + [
            SeccompRule("mmap", notExecutable), SeccompRule("mprotect", notExecutable),
            SeccompRule("fcntl", int(1, F_GETFL)), SeccompRule("fcntl", int(1, F_SETFL)),
            SeccompRule("fcntl", int(1, F_GETFD)), SeccompRule("fcntl", int(1, F_SETFD)),
            // F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS (linux/fcntl.h).
            SeccompRule("fcntl", int(1, 1030)), SeccompRule("fcntl", int(1, 1033)), SeccompRule("fcntl", int(1, 1034)),
            // PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS: a process may ask how it is confined.
            SeccompRule("prctl", int(0, 21)), SeccompRule("prctl", int(0, 39)),
            // fstat of newer C libraries: the descriptor alone, without a path.
            SeccompRule("newfstatat", int(3, 0x1000)),
            // A harmless question of libraries; a refusal is an answer to it.
            SeccompRule("clone3", refusal: ENOSYS),
        ]

    /// More such questions.
    private static let noControls = [SeccompRule("ioctl", refusal: ENOTTY)]

    /// The VRRP worker asks how much of a serial line hasn't left: TIOCOUTQ (asm-generic/ioctls.h), and nothing else. What
    /// differs from it does so in a bit.
    private static let serialLine: [SeccompRule] = {
        let question: UInt64 = 0x5411
        let others = (0..<UInt64(32)).map { bit in
            SeccompRule(
                "ioctl", ArgumentRule(1, is: ~question & 1 << bit, mask: 1 << bit), refusal: ENOTTY)
        }
        return [SeccompRule("ioctl", ArgumentRule(1, is: question, mask: 0xffff_ffff))] + others
    }()

    private static let noLinks = [
        SeccompRule("readlink", refusal: EACCES), SeccompRule("readlinkat", refusal: EACCES),
    ]

    /// Receiving and sending on what was handed over, and closing it for both sides.
    private static let messages = plain(
        "recvmsg", "recvfrom", "sendmsg", "sendto", "getsockname", "getpeername", "shutdown")

    /// Options of the sockets that the VRRP worker is handed: no filters, no membership, nothing of netfilter's.
    private static let netlink: [SeccompRule] = [
        SeccompRule("setsockopt", int(1, SOL_SOCKET), int(2, SO_RCVTIMEO)),
        SeccompRule("setsockopt", int(1, SOL_SOCKET), int(2, SO_RCVBUF)),
        SeccompRule("setsockopt", int(1, SOL_SOCKET), int(2, SO_SNDBUF)),
        // SOL_NETLINK.
        SeccompRule("setsockopt", int(1, 270)), SeccompRule("getsockopt", int(1, 270)),
        SeccompRule("getsockopt", int(1, SOL_SOCKET)),
    ]

    /// The second thread: a thread of this process, not a process and in no new namespace; and only itself, only down
    /// to the ordinary class.
    private static let thread: [SeccompRule] =
        plain("set_robust_list", "rseq", "set_tid_address")
        + [
            SeccompRule("clone", ArgumentRule(0, is: 0x10900, mask: 0x7e03_6900)),
            SeccompRule("sched_setscheduler", int(0, 0), int(1, SCHED_OTHER)),
            // The C library asks how many processors there are when it makes room for a second thread, first by a file;
            // and the address sanitizer by the thread's number, where its stack lies.
            SeccompRule("sched_getaffinity"),
            // RLIMIT_NPROC (asm-generic/resource.h) goes to 0 when the thread is there.
            SeccompRule("prlimit64", int(0, 0), int(1, 6)),
            SeccompRule("openat", refusal: EACCES), SeccompRule("open", refusal: EACCES),
        ]

    /// RLIMIT_RTTIME (asm-generic/resource.h) of itself: its soft limit goes up and down below the hard one.
    private static let fuse = [SeccompRule("prlimit64", int(0, 0), int(1, 15))]

    /// Sockets of the internet families, never AF_UNIX or AF_NETLINK, never raw; TLS libraries look at files.
    private static let checker: [SeccompRule] =
        plain(
            "connect", "bind", "readv", "writev", "getrusage",
            "sysinfo", "pread64", "getdents64", "statx", "access", "faccessat", "faccessat2")
        + internetSockets + checkOptions + readOnlyFiles

    /// The options that CLinux's check.c sets and asks for, and no other (docs/decisions, D78).
    private static let checkOptions: [SeccompRule] =
        [
            (SOL_SOCKET, SO_LINGER), (SOL_SOCKET, SO_BINDTODEVICE), (SOL_SOCKET, SO_REUSEADDR),
            (Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT),
            // TCP_QUICKACK (netinet/tcp.h).
            (Int32(IPPROTO_TCP), 12),
        ].map { SeccompRule("setsockopt", int(1, $0), int(2, $1)) }
        + [
            SeccompRule("getsockopt", int(1, SOL_SOCKET), int(2, SO_ERROR)),
            // TCP_ULP: OpenSSL asks whether the kernel would encrypt, and does it itself if not.
            SeccompRule("setsockopt", int(1, Int32(IPPROTO_TCP)), int(2, 31), refusal: ENOPROTOOPT),
        ]

    private static let internetSockets: [SeccompRule] = [AF_INET, AF_INET6].flatMap { family in
        // SOCK_STREAM and SOCK_DGRAM, with or without SOCK_CLOEXEC and SOCK_NONBLOCK.
        [UInt64(1), 2].map { SeccompRule("socket", int(0, family), ArgumentRule(1, is: $0, mask: 0xf)) }
    }

    /// hasup-track without scripts: it reads files that it is told and /proc, writes those of init_file, and starts copies of
    /// itself that do it, some as the users of scripts. Which files is Landlock's part.
    private static let track: [SeccompRule] =
        plain(
            "open", "openat", "readlinkat", "fstatfs", "newfstatat", "getdents64", "umask", "getcwd", "recvmmsg",
            "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "pidfd_open", "waitid", "wait4", "getppid",
            "setpgid", "set_robust_list", "rseq", "dup3", "close_range", "getsockopt",
            "setgroups", "setfsuid", "setfsgid")
        + [
            // As fork(3) has it: no thread, and no new namespace.
            SeccompRule("clone", int(0, 0x0120_0000 | SIGCHLD)),
            SeccompRule("socketpair", int(0, AF_UNIX)),
            // PR_SET_PDEATHSIG, PR_SET_NAME (linux/prctl.h).
            SeccompRule("prctl", int(0, 1)), SeccompRule("prctl", int(0, 15)),
        ]

    /// The parser of the configuration: it finds files as it reads, so it may look at them.
    private static let config: [SeccompRule] =
        plain(
            "getdents64", "readlinkat", "readlink", "getcwd", "pread64", "readv", "writev", "statx", "stat", "lstat",
            "access", "faccessat", "faccessat2", "sendmsg", "recvmsg", "uname", "fchdir", "chdir")
        + readOnlyFiles

    /// The sender of mails: it resolves names and talks to one server. Name services and TLS are libraries, which may be
    /// loaded late: what they map to execute can't be written.
    private static let mail: [SeccompRule] =
        plain(
            "connect", "bind", "getsockopt", "setsockopt", "sendmmsg", "recvmmsg", "readv", "writev", "uname",
            "sysinfo",
            "getrusage", "pread64", "getdents64", "statx", "stat", "lstat", "access", "faccessat", "faccessat2",
            "getcwd",
            "alarm", "setitimer", "pselect6", "select")
        + internetSockets + readOnlyFiles
        + [
            SeccompRule("mmap", ArgumentRule(2, is: 0, mask: UInt64(PROT_WRITE))),
            // The C library asks nscd, and the kernel for its addresses, and does without an answer.
            SeccompRule("socket", int(0, AF_UNIX), refusal: EACCES),
            SeccompRule("socket", int(0, AF_NETLINK), refusal: EACCES),
            SeccompRule("socketpair", refusal: EACCES),
        ]

    /// The writer of dumps: it has made its files, writes into them, and puts them in their place.
    private static let dump = plain("recvmsg", "sendmsg", "renameat", "renameat2", "unlinkat")

    /// Neither O_WRONLY, O_RDWR, O_CREAT nor O_TRUNC.
    private static let readOnlyFiles: [SeccompRule] = [
        SeccompRule("openat", ArgumentRule(2, is: 0, mask: 0o1103)),
        SeccompRule("open", ArgumentRule(1, is: 0, mask: 0o1103)),
        SeccompRule("newfstatat"),
    ]
}
