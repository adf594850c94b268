import Base
import ConfigurationModel

/// The part of the node's record that a guard leaves to its successor. Whoever was heard counts as heard at the successor's start, so
/// nobody is replaced for what it has missed; a claim under way isn't kept.
struct KeptGuard: Hashable, Sendable {
    struct KeptNode: Hashable, Sendable {
        var name: String
        var wasHeard: Bool
        var isOff: Bool
    }

    struct KeptGroup: Hashable, Sendable {
        var name: String
        var epoch: UInt64
        var isProved: Bool
        var wasMaster: Bool
    }

    var cluster: String
    var nonce: UInt64
    /// A successor begins behind it, by twice as many as may have left since.
    var sequence: UInt64
    var startedAt: Instant
    var nodes: [KeptNode]
    var groups: [KeptGroup]

    func encode(into writer: inout ByteWriter) {
        writer.write(text: cluster)
        writer.write(nonce)
        writer.write(sequence)
        writer.write(startedAt.nanoseconds)
        writer.write(UInt8(clamping: nodes.count))
        for node in nodes.prefix(Int(UInt8.max)) {
            writer.write(text: node.name)
            writer.write(UInt8((node.wasHeard ? 1 : 0) | (node.isOff ? 2 : 0)))
        }
        writer.write(UInt8(clamping: groups.count))
        for group in groups.prefix(Int(UInt8.max)) {
            writer.write(text: group.name)
            writer.write(group.epoch)
            writer.write(UInt8((group.isProved ? 1 : 0) | (group.wasMaster ? 2 : 0)))
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        cluster = try reader.readText()
        nonce = try reader.readUInt64()
        sequence = try reader.readUInt64()
        startedAt = try reader.readMoment()
        guard sequence < 1 << 62 else { throw .invalid }
        nodes = []
        for _ in 0..<(try reader.readUInt8()) {
            let name = try reader.readText()
            let flags = try reader.readUInt8()
            nodes.append(KeptNode(name: name, wasHeard: flags & 1 != 0, isOff: flags & 2 != 0))
        }
        groups = []
        for _ in 0..<(try reader.readUInt8()) {
            let name = try reader.readText()
            let epoch = try reader.readUInt64()
            guard epoch < 1 << 62 else { throw .invalid }
            let flags = try reader.readUInt8()
            groups.append(KeptGroup(name: name, epoch: epoch, isProved: flags & 1 != 0, wasMaster: flags & 2 != 0))
        }
    }
}

extension KeptGuard {
    init(_ cluster: ClusterGuard) {
        self.cluster = cluster.settings.name
        nonce = cluster.nonce
        sequence = cluster.sent.last
        startedAt = cluster.startedAt
        nodes = cluster.settings.nodes.indices.map { place in
            let peer = cluster.peers[place]
            return KeptNode(name: cluster.name(of: place), wasHeard: peer.lifeSignAt != nil, isOff: peer.isOff)
        }
        groups = cluster.groups.map { group in
            KeptGroup(name: group.name, epoch: group.epoch, isProved: group.isProved, wasMaster: group.wasMaster)
        }
    }
}

extension ClusterGuard {
    /// Goes on where a predecessor has died. Frames of others count from the first one that echoes one of the new numbers.
    func resumed(from kept: KeptGuard, at now: Instant) -> ClusterGuard {
        var guardian = ClusterGuard(
            settings, own: own, nonce: kept.nonce, groups: groups, after: kept.sequence + 2 * Self.sequencesKept,
            at: now)
        guardian.startedAt = min(kept.startedAt, now)
        for place in settings.nodes.indices {
            guard let node = kept.nodes.first(where: { $0.name == name(of: place) }) else { continue }
            guardian.peers[place].isOff = node.isOff
            if node.wasHeard {
                guardian.peers[place].lifeSignAt = now
                guardian.peers[place].isReportedHeard = !node.isOff
            }
        }
        for place in groups.indices {
            guard let group = kept.groups.first(where: { $0.name == groups[place].name }) else { continue }
            guardian.groups[place].epoch = group.epoch
            guardian.groups[place].isProved = group.isProved
            guardian.groups[place].wasMaster = group.wasMaster
        }
        return guardian
    }
}
