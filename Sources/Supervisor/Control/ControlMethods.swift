import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Reactor
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// Operations and facts that the methods of `io.hasup` need from hasupd.
protocol ControlMethodsDelegate: AnyObject {
    /// The configuration that runs.
    var generation: Generation { get }
    /// The last reload, if it was refused.
    var refusedReload: RefusedConfiguration? { get }
    /// The time of the next scheduled reload, in seconds since 1970.
    var scheduledReload: Int64? { get }
    /// Processes that send mails at the moment.
    var mailProcesses: [Mails.Sending] { get }
    /// Faults of hasupd's surroundings, a sentence each.
    var problems: [String] { get }
    /// The results of what is tracked.
    var trackerTable: TrackerTable { get }
    /// The virtual servers.
    var director: DirectorSupervision { get }
    func requestReload(isDryRun: Bool, _ completion: ((ReloadReport) -> Void)?)
    /// The completion gets the new program's version; nil when it is the one that runs.
    func requestUpgrade(onlyIfChanged: Bool, _ completion: @escaping (Result<String?, UpgradeRefusal>) -> Void)
}

/// The methods of `io.hasup`. The text of the status is made in ControlMethods+Status.swift.
final class ControlMethods {
    let context: DaemonContext
    let workers: Workers
    let events: EventRecorder
    let installed: InstalledConfigurations
    private let scripts: ScriptRunner
    private let hooks: HookRunner
    private let orders: Orders
    unowned let delegate: any ControlMethodsDelegate

    init(
        _ context: DaemonContext, _ workers: Workers, _ scripts: ScriptRunner, _ hooks: HookRunner, _ orders: Orders,
        _ events: EventRecorder, _ installed: InstalledConfigurations, delegate: any ControlMethodsDelegate
    ) {
        self.context = context
        self.workers = workers
        self.scripts = scripts
        self.hooks = hooks
        self.orders = orders
        self.events = events
        self.installed = installed
        self.delegate = delegate
    }

    /// Answers a request. `counters` are the server's.
    func handle(_ request: ControlRequest, _ responder: ControlResponder, counters: ControlCounters) {
        switch request.method {
        case .status: status(responder)
        case .processes:
            var reply = ProcessesReply()
            reply.processes = processes()
            responder.reply(reply)
        case .reload:
            delegate.requestReload(isDryRun: request.dryRun) { report in
                var reply = ReloadReply()
                reply.result = report
                responder.reply(reply)
            }
        case .resign, .takeover, .maintenance: order(request, responder)
        case .version:
            var reply = VersionReply()
            reply.version = hasupVersion
            responder.reply(reply)
        case .instances: instances(responder)
        case .services:
            let director = delegate.director
            let knowledge = workers.checker?.knowledge ?? CheckerSupervision.Knowledge()
            var head = ServicesReply()
            head.table = director.tableReport
            head.lateChecks = workers.checker?.lateChecks ?? 0
            head.unmadeChecks = delegate.generation.unmadeChecks
            responder.reply(services: head, count: director.serviceCount) {
                [weak director, weak checker = workers.checker] in
                guard var report = director?.report(ofService: $0) else { return nil }
                checker?.describe($0, in: &report, knowledge)
                return report
            }
        case .statistics: statistics(responder, counters)
        case .resetStatistics: resetStatistics(of: request.instance, responder)
        case .history:
            let (text, count) = events.history.text()
            responder.reply(history: text, count: count)
        case .setLogLevel: setLogLevel(request.level, responder)
        case .upgrade: upgrade(onlyIfChanged: request.onlyIfChanged, responder)
        case .watch: break
        }
    }

    private func order(_ request: ControlRequest, _ responder: ControlResponder) {
        orders.request(request) { result in
            switch result {
            case .success(let results):
                var reply = OrderReply()
                reply.results = results
                responder.reply(reply)
            case .failure(let refusal): responder.fail(ControlInterface.unavailable(refusal.reason.asSentence))
            }
        }
    }

    private func setLogLevel(_ name: String, _ responder: ControlResponder) {
        guard ControlInterface.logLevels.contains(name), let level = Logger.Level(rawValue: name) else {
            return responder.fail(.invalidParameter("level"))
        }
        var reply = LogLevelReply()
        reply.before = context.log.logLevel.rawValue
        // All copies of the logger share its level.
        var log = context.log
        log.logLevel = level
        log.log(level: max(level, .notice), "log level: \(reply.before) -> \(level)")
        responder.reply(reply)
    }

    private func upgrade(onlyIfChanged: Bool, _ responder: ControlResponder) {
        delegate.requestUpgrade(onlyIfChanged: onlyIfChanged) { result in
            switch result {
            case .success(let version):
                var reply = UpgradeReply()
                reply.before = hasupVersion
                reply.version = version ?? hasupVersion
                reply.unchanged = version == nil
                responder.reply(reply)
            case .failure(let refusal): responder.fail(ControlInterface.unavailable(refusal.reason))
            }
        }
    }

    // MARK: Instances

    private func status(_ responder: ControlResponder) {
        requestStatuses { [unowned self] generation, statuses in
            let now = Clock.now
            let wall = Clock.wallNanoseconds
            let (scripts, observations) = (self.scripts, self.events.observations)
            let (orders, hooks) = (self.orders, self.hooks)
            responder.reply(
                status: self.daemonStatus(of: generation, isAnswered: statuses != nil),
                instanceCount: generation.instanceCount
            ) { index in
                generation.effectiveInstance(at: index).map {
                    var report = InstanceReport(
                        $0, statuses?[UInt32(index)], observations.contexts.last(of: $0.name), now: now,
                        wallNanoseconds: wall)
                    report.scripts = scripts.report(of: NotificationKey(.instance, report.name))
                    report.notificationsSkipped = report.scripts?.skipped ?? 0
                    if let entry = orders.entry(ofInstance: index, in: generation) {
                        report.order = OrderReport(entry, wallNanoseconds: wall)
                    }
                    let subjects = generation.subjects.subjects(ofInstance: index)
                    report.explainHook { hooks.failure(of: subjects) }
                    if report.status.hasFailedRelease {
                        report.status.releaseFailure = hooks.releaseFailure(of: subjects)
                    }
                    return report
                }
            }
        }
    }

    private func instances(_ responder: ControlResponder) {
        requestStatuses { generation, statuses in
            responder.reply(instanceCount: generation.instanceCount) { index in
                generation.instance(at: index).map { settings in
                    let status = statuses?[UInt32(index)]
                    return InstanceSummary(
                        name: settings.name, state: (status?.state ?? .initialize).name,
                        priority: Int(status?.priority.rawValue ?? settings.priority.rawValue),
                        inStateSeconds: status?.timeInState.seconds ?? 0)
                }
            }
        }
    }

    private func statistics(_ responder: ControlResponder, _ counters: ControlCounters) {
        requestStatuses { [context] generation, statuses in
            var head = StatisticsReply()
            head.loop.turns = context.loop.turns
            head.loop.slowTurns = context.loop.slowTurns
            head.loop.longestTurnSeconds = context.loop.longestTurn.seconds
            head.loop.longestWorkSeconds = context.loop.longestWork.seconds
            head.control = counters
            // Zeros would be taken for counters.
            let count = statuses == nil ? 0 : generation.instanceCount
            responder.reply(statistics: head, instanceCount: count) { index in
                generation.instance(at: index).map { InstanceStatistics($0, statuses?[UInt32(index)]) }
            }
        }
    }

    private func resetStatistics(of name: String?, _ responder: ControlResponder) {
        requestStatuses(resetting: name.map { .instance($0) } ?? .all) { generation, statuses in
            guard let statuses else {
                return responder.fail(ControlInterface.unavailable("The VRRP worker, which counts, doesn't answer."))
            }
            responder.reply(reset: generation.instanceCount) { index in
                guard let settings = generation.instance(at: index), name.map({ $0 == settings.name }) != false else {
                    return nil
                }
                return InstanceStatistics(settings, statuses[UInt32(index)])
            }
        }
    }

    /// Requests the statuses of the generation that the worker runs. Without a worker that replies, the generation is
    /// hasupd's and there are none.
    private func requestStatuses(
        resetting reset: CounterReset = .none,
        _ completion: @escaping (Generation, [UInt32: InstanceStatus]?) -> Void
    ) {
        guard let vrrp = workers.vrrp else { return completion(delegate.generation, nil) }
        vrrp.requestStatus(resetting: reset) { [unowned self] reply in
            completion(reply?.generation ?? self.delegate.generation, reply?.statuses)
        }
    }
}

extension InstanceReport {
    /// Adds what a before_master has said that has failed.
    fileprivate mutating func explainHook(_ lastFailure: () -> String?) {
        guard whyNotMaster?.code == BackupReason.hookFailed.name, let failure = lastFailure() else { return }
        whyNotMaster?.text += " (\(failure))"
    }
}
