import CLinux
import Glibc
import Reactor
import Sandbox

/// The worker of a hasupd that didn't end as it should.
struct RecordedWorker: Equatable {
    let pid: Int32
    /// The hasupd that had started it; 0 when that isn't known.
    let supervisor: Int32
    /// How often hasupd has died with its snapshot since a worker last worked.
    var deathsWithSnapshot = 0
    /// Whether it still lived.
    var wasEnded = false
    /// Whether it ended by itself when it was asked to hand over.
    var handedOver = false

    /// For the log, when it still lived: whose it was.
    var endSentence: String {
        let whose =
            supervisor == getpid()
            ? "that this process started before it became this program" : "of a hasupd that is gone"
        if handedOver { return "the VRRP worker (pid \(pid)) \(whose) has handed over" }
        return "ended the VRRP worker (pid \(pid)) \(whose)"
    }

    /// For the history. - Parameter isPassedOn: whether what it left is gone on with. Nil when the same process
    /// goes on as another program: that has been told.
    func sentence(isPassedOn: Bool) -> String? {
        if supervisor == getpid() { return nil }
        let who = supervisor > 0 ? "the former hasupd (pid \(supervisor))" : "the former hasupd"
        if isPassedOn { return "\(who) is gone; what its VRRP worker (pid \(pid)) left is gone on with" }
        let end =
            handedOver
            ? "has handed over" : wasEnded ? "was ended" : "is gone, too: it handed over, or was killed as well"
        return "\(who) was killed; its VRRP worker (pid \(pid)) \(end)"
    }
}

/// Which VRRP worker is at work, noted in the run directory.
///
/// The worker of a hasupd that was killed goes on for its grace (docs/decisions.md, D10). A hasupd that is started
/// meanwhile ends it before it removes what it left and starts its own: no two of them may send. A number in a file
/// alone means nothing (pain point C1): the kernel's start time of that process and its role have to fit too.
///
/// With it stands how often hasupd has died with the snapshot that this worker has, should it die now: what kills the
/// hasupd that reads it would kill each one after it, because the store keeps it (docs/decisions.md, D11).
struct WorkerRecord {
    /// argv[0] of the VRRP worker.
    static let role = "hasup-vrrp"
    /// How long a worker may take to hand over: peers, which hear its priority 0 at once, don't wait for the rest.
    private static let handOverMilliseconds: Int32 = 500
    /// How long a worker may take to end that was killed.
    private static let patienceMilliseconds: Int32 = 2_000

    /// Four numbers with spaces between them.
    private static let lengthMax = 48
    /// More than are counted.
    private static let deathsMax = 99

    private let path: String

    init(directory: String) { path = "\(directory)/vrrp-worker" }

    /// Notes a worker. - Throws: `SystemError`.
    ///
    /// - Parameter deaths: what `RecordedWorker.deathsWithSnapshot` will be, should hasupd die now.
    func save(_ pid: Int32, deaths: Int) throws(SystemError) {
        let started = try ProcessInspection(pid: pid).startTicks
        let number = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError(errno, "write \(path)") }
        let file = Descriptor(owning: number)
        // Always as long as before: this stands between a worker's death and its successor's hello, and giving back a
        // file's blocks may wait for the disk.
        let words = "\(pid) \(started) \(getpid()) \(deaths)"
        let text = words + String(repeating: " ", count: max(0, Self.lengthMax - words.utf8.count)) + "\n"
        guard write(file.number, text, text.utf8.count) == text.utf8.count else {
            throw SystemError(errno, "write \(path)")
        }
    }

    /// There is none any more.
    func clear() { unlink(path) }

    /// Ends the noted worker if it lives; nil when none is noted.
    ///
    /// - Parameter handsOver: whether it is asked to hand over first, because nobody goes on with what it leaves: peers
    ///   that hear nothing of its end wait for the master-down interval.
    /// - Throws: `StartError` when it doesn't end: starting beside it would make two masters.
    func endWorker(handsOver: Bool) throws(StartError) -> RecordedWorker? {
        guard let (started, noted) = read() else { return nil }
        var former = noted
        let pid = former.pid
        let opened = hasup_pidfd_open(pid)
        guard opened >= 0 else { return former }
        let process = Descriptor(owning: opened)
        // Looked at after the descriptor was opened: from here on it is the same process.
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
        guard result == 0, Self.ends(process.number, within: Self.patienceMilliseconds) else {
            throw StartError(
                .unavailable,
                "the VRRP worker (pid \(pid)) of a hasupd that is gone can't be ended, and both would own the "
                    + "addresses. End it, then start hasupd again.")
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
        // One that has become another program hasn't died.
        let counted = supervisor == getpid() ? deaths - 1 : deaths
        return (
            started,
            RecordedWorker(pid: pid, supervisor: supervisor, deathsWithSnapshot: min(max(counted, 0), Self.deathsMax))
        )
    }

    /// argv[0] of a process; empty when there is none.
    static func role(of pid: Int32) -> String {
        String(FileReader.text(of: "/proc/\(pid)/cmdline").prefix { $0 != "\0" })
    }
}
