import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Kernel
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import WorkerProtocol

/// hasupd itself: it starts the workers and keeps them running, does what they may ask for, and serves operators. It reads
/// no byte from the network.
final class Daemon {
    let context: DaemonContext
    let store: DescriptorStore
    private(set) var generation: Generation
    let workers: Workers
    let director: DirectorSupervision
    let scripts: ScriptRunner
    let hooks: HookRunner
    private(set) var orders: Orders?
    let trackers: TrackerRecord
    let fifos: FIFOs
    let events: EventRecorder
    let installed: InstalledConfigurations
    let service: ServiceNotifier
    private let reloadFiles: ReloadFiles
    private let dumps: Dumps
    let mails: Mails
    private(set) var shutdown = Shutdown()
    private(set) var locks: VirtualRouterLocks?
    private var reloads: ReloadConductor?
    private(set) var control: ControlSocket?
    private(set) var monitor: RunDirectoryMonitor?
    private(set) var upgrade: Upgrade?
    private var signals: Signals?
    private var stopTimer: Timer?
    private let codeRelease: CodeRelease
    private var isSealed = false
    private var hasStartedWorkers = false
    /// startup_script, before the workers start, and shutdown_script, after they have ended.
    var lifecycleScript: LifecycleScript?

    var log: Logger { context.log }
    var loop: EventLoop { context.loop }
    var isStopping: Bool { shutdown.phase != .running }

    init(
        _ context: DaemonContext, _ generation: Generation, _ events: EventRecorder, _ store: DescriptorStore,
        _ systemd: SystemdNotify, _ limits: ScriptLimits, _ recorder: TableRecorder?, _ elsewhere: TableSocket?
    ) {
        self.context = context
        self.generation = generation
        codeRelease = CodeRelease(on: context.loop)
        self.events = events
        self.store = store
        workers = Workers(context)
        director = DirectorSupervision(context, events, recorder: recorder, elsewhere: elsewhere)
        installed = InstalledConfigurations(directory: context.paths.runDirectory)
        service = ServiceNotifier(systemd, on: context.loop, log: context.log)
        scripts = ScriptRunner(
            on: context.loop, log: context.log, limits: limits, runningMax: context.budget.scriptsMax,
            inherited: store.notifications, keep: { store.keep(notifications: $0) })
        hooks = HookRunner(context, limits: limits)
        trackers = TrackerRecord(inherited: store.trackers, now: Clock.now)
        trackers.onMade = { store.keep(trackers: $0) }
        trackers.onFailure = { [log = context.log] in
            log.warning("results of what is tracked aren't kept for the next hasupd: \($0)")
        }
        fifos = FIFOs(context, limits, store)
        reloadFiles = ReloadFiles(context.host, on: context.loop, log: context.log)
        dumps = Dumps(context, trackers)
        mails = Mails(context, generation)
    }

    // MARK: Start

    /// Starts to serve operators, and the workers.
    ///
    /// - Parameter deathsWithSnapshot: times that hasupd died with the snapshot that it begins with.
    func begin(
        _ first: FirstConfiguration, _ locks: VirtualRouterLocks?, _ record: WorkerRecord, deathsWithSnapshot: Int
    ) throws(SystemError) {
        try beginControl(first, locks)
        let host = context.host
        host.checkPrivileges(
            for: generation.model, workerPriority: generation.workerPriority,
            controlSocket: context.paths.controlSocket, givesFilesAway: generation.givesFIFOsAway)
        for sentence in host.limitations { log.notice("\(sentence)") }

        director.onStanding = { [unowned self] in self.workers.checker?.begin($0) }
        orders?.begin()
        let continues = store.page != nil
        let saved = SavedWorkerState(
            page: store.page, deathsWithSnapshot: deathsWithSnapshot,
            lastNotification: scripts.resume(generation, pageNotification: store.page?.lastNotification),
            keys: store.keys)
        let vrrp = try VRRPSupervision(context, generation, saved, record, delegate: self)
        workers.vrrp = vrrp
        logStart()
        monitor?.check()
        fifos.serviceLines = { [unowned self] in self.workers.checker?.stateLines ?? [] }
        fifos.requestStatuses = { [unowned vrrp] in vrrp.requestStatus($0) }
        fifos.begin(generation, isFresh: !continues)
        if continues { startWorkers() } else { runStartupScript { [unowned self] in self.startWorkers() } }
        service.startWatchdog { [unowned self] in self.workers.isHealthy(self.generation) }
        if generation.global.daemon.processName != nil { applyProcessName() }
        reloadFiles.started(generation) { [unowned self] in self.requestReload(nil) }
        host.limitSupervisor(generation)
        for sentence in host.shortfalls { log.notice("\(sentence)") }
        monitor?.start()
        isSealed = true
        beginDirector()
    }

    /// Begins with the virtual servers when both have come: the seal, which the director's thread inherits, and the end of
    /// startup_script.
    private func beginDirector() {
        guard isSealed, hasStartedWorkers, !isStopping else { return }
        director.begin(generation, isUpgrade: context.isSuccessor)
        generation.giveUpServices()
    }

    private func startWorkers() {
        recordInstalled(generation)
        workers.vrrp?.start()
        store.keep(generation.image)
        startChecker()
        startTracking(isStart: true)
        hasStartedWorkers = true
        beginDirector()
    }

    private func beginControl(_ first: FirstConfiguration, _ locks: VirtualRouterLocks?) throws(SystemError) {
        self.locks = locks
        loop.measuresWork = true
        signals = try Signals(OperatorSignals.handled, on: loop) { [unowned self] in self.receive(signal: $0) }
        let orders = Orders(context, events, delegate: self)
        self.orders = orders
        hooks.onEnd = { [unowned self] in self.workers.vrrp?.tell($0) }
        let methods = ControlMethods(context, workers, scripts, hooks, orders, events, installed, delegate: self)
        let control = try ControlSocket(context) { methods.handle($0, $1, counters: $2) }
        self.control = control
        events.publish = { [unowned control] in control.publish($0) }
        monitor = RunDirectoryMonitor(context, control, locks)
        reloads = ReloadConductor(context, first, locks, delegate: self)
        stopTimer = loop.makeTimer { [unowned self] in self.advance(.timeout) }
        director.onLooked = { [unowned self] in self.codeRelease.noteLook() }
        scripts.onIdle = { [unowned self] in self.scriptsEnded() }
        fifos.onFinished = { [unowned self] in self.scriptsEnded() }
        upgrade = Upgrade(on: loop, log: log, paths: context.paths)
    }

    private func logStart() {
        let instances = generation.sizeText
        log.notice(
            """
            hasupd \(hasupVersion) started: \(instances) from \(context.paths.configuration), \
            control socket \(context.paths.controlSocket)
            """)
        events.record(process: "hasupd \(hasupVersion) started (pid \(getpid()), \(instances))")
        if !InstalledConfigurations.isKernelMarking {
            log.warning(
                """
                the kernel is older than 5.18 and can't mark addresses as hasup's: those that stay when all of its processes \
                are killed at once have to be removed by hand
                """)
        }
    }

    private func startChecker() {
        // A start looks at the table first; a reload and an upgrade know.
        let waits = !hasStartedWorkers && !context.isSuccessor
        if workers.check(generation, store, scripts.limits, waits: waits, delegate: self) { advance(.checkerStarted) }
        director.hasChecker = workers.checker != nil
    }

    private func startTracking(isStart: Bool) {
        trackers.keep(only: generation.trackedObjects)
        workers.track(generation, trackers, scripts.limits, isStart: isStart, delegate: self)
    }

    // MARK: Addresses

    /// Removes the addresses that a process of hasup's has left. Returns their number.
    ///
    /// - Parameters:
    ///   - owner: the process, for the log.
    ///   - kept: a configuration whose addresses are left alone.
    @discardableResult func removeStaleAddresses(of owner: String, except kept: Generation? = nil) -> Int {
        do throws(SystemError) {
            let left = try installed.removeStaleAddresses(except: kept?.model, by: store.addressPage)
            if let kept {
                recordInstalled(kept)
                installed.forget(before: kept.number)
            } else {
                installed.clear()
            }
            if !left.isEmpty {
                let text = removalText(of: left.map { "\($0) from \($0.interfaceName)" }, count: left.count) { them in
                    "\(owner) had left \(them) there"
                }
                log.warning("\(text)")
                report(text)
            }
            return left.count
        } catch {
            log.error("can't remove the addresses that \(owner) may have left: \(error)")
            return 0
        }
    }

    /// Records a configuration before a worker is given it.
    private func recordInstalled(_ generation: Generation) {
        installed.record(generation.image, as: generation.number)
        if let failure = installed.failure { log.warning("\(failure)") }
    }

    // MARK: Signals

    private func receive(signal: Int32) {
        switch signal {
        case SIGHUP:
            restoreRunDirectory()
            requestReload(nil)
        case SIGTERM: stop("SIGTERM")
        case SIGINT: stop("SIGINT")
        case OperatorSignals.park: park()
        default:
            guard let dump = NamedSignal.all.first(where: { $0.number == signal })?.dump, !isStopping else { return }
            dumps.write(dump.kind, resetting: dump.reset, generation, by: workers.vrrp)
        }
    }

    private func restoreRunDirectory() {
        let isRestored = monitor?.restore {
            events.history.restore()
            installed.restore(
                (workers.vrrp?.previousGenerations ?? []) + [generation] + [reloads?.pending].compactMap { $0 })
            orders?.restore()
            hooks.restore()
            director.restore()
            workers.vrrp?.recordWorker()
            workers.restorePidFiles()
            fifos.save()
        }
        guard isRestored == true else { return }
        let text = "created what was missing in the run directory \(context.paths.runDirectory)"
        report(text)
        log.notice("\(text)")
    }

    // MARK: Shutdown

    /// Ends hasupd for a successor that goes on with the state in systemd's descriptor store.
    private func park() {
        guard store.isKept else {
            log.notice("there is no descriptor store of systemd to leave the state in for a restart")
            return stop("SIGRTMIN+10")
        }
        advance(.park)
    }

    private func stop(_ reason: String) { advance(.stop(reason, generation.shutdownLimits)) }

    /// Goes on with the end when no script, reader or hasup-track is left.
    func scriptsEnded() {
        guard scripts.isIdle, fifos.isFinished, director.isStopped, lifecycleScript?.isRunning != true else { return }
        if workers.tracker?.isFinished ?? true { advance(.scriptsFinished) }
    }

    func advance(_ event: ShutdownEvent) {
        for action in shutdown.handle(event, at: Clock.now) { perform(action) }
    }

    private func perform(_ action: ShutdownAction) {
        switch action {
        case .stopWorkers(let reason, let limit):
            upgrade?.cancel()
            log.notice("stopping (\(reason)): handing over")
            report("hasupd (pid \(getpid())) stops (\(reason)): handing over")
            service.notify(.stopping(within: generation.shutdownLimits.longest))
            beginStop()
            lifecycleScript?.terminate()
            workers.stop(within: limit)
        case .leaveWorkers:
            report("hasupd (pid \(getpid())) stops for a restart: the VRRP worker keeps running")
            upgrade?.cancel()
            log.notice(
                """
                stopping for a restart: the VRRP worker keeps running, and hands over unless a new hasupd starts within \
                \(context.options.grace)
                """)
            service.notify(.stopping(within: .seconds(1)))
            beginStop()
            workers.vrrp?.recordWorker(isParting: true)
            logWaitingNotifications()
        case .removeServices: director.stop { [unowned self] in self.scriptsEnded() }
        case .finishScripts(let limit):
            hooks.terminate()
            fifos.finish()
            scripts.hurry()
            limitScripts(to: limit)
            scriptsEnded()
        case .terminateScripts(let limit):
            scripts.terminateAll()
            fifos.terminate()
            limitScripts(to: limit)
        case .killScripts:
            scripts.endTerminated()
            fifos.killReaders()
            workers.tracker?.endAtOnce()
        case .runShutdownScript: runShutdownScript { [unowned self] in self.advance(.shutdownScriptFinished) }
        case .end: loop.stop()
        }
    }

    private func limitScripts(to limit: Interval) {
        if let stopTimer { loop.set(stopTimer, to: Clock.now + limit) }
    }

    private func beginStop() {
        // The files of a parked hasupd are its successor's.
        monitor?.stop()
        reloads?.stop()
    }

    /// Logs the notifications that are left to the next hasupd (docs/decisions, D40).
    func logWaitingNotifications() {
        let count = scripts.waitingCount
        if count > 0 { log.notice("left to the next hasupd: \(counted(count, "notification"))") }
    }

    /// Writes the events that wait, and the lines that were only counted so far: before the end.
    func flushRest() {
        events.observations.flushRest()
        workers.flushRest()
        scripts.flushRest()
        dumps.flushRest()
        mails.flushRest()
        control?.flushRest()
    }

    /// Gives the process the name that process_name asks for, or its own.
    private func applyProcessName() { hasup_process_name_set(generation.global.daemon.processName ?? "hasupd") }

    // MARK: Events

    func notifyReady() { service.notify(.ready(generation.sizeText)) }

    func deferCodeRelease() { codeRelease.noteEvent() }
}

extension Daemon: VRRPSupervisionDelegate {
    func configured(_ number: UInt64) {
        deferCodeRelease()
        scripts.resumed()
        fifos.workerRuns()
        workers.writePidFiles()
        if reloads?.configured(number) != true, number == 1 {
            notifyReady()
        }
    }

    func observed(_ observation: Observation, generation number: UInt64) {
        deferCodeRelease()
        if case .order(let order, let outcome) = observation {
            orders?.take(outcome, of: order)
            return
        }
        // While a reload is being applied, numbers may belong to the old generation or to the new one.
        let pending = reloads?.pending
        events.record(observation, of: number == pending?.number ? pending ?? generation : generation)
    }

    func add(_ notification: PendingNotification) {
        scripts.add(notification)
        mails.add(notification)
    }

    func orders(for generation: Generation) -> [OperatorOrder] { orders?.orders(for: generation) ?? [] }

    func run(_ hook: HookCommand, number: UInt64) { hooks.run(hook, number: number) }

    func drop(_ hook: HookKey, number: UInt64) { hooks.drop(hook, number: number) }

    func noted(_ notification: PendingNotification) { fifos.write(notification) }

    func resetNotificationSequence() { scripts.resetSequence() }

    func report(_ text: String) { events.record(process: text) }

    func cleared(_ number: UInt64) { installed.forget(before: number) }

    func keep(_ page: StatePage) { store.keep(page) }

    func keep(keys: MappedMemory?) { store.keep(keys: keys) }

    var trackerTable: TrackerTable { trackers.table }

    func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool) { try store.keepAddresses() }

    func vrrpEnded() { reloads?.workerEnded() }

    func vrrpFinished() { advance(.vrrpFinished) }
}

extension Daemon: TrackSupervisionDelegate {
    func trackerChanged(_ object: TrackedObject) {
        deferCodeRelease()
        workers.vrrp?.trackerChanged(object)
        workers.checker?.trackerChanged(object)
    }

    func trackerFinished() { scriptsEnded() }
}

extension Daemon: ReloadConductorDelegate {
    func reloadBegan() { service.notify(.reloading) }

    func give(_ generation: Generation) {
        recordInstalled(generation)
        workers.vrrp?.apply(generation)
    }

    var obstacle: String? {
        lifecycleScript?.isRunning == true ? "startup_script still runs" : workers.vrrp?.obstacle
    }

    func replaceWorker(_ reason: String) { workers.vrrp?.replace(reason) }

    func adopt(_ generation: Generation) {
        let before = self.generation
        // What the orders were given for is known by the generation before.
        orders?.adopt(generation)
        self.generation = generation
        scripts.adopt(generation)
        hooks.adopt(generation)
        mails.follow(generation)
        store.keep(generation.image)
        if generation.workerPriority != before.workerPriority { workers.vrrp?.applyPriority() }
        if generation.global.daemon.processName != before.global.daemon.processName { applyProcessName() }
        startChecker()
        director.adopt(generation)
        startTracking(isStart: false)
        fifos.follow(generation)
        reloadFiles.adopted(generation)
        generation.giveUpServices()
    }

    func reloadEnded(_ report: ReloadReport, before: Generation, judged: ConfigurationImage?) {
        reloadFiles.ended(report, before: before, judged: judged, after: report.ok ? generation : nil)
        if report.ok { fifos.reloaded(generation) }
        let wall = Clock.wallNanoseconds
        events.record(WatchEvent(report, wallNanoseconds: wall))
        monitor?.readmitOperators()
        notifyReady()
    }
}

extension Daemon: OrdersDelegate {
    var isConfiguring: Bool { reloads?.pending != nil }

    func send(_ orders: [OperatorOrder]) { workers.vrrp?.send(orders) }

    func requestStatuses(_ completion: @escaping (WorkerStatuses?) -> Void) {
        guard let vrrp = workers.vrrp else { return completion(nil) }
        vrrp.requestStatus(completion)
    }

    func failure(of subjects: [NotificationKey], since: Instant) -> String? {
        hooks.failure(of: subjects, since: since)
    }

    func refusal(of subjects: [NotificationKey], order number: UInt64) -> String? {
        hooks.refusal(of: subjects, order: number)
    }
}

extension Daemon: ControlMethodsDelegate {
    var mailProcesses: [Mails.Sending] { mails.processes }

    var refusedReload: RefusedConfiguration? { reloads?.refused }

    var scheduledReload: Int64? { reloadFiles.due }

    var problems: [String] {
        (monitor?.problems ?? []) + events.problems
            + [installed.failure, orders?.problem, context.budget.problem].compactMap { $0 } + reloadFiles.problems
            + fifos.problems + dumps.problems + mails.problems + director.problems
    }

    func requestReload(isDryRun: Bool = false, _ completion: ((ReloadReport) -> Void)?) {
        reloads?.request(isDryRun: isDryRun, completion)
    }
}
