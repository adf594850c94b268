import Base
import Configuration
import ConfigurationModel
import Control
import VRRP

// Events of `io.hasup`, for clients that watch and for the history.

extension WatchEvent {
    /// An observation of the VRRP worker.
    ///
    /// - Parameter settings: the instance's; nil for an observation that isn't about one.
    init(
        _ observation: Observation, _ settings: InstanceSettings?,
        _ context: TransitionContext = TransitionContext(),
        wallNanoseconds: Int64
    ) {
        self.init("note", text: observation.line(settings, context), unixSeconds: Double(wallNanoseconds) / 1e9)
        instance = settings?.name
        switch observation {
        case .transition(let change), .earlier(let change, _):
            kind = "transition"
            transition = TransitionReport(
                change, settings, context, age: .zero, wallNanoseconds: wallNanoseconds)
        case .discarded(_, let reason, let source, _):
            kind = "discard"
            self.reason = reason.name
            self.source = source.description
        case .accepted(_, let remark, let source):
            kind = "remark"
            self.reason = remark.name
            self.source = source.description
        case .rivalMaster(_, let source, let sign):
            kind = "rival"
            self.reason = sign.code
            self.source = source.description
        case .stalled, .kernelFailure, .addressRemoved, .addressWaits, .foreignAddressFound, .foreignAddressGone,
            .addressesStay,
            .staleAddressesRemoved, .addressesUnadvertised, .priorityChanged, .order, .takeoverHeld, .clusterNode,
            .proxyFound, .clusterReferences:
            break
        }
    }

    /// The end of a reload.
    init(_ report: ReloadReport, wallNanoseconds: Int64) {
        let result = report.ok ? "reloaded" : "reload refused"
        self.init("reload", text: "\(result): \(report.summaryText)", unixSeconds: Double(wallNanoseconds) / 1e9)
        reload = report
    }
}

extension WatchEvent {
    /// Shortens a reload's lists to their first entries, of the findings only errors; `hasup check` shows the rest. An event
    /// is a line of a file, and a reload may change thousands of instances with hundreds of addresses.
    ///
    /// - Parameter kept: entries of each list, and of each change's settings. Their texts aren't cut.
    func brief(keeping kept: Int) -> WatchEvent {
        guard var report = reload else { return self }
        var left = 0
        func cut<Entry>(_ entries: [Entry]) -> [Entry] {
            left += max(0, entries.count - kept)
            return Array(entries.prefix(kept))
        }
        (report.added, report.removed, report.changed) = (cut(report.added), cut(report.removed), cut(report.changed))
        report.changes = cut(report.changes).map { change in
            var change = change
            change.settings = cut(change.settings)
            return change
        }
        report.globalChanges = cut(report.globalChanges)
        report.changesOmitted += left
        report.faults = Array(report.faults.prefix(kept))
        let findings = report.diagnostics
        report.diagnostics = Array(findings.filter { $0.severity == "error" }.prefix(kept))
        report.diagnosticsOmitted += findings.count - report.diagnostics.count
        var event = self
        event.reload = report
        return event
    }
}

extension ReloadReport {
    /// Bytes of the texts in its lists.
    var textBytes: Int {
        func bytes(_ settings: [SettingChange]) -> Int {
            settings.reduce(0) { $0 + $1.text.utf8.count + ($1.old ?? "").utf8.count + ($1.new ?? "").utf8.count }
        }
        func bytes(_ names: [String]) -> Int { names.reduce(0) { $0 + $1.utf8.count } }
        return bytes(added) + bytes(removed) + bytes(changed) + bytes(faults.map(\.reason)) + bytes(globalChanges)
            + changes.reduce(0) { $0 + bytes($1.settings) }
            + diagnostics.reduce(0) { $0 + $1.message.utf8.count + ($1.sourceLine ?? "").utf8.count }
    }
}

extension Observation {
    /// True if the history keeps it. Discarded packets have their counters, and a flood of them would push out the rest.
    var isHistory: Bool {
        switch self {
        case .transition, .earlier, .stalled, .addressRemoved, .addressWaits, .foreignAddressFound, .foreignAddressGone,
            .addressesStay, .staleAddressesRemoved, .addressesUnadvertised, .rivalMaster, .takeoverHeld, .clusterNode,
            .proxyFound, .clusterReferences:
            true
        // Of a priority that goes up and down, status shows the latest; the transitions have theirs.
        case .discarded, .accepted, .kernelFailure, .priorityChanged, .order: false
        }
    }
}
