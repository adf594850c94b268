import ConfigurationModel

/// A vrrp_sync_group: instances that are MASTER together or not at all (docs/decisions, D46). Its state follows from
/// theirs.
struct SyncGroupState: Sendable {
    var name: String
    var members: [InstanceID]
    /// The last notification about it; each member's record has it.
    var lastNotification: Notification?
}

/// A change of a member that the others of its group must know.
struct MemberChange: Sendable {
    enum Cause: Sendable {
        /// Its state or its faults have changed.
        case state
        /// It wants to be MASTER, and why.
        case wantsMaster(TransitionReason)
        /// As MASTER it has heard a lower-priority advertisement: all members' neighbours may have learned another
        /// machine's hardware address.
        case lowerPriority
    }

    var member: InstanceID
    var cause: Cause
}
