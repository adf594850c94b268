import Base
import Glibc
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// What the owner of a worker does.
protocol WorkerProcessOwner: AnyObject {
    /// Starts the program, without what the last one left behind if that is to be dropped; exits are to be reported
    /// by `WorkerProcess.exited`. - Throws: `SystemError`.
    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started
    /// The worker listens on the channel: say hello.
    func greet(on channel: Channel, _ worker: WorkerProcess)
    /// A frame has come. - Throws: `FrameError` to end the worker.
    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError)
    /// Ask it to end.
    func requestStop(on channel: Channel)
    /// When its loop last turned; nil when that isn't watched.
    func stamp(of worker: WorkerProcess) -> Instant?
    /// Something happened to it that operators should know.
    func report(_ text: String)
    /// It is gone; another one may follow.
    func ended(_ worker: WorkerProcess)
    /// It is gone for good.
    func finished(_ worker: WorkerProcess)
}

/// The effects of one worker's life: the machine that decides is `WorkerLife`.
final class WorkerProcess {
    /// A started worker: its process, and hasupd's end of the socket pair.
    struct Started: ~Copyable {
        let child: ChildProcess
        let socket: Descriptor
    }

    /// How long a worker may live on after it has closed its channel.
    private static let exitTimeout = Interval.milliseconds(100)

    /// Times that the channel of a stopped worker is drained, a millisecond each: it holds far less.
    private static let drainsMax = 1_000

    /// What a timer may be late by on a machine that runs.
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
    /// Whether this process has said hello. What it says before, and a second hello, end it.
    private var hasSaidHello = false
    /// Whether hasupd has ended this process: its signal comes from nowhere else.
    private var isKilledByUs = false
    /// Since when this process exists.
    private(set) var startedAt: Instant?
    /// What went wrong with it last, and when.
    private(set) var trouble: (text: String, at: Instant)?
    /// Why the last start failed.
    private var startFailure: String?
    /// How a process ended.
    struct End {
        let exit: WorkerExit
        let at: Instant
        /// Why hasupd ended it, a sentence; nil when it ended without that.
        let replacement: String?
        /// When its loop last turned; nil when that isn't watched.
        let lastTurn: Instant?
    }

    /// How the last process ended.
    private(set) var lastEnd: End?
    /// Why hasupd has ended the process that is still there.
    private var replacement: String?
    private var wakeTimer: Timer?
    private var wakeDeadline = Instant.never
    private var watchdogTimer: Timer?
    private var closedTimer: Timer?
    private var watchdog = Watchdog(smallestAdvertInterval: nil)

    /// - Parameter deathsWithSnapshot: those of former hasupds (`WorkerLife`).
    init(_ name: String, on loop: EventLoop, lines: RepeatLog, deathsWithSnapshot: Int = 0, owner: any WorkerProcessOwner) {
        self.name = name
        life = WorkerLife(deathsWithSnapshot: deathsWithSnapshot)
        self.loop = loop
        self.lines = lines
        self.owner = owner
        wakeTimer = loop.makeTimer { [weak self] in self?.wake() }
        watchdogTimer = loop.makeTimer { [weak self] in self?.lookAtStamp() }
        closedTimer = loop.makeTimer { [weak self] in
            self?.handle(.channelEnded("it closed its channel and goes on living"))
        }
    }

    /// The limits of the watchdog and of a start follow the configuration.
    func watch(smallestAdvertInterval: Interval?, instanceCount: Int) {
        life.instanceCount = instanceCount
        watchdog = Watchdog(smallestAdvertInterval: smallestAdvertInterval)
        if life.state == .running { armWatchdog() }
    }

    /// hasupd has lived for a while with what it began with.
    func supervisorSurvived() { life.supervisorSurvived() }

    /// It says hello. - Throws: `FrameError` for another version of the protocol, and for a second hello.
    func hello(version: UInt16) throws(FrameError) {
        guard version == workerProtocolVersion else { throw .version(version) }
        guard !hasSaidHello else { throw .unexpected("a second hello") }
        hasSaidHello = true
    }

    /// It says anything else. - Throws: `FrameError` before its hello.
    func requireHello() throws(FrameError) {
        guard hasSaidHello else { throw .unexpected("a message before hello") }
    }

    /// It has said hello and runs its configuration.
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
        case .report(let report): tell(report)
        case .finished:
            if let watchdogTimer { loop.set(watchdogTimer, to: .never) }
            owner.finished(self)
        }
    }

    private func wake(at deadline: Instant) {
        wakeDeadline = deadline
        if let wakeTimer { loop.set(wakeTimer, to: deadline) }
    }

    /// Its time is over, unless hasupd itself didn't run meanwhile: then a worker that is alive gets that much again.
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

    /// A worker that dies again and again must not fill the log: ages and waits don't make another kind of line.
    private func tell(_ report: WorkerReport) {
        switch report {
        case .died(let exit, let wait):
            let how = isKilledByUs && exit == .signal(SIGKILL) ? "was ended by hasupd" : "ended (\(exit))"
            if wait == .zero {
                tell("\(how): starting it again", kind: how)
            } else {
                tell(
                    "\(how): starting it again in \(wait)", kind: "\(how) early",
                    folded: "\(how): starting it again after a while")
            }
        case .replaced(let reason):
            replacement = reason
            tell("is replaced: \(reason)")
        case .notStarted(let wait):
            let what = "can't be started (\(startFailure ?? "no reason is known"))"
            tell("\(what): next try in \(wait)", folded: "\(what): next try after a while")
        case .stoppedByForce: lines.tell(.warning, "", "\(name) didn't stop in \(WorkerLife.stopLimit): killed")
        }
    }

    /// Its successor goes on where it was: what status and history said before isn't the end.
    func recovered(_ text: String) {
        trouble = (text, Clock.now)
        owner.report(text)
    }

    private func tell(_ text: String, kind: String? = nil, folded: String? = nil) {
        trouble = ("\(name) \(text)", Clock.now)
        owner.report("\(name) \(text)")
        lines.tell(
            .error, "", "\(name) \(text)", kind: "\(name) \(kind ?? text.withoutNumbers)",
            folded: folded.map { "\(name) \($0)" })
    }
}

extension WorkerProcess.End {
    /// What happened to it.
    var sentence: String { replacement.map { "was ended by hasupd (\($0))" } ?? "died (\(exit))" }

    /// How long nobody was there: of one that was replaced, since it last did anything.
    func gap(until now: Instant) -> String {
        let (since, what) =
            if replacement != nil, let lastTurn { (lastTurn, " after it last did anything") } else { (at, "") }
        let tenths = max(0, (now - since).nanoseconds / 100_000)
        return (what.isEmpty ? "after " : "") + "\(tenths / 10).\(tenths % 10) ms" + what
    }
}
