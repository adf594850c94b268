import Base
import ConfigurationModel
import Varlink
import Wire

/// The lock of one guarded instance or sync group, from the worker's bytes to the JSON of `hasup status`.
package struct ClusterLockReport: JSONRecord, ByteCoded, Hashable {
    package static let summary = "The lock of an instance or sync group that a cluster block guards"
    /// Locks of all clusters that are reported at most.
    package static let most = 64
    package var cluster = ""
    package var group = ""
    /// The node that holds it, as far as can be seen from here; nil if nobody does.
    package var holder: String?
    /// True if this node holds it.
    package var isOurs = false
    /// Time until our lease ends if nothing renews it.
    package var leaseLeft: Interval?
    /// False of an engine that has left two requests in a row without an answer.
    package var isAnswering = true
    /// Time since the first request in a row that it hasn't answered.
    package var silentFor: Interval?

    package init() {}

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("cluster", &cluster)
        try members.field("group", &group)
        try members.field("holder", &holder)
        try members.field("ours", &isOurs)
        try members.field("lease_seconds", &leaseLeft)
        try members.field("engine_answers", &isAnswering)
        try members.field("engine_silent_seconds", &silentFor)
    }
}

extension ClusterGuard {
    /// The locks of the groups.
    func lockReport(at now: Instant) -> [ClusterLockReport] {
        groups.compactMap { group in
            guard let lock = group.lock else { return nil }
            var report = ClusterLockReport()
            report.cluster = settings.name
            report.group = group.name
            report.isOurs = lock.isHeld(at: now)
            report.holder = report.isOurs ? name(of: own) : lock.holder(at: now).map(nodeName)
            report.leaseLeft = report.isOurs ? lock.leaseEnd.map { $0 - now } : nil
            report.isAnswering = !lock.isDead
            report.silentFor = lock.isDead ? lock.failingSince?.age(at: now) : nil
            return report
        }
    }
}

extension Node {
    /// The locks of all clusters, for status.
    package func clusterLocks(at now: Instant) -> [ClusterLockReport] {
        Array(context.guards.clusters.flatMap { $0.lockReport(at: now) }.prefix(ClusterLockReport.most))
    }
}
