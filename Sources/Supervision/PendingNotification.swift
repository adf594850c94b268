import Base
import ConfigurationModel

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

    /// Looks up the scripts that are left: the trigger's own first, then, for a state, the generic one.
    package mutating func findCommands(in scripts: [NotifyScript], _ global: GlobalSettings) {
        var chosen = scripts.filter { $0.trigger == trigger }
        for var generic in scripts where generic.trigger == .any && trigger.isState {
            generic.arguments += [key.kind.word, key.name, trigger.word, String(key.kind == .group ? 0 : priority)]
            chosen.append(generic)
        }
        commands = chosen.dropFirst(max(0, begun)).map { ScriptCommand($0, global: global) }
    }

    /// Looks up the scripts of a virtual or real server that are left.
    package mutating func findCommands(in scripts: [ServiceScript], _ global: GlobalSettings) {
        let wanted: ServiceTrigger = trigger == .up ? .up : .down
        commands = scripts.filter { $0.trigger == wanted }.dropFirst(max(0, begun)).map {
            ScriptCommand($0, global: global)
        }
    }

    /// Takes the next script, which counts as begun from here on; nil when all were taken.
    package mutating func takeCommand() -> ScriptCommand? {
        guard !commands.isEmpty else { return nil }
        begun += 1
        return commands.removeFirst()
    }

    /// True if it takes the place of one that waits: a state of all, an event of one of its kind.
    package func supersedes(_ other: PendingNotification) -> Bool { trigger.isState || trigger == other.trigger }

    /// The line for FIFOs.
    package var line: String { key.line(trigger, priority: priority) }

    /// The form that is kept.
    package var withoutCommands: PendingNotification {
        var kept = self
        kept.commands = []
        kept.sendsMail = false
        return kept
    }
}

extension NotificationKey {
    /// The line for FIFOs that reports a state or an event (behaviours_vrrp2 §5; behaviours_lvs2, B10).
    package func line(_ trigger: NotifyTrigger, priority: UInt8) -> String {
        switch kind {
        case .instance: "\(kind.word) \"\(name)\" \(trigger.word) \(priority)\n"
        case .group: "\(kind.word) \"\(name)\" \(trigger.word) 0\n"
        case .service, .server: "\(kind.word) \(name) \(trigger.word)\n"
        }
    }

    /// True for virtual and real servers.
    package var isOfServices: Bool { kind == .service || kind == .server }
}
