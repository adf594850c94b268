import CLinux
import Glibc
import IPC
import Reactor
import Sandbox

/// The folder of one running hasupd. "Already running" is decided by a kernel lock, never by a number in a file (pain
/// point C1).
final class RunDirectory {
    let path: String
    private let operatorGroup: UInt32?
    private var lock: Descriptor
    /// As the kernel takes it: it is looked for each second.
    private let lockPath: [CChar]

    /// Makes the folder when it is missing and takes its lock. - Throws: `StartError`.
    ///
    /// What it makes is for root and the operators' group, nil when there is none: the control socket is in it.
    init(_ path: String, operatorGroup: UInt32?) throws(StartError) {
        self.path = path
        lockPath = Array("\(path)/\(Self.lockName)".utf8CString)
        self.operatorGroup = operatorGroup
        try Self.make(path, operatorGroup)
        lock = try Self.takeLock(in: path)
    }

    /// Whether the lock that is held is the one that another hasupd would try.
    var isInPlace: Bool { SmallFile.leads(lockPath, to: lock.number) }

    /// Makes the folder again and takes the lock in it. - Throws: `StartError`.
    func restore() throws(StartError) {
        try Self.make(path, operatorGroup)
        lock = try Self.takeLock(in: path)
    }

    private static let lockName = "hasupd.lock"

    private static func make(_ path: String, _ operatorGroup: UInt32?) throws(StartError) {
        // Every part may be missing: /run is empty after a boot.
        var partial = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            partial += (path.hasPrefix("/") || !partial.isEmpty ? "/" : "") + part
            let code = mkdir(partial, 0o700) == 0 ? 0 : errno
            if code == 0 || Self.isOurs(partial) {
                if let operatorGroup { Self.admit(operatorGroup, to: partial) }
                continue
            }
            guard code != EEXIST else { continue }
            throw StartError(
                .cannotCreate,
                "can't create \(partial): \(SystemError.text(of: code)). Choose a folder with --run-dir.")
        }
    }

    private static func takeLock(in path: String) throws(StartError) -> Descriptor {
        let file = path + "/" + lockName
        let number = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard number >= 0 else {
            throw StartError(.cannotCreate, "can't open \(file): \(SystemError.text(of: errno))")
        }
        let lock = Descriptor(owning: number)
        let result = hasup_lock_file(number)
        if result == -EAGAIN {
            throw StartError(
                .temporary,
                "another hasupd runs with the run directory \(path)\(owner(of: number)). "
                    + "Stop it, or start this one with --instance NAME or --run-dir DIR.")
        }
        guard result == 0 else {
            throw StartError(.cannotCreate, "can't lock \(file): \(SystemError.text(of: -result))")
        }
        // For people only; nobody decides by it.
        let text = "\(getpid())\n"
        _ = ftruncate(number, 0)
        _ = pwrite(number, text, text.utf8.count, 0)
        return lock
    }

    /// The standard folder and what is in it belong to hasupd, whoever made them: an older one, or a service manager
    /// that knows nothing of groups. Any other folder that was there before is somebody's.
    private static func isOurs(_ folder: String) -> Bool {
        let standard = ControlPath.standardRunDirectory
        var status = stat()
        guard folder == standard || folder.hasPrefix(standard + "/"), lstat(folder, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == getuid()
    }

    /// Lets the group look in. Who may not give files away keeps the folder for himself.
    private static func admit(_ group: UInt32, to folder: String) {
        if OperatorGroup.give(folder, to: group) { chmod(folder, 0o750) }
    }

    /// Lets the group look in again: systemd takes the folder back whenever it starts a command of the unit, and
    /// `systemctl reload` is one.
    func admitAgain(_ group: UInt32) {
        if Self.isOurs(path) { Self.admit(group, to: path) }
    }

    private static func owner(of file: Int32) -> String { number(in: file).map { " (pid \($0))" } ?? "" }

    /// The number at the beginning of a pid file.
    private static func number(in file: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let size = pread(file, &bytes, bytes.count, 0)
        guard size > 0 else { return nil }
        return Int32(String(decoding: bytes.prefix(size), as: UTF8.self).prefix { $0.isNumber })
    }

    /// Why a start beside keepalived in the same network namespace is refused (docs/decisions.md, D24); nil when there is
    /// none. Newer ones lock their pid file; older ones only write it, so the process that it names must be a keepalived.
    static func besideKeepalived() -> String? {
        for file in ["/run/keepalived.pid", "/run/keepalived/keepalived.pid", "/var/run/keepalived.pid"] {
            // To read is enough to ask for a lock, and is what an ordinary user may.
            let opened = open(file, O_RDONLY | O_CLOEXEC)
            guard opened >= 0 else { continue }
            let descriptor = Descriptor(owning: opened)
            let holder = hasup_lock_holder(descriptor.number)
            // Anybody may lock a file that he can read: the holder must be a keepalived, too, where one can be looked at.
            guard let pid = holder > 0 ? holder : number(in: descriptor.number) else {
                if holder != 0 { return beside("", saidBy: file) }
                continue
            }
            guard isKeepalived(pid), sharesNetworkNamespace(with: pid) else { continue }
            return beside(" (pid \(pid))", saidBy: file)
        }
        return runningKeepalived().map { beside(" (pid \($0))") }
    }

    private static func beside(_ process: String, saidBy file: String? = nil) -> String {
        "keepalived runs here\(process)\(file.map { ", says \($0)" } ?? ""), and both would own the addresses. "
            + "Stop it first; the README says how to go from keepalived to hasup."
    }

    /// A keepalived in our network namespace that has another pid file, or none; nil when no process can be seen that
    /// is one.
    private static func runningKeepalived() -> Int32? {
        guard let folder = opendir("/proc") else { return nil }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), isKeepalived(pid) else { continue }
            // One that has ended, or that can't be looked at, has no namespace to compare.
            guard networkNamespace(of: "\(pid)") != nil, sharesNetworkNamespace(with: pid) else { continue }
            return pid
        }
        return nil
    }

    /// Whether a process has keepalived's name, or is its program under another one (process_names), and may do what it
    /// does. A name alone is anybody's to choose.
    static func isKeepalived(_ pid: Int32) -> Bool {
        let name = SmallFile.text(of: "/proc/\(pid)/comm").prefix { $0 != "\n" }
        guard name == "keepalived" || program(of: pid) == "keepalived" else { return false }
        guard let process = try? ProcessInspection(pid: pid) else { return false }
        if process.uid == 0 { return true }
        // Capabilities of another user namespace are none here, and anybody can make one.
        return process.effective.contains(.netAdmin) && shares("user", with: pid)
    }

    /// The last part of its program's path; empty when it can't be looked at.
    private static func program(of pid: Int32) -> Substring {
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = max(0, readlink("/proc/\(pid)/exe", &buffer, buffer.count))
        let path = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let name = path.split(separator: "/").last ?? ""
        // Its file was replaced while it runs.
        return name.hasSuffix(" (deleted)") ? name.dropLast(10) : name
    }

    private static func sharesNetworkNamespace(with pid: Int32) -> Bool {
        guard let ours = networkNamespace(of: "self"), let theirs = networkNamespace(of: "\(pid)") else { return true }
        return ours == theirs
    }

    /// A number that stands for a process's network namespace: that of a file which each of them has for itself, and
    /// which unlike `ns/net` all may look at, whoever the process belongs to.
    private static func networkNamespace(of process: String) -> UInt? {
        var status = stat()
        return stat("/proc/\(process)/net/dev", &status) == 0 ? UInt(status.st_ino) : nil
    }

    private static func shares(_ namespace: String, with pid: Int32) -> Bool {
        var ours = stat()
        var theirs = stat()
        guard stat("/proc/self/ns/\(namespace)", &ours) == 0, stat("/proc/\(pid)/ns/\(namespace)", &theirs) == 0
        else { return true }
        return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev
    }
}

/// Why hasupd doesn't start: an exit status of sysexits(3) and a sentence.
struct StartError: Error {
    enum Status: Int32 {
        case usage = 64
        /// The main file can't be read.
        case noInput = 66
        /// The kernel refused something that is needed.
        case unavailable = 69
        /// Handed over badly: addresses had to be taken from a worker that was gone.
        case software = 70
        case cannotCreate = 73
        /// Another hasupd, or keepalived, runs here.
        case temporary = 75
        /// A privilege is missing without which nothing works.
        case permission = 77
        /// Nothing in the configuration can run.
        case configuration = 78
    }

    let status: Status
    let message: String

    init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }
}
