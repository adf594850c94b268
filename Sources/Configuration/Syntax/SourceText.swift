import ConfigurationModel

enum TokenKind: UInt8 {
    /// Text between blanks.
    case word
    /// Text between double quotes, without them.
    case quoted
    /// `{`
    case open
    /// `}`
    case close
}

/// One word or brace: where its text lies, and where an operator finds it.
struct Token {
    /// First byte of the text in `SourceText.bytes`.
    var start: UInt32
    /// One past its last byte.
    var end: UInt32
    /// From 1.
    var line: UInt32
    /// From 1, in bytes of the physical line.
    var column: UInt16
    /// Bytes to underline there, quotes included.
    var length: UInt16
    /// Index in `SourceText.files`.
    var file: UInt16
    var kind: TokenKind
    /// True if a new line began before it. A statement's words end where the next line begins.
    var startsLine: Bool

    var isText: Bool { kind == .word || kind == .quoted }
    var range: Range<Int> { Int(start)..<Int(end) }
}

/// A file that was read, with the place of each of its lines.
struct SourceFile {
    var path: String
    /// Its bytes in `SourceText.bytes`.
    var range: Range<Int>
    /// The line that includes it: index in `SourceText.files`, and line; nil for the main file.
    var includer: (file: Int, line: Int)?
    /// Offset of each line that was looked at so far, in the same bytes.
    var lineStarts: [UInt32] = []
}

/// The bytes of all files, one after the other, mixed with lines that were made by substitution, and the tokens in
/// them. Tokens name ranges of these bytes, so that no word becomes a `String` before somebody needs one.
struct SourceText {
    var bytes: [UInt8] = []
    var files: [SourceFile] = []
    var tokens: [Token] = []
    /// Lines behind `@hasup`.
    private var ownLines: Set<OwnLine> = []

    private struct OwnLine: Hashable {
        var file: Int
        var line: Int
    }

    /// Tokens, and therefore statements, are numbered with 32 bits; a configuration this large is a mistake.
    static let maximumBytes = 256 << 20
    static let maximumTokens = 8 << 20

    mutating func noteOwnLine(_ line: TextLine) { ownLines.insert(OwnLine(file: line.file, line: line.line)) }

    /// True if keepalived skips the line of a token, because `@hasup` stands before it or before an include that leads
    /// to it.
    func isOwn(_ token: Token) -> Bool {
        guard !ownLines.isEmpty else { return false }
        var place = OwnLine(file: Int(token.file), line: Int(token.line))
        // A file's includer was read before it, so this ends.
        while !ownLines.contains(place) {
            guard let includer = files[place.file].includer else { return false }
            place = OwnLine(file: includer.file, line: includer.line)
        }
        return true
    }

    /// A token's bytes.
    func slice(_ token: Token) -> ArraySlice<UInt8> { bytes[token.range] }

    /// A token's text. Bytes that aren't UTF-8 are replaced.
    func string(_ token: Token) -> String { String(decoding: bytes[token.range], as: UTF8.self) }

    /// True if a token's text is this, byte for byte.
    func matches(_ token: Token, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard token.range.count == count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[token.range]) }
    }

    func location(_ token: Token) -> SourceLocation {
        SourceLocation(file: files[Int(token.file)].path, line: Int(token.line), column: Int(token.column))
    }

    /// The includes through which a file was reached, innermost first.
    func includeChain(of file: Int) -> [SourceLocation] {
        var chain: [SourceLocation] = []
        var next = files.indices.contains(file) ? files[file].includer : nil
        // A file's includer was read before it, so this ends.
        while let place = next {
            chain.append(SourceLocation(file: files[place.file].path, line: place.line))
            next = files[place.file].includer
        }
        return chain
    }

    /// A physical line for the caret, without its line end; nil for a line that doesn't exist.
    func lineText(file: Int, line: Int) -> String? {
        guard files.indices.contains(file), line >= 1, line <= files[file].lineStarts.count else { return nil }
        let start = Int(files[file].lineStarts[line - 1])
        var end = start
        let limit = min(files[file].range.upperBound, start + 4096)
        while end < limit, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        while end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}

/// A line on its way through the preprocessor: bytes of `SourceText.bytes` and how they map to columns of a file.
struct TextLine {
    var start: Int
    var end: Int
    var file: Int
    var line: Int
    /// The position of column 1, for a line whose bytes are a file's own.
    var origin: Int
    /// For a line that was put together: its parts in order. Empty for a file's own line.
    var parts: [Part] = []
    /// Its comment, which isn't among its bytes any more, ended with a backslash.
    var isContinued = false

    /// A stretch of a composed line.
    struct Part {
        /// First byte in the composed line.
        var start: Int
        /// Column of that byte, or of the reference that the whole part replaces.
        var column: Int
        /// Bytes of the file that a replaced reference took; nil when the part is the file's own text.
        var replaced: Int?
    }

    /// The column to report for a byte, and the length to underline for a token of `length` bytes there.
    func place(of offset: Int, length: Int) -> (column: Int, length: Int) {
        guard let index = lastPart(beginningBefore: offset + 1) else { return (offset - origin + 1, length) }
        let part = parts[index]
        if let replaced = part.replaced { return (part.column, replaced) }
        let column = part.column + offset - part.start
        // A word that begins in a file's text and ends in a substituted one is underlined up to the end of the last.
        guard let last = lastPart(beginningBefore: offset + length), last > index else {
            return (column, length)
        }
        let end =
            parts[last].replaced.map { parts[last].column + $0 }
            ?? parts[last].column + offset + length - parts[last].start
        return (column, max(1, end - column))
    }

    /// The parts are in order, and a line of nested definitions may have a hundred thousand of them.
    private func lastPart(beginningBefore offset: Int) -> Int? {
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].start < offset { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    /// The same line from this byte on.
    func dropping(to offset: Int) -> TextLine {
        var rest = self
        rest.start = offset
        return rest
    }
}
