import Base
import ConfigurationModel

/// The addresses that a worker finds at its start, sorted: those that go, and those that stay with a MASTER
/// (docs/decisions, D14).
package struct StaleAddresses: Sendable {
    /// Stale: a predecessor has left them, or a keepalived. They go before a packet is sent or looked at.
    package private(set) var leaving: [AddressRecord] = []
    /// Entries of the instances that go on as MASTER.
    package private(set) var staying: [AddressRecord] = []
    /// Entries that mean nothing: their places are free.
    package private(set) var unused: [AddressRecord] = []
    /// Those that are leaving though no hasup has put them there.
    private var foreign: [(key: AddressKey, place: NamedAddress, mark: UInt8)] = []

    /// Observations of the removal of what no hasup has put there, one for each mark.
    ///
    /// - Parameter stuck: entries of addresses that are still there.
    package func removals(except stuck: [AddressRecord]) -> [Observation] {
        guard !foreign.isEmpty else { return [] }
        let kept = Set(stuck.map(\.key))
        let gone = Dictionary(grouping: foreign.filter { !kept.contains($0.key) }, by: \.mark)
        return gone.sorted { $0.key < $1.key }.map { mark, addresses in
            let named = addresses.map(\.place).sorted {
                ($0.interface, $0.prefix.address, $0.prefix.length) < (
                    $1.interface, $1.prefix.address, $1.prefix.length
                )
            }
            return .staleAddressesRemoved(
                Array(named.prefix(NamedAddress.namedMax)), count: named.count, addedBy: mark)
        }
    }

    /// The evidence about addresses besides the kernel's.
    package struct Evidence: Sendable {
        /// The entries of what predecessors have put where; nil when everything has died, and the kernel's mark is all there is.
        package var records: [AddressRecord]?
        /// The instances of the model that may go on as MASTER.
        package var claimed: Set<InstanceID>
        /// True if addresses that keepalived has left go: hasupd has seen that none runs here.
        package var mayAdopt: Bool

        package init(records: [AddressRecord]?, claimed: Set<InstanceID>, mayAdopt: Bool = false) {
            self.records = records
            self.claimed = claimed
            self.mayAdopt = mayAdopt
        }
    }

    /// - Parameters:
    ///   - previous: configurations before the model of which something may still be in the kernel.
    ///   - interfaces: names of the interfaces by their numbers.
    package init(
        _ model: ConfigurationModel, previous: [ConfigurationModel], kernel: [KernelAddress],
        interfaces: [Int32: String], _ evidence: Evidence
    ) {
        if let records = evidence.records {
            let there = Set(kernel.map(\.key))
            sort(records, there, model, previous, evidence.claimed)
        } else {
            takeMarked(kernel, interfaces, model, previous, evidence.claimed)
        }
        if evidence.mayAdopt { adopt(kernel, interfaces, model) }
    }

    /// A record counts only when a configuration of this boot names its address for its instance: another program may have written it.
    private mutating func sort(
        _ records: [AddressRecord], _ there: Set<AddressKey>, _ model: ConfigurationModel,
        _ previous: [ConfigurationModel], _ claimed: Set<InstanceID>
    ) {
        guard !records.isEmpty else { return }
        var named: [UInt64: Set<IPAddress>] = [:]
        for instance in previous.flatMap(\.instances) + model.instances {
            named[instance.identity.fingerprint, default: []].formUnion(instance.allAddresses)
        }
        // An address that only a previous configuration names goes, whichever instance goes on.
        var goesOn: [UInt64: Set<IPAddress>] = [:]
        for id in claimed {
            let instance = model.instances[id]
            goesOn[instance.identity.fingerprint, default: []].formUnion(instance.allAddresses)
        }
        var seen: Set<AddressKey> = []
        for record in records {
            guard named[record.fingerprint]?.contains(record.key.address) == true, seen.insert(record.key).inserted
            else {
                unused.append(record)
                continue
            }
            if goesOn[record.fingerprint]?.contains(record.key.address) == true {
                staying.append(record)
            } else if there.contains(record.key) {
                leaving.append(record)
            } else {
                unused.append(record)
            }
        }
    }

    private mutating func takeMarked(
        _ kernel: [KernelAddress], _ interfaces: [Int32: String], _ model: ConfigurationModel,
        _ previous: [ConfigurationModel], _ claimed: Set<InstanceID>
    ) {
        let marked = kernel.filter { $0.addedBy == AddressProtocol.ours }
        guard !marked.isEmpty else { return }
        var named: [IPAddress: UInt64] = [:]
        for instance in previous.flatMap(\.instances) + model.instances {
            for address in instance.allAddresses { named[address] = instance.identity.fingerprint }
        }
        for address in marked {
            guard let fingerprint = named[address.key.address] else { continue }
            let claimant = claimed.sorted().first { id in
                let instance = model.instances[id]
                return (instance.virtualAddresses + instance.excludedAddresses).contains {
                    $0.prefix.address == address.key.address
                        && ($0.interface ?? instance.interface) == interfaces[address.key.interfaceIndex]
                }
            }
            if let claimant {
                let fingerprint = model.instances[claimant].identity.fingerprint
                staying.append(AddressRecord(key: address.key, fingerprint: fingerprint, form: 0, slot: nil))
            } else {
                leaving.append(AddressRecord(key: address.key, fingerprint: fingerprint, form: 0, slot: nil))
            }
        }
    }

    /// Addresses of our file that a keepalived has left, which no program will remove: those with its mark, and with
    /// `adopt_leftovers` those without any. Never an address owner's, which is the machine's own.
    private mutating func adopt(
        _ kernel: [KernelAddress], _ interfaces: [Int32: String], _ model: ConfigurationModel
    ) {
        var places: [IPAddress: Set<String>] = [:]
        var named: [IPAddress: UInt64] = [:]
        var owned: Set<IPAddress> = []
        for instance in model.instances {
            for address in instance.virtualAddresses + instance.excludedAddresses {
                if instance.priority == .owner { owned.insert(address.prefix.address) }
                places[address.prefix.address, default: []].insert(address.interface ?? instance.interface)
                named[address.prefix.address] = instance.identity.fingerprint
            }
        }
        let known = Set((leaving + staying).map(\.key))
        for address in kernel where !known.contains(address.key) {
            guard let name = interfaces[address.key.interfaceIndex], !owned.contains(address.key.address),
                places[address.key.address]?.contains(name) == true,
                address.atStart(adoptsLeftovers: model.global.adoptsLeftovers) == .goes,
                let fingerprint = named[address.key.address], let prefix = Prefix(address.key)
            else { continue }
            leaving.append(AddressRecord(key: address.key, fingerprint: fingerprint, form: 0, slot: nil))
            foreign.append((address.key, NamedAddress(prefix, interface: name), address.addedBy))
        }
    }
}

extension KernelAddress {
    /// The action of a start on a virtual address that no hasup has put where the files want it. Another program renews one
    /// with a lifetime.
    func atStart(adoptsLeftovers: Bool) -> ForeignAddress.AtStart {
        guard !flags.contains(.limited) else { return .stays }
        switch addedBy {
        case AddressProtocol.keepalived: return .goes
        case 0: return adoptsLeftovers ? .goes : .staysUnlessAdopted
        default: return .stays
        }
    }
}

extension Prefix {
    /// Nil for a length that the family doesn't have.
    init?(_ key: AddressKey) { self.init(address: key.address, length: Int(key.length)) }
}

extension InstanceSettings {
    /// The virtual addresses, carried or excluded.
    fileprivate var allAddresses: [IPAddress] {
        (virtualAddresses + excludedAddresses).map(\.prefix.address)
    }
}
