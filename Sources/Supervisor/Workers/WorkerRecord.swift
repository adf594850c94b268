import CLinux
import Glibc
import Reactor
import Sandbox

/// The VRRP worker of a hasupd that is gone.
struct RecordedWorker: Equatable {
    let pid: Int32
    /// The hasupd that started it; 0 when that isn't known.
    let supervisor: Int32
    /// Times that hasupd died with its snapshot since a worker last worked.
    var deathsWithSnapshot = 0
    /// True if it was still running.
    var wasEnded = false
    /// True if it ended by itself when it was asked to hand over.
    var handedOver = false

    /// A clause for the log, for one that was still running.
    var endSentence: String {
        let whose =
            supervisor == getpid()
            ? "of this process before the upgrade" : "of a hasupd that is gone"
        if handedOver { return "the VRRP worker (pid \(pid)) \(whose) has handed over" }
        return "ended the VRRP worker (pid \(pid)) \(whose)"
    }

    /// A sentence for the history. Nil after an upgrade of the same process: the history has that already.
    ///
    /// - Parameter isPassedOn: true if the next worker resumes from its state.
    func sentence(isPassedOn: Bool) -> String? {
        if supervisor == getpid() { return nil }
        let who = supervisor > 0 ? "the former hasupd (pid \(supervisor))" : "the former hasupd"
        if isPassedOn {
            return "\(who) is gone; the next worker resumes from the state of its VRRP worker (pid \(pid))"
        }
        let end =
            handedOver
            ? "has handed over" : wasEnded ? "was ended" : "is gone as well: it handed over or was killed"
        return "\(who) was killed; its VRRP worker (pid \(pid)) \(end)"
    }
}

/// The record of the running VRRP worker in the run directory.
///
/// The worker of a hasupd that was killed runs on for its grace (docs/decisions, D10). A hasupd that is started meanwhile
/// ends it before it starts its own: no two of them may send. A pid alone proves nothing (pain point C1): the process's start
/// time and its role have to match, too.
///
/// The record also counts how often hasupd has died with this worker's snapshot, if it dies now: a snapshot that kills the
/// hasupd which reads it would kill each one after it, because the store keeps it (docs/decisions, D11).
struct WorkerRecord {
    /// argv[0] of the VRRP worker.
    static let role = "hasup-vrrp"
    /// Time for a worker to hand over. Peers, which hear its priority 0 at once, don't wait for that.
    private static let handOverMilliseconds: Int32 = 500
    /// Time for a worker to exit after SIGKILL.
    private static let exitMilliseconds: Int32 = 2_000

    /// Four numbers with spaces between them.
    private static let lengthMax = 48
    private static let deathsMax = 99

    private let path: String

    init(directory: String) { path = "\(directory)/vrrp-worker" }

    /// - Parameter deaths: `RecordedWorker.deathsWithSnapshot` if hasupd dies now.
    /// - Throws: `SystemError`.
    func save(_ pid: Int32, deaths: Int) throws(SystemError) {
        let started = try ProcessInspection(pid: pid).startTicks
        let number = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        let file = Descriptor(owning: number)
        // Always of the same length: freeing a file's blocks may wait for the disk, and a worker's start waits for this.
        let words = "\(pid) \(started) \(getpid()) \(deaths)"
        let text = words + String(repeating: " ", count: max(0, Self.lengthMax - words.utf8.count)) + "\n"
        guard write(file.number, text, text.utf8.count) == text.utf8.count else {
            throw SystemError(errno, "write \(path)")
        }
    }

    func clear() { unlink(path) }

    /// Ends the recorded worker if it runs. Returns nil when none is recorded.
    ///
    /// - Parameter handsOver: true to ask it to hand over first, because no worker resumes from its state: without that,
    ///   peers wait for the master-down interval.
    /// - Throws: `StartError` when it doesn't end: a start beside it would make two masters.
    func endWorker(handsOver: Bool) throws(StartError) -> RecordedWorker? {
        guard let (started, noted) = read() else { return nil }
        var former = noted
        let pid = former.pid
        let opened = hasup_pidfd_open(pid)
        guard opened >= 0 else { return former }
        let process = Descriptor(owning: opened)
        // Read after the descriptor was opened: from here on it is the same process.
        guard (try? ProcessInspection(pid: pid))?.startTicks == started, Self.role(of: pid) == Self.role else {
            return former
        }
        if handsOver, hasup_pidfd_signal(process.number, SIGTERM) == 0,
            Self.ends(process.number, within: Self.handOverMilliseconds)
        {
            former.handedOver = true
            former.wasEnded = true
            return former
        }
        let result = hasup_pidfd_signal(process.number, SIGKILL)
        // Gone already.
        if result == -ESRCH { return former }
        guard result == 0, Self.ends(process.number, within: Self.exitMilliseconds) else {
            throw StartError(
                .unavailable,
                "can't end the VRRP worker (pid \(pid)) of a hasupd that is gone, and both would set the same "
                    + "addresses. Kill it, then start hasupd again.")
        }
        former.wasEnded = true
        return former
    }

    private static func ends(_ process: Int32, within milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, milliseconds) == 1
    }

    private func read() -> (started: UInt64, former: RecordedWorker)? {
        let words = FileReader.text(of: path).split { $0 == " " || $0 == "\n" }
        guard (2...4).contains(words.count), let pid = Int32(words[0]), pid > 1, let started = UInt64(words[1])
        else { return nil }
        let supervisor = words.count > 2 ? Int32(words[2]) ?? 0 : 0
        let deaths = words.count > 3 ? Int(words[3]) ?? 0 : 0
        // A hasupd that has become another program hasn't died.
        let counted = supervisor == getpid() ? deaths - 1 : deaths
        return (
            started,
            RecordedWorker(pid: pid, supervisor: supervisor, deathsWithSnapshot: min(max(counted, 0), Self.deathsMax))
        )
    }

    /// Returns argv[0] of a process; empty when there is none.
    static func role(of pid: Int32) -> String {
        String(FileReader.text(of: "/proc/\(pid)/cmdline").prefix { $0 != "\0" })
    }
}
