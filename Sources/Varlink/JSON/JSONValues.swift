// MARK: Simple values

extension Bool: JSONCoded {
    /// - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        guard case .bool(let value) = json else { throw JSONError("should be true or false and is \(json.kind)") }
        self = value
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    /// `bool`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "bool" }
}

extension JSONCoded where Self: FixedWidthInteger {
    /// - Throws: `JSONError`, also for a number that doesn't fit.
    package init(json: JSON) throws(JSONError) {
        guard case .int(let value) = json, let fitting = Self(exactly: value) else {
            throw JSONError("should be a whole number and is \(json.kind)")
        }
        self = fitting
    }
    package func write(into writer: inout JSONWriter) { writer.write(Int64(clamping: self)) }
    /// `int`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "int" }
}

extension Int: JSONCoded {}
extension Int64: JSONCoded {}
extension UInt64: JSONCoded {}

extension Double: JSONCoded {
    /// - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        switch json {
        case .double(let value): self = value
        case .int(let value): self = Double(value)
        case .null, .bool, .string, .array, .object: throw JSONError("should be a number and is \(json.kind)")
        }
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    /// `float`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "float" }
}

extension String: JSONCoded {
    /// - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        guard case .string(let value) = json else { throw JSONError("should be a string and is \(json.kind)") }
        self = value
    }
    package func write(into writer: inout JSONWriter) { writer.write(self) }
    /// `string`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "string" }
}

// MARK: Compound values

extension Optional: JSONCoded where Wrapped: JSONCoded {
    package init() { self = .none }
    /// `null` is nothing. - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        if case .null = json { self = .none } else { self = .some(try Wrapped(json: json)) }
    }
    /// `null` is nothing. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        parser.skipSpace()
        if parser.next == UInt8(ascii: "n") {
            try self.init(json: try parser.parseValue())
        } else {
            self = .some(try Wrapped(parsing: &parser))
        }
    }
    /// Nothing isn't written.
    package var isAbsent: Bool { self == nil }
    package func write(into writer: inout JSONWriter) {
        if let self { self.write(into: &writer) } else { writer.writeNull() }
    }
    /// `?TYPE`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "?" + Wrapped.varlinkType(&types) }
}

extension Array: JSONCoded where Element: JSONCoded {
    /// - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        guard case .array(let elements) = json else { throw JSONError("should be a list and is \(json.kind)") }
        self.init()
        reserveCapacity(elements.count)
        for element in elements { append(try Element(json: element)) }
    }
    /// Element by element. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        self.init()
        parser.skipSpace()
        // Whatever it is instead, the tree's reader names it.
        guard parser.next == UInt8(ascii: "[") else {
            self = try Self(json: try parser.parseValue())
            return
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
    /// Writes a list.
    package func write(into writer: inout JSONWriter) {
        writer.beginArray()
        for element in self { element.write(into: &writer) }
        writer.endArray()
    }
    /// `[]TYPE`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "[]" + Element.varlinkType(&types) }
}

/// Numbers under names, in their order: counters that only some have.
package struct NamedCounts: JSONCoded, Hashable {
    /// One number under its name.
    package struct Entry: Hashable, Sendable {
        package var name: String
        /// Number.
        package var count: UInt64
    }

    /// In the order in which they were added.
    package var entries: [Entry] = []

    package init() {}

    package mutating func add(_ name: String, _ count: UInt64) { entries.append(Entry(name: name, count: count)) }

    /// The number under this name; 0 when there is none.
    package subscript(_ name: String) -> UInt64 { entries.first { $0.name == name }?.count ?? 0 }

    /// - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        guard case .object(let members) = json else { throw JSONError("should be an object and is \(json.kind)") }
        for member in members { add(member.name, try UInt64(json: member.value)) }
    }
    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        for entry in entries {
            writer.name(entry.name)
            writer.write(Int64(clamping: entry.count))
        }
        writer.endObject()
    }
    /// `[string]int`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "[string]int" }
}

/// A value that is kept as its text, to be passed on or read later.
package struct JSONText: JSONCoded, Hashable {
    /// The value's bytes.
    package var bytes: [UInt8] = Array("{}".utf8)

    /// An empty object.
    package init() {}
    /// The value's compact text.
    package init(json: JSON) { bytes = json.encoded }
    /// The text as it stands. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        parser.skipSpace()
        let start = parser.position
        try parser.skipValue()
        bytes = Array(parser.bytes[start..<parser.position])
    }
    package func write(into writer: inout JSONWriter) { writer.write(encoded: bytes) }
    /// `object`.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { "object" }
}
