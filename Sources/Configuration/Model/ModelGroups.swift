import Base

/// One vrrp_sync_group block: instances that change their state together.
public struct SyncGroup: Hashable, Sendable {
    /// The block's name.
    public var name: String
    /// group: places of the members in `ConfigurationModel.instances`. No instance is in two groups.
    public var members: [Int] = []
    /// track_interface, for every member.
    public var trackedInterfaces: [TrackedInterface] = []
    /// track_script, track_file, track_process and track_bfd, for every member.
    public var trackers: [Tracker] = []
    /// notify_master, notify_backup, notify_fault, notify_stop and notify.
    public var scripts: [NotifyScript] = []
    /// smtp_alert: mail on transitions.
    public var sendsMail = false
    /// sync_group_tracking_weight: members' own trackers keep weights other than 0.
    public var keepsMemberWeights = false
    /// notify_priority_changes: a FIFO line for each change of a member's priority.
    public var notifiesPriorityChanges = false
    /// A group without members.
    public init(name: String) {
        self.name = name
    }
}

/// One track_group block: instances that go to FAULT while a static address, route or rule can't exist.
public struct TrackGroup: Hashable, Sendable {
    /// The block's name.
    public var name: String
    /// group: places of the members in `ConfigurationModel.instances`.
    public var members: [Int] = []
    /// A group without members.
    public init(name: String) { self.name = name }
}

/// One garp_group block: interfaces behind one switch, which share a limit.
public struct AnnouncementGroup: Hashable, Sendable {
    /// interface or interfaces.
    public var interfaces: [String] = []
    /// garp_interval: shortest gap between two gratuitous ARPs on all of them; zero for none.
    public var garpInterval = Interval.zero
    /// gna_interval: the same for unsolicited neighbour advertisements.
    public var gnaInterval = Interval.zero
    /// A group without interfaces.
    public init() {}
}

/// One entry of interface_up_down_delays.
public struct InterfaceDelay: Hashable, Sendable {
    /// Interface name.
    public var interface: String
    /// How long it has to be down before that counts.
    public var down: Interval
    /// How long it has to be up before that counts.
    public var up: Interval
    /// Delays of an interface.
    public init(interface: String, down: Interval, up: Interval) {
        self.interface = interface
        self.down = down
        self.up = up
    }
}

/// One entry of static_ipaddress.
public struct StaticAddress: Hashable, Sendable {
    /// The address; its interface is always named.
    public var address: VirtualAddress
    /// track_group; nil for none.
    public var trackGroup: String?
    /// An address of no group.
    public init(address: VirtualAddress, trackGroup: String? = nil) {
        self.address = address
        self.trackGroup = trackGroup
    }
}

/// How a link is watched that doesn't tell the kernel when it goes down.
public enum LinkProbe: UInt8, Hashable, Sendable {
    /// MII, then ETHTOOL, then IOCTL: the first one that the driver knows.
    case any = 0
    case mii = 1
    case ethtool = 2
    case ioctl = 3
}

/// One entry of linkbeat_interfaces.
public struct PolledInterface: Hashable, Sendable {
    /// Interface name.
    public var interface: String
    /// How it is asked.
    public var probe: LinkProbe
    /// An interface to poll.
    public init(interface: String, probe: LinkProbe = .any) {
        self.interface = interface
        self.probe = probe
    }
}

/// What instances share: definitions that they name, groups that they belong to, and what is installed whatever their
/// state is.
public struct SharedObjects: Hashable, Sendable {
    /// vrrp_script blocks.
    public var trackScripts: [TrackScript] = []
    /// track_file and vrrp_track_file blocks.
    public var trackFiles: [TrackFile] = []
    /// vrrp_track_process blocks.
    public var trackProcesses: [TrackProcess] = []
    /// bfd_instance blocks.
    public var bfdSessions: [BFDSession] = []
    /// vrrp_sync_group blocks that have members.
    public var syncGroups: [SyncGroup] = []
    /// track_group blocks.
    public var trackGroups: [TrackGroup] = []
    /// garp_group blocks.
    public var announcementGroups: [AnnouncementGroup] = []
    /// interface_up_down_delays.
    public var interfaceDelays: [InterfaceDelay] = []
    /// linkbeat_interfaces.
    public var polledInterfaces: [PolledInterface] = []
    /// static_ipaddress.
    public var staticAddresses: [StaticAddress] = []
    /// static_routes.
    public var staticRoutes: [RouteSettings] = []
    /// static_rules.
    public var staticRules: [RuleSettings] = []

    /// Nothing shared.
    public init() {}
}
