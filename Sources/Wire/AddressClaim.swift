import Base

/// Returns the question who has an address, as a whole Ethernet frame: one that changes nobody's cache, and that everybody
/// who has the address answers, also to a machine without an address of its own there.
///
/// IPv4: an ARP request whose sender address is 0 (an ARP probe, RFC 5227 §1.1). With an address in that field those who hear
/// it would note the sender as its owner, and clients of the address that is asked for would come to us.
/// ```
/// | destination ff:ff:ff:ff:ff:ff | source | 0806 |
/// | hardware 1 | protocol 0800 | 6 | 4 | request 1 |
/// | sender MAC | sender IP 0 | target MAC 0 | target IP |
/// ```
///
/// IPv6: a neighbour solicitation from the unspecified address, without an option, to the solicited-node group, as duplicate
/// address detection sends it (RFC 4862 §5.4.2). Who has the address answers to all nodes, for which it needs no entry of ours
/// (RFC 4861 §7.2.4).
/// ```
/// | Ethernet 33:33:ff:xx:xx:xx <- source, 86dd | IPv6 :: -> ff02::1:ffxx:xxxx, hop limit 255, next header 58 |
/// | type 135 | code 0 | checksum | reserved 0 |
/// | target address, 16 bytes |
/// ```
package func encodeAddressQuestion(for address: IPAddress, from hardware: MACAddress) -> [UInt8] {
    switch address.family {
    case .ipv4: encodeARPProbe(for: address, from: hardware)
    case .ipv6: encodeNeighborSolicitation(for: address, from: hardware)
    }
}

private func encodeARPProbe(for address: IPAddress, from hardware: MACAddress) -> [UInt8] {
    var writer = ByteWriter(capacity: AddressClaim.arpLength)
    writer.write(MACAddress.broadcast.bytes)
    writer.write(hardware.bytes)
    writer.write(EtherType.arp)
    writer.write(UInt16(1))
    writer.write(EtherType.ipv4)
    writer.write(UInt8(6))
    writer.write(UInt8(4))
    writer.write(UInt16(1))
    writer.write(hardware.bytes)
    writer.write(IPAddress(v4: 0))
    writer.write(MACAddress(bits: 0).bytes)
    writer.write(address)
    return writer.bytes
}

private func encodeNeighborSolicitation(for address: IPAddress, from hardware: MACAddress) -> [UInt8] {
    let unspecified = IPAddress(v6High: 0, low: 0)
    let group = IPAddress(v6High: 0xff02_0000_0000_0000, low: 0x1_ff00_0000 | address.low & 0xff_ffff)
    var message = ByteWriter(capacity: 24)
    message.write(UInt8(135))
    message.write(UInt8(0))
    message.write(UInt16(0))
    message.write(UInt32(0))
    message.write(address)
    message.patch(icmpv6Checksum(of: message.bytes, from: unspecified, to: group), at: 2)
    var frame = ByteWriter(capacity: 78)
    frame.write(MACAddress.multicast(group).bytes)
    frame.write(hardware.bytes)
    frame.write(EtherType.ipv6)
    frame.write(
        encodeIPv6Header(
            source: unspecified, destination: group, payloadLength: message.bytes.count,
            nextHeader: AddressClaim.icmpv6, hopLimit: 255))
    frame.write(message.bytes)
    return frame.bytes
}

private func icmpv6Checksum(of message: [UInt8], from source: IPAddress, to destination: IPAddress) -> UInt16 {
    message.withUnsafeBytes { bytes in
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            source: source, destination: destination, length: bytes.count, next: AddressClaim.icmpv6)
        sum.add(bytes)
        return sum.value
    }
}

/// A machine's word that it has an address: an ARP reply (RFC 826) or a neighbour advertisement (RFC 4861 §4.4).
package struct AddressClaim: Hashable, Sendable {
    package var address: IPAddress
    /// The hardware address at which the machine is to be reached.
    package var machine: MACAddress

    fileprivate static let icmpv6: UInt8 = 58
    fileprivate static let arpLength = 42
    private static let ethernetLength = 14
    private static let advertisementType: UInt8 = 136
    /// Bytes of a neighbour advertisement before its options.
    private static let advertisementLength = 24

    package init(address: IPAddress, machine: MACAddress) {
        self.address = address
        self.machine = machine
    }

    /// Reads a whole Ethernet frame. Nil for everything that claims no address, or isn't what the RFCs want it to be.
    package init?(frame: UnsafeRawBufferPointer) {
        guard frame.count >= Self.ethernetLength else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: frame[Self.ethernetLength...])
        switch Self.word(frame, 12) {
        case EtherType.arp: self.init(arp: payload)
        case EtherType.ipv6: self.init(packet: payload, from: Self.hardware(frame, 6))
        default: return nil
        }
    }

    private init?(arp: UnsafeRawBufferPointer) {
        // What follows it is padding.
        guard arp.count >= Self.arpLength - Self.ethernetLength, Self.word(arp, 0) == 1,
            Self.word(arp, 2) == EtherType.ipv4, arp[4] == 6, arp[5] == 4, Self.word(arp, 6) == 2
        else { return nil }
        let address = UInt32(bigEndian: arp.loadUnaligned(fromByteOffset: 14, as: UInt32.self))
        let machine = Self.hardware(arp, 8)
        guard address != 0, machine.bits != 0 else { return nil }
        self.init(address: IPAddress(v4: address), machine: machine)
    }

    /// The checks are those of RFC 4861 §7.1.2.
    private init?(packet: UnsafeRawBufferPointer, from source: MACAddress) {
        guard packet.count >= ipv6HeaderLength + Self.advertisementLength, packet[0] >> 4 == 6,
            packet[6] == Self.icmpv6, packet[7] == 255
        else { return nil }
        let length = Int(Self.word(packet, 4))
        guard length >= Self.advertisementLength, packet.count >= ipv6HeaderLength + length else { return nil }
        let message = UnsafeRawBufferPointer(rebasing: packet[ipv6HeaderLength..<ipv6HeaderLength + length])
        guard message[0] == Self.advertisementType, message[1] == 0 else { return nil }
        let destination = Self.address(packet, 24)
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            source: Self.address(packet, 8), destination: destination, length: length, next: Self.icmpv6)
        sum.add(message)
        let isSolicited = message[4] & 0x40 != 0
        let target = Self.address(message, 8)
        guard sum.value == 0, !target.isMulticast, !target.isUnspecified, !(isSolicited && destination.isMulticast),
            let option = Self.targetHardware(UnsafeRawBufferPointer(rebasing: message[Self.advertisementLength...]))
        else { return nil }
        // Without the option the machine is where the frame has come from.
        let machine = option.found ?? source
        guard machine.bits != 0 else { return nil }
        self.init(address: target, machine: machine)
    }

    /// The target link-layer address option, which may be missing.
    private struct TargetOption { var found: MACAddress? }

    /// Returns the target link-layer address among options, if there is one; nil for options that don't end where they should.
    private static func targetHardware(_ options: UnsafeRawBufferPointer) -> TargetOption? {
        var found: MACAddress?
        var offset = 0
        while offset < options.count {
            guard offset + 8 <= options.count else { return nil }
            let length = Int(options[offset + 1]) * 8
            guard length > 0, offset + length <= options.count else { return nil }
            if options[offset] == 2, length == 8, found == nil { found = hardware(options, offset + 2) }
            offset += length
        }
        return TargetOption(found: found)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
        UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    private static func address(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> IPAddress {
        func half(_ place: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
        return IPAddress(v6High: half(offset), low: half(offset + 8))
    }

    private static func hardware(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> MACAddress {
        MACAddress(bits: (0..<6).reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) })
    }
}
