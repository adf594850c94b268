import Base

/// What the files mean, with every default filled in: the only form in which a configuration leaves this room.
package struct ConfigurationModel: Record {
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

    package init() {}

    /// The smallest advert_int of all instances; the watchdog's measure (docs/decisions.md, D13).
    package var smallestAdvertInterval: Interval? { instances.map(\.advertInterval).min() }
    /// Whether any script is run, which decides how far the supervisor may seal itself (D2). Those of sync groups and
    /// trackers, and of start, shutdown and FIFOs, aren't handled yet.
    package var hasScripts: Bool { instances.contains { !$0.scripts.isEmpty } }

    /// What the VRRP worker is handed: who reads the network isn't to know what it doesn't need, as passwords of mail servers
    /// and arguments of programs. Scripts are run by hasupd.
    package var vrrpPart: ConfigurationModel {
        var part = ConfigurationModel()
        part.global.garpInterval = global.garpInterval
        part.global.gnaInterval = global.gnaInterval
        part.global.startupDelay = global.startupDelay
        part.global.adoptsLeftovers = global.adoptsLeftovers
        part.instances = instances
        for index in part.instances.indices { part.instances[index].scripts = [] }
        return part
    }

    /// All but the instances, which stand in bytes by themselves and are compared one by one.
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.part(&global)
        try fields.part(&shared)
        try fields.blocks("virtual_server_group", &virtualServerGroups, name: \.name)
        try fields.part(&tlsClient, prefix: "SSL ")
        try fields.blocks("virtual_server", &virtualServers, name: \.address.description)
    }
}

/// global_defs, as far as instances don't carry the result themselves.
package struct GlobalSettings: Record {
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
    package var scriptSecurity = false
    /// script_user, as written.
    package var scriptUser: ScriptIdentity?
    /// User `keepalived_script`, for scripts that say no other; nil when there is none: then hasupd's own.
    package var defaultScriptAccount: ScriptAccount?
    /// set_supplementary_groups: scripts get their user's supplementary groups even without `:`.
    package var supplementaryGroups = false
    /// vrrp_delay_after_boot: nothing is sent or judged before this much time has passed since the machine's start.
    package var delayAfterBoot = Interval.zero
    package var logsUnknownVirtualRouters = false
    /// Where the daemon runs, and what it runs itself.
    package var daemon = DaemonSettings()
    /// Scheduling of the VRRP worker, but for `realtimePriority`.
    package var vrrpProcess = ProcessSettings()
    /// Scheduling of keepalived's BFD process.
    package var bfdProcess = ProcessSettings()
    package var automaticPriority = AutomaticPriority()
    package var firewall = FirewallSettings()
    package var agent = AgentSettings()
    /// Reloading, and files for people and programs.
    package var reports = ReportSettings()
    package var buffers = BufferSettings()
    package var links = LinkSettings()
    package var balancer = BalancerSettings()
    package var mail = MailSettings()

    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("router_id", &routerID)
        try fields.field("vrrp_garp_interval", &garpInterval)
        try fields.field("vrrp_gna_interval", &gnaInterval)
        try fields.field("vrrp_startup_delay", &startupDelay)
        try fields.field("vrrp_rt_priority", &realtimePriority, in: 1...99)
        try fields.field("dynamic_interfaces", &dynamicInterfaces)
        try fields.field("adopt_leftovers", &adoptsLeftovers)
        try fields.field("enable_script_security", &scriptSecurity)
        try fields.field("script_user", &scriptUser)
        try fields.field("user keepalived_script", &defaultScriptAccount)
        try fields.field("set_supplementary_groups", &supplementaryGroups)
        try fields.field("vrrp_delay_after_boot", &delayAfterBoot)
        try fields.field("log_unknown_vrids", &logsUnknownVirtualRouters)
        try fields.part(&daemon)
        try fields.part(&vrrpProcess, prefix: "vrrp_")
        try fields.part(&bfdProcess, prefix: "bfd_")
        try fields.part(&automaticPriority)
        try fields.part(&firewall)
        try fields.part(&agent)
        try fields.part(&reports)
        try fields.part(&buffers)
        try fields.part(&links)
        try fields.part(&balancer)
        try fields.part(&mail)
    }
}

/// The numbers that a user and a group stand for, looked up when the configuration was read.
package struct ScriptAccount: Record {
    package var uid: UInt32
    package var gid: UInt32
    /// The user's groups; used only when they are wanted.
    package var groups: [UInt32]
    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    package init() { self.init(uid: 0, gid: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &uid)
        try fields.field("", &gid)
        try fields.list("", &groups)
    }
}

/// Who a script runs as: user and group names (or numbers) as written.
package struct ScriptIdentity: Record {
    /// User name or number.
    package var user: String
    /// Group name or number; nil for the user's primary group.
    package var group: String?
    /// Whether the user's supplementary groups are set too (`:` before the group).
    package var supplementaryGroups: Bool
    /// Who that is; nil when nobody was asked, or when there is none of that name, and then it runs nothing.
    package var account: ScriptAccount?
    package init(user: String, group: String? = nil, supplementaryGroups: Bool = false) {
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
    }

    package init() { self.init(user: "") }
    package var fieldText: String { user + (group.map { (supplementaryGroups ? " :" : " ") + $0 } ?? "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &user)
        try fields.field("", &group)
        try fields.field("", &supplementaryGroups)
        try fields.field("", &account)
    }
}

/// One vrrp_instance block.
package struct InstanceSettings: Record {
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
    package var trackedInterfaces: [TrackedInterface] = []
    /// dont_track_primary: `interface` being down is no fault.
    package var ignoresPrimaryInterface = false
    /// The garp_* settings, with vrrp_garp_* behind them.
    package var announcements = AnnouncementSettings()
    package var downTimerAdverts = 3
    /// v3_checksum_as_v2: IPv4 checksum of version 3 without pseudo-header.
    package var checksumWithoutPseudoHeader = false
    package var skipsAddressListCheck = false
    /// lower_prio_no_advert: a lower-priority advertisement isn't answered at once.
    package var lowerPriorityNoAdvert = false
    package var scripts: [NotifyScript] = []
    package var options: InstanceOptions = []
    /// track_script, track_file, track_process and track_bfd.
    package var trackers: [Tracker] = []
    /// virtual_routes: installed while MASTER.
    package var routes: [RouteSettings] = []
    /// virtual_rules: installed while MASTER.
    package var rules: [RuleSettings] = []
    /// What few instances say; nil when nothing of it is said.
    package var extra: OutOfLine<ExtraSettings>?
    /// Why this block can't run, a sentence each; empty when it can (docs/decisions.md, D18).
    package var faults: [String] = []

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

    package init() { self.init(name: "", location: SourceLocation()) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("vrrp_instance", &name)
        try fields.unlisted(&location)
        try fields.field("interface", &interface)
        try fields.field("family", &family)
        try fields.field("virtual_router_id", &virtualRouterID)
        try fields.field("version", &version)
        try fields.field("priority", &priority, in: Limits.priority)
        try fields.field("advert_int", &advertInterval, in: Limits.advertInterval)
        try fields.field("state", &wantsMaster) { $0 ? "MASTER" : "BACKUP" }
        try fields.field("nopreempt", &nopreempt)
        try fields.field("preempt_delay", &preemptDelay)
        try fields.secret("auth_pass", &password)
        try fields.require(password?.count ?? 8 == 8)
        try fields.list("virtual_ipaddress", &virtualAddresses)
        try fields.require(virtualAddresses.count <= Self.maximumAddresses)
        try fields.list("virtual_ipaddress_excluded", &excludedAddresses)
        try fields.field("source address", &sourceAddress)
        try fields.field("mcast_dst_ip", &multicastGroup)
        try fields.list("unicast_peer", &unicastPeers)
        try fields.field("check_unicast_src", &checkUnicastSource)
        try fields.field("unicast_ttl", &unicastTTL)
        try fields.list("track_interface", &trackedInterfaces)
        try fields.field("dont_track_primary", &ignoresPrimaryInterface)
        try fields.part(&announcements)
        try fields.field("down_timer_adverts", &downTimerAdverts, in: Limits.downTimerAdverts)
        try fields.field("v3_checksum_as_v2", &checksumWithoutPseudoHeader)
        try fields.field("skip_check_adv_addr", &skipsAddressListCheck)
        try fields.field("lower_prio_no_advert", &lowerPriorityNoAdvert)
        try fields.list("script", &scripts)
        try fields.list("fault", &faults)
        try fields.flags("option", &options)
        try fields.list("tracker", &trackers)
        try fields.list("virtual_routes", &routes)
        try fields.list("virtual_rules", &rules)
        try fields.part(&extra)
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
package struct VirtualAddress: Record {
    /// Address and prefix length.
    package var prefix: Prefix
    /// dev; nil for the instance's interface.
    package var interface: String?
    /// scope as the kernel numbers it (0 global, 200 site, 253 link, 254 host, 255 nowhere).
    package var scope: UInt8 = 0
    private var extra: OutOfLine<ExtraAddressSettings>?
    /// -nodad: duplicate address detection is wanted (IPv6 addresses go in without it otherwise).
    package var duplicateAddressDetection = false
    package var noPrefixRoute = false
    /// no_track: its removal by somebody else doesn't matter.
    package var isUntracked = false
    /// home, mngtmpaddr, autojoin and use_vmac.
    package var flags: AddressFlags = []
    /// preferred_lft in seconds, `UInt32.max` for `forever`; nil for the default (forever, or 0 for an IPv6 /128).
    package var preferredLifetime: UInt32?

    package init(prefix: Prefix) { self.prefix = prefix }

    /// brd, resolved for `+` and `-`.
    package var broadcast: IPAddress? {
        get { extra?.value.broadcast }
        set { change { $0.broadcast = newValue } }
    }
    /// label; nil for none.
    package var label: String? {
        get { extra?.value.label }
        set { change { $0.label = newValue } }
    }
    package var peer: Prefix? {
        get { extra?.value.peer }
        set { change { $0.peer = newValue } }
    }

    private mutating func change(_ body: (inout ExtraAddressSettings) -> Void) {
        var settings = extra?.value ?? ExtraAddressSettings()
        body(&settings)
        extra = settings == ExtraAddressSettings() ? nil : OutOfLine(settings)
    }

    package init() { self.init(prefix: Prefix(host: IPAddress(v4: 0))) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &prefix)
        try fields.field("dev", &interface)
        try fields.field("scope", &scope)
        try fields.part(&extra)
        try fields.field("-nodad", &duplicateAddressDetection)
        try fields.field("noprefixroute", &noPrefixRoute)
        try fields.field("no_track", &isUntracked)
        try fields.flags("", &flags)
        try fields.field("preferred_lft", &preferredLifetime) { $0 == .max ? "forever" : $0?.fieldText }
    }
}

/// What few addresses have.
private struct ExtraAddressSettings: Record {
    var broadcast: IPAddress?
    var label: String?
    var peer: Prefix?

    init() {}
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("brd", &broadcast)
        try fields.field("label", &label)
        try fields.field("peer", &peer)
    }
}

/// Rare flags of an address.
package struct AddressFlags: FlagSet {
    package let rawValue: UInt8
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
package struct UnicastPeer: Record {
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

    package init() { self.init(address: IPAddress(v4: 0)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("min_ttl", &minimumTTL)
        try fields.field("max_ttl", &maximumTTL)
    }
}

/// One entry of track_interface.
package struct TrackedInterface: Record {
    package var name: String
    /// 0: down is a fault; above 0: added while up; below 0: added while down.
    package var weight: Int
    /// reverse: up and down change places.
    package var reverse: Bool
    package init(name: String, weight: Int = 0, reverse: Bool = false) {
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }

    package init() { self.init(name: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.field("weight", &weight, in: Limits.interfaceWeight)
        try fields.field("reverse", &reverse)
    }
}

/// Gratuitous ARP and unsolicited neighbour advertisement bursts.
package struct AnnouncementSettings: Record {
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

    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("garp_master_delay", &delay)
        try fields.field("garp_master_repeat", &rounds, in: Limits.rounds)
        try fields.field("garp_master_refresh", &refresh)
        try fields.field("garp_master_refresh_repeat", &refreshRounds, in: Limits.rounds)
        try fields.field("garp_lower_prio_delay", &lowerPriorityDelay)
        try fields.field("garp_lower_prio_repeat", &lowerPriorityRounds, in: Limits.rounds)
    }
}

/// The moment a notify script is for.
package enum NotifyTrigger: UInt8, FieldValue, CaseIterable {
    case master = 1
    case backup = 2
    case fault = 3
    case stop = 4
    /// Every transition, with `INSTANCE NAME STATE PRIORITY` appended to its arguments.
    case any = 5
    /// The instance is gone after a reload.
    case deleted = 6
    /// A MASTER heard a lower-priority advertisement.
    case receivedLowerPriority = 7

    package var keyword: String {
        switch self {
        case .master: "notify_master"
        case .backup: "notify_backup"
        case .fault: "notify_fault"
        case .stop: "notify_stop"
        case .any: "notify"
        case .deleted: "notify_deleted"
        case .receivedLowerPriority: "notify_master_rx_lower_pri"
        }
    }
    package var fieldText: String { keyword }

    /// The trigger of a keyword; nil for one of something else.
    package init?(keyword: String) {
        guard let trigger = Self.allCases.first(where: { $0.keyword == keyword }) else { return nil }
        self = trigger
    }
}

/// A script and who runs it.
package struct NotifyScript: Record {
    package var trigger: NotifyTrigger
    package var arguments: [String]
    /// Who it runs as; nil for the default (script_user, keepalived_script, or hasupd's own user).
    package var identity: ScriptIdentity?
    package init(trigger: NotifyTrigger, arguments: [String], identity: ScriptIdentity? = nil) {
        self.trigger = trigger
        self.arguments = arguments
        self.identity = identity
    }

    package init() { self.init(trigger: .any, arguments: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &trigger)
        try fields.command("", &arguments)
        try fields.field("", &identity)
    }
}

/// A place in a file, for diagnostics and for status.
package struct SourceLocation: Record, CustomStringConvertible {
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

    package init() { self.init(file: "", line: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &file)
        try fields.field("", &line, in: Limits.number)
        try fields.field("", &column, in: Limits.number)
    }
}
