import Base
import Reactor
import Supervision
import WorkerProtocol

/// The table of results and the hasup-tracks that may have left runs, in a memory file that outlives hasupd (docs/decisions,
/// D45): systemd's store keeps it, and the `Handover` has it. No worker is given it.
///
/// The memory is that of a state page: a record that is being written leaves the one before whole. It is made with the
/// first object that is tracked.
final class TrackerRecord {
    /// Processes that are remembered: more of them would have to die within one start.
    private static let processesMax = 8
    /// The record of the processes; those of results follow.
    private static let processRecord = 0

    /// Called with the memory when it is made.
    var onMade: ((StatePage) -> Void)?
    /// Called when something can't be kept, with the reason, a clause.
    var onFailure: ((String) -> Void)?
    private(set) var table: TrackerTable
    /// hasup-tracks that run or have left runs, the newest last.
    private(set) var processes: [ProcessIdentity] = []
    private var writer: SnapshotWriter?
    private var numbers: [UInt64: Int] = [:]
    /// Numbers of records that can be used again, and how many numbers there are.
    private var free: [Int] = []
    private var count = 1

    /// A record that goes on with the predecessor's, if there is one.
    init(inherited: StatePage?, now: Instant) {
        table = TrackerTable()
        guard let inherited else { return }
        var newest: [Int: [UInt8]] = [:]
        for record in inherited.records {
            count = max(count, Int(record.number) + 1)
            newest[Int(record.number)] = record.bytes
        }
        writer = SnapshotWriter(inherited)
        if let bytes = newest[Self.processRecord] {
            processes = TrackerTable.processes(in: bytes).suffix(Self.processesMax)
        }
        var entries: [TrackerTable.Entry] = []
        for number in 1..<count {
            if let bytes = newest[number], var entry = TrackerTable.Entry(bytes), numbers[entry.fingerprint] == nil {
                entry.since = min(entry.since, now)
                entries.append(entry)
                numbers[entry.fingerprint] = number
            } else {
                free.append(number)
            }
        }
        table = TrackerTable(entries)
    }

    /// Takes a verdict. It is kept when this returns.
    func take(_ verdict: TrackerVerdict, on object: TrackedObject, at now: Instant) -> TrackerTable.VerdictChange {
        let change = table.take(verdict, on: object, at: now)
        guard change != .none, makePage(), let entry = table.entry(of: object) else { return change }
        let number = numbers[object.fingerprint] ?? free.popLast() ?? newNumber()
        numbers[object.fingerprint] = number
        writer?.write(number, entry.bytes)
        return change
    }

    /// Forgets objects that aren't configured any more.
    func keep(only objects: [TrackedObject]) {
        for fingerprint in table.keep(only: objects) {
            guard let number = numbers.removeValue(forKey: fingerprint) else { continue }
            writer?.write(number, [])
            free.append(number)
        }
    }

    /// A hasup-track was started.
    func started(_ process: ProcessIdentity) {
        processes = processes.suffix(Self.processesMax - 1) + [process]
        writeProcesses()
    }

    /// The newest one works, and has ended what the others had left.
    func works() {
        guard processes.count > 1 else { return }
        processes = processes.suffix(1)
        writeProcesses()
    }

    /// The newest one has ended, and left nothing.
    func forgetNewest() {
        processes = processes.dropLast()
        writeProcesses()
    }

    private func writeProcesses() {
        guard makePage() else { return }
        writer?.write(Self.processRecord, TrackerTable.bytes(of: processes))
    }

    private func newNumber() -> Int {
        defer { count += 1 }
        return count
    }

    private func makePage() -> Bool {
        if writer != nil { return true }
        do throws(SystemError) {
            let page = try StatePage.create(named: "hasup-trackers", mapsAll: true)
            writer = SnapshotWriter(page)
            onMade?(page)
            return true
        } catch {
            onFailure?(error.description)
            return false
        }
    }
}
