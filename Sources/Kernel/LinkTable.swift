import Base

/// The interfaces and their addresses, kept small: 40 bytes an address.
struct LinkTable {
    struct Entry {
        var link: Link
        var addresses: [Address] = []

        /// Appends or replaces; false when all of it was known.
        mutating func take(_ address: Address) -> Bool {
            guard let place = addresses.firstIndex(where: { $0.isSameEntry(as: address) }) else {
                addresses.append(address)
                return true
            }
            if addresses[place] == address { return false }
            addresses[place] = address
            return true
        }
    }

    /// An address without what isn't needed.
    struct Address: Equatable {
        var address: IPAddress
        var peer: IPAddress?
        var prefixLength: UInt8
        var scope: UInt8
        /// 0 for unknown, as the kernel has it (IFAPROT_UNSPEC).
        var addedBy: UInt8
        var hasLifetime: Bool
        var flags: UInt32

        init(_ known: LinkAddress) {
            address = known.address
            peer = known.peer
            prefixLength = known.prefixLength
            scope = known.scope
            addedBy = known.addedBy ?? 0
            hasLifetime = known.hasLifetime
            flags = known.flags
        }

        func isSameEntry(as other: Address) -> Bool {
            address == other.address && prefixLength == other.prefixLength && peer == other.peer
        }

        func described(on interfaceIndex: Int32) -> LinkAddress {
            LinkAddress(
                interfaceIndex: interfaceIndex, address: address, prefixLength: prefixLength, scope: scope,
                flags: flags, addedBy: addedBy == 0 ? nil : addedBy, peer: peer, hasLifetime: hasLifetime)
        }
    }

    private(set) var entries: [Int32: Entry] = [:]

    init() {}

    init(_ snapshot: RouteSnapshot) {
        for link in snapshot.links { entries[link.index] = Entry(link: link) }
        for address in snapshot.addresses { entries[address.interfaceIndex]?.addresses.append(Address(address)) }
    }

    /// Takes in one event and gives what has really changed: nothing for a repetition, a removal and an arrival for a
    /// new name.
    mutating func apply(_ event: LinkEvent, changed: (LinkEvent) -> Void) {
        switch event {
        case .link(let link): apply(link, changed)
        case .linkRemoved(let index, _): remove(index, changed)
        case .address(let address): apply(address, changed)
        case .addressRemoved(let address): remove(address, changed)
        case .forwardsIPv6(let index, let isOn):
            guard var link = entries[index]?.link else { return }
            link.forwardsIPv6 = isOn
            apply(link, changed)
        case .overflow: changed(.overflow)
        }
    }

    private mutating func apply(_ reported: Link, _ changed: (LinkEvent) -> Void) {
        var link = reported
        if link.forwardsIPv6 == nil { link.forwardsIPv6 = entries[link.index]?.link.forwardsIPv6 }
        guard let known = entries[link.index]?.link else {
            entries[link.index] = Entry(link: link)
            return changed(.link(link))
        }
        guard known != link else { return }
        if known.name != link.name { changed(.linkRemoved(index: known.index, name: known.name)) }
        entries[link.index]?.link = link
        changed(.link(link))
    }

    private mutating func remove(_ index: Int32, _ changed: (LinkEvent) -> Void) {
        guard let entry = entries.removeValue(forKey: index) else { return }
        for address in entry.addresses { changed(.addressRemoved(address.described(on: index))) }
        changed(.linkRemoved(index: index, name: entry.link.name))
    }

    private mutating func apply(_ known: LinkAddress, _ changed: (LinkEvent) -> Void) {
        let address = Address(known)
        // In place: with a copy of the entry in hand, each change would copy the whole list. An address without its
        // interface is one of an interface that is about to be reported, or gone already.
        guard entries[known.interfaceIndex]?.take(address) == true else { return }
        changed(.address(known))
    }

    private mutating func remove(_ known: LinkAddress, _ changed: (LinkEvent) -> Void) {
        let address = Address(known)
        guard let place = entries[known.interfaceIndex]?.addresses.firstIndex(where: { $0.isSameEntry(as: address) })
        else { return }
        entries[known.interfaceIndex]?.addresses.remove(at: place)
        changed(.addressRemoved(known))
    }

    /// Becomes the other table, reporting each difference.
    mutating func become(_ other: LinkTable, changed: (LinkEvent) -> Void) {
        for (index, entry) in entries {
            guard let now = other.entries[index] else {
                remove(index, changed)
                continue
            }
            for address in entry.addresses where !now.addresses.contains(where: { $0.isSameEntry(as: address) }) {
                remove(address.described(on: index), changed)
            }
        }
        for (index, entry) in other.entries {
            apply(entry.link, changed)
            for address in entry.addresses { apply(address.described(on: index), changed) }
        }
        // The order of the kernel's list, which a difference doesn't show.
        entries = other.entries
    }
}
