import Base
import ConfigurationModel
import Control
import LoadBalancing
import Reactor

/// Checks in answers.
extension CheckerSupervision {
    /// Adds what is known of checks to the report on a service.
    func describe(_ number: Int, in report: inout ServiceReport, _ records: [CheckFingerprint: CheckRecord]) {
        guard standings.services.indices.contains(number) else { return }
        let service = standings.services[number]
        let missing = missingAddress(of: service)
        for place in report.servers.indices where service.servers.indices.contains(place) {
            describe(service.servers[place], of: service, missing, in: &report.servers[place], records)
        }
    }

    /// Counts the servers that nobody checks.
    func count(in counts: inout ServiceCounts) {
        let untried = untriedChecks
        for service in standings.services {
            let isSuspended = missingAddress(of: service) != nil
            for server in service.servers {
                let reasons = service.checks(of: server).map { untried[$0.fingerprint] }
                let isUnchecked = isSuspended || !reasons.contains(nil)
                if isUnchecked, server.standing?.isUp == true { counts.serversUnchecked += 1 }
                if reasons.contains(where: { $0?.needsMending == true }) { counts.serversToMend += 1 }
            }
        }
    }

    /// The number of FILE_CHECKs by the name of their tracked file.
    var fileChecks: [String: Int] {
        var counts: [String: Int] = [:]
        for check in standings.services.lazy.flatMap(\.checks) {
            if let file = check.trackedFile { counts[file, default: 0] += 1 }
        }
        return counts
    }

    /// The address that isn't on this machine, so that a service isn't checked (ha_suspend).
    private func missingAddress(of service: StandingTable.KnownService) -> IPAddress? {
        guard let address = service.awaitedAddress, let present = presentAddresses else { return nil }
        return present.contains(address) ? nil : address
    }

    private func describe(
        _ server: StandingTable.KnownServer, of service: StandingTable.KnownService, _ missing: IPAddress?,
        in report: inout ServerReport, _ records: [CheckFingerprint: CheckRecord]
    ) {
        let now = Clock.now
        report.stateSeconds = server.since.map { $0.age(at: now).seconds }
        let checks = service.checks(of: server)
        let found = checks.map { records[$0.fingerprint] }
        report.checks = zip(checks, found).map { self.report(on: $0, of: server, $1, at: now) }
        report.checks += server.sessions.map { session in
            var report = CheckStateReport()
            (report.kind, report.target, report.state) = (CheckKind.bfd(session: "").keyword, session, "NONE")
            return report
        }
        report.reason = report.troubledCheck?.reason
        report.checkSeconds = report.checks.compactMap(\.checkSeconds).max()
        let verdicts = found.map { $0?.lastVerdict }
        if !verdicts.isEmpty, !verdicts.contains(nil) {
            report.verdictAgeSeconds = verdicts.compactMap { $0 }.min()?.age(at: now).seconds
        }
        note(server, missing, found, in: &report)
    }

    private func report(
        on check: KnownCheck, of server: StandingTable.KnownServer, _ record: CheckRecord?, at now: Instant
    ) -> CheckStateReport {
        var report = CheckStateReport()
        report.kind = check.keyword
        report.target =
            check.isScript
            ? program(of: check.fingerprint) : check.target(of: server.key, request: Int(record?.request ?? 0))
        guard let record else {
            report.state = "NONE"
            return report
        }
        switch record.state {
        case _ where record.isUntried: report.state = "UNCHECKED"
        case .up: report.state = "UP"
        case .down: report.state = "DOWN"
        case .unknown: report.state = "NONE"
        }
        if record.reason != .none { report.reason = record.reason.text(detail: record.detail) }
        report.verdictAgeSeconds = record.lastVerdict?.age(at: now).seconds
        if record.lastStart != nil { report.checkSeconds = record.duration.seconds }
        report.needsMending = record.isUntried && record.reason.needsMending
        return report
    }

    /// Says of a server that no check looks at that it is unchecked, and adds what the state doesn't say.
    private func note(
        _ server: StandingTable.KnownServer, _ missing: IPAddress?, _ records: [CheckRecord?],
        in report: inout ServerReport
    ) {
        var remark: String?
        let untried = records.count { $0?.isUntried == true }
        let isUnchecked = missing != nil || untried == records.count
        if let missing {
            remark = "ha_suspend: \(missing) isn't on this machine"
        } else if records.isEmpty {
            remark = server.sessions.isEmpty ? "no check" : "BFD_CHECK not yet"
        } else if isUnchecked {
            remark = report.state == "UP" ? nil : "unchecked"
        } else if untried > 0 {
            remark = "\(untried) of \(records.count) checks can't be done"
        } else if records.contains(where: { $0?.lastVerdict == nil }) {
            remark = "not checked yet"
        } else if !server.sessions.isEmpty {
            remark = "BFD_CHECK not yet"
        } else if records.contains(where: { $0?.reason == .silence }) {
            remark = "unproven"
        }
        if isUnchecked, report.state == "UP" { report.state = "UNCHECKED" }
        // That it isn't in the table says more than most, but not why nobody looks.
        if report.note == nil || report.state == "UNCHECKED" {
            let parts = [report.note, remark].compactMap { $0 }
            report.note = parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
    }
}
