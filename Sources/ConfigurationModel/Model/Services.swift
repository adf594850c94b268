import Base

/// One virtual_server block: an IPVS service and the servers behind it.
package struct VirtualServerSettings: Record {
    package var address: ServiceAddress
    package var location: SourceLocation
    /// Family of the service; of a group's first entry, when its entries have both.
    package var family = AddressFamily.ipv4
    /// protocol; nil only for a firewall mark, whose packets may be of any.
    package var transport: ServiceTransport?
    package var scheduler = Scheduler.weightedLeastConnections
    /// flag-1 to flag-3 and their names for single schedulers.
    package var schedulerFlags: SchedulerFlags = []
    /// ops: one packet scheduling, UDP only.
    package var schedulesSinglePackets = false
    /// lb_kind; a real server's own stands there.
    package var forwarding = Forwarding.masquerading
    /// persistence_timeout and its kin; nil without persistence.
    package var persistence: Persistence?
    /// ha_suspend: checks run only while the address is on this host.
    package var suspendsWithoutAddress = false
    /// smtp_alert: a mail when the quorum is lost or gained.
    package var sendsMail = false
    /// omega: notifications for going down are sent at shutdown, too.
    package var notifiesAtShutdown = false
    /// quorum: weight of live servers that the service needs, at most the sum of all weights.
    package var quorum = 1
    /// hysteresis around the quorum, below it.
    package var hysteresis = 0
    package var scripts: [ServiceScript] = []
    package var snmpName: String?
    package var sorryServer: SorryServer?
    /// real_server blocks in the order of the files.
    package var realServers: [RealServerSettings] = []
    /// Why this service can't be set up, a sentence each; empty when it can (docs/decisions, D18).
    package var faults: [String] = []

    package init(address: ServiceAddress, location: SourceLocation) {
        self.address = address
        self.location = location
    }

    /// True if it or a server of it has a script, or a check that is one.
    var hasScripts: Bool {
        !scripts.isEmpty
            || realServers.contains { !$0.scripts.isEmpty || $0.checks.contains(where: \.isScript) }
    }

    package init() { self.init(address: .firewallMark(0), location: SourceLocation()) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.unlisted(&location)
        try fields.field("ip_family", &family)
        try fields.field("protocol", &transport)
        try fields.field("lb_algo", &scheduler)
        try fields.flags("", &schedulerFlags)
        try fields.field("ops", &schedulesSinglePackets)
        try fields.field("lb_kind", &forwarding)
        try fields.field("persistence_timeout", &persistence)
        try fields.field("ha_suspend", &suspendsWithoutAddress)
        try fields.field("smtp_alert", &sendsMail)
        try fields.field("omega", &notifiesAtShutdown)
        try fields.field("quorum", &quorum, in: 1...Int(UInt32.max))
        try fields.field("hysteresis", &hysteresis, in: Limits.number)
        try fields.list("", &scripts)
        try fields.field("snmp_name", &snmpName)
        try fields.field("sorry_server", &sorryServer)
        try fields.list("real_server", &realServers)
        try fields.list("fault", &faults)
    }
}

/// The destination of a service's packets from clients.
package enum ServiceAddress: Choice {
    /// An address and a port; port 0 stands for all ports.
    case address(IPAddress, port: UInt16)
    /// Packets with this firewall mark.
    case firewallMark(UInt32)
    /// Every entry of the virtual_server_group of this name.
    case group(String)

    package static let cases: [Self] = [.address(IPAddress(v4: 0), port: 0), .firewallMark(0), .group("")]
    package var number: UInt8 {
        switch self {
        case .address: 0
        case .firewallMark: 1
        case .group: 2
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .address(var address, var port):
            try fields.field("", &address)
            try fields.field("", &port)
            self = .address(address, port: port)
        case .firewallMark(var mark):
            try fields.field("fwmark", &mark)
            self = .firewallMark(mark)
        case .group(var name):
            try fields.field("group", &name)
            self = .group(name)
        }
    }
}

extension ServiceAddress: CustomStringConvertible {
    /// As it stands after `virtual_server`.
    package var description: String {
        switch self {
        case .address(let address, let port): "\(address) \(port)"
        case .firewallMark(let mark): "fwmark \(mark)"
        case .group(let name): "group \(name)"
        }
    }
}

extension VirtualServerSettings {
    /// The name for people, which no other service has: `tcp 10.0.0.1:80`, `fwmark 7`, `tcp group NAME`.
    package var title: String { address.title(transport) }
}

extension ServiceAddress {
    package func title(_ transport: ServiceTransport?) -> String {
        switch self {
        case .address(let address, let port): "\(transport ?? .tcp) \(address.withPort(port))"
        case .firewallMark(let mark): "fwmark \(mark)"
        case .group(let name): transport.map { "\($0) group \(name)" } ?? "group \(name)"
        }
    }
}

extension RealServerSettings {
    /// The name for people: `10.0.0.11:80`.
    package var title: String { port == 0 ? "\(address)" : address.withPort(port) }
}

/// Transport protocols that IPVS balances, by their IP protocol numbers.
package enum ServiceTransport: UInt8, FieldValue {
    case tcp = 6
    case udp = 17
    case sctp = 132
}

/// An IPVS scheduler, by the name of its kernel module (`ip_vs_rr` and so on).
package enum Scheduler: String, FieldValue, CaseIterable {
    case roundRobin = "rr"
    case weightedRoundRobin = "wrr"
    case leastConnections = "lc"
    case weightedLeastConnections = "wlc"
    case localityLeastConnections = "lblc"
    case replicatedLocalityLeastConnections = "lblcr"
    case sourceHashing = "sh"
    case maglevHashing = "mh"
    case destinationHashing = "dh"
    case weightedFailover = "fo"
    case weightedOverflow = "ovf"
    case shortestExpectedDelay = "sed"
    case neverQueue = "nq"
    case powerOfTwoChoices = "twos"
}

extension Scheduler: CustomStringConvertible {
    package var description: String { rawValue }
}

/// IPVS's scheduler flags (linux/ip_vs.h: IP_VS_SVC_F_SCHED1 and following).
package struct SchedulerFlags: FlagSet {
    /// The bits as they are encoded; not the kernel's.
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// flag-1; for sh and mh: fall back to another server when the hashed one isn't available.
    package static let first = SchedulerFlags(rawValue: 1)
    /// flag-2; for sh and mh: the port is hashed, too.
    package static let second = SchedulerFlags(rawValue: 2)
    /// flag-3.
    package static let third = SchedulerFlags(rawValue: 4)

    package static let all: SchedulerFlags = [.first, .second, .third]
    package static let words: [(flag: SchedulerFlags, word: String)] = [
        (.first, "flag-1"), (.second, "flag-2"), (.third, "flag-3"),
    ]
}

/// The way of packets to a real server.
package enum Forwarding: Choice {
    /// NAT.
    case masquerading
    /// DR: the frame is sent on with the server's MAC address.
    case directRouting
    /// TUN.
    case tunnel(Tunnel)

    package static let cases: [Self] = [.masquerading, .directRouting, .tunnel(.ipip)]
    package var number: UInt8 {
        switch self {
        case .masquerading: 0
        case .directRouting: 1
        case .tunnel: 2
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .masquerading: fields.word("NAT")
        case .directRouting: fields.word("DR")
        case .tunnel(var tunnel):
            try fields.field("TUN", &tunnel)
            self = .tunnel(tunnel)
        }
    }
}

/// The encapsulation of TUN.
package enum Tunnel: Choice {
    /// IP in IP.
    case ipip
    /// Generic UDP encapsulation to this port.
    case gue(port: UInt16, TunnelChecksum)
    case gre(TunnelChecksum)

    package static let cases: [Self] = [.ipip, .gue(port: 0, .none), .gre(.none)]
    package var number: UInt8 {
        switch self {
        case .ipip: 0
        case .gue: 1
        case .gre: 2
        }
    }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .ipip: fields.word("ipip")
        case .gue(var port, var checksum):
            try fields.field("gue port", &port)
            try fields.field("", &checksum)
            self = .gue(port: port, checksum)
        case .gre(var checksum):
            try fields.field("gre", &checksum)
            self = .gre(checksum)
        }
    }
}

/// Checksums in the tunnel's header.
package enum TunnelChecksum: UInt8, FieldValue {
    /// nocsum.
    case none = 0
    /// csum.
    case full = 1
    /// remcsum: remote checksum offload, GUE only.
    case remoteOffload = 2
}

/// Client affinity.
package struct Persistence: Record {
    /// persistence_timeout, whole seconds.
    package var timeout = Interval.seconds(360)
    /// persistence_granularity: which clients count as one.
    package var granularity: PersistenceGranularity
    /// persistence_engine, for example `sip`.
    package var engine: String?
    package init(granularity: PersistenceGranularity) { self.granularity = granularity }

    package init() { self.init(granularity: .netmask(.max)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &timeout)
        try fields.field("persistence_granularity", &granularity)
        try fields.field("persistence_engine", &engine)
    }
}

/// The part of a client's address that persistence looks at.
package enum PersistenceGranularity: Choice {
    /// An IPv4 netmask in host order. The kernel takes any, also one with gaps.
    case netmask(UInt32)
    /// A prefix length of IPv6.
    case prefixLength(UInt8)

    package static let cases: [Self] = [.netmask(0), .prefixLength(128)]
    package var number: UInt8 { if case .netmask = self { 0 } else { 1 } }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .netmask(var mask):
            try fields.field("", &mask)
            self = .netmask(mask)
        case .prefixLength(var length):
            try fields.field("", &length, in: 1...128)
            self = .prefixLength(length)
        }
    }
}

/// sorry_server: used while the quorum is lost.
package struct SorryServer: Record {
    package var address: IPAddress
    /// Its port; 0 for the one the client used.
    package var port: UInt16
    package var forwarding: Forwarding
    /// sorry_server_inhibit: it stays in the table with weight 0 while it isn't used.
    package var isInhibited = false
    package init(address: IPAddress, port: UInt16, forwarding: Forwarding) {
        self.address = address
        self.port = port
        self.forwarding = forwarding
    }

    package init() { self.init(address: IPAddress(v4: 0), port: 0, forwarding: .masquerading) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("", &port)
        try fields.field("sorry_server_lvs_method", &forwarding)
        try fields.field("sorry_server_inhibit", &isInhibited)
    }
}

/// One real_server block.
package struct RealServerSettings: Record {
    package var address: IPAddress
    /// Its port as IPVS has it: 0 for the one that the client used. Behind a group it is the written one, also with DR and
    /// TUN, where IPVS has each entry's.
    package var port: UInt16
    /// weight, 0...`Limits.weight`.
    package var weight = 1
    package var forwarding = Forwarding.masquerading
    /// uthreshold: above this many connections it gets no new ones; 0 for no limit.
    package var upperThreshold: UInt32 = 0
    /// lthreshold: below this many it gets new ones again.
    package var lowerThreshold: UInt32 = 0
    /// inhibit_on_failure: weight 0 instead of removal.
    package var isInhibitedOnFailure = false
    /// smtp_alert: a mail when it goes up or down.
    package var sendsMail = true
    package var scripts: [ServiceScript] = []
    package var snmpName: String?
    /// Its checks; it is up while none of them fails, so without any it is always up.
    package var checks: [CheckSettings] = []

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    package init() { self.init(address: IPAddress(v4: 0), port: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("", &port)
        try fields.field("weight", &weight, in: Limits.weight)
        try fields.field("lvs_method", &forwarding)
        try fields.field("uthreshold", &upperThreshold)
        try fields.field("lthreshold", &lowerThreshold)
        try fields.field("inhibit_on_failure", &isInhibitedOnFailure)
        try fields.field("smtp_alert", &sendsMail)
        try fields.list("", &scripts)
        try fields.field("snmp_name", &snmpName)
        try fields.list("", &checks)
    }
}

/// The moment a service's script is for.
package enum ServiceTrigger: UInt8, FieldValue {
    /// quorum_up of a virtual server, notify_up of a real one.
    case up = 1
    /// quorum_down, notify_down.
    case down = 2
}

/// A script of a virtual or real server.
package struct ServiceScript: Record {
    package var trigger: ServiceTrigger
    package var arguments: [String]
    /// Its user and group; nil for the default.
    package var identity: ScriptIdentity?
    package init(trigger: ServiceTrigger, arguments: [String], identity: ScriptIdentity? = nil) {
        self.trigger = trigger
        self.arguments = arguments
        self.identity = identity
    }

    package init() { self.init(trigger: .up, arguments: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &trigger)
        try fields.command("", &arguments)
        try fields.field("", &identity)
    }
}

/// One virtual_server_group: what a virtual_server block serves at once.
package struct VirtualServerGroup: Record {
    package var name: String
    package var location: SourceLocation
    package var entries: [ServiceGroupEntry] = []
    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }

    package init() { self.init(name: "", location: SourceLocation()) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.unlisted(&location)
        try fields.list("", &entries)
    }
}

/// One entry of a virtual_server_group.
package enum ServiceGroupEntry: Choice {
    /// All addresses from the first to the last, which are of one family; port 0 stands for all ports.
    case addresses(first: IPAddress, last: IPAddress, port: UInt16)
    /// A firewall mark; the family is the virtual server's when the entry doesn't say.
    case firewallMark(UInt32, AddressFamily?)

    package static let cases: [Self] = [
        .addresses(first: IPAddress(v4: 0), last: IPAddress(v4: 0), port: 0), .firewallMark(0, nil),
    ]
    package var number: UInt8 { if case .addresses = self { 0 } else { 1 } }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .addresses(var first, var last, var port):
            try fields.field("", &first)
            try fields.field("", &last)
            try fields.field("", &port)
            // Whoever walks through it must come to an end.
            try fields.require(
                first <= last && first.family == last.family && first.high == last.high
                    && last.low - first.low < Limits.rangeMaximum)
            self = .addresses(first: first, last: last, port: port)
        case .firewallMark(var mark, var family):
            try fields.field("fwmark", &mark)
            try fields.field("", &family)
            self = .firewallMark(mark, family)
        }
    }
}
