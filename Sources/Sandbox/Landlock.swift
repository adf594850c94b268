import CLinux
import Glibc
import Reactor

/// Rights on files, as bits of LANDLOCK_ACCESS_FS_* (linux/landlock.h, landlock(7)).
package struct FileRights: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// To execute files. What loads libraries maps them by reading.
    package static let execute = FileRights(rawValue: 1 << 0)
    /// To open files for reading and to list folders.
    package static let read = FileRights(rawValue: 1 << 2 | 1 << 3)
    /// To remove what isn't a folder.
    package static let removeFile = FileRights(rawValue: 1 << 5)
    /// To make sockets with a path.
    package static let makeSocket = FileRights(rawValue: 1 << 9)
    /// To give a new file the name of another one in its folder.
    package static let replaceFile = FileRights(rawValue: 1 << 5 | 1 << 8)
    package static let makeFolder = FileRights(rawValue: 1 << 7)
    /// To open a device for both, and to set it up (LANDLOCK_ACCESS_FS_IOCTL_DEV).
    package static let device = FileRights(rawValue: 1 << 1 | 1 << 2 | 1 << 15)
    /// To make files, and to write into files.
    package static let write = FileRights(rawValue: 1 << 1 | 1 << 8 | 1 << 14)
    /// To open files for writing, to make, remove, rename and cut what isn't a device, and to make folders.
    package static let change = FileRights(rawValue: 0x7fff & ~(1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 11))
    /// Those that make sense for a single file.
    fileprivate static let ofFiles = FileRights(rawValue: 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15)

    /// The rights that a kernel with this version of Landlock knows.
    fileprivate static func known(to abi: Int) -> FileRights {
        switch abi {
        case ...1: FileRights(rawValue: 0x1fff)
        // LANDLOCK_ACCESS_FS_REFER.
        case 2: FileRights(rawValue: 0x3fff)
        // LANDLOCK_ACCESS_FS_TRUNCATE.
        case 3, 4: FileRights(rawValue: 0x7fff)
        // LANDLOCK_ACCESS_FS_IOCTL_DEV.
        default: FileRights(rawValue: 0xffff)
        }
    }
}

/// The rights that a process keeps on files, ports and other processes. All that isn't named is forbidden, to it and to
/// every program that it executes; what it has open stays open.
package struct LandlockPlan: Hashable, Sendable {
    /// Rights on a file, or on a folder with everything below it. What isn't there needs no rule.
    package struct Rule: Hashable, Sendable {
        /// A path, which is looked up when the plan is put in force.
        package var path: String
        package var rights: FileRights

        package init(_ path: String, _ rights: FileRights) {
            self.path = path
            self.rights = rights
        }
    }

    package var rules: [Rule]
    /// True if TCP ports are closed to it, to bind to and to connect to.
    package var forbidsTCP: Bool
    /// True if it may reach no process outside by signals and abstract sockets.
    package var isScoped: Bool

    package init(_ rules: [Rule], forbidsTCP: Bool = false, isScoped: Bool = false) {
        self.rules = rules
        self.forbidsTCP = forbidsTCP
        self.isScoped = isScoped
    }

    /// No file, no port, nobody: for who was handed all that it needs.
    package static let nothing = LandlockPlan([], forbidsTCP: true, isScoped: true)
    /// The checker's: libraries, certificates and what the C library looks up; it connects to any server.
    package static let checker = LandlockPlan(
        ["/etc", "/usr", "/lib", "/lib32", "/lib64"].map { Rule($0, .read) }, isScoped: true)
    /// hasup-track's without scripts: it reads anywhere, and makes and writes files in these folders.
    package static func track(writing: [String]) -> LandlockPlan {
        LandlockPlan([Rule("/", .read)] + writing.map { Rule($0, .write) }, forbidsTCP: true, isScoped: true)
    }
    /// The mail sender's: libraries, certificates, and what the C library looks up to find a server.
    package static let mail = LandlockPlan(
        ["/etc", "/usr", "/lib", "/lib32", "/lib64", "/run/systemd/resolve", "/run/resolvconf"].map { Rule($0, .read) },
        isScoped: true)
    /// The reader's of a configuration, which may lie anywhere; users may be looked up at a server.
    package static let reader = LandlockPlan([Rule("/", .read)])

    /// hasupd's without scripts: it reads anywhere, writes in these folders, makes its control socket, also when
    /// somebody has removed that one's folder, opens these devices, and executes what lies in those folders. It starts and signals processes
    /// that it had before, so it isn't scoped, and its checker needs TCP.
    package static func supervisor(
        writing: [String], socketFolder: String, devices: [String] = [], executing: [String]
    ) -> LandlockPlan {
        // A folder that is made anew has no rule: what its parent allows is allowed in it. Nobody removes /run.
        let isDeep = socketFolder.split(separator: "/").count > 1
        let anew = isDeep ? [Rule(socketFolder + "/..", [.makeFolder, .makeSocket])] : []
        return LandlockPlan(
            [Rule("/", .read), Rule(socketFolder, [.makeSocket, .removeFile])] + anew
                + writing.map { Rule($0, .change) } + devices.map { Rule($0, .device) }
                + executing.map { Rule($0, .execute) })
    }
}

/// Landlock: what a process gives up for good by itself, without privilege (landlock(7)).
package enum Landlock {
    /// The version that this kernel has; 0 when it has none.
    package static var version: Int { max(0, Int(hasup_landlock_abi())) }

    /// Puts a plan in force for the calling process, which must have one thread and no_new_privs, as far as this kernel
    /// goes. - Throws: `SystemError`.
    static func confine(to plan: LandlockPlan) throws(SystemError) {
        let purpose = "restrict itself with Landlock"
        let abi = Int(try checked(hasup_landlock_abi(), purpose))
        let handled = FileRights.known(to: abi)
        let set = try owned(
            hasup_landlock_create(
                handled.rawValue,
                // LANDLOCK_ACCESS_NET_BIND_TCP, LANDLOCK_ACCESS_NET_CONNECT_TCP.
                plan.forbidsTCP && abi >= 4 ? 0b11 : 0,
                // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, LANDLOCK_SCOPE_SIGNAL.
                plan.isScoped && abi >= 6 ? 0b11 : 0), purpose)
        for rule in plan.rules { try allow(rule, handled, in: set.number) }
        try checked(hasup_landlock_restrict(set.number), purpose)
        guard isInForce else { throw SystemError(EPERM, "\(purpose): it isn't in force") }
    }

    private static func allow(_ rule: LandlockPlan.Rule, _ handled: FileRights, in set: Int32) throws(SystemError) {
        let purpose = "allow \(rule.path) with Landlock"
        // O_PATH (asm-generic/fcntl.h): nothing is opened, only found.
        let number = open(rule.path, 0o10000000 | O_CLOEXEC)
        if number < 0, errno == ENOENT || errno == ENOTDIR { return }
        guard number >= 0 else { throw SystemError(errno, purpose) }
        let place = Descriptor(owning: number)
        var status = stat()
        guard fstat(place.number, &status) == 0 else { throw SystemError(errno, purpose) }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        let rights = rule.rights.intersection(isFolder ? handled : handled.intersection(.ofFiles))
        if !rights.isEmpty { try checked(hasup_landlock_allow(set, place.number, rights.rawValue), purpose) }
    }

    /// True if this process is confined, by trying: nobody can ask the kernel. No plan of ours lets anybody open
    /// /dev/null for writing, which everybody may otherwise.
    package static var isInForce: Bool {
        let number = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if number >= 0 { close(number) }
        return number < 0 && errno == EACCES
    }
}
