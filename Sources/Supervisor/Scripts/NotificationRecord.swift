import Base
import Reactor
import Supervision
import WorkerProtocol

/// Which notifications hasupd still has to tell, and which scripts run, in a memory file that outlives it
/// (docs/decisions.md, D40): systemd's store keeps it, and `hasup upgrade` passes it on. No worker is given it. A script
/// is noted as begun immediately before it is started, so that none is started twice, whenever hasupd is killed.
///
/// The memory is that of a state page: a record that is being written leaves the one before whole. It is made with the
/// first notification, because most of those who have no scripts never need it.
final class NotificationRecord {
    private struct Line {
        var number: Int
        var kept: KeptNotifications
    }

    /// Told of the memory when it is made.
    var onMade: ((StatePage) -> Void)?
    /// Told why something can't be kept, a sentence's end.
    var onFailure: ((String) -> Void)?
    private var writer: SnapshotWriter?
    private var lines: [String: Line] = [:]
    private var free: [Int] = []
    private var lineCount = 0

    /// A record that goes on with what a former hasupd has left, if there is something.
    init(inherited: StatePage?) {
        guard let inherited else { return }
        var newest: [Int: KeptNotifications] = [:]
        for record in inherited.records {
            lineCount = max(lineCount, Int(record.number) + 1)
            // What can't be read stands for nothing, and so does what was written before it.
            newest[Int(record.number)] = KeptNotifications(record.bytes)
        }
        writer = SnapshotWriter(inherited)
        for number in 0..<lineCount {
            if let kept = newest[number], !kept.isEmpty, !kept.instance.isEmpty, lines[kept.instance] == nil {
                lines[kept.instance] = Line(number: number, kept: kept)
            } else {
                free.append(number)
            }
        }
    }

    /// What there is, in the order of the workers' count.
    var all: [KeptNotifications] {
        lines.values.map(\.kept).sorted {
            ($0.waiting?.sequence ?? 0, $0.instance) < ($1.waiting?.sequence ?? 0, $1.instance)
        }
    }

    /// The last notification that waits, by the workers' count; 0 for none.
    private var lastNotification: UInt64 { lines.values.reduce(0) { max($0, $1.kept.waiting?.sequence ?? 0) } }

    /// Where the workers' count goes on. A hasupd that was killed between the record and the page has noted a notification
    /// here only.
    ///
    /// - Parameter page: the last notification by the former worker's page; nil when there is no page: then workers count
    ///   from 1.
    func resumeCount(page: UInt64?) -> UInt64 {
        guard let page else {
            resetSequence()
            return 0
        }
        return max(page, lastNotification)
    }

    /// Workers count from 1 again: numbers of before would be taken for ones that haven't come yet.
    func resetSequence() {
        for line in lines.values where line.kept.waiting != nil {
            change(line.kept.instance) { $0.waiting?.sequence = 0 }
        }
    }

    /// This run of an instance waits, instead of one before it.
    func waits(_ run: ScriptRun) {
        change(run.instance) {
            $0.waiting = .init(
                sequence: run.sequence, trigger: run.trigger, priority: run.priority, begun: run.begun)
        }
    }

    /// Nothing of an instance waits any more.
    func waitsNoMore(_ instance: String) { change(instance) { $0.waiting = nil } }

    /// A script of a run is started next: when it can't be, that was its turn all the same.
    func begins(_ run: ScriptRun, script index: Int) {
        change(run.instance) {
            if index + 1 == run.scripts.count { $0.waiting = nil } else { $0.waiting?.begun = run.begun + index + 1 }
        }
    }

    /// A script runs.
    func runs(_ process: KeptNotifications.Process, of instance: String) {
        change(instance) { $0.running.append(process) }
    }

    /// It runs no more.
    func ended(_ pid: Int32, of instance: String) { change(instance) { $0.running.removeAll { $0.pid == pid } } }

    private func change(_ instance: String, _ body: (inout KeptNotifications) -> Void) {
        var line = lines[instance] ?? Line(number: -1, kept: KeptNotifications(instance: instance))
        let before = line.kept
        body(&line.kept)
        guard line.kept != before, makePage() else { return }
        guard let bytes = Self.bytes(of: line.kept) else {
            onFailure?("the name of instance \(instance) is too long")
            return
        }
        if line.number < 0 {
            line.number = free.popLast() ?? lineCount
            lineCount = max(lineCount, line.number + 1)
        }
        writer?.write(line.number, bytes)
        if line.kept.isEmpty {
            lines[instance] = nil
            free.append(line.number)
        } else {
            lines[instance] = line
        }
    }

    /// What is still to be told comes before what runs; nil when there is no room for that.
    private static func bytes(of kept: KeptNotifications) -> [UInt8]? {
        var kept = kept
        while true {
            let bytes = kept.bytes
            if bytes.count <= SnapshotWriter.recordMax { return bytes }
            if kept.running.popLast() == nil { return nil }
        }
    }

    private func makePage() -> Bool {
        if writer != nil { return true }
        do throws(SystemError) {
            let page = try StatePage.create(named: "hasup-notifications", mapsAll: true)
            writer = SnapshotWriter(page)
            onMade?(page)
            return true
        } catch {
            onFailure?(error.description)
            return false
        }
    }
}
