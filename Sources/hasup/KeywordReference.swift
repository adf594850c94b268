import ArgumentParser
import Configuration
import ConfigurationModel

/// Prints docs/configuration.md or man/hasup.conf.5.
struct KeywordsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keywords", abstract: "Prints all keywords as a document.")

    @Flag(help: "Print the manual page instead of Markdown.") var manual = false

    func run() {
        Terminal.write(manual ? ManualPage.text(KeywordTable.shared) : KeywordReference.markdown(KeywordTable.shared))
    }
}

/// The keyword table as a document.
enum KeywordReference {
    static func markdown(_ table: KeywordTable) -> String {
        let known = table.keywords
        let acting = known.count { $0.status == .acts }
        let waiting = known.count { $0.status.isWaiting }
        var lines = [
            "# Configuration", "",
            "Made from the keyword table by `make docs`; a test fails when the two differ. hasup reads keepalived.conf as",
            "it is. A keyword that isn't handled yet gives a warning that says so, an unknown one an error with the",
            "nearest keyword that is valid there. *since* is the version of keepalived that brought the keyword, where its",
            "changelog or release notes tell, and *after 2.2.7* where it is only known that 2.2.7 refuses it. Keywords of",
            "*hasup* are unknown to every keepalived: they belong on `@hasup` lines, which keepalived skips.", "",
            "\(known.count) keywords: \(acting) act, \(waiting) aren't handled yet, "
                + "\(known.count - acting - waiting) are read without effect or refused, and say why.",
        ]
        for context in table.contexts {
            lines += [
                "", "## \(context)", "", "| keyword | arguments | default | range | unit | since | status | meaning |",
                "|---|---|---|---|---|---|---|---|",
            ]
            for keyword in table.keywords(in: context) {
                let cells = [
                    "`\(keyword.name)`", keyword.arguments, keyword.defaultValue, keyword.range,
                    keyword.unit.map(word) ?? "-", keyword.since ?? "-", word(for: keyword.status), keyword.meaning,
                ]
                lines.append("| " + cells.map(escaped).joined(separator: " | ") + " |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func word(for unit: KeywordUnit) -> String {
        switch unit {
        case .seconds: "seconds"
        case .milliseconds: "milliseconds"
        case .microseconds: "microseconds"
        case .bytes: "bytes"
        }
    }

    /// `2.0.3` or `after 2.2.7` with the program's name.
    static func sentence(since: String) -> String {
        if since == "hasup" { return "hasup, not in keepalived: it is written behind @hasup" }
        return since.hasPrefix("after ") ? "after keepalived \(since.dropFirst(6))" : "keepalived \(since)"
    }

    static func word(for status: KeywordStatus) -> String {
        switch status {
        case .acts: "acts"
        case .accepted(let reason): "no effect: \(reason)"
        case .notYet, .typed: "not yet"
        case .refused(let reason): "refused: \(reason)"
        }
    }

    /// The effect of a keyword in its block: in one that isn't handled yet nothing acts.
    static func status(of keyword: Keyword) -> String {
        guard keyword.status == .acts, let block = waitingBlock(around: keyword) else {
            return word(for: keyword.status)
        }
        return "not yet, as `\(block)` around it"
    }

    /// The reason a keyword doesn't act, short enough for a list of keywords; nil if it acts.
    static func mark(of keyword: Keyword) -> String? {
        switch keyword.status {
        case .acts: waitingBlock(around: keyword) == nil ? nil : "not yet"
        case .accepted: "no effect"
        case .notYet, .typed: "not yet"
        case .refused: "refused"
        }
    }

    /// The innermost block around a keyword that isn't handled yet; nil without one.
    static func waitingBlock(around keyword: Keyword) -> String? {
        var path = keyword.context.hasSuffix(" (entry)") ? String(keyword.context.dropLast(8)) : keyword.context
        while let row = KeywordTable.shared.row(ofBlock: path) {
            if row.status.isWaiting { return row.name }
            path = row.context
        }
        return nil
    }

    /// A bar ends a cell, and an angle bracket would begin a tag.
    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? "\\|" : $0 == "<" ? "&lt;" : String($0) })
    }
}
