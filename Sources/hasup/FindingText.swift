import Base
import Configuration
import ConfigurationModel
import Control

extension LoadedConfiguration {
    /// All findings, and what a reload of a hasupd without scripts would find besides.
    var findingsOfCheck: [Diagnostic] { ordered(with: firstScript) }
}

/// Findings about configurations, in the form that all of the project's programs print.
struct FindingText {
    var style: Style
    /// Columns; longer source lines are cut around the caret.
    var width = Terminal.width
    /// True if lines are broken between words, for a person. A program gets each message on one line, as from compilers.
    var wraps = Terminal.isTerminal

    func render(_ finding: Diagnostic) -> String {
        let text = finding.rendered(inColour: style == .coloured, width: width)
        guard wraps else { return text + "\n" }
        // The source line and the caret fit already.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
            let line = String(line)
            return Printable.width(Layout.unpainted(line)) > width && !line.contains("\t")
                ? Layout.wrap(painted: line, width: width) : [line]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func render(_ report: DiagnosticReport) -> String {
        let severity: Severity =
            switch report.severity {
            case "error": .error
            case "warning": .warning
            default: .note
            }
        let location = report.file.map {
            SourceLocation(file: $0, line: report.line ?? 1, column: report.column ?? 1)
        }
        let chain = report.includedFrom.map { SourceLocation(file: $0.file, line: $0.line) }
        return render(
            Diagnostic(
                severity, report.message, at: location, length: report.length ?? 1, sourceLine: report.sourceLine,
                includedFrom: chain))
    }

    /// The last line about a file: the effect of a start and of a reload with it (docs/decisions, D18).
    ///
    /// - Parameter isOfThisMachine: whether the interfaces, programs and scripts that it names were checked.
    static func verdict(on file: String, _ loaded: LoadedConfiguration, isOfThisMachine: Bool = true) -> String {
        let file = Printable.text(file)
        let verdict =
            if loaded.isReadable {
                "\(file): \(loaded.summary). \(consequence(of: loaded, isOfThisMachine))"
            } else {
                "\(file) can't be read. hasupd would not start with it, and a reload would "
                    + "refuse it."
            }
        return wrapped(verdict)
    }

    private static func wrapped(_ text: String) -> String {
        Layout.wrap(text, width: Terminal.width, indent: 0).joined(separator: "\n") + "\n"
    }

    private static func consequence(of loaded: LoadedConfiguration, _ isOfThisMachine: Bool) -> String {
        let unseen = isOfThisMachine ? "" : ", but interfaces and scripts weren't checked"
        guard loaded.canStart else { return "hasupd would not start with it, and a reload would refuse it." }
        let faults = loaded.startFaults.isEmpty ? "" : "leave \(faulted(loaded)) in FAULT"
        if loaded.hasErrors {
            let parts = [loaded.leavesOut ? "leave out what is wrong" : "", faults].filter { !$0.isEmpty }
            return "A reload would refuse it all. A start would \(parts.joined(separator: ", and "))\(unseen)."
        }
        if !loaded.startFaults.isEmpty { return "A start or reload would take it, but \(faults)\(unseen)." }
        guard loaded.warningCount > 0 else { return "Good\(unseen)." }
        let title = loaded.warningCount == 1 ? "the warning" : "the warnings"
        return "A start or reload would take it\(unseen); \(title) above would hold."
    }

    /// Number of names that a sentence lists.
    private static var maximumNamed: Int { 8 }

    /// `2 of 5 instances (VI_1, VI_3)`.
    private static func faulted(_ loaded: LoadedConfiguration) -> String {
        let faults = loaded.startFaults
        let total = loaded.model.instances.count
        let names = faults.prefix(maximumNamed).map { Printable.text($0.name) }.joined(separator: ", ")
        if total == 1 { return "its only instance, \(names)," }
        let more = faults.count > maximumNamed ? " and \(faults.count - maximumNamed) more" : ""
        return "\(faults.count == total ? "all \(total)" : "\(faults.count) of \(total)") instances (\(names)\(more))"
    }

    /// The last line about several files of which some can't be read. - Parameter reasons: `can't read FILE: REASON`.
    static func incomparable(_ count: Int, _ reasons: [String]) -> String {
        let list = reasons.map { Printable.text($0) }.joined(separator: ", and ")
        return wrapped("\(count) nodes together: they can't be compared: \(list).")
    }

    /// The last line about several files. - Parameter areWhole: whether each of them is good by itself.
    static func verdict(onClusterOf count: Int, _ findings: [Diagnostic], areWhole: Bool) -> String {
        let errors = findings.count { $0.severity == .error }
        let warnings = findings.count { $0.severity == .warning }
        let consequence =
            if errors > 0 {
                "This cluster would split."
            } else if !areWhole {
                "Nothing else splits this cluster, but not every node would run all of its file."
            } else { warnings > 0 ? "Nothing splits this cluster, but see the warnings." : "Good." }
        return wrapped(
            "\(count) nodes together: \(counted(errors, "error")), \(counted(warnings, "warning")). \(consequence)")
    }
}
