import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// The control socket as the daemon serves it: each method asks the daemon and answers in the words of `io.hasup`.
final class ControlSocket {
    private let path: String
    /// As the kernel takes it: it is looked for each second.
    private let filePath: [CChar]
    private unowned let daemon: Daemon
    private let lines: RepeatLog
    private var server: ControlServer?
    /// The socket's file: whoever removes it leaves a listener that nobody finds.
    private var file: (device: UInt, inode: UInt)?

    /// - Throws: `SystemError` when the socket can't be made.
    init(_ path: String, daemon: Daemon) throws(SystemError) {
        self.path = path
        filePath = Array(path.utf8CString)
        self.daemon = daemon
        lines = RepeatLog(daemon.log, on: daemon.loop)
        let listener = try Self.listen(path, daemon.setting.operatorGroup)
        file = Self.identity(of: path)
        let policy = ControlPolicy(
            refusedUsers: Set(daemon.setting.identity.map { [$0.uid] } ?? []), daemonUser: getuid(),
            operatorGroup: daemon.setting.operatorGroup)
        var limits = ControlLimits()
        limits.clientsMax = daemon.budget.clientsMax
        limits.streamsMax = min(limits.streamsMax, max(1, limits.clientsMax / 2))
        server = try ControlServer(
            on: daemon.loop, listener: listener, version: hasupVersion, limits: limits,
            callbacks: ControlServer.Callbacks(
                access: { policy.access(of: $0) },
                handle: { [unowned self] in self.handle($0, $1) },
                note: { [unowned self] in self.note($0) }))
    }

    /// What gethostname(2) says; empty when it says nothing.
    private static var hostName: String {
        var name = [UInt8](repeating: 0, count: 65)
        let failed = name.withUnsafeMutableBytes { $0.baseAddress.map { gethostname($0, 64) } ?? -1 }
        return failed == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : ""
    }

    private static func listen(_ path: String, _ operatorGroup: UInt32?) throws(SystemError) -> Descriptor {
        let listener = try owned(hasup_listen_unix(path, 1024), "listen on the control socket \(path)")
        // The first gate is the file's mode: root and the operators' group.
        if let operatorGroup { OperatorGroup.give(path, to: operatorGroup) }
        try checked(chmod(path, 0o660) < 0 ? -errno : 0, "set the mode of \(path)")
        return listener
    }

    private static func identity(of path: UnsafePointer<CChar>) -> (device: UInt, inode: UInt)? {
        var status = stat()
        return lstat(path, &status) == 0 ? (UInt(status.st_dev), UInt(status.st_ino)) : nil
    }

    /// Whether clients find it.
    var isInPlace: Bool { Self.identity(of: filePath).map { there in file.map { $0 == there } ?? false } ?? false }

    /// Makes the socket's file anew; those who are connected stay so. - Throws: `SystemError`.
    func restore() throws(SystemError) {
        try server?.listen(at: try Self.listen(path, daemon.setting.operatorGroup))
        file = Self.identity(of: path)
    }

    /// Removes the socket's file, unless it is somebody else's by now.
    func remove() { if isInPlace { unlink(path) } }

    /// Tells what was left out: before the end.
    func flushRest() { lines.flushRest() }

    private func note(_ text: String) { lines.tell(.info, "control socket", text, kind: text.withoutNumbers) }

    private func handle(_ request: ControlRequest, _ responder: ControlResponder) {
        switch request.method {
        case .status: status(responder)
        case .processes:
            var reply = ProcessesReply()
            reply.processes = processes()
            responder.reply(reply)
        case .reload:
            daemon.requestReload(isDryRun: request.dryRun) { report in
                var reply = ReloadReply()
                reply.result = report
                responder.reply(reply)
            }
        case .version:
            var reply = VersionReply()
            reply.version = hasupVersion
            responder.reply(reply)
        case .instances: instances(responder)
        case .statistics: statistics(responder)
        case .history:
            let history = daemon.history
            daemon.observations.whenNoted {
                let (text, count) = history.text()
                responder.reply(history: text, count: count)
            }
        case .setLogLevel: setLogLevel(request.level, responder)
        case .upgrade: upgrade(onlyIfChanged: request.onlyIfChanged, responder)
        case .watch: break
        }
    }

    private func setLogLevel(_ name: String, _ responder: ControlResponder) {
        guard ControlInterface.logLevels.contains(name), let level = Logger.Level(rawValue: name) else {
            return responder.fail(.invalidParameter("level"))
        }
        var reply = LogLevelReply()
        reply.before = daemon.log.logLevel.rawValue
        // All copies of the logger share its level.
        var log = daemon.log
        log.logLevel = level
        log.log(level: max(level, .notice), "log level: \(reply.before) -> \(level)")
        responder.reply(reply)
    }

    private func upgrade(onlyIfChanged: Bool, _ responder: ControlResponder) {
        daemon.requestUpgrade(onlyIfChanged: onlyIfChanged) { result in
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

    // MARK: Answers

    private func status(_ responder: ControlResponder) {
        ask { [unowned self] generation, statuses in
            let now = Clock.now
            let wall = Clock.wallNanoseconds
            let scripts = self.daemon.scripts
            let observations = self.daemon.observations
            responder.reply(
                status: self.daemonStatus(of: generation, isAnswered: statuses != nil),
                instanceCount: generation.instanceCount
            ) { index in
                generation.instance(at: index).map {
                    var report = InstanceReport(
                        $0, statuses?[UInt32(index)], observations.backgrounds.last(of: $0.name), now: now,
                        wallNanoseconds: wall)
                    report.scripts = scripts.report(of: report.name)
                    report.notificationsSkipped = report.scripts?.skipped ?? 0
                    return report
                }
            }
        }
    }

    private func instances(_ responder: ControlResponder) {
        ask { generation, statuses in
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

    private func statistics(_ responder: ControlResponder) {
        ask { [unowned self] generation, statuses in
            var head = StatisticsReply()
            head.loop.turns = self.daemon.loop.turns
            head.loop.slowTurns = self.daemon.loop.slowTurns
            head.loop.longestTurnSeconds = self.daemon.loop.longestTurn.seconds
            head.loop.longestWorkSeconds = self.daemon.loop.longestWork.seconds
            if let server = self.server { head.control = server.counters }
            responder.reply(statistics: head, instanceCount: generation.instanceCount) { index in
                generation.instance(at: index).map {
                    InstanceStatistics(
                        name: $0.name,
                        counters: statuses?[UInt32(index)]?.counters ?? Counters())
                }
            }
        }
    }

    /// Asks for the instances of the generation that the worker runs; of hasupd's, without a status, if none answers.
    private func ask(_ completion: @escaping (Generation, [UInt32: InstanceStatus]?) -> Void) {
        guard let vrrp = daemon.vrrp else { return completion(daemon.generation, nil) }
        vrrp.status { [unowned daemon] answer in
            completion(answer?.generation ?? daemon.generation, answer?.statuses)
        }
    }

    /// How long status shows that a worker was replaced.
    private static let troubleMemory = Interval.seconds(600)

    /// How long the kernel may take to remove what has left the configuration.
    private static let clearingTime = Interval.seconds(2)

    /// How long the sender of a packet for no instance must be thought to send still.
    private static let strayMemory = Interval.seconds(120)

    private func daemonStatus(of generation: Generation, isAnswered: Bool) -> DaemonStatus {
        var status = DaemonStatus()
        let uptime = Clock.now - daemon.startedAt
        status.version = hasupVersion
        status.pid = Int(getpid())
        status.startedUnixSeconds = Int((Clock.wallNanoseconds - uptime.nanoseconds) / 1_000_000_000)
        status.uptimeSeconds = uptime.seconds
        status.instanceName = daemon.options.instance
        status.routerID = (try? generation.model.global())?.routerID ?? Self.hostName
        status.configurationFile = daemon.paths.configuration
        status.configurationGeneration = Int(generation.number)
        status.loadedUnixSeconds = Int(generation.acceptedAt / 1_000_000_000)
        status.ignoredSettings = generation.model.ignoredSettings
        status.warnings = generation.warnings
        status.errors = generation.errors
        status.unreadFiles = generation.unreadFiles
        let age = Interval(nanoseconds: Clock.wallNanoseconds - generation.acceptedAt)
        status.keepsFormerAddresses = daemon.ledger.copiesThere > 1 && age > Self.clearingTime
        status.logLevel = daemon.log.logLevel.rawValue
        status.refusedReload = daemon.refusedReload.map { refusal in
            var report = RefusedReload()
            report.unixSeconds = Int(refusal.wallNanoseconds / 1_000_000_000)
            report.agoSeconds = (Clock.now - refusal.at).seconds
            report.reason = refusal.reason
            return report
        }
        if !isAnswered {
            status.workerTrouble =
                daemon.vrrp?.worker?.child == nil
                ? "the VRRP worker isn't running" : "the VRRP worker doesn't answer"
        }
        let now = Clock.now
        status.replacements = [daemon.vrrp?.worker, daemon.checker?.worker].compactMap { worker in
            guard let worker, let trouble = worker.trouble, now - trouble.at < Self.troubleMemory else { return nil }
            var report = ReplacementReport()
            report.process = worker.name
            report.text = trouble.text
            report.agoSeconds = (now - trouble.at).seconds
            report.restarts = worker.life.restarts
            return report
        }
        status.problems = daemon.problems + daemon.reloadFiles.problems
        status.scheduledReload = daemon.reloadFiles.due.map { due in
            var report = ScheduledReloadReport()
            report.unixSeconds = Int(due)
            report.inSeconds = max(0, Double(due) - Double(Clock.wallNanoseconds) / 1e9)
            return report
        }
        status.unsealed = unsealed
        let discarded = daemon.vrrp?.discardedWithoutInstance ?? []
        for (reason, count) in zip(DiscardReason.allCases, discarded) where count > 0 {
            status.discarded.add(reason.name, count)
        }
        status.lastDiscard = daemon.lastStray.map {
            LastDiscard(
                $0.reason, source: $0.source, detail: $0.detail, age: now - $0.at,
                isRecent: now - $0.at < Self.strayMemory)
        }
        status.lastDiscard?.explain()
        status.notes = supervisorNotes
        status.notes += (daemon.vrrp?.sealed.shortfalls ?? []).map { "hasup-vrrp: \($0)" }
        status.notes += (daemon.checker?.sealed.shortfalls ?? []).map { "hasup-checker: \($0)" }
        return status
    }

    private var unsealed: [String] {
        let vrrp = daemon.vrrp.flatMap { $0.worker?.life.state == .running ? $0.sealed : nil }
        let checker = daemon.checker.flatMap { $0.worker?.life.state == .running ? $0.sealed : nil }
        let processes = [
            ("hasupd", daemon.setting.isUnfiltered), ("hasup-vrrp", vrrp?.isFiltered == false),
            ("hasup-checker", checker?.isFiltered == false),
        ]
        return processes.filter(\.1).map { "\($0.0) works without its filter of system calls." }
    }

    private var supervisorNotes: [String] {
        daemon.setting.notes + daemon.setting.shortfalls
    }

    private func processes() -> [ProcessReport] {
        let now = Clock.now
        let users = daemon.setting.users
        func note(_ sentences: [String]) -> String? { sentences.isEmpty ? nil : sentences.joined(separator: "; ") }
        var reports = [
            ProcessReport(
                role: "supervisor", pid: getpid(), restarts: 0, since: daemon.startedAt, stamp: nil, now: now,
                note: note(supervisorNotes), users: users, seal: daemon.setting.sealed)
        ]
        if let vrrp = daemon.vrrp, let worker = vrrp.worker {
            reports.append(
                ProcessReport(
                    role: "vrrp", pid: worker.child?.pid, restarts: worker.life.restarts, since: worker.startedAt,
                    stamp: vrrp.stamp(of: worker), now: now, note: note(vrrp.sealed.shortfalls), users: users,
                    seal: vrrp.sealed))
        }
        if let checker = daemon.checker, let worker = checker.worker {
            reports.append(
                ProcessReport(
                    role: "checker", pid: worker.child?.pid, restarts: worker.life.restarts, since: worker.startedAt,
                    stamp: nil, now: now, note: note(checker.sealed.shortfalls), users: users,
                    seal: checker.sealed))
        }
        return reports
    }

    // MARK: Watch

    /// Tells those who watch; without them the event isn't made.
    func publish(_ event: () -> WatchEvent) {
        guard let server, server.isWatched else { return }
        server.publish(event())
    }
}
