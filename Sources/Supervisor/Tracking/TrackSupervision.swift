import Base
import CLinux
import ConfigurationModel
import Glibc
import LogOutput
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// Effects of hasup-track that concern the rest of hasupd.
protocol TrackSupervisionDelegate: AnyObject {
    /// The result of an object has changed; it is kept already.
    func trackerChanged(_ object: TrackedObject)
    /// Something happened to hasup-track, for the history.
    func report(_ text: String)
    /// hasup-track is gone for good.
    func trackerFinished()
}

/// hasupd's side of hasup-track: starts it, gives it configurations, and keeps what it reports.
final class TrackSupervision: WorkerProcessOwner {
    /// Time after which one that was configured has worked: deaths from then on aren't early ones (docs/decisions, D11).
    private static let trialTime = Interval.seconds(1)

    private let context: DaemonContext
    private let limits: ScriptLimits
    let lines: RepeatLog
    private let changes: TrackerLog
    private let record: TrackerRecord
    private unowned let delegate: any TrackSupervisionDelegate
    /// The newest generation that hasup-track was given, last, and those before it whose verdicts may still be on their way.
    private var generations: [Generation]
    private var generation: Generation { generations[generations.count - 1] }
    /// True after the process that runs has been configured.
    private var isConfigured = false
    /// True until a reload: init_file may overwrite files at a start.
    private var isStart: Bool
    /// The folders of init_file, if hasup-track can be sealed because no scripts can come; otherwise nil.
    private let sealedFolders: [String]?
    /// True if the process that runs has the kernel's reports about processes.
    private var hasReports = false
    private let page: StatePage
    private(set) var worker: WorkerProcess?
    /// The last worker's report on its limits.
    private(set) var sandboxReport = SandboxReport()
    private var trialTimer: Timer?

    /// - Throws: `SystemError`.
    init(
        _ context: DaemonContext, _ generation: Generation, _ record: TrackerRecord, _ limits: ScriptLimits,
        isStart: Bool, delegate: any TrackSupervisionDelegate
    ) throws(SystemError) {
        self.isStart = isStart
        sealedFolders = context.host.foldersWithoutScripts(generation, isStart: isStart)
        self.context = context
        self.limits = limits
        generations = [generation]
        self.record = record
        self.delegate = delegate
        lines = RepeatLog(context.log, on: context.loop)
        changes = TrackerLog(context.log, on: context.loop)
        page = try StatePage.create(named: "hasup-tracking")
        trialTimer = context.loop.makeTimer { [unowned self] in self.worker?.handle(.worked) }
        let worker = WorkerProcess(TrackRole.name, on: context.loop, lines: lines, owner: self)
        worker.watch(smallestAdvertInterval: TrackerWatch.interval, instanceCount: nil)
        self.worker = worker
    }

    func start() { worker?.handle(.start) }
    func stop() { worker?.handle(.stop) }

    var isFinished: Bool { worker?.life.state == .finished }

    /// Gives it a new generation.
    func apply(_ generation: Generation) {
        isStart = false
        generations.append(generation)
        if let channel = worker?.channel { configure(channel) }
    }

    /// Ends it and what it runs when there is no more time to wait for it.
    func endAtOnce() {
        guard !isFinished else { return }
        worker?.child?.kill()
        for process in record.processes { FormerRuns.end(of: process) }
    }

    private func configure(_ channel: Channel) {
        var verdicts: [NumberedVerdict] = []
        for (number, object) in generation.trackedObjects.enumerated() {
            let verdict = record.table.verdict(on: object)
            guard verdict.result != .none else { continue }
            verdicts.append(NumberedVerdict(UInt32(clamping: number), verdict))
            guard verdicts.count == TrackerToSupervisor.verdictsMax else { continue }
            SupervisorToTracker.verdicts(verdicts).send(on: channel)
            verdicts = []
        }
        if !verdicts.isEmpty { SupervisorToTracker.verdicts(verdicts).send(on: channel) }
        if generation.tracksProcesses { sendReports(on: channel) } else { hasReports = false }
        SupervisorToTracker.configure(generation: generation.number, isStart: isStart)
            .send(on: channel, descriptors: [generation.trackingPartNumber])
    }

    /// Sends the kernel's reports. Where there are none, hasup-track looks for itself, and says so.
    private func sendReports(on channel: Channel) {
        guard !hasReports else { return }
        do throws(SystemError) {
            let reports = try ProcessConnector.open(generation.global.buffers.processMonitor)
            SupervisorToTracker.reports.send(on: channel, descriptors: [reports.number])
            hasReports = true
        } catch {
            if error.code != ENOTCONN { lines.write(.warning, "", "\(error)") }
        }
    }

    // MARK: WorkerProcessOwner

    func start(_ worker: WorkerProcess, dropsSnapshot: Bool) throws(SystemError) -> WorkerProcess.Started {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        isConfigured = false
        hasReports = false
        page.stamp = Clock.now
        // In hasupd's group: who leads a group can't begin a session.
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe",
            arguments: TrackRole.arguments(
                limits, context.host.sandboxArguments,
                sealedFolders.map { TrackSeal(folders: $0, formers: record.processes) }),
            environment: ExecRole.environment, descriptors: [theirs.number, context.host.trackFilter.number],
            hasOwnProcessGroup: false, on: context.loop
        ) { [weak worker] pid, exit in worker?.exited(pid, exit) }
        return WorkerProcess.Started(child: child, socket: ours)
    }

    func greet(on channel: Channel, _ worker: WorkerProcess) {
        // One that is sealed has ended them already.
        let formers = sealedFolders == nil ? record.processes : []
        // Before its hello: until then it starts nothing, so no run is left that nobody knows.
        if let pid = worker.child?.pid, let ticks = try? ProcessInspection(pid: pid).startTicks {
            record.started(ProcessIdentity(pid: pid, startTicks: ticks))
        }
        SupervisorToTracker.hello(version: workerProtocolVersion, formers: formers)
            .send(on: channel, descriptors: [page.number])
        generations = generations.suffix(1)
        configure(channel)
    }

    func receive(_ frame: Frame, _ worker: WorkerProcess) throws(FrameError) {
        let message = try TrackerToSupervisor(frame)
        if case .hello = message {} else { try worker.requireHello() }
        switch message {
        case .hello(let version, let report):
            try worker.hello(version: version)
            sandboxReport = report
            for sentence in report.shortfalls { lines.write(.notice, TrackRole.name, sentence) }
        case .configured(let number):
            guard let place = generations.firstIndex(where: { $0.number == number }) else {
                throw .unexpected("a generation that doesn't exist")
            }
            generations.removeFirst(place)
            guard !isConfigured else { return }
            isConfigured = true
            record.works()
            worker.ready()
            if let trialTimer { context.loop.set(trialTimer, to: Clock.now + Self.trialTime) }
        case .verdicts(let number, let verdicts): take(verdicts, of: number)
        case .log(let level, let text): lines.write(level.loggerLevel, TrackRole.name, text)
        }
    }

    private func take(_ verdicts: [NumberedVerdict], of number: UInt64) {
        guard let source = generations.first(where: { $0.number == number }) else {
            return refuse("generation \(number) isn't the one that it runs", kind: "generation")
        }
        for entry in verdicts {
            guard source.trackedObjects.indices.contains(Int(entry.number)) else {
                refuse("the configuration has no tracked object number \(entry.number)", kind: "number")
                continue
            }
            let object = source.trackedObjects[Int(entry.number)]
            guard object.canBe(entry.verdict.result) else {
                refuse("\(object.kind.title) \(object.name) can't have such a result", kind: "result")
                continue
            }
            let change = record.take(entry.verdict, on: object, at: context.loop.now)
            guard case .result(let before) = change else { continue }
            changes.write(object, entry.verdict, before: before)
            delegate.trackerChanged(object)
        }
    }

    private func refuse(_ sentence: String, kind: String) {
        lines.write(.warning, TrackRole.name, "refused a report: \(sentence)", kind: "refused: \(kind)")
    }

    func requestStop(on channel: Channel) { SupervisorToTracker.stop.send(on: channel) }

    func stamp(of worker: WorkerProcess) -> Instant? { page.stamp }

    func report(_ text: String) { delegate.report(text) }

    func ended(_ worker: WorkerProcess) {
        if let trialTimer { context.loop.set(trialTimer, to: .never) }
        // One that wasn't configured has started nothing; one that was asked to end has ended all.
        if !isConfigured || worker.life.state == .stopping && worker.lastEnd?.exit == .code(0) { record.forgetNewest() }
    }

    func finished(_ worker: WorkerProcess) { delegate.trackerFinished() }

    /// Writes the counts of what was left out: before the end.
    func flushRest() {
        lines.flushRest()
        changes.flushRest()
    }
}
