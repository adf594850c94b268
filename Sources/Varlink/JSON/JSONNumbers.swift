extension JSONParser {
    /// Digits read so far as one number, as long as it is exact.
    private struct Mantissa {
        var value: UInt64 = 0
        var digits = 0
        /// 18 digits always fit.
        var isExact: Bool { digits <= 18 }

        mutating func append(_ byte: UInt8) {
            digits += 1
            if isExact { value = value * 10 + UInt64(byte - 0x30) }
        }
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    ]

    private mutating func readDigits(into mantissa: inout Mantissa) -> Int {
        let before = mantissa.digits
        while let byte = next, byte >= 0x30, byte <= 0x39 {
            mantissa.append(byte)
            advance()
        }
        return mantissa.digits - before
    }

    package mutating func parseNumber() throws(JSONError) -> JSON {
        let start = position
        var mantissa = Mantissa()
        let isNegative = take(UInt8(ascii: "-"))
        let leadingZero = next == 0x30
        let digits = readDigits(into: &mantissa)
        if digits == 0 || (leadingZero && digits > 1) { throw error("not a number") }
        var decimals = 0
        if take(UInt8(ascii: ".")) {
            decimals = readDigits(into: &mantissa)
            if decimals == 0 { throw error("digits should follow the point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            advance()
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { advance() }
            var exponent = Mantissa()
            if readDigits(into: &exponent) == 0 { throw error("digits should follow the exponent") }
            return try parseText(from: start, isWhole: false)
        }
        guard mantissa.isExact else { return try parseText(from: start, isWhole: decimals == 0) }
        if decimals == 0 {
            let number = Int64(mantissa.value)
            return .int(isNegative ? -number : number)
        }
        // Both are exact as Double, so their quotient is the nearest one: what a full conversion would give.
        guard mantissa.value < 1 << 53 else { return try parseText(from: start, isWhole: false) }
        let number = Double(mantissa.value) / Self.powersOfTen[decimals]
        return .double(isNegative ? -number : number)
    }

    private func parseText(from start: Int, isWhole: Bool) throws(JSONError) -> JSON {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int64(text) { return .int(number) }
        guard let number = Double(text), number.isFinite else { throw error("the number is too large") }
        return .double(number)
    }
}
