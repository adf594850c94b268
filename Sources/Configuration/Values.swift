import Base

/// A decimal whole number with an optional minus; nil for anything else, or one that doesn't fit 53 bits.
func wholeNumber(_ bytes: ArraySlice<UInt8>) -> Int? {
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

/// true, on, yes, false, off, no.
func boolean(_ text: String) -> Bool? {
    switch text {
    case "true", "on", "yes": true
    case "false", "off", "no": false
    default: nil
    }
}
