import Base

extension InstanceSettings {
    /// Addresses that an advertisement has room to count (RFC 9568 §5.2.5).
    static var maximumAddresses: Int { 255 }

    /// How many of its virtual addresses, the first ones, an advertisement carries on a link with this MTU: what fits
    /// behind the IP header, the VRRP header and the authentication data (RFC 9568 §5, RFC 2338 §5).
    public func advertisedAddressLimit(mtu: Int) -> Int {
        let (internetHeader, address) = family == .ipv4 ? (20, 4) : (40, 16)
        let header = 8
        // Version 2 has it for IPv4 only, whether or not there is a password.
        let authentication = version == .v2 && family == .ipv4 ? 8 : 0
        let room = max(0, mtu - internetHeader - header - authentication)
        return min(room / address, Self.maximumAddresses)
    }
}

extension Elaborator {
    /// An advertisement is one packet: what doesn't fit the link is left out of it.
    mutating func checkRoom(_ draft: InstanceDraft) {
        let settings = draft.settings
        guard let mtu = environment.links?[settings.interface]?.mtu else { return }
        let limit = settings.advertisedAddressLimit(mtu: mtu)
        guard settings.virtualAddresses.count > limit, draft.virtualPlaces.indices.contains(limit) else { return }
        report(
            .warning,
            "an advertisement on `\(settings.interface)`, whose MTU is \(mtu), carries "
                + "\(limit) of \(settings.virtualAddresses.count) addresses: from here on they are set and not advertised, "
                + "and a keepalived before 2.3 discards a list that isn't its own",
            at: draft.virtualPlaces[limit], code: .machine)
    }
}
