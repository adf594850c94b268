import Base

extension InstanceSettings {
    /// Addresses that an advertisement has room to count (RFC 9568 §5.2.5).
    package static var maximumAddresses: Int { 255 }

    /// How many of its virtual addresses, the first ones, an advertisement carries on a link with this MTU: what fits
    /// behind the IP header, the VRRP header and the authentication data (RFC 9568 §5, RFC 2338 §5).
    package func advertisedAddressLimit(mtu: Int) -> Int {
        let (internetHeader, address) = family == .ipv4 ? (20, 4) : (40, 16)
        let header = 8
        // Version 2 has it for IPv4 only, whether or not there is a password.
        let authentication = version == .v2 && family == .ipv4 ? 8 : 0
        let room = max(0, mtu - internetHeader - header - authentication)
        return min(room / address, Self.maximumAddresses)
    }
}
