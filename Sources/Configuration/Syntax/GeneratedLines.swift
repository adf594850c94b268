import Base
import ConfigurationModel

/// `~SEQ`, `~SEQx` and `~LST`: one line for each value of a variable.
extension Preprocessor {
    /// Numbers in one sequence. keepalived has no limit; beyond this it's a typing error.
    private static var maximumSequence: Int { maximumUses }

    /// Repeats the text after `~SEQ(...)`, `~SEQx(...)` or `~LST(...)`. - Returns: false for every other line.
    mutating func generate(_ line: TextLine) -> Bool {
        guard let open = text.bytes[line.start..<line.end].firstIndex(of: Byte.leftParenthesis) else { return false }
        let name = String(decoding: text.bytes[line.start..<open], as: UTF8.self)
        guard name == "~SEQ" || name == "~SEQx" || name == "~LST" else { return false }
        guard let close = text.bytes[open..<line.end].firstIndex(of: Byte.rightParenthesis) else {
            report(.error, "`\(name)(` isn't closed by `)` on its line", at: line)
            return true
        }
        var inside = line
        inside.start = open + 1
        inside.end = close
        let arguments = expand(inside).line
        let values = Array(text.bytes[arguments.start..<arguments.end])
        guard let body = skippingBlanks(line.dropping(to: close + 1)) else {
            report(.error, "`\(name)(...)` is followed by the text to repeat; there is none", at: line)
            return true
        }
        if name == "~LST" {
            repeatList(values, body, at: inside)
        } else {
            repeatSequence(values, body, isHexadecimal: name == "~SEQx", at: inside)
        }
        return true
    }

    private mutating func repeatSequence(_ arguments: [UInt8], _ body: TextLine, isHexadecimal: Bool, at line: TextLine)
    {
        let words = Self.split(arguments).map { String(decoding: $0, as: UTF8.self) }
        let numbers = words.dropFirst().map(Self.number)
        guard let name = words.first, Self.isName(name), (1...3).contains(numbers.count),
            case let known = numbers.compactMap({ $0 }), known.count == numbers.count, let end = known.last
        else { return report(.error, "a sequence is `~SEQ(NAME, START, STEP, END)` with whole numbers", at: line) }
        let start = known.count > 1 ? known[0] : end < 0 ? -1 : 1
        let step = known.count > 2 ? known[1] : end < start ? -1 : 1
        guard step != 0, (end >= start) == (step > 0) || end == start else {
            return report(.error, "a sequence from \(start) to \(end) never ends with step \(step)", at: line)
        }
        guard !isHexadecimal || min(start, end) >= 0 else {
            return report(.error, "`~SEQx` has no negative numbers", at: line)
        }
        // All numbers fit 32 bits (`number`), so nothing here overflows.
        guard (end - start) / step < Self.maximumSequence else {
            return report(.error, "the sequence has more than \(Self.maximumSequence) numbers", at: line)
        }
        let outer = definitions[name]
        let outerRepetitions = repetitions
        defer {
            definitions.restore(name, outer)
            repetitions = outerRepetitions
        }
        repetitions *= (end - start) / step + 1
        guard repetitions <= Self.maximumUses else {
            // Nobody has to wait for lines that will be too many.
            return exhaust("sequences within each other make more than \(Self.maximumUses) lines", at: line)
        }
        for value in stride(from: start, through: end, by: step) {
            guard emit(body, [(name, String(value, radix: isHexadecimal ? 16 : 10))]) else { return }
            if generatesOnce, isEven(body) { return }
            repetitions = 0
        }
    }

    private mutating func repeatList(_ arguments: [UInt8], _ body: TextLine, at line: TextLine) {
        let groups = Self.split(arguments).map(Self.members)
        guard let names = groups.first, !names.isEmpty, names.allSatisfy(Self.isName), groups.count > 1 else {
            return report(.error, "a list is `~LST(NAME, VALUE, ...)` or `~LST({A, B}, {1, 2}, ...)`", at: line)
        }
        let outer = names.map { definitions[$0] }
        defer { for (name, value) in zip(names, outer) { definitions.restore(name, value) } }
        for values in groups.dropFirst() {
            guard values.count <= names.count else {
                return report(.error, "\(counted(values.count, "value")) for \(counted(names.count, "name"))", at: line)
            }
            let padded = values + Array(repeating: "", count: names.count - values.count)
            guard emit(body, Array(zip(names, padded))) else { return }
        }
    }

    /// True if a text has as many `{` as `}`.
    private func isEven(_ body: TextLine) -> Bool {
        text.bytes[body.start..<body.end].reduce(0) { $0 + ($1 == Byte.open ? 1 : $1 == Byte.close ? -1 : 0) } == 0
    }

    /// Processes the body once with these variables. - Returns: false when the budget is spent.
    private mutating func emit(_ body: TextLine, _ variables: [(String, String)]) -> Bool {
        guard spend(body.end - body.start + 1, uses: 1, at: body) else { return false }
        for (name, value) in variables {
            let start = text.bytes.count
            text.bytes += value.utf8
            let line = TextLine(
                start: start, end: text.bytes.count, file: body.file, line: body.line, origin: start)
            definitions.define(name, [line])
        }
        let outer = isGenerating
        isGenerating = true
        processLine(body, hasDollar: true)
        isGenerating = outer
        if text.bytes.count > SourceText.maximumBytes || text.tokens.count > SourceText.maximumTokens {
            exhaust("the configuration is too large", at: body)
        }
        return !isExhausted
    }

    /// Splits at commas outside braces and trims blanks.
    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = 0
        var depth = 0
        for (offset, byte) in bytes.enumerated() {
            if byte == Byte.open { depth += 1 }
            if byte == Byte.close { depth -= 1 }
            if byte == Byte.comma, depth <= 0 {
                parts.append(trimmed(bytes[start..<offset]))
                start = offset + 1
            }
        }
        return parts + [trimmed(bytes[start...])]
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let front = bytes.drop(while: Byte.isBlank)
        guard let last = front.lastIndex(where: { !Byte.isBlank($0) }) else { return [] }
        return front[...last]
    }

    /// `{a, b}` as its members, anything else as one.
    private static func members(_ bytes: ArraySlice<UInt8>) -> [String] {
        guard bytes.first == Byte.open, bytes.last == Byte.close, bytes.count >= 2 else {
            return [String(decoding: bytes, as: UTF8.self)]
        }
        return split(Array(bytes.dropFirst().dropLast())).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return false }
        return Byte.isNameStart(first) && text.utf8.allSatisfy(Byte.isName)
    }

    /// A C integer: decimal, 0x hexadecimal, 0 octal; 32 bits with sign.
    private static func number(_ text: String) -> Int? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text[...]
        guard digits.utf8.first.map({ Byte.isDigit($0) }) == true else { return nil }
        let magnitude: UInt32? =
            if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
                UInt32(digits.dropFirst(2), radix: 16)
            } else if digits.hasPrefix("0"), digits.utf8.count > 1 { UInt32(digits.dropFirst(), radix: 8) } else {
                UInt32(digits)
            }
        return magnitude.map { isNegative ? -Int($0) : Int($0) }
    }
}
