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
    let sink: LogSink
    let startedAt: Instant
    private(set) var generation: Generation
    private(set) var vrrp: VRRPSupervision?
    private(set) var checker: CheckerSupervision?
    let scripts: ScriptRunner
    let history: History
    private let reader: ConfigurationReader
    private let paths: Paths
    private let claims: Claims?
    let ledger: Ledger
    private let workerRecord: WorkerRecord
    private var reloads: ReloadConductor?
    /// The last reload, when it didn't succeed, and why.
    private(set) var refusedReload: (at: Instant, wallNanoseconds: Int64, reason: String)?
    private var stopTimer: Timer?
    private var settledTimer: Timer?
    private var signals: Signals?
    private var control: ControlSocket?
    private var upgrade: Upgrade?
    private let systemd: SystemdNotify
    private let store: DescriptorStore
    private let observations: ObservationLog
    private var isStopping = false
    private var isParked = false
    private var isVRRPGone = false
    private var isCheckerGone = true
    private var exitStatus: Int32 = 0

    private init(
        options: Options, log: Logger, sink: LogSink, loop: EventLoop, setting: Setting, reader: ConfigurationReader,
        first: FirstConfiguration, paths: Paths, claims: Claims?, systemd: SystemdNotify, store: DescriptorStore
    ) {
        self.claims = claims
        self.options = options
        self.paths = paths
        history = History(directory: paths.runDirectory, on: loop)
        ledger = Ledger(directory: paths.runDirectory)
        workerRecord = WorkerRecord(directory: paths.runDirectory)
        self.log = log
        self.sink = sink
        self.loop = loop
        self.setting = setting
        self.reader = reader
        self.systemd = systemd
        self.store = store
        generation = first.generation
        refusedReload = first.refusal.map { (Clock.now, Clock.wallNanoseconds, $0) }
        startedAt = Clock.now
        scripts = ScriptRunner(on: loop, log: log)
        observations = ObservationLog(log: log, on: loop)
    }

    // MARK: Start

    /// The list of steps. What can fail for the operator's reasons comes before anything changes.
    static func start(_ options: Options) throws(StartError) -> Int32 {
        let systemd = SystemdNotify()
        let store = DescriptorStore(systemd)
        let identity = options.instance.map { "hasupd_\($0)" } ?? "hasupd"
        let sink = LogSink.suitable(foreground: options.foreground, identity: identity)
        let log = Logger(label: "hasupd") { _ in SinkHandler(sink, level: options.logLevel) }
        store.tell(log)
        OperatorSignals.ignoreWhatEndsNothing()
        // Its files are its own.
        umask(0o077)

        try requirePrivileges()
        let paths = try Paths(options)
        if let reason = RunDirectory.besideKeepalived() {
            // What ran goes on: ended by this, it would leave its addresses to chance.
            guard store.page != nil else { throw StartError(.temporary, reason) }
            log.error("\(reason)")
        }
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
        let first = try readFirst(reader, stored: store.configuration, options, log, loop)

        let claims = Claims()
        do throws(Claims.Conflict) {
            try claims?.take(first.generation)
        } catch {
            throw StartError(.temporary, "\(error). Stop it, or give this one another configuration.")
        }

        let daemon = Daemon(
            options: options, log: log, sink: sink, loop: loop, setting: setting, reader: reader, first: first,
            paths: paths, claims: claims, systemd: systemd, store: store)
        let formerChildren = ChildProcess.inherited(on: loop)
        if let pid = try daemon.workerRecord.endWorker() {
            log.notice("ended the VRRP worker (pid \(pid)) of a hasupd that is gone")
        }
        // With its page, a worker decides what of the new configuration stays; what isn't in that goes at once.
        daemon.removeLeftovers(of: "an earlier hasupd", except: store.page == nil ? nil : first.generation)
        do throws(SystemError) {
            try daemon.begin()
            try loop.run()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        daemon.control?.remove()
        if daemon.isParked {
            daemon.history.flush()
            return 0
        }
        store.clear()
        daemon.workerRecord.clear()
        if daemon.removeLeftovers(of: "the VRRP worker") > 0 { daemon.exitStatus = StartError.Status.software.rawValue }
        daemon.history.flush()
        withExtendedLifetime((directory, formerChildren)) {}
        return daemon.exitStatus
    }

    private func begin() throws(SystemError) {
        signals = try Signals(OperatorSignals.handled, on: loop) { [unowned self] in self.receive(signal: $0) }
        control = try ControlSocket(paths.controlSocket, daemon: self)
        reloads = ReloadConductor(
            file: options.file, reader: reader, setting: setting, claims: claims, on: loop, log: log, delegate: self)
        stopTimer = loop.makeTimer { [unowned self] in self.loop.stop() }
        settledTimer = loop.makeTimer { hasup_release_code() }
        upgrade = Upgrade(on: loop, log: log, store: store)
        for note in setting.notes { log.notice("\(note)") }

        let vrrp = try VRRPSupervision(
            on: loop, log: log,
            identity: setting.identity, filter: setting.workerFilter.number, generation: generation,
            inherited: store.page, record: workerRecord, delegate: self)
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
        store.keep(generation.image)
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
        case OperatorSignals.park: park()
        default:
            let name = signal == SIGUSR1 ? "SIGUSR1" : "SIGUSR2"
            log.notice("\(name) does nothing: `hasup status` and `hasup status --json` show what goes on")
        }
    }

    /// Ends for a successor that goes on with what the descriptor store keeps: the worker is left in its grace, and
    /// hands over if none comes.
    private func park() {
        guard store.isKept else {
            log.notice("parking needs systemd's descriptor store, and there is none")
            return stop(because: "the signal to park")
        }
        guard !isStopping else { return }
        isStopping = true
        isParked = true
        upgrade?.cancel()
        log.notice("parked: the next hasupd goes on with what systemd keeps; if none comes, the VRRP worker hands over")
        systemd.stopping()
        reloads?.stop()
        whenScriptsAreDone { [unowned self] in self.loop.stop() }
    }

    /// Scripts that wait behind others are known to nobody else: they have their time to be started.
    private func whenScriptsAreDone(_ action: @escaping () -> Void) {
        if scripts.isIdle { return action() }
        let timer = loop.makeTimer { [unowned self] in
            // A stop that came meanwhile waits for them in its own way.
            guard !self.isStopping || self.isParked else { return }
            self.scripts.onIdle = nil
            action()
        }
        scripts.onIdle = { [unowned self] in self.loop.set(timer, to: self.loop.now) }
        loop.set(timer, to: Clock.now + Self.stopScriptPatience)
    }

    private func stop(because reason: String) {
        // A stop overrides a hasupd that is parked and waits for its scripts.
        guard !isStopping || isParked else { return }
        isStopping = true
        isParked = false
        upgrade?.cancel()
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

    /// Becomes the program that now lies where this one was started from. The completion is told what it is, shortly
    /// before that happens, or why it doesn't.
    func requestUpgrade(_ completion: @escaping (Result<String, Upgrade.Refusal>) -> Void) {
        guard let upgrade, !isStopping else { return completion(.failure(.init("hasupd is stopping"))) }
        // Judged as a reload is: with another version's files nobody has an older configuration to go on with.
        requestReload(isDryRun: true) { report in
            guard report.ok else {
                return completion(.failure(.init("the configuration must be mended first: \(report.summaryText)")))
            }
            upgrade.inspect { [unowned self] result in
                completion(result)
                guard case .success(let version) = result, !self.isStopping else { return }
                self.log.notice("upgrade: hasupd \(hasupVersion) becomes hasupd \(version)")
                self.systemd.reloading()
                self.whenScriptsAreDone { [unowned self] in
                    guard !self.isStopping else { return }
                    self.history.flush()
                    upgrade.becomeIt { [unowned self] in
                        self.systemd.ready(counted(self.generation.instanceCount, "instance"))
                    }
                }
            }
        }
    }

    func reloadBegins() { systemd.reloading() }

    func give(_ generation: Generation) {
        note(generation)
        vrrp?.apply(generation)
    }

    var obstacle: String? { vrrp?.obstacle }

    func replaceWorker(_ reason: String) { vrrp?.replace(reason) }

    func adopt(_ generation: Generation) {
        let before = self.generation
        self.generation = generation
        store.keep(generation.image)
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

    func cleared(_ number: UInt64) { ledger.forget(before: number) }

    func keep(_ page: StatePage) { store.keep(page) }

    func vrrpEnded() {
        reloads?.workerEnded()
    }

    func vrrpFinished() {
        isVRRPGone = true
        endIfIdle()
    }
}
