import Base
import CLinux
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// hasupd's side of the checker. Its image is opened at the start, so that a package upgrade under a running daemon never
/// mixes versions (docs/decisions, D7).
final class CheckerSupervision: WorkerProcessOwner {
    private let context: DaemonContext
    let lines: RepeatLog
    private let image: Descriptor
    private var generation: UInt64
    private(set) var worker: WorkerProcess?
    /// The last worker's report on its sandbox.
    private(set) var sandboxReport = SandboxReport()
    /// Called when a worker has begun to work.
    var onReady: (() -> Void)?
    var onFinished: (() -> Void)?
    var onReport: ((String) -> Void)?

    /// - Throws: `SystemError` when the program isn't where it is installed.
    init(_ context: DaemonContext, generation: UInt64) throws(SystemError) {
        self.context = context
        lines = RepeatLog(context.log, on: context.loop)
        self.generation = generation
        image = try Self.openImage()
        worker = WorkerProcess("hasup-checker", on: context.loop, lines: lines, owner: self)
    }

    func start() { worker?.handle(.start) }

    /// Opens the program beside hasupd (in a build folder) or in libexec (installed).
    private static func openImage() throws(SystemError) -> Descriptor {
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard size > 0 else { throw SystemError(errno, "find hasupd's program") }
        let own = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let places = ["\(folder)/hasup-checker", "\(folder)/../libexec/hasup/hasup-checker"]
        for place in places {
            let number = open(place, O_RDONLY | O_CLOEXEC)
            if number >= 0 { return Descriptor(owning: number) }
        }
        throw SystemError(ENOENT, "find hasup-checker (looked for \(places.joined(separator: " and ")))")
    }

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        // Descriptor 5 of the child is the image.
        let child = try ChildProcess.spawn(
            path: "/proc/self/fd/5", arguments: ["hasup-checker"] + context.host.sandboxArguments.words,
            descriptors: [theirs.number, context.host.checkerFilter.number, image.number], on: context.loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        SupervisorToChecker.hello(version: workerProtocolVersion, generation: generation).send(on: channel)
    }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        switch try CheckerToSupervisor(frame) {
        case .hello(let version, let report):
            try worker.hello(version: version)
            sandboxReport = report
            for sentence in report.shortfalls { lines.write(.notice, "hasup-checker", sentence) }
            worker.ready()
            worker.handle(.worked)
            onReady?()
        case .log(let level, let text):
            try worker.requireHello()
            lines.write(level.loggerLevel, "hasup-checker", text)
        }
    }

    func requestStop(on channel: Channel) { SupervisorToChecker.stop.send(on: channel) }

    /// Nil: it has no deadlines yet.
    func stamp(of worker: WorkerProcess) -> Instant? { nil }

    func report(_ text: String) { onReport?(text) }
    func ended(_ worker: WorkerProcess) {}
    func finished(_ worker: WorkerProcess) { onFinished?() }
}
