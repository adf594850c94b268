import Base
import CLinux
import Glibc
import Logging
import Reactor

/// Pid files for other programs, as keepalived writes them. hasupd itself never reads one: another hasupd is found by the
/// lock of the run directory (pain point C1).
///
/// They are written when the configuration runs, and again when a worker was replaced. Each is replaced by rename(2): no
/// reader sees half of one, and a link in its place isn't followed.
final class PidFiles {
    /// In the run directory. It isn't keepalived's name (docs/decisions, D24).
    static let defaultName = "hasup.pid"

    private let paths: (daemon: String, vrrp: String?, checker: String?)
    private let log: Logger
    private var written: [String: File] = [:]

    /// A file that was written. Without an inode that failed, and isn't tried again at every reload.
    private struct File {
        var pid: Int32
        var inode: UInt?
    }

    init(_ options: DaemonOptions, runDirectory: String, log: Logger) {
        paths = (
            options.pidFile ?? "\(runDirectory)/\(Self.defaultName)", options.vrrpPidFile, options.checkersPidFile
        )
        self.log = log
    }

    /// Writes the files that change, and removes that of a program that doesn't run.
    func write(daemon: Int32, vrrp: Int32?, checker: Int32?) {
        write(daemon, to: paths.daemon)
        write(vrrp, to: paths.vrrp)
        write(checker, to: paths.checker)
    }

    /// Writes the files again that were removed.
    func restore(daemon: Int32, vrrp: Int32?, checker: Int32?) {
        for path in Array(written.keys) where access(path, F_OK) < 0 { written[path] = nil }
        write(daemon: daemon, vrrp: vrrp, checker: checker)
    }

    /// Removes the files that were written, unless another program has replaced them.
    func remove() {
        for path in Array(written.keys) { remove(path) }
    }

    private func remove(_ path: String) {
        guard let inode = written.removeValue(forKey: path)?.inode else { return }
        var status = stat()
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
    }

    private func write(_ pid: Int32?, to path: String?) {
        guard let path, written[path]?.pid != pid else { return }
        guard let pid else { return remove(path) }
        written[path] = File(pid: pid)
        do throws(SystemError) {
            written[path]?.inode = try Self.replace(path, with: "\(pid)\n")
        } catch {
            log.warning("\(error)")
        }
    }

    /// - Returns: the new file's inode.
    private static func replace(_ path: String, with text: String) throws(SystemError) -> UInt {
        let purpose = "write the pid file \(path)"
        var name = Array("\(path).XXXXXX".utf8CString)
        let number = mkstemp(&name)
        guard number >= 0 else { throw SystemError(errno, purpose) }
        let file = Descriptor(owning: number)
        var status = stat()
        guard Glibc.write(file.number, text, text.utf8.count) == text.utf8.count, fchmod(file.number, 0o644) == 0,
            fstat(file.number, &status) == 0, rename(name, path) == 0
        else {
            let code = errno
            unlink(name)
            throw SystemError(code, purpose)
        }
        return UInt(status.st_ino)
    }
}
