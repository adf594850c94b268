import Base

/// The reason that what a raw ICMP socket has read isn't an answer.
package enum EchoRefusal: UInt8, Error, CaseIterable, Sendable {
    /// Not a whole echo reply of the length of ours.
    case form
    /// To another program's request, or forged by somebody who doesn't see ours.
    case foreign
    /// To a request that was answered before, or wasn't sent lately.
    case number

    package var name: String {
        switch self {
        case .form: "form"
        case .foreign: "foreign"
        case .number: "number"
        }
    }

    /// The reason as it continues "echo replies were refused: ".
    package var text: String {
        switch self {
        case .form: "they have another form than ours"
        case .foreign: "they answer requests of another program, or are forged"
        case .number: "they answer requests that were answered before, or weren't sent lately"
        }
    }
}

/// The echo requests that leave by one raw socket, and the replies to them (RFC 792, RFC 4443 §4). Such a socket reads every
/// reply from its address, whoever has asked: identifier and nonce are random, and who doesn't see our requests doesn't know
/// them.
/// ```
/// | type 8 or 128 | code 0 | checksum | identifier | number |
/// | nonce, 8 bytes |
/// ```
package struct ReferenceEcho: Hashable, Sendable {
    /// Bytes of a request and of its reply, without the IP header.
    package static let length = 16
    /// Requests that may still be answered: this one and those before it.
    private static let windowLength: UInt16 = 64

    package let family: AddressFamily
    private let identifier: UInt16
    private let nonce: UInt64
    private var last: UInt16 = 0
    /// The requests that wait for an answer: bit n is the n-th before the last one.
    private var open: UInt64 = 0

    package init(family: AddressFamily, identifier: UInt16, nonce: UInt64) {
        self.family = family
        self.identifier = identifier
        self.nonce = nonce
    }

    private var requestType: UInt8 { family == .ipv4 ? 8 : 128 }
    private var replyType: UInt8 { family == .ipv4 ? 0 : 129 }

    /// Returns the bytes of the request of this number, which may be answered from now on.
    ///
    /// The kernel fills in the checksum of ICMPv6 (RFC 3542 §3.1), and leaves that of ICMP to us.
    package mutating func request(_ number: UInt16) -> [UInt8] {
        let step = number &- last
        open = step < Self.windowLength ? open << UInt64(step) | 1 : 1
        last = number
        var writer = ByteWriter(capacity: Self.length)
        writer.write(requestType)
        writer.write(UInt8(0))
        writer.write(UInt16(0))
        writer.write(identifier)
        writer.write(number)
        writer.write(nonce)
        if family == .ipv4 { writer.patch(writer.bytes.withUnsafeBytes { Self.checksum(of: $0) }, at: 2) }
        return writer.bytes
    }

    /// Returns the number of the request that this message answers: each is answered once.
    ///
    /// - Parameter message: the ICMP message. The kernel has looked at the checksum.
    /// - Throws: `EchoRefusal`.
    package mutating func number(answeredBy message: UnsafeRawBufferPointer) throws(EchoRefusal) -> UInt16 {
        guard message.count == Self.length, message[0] == replyType, message[1] == 0 else { throw .form }
        guard Self.load(UInt16.self, message, 4) == identifier, Self.load(UInt64.self, message, 8) == nonce else {
            throw .foreign
        }
        let number = Self.load(UInt16.self, message, 6)
        let age = last &- number
        guard age < Self.windowLength, open >> UInt64(age) & 1 == 1 else { throw .number }
        open &= ~(1 << UInt64(age))
        return number
    }

    private static func load<Value: FixedWidthInteger>(
        _ type: Value.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Value {
        Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    private static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt16 {
        var sum = InternetChecksum()
        sum.add(bytes)
        return sum.value
    }
}
