import Base

/// An echo request as a ping socket takes it, and the reply to it (RFC 792, RFC 4443 §4). The kernel fills in identifier and
/// checksum, and passes on replies to this socket only.
package struct ICMPEcho: Hashable, Sendable {
    package var family: AddressFamily
    package var sequence: UInt16
    /// Data that the reply repeats.
    package var data: [UInt8]

    package init(family: AddressFamily, sequence: UInt16, data: [UInt8]) {
        self.family = family
        self.sequence = sequence
        self.data = data
    }

    private var requestType: UInt8 { family == .ipv4 ? 8 : 128 }
    private var replyType: UInt8 { family == .ipv4 ? 0 : 129 }

    /// The request's bytes.
    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + data.count)
        writer.write(requestType)
        writer.write(UInt8(0))
        writer.write(UInt16(0))
        writer.write(UInt16(0))
        writer.write(sequence)
        writer.write(data)
        return writer.bytes
    }

    /// True if these bytes are the reply to it.
    package func isAnswered(by bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == 8 + data.count, bytes[0] == replyType, bytes[1] == 0 else { return false }
        let number = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
        return number == sequence && bytes[8...].elementsEqual(data)
    }
}
