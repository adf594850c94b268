import Base

/// The IPv4 header of a packet (RFC 791 §3.1), with or without options: the fields by value, the payload where it lies,
/// so that reading one allocates nothing. Valid as long as the bytes are. A raw IPv6 socket gives no header.
package struct IPHeaderView {
    private static let identificationOffset = 4

    package let source: IPAddress
    package let destination: IPAddress
    package let timeToLive: UInt8
    /// The payload's length by the Total Length field: the link may have padded what follows the header, or the packet
    /// may be cut short; negative where the field doesn't even cover the header.
    package let payloadLength: Int
    /// All bytes behind the header.
    package let payload: UnsafeRawBufferPointer

    /// Nil for bytes that are no whole IPv4 header.
    package init?(_ packet: UnsafeRawBufferPointer) {
        guard packet.count >= ipv4HeaderLength, packet[0] >> 4 == 4 else { return nil }
        let length = Int(packet[0] & 0xf) * 4
        guard (ipv4HeaderLength...packet.count).contains(length) else { return nil }
        func address(at offset: Int) -> IPAddress {
            IPAddress(v4: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        timeToLive = packet[8]
        source = address(at: 12)
        destination = address(at: 16)
        payloadLength = Int(UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self))) - length
        payload = UnsafeRawBufferPointer(rebasing: packet[length...])
    }

    /// Overwrites the Identification field of a whole packet. The checksum isn't corrected: the kernel fills it in for
    /// a raw socket (raw(7)).
    package static func setIdentification(_ identification: UInt16, of packet: UnsafeMutableRawPointer) {
        packet.storeBytes(of: identification.bigEndian, toByteOffset: identificationOffset, as: UInt16.self)
    }
}
