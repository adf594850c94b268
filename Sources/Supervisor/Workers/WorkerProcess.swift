import Base
import Glibc
import LogOutput
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// The part of a worker's supervision that depends on its role.
protocol WorkerProcessOwner: AnyObject {
    /// Starts the program, with an empty snapshot if the last one is dropped. `WorkerProcess.exited` is to be called at
    /// its end. - Throws: `SystemError`.
    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started
    /// Sends hello.
    func greet(on channel: Channel, _ worker: WorkerProcess)
    /// Handles a frame. - Throws: `FrameError` to end the worker.
    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError)
    /// Asks the worker to end.
    func requestStop(on channel: Channel)
    /// The time of the last turn of its loop; nil when that isn't watched.
    func stamp(of worker: WorkerProcess) -> Instant?
    /// Something happened to the worker, for the history.
    func report(_ text: String)
    /// The worker is gone; another one may follow.
    func ended(_ worker: WorkerProcess)
    /// The worker is gone for good.
    func finished(_ worker: WorkerProcess)
}

/// The effects of one worker's life: the machine that decides is `WorkerLife`.
final class WorkerProcess {
    /// A started worker: its process, and hasupd's end of the socket pair.
    struct Started: ~Copyable {
        let child: ChildProcess
        let socket: Descriptor
    }

    /// Time that a worker may take to exit after it has closed its channel.
    private static let exitTimeout = Interval.milliseconds(100)

    /// Times that the channel of a stopped worker is drained, a millisecond each: longer than a turn (D6), because a stop
    /// notification that isn't read is lost, and half of the realtime fuse at most.
    private static let drainsMax = 100

    /// Lateness of a timer above which the machine counts as paused.
    private static let latenessMax = Interval.milliseconds(50)

    let name: String
    private let loop: EventLoop
    private let lines: RepeatLog
    private unowned let owner: any WorkerProcessOwner
    private(set) var life: WorkerLife
    private(set) var child: ChildProcess?
    /// Processes that exist and were never greeted: killed, and kept until they are reaped.
    private var abandoned: [ChildProcess] = []
    private(set) var channel: Channel?
    /// A frame before hello ends the process, and so does a second hello.
    private var hasSaidHello = false
    /// True if hasupd has sent SIGKILL to this process.
    private var isKilledByUs = false
    /// The start of this process.
    private(set) var startedAt: Instant?
    /// The last fault.
    private(set) var lastFault: (text: String, at: Instant)?
    /// The reason that the last start failed.
    private var startFailure: String?
    /// The end of a process.
    struct End {
        let exit: WorkerExit
        let at: Instant
        /// The reason that hasupd ended it; nil when it ended by itself.
        let replacement: String?
        /// The time of the last turn of its loop; nil when that isn't watched.
        let lastTurn: Instant?
    }

    /// The end of the last process.
    private(set) var lastEnd: End?
    /// The reason that hasupd ends the process that is still there.
    private var replacement: String?
    private var wakeTimer: Timer?
    private var wakeDeadline = Instant.never
    private var watchdogTimer: Timer?
    private var closedTimer: Timer?
    private var watchdog = Watchdog(smallestAdvertInterval: nil)

    /// - Parameter deathsWithSnapshot: those of former hasupds (`WorkerLife`).
    init(
        _ name: String, on loop: EventLoop, lines: RepeatLog, deathsWithSnapshot: Int = 0, owner: any WorkerProcessOwner
    ) {
        self.name = name
        life = WorkerLife(deathsWithSnapshot: deathsWithSnapshot)
        self.loop = loop
        self.lines = lines
        self.owner = owner
        wakeTimer = loop.makeTimer { [weak self] in self?.wake() }
        watchdogTimer = loop.makeTimer { [weak self] in self?.lookAtStamp() }
        closedTimer = loop.makeTimer { [weak self] in
            self?.handle(.channelEnded("it closed its channel but didn't exit"))
        }
    }

    /// Adapts the limits of the watchdog and of a start to the configuration.
    ///
    /// - Parameter instanceCount: nil for the longest time that a start may take.
    func watch(smallestAdvertInterval: Interval?, instanceCount: Int?) {
        life.instanceCount = instanceCount
        watchdog = Watchdog(smallestAdvertInterval: smallestAdvertInterval)
        if life.state == .running { armWatchdog() }
    }

    /// Asks it to end; it is killed after this time.
    func stop(within limit: Interval) {
        life.stopTime = limit
        handle(.stop)
    }

    /// hasupd has run for a while with the snapshot that it began with.
    func supervisorSurvived() { life.supervisorSurvived() }

    /// The worker has sent hello. - Throws: `FrameError` for another version of the protocol, and for a second hello.
    func hello(version: UInt16) throws(FrameError) {
        guard version == workerProtocolVersion else { throw .version(version) }
        guard !hasSaidHello else { throw .unexpected("a second hello") }
        hasSaidHello = true
    }

    /// The worker has sent anything else. - Throws: `FrameError` before its hello.
    func requireHello() throws(FrameError) {
        guard hasSaidHello else { throw .unexpected("a message before hello") }
    }

    /// The worker has sent hello and runs its configuration.
    func ready() {
        handle(.ready)
        watchdog.reset()
        armWatchdog()
    }

    func exited(_ pid: Int32, _ exit: WorkerExit) {
        abandoned.removeAll { $0.pid == pid }
        guard child?.pid == pid else { return }
        // Its last frames come before its end. After a stop nothing is urgent, and all of them are read.
        for _ in 0..<Self.drainsMax { if channel?.drain() != false || life.state != .stopping { break } }
        ended(exit)
    }

    private func ended(_ exit: WorkerExit) {
        child = nil
        channel?.close()
        channel = nil
        if let closedTimer { loop.set(closedTimer, to: .never) }
        lastEnd = End(exit: exit, at: Clock.now, replacement: replacement, lastTurn: owner.stamp(of: self))
        owner.ended(self)
        handle(.exited(exit))
    }

    func handle(_ event: WorkerEvent) {
        for action in life.handle(event, at: Clock.now) { perform(action) }
    }

    private func perform(_ action: WorkerAction) {
        switch action {
        case .spawn(let dropsSnapshot): spawn(dropsSnapshot: dropsSnapshot)
        case .requestStop: if let channel { owner.requestStop(on: channel) }
        case .kill:
            isKilledByUs = true
            child?.kill()
        case .wake(let deadline): wake(at: deadline)
        case .report(let report): log(report)
        case .finished:
            if let watchdogTimer { loop.set(watchdogTimer, to: .never) }
            owner.finished(self)
        }
    }

    private func wake(at deadline: Instant) {
        wakeDeadline = deadline
        if let wakeTimer { loop.set(wakeTimer, to: deadline) }
    }

    /// The deadline has come. If hasupd itself didn't run meanwhile, a worker that lives gets that much time again.
    private func wake() {
        let lateness = loop.now - wakeDeadline
        if child != nil, lateness > Self.latenessMax { return wake(at: loop.now + lateness) }
        handle(.timeout)
    }

    private func spawn(dropsSnapshot: Bool) {
        do throws(SystemError) {
            let started = try owner.start(self, dropsSnapshot: dropsSnapshot)
            child = started.child
            hasSaidHello = false
            isKilledByUs = false
            replacement = nil
            startedAt = Clock.now
            let channel = try Channel(
                started.socket, on: loop,
                onFrame: { [weak self] frame throws(FrameError) in
                    guard let self else { return }
                    try self.owner.receive(frame, self)
                },
                onEnd: { [weak self] end in
                    guard let self else { return }
                    // A process that ends closes its channel first; its exit status follows at once and says more.
                    guard end == .closed, let closedTimer = self.closedTimer else {
                        return self.handle(.channelEnded(end.description))
                    }
                    self.loop.set(closedTimer, to: Clock.now + Self.exitTimeout)
                })
            self.channel = channel
            handle(.spawned)
            owner.greet(on: channel, self)
        } catch {
            startFailure = error.description
            if let child {
                child.kill()
                abandoned.append(child)
            }
            child = nil
            handle(.spawnFailed)
        }
    }

    private func armWatchdog() {
        guard let watchdogTimer else { return }
        loop.set(watchdogTimer, to: Clock.now + watchdog.period)
    }

    private func lookAtStamp() {
        guard life.state == .running, let stamp = owner.stamp(of: self) else { return }
        if let age = watchdog.look(at: stamp, now: Clock.now, activity: { child?.activity }) {
            handle(.hung(age))
        } else {
            armWatchdog()
        }
    }

    /// Ages and waits don't make another kind of line: a worker that dies repeatedly must not fill the log.
    private func log(_ report: WorkerReport) {
        switch report {
        case .died(let exit, let wait):
            let how = isKilledByUs && exit == .signal(SIGKILL) ? "was ended by hasupd" : "ended (\(exit))"
            if wait == .zero {
                log("\(how): starting it again", kind: how)
            } else {
                log(
                    "\(how): starting it again in \(wait)", kind: "\(how) early",
                    folded: "\(how): starting it again after a wait")
            }
        case .replaced(let reason):
            replacement = reason
            log("is replaced: \(reason)")
        case .notStarted(let wait):
            let text = "can't be started (\(startFailure ?? "unknown reason"))"
            log("\(text): next attempt in \(wait)", folded: "\(text): next attempt after a wait")
        case .stoppedByForce:
            lines.write(.warning, "", "\(name) didn't stop within \(life.stopTime) and was killed")
        }
    }

    /// Its successor has resumed: status and history show that instead of its end.
    func recovered(_ text: String) {
        lastFault = (text, Clock.now)
        owner.report(text)
    }

    private func log(_ text: String, kind: String? = nil, folded: String? = nil) {
        lastFault = ("\(name) \(text)", Clock.now)
        owner.report("\(name) \(text)")
        lines.write(
            .error, "", "\(name) \(text)", kind: "\(name) \(kind ?? text.withoutNumbers)",
            folded: folded.map { "\(name) \($0)" })
    }
}

extension WorkerProcess.End {
    /// Its end, as a predicate.
    var sentence: String { replacement.map { "was ended by hasupd (\($0))" } ?? "died (\(exit))" }

    /// The time without a working process; for one that was replaced, since its last turn.
    func gap(until now: Instant) -> String {
        let (since, what) =
            if replacement != nil, let lastTurn { (lastTurn, " after its last turn") } else { (at, "") }
        let tenths = max(0, (now - since).nanoseconds / 100_000)
        return (what.isEmpty ? "after " : "") + "\(tenths / 10).\(tenths % 10) ms" + what
    }
}
