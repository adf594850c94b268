import Base

/// One question to a name server (RFC 1035 §4.1).
package struct DNSQuestion: Hashable, Sendable {
    package static let headerLength = 12
    /// Class IN.
    private static let internet: UInt16 = 1
    /// Flag RD: recursion is wished for.
    private static let recursionDesired: UInt16 = 0x0100

    package var id: UInt16
    /// Type of record, by IANA's number.
    package var type: UInt16
    /// Labels of the name, in bytes; none for the root.
    package var labels: [[UInt8]]

    /// Nil for a name that can't be asked for: an empty label, one above 63 bytes, more than 255 in all (RFC 1035 §2.3.4).
    ///
    /// - Parameter name: without a dot at the end; empty for the root.
    package init?(id: UInt16, type: UInt16, name: String) {
        self.id = id
        self.type = type
        labels =
            name.isEmpty
            ? [] : name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
        guard labels.allSatisfy({ (1...63).contains($0.count) }), labels.reduce(1, { $0 + $1.count + 1 }) <= 255 else {
            return nil
        }
    }

    /// The query's bytes.
    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(id)
        writer.write(Self.recursionDesired)
        for count: UInt16 in [1, 0, 0, 0] { writer.write(count) }
        for label in labels {
            writer.write(UInt8(label.count))
            writer.write(label)
        }
        writer.write(UInt8(0))
        writer.write(type)
        writer.write(Self.internet)
        return writer.bytes
    }

    /// The relation of a datagram to this question.
    package enum DNSAnswer: Hashable, Sendable {
        /// Another id, no reply, another question, or no DNS at all.
        case foreign
        /// A reply with this response code, 0 for success.
        case reply(code: UInt8)
    }

    /// Judges a datagram. Its records aren't looked at. A refusal needn't repeat the question, a success must.
    package func answer(in bytes: UnsafeRawBufferPointer) -> DNSAnswer {
        var reader = ByteReader(bytes)
        guard let head = try? Header(&reader), head.id == id, head.flags & 0x8000 != 0 else { return .foreign }
        let code = UInt8(head.flags & 0xf)
        guard code == 0 else { return .reply(code: code) }
        guard head.questions == 1, let isSame = try? isQuestion(&reader), isSame else { return .foreign }
        return .reply(code: 0)
    }

    private struct Header {
        let id: UInt16
        let flags: UInt16
        let questions: UInt16

        init(_ reader: inout ByteReader) throws(ByteError) {
            id = try reader.readUInt16()
            flags = try reader.readUInt16()
            questions = try reader.readUInt16()
            _ = try reader.readView(6)
        }
    }

    /// True if this question comes next. The first name of a message can't be compressed: there is nothing before it.
    private func isQuestion(_ reader: inout ByteReader) throws(ByteError) -> Bool {
        for label in labels {
            guard Int(try reader.readUInt8()) == label.count else { return false }
            let read = try reader.readView(label.count)
            guard read.elementsEqual(label, by: { Self.lowercase($0) == Self.lowercase($1) }) else { return false }
        }
        guard try reader.readUInt8() == 0 else { return false }
        let asked = (try reader.readUInt16(), try reader.readUInt16())
        return asked == (type, Self.internet)
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
}
