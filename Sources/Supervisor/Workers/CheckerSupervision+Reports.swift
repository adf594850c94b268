import Base
import ConfigurationModel
import Control
import LoadBalancing
import LogOutput
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// The news of the checker for operators: answers, FIFOs, the log.
extension CheckerSupervision {
    /// Places that are looked at beyond those that this hasupd's checks can have taken: a check keeps its place, also when a
    /// former hasupd had more of them. A look at this many takes some milliseconds, whoever has filled them.
    private static let placesAllowance = 4_096

    /// The records of all checks, as the checker has left them in its page: untrusted. A page that is full of strange ones
    /// doesn't hold up the loop: records of checks that have gone are few.
    var records: [CheckFingerprint: CheckRecord] {
        let places = max(checkCountMax, checkCount) + Self.placesAllowance
        let recordsMax = checkCount * 2
        var records: [CheckFingerprint: CheckRecord] = [:]
        for place in 0..<min(page.placeCount, places) where records.count < recordsMax {
            guard let record = page.usedPlace(place).flatMap(CheckRecord.init(from:)) else { continue }
            records[record.fingerprint] = record
        }
        return records
    }

    /// Reasons of the checks whose last attempt couldn't be made.
    var untriedChecks: [CheckFingerprint: CheckReason] {
        let places = max(checkCountMax, checkCount) + Self.placesAllowance
        var reasons: [CheckFingerprint: CheckReason] = [:]
        for place in 0..<min(page.placeCount, places) where reasons.count < checkCount * 2 {
            guard let record = page.usedPlace(place).flatMap(CheckRecord.init(from:)), record.isUntried else {
                continue
            }
            reasons[record.fingerprint] = record.reason
        }
        return reasons
    }

    /// A line for FIFOs for each known state.
    var stateLines: [String] {
        let table = standings
        return table.reports.compactMap { report in
            guard let subject = table.subject(of: report) else { return nil }
            switch report {
            case .server(let standing): return subject.line(standing.isUp ? .up : .down, priority: 0)
            case .service(let standing): return subject.line(standing.hasQuorum ? .up : .down, priority: 0)
            }
        }
    }

    // MARK: Notifications

    /// Tells that a reload takes away what was up when it was last told of. hasupd does so itself: a checker that is replaced,
    /// or isn't there, never tells it (docs/decisions, D75).
    func tellRemoved(by next: StandingTable) {
        for (subject, _) in standings.removed(by: next) {
            write(.notice, "\(subject) is removed")
            notify(subject, isUp: false, generation)
        }
    }

    func notify(_ report: CheckerReport, _ table: StandingTable, _ generation: Generation) {
        guard let subject = table.subject(of: report) else { return }
        switch report {
        case .server(let standing): notify(subject, isUp: standing.isUp, generation)
        case .service(let standing): notify(subject, isUp: standing.hasQuorum, generation)
        }
    }

    private func notify(_ subject: NotificationKey, isUp: Bool, _ generation: Generation) {
        // Its number is the checker's own count, not that of the record.
        var notification = PendingNotification(of: subject, sequence: 0, trigger: isUp ? .up : .down, priority: 0)
        let notices = generation.serviceNotices
        notification.findCommands(in: notices.scripts[subject] ?? [], generation.global)
        notification.sendsMail = notices.mails.contains(subject)
        delegate.checkerNotifies(notification)
    }

    /// Mails that a check has turned although its server stays down, unless no_checker_emails says otherwise.
    func mail(_ observation: CheckObservation, _ table: StandingTable, _ generation: Generation) {
        guard case .turned(let service, let server, _, _, _) = observation,
            let subject = table.subject(service, server), !generation.global.mail.omitsChecks,
            generation.serviceNotices.mails.contains(subject)
        else { return }
        var notification = PendingNotification(of: subject, sequence: 0, trigger: .down, priority: 0)
        notification.sendsMail = true
        delegate.checkerMails(notification)
    }

    // MARK: Log

    /// Changes alike that are logged in a minute.
    private static let changesMax = 20
    /// Failed attempts of a server that are logged in a minute (log_all_failures).
    private static let failuresMax = 60

    /// Logs what is notified: it has changed, or is told for the first time.
    ///
    /// - Parameter isStopping: true if hasupd ends, so that they go down for those only who are to be told (omega).
    func log(_ report: CheckerReport, of table: StandingTable, isStopping: Bool) {
        guard report.notification != 0, let subject = table.subject(of: report) else { return }
        let isUp: Bool
        let state: String
        switch report {
        case .server(let standing):
            isUp = standing.isUp
            let reason = isStopping ? "hasupd stops" : standing.reason.text(detail: standing.detail)
            state = isUp ? "is UP" : reason.isEmpty ? "is DOWN" : "is DOWN (\(reason))"
        case .service(let standing):
            isUp = standing.hasQuorum
            let why = isStopping ? " (hasupd stops)" : ": it has no quorum"
            state = isUp ? "is UP: it has its quorum" : "is DOWN\(why)"
        }
        write(isUp ? .notice : .warning, "\(subject) \(state)")
    }

    /// Each change is logged, with its own reason; a checker that goes mad doesn't fill the disk.
    private func write(_ level: Logger.Level, _ text: String) {
        lines.write(level, "", text, burst: Self.changesMax)
        delegate.report(text)
    }

    func log(_ observation: CheckObservation, of table: StandingTable) {
        switch observation {
        case .failed(let service, let server, let reason, let detail, let left):
            guard let subject = table.subject(service, server), table.server(service, server)?.logsAllFailures == true
            else { return refuse("no failure of this server is to be logged", kind: "observation") }
            let retries = left == 1 ? "1 retry" : "\(left) retries"
            lines.write(
                .notice, "", "\(subject): a check failed (\(reason.text(detail: detail))), \(retries) left",
                kind: "\(subject) failed", burst: Self.failuresMax)
        case .untried(let service, let server, let reason, let detail):
            guard let subject = table.subject(service, server) else { return }
            lines.write(
                .warning, "", "\(subject) isn't checked: \(reason.text(detail: detail)); it stays as it is",
                kind: "\(subject) unchecked")
        case .turned(let service, let server, let reason, let detail, let isPassing):
            guard let subject = table.subject(service, server) else { return }
            let text = isPassing ? "a check passes again" : "another check failed (\(reason.text(detail: detail)))"
            lines.write(.notice, "", "\(subject): \(text); it stays DOWN", burst: Self.changesMax)
        }
    }
}
