import CLinux
import Control
import Glibc
import Reactor
import Sandbox

/// The folder of one running hasupd. A kernel lock, and no number in a file, decides whether another one runs (pain point
/// C1).
final class RunDirectory {
    let path: String
    private let operatorGroup: UInt32?
    private var lock: Descriptor
    /// For lstat(2) each second.
    private let lockPath: [CChar]

    /// Makes the folder when it is missing, and takes its lock. - Throws: `StartError`.
    ///
    /// - Parameter operatorGroup: the group that may enter the folder, for the control socket; nil for root only.
    init(_ path: String, operatorGroup: UInt32?) throws(StartError) {
        self.path = path
        lockPath = Array("\(path)/\(Self.lockName)".utf8CString)
        self.operatorGroup = operatorGroup
        try Self.make(path, operatorGroup)
        lock = try Self.takeLock(in: path)
    }

    /// True if another hasupd would find the lock that this one holds.
    var isInPlace: Bool { FileReader.leads(lockPath, to: lock.number) }

    /// Makes the folder anew and takes its lock. - Throws: `StartError`.
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
                "another hasupd uses the run directory \(path)\(owner(of: number)). "
                    + "Stop it, or start this one with --instance NAME or --run-dir DIR.")
        }
        guard result == 0 else {
            throw StartError(.cannotCreate, "can't lock \(file): \(SystemError.text(of: -result))")
        }
        // For people: no program decides by it.
        let text = "\(getpid())\n"
        _ = ftruncate(number, 0)
        _ = pwrite(number, text, text.utf8.count, 0)
        return lock
    }

    /// Returns true for the standard folder and folders in it: they are hasupd's even if an older hasupd or a service
    /// manager made them. Any other folder that existed before isn't.
    private static func isOurs(_ folder: String) -> Bool {
        let standard = ControlPath.standardRunDirectory
        var status = stat()
        guard folder == standard || folder.hasPrefix(standard + "/"), lstat(folder, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == getuid()
    }

    /// Lets the group enter. A hasupd that may not give files away keeps the folder to itself.
    private static func admit(_ group: UInt32, to folder: String) {
        if OperatorGroup.give(folder, to: group) { chmod(folder, 0o750) }
    }

    /// Lets the group enter again: systemd takes the folder back whenever it starts a command of the unit, as for
    /// `systemctl reload`.
    func readmit(_ group: UInt32) {
        if Self.isOurs(path) { Self.admit(group, to: path) }
    }

    private static func owner(of file: Int32) -> String {
        FileReader.processNumber(in: file).map { " (pid \($0))" } ?? ""
    }
}
