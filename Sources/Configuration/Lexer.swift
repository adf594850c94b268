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
    /// What a first look at a physical line found.
    struct LineScan {
        /// One past the last byte that isn't comment or blank.
        var end: Int
        /// It has `\#` or `\!`, whose backslash has to go.
        var hasEscape = false
        /// It has `$`, so that substitution has to look at it.
        var hasDollar = false
        /// Offset of a `"` without a partner.
        var openQuote: Int?
        /// It has a NUL byte.
        var hasNUL = false
    }

    /// Finds the comment and the special bytes of a line. `#` and `!` begin a comment outside double quotes unless a
    /// backslash stands before them; single quotes don't protect them.
    func scanLine(_ range: Range<Int>) -> LineScan {
        var scan = LineScan(end: range.upperBound)
        var offset = range.lowerBound
        scanning: while offset < range.upperBound {
            switch bytes[offset] {
            case Byte.quote:
                if scan.openQuote == nil { scan.openQuote = offset } else { scan.openQuote = nil }
            case Byte.hash, Byte.bang:
                if scan.openQuote == nil {
                    scan.end = offset
                    break scanning
                }
            case Byte.backslash:
                if scan.openQuote == nil, offset + 1 < range.upperBound,
                    bytes[offset + 1] == Byte.hash || bytes[offset + 1] == Byte.bang
                {
                    scan.hasEscape = true
                    offset += 1
                }
            case Byte.dollar: scan.hasDollar = true
            case 0: scan.hasNUL = true
            default: break
            }
            offset += 1
        }
        while scan.end > range.lowerBound, Byte.isBlank(bytes[scan.end - 1]) { scan.end -= 1 }
        return scan
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
