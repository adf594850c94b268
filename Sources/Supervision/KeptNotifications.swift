import Base
import ConfigurationModel

/// What a hasupd leaves to its successor of one instance's notifications: the run that hasn't begun, or has only in part,
/// and the scripts that run (docs/decisions.md, D40). It names what is in the configuration and doesn't describe it.
package struct KeptNotifications: Hashable, Sendable {
    /// The form of the bytes. A successor of the next version reads this one, too.
    package static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static let readableFormats = [1]
    /// More processes of one instance than anybody runs.
    private static let processesMax = 64

    /// A run that isn't done.
    package struct Waiting: Hashable, Sendable {
        /// Its number, as the worker counts; 0 when the count has begun anew since.
        package var sequence: UInt64
        /// The moment.
        package var trigger: NotifyTrigger
        /// The instance's priority of that moment.
        package var priority: UInt8
        /// Scripts of it that have been started.
        package var begun: Int

        /// A run of which so many scripts have been started.
        package init(sequence: UInt64, trigger: NotifyTrigger, priority: UInt8, begun: Int) {
            self.sequence = sequence
            self.trigger = trigger
            self.priority = priority
            self.begun = begun
        }
    }

    /// A script that was started.
    package struct Process: Hashable, Sendable {
        /// Its process, which leads its group.
        package var pid: Int32
        /// When the kernel started it, in clock ticks after boot: with the pid it names a process for good.
        package var startTicks: UInt64

        /// A process.
        package init(pid: Int32, startTicks: UInt64) {
            self.pid = pid
            self.startTicks = startTicks
        }
    }

    /// The instance's name; empty for none.
    package var instance: String
    /// What isn't done.
    package var waiting: Waiting?
    /// What runs.
    package var running: [Process] = []

    /// Nothing of this instance yet.
    package init(instance: String) { self.instance = instance }

    /// Whether there is nothing to leave.
    package var isEmpty: Bool { waiting == nil && running.isEmpty }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(UInt8(Self.formatVersion))
        writer.write(isEmpty ? "" : instance)
        writer.write(waiting != nil)
        if let waiting {
            writer.write(compact: waiting.sequence)
            writer.write(waiting.trigger.rawValue)
            writer.write(waiting.priority)
            writer.write(compact: UInt64(clamping: waiting.begun))
        }
        writer.write(compact: UInt64(running.count))
        for process in running {
            writer.write(compact: UInt64(clamping: process.pid))
            writer.write(compact: process.startTicks)
        }
        return writer.bytes
    }

    /// What `bytes` gave; nil for anything else.
    package init?(_ bytes: [UInt8]) {
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                let value = try KeptNotifications(from: &reader)
                try reader.finish()
                return value
            }
        }
        guard case .success(let value) = read else { return nil }
        self = value
    }

    private init(from reader: inout ByteReader) throws(ByteError) {
        guard Self.readableFormats.contains(Int(try reader.readUInt8())) else { throw .invalid }
        instance = try reader.readString()
        if try reader.readBool() {
            let sequence = try reader.readCompact()
            guard let trigger = NotifyTrigger(rawValue: try reader.readUInt8()) else { throw .invalid }
            let priority = try reader.readUInt8()
            guard let begun = Int(exactly: try reader.readCompact()) else { throw .invalid }
            waiting = Waiting(sequence: sequence, trigger: trigger, priority: priority, begun: begun)
        }
        let count = try reader.readCompact()
        guard count <= Self.processesMax else { throw .invalid }
        for _ in 0..<count {
            guard let pid = Int32(exactly: try reader.readCompact()), pid > 1 else { throw .invalid }
            running.append(Process(pid: pid, startTicks: try reader.readCompact()))
        }
    }
}
