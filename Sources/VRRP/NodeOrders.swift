import Base
import ConfigurationModel

/// An order in force, and how far its virtual routers have come with it.
struct ActiveOrder: Sendable {
    enum OrderPhase: Hashable, Sendable {
        /// MASTER: before_release runs.
        case awaitsHooks(AwaitedReleases)
        /// Priority 0 has left, and a successor is waited for. `hasWithdrawn`: BACKUP, without addresses, since then.
        case releases(since: Instant, hasWithdrawn: Bool)
        /// It holds, and nothing is waited for.
        case holds
        /// raised: not MASTER with its addresses yet. `wasMaster`: it is MASTER.
        case claims(wasMaster: Bool)
        /// raised: MASTER by it.
        case leads
    }

    var order: OperatorOrder
    /// The instance, or the members of the group.
    var members: [InstanceID]
    var phase = OrderPhase.holds
    /// When the phase's time is over.
    var deadline = Instant.never
}

/// Runs of before_release that are waited for.
struct AwaitedReleases: Hashable, Sendable {
    let number: UInt64
    /// The instances and groups whose runs haven't ended.
    var subjects: Set<NotificationKey>
    /// The end of their time.
    let deadline: Instant
    /// True if one has failed.
    var hasFailed = false
}

/// The orders of a node.
struct NodeOrders: Sendable {
    var active: [ActiveOrder] = []
    /// Those that are in effect with the next configuration; nil when none were given.
    var next: [OperatorOrder]?
    /// Numbers of orders that have ended here, as long as hasupd still gives them.
    var ended: Set<UInt64> = []
    /// True if a state has changed, addresses have come, or an advertisement that is waited for was heard, since orders were
    /// looked at.
    var mayHaveChanged = false
    /// True if a router that has withdrawn its addresses waits for its successor.
    var awaitsAdvert = false

    /// The time of the next call of `fireOrders`.
    var deadline: Instant { active.reduce(.never) { min($0, $1.deadline) } }
}
