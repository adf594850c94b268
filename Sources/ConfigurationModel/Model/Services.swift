import Base

/// One virtual_server block: an IPVS service and the servers behind it.
package struct VirtualServerSettings: Hashable, Sendable {
    /// What clients address.
    package var address: ServiceAddress
    package var location: SourceLocation
    /// Family of the service; of a group's first entry, when its entries have both.
    package var family = AddressFamily.ipv4
    /// protocol; nil only for a firewall mark, whose packets may be of any.
    package var transport: ServiceTransport?
    /// lb_algo.
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
    /// quorum_up and quorum_down.
    package var scripts: [ServiceScript] = []
    package var snmpName: String?
    package var sorryServer: SorryServer?
    /// real_server blocks in the order of the files.
    package var realServers: [RealServerSettings] = []
    /// Why this service can't be set up, a sentence each; empty when it can (docs/decisions.md, D18).
    package var faults: [String] = []

    /// A service with keepalived's defaults.
    package init(address: ServiceAddress, location: SourceLocation) {
        self.address = address
        self.location = location
    }
}

/// What clients of a service address.
package enum ServiceAddress: Hashable, Sendable {
    /// An address and a port; port 0 stands for all ports.
    case address(IPAddress, port: UInt16)
    /// Packets with this firewall mark.
    case firewallMark(UInt32)
    /// Every entry of the virtual_server_group of this name.
    case group(String)
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

/// Transport protocols that IPVS balances, by their IP protocol numbers.
package enum ServiceTransport: UInt8, Hashable, Sendable {
    case tcp = 6
    case udp = 17
    case sctp = 132
}

/// An IPVS scheduler, by the name of its kernel module (`ip_vs_rr` and so on).
package enum Scheduler: String, Hashable, Sendable, CaseIterable {
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

/// IPVS's scheduler flags (linux/ip_vs.h: IP_VS_SVC_F_SCHED1 and following).
package struct SchedulerFlags: OptionSet, Hashable, Sendable {
    /// The bits as they are encoded; not the kernel's.
    package let rawValue: UInt8
    /// Flags from these bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// flag-1; for sh and mh: fall back to another server when the hashed one isn't available.
    package static let first = SchedulerFlags(rawValue: 1)
    /// flag-2; for sh and mh: the port is hashed, too.
    package static let second = SchedulerFlags(rawValue: 2)
    /// flag-3.
    package static let third = SchedulerFlags(rawValue: 4)
}

/// How packets reach a real server.
package enum Forwarding: Hashable, Sendable {
    /// NAT.
    case masquerading
    /// DR: the frame is sent on with the server's MAC address.
    case directRouting
    /// TUN.
    case tunnel(Tunnel)
}

/// How TUN wraps packets.
package enum Tunnel: Hashable, Sendable {
    /// IP in IP.
    case ipip
    /// Generic UDP encapsulation to this port.
    case gue(port: UInt16, TunnelChecksum)
    case gre(TunnelChecksum)
}

/// Checksums in the tunnel's header.
package enum TunnelChecksum: UInt8, Hashable, Sendable {
    /// nocsum.
    case none = 0
    /// csum.
    case full = 1
    /// remcsum: remote checksum offload, GUE only.
    case remoteOffload = 2
}

/// Client affinity.
package struct Persistence: Hashable, Sendable {
    /// persistence_timeout, whole seconds.
    package var timeout = Interval.seconds(360)
    /// persistence_granularity: which clients count as one.
    package var granularity: PersistenceGranularity
    /// persistence_engine, for example `sip`.
    package var engine: String?
    /// Affinity of each client address for itself.
    package init(granularity: PersistenceGranularity) { self.granularity = granularity }
}

/// The part of a client's address that persistence looks at.
package enum PersistenceGranularity: Hashable, Sendable {
    /// An IPv4 netmask in host order. The kernel takes any, also one with gaps.
    case netmask(UInt32)
    /// A prefix length of IPv6.
    case prefixLength(UInt8)
}

/// sorry_server: used while the quorum is lost.
package struct SorryServer: Hashable, Sendable {
    package var address: IPAddress
    /// Its port; 0 for the one the client used.
    package var port: UInt16
    /// sorry_server_lvs_method.
    package var forwarding: Forwarding
    /// sorry_server_inhibit: it stays in the table with weight 0 while it isn't used.
    package var isInhibited = false
    /// A server.
    package init(address: IPAddress, port: UInt16, forwarding: Forwarding) {
        self.address = address
        self.port = port
        self.forwarding = forwarding
    }
}

/// One real_server block.
package struct RealServerSettings: Hashable, Sendable {
    package var address: IPAddress
    /// Its port as IPVS has it: 0 for a service on all ports, or on a firewall mark.
    package var port: UInt16
    /// weight, 0...`Limits.weight`.
    package var weight = 1
    /// lvs_method.
    package var forwarding = Forwarding.masquerading
    /// uthreshold: above this many connections it gets no new ones; 0 for no limit.
    package var upperThreshold: UInt32 = 0
    /// lthreshold: below this many it gets new ones again.
    package var lowerThreshold: UInt32 = 0
    /// inhibit_on_failure: weight 0 instead of removal.
    package var isInhibitedOnFailure = false
    /// smtp_alert: a mail when it goes up or down.
    package var sendsMail = true
    /// notify_up and notify_down.
    package var scripts: [ServiceScript] = []
    package var snmpName: String?
    /// Its checks; it is up while none of them fails, so without any it is always up.
    package var checks: [CheckSettings] = []

    /// A server with keepalived's defaults.
    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// The moment a service's script is for.
package enum ServiceTrigger: UInt8, Hashable, Sendable {
    /// quorum_up of a virtual server, notify_up of a real one.
    case up = 1
    /// quorum_down, notify_down.
    case down = 2
}

/// A script of a virtual or real server.
package struct ServiceScript: Hashable, Sendable {
    /// When it runs.
    package var trigger: ServiceTrigger
    /// The program and its arguments.
    package var arguments: [String]
    /// Who it runs as; nil for the default.
    package var identity: ScriptIdentity?
    /// A script for this moment.
    package init(trigger: ServiceTrigger, arguments: [String], identity: ScriptIdentity? = nil) {
        self.trigger = trigger
        self.arguments = arguments
        self.identity = identity
    }
}

/// One virtual_server_group: what a virtual_server block serves at once.
package struct VirtualServerGroup: Hashable, Sendable {
    /// The group's name.
    package var name: String
    package var location: SourceLocation
    package var entries: [ServiceGroupEntry] = []
    /// An empty group.
    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }
}

/// One entry of a virtual_server_group.
package enum ServiceGroupEntry: Hashable, Sendable {
    /// All addresses from the first to the last, which are of one family; port 0 stands for all ports.
    case addresses(first: IPAddress, last: IPAddress, port: UInt16)
    /// A firewall mark; the family is the virtual server's when the entry doesn't say.
    case firewallMark(UInt32, AddressFamily?)
}
