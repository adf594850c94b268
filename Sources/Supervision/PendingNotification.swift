import Base
import ConfigurationModel

/// An instance or a sync group by its name. One of each may have the same.
package struct NotificationKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Numbers stand in what is kept.
    package enum Kind: UInt8, Sendable {
        case instance = 0
        case group = 1

        /// The word in the arguments of a generic script.
        package var word: String { self == .instance ? "INSTANCE" : "GROUP" }
    }

    package var kind: Kind
    package var name: String

    package init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// The name in log lines.
    package var description: String { kind == .instance ? name : "sync group \(name)" }

    package static func < (left: NotificationKey, right: NotificationKey) -> Bool {
        (left.name, left.kind.rawValue) < (right.name, right.kind.rawValue)
    }
}

/// A notification whose scripts haven't all been started. It waits in this form, and is kept in it, without the commands, for
/// the next hasupd (docs/decisions, D40).
package struct PendingNotification: Hashable, Sendable {
    package var key: NotificationKey
    /// Its number, as workers count; 0 when the count has begun anew since.
    package var sequence: UInt64
    package var trigger: NotifyTrigger
    /// The instance's priority of that moment; of a group it means nothing.
    package var priority: UInt8
    /// The number of its scripts that were started.
    package var begun: Int
    /// smtp_alert of its subject. It isn't kept: a mail is queued at once.
    package var sendsMail = false
    /// The scripts that are left; none before `findCommands`.
    package private(set) var commands: [ScriptCommand] = []

    package init(
        of key: NotificationKey, sequence: UInt64, trigger: NotifyTrigger, priority: UInt8, begun: Int = 0
    ) {
        self.key = key
        self.sequence = sequence
        self.trigger = trigger
        self.priority = priority
        self.begun = begun
    }

    /// Looks up the scripts that are left: the trigger's own first, then the generic one.
    package mutating func findCommands(in scripts: [NotifyScript], _ global: GlobalSettings) {
        var chosen = scripts.filter { $0.trigger == trigger }
        for var generic in scripts where generic.trigger == .any {
            generic.arguments += [key.kind.word, key.name, trigger.word, String(key.kind == .group ? 0 : priority)]
            chosen.append(generic)
        }
        commands = chosen.dropFirst(max(0, begun)).map { ScriptCommand($0, global: global) }
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
        kept.sendsMail = false
        return kept
    }
}

/// The entry of one instance or sync group in the memory that a hasupd leaves to the next: its notification that isn't
/// sent, and its scripts that run. It names what is in the configuration and doesn't describe it.
package struct KeptScripts: Hashable, Sendable {
    /// The form of the bytes.
    package static let formatVersion = 2
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static let readableFormats = [2]
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

    /// Its name is empty for none.
    package var key: NotificationKey
    package var pending: PendingNotification?
    package var running: [Process] = []

    package init(of key: NotificationKey) { self.key = key }

    /// True if nothing is pending or runs.
    package var isEmpty: Bool { pending == nil && running.isEmpty }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(UInt8(Self.formatVersion))
        writer.write(key.kind.rawValue)
        writer.write(isEmpty ? "" : key.name)
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
                let value = try KeptScripts(from: &reader)
                try reader.finish()
                return value
            }
        }
        guard case .success(let value) = read else { return nil }
        self = value
    }

    private init(from reader: inout ByteReader) throws(ByteError) {
        guard Self.readableFormats.contains(Int(try reader.readUInt8())) else { throw .invalid }
        guard let kind = NotificationKey.Kind(rawValue: try reader.readUInt8()) else { throw .invalid }
        key = NotificationKey(kind, try reader.readString())
        if try reader.readBool() {
            let sequence = try reader.readCompact()
            guard let trigger = NotifyTrigger(rawValue: try reader.readUInt8()) else { throw .invalid }
            let priority = try reader.readUInt8()
            guard let begun = Int(exactly: try reader.readCompact()) else { throw .invalid }
            pending = PendingNotification(
                of: key, sequence: sequence, trigger: trigger, priority: priority, begun: begun)
        }
        let count = try reader.readCompact()
        guard count <= Self.processesMax else { throw .invalid }
        for _ in 0..<count {
            guard let pid = Int32(exactly: try reader.readCompact()), pid > 1 else { throw .invalid }
            running.append(Process(pid: pid, startTicks: try reader.readCompact()))
        }
    }
}
