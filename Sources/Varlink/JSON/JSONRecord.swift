/// Something with a JSON form and a Varlink type: written by the daemon, read by its clients.
package protocol JSONCoded: Sendable {
    /// The value that a missing member has.
    init()
    /// Reads the value. - Throws: `JSONError` when it is of another kind.
    init(json: JSON) throws(JSONError)
    /// Reads the value from bytes, without a tree where that is possible. - Throws: `JSONError`.
    init(parsing parser: inout JSONParser) throws(JSONError)
    /// Whether the member is left out when it is written.
    var isAbsent: Bool { get }
    func write(into writer: inout JSONWriter)
    /// The Varlink type; named types that it needs are added to the list.
    static func varlinkType(_ types: inout VarlinkTypes) -> String
}

extension JSONCoded {
    /// Only what is optional may be left out.
    package var isAbsent: Bool { false }

    /// By way of a tree.
    package init(parsing parser: inout JSONParser) throws(JSONError) { try self.init(json: try parser.parseValue()) }

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

/// What a record lists its members to: a writer, a reader, or the maker of the interface's text. One list serves all
/// three, so that they can't differ.
package protocol JSONMembers {
    /// One member under its name.
    mutating func member(_ name: StaticString, _ value: inout some JSONCoded)
}

/// A structure with named members. Readers take a missing member as its default and pass over unknown ones, so that a
/// client and a daemon of two versions understand each other.
package protocol JSONRecord: JSONCoded {
    /// One line about it for the interface's text.
    static var summary: String { get }
    /// Lists all members in their order.
    mutating func visit(_ members: inout some JSONMembers)
}

extension JSONRecord {
    /// The Varlink name of the type.
    package static var typeName: String { "\(Self.self)" }

    /// Reads the members that are there. - Throws: `JSONError`.
    package init(json: JSON) throws(JSONError) {
        guard case .object(let members) = json else {
            throw JSONError("\(Self.typeName) should be an object and is \(json.kind)")
        }
        self.init()
        var reader = JSONMemberReader(members)
        visit(&reader)
        if let failure = reader.failure { throw failure }
    }

    /// Reads members in our order as they come; an object in another order, or with unknown members, goes by way of a
    /// tree. - Throws: `JSONError`.
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        var reader = JSONMemberStream(parser)
        self.init()
        if reader.begin() {
            visit(&reader)
            if reader.end() {
                parser = reader.parser
                return
            }
        }
        self = try Self(json: try parser.parseValue())
    }

    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writeMembers(into: &writer)
        writer.endObject()
    }

    /// Writes the members alone, for an object that the caller begins and ends.
    package func writeMembers(into writer: inout JSONWriter) {
        var copy = self
        var members = JSONMemberWriter(writer)
        // The bytes are moved, not copied: while the members' writer has them nobody else does.
        writer = JSONWriter()
        copy.visit(&members)
        writer = members.writer
    }

    /// The type's name; its definition goes into the list.
    package static func varlinkType(_ types: inout VarlinkTypes) -> String {
        types.add(Self.self)
        return typeName
    }
}

package struct JSONMemberWriter: JSONMembers {
    package var writer: JSONWriter
    package init(_ writer: JSONWriter) { self.writer = writer }

    package mutating func member(_ name: StaticString, _ value: inout some JSONCoded) {
        if value.isAbsent { return }
        writer.name(name)
        value.write(into: &writer)
    }
}

package struct JSONMemberReader: JSONMembers {
    private let members: [JSONMember]
    private var expected = 0
    private(set) var failure: JSONError?

    package init(_ members: [JSONMember]) { self.members = members }

    package mutating func member<Value: JSONCoded>(_ name: StaticString, _ value: inout Value) {
        guard failure == nil, let found = find(name) else { return }
        do throws(JSONError) {
            value = try Value(json: found)
        } catch {
            failure = JSONError("\(name): \(error.reason)")
        }
    }

    /// Members mostly come in our order, so the search begins after the last one found.
    private mutating func find(_ name: StaticString) -> JSON? {
        for step in 0..<members.count {
            let index = expected + step < members.count ? expected + step : expected + step - members.count
            let isIt = name.withUTF8Buffer { wanted in
                members[index].name.utf8.count == wanted.count && members[index].name.utf8.elementsEqual(wanted)
            }
            if isIt {
                expected = index + 1
                return members[index].value
            }
        }
        return nil
    }
}

/// Reads an object whose members come in our order. It gives up at the first thing that is otherwise.
package struct JSONMemberStream: JSONMembers {
    private(set) var parser: JSONParser
    private var isOver = false
    private var hasFailed = false

    package init(_ parser: JSONParser) { self.parser = parser }

    package mutating func begin() -> Bool {
        parser.skipSpace()
        guard parser.next == UInt8(ascii: "{"), (try? parser.enter()) != nil else { return false }
        parser.skipSpace()
        isOver = parser.next == UInt8(ascii: "}")
        return true
    }

    package mutating func member<Value: JSONCoded>(_ name: StaticString, _ value: inout Value) {
        // Another name here means that this member is missing, or that the order is another; `end` tells which.
        if isOver || hasFailed || !name.withUTF8Buffer({ parser.takeName($0) }) { return }
        parser.skipSpace()
        guard parser.take(UInt8(ascii: ":")), let read = try? Value(parsing: &parser) else {
            hasFailed = true
            return
        }
        value = read
        parser.skipSpace()
        if parser.take(UInt8(ascii: ",")) { parser.skipSpace() } else { isOver = true }
    }

    package mutating func end() -> Bool {
        guard isOver, !hasFailed, parser.take(UInt8(ascii: "}")) else { return false }
        parser.leave()
        return true
    }
}
