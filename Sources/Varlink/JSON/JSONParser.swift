extension JSON: JSONCoded {
    /// Limit of nested lists and objects, as the parser recurses. hasup's own messages have six levels.
    package static let depthMax = 32

    package init(parsing parser: inout JSONParser) throws(JSONError) { self = try parser.parseValue() }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "object" }
}

/// Recursive descent over bytes; every read is bounded. It must not outlive the buffer.
package struct JSONParser {
    package let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0
    private var depth = 0

    package init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    package mutating func finish() throws(JSONError) {
        skipSpace()
        if position != bytes.count { throw error("something follows the value") }
    }

    package func error(_ reason: String) -> JSONError { JSONError(reason, at: position) }

    package var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    package mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    package mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    package mutating func parseValue() throws(JSONError) -> JSON {
        skipSpace()
        guard let first = next else { throw error("the text ends where a value should be") }
        switch first {
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw error("no value begins like this")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { throw error("the text ends within a word") }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] {
            throw error("no value begins like this")
        }
        position += count
        return value
    }

    package mutating func enter() throws(JSONError) {
        depth += 1
        position += 1
        if depth > JSON.depthMax { throw error("more than \(JSON.depthMax) levels") }
    }

    package mutating func leave() { depth -= 1 }

    package mutating func advance() { position += 1 }

    /// A member of an object whose value isn't read yet.
    struct Member {
        /// The name as it stands there, with its escapes.
        fileprivate var name: Range<Int>
        fileprivate var value: Int
    }

    /// Enters an object. - Returns: its first member, at whose value the parser then stands; nil when it has none, and then it
    /// stands behind it. - Throws: `JSONError`.
    mutating func enterObject(for type: @autoclosure () -> String) throws(JSONError) -> Member? {
        skipSpace()
        guard next == UInt8(ascii: "{") else {
            throw JSONError("\(type()) should be an object and is \(try parseValue().kind)")
        }
        try enter()
        skipSpace()
        if take(UInt8(ascii: "}")) {
            leave()
            return nil
        }
        return try enterMember()
    }

    /// Goes on behind a member's value. - Returns: as `enterObject`. - Throws: `JSONError`.
    mutating func nextMember() throws(JSONError) -> Member? {
        skipSpace()
        if take(UInt8(ascii: ",")) {
            skipSpace()
            return try enterMember()
        }
        guard take(UInt8(ascii: "}")) else { throw error("a comma or } should be here") }
        leave()
        return nil
    }

    private mutating func enterMember() throws(JSONError) -> Member {
        guard next == UInt8(ascii: "\"") else { throw error("a member's name should be here") }
        let start = position + 1
        try skipString()
        let name = start..<position - 1
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw error("a colon should be here") }
        skipSpace()
        return Member(name: name, value: position)
    }

    func moved(to member: Member) -> JSONParser {
        var parser = self
        parser.position = member.value
        return parser
    }

    /// True if the name stands there in these bytes.
    func isName(of member: Member, _ name: StaticString) -> Bool {
        guard member.name.count == name.utf8CodeUnitCount else { return false }
        for (place, byte) in zip(member.name, UnsafeBufferPointer(start: name.utf8Start, count: member.name.count))
        where bytes[place] != byte { return false }
        return true
    }

    /// The member's name. - Throws: `JSONError`.
    func name(of member: Member) throws(JSONError) -> String {
        var parser = self
        parser.position = member.name.lowerBound - 1
        return try parser.parseString()
    }

    private mutating func parseObject() throws(JSONError) -> JSON {
        var members: [JSONMember] = []
        var member = try enterObject(for: "")
        while let found = member {
            members.append(JSONMember(try name(of: found), try parseValue()))
            member = try nextMember()
        }
        return .object(members)
    }

    private mutating func parseArray() throws(JSONError) -> JSON {
        try enter()
        var elements: [JSON] = []
        skipSpace()
        if !take(UInt8(ascii: "]")) {
            repeat {
                elements.append(try parseValue())
                skipSpace()
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw error("a comma or ] should be here") }
        }
        leave()
        return .array(elements)
    }

    /// Skips a value, which is checked as far as is needed to find its end.
    package mutating func skipValue() throws(JSONError) {
        switch next {
        case UInt8(ascii: "{"), UInt8(ascii: "["): break
        case UInt8(ascii: "\""): return try skipString()
        default:
            _ = try parseValue()
            return
        }
        var open = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): open += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                open -= 1
                if open == 0 { return }
            case UInt8(ascii: "\""):
                position -= 1
                try skipString()
            default: break
            }
        }
        throw error("the text ends within a value")
    }

    private mutating func skipString() throws(JSONError) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        position = bytes.count
        throw error("the text ends within a string")
    }

    // MARK: Strings

    package mutating func parseString() throws(JSONError) -> String {
        position += 1
        let start = position
        // Nearly every string has no escape: one look, one copy.
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try text(of: bytes[start..<position])
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
            if byte < 0x20 { throw error("a control character within a string") }
            position += 1
        }
        throw error("the text ends within a string")
    }

    private func text(of range: Slice<UnsafeBufferPointer<UInt8>>) throws(JSONError) -> String {
        guard let text = String(validating: range, as: UTF8.self) else { throw error("a string that isn't UTF-8") }
        return text
    }

    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var content = [UInt8](bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw error("a string that isn't UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try parseEscape(into: &content)
            case 0..<0x20: throw error("a control character within a string")
            default: content.append(byte)
            }
        }
        throw error("the text ends within a string")
    }

    private mutating func parseEscape(into content: inout [UInt8]) throws(JSONError) {
        guard let letter = next else { throw error("the text ends within a string") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(letter)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: Array(Character(try parseCodePoint()).utf8))
        default: throw error("an unknown escape")
        }
    }

    private mutating func parseCodePoint() throws(JSONError) -> Unicode.Scalar {
        let first = try parseHex()
        if first >> 10 == 0x36 {
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half a surrogate pair") }
            let second = try parseHex()
            guard second >> 10 == 0x37,
                let scalar = Unicode.Scalar(0x1_0000 + (first & 0x3ff) << 10 + (second & 0x3ff))
            else { throw error("half a surrogate pair") }
            return scalar
        }
        guard let scalar = Unicode.Scalar(first) else { throw error("half a surrogate pair") }
        return scalar
    }

    private mutating func parseHex() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw error("the text ends within a string") }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw error("not a hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
