import Base
import ConfigurationModel

/// Findings about cluster blocks, which have to be the same on all nodes: a node's number is its place in the block, and
/// each computes from the times how long another one may stay MASTER.
extension ClusterCheck {
    mutating func checkGuards() {
        guard let first = nodes.first else { return }
        let known = first.loaded.model.clusters
        for node in nodes.dropFirst() {
            let others = node.loaded.model.clusters
            for cluster in known {
                guard let other = others.first(where: { $0.name == cluster.name }) else {
                    reportGuard(.error, "`cluster \(cluster.name)` is missing on node \(node.path)", at: cluster)
                    continue
                }
                compareGuards(cluster, other)
            }
            for cluster in others where !known.contains(where: { $0.name == cluster.name }) {
                reportGuard(.error, "`cluster \(cluster.name)` is missing on node \(first.path)", at: cluster)
            }
        }
        for (place, node) in nodes.enumerated() {
            for other in nodes[..<place] { compareOwnNodes(other.loaded.model.clusters, node.loaded.model.clusters) }
        }
    }

    private mutating func compareGuards(_ one: ClusterSettings, _ other: ClusterSettings) {
        var other = other
        let place = other.location
        if one.nodes.map(\.name) != other.nodes.map(\.name) {
            let isOrder = one.nodes.map(\.name).sorted() == other.nodes.map(\.name).sorted()
            differ(
                isOrder
                    ? "the nodes of `cluster \(one.name)` stand in another order on the other node: a node's number is its place"
                    : "`cluster \(one.name)` has other nodes on the other node", one.location, place)
        } else {
            compareNodes(one, other)
        }
        // Nodes have been compared. Each node has its own files and scripts.
        other.nodes = one.nodes
        other.secretFile = one.secretFile
        other.location = one.location
        other.release?.arguments = one.release?.arguments ?? []
        other.release?.identity = one.release?.identity
        if case .etcd(_, let files) = one.lock?.engine, case .etcd(let endpoints, _) = other.lock?.engine {
            other.lock?.engine = .etcd(endpoints, files)
        }
        other.ownNode = one.ownNode
        for setting in SettingTexts.differences(one, other) {
            differ("`cluster \(one.name)` isn't the same on both nodes: \(setting)", one.location, place)
        }
    }

    private mutating func compareNodes(_ one: ClusterSettings, _ other: ClusterSettings) {
        for (node, otherNode) in zip(one.nodes, other.nodes) where node != otherNode {
            differ(
                "`node \(node.name)` of `cluster \(one.name)` isn't the same on both nodes: "
                    + SettingTexts.differences(node, otherNode).map(\.description).joined(separator: ", "),
                one.location, other.location)
        }
    }

    /// Two nodes that take themselves for one.
    private mutating func compareOwnNodes(_ clusters: [ClusterSettings], _ others: [ClusterSettings]) {
        for cluster in clusters {
            guard let other = others.first(where: { $0.name == cluster.name }),
                let own = cluster.ownNode.map({ cluster.nodes[$0].name }),
                let otherOwn = other.ownNode.map({ other.nodes[$0].name }), own == otherOwn
            else { continue }
            reportGuard(
                .warning,
                "both files are read as those of node `\(own)`: say `--config-id` for each of them",
                at: other)
        }
    }

    private mutating func differ(_ message: String, _ first: SourceLocation, _ second: SourceLocation) {
        add(Diagnostic(.error, message, at: second, code: .cluster))
        add(Diagnostic(.note, "the other node's is here", at: first, code: .cluster))
    }

    private mutating func reportGuard(_ severity: Severity, _ message: String, at cluster: ClusterSettings) {
        add(Diagnostic(severity, message, at: cluster.location, code: .cluster))
    }
}
