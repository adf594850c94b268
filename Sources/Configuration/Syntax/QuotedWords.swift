import ConfigurationModel

/// Meaning of a backslash for `shellWords`.
enum ShellEscapes {
    /// Outside single quotes it begins an escape.
    case outsideSingleQuotes
    /// It begins an escape, in single quotes, too.
    case everywhere
    /// It protects the next byte, and both stay: the word is read again.
    case kept
}

/// The words of a keyword that runs a program: the command with its arguments as one word in which escapes stay, and what
/// follows it. Escapes are taken away once, when the command is split.
///
/// - Returns: the words as bytes; nil when a quote has no partner.
func commandWords(_ bytes: ArraySlice<UInt8>) -> [[UInt8]]? {
    guard let words = shellWords(bytes, .everywhere), let kept = shellWords(bytes, .kept), let command = kept.first
    else { return nil }
    return [command] + words.dropFirst()
}

/// Splits text by the shell-like rules of script keywords: `'...'` and `"..."` protect blanks, and adjacent parts make one
/// word.
///
/// - Returns: the words as bytes; nil when a quote has no partner.
func shellWords(_ bytes: ArraySlice<UInt8>, _ escapes: ShellEscapes = .outsideSingleQuotes) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var word: [UInt8]?
    var quote: UInt8?
    var offset = bytes.startIndex
    while offset < bytes.endIndex {
        let byte = bytes[offset]
        offset += 1
        if byte == quote {
            quote = nil
        } else if byte == Byte.backslash, offset < bytes.endIndex,
            quote != Byte.apostrophe || escapes != .outsideSingleQuotes
        {
            if escapes == .kept {
                word = (word ?? []) + [byte, bytes[offset]]
                offset += 1
            } else {
                let escaped = escape(bytes, &offset)
                word = (word ?? []) + [escaped]
            }
        } else if quote == nil, byte == Byte.quote || byte == Byte.apostrophe {
            quote = byte
            word = word ?? []
        } else if quote == nil, Byte.isBlank(byte) {
            if let done = word { words.append(done) }
            word = nil
        } else {
            word = (word ?? []) + [byte]
        }
    }
    if let done = word { words.append(done) }
    return quote == nil ? words : nil
}

/// A text without its escapes, wherever they stand.
func shellUnescaped(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var offset = 0
    while offset < bytes.count {
        offset += 1
        let isEscape = bytes[offset - 1] == Byte.backslash && offset < bytes.count
        result.append(isEscape ? escape(bytes[...], &offset) : bytes[offset - 1])
    }
    return result
}

/// The byte that the escape after a backslash stands for; `offset` moves behind it.
private func escape(_ bytes: ArraySlice<UInt8>, _ offset: inout Int) -> UInt8 {
    let letter = bytes[offset]
    offset += 1
    func take(_ limit: Int, _ digit: (UInt8) -> UInt8?) -> UInt8? {
        var value: UInt8?
        var count = 0
        while count < limit, offset < bytes.endIndex, let next = digit(bytes[offset]) {
            value = (value ?? 0) &* (limit == 2 ? 16 : 8) &+ next
            offset += 1
            count += 1
        }
        return value
    }
    switch letter {
    case UInt8(ascii: "a"): return 7
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "E"): return 27
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "v"): return 11
    case UInt8(ascii: "c") where offset < bytes.endIndex:
        offset += 1
        return bytes[offset - 1] & 0x1f
    case UInt8(ascii: "x"):
        return take(2) { byte in
            switch byte {
            case 48...57: byte - 48
            case 65...70: byte - 55
            case 97...102: byte - 87
            default: nil
            }
        } ?? letter
    case 48...55:
        offset -= 1
        return take(3) { (48...55).contains($0) ? $0 - 48 : nil } ?? letter
    default: return letter
    }
}
