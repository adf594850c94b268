import Base

/// Protocol number of VRRP in the IPv4 Protocol and IPv6 Next Header fields (RFC 9568 §5.1.1.4, §5.1.2.5).
package let vrrpProtocolNumber: UInt8 = 112

/// The contents of an advertisement.
///
/// Version 3 (RFC 9568 §5.1):
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  |     VRID      |   Priority    | Address count |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  0    |  interval (cs)        |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 addresses, 4 or 16 bytes each                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
/// Version 2 (RFC 3768 §5.1) differs in the second word, and eight bytes of authentication data follow the addresses.
/// The RFC has it for IPv4 only; over IPv6, as keepalived sends it, there is no authentication data, and the checksum
/// covers the pseudo-header:
/// ```
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Auth type   | interval (s)  |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
package struct Advertisement: Hashable, Sendable {
    package var version: VRRPVersion
    package var virtualRouterID: VRID
    /// Priority; 0 releases.
    package var priority: Priority
    /// Time between two advertisements: whole seconds up to 255 (version 2), centiseconds up to 4095 (version 3).
    package var interval: Interval
    /// Addresses of the virtual router, at most 255, all of the sender's family.
    package var addresses: [IPAddress]
    /// Version 2 over IPv4, RFC 2338's simple password: eight bytes; nil for authentication type 0.
    package var password: [UInt8]?
    /// Version 3 over IPv4 only: leave the pseudo-header out of the checksum, as some vendors do.
    package var checksumWithoutPseudoHeader: Bool

    package init(
        version: VRRPVersion, virtualRouterID: VRID, priority: Priority, interval: Interval, addresses: [IPAddress],
        password: [UInt8]? = nil, checksumWithoutPseudoHeader: Bool = false
    ) {
        self.version = version
        self.virtualRouterID = virtualRouterID
        self.priority = priority
        self.interval = interval
        self.addresses = addresses
        self.password = password
        self.checksumWithoutPseudoHeader = checksumWithoutPseudoHeader
    }

    /// The VRRP PDU. Addresses of another family than the source's and those beyond the 255th aren't written;
    /// an interval beyond its field is written as the field's highest or lowest value.
    package func encode(source: IPAddress, destination: IPAddress) -> [UInt8] {
        let carried = addresses.filter { $0.family == source.family }.prefix(255)
        var writer = ByteWriter(capacity: 16 + carried.count * source.family.addressLength)
        writer.write(version.rawValue << 4 | AdvertisementView.advertisementType)
        writer.write(virtualRouterID.rawValue)
        writer.write(priority.rawValue)
        writer.write(UInt8(carried.count))
        switch version {
        case .v2:
            let hasPassword = password != nil && version.hasAuthenticationData(source.family)
            writer.write(hasPassword ? AuthenticationType.simplePassword : AuthenticationType.none)
            writer.write(UInt8(clamping: max(1, interval.nanoseconds / Interval.seconds(1).nanoseconds)))
        case .v3:
            let centiseconds = interval.nanoseconds / Interval.centiseconds(1).nanoseconds
            writer.write(UInt16(min(max(1, centiseconds), 0xfff)))
        }
        writer.write(UInt16(0))
        for address in carried { writer.write(address) }
        if version.hasAuthenticationData(source.family) {
            let secret = password ?? []
            for index in 0..<8 { writer.write(index < secret.count ? secret[index] : 0) }
        }
        let omitsPseudoHeader = source.family == .ipv4 && (version == .v2 || checksumWithoutPseudoHeader)
        let length = writer.bytes.count
        let checksum = writer.bytes.withUnsafeBytes { bytes in
            var sum = InternetChecksum()
            if !omitsPseudoHeader {
                sum.addPseudoHeader(source: source, destination: destination, length: length, next: vrrpProtocolNumber)
            }
            sum.add(bytes)
            return sum.value
        }
        writer.patch(checksum, at: AdvertisementView.checksumOffset)
        return writer.bytes
    }
}

extension VRRPVersion {
    /// True if eight bytes of authentication data follow the addresses.
    func hasAuthenticationData(_ family: AddressFamily) -> Bool { self == .v2 && family == .ipv4 }
}

/// Values of version 2's authentication type (RFC 3768 §5.3.6; 1 is RFC 2338's).
package enum AuthenticationType {
    package static let none: UInt8 = 0
    /// Eight bytes in clear text.
    package static let simplePassword: UInt8 = 1
    /// All that RFC 2338 §5.3.6 has: also 2, the IP Authentication Header.
    package static let known: ClosedRange<UInt8> = 0...2
}

extension InternetChecksum {
    /// Adds the pseudo-header of RFC 8200 §8.1, whose sum is the same for RFC 9568's IPv4 form (§5.2.8).
    package mutating func addPseudoHeader(source: IPAddress, destination: IPAddress, length: Int, next: UInt8) {
        add(source)
        add(destination)
        add(UInt32(truncatingIfNeeded: length))
        add(UInt32(next))
    }
}
