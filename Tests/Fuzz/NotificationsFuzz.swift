import Configuration
import ConfigurationModel
import Supervision

/// What a hasupd has left of an instance's notifications in memory that another process could have written, too: its
/// service manager keeps it.
enum NotificationsFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] {
        var kept = InstanceScripts(instance: "VI_1")
        var seeds = [kept.bytes]
        kept.pending = PendingNotification(
            instance: "VI_1", sequence: 300, trigger: .fault, priority: 150, begun: 1)
        seeds.append(kept.bytes)
        kept.running = [.init(pid: 4_321, startTicks: 0x0102_0304_0506), .init(pid: 2, startTicks: 0)]
        seeds.append(kept.bytes)
        kept.pending = nil
        return seeds + [kept.bytes]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let kept = InstanceScripts(Array(input)) else { return }
        for process in kept.running { precondition(process.pid > 1, "a number that stands for a group or for init") }
        // Of nothing the name isn't kept.
        guard !kept.isEmpty else { return }
        precondition(InstanceScripts(kept.bytes) == kept, "what was read isn't what is written")
    }
}
