import Base

/// startup_script or shutdown_script.
public struct DaemonScript: Hashable, Sendable {
    /// The program and its arguments.
    public var arguments: [String]
    /// Who it runs as; nil for the default.
    public var identity: ScriptIdentity?
    /// How long it may take.
    public var timeout = Interval.seconds(10)
    /// A script with the default time.
    public init(arguments: [String], identity: ScriptIdentity? = nil) {
        self.arguments = arguments
        self.identity = identity
    }
}

/// Where the daemon runs, what it is called, and what it runs at its start and end.
public struct DaemonSettings: Hashable, Sendable {
    /// net_namespace: a name below /run/netns; nil for the one it was started in.
    public var namespace: String?
    /// net_namespace_ipvs; nil for the same one, empty for the one that it was started in.
    public var ipvsNamespace: String?
    /// instance: tells several daemons of one machine apart.
    public var instance: String?
    /// use_pid_dir, or what implies it.
    public var usesPIDDirectory = false
    /// child_wait_time: how long workers may take to end.
    public var childWaitTime = Interval.seconds(5)
    /// startup_script.
    public var startupScript: DaemonScript?
    /// shutdown_script.
    public var shutdownScript: DaemonScript?
    /// notify_fifo: all events.
    public var notifyFIFO: NotifyFIFO?
    /// vrrp_notify_fifo: events of instances and groups.
    public var vrrpNotifyFIFO: NotifyFIFO?
    /// fifo_write_vrrp_states_on_reload.
    public var writesStatesOnReload = false
    /// umask of the files that are made.
    public var umask: UInt16 = 0o177
    /// use_symlink_paths.
    public var keepsSymbolicLinks = false
    /// Nothing said.
    public init() {}
}

/// Scheduling of one process.
public struct ProcessSettings: Hashable, Sendable {
    /// ..._priority: nice value.
    public var nice: Int?
    /// ..._rt_priority.
    public var realtimePriority: Int?
    /// ..._no_swap.
    public var locksMemory = false
    /// ..._cpu_affinity: numbers of CPUs; empty for all.
    public var processors: [Int] = []
    /// ..._rlimit_rttime.
    public var realtimeLimit: Interval?
    /// The system's defaults.
    public init() {}
}

/// Raising the scheduling class when timers are late.
public struct AutomaticPriority: Hashable, Sendable {
    /// max_auto_priority; nil for off, 99 for as high as the system allows.
    public var maximum: Int?
    /// min_auto_priority_delay: lateness of a timer that raises it.
    public var lateness = Interval.seconds(1)
    /// keepalived's defaults.
    public init() {}
}

/// Which packet filter drops what virtual addresses must not accept.
public struct FirewallSettings: Hashable, Sendable {
    /// vrrp_iptables: chains for arriving and leaving packets.
    public struct Chains: Hashable, Sendable {
        /// For arriving packets.
        public var input: String
        /// For leaving packets.
        public var output: String?
        /// Both chains.
        public init(input: String, output: String?) {
            self.input = input
            self.output = output
        }
    }
    /// vrrp_iptables; nil for not by iptables.
    public var chains: Chains?
    /// vrrp_ipsets: names of sets; empty for their defaults, nil for none.
    public var sets: [String]? = []
    /// nftables: the table; nil when it isn't asked for.
    public var table: String?
    /// nftables_priority of the chains.
    public var priority = -1
    /// nftables_ifindex: rules name interfaces by index.
    public var matchesIndices = false
    /// nftables_counters.
    public var countsPackets = false
    /// nftables_ipvs: the table that marks packets for virtual_server_group; nil when it isn't asked for.
    public var ipvsTable: String?
    /// nftables_ipvs_priority of its chains.
    public var ipvsPriority = -1
    /// nftables_ipvs_start_fwmark: the first mark.
    public var firstMark: UInt32 = 1_000
    /// keepalived's defaults.
    public init() {}
}

/// SNMP and D-Bus.
public struct AgentSettings: Hashable, Sendable {
    /// snmp_socket: the AgentX master.
    public var masterSocket: String?
    /// enable_traps.
    public var sendsTraps = false
    /// enable_snmp_vrrp.
    public var servesVRRP = false
    /// enable_snmp_checker.
    public var servesCheckers = false
    /// enable_snmp_rfcv2: RFC 2787.
    public var servesRFC2787 = false
    /// enable_snmp_rfcv3: RFC 6527.
    public var servesRFC6527 = false
    /// snmp_vs_stats_update_interval.
    public var serviceStatisticsAge = Interval.seconds(5)
    /// snmp_rs_stats_update_interval.
    public var serverStatisticsAge = Interval.seconds(5)
    /// enable_dbus.
    public var servesDBus = false
    /// dbus_service_name; nil for org.keepalived.Vrrp1.
    public var busName: String?
    /// dbus_no_interface_name: path element of instances without interface.
    public var busNameWithoutInterface: String?
    /// Nothing served.
    public init() {}
}

/// Reloading, and files for people and programs.
public struct ReportSettings: Hashable, Sendable {
    /// reload_check_config: where the findings go; nil for nowhere. A reload is always judged first.
    public var reloadLog: String?
    /// reload_time_file.
    public var reloadTimeFile: String?
    /// reload_repeat.
    public var repeatsReload = false
    /// reload_file; empty for its default path, nil for none.
    public var reloadFile: String?
    /// config_save_dir.
    public var saveDirectory: String?
    /// data_use_instance.
    public var namesInstance = false
    /// json_version, 1 or 2.
    public var jsonVersion = 1
    /// state_dump_file; nil for the default.
    public var stateFile: String?
    /// Nothing asked for.
    public init() {}
}

/// Sizes of receive buffers, in bytes; nil for the kernel's.
public struct BufferSettings: Hashable, Sendable {
    /// A size, and whether the system's limit is overridden.
    public struct Size: Hashable, Sendable {
        /// Size; nil for the kernel's.
        public var bytes: Int?
        /// Whether SO_RCVBUFFORCE is used.
        public var isForced = false
        /// The kernel's.
        public init() {}
    }
    /// vrrp_rx_bufs_policy.
    public enum Policy: Hashable, Sendable {
        case mtu
        case advertisement
        case bytes(Int)
    }
    /// vrrp_netlink_cmd_rcv_bufs.
    public var vrrpCommands = Size()
    /// vrrp_netlink_monitor_rcv_bufs.
    public var vrrpMonitor = Size()
    /// lvs_netlink_cmd_rcv_bufs.
    public var balancerCommands = Size()
    /// lvs_netlink_monitor_rcv_bufs.
    public var balancerMonitor = Size()
    /// process_monitor_rcv_bufs.
    public var processMonitor = Size()
    /// vrrp_rx_bufs_policy.
    public var policy: Policy?
    /// vrrp_rx_bufs_multiplier.
    public var multiplier = 3
    /// The kernel's.
    public init() {}
}

/// What concerns all interfaces.
public struct LinkSettings: Hashable, Sendable {
    /// default_interface of static addresses.
    public var defaultInterface: String?
    /// `dynamic_interfaces allow_if_changes`.
    public var allowsTypeChanges = false
    /// disable_local_igmp.
    public var suppressesIGMP = false
    /// vmac_prefix.
    public var virtualPrefix = "vrrp"
    /// vmac_addr_prefix; nil for vmac_prefix.
    public var virtualAddressPrefix: String?
    /// linkbeat_use_polling at the top level.
    public var pollsLinks = false
    /// keepalived's defaults.
    public init() {}
}
