import Base

/// A value with a JSON form and a Varlink type: written by the daemon, read by its clients.
package protocol JSONCoded: Sendable {
    /// Reads the value. - Throws: `JSONError`.
    init(parsing parser: inout JSONParser) throws(JSONError)
    /// True if the member is left out when it is written.
    var isAbsent: Bool { get }
    func write(into writer: inout JSONWriter)
    /// The Varlink type; named types that it needs are added to the list.
    static func varlinkType(_ types: inout VarlinkTypes) -> String
}

extension JSONCoded {
    /// Only what is optional may be left out.
    package var isAbsent: Bool { false }

    /// Reads one complete value. - Throws: `JSONError`.
    package init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        let parse = { (buffer: UnsafeBufferPointer<UInt8>) -> Result<Self, JSONError> in
            var parser = JSONParser(bytes: buffer)
            do throws(JSONError) {
                let value = try Self(parsing: &parser)
                try parser.finish()
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        let result = bytes.withContiguousStorageIfAvailable(parse) ?? Array(bytes).withUnsafeBufferPointer(parse)
        self = try result.get()
    }
}

/// Visitor of a record's members: one list in `visit` serves the writer and the reader of JSON, the Varlink interface's text,
/// and the writer and the reader of bytes. Only a reader of bytes throws, and the check of a list's length.
package protocol Members {
    /// A member that hasupd adds for its clients: in JSON only.
    mutating func member(_ name: StaticString, _ value: inout some JSONCoded)
    /// A member that comes from a worker in bytes and goes to clients in JSON.
    mutating func field(_ name: StaticString, _ value: inout some JSONCoded & ByteCoded) throws(ByteError)
    /// A member that only hasupd needs: in bytes only.
    mutating func hidden(_ value: inout some ByteCoded) throws(ByteError)
}

extension Members {
    package mutating func field(_ name: StaticString, _ value: inout some JSONCoded & ByteCoded) throws(ByteError) {
        member(name, &value)
    }

    package mutating func hidden(_ value: inout some ByteCoded) throws(ByteError) {}

    /// A list that is cut when it is written, and refused when it is read, beyond `limit`.
    package mutating func field<Element: JSONCoded & ByteCoded>(
        _ name: StaticString, _ list: inout [Element], atMost limit: Int
    ) throws(ByteError) {
        list = Array(list.prefix(limit))
        try field(name, &list)
        if list.count > limit { throw .invalid }
    }

    package mutating func hidden<Element: ByteCoded>(_ list: inout [Element], atMost limit: Int) throws(ByteError) {
        list = Array(list.prefix(limit))
        try hidden(&list)
        if list.count > limit { throw .invalid }
    }
}

/// A structure with named members. Readers take a missing member as its default and ignore unknown ones, so that a
/// client and a daemon of two versions understand each other.
package protocol JSONRecord: JSONCoded {
    /// One line about it for the interface's text.
    static var summary: String { get }
    /// The Varlink name of the type.
    static var typeName: String { get }
    /// A record whose members have their defaults.
    init()
    /// Lists all members in their order.
    mutating func visit(_ members: inout some Members) throws(ByteError)
}

extension JSONRecord {
    package static var typeName: String { "\(Self.self)" }

    /// Reads members in any order. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        self.init()
        var reader = JSONMemberReader(try parser.enterObject(for: Self.typeName), parser)
        repeat {
            do throws(ByteError) { try visit(&reader) } catch { throw JSONError("a list has too many elements") }
            if let failure = reader.failure { throw failure }
        } while try reader.gatherRest()
        parser = reader.parser
    }

    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        var copy = self
        // The bytes change hands twice. With two owners at any time, each append would copy all of them.
        var members = JSONMemberWriter(JSONWriter())
        swap(&members.writer, &writer)
        try? copy.visit(&members)
        swap(&members.writer, &writer)
        writer.endObject()
    }

    /// The type's name; its definition goes into the list.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String {
        types.add(Self.self)
        return typeName
    }
}

// MARK: Visitors

package struct JSONMemberWriter: Members {
    package var writer: JSONWriter
    package init(_ writer: JSONWriter) { self.writer = writer }

    package mutating func member(_ name: StaticString, _ value: inout some JSONCoded) {
        if value.isAbsent { return }
        writer.name(name)
        value.write(into: &writer)
    }
}

/// Members mostly come in our order, without those that are absent: each one is read where it stands. What is left then, in
/// another order or of another version, is gathered and looked at once more.
package struct JSONMemberReader: Members {
    /// Behind the object when all is read.
    private(set) var parser: JSONParser
    private var next: JSONParser.Member?
    /// Members that the first look has left; nil before.
    private var rest: [(name: String, place: JSONParser.Member)]?
    /// Numbers of the members that were read: of two with one name, the first counts.
    private var found: UInt128 = 0
    private var number = 0
    private(set) var failure: JSONError?

    init(_ first: JSONParser.Member?, _ parser: JSONParser) {
        self.parser = parser
        next = first
    }

    /// Prepares another look at what is left. - Returns: false when there is nothing. - Throws: `JSONError`.
    mutating func gatherRest() throws(JSONError) -> Bool {
        guard rest == nil, next != nil else { return false }
        var rest: [(name: String, place: JSONParser.Member)] = []
        while let member = next {
            rest.append((try parser.name(of: member), member))
            try parser.skipValue()
            next = try parser.nextMember()
        }
        self.rest = rest
        number = 0
        return true
    }

    package mutating func member<Value: JSONCoded>(_ name: StaticString, _ value: inout Value) {
        defer { number += 1 }
        guard failure == nil else { return }
        if let rest {
            guard found & 1 << number == 0, let member = rest.first(where: { $0.name == "\(name)" }) else { return }
            var parser = parser.moved(to: member.place)
            failure = Self.read(name, &value, by: &parser)
        } else if let member = next, parser.isName(of: member, name) {
            found |= 1 << number
            failure = Self.read(name, &value, by: &parser)
            guard failure == nil else { return }
            do throws(JSONError) { next = try parser.nextMember() } catch { failure = error }
        }
    }

    /// Returns what is wrong with it.
    private static func read<Value: JSONCoded>(
        _ name: StaticString, _ value: inout Value, by parser: inout JSONParser
    ) -> JSONError? {
        let before = parser
        do throws(JSONError) {
            value = try Value(parsing: &parser)
        } catch {
            guard error.isUnknownName else { return JSONError("\(name): \(error.reason)") }
            // A newer daemon's: the default stays.
            parser = before
            do throws(JSONError) { try parser.skipValue() } catch { return error }
        }
        return nil
    }
}

extension ByteWriter: Members {
    package mutating func member(_ name: StaticString, _ value: inout some JSONCoded) {}
    package mutating func field(_ name: StaticString, _ value: inout some JSONCoded & ByteCoded) {
        value.encode(into: &self)
    }
    package mutating func hidden(_ value: inout some ByteCoded) { value.encode(into: &self) }
}

extension ByteReader: Members {
    package mutating func member(_ name: StaticString, _ value: inout some JSONCoded) {}
    package mutating func field<Value: JSONCoded & ByteCoded>(
        _ name: StaticString, _ value: inout Value
    ) throws(ByteError) {
        value = try Value(decoding: &self)
    }
    package mutating func hidden<Value: ByteCoded>(_ value: inout Value) throws(ByteError) {
        value = try Value(decoding: &self)
    }
}

extension ByteCoded where Self: JSONRecord {
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init()
        try visit(&reader)
    }

    package func encode(into writer: inout ByteWriter) {
        var copy = self
        try? copy.visit(&writer)
    }
}
