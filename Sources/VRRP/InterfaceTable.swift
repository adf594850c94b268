import Base
import ConfigurationModel

/// The interfaces and addresses of the machine, as the kernel has reported them.
struct InterfaceTable {
    private struct Entry {
        var state: InterfaceState
        /// Addresses that carry no mark of ours, in the kernel's order: few on a machine with thousands of virtual
        /// ones.
        var unmarked: [KernelAddress] = []
    }

    /// The interfaces and lengths with which one address exists; nearly always one.
    private struct Occurrences {
        var first: KernelAddress
        var others: [KernelAddress] = []

        func first(where isWanted: (KernelAddress) -> Bool) -> KernelAddress? {
            isWanted(first) ? first : others.first(where: isWanted)
        }
    }

    private var entries: [Int32: Entry] = [:]
    private var indices: [String: Int32] = [:]
    private var places: [IPAddress: Occurrences] = [:]
    private var counts: [Int32: Int] = [:]
    /// Secondary addresses by network: what goes with its first address where they aren't promoted.
    private var secondaries: [InterfaceSubnet: Int] = [:]

    /// The interface with this name.
    subscript(name: String) -> InterfaceState? { indices[name].flatMap { entries[$0]?.state } }

    /// The number of the interface with this name.
    func index(of name: String) -> Int32? { indices[name] }

    /// True if an interface of this machine has this hardware address.
    func hasHardware(_ address: MACAddress) -> Bool { entries.values.contains { $0.state.hardwareAddress == address } }

    /// The interface with this number.
    func state(of index: Int32) -> InterfaceState? { entries[index]?.state }

    // MARK: Interfaces

    /// Takes in a state. - Returns: the one before; nil for a new interface.
    @discardableResult
    mutating func set(_ state: InterfaceState) -> InterfaceState? {
        let known = entries[state.index]?.state
        if let known, known.name != state.name, indices[known.name] == state.index { indices[known.name] = nil }
        indices[state.name] = state.index
        if known == nil { entries[state.index] = Entry(state: state) } else { entries[state.index]?.state = state }
        return known
    }

    /// Takes an interface out, with its addresses. - Returns: what there was.
    mutating func remove(_ index: Int32) -> (state: InterfaceState, addresses: [IPAddress])? {
        guard let entry = entries.removeValue(forKey: index) else { return nil }
        if indices[entry.state.name] == index { indices[entry.state.name] = nil }
        // Links that come and go beside thousands of virtual addresses have none of them.
        let gone =
            counts[index] ?? 0 == entry.unmarked.count
            ? entry.unmarked
            : places.values.flatMap { [$0.first] + $0.others }.filter { $0.key.interfaceIndex == index }
        for address in gone { remove(address.key) }
        return (entry.state, gone.map(\.key.address))
    }

    // MARK: Addresses

    /// The kernel's address of this key.
    func address(_ key: AddressKey) -> KernelAddress? { places[key.address]?.first { $0.key == key } }

    /// Returns the address that keeps the kernel from adding this key: itself, or the same IPv6 address with another
    /// length.
    func obstacle(to key: AddressKey) -> KernelAddress? { places[key.address]?.first { $0.key.excludes(key) } }

    /// Returns the address as it is on each interface.
    func all(_ address: IPAddress) -> [KernelAddress] { places[address].map { [$0.first] + $0.others } ?? [] }

    /// Addresses of an interface that carry no mark of ours, in the kernel's order.
    func unmarked(on name: String) -> [KernelAddress] { indices[name].flatMap { entries[$0]?.unmarked } ?? [] }

    /// Takes in an address. - Returns: what was known of it.
    @discardableResult
    mutating func set(_ address: KernelAddress) -> KernelAddress? {
        let known = self.address(address.key)
        if let known { forget(known) } else { counts[address.key.interfaceIndex, default: 0] += 1 }
        if var occurrences = places[address.key.address] {
            if known == nil {
                occurrences.others.append(address)
            } else if occurrences.first.key == address.key {
                occurrences.first = address
            } else {
                occurrences.others = occurrences.others.map { $0.key == address.key ? address : $0 }
            }
            places[address.key.address] = occurrences
        } else {
            places[address.key.address] = Occurrences(first: address)
        }
        if address.flags.contains(.secondary), let network = InterfaceSubnet(address.key) {
            secondaries[network, default: 0] += 1
        }
        keepUnmarked(address)
        return known
    }

    private mutating func keepUnmarked(_ address: KernelAddress) {
        let index = address.key.interfaceIndex
        let place = entries[index]?.unmarked.firstIndex { $0.key == address.key }
        if address.addedBy == AddressProtocol.ours {
            if let place { entries[index]?.unmarked.remove(at: place) }
        } else if let place {
            entries[index]?.unmarked[place] = address
        } else {
            entries[index]?.unmarked.append(address)
        }
    }

    /// Takes an address out. - Returns: whether it was there.
    @discardableResult
    mutating func remove(_ key: AddressKey) -> Bool {
        guard let known = address(key) else { return false }
        forget(known)
        let left = counts[key.interfaceIndex, default: 1] - 1
        counts[key.interfaceIndex] = left > 0 ? left : nil
        if var occurrences = places[key.address] {
            if occurrences.first.key == key {
                if occurrences.others.isEmpty {
                    places[key.address] = nil
                } else {
                    occurrences.first = occurrences.others.removeFirst()
                    places[key.address] = occurrences
                }
            } else {
                occurrences.others.removeAll { $0.key == key }
                places[key.address] = occurrences
            }
        }
        if known.addedBy != AddressProtocol.ours {
            entries[key.interfaceIndex]?.unmarked.removeAll { $0.key == key }
        }
        return true
    }

    private mutating func forget(_ known: KernelAddress) {
        guard known.flags.contains(.secondary), let network = InterfaceSubnet(known.key) else { return }
        let left = secondaries[network, default: 0] - 1
        secondaries[network] = left > 0 ? left : nil
    }

    /// Interfaces on which the removal of these addresses would take others away with them, where the kernel doesn't
    /// promote secondary addresses (`__inet_del_ifa`).
    ///
    /// - Parameter isMoving: whether addresses are being taken out of a network: a secondary one may be its first by then.
    func interfacesToGuard(removing keys: [AddressKey], isMoving: (InterfaceSubnet) -> Bool) -> Set<Int32> {
        guard !secondaries.isEmpty else { return [] }
        var staying: [InterfaceSubnet: Int] = [:]
        var losing: Set<InterfaceSubnet> = []
        for key in keys {
            guard let network = InterfaceSubnet(key), let count = secondaries[network] else { continue }
            if address(key)?.flags.contains(.secondary) == true {
                staying[network, default: count] -= 1
                if isMoving(network) { losing.insert(network) }
            } else {
                losing.insert(network)
            }
        }
        return Set(losing.filter { staying[$0] ?? secondaries[$0] ?? 0 > 0 }.map(\.interfaceIndex))
    }
}

extension InterfaceSubnet {
    /// Nil for an address that shares its network with no other: IPv6, or a whole address.
    init?(_ key: AddressKey) {
        guard key.address.family == .ipv4, key.length < 32 else { return nil }
        self.init(
            interfaceIndex: key.interfaceIndex, address: key.address, length: key.length, peer: key.peer)
    }
}
