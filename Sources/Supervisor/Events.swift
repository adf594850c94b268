import Base
import Configuration
import IPC
import VRRP

// What happened, in the words of `io.hasup`: for those who watch now and those who ask for the history.

extension WatchEvent {
    /// What the VRRP worker observed. `settings` are the instance's; nil for what isn't about one.
    init(
        _ observation: Observation, _ settings: InstanceSettings?, _ background: Background = Background(),
        wallNanoseconds: Int64
    ) {
        self.init("note", text: observation.line(settings, background), unixSeconds: Double(wallNanoseconds) / 1e9)
        instance = settings?.name
        switch observation {
        case .transition(let change), .earlier(let change, _):
            kind = "transition"
            let now = Instant(nanoseconds: 0)
            transition = TransitionReport(
                change, settings, background, at: now, now: now, wallNanoseconds: wallNanoseconds)
        case .discarded(_, let reason, let source, _):
            kind = "discard"
            self.reason = reason.name
            self.source = source.description
        case .accepted(_, let remark, let source):
            kind = "remark"
            self.reason = remark.name
            self.source = source.description
        case .stalled, .kernelFailure, .addressRemoved, .addressWaits: break
        }
    }

    /// How a reload ended.
    init(_ report: ReloadReport, wallNanoseconds: Int64) {
        let result = report.ok ? "reloaded" : "reload refused"
        self.init("reload", text: "\(result): \(report.summaryText)", unixSeconds: Double(wallNanoseconds) / 1e9)
        reload = report
    }
}

extension WatchEvent {
    /// Entries of a list that are kept: an event is a line of a file, and a reload may touch thousands of instances.
    private static let keptMax = 20

    /// Of a reload the first entries of each list, errors before other findings; `hasup check` shows the rest.
    var brief: WatchEvent {
        guard var report = reload else { return self }
        var left = 0
        func cut<Entry>(_ entries: [Entry]) -> [Entry] {
            left += max(0, entries.count - Self.keptMax)
            return Array(entries.prefix(Self.keptMax))
        }
        (report.added, report.removed, report.changed) = (cut(report.added), cut(report.removed), cut(report.changed))
        (report.changes, report.globalChanges) = (cut(report.changes), cut(report.globalChanges))
        report.changesOmitted += left
        report.faults = Array(report.faults.prefix(Self.keptMax))
        let findings = report.diagnostics
        report.diagnostics = Array(findings.filter { $0.severity == "error" }.prefix(Self.keptMax))
        report.diagnosticsOmitted += findings.count - report.diagnostics.count
        var event = self
        event.reload = report
        return event
    }
}

extension Observation {
    /// Whether it is kept: packets that were thrown away have their counters, and a flood of them would push out what
    /// mattered.
    var isHistory: Bool {
        switch self {
        case .transition, .earlier, .stalled, .addressRemoved, .addressWaits: true
        case .discarded, .accepted, .kernelFailure: false
        }
    }
}
