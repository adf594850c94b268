import Base
import ConfigurationModel

/// Rules of the source and the destination of an instance's advertisements.
extension Elaborator {
    mutating func decidePeers() {
        let family = draft.settings.family
        var peers: [UnicastPeer] = []
        var places: [IPAddress: Int] = [:]
        for (peer, token) in zip(draft.settings.unicastPeers, draft.peerPlaces) {
            if peer.address.family != family {
                fail("this peer isn't of the instance's family", at: token)
            } else if let first = places[peer.address] {
                report(.warning, "peer `\(peer.address)` is listed already; the first entry counts", at: token)
                report(.note, "the first time is here", at: first)
            } else {
                peers.append(peer)
                places[peer.address] = token
            }
            if peer.minimumTTL != nil || peer.maximumTTL != nil { draft.settings.checkUnicastSource = true }
        }
        draft.settings.unicastPeers = peers
        if let source = draft.settings.sourceAddress, source.family != family {
            draft.settings.sourceAddress = nil
            let token = draft.places["unicast_src_ip"] ?? draft.places["mcast_src_ip"] ?? draft.token
            fail("the source address isn't of the same family as the virtual addresses", at: token)
        }
        if peers.isEmpty {
            adviseAboutMulticast()
        } else {
            adviseAboutOwnAddress(places)
        }
        draft.settings.multicastGroup = family == .ipv4 ? defaults.group4 : defaults.group6
        if let group = draft.group, let token = draft.places["mcast_dst_ip"] {
            if group.family == family, group.isMulticast {
                draft.settings.multicastGroup = group
            } else {
                fail("`mcast_dst_ip` isn't a multicast address of the instance's family", at: token)
            }
        }
    }

    /// Words about unicast in an instance without peers.
    private mutating func adviseAboutMulticast() {
        let keywords = ["unicast_peer", "unicast_src_ip", "check_unicast_src", "unicast_ttl", "old_unicast_checksum"]
        guard let keyword = keywords.first(where: { draft.places[$0] != nil }), let token = draft.places[keyword],
            keyword != "unicast_src_ip" || draft.settings.sourceAddress != nil, !tries("unicast_peer", in: draft.block)
        else { return }
        let reason = keyword == "unicast_peer" ? "names no peer" : "has no effect without `unicast_peer`"
        report(
            .warning,
            keyword == "unicast_src_ip"
                ? "`unicast_src_ip` without `unicast_peer`: advertisements go from there to the multicast group"
                : "`\(keyword)` \(reason): advertisements go to the multicast group", at: token)
    }

    /// The file of one node, copied to the other: the node's own address is left among its peers.
    private mutating func adviseAboutOwnAddress(_ places: [IPAddress: Int]) {
        let source = draft.settings.sourceAddress
        if let source, let token = places[source] {
            return report(
                .warning, "peer `\(source)` is this instance's own source address; the other node's belongs here",
                at: token)
        }
        guard let prefixes = environment.prefixes else { return }
        for (interface, networks) in prefixes.sorted(by: { $0.key < $1.key }) {
            for network in networks {
                guard let token = places[network.address] else { continue }
                report(
                    .warning,
                    "peer `\(network.address)` is this machine's own address on `\(interface)`; the other node's belongs "
                        + "here", at: token)
            }
        }
    }

    mutating func checkInterface() {
        let name = draft.settings.interface
        let token = draft.places["interface"]
        if name.isEmpty {
            let isUnicast = draft.settings.isUnicast && draft.settings.sourceAddress != nil
            fail(
                isUnicast ? "unicast without `interface` isn't handled yet" : "interface is missing",
                missing: "interface", at: token)
        } else if environment.interfaces?.contains(name) == false {
            shared.startFaults[draft.settings.name] = "interface `\(name)` doesn't exist"
            // Who says dynamic_interfaces knows that it comes later.
            if model.global.dynamicInterfaces { return forgetOwnInterface() }
            // No fault of the block: the instance runs as soon as the interface appears (pain point A3).
            report(
                .error,
                missing(interface: name).followed(by: Self.laterInterfaces),
                at: token ?? draft.token,
                atStart: .leaveInFault(draft.settings.name, until: "the interface appears"),
                code: .missingInterface)
            diagnostics.noteFault()
        } else {
            checkLinkKind(at: token ?? draft.token)
            checkRoom()
        }
        forgetOwnInterface()
    }

    /// The advice for an interface that is missing on purpose.
    static var laterInterfaces: String { "`dynamic_interfaces` in global_defs is for interfaces that come later" }

    /// Listing the own interface among the tracked ones says nothing new; its weight is ignored, as in keepalived.
    private mutating func forgetOwnInterface() {
        let name = draft.settings.interface
        guard !name.isEmpty, let own = draft.settings.trackedInterfaces.firstIndex(where: { $0.name == name }) else {
            return
        }
        draft.settings.trackedInterfaces.remove(at: own)
        model.ignoredSettings += 1
        report(
            .warning, "`\(name)` is the instance's own interface, which is tracked anyway; this entry is ignored",
            at: draft.places["track_interface"] ?? draft.token)
    }

    /// Checks the interface against the kernel's facts.
    private mutating func checkLinkKind(at token: Int) {
        let name = draft.settings.interface
        let link = environment.links?[name]
        // Its VRRP interface is another one.
        if draft.extra.link != nil { return }
        if name == "lo" || link?.isLoopback == true {
            return fail("VRRP can't run on the loopback interface `\(name)`", at: token)
        }
        if link?.hasMulticast == false, !draft.settings.isUnicast, !tries("unicast_peer", in: draft.block) {
            report(
                .error,
                "interface `\(name)` has no multicast, so no other node hears instance `\(draft.settings.name)`; "
                    + "name its peers by `unicast_peer`", at: token, atStart: .runIt)
        }
        guard let prefixes = environment.prefixes else { return }
        if let source = draft.settings.sourceAddress {
            guard !prefixes.values.contains(where: { $0.contains { $0.address == source } }) else { return }
            return adviseAboutMissingSource(source, at: token)
        }
        let family = draft.settings.family
        let own = (prefixes[name] ?? []).filter { $0.address.family == family }
        // An IPv6 advertisement comes from a link-local address (RFC 9568 §5.1.2.1); unicast may come from any.
        guard !own.contains(where: { family == .ipv4 || draft.settings.isUnicast || $0.address.isLinkLocal }) else {
            return
        }
        let kind = family == .ipv4 ? "IPv4" : draft.settings.isUnicast ? "IPv6" : "link-local IPv6"
        shared.startFaults[draft.settings.name] = "interface `\(name)` has no \(kind) address to send from"
        report(
            .warning,
            "interface `\(name)` has no \(kind) address to send from: instance `\(draft.settings.name)` stays in FAULT "
                + "until it has one", at: token, code: .machine)
    }

    /// A source address that this machine hasn't got. Multicast leaves with any, as keepalived's does; which node an advert
    /// comes from is told by nothing else.
    private mutating func adviseAboutMissingSource(_ source: IPAddress, at token: Int) {
        let name = draft.settings.name
        let place = draft.places["unicast_src_ip"] ?? draft.places["mcast_src_ip"] ?? token
        let missing = "source address \(source) is on no interface of this machine"
        if draft.settings.isUnicast {
            shared.startFaults[name] = "its source address \(source) is on no interface"
            report(
                .warning, "\(missing): instance `\(name)` stays in FAULT until it is", at: place, code: .machine)
        } else if !tries("unicast_peer", in: draft.block) {
            report(
                .warning,
                "\(missing): the adverts of instance `\(name)` leave with it all the same; if it is a peer's, each takes the "
                    + "other's adverts for its own, and both are MASTER", at: place)
        }
    }

    /// Number of interfaces of the machine that a message lists.
    private static var maximumListed: Int { 4 }

    /// A message about a missing interface, with the one that may have been meant.
    mutating func missing(interface name: String) -> String {
        "interface `\(name)` doesn't exist\(existingInterfaces(insteadOf: name))"
    }

    /// The interface that a wrong name may have meant, or those that there are, for the end of a message: those that
    /// have an address first, and never the loopback.
    private mutating func existingInterfaces(insteadOf name: String) -> String {
        guard !diagnostics.isFull, shared.suggestions < Self.maximumSuggestions, let known = environment.interfaces
        else { return "" }
        shared.suggestions += 1
        let addressed = environment.prefixes ?? [:]
        let names = known.filter { $0 != "lo" && environment.links?[$0]?.isLoopback != true }.sorted {
            (addressed[$0]?.isEmpty ?? true ? 1 : 0, $0) < (addressed[$1]?.isEmpty ?? true ? 1 : 0, $1)
        }
        if let nearest = nearestWord(to: name, among: names) { return "; did you mean `\(nearest)`?" }
        guard !names.isEmpty else { return "" }
        let shown = names.prefix(Self.maximumListed).map { "`\($0)`" }.joined(separator: ", ")
        let more = names.count > Self.maximumListed ? " and \(names.count - Self.maximumListed) more" : ""
        return "; this machine has \(shown)\(more)"
    }
}
