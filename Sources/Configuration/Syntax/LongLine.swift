import ConfigurationModel

/// Lines that substitution has made longer than a file's lines may be: written as definitions and a line of references,
/// so that what is printed can be read again.
enum LongLine {
    /// Short enough for a backslash before each byte.
    private static let partLength = 450

    /// Definitions for the parts of a line, and the line that uses them; nil for a line that is short enough or that
    /// can't be written like that.
    ///
    /// - Parameter number: counts the definitions of a text.
    static func parts(of code: [UInt8], number: inout Int) -> [UInt8]? {
        guard code.count > Preprocessor.maximumLineLength else { return nil }
        var definitions: [UInt8] = []
        var line: [UInt8] = []
        var isQuoted = false
        // Quotes stay in the line: those of a definition have to be closed in it.
        for (index, run) in code.split(separator: Byte.quote, omittingEmptySubsequences: false).enumerated() {
            if index > 0 {
                line.append(Byte.quote)
                isQuoted.toggle()
            }
            // What is taken for nothing at the edges of a value stays in the line, too.
            let start = run.firstIndex { !Byte.isBlank($0) } ?? run.endIndex
            var end = run.endIndex
            while end > start, Byte.isBlank(run[end - 1]) || run[end - 1] == Byte.backslash { end -= 1 }
            line += run[..<start]
            var rest = run[start..<end]
            while !rest.isEmpty {
                let part = take(from: &rest)
                number += 1
                let name = Array("HASUP_PART_\(number)".utf8)
                definitions += [Byte.dollar] + name + [Byte.equals]
                definitions += isQuoted ? escaped(part) : Array(part)
                definitions.append(Byte.newline)
                line += [Byte.dollar, Byte.open] + name + [Byte.close]
                let blanks = rest.prefix(while: Byte.isBlank)
                line += blanks
                rest = rest.dropFirst(blanks.count)
            }
            line += run[end...]
        }
        guard !isQuoted, line.count <= Preprocessor.maximumLineLength,
            definitions.split(separator: Byte.newline).allSatisfy({ $0.count <= Preprocessor.maximumLineLength })
        else { return nil }
        return definitions + line + [Byte.newline]
    }

    /// Some of the bytes, up to a place before which neither a blank nor a backslash stands, and within no character.
    private static func take(from rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = min(rest.startIndex + partLength, rest.endIndex)
        while end < rest.endIndex,
            Byte.isBlank(rest[end - 1]) || rest[end - 1] == Byte.backslash || rest[end] & 0xc0 == 0x80
        { end += 1 }
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// Within quotes `#` and `!` need no backslash; in a value they do.
    private static func escaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.flatMap { $0 == Byte.hash || $0 == Byte.bang ? [Byte.backslash, $0] : [$0] }
    }
}
