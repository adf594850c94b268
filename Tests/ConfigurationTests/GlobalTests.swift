import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct GlobalTests {
    private static let text = """
        net_namespace blue
        net_namespace_ipvs
        instance one
        child_wait_time 9
        linkbeat_use_polling
        global_defs {
        startup_script_timeout 20
        startup_script "/bin/start x" root
        shutdown_script /bin/stop
        use_symlink_paths
        notify_fifo_script "/bin/read all"
        notify_fifo /run/all nobody adm
        vrrp_notify_fifo /run/vrrp
        fifo_write_vrrp_states_on_reload
        umask IRWXG | IROTH
        vrrp_delay_after_boot 30.5
        log_unknown_vrids
        default_interface eth7
        disable_local_igmp
        vmac_prefix vip
        vmac_addr_prefix vaddr
        vrrp_priority -5
        vrrp_cpu_affinity 0 3 3
        vrrp_rlimit_rttime 9000
        bfd_priority 4
        bfd_no_swap
        bfd_rt_priority 50
        bfd_cpu_affinity 1
        bfd_rlimit_rttime 8000
        max_auto_priority
        min_auto_priority_delay 500
        vrrp_iptables IN OUT
        vrrp_ipsets a b c
        nftables
        nftables_priority -200
        nftables_ifindex
        nftables_counters
        nftables_ipvs marks
        nftables_ipvs_priority 3
        nftables_ipvs_start_fwmark 2000
        snmp_socket unix:/run/agentx
        enable_traps
        enable_snmp_vrrp
        enable_snmp_checker
        enable_snmp_rfc
        snmp_vs_stats_update_interval 7
        enable_dbus
        dbus_service_name org.example
        dbus_no_interface_name nothing
        reload_check_config
        reload_time_file /run/when
        reload_repeat
        reload_file
        config_save_dir /var/save
        data_use_instance
        json_version 2
        state_dump_file /run/state
        vrrp_netlink_cmd_rcv_bufs 1000
        vrrp_netlink_cmd_rcv_bufs_force
        vrrp_netlink_monitor_rcv_bufs 2000
        lvs_netlink_cmd_rcv_bufs 3000
        lvs_netlink_monitor_rcv_bufs 4000
        lvs_netlink_monitor_rcv_bufs_force on
        process_monitor_rcv_bufs 5000
        vrrp_rx_bufs_policy MTU
        vrrp_rx_bufs_multiplier 4
        dynamic_interfaces allow_if_changes
        }

        """

    private static let loaded = load(text + instance(""))

    @Test func daemon() throws {
        #expect(TrackerTests.complaints(Self.loaded) == [])
        let daemon = Self.loaded.model.global.daemon
        #expect(daemon.namespace == "blue" && daemon.ipvsNamespace == "" && daemon.instance == "one")
        #expect(daemon.usesPIDDirectory && daemon.childWaitTime == .seconds(9) && daemon.keepsSymbolicLinks)
        let start = try #require(daemon.startupScript)
        #expect(start.arguments == ["/bin/start", "x"] && start.identity == ScriptIdentity(user: "root"))
        #expect(start.timeout == .seconds(20) && daemon.shutdownScript?.timeout == .seconds(10))
        let fifo = try #require(daemon.notifyFIFO)
        #expect(fifo.path == "/run/all" && fifo.owner == ScriptIdentity(user: "nobody", group: "adm"))
        #expect(fifo.script == ["/bin/read", "all"] && daemon.vrrpNotifyFIFO == NotifyFIFO(path: "/run/vrrp"))
        #expect(daemon.writesStatesOnReload && daemon.umask == 0o074)
        #expect(Self.loaded.model.hasScripts)
    }

    @Test func processes() {
        let global = Self.loaded.model.global
        #expect(global.vrrpProcess.nice == -5 && global.vrrpProcess.processors == [0, 3])
        #expect(global.vrrpProcess.realtimeLimit == .microseconds(9000))
        #expect(global.bfdProcess.nice == 4 && global.bfdProcess.locksMemory && global.bfdProcess.processors == [1])
        #expect(global.bfdProcess.realtimePriority == 50 && global.bfdProcess.realtimeLimit == .milliseconds(8))
        #expect(global.automaticPriority.maximum == 99 && global.automaticPriority.lateness == .microseconds(500))
        #expect(global.delayAfterBoot == .milliseconds(30_500) && global.logsUnknownVirtualRouters)
        #expect(global.links.defaultInterface == "eth7" && global.links.suppressesIGMP && global.links.pollsLinks)
        #expect(global.links.virtualPrefix == "vip" && global.links.virtualAddressPrefix == "vaddr")
        #expect(global.links.allowsTypeChanges)
    }

    @Test func surroundings() {
        let global = Self.loaded.model.global
        let firewall = global.firewall
        #expect(
            firewall.chains == FirewallSettings.Chains(input: "IN", output: "OUT") && firewall.sets == ["a", "b", "c"])
        #expect(firewall.table == "keepalived" && firewall.priority == -200 && firewall.matchesIndices)
        #expect(firewall.countsPackets && firewall.ipvsTable == "marks" && firewall.ipvsPriority == 3)
        #expect(firewall.firstMark == 2000)
        let agent = global.agent
        #expect(
            agent.masterSocket == "unix:/run/agentx" && agent.sendsTraps && agent.servesVRRP && agent.servesCheckers)
        #expect(agent.servesRFC2787 && agent.servesRFC6527 && agent.serviceStatisticsAge == .seconds(7))
        #expect(agent.serverStatisticsAge == .seconds(7) && agent.servesDBus && agent.busName == "org.example")
        #expect(agent.busNameWithoutInterface == "nothing")
        let reports = global.reports
        #expect(reports.reloadLog == "/dev/null" && reports.reloadTimeFile == "/run/when" && reports.repeatsReload)
        #expect(reports.reloadFile == "" && reports.saveDirectory == "/var/save" && reports.namesInstance)
        #expect(reports.jsonVersion == 2 && reports.stateFile == "/run/state")
        let buffers = global.buffers
        #expect(
            buffers.vrrpCommands.bytes == 1000 && buffers.vrrpCommands.isForced && buffers.vrrpMonitor.bytes == 2000)
        #expect(buffers.balancerCommands.bytes == 3000 && buffers.balancerMonitor.bytes == 4000)
        #expect(
            buffers.balancerMonitor.isForced && !buffers.vrrpMonitor.isForced && buffers.processMonitor.bytes == 5000)
        #expect(buffers.policy == .mtu && buffers.multiplier == 4)
    }

    @Test func roundTrip() throws {
        let model = Self.loaded.model
        #expect(try model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == model)
    }

    @Test func hostileBytes() {
        let bytes = Self.loaded.model.encode()
        var random = SeededRandom(seed: 21)
        for _ in 0..<3_000 {
            var hostile = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                hostile[Int.random(in: 0..<hostile.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            hostile.withUnsafeBytes { _ = try? EncodedModel($0).decode() }
        }
    }

    private static let wrongCases: [(String, [String])] = [
        ("umask 01000", ["2:7 error `umask` is 0 to 0777"]),
        ("umask IRWXQ", ["2:7 error `IRWXQ` isn't a mode bit such as IRWXG"]),
        ("startup_script_timeout 1001", ["2:24 error `startup_script_timeout` is 1 to 1000, not 1001"]),
        ("notify_fifo fifo", ["2:13 error `fifo` isn't an absolute path"]),
        ("notify_fifo_script /bin/x", ["2:1 error there is no FIFO for this script to read"]),
        (
            "notify_fifo /run/a\nvrrp_notify_fifo /run/a",
            ["3:18 error two kinds of events can't share the FIFO `/run/a`", "2:13 note `notify_fifo` is here"]
        ),
        ("vrrp_priority 20", ["2:15 error `vrrp_priority` is -20 to 19, not 20"]),
        ("vrrp_cpu_affinity 0 x", ["2:21 error `x` isn't a whole number"]),
        ("vrrp_ipsets a a", ["2:15 error the names of sets have to differ"]),
        ("nftables \(String(repeating: "x", count: 32))", ["2:10 error a name has 1 to 31 bytes"]),
        ("json_version 3", ["2:14 error `json_version` is 1 to 2, not 3"]),
        ("config_save_dir save", ["2:17 error `save` isn't an absolute path"]),
        ("vmac_prefix 123456789012", ["2:13 error a prefix has at most 11 bytes, so that `.VRID` fits behind it"]),
        ("vrrp_rx_bufs_policy mtu", ["2:21 error `mtu` isn't a whole number"]),
        ("snmp_vs_stats_update_interval 31", ["2:31 error `snmp_vs_stats_update_interval` is 0.001 s to 30 s"]),
        ("vrrp_garp_extra_if 0", ["2:20 error `vrrp_garp_extra_if` is 1 to 86400, not 0"]),
        ("dynamic_interfaces all", ["2:20 error `dynamic_interfaces` takes nothing or allow_if_changes"]),
        ("vrrp_delay_after_boot 0", ["2:23 error `vrrp_delay_after_boot` is 0.001 s to 4294.967295 s"]),
    ]

    @Test(arguments: wrongCases) func wrong(_ line: String, _ expected: [String]) {
        #expect(TrackerTests.complaints(load("global_defs {\n\(line)\n}\n")) == expected)
    }
}
