/// Text that came from a configuration, the network or the command line and goes to a terminal or a log.
package enum Printable {
    /// The text with an escape (`\x1b`, `\u{202e}`) for everything that could steer a terminal or begin a line of its
    /// own.
    package static func text(_ text: String) -> String { self.text(text, limit: .max) }

    /// Does the same with this many characters at most; what is longer ends with `...`.
    package static func text(_ text: String, limit: Int) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) {
            return text.utf8.count <= limit ? text : String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "..."
        }
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + "..." }
            count += 1
            if let escaped = escape(scalar) { result += escaped } else { result.unicodeScalars.append(scalar) }
        }
        return result
    }

    /// Returns the text in place of this scalar; nil when it can be written as it is.
    package static func escape(_ scalar: Unicode.Scalar) -> String? {
        if scalar.value >= 0x20, scalar.value < 0x7f { return nil }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: break
        default: return nil
        }
        let digits = String(scalar.value, radix: 16)
        if scalar.value >= 0x80 { return "\\u{\(digits)}" }
        switch scalar {
        case "\n": return "\\n"
        case "\t": return "\\t"
        case "\r": return "\\r"
        default: return "\\x" + (digits.count == 1 ? "0" : "") + digits
        }
    }

    /// Columns that it takes; wide characters count as one.
    package static func width(_ text: String) -> Int {
        let utf8 = text.utf8
        return utf8.allSatisfy { $0 < 0x80 } ? utf8.count : text.count
    }
}

/// A number with its noun: `1 instance`, `2 instances`, `2 addresses`.
package func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)\(noun.hasSuffix("s") ? "es" : "s")"
}
