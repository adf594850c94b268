import Base

/// A gratuitous ARP request for an IPv4 address as a whole Ethernet frame, without padding (RFC 826, RFC 5227 §3):
/// sender and target address are the same, the target hardware address is all ones. nil for an IPv6 address.
/// ```
/// | destination ff:ff:ff:ff:ff:ff | source | 0806 |
/// | hardware 1 | protocol 0800 | 6 | 4 | request 1 |
/// | sender MAC | sender IP | target MAC ff.. | target IP |
/// ```
package func encodeGratuitousARP(for address: IPAddress, from hardware: MACAddress) -> [UInt8]? {
    guard address.family == .ipv4 else { return nil }
    var writer = ByteWriter(capacity: 42)
    writer.write(MACAddress.broadcast.bytes)
    writer.write(hardware.bytes)
    writer.write(EtherType.arp)
    writer.write(UInt16(1))
    writer.write(EtherType.ipv4)
    writer.write(UInt8(6))
    writer.write(UInt8(4))
    writer.write(UInt16(1))
    writer.write(hardware.bytes)
    writer.write(address)
    writer.write(MACAddress.broadcast.bytes)
    writer.write(address)
    return writer.bytes
}

/// Values of the Ethernet type field.
package enum EtherType {
    package static let ipv4: UInt16 = 0x0800
    package static let arp: UInt16 = 0x0806
    package static let ipv6: UInt16 = 0x86dd
}
