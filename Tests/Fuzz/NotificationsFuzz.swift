import Configuration
import ConfigurationModel
import Supervision

/// What a hasupd has left of an instance's notifications in memory that another process could have written, too: its
/// service manager keeps it.
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
        return seeds + [running.bytes, KeptScripts(of: NotificationKey(.instance, "VI_1")).bytes]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let kept = KeptScripts(Array(input)) else { return }
        for process in kept.running { precondition(process.pid > 1, "a number that stands for a group or for init") }
        // Of nothing the name isn't kept.
        guard !kept.isEmpty else { return }
        precondition(KeptScripts(kept.bytes) == kept, "what was read isn't what is written")
    }
}
