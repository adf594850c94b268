import Base

/// One entry of virtual_ipaddress.
package struct VirtualAddress: Record {
    /// Address and prefix length.
    package var prefix: Prefix
    /// dev; nil for the instance's interface.
    package var interface: String?
    /// scope as the kernel numbers it (0 global, 200 site, 253 link, 254 host, 255 nowhere).
    package var scope: UInt8 = 0
    private var extra: OutOfLine<ExtraAddressSettings>?
    /// -nodad: duplicate address detection is wanted (IPv6 addresses go in without it otherwise).
    package var duplicateAddressDetection = false
    package var noPrefixRoute = false
    /// no_track: its removal by another program doesn't matter.
    package var isUntracked = false
    /// home, mngtmpaddr, autojoin and use_vmac.
    package var flags: AddressFlags = []
    /// preferred_lft in seconds, `UInt32.max` for `forever`; nil for the default (forever, or 0 for an IPv6 /128).
    package var preferredLifetime: UInt32?

    package init(prefix: Prefix) { self.prefix = prefix }

    /// brd, resolved for `+` and `-`.
    package var broadcast: IPAddress? {
        get { extra?.value.broadcast }
        set { change { $0.broadcast = newValue } }
    }
    /// label; nil for none.
    package var label: String? {
        get { extra?.value.label }
        set { change { $0.label = newValue } }
    }
    package var peer: Prefix? {
        get { extra?.value.peer }
        set { change { $0.peer = newValue } }
    }

    private mutating func change(_ body: (inout ExtraAddressSettings) -> Void) {
        var settings = extra?.value ?? ExtraAddressSettings()
        body(&settings)
        extra = settings == ExtraAddressSettings() ? nil : OutOfLine(settings)
    }

    package init() { self.init(prefix: Prefix(host: IPAddress(v4: 0))) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &prefix)
        try fields.field("dev", &interface)
        try fields.field("scope", &scope)
        try fields.part(&extra)
        try fields.field("-nodad", &duplicateAddressDetection)
        try fields.field("noprefixroute", &noPrefixRoute)
        try fields.field("no_track", &isUntracked)
        try fields.flags("", &flags)
        try fields.field("preferred_lft", &preferredLifetime) { $0 == .max ? "forever" : $0?.fieldText }
    }
}

/// Settings that few addresses have.
private struct ExtraAddressSettings: Record {
    var broadcast: IPAddress?
    var label: String?
    var peer: Prefix?

    init() {}
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("brd", &broadcast)
        try fields.field("label", &label)
        try fields.field("peer", &peer)
    }
}

/// Rare flags of an address.
package struct AddressFlags: FlagSet {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// home: mobile IPv6 home address.
    package static let home = AddressFlags(rawValue: 1)
    /// mngtmpaddr: template for temporary addresses.
    package static let managesTemporary = AddressFlags(rawValue: 2)
    /// autojoin: the multicast group is joined.
    package static let joinsGroup = AddressFlags(rawValue: 4)
    /// use_vmac: gets a virtual MAC address on its interface.
    package static let usesVirtualMAC = AddressFlags(rawValue: 8)
    package static let all = AddressFlags(rawValue: 15)
    package static let words: [(flag: AddressFlags, word: String)] = [
        (.home, "home"), (.managesTemporary, "mngtmpaddr"), (.joinsGroup, "autojoin"), (.usesVirtualMAC, "use_vmac"),
    ]
}

/// One entry of unicast_peer.
package struct UnicastPeer: Record {
    /// The destination of advertisements.
    package var address: IPAddress
    /// min_ttl: lowest TTL accepted from it.
    package var minimumTTL: UInt8?
    /// max_ttl: highest TTL accepted from it.
    package var maximumTTL: UInt8?
    package init(address: IPAddress, minimumTTL: UInt8? = nil, maximumTTL: UInt8? = nil) {
        self.address = address
        self.minimumTTL = minimumTTL
        self.maximumTTL = maximumTTL
    }

    package init() { self.init(address: IPAddress(v4: 0)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("min_ttl", &minimumTTL)
        try fields.field("max_ttl", &maximumTTL)
    }
}
