import Base
import ConfigurationModel

/// Checks of the settings of a cluster block together.
extension Elaborator {
    mutating func finishCluster(_ block: Statement) {
        if cluster.settings.secretFile.isEmpty, !tries("secret", in: block) {
            refuse(
                "`cluster \(cluster.settings.name)` has no `secret`: say `secret file:PATH`, the file with the keys by which "
                    + "nodes know each other", at: cluster.place, atStart: .inMessage)
        }
        checkTimeout()
        checkNodes(block)
        checkPaths()
        checkSomethingActs()
        checkGuarded(block)
    }

    /// As long as nothing but heartbeats acts, a cluster without them guards nothing.
    private mutating func checkSomethingActs() {
        let nodes = cluster.settings.nodes
        guard nodes.count > 1, !nodes.allSatisfy(\.isUnguarded),
            cluster.settings.ownNode.map({ nodes[$0].isUnguarded }) != true,
            !nodes.contains(where: { $0.paths.contains(where: isUsable) })
        else { return }
        refuse(
            "`cluster \(cluster.settings.name)` guards nothing yet: it has no `heartbeat`, and nothing else acts",
            at: cluster.place, atStart: .inMessage, code: .notYet)
    }

    private mutating func checkTimeout() {
        let shortest = cluster.settings.interval * Limits.heartbeatsInTimeout
        guard cluster.settings.timeout < shortest else { return }
        refuse(
            "`timeout` is \(Limits.heartbeatsInTimeout) times `interval` at least, so \(shortest): fewer lost heartbeats would "
                + "be silence", at: cluster.timeoutPlace ?? cluster.place, atStart: .use("\(shortest)"))
        cluster.settings.timeout = shortest
    }

    // MARK: - Nodes

    private mutating func checkNodes(_ block: Statement) {
        let nodes = cluster.settings.nodes
        guard nodes.count > 1 else {
            guard !misplaced.has("node", in: block.place) else { return }
            return refuse(
                "`cluster \(cluster.settings.name)` has \(nodes.isEmpty ? "no node" : "one node"), and no other to guard against: a "
                    + "cluster has 2 to \(Limits.clusterNodes)", at: cluster.place, atStart: .inMessage)
        }
        cluster.settings.ownNode = nodes.firstIndex { $0.name == environment.configID }
        // Whose interfaces aren't known, that's another machine.
        let isThisMachine = environment.interfaces != nil && !environment.configID.isEmpty
        if let own = cluster.settings.ownNode {
            checkOwnNode(own)
        } else if isThisMachine, !nodes.allSatisfy(\.isUnguarded) {
            refuse(
                "this machine, `\(environment.configID)`, isn't a node of `cluster \(cluster.settings.name)`, which has "
                    + "\(nodes.map { "`\($0.name)`" }.joined(separator: ", ")): name it there, or say by `--config-id` which one "
                    + "it is", at: cluster.place, atStart: .inMessage)
        }
        for (node, place) in zip(nodes, cluster.nodePlaces) where cluster.settings.hasHeartbeats {
            guard node.paths.isEmpty, !node.isUnguarded, !tries("heartbeat", of: place) else { continue }
            report(
                .warning,
                "`node \(node.name)` has no `heartbeat`, so the others never hear it (a node without hasup is "
                    + "`unguarded`)", at: place)
        }
    }

    /// True if the block of the node with this name's token tries to say it.
    private func tries(_ keyword: String, of place: Int) -> Bool {
        statements.contains { $0.words.first == place && tries(keyword, in: $0) }
    }

    private mutating func checkOwnNode(_ own: Int) {
        if cluster.settings.nodes[own].isUnguarded {
            report(
                .warning, "this machine's node is `unguarded`: hasup guards nothing here", at: cluster.nodePlaces[own])
        }
        for entry in cluster.paths where entry.node == own {
            guard let device = entry.path.device, !isKnown(interface: device) else { continue }
            report(
                .warning,
                missing(interface: device).followed(by: "the other nodes don't hear this one there while that lasts"),
                at: entry.token, code: .missingInterface)
        }
    }

    // MARK: - Paths

    private mutating func checkPaths() {
        var ends: [String: [(path: HeartbeatPath, node: Int, token: Int)]] = [:]
        for entry in cluster.paths { ends[entry.path.name, default: []].append(entry) }
        for entry in cluster.paths {
            guard let all = ends[entry.path.name], let first = all.first else { continue }
            let name = entry.path.name
            if all.count == 1 {
                let node =
                    cluster.settings.nodes.indices.contains(entry.node) ? cluster.settings.nodes[entry.node].name : ""
                report(
                    .warning,
                    "no other node has a heartbeat `\(name)`, so none hears `\(node)` there: paths of one name are connected",
                    at: entry.token)
            } else if let difference = entry.path.kind.difference(from: first.path.kind) {
                refuse("heartbeat `\(name)` is \(difference) on another node: both ends have to fit", at: entry.token)
                report(.note, "the other end is here", at: first.token)
            } else if case .serial(let device, let speed) = entry.path.kind {
                if all.count > 2, entry.token == all[2].token {
                    report(
                        .warning, "a serial line connects two nodes, and `\(name)` is on \(all.count)", at: entry.token)
                }
                warnOfSlow(SerialLine(device: device, speed: speed), entry.token)
            }
        }
        checkPathAddresses()
    }

    private func isUsable(_ path: HeartbeatPath) -> Bool {
        guard case .serial(let device, let speed) = path.kind else { return true }
        return !withGroups.isTooSlow(SerialLine(device: device, speed: speed))
    }

    /// The settings with as many groups as the block names: they are looked up later.
    private var withGroups: ClusterSettings {
        var settings = cluster.settings
        settings.guarded = cluster.guarded.map { string($0) }
        return settings
    }

    private mutating func warnOfSlow(_ line: SerialLine, _ token: Int) {
        let settings = withGroups
        guard settings.isTooSlow(line) else { return }
        let (length, interval) = (settings.serialFrameLength, settings.serialInterval(of: line))
        model.ignoredSettings += 1
        report(
            .warning,
            "this line is too slow to count, and isn't used: a frame has \(length) bytes, so one leaves every "
                + "\(interval), and `timeout` (\(cluster.settings.timeout)) has no room for "
                + "\(Limits.serialFramesInTimeout) of them. Take a higher speed, or a longer `timeout`", at: token)
    }

    /// Two nodes with one address hear themselves.
    private mutating func checkPathAddresses() {
        var first: [String: Int] = [:]
        for entry in cluster.paths {
            let key: String
            switch entry.path.kind {
            case .unicast(let address, _, let port): key = "\(address) with port \(port)"
            case .multicast(let group, let device, let port): key = "\(group) with port \(port) on \(device)"
            case .serial(let device, _): key = device
            }
            let isOfNode = if case .unicast = entry.path.kind { false } else { true }
            let place = isOfNode ? "\(entry.node) \(key)" : key
            if let other = first[place] {
                refuse("\(key) is the end of another heartbeat already", at: entry.token)
                report(.note, "the first one is here", at: other)
            } else {
                first[place] = entry.token
            }
        }
    }

    // MARK: - What is guarded

    private mutating func checkGuarded(_ block: Statement) {
        guard !cluster.guarded.isEmpty else {
            guard !tries("guard", in: block) else { return }
            return refuse(
                "`cluster \(cluster.settings.name)` guards nothing: say `guard` and the names of instances and sync groups",
                at: cluster.place, atStart: .inMessage)
        }
        let groups = Dictionary(
            model.shared.syncGroups.flatMap { group in
                group.members.map { (model.instances[$0].name, group.name) }
            }, uniquingKeysWith: { first, _ in first })
        let instances = Set(model.instances.map(\.name))
        let groupNames = Set(model.shared.syncGroups.map(\.name))
        for token in cluster.guarded {
            let name = string(token)
            guard groupNames.contains(name) || instances.contains(name) else {
                refuseUnknown(name, at: token)
                continue
            }
            if let first = clusters.guarded[name] {
                refuse("`\(name)` is guarded already", at: token, atStart: .inMessage)
                diagnostics.add(.note, "the first time is here", at: first)
                continue
            }
            if !groupNames.contains(name), let group = groups[name] {
                refuse(
                    "`\(name)` is a member of sync group `\(group)`, whose members change together: guard `\(group)`",
                    at: token
                )
                continue
            }
            guard cluster.settings.guarded.count < Limits.guardedGroups else {
                refuse(
                    "a cluster guards \(Limits.guardedGroups) instances and groups at most; a second block may guard more",
                    at: token)
                continue
            }
            clusters.guarded[name] = text.location(text.tokens[token])
            cluster.settings.guarded.append(name)
        }
    }

    private mutating func refuseUnknown(_ name: String, at token: Int) {
        if ["vrrp_instance", "vrrp_sync_group"].contains(where: { keyword in
            tries(keyword, named: name) || clusters.misplacedInMain?.has(keyword, named: name) ?? false
        }) {
            // Its own block has the error.
            model.ignoredSettings += 1
            return
        }
        let known = model.instances.map(\.name) + model.shared.syncGroups.map(\.name)
        refuse("there is no instance or sync group `\(name)`\(suggestion(for: name, among: known))", at: token)
    }
}

extension HeartbeatPath {
    /// The interface that it is bound to; nil for a serial line.
    package var device: String? {
        switch kind {
        case .unicast(_, let device, _), .multicast(_, let device, _): device
        case .serial: nil
        }
    }
}

extension HeartbeatPath.Kind {
    /// The thing that keeps both ends from hearing each other, as the other one has it; nil without one.
    fileprivate func difference(from other: Self) -> String? {
        switch (self, other) {
        case (.unicast(let one, _, _), .unicast(let two, _, _)):
            one.family == two.family ? nil : two.family == .ipv4 ? "IPv4" : "IPv6"
        case (.multicast(let one, _, let port), .multicast(let two, _, let otherPort)):
            one == two && port == otherPort ? nil : "of \(two) and port \(otherPort)"
        case (.serial(_, let one), .serial(_, let two)): one == two ? nil : "at \(two) bits a second"
        case (_, .unicast): "udp"
        case (_, .multicast): "multicast"
        case (_, .serial): "serial"
        }
    }
}
