/// The number at the beginning of a tracked file, as strtol(3) reads it with base 0: white space, a sign, `0x` for base
/// 16, `0` for base 8 (behaviours §8). What follows isn't looked at.
package struct TrackedFileValue: Hashable, Sendable {
    /// Bytes of a file that are looked at: a file of any size costs the same.
    package static let bytesMax = 127

    /// The number, or the nearest one that 32 bits hold; 0 when there is none.
    package let number: Int32
    /// False if the bytes don't begin with a number.
    package let isNumber: Bool

    package init(_ bytes: some Collection<UInt8>) {
        // isspace(3): tab, line feed, vertical tab, form feed, carriage return, space.
        var rest = bytes.prefix(Self.bytesMax).drop { $0 == 0x20 || (0x09...0x0d).contains($0) }[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        var base: Int64 = 10
        if rest.first == UInt8(ascii: "0") {
            let after = rest.dropFirst()
            let isHexadecimal = after.first.map { $0 | 0x20 } == UInt8(ascii: "x")
            // Without a digit behind it, the x isn't part of the number.
            if isHexadecimal, Self.digit(after.dropFirst().first, base: 16) != nil {
                base = 16
                rest = after.dropFirst()
            } else {
                base = 8
            }
        }
        var value: Int64 = 0
        var digits = 0
        while let digit = Self.digit(rest.first, base: base) {
            value = min(value * base + digit, Int64(Int32.max) + 1)
            digits += 1
            rest = rest.dropFirst()
        }
        isNumber = digits > 0
        number = Int32(clamping: isNegative ? -value : value)
    }

    private static func digit(_ byte: UInt8?, base: Int64) -> Int64? {
        let digit: Int64
        switch byte {
        case .some(let byte) where (0x30...0x39).contains(byte): digit = Int64(byte) - 0x30
        case .some(let byte) where (0x61...0x66).contains(byte | 0x20): digit = Int64(byte | 0x20) - 0x61 + 10
        default: return nil
        }
        return digit < base ? digit : nil
    }
}
