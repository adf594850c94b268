import LoadBalancing
import LogOutput
import Reactor
import WorkerProtocol

/// The memory files by which checks outlive a checker and a hasupd: the page that the checker writes, and what it has told of
/// servers and services, which hasupd keeps for itself (docs/decisions, D73).
final class CheckerMemory {
    let page: CheckPage
    private let standings: StatePage
    private var writer: SnapshotWriter
    /// The states that a former hasupd was told.
    let kept: KeptStandings
    /// True if there was a former hasupd that has left it.
    let hasLeft: Bool

    /// Goes on with what was inherited, and has the store keep it. - Throws: `SystemError`.
    init(_ store: DescriptorStore) throws(SystemError) {
        if let checks = store.checks { page = checks } else { page = try CheckPage.create() }
        hasLeft = store.standings != nil
        if let left = store.standings {
            standings = left
        } else {
            standings = try StatePage.create(named: "hasup-standings", mapsAll: true)
        }
        var kept = KeptStandings()
        for record in standings.records { kept.add(record.bytes) }
        self.kept = kept
        writer = SnapshotWriter(standings)
        store.keep(checks: page)
        store.keep(standings: standings)
    }

    /// Keeps all that is known.
    func keep(_ table: StandingTable) {
        let records = table.records
        for (number, bytes) in records.enumerated() { writer.write(number, bytes) }
        writer.forget(from: records.count)
    }

    /// Keeps what is new in these reports.
    func keep(_ table: StandingTable, _ reports: [CheckerReport]) {
        for number in Set(reports.compactMap(table.record)) { writer.write(number, table.bytes(ofRecord: number)) }
    }
}
