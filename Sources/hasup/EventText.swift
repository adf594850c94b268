import Base
import Control
import VRRP
import Varlink

/// One line of `hasup watch`.
struct EventLine {
    var style: Style

    func render(_ event: WatchEvent, at time: LocalTime) -> String {
        var parts = [time.text]
        if let instance = event.instance { parts.append(Printable.text(instance)) }
        if let transition = event.transition {
            let to = style.paint(Printable.text(transition.to), Style.colour(ofState: transition.to))
            parts.append("\(Printable.text(transition.from)) -> \(to): \(Printable.text(transition.text))")
        } else {
            // The log's lines begin with the name, too.
            let name = event.instance.map { "\($0): " } ?? ""
            parts.append(
                Printable.text(event.text.hasPrefix(name) ? String(event.text.dropFirst(name.count)) : event.text))
        }
        if let reload = event.reload, let what = Self.changes(reload) { parts.append(Printable.text(what)) }
        if let count = event.count, count > 1 { parts.append("(\(count) times)") }
        return parts.joined(separator: "  ")
    }
}

extension EventLine {
    /// The settings that a reload has changed, of the first instances; nil without any.
    private static func changes(_ report: ReloadReport) -> String? {
        let shown = report.changes.prefix(3).map { change in
            let settings = change.settings.prefix(4).map(\.text).joined(separator: ", ")
            return "\(change.name): \(settings)\(change.settings.count > 4 ? " and more" : "")"
        }
        let texts = shown + report.globalChanges.prefix(3).map(\.text)
        let others =
            report.changes.count + report.globalChanges.count + report.changesOmitted - texts.count
        guard !texts.isEmpty else { return nil }
        return "(" + texts.joined(separator: "; ") + (others > 0 ? "; and more" : "") + ")"
    }

    /// The state of an instance when the watching begins.
    func render(_ instance: InstanceReport, at time: LocalTime) -> String {
        let state = style.paint(instance.state.name, Style.colour(ofState: instance.state.name))
        let age = "for \(Layout.age(instance.timeInState))"
        return [time.text, Printable.text(instance.name), "\(state) \(age)\(Printable.text(reason(of: instance)))"]
            .joined(separator: "  ")
    }

    /// The reason for its state now; for a MASTER, that of its last transition.
    private func reason(of instance: InstanceReport) -> String {
        if let fault = instance.faults.first { return ": \(fault)" }
        if let wait = instance.whyNotMaster { return ": \(wait.text)" }
        return instance.lastTransition.map { ", since \($0.from) -> \($0.to): \($0.text)" } ?? ""
    }
}

extension ReloadReport {
    /// Instances that are in FAULT because of a reload, and weren't before: those that are new or changed. Without any error
    /// in the file, a reload may still take a service away, as with a source address that the machine doesn't have.
    ///
    /// - Parameters:
    ///   - before: what ran before; nil when that isn't known.
    ///   - after: what runs now; nil when that isn't known, or for a dry run.
    func newFaults(before: [InstanceReport]?, after: [InstanceReport]?) -> [InstanceFault] {
        guard ok else { return [] }
        let touched = Set(added + changed)
        let former = Set((before ?? []).filter { $0.state == .fault }.map(\.name))
        let found = after.map { instances in
            instances.filter { $0.state == .fault && touched.contains($0.name) }.map { instance in
                var fault = InstanceFault()
                fault.name = instance.name
                fault.reason = instance.faults.first ?? instance.lastTransition?.text ?? "see `hasup status`"
                return fault
            }
        }
        return (found ?? faults).filter { !former.contains($0.name) }
    }
}

/// The output of `hasup reload`.
struct ReloadText {
    var style: Style

    /// Number of instances that a sentence names.
    private static let namedMax = 8

    /// The sentence about instances that a reload has put into FAULT, with the remedy; nil without any.
    static func sentence(onFaults faults: [InstanceFault], isDryRun: Bool) -> String? {
        guard let first = faults.first else { return nil }
        let because = isDryRun ? "in FAULT because of it" : "in FAULT because of this reload"
        let advice = isDryRun ? "Fix that first." : "Fix that, or restore the old file and reload again."
        guard faults.count > 1 else {
            return "\(first.name) \(isDryRun ? "would be" : "is") \(because): \(first.reason). \(advice)"
        }
        let named = faults.prefix(namedMax).map { "\($0.name) (\($0.reason))" }.joined(separator: "; ")
        let more = faults.count > namedMax ? "; and \(faults.count - namedMax) more" : ""
        return
            "\(counted(faults.count, "instance")) \(isDryRun ? "would be" : "are") \(because): \(named)\(more). \(advice)"
    }

    /// - Parameter newFaults: instances that are in FAULT because of it, and weren't before.
    func render(_ report: ReloadReport, newFaults: [InstanceFault] = []) -> String {
        let findings = FindingText(style: style)
        var text = report.diagnostics.map { findings.render($0) }.joined()
        if report.diagnosticsOmitted > 0 {
            text += "\(counted(report.diagnosticsOmitted, "further finding")) not shown.\n"
        }
        // Of many instances only the first are described, and a daemon of an older version describes none.
        let described = Set(report.changes.map(\.name))
        let others = report.changed.filter { !described.contains($0) }
        let faults = Dictionary(report.faults.map { ($0.name, $0.reason) }, uniquingKeysWith: { first, _ in first })
        let whole = report.added.filter { faults[$0] == nil }
        text += list("new", whole) + list("removed", report.removed)
        for name in report.added {
            if let reason = faults[name] { text += entry("new: \(name)", ["starts in FAULT: \(reason)"]) }
        }
        for change in report.changes {
            let fault = faults[change.name].map { "FAULT: \($0)" }
            let note =
                change.startsAnew
                ? "becomes another virtual router and starts again in \(fault ?? "BACKUP")"
                : fault.map { "is then in \($0)" }
            text += entry("changed: \(change.name)", change.settings.map(\.text) + (note.map { [$0] } ?? []))
        }
        text += list(described.isEmpty ? "changed" : "also changed", others)
        if !report.globalChanges.isEmpty { text += entry("global settings", report.globalChanges.map(\.text)) }
        let verdict =
            switch (report.ok, report.dryRun) {
            case (true, false): style.paint("Reloaded.", newFaults.isEmpty ? .green : .yellow)
            case (true, true): style.paint("A reload would succeed.", newFaults.isEmpty ? .green : .yellow)
            case (false, false): style.paint("Refused.", .red)
            case (false, true): style.paint("A reload would be refused.", .red)
            }
        let sentence = Layout.wrap(
            "\(verdict) \(Printable.text(asSentence(refusal(report) ?? report.summaryText)))", width: Terminal.width,
            indent: 0)
        let faulted = Self.sentence(onFaults: newFaults, isDryRun: report.dryRun).map {
            Layout.wrap(Printable.text($0), width: Terminal.width, indent: 0)
        }
        return text + (sentence + (faulted ?? [])).joined(separator: "\n") + "\n"
    }

    /// The daemon's summary is a clause, for a line of the log.
    private func asSentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") || text.hasSuffix("?") ? "" : ".")
    }

    /// The reason of a refusal whose errors are shown above: the daemon's sentence quotes the first one for logs.
    private func refusal(_ report: ReloadReport) -> String? {
        let errors = report.diagnostics.count { $0.severity == "error" }
        guard !report.ok, errors > 0 else { return nil }
        let count = report.diagnosticsOmitted > 0 ? "\(errors) errors or more" : counted(errors, "error")
        return "\(count), shown above. The old configuration stays in force."
    }

    /// A title and names behind it; nothing without names.
    private func list(_ title: String, _ names: [String]) -> String {
        guard !names.isEmpty else { return "" }
        let text = "\(title): \(names.map(Printable.text).joined(separator: " "))"
        return Layout.wrap(text, width: 80, indent: 0).joined(separator: "\n") + "\n"
    }

    /// A title, and what belongs to it on lines of their own.
    private func entry(_ title: String, _ texts: [String]) -> String {
        let lines = texts.flatMap { Layout.wrap(Printable.text($0), width: 80, indent: 4) }
        return ([Printable.text(title)] + lines).joined(separator: "\n") + "\n"
    }
}
