import Base

/// A heartbeat socket by its place in the configuration: the cluster, the path of this node, and the other node. Of a path
/// that all nodes share there is one, which has the place of this node.
package struct HeartbeatPlace: Hashable, Sendable {
    package var cluster: UInt8
    package var path: UInt8
    package var node: UInt8

    package init(cluster: UInt8, path: UInt8, node: UInt8) {
        self.cluster = cluster
        self.path = path
        self.node = node
    }
}

/// A path from this node, as hasupd opens it.
package enum HeartbeatConnection: Hashable, Sendable {
    /// To one other node.
    case unicast(UnicastEnds)
    /// To all nodes that have joined the group on this device's link.
    case multicast(MulticastGroup)
    /// To the node at the other end of the line.
    case serial(SerialLine)

    /// True if frames of any other node may come by it.
    package var isShared: Bool { if case .unicast = self { false } else { true } }
}

/// A UDP path from this node to another one: the own end, bound to a device, and the peer's.
package struct UnicastEnds: Hashable, Sendable {
    package var device: String
    package var address: IPAddress
    package var port: UInt16
    package var peer: IPAddress
    package var peerPort: UInt16
}

/// A multicast group on a device's link.
package struct MulticastGroup: Hashable, Sendable {
    package var device: String
    package var group: IPAddress
    package var port: UInt16
    package init(device: String, group: IPAddress, port: UInt16) {
        self.device = device
        self.group = group
        self.port = port
    }
}

/// A serial line: its device, and bits a second.
package struct SerialLine: Hashable, Sendable {
    package var device: String
    package var speed: Int
    package init(device: String, speed: Int) {
        self.device = device
        self.speed = speed
    }

    /// The time that these bytes take: eight bits each, a start and a stop.
    package func time(of bytes: Int) -> Interval {
        Interval(nanoseconds: Int64(bytes) * 10 * 1_000_000_000 / Int64(max(1, speed)))
    }
}

extension HeartbeatConnection: CustomStringConvertible {
    /// The other end, as it follows "heartbeats to".
    package var description: String {
        switch self {
        case .unicast(let ends): "\(ends.peer)"
        case .multicast(let group): "\(group.group) on \(group.device)"
        case .serial(let line): line.device
        }
    }
}

extension ClusterSettings {
    /// The UDP path to another node, or the path that all share, which has this node's place; nil unless another one has one of
    /// this name that fits.
    package func connection(path: Int, node: Int) -> HeartbeatConnection? {
        guard let ownNode, nodes.indices.contains(ownNode), nodes[ownNode].paths.indices.contains(path),
            nodes.indices.contains(node)
        else { return nil }
        let own = nodes[ownNode].paths[path]
        switch own.kind {
        case .unicast(let address, let device, let port):
            guard node != ownNode, let other = nodes[node].paths.first(where: { $0.name == own.name }),
                case .unicast(let peer, _, let peerPort) = other.kind, address.family == peer.family
            else { return nil }
            return .unicast(
                UnicastEnds(device: device, address: address, port: port, peer: peer, peerPort: peerPort))
        case .multicast(let group, let device, let port):
            guard node == ownNode, hasOtherEnd(of: own) else { return nil }
            return .multicast(MulticastGroup(device: device, group: group, port: port))
        case .serial(let device, let speed):
            let line = SerialLine(device: device, speed: speed)
            guard node == ownNode, hasOtherEnd(of: own), !isTooSlow(line) else { return nil }
            return .serial(line)
        }
    }

    private func hasOtherEnd(of path: HeartbeatPath) -> Bool {
        nodes.enumerated().contains { place, node in
            place != ownNode
                && node.paths.contains { $0.name == path.name && $0.kind.number == path.kind.number }
        }
    }

    /// All paths from this node, each with its place.
    ///
    /// - Parameter number: the cluster's place in the configuration.
    package func connections(ofCluster number: Int) -> [(place: HeartbeatPlace, ends: HeartbeatConnection)] {
        guard let ownNode, nodes.indices.contains(ownNode) else { return [] }
        return nodes[ownNode].paths.indices.flatMap { path in
            nodes.indices.compactMap { node in
                connection(path: path, node: node).map {
                    (HeartbeatPlace(cluster: UInt8(number), path: UInt8(path), node: UInt8(node)), $0)
                }
            }
        }
    }

    /// True if the path of this name is the one that another node's place means.
    package func isSame(path: Int, asPath other: UInt8, ofNode node: Int) -> Bool {
        guard let ownNode, nodes.indices.contains(node), nodes[node].paths.indices.contains(Int(other)),
            nodes[ownNode].paths.indices.contains(path)
        else { return false }
        return nodes[node].paths[Int(other)].name == nodes[ownNode].paths[path].name
    }

    /// True if this node has to have the cluster's keys.
    package var needsKeys: Bool { ownNode != nil && hasHeartbeats }
}

// MARK: Serial lines

extension ClusterSettings {
    /// The longest frame of a node of this cluster, in bytes on the line (docs/decisions, D103, D104).
    package var serialFrameLength: Int {
        let (head, entry, signature, longestRun, delimiters) = (40, 24, 16, 254, 3)
        let frame = head + entry * (max(1, nodes.count) - 1 + guarded.count) + signature
        return frame + frame / longestRun + delimiters
    }

    /// From one frame on a line to the next: half of its time is free for those that can't wait.
    package func serialInterval(of line: SerialLine) -> Interval {
        max(interval, line.time(of: serialFrameLength) * 2)
    }

    /// From one frame to the next on the slowest path that counts.
    package var slowestInterval: Interval {
        nodes.flatMap(\.paths).reduce(interval) { slowest, path in
            guard case .serial(let device, let speed) = path.kind else { return slowest }
            let line = SerialLine(device: device, speed: speed)
            return isTooSlow(line) ? slowest : max(slowest, serialInterval(of: line))
        }
    }

    /// True if a timeout has no room for so many frames that some may be lost: it isn't counted as a path.
    package func isTooSlow(_ line: SerialLine) -> Bool {
        serialInterval(of: line) * Limits.serialFramesInTimeout > timeout
    }
}

extension ConfigurationModel {
    /// Puts the instances that are guarded by these clusters into FAULT: without keys there is no guard.
    package mutating func fault(instancesOf keyless: Set<Int>, _ reason: String) {
        guard !keyless.isEmpty else { return }
        let guarded = guardedGroups
        for index in instances.indices {
            guard let group = guarded[instances[index].name], keyless.contains(group.cluster) else { continue }
            instances[index].faults.append(reason)
        }
    }
}
