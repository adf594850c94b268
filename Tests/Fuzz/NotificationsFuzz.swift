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
        kept.pending = PendingNotification(
            of: key, sequence: 300, trigger: .fault, priority: 150, begun: 1)
        seeds.append(kept.bytes)
        kept.running = [.init(pid: 4_321, startTicks: 0x0102_0304_0506), .init(pid: 2, startTicks: 0)]
        seeds.append(kept.bytes)
        kept.pending = nil
        return seeds + [kept.bytes, KeptScripts(of: NotificationKey(.instance, "VI_1")).bytes]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let kept = KeptScripts(Array(input)) else { return }
        for process in kept.running { precondition(process.pid > 1, "a number that stands for a group or for init") }
        // Of nothing the name isn't kept.
        guard !kept.isEmpty else { return }
        precondition(KeptScripts(kept.bytes) == kept, "what was read isn't what is written")
    }
}
