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
            case .removed: return nil
            }
        }
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
        case .removed:
            isUp = true
            state = "is removed"
        }
        let text = "\(subject) \(state)"
        // Each change is logged, with its own reason; a checker that goes mad doesn't fill the disk.
        lines.write(isUp ? .notice : .warning, "", text, burst: Self.changesMax)
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
