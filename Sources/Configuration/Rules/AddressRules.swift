import Base
import ConfigurationModel

/// A link-local address, which may be on every link of a machine.
struct AddressOnInterface: Hashable {
    var address: IPAddress
    var interface: String
}

/// The first use of an address on an interface. Small, because there may be a hundred thousand.
struct AddressUse {
    let token: UInt32
    /// Place of the instance in the model; `UInt32.max` for a static address.
    let instance: UInt32
}

/// The first use of each address. IPv4 ones by their 32 bits: a table of whole addresses is three times as large, and
/// was a quarter of the time that a large file takes.
struct AddressUses {
    private var ipv4: [UInt32: AddressUse] = [:]
    private var ipv6: [IPAddress: AddressUse] = [:]

    /// Keeps a use unless there is one. - Returns: the one that there is.
    mutating func add(_ use: AddressUse, of address: IPAddress) -> AddressUse? {
        switch address.family {
        case .ipv4: Self.add(use, to: &ipv4[UInt32(truncatingIfNeeded: address.low)])
        case .ipv6: Self.add(use, to: &ipv6[address])
        }
    }

    private static func add(_ use: AddressUse, to place: inout AddressUse?) -> AddressUse? {
        if let first = place { return first }
        place = use
        return nil
    }
}

extension Elaborator {
    /// Checks an instance's addresses against the link and other instances.
    mutating func checkAddresses() {
        // An instance that can't run takes nothing from anybody.
        guard draft.settings.faults.isEmpty else { return }
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces) {
            claim(address, on: draft.settings.interface, at: token)
        }
        for (address, token) in zip(draft.settings.excludedAddresses, draft.excludedPlaces) {
            claim(address, on: draft.settings.interface, at: token)
        }
        checkLink()
        checkNetworks()
    }

    /// Two owners of one address take it from each other when their states differ.
    mutating func claim(_ address: VirtualAddress, on standard: String, at token: Int, isStatic: Bool = false) {
        let own = address.prefix.address
        if address.scope != 0, own.family == .ipv4 {
            shared.scoped.append((address, address.interface ?? standard, token))
        }
        let use = AddressUse(
            token: UInt32(truncatingIfNeeded: token),
            instance: isStatic ? .max : UInt32(truncatingIfNeeded: model.instances.count))
        let first: AddressUse?
        if own.isLinkLocal {
            let key = AddressOnInterface(address: own, interface: address.interface ?? standard)
            first = shared.linkLocals[key]
            if first == nil { shared.linkLocals[key] = use }
        } else {
            first = shared.addresses.add(use, of: own)
        }
        guard let first else { return }
        let interface = address.interface ?? standard
        let other = self.interface(of: own, in: first)
        // Only a warning: instances of one sync group may share an address, and keepalived says nothing at all.
        let message =
            other == nil || other == interface
            ? "`\(own)` on `\(interface)` belongs to two: one removes it while the other needs it"
            : "`\(own)` is on `\(other ?? "")`, too; is that meant?"
        report(.warning, message, at: token)
        report(.note, "it is given here first", at: Int(first.token))
    }

    /// The interface that an address was given to.
    private func interface(of address: IPAddress, in use: AddressUse) -> String? {
        guard use.instance != .max else {
            return model.shared.staticAddresses.first { $0.address.prefix.address == address }?.address.interface
        }
        // Addresses of one instance are distinct already.
        guard model.instances.indices.contains(Int(use.instance)) else { return nil }
        let instance = model.instances[Int(use.instance)]
        let all = [instance.virtualAddresses, instance.excludedAddresses].joined()
        return all.first { $0.prefix.address == address }.map { $0.interface ?? instance.interface }
    }

    /// Neighbours ask for an address only when it is in a network of theirs.
    private mutating func checkLink() {
        guard let prefixes = environment.prefixes else { return }
        /// Addresses outside of the networks of each interface: the first one's place, and how many.
        var strangers: [String: (address: IPAddress, token: Int, count: Int)] = [:]
        // Those of the address before usually are this one's, too.
        var networks: [Prefix] = []
        var known: (interface: String, family: AddressFamily)?
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces) {
            let wanted = address.prefix.address
            let interface = address.interface ?? draft.settings.interface
            if known?.interface != interface || known?.family != wanted.family {
                known = (interface, wanted.family)
                networks = (prefixes[interface] ?? []).filter {
                    $0.address.family == wanted.family && !$0.address.isLinkLocal
                }
            }
            guard !wanted.isLinkLocal, let first = networks.first else { continue }
            // The virtual address of a master is on its interface, too, but behind the interface's own.
            if first.address == wanted, draft.settings.priority != .owner {
                report(
                    .warning,
                    "`\(wanted)` is the address of `\(interface)` itself, and goes when this instance isn't MASTER; "
                        + "priority 255 is for the machine that owns it", at: token)
            }
            guard !networks.contains(where: { $0.contains(wanted) }) else { continue }
            strangers[interface, default: (wanted, token, 0)].count += 1
        }
        for (interface, found) in strangers.sorted(by: { $0.value.token < $1.value.token }) {
            let family = draft.settings.family
            let networks = (prefixes[interface] ?? []).filter {
                $0.address.family == family && !$0.address.isLinkLocal
            }
            let known = networks.prefix(4).map { "\($0)" }.joined(separator: ", ")
            let subject =
                found.count == 1
                ? "`\(found.address)` isn't" : "`\(found.address)` and \(found.count - 1) more aren't"
            report(
                .warning,
                "\(subject) in a network of `\(interface)` (\(known)): neighbours reach it only by a route",
                at: found.token)
        }
    }

    /// The first and the last address of an IPv4 network are nobody's.
    private mutating func checkNetworks() {
        guard draft.settings.family == .ipv4 else { return checkFirstAddress() }
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces) {
            let (own, length) = (address.prefix.address, address.prefix.length)
            guard length < 31 else { continue }
            let network = own.masked(to: length)
            let last = UInt32(truncatingIfNeeded: network.low) | (UInt32.max >> UInt32(length))
            if own == network {
                report(.warning, "`\(own)` is the address of the network \(address.prefix), not one in it", at: token)
            } else if own == IPAddress(v4: last) {
                report(.warning, "`\(own)` is the broadcast address of its network, not one in it", at: token)
            }
        }
    }

    /// In strict mode it is an error.
    private mutating func checkFirstAddress() {
        guard !draft.settings.isUnicast, !draft.settings.options.contains(.strict),
            let first = draft.settings.virtualAddresses.first, !first.prefix.address.isLinkLocal,
            let token = draft.virtualPlaces.first
        else { return }
        report(
            .warning,
            "`\(first.prefix.address)` isn't link-local, as the first address of an IPv6 instance should be (RFC 9568 §5.2.9)",
            at: token)
    }

    /// The kernel refuses an IPv4 address when another one of its network, on the same interface, has another scope
    /// (EINVAL, net/ipv4/devinet.c).
    private mutating func checkScopes() {
        struct Network: Hashable {
            var interface: String
            var prefix: Prefix?
        }
        func network(_ address: VirtualAddress, _ interface: String) -> Network {
            let length = address.prefix.length
            return Network(
                interface: interface, prefix: Prefix(address: address.prefix.address.masked(to: length), length: length)
            )
        }
        guard !shared.scoped.isEmpty else { return }
        let wanted = Set(shared.scoped.map { network($0.address, $0.interface) })
        var others: [Network: [VirtualAddress]] = [:]
        func note(_ address: VirtualAddress, _ standard: String) {
            let key = network(address, address.interface ?? standard)
            if wanted.contains(key) { others[key, default: []].append(address) }
        }
        for instance in model.instances {
            for address in instance.virtualAddresses { note(address, instance.interface) }
            for address in instance.excludedAddresses { note(address, instance.interface) }
        }
        for fixed in model.shared.staticAddresses { note(fixed.address, "eth0") }
        var said: Set<Network> = []
        for (address, interface, token) in shared.scoped {
            let key = network(address, interface)
            guard let other = others[key]?.first(where: { $0.scope != address.scope }), said.insert(key).inserted else {
                continue
            }
            report(
                .warning,
                "`\(address.prefix.address)` and `\(other.prefix.address)` are of one network of `\(interface)` and of different "
                    + "scope: the kernel refuses the second", at: token)
        }
    }

    /// Definitions that nobody uses are probably misspelt references elsewhere.
    mutating func finishShared() {
        checkScopes()
        for kind in TrackerKind.allCases where kind != .bfd {
            let idle = (shared.trackers[kind] ?? [:]).filter { !$0.value.isUsed && $0.value.isUsable }
            // A file may be checked by a real server instead.
            if idle.isEmpty || kind == .file && hasFileChecks || misplaced.has(kind.list) { continue }
            for (name, definition) in idle.sorted(by: { $0.value.token < $1.value.token }) {
                report(.warning, "nothing tracks `\(kind.keyword) \(name)`", at: definition.token)
            }
        }
    }

    private var hasFileChecks: Bool {
        statements.contains { $0.row.name == "FILE_CHECK" }
    }
}

extension Elaborator {
    /// An advertisement is one packet: what doesn't fit the link is left out of it.
    mutating func checkRoom() {
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
