import Base

/// startup_script or shutdown_script.
package struct DaemonScript: Hashable, Sendable {
    /// The program and its arguments.
    package var arguments: [String]
    /// Who it runs as; nil for the default.
    package var identity: ScriptIdentity?
    /// How long it may take.
    package var timeout = Interval.seconds(10)
    /// A script with the default time.
    package init(arguments: [String], identity: ScriptIdentity? = nil) {
        self.arguments = arguments
        self.identity = identity
    }
}

/// Where the daemon runs, what it is called, and what it runs at its start and end.
package struct DaemonSettings: Hashable, Sendable {
    /// net_namespace: a name below /run/netns; nil for the one it was started in.
    package var namespace: String?
    /// net_namespace_ipvs; nil for the same one, empty for the one that it was started in.
    package var ipvsNamespace: String?
    /// instance: tells several daemons of one machine apart.
    package var instance: String?
    /// use_pid_dir, or what implies it.
    package var usesPIDDirectory = false
    /// child_wait_time: how long workers may take to end.
    package var childWaitTime = Interval.seconds(5)
    package var startupScript: DaemonScript?
    package var shutdownScript: DaemonScript?
    /// notify_fifo: all events.
    package var notifyFIFO: NotifyFIFO?
    /// vrrp_notify_fifo: events of instances and groups.
    package var vrrpNotifyFIFO: NotifyFIFO?
    /// fifo_write_vrrp_states_on_reload.
    package var writesStatesOnReload = false
    /// umask of the files that are made.
    package var umask: UInt16 = 0o177
    /// use_symlink_paths.
    package var keepsSymbolicLinks = false
    /// Nothing said.
    package init() {}
}

/// Scheduling of one process.
package struct ProcessSettings: Hashable, Sendable {
    /// ..._priority: nice value.
    package var nice: Int?
    /// ..._rt_priority.
    package var realtimePriority: Int?
    /// ..._no_swap.
    package var locksMemory = false
    /// ..._cpu_affinity: numbers of CPUs; empty for all.
    package var processors: [Int] = []
    /// ..._rlimit_rttime.
    package var realtimeLimit: Interval?
    /// The system's defaults.
    package init() {}
}

/// Raising the scheduling class when timers are late.
package struct AutomaticPriority: Hashable, Sendable {
    /// max_auto_priority; nil for off, 99 for as high as the system allows.
    package var maximum: Int?
    /// min_auto_priority_delay: lateness of a timer that raises it.
    package var lateness = Interval.seconds(1)
    /// keepalived's defaults.
    package init() {}
}

/// Which packet filter drops what virtual addresses must not accept.
package struct FirewallSettings: Hashable, Sendable {
    /// vrrp_iptables: chains for arriving and leaving packets.
    package struct Chains: Hashable, Sendable {
        /// For arriving packets.
        package var input: String
        /// For leaving packets.
        package var output: String?
        /// Both chains.
        package init(input: String, output: String?) {
            self.input = input
            self.output = output
        }
    }
    /// vrrp_iptables; nil for not by iptables.
    package var chains: Chains?
    /// vrrp_ipsets: names of sets; empty for their defaults, nil for none.
    package var sets: [String]? = []
    /// nftables: the table; nil when it isn't asked for.
    package var table: String?
    /// nftables_priority of the chains.
    package var priority = -1
    /// nftables_ifindex: rules name interfaces by index.
    package var matchesIndices = false
    /// nftables_counters.
    package var countsPackets = false
    /// nftables_ipvs: the table that marks packets for virtual_server_group; nil when it isn't asked for.
    package var ipvsTable: String?
    /// nftables_ipvs_priority of its chains.
    package var ipvsPriority = -1
    /// nftables_ipvs_start_fwmark: the first mark.
    package var firstMark: UInt32 = 1_000
    /// keepalived's defaults.
    package init() {}
}

/// SNMP and D-Bus.
package struct AgentSettings: Hashable, Sendable {
    /// snmp_socket: the AgentX master.
    package var masterSocket: String?
    /// enable_traps.
    package var sendsTraps = false
    /// enable_snmp_vrrp.
    package var servesVRRP = false
    /// enable_snmp_checker.
    package var servesCheckers = false
    /// enable_snmp_rfcv2: RFC 2787.
    package var servesRFC2787 = false
    /// enable_snmp_rfcv3: RFC 6527.
    package var servesRFC6527 = false
    /// snmp_vs_stats_update_interval.
    package var serviceStatisticsAge = Interval.seconds(5)
    /// snmp_rs_stats_update_interval.
    package var serverStatisticsAge = Interval.seconds(5)
    /// enable_dbus.
    package var servesDBus = false
    /// dbus_service_name; nil for org.keepalived.Vrrp1.
    package var busName: String?
    /// dbus_no_interface_name: path element of instances without interface.
    package var busNameWithoutInterface: String?
    /// Nothing served.
    package init() {}
}

/// Reloading, and files for people and programs.
package struct ReportSettings: Hashable, Sendable {
    /// reload_check_config: where the findings go; nil for nowhere. A reload is always judged first.
    package var reloadLog: String?
    package var reloadTimeFile: String?
    package var repeatsReload = false
    /// reload_file; empty for its default path, nil for none.
    package var reloadFile: String?
    /// config_save_dir.
    package var saveDirectory: String?
    /// data_use_instance.
    package var namesInstance = false
    /// json_version, 1 or 2.
    package var jsonVersion = 1
    /// state_dump_file; nil for the default.
    package var stateFile: String?
    /// Nothing asked for.
    package init() {}
}

/// Sizes of receive buffers, in bytes; nil for the kernel's.
package struct BufferSettings: Hashable, Sendable {
    /// A size, and whether the system's limit is overridden.
    package struct Size: Hashable, Sendable {
        /// Size; nil for the kernel's.
        package var bytes: Int?
        /// Whether SO_RCVBUFFORCE is used.
        package var isForced = false
        /// The kernel's.
        package init() {}
    }
    /// vrrp_rx_bufs_policy.
    package enum Policy: Hashable, Sendable {
        case mtu
        case advertisement
        case bytes(Int)
    }
    /// vrrp_netlink_cmd_rcv_bufs.
    package var vrrpCommands = Size()
    /// vrrp_netlink_monitor_rcv_bufs.
    package var vrrpMonitor = Size()
    /// lvs_netlink_cmd_rcv_bufs.
    package var balancerCommands = Size()
    /// lvs_netlink_monitor_rcv_bufs.
    package var balancerMonitor = Size()
    /// process_monitor_rcv_bufs.
    package var processMonitor = Size()
    /// vrrp_rx_bufs_policy.
    package var policy: Policy?
    /// vrrp_rx_bufs_multiplier.
    package var multiplier = 3
    /// The kernel's.
    package init() {}
}

/// What concerns all interfaces.
package struct LinkSettings: Hashable, Sendable {
    /// default_interface of static addresses.
    package var defaultInterface: String?
    /// `dynamic_interfaces allow_if_changes`.
    package var allowsTypeChanges = false
    /// disable_local_igmp.
    package var suppressesIGMP = false
    /// vmac_prefix.
    package var virtualPrefix = "vrrp"
    /// vmac_addr_prefix; nil for vmac_prefix.
    package var virtualAddressPrefix: String?
    /// linkbeat_use_polling at the top level.
    package var pollsLinks = false
    /// keepalived's defaults.
    package init() {}
}
