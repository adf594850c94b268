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
        do throws(ByteError) { try visit(&reader) } catch { throw JSONError("a list has too many elements") }
        if let failure = reader.failure { throw failure }
        parser.leave()
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

package struct JSONMemberReader: Members {
    private let members: [JSONParser.Member]
    private let parser: JSONParser
    private var expected = 0
    private(set) var failure: JSONError?

    init(_ members: [JSONParser.Member], _ parser: JSONParser) {
        self.members = members
        self.parser = parser
    }

    package mutating func member<Value: JSONCoded>(_ name: StaticString, _ value: inout Value) {
        guard failure == nil, let found = find(name) else { return }
        var parser = parser.moved(to: found)
        do throws(JSONError) {
            value = try Value(parsing: &parser)
        } catch  where error.isUnknownName {
            // A newer daemon's: the default stays.
        } catch {
            failure = JSONError("\(name): \(error.reason)")
        }
    }

    /// Members mostly come in our order, so the search begins after the last one found.
    private mutating func find(_ name: StaticString) -> JSONParser.Member? {
        for step in 0..<members.count {
            let index = expected + step < members.count ? expected + step : expected + step - members.count
            if name.withUTF8Buffer({ parser.isName(of: members[index], $0) }) {
                expected = index + 1
                return members[index]
            }
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
