import Base
import ConfigurationModel
import Kernel
import VRRP
import WorkerProtocol

/// The worker before this one, by its records in the state page (docs/decisions, D12).
struct Predecessor {
    private(set) var snapshot: NodeSnapshot

    /// Copies the records: from here on the page is the new worker's.
    init(_ page: StatePage, lastNotification: UInt64) {
        let records = page.records
        snapshot = NodeSnapshot(
            instances: records.compactMap(InstanceRecord.init), node: records.last { $0.number == 0 }?.bytes,
            heardUntil: page.stamp, lastNotification: lastNotification)
    }

    /// True if there was none, or none that ran anything.
    var isEmpty: Bool { snapshot.instances.isEmpty }

    /// Instances whose addresses stay.
    func claims(in model: ConfigurationModel) -> Set<InstanceID> { isEmpty ? [] : snapshot.masters(of: model) }

    /// Notes which addresses the instances that go on have put where.
    mutating func note(_ staying: [AddressRecord]) { snapshot.ledger = staying }

    /// The event that the core begins with.
    func event(_ model: ConfigurationModel) -> Event {
        // Without records, too, notifications count on: hasupd refuses numbers that it has had.
        isEmpty && snapshot.lastNotification == 0 ? .configure(model) : .resume(model, snapshot)
    }
}

extension InstanceRecord {
    /// An instance's record in the page; nil for the node's.
    package init?(_ record: PageRecord) {
        guard record.number > 0 else { return nil }
        self.init(record.bytes, nextAdvert: record.mark)
    }
}
