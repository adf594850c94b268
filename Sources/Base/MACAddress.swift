package struct MACAddress: Hashable, Sendable {
    /// The address in the low 48 bits, first octet most significant.
    package let bits: UInt64

    /// The address with these low 48 bits.
    @inlinable package init(bits: UInt64) { self.bits = bits & 0xffff_ffff_ffff }

    /// An address from six octets; nil for any other count.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.init(bits: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// ff:ff:ff:ff:ff:ff.
    package static let broadcast = MACAddress(bits: 0xffff_ffff_ffff)

    package var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * $0)) } }

    /// The virtual router MAC address (RFC 9568 §7.3): 00-00-5E-00-01-VRID, or -02- for IPv6.
    package static func virtualRouter(_ id: VRID, _ family: AddressFamily) -> MACAddress {
        MACAddress(bits: 0x0000_5e00_0000 | (family == .ipv4 ? 0x100 : 0x200) | UInt64(id.rawValue))
    }

    /// The group address that an IP multicast address maps to (RFC 1112 §6.4, RFC 2464 §7).
    package static func multicast(_ group: IPAddress) -> MACAddress {
        group.family == .ipv4
            ? MACAddress(bits: 0x0100_5e00_0000 | group.low & 0x7f_ffff)
            : MACAddress(bits: 0x3333_0000_0000 | group.low & 0xffff_ffff)
    }
}

extension MACAddress: CustomStringConvertible {
    /// `02:00:00:00:00:01`.
    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
