import Base
import ConfigurationModel

/// A notification whose scripts haven't all been started. It waits in this form, and is kept in it, without the commands, for
/// the next hasupd (docs/decisions, D40).
package struct PendingNotification: Hashable, Sendable {
    /// The instance's name.
    package var instance: String
    /// Its number, as workers count; 0 when the count has begun anew since.
    package var sequence: UInt64
    package var trigger: NotifyTrigger
    /// The instance's priority of that moment.
    package var priority: UInt8
    /// The number of its scripts that were started.
    package var begun: Int
    /// The scripts that are left; none before `findCommands`.
    package private(set) var commands: [ScriptCommand] = []

    package init(instance: String, sequence: UInt64, trigger: NotifyTrigger, priority: UInt8, begun: Int = 0) {
        self.instance = instance
        self.sequence = sequence
        self.trigger = trigger
        self.priority = priority
        self.begun = begun
    }

    /// Looks up the scripts that are left: the trigger's own first, then the generic one.
    package mutating func findCommands(in settings: InstanceSettings, _ global: GlobalSettings) {
        var scripts = settings.scripts.filter { $0.trigger == trigger }
        for var generic in settings.scripts where generic.trigger == .any {
            generic.arguments += ["INSTANCE", instance, trigger.word, String(priority)]
            scripts.append(generic)
        }
        commands = scripts.dropFirst(max(0, begun)).map { ScriptCommand($0, global: global) }
    }

    /// Takes the next script, which counts as begun from here on; nil when all were taken.
    package mutating func takeCommand() -> ScriptCommand? {
        guard !commands.isEmpty else { return nil }
        begun += 1
        return commands.removeFirst()
    }

    /// The form that is kept.
    package var withoutCommands: PendingNotification {
        var kept = self
        kept.commands = []
        return kept
    }
}

/// The entry of one instance in the memory that a hasupd leaves to the next: its notification that isn't sent, and its
/// scripts that run. It names what is in the configuration and doesn't describe it.
package struct InstanceScripts: Hashable, Sendable {
    /// The form of the bytes.
    package static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static let readableFormats = [1]
    private static let processesMax = 64

    /// A script that was started.
    package struct Process: Hashable, Sendable {
        /// Its process, which leads its group.
        package var pid: Int32
        /// The time at which the kernel started it, in clock ticks after boot: with the pid it names a process for good.
        package var startTicks: UInt64

        package init(pid: Int32, startTicks: UInt64) {
            self.pid = pid
            self.startTicks = startTicks
        }
    }

    /// The instance's name; empty for none.
    package var instance: String
    package var pending: PendingNotification?
    package var running: [Process] = []

    package init(instance: String) { self.instance = instance }

    /// True if nothing is pending or runs.
    package var isEmpty: Bool { pending == nil && running.isEmpty }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(UInt8(Self.formatVersion))
        writer.write(isEmpty ? "" : instance)
        writer.write(pending != nil)
        if let pending {
            writer.write(compact: pending.sequence)
            writer.write(pending.trigger.rawValue)
            writer.write(pending.priority)
            writer.write(compact: UInt64(clamping: pending.begun))
        }
        writer.write(compact: UInt64(running.count))
        for process in running {
            writer.write(compact: UInt64(clamping: process.pid))
            writer.write(compact: process.startTicks)
        }
        return writer.bytes
    }

    /// Reads `bytes`; nil for anything else.
    package init?(_ bytes: [UInt8]) {
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                let value = try InstanceScripts(from: &reader)
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
            pending = PendingNotification(
                instance: instance, sequence: sequence, trigger: trigger, priority: priority, begun: begun)
        }
        let count = try reader.readCompact()
        guard count <= Self.processesMax else { throw .invalid }
        for _ in 0..<count {
            guard let pid = Int32(exactly: try reader.readCompact()), pid > 1 else { throw .invalid }
            running.append(Process(pid: pid, startTicks: try reader.readCompact()))
        }
    }
}
