import Base
import IPC

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
            // The log's lines begin with the name, which stands here already.
            let name = event.instance.map { "\($0): " } ?? ""
            parts.append(
                Printable.text(event.text.hasPrefix(name) ? String(event.text.dropFirst(name.count)) : event.text))
        }
        if let count = event.count, count > 1 { parts.append("(\(count) times)") }
        return parts.joined(separator: "  ")
    }
}

extension EventLine {
    /// What an instance is when the watching begins.
    func render(_ instance: InstanceReport, at time: LocalTime) -> String {
        let state = style.paint(Printable.text(instance.state), Style.colour(ofState: instance.state))
        let why = instance.lastTransition?.text ?? instance.faults.first
        let age = "for \(Layout.age(instance.inStateSeconds))"
        return [
            time.text, Printable.text(instance.name), "\(state) \(age)" + (why.map { ": \(Printable.text($0))" } ?? ""),
        ]
        .joined(separator: "  ")
    }
}

/// What `hasup reload` prints.
struct ReloadText {
    var style: Style

    func render(_ report: ReloadReport) -> String {
        let findings = FindingText(style: style)
        var text = report.diagnostics.map { findings.render($0) }.joined()
        if report.diagnosticsOmitted > 0 {
            text += "\(counted(report.diagnosticsOmitted, "further finding")) not shown.\n"
        }
        // A daemon of an older version says only which instances changed.
        let names = report.changes.isEmpty ? report.changed : []
        for (title, names) in [("new", report.added), ("removed", report.removed), ("changed", names)]
        where !names.isEmpty {
            let list = Layout.wrap(
                "\(title): \(names.map(Printable.text).joined(separator: " "))", width: 80, indent: 0)
            text += list.joined(separator: "\n") + "\n"
        }
        for change in report.changes {
            let note = change.startsAnew ? "becomes another virtual router and starts again in BACKUP" : nil
            text += entry("changed: \(change.name)", change.settings.map(\.text) + (note.map { [$0] } ?? []))
        }
        if !report.globalChanges.isEmpty { text += entry("global settings", report.globalChanges.map(\.text)) }
        let verdict =
            switch (report.ok, report.dryRun) {
            case (true, false): style.paint("Reloaded.", .green)
            case (true, true): style.paint("A reload would succeed.", .green)
            case (false, false): style.paint("Refused.", .red)
            case (false, true): style.paint("A reload would be refused.", .red)
            }
        return text + "\(verdict) \(Printable.text(report.summaryText))\n"
    }

    /// A title, and what belongs to it on lines of their own.
    private func entry(_ title: String, _ texts: [String]) -> String {
        let lines = texts.flatMap { Layout.wrap(Printable.text($0), width: 80, indent: 4) }
        return ([Printable.text(title)] + lines).joined(separator: "\n") + "\n"
    }
}
