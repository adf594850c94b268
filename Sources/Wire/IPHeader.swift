import Base

/// Bytes of an IPv4 header without options.
package let ipv4HeaderLength = 20
/// Bytes of the fixed IPv6 header.
package let ipv6HeaderLength = 40

/// DSCP CS6, internetwork control (RFC 4594 §3.1), as the TOS and Traffic Class of everything VRRP.
let controlTrafficClass: UInt8 = 0xc0

/// An IPv4 header (RFC 791 §3.1) without options, not fragmented.
/// ```
/// |Ver=4|IHL=5|  TOS  |          Total length         |
/// |         Identification        |Flg| Frag. offset  |
/// |  TTL  |   Protocol  |        Header checksum      |
/// |                  Source address                   |
/// |                Destination address                |
/// ```
package func encodeIPv4Header(
    source: IPAddress, destination: IPAddress, payloadLength: Int, protocolNumber: UInt8, timeToLive: UInt8,
    identification: UInt16
) -> [UInt8] {
    var writer = ByteWriter(capacity: ipv4HeaderLength + payloadLength)
    writer.write(UInt8(0x45))
    writer.write(controlTrafficClass)
    writer.write(UInt16(truncatingIfNeeded: ipv4HeaderLength + payloadLength))
    writer.write(identification)
    writer.write(UInt16(0))
    writer.write(timeToLive)
    writer.write(protocolNumber)
    writer.write(UInt16(0))
    writer.write(source)
    writer.write(destination)
    writer.patch(ipv4HeaderChecksum(of: writer.bytes), at: 10)
    return writer.bytes
}

private func ipv4HeaderChecksum(of packet: [UInt8]) -> UInt16 {
    packet.withUnsafeBytes { bytes in
        var sum = InternetChecksum()
        sum.add(UnsafeRawBufferPointer(rebasing: bytes[..<min(ipv4HeaderLength, bytes.count)]))
        return sum.value
    }
}

/// The fixed IPv6 header (RFC 8200 §3), flow label 0.
/// ```
/// |Version| Traffic class |           Flow label                  |
/// |         Payload length        |  Next header  |   Hop limit   |
/// |                Source address, 16 bytes                       |
/// |              Destination address, 16 bytes                    |
/// ```
package func encodeIPv6Header(
    source: IPAddress, destination: IPAddress, payloadLength: Int, nextHeader: UInt8, hopLimit: UInt8
) -> [UInt8] {
    var writer = ByteWriter(capacity: ipv6HeaderLength + payloadLength)
    writer.write(UInt32(6) << 28 | UInt32(controlTrafficClass) << 20)
    writer.write(UInt16(truncatingIfNeeded: payloadLength))
    writer.write(nextHeader)
    writer.write(hopLimit)
    writer.write(source)
    writer.write(destination)
    return writer.bytes
}

/// A whole IP packet with an advertisement, as a raw socket with IP_HDRINCL or IPV6_HDRINCL takes it.
/// - Source: RFC 9568 §5.1.1 and §5.1.2. `hopLimit` is 255 except for unicast with a configured TTL.
package func encodeAdvertisementPacket(
    _ advertisement: Advertisement, source: IPAddress, destination: IPAddress, hopLimit: UInt8 = 255,
    identification: UInt16 = 0
) -> [UInt8] {
    let pdu = advertisement.encode(source: source, destination: destination)
    let header =
        switch source.family {
        case .ipv4:
            encodeIPv4Header(
                source: source, destination: destination, payloadLength: pdu.count,
                protocolNumber: vrrpProtocolNumber, timeToLive: hopLimit, identification: identification)
        case .ipv6:
            encodeIPv6Header(
                source: source, destination: destination, payloadLength: pdu.count, nextHeader: vrrpProtocolNumber,
                hopLimit: hopLimit)
        }
    return header + pdu
}
