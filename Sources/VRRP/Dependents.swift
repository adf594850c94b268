import Base
import ConfigurationModel

/// Instances by what concerns them: an event of an interface, an address or a tracked object touches the instances that depend on it, and
/// no others.
struct Dependents {
    /// Instances by the name of an interface that they send by, track or put addresses on.
    private var byInterface: [String: [InstanceID]] = [:]
    private var byTracker: [TrackerKey: [InstanceID]] = [:]
    /// Unicast instances by their configured source address, on whichever interface it is.
    private var bySource: [IPAddress: [InstanceID]] = [:]
    /// Instances by virtual address, carried or excluded; nearly always one.
    private var byAddress: [IPAddress: InstanceID] = [:]
    private var moreByAddress: [IPAddress: [InstanceID]] = [:]
    /// Virtual addresses of address owners: the machine's own (RFC 9568 §1.5).
    private var owned: Set<IPAddress> = []

    init() {}

    init(_ instances: some Sequence<InstanceSettings>) {
        for (id, settings) in instances.enumerated() {
            var names: Set<String> = [settings.interface]
            names.formUnion(settings.trackedInterfaces.map(\.name))
            for address in [settings.virtualAddresses, settings.excludedAddresses].joined() {
                if let name = address.interface { names.insert(name) }
                let plain = address.prefix.address
                if settings.priority == .owner { owned.insert(plain) }
                if let first = byAddress[plain] {
                    if first != id, moreByAddress[plain]?.last != id { moreByAddress[plain, default: []].append(id) }
                } else {
                    byAddress[plain] = id
                }
            }
            for name in names { byInterface[name, default: []].append(id) }
            for key in Set(settings.trackers.map(TrackerKey.init)) { byTracker[key, default: []].append(id) }
            if settings.isUnicast, let source = settings.sourceAddress { bySource[source, default: []].append(id) }
        }
    }

    /// Instances that an interface concerns, in their order.
    func on(_ interface: String) -> [InstanceID] { byInterface[interface] ?? [] }

    /// Instances that track an object, in their order.
    func tracking(_ key: TrackerKey) -> [InstanceID] { byTracker[key] ?? [] }

    /// Unicast instances that send from this address.
    func sending(from address: IPAddress) -> [InstanceID] { bySource[address] ?? [] }

    /// True if an address is a virtual one and no address owner's: it is never a source (pain point A5).
    func isVirtual(_ address: IPAddress) -> Bool { byAddress[address] != nil && !owned.contains(address) }

    /// Instances that have this virtual address.
    func having(_ address: IPAddress) -> [InstanceID] {
        guard let first = byAddress[address] else { return [] }
        return [first] + (moreByAddress[address] ?? [])
    }
}
