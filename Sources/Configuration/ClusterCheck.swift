import Base

/// Finds what would split a cluster: settings of one virtual router in which its nodes differ.
///
/// Instances belong together when they have the same name, else the same family and virtual_router_id, else a virtual
/// address in common. Each finding is at one node's setting, with a note at the other's.
public func checkCluster(_ nodes: [ClusterNode]) -> [Diagnostic] {
    var check = ClusterCheck(nodes)
    check.run()
    return check.diagnostics
}

private struct ClusterCheck {
    /// One node's part of a virtual router.
    private struct Member {
        var node: Int
        var instance: InstanceSettings
    }

    private struct Router: Hashable {
        var family: AddressFamily
        var id: UInt8
    }

    private let nodes: [ClusterNode]
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
    }

    // MARK: - Who belongs together

    private func groups() -> [[Member]] {
        var groups: [[Member]] = []
        var byName: [String: Int] = [:]
        var byRouter: [Router: Int] = [:]
        var byAddress: [IPAddress: Int] = [:]
        for (node, description) in nodes.enumerated() {
            var strangers: [InstanceSettings] = []
            for instance in description.loaded.model.instances {
                if let group = byName[instance.name], !groups[group].contains(where: { $0.node == node }) {
                    groups[group].append(Member(node: node, instance: instance))
                } else {
                    strangers.append(instance)
                }
            }
            for instance in strangers {
                let router = instance.virtualRouterID.map { Router(family: instance.family, id: $0.rawValue) }
                let member = Member(node: node, instance: instance)
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

    private mutating func reportAbsence(_ group: [Member]) {
        guard let first = group.first, group.count < nodes.count else { return }
        let present = Set(group.map(\.node))
        for node in nodes.indices where !present.contains(node) {
            report(
                .warning,
                "instance `\(first.instance.name)` isn't on node \(nodes[node].path): nobody takes over there",
                at: first, [])
            diagnostics.append(
                Diagnostic(
                    .note, "this node has no instance of that name or virtual_router_id",
                    at: SourceLocation(file: nodes[node].path, line: 1), code: .cluster))
        }
    }

    /// An address of two virtual routers: each has a MASTER of its own, who holds it.
    private mutating func reportSharedAddresses(_ groups: [[Member]]) {
        struct Use {
            var group: Int
            var member: Member
        }
        var first: [IPAddress: Use] = [:]
        for (group, members) in groups.enumerated() {
            for member in members {
                // One finding for two instances, however many addresses they share.
                var said: Set<Int> = []
                for address in member.instance.virtualAddresses.lazy.map(\.prefix.address) where !address.isLinkLocal {
                    guard let known = first[address] else {
                        first[address] = Use(group: group, member: member)
                        continue
                    }
                    guard known.group != group, known.member.node != member.node, said.insert(known.group).inserted
                    else { continue }
                    differ(
                        "`\(member.instance.name)` has \(address) here and `\(known.member.instance.name)`, which is another "
                            + "virtual router, on the other node: both may hold it at once", known.member, member,
                        "virtual_ipaddress")
                }
            }
        }
    }

    // MARK: - Findings

    private mutating func report(_ severity: Severity, _ message: String, at member: Member, _ keywords: [String]) {
        let place = nodes[member.node].place(keywords, member.instance)
        diagnostics.append(
            Diagnostic(
                severity, message, at: place.location, length: place.length, sourceLine: place.sourceLine,
                code: .cluster, includedFrom: place.includedFrom))
    }

    /// A finding at the second node's setting with a note at the first's.
    private mutating func differ(
        _ message: String, _ first: Member, _ second: Member, _ keywords: String..., as severity: Severity = .error
    ) {
        report(severity, message, at: second, keywords)
        report(.note, "the other node's is here", at: first, keywords)
    }

    /// What has to be the same on all nodes.
    private mutating func compare(_ first: Member, _ second: Member) {
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

    /// How messages are authenticated: the kind first, then what goes with it.
    private mutating func compareAuthentication(_ first: Member, _ second: Member) {
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

    private mutating func compareIntervals(_ first: Member, _ second: Member) {
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

    private mutating func compareAddresses(_ first: Member, _ second: Member) {
        let (a, b) = (first.instance, second.instance)
        func missing(_ left: [VirtualAddress], from right: [VirtualAddress]) -> [IPAddress] {
            let known = Set(right.map(\.prefix.address))
            return left.map(\.prefix.address).filter { !known.contains($0) }
        }
        func difference(_ a: [VirtualAddress], _ b: [VirtualAddress]) -> String? {
            let parts = [("is only here", missing(b, from: a)), ("is only on the other node", missing(a, from: b))]
                .filter { !$0.1.isEmpty }
                .map { place, list in
                    let more = list.count > 3 ? " and \(list.count - 3) more" : ""
                    let verb = list.count > 1 ? "are" + place.dropFirst(2) : place
                    return list.prefix(3).map(\.description).joined(separator: ", ") + more + " " + verb
                }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
        if let text = difference(a.virtualAddresses, b.virtualAddresses) {
            differ(
                "the virtual addresses of `\(b.name)` differ: \(text); keepalived discards adverts with another list",
                first, second, "virtual_ipaddress")
        }
        if let text = difference(a.excludedAddresses, b.excludedAddresses) {
            differ(
                "the excluded addresses of `\(b.name)` differ: \(text)", first, second,
                "virtual_ipaddress_excluded", as: .warning)
        }
    }

    /// Addresses that both have, but not as the same: the neighbours' routes or the place depend on who is MASTER.
    private mutating func compareAddressOptions(
        _ first: Member, _ second: Member, _ keyword: String, _ list: KeyPath<InstanceSettings, [VirtualAddress]>
    ) {
        let (a, b) = (first.instance, second.instance)
        let known = Dictionary(
            a[keyPath: list].map { ($0.prefix.address, $0) }, uniquingKeysWith: { first, _ in first })
        let pairs = b[keyPath: list].compactMap { own in known[own.prefix.address].map { (other: $0, own: own) } }
        func count(_ others: Int) -> String { others > 0 ? " (and \(others) more)" : "" }
        let lengths = pairs.filter { $0.other.prefix.length != $0.own.prefix.length }
        if let pair = lengths.first {
            differ(
                "\(pair.own.prefix.address) of `\(b.name)` has the prefix length \(pair.own.prefix.length) here and "
                    + "\(pair.other.prefix.length) on the other node\(count(lengths.count - 1))",
                first, second, keyword, as: .warning)
        }
        // The instance's interface may have another name on each node.
        let devices = pairs.filter { pair in
            let (one, other) = (pair.other.interface ?? a.interface, pair.own.interface ?? b.interface)
            return one != other && (one != a.interface || other != b.interface)
        }
        if let pair = devices.first {
            differ(
                "\(pair.own.prefix.address) of `\(b.name)` is on \(pair.own.interface ?? b.interface) here and on "
                    + "\(pair.other.interface ?? a.interface) on the other node\(count(devices.count - 1))",
                first, second, keyword, as: .warning)
        }
    }

    /// What each two nodes have to agree on.
    private mutating func compareWithEach(_ first: Member, _ second: Member) {
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

    /// What is sent with a TTL below `min_ttl` is discarded. A TTL above `max_ttl` may be lower at its arrival.
    private mutating func compareHopLimits(sender: Member, receiver: Member) {
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
    private mutating func reportUncheckedPeers(_ group: [Member]) {
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

    private mutating func expectPeer(_ peer: Member, of member: Member) {
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

/// What an instance authenticates its messages with.
private enum Authentication: Equatable {
    case none
    case password([UInt8])
    case header([UInt8])
    case hmac(HMACSettings)

    init(_ instance: InstanceSettings) {
        if let hmac = instance.uncommon?.value.hmac {
            self = .hmac(hmac)
        } else if let key = instance.uncommon?.value.headerKey {
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
