import Base

/// startup_script or shutdown_script.
package struct DaemonScript: Record {
    package var arguments: [String]
    /// Its user and group; nil for the default.
    package var identity: ScriptIdentity?
    package var timeout = Interval.seconds(10)
    package init(arguments: [String], identity: ScriptIdentity? = nil) {
        self.arguments = arguments
        self.identity = identity
    }

    package init() { self.init(arguments: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.command("", &arguments)
        try fields.field("", &identity)
        try fields.field("timeout", &timeout)
    }
}

/// The daemon's namespaces, names, and scripts at start and end.
package struct DaemonSettings: Record {
    /// net_namespace: a name below /run/netns; nil for the one it was started in.
    package var namespace: String?
    /// net_namespace_ipvs; nil for the same one, empty for the one that it was started in.
    package var ipvsNamespace: String?
    /// instance: tells several daemons of one machine apart.
    package var instance: String?
    /// use_pid_dir, or what implies it.
    package var usesPIDDirectory = false
    /// process_name: the name that ps(1) shows of hasupd; nil for its own.
    package var processName: String?
    /// child_wait_time: how long workers and scripts may take to end at a stop; nil when it isn't written.
    package var childWaitTime: Interval?
    package var startupScript: DaemonScript?
    package var shutdownScript: DaemonScript?
    /// notify_fifo: all events.
    package var notifyFIFO: NotifyFIFO?
    /// vrrp_notify_fifo: events of instances and groups.
    package var vrrpNotifyFIFO: NotifyFIFO?
    package var writesStatesOnReload = false
    /// umask of the files that are made.
    package var umask: UInt16 = 0o177
    package var keepsSymbolicLinks = false
    package init() {}

    /// True if a script runs at start or end, or reads a FIFO.
    package var hasScripts: Bool {
        startupScript != nil || shutdownScript != nil
            || [notifyFIFO, vrrpNotifyFIFO].contains { $0.map { !$0.script.isEmpty } ?? false }
    }

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("net_namespace", &namespace)
        try fields.field("net_namespace_ipvs", &ipvsNamespace)
        try fields.field("instance", &instance)
        try fields.field("use_pid_dir", &usesPIDDirectory)
        try fields.field("process_name", &processName)
        try fields.field("child_wait_time", &childWaitTime)
        try fields.field("startup_script", &startupScript)
        try fields.field("shutdown_script", &shutdownScript)
        try fields.field("notify_fifo", &notifyFIFO)
        try fields.field("vrrp_notify_fifo", &vrrpNotifyFIFO)
        try fields.field("fifo_write_vrrp_states_on_reload", &writesStatesOnReload)
        try fields.field("umask", &umask) { "0" + String($0, radix: 8) }
        try fields.require(umask <= 0o777)
        try fields.field("use_symlink_paths", &keepsSymbolicLinks)
    }
}

/// Scheduling of one process.
package struct ProcessSettings: Record {
    /// ..._priority: nice value.
    package var nice: Int?
    package var realtimePriority: Int?
    package var locksMemory = false
    /// ..._cpu_affinity: numbers of CPUs; empty for all.
    package var processors: [Int] = []
    package var realtimeLimit: Interval?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("priority", &nice, in: Limits.nice)
        try fields.field("rt_priority", &realtimePriority, in: 1...99)
        try fields.field("no_swap", &locksMemory)
        try fields.list("cpu_affinity", &processors)
        try fields.require(processors.allSatisfy(Limits.processor.contains))
        try fields.field("rlimit_rttime", &realtimeLimit)
    }
}

/// Raising the scheduling class when timers are late.
package struct AutomaticPriority: Record {
    /// max_auto_priority; nil for off, 99 for as high as the system allows.
    package var maximum: Int?
    /// min_auto_priority_delay: lateness of a timer that raises it.
    package var lateness = Interval.seconds(1)
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("max_auto_priority", &maximum, in: 1...99)
        try fields.field("min_auto_priority_delay", &lateness)
    }
}

/// Which packet filter drops what virtual addresses must not accept.
package struct FirewallSettings: Record {
    /// vrrp_iptables: chains for arriving and leaving packets.
    package struct Chains: Record {
        package var input: String
        package var output: String?
        package init(input: String, output: String?) {
            self.input = input
            self.output = output
        }

        package init() { self.init(input: "", output: nil) }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            try fields.field("", &input)
            try fields.field("", &output)
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
    package var countsPackets = false
    /// nftables_ipvs: the table that marks packets for virtual_server_group; nil when it isn't asked for.
    package var ipvsTable: String?
    /// nftables_ipvs_priority of its chains.
    package var ipvsPriority = -1
    /// nftables_ipvs_start_fwmark: the first mark.
    package var firstMark: UInt32 = 1_000
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("vrrp_iptables", &chains)
        try fields.field("vrrp_ipsets", &sets)
        try fields.field("nftables", &table)
        try fields.field("nftables_priority", &priority, in: Limits.int32)
        try fields.field("nftables_ifindex", &matchesIndices)
        try fields.field("nftables_counters", &countsPackets)
        try fields.field("nftables_ipvs", &ipvsTable)
        try fields.field("nftables_ipvs_priority", &ipvsPriority, in: Limits.int32)
        try fields.field("nftables_ipvs_start_fwmark", &firstMark)
    }
}

/// SNMP and D-Bus.
package struct AgentSettings: Record {
    /// snmp_socket: the AgentX master.
    package var masterSocket: String?
    package var sendsTraps = false
    package var servesVRRP = false
    package var servesCheckers = false
    /// enable_snmp_rfcv2: RFC 2787.
    package var servesRFC2787 = false
    /// enable_snmp_rfcv3: RFC 6527.
    package var servesRFC6527 = false
    package var serviceStatisticsAge = Interval.seconds(5)
    package var serverStatisticsAge = Interval.seconds(5)
    package var servesDBus = false
    /// dbus_service_name; nil for org.keepalived.Vrrp1.
    package var busName: String?
    /// dbus_no_interface_name: path element of instances without interface.
    package var busNameWithoutInterface: String?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("snmp_socket", &masterSocket)
        try fields.field("enable_traps", &sendsTraps)
        try fields.field("enable_snmp_vrrp", &servesVRRP)
        try fields.field("enable_snmp_checker", &servesCheckers)
        try fields.field("enable_snmp_rfcv2", &servesRFC2787)
        try fields.field("enable_snmp_rfcv3", &servesRFC6527)
        try fields.field("snmp_vs_stats_update_interval", &serviceStatisticsAge)
        try fields.field("snmp_rs_stats_update_interval", &serverStatisticsAge)
        try fields.field("enable_dbus", &servesDBus)
        try fields.field("dbus_service_name", &busName)
        try fields.field("dbus_no_interface_name", &busNameWithoutInterface)
    }
}

/// Reloading, and files for people and programs.
package struct ReportSettings: Record {
    /// reload_check_config: where the findings go; nil for nowhere. A reload is always checked first.
    package var reloadLog: String?
    package var reloadTimeFile: String?
    package var repeatsReload = false
    /// reload_file; empty for its default path, nil for none.
    package var reloadFile: String?
    package var saveDirectory: String?
    package var namesInstance = false
    /// json_version, 1 or 2.
    package var jsonVersion = 1
    /// state_dump_file; nil for the default.
    package var stateFile: String?
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("reload_check_config", &reloadLog)
        try fields.field("reload_time_file", &reloadTimeFile)
        try fields.field("reload_repeat", &repeatsReload)
        try fields.field("reload_file", &reloadFile)
        try fields.field("config_save_dir", &saveDirectory)
        try fields.field("data_use_instance", &namesInstance)
        try fields.field("json_version", &jsonVersion, in: 1...2)
        try fields.field("state_dump_file", &stateFile)
    }
}

/// Sizes of receive buffers, in bytes; nil for the kernel's.
package struct BufferSettings: Record {
    /// A size, and whether the system's limit is overridden.
    package struct Size: Record {
        package var bytes: Int?
        /// True for SO_RCVBUFFORCE.
        package var isForced = false
        package init() {}

        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            try fields.field("", &bytes, in: Limits.buffer)
            try fields.field("force", &isForced)
        }
    }
    /// vrrp_rx_bufs_policy.
    package enum Policy: Choice {
        case mtu
        case advertisement
        case bytes(Int)

        package static let cases: [Self] = [.mtu, .advertisement, .bytes(0)]
        package var number: UInt8 {
            switch self {
            case .mtu: 0
            case .advertisement: 1
            case .bytes: 2
            }
        }
        package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
            switch self {
            case .mtu: fields.word("MTU")
            case .advertisement: fields.word("ADVERT")
            case .bytes(var count):
                try fields.field("", &count, in: Limits.buffer)
                self = .bytes(count)
            }
        }
    }
    package var vrrpCommands = Size()
    package var vrrpMonitor = Size()
    package var balancerCommands = Size()
    package var balancerMonitor = Size()
    package var processMonitor = Size()
    package var policy: Policy?
    package var multiplier = 3
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("vrrp_netlink_cmd_rcv_bufs", &vrrpCommands)
        try fields.field("vrrp_netlink_monitor_rcv_bufs", &vrrpMonitor)
        try fields.field("lvs_netlink_cmd_rcv_bufs", &balancerCommands)
        try fields.field("lvs_netlink_monitor_rcv_bufs", &balancerMonitor)
        try fields.field("process_monitor_rcv_bufs", &processMonitor)
        try fields.field("vrrp_rx_bufs_policy", &policy)
        try fields.field("vrrp_rx_bufs_multiplier", &multiplier, in: Limits.bufferMultiplier)
    }
}

/// Settings of all interfaces.
package struct LinkSettings: Record {
    /// default_interface of static addresses.
    package var defaultInterface: String?
    /// `dynamic_interfaces allow_if_changes`.
    package var allowsTypeChanges = false
    package var suppressesIGMP = false
    package var virtualPrefix = "vrrp"
    /// vmac_addr_prefix; nil for vmac_prefix.
    package var virtualAddressPrefix: String?
    /// linkbeat_use_polling at the top level.
    package var pollsLinks = false
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("default_interface", &defaultInterface)
        try fields.field("dynamic_interfaces allow_if_changes", &allowsTypeChanges)
        try fields.field("disable_local_igmp", &suppressesIGMP)
        try fields.field("vmac_prefix", &virtualPrefix)
        try fields.field("vmac_addr_prefix", &virtualAddressPrefix)
        try fields.field("linkbeat_use_polling", &pollsLinks)
    }
}
