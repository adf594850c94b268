import ConfigurationModel

/// Characters that look like a blank or like nothing, and are part of a word: what is copied from a web page has them.
enum InvisibleCharacter {
    /// A remark on this text; nil when all of it can be seen.
    static func remark(on bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.contains(where: { $0 < 0x20 || $0 > 0x7e }) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let found = text.unicodeScalars.first(where: isInvisible) else { return nil }
        let digits = String(found.value, radix: 16, uppercase: true)
        let number = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return "it has \(name(found)) (U+\(number)), which separates no words: type a blank, or remove it"
    }

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return false }
        if scalar.properties.isDefaultIgnorableCodePoint { return true }
        switch scalar.properties.generalCategory {
        case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control, .format: return true
        default: return false
        }
    }

    private static func name(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0xa0, 0x202f: "a no-break space"
        case 0xad: "a soft hyphen"
        case 0x200b...0x200d, 0x2060: "a character without width"
        case 0xfeff: "a byte order mark"
        default:
            scalar.properties.generalCategory == .spaceSeparator ? "a space of another kind" : "an invisible character"
        }
    }
}
