import Base
import Reactor
import Supervision
import WorkerProtocol

/// The notifications that aren't sent and the scripts that run, in a memory file that outlives hasupd (docs/decisions,
/// D40): systemd's store keeps it, and the `Handover` has it. No worker is given it. `ScriptRunner` shows when it is written.
///
/// The memory is that of a state page: a record that is being written leaves the one before whole. It is made with the
/// first notification, because most configurations have no scripts.
final class NotificationRecord {
    /// Called with the memory when it is made.
    var onMade: ((StatePage) -> Void)?
    /// Called when something can't be kept, with the reason, a clause.
    var onFailure: ((String) -> Void)?
    private var writer: SnapshotWriter?
    private var entries: [NotificationKey: (number: Int, scripts: KeptScripts)] = [:]
    /// Numbers of records that can be used again, and how many numbers there are.
    private var free: [Int] = []
    private var count = 0

    /// A record that goes on with the predecessor's, if there is one.
    init(inherited: StatePage?) {
        guard let inherited else { return }
        var newest: [Int: KeptScripts] = [:]
        for record in inherited.records {
            count = max(count, Int(record.number) + 1)
            // What can't be read stands for nothing, and so does what was written before it.
            newest[Int(record.number)] = KeptScripts(record.bytes)
        }
        writer = SnapshotWriter(inherited)
        for number in 0..<count {
            if let scripts = newest[number], !scripts.isEmpty, !scripts.key.name.isEmpty,
                entries[scripts.key] == nil
            {
                entries[scripts.key] = (number, scripts)
            } else {
                free.append(number)
            }
        }
    }

    /// All entries, in the order of the workers' count.
    var all: [KeptScripts] {
        entries.values.map(\.scripts).sorted {
            ($0.pending.first?.sequence ?? 0, $0.key) < ($1.pending.first?.sequence ?? 0, $1.key)
        }
    }

    /// Returns the number from which the workers' count goes on. A hasupd that was killed between the record and the page has
    /// noted a notification here only.
    ///
    /// - Parameter page: the last notification in the predecessor's page; nil without a page: then workers count from 1.
    func resumeCount(page: UInt64?) -> UInt64 {
        guard let page else {
            resetSequence()
            return 0
        }
        return entries.values.flatMap(\.scripts.pending).reduce(page) { max($0, $1.sequence) }
    }

    /// Forgets the numbers of notifications: workers count from 1 again, and would take one of before for one that hasn't come.
    func resetSequence() {
        for key in entries.keys { change(key) { $0.resetSequence() } }
    }

    /// Keeps a notification instead of those that it supersedes; one without scripts leaves none.
    func keep(_ notification: PendingNotification) { change(notification.key) { $0.keep(notification) } }

    /// Notes which of its scripts are begun.
    func begin(_ notification: PendingNotification) { change(notification.key) { $0.begin(notification) } }

    /// Forgets a notification.
    func drop(_ notification: PendingNotification) { change(notification.key) { $0.drop(notification) } }

    /// Notes a script that runs.
    func started(_ process: KeptScripts.Process, of key: NotificationKey) {
        change(key) { $0.running.append(process) }
    }

    /// Forgets a script that has ended.
    func ended(_ pid: Int32, of key: NotificationKey) { change(key) { $0.running.removeAll { $0.pid == pid } } }

    private func change(_ key: NotificationKey, _ body: (inout KeptScripts) -> Void) {
        var (number, scripts) = entries[key] ?? (-1, KeptScripts(of: key))
        let before = scripts
        body(&scripts)
        guard scripts != before, makePage() else { return }
        guard let bytes = Self.bytes(of: scripts) else {
            onFailure?("the name of \(key) is too long")
            return
        }
        if number < 0 {
            number = free.popLast() ?? count
            count = max(count, number + 1)
        }
        writer?.write(number, bytes)
        entries[key] = scripts.isEmpty ? nil : (number, scripts)
        if scripts.isEmpty { free.append(number) }
    }

    /// Its bytes, without the scripts that run as far as there is no room for them; nil without room for the rest.
    private static func bytes(of scripts: KeptScripts) -> [UInt8]? {
        var scripts = scripts
        while true {
            let bytes = scripts.bytes
            if bytes.count <= SnapshotWriter.recordMax { return bytes }
            if scripts.running.popLast() == nil { return nil }
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
