import Base
import CLinux
import Glibc
import Logging
import Reactor

/// The files in which other programs look for pids, as keepalived writes them. hasupd itself never reads one: it is the
/// lock of its run directory that tells whether another one runs (pain point C1).
///
/// They are written when the configuration runs, and again when a worker was replaced. Each is replaced as a whole, so
/// that nobody reads half of one, and a link at its place isn't followed.
final class PidFiles {
    /// In the run directory: keepalived's own names are keepalived's (docs/decisions.md, D24).
    static let defaultName = "hasup.pid"

    private let paths: (daemon: String, vrrp: String?, checker: String?)
    private let log: Logger
    private var written: [String: File] = [:]

    /// What was written; without an inode when it couldn't be, which isn't tried again at every reload.
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

    /// Writes what has changed; the file of a program that doesn't run goes.
    func write(daemon: Int32, vrrp: Int32?, checker: Int32?) {
        write(daemon, to: paths.daemon)
        write(vrrp, to: paths.vrrp)
        write(checker, to: paths.checker)
    }

    /// Writes those again that were removed. - Parameters: as for `write`.
    func restore(daemon: Int32, vrrp: Int32?, checker: Int32?) {
        for path in Array(written.keys) where access(path, F_OK) < 0 { written[path] = nil }
        write(daemon: daemon, vrrp: vrrp, checker: checker)
    }

    /// Removes those that were written, unless they are somebody else's by now.
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
