extension Diagnostic {
    /// The finding as an operator reads it: `path:line:column: error: message`, the line, and a caret below it.
    ///
    /// - Parameter inColour: whether to mark the parts with ANSI escapes; for a terminal only.
    public func rendered(inColour: Bool = false) -> String {
        func mark(_ text: String, _ code: String) -> String { inColour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
        let word: String
        let colour: String
        switch severity {
        case .note: (word, colour) = ("note", "36")
        case .warning: (word, colour) = ("warning", "35")
        case .error: (word, colour) = ("error", "31")
        }
        let place = location.map { mark("\($0):", "1") + " " } ?? ""
        var text = place + mark("\(word):", "1;\(colour)") + " " + mark(Self.printable(message), "1")
        // Where the file came from stands after the caret, as the innermost place is what an operator looks for first.
        let chain = includedFrom.map { "\n    included from \(Self.printable($0.file)):\($0.line)" }.joined()
        guard let sourceLine, let location else { return text + chain }
        // The caret line repeats tabs, so that it lines up whatever the terminal's tab stops are; other bytes count
        // as characters, because columns are bytes and the eye sees characters.
        let bytes = Array(sourceLine.utf8)
        let start = min(max(location.column - 1, 0), bytes.count)
        let end = min(start + max(length, 1), bytes.count)
        var padding = ""
        for byte in bytes[..<start] where byte & 0xc0 != 0x80 { padding += byte == Byte.tab ? "\t" : " " }
        let width = bytes[start..<end].count { $0 & 0xc0 != 0x80 }
        let caret = "^" + String(repeating: "~", count: max(0, width - 1))
        text += "\n" + Self.printable(sourceLine) + "\n" + padding + mark(caret, "1;\(colour)")
        return text + chain
    }

    /// Text without control characters: a configuration must not be able to steer the reader's terminal.
    private static func printable(_ text: String) -> String {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 && scalar.value != 9 || (0x7f..<0xa0).contains(scalar.value)
            clean.append(isControl ? "\u{fffd}" : scalar)
        }
        return String(clean)
    }
}

extension LoadedConfiguration {
    /// All findings, one below the other; empty without any.
    public func renderedDiagnostics(inColour: Bool = false) -> String {
        diagnostics.map { $0.rendered(inColour: inColour) }.joined(separator: "\n")
    }

    /// One line that says how it went: `2 errors, 1 warning; 3 instances (1 in FAULT), 12 virtual servers`.
    public var summary: String {
        func count(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
        let faulted = model.instances.count { !$0.faults.isEmpty }
        let faults = faulted > 0 ? " (\(faulted) in FAULT)" : ""
        return [
            count(errorCount, "error", "errors"), ", ", count(warningCount, "warning", "warnings"), "; ",
            count(model.instances.count, "instance", "instances"), faults, ", ",
            count(model.virtualServers.count, "virtual server", "virtual servers"),
            model.ignoredSettings > 0
                ? "; \(count(model.ignoredSettings, "setting has", "settings have")) no effect" : "",
        ].joined()
    }
}
