import Base
import ConfigurationModel

/// The effect of tracked objects on an instance, as pure functions of the configuration, the interfaces and the
/// results known.
enum Tracking {
    private static func isUsable(_ name: String, _ interfaces: InterfaceTable) -> Bool {
        interfaces[name]?.isUsable ?? false
    }

    /// The effects of tracked objects on an instance: the changes of its priority that aren't 0, and faults.
    static func effects(
        on settings: InstanceSettings, _ context: NodeContext
    ) -> (contributions: [Contribution], faults: [Fault]) {
        var contributions: [Contribution] = []
        var faults: [Fault] = []
        for tracked in settings.trackedInterfaces {
            switch tracked.effect(isUp: isUsable(tracked.name, context.interfaces)) {
            case .change(0): break
            case .change(let amount):
                contributions.append(Contribution(.interface, tracked.name, Int32(clamping: amount)))
            case .fault:
                faults.append(
                    tracked.reverse ? .trackedInterfaceUp(tracked.name) : .trackedInterfaceDown(tracked.name))
            }
        }
        for tracker in settings.trackers {
            let key = TrackerKey(tracker)
            let result = context.trackers[key]
            switch tracker.effect(of: result) {
            case .change(0): break
            case .change(let amount): contributions.append(Contribution(key, amount))
            case .fault:
                if case .number(let number) = result {
                    faults.append(.fileNumber(key.name, number))
                } else {
                    faults.append(result == .up ? .trackerUp(key) : .trackerDown(key))
                }
            }
        }
        // Weights don't change an owner's.
        return (settings.priority == .owner ? [] : contributions, faults)
    }

    /// Objects without a result that an instance must know before it starts.
    static func awaited(by settings: InstanceSettings, _ results: TrackerResults) -> [TrackerKey] {
        settings.trackers.filter { $0.isAwaited(results[TrackerKey($0)]) }.map { TrackerKey($0) }
    }

    /// Everything that keeps an instance from taking part, in the order of their weight for an operator.
    ///
    /// - Parameter tracked: the faults of tracked objects.
    static func faults(of settings: InstanceSettings, tracked: [Fault], _ context: NodeContext) -> [Fault] {
        let interfaces = context.interfaces
        var faults: [Fault] = []
        if !settings.faults.isEmpty || settings.virtualRouterID == nil { faults.append(.configuration) }
        let name = settings.interface
        // One that names no interface is in FAULT by its configuration.
        if !name.isEmpty {
            // Without an index there's nothing to send from, dont_track_primary or not.
            if interfaces[name] == nil {
                faults.append(.interfaceMissing(name))
            } else if !isUsable(name, interfaces), !settings.ignoresPrimaryInterface {
                faults.append(.interfaceDown(name))
            }
        }
        faults += tracked
        // A master with an address on a dead link serves nobody there (docs/decisions, D129).
        for address in [settings.virtualAddresses, settings.excludedAddresses].joined() where !address.isUntracked {
            guard let other = address.interface, other != name, !isUsable(other, interfaces) else { continue }
            let fault = Fault.addressInterfaceDown(other)
            if !faults.contains(fault), !faults.contains(.trackedInterfaceDown(other)) { faults.append(fault) }
        }
        if interfaces[name] != nil, source(of: settings, context) == nil {
            faults.append(settings.sourceAddress.map(Fault.sourceAddressMissing) ?? .noSourceAddress(name))
        }
        return faults
    }

    /// The configured source address, or the interface's primary (IPv6: link-local) one (RFC 9568 §5.1.1.1, §5.1.2.1):
    /// the first one that isn't ours, and virtual only for an address owner, whose own it is.
    ///
    /// A unicast instance's must be on this machine, on whichever interface: answers to another one wouldn't come here,
    /// and both nodes would be MASTER (behaviours §7). Multicast leaves with any, as keepalived's does.
    static func source(of settings: InstanceSettings, _ context: NodeContext) -> IPAddress? {
        if let configured = settings.sourceAddress {
            if !settings.isUnicast { return configured }
            let isThere = context.interfaces.all(configured).contains {
                $0.isUsable && $0.addedBy != AddressProtocol.ours && context.ledger[$0.key] == nil
            }
            return isThere ? configured : nil
        }
        let candidates = context.interfaces.unmarked(on: settings.interface).filter {
            $0.key.address.family == settings.family && context.ledger[$0.key] == nil
                && !context.dependents.isVirtual($0.key.address)
        }
        if settings.family == .ipv6 {
            return candidates.first { $0.key.address.isLinkLocal && $0.isUsable }?.key.address
        }
        // Widest scope first, primary before secondary, else the kernel's order.
        var best: (rank: Int, address: IPAddress)?
        for candidate in candidates {
            let rank = 2 * Int(candidate.scope) + (candidate.flags.contains(.secondary) ? 1 : 0)
            if best.map({ rank < $0.rank }) ?? true { best = (rank, candidate.key.address) }
        }
        return best?.address
    }
}
