import Base
import ConfigurationModel

// Rows of global_defs. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let global = KeywordList { r in
        r.row("process_names", .flag, default: "off", .accepted("processes are named by their role"), "set default distinct process names keepalived_vrrp / keepalived_lvs / keepalived_bfd")
        r.row("process_name", .words("NAME"), default: "hasupd", note: "<=15 chars", .acts, "the name of the process that is sent signals (comm); some monitoring looks for one that is called keepalived") { $0.processName($1) }
        r.row("vrrp_process_name", .words("NAME"), note: "<=15 chars", .accepted("processes are named by their role"), "comm name of vrrp child")
        r.row("checker_process_name", .words("NAME"), note: "<=15 chars", .accepted("processes are named by their role"), "comm name of checker child")
        r.row("lvs_process_name", .words("NAME"), note: "<=15", traits: .deprecated, .accepted("processes are named by their role"), "deprecated alias of checker_process_name")
        r.row("bfd_process_name", .words("NAME"), note: "<=15 chars", .accepted("processes are named by their role"), "comm name of bfd child")
        r.boolean("use_symlink_paths", .acts, "keep symlinks in script paths instead of resolving them", \.model.global.daemon.keepsSymbolicLinks)
        r.boolean("set_supplementary_groups", .acts, "give scripts the supplementary groups of their user", \.model.global.supplementaryGroups)
        r.text("router_id", "STR", default: "hostname", .acts, "identification string in e-mails and SNMP", \.model.global.routerID)
        r.row("notification_email_from", .words("ADDR"), default: "<user>@<hostname>", .acts, "From: address") { $0.mailSender($1) }
        r.row("smtp_server", .words("HOST|IP [PORT]"), default: "none (alerts off)", note: "port 25", .acts, "relay that mails are given to") { $0.mailRelay($1) }
        r.text("smtp_helo_name", "STR", default: "hostname", .acts, "HELO name", \.model.global.mail.heloName)
        r.row("smtp_connect_timeout", .integer(Limits.shortSeconds, unit: .seconds), default: "30", note: "0 -> 1", .acts, "SMTP connect timeout") { $0.connectTimeout($1) }
        r.row("smtp_tls", .words("off|starttls|tls"), default: "off", traits: .own, .acts, "protection of the connection to smtp_server: TLS from the STARTTLS command on, or from the beginning (port 465); without it no mail is sent, and the certificate is verified") { $0.mailProtection($1) }
        r.row("smtp_ca", .words("FILE"), default: "the system's", traits: .own, .acts, "certificates of the authorities that smtp_server's may be signed by (PEM)") { $0.set(\.model.global.mail.authorities, path: $1) }
        r.row("smtp_auth", .words("USER file:PATH"), default: "none", traits: [.own, .secret], .acts, "login at smtp_server: the password is the first line of the file, which is read for each mail, as hasupd's user") { $0.mailLogin($1) }
        r.row("notification_email", .list(), default: "none", note: "one address per line", .acts, "recipients") { $0.mailRecipients($1) }
        r.boolean("smtp_alert", default: "unset", .acts, "default for every smtp_alert", \.model.global.mail.isDefault)
        r.boolean("smtp_alert_vrrp", default: "unset", .acts, "default for vrrp instances/groups; wins over smtp_alert", \.model.global.mail.isDefaultOfInstances)
        r.boolean("smtp_alert_checker", default: "unset", .acts, "default for virtual/real servers; wins over smtp_alert", \.model.global.mail.isDefaultOfServers)
        r.row("startup_script", .command, default: "none", traits: .firstCounts, .acts, "run before the workers start; the first one counts. Not at a restart that goes on with their state") { $0.daemonScript(\.model.global.daemon.startupScript, $1) }
        r.integer("startup_script_timeout", 1...1_000, unit: .seconds, default: "10", .acts, "limit for startup_script", \.shared.startupTimeout)
        r.row("shutdown_script", .command, default: "none", traits: .firstCounts, .acts, "run after the workers and all scripts have ended; the first one counts") { $0.daemonScript(\.model.global.daemon.shutdownScript, $1) }
        r.integer("shutdown_script_timeout", 1...1_000, unit: .seconds, default: "10", .acts, "limit for shutdown_script", \.shared.shutdownTimeout)
        r.row("max_auto_priority", .optionalInteger("[INT]", -1...99), default: "0 (off); no arg = system max", note: "99=sched RR max", .typed, "ceiling for automatic real-time priority increases") { $0.automaticPriority($1) }
        r.integer("min_auto_priority_delay", 1...10_000_000, unit: .microseconds, default: "1000000", .typed, "timer lateness that triggers automatic priority increase", \.model.global.automaticPriority.lateness)
        r.boolean("checker_log_all_failures", .acts, "log each checker failure, also during retries", \.services.logsAllFailures)
        r.row("dynamic_interfaces", .words("[allow_if_changes]"), default: "off", .acts, "permit configured interfaces that do not exist yet; optional: interface type may change when recreated") { $0.dynamicInterfaces($1) }
        r.flag("no_email_faults", .acts, "no mails for FAULT transitions", \.model.global.mail.omitsFaults)
        r.row("default_interface", .words("IF"), default: "eth0", .typed, "interface for static_ipaddress entries without dev") { $0.set(\.model.global.links.defaultInterface, interface: $1) }
        r.flag("disable_local_igmp", note: "not changeable on reload", .typed, "stop kernel from sending IGMP for VRRP group on VMAC base (needs matching sysctl set)", \.model.global.links.suppressesIGMP)
        r.flag("v3_checksum_as_v2", note: "argument not parsed", .acts, "omit IPv4 pseudo-header in v3 checksum for all instances", \.defaults.checksumWithoutPseudoHeader)
        r.row("lvs_timeouts", .number("tcp N tcpfin N udp N (any subset)", 0...2_678_400, unit: .seconds), default: "kernel", .acts, "IPVS connection timeouts") { $0.timeouts($1) }
        r.flag("lvs_flush", .acts, "clear whole IPVS table at start", \.model.global.balancer.flushesAtStart)
        r.row("lvs_flush_on_stop", .words("[VS]"), default: "off", note: "VS = only our services", .acts, "flush IPVS at stop without individually removing") { $0.flushOnStop($1) }
        r.row("lvs_flush_onstop", .words("[VS]"), default: "off", traits: .deprecated, .acts, "deprecated alias") { $0.flushOnStop($1) }
        r.row("lvs_sync_daemon", .words("IF [inst] VRRP_INST [id N] [maxlen N] [port N] [ttl N] [group MCAST]"), default: "off", .typed, "IPVS connection sync: master on VRRP MASTER, backup otherwise") { $0.syncDaemon($1) }
        r.row("vrrp_mcast_group4", .words("ADDR"), default: "224.0.0.18", note: "IPv4 multicast", .acts, "destination for IPv4 adverts") { $0.set(\.defaults.group4, group: $1, .ipv4) }
        r.row("vrrp_mcast_group6", .words("ADDR"), default: "ff02::12", note: "IPv6 multicast", .acts, "destination for IPv6 adverts") { $0.set(\.defaults.group6, group: $1, .ipv6) }
        r.integer("vrrp_garp_master_delay", Limits.shortSeconds, unit: .seconds, default: "5", note: "0 = no second burst", .acts, "delay of second GARP burst after becoming MASTER", \.defaults.delay)
        r.row("vrrp_garp_master_repeat", .integer(Limits.rounds), default: "5", note: "0 -> 1", .acts, "GARPs per burst") { $0.set(\.defaults.rounds, rounds: $1) }
        r.integer("vrrp_garp_master_refresh", Limits.seconds, unit: .seconds, default: "0 (off)", .acts, "period of GARP refresh while MASTER", \.defaults.refresh)
        r.row("vrrp_garp_master_refresh_repeat", .integer(Limits.rounds), default: "1", note: "0 -> 1", .acts, "GARPs per refresh") { $0.set(\.defaults.refreshRounds, rounds: $1) }
        r.integer("vrrp_garp_lower_prio_delay", Limits.shortSeconds, unit: .seconds, default: "= vrrp_garp_master_delay", .acts, "delay of second burst after hearing a lower-priority advert", \.defaults.lowerPriorityDelay)
        r.integer("vrrp_garp_lower_prio_repeat", Limits.rounds, default: "= vrrp_garp_master_repeat", note: "0 = none", .acts, "GARPs per burst after a lower-priority advert", \.defaults.lowerPriorityRounds)
        r.integer("vrrp_down_timer_adverts", Limits.downTimerAdverts, default: "3", .acts, "advert intervals before master is declared down", \.defaults.downTimerAdverts)
        r.row("vrrp_garp_interval", .seconds(Limits.gap), default: "0", .acts, "minimum gap between GARPs on an interface; 0 for none") { $0.set(\.model.global.garpInterval, gap: $1) }
        r.row("vrrp_gna_interval", .seconds(Limits.gap), default: "0", .acts, "minimum gap between unsolicited NAs on an interface; 0 for none") { $0.set(\.model.global.gnaInterval, gap: $1) }
        r.boolean("vrrp_min_garp", default: "off", .acts, "one GARP only: repeat 1, delay 0 (only settings still at default)", \.defaults.sendsFewAnnouncements)
        r.row("vrrp_garp_extra_if", .number("[all] SECS", 1...86_400, unit: .seconds), default: "off", .typed, "with VMAC: also send GARPs on other VMAC/base interfaces periodically") { $0.defaults.extraAnnouncements = $0.extraAnnouncements($1) }
        r.row("vrrp_vmac_garp_intvl", .number("[all] SECS", 1...86_400, unit: .seconds), default: "off", traits: .deprecated, .typed, "deprecated alias of vrrp_garp_extra_if") { $0.defaults.extraAnnouncements = $0.extraAnnouncements($1) }
        r.boolean("vrrp_lower_prio_no_advert", .acts, "do not answer lower-priority adverts at once (RFC behaviour)", \.defaults.lowerPriorityNoAdvert)
        r.row("vrrp_higher_prio_send_advert", .boolean, default: "false", .accepted("one more advertisement is always sent before yielding, because the new master announces its addresses again when it hears it"), "send one more advert before yielding to a higher-priority master")
        r.integer("vrrp_version", 2...3, default: "2", .acts, "default VRRP version (IPv4 instances; IPv6 defaults to 3)", \.defaults.version)
        r.row("vrrp_iptables", .words("[IN [OUT]]"), default: "no filtering unless needed; no arg: INPUT OUTPUT", note: "chain names", .typed, "use iptables for no_accept/VMAC filter rules") { $0.chains($1) }
        r.row("vrrp_ipsets", .words("[NAME x up to 6]"), default: "keepalived, +6 _if6 _igmp _mld _nd", note: "all different, <=31", .typed, "use ipsets with iptables (no arg disables)") { $0.addressSets($1) }
        r.row("nftables", .words("[TABLE]"), default: "keepalived", note: "<=31 chars; fixed on reload", .typed, "use nftables with this table") { $0.model.global.firewall.table = $0.table($1, standard: "keepalived") }
        r.integer("nftables_priority", Limits.int32, default: "-1", .typed, "chain priority", \.model.global.firewall.priority)
        r.flag("nftables_ifindex", .typed, "match interface by index not name", \.model.global.firewall.matchesIndices)
        r.flag("nftables_counters", .typed, "add counters to rules", \.model.global.firewall.countsPackets)
        r.row("nftables_ipvs", .words("[TABLE]"), default: "keepalived_ipvs", note: "<=31", .typed, "table for automatic fwmark of virtual_server_group") { $0.model.global.firewall.ipvsTable = $0.table($1, standard: "keepalived_ipvs") }
        r.integer("nftables_ipvs_priority", Limits.int32, default: "-1", .typed, "chain priority", \.model.global.firewall.ipvsPriority)
        r.integer("nftables_ipvs_start_fwmark", Limits.mark, default: "1000", .typed, "first automatic fwmark", \.model.global.firewall.firstMark)
        r.flag("vrrp_check_unicast_src", .acts, "accept unicast adverts only from configured peers", \.defaults.checkUnicastSource)
        r.boolean("vrrp_skip_check_adv_addr", .acts, "skip VIP list check when sender is same as last accepted", \.defaults.skipsAddressListCheck)
        r.boolean("vrrp_strict", .acts, "warn of what the RFC doesn't allow, in all instances; what is forbidden is done all the same", \.defaults.options[.strict])
        r.integer("vrrp_priority", Limits.nice, default: "0", .typed, "nice of vrrp child", \.model.global.vrrpProcess.nice)
        r.flag("vrrp_no_swap", .accepted("memory is always locked"), "mlockall for vrrp child", \.model.global.vrrpProcess.locksMemory)
        r.row("vrrp_rt_priority", .integer(0...Int(Int32.max)), default: "off", note: "1..99 is used", .acts, "SCHED_RR priority of vrrp child") { $0.realtimePriority($1) }
        r.row("vrrp_cpu_affinity", .number("CPU...", Limits.processor), default: "all", .typed, "CPU pinning") { $0.set(\.model.global.vrrpProcess.processors, processors: $1) }
        r.integer("vrrp_rlimit_rttime", 2...Int(Int32.max), unit: .microseconds, default: "10000", .typed, "RLIMIT_RTTIME of vrrp child", \.model.global.vrrpProcess.realtimeLimit)
        r.row("vrrp_rlimit_rtime", .integer(nil), traits: .deprecated, .accepted("a deprecated misspelling"), "deprecated misspelling")
        r.integer("checker_priority", Limits.nice, default: "0", .acts, "nice of checker child", \.model.global.balancer.process.nice)
        r.flag("checker_no_swap", .acts, "mlockall for checker child", \.model.global.balancer.process.locksMemory)
        r.integer("checker_rt_priority", 1...99, default: "off", note: "two below vrrp_rt_priority at most", .acts, "SCHED_RR priority of checker child (SCHED_FIFO)", \.model.global.balancer.process.realtimePriority)
        r.row("checker_cpu_affinity", .number("CPU...", Limits.processor), default: "all", .acts, "CPU pinning") { $0.set(\.model.global.balancer.process.processors, processors: $1) }
        r.integer("checker_rlimit_rttime", 2...Int(Int32.max), unit: .microseconds, default: "200000", note: "5 s at most", .acts, "RLIMIT_RTTIME, with checker_rt_priority", \.model.global.balancer.process.realtimeLimit)
        r.row("checker_rlimit_rtime", .integer(nil), traits: .deprecated, .accepted("a deprecated misspelling"), "deprecated misspelling")
        r.integer("bfd_priority", Limits.nice, default: "0", .typed, "nice of bfd child", \.model.global.bfdProcess.nice)
        r.flag("bfd_no_swap", .typed, "mlockall for bfd child", \.model.global.bfdProcess.locksMemory)
        r.integer("bfd_rt_priority", 1...99, default: "off", .typed, "SCHED_RR priority of bfd child", \.model.global.bfdProcess.realtimePriority)
        r.row("bfd_cpu_affinity", .number("CPU...", Limits.processor), default: "all", .typed, "CPU pinning") { $0.set(\.model.global.bfdProcess.processors, processors: $1) }
        r.integer("bfd_rlimit_rttime", 2...Int(Int32.max), unit: .microseconds, default: "10000", .typed, "RLIMIT_RTTIME", \.model.global.bfdProcess.realtimeLimit)
        r.row("bfd_rlimit_rtime", .integer(nil), traits: .deprecated, .accepted("a deprecated misspelling"), "deprecated misspelling")
        r.row("notify_fifo", .words("PATH [USER [GROUP]]"), default: "none", traits: .firstCounts, .acts, "FIFO for events of instances, groups, virtual and real servers; the first one counts") { $0.fifo(\.model.global.daemon.notifyFIFO, $1) }
        r.row("notify_fifo_script", .command, default: "none", note: "path appended as last arg", traits: .firstCounts, .acts, "reader process of notify_fifo: started again when it ends, and given the states of all first; the first one counts") { $0.fifoScript(\.model.global.daemon.notifyFIFO, $1) }
        r.row("vrrp_notify_fifo", .words("PATH [USER [GROUP]]"), default: "none", traits: .firstCounts, .acts, "FIFO for events of instances and groups only; the first one counts") { $0.fifo(\.model.global.daemon.vrrpNotifyFIFO, $1) }
        r.row("vrrp_notify_fifo_script", .command, default: "none", traits: .firstCounts, .acts, "reader process of vrrp_notify_fifo, as notify_fifo_script; the first one counts") { $0.fifoScript(\.model.global.daemon.vrrpNotifyFIFO, $1) }
        r.row("lvs_notify_fifo", .words("PATH [USER [GROUP]]"), default: "none", traits: .firstCounts, .acts, "FIFO for LVS events only; the first one counts") { $0.balancerFIFO($1) }
        r.row("lvs_notify_fifo_script", .command, default: "none", traits: .firstCounts, .acts, "reader for lvs_notify_fifo; the first one counts") { $0.balancerScript($1) }
        r.boolean("vrrp_notify_priority_changes", .acts, "FIFO line (no script) on effective-priority change", \.defaults.options[.notifiesPriorityChanges])
        r.flag("fifo_write_vrrp_states_on_reload", .acts, "after reload write all current states to FIFOs", \.model.global.daemon.writesStatesOnReload)
        r.text("snmp_socket", "SOCKET", default: "unix:/var/agentx/master", note: "udp:host:port if bare", .typed, "AgentX master address", \.model.global.agent.masterSocket)
        r.flag("enable_traps", .typed, "send SNMP traps", \.model.global.agent.sendsTraps)
        r.flag("enable_snmp_vrrp", .typed, "KEEPALIVED-MIB vrrp part", \.model.global.agent.servesVRRP)
        r.flag("enable_snmp_keepalived", traits: .deprecated, .typed, "deprecated alias of enable_snmp_vrrp", \.model.global.agent.servesVRRP)
        r.flag("enable_snmp_checker", .typed, "KEEPALIVED-MIB check part", \.model.global.agent.servesCheckers)
        r.flag("enable_snmp_rfc", .typed, "RFC2787 and RFC6527 MIBs", \.model.global.agent.servesRFCs)
        r.flag("enable_snmp_rfcv2", .typed, "RFC2787 VRRP-MIB", \.model.global.agent.servesRFC2787)
        r.flag("enable_snmp_rfcv3", .typed, "RFC6527 VRRPV3-MIB", \.model.global.agent.servesRFC6527)
        r.seconds("snmp_vs_stats_update_interval", 1_000...30_000_000, default: "5", .typed, "refresh limit of VS stats for SNMP", \.shared.serviceAge)
        r.seconds("snmp_rs_stats_update_interval", 1_000...30_000_000, default: "= vs value", .typed, "refresh limit of RS stats for SNMP", \.shared.serverAge)
        r.flag("enable_dbus", .typed, "DBus service", \.model.global.agent.servesDBus)
        r.text("dbus_service_name", "NAME", default: "org.keepalived.Vrrp1", .typed, "bus name", \.model.global.agent.busName)
        r.text("dbus_no_interface_name", "NAME", default: "none", .typed, "object path element when instance has no interface", \.model.global.agent.busNameWithoutInterface)
        r.row("script_user", .words("USER [[:]GROUP]"), default: "keepalived_script if exists else own uid", note: "\":\" = with supplementary groups", .acts, "default user for scripts") { $0.set(\.model.global.scriptUser, identity: $1) }
        r.flag("enable_script_security", .acts, "refuse scripts on a path that others than root and the script's user can write; those that run as root always are", \.model.global.scriptSecurity)
        r.integer("vrrp_netlink_cmd_rcv_bufs", Limits.buffer, unit: .bytes, default: "kernel default", .typed, "netlink command socket buffer, vrrp", \.model.global.buffers.vrrpCommands.bytes)
        r.boolean("vrrp_netlink_cmd_rcv_bufs_force", .typed, "use SO_RCVBUFFORCE", \.model.global.buffers.vrrpCommands.isForced)
        r.integer("vrrp_netlink_monitor_rcv_bufs", Limits.buffer, unit: .bytes, default: "kernel default", .typed, "netlink monitor socket buffer, vrrp", \.model.global.buffers.vrrpMonitor.bytes)
        r.boolean("vrrp_netlink_monitor_rcv_bufs_force", .typed, "use SO_RCVBUFFORCE", \.model.global.buffers.vrrpMonitor.isForced)
        r.integer("lvs_netlink_cmd_rcv_bufs", Limits.buffer, unit: .bytes, default: "kernel default", .acts, "receive buffer of the socket to IPVS", \.model.global.buffers.balancerCommands.bytes)
        r.boolean("lvs_netlink_cmd_rcv_bufs_force", .acts, "use SO_RCVBUFFORCE", \.model.global.buffers.balancerCommands.isForced)
        r.integer("lvs_netlink_monitor_rcv_bufs", Limits.buffer, unit: .bytes, default: "4 MiB", .acts, "receive buffer of the socket that hears of ha_suspend's addresses", \.model.global.buffers.balancerMonitor.bytes)
        r.boolean("lvs_netlink_monitor_rcv_bufs_force", .acts, "use SO_RCVBUFFORCE", \.model.global.buffers.balancerMonitor.isForced)
        r.integer("process_monitor_rcv_bufs", Limits.buffer, unit: .bytes, default: "1 MiB", .acts, "proc connector socket buffer", \.model.global.buffers.processMonitor.bytes)
        r.boolean("process_monitor_rcv_bufs_force", .acts, "use SO_RCVBUFFORCE", \.model.global.buffers.processMonitor.isForced)
        r.boolean("rs_init_notifies", .acts, "run RS notifies for initial state at start/reload", \.model.global.balancer.notifiesInitialState)
        r.boolean("no_checker_emails", .acts, "mail only when the real server turns, not also when one of several checks does", \.model.global.mail.omitsChecks)
        r.row("vrrp_rx_bufs_policy", .number("MTU|ADVERT|INT", Limits.buffer, unit: .bytes), default: "kernel default", .typed, "socket receive buffer policy") { $0.bufferPolicy($1) }
        r.integer("vrrp_rx_bufs_multiplier", Limits.bufferMultiplier, default: "3", .typed, "multiplier for policy", \.model.global.buffers.multiplier)
        r.seconds("vrrp_startup_delay", 1_000...4_294_967_295, default: "0", .acts, "delay before VRRP starts after daemon start", \.model.global.startupDelay)
        r.seconds("vrrp_delay_after_boot", 1_000...4_294_967_295, default: "0", .typed, "VRRP not before N s after boot; longer of both delays wins", \.model.global.delayAfterBoot)
        r.flag("log_unknown_vrids", .typed, "log adverts with unconfigured VRID", \.model.global.logsUnknownVirtualRouters)
        r.boolean("vrrp_owner_ignore_adverts", .typed, "address owner discards adverts", \.defaults.options[.ownerIgnoresAdverts])
        r.row("vmac_prefix", .words("STR"), default: "vrrp", note: "<= IFNAMSIZ limits", .typed, "name prefix for generated VMAC interfaces") { $0.set(\.model.global.links.virtualPrefix, prefix: $1) }
        r.row("vmac_addr_prefix", .words("STR"), default: "= vmac_prefix", .typed, "name prefix for VMACs created for VIPs on other interfaces (use_vmac_addr / VIP use_vmac)") { $0.set(\.model.global.links.virtualAddressPrefix, prefix: $1) }
        r.row("umask", .words("NUM | BITNAME|BITNAME.."), default: "IXUSR|IRWXG|IRWXO (0177)", .acts, "umask of the files that signals ask for (hasupd(8)), and of those that init_file makes") { $0.umask($1) }
        r.flag("adopt_leftovers", note: "no effect on instances with priority 255, and on addresses with a lifetime", traits: .own, .acts, "at a start, once no keepalived runs, remove virtual addresses of the file that are here without a mark, too. Linux 5.18 and newer keep for each address which program added it (IFA_PROTO): those of hasup, and of keepalived since 2.3, have such a mark; what an administrator or an older keepalived added has none", \.model.global.adoptsLeftovers)
        r.row("random_seed", .integer(0...Int(UInt32.max)), default: "none", .acts, "seed of ${_RANDOM} from this line on; the numbers aren't keepalived's") { _ = $0.integer($1) }
        r.row("reload_check_config", .words("[LOGFILE]"), default: "off", note: "no arg -> /dev/null", .acts, "every reload is checked first, with or without it; LOGFILE takes the verdict and the findings of the last one") { $0.model.global.reports.reloadLog = $0.firstWord($1) ?? "/dev/null" }
        r.row("reload_time_file", .words("PATH"), default: "none", .acts, "file with the time of a scheduled reload: HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, Z for UTC; it is removed when the time has come") { $0.set(\.model.global.reports.reloadTimeFile, path: $1) }
        r.flag("reload_repeat", .acts, "keep a reload_time_file without a day, and reload daily", \.model.global.reports.repeatsReload)
        r.row("reload_file", .words("[PATH]"), default: "off; no arg -> PIDDIR/keepalived[_INST].reload", .acts, "file that is there, and empty, while a reload reads the configuration") { $0.reloadFile($1) }
        r.row("include_check", .words("[[+|-]read|match|wildcard_match|brace_match ..]"), default: "off", note: "without a word all of them", traits: .repeatable, .acts, "default strictness of plain include; repeatable")
        r.row("config_save_dir", .words("DIR"), default: "none", .acts, "folder for copies of each configuration that ran or was refused, as one text; the newest 40 stay") { $0.set(\.model.global.reports.saveDirectory, path: $1) }
        r.row("tmp_config_directory", .words("DIR"), default: "memfd / run dir", note: "fixed on reload", .accepted("the snapshot is kept in memory"), "where consolidated config copy lives")
        r.boolean("data_use_instance", .acts, "put net_namespace and instance into the names of keepalived.data and keepalived_parent.data: hasupd(8)", \.model.global.reports.namesInstance)
        r.integer("json_version", 1...2, default: "1", .acts, "layout of keepalived.json: 1 is a list of instances, 2 an object with that list and the tracked processes", \.model.global.reports.jsonVersion)
        r.row("iproute_usr_dir", .words("PATH"), default: "build value (/etc/iproute2 or /usr/share/iproute2)", .notYet, "dir with iproute2 name tables")
        r.row("iproute_etc_dir", .words("PATH"), default: "/etc/iproute2", .notYet, "dir with iproute2 name tables (override)")
        r.row("state_dump_file", .words("PATH"), default: "TMPDIR/keepalived.data", .acts, "path of the file that SIGUSR1 asks for, and, with `_parent` before the suffix, of the one with global_defs alone") { $0.set(\.model.global.reports.stateFile, path: $1) }
        r.row("stats_dump_file", .words("PATH"), default: "TMPDIR/keepalived.stats", .accepted("keepalived reads it without effect, too"), "path of stats dump")
        r.row("json_dump_file", .words("PATH"), default: "TMPDIR/keepalived.json", .accepted("keepalived reads it without effect, too"), "path of JSON dump")
    }

    // swift-format-ignore
    static let syncDaemon = KeywordList { r in
        r.row("inst", .words("NAME"), .typed, "vrrp instance that decides the role (first bare word also accepted)") { $0.syncInstance(at: $1.words.lowerBound) }
        r.row("id", .number("N", 0...255), default: "vrid of instance", .typed, "sync id") { $0.set(\.sync.identifier, $1) }
        r.row("maxlen", .number("N", 1...65_507, unit: .bytes), default: "kernel (mtu-28)", .typed, "max packet length") { $0.set(\.sync.maximumLength, $1) }
        r.row("port", .number("N", Limits.port), default: "8848", .typed, "UDP port") { $0.set(\.sync.port, $1) }
        r.row("ttl", .number("N", 1...255), default: "1", .typed, "multicast TTL") { $0.set(\.sync.timeToLive, $1) }
        r.row("group", .words("ADDR"), default: "224.0.0.81", note: "v4/v6 multicast", .typed, "multicast group") { $0.syncGroupAddress($1) }
    }
}
