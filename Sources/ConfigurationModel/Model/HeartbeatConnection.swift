import Base

/// A heartbeat socket by its place in the configuration: the cluster, the path of this node, and the node that it leads to.
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

/// A UDP path from this node to another one: the own end, bound to a device, and the peer's.
package struct HeartbeatConnection: Hashable, Sendable {
    package var device: String
    package var address: IPAddress
    package var port: UInt16
    package var peer: IPAddress
    package var peerPort: UInt16
}

extension ClusterSettings {
    /// The UDP path to another node; nil unless both have one of this name, with addresses of one family.
    package func connection(path: Int, node: Int) -> HeartbeatConnection? {
        guard let ownNode, nodes.indices.contains(ownNode), nodes[ownNode].paths.indices.contains(path),
            nodes.indices.contains(node), node != ownNode
        else { return nil }
        let own = nodes[ownNode].paths[path]
        guard let other = nodes[node].paths.first(where: { $0.name == own.name }),
            case .unicast(let address, let device, let port) = own.kind,
            case .unicast(let peer, _, let peerPort) = other.kind, address.family == peer.family
        else { return nil }
        return HeartbeatConnection(device: device, address: address, port: port, peer: peer, peerPort: peerPort)
    }

    /// All UDP paths from this node, each with its place.
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
