import Base
import ConfigurationModel
import Varlink
import Wire

/// One way on which a node hears another one of its cluster, from the worker's bytes to the JSON of `hasup status`. Counters
/// begin with the worker.
package struct HeartbeatPathReport: JSONRecord, ByteCoded, Hashable {
    package static let summary = "A way on which a node of a cluster is heard; its counters begin with the VRRP worker"
    package var path = ""
    /// True if the last frame by it is younger than the timeout.
    package var isHeard = false
    /// Time since its last frame that counts.
    package var lastHeard: Interval?
    /// From sending a frame to the arrival of its echo, without the time that the other node held it.
    package var roundTrip: Interval?
    package var received: UInt64 = 0
    /// Frames that were left out between those that have come.
    package var lost: UInt64 = 0
    /// Authentic frames that change nothing, by `HeartbeatRefusal`.
    package var repeated: [UInt64] = []
    /// Frames that weren't given to the core, by the worker's reasons: it fills them in, as the next three.
    package var unread: [UInt64] = []
    package var sent: UInt64 = 0
    /// Frames that weren't sent, because the line hadn't taken the one before.
    package var leftOut: UInt64 = 0
    /// Errors of sending, also those that the network has reported afterwards.
    package var errors: UInt64 = 0
    package var errorCode: Int32 = 0
    /// Refused frames by reason; those that aren't 0. From hasupd, as the text of the last error.
    package var refused = NamedCounts()
    package var lastError: String?

    package init() {}

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("path", &path)
        try members.field("heard", &isHeard)
        try members.field("last_heard_seconds", &lastHeard)
        try members.field("round_trip_seconds", &roundTrip)
        try members.field("received", &received)
        try members.field("lost", &lost)
        try members.hidden(&repeated, atMost: 16)
        try members.hidden(&unread, atMost: 16)
        try members.field("sent", &sent)
        try members.field("left_out", &leftOut)
        try members.field("errors", &errors)
        try members.hidden(&errorCode)
        members.member("refused", &refused)
        members.member("last_error", &lastError)
    }
}

/// A guarded instance or sync group, as another node says.
package struct GuardedGroupReport: JSONRecord, ByteCoded, Hashable {
    package static let summary = "A guarded instance or sync group, as another node of the cluster says"
    package var name = ""
    package var state = RouterState.initialize
    package var priority = Priority.release
    /// True if its kernel has the addresses, or may have them.
    package var hasAddresses = false

    package init() {}

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("name", &name)
        try members.field("state", &state)
        try members.field("priority", &priority)
        try members.field("has_addresses", &hasAddresses)
    }
}

/// Another node of a cluster, as this one hears it.
package struct ClusterNodeReport: JSONRecord, ByteCoded, Hashable {
    package static let summary = "Another node of a cluster block, as this one hears it by heartbeats"
    /// Nodes of all clusters that are reported at most.
    package static let most = 64
    package var cluster = ""
    package var node = ""
    /// True if it is heard: its last frame is younger than the timeout.
    package var isHeard = false
    /// True if it has said goodbye and hasn't been heard since.
    package var isOff = false
    /// Time since its last frame; nil if none has come since this node's start.
    package var lastHeard: Interval?
    /// True if it hears us: a frame of ours has come back within the timeout.
    package var hearsUs = false
    /// True if it hears the adverts of a MASTER here.
    package var hearsAdverts = false
    /// True if its cluster block isn't the same.
    package var hasOtherSettings = false
    package var groups: [GuardedGroupReport] = []
    package var paths: [HeartbeatPathReport] = []

    package init() {}

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("cluster", &cluster)
        try members.field("node", &node)
        try members.field("heard", &isHeard)
        try members.field("off", &isOff)
        try members.field("last_heard_seconds", &lastHeard)
        try members.field("hears_us", &hearsUs)
        try members.field("hears_adverts", &hearsAdverts)
        try members.field("other_settings", &hasOtherSettings)
        try members.field("groups", &groups, atMost: 48)
        try members.field("heartbeats", &paths, atMost: 16)
    }
}

extension ClusterGuard {
    /// The other nodes that have a guard, too.
    func report(at now: Instant) -> [ClusterNodeReport] {
        others.map { place in
            let peer = peers[place]
            var report = ClusterNodeReport()
            report.cluster = settings.name
            report.node = name(of: place)
            report.isHeard = peer.isHeard(within: settings.timeout, at: now)
            report.isOff = peer.isOff
            report.lastHeard = peer.lifeSignAt?.age(at: now)
            report.hearsUs = peer.hearsUs(within: settings.timeout, at: now)
            report.hearsAdverts = report.isHeard && peer.hearsAdverts
            report.hasOtherSettings = peer.settingsDigest.map { $0 != digest } ?? false
            report.groups = peer.standings.compactMap { standing in
                guard groups.indices.contains(Int(standing.group)) else { return nil }
                var group = GuardedGroupReport()
                group.name = groups[Int(standing.group)].name
                group.state = RouterState(rawValue: standing.state) ?? .initialize
                group.priority = Priority(rawValue: standing.priority)
                group.hasAddresses = standing.flags.contains(.addressIsThere)
                return group
            }
            report.paths = zip(settings.nodes[own].paths, peer.paths).map { path, evidence in
                var report = HeartbeatPathReport()
                report.path = path.name
                report.lastHeard = evidence.lastHeard?.age(at: now)
                report.isHeard = evidence.lastHeard.map { now - $0 < settings.timeout } ?? false
                report.roundTrip = evidence.roundTrip
                report.received = evidence.received
                report.lost = evidence.missed
                report.repeated = evidence.refused
                return report
            }
            return report
        }
    }
}

extension Node {
    /// The other nodes of all clusters, for status.
    package func clusterNodes(at now: Instant) -> [ClusterNodeReport] {
        Array(context.guards.clusters.flatMap { $0.report(at: now) }.prefix(ClusterNodeReport.most))
    }
}
