import ArgumentParser
import Base
import Configuration
import ConfigurationModel

/// hasup explain
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explains a keyword of the configuration.",
        discussion:
            "A bare name is looked up in all blocks; vrrp_instance/advert_int in one. Exit status 1 if it is "
            + "unknown.")

    @Argument(
        help: "The keyword, with its block and a slash before it or without.",
        completion: .list(KeywordTable.shared.names))
    var keyword: String

    func run() throws {
        switch KeywordTable.shared.search(keyword) {
        case .found(let rows): Terminal.write(ExplainText(width: Terminal.width, style: Terminal.style).render(rows))
        case .unknown(let suggestions):
            let hint =
                suggestions.isEmpty ? "" : " Did you mean \(suggestions.map { "`\($0)`" }.joined(separator: ", "))?"
            Terminal.complain("unknown keyword `\(Printable.text(keyword))`.\(hint)")
            throw ExitCode(1)
        }
    }
}

/// Rows of the keyword table for people.
struct ExplainText {
    var width: Int
    var style: Style

    /// The column of the values.
    private static let column = 15

    /// One paragraph for each meaning; blocks in which it is the same are listed together.
    func render(_ rows: [Keyword]) -> String {
        var meanings: [(row: Keyword, contexts: [String])] = []
        for row in rows {
            if let known = meanings.firstIndex(where: { Self.isSame($0.row, row) }) {
                meanings[known].contexts.append(row.context)
            } else {
                meanings.append((row, [row.context]))
            }
        }
        return meanings.map { paragraph($0.row, $0.contexts) }.joined(separator: "\n")
    }

    private static func isSame(_ left: Keyword, _ right: Keyword) -> Bool {
        left.name == right.name && left.arguments == right.arguments && left.defaultValue == right.defaultValue
            && left.range == right.range && left.unit == right.unit && left.since == right.since
            && left.status == right.status && left.meaning == right.meaning
    }

    private func paragraph(_ row: Keyword, _ contexts: [String]) -> String {
        var lines = [style.paint(row.name, .bold)]
        func add(_ title: String, _ text: String) {
            let wrapped = Layout.wrap(text, width: width - Self.column, indent: 0)
            for (place, line) in wrapped.enumerated() {
                let margin = "    " + Layout.cell(place == 0 ? title : "", Self.column - 4)
                lines.append(margin + line.drop { $0 == " " })
            }
        }
        lines += Layout.wrap(row.meaning, width: width, indent: 4)
        add("in", contexts.map(Self.place).joined(separator: ", "))
        if row.arguments != "-" { add("arguments", row.explainedArguments) }
        if row.defaultValue != "-" { add("default", row.defaultValue) }
        if row.range != "-" { add("range", row.range) }
        if let unit = row.unit { add("unit", KeywordReference.word(for: unit)) }
        if let since = row.since { add("since", KeywordReference.sentence(since: since)) }
        add("status", KeywordReference.status(of: row))
        lines += inside(row)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The keywords of a block, a line each: a list's entry first.
    private func inside(_ row: Keyword) -> [String] {
        let path = row.context == "(root)" ? row.name : "\(row.context)/\(row.name)"
        let entries = KeywordTable.shared.keywords(in: path + " (entry)")
        var isCut = false
        var lines = (entries + KeywordTable.shared.keywords(in: path)).enumerated().map { place, keyword in
            let isBlock = keyword.shape == .block || keyword.shape == .list
            let values = ["-", "flag", "block"].contains(keyword.arguments) ? "" : " " + keyword.arguments
            // Before the values: what doesn't fit is cut off, and this must not be.
            let mark = KeywordReference.mark(of: keyword).map { " (\($0))" } ?? ""
            let left =
                keyword.name == "(entry)"
                ? keyword.arguments + mark : keyword.name + (isBlock ? " {}" : "") + mark + (isBlock ? "" : values)
            let text = "\(Printable.text(left)): \(keyword.meaning)"
            let margin = "    " + Layout.cell(place == 0 ? (entries.isEmpty ? "keywords" : "entries") : "", 11)
            guard text.count > width - Self.column else { return margin + text }
            isCut = true
            // Between words, or what is left looks like another word.
            let room = text.prefix(max(0, width - Self.column - 3))
            return margin + (room.lastIndex(of: " ").map { room[..<$0] } ?? room) + "..."
        }
        if isCut {
            lines += Layout.wrap(
                "Lines that end in ... are shown in full by `hasup explain \(path)/KEYWORD`.", width: width,
                indent: Self.column)
        }
        return lines
    }

    private static func place(_ context: String) -> String {
        switch context {
        case "(root)": "the top level"
        case "(lexical)": "any line"
        default: context
        }
    }
}
