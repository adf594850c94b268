import Base

/// Columns, cuts and line breaks.
enum Layout {
    /// Padded on the right; what is longer is cut and ends with `~`.
    static func cell(_ text: String, _ width: Int) -> String {
        let count = Printable.width(text)
        if count <= width { return text + String(repeating: " ", count: width - count) }
        return text.prefix(max(0, width - 1)) + "~"
    }

    /// Padded on the left.
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - Printable.width(text))) + text
    }

    /// The words in lines of at most this width; `indent` goes before the first line, four more before the others. A
    /// word that is longer than a line stays whole.
    static func wrap(_ text: String, width: Int, indent: Int = 2) -> [String] {
        let whole = Printable.width(text)
        if whole + indent <= width { return [String(repeating: " ", count: indent) + text] }
        // Words are counted as they come: only text beyond ASCII has to be taken apart into characters.
        let isASCII = whole == text.utf8.count
        var lines: [String] = []
        var line = String(repeating: " ", count: indent)
        var used = indent
        var isEmpty = true
        // Two blanks between columns stay two; where a line breaks there is none.
        for word in text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false) {
            if isEmpty, word.isEmpty { continue }
            let word = Substring(word)
            let count = isASCII ? word.utf8.count : word.count
            if !isEmpty, used + 1 + count > width {
                lines.append(line)
                line = String(repeating: " ", count: indent + 4)
                used = indent + 4
                isEmpty = true
            }
            if !isEmpty {
                line += " "
                used += 1
            }
            line += word
            used += count
            isEmpty = false
        }
        lines.append(line)
        return lines
    }

    /// Parts with commas between, in lines of at most this width, broken behind a comma; what follows the first line is
    /// indented by four. A part that is longer than a line stays whole.
    static func wrap(parts: [String], width: Int) -> [String] {
        var lines: [String] = []
        for (place, part) in parts.enumerated() {
            let part = place == parts.count - 1 ? part : part + ","
            if let last = lines.last, Printable.width(last) + 1 + Printable.width(part) <= width {
                lines[lines.count - 1] += " " + part
            } else {
                lines.append(lines.isEmpty ? part : "    " + part)
            }
        }
        return lines
    }

    /// A line that may have colours, in lines of at most this width; what follows the first is indented like it, and by
    /// four more.
    static func wrap(painted line: String, width: Int) -> [String] {
        let indent = line.prefix { $0 == " " }.count
        let margin = String(repeating: " ", count: indent + 4)
        var lines: [String] = []
        var used = 0
        for word in line.dropFirst(indent).split(separator: " ") {
            let columns = Printable.width(unpainted(word))
            if lines.isEmpty {
                lines.append(String(repeating: " ", count: indent) + word)
                used = indent + columns
            } else if used + 1 + columns <= width {
                lines[lines.count - 1] += " " + word
                used += 1 + columns
            } else {
                lines.append(margin + word)
                used = margin.count + columns
            }
        }
        return lines
    }

    /// Without the escapes that set colours.
    static func unpainted(_ text: some StringProtocol) -> String {
        var result = ""
        var isEscape = false
        for letter in text.unicodeScalars {
            if isEscape {
                isEscape = letter != "m"
            } else if letter == "\u{1b}" {
                isEscape = true
            } else {
                result.unicodeScalars.append(letter)
            }
        }
        return result
    }

    static func age(_ interval: Interval) -> String { age(interval.seconds) }

    /// The two largest units: `3d 4h`, `1h 2m`, `12m 5s`, `42s`, `1.3s`.
    static func age(_ seconds: Double) -> String {
        if !(seconds >= 0) || seconds > 1e12 { return "?" }
        if seconds < 10 {
            let tenths = Int((seconds * 10).rounded(.down))
            return "\(tenths / 10).\(tenths % 10)s"
        }
        let whole = Int(seconds)
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3_600: return "\(whole / 60)m \(whole % 60)s"
        case ..<86_400: return "\(whole / 3_600)h \(whole % 3_600 / 60)m"
        default: return "\(whole / 86_400)d \(whole % 86_400 / 3_600)h"
        }
    }

    /// A time left, to the millisecond while it is short: `3.197 s`, `0.036 s`, `42 s`.
    static func timeLeft(_ seconds: Double) -> String {
        if seconds <= 0 { return "a moment" }
        if seconds >= 10 { return "\(age(seconds))" }
        let milliseconds = Int((seconds * 1_000).rounded())
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction + " s"
    }
}
