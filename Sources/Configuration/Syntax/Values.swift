import Base
import ConfigurationModel

/// A decimal whole number with an optional minus; nil for anything else, or one that doesn't fit 53 bits.
func wholeNumber(_ bytes: ArraySlice<UInt8>) -> Int? {
    // In quotes a number may have blanks before it, as strtol takes them.
    let bytes = bytes.first.map(Byte.isBlank) ?? false ? bytes.drop(while: Byte.isBlank) : bytes
    let isNegative = bytes.first == UInt8(ascii: "-")
    let digits = isNegative ? bytes.dropFirst() : bytes
    guard (1...15).contains(digits.count) else { return nil }
    var value = 0
    for digit in digits {
        guard Byte.isDigit(digit) else { return nil }
        value = value * 10 + Int(digit - Byte.zero)
    }
    return isNegative ? -value : value
}

/// Seconds with up to six decimals as microseconds; nil for anything else. More decimals are cut, which `isExact`
/// tells unless they are zero.
func decimalMicroseconds(_ bytes: ArraySlice<UInt8>) -> (value: Int64, isExact: Bool)? {
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, parts.count == 1 || !(whole.isEmpty && parts[1].isEmpty) else { return nil }
    guard whole.count <= 9, whole.allSatisfy(Byte.isDigit), !bytes.isEmpty else { return nil }
    var micros: Int64 = 0
    for digit in whole { micros = micros * 10 + Int64(digit - Byte.zero) }
    micros *= 1_000_000
    guard parts.count == 2 else { return (micros, true) }
    guard parts[1].allSatisfy(Byte.isDigit) else { return nil }
    var unit: Int64 = 100_000
    for digit in parts[1].prefix(6) {
        micros += unit * Int64(digit - Byte.zero)
        unit /= 10
    }
    return (micros, parts[1].dropFirst(6).allSatisfy { $0 == Byte.zero })
}

/// True if these bytes are a number at all, however large, small or long.
func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
    let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes
    let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    return digits.contains(where: Byte.isDigit) && parts.allSatisfy { $0.allSatisfy(Byte.isDigit) }
}

/// true, on, yes, false, off, no.
func boolean(_ text: String) -> Bool? {
    switch text {
    case "true", "on", "yes": true
    case "false", "off", "no": false
    default: nil
    }
}

/// Pairs of hexadecimal digits, a last digit that is left over being a byte of its own; `X` may be a wildcard. Nil for
/// anything else.
func hexadecimalBytes(_ digits: ArraySlice<UInt8>, allowsWildcards: Bool) -> [ReplyByte]? {
    var bytes: [ReplyByte] = []
    var high: ReplyByte?
    for digit in digits {
        let nibble: ReplyByte
        switch digit {
        case 48...57: nibble = ReplyByte(value: digit - 48, mask: 15)
        case 65...70: nibble = ReplyByte(value: digit - 55, mask: 15)
        case 97...102: nibble = ReplyByte(value: digit - 87, mask: 15)
        case UInt8(ascii: "X") where allowsWildcards, UInt8(ascii: "x") where allowsWildcards:
            nibble = ReplyByte(value: 0, mask: 0)
        default: return nil
        }
        guard let first = high else {
            high = nibble
            continue
        }
        bytes.append(ReplyByte(value: first.value << 4 | nibble.value, mask: first.mask << 4 | nibble.mask))
        high = nil
    }
    if let last = high { bytes.append(ReplyByte(value: last.value, mask: last.mask | 0xf0)) }
    return bytes
}
