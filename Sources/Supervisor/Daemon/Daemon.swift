import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Files
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import Telemetry
import VRRP
import WorkerProtocol

/// hasupd itself: reads no byte from the network, starts the workers and keeps them alive, does what they may ask for,
/// and tells operators what is going on.
final class Daemon: VRRPSupervisionDelegate, ReloadConductorDelegate {
    /// How long stop scripts may run before hasupd ends without them (behaviours §4).
    private static let stopScriptPatience = Interval.seconds(1)
    /// After this long without an event, the code of the start and of events needn't stay in memory.
    private static let codeReleaseDelay = Interval.seconds(2)
    /// How often it is looked whether what surrounds hasupd is as it was.
    private static let lookAroundPeriod = Interval.seconds(1)

    let options: DaemonOptions
    let budget: DescriptorBudget
    let log: Logger
    let loop: EventLoop
    let host: HostProfile
    let sink: LogSink
    let startedAt: Instant
    private(set) var generation: Generation
    private(set) var vrrp: VRRPSupervision?
    private(set) var checker: CheckerSupervision?
    let scripts: ScriptRunner
    let history: History
    private let reader: ConfigurationReader
    let reloadFiles: ReloadFiles
    let paths: Paths
    let locks: VirtualRouterLocks?
    let ledger: InstalledConfigurations
    let workerRecord: WorkerRecord
    private(set) var reloads: ReloadConductor?
    private var surroundings: Timer?
    /// What was removed at the last look, a sentence each.
    var losses: [String] = []
    /// Why what was removed can't be made anew, sentences.
    var restoreFailure: String?
    /// The last reload, when it didn't succeed, and why.
    private(set) var refusedReload: (at: Instant, wallNanoseconds: Int64, reason: String)?
    private var stopTimer: Timer?
    private var codeReleaseTimer: Timer?
    private var signals: Signals?
    private(set) var control: ControlSocket?
    private(set) var upgrade: Upgrade?
    private var serviceWatchdog: ServiceWatchdog?
    let pidFiles: PidFiles
    let directory: RunDirectory
    let systemd: SystemdNotify
    let service: ServiceNotifier
    let store: DescriptorStore
    let observations: ObservationQueue
    private let findings: FindingLog
    /// The last packet for no instance here that the worker has told of.
    var lastStray: (reason: DiscardReason, detail: UInt32, source: IPAddress, at: Instant)?
    private(set) var isStopping = false
    private var isParked = false
    private var isVRRPGone = false
    private var isCheckerGone = true
    private var exitStatus: Int32 = 0

    private init(
        options: DaemonOptions, log: Logger, sink: LogSink, loop: EventLoop, host: HostProfile,
        reader: ConfigurationReader,
        first: FirstConfiguration, paths: Paths, directory: RunDirectory, locks: VirtualRouterLocks?,
        systemd: SystemdNotify,
        store: DescriptorStore, limits: ScriptLimits, budget: DescriptorBudget, findings: FindingLog
    ) {
        self.findings = findings
        self.budget = budget
        self.locks = locks
        self.options = options
        self.paths = paths
        self.directory = directory
        history = History(directory: paths.runDirectory, on: loop)
        ledger = InstalledConfigurations(directory: paths.runDirectory)
        workerRecord = WorkerRecord(directory: paths.runDirectory)
        pidFiles = PidFiles(options, runDirectory: paths.runDirectory, log: log)
        self.log = log
        self.sink = sink
        self.loop = loop
        self.host = host
        self.reader = reader
        self.systemd = systemd
        service = ServiceNotifier(systemd, on: loop, log: log)
        self.store = store
        generation = first.generation
        refusedReload = first.refusal.map { (Clock.now, Clock.wallNanoseconds, $0) }
        startedAt = Clock.now
        scripts = ScriptRunner(
            on: loop, log: log, limits: limits, runningMax: budget.scriptsMax, inherited: store.notifications,
            keep: { store.keep(notifications: $0) })
        reloadFiles = ReloadFiles(host, on: loop, log: log)
        observations = ObservationQueue(log: log, history: history, on: loop)
        observations.onEvent = { [unowned self] in self.control?.publish($0) }
    }

    // MARK: Start

    /// The list of steps. What can fail for the operator's reasons comes before anything changes.
    static func start(_ options: DaemonOptions) throws(StartError) -> Int32 {
        let systemd = SystemdNotify()
        let store = DescriptorStore(systemd)
        let predecessor = Succession.take()
        let passedClaims = VirtualRouterLocks.takePassed()
        let limits = predecessor?.limits ?? ScriptLimits()
        let identity = options.instance.map { "hasupd_\($0)" } ?? "hasupd"
        let sink = LogSink.suitable(foreground: options.foreground, identity: identity)
        let log = Logger(label: "hasupd") { _ in SinkHandler(sink, level: options.logLevel) }
        store.tell(log)
        OperatorSignals.ignoreWhatEndsNothing()
        OperatorSignals.letFuseBlow()
        // Its files are its own.
        umask(0o077)

        let budget = try DescriptorBudget.take(
            clients: ControlLimits().clientsMax, scripts: ScriptRunner.runningMax)
        let privileges = try requirePrivileges()
        try requireFilters(options)
        let paths = try Paths(options)
        // What it was allowed before goes on, and a sealed one couldn't look at other processes' namespaces any more.
        var isAlone = false
        if predecessor?.isSealed != true {
            if let reason = KeepalivedDetection.conflict {
                // What ran goes on: ended by this, it would leave its addresses to chance.
                guard store.page != nil else { throw StartError(.temporary, reason) }
                log.error("\(reason)")
            } else {
                isAlone = true
            }
        }
        let directory = try RunDirectory(
            paths.runDirectory, operatorGroup: try? Identity.groupNumber(HostProfile.operatorGroupName))
        paths.enterRunDirectory()
        let loop: EventLoop
        let host: HostProfile
        do throws(SystemError) {
            loop = try EventLoop()
            host = try HostProfile(options, paths, privileges, isSuccessor: predecessor?.isSealed ?? false)
        } catch {
            throw StartError(.unavailable, error.description)
        }
        loop.deferred = { Realtime.leaving(for: $0) }
        host.setAmbientCapabilities()
        let reader = ConfigurationReader(
            file: paths.configuration, configID: options.configID ?? SystemEnvironment.nodeName(),
            seal: host.sealArguments, filter: host.parserFilter.number, on: loop)
        let findings = FindingLog(log)
        let first = try readFirst(reader, stored: store.configuration, options, log, findings)

        let locks = VirtualRouterLocks(passed: passedClaims)
        do throws(VirtualRouterLocks.Conflict) {
            try locks?.take(first.generation)
            locks?.commit()
        } catch {
            throw StartError(.temporary, "\(error). Stop it, or give this one another configuration.")
        }

        let daemon = Daemon(
            options: options, log: log, sink: sink, loop: loop, host: host, reader: reader, first: first,
            paths: paths, directory: directory, locks: locks, systemd: systemd, store: store, limits: limits,
            budget: budget, findings: findings)
        daemon.scripts.adoptScripts()
        let formerChildren = ChildProcess.inherited(except: daemon.scripts.processes, on: loop)
        let former = try daemon.workerRecord.endWorker(handsOver: store.page == nil)
        if let former {
            if former.wasEnded { log.notice("\(former.endSentence)") }
            if let text = former.sentence(isPassedOn: store.page != nil) { daemon.report(text) }
        }
        // With its page, a worker decides what of the new configuration stays; what isn't in that goes at once.
        daemon.removeLeftovers(of: "an earlier hasupd", except: store.page == nil ? nil : first.generation)
        do throws(SystemError) {
            try daemon.begin(deathsWithPage: former?.deathsWithSnapshot ?? 0, isAlone: isAlone)
            try loop.run()
        } catch {
            throw StartError(.unavailable, error.description)
        }
        // Nobody waits for it any more, and what is left to do may be more than the fuse of the realtime class allows.
        Realtime.end()
        daemon.scripts.endTold()
        loop.flushDeferredWork()
        daemon.control?.remove()
        daemon.pidFiles.remove()
        if daemon.isParked {
            daemon.flushRest()
            return 0
        }
        daemon.scripts.tellUnsent()
        store.clear()
        daemon.workerRecord.clear()
        if daemon.removeLeftovers(of: "the VRRP worker") > 0 { daemon.exitStatus = StartError.Status.software.rawValue }
        daemon.flushRest()
        withExtendedLifetime(formerChildren) {}
        return daemon.exitStatus
    }

    private func begin(deathsWithPage: Int, isAlone: Bool) throws(SystemError) {
        loop.measuresWork = true
        signals = try Signals(OperatorSignals.handled, on: loop) { [unowned self] in self.receive(signal: $0) }
        control = try ControlSocket(paths.controlSocket, daemon: self)
        reloads = ReloadConductor(
            file: paths.configuration, reader: reader, host: host, locks: locks, on: loop, log: log,
            findings: findings, delegate: self)
        stopTimer = loop.makeTimer { [unowned self] in self.loop.stop() }
        codeReleaseTimer = loop.makeTimer { hasup_release_code() }
        upgrade = Upgrade(on: loop, log: log, store: store, locks: locks, paths: paths)
        host.checkPrivileges(
            for: generation.model, workerPriority: generation.workerPriority, controlSocket: paths.controlSocket)
        for sentence in host.limitations { log.notice("\(sentence)") }

        let lastNotification = scripts.resume(generation, pageNotification: store.page?.lastNotification)
        let vrrp = try VRRPSupervision(
            on: loop, log: log, host: host, grace: options.grace, generation: generation,
            inherited: store.page, deathsWithPage: deathsWithPage, lastNotification: lastNotification,
            isAlone: isAlone, record: workerRecord, delegate: self)
        self.vrrp = vrrp
        let instances = counted(generation.instanceCount, "instance")
        log.notice(
            """
            hasupd \(hasupVersion) started: \(instances) from \(paths.configuration), control socket \(paths.controlSocket)
            """)
        report("hasupd \(hasupVersion) started (pid \(getpid()), \(instances))")
        if !InstalledConfigurations.isKernelMarking {
            log.warning(
                """
                kernel older than 5.18: addresses that stay when all of hasup's processes are killed at once aren't known to \
                be ours
                """)
        }
        lookAround()
        note(generation)
        vrrp.start()
        store.keep(generation.image)
        startChecker()
        serviceWatchdog = ServiceWatchdog(systemd, on: loop) { [unowned self] in self.isHealthy }
        reloadFiles.started(generation) { [unowned self] in self.requestReload(nil) }
        host.limitSupervisor(
            hasScripts: generation.model.hasScripts, needsReadRight: generation.image.needsReadRight,
            realtimePriority: generation.supervisorPriority,
            writing: ReloadPaths(generation).writableFolders)
        for sentence in host.shortfalls { log.notice("\(sentence)") }
        surroundings = loop.makeTimer { [unowned self] in
            // A parked hasupd's files are its successor's.
            guard !self.isStopping else { return }
            self.lookAround()
            self.lookAroundLater()
        }
        lookAroundLater()
    }

    private func lookAroundLater() {
        if let surroundings { loop.set(surroundings, to: Clock.now + Self.lookAroundPeriod) }
    }

    private func startChecker() {
        guard generation.model.virtualServerCount > 0, checker == nil else { return }
        do throws(SystemError) {
            let checker = try CheckerSupervision(
                on: loop, log: log, seal: host.sealArguments, filter: host.checkerFilter.number,
                generation: generation.number)
            checker.onReport = { [unowned self] in self.report($0) }
            checker.onReady = { [unowned self] in self.writePidFiles() }
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
        case SIGHUP:
            restoreRunDirectory()
            requestReload(nil)
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
        report("hasupd (pid \(getpid())) is parked: the next one goes on")
        upgrade?.cancel()
        log.notice("parked: the next hasupd goes on with what systemd keeps; if none comes, the VRRP worker hands over")
        service.notify(.stopping)
        reloads?.stop()
        vrrp?.recordWorker(isParting: true)
        tellWhatIsLeft()
        loop.stop()
    }

    private func stop(because reason: String) {
        // A stop overrides a park that came in the same turn: the loop hasn't ended yet.
        guard !isStopping || isParked else { return }
        isStopping = true
        isParked = false
        upgrade?.cancel()
        log.notice("stopping (\(reason)): handing over")
        report("hasupd (pid \(getpid())) stops (\(reason)): handing over")
        service.notify(.stopping)
        reloads?.stop()
        scripts.onIdle = { [unowned self] in self.endIfIdle() }
        vrrp?.stop()
        checker?.stop()
    }

    /// Ends the loop when the workers are gone and the stop scripts are done, or have had their time.
    private func endIfIdle() {
        guard isStopping, isVRRPGone, isCheckerGone, let stopTimer else { return }
        if scripts.isIdle { return loop.stop() }
        scripts.hurry()
        loop.set(stopTimer, to: Clock.now + Self.stopScriptPatience)
    }

    // MARK: Reload

    /// Reads the files again; the completion is told when the new configuration runs or was refused.
    ///
    /// - Parameter isDryRun: whether it is only to be told what would happen.
    func requestReload(isDryRun: Bool = false, _ completion: ((ReloadReport) -> Void)?) {
        reloads?.request(isDryRun: isDryRun, completion)
    }

    func reloadBegan() { service.notify(.reloading) }

    func give(_ generation: Generation) {
        note(generation)
        vrrp?.apply(generation)
    }

    var obstacle: String? { vrrp?.obstacle }

    func replaceWorker(_ reason: String) { vrrp?.replace(reason) }

    func adopt(_ generation: Generation) {
        let before = self.generation
        self.generation = generation
        scripts.adopt(generation)
        store.keep(generation.image)
        if generation.workerPriority != before.workerPriority { vrrp?.applyPriority() }
        startChecker()
        reloadFiles.adopted(generation)
    }

    func reloadEnded(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?) {
        reloadFiles.ended(report, before: before, judged: judged, after: report.ok ? generation : nil)
        let wall = Clock.wallNanoseconds
        refusedReload = report.ok ? nil : (Clock.now, wall, report.summaryText)
        tell { WatchEvent(report, wallNanoseconds: wall) }
        admitOperators()
        notifyReady()
    }

    // MARK: VRRPSupervisionDelegate

    func configured(_ number: UInt64) {
        deferCodeRelease()
        scripts.resumed()
        writePidFiles()
        if reloads?.configured(number) != true, number == 1 {
            notifyReady()
        }
    }

    func notifyReady() { service.notify(.ready(counted(generation.instanceCount, "instance"))) }

    /// For whoever reads pid files; hasupd itself never does (pain point C1).
    private func writePidFiles() {
        pidFiles.write(
            daemon: getpid(), vrrp: vrrp?.worker?.child?.pid, checker: checker?.worker?.child?.pid)
    }

    func deferCodeRelease() {
        if let codeReleaseTimer { loop.set(codeReleaseTimer, to: Clock.now + Self.codeReleaseDelay) }
    }

    func cleared(_ number: UInt64) { ledger.forget(before: number) }

    func keep(_ page: StatePage) { store.keep(page) }

    func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool) { try store.keepAddresses() }

    func vrrpEnded() { reloads?.workerEnded() }

    func vrrpFinished() {
        isVRRPGone = true
        endIfIdle()
    }
}
