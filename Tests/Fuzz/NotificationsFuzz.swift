import Base
import Configuration
import ConfigurationModel
import Supervision

/// What a hasupd has left of an instance's notifications and of a tracked object in memory that another process could have
/// written, too: its service manager keeps it.
enum NotificationsFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] {
        let key = NotificationKey(.group, "VG_1")
        var kept = KeptScripts(of: key)
        var seeds = [kept.bytes]
        for (sequence, trigger) in [(300, .fault), (301, .reclaimed)] as [(UInt64, NotifyTrigger)] {
            var pending = PendingNotification(of: key, sequence: sequence, trigger: trigger, priority: 150, begun: 1)
            let script = NotifyScript(trigger: trigger, arguments: ["/bin/true"])
            pending.findCommands(in: [script, script], GlobalSettings())
            kept.keep(pending)
            seeds.append(kept.bytes)
        }
        kept.running = [.init(pid: 4_321, startTicks: 0x0102_0304_0506), .init(pid: 2, startTicks: 0)]
        seeds.append(kept.bytes)
        var running = KeptScripts(of: key)
        running.running = kept.running
        let verdict = TrackerVerdict(.number(-5), streak: 1, count: 3, detail: "exit status 1")
        let entry = TrackerTable.Entry(fingerprint: 7, verdict: verdict, since: Instant(nanoseconds: 8))
        seeds += [entry.bytes, TrackerTable.bytes(of: [ProcessIdentity(pid: 7, startTicks: 8)])]
        return seeds + [running.bytes, KeptScripts(of: NotificationKey(.instance, "VI_1")).bytes]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        if let entry = TrackerTable.Entry(Array(input)) { precondition(entry.bytes.elementsEqual(input)) }
        for process in TrackerTable.processes(in: Array(input)) { precondition(process.pid > 1) }
        guard let kept = KeptScripts(Array(input)) else { return }
        for process in kept.running { precondition(process.pid > 1, "a number that stands for a group or for init") }
        // Of nothing the name isn't kept.
        guard !kept.isEmpty else { return }
        precondition(KeptScripts(kept.bytes) == kept, "what was read isn't what is written")
    }
}
