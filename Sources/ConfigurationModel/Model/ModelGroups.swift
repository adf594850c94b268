import Base

/// One vrrp_sync_group block: instances that change their state together.
package struct SyncGroup: Hashable, Sendable {
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
    /// A group without members.
    package init(name: String) {
        self.name = name
    }
}

/// One track_group block: instances that go to FAULT while a static address, route or rule can't exist.
package struct TrackGroup: Hashable, Sendable {
    package var name: String
    /// group: places of the members in `ConfigurationModel.instances`.
    package var members: [Int] = []
    /// A group without members.
    package init(name: String) { self.name = name }
}

/// One garp_group block: interfaces behind one switch, which share a limit.
package struct AnnouncementGroup: Hashable, Sendable {
    /// interface or interfaces.
    package var interfaces: [String] = []
    /// garp_interval: shortest gap between two gratuitous ARPs on all of them; zero for none.
    package var garpInterval = Interval.zero
    /// gna_interval: the same for unsolicited neighbour advertisements.
    package var gnaInterval = Interval.zero
    /// A group without interfaces.
    package init() {}
}

/// One entry of interface_up_down_delays.
package struct InterfaceDelay: Hashable, Sendable {
    package var interface: String
    /// How long it has to be down before that counts.
    package var down: Interval
    /// How long it has to be up before that counts.
    package var up: Interval
    /// Delays of an interface.
    package init(interface: String, down: Interval, up: Interval) {
        self.interface = interface
        self.down = down
        self.up = up
    }
}

/// One entry of static_ipaddress.
package struct StaticAddress: Hashable, Sendable {
    /// The address; its interface is always named.
    package var address: VirtualAddress
    /// track_group; nil for none.
    package var trackGroup: String?
    /// An address of no group.
    package init(address: VirtualAddress, trackGroup: String? = nil) {
        self.address = address
        self.trackGroup = trackGroup
    }
}

/// How a link is watched that doesn't tell the kernel when it goes down.
package enum LinkProbe: UInt8, Hashable, Sendable {
    /// MII, then ETHTOOL, then IOCTL: the first one that the driver knows.
    case any = 0
    case mii = 1
    case ethtool = 2
    case ioctl = 3
}

/// One entry of linkbeat_interfaces.
package struct PolledInterface: Hashable, Sendable {
    package var interface: String
    /// How it is asked.
    package var probe: LinkProbe
    /// An interface to poll.
    package init(interface: String, probe: LinkProbe = .any) {
        self.interface = interface
        self.probe = probe
    }
}

/// What instances share: definitions that they name, groups that they belong to, and what is installed whatever their
/// state is.
package struct SharedObjects: Hashable, Sendable {
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
    /// interface_up_down_delays.
    package var interfaceDelays: [InterfaceDelay] = []
    /// linkbeat_interfaces.
    package var polledInterfaces: [PolledInterface] = []
    /// static_ipaddress.
    package var staticAddresses: [StaticAddress] = []
    package var staticRoutes: [RouteSettings] = []
    package var staticRules: [RuleSettings] = []

    /// Nothing shared.
    package init() {}
}
