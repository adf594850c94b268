import Base

/// The moment a notify script is for.
package enum NotifyTrigger: UInt8, FieldValue, CaseIterable {
    case master = 1
    case backup = 2
    case fault = 3
    case stop = 4
    /// Every transition, with `INSTANCE NAME STATE PRIORITY` appended to its arguments.
    case any = 5
    /// The instance is gone after a reload.
    case deleted = 6
    /// A MASTER heard a lower-priority advertisement.
    case receivedLowerPriority = 7
    /// Another master has yielded to this one.
    case reclaimed = 8
    /// The priority has changed, in MASTER or in another state: for FIFOs, no script runs.
    case masterPriority = 9
    case backupPriority = 10
    /// A virtual or a real server is up, or down (`ServiceScript`).
    case up = 11
    case down = 12
    /// Not notified: the router waits for its end (`Hook`). So is the next one.
    case beforeMaster = 16
    case beforeRelease = 17

    /// The keyword of its script; that which asks for it, where none runs.
    package var keyword: String {
        switch self {
        case .master: "notify_master"
        case .backup: "notify_backup"
        case .fault: "notify_fault"
        case .stop: "notify_stop"
        case .any: "notify"
        case .deleted: "notify_deleted"
        case .receivedLowerPriority: "notify_master_rx_lower_pri"
        case .reclaimed: "notify_reclaimed"
        case .masterPriority, .backupPriority: "notify_priority_changes"
        case .up: "notify_up"
        case .down: "notify_down"
        case .beforeMaster: "before_master"
        case .beforeRelease: "before_release"
        }
    }
    package var fieldText: String { keyword }

    /// The word in the arguments of a generic script, and in FIFOs: `MASTER` of `notify_master`.
    package var word: String {
        switch self {
        case .any: "ANY"
        case .masterPriority: "MASTER_PRIORITY"
        case .backupPriority: "BACKUP_PRIORITY"
        case .beforeMaster, .beforeRelease: keyword.uppercased()
        default: keyword.dropFirst("notify_".count).uppercased()
        }
    }

    /// True for a state, which makes former ones untrue; false for an event, which doesn't. Generic scripts run for
    /// states only, as keepalived's.
    package var isState: Bool {
        switch self {
        case .master, .backup, .fault, .stop, .deleted, .up, .down: true
        case .any, .receivedLowerPriority, .reclaimed, .masterPriority, .backupPriority, .beforeMaster,
            .beforeRelease:
            false
        }
    }

    /// True for a script whose end is waited for.
    package var isHook: Bool { self == .beforeMaster || self == .beforeRelease }

    /// True if sync groups have it, too.
    package var isOfGroups: Bool { isState && self != .deleted && !isOfServices }

    /// True if virtual and real servers have it, and nothing else.
    package var isOfServices: Bool { self == .up || self == .down }
}

/// The one whose state a notification is about, by its place in the configuration.
package enum NotificationSubject: Hashable, Sendable {
    /// A place in `ConfigurationModel.instances`.
    case instance(Int)
    /// A place in `SharedObjects.syncGroups`.
    case group(Int)
}

/// A script and who runs it.
package struct NotifyScript: Record {
    package var trigger: NotifyTrigger
    package var arguments: [String]
    /// Its user and group; nil for the default (script_user, keepalived_script, or hasupd's own user).
    package var identity: ScriptIdentity?
    package init(trigger: NotifyTrigger, arguments: [String], identity: ScriptIdentity? = nil) {
        self.trigger = trigger
        self.arguments = arguments
        self.identity = identity
    }

    package init() { self.init(trigger: .any, arguments: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &trigger)
        try fields.command("", &arguments)
        try fields.field("", &identity)
    }
}

/// User and group of a script: names (or numbers) as written.
package struct ScriptIdentity: Record {
    /// User name or number.
    package var user: String
    /// Group name or number; nil for the user's primary group.
    package var group: String?
    /// True if the user's supplementary groups are set too (`:` before the group).
    package var supplementaryGroups: Bool
    /// Their numbers; nil when they weren't looked up, or when there are none: then the script isn't run.
    package var account: ScriptAccount?
    package init(user: String, group: String? = nil, supplementaryGroups: Bool = false) {
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
    }

    package init() { self.init(user: "") }
    /// `USER` or `USER:GROUP`.
    package var name: String { user + (group.map { ":" + $0 } ?? "") }
    package var fieldText: String { user + (group.map { (supplementaryGroups ? " :" : " ") + $0 } ?? "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &user)
        try fields.field("", &group)
        try fields.field("", &supplementaryGroups)
        try fields.field("", &account)
    }
}

/// The numbers that a user and a group stand for, looked up when the configuration was read.
package struct ScriptAccount: Record {
    package var uid: UInt32
    package var gid: UInt32
    /// The user's groups; used only when they are wanted.
    package var groups: [UInt32]
    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    package init() { self.init(uid: 0, gid: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &uid)
        try fields.field("", &gid)
        try fields.list("", &groups)
    }
}
