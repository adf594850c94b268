import Base
import CLinux
import ConfigurationModel
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import WorkerProtocol

/// Writes the files that signals ask for, by a `hasup-save` beside the loop (docs/decisions, D51): a folder may lie on a
/// server that doesn't answer. The child is started at once, and is ready when the worker has replied.
final class Dumps {
    /// Time after which a child that is still there is killed.
    private static let timeout = Interval.seconds(30)

    /// A dump under way.
    private final class Writing {
        let child: ChildProcess
        let socket: Descriptor
        let timer: Timer
        /// The configuration that ran when it was asked for again.
        var again: Generation?

        init(_ child: ChildProcess, _ socket: consuming Descriptor, _ timer: Timer) {
            self.child = child
            self.socket = socket
            self.timer = timer
        }
    }

    private let context: DaemonContext
    private let trackers: TrackerRecord
    private let lines: RepeatLog
    private var writing: [DumpKind: Writing] = [:]
    /// Faults of the last dumps, a sentence each.
    private var failures: [DumpKind: String] = [:]
    /// The wall clock's time of a transition, by its time on the loop's clock: computed once, so that it is the same in each
    /// dump although clocks are adjusted.
    private var wallTimes: [Instant: Int64] = [:]

    init(_ context: DaemonContext, _ trackers: TrackerRecord) {
        self.context = context
        self.trackers = trackers
        lines = RepeatLog(context.log, on: context.loop)
    }

    var problems: [String] { DumpKind.allCases.compactMap { failures[$0] } }

    /// Writes the files of a kind. One that is asked for while it is being written is written once more.
    ///
    /// - Parameter vrrp: the worker that knows the state.
    func write(_ kind: DumpKind, resetting reset: CounterReset, _ generation: Generation, by vrrp: VRRPSupervision?) {
        if let writing = writing[kind] {
            writing.again = generation
            if reset != .none { vrrp?.requestStatus(resetting: reset) { _ in } }
            return
        }
        do throws(SystemError) {
            writing[kind] = try start(kind, generation, vrrp)
        } catch {
            fail(kind, error.description)
        }
        guard let vrrp else { return give(nil, to: kind) }
        vrrp.requestStatus(resetting: reset) { [weak self] in self?.give($0, to: kind) }
    }

    private func start(
        _ kind: DumpKind, _ generation: Generation, _ vrrp: VRRPSupervision?
    ) throws(SystemError) -> Writing {
        let host = context.host
        let order = DumpOrder(
            seal: host.sandboxArguments, kind, paths: DumpPaths(generation).files(of: kind),
            umask: generation.global.daemon.umask)
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: ["hasup-save"] + order.words,
            descriptors: [theirs.number, host.dumpFilter.number], on: context.loop
        ) { [weak self, weak vrrp] _, exit in self?.ended(kind, exit, vrrp) }
        let timer = context.loop.makeTimer { child.kill() }
        context.loop.set(timer, to: Clock.now + Self.timeout)
        return Writing(child, ours, timer)
    }

    /// Hands the contents over; nil when no worker has replied.
    private func give(_ statuses: WorkerStatuses?, to kind: DumpKind) {
        guard let socket = writing[kind]?.socket.number else { return }
        var byte: UInt8 = 0
        guard let statuses else { return _ = hasup_send_packet(socket, &byte, 1, nil, 0) }
        do throws(SystemError) {
            let rest = try DumpHandover.file(
                of: statuses, transitions: transitions(of: statuses), verdicts: verdicts(of: statuses.generation),
                now: Clock.wallNanoseconds)
            let descriptors = [statuses.generation.image.number, rest.number]
            try checked(Int32(hasup_send_packet(socket, &byte, 1, descriptors, 2)), "hand over the contents of a dump")
        } catch {
            fail(kind, error.description)
            writing[kind]?.child.kill()
        }
    }

    private func verdicts(of generation: Generation) -> [TrackerKey: TrackerVerdict] {
        Dictionary(
            generation.trackedObjects.map { (TrackerKey($0.kind, $0.name), trackers.table.verdict(on: $0)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The times of the last transitions, nanoseconds since 1970, by the number of the instance.
    private func transitions(of statuses: WorkerStatuses) -> [Int64] {
        let now = Clock.now.nanoseconds
        let offset = Clock.wallNanoseconds - now
        var known: [Instant: Int64] = [:]
        let times = (0..<statuses.generation.instanceCount).map { index -> Int64 in
            guard let since = statuses.statuses[UInt32(index)]?.since else { return 0 }
            let time = known[since] ?? wallTimes[since] ?? offset + min(max(since.nanoseconds, 0), now)
            known[since] = time
            return time
        }
        wallTimes = known
        return times
    }

    private func ended(_ kind: DumpKind, _ exit: WorkerExit, _ vrrp: VRRPSupervision?) {
        guard let ended = writing.removeValue(forKey: kind) else { return }
        context.loop.remove(ended.timer)
        var sentences: [String] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while sentences.count < 4 {
            let count = recv(ended.socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { break }
            sentences.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        if exit == .code(0) {
            failures[kind] = nil
        } else {
            fail(kind, sentences.isEmpty ? "hasup-save ended with \(exit)" : sentences.joined(separator: "; "))
        }
        if let generation = ended.again { write(kind, resetting: .none, generation, by: vrrp) }
    }

    /// Logs the counts of lines that were only counted: before the end.
    func flushRest() { lines.flushRest() }

    private func fail(_ kind: DumpKind, _ reason: String) {
        failures[kind] = "The last dump that a signal asked for wasn't written: \(reason)."
        lines.write(.warning, "", reason)
    }
}
