import Base

// MARK: Simple values

extension Bool: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        let json = try parser.parseValue()
        guard case .bool(let value) = json else { throw JSONError("should be true or false and is \(json.kind)") }
        self = value
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "bool" }
}

extension JSONCoded where Self: FixedWidthInteger {
    /// - Throws: `JSONError`, also for a number that doesn't fit.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        let json = try parser.parseValue()
        guard case .int(let value) = json, let fitting = Self(exactly: value) else {
            throw JSONError("should be a whole number and is \(json.kind)")
        }
        self = fitting
    }
    package func write(into writer: inout JSONWriter) { writer.write(Int64(clamping: self)) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "int" }
}

extension Int: JSONCoded {}
extension Int32: JSONCoded {}
extension Int64: JSONCoded {}
extension UInt8: JSONCoded {}
extension UInt64: JSONCoded {}

extension Double: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        switch try parser.parseValue() {
        case .double(let value): self = value
        case .int(let value): self = Double(value)
        case let json: throw JSONError("should be a number and is \(json.kind)")
        }
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "float" }
}

extension String: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        parser.skipSpace()
        guard parser.next == UInt8(ascii: "\"") else {
            throw JSONError("should be a string and is \(try parser.parseValue().kind)")
        }
        self = try parser.parseString()
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "string" }
}

// MARK: Values of the protocol

extension Priority: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        self.init(rawValue: try UInt8(parsing: &parser))
    }
    package func write(into writer: inout JSONWriter) { rawValue.write(into: &writer) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "int" }
}

/// Seconds.
extension Interval: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        guard let interval = Interval(seconds: try Double(parsing: &parser)) else {
            throw JSONError("should be a number of seconds and is too large")
        }
        self = interval
    }
    package func write(into writer: inout JSONWriter) { writer.write(seconds) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "float" }
}

extension JSONCoded where Self: LosslessStringConvertible {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        guard let value = Self(try String(parsing: &parser)) else { throw JSONError("should be an address") }
        self = value
    }
    package func write(into writer: inout JSONWriter) { writer.write(description) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "string" }
}

extension IPAddress: JSONCoded {}
extension Prefix: JSONCoded {}

/// An enumeration: a number in bytes, a name in JSON.
package protocol NamedCase: RawRepresentable, CaseIterable, Hashable, JSONCoded, ByteCoded where RawValue == UInt8 {
    /// The name that clients know.
    var name: String { get }
}

extension NamedCase {
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self = try reader.readCase(Self.self)
    }
    package func encode(into writer: inout ByteWriter) { writer.write(rawValue) }

    package init(parsing parser: inout JSONParser) throws(JSONError) {
        let name = try String(parsing: &parser)
        guard let value = Self(name: name) else { throw .unknownName(name) }
        self = value
    }
    package func write(into writer: inout JSONWriter) { writer.write(name) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "string" }
}

// MARK: Compound values

extension Optional: JSONCoded where Wrapped: JSONCoded {
    /// `null` is nothing. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        parser.skipSpace()
        if parser.next == UInt8(ascii: "n") {
            _ = try parser.parseValue()
            self = nil
        } else {
            self = .some(try Wrapped(parsing: &parser))
        }
    }
    /// Nothing isn't written.
    package var isAbsent: Bool { self == nil }
    package func write(into writer: inout JSONWriter) {
        if let self { self.write(into: &writer) } else { writer.writeNull() }
    }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "?" + Wrapped.varlinkType(&types) }
}

extension Array: JSONCoded where Element: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        self.init()
        parser.skipSpace()
        guard parser.next == UInt8(ascii: "[") else {
            throw JSONError("should be a list and is \(try parser.parseValue().kind)")
        }
        try parser.enter()
        parser.skipSpace()
        if !parser.take(UInt8(ascii: "]")) {
            repeat {
                append(try Element(parsing: &parser))
                parser.skipSpace()
            } while parser.take(UInt8(ascii: ","))
            guard parser.take(UInt8(ascii: "]")) else { throw parser.error("a comma or ] should be here") }
        }
        parser.leave()
    }
    package func write(into writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(into: &writer) }
        writer.endArray()
    }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "[]" + Element.varlinkType(&types) }
}

/// Numbers under names, in their order: counters that only some have.
package struct NamedCounts: JSONCoded, Hashable {
    package struct Entry: Hashable, Sendable {
        package var name: String
        package var count: UInt64

        package init(name: String, count: UInt64) {
            self.name = name
            self.count = count
        }
    }

    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    package mutating func add(_ name: String, _ count: UInt64) { entries.append(Entry(name: name, count: count)) }

    /// The number under this name; 0 when there is none.
    package subscript(_ name: String) -> UInt64 { entries.first { $0.name == name }?.count ?? 0 }

    package init(parsing parser: inout JSONParser) throws(JSONError) {
        let json = try parser.parseValue()
        guard case .object(let members) = json else { throw JSONError("should be an object and is \(json.kind)") }
        self.init()
        for member in members {
            guard case .int(let number) = member.value, let count = UInt64(exactly: number) else {
                throw JSONError("should be a whole number and is \(member.value.kind)")
            }
            add(member.name, count)
        }
    }
    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        for entry in entries {
            writer.name(entry.name)
            writer.write(Int64(clamping: entry.count))
        }
        writer.endObject()
    }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "[string]int" }
}

/// A value that is kept as its text, to be passed on or read later.
package struct JSONText: JSONCoded, Hashable {
    package var bytes: [UInt8] = Array("{}".utf8)

    /// An empty object.
    package init() {}
    /// The text as it is. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        parser.skipSpace()
        let start = parser.position
        try parser.skipValue()
        bytes = Array(parser.bytes[start..<parser.position])
    }
    package func write(into writer: inout JSONWriter) { writer.write(encoded: bytes) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "object" }
}
