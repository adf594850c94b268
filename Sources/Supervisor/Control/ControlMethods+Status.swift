import Base
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

extension ControlMethods {
    /// Time for which status shows that a worker was replaced.
    private static let replacementMemory = Interval.seconds(600)
    /// Time that the kernel may take to remove addresses that have left the configuration.
    private static let clearingTime = Interval.seconds(2)
    /// Tracked objects that a status shows (docs/decisions, D6).
    private static let trackersMax = 1_000
    /// Time for which the sender of a packet for no instance counts as still sending.
    private static let discardMemory = Interval.seconds(120)

    /// - Parameter isAnswered: true if the VRRP worker replied.
    func daemonStatus(of generation: Generation, isAnswered: Bool) -> DaemonStatus {
        let now = Clock.now
        var status = DaemonStatus()
        let uptime = now - context.startedAt
        status.version = hasupVersion
        status.pid = Int(getpid())
        status.startedUnixSeconds = Int((Clock.wallNanoseconds - uptime.nanoseconds) / 1_000_000_000)
        status.uptimeSeconds = uptime.seconds
        status.instanceName = context.options.instance
        status.logLevel = context.log.logLevel.rawValue
        describe(generation, in: &status)
        describeReloads(in: &status, now)
        if !isAnswered {
            status.workerTrouble =
                workers.vrrp?.worker?.child == nil
                ? "the VRRP worker isn't running" : "the VRRP worker doesn't answer"
        }
        let fileChecks = workers.checker?.fileChecks ?? [:]
        status.trackers = generation.trackedObjects.prefix(Self.trackersMax).map { object in
            var report = TrackerReport(
                object, delegate.trackerTable.entry(of: object), now: now, wallNanoseconds: Clock.wallNanoseconds)
            if object.kind == .file { report.fileChecks = fileChecks[object.name] ?? 0 }
            return report
        }
        let all = [workers.vrrp?.worker, workers.checker?.worker, workers.tracker?.worker]
        status.replacements = all.compactMap { worker in
            guard let worker, let fault = worker.lastFault, now - fault.at < Self.replacementMemory else {
                return nil
            }
            var report = ReplacementReport()
            report.process = worker.name
            report.text = fault.text
            report.agoSeconds = (now - fault.at).seconds
            report.restarts = worker.life.restarts
            return report
        }
        status.problems = delegate.problems
        status.services = delegate.director.counts
        if var counts = status.services, let checker = workers.checker {
            checker.count(in: &counts)
            status.services = counts
        }
        status.tableRecord = delegate.director.recorder?.path
        status.unsealed = unfiltered
        for (reason, count) in zip(DiscardReason.allCases, workers.vrrp?.discardedWithoutInstance ?? []) where count > 0
        {
            status.discarded.add(reason.name, count)
        }
        status.clusterNodes = workers.vrrp?.clusterNodes.all ?? []
        status.lastDiscard = events.lastUnmatched.map {
            LastDiscard(
                $0.reason, source: $0.source, detail: $0.detail, age: now - $0.at,
                isRecent: now - $0.at < Self.discardMemory)
        }
        status.lastDiscard?.explain()
        status.notes = context.host.limitations + context.host.shortfalls
        status.notes += (workers.vrrp?.sandboxReport.shortfalls ?? []).map { "hasup-vrrp: \($0)" }
        status.notes += (workers.checker?.sandboxReport.shortfalls ?? []).map { "hasup-checker: \($0)" }
        status.notes += (workers.tracker?.sandboxReport.shortfalls ?? []).map { "\(TrackRole.name): \($0)" }
        return status
    }

    private func describe(_ generation: Generation, in status: inout DaemonStatus) {
        status.routerID = (try? generation.model.global())?.routerID ?? Self.hostName
        status.configurationFile = context.paths.configuration
        status.configurationGeneration = Int(generation.number)
        status.loadedUnixSeconds = Int(generation.acceptedAt / 1_000_000_000)
        status.ignoredSettings = generation.model.ignoredSettings
        status.warnings = generation.warnings
        status.errors = generation.errors
        status.unreadFiles = generation.unreadFiles
        status.unmadeChecks = generation.unmadeChecks
        let age = Interval(nanoseconds: Clock.wallNanoseconds - generation.acceptedAt)
        status.keepsFormerAddresses = installed.copiesThere > 1 && age > Self.clearingTime
    }

    private func describeReloads(in status: inout DaemonStatus, _ now: Instant) {
        status.refusedReload = delegate.refusedReload.map { refusal in
            var report = RefusedReload()
            report.unixSeconds = Int(refusal.wallNanoseconds / 1_000_000_000)
            report.agoSeconds = (now - refusal.at).seconds
            report.reason = refusal.reason
            return report
        }
        status.scheduledReload = delegate.scheduledReload.map { due in
            var report = ScheduledReloadReport()
            report.unixSeconds = Int(due)
            report.inSeconds = max(0, Double(due) - Double(Clock.wallNanoseconds) / 1e9)
            return report
        }
    }

    /// The result of gethostname(2); empty when it fails.
    private static var hostName: String {
        var name = [UInt8](repeating: 0, count: 65)
        let failed = name.withUnsafeMutableBytes { $0.baseAddress.map { gethostname($0, 64) } ?? -1 }
        return failed == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : ""
    }

    /// Processes that should have a filter of system calls and have none, a sentence each.
    private var unfiltered: [String] {
        let vrrp = workers.vrrp.flatMap { $0.worker?.life.state == .running ? $0.sandboxReport : nil }
        let checker = workers.checker.flatMap { $0.worker?.life.state == .running ? $0.sandboxReport : nil }
        let processes = [
            ("hasupd", context.host.isUnfiltered), ("hasup-vrrp", vrrp?.isFiltered == false),
            ("hasup-checker", checker?.isFiltered == false),
        ]
        return processes.filter(\.1).map { "\($0.0) runs without its system call filter." }
    }

    func processes() -> [ProcessReport] {
        let now = Clock.now
        let host = context.host
        func note(_ sentences: [String]) -> String? { sentences.isEmpty ? nil : sentences.joined(separator: "; ") }
        var reports = [
            ProcessReport(
                role: "supervisor", pid: getpid(), restarts: 0, since: context.startedAt, stamp: nil, now: now,
                note: note(host.limitations + host.shortfalls), users: host.users, seal: host.sandboxReport)
        ]
        if let vrrp = workers.vrrp, let worker = vrrp.worker, !vrrp.isIdle {
            reports.append(
                ProcessReport(
                    role: "vrrp", pid: worker.child?.pid, restarts: worker.life.restarts, since: worker.startedAt,
                    stamp: vrrp.stamp(of: worker), now: now, note: note(vrrp.sandboxReport.shortfalls),
                    users: host.users,
                    seal: vrrp.sandboxReport))
        }
        if let checker = workers.checker, let worker = checker.worker {
            reports.append(
                ProcessReport(
                    role: "checker", pid: worker.child?.pid, restarts: worker.life.restarts, since: worker.startedAt,
                    stamp: nil, now: now, note: note(checker.sandboxReport.shortfalls), users: host.users,
                    seal: checker.sandboxReport))
        }
        if let tracker = workers.tracker, let worker = tracker.worker {
            reports.append(
                ProcessReport(
                    role: "track", pid: worker.child?.pid, restarts: worker.life.restarts, since: worker.startedAt,
                    stamp: tracker.stamp(of: worker), now: now, note: note(tracker.sandboxReport.shortfalls),
                    users: host.users, seal: tracker.sandboxReport))
        }
        for mail in delegate.mailProcesses {
            reports.append(
                ProcessReport(
                    role: "mail", pid: mail.child.pid, restarts: 0, since: mail.startedAt, stamp: nil, now: now,
                    note: note(mail.sandbox?.shortfalls ?? []), users: host.users,
                    seal: mail.sandbox ?? SandboxReport()))
        }
        return reports
    }
}
