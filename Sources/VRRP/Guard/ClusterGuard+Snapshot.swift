import Base
import ConfigurationModel

/// The part of the node's record that the guards leave to their successors. Whoever was heard counts as heard at the
/// successor's start, so nobody is replaced for what it has missed; a claim under way isn't kept.
///
/// It is short, because a record is: names are a fingerprint, and clusters that find no room begin anew.
struct KeptGuards: Hashable, Sendable {
    var nonce: UInt64
    /// The highest number of a frame of any cluster. Successors begin behind it, by twice as many as may have left since.
    var sequence: UInt64
    var clusters: [KeptGuard]

    /// Nil without a guard.
    init?(_ guards: [ClusterGuard]) {
        guard let first = guards.first else { return nil }
        nonce = first.nonce
        sequence = guards.reduce(0) { max($0, $1.sent.last) }
        clusters = guards.map { KeptGuard($0) }
    }

    /// Writes as many clusters as there is room for.
    func encode(into writer: inout ByteWriter, limit: Int) {
        writer.write(nonce)
        writer.write(compact: sequence)
        for cluster in clusters {
            var bytes = ByteWriter()
            cluster.encode(into: &bytes)
            if writer.bytes.count + bytes.bytes.count <= limit { writer.write(bytes.bytes) }
        }
    }

    /// Reads to the end.
    init(from reader: inout ByteReader) throws(ByteError) {
        nonce = try reader.readUInt64()
        sequence = try reader.readCount64()
        clusters = []
        while reader.remaining > 0 { clusters.append(try KeptGuard(from: &reader)) }
    }
}

/// The part of one cluster, by the places of its nodes and groups.
struct KeptGuard: Hashable, Sendable {
    struct KeptNode: Hashable, Sendable {
        var wasHeard: Bool
        var isOff: Bool
    }

    struct KeptGroup: Hashable, Sendable {
        var epoch: UInt64
        var isProved: Bool
        var wasMaster: Bool
        var release = GroupRelease()
    }

    /// A bit beside the number of groups, of which there are fewer: releases follow them.
    private static let hasReleases: UInt8 = 0x80

    /// Stands for the names of the cluster, its nodes and groups.
    var fingerprint: UInt32
    var startedAt: Instant
    var nodes: [KeptNode]
    var groups: [KeptGroup]

    init(_ cluster: ClusterGuard) {
        fingerprint = cluster.settings.fingerprint
        startedAt = cluster.startedAt
        nodes = cluster.peers.map { KeptNode(wasHeard: $0.lifeSignAt != nil, isOff: $0.isOff) }
        groups = cluster.groups.map {
            KeptGroup(epoch: $0.epoch, isProved: $0.isProved, wasMaster: $0.wasMaster, release: $0.release)
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(fingerprint)
        writer.write(startedAt.nanoseconds)
        writer.write(UInt8(clamping: nodes.count))
        for node in nodes { writer.write(UInt8((node.wasHeard ? 1 : 0) | (node.isOff ? 2 : 0))) }
        let releases = groups.indices.filter { groups[$0].release.isOpen }
        writer.write(UInt8(clamping: groups.count) | (releases.isEmpty ? 0 : Self.hasReleases))
        for group in groups {
            writer.write(compact: group.epoch << 2 | (group.isProved ? 1 : 0) | (group.wasMaster ? 2 : 0))
        }
        guard !releases.isEmpty else { return }
        writer.write(UInt8(releases.count))
        for place in releases {
            writer.write(UInt8(place))
            groups[place].release.encode(into: &writer)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        fingerprint = try reader.readUInt32()
        startedAt = try reader.readMoment()
        nodes = []
        for _ in 0..<(try reader.readUInt8()) {
            let flags = try reader.readUInt8()
            nodes.append(KeptNode(wasHeard: flags & 1 != 0, isOff: flags & 2 != 0))
        }
        groups = []
        let count = try reader.readUInt8()
        for _ in 0..<(count & ~Self.hasReleases) {
            let word = try reader.readCount64()
            groups.append(KeptGroup(epoch: word >> 2, isProved: word & 1 != 0, wasMaster: word & 2 != 0))
        }
        guard count & Self.hasReleases != 0 else { return }
        for _ in 0..<(try reader.readUInt8()) {
            let place = Int(try reader.readUInt8())
            guard groups.indices.contains(place) else { throw .invalid }
            groups[place].release = try GroupRelease(from: &reader)
        }
    }
}

extension ClusterGuard {
    /// Goes on where a predecessor has died. Frames of others count from the first one that echoes one of the new numbers.
    func resumed(from former: KeptGuards, at now: Instant) -> ClusterGuard {
        var guardian = ClusterGuard(
            settings, own: own, nonce: former.nonce, groups: groups, after: former.sequence + 2 * Self.sequencesKept,
            at: now)
        let print = settings.fingerprint
        guard let kept = former.clusters.first(where: { $0.fingerprint == print }), kept.nodes.count == peers.count,
            kept.groups.count == groups.count
        else { return guardian }
        guardian.startedAt = min(kept.startedAt, now)
        for (place, node) in kept.nodes.enumerated() where place != own {
            guardian.peers[place].isOff = node.isOff
            guard node.wasHeard else { continue }
            guardian.peers[place].lifeSignAt = now
            guardian.peers[place].isReportedHeard = !node.isOff
        }
        for (place, group) in kept.groups.enumerated() {
            guardian.groups[place].epoch = group.epoch
            guardian.groups[place].isProved = group.isProved
            guardian.groups[place].wasMaster = group.wasMaster
            guardian.groups[place].release = group.release
        }
        return guardian
    }
}

extension ClusterSettings {
    fileprivate var fingerprint: UInt32 {
        var hash = FNV1a()
        for word in [name] + nodes.map(\.name) + guarded {
            hash.add(Array(word.utf8))
            hash.add([0])
        }
        return UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32)
    }
}
