package enum AddressFamily: UInt8, Hashable, Sendable {
    case ipv4 = 4
    case ipv6 = 6

    /// Bytes of an address: 4 or 16.
    @inlinable package var addressLength: Int { self == .ipv4 ? 4 : 16 }
    /// Bits of an address: 32 or 128.
    @inlinable package var bitCount: Int { addressLength * 8 }
}

/// An IPv4 or IPv6 address. Addresses of one family compare as unsigned integers in network order, which is the
/// order that VRRP's tie-break uses (RFC 9568 §6.4.3).
package struct IPAddress: Hashable, Sendable {
    package let family: AddressFamily
    /// Bits 0-63 of an IPv6 address; 0 for IPv4.
    package let high: UInt64
    /// Bits 64-127 of an IPv6 address; the 32 bits of an IPv4 address.
    package let low: UInt64

    @inlinable init(family: AddressFamily, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits in host order: `0x0a000001` is 10.0.0.1.
    @inlinable package init(v4 bits: UInt32) { self.init(family: .ipv4, high: 0, low: UInt64(bits)) }

    /// An IPv6 address from its two halves in host order.
    @inlinable package init(v6High high: UInt64, low: UInt64) { self.init(family: .ipv6, high: high, low: low) }

    /// Only what differs between addresses of one family: a configuration may have a hundred thousand, in several
    /// tables.
    @inlinable package func hash(into hasher: inout Hasher) {
        if family == .ipv6 { hasher.combine(high) }
        hasher.combine(low)
    }

    /// An address from 4 or 16 bytes in network order; nil for any other length.
    package init?(bytes: some Collection<UInt8>) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        switch bytes.count {
        case 4: self.init(family: .ipv4, high: 0, low: low)
        case 16: self.init(family: .ipv6, high: high, low: low)
        default: return nil
        }
    }

    /// The byte at this place of the network-order form.
    @inlinable package func byte(at index: Int) -> UInt8 {
        if family == .ipv4 { return UInt8(truncatingIfNeeded: low >> UInt64(8 * (3 - index))) }
        let half = index < 8 ? high : low
        return UInt8(truncatingIfNeeded: half >> UInt64(8 * (7 - index & 7)))
    }

    /// The address in network order, 4 or 16 bytes.
    package var bytes: [UInt8] { (0..<family.addressLength).map(byte(at:)) }

    /// `10.0.0.1:80`, `[fd00::1]:80`.
    package func withPort(_ port: UInt16) -> String {
        family == .ipv4 ? "\(self):\(port)" : "[\(self)]:\(port)"
    }

    /// 0.0.0.0 or ::.
    @inlinable package var isUnspecified: Bool { high == 0 && low == 0 }
    /// 224.0.0.0/4 or ff00::/8.
    @inlinable package var isMulticast: Bool { family == .ipv4 ? low >> 28 == 0xe : high >> 56 == 0xff }
    /// fe80::/10; always false for IPv4.
    @inlinable package var isLinkLocal: Bool { family == .ipv6 && high >> 54 == 0x3fa }

    /// All addresses that share the first `length` bits with this one, the rest zero.
    package func masked(to length: Int) -> IPAddress {
        if family == .ipv4 {
            let mask: UInt64 = length <= 0 ? 0 : (0xffff_ffff << UInt64(32 - min(length, 32))) & 0xffff_ffff
            return IPAddress(family: .ipv4, high: 0, low: low & mask)
        }
        let highMask: UInt64 = length <= 0 ? 0 : length >= 64 ? .max : .max << UInt64(64 - length)
        let lowMask: UInt64 = length <= 64 ? 0 : length >= 128 ? .max : .max << UInt64(128 - length)
        return IPAddress(family: .ipv6, high: high & highMask, low: low & lowMask)
    }
}

extension IPAddress: Comparable {
    /// Unsigned order of the address; IPv4 sorts before IPv6.
    @inlinable package static func < (left: IPAddress, right: IPAddress) -> Bool {
        if left.family != right.family { return left.family.rawValue < right.family.rawValue }
        return left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted quad, or RFC 5952's canonical IPv6 text.
    package var description: String {
        if family == .ipv4 { return "\(byte(at: 0)).\(byte(at: 1)).\(byte(at: 2)).\(byte(at: 3))" }
        let groups = (0..<8).map { UInt16(byte(at: 2 * $0)) << 8 | UInt16(byte(at: 2 * $0 + 1)) }
        if high == 0, low >> 32 == 0xffff {
            return "::ffff:\(IPAddress(v4: UInt32(truncatingIfNeeded: low)))"
        }
        // The longest run of at least two zero groups becomes "::"; the first one of equals.
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads a dotted quad or any RFC 4291 §2.2 form; nil for everything else, host names and zones included.
    package init?(_ text: String) { self.init(text[...]) }

    /// Reads a dotted quad or any RFC 4291 §2.2 form; nil for everything else, host names and zones included.
    package init?(_ text: Substring) {
        let address = ContiguousArray(text.utf8).withUnsafeBufferPointer { IPAddress(utf8: $0) }
        guard let address else { return nil }
        self = address
    }

    /// Reads bytes. Nothing is allocated for a dotted quad: configurations have hundreds of thousands.
    package init?(utf8: UnsafeBufferPointer<UInt8>) {
        if utf8.contains(UInt8(ascii: ":")) {
            guard let groups = Self.parseV6(Array(utf8)) else { return nil }
            let halves = groups.reduce(into: (UInt64(0), UInt64(0))) { halves, group in
                halves.0 = halves.0 << 16 | halves.1 >> 48
                halves.1 = halves.1 << 16 | UInt64(group)
            }
            self.init(family: .ipv6, high: halves.0, low: halves.1)
        } else {
            guard let bits = Self.parseV4(utf8) else { return nil }
            self.init(v4: bits)
        }
    }

    private static func parseV4(_ text: UnsafeBufferPointer<UInt8>) -> UInt32? {
        var bits: UInt32 = 0
        var value: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text {
            if (48...57).contains(byte) {
                // A leading zero could mean octal.
                guard digits == 0 || value > 0 else { return nil }
                value = value * 10 + UInt32(byte - 48)
                digits += 1
                guard value <= 255 else { return nil }
            } else {
                guard byte == UInt8(ascii: "."), digits > 0, dots < 3 else { return nil }
                bits = bits << 8 | value
                value = 0
                digits = 0
                dots += 1
            }
        }
        return digits > 0 && dots == 3 ? bits << 8 | value : nil
    }

    private static func parseV6(_ text: [UInt8]) -> [UInt16]? {
        guard text.count <= 45 else { return nil }
        let colon = UInt8(ascii: ":")
        // "::" splits the address in two sides; at most one of them may exist.
        var gap: Int?
        for index in text.indices.dropLast() where text[index] == colon && text[index + 1] == colon {
            guard gap == nil else { return nil }
            gap = index
        }
        // A dotted quad may only be the address's last 32 bits (RFC 4291 §2.2).
        func side(_ bytes: ArraySlice<UInt8>, isLast: Bool) -> [UInt16]? {
            if bytes.isEmpty { return [] }
            var groups: [UInt16] = []
            let parts = bytes.split(separator: colon, omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if part.contains(UInt8(ascii: ".")) {
                    guard isLast, index == parts.count - 1, let v4 = part.withUnsafeBufferPointer(parseV4) else {
                        return nil
                    }
                    groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
                } else {
                    guard (1...4).contains(part.count),
                        let value = UInt16(String(decoding: part, as: UTF8.self), radix: 16),
                        part.first != UInt8(ascii: "+"), part.first != UInt8(ascii: "-")
                    else { return nil }
                    groups.append(value)
                }
            }
            return groups
        }
        guard let gap else {
            guard let groups = side(text[...], isLast: true), groups.count == 8 else { return nil }
            return groups
        }
        guard let left = side(text[..<gap], isLast: false), let right = side(text[(gap + 2)...], isLast: true)
        else { return nil }
        guard left.count + right.count <= 7 else { return nil }
        return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
    }
}

/// An address and the length of its network prefix, as in `10.0.0.1/24`.
package struct Prefix: Hashable, Sendable {
    /// The address, host bits included.
    package let address: IPAddress
    /// Bits of the network part, 0...32 or 0...128.
    package let length: Int

    /// Nil when the length doesn't fit the family.
    package init?(address: IPAddress, length: Int) {
        guard (0...address.family.bitCount).contains(length) else { return nil }
        self.address = address
        self.length = length
    }

    /// The prefix that holds this one address: /32 or /128.
    package init(host address: IPAddress) {
        self.address = address
        self.length = address.family.bitCount
    }

    /// True if the other address lies in this network.
    package func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && other.masked(to: length) == address.masked(to: length)
    }
}

extension Prefix: CustomStringConvertible, LosslessStringConvertible {
    /// `address/length`.
    package var description: String { "\(address)/\(length)" }

    /// Reads `address` or `address/length`.
    package init?(_ text: String) {
        let prefix = ContiguousArray(text.utf8).withUnsafeBufferPointer { Prefix(utf8: $0) }
        guard let prefix else { return nil }
        self = prefix
    }

    package init?(utf8: UnsafeBufferPointer<UInt8>) {
        guard let slash = utf8.firstIndex(of: UInt8(ascii: "/")) else {
            guard let address = IPAddress(utf8: utf8) else { return nil }
            self.init(host: address)
            return
        }
        guard let address = IPAddress(utf8: UnsafeBufferPointer(rebasing: utf8[..<slash])) else { return nil }
        let digits = utf8[(slash + 1)...]
        guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self.init(address: address, length: digits.reduce(0) { $0 * 10 + Int($1 - 48) })
    }
}
