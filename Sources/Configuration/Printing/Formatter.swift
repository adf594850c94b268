import ConfigurationModel

/// The reason a file is left as it is.
package struct FormatFailure: Error, Hashable, Sendable {
    /// Its errors; at least one.
    package var diagnostics: [Diagnostic]
}

/// Puts one file into the canonical layout: four blanks for each open block, `{` at the end of its keyword's line, `}`
/// on a line of its own, one statement a line, single blanks between words, at most one empty line.
///
/// Comments and quotes stay. Lines that mean something before they are split into words (includes, conditions,
/// definitions, generated lines, references, shell quoting) are indented and otherwise left alone.
/// - Throws: `FormatFailure` when its lines or braces are broken, so that its layout would be a guess.
package func formatConfiguration(_ bytes: [UInt8], path: String) throws(FormatFailure) -> [UInt8] {
    if let objection = FileHead.objection(to: bytes) {
        throw FormatFailure(
            diagnostics: [Diagnostic(.error, objection, at: SourceLocation(file: path, line: 1), code: .file)])
    }
    // A byte order mark means nothing, and what another program makes of it is a word of its own.
    var formatter = Formatter(Array(bytes.dropFirst(FileHead.markLength(bytes))), path: path)
    return try formatter.run()
}

private struct Formatter {
    /// One physical line, looked at once.
    private struct PhysicalLine {
        var number: Int
        /// All of it without its line end.
        var range: Range<Int>
        /// From the first byte that isn't blank to the comment; empty without code.
        var code: Range<Int>
        var comment: Range<Int>?
        var conditions: [FormatterNesting.Condition] = []
        /// The beginning of the text after the conditions.
        var textStart = 0
        /// Its comment ends with a backslash: a value goes on in the next line.
        var isContinued = false
    }

    private var text = SourceText()
    private var diagnostics = DiagnosticList()
    private var lines: [PhysicalLine] = []
    private var nesting = FormatterNesting([])
    private var writer = LayoutWriter()
    /// A definition whose value goes on in the next line.
    private var openDefinition: (name: String, lines: [ArraySlice<UInt8>])?
    private let path: String

    init(_ bytes: [UInt8], path: String) {
        self.path = path
        text.bytes = bytes
        text.files = [SourceFile(path: path, range: 0..<bytes.count)]
    }

    mutating func run() throws(FormatFailure) -> [UInt8] {
        readLines()
        try giveUpOnErrors()
        nesting = FormatterNesting(lines.flatMap(\.conditions))
        for line in lines { write(line) }
        if openDefinition != nil, let last = lines.last {
            complain("the file ends within the value of a definition", at: last, .text)
        }
        try giveUpOnErrors()
        // A file that isn't complete by itself may close what another one opens.
        if nesting.isCertain { try checkBlocks() }
        let result = writer.finish()
        guard Self.content(of: result) == Self.content(of: text.bytes) else {
            let message = "this file can't be laid out without changing what it says"
            throw FormatFailure(diagnostics: [Diagnostic(.error, message, at: SourceLocation(file: path, line: 1))])
        }
        return result
    }

    private func giveUpOnErrors() throws(FormatFailure) {
        guard diagnostics.errorCount > 0 else { return }
        throw FormatFailure(diagnostics: diagnostics.diagnostics)
    }

    private mutating func complain(
        _ message: String, at line: PhysicalLine, _ code: DiagnosticCode, byte: Int? = nil
    ) {
        let place = byte.map { $0..<$0 + 1 } ?? (line.code.isEmpty ? line.range : line.code)
        let part = TextLine(
            start: place.lowerBound, end: place.upperBound, file: 0, line: line.number, origin: line.range.lowerBound)
        diagnostics.stage = code
        diagnostics.add(.error, message, at: part, in: text)
    }

    // MARK: - Reading

    private mutating func readLines() {
        var offset = 0
        while offset < text.bytes.count {
            var end = offset
            while end < text.bytes.count, text.bytes[end] != Byte.newline { end += 1 }
            text.files[0].lineStarts.append(UInt32(truncatingIfNeeded: offset))
            readLine(offset..<end)
            offset = end + 1
        }
    }

    private mutating func readLine(_ physical: Range<Int>) {
        var end = physical.upperBound
        while end > physical.lowerBound, text.bytes[end - 1] == Byte.carriageReturn { end -= 1 }
        let range = physical.lowerBound..<end
        let scan = text.scanLine(range)
        var start = range.lowerBound
        while start < scan.end, Byte.isBlank(text.bytes[start]) { start += 1 }
        var line = PhysicalLine(number: lines.count + 1, range: range, code: start..<max(start, scan.end))
        var comment = max(start, scan.end)
        while comment < end, Byte.isBlank(text.bytes[comment]) { comment += 1 }
        while end > comment, Byte.isBlank(text.bytes[end - 1]) { end -= 1 }
        if comment < end { line.comment = comment..<end }
        line.isContinued = scan.isContinued
        if range.count > Preprocessor.maximumLineLength {
            complain("the line is longer than \(Preprocessor.maximumLineLength) bytes", at: line, .text)
        }
        if scan.hasNUL { complain("the line has a NUL byte", at: line, .text) }
        if let quote = scan.openQuote {
            complain("this `\"` has no partner on its line", at: line, .text, byte: quote)
        }
        readConditions(&line)
        lines.append(line)
    }

    private func readConditions(_ line: inout PhysicalLine) {
        var offset = line.code.lowerBound
        while offset < line.code.upperBound, text.bytes[offset] == Byte.at {
            var name = offset + 1
            let isNegated = name < line.code.upperBound && text.bytes[name] == Byte.caret
            if isNegated { name += 1 }
            var end = name
            while end < line.code.upperBound, !Byte.isBlank(text.bytes[end]) { end += 1 }
            line.conditions.append(.init(name: text.bytes[name..<end], isNegated: isNegated))
            while end < line.code.upperBound, Byte.isBlank(text.bytes[end]) { end += 1 }
            offset = end
        }
        line.textStart = offset
    }

    // MARK: - Writing

    private mutating func write(_ line: PhysicalLine) {
        if openDefinition != nil { return continueDefinition(line, from: line.code.lowerBound, isFirst: false) }
        guard !line.code.isEmpty else {
            guard let comment = line.comment else { return writer.emptyLine() }
            return writer.line(
                LayoutSegment(code: []), comment: text.bytes[comment], depth: nesting.depth(line.conditions))
        }
        if let value = definition(line) { return continueDefinition(line, from: value, isFirst: true) }
        let code = text.bytes[line.code]
        let comment = line.comment.map { text.bytes[$0] }
        guard !isSpecial(line) else {
            let body = text.bytes[bodyStart(of: line)..<line.code.upperBound]
            return write([kept(code, body)], line, comment)
        }
        let first = text.tokens.count
        text.tokenize(
            TextLine(
                start: line.code.lowerBound, end: line.code.upperBound, file: 0, line: line.number,
                origin: line.range.lowerBound))
        write(text.segments(of: text.tokens[first...], escapes: false), line, comment)
        text.tokens.removeAll(keepingCapacity: true)
    }

    private mutating func write(_ segments: [LayoutSegment], _ line: PhysicalLine, _ comment: ArraySlice<UInt8>?) {
        var comment = comment
        for (place, segment) in segments.enumerated() {
            let isJoined = place == 0 && writer.join(segment, comment: comment)
            if !isJoined { writer.line(segment, comment: comment, depth: nesting.depth(line.conditions)) }
            // A comment belongs to the whole line, so to its first part.
            comment = nil
            nesting.pass(line.conditions, segment.nesting)
        }
    }

    /// A line that stays as it is: its braces are counted in its body.
    private mutating func kept(_ code: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>) -> LayoutSegment {
        var segment = LayoutSegment(code: Array(code))
        segment.closes = body.prefix { $0 == Byte.close || Byte.isBlank($0) }.count { $0 == Byte.close }
        segment.nesting = nesting.count(body)
        return segment
    }

    /// True if the preprocessor looks at the line before it is split into words.
    private mutating func isSpecial(_ line: PhysicalLine) -> Bool {
        let body = text.bytes[line.textStart..<line.code.upperBound]
        let word = body.prefix { !Byte.isBlank($0) && $0 != Byte.quote }
        if text.isInclude(word) {
            nesting.include()
            return true
        }
        return !line.conditions.isEmpty || body.first == Byte.tilde || body.contains(Byte.dollar)
    }

    /// The beginning of the text whose braces count: after conditions and generators; the line's end for an include.
    private func bodyStart(of line: PhysicalLine) -> Int {
        var start = line.textStart
        let word = text.bytes[start..<line.code.upperBound].prefix { !Byte.isBlank($0) && $0 != Byte.quote }
        if text.isInclude(word) { return line.code.upperBound }
        while start < line.code.upperBound, text.bytes[start] == Byte.tilde,
            let close = text.bytes[start..<line.code.upperBound].firstIndex(of: Byte.rightParenthesis)
        {
            start = close + 1
            while start < line.code.upperBound, Byte.isBlank(text.bytes[start]) { start += 1 }
        }
        return start
    }

    // MARK: - Definitions

    /// The beginning of the value when a line defines something.
    private mutating func definition(_ line: PhysicalLine) -> Int? {
        var offset = line.textStart
        guard offset < line.code.upperBound, text.bytes[offset] == Byte.dollar else { return nil }
        offset += 1
        let start = offset
        while offset < line.code.upperBound, Byte.isName(text.bytes[offset]) { offset += 1 }
        guard offset > start, Byte.isNameStart(text.bytes[start]), offset < line.code.upperBound,
            text.bytes[offset] == Byte.equals
        else { return nil }
        openDefinition = (String(decoding: text.bytes[start..<offset], as: UTF8.self), [])
        return offset + 1
    }

    /// Values stay byte for byte: how their lines are broken is what they say.
    private mutating func continueDefinition(_ line: PhysicalLine, from start: Int, isFirst: Bool) {
        var value = start..<max(start, line.code.upperBound)
        let hasBackslash = value.upperBound > value.lowerBound && text.bytes[value.upperBound - 1] == Byte.backslash
        if hasBackslash { value = value.lowerBound..<value.upperBound - 1 }
        let goesOn = hasBackslash || line.isContinued
        openDefinition?.lines.append(text.bytes[value])
        if isFirst {
            writer.line(
                LayoutSegment(code: Array(text.bytes[line.code])), comment: line.comment.map { text.bytes[$0] },
                depth: nesting.depth(line.conditions))
        } else {
            writer.raw(text.bytes[line.range.lowerBound..<(line.comment?.upperBound ?? line.code.upperBound)])
        }
        guard !goesOn, let done = openDefinition else { return }
        openDefinition = nil
        nesting.define(done.name, done.lines)
    }

    // MARK: - Checking

    /// Braces have to fit on every node that the text is meant for.
    private func checkBlocks() throws(FormatFailure) {
        for name in nesting.nodes {
            // Values may bring braces along, so that a text with an even number generates an odd one.
            if braceFindings(node: name, generatesOnce: true).isEmpty { continue }
            let findings = braceFindings(node: name, generatesOnce: false)
            if !findings.isEmpty { throw FormatFailure(diagnostics: findings) }
        }
    }

    /// Findings about the braces on one node; empty without errors.
    private func braceFindings(node: String, generatesOnce: Bool) -> [Diagnostic] {
        var preprocessor = Preprocessor(SourceSet(path: path), Environment(configID: node))
        preprocessor.generatesOnce = generatesOnce
        preprocessor.read(text.bytes, path: path)
        var parser = StatementParser(preprocessor.text, DiagnosticList())
        parser.run()
        let findings = parser.diagnostics.diagnostics.filter { $0.code == .brace }
        return findings.contains { $0.severity == .error } ? findings : []
    }

    /// Every word and brace of a text, and every comment, in order.
    private struct Content: Equatable {
        var kinds: [TokenKind] = []
        var words: [ArraySlice<UInt8>] = []
        var comments: [ArraySlice<UInt8>] = []
    }

    private static func content(of bytes: [UInt8]) -> Content {
        var formatter = Formatter(bytes, path: "")
        formatter.readLines()
        var content = Content()
        for line in formatter.lines {
            formatter.text.tokens.removeAll(keepingCapacity: true)
            formatter.text.tokenize(
                TextLine(start: line.code.lowerBound, end: line.code.upperBound, file: 0, line: 0, origin: 0))
            content.kinds += formatter.text.tokens.map(\.kind)
            content.words += formatter.text.tokens.map { bytes[$0.range] }
            if let comment = line.comment { content.comments.append(bytes[comment]) }
        }
        return content
    }
}
