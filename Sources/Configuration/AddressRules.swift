import Base

/// A link-local address, which may be on every link of a machine.
struct AddressOnInterface: Hashable {
    var address: IPAddress
    var interface: String
}

/// Where an address was given to an interface. Small, because there may be a hundred thousand.
struct AddressUse {
    let token: UInt32
    /// Place of the instance in the model; `UInt32.max` for a static address.
    let instance: UInt32
}

extension Elaborator {
    /// What an instance's addresses have to do with the link and with other instances.
    mutating func checkAddresses(_ draft: InstanceDraft) {
        // An instance that can't run takes nothing from anybody.
        guard draft.settings.faults.isEmpty else { return }
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces) {
            claim(address, on: draft.settings.interface, at: token)
        }
        for (address, token) in zip(draft.settings.excludedAddresses, draft.excludedPlaces) {
            claim(address, on: draft.settings.interface, at: token)
        }
        checkLink(draft)
    }

    /// Two owners of one address take it from each other when their states differ.
    mutating func claim(_ address: VirtualAddress, on standard: String, at token: Int, isStatic: Bool = false) {
        let own = address.prefix.address
        let use = AddressUse(
            token: UInt32(truncatingIfNeeded: token),
            instance: isStatic ? .max : UInt32(truncatingIfNeeded: model.instances.count))
        let first: AddressUse?
        if own.isLinkLocal {
            let key = AddressOnInterface(address: own, interface: address.interface ?? standard)
            first = shared.linkLocals[key]
            if first == nil { shared.linkLocals[key] = use }
        } else {
            first = shared.addresses.updateValue(use, forKey: own)
            if let first { shared.addresses[own] = first }
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
    private mutating func checkLink(_ draft: InstanceDraft) {
        guard let prefixes = environment.prefixes else { return }
        for (address, token) in zip(draft.settings.virtualAddresses, draft.virtualPlaces) {
            let wanted = address.prefix.address
            let interface = address.interface ?? draft.settings.interface
            let networks = (prefixes[interface] ?? []).filter {
                $0.address.family == wanted.family && !$0.address.isLinkLocal
            }
            guard !wanted.isLinkLocal, let first = networks.first, !networks.contains(where: { $0.contains(wanted) })
            else { continue }
            let known =
                networks.count == 1
                ? "\(first)" : networks.prefix(4).map { "\($0)" }.joined(separator: ", ")
            report(
                .warning,
                "`\(wanted)` isn't in a network of `\(interface)` (\(known)): neighbours reach it only by a route",
                at: token)
        }
    }

    /// Definitions that nobody uses are probably misspelt references elsewhere.
    mutating func finishShared() {
        for kind in TrackerKind.allCases where kind != .bfd {
            let idle = (shared.trackers[kind] ?? [:]).filter { !$0.value.isUsed && $0.value.isUsable }
            // A file may be checked by a real server instead.
            if idle.isEmpty || kind == .file && hasFileChecks { continue }
            for (name, definition) in idle.sorted(by: { $0.value.token < $1.value.token }) {
                report(.warning, "nothing tracks `\(kind.keyword) \(name)`", at: definition.token)
            }
        }
    }

    private var hasFileChecks: Bool {
        let (statements, keywords) = (statements, table.keywords)
        return statements.contains { !$0.isEntry && keywords[$0.row].name == "FILE_CHECK" }
    }
}
