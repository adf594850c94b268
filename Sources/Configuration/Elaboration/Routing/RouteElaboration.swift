import Base
import ConfigurationModel

/// A route while it is read.
struct RouteDraft {
    var settings = RouteSettings(destination: Prefix(host: IPAddress(v4: 0)))
    var family: AddressFamily?
    var destination: Prefix?
    var destinationPlace: Int?
    /// The hop that is read: of via, dev, onlink and encap outside of nexthop, or of one nexthop.
    var hop = NextHop()
    var hasHop = false
    var multipath: [NextHop] = []
    var typePlace: Int?
}

extension Elaborator {
    /// One entry of virtual_routes or static_routes in the language of ip-route(8); nil when it can't be installed.
    mutating func readRoute(_ entry: Statement, in block: Statement) -> RouteSettings? {
        guard let first = entry.words.first else { return nil }
        route = RouteDraft()
        words(of: entry, in: block) { $0.routeWord($1) }
        return isUsable ? finishRoute(at: first) : nil
    }

    /// A destination or type without a keyword.
    private mutating func routeWord(_ word: Int) -> Bool {
        guard route.destination == nil else { return false }
        if let type = RouteType(word: string(word)) {
            set(type, at: word)
        } else if isDestination(word) {
            destination(at: word)
        } else {
            return false
        }
        return true
    }

    mutating func routeTarget(_ option: Statement) {
        guard let value = value(of: option) else { return }
        if let type = RouteType(word: string(value)) { set(type, at: value) } else { destination(at: value) }
    }

    private mutating func set(_ type: RouteType, at word: Int) {
        if let first = route.typePlace {
            refuseEntry("a route has one type", at: word)
            return report(.note, "the first one is here", at: first)
        }
        route.typePlace = word
        route.settings.type = type
    }

    private func isDestination(_ word: Int) -> Bool {
        let name = string(word)
        if ["default", "any", "all", "default6"].contains(name) { return true }
        return name.utf8.contains(UInt8(ascii: ".")) || name.utf8.contains(UInt8(ascii: ":"))
            || name.utf8.first.map(Byte.isDigit) == true
    }

    private mutating func destination(at word: Int) {
        guard route.destination == nil, route.destinationPlace == nil else {
            return refuseEntry("a route has one destination", at: word)
        }
        route.destinationPlace = word
        switch string(word) {
        case "default", "any", "all": break
        case "default6":
            deprecate(word, "`inet6 default`")
            route.family = .ipv6
        default:
            guard let prefix = networkPrefix(at: word) else { return isUsable = false }
            route.destination = prefix
        }
    }

    /// A network; as in iproute2, `10/8` and `10.1/16` are short forms of IPv4 networks.
    mutating func networkPrefix(at word: Int) -> Prefix? {
        let written = string(word)
        if let prefix = Prefix(written) {
            let network = Prefix(address: prefix.address.masked(to: prefix.length), length: prefix.length) ?? prefix
            // The kernel refuses such a route (EINVAL).
            if network != prefix { report(.warning, "`\(prefix)` has host bits; \(network) is used", at: word) }
            return network
        }
        let parts = written.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let bytes = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 2, (1...3).contains(bytes.count), bytes.allSatisfy({ UInt8($0) != nil }) {
            let full = (bytes.map(String.init) + Array(repeating: "0", count: 4 - bytes.count)).joined(separator: ".")
            if let prefix = Prefix("\(full)/\(parts[1])") { return prefix }
        }
        refuse("`\(written)` isn't a network: ADDRESS[/LENGTH] or default", at: word)
        return nil
    }

    mutating func preference(_ option: Statement) {
        guard let value = value(of: option) else { return }
        switch string(value) {
        case "low": route.settings.preference = .low
        case "medium": route.settings.preference = .medium
        case "high": route.settings.preference = .high
        default: refuseEntry("`pref` is low, medium or high", at: value)
        }
    }

    mutating func propagation(_ option: Statement) {
        guard let value = value(of: option) else { return }
        switch string(value) {
        case "enabled": route.settings.propagatesTTL = true
        case "disabled": route.settings.propagatesTTL = false
        default: refuseEntry("`ttl-propagate` is enabled or disabled", at: value)
        }
    }

    mutating func routeVRF(_ option: Statement) {
        set(\.route.settings.vrf, needed: routingInterface(option))
        route.settings.table = nil
    }

    mutating func translation(_ option: Statement) {
        guard let value = value(of: option) else { return }
        refuseEntry("routes that translate addresses (`as`) don't exist in Linux any more", at: value)
    }

    mutating func network(_ option: Statement) -> Prefix? {
        guard let value = value(of: option) else { return nil }
        return networkPrefix(at: value)
    }

    // MARK: - Hops

    mutating func gateway(_ option: Statement) {
        route.hasHop = true
        if option.row.alias != nil { deprecate(option.token, "`via`") }
        let family = forcedFamily()
        guard let value = value(of: option), let gateway = address(at: value) else { return isUsable = false }
        if let family, family != gateway.family {
            return refuseEntry("`\(gateway)` isn't of the family that is written before it", at: value)
        }
        route.hop.gateway = gateway
    }

    /// The old way to say two gateways.
    mutating func secondGateway(_ option: Statement) {
        deprecate(option.token, "`nexthop via` for each gateway")
        var hop = NextHop()
        guard let value = value(of: option), let gateway = address(at: value) else { return isUsable = false }
        hop.gateway = gateway
        route.multipath.append(hop)
    }

    mutating func hopInterface(_ option: Statement) {
        route.hasHop = true
        set(\.route.hop.interface, needed: routingInterface(option))
    }

    mutating func hopRealms(_ option: Statement) {
        route.hasHop = true
        set(\.route.hop.realms, needed: realms(option))
    }

    mutating func hopEncapsulation(_ option: Statement) {
        route.hasHop = true
        set(\.route.hop.encapsulation, needed: encapsulation(option))
    }

    mutating func onLink(_ option: Statement) { (route.hop.isOnLink, route.hasHop) = (true, true) }

    /// `nexthop [inet|inet6] via A dev IF weight N onlink ...`, up to the next one or the end.
    mutating func nextHop(_ option: Statement) {
        let (hop, hasHop) = (route.hop, route.hasHop)
        route.hop = NextHop()
        var seen: Set<String> = []
        while isUsable, let word = words.peek, !text.matches(text.tokens[word], "nexthop") {
            _ = words.take()
            switch string(word) {
            case "inet", "inet6": break
            case "weight":
                if !seen.insert("weight").inserted {
                    report(.warning, "`weight` is written twice; the last one counts", at: word)
                }
                guard let value = words.take() else { return refuseEntry("`weight` needs a value", at: word) }
                set(\.route.hop.weight, number: integer(at: value, 1...256, for: "weight"))
            case "onlink", "via", "gw", "dev", "oif", "encap", "realms":
                guard let row = KeywordList.route.option(bytes(word)) else { continue }
                note(row, word, &seen)
                row.effect?(&self, Statement(row, token: word, words: word + 1..<word + 1, place: option.place))
            default: refuseEntry("`\(string(word))` can't stand behind `nexthop`, which ends a route", at: word)
            }
        }
        route.multipath.append(route.hop)
        (route.hop, route.hasHop) = (hop, hasHop)
    }

    private mutating func finishRoute(at first: Int) -> RouteSettings? {
        var draft = route
        if draft.hasHop || draft.multipath.isEmpty && draft.settings.type.forwards {
            draft.multipath.insert(draft.hop, at: 0)
        }
        var settings = draft.settings
        settings.hops = draft.multipath
        let gateway = settings.hops.compactMap(\.gateway).first
        guard draft.destinationPlace != nil else {
            refuse("the route has no destination", at: first)
            return nil
        }
        let family =
            draft.destination?.address.family ?? draft.family ?? gateway?.family ?? settings.preferredSource?.family
            ?? settings.source?.address.family ?? .ipv4
        let everything = family == .ipv4 ? IPAddress(v4: 0) : IPAddress(v6High: 0, low: 0)
        let destination = draft.destination ?? Prefix(address: everything, length: 0) ?? Prefix(host: everything)
        settings.family = family
        settings.destination = destination
        guard isSound(settings, forced: draft.family, at: first) else { return nil }
        if !settings.isUntracked, settings.hops.allSatisfy({ $0.interface == nil }) {
            settings.isUntracked = true
            report(.warning, "without `dev` the route can't be tracked; say `no_track` or an interface", at: first)
        }
        settings.trackGroup = trackGroupName
        if let place = trackGroupPlace, settings.trackGroup != nil,
            settings.hops.allSatisfy({ $0.interface == nil })
        {
            report(.warning, "`track_group` has no effect on a route without `dev`", at: place)
            settings.trackGroup = nil
        }
        return settings
    }

    /// Complains about a route that the kernel would refuse.
    private mutating func isSound(_ route: RouteSettings, forced: AddressFamily?, at first: Int) -> Bool {
        func complain(_ message: String, _ elaborator: inout Elaborator) -> Bool {
            elaborator.refuse("\(message): the route is left out", at: first, atStart: .inMessage)
            return false
        }
        if let forced, forced != route.family {
            return complain("the destination isn't of the family that is written", &self)
        }
        if let source = route.preferredSource, source.family != route.family {
            return complain("`src` isn't of the destination's family", &self)
        }
        if let source = route.source, source.address.family != route.family || route.family == .ipv4 {
            return complain("`from` is for IPv6 routes", &self)
        }
        if route.family == .ipv4, route.expires != nil || route.preference != nil {
            return complain("`expires` and `pref` are for IPv6 routes", &self)
        }
        // An IPv4 route may have an IPv6 gateway (RFC 5549), never the other way round.
        if route.family == .ipv6, route.hops.contains(where: { $0.gateway?.family == .ipv4 }) {
            return complain("an IPv6 route has no IPv4 gateway", &self)
        }
        if !route.type.forwards, route.hops.contains(where: { $0.gateway != nil }) {
            return complain("a route of this type has no gateway", &self)
        }
        if route.type.forwards, route.hops.contains(where: { $0.gateway == nil && $0.interface == nil }) {
            return complain("it needs `via` or `dev`", &self)
        }
        if route.hops.contains(where: { $0.isOnLink && $0.interface == nil }) {
            return complain("`onlink` needs `dev`", &self)
        }
        return true
    }
}

extension RouteType {
    /// As it is written.
    init?(word: String) {
        switch word {
        case "unicast": self = .unicast
        case "local": self = .local
        case "broadcast": self = .broadcast
        case "anycast": self = .anycast
        case "multicast": self = .multicast
        case "blackhole": self = .blackhole
        case "unreachable": self = .unreachable
        case "prohibit": self = .prohibit
        case "throw": self = .throwing
        case "nat": self = .nat
        default: return nil
        }
    }
}
