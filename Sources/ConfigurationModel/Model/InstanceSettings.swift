import Base

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
    /// Settings that few instances have; nil without any.
    package var extra: OutOfLine<ExtraSettings>?
    /// Why this block can't run, a sentence each; empty when it can (docs/decisions, D18).
    package var faults: [String] = []

    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }

    /// True if advertisements go to configured peers instead of the group.
    package var isUnicast: Bool { !unicastPeers.isEmpty }

    /// The virtual router on the link, whatever the instance's name (behaviours: reload keeps the state).
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

/// One entry of track_interface.
package struct TrackedInterface: Record {
    package var name: String
    /// 0: down is a fault; above 0: added while up; below 0: added while down.
    package var weight: Int
    /// reverse: the sign of what it changes is the other one; with weight 0, up is the fault.
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

extension InstanceSettings {
    /// Addresses that an advertisement has room to count (RFC 9568 §5.2.5).
    package static var maximumAddresses: Int { 255 }

    /// Number of virtual addresses, the first ones, that an advertisement carries on a link with this MTU: what fits
    /// behind the IP header, the VRRP header and the authentication data (RFC 9568 §5, RFC 2338 §5).
    package func advertisedAddressLimit(mtu: Int) -> Int {
        let (internetHeader, address) = family == .ipv4 ? (20, 4) : (40, 16)
        let header = 8
        // Version 2 has it for IPv4 only, whether or not there is a password.
        let authentication = version == .v2 && family == .ipv4 ? 8 : 0
        let room = max(0, mtu - internetHeader - header - authentication)
        return min(room / address, Self.maximumAddresses)
    }
}
