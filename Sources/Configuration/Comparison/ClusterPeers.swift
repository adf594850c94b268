import Base
import ConfigurationModel

/// Settings that unicast peers have to know of each other.
extension ClusterCheck {
    /// A packet with a TTL below `min_ttl` is discarded. A TTL above `max_ttl` may be lower at its arrival.
    mutating func compareHopLimits(sender: NodeInstance, receiver: NodeInstance) {
        // Without a source address it may be any of the peers.
        let source = sender.instance.sourceAddress
        let entries = receiver.instance.unicastPeers.filter { source == nil || $0.address == source }
        let sent = sender.instance.unicastTTL
        guard let lowest = entries.map({ $0.minimumTTL ?? 0 }).min(), sent < lowest else { return }
        report(
            .error,
            "`\(receiver.instance.name)` takes adverts with a TTL of at least \(lowest) (`min_ttl`) and the other node "
                + "sends \(sent): they are discarded, and both become MASTER", at: receiver, ["unicast_peer"])
        report(.note, "the other node's is here", at: sender, ["unicast_ttl"])
    }

    /// Without unicast_src_ip a node sends from its interface's first address, which its file doesn't tell.
    mutating func reportUncheckedPeers(_ group: [NodeInstance]) {
        let unknown = group.filter { $0.instance.isUnicast && $0.instance.sourceAddress == nil }
        guard group.count > 1, group.allSatisfy(\.instance.isUnicast), let first = unknown.first else { return }
        for (place, member) in unknown.enumerated() {
            for other in group where other.instance.isUnicast && other.node != member.node {
                let own = Set(member.instance.unicastPeers.map(\.address))
                // As many peers as there are nodes: it is one of them itself.
                if own.count >= nodes.count { continue }
                // The other knows this node by an address that isn't one of this node's peers.
                if other.instance.unicastPeers.contains(where: { !own.contains($0.address) }) { continue }
                // Of two that don't know themselves it is said once.
                if other.instance.sourceAddress == nil, unknown[..<place].contains(where: { $0.node == other.node }) {
                    continue
                }
                report(
                    .error,
                    "each address in unicast_peer of `\(other.instance.name)` on the other node is a peer of this node, too: "
                        + "no advert of the other reaches this one, and both become MASTER", at: member,
                    ["unicast_peer"])
                report(.note, "the other node's is here", at: other, ["unicast_peer"])
                return
            }
        }
        report(
            .warning,
            "`\(first.instance.name)` has no unicast_src_ip, so it isn't checked whether the nodes name each other in "
                + "unicast_peer", at: first, ["unicast_peer"])
    }

    mutating func expectPeer(_ peer: NodeInstance, of member: NodeInstance) {
        guard let address = peer.instance.sourceAddress, address != member.instance.sourceAddress,
            !member.instance.unicastPeers.contains(where: { $0.address == address })
        else { return }
        report(
            .error,
            "unicast_peer of `\(member.instance.name)` lacks the other node's address \(address): "
                + "no advert reaches it, and it becomes MASTER too",
            at: member, ["unicast_peer"])
        report(.note, "the other node's is here", at: peer, ["unicast_src_ip", "mcast_src_ip"])
    }
}
