import Base
import ConfigurationModel

/// Finds what would split a cluster: settings of one virtual router in which its nodes differ.
///
/// Instances belong together when they have the same name, else the same family and virtual_router_id, else a virtual
/// address in common. Each finding is at one node's setting, with a note at the other's.
package func checkCluster(_ nodes: [ClusterNode]) -> [Diagnostic] {
    var check = ClusterCheck(nodes)
    check.run()
    return check.diagnostics
}

/// Findings so far, and the nodes that are compared.
struct ClusterCheck {
    /// One node's part of a virtual router.
    struct NodeInstance {
        var node: Int
        var instance: InstanceSettings
    }

    private struct Router: Hashable {
        var family: AddressFamily
        var id: UInt8
    }

    let nodes: [ClusterNode]
    private(set) var diagnostics: [Diagnostic] = []

    init(_ nodes: [ClusterNode]) { self.nodes = nodes }

    mutating func run() {
        let groups = groups()
        for group in groups {
            guard let first = group.first else { continue }
            reportAbsence(group)
            for (place, member) in group.enumerated() {
                if place > 0 { compare(first, member) }
                for other in group[..<place] { compareWithEach(other, member) }
            }
            reportUncheckedPeers(group)
        }
        reportSharedAddresses(groups)
        checkSyncGroups(groups)
        checkGuards()
        checkServices()
    }

    // MARK: - Who belongs together

    private func groups() -> [[NodeInstance]] {
        var groups: [[NodeInstance]] = []
        var byName: [String: Int] = [:]
        var byRouter: [Router: Int] = [:]
        var byAddress: [IPAddress: Int] = [:]
        for (node, description) in nodes.enumerated() {
            var strangers: [InstanceSettings] = []
            for instance in description.loaded.model.effectiveInstances {
                if let group = byName[instance.name], !groups[group].contains(where: { $0.node == node }) {
                    groups[group].append(NodeInstance(node: node, instance: instance))
                } else {
                    strangers.append(instance)
                }
            }
            for instance in strangers {
                let router = instance.virtualRouterID.map { Router(family: instance.family, id: $0.rawValue) }
                let member = NodeInstance(node: node, instance: instance)
                // A group has at most one member of a node: the same VRID may be used on several links.
                let candidates =
                    [router.flatMap { byRouter[$0] }]
                    + instance.virtualAddresses.prefix(1).map { byAddress[$0.prefix.address] }
                if let group = candidates.lazy.compactMap({ $0 }).first(where: { group in
                    !groups[group].contains { $0.node == node }
                }) {
                    groups[group].append(member)
                    byName[instance.name] = group
                } else {
                    byName[instance.name] = groups.count
                    groups.append([member])
                }
            }
            for (group, members) in groups.enumerated() {
                guard let instance = members.last?.instance else { continue }
                for address in instance.virtualAddresses { byAddress[address.prefix.address] = group }
                guard let id = instance.virtualRouterID else { continue }
                byRouter[Router(family: instance.family, id: id.rawValue)] = group
            }
        }
        return groups
    }

    private mutating func reportAbsence(_ group: [NodeInstance]) {
        guard let first = group.first, group.count < nodes.count else { return }
        let present = Set(group.map(\.node))
        for node in nodes.indices where !present.contains(node) {
            report(
                .warning,
                "instance `\(first.instance.name)` isn't on node \(nodes[node].path): that node can't take over",
                at: first, [])
            diagnostics.append(
                Diagnostic(
                    .note, "this node has no instance of that name or virtual_router_id",
                    at: SourceLocation(file: nodes[node].path, line: 1), code: .cluster))
        }
    }

    // MARK: - Findings

    mutating func add(_ finding: Diagnostic) { diagnostics.append(finding) }

    mutating func report(_ severity: Severity, _ message: String, at member: NodeInstance, _ keywords: [String]) {
        add(severity, message, at: nodes[member.node].place(keywords, member.instance))
    }

    mutating func add(_ severity: Severity, _ message: String, at place: ClusterNode.Place) {
        diagnostics.append(
            Diagnostic(
                severity, message, at: place.location, length: place.length, sourceLine: place.sourceLine,
                code: .cluster, includedFrom: place.includedFrom))
    }

    /// A finding at the second node's setting with a note at the first's.
    mutating func differ(
        _ message: String, _ first: NodeInstance, _ second: NodeInstance, _ keywords: String...,
        as severity: Severity = .error
    ) {
        report(severity, message, at: second, keywords)
        report(.note, "the other node's is here", at: first, keywords)
    }

    /// Settings that have to be the same on all nodes.
    private mutating func compare(_ first: NodeInstance, _ second: NodeInstance) {
        let (a, b) = (first.instance, second.instance)
        guard a.family == b.family else {
            return differ(
                "`\(b.name)` is \(b.family.name) here and \(a.family.name) on the other node", first, second,
                "virtual_ipaddress")
        }
        if let one = a.virtualRouterID, let other = b.virtualRouterID, one != other {
            differ(
                "virtual_router_id of `\(b.name)` is \(other) here and \(one) on the other node: both become MASTER",
                first, second, "virtual_router_id")
        }
        if a.version != b.version {
            differ(
                "`\(b.name)` speaks VRRP version \(b.version.rawValue) here and \(a.version.rawValue) on the other "
                    + "node: each discards what the other sends, and both become MASTER", first, second, "version")
        }
        compareIntervals(first, second)
        compareAuthentication(first, second)
        if a.checksumWithoutPseudoHeader != b.checksumWithoutPseudoHeader, a.version == .v3, a.family == .ipv4 {
            differ("v3_checksum_as_v2 of `\(b.name)` is set on one node only", first, second, "v3_checksum_as_v2")
        }
        if a.isUnicast != b.isUnicast {
            differ(
                "`\(b.name)` is \(b.isUnicast ? "unicast" : "multicast") here and "
                    + "\(a.isUnicast ? "unicast" : "multicast") on the other node", first, second, "unicast_peer")
        } else if !a.isUnicast, a.multicastGroup != b.multicastGroup {
            differ(
                "`\(b.name)` sends to \(b.multicastGroup) here and to \(a.multicastGroup) on the other node", first,
                second, "mcast_dst_ip")
        }
        compareAddresses(first, second)
        compareAddressOptions(first, second, "virtual_ipaddress", \.virtualAddresses)
        compareAddressOptions(first, second, "virtual_ipaddress_excluded", \.excludedAddresses)
    }

    /// Authentication of messages: the kind first, then what goes with it.
    private mutating func compareAuthentication(_ first: NodeInstance, _ second: NodeInstance) {
        let (a, b) = (first.instance, second.instance)
        let (one, other) = (Authentication(a), Authentication(b))
        guard one != other else { return }
        var difference = ""
        var severity = Severity.error
        switch (one, other) {
        case (.none, _): difference = "is authenticated only here"
        case (_, .none): difference = "is authenticated only on the other node"
        case (.password, .password): difference = "is authenticated with another password"
        case (.header, .header): difference = "is authenticated with another password of AH"
        case (.hmac(let left), .hmac(let right)):
            let (known, own) = (Dictionary(left.keys), Dictionary(right.keys))
            if let id = own.keys.sorted().first(where: { known[$0] != nil && known[$0] != own[$0] }) {
                difference = "has another key \(id) of auth_hmac here"
            } else if known[right.activeKey] == nil {
                difference = "signs with key \(right.activeKey), which the other node hasn't"
            } else if own[left.activeKey] == nil {
                difference = "lacks key \(left.activeKey), with which the other node signs"
            } else {
                // Each knows the key that the other signs with: that is how keys are changed.
                severity = .warning
                difference =
                    left.mode != right.mode
                    ? "takes what fails auth_hmac on one node only (mode)"
                    : left.activeKey != right.activeKey
                        ? "signs with key \(right.activeKey) here and with \(left.activeKey) on the other node"
                        : "has other keys or limits of auth_hmac here"
            }
        default: difference = "is authenticated by \(other.name) here and by \(one.name) on the other node"
        }
        if severity == .error { difference += ": each discards what the other sends, and both become MASTER" }
        differ("`\(b.name)` \(difference)", first, second, "authentication", "auth_hmac", as: severity)
    }

    private mutating func compareIntervals(_ first: NodeInstance, _ second: NodeInstance) {
        let (a, b) = (first.instance, second.instance)
        guard a.advertInterval != b.advertInterval else { return }
        let difference =
            "advert_int of `\(b.name)` is \(b.advertInterval) here and \(a.advertInterval) on the other node"
        if a.version == .v2, b.version == .v2 {
            differ(
                difference + ": version 2 discards the others' adverts, and both become MASTER", first, second,
                "advert_int")
        } else {
            differ(
                difference + ": how long a takeover takes depends on who is MASTER", first, second,
                "advert_int", as: .warning)
        }
    }

    /// Settings that each two nodes have to agree on.
    private mutating func compareWithEach(_ first: NodeInstance, _ second: NodeInstance) {
        let (a, b) = (first.instance, second.instance)
        if a.priority == b.priority {
            let isOwner = a.priority == .owner
            differ(
                "both nodes have priority \(b.priority) for `\(b.name)`: "
                    + (isOwner
                        ? "both start as MASTER" : "at a start together both become MASTER until one hears the other"),
                first, second, "priority", as: isOwner ? .error : .warning)
        } else if a.normalPriority == b.normalPriority {
            differ(
                "both nodes have priority \(b.normalPriority) for `\(b.name)` while all that they track is well: \(b.priority) "
                    + "here and \(a.priority) on the other node, and the weights make them equal: at a start together both "
                    + "become MASTER until one hears the other", first, second, "priority", as: .warning)
        }
        if a.wantsMaster, b.wantsMaster, nodes[first.node].says("nopreempt", a), nodes[second.node].says("nopreempt", b)
        {
            differ(
                "both nodes have `state MASTER`, which takes `nopreempt` of `\(b.name)` away: use `state BACKUP` on both",
                first, second, "nopreempt", as: .warning)
        }
        if let source = a.sourceAddress, source == b.sourceAddress {
            differ("both nodes send from \(source) for `\(b.name)`", first, second, "unicast_src_ip", "mcast_src_ip")
        }
        guard a.isUnicast, b.isUnicast else { return }
        expectPeer(first, of: second)
        expectPeer(second, of: first)
        compareHopLimits(sender: first, receiver: second)
        compareHopLimits(sender: second, receiver: first)
    }
}

/// The means by which an instance authenticates its messages.
private enum Authentication: Equatable {
    case none
    case password([UInt8])
    case header([UInt8])
    case hmac(HMACSettings)

    init(_ instance: InstanceSettings) {
        if let hmac = instance.extra?.value.hmac {
            self = .hmac(hmac)
        } else if let key = instance.extra?.value.headerKey {
            self = .header(key)
        } else {
            self = instance.password.map { .password($0) } ?? .none
        }
    }

    var name: String {
        switch self {
        case .none: "nothing"
        case .password: "PASS"
        case .header: "AH"
        case .hmac: "auth_hmac"
        }
    }
}

extension [UInt8: [UInt8]] {
    fileprivate init(_ keys: [HMACSettings.Key]) {
        self.init(keys.map { ($0.id, $0.secret) }, uniquingKeysWith: { first, _ in first })
    }
}

extension AddressFamily {
    fileprivate var name: String { self == .ipv4 ? "IPv4" : "IPv6" }
}
