import CLinux
import Glibc
import Reactor
import Sandbox

/// Which VRRP worker is at work, noted in the run directory.
///
/// The worker of a hasupd that was killed goes on for its grace (docs/decisions.md, D10). A hasupd that is started
/// meanwhile ends it before it removes what it left and starts its own: no two of them may send. A number in a file
/// alone means nothing (pain point C1): the kernel's start time of that process and its role have to fit too.
struct WorkerRecord {
    /// argv[0] of the VRRP worker.
    static let role = "hasup-vrrp"
    /// How long a worker may take to end that was killed.
    private static let patienceMilliseconds: Int32 = 2_000

    /// Two numbers and a space.
    private static let lengthMax = 32

    private let path: String

    init(directory: String) { path = "\(directory)/vrrp-worker" }

    /// Notes a worker that was just started. - Throws: `SystemError`.
    func note(_ pid: Int32) throws(SystemError) {
        let started = try ProcessInspection(pid: pid).startTicks
        let number = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        let file = Descriptor(owning: number)
        // Always as long as before: this stands between a worker's death and its successor's hello, and giving back a
        // file's blocks may wait for the disk.
        let words = "\(pid) \(started)"
        let text = words + String(repeating: " ", count: max(0, Self.lengthMax - words.utf8.count)) + "\n"
        guard write(file.number, text, text.utf8.count) == text.utf8.count else {
            throw SystemError(errno, "write \(path)")
        }
    }

    /// There is none any more.
    func clear() { unlink(path) }

    /// Ends the noted worker if it lives; its pid, or nil when there was none. - Throws: `StartError` when it doesn't
    /// end: starting beside it would make two masters.
    func endWorker() throws(StartError) -> Int32? {
        guard let (pid, started) = noted() else { return nil }
        let opened = hasup_pidfd_open(pid)
        guard opened >= 0 else { return nil }
        let process = Descriptor(owning: opened)
        // Looked at after the descriptor was opened: from here on it is the same process.
        guard (try? ProcessInspection(pid: pid))?.startTicks == started, Self.role(of: pid) == Self.role else {
            return nil
        }
        let result = hasup_pidfd_signal(process.number, SIGKILL)
        // Gone already.
        if result == -ESRCH { return nil }
        var ready = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
        guard result == 0, poll(&ready, 1, Self.patienceMilliseconds) == 1 else {
            throw StartError(
                .unavailable,
                "the VRRP worker (pid \(pid)) of a hasupd that is gone can't be ended, and both would own the "
                    + "addresses. End it, then start hasupd again.")
        }
        return pid
    }

    private func noted() -> (pid: Int32, started: UInt64)? {
        let words = SmallFile.text(of: path).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let pid = Int32(words[0]), pid > 1, let started = UInt64(words[1]) else { return nil }
        return (pid, started)
    }

    /// argv[0] of a process; empty when there is none.
    static func role(of pid: Int32) -> String {
        String(SmallFile.text(of: "/proc/\(pid)/cmdline").prefix { $0 != "\0" })
    }
}
