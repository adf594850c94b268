import ConfigurationModel

/// Virtual servers that the nodes of a cluster don't have alike: after a takeover clients are served otherwise, or not at all.
extension ClusterCheck {
    /// Services about which a finding says that a node hasn't got them.
    private static let absentMax = 20
    /// Servers that a finding names.
    private static let namedMax = 3

    mutating func checkServices() {
        guard let first = nodes.indices.first else { return }
        for second in nodes.indices.dropFirst() {
            reportAbsentServices(of: first, on: second)
            reportAbsentServices(of: second, on: first)
            compareServers(first, second)
        }
    }

    private func services(_ node: Int) -> [VirtualServerSettings] { nodes[node].loaded.model.virtualServers }

    private mutating func report(
        _ severity: Severity, _ message: String, at service: VirtualServerSettings, _ node: Int
    ) {
        add(severity, message, at: nodes[node].place(of: service.location))
    }

    private mutating func reportAbsentServices(of node: Int, on other: Int) {
        let known = Set(services(other).map(\.title))
        let absent = services(node).filter { !known.contains($0.title) }
        for service in absent.prefix(Self.absentMax) {
            report(
                .warning,
                "virtual server \(service.title) isn't on node \(nodes[other].path): that node doesn't serve it after a "
                    + "takeover; write it there, too, or take it out here", at: service, node)
        }
        guard absent.count > Self.absentMax, let next = absent.dropFirst(Self.absentMax).first else { return }
        report(
            .warning,
            "this and \(absent.count - Self.absentMax - 1) more virtual servers aren't on node \(nodes[other].path)",
            at: next, node)
    }

    private mutating func compareServers(_ first: Int, _ second: Int) {
        let known = Dictionary(services(first).map { ($0.title, $0) }, uniquingKeysWith: { one, _ in one })
        for service in services(second) {
            guard let other = known[service.title] else { continue }
            let (here, there) = (service.realServers.map(\.title), other.realServers.map(\.title))
            let (ours, theirs) = (Set(here), Set(there))
            let parts = [
                ("only here", here.filter { !theirs.contains($0) }),
                ("only on the other node", there.filter { !ours.contains($0) }),
            ].filter { !$0.1.isEmpty }.map { "\($0.0) \(Self.names($0.1))" }
            guard !parts.isEmpty else { continue }
            report(
                .warning,
                "the real servers of virtual server \(service.title) differ: \(parts.joined(separator: "; ")): a takeover changes "
                    + "where its clients go", at: service, second)
            report(.note, "the other node's is here", at: other, first)
        }
    }

    private static func names(_ servers: [String]) -> String {
        let more = servers.count > namedMax ? " and \(servers.count - namedMax) more" : ""
        return servers.prefix(namedMax).joined(separator: ", ") + more
    }
}
