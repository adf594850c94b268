import Base
import CLinux
import Configuration
import Files
import Glibc
import IPC
import Logging
import Reactor
import Sandbox
import Supervision
import Telemetry
import VRRP

/// hasupd itself: reads no byte from the network, starts the workers and keeps them alive, does what they may ask for,
/// and tells operators what is going on.
final class Daemon: VRRPSupervision.Delegate, ReloadConductor.Delegate {
    /// How long stop scripts may run before hasupd ends without them (behaviours §4).
    private static let stopScriptPatience = Interval.seconds(1)
    /// After this long without an event, the code of the start and of events needn't stay in memory.
    private static let settleTime = Interval.seconds(2)

    let options: Options
    let log: Logger
    let loop: EventLoop
    let setting: Setting
    let startedAt: Instant
    private(set) var generation: Generation
    private(set) var vrrp: VRRPSupervision?
    private(set) var checker: CheckerSupervision?
    let scripts: ScriptRunner
    let history: History
    private let reader: ConfigurationReader
    private let paths: Paths
    private let ledger: Ledger
    private let workerRecord: WorkerRecord
    private var reloads: ReloadConductor?
    /// The last reload, when it didn't succeed, and why.
    private(set) var refusedReload: (at: Instant, wallNanoseconds: Int64, reason: String)?
    private var stopTimer: Timer?
    private var settledTimer: Timer?
    private var signals: Signals?
    private var control: ControlSocket?
    private let systemd = SystemdNotify()
    private let observations: ObservationLog
    private var isStopping = false
    private var isVRRPGone = false
    private var isCheckerGone = true
    private var exitStatus: Int32 = 0

    private init(
        options: Options, log: Logger, loop: EventLoop, setting: Setting, reader: ConfigurationReader,
        generation: Generation, paths: Paths
    ) {
        self.options = options
        self.paths = paths
        history = History(directory: paths.runDirectory, on: loop)
        ledger = Ledger(directory: paths.runDirectory)
        workerRecord = WorkerRecord(directory: paths.runDirectory)
        self.log = log
        self.loop = loop
        self.setting = setting
        self.reader = reader
        self.generation = generation
        startedAt = Clock.now
        scripts = ScriptRunner(on: loop, log: log)
        observations = ObservationLog(log: log, on: loop)
    }

    // MARK: Start

    /// From the command line to the exit status.
    static func run(arguments: [String]) -> Int32 {
        let options: Options
        do throws(Options.UsageError) {
            switch try Options.parse(arguments) {
            case .run(let parsed): options = parsed
            case .help:
                print(Options.help, terminator: "")
                return 0
            case .version:
                print("hasupd \(hasupVersion)")
                return 0
            }
        } catch {
            complain("\(error.message). Try hasupd --help.")
            return StartError.Status.usage.rawValue
        }
        do throws(StartError) {
            return try start(options)
        } catch {
            complain(error.message)
            return error.status.rawValue
        }
    }

    private static func complain(_ text: String) {
        let line = "hasupd: \(Printable.text(text))\n"
        _ = write(2, line, line.utf8.count)
    }

    /// The list of steps. What can fail for the operator's reasons comes before anything changes.
    private static func start(_ options: Options) throws(StartError) -> Int32 {
        let identity = options.instance.map { "hasupd_\($0)" } ?? "hasupd"
        let sink = LogSink.suitable(foreground: options.foreground, identity: identity)
        let log = Logger(label: "hasupd") { _ in SinkHandler(sink, level: options.logLevel) }
        OperatorSignals.ignoreWhatEndsNothing()
        // Its files are its own.
        umask(0o077)

        try requirePrivileges()
        let paths = try Paths(options)
        try RunDirectory.refuseBesideKeepalived()
        let directory = try RunDirectory(
            paths.runDirectory, operatorGroup: try? Identity.groupNumber(Setting.operatorGroupName))
        let loop: EventLoop
        let setting: Setting
        do throws(SystemError) {
            loop = try EventLoop()
            setting = try Setting(options)
        } catch {
            throw StartError(.unavailable, error.description)
        }
        let reader = ConfigurationReader(
            file: options.file, configID: options.configID ?? SystemEnvironment.nodeName(),
            seal: SealArguments(identity: setting.identity, realtimePriority: nil), filter: setting.parserFilter.number,
            on: loop)
        let generation = try readFirst(reader, options, log, loop)

        let claims = Claims()
        try claims?.take(generation)

        let daemon = Daemon(
            options: options, log: log, loop: loop, setting: setting, reader: reader, generation: generation,
            paths: paths)
        if let pid = try daemon.workerRecord.endWorker() {
            log.warning("ended the VRRP worker (pid \(pid)) of a hasupd that is gone")
        }
        daemon.removeLeftovers(of: "an earlier hasupd")
        do throws(SystemError) {
            try daemon.begin()
            try loop.run()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        daemon.control?.remove()
        daemon.workerRecord.clear()
        if daemon.removeLeftovers(of: "the VRRP worker") > 0 { daemon.exitStatus = StartError.Status.software.rawValue }
        daemon.history.flush()
        withExtendedLifetime((directory, claims)) {}
        return daemon.exitStatus
    }

    /// Without these, nothing works that a configuration can ask for. What else is missing costs less, and is told when
    /// it is needed: status shows it as a note.
    private static func requirePrivileges() throws(StartError) {
        guard let effective = (try? ProcessInspection(pid: getpid()))?.effective else { return }
        let needed: [(capability: CapabilitySet, loss: String)] = [
            (.netRaw, "no VRRP packet can be sent or received"), (.netAdmin, "no virtual address can be set"),
        ]
        for (capability, loss) in needed where !effective.contains(capability) {
            throw StartError(.permission, "the capability \(capability) is missing, so \(loss). Start it as root.")
        }
    }

    /// The first configuration: tolerant (docs/decisions.md, D18), but nothing at all is an error.
    private static func readFirst(
        _ reader: ConfigurationReader, _ options: Options, _ log: Logger, _ loop: EventLoop
    ) throws(StartError) -> Generation {
        var outcome: ReadOutcome?
        reader.read { outcome = $0 }
        while outcome == nil {
            do { try loop.turn() } catch { throw StartError(.unavailable, error.description) }
        }
        guard case .judged(let image, let model, let diagnostics) = outcome else {
            if case .failed(let reason) = outcome { throw StartError(.noInput, reason) }
            throw StartError(.noInput, "can't read \(options.file)")
        }
        for diagnostic in diagnostics { diagnostic.tell(log) }
        guard image.isReadable else {
            throw StartError(
                .noInput, "\(diagnostics.first?.message ?? "can't read \(options.file)"). Name the file with -f.")
        }
        guard image.canStart else {
            throw StartError(
                .configuration,
                "\(options.file) has nothing that can run; `hasup check \(options.file)` shows each finding")
        }
        return Generation(
            number: 1, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds)
    }

    /// Removes the addresses that a process of ours, which is gone, has left; how many there were.
    @discardableResult private func removeLeftovers(of whom: String) -> Int {
        do throws(SystemError) {
            let left = try ledger.withdraw()
            ledger.clear()
            if !left.isEmpty {
                log.warning("removed what \(whom) left behind: \(left.map(\.description).joined(separator: ", "))")
            }
            return left.count
        } catch {
            log.error("addresses that \(whom) may have left behind aren't all removed: \(error)")
            return 0
        }
    }

    private func note(_ generation: Generation) {
        do throws(SystemError) {
            try ledger.record(generation.image)
        } catch {
            log.warning("\(error): after a crash, addresses that left the configuration would stay")
        }
    }

    private func begin() throws(SystemError) {
        signals = try Signals(OperatorSignals.handled, on: loop) { [unowned self] in self.receive(signal: $0) }
        control = try ControlSocket(paths.controlSocket, daemon: self)
        reloads = ReloadConductor(
            file: options.file, reader: reader, setting: setting, on: loop, log: log, delegate: self)
        stopTimer = loop.makeTimer { [unowned self] in self.loop.stop() }
        settledTimer = loop.makeTimer { hasup_release_code() }
        for note in setting.notes { log.notice("\(note)") }

        let vrrp = try VRRPSupervision(
            on: loop, log: log,
            identity: setting.identity, filter: setting.workerFilter.number, generation: generation,
            record: workerRecord, delegate: self)
        self.vrrp = vrrp
        let instances = counted(generation.instanceCount, "instance")
        log.notice(
            """
            hasupd \(hasupVersion) started: \(instances) from \(options.file), control socket \(paths.controlSocket)
            """)
        if !Ledger.isKernelMarking {
            log.warning("kernel older than 5.18: addresses that a crash leaves behind aren't known to be ours")
        }
        note(generation)
        vrrp.start()
        startChecker()
        setting.limitSupervisor(
            hasScripts: generation.model.hasScripts, realtimePriority: generation.supervisorPriority)
        for note in setting.shortfalls { log.notice("\(note)") }
    }

    private func startChecker() {
        guard generation.model.virtualServerCount > 0, checker == nil else { return }
        do throws(SystemError) {
            let checker = try CheckerSupervision(
                on: loop, log: log, seal: SealArguments(identity: setting.identity, realtimePriority: nil),
                filter: setting.checkerFilter.number, generation: generation.number)
            checker.onReport = { [unowned self] in self.report($0) }
            checker.onFinished = { [unowned self] in
                self.isCheckerGone = true
                self.endIfIdle()
            }
            self.checker = checker
            isCheckerGone = false
            checker.start()
        } catch {
            log.error("the checker can't be started: \(error)")
        }
    }

    // MARK: Signals and stop

    private func receive(signal: Int32) {
        switch signal {
        case SIGHUP: requestReload(nil)
        case SIGTERM: stop(because: "SIGTERM")
        case SIGINT: stop(because: "SIGINT")
        default:
            let name = signal == SIGUSR1 ? "SIGUSR1" : "SIGUSR2"
            log.notice("\(name) does nothing: `hasup status` and `hasup status --json` show what goes on")
        }
    }

    private func stop(because reason: String) {
        guard !isStopping else { return }
        isStopping = true
        log.notice("stopping (\(reason)): handing over")
        systemd.stopping()
        reloads?.stop()
        scripts.onIdle = { [unowned self] in self.endIfIdle() }
        vrrp?.stop()
        checker?.stop()
    }

    /// Ends the loop when the workers are gone and the stop scripts are done, or have had their time.
    private func endIfIdle() {
        guard isStopping, isVRRPGone, isCheckerGone, let stopTimer else { return }
        if scripts.isIdle { return loop.stop() }
        loop.set(stopTimer, to: Clock.now + Self.stopScriptPatience)
    }

    // MARK: Reload

    /// Reads the files again; the completion is told when the new configuration runs or was refused.
    ///
    /// - Parameter isDryRun: whether it is only to be told what would happen.
    func requestReload(isDryRun: Bool = false, _ completion: ((ReloadReport) -> Void)?) {
        reloads?.request(isDryRun: isDryRun, completion)
    }

    func reloadBegins() { systemd.reloading() }

    func give(_ generation: Generation) {
        note(generation)
        vrrp?.apply(generation)
    }

    func replaceWorker(_ reason: String) { vrrp?.replace(reason) }

    func adopt(_ generation: Generation) {
        let before = self.generation
        self.generation = generation
        if generation.workerPriority != before.workerPriority { applyPriority() }
        startChecker()
    }

    /// A changed vrrp_rt_priority acts at once where that is possible.
    private func applyPriority() {
        do throws(SystemError) {
            try vrrp?.applyPriority()
            try Realtime.schedule(priority: generation.supervisorPriority, resetsOnFork: true)
        } catch {
            log.warning(
                "vrrp_rt_priority \(generation.workerPriority) acts when the VRRP worker starts again: \(error)")
        }
    }

    func reloadEnded(_ report: ReloadReport) {
        let wall = Clock.wallNanoseconds
        refusedReload = report.ok ? nil : (Clock.now, wall, report.summaryText)
        tell { WatchEvent(report, wallNanoseconds: wall) }
        systemd.ready(counted(generation.instanceCount, "instance"))
    }

    // MARK: VRRPSupervision.Delegate

    func configured(_ number: UInt64) {
        unsettle()
        if reloads?.configured(number) != true, number == 1 {
            systemd.ready(counted(generation.instanceCount, "instance"))
        }
    }

    private func unsettle() {
        if let settledTimer { loop.set(settledTimer, to: Clock.now + Self.settleTime) }
    }

    func observed(_ observation: Observation, generation number: UInt64) {
        unsettle()
        // While a reload is being applied, numbers may mean the old list or the new one.
        let source = number == reloads?.pending?.number ? reloads?.pending : generation
        let settings = observation.instance.flatMap { source?.instance(at: $0) }
        observations.add(observation, settings)
        let wall = Clock.wallNanoseconds
        let event = { WatchEvent(observation, settings, wallNanoseconds: wall) }
        if observation.isHistory { tell(event) } else { control?.publish(event) }
    }

    /// Tells those who watch, and those who will ask.
    private func tell(_ event: @escaping () -> WatchEvent) {
        control?.publish(event)
        history.add(event)
    }

    func run(_ run: ScriptRun) {
        guard !run.scripts.isEmpty else { return }
        scripts.add(run, global: (try? generation.model.global()) ?? GlobalSettings())
    }

    func report(_ text: String) {
        let event = WatchEvent("process", text: text, unixSeconds: Double(Clock.wallNanoseconds) / 1e9)
        tell { event }
    }

    func vrrpEnded() {
        reloads?.workerEnded()
    }

    func vrrpFinished() {
        isVRRPGone = true
        endIfIdle()
    }
}

extension Diagnostic {
    /// One line in the log.
    func tell(_ log: Logger) {
        switch severity {
        case .error: log.error("\(logLine)")
        case .warning: log.warning("\(logLine)")
        case .note: log.info("\(logLine)")
        }
    }
}
