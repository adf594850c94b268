import Base

/// Kind of a route (ip-route(8)); numbers are the kernel's RTN_*.
package enum RouteType: UInt8, FieldValue {
    case unicast = 1
    case local = 2
    case broadcast = 3
    case anycast = 4
    case multicast = 5
    case blackhole = 6
    case unreachable = 7
    case prohibit = 8
    case throwing = 9
    case nat = 10

    /// True if packets go somewhere, so that a gateway or an interface makes sense.
    package var forwards: Bool {
        switch self {
        case .blackhole, .unreachable, .prohibit, .throwing: false
        default: true
        }
    }
}

/// A number of the kernel's route metrics (RTAX_*), with `lock`.
package struct RouteMetric: Record {
    /// Which one; numbers are the kernel's RTAX_*.
    package enum Kind: UInt8, FieldValue {
        case mtu = 2
        case window = 3
        /// In the kernel's unit, eighths of a millisecond.
        case rtt = 4
        /// In the kernel's unit, quarters of a millisecond.
        case rttvar = 5
        case ssthresh = 6
        case cwnd = 7
        case advmss = 8
        case reordering = 9
        case hoplimit = 10
        case initcwnd = 11
        /// Bits; 1 is ECN.
        case features = 12
        /// In milliseconds.
        case rtoMin = 13
        case initrwnd = 14
        case quickack = 15
        case fastopenNoCookie = 17
    }
    package var kind: Kind
    package var value: UInt32
    /// lock: path discovery doesn't change it.
    package var isLocked: Bool
    package init(kind: Kind, value: UInt32, isLocked: Bool = false) {
        self.kind = kind
        self.value = value
        self.isLocked = isLocked
    }

    package init() { self.init(kind: .mtu, value: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &kind)
        try fields.field("", &value)
        try fields.field("lock", &isLocked)
    }
}

/// A light weight tunnel that packets of a route enter.
package enum Encapsulation: Choice {
    /// `encap mpls L1/L2`: labels of 20 bits, outermost first.
    case mpls(labels: [UInt32])
    /// `encap ip` and `encap ip6`.
    case ip(IPTunnel)
    /// `encap ila`: locator of 64 bits.
    case ila(locator: UInt64)

    /// Fields of an outer IP header; nil leaves the kernel's default.
    package struct IPTunnel: Record {
        package var family: AddressFamily
        /// id: key of the tunnel.
        package var id: UInt64?
        package var source: IPAddress?
        package var destination: IPAddress?
        /// tos or tc.
        package var trafficClass: UInt8?
        /// ttl or hoplimit.
        package var timeToLive: UInt8?
        package var flags: UInt16?
        package init(family: AddressFamily) { self.family = family }

        package init() { self.init(family: .ipv4) }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            try fields.field("", &family)
            try fields.field("id", &id)
            try fields.field("src", &source)
            try fields.field("dst", &destination)
            try fields.field("tos", &trafficClass)
            try fields.field("ttl", &timeToLive)
            try fields.field("flags", &flags)
        }
    }

    package static let cases: [Self] = [.mpls(labels: []), .ip(IPTunnel()), .ila(locator: 0)]
    package var number: UInt8 {
        switch self {
        case .mpls: 0
        case .ip: 1
        case .ila: 2
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .mpls(var labels):
            try fields.list("mpls", &labels)
            self = .mpls(labels: labels)
        case .ip(var tunnel):
            try fields.field("ip", &tunnel)
            self = .ip(tunnel)
        case .ila(var locator):
            try fields.field("ila", &locator)
            self = .ila(locator: locator)
        }
    }
}

/// Realms of a route or rule: `[SOURCE/]DESTINATION`.
package struct Realms: Record {
    /// Realm of the source, 0 for none.
    package var source: UInt16
    package var destination: UInt16
    package init(source: UInt16 = 0, destination: UInt16) {
        self.source = source
        self.destination = destination
    }

    package init() { self.init(destination: 0) }
    package var fieldText: String { source == 0 ? "\(destination)" : "\(source)/\(destination)" }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &source)
        try fields.field("", &destination)
    }
}

/// The next hop of a route's packets.
package struct NextHop: Record {
    /// via; nil when the destination is on the link.
    package var gateway: IPAddress?
    /// dev; nil lets the kernel find it from the gateway.
    package var interface: String?
    /// Share of a hop among several, 1...256.
    package var weight = 1
    /// onlink: the gateway is on the link although no address says so.
    package var isOnLink = false
    package var encapsulation: Encapsulation?
    package var realms: Realms?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("via", &gateway)
        try fields.field("dev", &interface)
        try fields.field("weight", &weight, in: 1...256)
        try fields.field("onlink", &isOnLink)
        try fields.field("encap", &encapsulation)
        try fields.field("realms", &realms)
    }
}

/// The way in which a route joins those to the same destination (ip-route(8)).
package enum RouteOperation: UInt8, FieldValue {
    /// Before them; the default.
    case prepend = 0
    /// Behind them.
    case append = 1
    /// Only when there is none.
    case add = 2
}

/// Preference of an IPv6 router (RFC 4191 §2.1).
package enum RouterPreference: UInt8, FieldValue {
    case medium = 0
    case high = 1
    case low = 3
}

/// One entry of virtual_routes or static_routes.
package struct RouteSettings: Record {
    /// Family of destination and gateway.
    package var family = AddressFamily.ipv4
    /// Type, `unicast` when none is written.
    package var type = RouteType.unicast
    /// to; a length of 0 is the default route.
    package var destination: Prefix
    /// from (IPv6).
    package var source: Prefix?
    /// src: source address of packets that don't have one yet.
    package var preferredSource: IPAddress?
    /// tos or dsfield.
    package var typeOfService: UInt8 = 0
    /// table; 254 is `main`. Nil when `vrf` decides.
    package var table: UInt32? = 254
    /// vrf: the table of this VRF is used.
    package var vrf: String?
    /// protocol; 18 marks what keepalived or hasup installs.
    package var routeProtocol: UInt8 = 18
    /// scope; nil leaves it to the kernel's rules.
    package var scope: UInt8?
    /// metric, priority or preference; 0 lets the kernel choose.
    package var metric: UInt32 = 0
    /// One hop, several for a multipath route, none for a route that leads nowhere.
    package var hops: [NextHop] = []
    /// mtu, advmss and their kin.
    package var metrics: [RouteMetric] = []
    /// congctl, and whether it is locked.
    package var congestionControl: String?
    /// `congctl lock`.
    package var locksCongestionControl = false
    /// expires (IPv6), in seconds.
    package var expires: UInt32?
    /// pref (IPv6).
    package var preference: RouterPreference?
    /// ttl-propagate (MPLS).
    package var propagatesTTL: Bool?
    /// add, append or prepend.
    package var operation = RouteOperation.prepend
    /// no_track: its removal by another program doesn't matter.
    package var isUntracked = false
    /// track_group, in static_routes.
    package var trackGroup: String?

    package init(destination: Prefix) {
        self.destination = destination
        family = destination.address.family
    }

    package init() { self.init(destination: Prefix(host: IPAddress(v4: 0))) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &type) { $0 == .unicast ? nil : $0.fieldText }
        try fields.field("", &destination)
        try fields.unlisted(&family)
        try fields.require(family == destination.address.family)
        try fields.field("", &hops) { $0.map(\.fieldText).joined(separator: " nexthop ") }
        try fields.field("table", &table)
        try fields.field("vrf", &vrf)
        try fields.field("metric", &metric)
        try fields.field("from", &source)
        try fields.field("src", &preferredSource)
        try fields.field("tos", &typeOfService)
        try fields.field("protocol", &routeProtocol)
        try fields.field("scope", &scope)
        try fields.list("", &metrics)
        try fields.field("congctl", &congestionControl)
        try fields.field("lock congctl", &locksCongestionControl)
        try fields.field("expires", &expires)
        try fields.field("pref", &preference)
        try fields.field("ttl-propagate", &propagatesTTL)
        try fields.field("", &operation) { $0 == .prepend ? nil : $0.fieldText }
        try fields.field("no_track", &isUntracked)
        try fields.field("track_group", &trackGroup)
    }
}

/// The action of a rule on a packet that matches.
package enum RuleAction: Choice {
    /// Looks the route up in this table.
    case table(UInt32)
    /// Goes on with the rule of this priority.
    case goto(UInt32)
    case nop
    case blackhole
    case unreachable
    case prohibit

    package static let cases: [Self] = [.table(0), .goto(0), .nop, .blackhole, .unreachable, .prohibit]
    package var number: UInt8 {
        switch self {
        case .table: 0
        case .goto: 1
        case .nop: 2
        case .blackhole: 3
        case .unreachable: 4
        case .prohibit: 5
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .table(var table):
            try fields.field("table", &table)
            self = .table(table)
        case .goto(var priority):
            try fields.field("goto", &priority)
            self = .goto(priority)
        case .nop, .blackhole, .unreachable, .prohibit: fields.word("\(self)")
        }
    }
}

/// One entry of virtual_rules or static_rules (ip-rule(8)).
package struct RuleSettings: Record {
    /// Family of the packets.
    package var family = AddressFamily.ipv4
    /// not: packets that don't match.
    package var isInverted = false
    /// from; nil for all.
    package var source: Prefix?
    /// to; nil for all.
    package var destination: Prefix?
    package var inputInterface: String?
    package var outputInterface: String?
    /// fwmark and its mask.
    package var mark: Mark?
    /// tos or dsfield.
    package var typeOfService: UInt8 = 0
    /// ipproto, 1...255.
    package var ipProtocol: UInt8?
    package var sourcePorts: ClosedRange<UInt16>?
    package var destinationPorts: ClosedRange<UInt16>?
    package var users: ClosedRange<UInt32>?
    package var tunnel: UInt64?
    /// l3mdev: the table of the packet's VRF.
    package var usesL3MasterDevice = false
    package var realms: Realms?
    /// suppress_prefixlength: routes with a prefix of at most this length don't count.
    package var suppressedLength: UInt8?
    /// suppress_ifgroup: routes out of interfaces of this group don't count.
    package var suppressedGroup: UInt32?
    /// priority, preference or order.
    package var priority: UInt32
    /// protocol; 18 marks what keepalived or hasup installs.
    package var ruleProtocol: UInt8 = 18
    package var action: RuleAction
    /// no_track: its removal by another program doesn't matter.
    package var isUntracked = false
    /// track_group, in static_rules.
    package var trackGroup: String?

    /// fwmark: `value` after `mask`.
    package struct Mark: Record {
        /// Bits that the packet has to have.
        package var value: UInt32
        /// Bits that are looked at.
        package var mask: UInt32
        package init(value: UInt32, mask: UInt32 = .max) {
            self.value = value
            self.mask = mask
        }

        package init() { self.init(value: 0) }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            try fields.field("", &value)
            try fields.field("mask", &mask)
        }
    }

    package init(priority: UInt32, action: RuleAction) {
        self.priority = priority
        self.action = action
    }

    package init() { self.init(priority: 0, action: .table(0)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("priority", &priority)
        try fields.field("not", &isInverted)
        try fields.field("from", &source)
        try fields.field("to", &destination)
        try fields.field("", &action)
        try fields.unlisted(&family)
        try fields.require([source, destination].allSatisfy { $0?.address.family ?? family == family })
        try fields.field("iif", &inputInterface)
        try fields.field("oif", &outputInterface)
        try fields.field("fwmark", &mark)
        try fields.field("tos", &typeOfService)
        try fields.field("ipproto", &ipProtocol)
        try fields.field("sport", &sourcePorts)
        try fields.field("dport", &destinationPorts)
        try fields.field("uidrange", &users)
        try fields.field("tunnel-id", &tunnel)
        try fields.field("l3mdev", &usesL3MasterDevice)
        try fields.field("realms", &realms)
        try fields.field("suppress_prefixlength", &suppressedLength)
        try fields.field("suppress_ifgroup", &suppressedGroup)
        try fields.field("protocol", &ruleProtocol)
        try fields.field("no_track", &isUntracked)
        try fields.field("track_group", &trackGroup)
    }
}
