import Base
import VRRP
import WorkerProtocol

/// The memory in which this worker leaves to its successor what it needs: records in the state page, addresses in the
/// address page (docs/decisions, D9, D12, D14).
final class SnapshotPages {
    private let page: StatePage
    private let addresses: AddressPage
    private var snapshots: SnapshotWriter
    private var record = ByteWriter(capacity: 256)
    private let generation: Int64

    init(_ page: StatePage, _ addresses: AddressPage) {
        self.page = page
        self.addresses = addresses
        snapshots = SnapshotWriter(page)
        generation = page.generation
    }

    /// True if another worker owns the page: nothing more may be sent (docs/decisions, D9).
    var isReplaced: Bool { page.generation != generation }

    /// Writes what has changed.
    func save(_ node: inout Node) {
        node.saveChanges(with: &record) {
            snapshots.write($0, $1)
        } mark: {
            snapshots.mark($0, $1)
        }
        node.saveLedger { addresses.write($1, at: $0) }
    }

    /// Notes a turn of the loop, for hasupd's watchdog (docs/decisions, D13).
    func stamp(_ now: Instant) { page.stamp = now }

    /// Forgets the records of instances that have left the configuration.
    func forget(from number: Int) { snapshots.forget(from: number) }
}
