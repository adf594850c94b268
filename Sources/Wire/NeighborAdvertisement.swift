import Base

/// An unsolicited neighbour advertisement for an IPv6 address as a whole Ethernet frame (RFC 4861 §4.4, §7.2.6):
/// from the address itself to all nodes, Override set, Router set when the interface forwards. nil for IPv4.
/// ```
/// | Ethernet 33:33:00:00:00:01 <- hardware, 86dd | IPv6, hop limit 255, next header 58 |
/// | type 136 | code 0 | checksum | R S O flags, 29 bits 0 |
/// | target address, 16 bytes |
/// | option 2 | length 1 | hardware address |
/// ```
package func encodeNeighborAdvertisement(
    for address: IPAddress, from hardware: MACAddress, isRouter: Bool
) -> [UInt8]? {
    guard address.family == .ipv6 else { return nil }
    let icmpv6: UInt8 = 58
    let allNodes = IPAddress(v6High: 0xff02_0000_0000_0000, low: 1)
    var message = ByteWriter(capacity: 32)
    message.write(UInt8(136))
    message.write(UInt8(0))
    message.write(UInt16(0))
    message.write((isRouter ? UInt32(0x8000_0000) : 0) | 0x2000_0000)
    message.write(address)
    message.write(UInt8(2))
    message.write(UInt8(1))
    message.write(hardware.bytes)
    let checksum = message.bytes.withUnsafeBytes { bytes in
        var sum = InternetChecksum()
        sum.addPseudoHeader(source: address, destination: allNodes, length: bytes.count, next: icmpv6)
        sum.add(bytes)
        return sum.value
    }
    message.patch(checksum, at: 2)
    var frame = ByteWriter(capacity: 86)
    frame.write(MACAddress.multicast(allNodes).bytes)
    frame.write(hardware.bytes)
    frame.write(EtherType.ipv6)
    frame.write(
        encodeIPv6Header(
            source: address, destination: allNodes, payloadLength: message.bytes.count, nextHeader: icmpv6,
            hopLimit: 255))
    frame.write(message.bytes)
    return frame.bytes
}
