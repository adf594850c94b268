import Base
import ConfigurationModel

/// Handles what the kernel reports of interfaces and addresses. Only the instances that depend on what has changed are
/// touched.
extension Node {
    mutating func update(_ interface: InterfaceState, at now: Instant, into actions: inout [Action]) {
        // Another number has this name now. The interface that had it is gone, or was renamed: the notification of that
        // will come, and until then its name isn't known.
        if let known = context.interfaces.index(of: interface.name), known != interface.index,
            var nameless = context.interfaces.state(of: known)
        {
            nameless.name = "interface \(known)"
            update(nameless, at: now, into: &actions)
        }
        let known = context.interfaces.state(of: interface.index)
        guard known != interface else { return }
        context.interfaces.set(interface)
        if let known, known.name != interface.name {
            // To the instances of its old name it is missing; what they have put on it goes, by its number.
            reassess(context.dependents.on(known.name), at: now, into: &actions)
            for id in context.dependents.on(known.name) {
                routers[id].interfaceVanished(known.name, &context, into: &actions)
                routers[id].withdrawUnwanted(&context, into: &actions)
            }
        }
        let concerned = context.dependents.on(interface.name)
        retryAddresses(of: concerned, at: now, into: &actions)
        reassess(concerned, at: now, into: &actions)
        let isNew = known?.name != interface.name
        let cameUp = !isNew && interface.isUsable && known?.isUsable == false
        let hasMoved = !isNew && known?.hardwareAddress != interface.hardwareAddress
        for id in concerned {
            if isNew {
                routers[id].interfaceAppeared(interface.name, at: now, &context, into: &actions)
            } else if cameUp || hasMoved {
                routers[id].announce(on: interface.name, at: now, &context)
            }
        }
    }

    mutating func remove(_ index: Int32, at now: Instant, into actions: inout [Action]) {
        let ours = context.ledger.endAll(on: index)
        guard let gone = context.interfaces.remove(index) else { return }
        for (_, owner) in ours { if let owner { changed.add(owner) } }
        let concerned = context.dependents.on(gone.state.name)
        let sources = Set(gone.addresses.flatMap(context.dependents.sending)).union(concerned).sorted()
        retryAddresses(of: concerned, at: now, into: &actions)
        reassess(sources, at: now, into: &actions)
        for id in concerned { routers[id].interfaceVanished(gone.state.name, &context, into: &actions) }
    }

    /// Each removal is a withdrawal of ours, or the interface's doing, or another program's: only the last one is
    /// blamed on anybody. What was removed and added again in one go was never away.
    mutating func take(_ changes: [AddressChange], isAfterLoss: Bool, at now: Instant, into actions: inout [Action]) {
        if isAfterLoss { context.forgetExpectedRemovals() }
        var touched: Set<InstanceID> = []
        var moved: Set<Int32> = []
        var mayHelp = false
        var sources: Set<InstanceID> = []
        var lost: [InstanceID: [AddressKey]] = [:]
        var freed: [InstanceID: [IPAddress]] = [:]
        let flapped = interfacesThatWereDown(by: changes)
        for change in changes {
            let key = change.address.key
            var isOurs = context.ledger[key] != nil || context.isBeingRemoved(key)
            if change.isPresent {
                context.interfaces.set(change.address)
                if context.ledger[key]?.phase == .missing { context.ledger.set(.present, of: key) }
            } else {
                let isExpected = context.takeExpectedRemoval(of: key)
                guard context.interfaces.remove(key) || context.ledger[key] != nil || isExpected else { continue }
                isOurs = isOurs || isExpected
                if !isExpected { context.ledger.noteRemoval(key) }
                for id in context.dependents.having(key.address) {
                    // What one instance gives back, another one may have, too.
                    if isExpected {
                        freed[id, default: []].append(key.address)
                    } else {
                        lost[id, default: []].append(key)
                    }
                }
            }
            touched.formUnion(context.dependents.having(key.address))
            if !isOurs { moved.insert(key.interfaceIndex) }
            // What comes late or goes with a withdrawal of ours is no news to who could use none of its addresses.
            if !isOurs, !context.hasWithdrawn(beside: key, at: now) { mayHelp = true }
            sources.formUnion(context.dependents.sending(from: key.address))
        }
        for index in moved {
            guard let name = context.interfaces.state(of: index)?.name else { continue }
            sources.formUnion(context.dependents.on(name))
        }
        let concerned = sources.sorted()
        if mayHelp { retryAddresses(of: concerned, at: now, into: &actions) }
        reassess(concerned, at: now, into: &actions)
        if isAfterLoss {
            // It may have come and gone while nobody heard of it.
            for key in context.ledger.missing(from: context.interfaces) {
                context.ledger.noteRemoval(key)
                for id in context.dependents.having(key.address) { lost[id, default: []].append(key) }
                touched.formUnion(context.dependents.having(key.address))
            }
        }
        for id in touched.sorted() {
            changed.add(id)
            if let addresses = freed[id] {
                routers[id].addressesRemoved(addresses, isBlamed: false, at: now, &context, into: &actions)
            }
            if let keys = lost[id] {
                let isBlamed =
                    !isAfterLoss
                    && keys.contains { key in
                        let hasFlapped = key.address.family == .ipv6 && flapped.contains(key.interfaceIndex)
                        return !hasFlapped && mayBeTaken(key, at: now)
                    }
                routers[id].addressesRemoved(
                    keys.map(\.address), isBlamed: isBlamed, at: now, &context, into: &actions)
            }
            routers[id].checkServing(at: now, &context, into: &actions)
            routers[id].reportForeignAddresses(context, into: &actions)
        }
    }

    /// Interfaces that have gone down, and come up again before anybody looked: their own link-local address went, and
    /// with it all of IPv6 (`addrconf_ifdown`).
    private func interfacesThatWereDown(by changes: [AddressChange]) -> Set<Int32> {
        var found: Set<Int32> = []
        for change in changes where !change.isPresent && change.address.key.address.isLinkLocal {
            let key = change.address.key
            if context.ledger[key] == nil, !context.isBeingRemoved(key), context.dependents.having(key.address).isEmpty
            {
                found.insert(key.interfaceIndex)
            }
        }
        return found
    }

    /// True if another program must have removed an address: it hasn't gone with one that we removed, nor with its
    /// link.
    private func mayBeTaken(_ key: AddressKey, at now: Instant) -> Bool {
        !context.hasWithdrawn(beside: key, at: now)
            && context.interfaces.state(of: key.interfaceIndex)?.isUsable == true
    }

    /// Instances in FAULT for want of a usable address try again.
    private mutating func retryAddresses(
        of instances: [InstanceID], at now: Instant, into actions: inout [Action]
    ) {
        keepingRoutes(of: instances.filter { routers[$0].unserved != nil }) { node, id in
            node.routers[id].retryAddresses(at: now, &node.context, into: &actions)
        }
    }

    mutating func reassess(_ instances: [InstanceID], at now: Instant, into actions: inout [Action]) {
        keepingRoutes(of: instances) { node, id in
            let previousDown = node.routers[id].masterDownInterval
            node.routers[id].reassess(previousDown: previousDown, at: now, &node.context, into: &actions)
        }
    }

    /// Changes instances. One whose interface has another number afterwards is found by that.
    private mutating func keepingRoutes(of instances: [InstanceID], _ change: (inout Node, InstanceID) -> Void) {
        var needsRoutes = false
        for id in instances {
            changed.add(id)
            let before = routers[id].interfaceIndex
            change(&self, id)
            if routers[id].interfaceIndex != before { needsRoutes = true }
        }
        if needsRoutes { rebuildRoutes() }
    }
}
