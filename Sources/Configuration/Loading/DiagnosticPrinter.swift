import Base
import ConfigurationModel

extension Diagnostic {
    /// The longest message that is printed; a word of a thousand bytes can be quoted in it.
    private static let messageMax = 400

    /// The finding as an operator reads it: `path:line:column: error: message`, the line, a caret below it, and what a
    /// start would do.
    ///
    /// - Parameters:
    ///   - inColour: whether to mark the parts with ANSI escapes; for a terminal only.
    ///   - width: columns; a source line that is longer is cut around the caret.
    package func rendered(inColour: Bool = false, width: Int = 100) -> String {
        func mark(_ text: String, _ code: String) -> String { inColour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
        let word: String
        let colour: String
        switch severity {
        case .note: (word, colour) = ("note", "36")
        case .warning: (word, colour) = ("warning", "35")
        case .error: (word, colour) = ("error", "31")
        }
        let place = location.map { mark("\(Printable.text("\($0)")):", "1") + " " } ?? ""
        var text =
            place + mark("\(word):", "1;\(colour)") + " " + mark(Printable.text(message, limit: Self.messageMax), "1")
        if let sourceLine, let location {
            let excerpt = SourceExcerpt(sourceLine, column: location.column, length: length, width: width)
            text += "\n" + excerpt.line + "\n" + excerpt.padding + mark(excerpt.caret, "1;\(colour)")
        }
        // Where the file came from stands after the caret, as the innermost place is what an operator looks for first.
        for place in includedFrom { text += "\n    included from \(Printable.text(place.file)):\(place.line)" }
        if severity == .error, atStart != .inMessage { text += "\n    a start would \(Printable.text(atStart.text))" }
        return text
    }

    /// The finding as one line of a log: place, message and what a start does.
    ///
    /// - Parameter isStart: whether this is the start, which has done it.
    package func logLine(isStart: Bool) -> String {
        let place = location.map { "\($0): " } ?? ""
        let action = isStart ? atStart.past : "a start would \(atStart.text)"
        let start = severity == .error && atStart != .inMessage ? " (\(action))" : ""
        return place + Printable.text(message, limit: Self.messageMax) + start
    }
}

/// The part of a source line that is shown, with the caret below it.
private struct SourceExcerpt {
    var line = ""
    /// The text before the caret: tabs are repeated, so that it lines up whatever the terminal's tab stops are.
    var padding = ""
    var caret = "^"

    private static let cut = "..."
    /// Columns of a tab, for cutting.
    private static let tab = 8

    /// The text that is written for a scalar, and where it begins in the line's bytes.
    private struct Cell {
        var text: String
        var offset: Int
        var width: Int { text == "\t" ? SourceExcerpt.tab : text.unicodeScalars.count }
        /// As many columns of nothing.
        var blank: String { text == "\t" ? text : String(repeating: " ", count: width) }
    }

    /// - Parameter column: from 1, in bytes, as `length`; the eye sees characters, so they are counted here.
    init(_ source: String, column: Int, length: Int, width: Int) {
        var cells: [Cell] = []
        var offset = 0
        for scalar in source.unicodeScalars {
            let text = scalar == "\t" ? "\t" : Printable.escape(scalar) ?? String(scalar)
            cells.append(Cell(text: text, offset: offset))
            offset += UTF8.width(scalar)
        }
        let begin = max(column - 1, 0)
        let start = cells.firstIndex { $0.offset >= begin } ?? cells.count
        let end = max(start, cells.firstIndex { $0.offset >= begin + max(length, 1) } ?? cells.count)
        let shown = Self.window(cells, around: start..<end, width: width)
        if shown.lowerBound > 0 {
            line = Self.cut
            padding = "   "
        }
        for cell in cells[shown] { line += cell.text }
        if shown.upperBound < cells.count { line += Self.cut }
        for cell in cells[shown.lowerBound..<max(start, shown.lowerBound)] { padding += cell.blank }
        let columns = cells[start..<max(start, min(end, shown.upperBound))].reduce(0) { $0 + $1.width }
        caret += String(repeating: "~", count: max(0, columns - 1))
    }

    /// The cells that fit: those that are marked, or their beginning, with something of what stands before and after.
    private static func window(_ cells: [Cell], around marked: Range<Int>, width: Int) -> Range<Int> {
        guard cells.reduce(0, { $0 + $1.width }) > width else { return cells.indices }
        let room = max(8, width - 2 * cut.count)
        var (first, last) = (marked.lowerBound, marked.lowerBound)
        var used = 0
        // Of what is marked, at most half of the room, so that it is seen where it stands.
        while last < marked.upperBound, used + cells[last].width <= room / 2 {
            used += cells[last].width
            last += 1
        }
        let before = used + (room - used) / 2
        while first > 0, used + cells[first - 1].width <= before {
            first -= 1
            used += cells[first].width
        }
        while last < cells.count, used + cells[last].width <= room {
            used += cells[last].width
            last += 1
        }
        while first > 0, used + cells[first - 1].width <= room {
            first -= 1
            used += cells[first].width
        }
        return first..<last
    }
}

extension LoadedConfiguration {
    /// One line that says how it went: `2 errors, 1 warning; 3 instances (1 in FAULT), 12 virtual servers`.
    package var summary: String {
        let faulted = model.instances.count { !$0.faults.isEmpty }
        let faults = faulted > 0 ? " (\(faulted) in FAULT)" : ""
        let ignored = model.ignoredSettings
        // More than were complained about: those in blocks that are named as a whole, or several of one line.
        let isInBlocks = ignored > errorCount + warningCount && diagnostics.contains { $0.code == .notYet }
        let inside = isInBlocks ? ", with all that stands in blocks that aren't handled yet" : ""
        return [
            counted(errorCount, "error"), ", ", counted(warningCount, "warning"), "; ",
            model.instances.isEmpty && !model.virtualServers.isEmpty
                ? "" : "\(counted(model.instances.count, "instance"))\(faults), ",
            counted(model.virtualServers.count, "virtual server"),
            ignored > 0 ? "; \(counted(ignored, "setting")) \(ignored == 1 ? "has" : "have") no effect\(inside)" : "",
        ].joined()
    }
}
