import Base
import CLinux
import Glibc
import Reactor
import Sandbox
import Supervision

/// A child process, from its start until its exit status is known. It is reaped a moment later.
final class ChildProcess {
    let pid: Int32
    /// True if it stays a zombie until `reap`, so that its pid and its group's aren't used again.
    var isKept = false
    /// Nil when it has ended.
    private var pidfd: Descriptor?
    private let loop: EventLoop
    private var watch: Watch?

    private init(
        pid: Int32, pidfd: consuming Descriptor, on loop: EventLoop,
        onExit: @escaping (Int32, WorkerExit) -> Void
    ) throws(SystemError) {
        self.pid = pid
        let number = pidfd.number
        self.pidfd = consume pidfd
        self.loop = loop
        watch = try loop.add(number) { [weak self, unowned loop] _ in
            let status = hasup_exit_status(pid)
            if status == -EAGAIN { return }
            self?.forget()
            if status >= 0, self?.isKept != true { Self.reap(pid, on: loop) }
            onExit(pid, status < 0 ? .unknown : WorkerExit(waitStatus: status))
        }
    }

    deinit { forget() }

    /// Reaps a child that has ended and was kept.
    func reap() { Self.reap(pid, on: loop) }

    /// Not at once (docs/decisions, D42).
    private static func reap(_ pid: Int32, on loop: EventLoop) { loop.deferWork { hasup_reap(pid) } }

    private func forget() {
        if let watch { loop.remove(watch) }
        watch = nil
        pidfd = nil
    }

    /// Starts a program. Descriptor i of the list becomes 3 + i, and `output` its standard output, if there is one.
    ///
    /// - Parameters:
    ///   - inheritsRealtime: true for a program that gives up the realtime class itself (docs/decisions, D29).
    ///   - hasOwnProcessGroup: false if it is to end with this process's group.
    /// - Throws: `SystemError`.
    static func spawn(
        path: String, arguments: [String], environment: [String] = [], descriptors: [Int32], output: Int32 = -1,
        inheritsRealtime: Bool = true, hasOwnProcessGroup: Bool = true, on loop: EventLoop,
        onExit: @escaping (Int32, WorkerExit) -> Void
    ) throws(SystemError) -> ChildProcess {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        let pid = try checked(
            hasup_spawn_into(
                path, &argv, &envp, descriptors, Int32(descriptors.count), output, inheritsRealtime ? 1 : 0,
                hasOwnProcessGroup ? 1 : 0),
            "start \(arguments.first ?? path)")
        return try forked(pid, on: loop, onExit: onExit)
    }

    /// Watches a child that was forked. - Throws: `SystemError`; the child is killed then.
    static func forked(
        _ pid: Int32, on loop: EventLoop, onExit: @escaping (Int32, WorkerExit) -> Void
    ) throws(SystemError) -> ChildProcess {
        do throws(SystemError) {
            let pidfd = try owned(hasup_pidfd_open(pid), "watch process \(pid)")
            return try ChildProcess(pid: pid, pidfd: pidfd, on: loop, onExit: onExit)
        } catch {
            // Unwatched, it would become a zombie.
            kill(pid, SIGKILL)
            Realtime.leaving { _ = waitpid(pid, nil, 0) }
            throw error
        }
    }

    /// Watches a process that a former hasupd has started. - Throws: `SystemError`; ESRCH when it is gone, or another process
    /// has its pid.
    static func adopted(
        _ pid: Int32, startTicks: UInt64, on loop: EventLoop, onExit: @escaping (Int32, WorkerExit) -> Void
    ) throws(SystemError) -> ChildProcess {
        let pidfd = try owned(hasup_pidfd_open(pid), "watch process \(pid)")
        // Read after the descriptor was opened: from here on it is the same process.
        guard try ProcessInspection(pid: pid).startTicks == startTicks else {
            throw SystemError(ESRCH, "watch process \(pid)")
        }
        return try ChildProcess(pid: pid, pidfd: pidfd, on: loop, onExit: onExit)
    }

    /// Watches the children that this process had before it became this program by `hasup upgrade`, so that they don't stay
    /// zombies. The result has to be kept until they are gone.
    ///
    /// - Parameter watched: children that are watched elsewhere: a status can be taken once.
    static func inherited(except watched: Set<Int32>, on loop: EventLoop) -> [ChildProcess] {
        let bytes = FileReader.bytes(of: "/proc/self/task/\(getpid())/children", max: 64 << 10)
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { word in
            guard let pid = Int32(word), !watched.contains(pid),
                let pidfd = try? owned(hasup_pidfd_open(pid), "watch process \(pid)")
            else { return nil }
            return try? ChildProcess(pid: pid, pidfd: pidfd, on: loop) { _, _ in }
        }
    }

    /// Its state and processor time; nil when they can't be read.
    var activity: WorkerActivity? {
        let used = hasup_processor_time(pid)
        let state = hasup_process_state(pid)
        guard used >= 0, state > 0 else { return nil }
        return WorkerActivity(
            isRunnable: state == Int32(UInt8(ascii: "R")), processorTime: Interval(nanoseconds: used))
    }

    func kill() {
        switch pidfd {
        case .some(let pidfd): _ = hasup_pidfd_signal(pidfd.number, SIGKILL)
        case .none: break
        }
    }

    /// Kills its process group. Only for the leader of one that hasn't been reaped: until then its pid isn't used again.
    func killGroup() { Self.kill(-pid, SIGKILL) }

    private static func kill(_ pid: Int32, _ signal: Int32) { _ = Glibc.kill(pid, signal) }
}
