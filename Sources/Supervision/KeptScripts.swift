import Base
import ConfigurationModel

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
    /// At most one state, and behind it one event of each kind.
    package private(set) var pending: [PendingNotification] = []
    package var running: [Process] = []

    package init(of key: NotificationKey) { self.key = key }

    /// True if nothing is pending or runs.
    package var isEmpty: Bool { pending.isEmpty && running.isEmpty }

    /// Adds a notification instead of those that it supersedes; one without scripts leaves nothing.
    package mutating func keep(_ notification: PendingNotification) {
        pending.removeAll { notification.supersedes($0) }
        if !notification.commands.isEmpty { pending.append(notification.withoutCommands) }
    }

    /// Notes which scripts of a notification are begun.
    package mutating func begin(_ notification: PendingNotification) {
        guard let place = pending.firstIndex(where: { $0.trigger == notification.trigger }) else { return }
        if notification.commands.isEmpty {
            pending.remove(at: place)
        } else {
            pending[place].begun = notification.begun
        }
    }

    /// Forgets a notification.
    package mutating func drop(_ notification: PendingNotification) {
        pending.removeAll { $0.trigger == notification.trigger }
    }

    /// Forgets the numbers of its notifications.
    package mutating func resetSequence() { for place in pending.indices { pending[place].sequence = 0 } }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(UInt8(Self.formatVersion))
        writer.write(key.kind.rawValue)
        writer.write(isEmpty ? "" : key.name)
        writer.write(UInt8(clamping: pending.count))
        for notification in pending {
            writer.write(compact: notification.sequence)
            writer.write(notification.trigger.rawValue)
            writer.write(notification.priority)
            writer.write(compact: UInt64(clamping: notification.begun))
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
        let pendingCount = Int(try reader.readUInt8())
        guard pendingCount <= NotifyTrigger.allCases.count else { throw .invalid }
        for _ in 0..<pendingCount {
            let sequence = try reader.readCompact()
            guard let trigger = NotifyTrigger(rawValue: try reader.readUInt8()), trigger != .any else { throw .invalid }
            let priority = try reader.readUInt8()
            guard let begun = Int(exactly: try reader.readCompact()) else { throw .invalid }
            let notification = PendingNotification(
                of: key, sequence: sequence, trigger: trigger, priority: priority, begun: begun)
            guard !pending.contains(where: notification.supersedes) else { throw .invalid }
            pending.append(notification)
        }
        let count = try reader.readCompact()
        guard count <= Self.processesMax else { throw .invalid }
        for _ in 0..<count {
            guard let pid = Int32(exactly: try reader.readCompact()), pid > 1 else { throw .invalid }
            running.append(Process(pid: pid, startTicks: try reader.readCompact()))
        }
    }
}
