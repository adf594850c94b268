import Base

/// The reason bytes are no advertisement. Contents that are merely wrong for a receiver are the receiver's
/// business.
package enum AdvertisementError: Error, Hashable, Sendable {
    /// Shorter or longer than its version and its address count say.
    case length
    /// CARP (OpenBSD, FreeBSD): another protocol with VRRP's number and group, and version 2's first byte.
    case carp
    /// An advertisement, followed by the keyed trailer of keepalived's `auth_hmac`, which isn't read.
    case authenticationTrailer
}

package enum ChecksumResult: Hashable, Sendable {
    /// Right in the version's own form.
    case right
    /// Version 3 over IPv4: right only without the pseudo-header.
    case rightWithoutPseudoHeader
    case wrong
}

/// An advertisement as received: the fixed fields by value, the rest read where it lies, so that judging a packet
/// allocates nothing. Valid as long as the bytes are.
package struct AdvertisementView {
    static let advertisementType: UInt8 = 1
    static let checksumOffset = 6
    static let headerLength = 8
    /// Version 2 over IPv4: what follows the addresses.
    static let authenticationLength = 8
    /// CARP's header has a length of its own, and says that of its authentication data in words of four bytes.
    private static let carp = (length: 36, authenticationWords: 7)
    /// `auth_hmac`: type, key, two reserved bytes, time, counter, and half of an HMAC-SHA256.
    private static let trailer = (length: 28, type: UInt8(1))

    private let bytes: UnsafeRawBufferPointer
    private let family: AddressFamily
    /// Version as it stands there; known ones are 2 and 3.
    package let rawVersion: UInt8
    /// Type; 1 is the only one there is.
    package let type: UInt8
    /// Virtual router, 0 included.
    package let rawVirtualRouterID: UInt8
    package let priority: Priority
    package let addressCount: Int
    /// The second word's upper half: authentication type and interval (version 2) or the interval (version 3).
    private let intervalWord: UInt16
    package let checksum: UInt16

    /// Reads the fixed fields and checks the length, which is exact for versions 2 and 3: neither has options.
    /// - Throws: `AdvertisementError`.
    package init(_ bytes: UnsafeRawBufferPointer, family: AddressFamily) throws(AdvertisementError) {
        var reader = ByteReader(bytes)
        do {
            let first = try reader.readUInt8()
            rawVersion = first >> 4
            type = first & 0xf
            rawVirtualRouterID = try reader.readUInt8()
            priority = Priority(rawValue: try reader.readUInt8())
            addressCount = Int(try reader.readUInt8())
            intervalWord = try reader.readUInt16()
            checksum = try reader.readUInt16()
        } catch {
            throw .length
        }
        self.bytes = bytes
        self.family = family
        if let version = VRRPVersion(rawValue: rawVersion) {
            let data = version.hasAuthenticationData(family) ? Self.authenticationLength : 0
            let expected = Self.headerLength + addressCount * family.addressLength + data
            guard bytes.count == expected else { throw otherThan(expected, version) }
        }
    }

    /// Explains bytes that have another length than an advertisement of their version and address count.
    private func otherThan(_ expected: Int, _ version: VRRPVersion) -> AdvertisementError {
        if version == .v2, isAdvertisement, bytes.count == Self.carp.length,
            addressCount == Self.carp.authenticationWords
        {
            return .carp
        }
        guard bytes.count == expected + Self.trailer.length, bytes[expected] == Self.trailer.type,
            bytes[expected + 2] == 0, bytes[expected + 3] == 0
        else { return .length }
        return .authenticationTrailer
    }

    /// The virtual router that bytes are for, before anything else is known of them; nil when they're too few.
    package static func virtualRouterID(of bytes: UnsafeRawBufferPointer) -> UInt8? {
        bytes.count >= 2 ? bytes[1] : nil
    }

    /// Version; nil for one that isn't known.
    package var version: VRRPVersion? { VRRPVersion(rawValue: rawVersion) }

    /// True if the type is ADVERTISEMENT (RFC 9568 §5.2.2).
    package var isAdvertisement: Bool { type == Self.advertisementType }

    package var authenticationType: UInt8 { UInt8(intervalWord >> 8) }

    /// The sender's interval; its four reserved bits are ignored in version 3 (RFC 9568 §5.2.6).
    package var interval: Interval {
        rawVersion == VRRPVersion.v2.rawValue
            ? .seconds(Int64(intervalWord & 0xff)) : .centiseconds(Int64(intervalWord & 0xfff))
    }

    /// Checks the checksum over everything received.
    package func checkChecksum(source: IPAddress, destination: IPAddress) -> ChecksumResult {
        var plain = InternetChecksum()
        plain.add(bytes)
        if rawVersion == VRRPVersion.v2.rawValue, family == .ipv4 { return plain.value == 0 ? .right : .wrong }
        var whole = plain
        whole.addPseudoHeader(
            source: source, destination: destination, length: bytes.count, next: vrrpProtocolNumber)
        if whole.value == 0 { return .right }
        return family == .ipv4 && plain.value == 0 ? .rightWithoutPseudoHeader : .wrong
    }

    /// Version 2: whether the authentication data is this password, padded with NUL to eight bytes.
    package func hasPassword(_ password: [UInt8]) -> Bool {
        guard version?.hasAuthenticationData(family) == true, bytes.count >= Self.authenticationLength else {
            return false
        }
        var difference: UInt8 = 0
        for index in 0..<Self.authenticationLength {
            let expected = index < password.count ? password[index] : 0
            difference |= bytes[bytes.count - Self.authenticationLength + index] ^ expected
        }
        return difference == 0
    }

    private var list: Range<Int> {
        Self.headerLength..<Self.headerLength + addressCount * family.addressLength
    }

    /// True if the address list is byte for byte this one, given in network order.
    package func hasAddressList(_ expected: [UInt8]) -> Bool {
        let list = list
        guard expected.count == list.count, list.upperBound <= bytes.count else { return false }
        return bytes[list].elementsEqual(expected)
    }

    /// The address list, for messages and for comparison regardless of order. Allocates.
    package var addresses: [IPAddress] {
        guard list.upperBound <= bytes.count else { return [] }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[list]))
        var found: [IPAddress] = []
        while let address = try? reader.readAddress(family) { found.append(address) }
        return found
    }
}
