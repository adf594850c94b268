import Base
import CLinux
import Glibc
import Reactor
import Sandbox

/// Finds a keepalived in this network namespace (docs/decisions, D24): both would set the same addresses.
enum KeepalivedDetection {
    private static let name = "keepalived"
    private static let pidFiles = ["/run/keepalived.pid", "/run/keepalived/keepalived.pid", "/var/run/keepalived.pid"]

    /// The reason that a start beside it is refused; nil when there is none.
    static var conflict: String? {
        for file in pidFiles {
            // Read access is enough to ask for a lock's holder, and all that an ordinary user has.
            let opened = open(file, O_RDONLY | O_CLOEXEC)
            guard opened >= 0 else { continue }
            let descriptor = Descriptor(owning: opened)
            let holder = hasup_lock_holder(descriptor.number)
            let pid = holder > 0 ? holder : FileReader.processNumber(in: descriptor.number)
            // Newer ones lock the file. Older ones only write it, so its process must be a keepalived.
            guard holder != 0 || pid.map(isKeepalived) == true else { continue }
            if let pid, !sharesNetworkNamespace(with: pid) { continue }
            return conflict(pid, namedIn: file)
        }
        return found.map { conflict($0) }
    }

    private static func conflict(_ pid: Int32?, namedIn file: String? = nil) -> String {
        let details = [pid.map { "pid \($0)" }, file.map { "from \($0)" }].compactMap { $0 }.joined(separator: ", ")
        return
            "keepalived is running\(details.isEmpty ? "" : " (\(details))"), and both would set the same addresses. Stop it "
            + "first; the README describes the change from keepalived to hasup."
    }

    /// Returns the pid of one with another pid file or none; nil when no process is one.
    private static var found: Int32? {
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

    private static func isKeepalived(_ pid: Int32) -> Bool {
        // Most processes are ruled out by this, which costs least.
        let program = program(of: pid)
        guard (program ?? FileReader.text(of: "/proc/\(pid)/comm").prefix { $0 != "\n" }) == name, !isHasupd(pid),
            let process = try? ProcessInspection(pid: pid)
        else { return false }
        return isKeepalived(process, program: program, sharesUserNamespace: shares("user", with: pid))
    }

    /// Returns true if a process is keepalived's program and has its privileges.
    ///
    /// Any user can choose a process's name, also that of a setuid program, by a link. So the name counts only where the
    /// program can't be read. A setuid program doesn't count: it keeps the real user. Capabilities of another user namespace
    /// don't either: any user can make one.
    ///
    /// - Parameter program: the last part of its path; nil when it can't be looked at.
    static func isKeepalived(_ process: ProcessInspection, program: Substring?, sharesUserNamespace: Bool) -> Bool {
        guard program ?? process.name[...] == name, let user = process.realUser else { return false }
        if user == 0 { return true }
        return process.uid == user && process.effective.contains(.netAdmin) && sharesUserNamespace
    }

    /// True for a hasupd that goes by keepalived's name (process_name, or a link): it runs this program, or has locked virtual
    /// routers, which also shows where its program can't be seen.
    private static func isHasupd(_ pid: Int32) -> Bool {
        if let ours = identity(of: "/proc/self/exe"), ours == identity(of: "/proc/\(pid)/exe") { return true }
        guard let claims = identity(of: VirtualRouterLocks.file) else { return false }
        let locks = FileReader.bytes(of: "/proc/locks", max: 1 << 20)
        return holders(of: claims, in: String(decoding: locks, as: UTF8.self)).contains(pid)
    }

    private static func identity(of path: String) -> FileIdentity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Returns the processes with locks of their own on a file (proc_locks(5)).
    static func holders(of file: FileIdentity, in locks: String) -> Set<Int32> {
        // makedev(3), in two digits and more.
        let major = file.device >> 8 & 0xfff | file.device >> 32 & ~0xfff
        let minor = file.device & 0xff | file.device >> 12 & ~0xff
        func digits(_ number: UInt64) -> String { (number < 16 ? "0" : "") + String(number, radix: 16) }
        let place = "\(digits(major)):\(digits(minor)):\(file.inode)"
        let found = locks.split(separator: "\n").compactMap { line -> Int32? in
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "POSIX", words[3] == "WRITE", words[5] == place else { return nil }
            return Int32(words[4])
        }
        return Set(found)
    }

    private static func program(of pid: Int32) -> Substring? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
        guard size > 0 else { return nil }
        let path = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let name = path.split(separator: "/").last ?? ""
        // Its file was replaced while it runs.
        return name.hasSuffix(" (deleted)") ? name.dropLast(10) : name
    }

    private static func sharesNetworkNamespace(with pid: Int32) -> Bool {
        guard let ours = networkNamespace(of: "self"), let theirs = networkNamespace(of: "\(pid)") else { return true }
        return ours == theirs
    }

    /// Returns a number for a process's network namespace: the inode of a file that each namespace has for itself, and which
    /// unlike `ns/net` any user may read.
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
