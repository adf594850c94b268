import Base

/// One vrrp_sync_group block: instances that change their state together.
package struct SyncGroup: Record {
    package var name: String
    /// group: places of the members in `ConfigurationModel.instances`. No instance is in two groups.
    package var members: [Int] = []
    /// track_interface, for every member.
    package var trackedInterfaces: [TrackedInterface] = []
    /// track_script, track_file, track_process and track_bfd, for every member.
    package var trackers: [Tracker] = []
    /// notify_master, notify_backup, notify_fault, notify_stop and notify.
    package var scripts: [NotifyScript] = []
    /// smtp_alert: mail on transitions.
    package var sendsMail = false
    /// sync_group_tracking_weight: members' own trackers keep weights other than 0.
    package var keepsMemberWeights = false
    /// notify_priority_changes: a FIFO line for each change of a member's priority.
    package var notifiesPriorityChanges = false
    package var hooks = HookSettings()
    package init(name: String) {
        self.name = name
    }

    package init() { self.init(name: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.members("group", &members)
        try fields.list("track_interface", &trackedInterfaces)
        try fields.list("tracker", &trackers)
        try fields.list("script", &scripts)
        try fields.field("smtp_alert", &sendsMail)
        try fields.field("sync_group_tracking_weight", &keepsMemberWeights)
        try fields.field("notify_priority_changes", &notifiesPriorityChanges)
        try fields.part(&hooks)
    }
}

/// One track_group block: instances that go to FAULT while a static address, route or rule can't exist.
package struct TrackGroup: Record {
    package var name: String
    /// group: places of the members in `ConfigurationModel.instances`.
    package var members: [Int] = []
    package init(name: String) { self.name = name }

    package init() { self.init(name: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &name)
        try fields.members("group", &members)
    }
}

/// One garp_group block: interfaces behind one switch, which share a limit.
package struct AnnouncementGroup: Record {
    /// interface or interfaces.
    package var interfaces: [String] = []
    /// garp_interval: shortest gap between two gratuitous ARPs on all of them; zero for none.
    package var garpInterval = Interval.zero
    /// gna_interval: the same for unsolicited neighbour advertisements.
    package var gnaInterval = Interval.zero
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.list("", &interfaces)
        try fields.field("garp_interval", &garpInterval)
        try fields.field("gna_interval", &gnaInterval)
    }
}

/// One entry of interface_up_down_delays.
package struct InterfaceDelay: Record {
    package var interface: String
    /// The time that it has to be down before that counts.
    package var down: Interval
    /// The time that it has to be up before that counts.
    package var up: Interval
    package init(interface: String, down: Interval, up: Interval) {
        self.interface = interface
        self.down = down
        self.up = up
    }

    package init() { self.init(interface: "", down: .zero, up: .zero) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &interface)
        try fields.field("down", &down)
        try fields.field("up", &up)
    }
}

/// One entry of static_ipaddress.
package struct StaticAddress: Record {
    /// The address; its interface is always named.
    package var address: VirtualAddress
    /// track_group; nil for none.
    package var trackGroup: String?
    package init(address: VirtualAddress, trackGroup: String? = nil) {
        self.address = address
        self.trackGroup = trackGroup
    }

    package init() { self.init(address: VirtualAddress()) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &address)
        try fields.field("track_group", &trackGroup)
    }
}

/// The request by which a link is watched that doesn't tell the kernel when it goes down.
package enum LinkProbe: UInt8, FieldValue {
    /// MII, then ETHTOOL, then IOCTL: the first one that the driver knows.
    case any = 0
    case mii = 1
    case ethtool = 2
    case ioctl = 3
}

/// One entry of linkbeat_interfaces.
package struct PolledInterface: Record {
    package var interface: String
    package var probe: LinkProbe
    package init(interface: String, probe: LinkProbe = .any) {
        self.interface = interface
        self.probe = probe
    }

    package init() { self.init(interface: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &interface)
        try fields.field("", &probe) { $0 == .any ? nil : $0.fieldText }
    }
}

/// Objects that instances share: definitions that they name, groups that they belong to, and what is installed in any
/// state.
package struct SharedObjects: Record {
    /// vrrp_script blocks.
    package var trackScripts: [TrackScript] = []
    /// track_file and vrrp_track_file blocks.
    package var trackFiles: [TrackFile] = []
    /// vrrp_track_process blocks.
    package var trackProcesses: [TrackProcess] = []
    /// bfd_instance blocks.
    package var bfdSessions: [BFDSession] = []
    /// vrrp_sync_group blocks that have members.
    package var syncGroups: [SyncGroup] = []
    /// track_group blocks.
    package var trackGroups: [TrackGroup] = []
    /// garp_group blocks.
    package var announcementGroups: [AnnouncementGroup] = []
    package var interfaceDelays: [InterfaceDelay] = []
    package var polledInterfaces: [PolledInterface] = []
    package var staticAddresses: [StaticAddress] = []
    package var staticRoutes: [RouteSettings] = []
    package var staticRules: [RuleSettings] = []

    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.blocks("vrrp_script", &trackScripts, name: \.name)
        try fields.blocks("track_file", &trackFiles, name: \.name)
        try fields.blocks("vrrp_track_process", &trackProcesses, name: \.name)
        try fields.blocks("bfd_instance", &bfdSessions, name: \.name)
        try fields.blocks("vrrp_sync_group", &syncGroups, name: \.name)
        try fields.blocks("track_group", &trackGroups, name: \.name)
        try fields.blocks("garp_group", &announcementGroups) { $0.interfaces.joined(separator: " ") }
        try fields.list("interface_up_down_delays", &interfaceDelays)
        try fields.list("linkbeat_interfaces", &polledInterfaces)
        try fields.list("static_ipaddress", &staticAddresses)
        try fields.list("static_routes", &staticRoutes)
        try fields.list("static_rules", &staticRules)
    }
}
