import Base
import ConfigurationModel
import VRRP

/// The program that has added an address. The kernel itself doesn't know; the checks need it.
enum AddressOwner {
    case ours
    /// The machine's own configuration.
    case machine
    /// Another program.
    case otherProgram
    /// Another program, while hasup's ledger named it: both may call it theirs.
    case disputed
}

/// The cause of a removal.
enum Remover {
    case ours
    case otherProgram
    case link
    /// The kernel itself, at the end of a lifetime.
    case kernel
}

/// An address on a link.
struct HeldAddress {
    var address: KernelAddress
    var owner: AddressOwner
    /// The form in which hasup has added it; nil for others.
    var form: VirtualAddress?
    var addedAt: Int64
    /// The end of its lifetime by the machine's clock; nil for none.
    var endsAt: Instant?
    /// True if a renewal has added it: its core may not know of it.
    var isRenewed = false
    /// True if it has no lifetime whatever its file says: others would go with it, or another program has taken it away.
    var isEndless = false

    var key: AddressKey { address.key }

    /// True if it is this one, or keeps the kernel from adding it.
    func excludes(_ key: AddressKey) -> Bool {
        key.address == address.key.address && key.interfaceIndex == address.key.interfaceIndex
            && (key == address.key || key.address.family == .ipv6)
    }
}

/// An interface with its addresses, in the kernel's order.
struct KernelLink {
    var state: InterfaceState
    var addresses: [HeldAddress] = []
    /// The machine's own addresses: they come again with the link.
    let own: [Prefix]
    var renamedFrom: String?
    var movedAt: Int64 = 0
}

/// A notification of the kernel.
enum KernelNotification {
    case link(InterfaceState)
    case linkRemoved(Int32)
    /// Foreign: another program has removed it, or what it went with.
    case address(AddressChange, isForeign: Bool)
}

/// The addresses of one machine, as Linux keeps them: a network's first IPv4 address is primary, the others are its
/// secondaries; IPv6 addresses go with their link.
struct Kernel {
    var links: [KernelLink]
    /// True if it keeps IFA_PROTO (Linux 5.18).
    let keepsMarks: Bool
    /// promote_secondaries.
    let promotes: Bool
    /// Addresses that it refuses for good.
    var refused: Set<IPAddress> = []
    /// The notifications that weren't fetched yet.
    private(set) var notifications: [KernelNotification] = []
    /// Counts changes.
    private(set) var revision = 0
    /// Addresses of others that hasup has taken away.
    private(set) var foreignRemovals: [(address: HeldAddress, isCollateral: Bool)] = []

    init(links: [KernelLink], keepsMarks: Bool, promotes: Bool) {
        self.links = links
        self.keepsMarks = keepsMarks
        self.promotes = promotes
    }

    mutating func takeNotifications() -> [KernelNotification] {
        defer { notifications.removeAll(keepingCapacity: true) }
        return notifications
    }

    mutating func takeForeignRemovals() -> [(address: HeldAddress, isCollateral: Bool)] {
        defer { foreignRemovals = [] }
        return foreignRemovals
    }

    // MARK: Looking

    var all: [HeldAddress] { links.flatMap(\.addresses) }

    func place(ofIndex index: Int32) -> Int? { links.firstIndex { $0.state.index == index } }

    func place(ofName name: String) -> Int? { links.firstIndex { $0.state.name == name } }

    /// The address of this key, or the one in its way.
    func held(_ key: AddressKey) -> HeldAddress? {
        guard let place = place(ofIndex: key.interfaceIndex) else { return nil }
        return links[place].addresses.first { $0.excludes(key) }
    }

    func has(_ address: IPAddress) -> Bool {
        links.contains { $0.addresses.contains { $0.key.address == address } }
    }

    /// Returns the key of an instance's virtual address; nil without the interface.
    func key(of address: VirtualAddress, _ settings: InstanceSettings) -> AddressKey? {
        place(ofName: address.interface ?? settings.interface).map {
            AddressKey(address, interfaceIndex: links[$0].state.index)
        }
    }

    // MARK: Addresses

    /// Adds an address. - Returns: the error number, 0 for none.
    mutating func add(
        _ address: VirtualAddress, on index: Int32, by owner: AddressOwner, mark: UInt8 = 0, until end: Instant? = nil,
        at now: Int64
    ) -> Int32 {
        guard let place = place(ofIndex: index) else { return 19 }
        let key = AddressKey(address, interfaceIndex: index)
        if owner == .ours, refused.contains(key.address) { return 22 }
        if links[place].addresses.contains(where: { $0.excludes(key) }) { return 17 }
        var flags: KernelAddress.Flags = []
        if key.address.family == .ipv4, links[place].addresses.contains(where: { sharesSubnet($0.key, key) }) {
            flags.insert(.secondary)
        }
        if key.address.family == .ipv6, address.duplicateAddressDetection { flags.insert(.tentative) }
        if end != nil { flags.insert(.limited) }
        var held = HeldAddress(
            address: KernelAddress(key, scope: address.scope, addedBy: keepsMarks ? mark : 0, flags: flags),
            owner: owner, form: owner == .ours ? address : nil, addedAt: now)
        held.endsAt = end
        links[place].addresses.append(held)
        notify(held.address, isPresent: true)
        return 0
    }

    /// Sets an address's lifetime, in place.
    mutating func renew(_ key: AddressKey, until end: Instant?, isEndless: Bool) {
        guard let place = place(ofIndex: key.interfaceIndex),
            let number = links[place].addresses.firstIndex(where: { $0.key == key })
        else { return }
        links[place].addresses[number].endsAt = end
        links[place].addresses[number].isEndless = isEndless
        guard links[place].addresses[number].address.flags.contains(.limited) != (end != nil) else { return }
        change(key) { $0.address.flags.formSymmetricDifference(.limited) }
    }

    /// Takes an address away. - Returns: the error number, 0 for none.
    mutating func remove(_ key: AddressKey, by remover: Remover, isGuarded: Bool = false) -> Int32 {
        guard let place = place(ofIndex: key.interfaceIndex),
            let number = links[place].addresses.firstIndex(where: { $0.key == key })
        else { return 99 }
        let gone = links[place].addresses.remove(at: number)
        note(gone, remover, isCollateral: false)
        // To its core another program has taken it away, too.
        let isForeign = remover == .otherProgram || remover == .kernel && gone.owner != .ours
        let isPrimary = key.address.family == .ipv4 && !gone.address.flags.contains(.secondary)
        let heir = isPrimary ? links[place].addresses.firstIndex { sharesSubnet($0.key, key) } : nil
        guard let heir else {
            notify(gone.address, isPresent: false, isForeign: isForeign)
            return 0
        }
        if promotes || isGuarded {
            notify(gone.address, isPresent: false, isForeign: isForeign)
            links[place].addresses[heir].address.flags.remove(.secondary)
            notify(links[place].addresses[heir].address, isPresent: true)
            return 0
        }
        let lost = links[place].addresses.filter { sharesSubnet($0.key, key) }
        links[place].addresses = links[place].addresses.filter { !sharesSubnet($0.key, key) }
        for secondary in lost {
            note(secondary, remover, isCollateral: true)
            notify(secondary.address, isPresent: false, isForeign: isForeign)
        }
        notify(gone.address, isPresent: false, isForeign: isForeign)
        return 0
    }

    /// Changes an address in place and notifies.
    mutating func change(_ key: AddressKey, _ body: (inout HeldAddress) -> Void) {
        guard let place = place(ofIndex: key.interfaceIndex),
            let number = links[place].addresses.firstIndex(where: { $0.key == key })
        else { return }
        body(&links[place].addresses[number])
        notify(links[place].addresses[number].address, isPresent: true)
    }

    /// Everything has died that could have said whose it is: what carries no mark is another program's from here on.
    mutating func forgetOwners() {
        for place in links.indices {
            for number in links[place].addresses.indices {
                let held = links[place].addresses[number]
                let isMarked = held.address.addedBy == AddressProtocol.ours
                if held.owner == .ours, !isMarked { links[place].addresses[number].owner = .otherProgram }
                if held.owner == .disputed { links[place].addresses[number].owner = isMarked ? .ours : .otherProgram }
            }
        }
    }

    private func sharesSubnet(_ one: AddressKey, _ other: AddressKey) -> Bool {
        one.address.family == .ipv4 && other.address.family == .ipv4 && one.length == other.length && one.length < 32
            && one.interfaceIndex == other.interfaceIndex
            && one.address.masked(to: Int(one.length)) == other.address.masked(to: Int(one.length))
    }

    private mutating func note(_ gone: HeldAddress, _ remover: Remover, isCollateral: Bool) {
        guard remover == .ours, gone.owner == .otherProgram || gone.owner == .machine else { return }
        foreignRemovals.append((gone, isCollateral))
    }

    private mutating func notify(_ address: KernelAddress, isPresent: Bool, isForeign: Bool = false) {
        revision += 1
        notifications.append(.address(AddressChange(address, isPresent: isPresent), isForeign: isForeign))
    }

    // MARK: Links

    mutating func setUsable(_ place: Int, _ isUsable: Bool, at now: Int64) {
        guard links[place].state.isUsable != isUsable else { return }
        links[place].state.isUsable = isUsable
        notifyLink(place)
        if isUsable {
            addOwn(place, at: now)
        } else {
            for held in links[place].addresses where held.key.address.family == .ipv6 {
                _ = remove(held.key, by: .link)
            }
        }
    }

    /// Another link in the place of this one, with another number.
    mutating func recreate(_ place: Int, at now: Int64) {
        let old = links[place].state.index
        var state = links[place].state
        state.isUsable = false
        notifications.append(.link(state))
        for held in links[place].addresses.reversed() { _ = remove(held.key, by: .link) }
        notifications.append(.linkRemoved(old))
        links[place].state.index += 10
        links[place].state.hardwareAddress = MACAddress(bits: UInt64(bitPattern: now) | 1 << 41)
        links[place].movedAt = now
        notifyLink(place)
        addOwn(place, at: now)
    }

    /// Another name; nil for the one before.
    mutating func rename(_ place: Int, to name: String?) {
        guard let next = name ?? links[place].renamedFrom, next != links[place].state.name else { return }
        links[place].renamedFrom = name == nil ? nil : links[place].renamedFrom ?? links[place].state.name
        links[place].state.name = next
        notifyLink(place)
    }

    mutating func move(_ place: Int, to address: MACAddress, at now: Int64) {
        links[place].state.hardwareAddress = address
        links[place].movedAt = now
        notifyLink(place)
    }

    /// Another MTU of the link that the routers are on.
    mutating func setMTU(_ mtu: UInt32) {
        guard links[0].state.mtu != mtu else { return }
        links[0].state.mtu = mtu
        notifyLink(0)
    }

    /// The machine's own addresses, as far as they aren't there.
    mutating func addOwn(_ place: Int, at now: Int64) {
        for prefix in links[place].own where links[place].state.isUsable || prefix.address.family == .ipv4 {
            _ = add(VirtualAddress(prefix: prefix), on: links[place].state.index, by: .machine, at: now)
        }
    }

    /// Power is off: what was added is gone, without a notification.
    mutating func restart(at now: Int64) {
        for place in links.indices {
            links[place].addresses = []
            addOwn(place, at: now)
        }
        notifications = []
    }

    private mutating func notifyLink(_ place: Int) {
        revision += 1
        notifications.append(.link(links[place].state))
    }
}
