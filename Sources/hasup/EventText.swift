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
            parts.append(Printable.text(event.text))
        }
        if let count = event.count, count > 1 { parts.append("(\(count) times)") }
        return parts.joined(separator: "  ")
    }
}

/// What `hasup reload` prints.
struct ReloadText {
    var style: Style

    func render(_ report: ReloadReport) -> String {
        let findings = FindingText(style: style)
        var text = report.diagnostics.map { findings.render($0) }.joined()
        if report.diagnosticsOmitted > 0 {
            text += "\(Layout.count(report.diagnosticsOmitted, "further finding")) not shown.\n"
        }
        for (title, names) in [("new", report.added), ("removed", report.removed), ("changed", report.changed)]
        where !names.isEmpty {
            let list = Layout.wrap(
                "\(title): \(names.map(Printable.text).joined(separator: " "))", width: 80, indent: 0)
            text += list.joined(separator: "\n") + "\n"
        }
        let verdict = report.ok ? style.paint("Reloaded.", .green) : style.paint("Refused.", .red)
        return text + "\(verdict) \(Printable.text(report.summaryText))\n"
    }
}
