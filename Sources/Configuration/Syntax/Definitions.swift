import Base
import ConfigurationModel

/// A `$NAME=` definition: its value line by line, unexpanded, because it is expanded each time it is used.
struct Definition {
    /// The first line replaces the reference; the others follow as lines of their own.
    var lines: [TextLine]
    /// Tells it from every other, also from another value of the same name.
    var number = 0

    /// The text that one use of it makes.
    var byteCount: Int { lines.reduce(0) { $0 + $1.end - $1.start + 1 } }
}

/// A line that a value of several lines puts after the line with the reference.
struct FollowingLine {
    var line: TextLine
    /// The definitions that it is a part of, outermost first.
    var users: [Int]
}

/// Names that `$NAME` and `${NAME}` may refer to.
struct Definitions {
    private var values: [String: Definition] = [:]
    private var count = 0

    subscript(name: String) -> Definition? { values[name] }

    /// Gives a name a new value.
    mutating func define(_ name: String, _ lines: [TextLine]) {
        count += 1
        values[name] = Definition(lines: lines, number: count)
    }

    /// Gives a name the value back that it had before.
    mutating func restore(_ name: String, _ definition: Definition?) { values[name] = definition }
}

/// A reference found in a line.
private struct Reference {
    var range: Range<Int>
    var name: String
    /// Words after the name within `${...}`, for `_ENV` and `_RANDOM`.
    var arguments: [String]
    var isBraced: Bool
}

extension Preprocessor {
    /// Values within values.
    static var maximumExpansionDepth: Int { 32 }

    /// The line with every known reference replaced, and the lines that multi-line values put after it.
    mutating func expand(_ line: TextLine) -> (line: TextLine, following: [FollowingLine]) {
        var result = TextLine(
            start: text.bytes.count, end: text.bytes.count, file: line.file, line: line.line, origin: 0)
        var following: [FollowingLine] = []
        expand(line, into: &result, as: nil, depth: 0, following: &following)
        result.end = text.bytes.count
        return (result, following)
    }

    /// - Parameter place: the outermost reference that all of this text stands for; nil for the line itself.
    private mutating func expand(
        _ line: TextLine, into result: inout TextLine, as place: TextLine.Part?, depth: Int,
        following: inout [FollowingLine]
    ) {
        var offset = line.start
        var literal = line.start
        var isQuoted = false
        while offset < line.end, !isExhausted {
            let byte = text.bytes[offset]
            if byte == Byte.quote { isQuoted.toggle() }
            guard byte == Byte.dollar, let reference = reference(at: offset, in: line) else {
                offset += 1
                continue
            }
            let (column, length) = line.place(of: offset, length: reference.range.count)
            let part = place ?? TextLine.Part(start: 0, column: column, replaced: length)
            if let definition = definitions[reference.name] {
                copy(literal..<offset, of: line, into: &result, as: place)
                offset = reference.range.upperBound
                literal = offset
                guard !users.contains(definition.number) else {
                    if selfReferring.insert(definition.number).inserted {
                        report(.error, "the value of `$\(reference.name)` refers to itself", at: line)
                    }
                    continue
                }
                guard depth < Self.maximumExpansionDepth else {
                    exhaust(
                        "`$\(reference.name)`: values are nested deeper than \(Self.maximumExpansionDepth)", at: line)
                    continue
                }
                guard let first = definition.lines.first,
                    spend(definition.byteCount, uses: definition.lines.count, at: line)
                else { continue }
                users.append(definition.number)
                defer { users.removeLast() }
                expand(first, into: &result, as: part, depth: depth + 1, following: &following)
                if definition.lines.count > 1 {
                    let users = users
                    following += definition.lines.dropFirst().map { FollowingLine(line: $0, users: users) }
                    if offset < line.end {
                        report(
                            .error, "`$\(reference.name)` has several lines, so nothing may follow it on its line",
                            at: line.dropping(to: offset))
                        literal = line.end
                        break
                    }
                }
            } else if let value = builtIn(reference, at: line) {
                copy(literal..<offset, of: line, into: &result, as: place)
                append(value, to: &result, as: part)
                offset = reference.range.upperBound
                literal = offset
            } else {
                if reference.isBraced, !isQuoted {
                    report(
                        .warning, "`${\(reference.name)}` isn't defined and stays as it is; its braces open a block",
                        at: line.dropping(to: offset), length: reference.range.count)
                }
                offset = reference.range.upperBound
            }
        }
        copy(literal..<line.end, of: line, into: &result, as: place)
    }

    /// Appends bytes of a line and keeps track of the columns they came from.
    private mutating func copy(
        _ range: Range<Int>, of line: TextLine, into result: inout TextLine, as place: TextLine.Part?
    ) {
        guard !range.isEmpty else { return }
        let start = text.bytes.count
        if var place {
            place.start = start
            result.parts.append(place)
        } else if line.parts.isEmpty {
            result.parts.append(
                TextLine.Part(start: start, column: range.lowerBound - line.origin + 1, replaced: nil))
        } else {
            let first = line.parts.lastIndex { $0.start <= range.lowerBound } ?? 0
            for var part in line.parts[first...] where part.start < range.upperBound {
                let skipped = max(0, range.lowerBound - part.start)
                if part.replaced == nil { part.column += skipped }
                part.start = start + max(0, part.start - range.lowerBound)
                result.parts.append(part)
            }
        }
        // Reserving by hand: the source and the destination are one array.
        for offset in range { text.bytes.append(text.bytes[offset]) }
    }

    private mutating func append(_ value: [UInt8], to result: inout TextLine, as place: TextLine.Part) {
        var part = place
        part.start = text.bytes.count
        result.parts.append(part)
        text.bytes += value
    }

    private func reference(at offset: Int, in line: TextLine) -> Reference? {
        var next = offset + 1
        guard next < line.end else { return nil }
        let isBraced = text.bytes[next] == Byte.open
        if isBraced { next += 1 }
        let start = next
        while next < line.end, Byte.isName(text.bytes[next]) { next += 1 }
        guard next > start, Byte.isNameStart(text.bytes[start]) else { return nil }
        let name = String(decoding: text.bytes[start..<next], as: UTF8.self)
        guard isBraced else {
            if next < line.end {
                let byte = text.bytes[next]
                guard Byte.isBlank(byte) || byte == Byte.comma || byte == Byte.rightParenthesis else { return nil }
            }
            return Reference(range: offset..<next, name: name, arguments: [], isBraced: false)
        }
        guard let close = text.bytes[next..<line.end].firstIndex(of: Byte.close) else { return nil }
        let arguments = text.bytes[next..<close].split(whereSeparator: Byte.isBlank)
            .map { String(decoding: $0, as: UTF8.self) }
        return Reference(range: offset..<close + 1, name: name, arguments: arguments, isBraced: true)
    }

    /// `random_seed NUMBER` holds from its line on. Nobody looks for it before a random number is wanted.
    private mutating func applyRandomSeed() {
        let tokens = text.tokens
        for place in tokens.indices[seedSearched...].dropLast() where text.matches(tokens[place], "random_seed") {
            guard tokens[place + 1].isText, !tokens[place + 1].startsLine,
                let seed = wholeNumber(text.slice(tokens[place + 1]))
            else { continue }
            random = SeededRandom(seed: UInt64(truncatingIfNeeded: seed))
        }
        seedSearched = max(seedSearched, tokens.count - 1)
    }

    private mutating func builtIn(_ reference: Reference, at line: TextLine) -> [UInt8]? {
        switch reference.name {
        case "_INSTANCE": return Array(environment.configID.utf8)
        case "_PWD": return Array(Self.directory(of: text.files[line.file].path).utf8)
        case "_ENV": return Array((reference.arguments.first.flatMap { environment.variables[$0] } ?? "").utf8)
        case "_HASH": return [Byte.hash]
        case "_BANG": return [Byte.bang]
        case "_RANDOM":
            applyRandomSeed()
            let bounds = reference.arguments.map { UInt32($0) }
            let low = bounds.first.flatMap { $0 } ?? 0
            let high = bounds.dropFirst().first.flatMap { $0 } ?? 32_767
            guard low <= high else {
                report(.error, "`_RANDOM`: the lower limit \(low) is above the upper limit \(high)", at: line)
                return Array(String(low).utf8)
            }
            return Array(String(UInt32.random(in: low...high, using: &random)).utf8)
        default: return nil
        }
    }
}
