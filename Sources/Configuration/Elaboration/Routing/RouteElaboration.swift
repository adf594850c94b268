import Base
import ConfigurationModel

/// A route while it is read.
struct RouteDraft {
    var settings: RouteSettings
    var family: AddressFamily?
    var destination: Prefix?
    var destinationPlace: Int?
    /// The hop that via, dev, onlink and encap outside of nexthop describe.
    var hop = NextHop()
    var hasHop = false
    var multipath: [NextHop] = []
    /// Where a type and a track_group are written.
    var typePlace: Int?
    var trackGroupPlace: Int?
    /// Options that were read, by their usual names.
    var said = SaidOptions()
    var isUsable = true
}

extension Elaborator {
    /// One entry of virtual_routes or static_routes in the language of ip-route(8); nil when it can't be installed.
    mutating func route(_ entry: Statement, context: String) -> RouteSettings? {
        guard let first = entry.words.first else { return nil }
        let nowhere = Prefix(host: IPAddress(v4: 0))
        var draft = RouteDraft(
            settings: RouteSettings(destination: nowhere))
        var words = WordCursor(entry.words)
        while let word = words.take() {
            if text.matches(text.tokens[word], "nexthop") {
                nextHop(&words, &draft)
            } else {
                routeWord(word, &words, &draft, context)
            }
            guard draft.isUsable else { return nil }
        }
        return finish(&draft, at: first)
    }

    private mutating func routeWord(
        _ word: Int, _ words: inout WordCursor, _ draft: inout RouteDraft, _ context: String
    ) {
        let name = string(word)
        note(word, in: &draft.said)
        switch name {
        case "inet": draft.family = .ipv4
        case "inet6": draft.family = .ipv6
        case "to":
            guard let value = value(of: word, in: &words) else { return draft.isUsable = false }
            if let type = RouteType(word: string(value)) {
                set(type, at: value, &draft)
            } else {
                destination(at: value, &draft)
            }
        case "onlink": (draft.hop.isOnLink, draft.hasHop) = (true, true)
        case "no_track": draft.settings.isUntracked = true
        case "add": draft.settings.operation = .add
        case "append": draft.settings.operation = .append
        case "prepend": draft.settings.operation = .prepend
        case "via", "gw", "dev", "oif", "encap", "realms":
            var hop = draft.hop
            hopWord(word, &words, &hop, &draft)
            draft.hop = hop
        case "or":
            // The old way to say two gateways.
            deprecate(word, "`nexthop via` for each gateway")
            var hop = NextHop()
            guard let value = value(of: word, in: &words), let gateway = address(at: value) else {
                return draft.isUsable = false
            }
            hop.gateway = gateway
            draft.multipath.append(hop)
        case "src", "from", "tos", "dsfield", "table", "protocol", "scope", "metric", "priority", "preference", "vrf",
            "expires", "pref", "ttl-propagate", "track_group", "as":
            guard let value = value(of: word, in: &words) else { return draft.isUsable = false }
            if name == "track_group" {
                draft.trackGroupPlace = word
                draft.settings.trackGroup = trackGroupName(at: value, of: word, in: context)
                return
            }
            routeValue(name, value, &words, &draft)
        default:
            if metric(word, &words, &draft) { return }
            if draft.destination == nil, RouteType(word: name) == nil, isDestination(word) {
                destination(at: word, &draft)
            } else if draft.destination == nil, let type = RouteType(word: name) {
                set(type, at: word, &draft)
            } else {
                unknownOption(word, in: context, end: words.end)
                draft.isUsable = false
            }
        }
    }

    private mutating func set(_ type: RouteType, at word: Int, _ draft: inout RouteDraft) {
        if let first = draft.typePlace {
            draft.refuse(&self, "a route has one type", at: word)
            return report(.note, "the first one is here", at: first)
        }
        draft.typePlace = word
        draft.settings.type = type
    }

    private func isDestination(_ word: Int) -> Bool {
        let name = string(word)
        if ["default", "any", "all", "default6"].contains(name) { return true }
        return name.utf8.contains(UInt8(ascii: ".")) || name.utf8.contains(UInt8(ascii: ":"))
            || name.utf8.first.map(Byte.isDigit) == true
    }

    private mutating func destination(at word: Int, _ draft: inout RouteDraft) {
        guard draft.destination == nil, draft.destinationPlace == nil else {
            refuse("a route has one destination", at: word)
            return draft.isUsable = false
        }
        draft.destinationPlace = word
        switch string(word) {
        case "default", "any", "all": break
        case "default6":
            deprecate(word, "`inet6 default`")
            draft.family = .ipv6
        default:
            guard let prefix = networkPrefix(at: word) else { return draft.isUsable = false }
            draft.destination = prefix
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

    private mutating func routeValue(
        _ name: String, _ value: Int, _ words: inout WordCursor, _ draft: inout RouteDraft
    ) {
        switch name {
        case "src": draft.settings.preferredSource = required(address(at: value), &draft)
        case "from": draft.settings.source = required(networkPrefix(at: value), &draft)
        case "tos", "dsfield": draft.settings.typeOfService = required(byte(at: value, \.fields, "a TOS"), &draft) ?? 0
        case "table": draft.settings.table = required(routingTable(at: value), &draft)
        case "protocol":
            draft.settings.routeProtocol = required(byte(at: value, \.protocols, "a protocol"), &draft) ?? 0
        case "scope": draft.settings.scope = required(byte(at: value, \.scopes, "a scope"), &draft)
        case "vrf":
            draft.settings.vrf = required(routingInterface(at: value), &draft)
            draft.settings.table = nil
        case "expires": draft.settings.expires = required(unsigned(at: value, for: name), &draft)
        case "pref":
            switch string(value) {
            case "low": draft.settings.preference = .low
            case "medium": draft.settings.preference = .medium
            case "high": draft.settings.preference = .high
            default: draft.refuse(&self, "`pref` is low, medium or high", at: value)
            }
        case "ttl-propagate":
            switch string(value) {
            case "enabled": draft.settings.propagatesTTL = true
            case "disabled": draft.settings.propagatesTTL = false
            default: draft.refuse(&self, "`ttl-propagate` is enabled or disabled", at: value)
            }
        case "as":
            draft.refuse(&self, "routes that translate addresses (`as`) don't exist in Linux any more", at: value)
        default: draft.settings.metric = required(unsigned(at: value, for: name), &draft) ?? 0
        }
    }

    /// A value without which the route can't be installed.
    func required<Value>(_ value: Value?, _ draft: inout RouteDraft) -> Value? {
        if value == nil { draft.isUsable = false }
        return value
    }

    // MARK: - Hops

    private mutating func hopWord(
        _ word: Int, _ words: inout WordCursor, _ hop: inout NextHop, _ draft: inout RouteDraft
    ) {
        draft.hasHop = true
        switch string(word) {
        case "via", "gw":
            if text.matches(text.tokens[word], "gw") {
                deprecate(word, "`via`")
            }
            let family = forcedFamily(&words)
            guard let value = value(of: word, in: &words), let gateway = address(at: value) else {
                return draft.isUsable = false
            }
            if let family, family != gateway.family {
                return draft.refuse(&self, "`\(gateway)` isn't of the family that is written before it", at: value)
            }
            hop.gateway = gateway
        case "dev", "oif":
            guard let value = value(of: word, in: &words), let name = routingInterface(at: value) else {
                return draft.isUsable = false
            }
            hop.interface = name
        case "realms":
            guard let value = value(of: word, in: &words), let realms = realms(at: value) else {
                return draft.isUsable = false
            }
            hop.realms = realms
        default:
            guard let encapsulation = encapsulation(word, &words) else { return draft.isUsable = false }
            hop.encapsulation = encapsulation
        }
    }

    /// `nexthop [inet|inet6] via A dev IF weight N onlink ...`, up to the next one or the end.
    private mutating func nextHop(_ words: inout WordCursor, _ draft: inout RouteDraft) {
        var hop = NextHop()
        var said = SaidOptions()
        while let word = words.peek, !text.matches(text.tokens[word], "nexthop"), draft.isUsable {
            _ = words.take()
            note(word, in: &said)
            switch string(word) {
            case "inet", "inet6": break
            case "onlink": hop.isOnLink = true
            case "weight": hop.weight = required(integer(of: word, in: &words, 1...256), &draft) ?? 1
            case "via", "gw", "dev", "oif", "encap", "realms":
                let hadHop = draft.hasHop
                hopWord(word, &words, &hop, &draft)
                draft.hasHop = hadHop
            default: draft.refuse(&self, "`\(string(word))` can't stand behind `nexthop`, which ends a route", at: word)
            }
        }
        draft.multipath.append(hop)
    }

    private mutating func finish(_ draft: inout RouteDraft, at first: Int) -> RouteSettings? {
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
        if let place = draft.trackGroupPlace, settings.trackGroup != nil,
            settings.hops.allSatisfy({ $0.interface == nil })
        {
            report(.warning, "`track_group` has no effect on a route without `dev`", at: place)
            settings.trackGroup = nil
        }
        return settings
    }

    /// What the kernel would refuse.
    private mutating func isSound(_ route: RouteSettings, forced: AddressFamily?, at first: Int) -> Bool {
        func complain(_ message: String, _ elaborator: inout Elaborator) -> Bool {
            elaborator.refuse("\(message): the route is left out", at: first, atStart: "")
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

extension RouteDraft {
    /// The route can't be installed.
    mutating func refuse(_ elaborator: inout Elaborator, _ message: String, at word: Int) {
        elaborator.refuse(message, at: word)
        isUsable = false
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
