import Base

/// What the files mean, with every default filled in: the only form in which a configuration leaves this room.
package struct ConfigurationModel: Hashable, Sendable {
    /// global_defs.
    package var global = GlobalSettings()
    /// vrrp_instance blocks in the order of the files. A block that can't run is here too, with its `faults`.
    package var instances: [InstanceSettings] = []
    /// Definitions, groups, and what is installed whatever the instances' states are.
    package var shared = SharedObjects()
    /// virtual_server blocks in the order of the files, those with `faults` too: the checker is started for them.
    package var virtualServers: [VirtualServerSettings] = []
    /// virtual_server_group blocks.
    package var virtualServerGroups: [VirtualServerGroup] = []
    /// SSL.
    package var tlsClient = TLSClientSettings()
    /// Settings that were read but have no effect (unknown, misplaced or not yet handled); status shows the number.
    package var ignoredSettings = 0

    /// Nothing configured.
    package init() {}

    /// The smallest advert_int of all instances; the watchdog's measure (docs/decisions.md, D13).
    package var smallestAdvertInterval: Interval? { instances.map(\.advertInterval).min() }
    /// Whether any script is run, which decides how far the supervisor may seal itself (D2). Those of sync groups and
    /// trackers, and of start, shutdown and FIFOs, aren't handled yet.
    package var hasScripts: Bool { instances.contains { !$0.scripts.isEmpty } }
}

/// global_defs, as far as instances don't carry the result themselves.
package struct GlobalSettings: Hashable, Sendable {
    /// router_id; nil when it is to be the host name.
    package var routerID: String?
    /// vrrp_garp_interval: shortest gap between two gratuitous ARPs on an interface; zero for none.
    package var garpInterval = Interval.zero
    /// vrrp_gna_interval: the same for unsolicited neighbour advertisements.
    package var gnaInterval = Interval.zero
    /// vrrp_startup_delay: nothing is sent or judged for this long after the start.
    package var startupDelay = Interval.zero
    /// vrrp_rt_priority; nil lets the worker choose for itself.
    package var realtimePriority: Int?
    /// dynamic_interfaces: interfaces may be missing at start and appear later without that being an error.
    package var dynamicInterfaces = false
    /// adopt_leftovers: virtual addresses of the files that are there at a start without anybody's mark are removed.
    package var adoptsLeftovers = false
    /// enable_script_security.
    package var scriptSecurity = false
    /// script_user, as written.
    package var scriptUser: ScriptIdentity?
    /// User `keepalived_script`, for scripts that say no other; nil when there is none: then hasupd's own.
    package var defaultScriptAccount: ScriptAccount?
    /// set_supplementary_groups: scripts get their user's supplementary groups even without `:`.
    package var supplementaryGroups = false
    /// vrrp_delay_after_boot: nothing is sent or judged before this much time has passed since the machine's start.
    package var delayAfterBoot = Interval.zero
    /// log_unknown_vrids.
    package var logsUnknownVirtualRouters = false
    /// Where the daemon runs, and what it runs itself.
    package var daemon = DaemonSettings()
    /// Scheduling of the VRRP worker, but for `realtimePriority`.
    package var vrrpProcess = ProcessSettings()
    /// Scheduling of keepalived's BFD process.
    package var bfdProcess = ProcessSettings()
    /// max_auto_priority and min_auto_priority_delay.
    package var automaticPriority = AutomaticPriority()
    /// The packet filter.
    package var firewall = FirewallSettings()
    /// SNMP and D-Bus.
    package var agent = AgentSettings()
    /// Reloading, and files for people and programs.
    package var reports = ReportSettings()
    /// Receive buffers.
    package var buffers = BufferSettings()
    /// What concerns all interfaces.
    package var links = LinkSettings()
    /// What concerns the load balancer.
    package var balancer = BalancerSettings()
    /// What concerns mail.
    package var mail = MailSettings()

    /// keepalived's defaults.
    package init() {}
}

/// The numbers that a user and a group stand for, looked up when the configuration was read.
package struct ScriptAccount: Hashable, Sendable {
    /// User.
    package var uid: UInt32
    /// Group.
    package var gid: UInt32
    /// The user's groups; used only when they are wanted.
    package var groups: [UInt32]
    /// These numbers.
    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }
}

/// Who a script runs as: user and group names (or numbers) as written.
package struct ScriptIdentity: Hashable, Sendable {
    /// User name or number.
    package var user: String
    /// Group name or number; nil for the user's primary group.
    package var group: String?
    /// Whether the user's supplementary groups are set too (`:` before the group).
    package var supplementaryGroups: Bool
    /// Who that is; nil when nobody was asked, or when there is none of that name, and then it runs nothing.
    package var account: ScriptAccount?
    /// An identity as written.
    package init(user: String, group: String? = nil, supplementaryGroups: Bool = false) {
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
    }
}

/// One vrrp_instance block.
package struct InstanceSettings: Hashable, Sendable {
    package var name: String
    package var location: SourceLocation
    /// `interface`; empty when the block names none (then `faults` says so, or the instance is unicast).
    package var interface = ""
    /// Family of the advertisements, from the first virtual address or the source address.
    package var family = AddressFamily.ipv4
    /// virtual_router_id; nil only with a fault.
    package var virtualRouterID: VRID?
    package var version = VRRPVersion.v2
    /// priority, 1...255.
    package var priority = Priority.standard
    /// advert_int.
    package var advertInterval = Interval.seconds(1)
    /// `state MASTER`. keepalived starts in BACKUP all the same unless the priority is 255.
    package var wantsMaster = false
    /// nopreempt, after the rules that drop it (priority 255, state MASTER).
    package var nopreempt = false
    /// preempt_delay, after the rules that drop it.
    package var preemptDelay = Interval.zero
    /// auth_pass of `auth_type PASS`: exactly 8 bytes, padded with NUL; nil without authentication.
    package var password: [UInt8]?
    /// virtual_ipaddress: carried in advertisements.
    package var virtualAddresses: [VirtualAddress] = []
    /// virtual_ipaddress_excluded: installed, not carried.
    package var excludedAddresses: [VirtualAddress] = []
    /// mcast_src_ip or unicast_src_ip; nil for the interface's primary (IPv6: link-local) address.
    package var sourceAddress: IPAddress?
    /// Destination of multicast advertisements.
    package var multicastGroup = IPAddress(v4: 0xe000_0012)
    /// unicast_peer; not empty means unicast.
    package var unicastPeers: [UnicastPeer] = []
    /// check_unicast_src: only configured peers are listened to.
    package var checkUnicastSource = false
    /// unicast_ttl: TTL or hop limit of unicast advertisements.
    package var unicastTTL: UInt8 = 255
    /// track_interface.
    package var trackedInterfaces: [TrackedInterface] = []
    /// dont_track_primary: `interface` being down is no fault.
    package var ignoresPrimaryInterface = false
    /// The garp_* settings, with vrrp_garp_* behind them.
    package var announcements = AnnouncementSettings()
    package var downTimerAdverts = 3
    /// v3_checksum_as_v2: IPv4 checksum of version 3 without pseudo-header.
    package var checksumWithoutPseudoHeader = false
    /// skip_check_adv_addr.
    package var skipsAddressListCheck = false
    /// lower_prio_no_advert: a lower-priority advertisement isn't answered at once.
    package var lowerPriorityNoAdvert = false
    package var scripts: [NotifyScript] = []
    /// Switches.
    package var options: InstanceOptions = []
    /// track_script, track_file, track_process and track_bfd.
    package var trackers: [Tracker] = []
    /// virtual_routes: installed while MASTER.
    package var routes: [RouteSettings] = []
    /// virtual_rules: installed while MASTER.
    package var rules: [RuleSettings] = []
    /// What few instances say; nil when nothing of it is said.
    package var uncommon: Boxed<UncommonSettings>?
    /// Why this block can't run, a sentence each; empty when it can (docs/decisions.md, D18).
    package var faults: [String] = []

    /// An instance with keepalived's defaults.
    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }

    /// Whether advertisements go to configured peers instead of the group.
    package var isUnicast: Bool { !unicastPeers.isEmpty }

    /// What makes it the same virtual router on the link, whatever its name (behaviours: reload keeps the state).
    package var identity: InstanceIdentity {
        InstanceIdentity(
            interface: interface, family: family, virtualRouterID: virtualRouterID?.rawValue ?? 0,
            unicastSource: isUnicast ? sourceAddress : nil, group: isUnicast ? nil : multicastGroup)
    }
}

/// The key by which a reload recognises a virtual router.
package struct InstanceIdentity: Hashable, Sendable {
    package var interface: String
    package var family: AddressFamily
    /// VRID, 0 when missing.
    package var virtualRouterID: UInt8
    /// Source address of a unicast instance.
    package var unicastSource: IPAddress?
    /// Group of a multicast instance.
    package var group: IPAddress?
}

/// One entry of virtual_ipaddress.
package struct VirtualAddress: Hashable, Sendable {
    /// Address and prefix length.
    package var prefix: Prefix
    /// dev; nil for the instance's interface.
    package var interface: String?
    /// scope as the kernel numbers it (0 global, 200 site, 253 link, 254 host, 255 nowhere).
    package var scope: UInt8 = 0
    private var rare: Boxed<RareAddressSettings>?
    /// -nodad: duplicate address detection is wanted (IPv6 addresses go in without it otherwise).
    package var duplicateAddressDetection = false
    /// noprefixroute.
    package var noPrefixRoute = false
    /// no_track: its removal by somebody else doesn't matter.
    package var isUntracked = false
    /// home, mngtmpaddr, autojoin and use_vmac.
    package var flags: AddressFlags = []
    /// preferred_lft in seconds, `UInt32.max` for `forever`; nil for the default (forever, or 0 for an IPv6 /128).
    package var preferredLifetime: UInt32?

    /// An address with no options.
    package init(prefix: Prefix) { self.prefix = prefix }

    /// brd, resolved for `+` and `-`.
    package var broadcast: IPAddress? {
        get { rare?.value.broadcast }
        set { change { $0.broadcast = newValue } }
    }
    /// label; nil for none.
    package var label: String? {
        get { rare?.value.label }
        set { change { $0.label = newValue } }
    }
    package var peer: Prefix? {
        get { rare?.value.peer }
        set { change { $0.peer = newValue } }
    }

    private mutating func change(_ body: (inout RareAddressSettings) -> Void) {
        var settings = rare?.value ?? RareAddressSettings()
        body(&settings)
        rare = settings == RareAddressSettings() ? nil : Boxed(settings)
    }
}

/// What few addresses have.
private struct RareAddressSettings: Hashable, Sendable {
    package var broadcast: IPAddress?
    package var label: String?
    package var peer: Prefix?
}

/// Rare flags of an address.
package struct AddressFlags: OptionSet, Hashable, Sendable {
    /// Bits as they are encoded.
    package let rawValue: UInt8
    /// Any bits; those without a name mean nothing.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// home: mobile IPv6 home address.
    package static let home = AddressFlags(rawValue: 1)
    /// mngtmpaddr: template for temporary addresses.
    package static let managesTemporary = AddressFlags(rawValue: 2)
    /// autojoin: the multicast group is joined.
    package static let joinsGroup = AddressFlags(rawValue: 4)
    /// use_vmac: gets a virtual MAC address on its interface.
    package static let usesVirtualMAC = AddressFlags(rawValue: 8)
    package static let all = AddressFlags(rawValue: 15)
    package static let words: [(flag: AddressFlags, word: String)] = [
        (.home, "home"), (.managesTemporary, "mngtmpaddr"), (.joinsGroup, "autojoin"), (.usesVirtualMAC, "use_vmac"),
    ]
}

/// One entry of unicast_peer.
package struct UnicastPeer: Hashable, Sendable {
    /// Where advertisements go.
    package var address: IPAddress
    /// min_ttl: lowest TTL accepted from it.
    package var minimumTTL: UInt8?
    /// max_ttl: highest TTL accepted from it.
    package var maximumTTL: UInt8?
    package init(address: IPAddress, minimumTTL: UInt8? = nil, maximumTTL: UInt8? = nil) {
        self.address = address
        self.minimumTTL = minimumTTL
        self.maximumTTL = maximumTTL
    }
}

/// One entry of track_interface.
package struct TrackedInterface: Hashable, Sendable {
    package var name: String
    /// 0: down is a fault; above 0: added while up; below 0: added while down.
    package var weight: Int
    /// reverse: up and down change places.
    package var reverse: Bool
    /// A tracked interface.
    package init(name: String, weight: Int = 0, reverse: Bool = false) {
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }
}

/// Gratuitous ARP and unsolicited neighbour advertisement bursts.
package struct AnnouncementSettings: Hashable, Sendable {
    /// garp_master_delay: second burst this long after becoming MASTER; zero for none.
    package var delay = Interval.seconds(5)
    /// garp_master_repeat: rounds of a burst, at least 1.
    package var rounds = 5
    /// garp_master_refresh: period while MASTER; zero for none.
    package var refresh = Interval.zero
    /// garp_master_refresh_repeat: rounds of a refresh, at least 1.
    package var refreshRounds = 1
    /// garp_lower_prio_delay: second burst after a lower-priority advertisement; zero for none.
    package var lowerPriorityDelay = Interval.seconds(5)
    /// garp_lower_prio_repeat: rounds of that burst; 0 for none.
    package var lowerPriorityRounds = 5

    /// keepalived's defaults.
    package init() {}
}

/// The moment a notify script is for.
package enum NotifyTrigger: UInt8, Hashable, Sendable, CaseIterable {
    /// notify_master.
    case master = 1
    /// notify_backup.
    case backup = 2
    /// notify_fault.
    case fault = 3
    /// notify_stop.
    case stop = 4
    /// notify: every transition, with `INSTANCE NAME STATE PRIORITY` appended to its arguments.
    case any = 5
    /// notify_deleted: the instance is gone after a reload.
    case deleted = 6
    /// notify_master_rx_lower_pri: a MASTER heard a lower-priority advertisement.
    case receivedLowerPriority = 7

    /// The state's word in the arguments of a generic script.
    package var word: String {
        switch self {
        case .master: "MASTER"
        case .backup: "BACKUP"
        case .fault: "FAULT"
        case .stop: "STOP"
        case .any: "ANY"
        case .deleted: "DELETED"
        case .receivedLowerPriority: "MASTER_RX_LOWER_PRI"
        }
    }

    /// True for a state of an instance, which a worker reports. It doesn't survive its deletion.
    package var isState: Bool {
        switch self {
        case .master, .backup, .fault, .stop: true
        case .any, .deleted, .receivedLowerPriority: false
        }
    }
}

/// A script and who runs it.
package struct NotifyScript: Hashable, Sendable {
    /// When it runs.
    package var trigger: NotifyTrigger
    /// The program and its arguments.
    package var arguments: [String]
    /// Who it runs as; nil for the default (script_user, keepalived_script, or hasupd's own user).
    package var identity: ScriptIdentity?
    /// A script for this moment.
    package init(trigger: NotifyTrigger, arguments: [String], identity: ScriptIdentity? = nil) {
        self.trigger = trigger
        self.arguments = arguments
        self.identity = identity
    }
}

/// A place in a file, for diagnostics and for status.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// Path as it was opened.
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in UTF-8 bytes.
    package var column: Int
    package init(file: String, line: Int, column: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
    }
    /// `file:line:column`.
    package var description: String { "\(file):\(line):\(column)" }
}
