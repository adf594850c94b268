import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// The role `hasup-track`: runs tracking scripts, watches tracked files, counts processes, and tells hasupd what has changed
/// (docs/decisions, D43). It decides nothing about virtual routers, and has no channel but hasupd's.
///
/// Arguments: the word of `ScriptLimits`, the words of `SandboxArguments`, and where no scripts can come, those of
/// `TrackSeal`. Descriptor 3 is hasupd, 4 the compiled system call filter for that case.
enum TrackRole {
    /// argv[0].
    static let name = "hasup-track"
    /// Descriptors that it may have open.
    private static let descriptorsMax: UInt64 = 4_096
    /// To read what only others may, to write init_file there, and to open files as scripts' users.
    private static let capabilitiesWithoutScripts: CapabilitySet = [.dacReadSearch, .dacOverride, .setUID, .setGID]
    /// To end what runs as scripts' users, besides.
    private static let capabilities = capabilitiesWithoutScripts.union(.kill)

    static func arguments(_ limits: ScriptLimits, _ options: SandboxArguments, _ seal: TrackSeal?) -> [String] {
        [name, limits.word] + options.words + (seal?.words ?? [])
    }

    static func run(arguments: [String]) -> Int32 {
        let rest = Array(arguments.dropFirst(1 + SandboxArguments.wordCount))
        let planned = TrackSeal(words: rest)
        guard let word = arguments.first, let limits = ScriptLimits(word: word),
            var options = SandboxArguments(words: arguments.dropFirst().prefix(SandboxArguments.wordCount)),
            planned != nil || rest.isEmpty
        else { return 64 }
        // It stays root, whose files it is to read, and who may become others.
        options.identity = nil
        do throws(SystemError) {
            // What it starts is found by its session when it is gone.
            try checked(hasup_begin_session(), "begin a session")
            let report = planned.map { seal(options, as: $0) } ?? limit(options)
            if planned == nil { ExecRole.prepare() }
            let loop = try EventLoop()
            let session = try TrackSession(
                limits,
                SandboxReport(
                    shortfalls: report.shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
                    isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? ""),
                refusal: planned == nil ? nil : report.refusal(for: options), on: loop)
            try loop.run()
            withExtendedLifetime(session) {}
        } catch {
            StandardError.writeLine("\(name): \(error)")
            return 71
        }
        return 0
    }

    /// Limits this process itself, not what scripts inherit and live on (docs/decisions, D2).
    private static func limit(_ options: SandboxArguments) -> AppliedSandbox {
        let available = (try? ProcessInspection(pid: getpid()))?.permitted ?? capabilities
        var plan = SupervisorPlan(capabilities: capabilities.intersection(available), isFull: false)
        plan.descriptorsMax = descriptorsMax
        plan.keepsCore = options.keepsCore
        return limitSupervisor(as: plan)
    }

    /// Seals this process where no scripts can come that would inherit it.
    private static func seal(_ options: SandboxArguments, as seal: TrackSeal) -> AppliedSandbox {
        for former in seal.formers { FormerRuns.end(of: former) }
        let available = (try? ProcessInspection(pid: getpid()))?.permitted ?? capabilitiesWithoutScripts
        var plan = SandboxPlan(
            options, capabilities: capabilitiesWithoutScripts.intersection(available), filter: 4,
            landlock: .track(writing: seal.folders), descriptorsMax: descriptorsMax)
        plan.startsThread = true
        defer { close(4) }
        return Sandbox.seal(as: plan)
    }
}

/// hasup-track's work: messages of hasupd, and what watches each kind of object.
private final class TrackSession {
    /// Time that runs get to end when hasup-track is to end.
    private static let stopTime = Interval.milliseconds(500)
    /// Time after which the code of a start isn't needed any more (docs/decisions, D30).
    private static let codeReleaseDelay = Interval.seconds(2)
    private static let moderation = Interval.milliseconds(1)

    private let loop: EventLoop
    private let seal: SandboxReport
    private let scripts: ScriptTracking
    /// Made with the first file and the first process.
    private var files: FileWatcher?
    private var processes: ProcessWatcher?
    /// The kernel's reports about processes, until somebody reads them.
    private var reports: Descriptor?
    private var channel: Channel?
    private var page: StatePage?
    private var generation: UInt64 = 0
    /// The verdicts on the objects of the next configuration, by number.
    private var known: [UInt32: TrackerVerdict] = [:]
    /// The changes of this turn, by number.
    private let changes = Changes()
    private var isStopping = false
    private var stampTimer: Timer?
    private var stopTimer: Timer?
    private var codeReleaseTimer: Timer?

    /// Verdicts that are still to be sent.
    private final class Changes {
        var verdicts: [UInt32: TrackerVerdict] = [:]
        var note: VerdictHandler { { [unowned self] in self.verdicts[$0] = $1 } }
    }

    /// - Parameter refusal: the reason that it mustn't work.
    init(
        _ limits: ScriptLimits, _ seal: SandboxReport, refusal: String?, on loop: EventLoop
    ) throws(SystemError) {
        self.loop = loop
        self.seal = seal
        scripts = try ScriptTracking(on: loop, limits: limits, onVerdict: changes.note)
        channel = try Channel(
            Descriptor(owning: 3), on: loop,
            onFrame: { [unowned self] frame throws(FrameError) in try self.receive(frame) },
            onEnd: { [unowned self] _ in self.abandon() })
        scripts.onIdle = { [unowned self] in if self.isStopping { exit(0) } }
        stampTimer = loop.makeTimer { [unowned self] in self.armStamp() }
        codeReleaseTimer = loop.makeTimer { hasup_release_code() }
        stopTimer = loop.makeTimer { [unowned self] in self.abandon() }
        loop.atEndOfTurn { [unowned self] in self.endTurn() }
        guard let channel else { return }
        TrackerToSupervisor.hello(version: workerProtocolVersion, seal).send(on: channel)
        guard let refusal else { return }
        log(.error, refusal)
        exit(77)
    }

    private func receive(_ frame: Frame) throws(FrameError) {
        let message = try SupervisorToTracker(frame)
        if case .hello(let version, let formers) = message {
            guard version == workerProtocolVersion else { throw .version(version) }
            guard page == nil, let page = try? StatePage(mapping: try frame.descriptors.take(0)) else {
                throw .unexpected("a hello without a page")
            }
            self.page = page
            for former in formers { FormerRuns.end(of: former) }
            return armStamp()
        }
        guard page != nil else { throw .unexpected("a message before hello") }
        switch message {
        case .hello: break
        case .verdicts(let verdicts): for verdict in verdicts { known[verdict.number] = verdict.verdict }
        case .reports: reports = try frame.descriptors.take(0)
        case .configure(let generation, let isStart):
            try configure(generation, frame.descriptors.take(0), isStart: isStart)
        case .stop: stop()
        }
    }

    private func configure(
        _ generation: UInt64, _ image: consuming Descriptor, isStart: Bool
    ) throws(FrameError) {
        let part: ConfigurationModel
        do {
            let image = try ConfigurationImage(image)
            part = try EncodedModel(image.model).decode()
        } catch {
            throw .unexpected("a malformed configuration")
        }
        sendChanges()
        self.generation = generation
        let shared = part.shared
        do throws(SystemError) {
            try scripts.configure(tracked(shared.trackScripts, from: 0), part.global)
            try watchFiles(
                tracked(shared.trackFiles, from: shared.trackScripts.count), isStart: isStart,
                mode: 0o666 & ~UInt32(part.global.daemon.umask))
        } catch {
            log(.error, error.description)
        }
        watchProcesses(tracked(shared.trackProcesses, from: shared.trackScripts.count + shared.trackFiles.count))
        known = [:]
        if let codeReleaseTimer { loop.set(codeReleaseTimer, to: loop.now + Self.codeReleaseDelay) }
        if let channel { TrackerToSupervisor.configured(generation: generation).send(on: channel) }
    }

    private func tracked<Definition>(_ definitions: [Definition], from first: Int) -> [Tracked<Definition>] {
        definitions.enumerated().map { index, definition in
            let number = UInt32(clamping: first + index)
            return Tracked(number: number, definition: definition, verdict: known[number] ?? TrackerVerdict())
        }
    }

    private func watchFiles(
        _ tracked: [Tracked<TrackFile>], isStart: Bool, mode: UInt32
    ) throws(SystemError) {
        guard !tracked.isEmpty else { return files = nil }
        let files: FileWatcher
        if let known = self.files {
            files = known
        } else {
            files = try FileWatcher(on: loop, onVerdict: changes.note) { [unowned self] in self.log(.warning, $0) }
            self.files = files
        }
        files.configure(tracked, isStart: isStart, mode: mode)
    }

    private func watchProcesses(_ tracked: [Tracked<TrackProcess>]) {
        guard !tracked.isEmpty else {
            processes = nil
            reports = nil
            return loop.moderation = .zero
        }
        let processes =
            self.processes
            ?? ProcessWatcher(reports: reports.take(), on: loop, onVerdict: changes.note) { [unowned self] in
                self.log(.notice, $0)
            }
        self.processes = processes
        // Whatever begins and ends thousands of processes a second, it has no more turns than this.
        loop.moderation = Self.moderation
        processes.configure(tracked)
    }

    private func log(_ level: LogLevel, _ text: String) {
        if let channel { TrackerToSupervisor.log(level, text).send(on: channel) }
    }

    private func endTurn() {
        page?.stamp = loop.now
        sendChanges()
    }

    private func sendChanges() {
        guard !changes.verdicts.isEmpty, let channel else { return }
        var entries = changes.verdicts.sorted { $0.key < $1.key }.map { NumberedVerdict($0.key, $0.value) }[...]
        changes.verdicts = [:]
        while !entries.isEmpty {
            let part = entries.prefix(TrackerToSupervisor.verdictsMax)
            entries = entries.dropFirst(part.count)
            TrackerToSupervisor.verdicts(generation: generation, Array(part)).send(on: channel)
        }
    }

    /// Turns the loop, and so renews the stamp, often enough for hasupd's watchdog (docs/decisions, D13).
    private func armStamp() {
        if let stampTimer { loop.set(stampTimer, to: loop.now + TrackerWatch.stampPeriod) }
    }

    // MARK: The end

    /// hasupd has asked for it: runs get a while to end.
    private func stop() {
        guard !isStopping else { return }
        isStopping = true
        if scripts.isIdle { exit(0) }
        scripts.endAll(by: SIGTERM)
        if let stopTimer { loop.set(stopTimer, to: loop.now + Self.stopTime) }
    }

    /// There is nobody to tell results any more, or no more time: nothing is left running.
    private func abandon() {
        scripts.endAll(by: SIGKILL)
        exit(0)
    }
}
