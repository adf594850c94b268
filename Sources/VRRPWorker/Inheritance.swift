import Base
import Configuration
import IPC
import Kernel
import VRRP

/// What a predecessor has left in the state page, with what the kernel has of it (docs/decisions.md, D12).
struct Inheritance {
    private(set) var snapshot: NodeSnapshot

    /// Copies the records: from here on the page is the new worker's.
    init(_ page: StatePage, lastNotification: UInt64) {
        let records = page.records
        snapshot = NodeSnapshot(
            instances: records.compactMap(InstanceRecord.init), node: records.last { $0.number == 0 }?.bytes,
            heardUntil: page.stamp, lastNotification: lastNotification)
    }

    /// Whether there was a predecessor that ran anything.
    var isEmpty: Bool { snapshot.instances.isEmpty }

    /// Instances whose addresses stay.
    func claims(in model: ConfigurationModel) -> Set<InstanceID> { isEmpty ? [] : snapshot.masters(of: model) }

    /// Notes which virtual addresses there are.
    mutating func note(_ routes: RouteSnapshot, of model: ConfigurationModel) {
        guard !isEmpty else { return }
        let virtual = model.addressesOfAll
        let names = Dictionary(routes.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        for address in routes.addresses where virtual.contains(address.address) {
            guard let name = names[address.interfaceIndex] else { continue }
            snapshot.addresses[name, default: [:]][address.address] = address.isOurs
        }
    }

    /// The event that the core begins with. An address that has gone since it was noted isn't there.
    func event(_ model: ConfigurationModel, isThere: (IPAddress, String) -> Bool) -> Event {
        // Without records, too, notifications count on: hasupd refuses numbers that it has had.
        guard !isEmpty || snapshot.lastNotification > 0 else { return .configure(model) }
        var snapshot = snapshot
        for (name, addresses) in snapshot.addresses {
            snapshot.addresses[name] = addresses.filter { isThere($0.key, name) }
        }
        return .resume(model, snapshot)
    }
}

extension InstanceRecord {
    /// An instance's record in the page; nil for the node's.
    public init?(_ record: StatePage.Record) {
        guard record.number > 0 else { return nil }
        self.init(record.bytes, nextAdvert: record.mark)
    }
}
