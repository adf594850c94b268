import ConfigurationModel

/// Bytes that mean something to the lexer.
enum Byte {
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let tab = UInt8(ascii: "\t")
    static let space = UInt8(ascii: " ")
    static let quote = UInt8(ascii: "\"")
    static let apostrophe = UInt8(ascii: "'")
    static let backslash = UInt8(ascii: "\\")
    static let hash = UInt8(ascii: "#")
    static let bang = UInt8(ascii: "!")
    static let open = UInt8(ascii: "{")
    static let close = UInt8(ascii: "}")
    static let dollar = UInt8(ascii: "$")
    static let at = UInt8(ascii: "@")
    static let tilde = UInt8(ascii: "~")
    static let caret = UInt8(ascii: "^")
    static let equals = UInt8(ascii: "=")
    static let comma = UInt8(ascii: ",")
    static let leftParenthesis = UInt8(ascii: "(")
    static let rightParenthesis = UInt8(ascii: ")")
    static let underscore = UInt8(ascii: "_")
    static let slash = UInt8(ascii: "/")
    static let zero = UInt8(ascii: "0")
    static let nine = UInt8(ascii: "9")

    /// Space, tab, vertical tab, form feed, carriage return.
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab || (11...13).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { byte >= zero && byte <= nine }
    /// First byte of a definition's name.
    static func isNameStart(_ byte: UInt8) -> Bool { (byte | 0x20) >= 97 && (byte | 0x20) <= 122 || byte == underscore }
    static func isName(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }
}

extension SourceText {
    /// Result of a first look at a physical line.
    struct LineScan {
        /// One past the last byte that isn't comment or blank.
        var end: Int
        /// It has `\#` or `\!`, whose backslash has to go.
        var hasEscape = false
        /// It has `$`, so that substitution has to look at it.
        var hasDollar = false
        /// Offset of a `"` without a partner: the one that is open at the end or, as words are split at each `"`, the
        /// last one of an odd number.
        var openQuote: Int?
        /// It has a NUL byte.
        var hasNUL = false
        /// It has a comment that ends with a backslash: a definition's value goes on in the next line.
        var isContinued = false
    }

    /// Finds the comment and the special bytes of a line. `#` and `!` begin a comment outside double quotes unless a
    /// backslash stands before them; single quotes don't protect them. A backslash takes its meaning from the byte after
    /// it, within quotes too: in `"a \"# b\""` there is no comment. Words are split at each `"` all the same, so that a
    /// line must have an even number of them, as keepalived asks.
    func scanLine(_ range: Range<Int>) -> LineScan {
        var scan = LineScan(end: range.upperBound)
        var offset = range.lowerBound
        var isOdd = false
        var lastQuote: Int?
        scanning: while offset < range.upperBound {
            switch bytes[offset] {
            case Byte.quote:
                scan.openQuote = scan.openQuote == nil ? offset : nil
                isOdd.toggle()
                lastQuote = offset
            case Byte.hash, Byte.bang:
                if scan.openQuote == nil {
                    scan.end = offset
                    scan.isContinued = endsWithBackslash(offset..<range.upperBound)
                    break scanning
                }
            case Byte.backslash:
                // What is a pair for the comment may still be a reference, or no text at all.
                guard offset + 1 < range.upperBound else { break }
                offset += 1
                switch bytes[offset] {
                case Byte.quote:
                    isOdd.toggle()
                    lastQuote = offset
                case Byte.hash, Byte.bang: if scan.openQuote == nil { scan.hasEscape = true }
                case Byte.dollar: scan.hasDollar = true
                case 0: scan.hasNUL = true
                default: break
                }
            case Byte.dollar: scan.hasDollar = true
            case 0: scan.hasNUL = true
            default: break
            }
            offset += 1
        }
        if isOdd { scan.openQuote = scan.openQuote ?? lastQuote }
        while scan.end > range.lowerBound, Byte.isBlank(bytes[scan.end - 1]) { scan.end -= 1 }
        return scan
    }

    /// True if a stretch ends with a backslash that no other backslash protects.
    func endsWithBackslash(_ range: Range<Int>) -> Bool {
        !bytes[range].reversed().prefix { $0 == Byte.backslash }.count.isMultiple(of: 2)
    }

    /// Splits a line into words and braces and appends them to `tokens`.
    mutating func tokenize(_ line: TextLine) {
        var offset = line.start
        var startsLine = true
        while offset < line.end {
            let byte = bytes[offset]
            if Byte.isBlank(byte) {
                offset += 1
                continue
            }
            let first = offset
            var text = offset..<offset
            let kind: TokenKind
            switch byte {
            case Byte.open, Byte.close:
                offset += 1
                text = first..<offset
                kind = byte == Byte.open ? .open : .close
            case Byte.quote:
                offset += 1
                while offset < line.end, bytes[offset] != Byte.quote { offset += 1 }
                text = first + 1..<offset
                if offset < line.end { offset += 1 }
                kind = .quoted
            default:
                while offset < line.end, !Byte.isBlank(bytes[offset]), bytes[offset] != Byte.quote,
                    bytes[offset] != Byte.open, bytes[offset] != Byte.close
                { offset += 1 }
                text = first..<offset
                kind = .word
            }
            let place = line.place(of: first, length: offset - first)
            tokens.append(
                Token(
                    start: UInt32(text.lowerBound), end: UInt32(text.upperBound), line: UInt32(line.line),
                    column: UInt16(clamping: place.column), length: UInt16(clamping: place.length),
                    file: UInt16(line.file), kind: kind, startsLine: startsLine))
            startsLine = false
        }
    }
}
