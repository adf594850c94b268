import ConfigurationModel

extension KeywordTable {
    /// Rows of global_defs. The form is explained at `KeywordTable`.
    static let globalRows: StaticString = ##"""
        [global_defs]
        process_names	flag	off	-	accepted: processes are named by their role	set default distinct process names keepalived_vrrp / keepalived_lvs / keepalived_bfd
        process_name	NAME	keepalived	<=15 chars	accepted: processes are named by their role	comm name of parent (and base)
        vrrp_process_name	NAME	-	<=15 chars	accepted: processes are named by their role	comm name of vrrp child
        checker_process_name	NAME	-	<=15 chars	accepted: processes are named by their role	comm name of checker child
        lvs_process_name	NAME	-	<=15	accepted: processes are named by their role	deprecated alias of checker_process_name
        bfd_process_name	NAME	-	<=15 chars	accepted: processes are named by their role	comm name of bfd child
        use_symlink_paths	<BOOL>?	false	-	typed	keep symlinks in script paths instead of resolving them
        set_supplementary_groups	<BOOL>?	false	-	acts	give scripts the supplementary groups of their user
        router_id	STR	hostname	-	acts	identification string in e-mails and SNMP
        notification_email_from	ADDR	<user>@<hostname>	-	typed	From: address
        smtp_server	HOST|IP [PORT]	none (alerts off)	port 25	typed	relay for alerts; plain SMTP
        smtp_helo_name	STR	hostname	-	typed	HELO name
        smtp_connect_timeout	INT	30	0..4294 s; 0 -> 1	typed	SMTP connect timeout
        notification_email	list block	none	one address per line	typed	recipients
        smtp_alert	<BOOL>?	unset	-	typed	default for every smtp_alert
        smtp_alert_vrrp	<BOOL>?	unset	-	typed	default for vrrp instances/groups; wins over smtp_alert
        smtp_alert_checker	<BOOL>?	unset	-	typed	default for virtual/real servers; wins over smtp_alert
        startup_script	"SCRIPT ARGS" [USER [[:]GROUP]]	none	-	typed	run by parent before children start; the first one counts
        startup_script_timeout	INT	10	1..1000 s	typed	limit for startup_script
        shutdown_script	"SCRIPT ARGS" [USER [[:]GROUP]]	none	-	typed	run by parent after children ended; the first one counts
        shutdown_script_timeout	INT	10	1..1000 s	typed	limit for shutdown_script
        max_auto_priority	[INT]	0 (off); no arg = system max	-1..99 (99=sched RR max)	typed	ceiling for automatic real-time priority increases
        min_auto_priority_delay	INT	1000000	1..10000000 us	typed	timer lateness that triggers automatic priority increase
        checker_log_all_failures	<BOOL>?	false	-	typed	log each checker failure, also during retries
        dynamic_interfaces	[allow_if_changes]	off	-	acts	permit configured interfaces that do not exist yet; optional: interface type may change when recreated
        no_email_faults	flag	off	-	typed	no mails for FAULT transitions
        default_interface	IF	eth0	-	typed	interface for static_ipaddress entries without dev
        disable_local_igmp	flag	off	not changeable on reload	typed	stop kernel from sending IGMP for VRRP group on VMAC base (needs matching sysctl set)
        v3_checksum_as_v2	flag	off	argument not parsed	acts	omit IPv4 pseudo-header in v3 checksum for all instances
        lvs_timeouts	tcp N tcpfin N udp N (any subset)	kernel	0..2678400 s	typed	IPVS connection timeouts
        lvs_flush	flag	off	-	typed	clear whole IPVS table at start
        lvs_flush_on_stop	[VS]	off	VS = only our services	typed	flush IPVS at stop without individually removing
        lvs_flush_onstop	[VS]	off	-	typed	deprecated alias
        lvs_sync_daemon	IF [inst] VRRP_INST [id N] [maxlen N] [port N] [ttl N] [group MCAST]	off	-	typed	IPVS connection sync: master on VRRP MASTER, backup otherwise
        vrrp_mcast_group4	ADDR	224.0.0.18	IPv4 multicast	acts	destination for IPv4 adverts
        vrrp_mcast_group6	ADDR	ff02::12	IPv6 multicast	acts	destination for IPv6 adverts
        vrrp_garp_master_delay	INT	5	0..4294 s; 0 = no second burst	acts	delay of second GARP burst after becoming MASTER
        vrrp_garp_master_repeat	INT	5	0 -> 1	acts	GARPs per burst
        vrrp_garp_master_refresh	INT	0 (off)	s	acts	period of GARP refresh while MASTER
        vrrp_garp_master_refresh_repeat	INT	1	0 -> 1	acts	GARPs per refresh
        vrrp_garp_lower_prio_delay	INT	= vrrp_garp_master_delay	0..4294 s	acts	delay of second burst after hearing a lower-priority advert
        vrrp_garp_lower_prio_repeat	INT	= vrrp_garp_master_repeat	0..; 0 = none	acts	GARPs in that case
        vrrp_down_timer_adverts	INT	3	1..100	acts	advert intervals before master is declared down
        vrrp_garp_interval	DEC	0	0.. s	acts	minimum gap between GARPs on an interface; 0 for none
        vrrp_gna_interval	DEC	0	0.. s	acts	minimum gap between unsolicited NAs on an interface; 0 for none
        vrrp_min_garp	<BOOL>?	off	-	acts	one GARP only: repeat 1, delay 0 (only settings still at default)
        vrrp_garp_extra_if	[all] SECS	off	1..86400 s	typed	with VMAC: also send GARPs on other VMAC/base interfaces periodically
        vrrp_vmac_garp_intvl	[all] SECS	off	1..86400 s	typed	deprecated alias of vrrp_garp_extra_if
        vrrp_lower_prio_no_advert	<BOOL>?	false	-	acts	do not answer lower-priority adverts at once (RFC behaviour)
        vrrp_higher_prio_send_advert	<BOOL>?	false	-	accepted: one more advertisement is always sent before yielding, because the new master announces its addresses again when it hears it	send one more advert before yielding to a higher-priority master
        vrrp_version	INT	2	2|3	acts	default VRRP version (IPv4 instances; IPv6 defaults to 3)
        vrrp_iptables	[IN [OUT]]	no filtering unless needed; no arg: INPUT OUTPUT	chain names	typed	use iptables for no_accept/VMAC filter rules
        vrrp_ipsets	[NAME x up to 6]	keepalived, +6 _if6 _igmp _mld _nd	all different, <=31	typed	use ipsets with iptables (no arg disables)
        nftables	[TABLE]	keepalived	<=31 chars; fixed on reload	typed	use nftables with this table
        nftables_priority	INT	-1	int32	typed	chain priority
        nftables_ifindex	flag	off	-	typed	match interface by index not name
        nftables_counters	flag	off	-	typed	add counters to rules
        nftables_ipvs	[TABLE]	keepalived_ipvs	<=31	typed	table for automatic fwmark of virtual_server_group
        nftables_ipvs_priority	INT	-1	int32	typed	chain priority
        nftables_ipvs_start_fwmark	INT	1000	1..2^32-1	typed	first automatic fwmark
        vrrp_check_unicast_src	flag	off	-	acts	accept unicast adverts only from configured peers
        vrrp_skip_check_adv_addr	<BOOL>?	false	-	acts	skip VIP list check when sender is same as last accepted
        vrrp_strict	<BOOL>?	false	-	acts	warn of what the RFC doesn't allow, in all instances; what is forbidden is done all the same
        vrrp_priority	INT	0	-20..19	typed	nice of vrrp child
        vrrp_no_swap	flag	off	-	accepted: memory is always locked	mlockall for vrrp child
        vrrp_rt_priority	INT	off	1..99 (clamped)	acts	SCHED_RR priority of vrrp child
        vrrp_cpu_affinity	CPU...	all	0..ncpu-1	typed	CPU pinning
        vrrp_rlimit_rttime	INT	10000	>=2 us	typed	RLIMIT_RTTIME of vrrp child
        vrrp_rlimit_rtime	INT	-	-	accepted: a deprecated misspelling	deprecated misspelling
        checker_priority	INT	0	-20..19	typed	nice of checker child
        checker_no_swap	flag	off	-	typed	mlockall for checker child
        checker_rt_priority	INT	off	1..99	typed	SCHED_RR priority of checker child
        checker_cpu_affinity	CPU...	all	-	typed	CPU pinning
        checker_rlimit_rttime	INT	10000	us	typed	RLIMIT_RTTIME
        checker_rlimit_rtime	INT	-	-	accepted: a deprecated misspelling	deprecated misspelling
        bfd_priority	INT	0	-20..19	typed	nice of bfd child
        bfd_no_swap	flag	off	-	typed	mlockall for bfd child
        bfd_rt_priority	INT	off	1..99	typed	SCHED_RR priority of bfd child
        bfd_cpu_affinity	CPU...	all	-	typed	CPU pinning
        bfd_rlimit_rttime	INT	10000	us	typed	RLIMIT_RTTIME
        bfd_rlimit_rtime	INT	-	-	accepted: a deprecated misspelling	deprecated misspelling
        notify_fifo	PATH [USER [GROUP]]	none	-	typed	FIFO for VRRP and LVS events; the first one counts
        notify_fifo_script	"SCRIPT ARGS" [USER [[:]GROUP]]	none	path appended as last arg	typed	reader process of notify_fifo; not respawned if it dies; started anew on reload; the first one counts
        vrrp_notify_fifo	PATH [USER [GROUP]]	none	-	typed	FIFO for VRRP events only; the first one counts
        vrrp_notify_fifo_script	"SCRIPT ARGS" [USER [[:]GROUP]]	none	-	typed	reader for vrrp_notify_fifo; the first one counts
        lvs_notify_fifo	PATH [USER [GROUP]]	none	-	typed	FIFO for LVS events only; the first one counts
        lvs_notify_fifo_script	"SCRIPT ARGS" [USER [[:]GROUP]]	none	-	typed	reader for lvs_notify_fifo; the first one counts
        vrrp_notify_priority_changes	<BOOL>?	false	-	typed	FIFO line (no script) on effective-priority change
        fifo_write_vrrp_states_on_reload	flag	off	-	typed	after reload write all current states to FIFOs
        snmp_socket	SOCKET	unix:/var/agentx/master	udp:host:port if bare	typed	AgentX master address
        enable_traps	flag	off	-	typed	send SNMP traps
        enable_snmp_vrrp	flag	off	-	typed	KEEPALIVED-MIB vrrp part
        enable_snmp_keepalived	flag	off	-	typed	deprecated alias of enable_snmp_vrrp
        enable_snmp_checker	flag	off	-	typed	KEEPALIVED-MIB check part
        enable_snmp_rfc	flag	off	-	typed	RFC2787 and RFC6527 MIBs
        enable_snmp_rfcv2	flag	off	-	typed	RFC2787 VRRP-MIB
        enable_snmp_rfcv3	flag	off	-	typed	RFC6527 VRRPV3-MIB
        snmp_vs_stats_update_interval	DEC	5	0.001..30 s	typed	refresh limit of VS stats for SNMP
        snmp_rs_stats_update_interval	DEC	= vs value	0.001..30 s	typed	refresh limit of RS stats for SNMP
        enable_dbus	flag	off	-	typed	DBus service
        dbus_service_name	NAME	org.keepalived.Vrrp1	-	typed	bus name
        dbus_no_interface_name	NAME	none	-	typed	object path element when instance has no interface
        script_user	USER [[:]GROUP]	keepalived_script if exists else own uid	":" = with supplementary groups	acts	default user for scripts
        enable_script_security	flag	off	-	acts	refuse scripts on a path that others than root and the script's user can write; those that run as root always are
        vrrp_netlink_cmd_rcv_bufs	INT	kernel default	bytes	typed	netlink command socket buffer, vrrp
        vrrp_netlink_cmd_rcv_bufs_force	<BOOL>?	false	-	typed	use SO_RCVBUFFORCE
        vrrp_netlink_monitor_rcv_bufs	INT	kernel default	bytes	typed	netlink monitor socket buffer, vrrp
        vrrp_netlink_monitor_rcv_bufs_force	<BOOL>?	false	-	typed	use SO_RCVBUFFORCE
        lvs_netlink_cmd_rcv_bufs	INT	kernel default	bytes	typed	same for checker
        lvs_netlink_cmd_rcv_bufs_force	<BOOL>?	false	-	typed	same for checker
        lvs_netlink_monitor_rcv_bufs	INT	kernel default	bytes	typed	same for checker
        lvs_netlink_monitor_rcv_bufs_force	<BOOL>?	false	-	typed	same for checker
        process_monitor_rcv_bufs	INT	kernel default	bytes	typed	proc connector socket buffer
        process_monitor_rcv_bufs_force	<BOOL>?	false	-	typed	use SO_RCVBUFFORCE
        rs_init_notifies	<BOOL>?	false	-	typed	run RS notifies for initial state at start/reload
        no_checker_emails	<BOOL>?	false	-	typed	mail only on RS state change, not per checker
        vrrp_rx_bufs_policy	MTU|ADVERT|INT	kernel default	bytes	typed	socket receive buffer policy
        vrrp_rx_bufs_multiplier	INT	3	>=1	typed	multiplier for policy
        vrrp_startup_delay	DEC	0	>=0.001 s	acts	delay before VRRP starts after daemon start
        vrrp_delay_after_boot	DEC	0	>=0.001 s	typed	VRRP not before N s after boot; longer of both delays wins
        log_unknown_vrids	flag	off	-	typed	log adverts with unconfigured VRID
        vrrp_owner_ignore_adverts	<BOOL>?	false	-	typed	address owner discards adverts
        vmac_prefix	STR	vrrp	<= IFNAMSIZ limits	typed	name prefix for generated VMAC interfaces
        vmac_addr_prefix	STR	= vmac_prefix	-	typed	name prefix for VMACs created for VIPs on other interfaces (use_vmac_addr / VIP use_vmac)
        umask	NUM | BITNAME|BITNAME..	IXUSR|IRWXG|IRWXO (0177)	-	typed	umask for created files
        adopt_leftovers	flag	off	no effect on instances with priority 255, and on addresses with a lifetime	acts	at a start, once no keepalived runs, remove virtual addresses of the file that are here without a mark, too. Linux 5.18 and newer keep for each address which program added it (IFA_PROTO): those of hasup, and of keepalived since 2.3, have such a mark; what an administrator or an older keepalived added has none
        random_seed	INT	none	uint32	acts	seed of ${_RANDOM} from this line on; the numbers aren't keepalived's
        reload_check_config	[LOGFILE]	off	no arg -> /dev/null	acts	every reload is judged first, with or without it; LOGFILE takes the verdict and the findings of the last one
        reload_time_file	PATH	none	-	acts	file with the time of a scheduled reload: HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, Z for UTC; it is removed when the time has come
        reload_repeat	flag	off	-	acts	keep a reload_time_file without a day, and reload daily
        reload_file	[PATH]	off; no arg -> PIDDIR/keepalived[_INST].reload	-	acts	file that is there, and empty, while a reload reads the configuration
        include_check	[[+|-]read|match|wildcard_match|brace_match ..]	off	without a word all of them	acts	default strictness of plain include; repeatable
        config_save_dir	DIR	none	-	acts	folder for copies of each configuration that ran or was refused, as one text; the newest 40 stay
        tmp_config_directory	DIR	memfd / run dir	fixed on reload	accepted: the snapshot is kept in memory	where consolidated config copy lives
        data_use_instance	<BOOL>?	false	-	typed	include namespace/instance in dump file names
        json_version	INT	1	1|2	typed	JSON dump layout
        iproute_usr_dir	PATH	build value (/etc/iproute2 or /usr/share/iproute2)	-	notYet	dir with iproute2 name tables
        iproute_etc_dir	PATH	/etc/iproute2	-	notYet	dir with iproute2 name tables (override)
        state_dump_file	PATH	TMPDIR/keepalived.data	-	typed	path of state dump
        stats_dump_file	PATH	TMPDIR/keepalived.stats	-	accepted: keepalived reads it without effect, too	path of stats dump
        json_dump_file	PATH	TMPDIR/keepalived.json	-	accepted: keepalived reads it without effect, too	path of JSON dump
        [global_defs/lvs_sync_daemon (option)]
        inst	NAME	-	-	typed	vrrp instance that decides the role (first bare word also accepted)
        id	N	vrid of instance	0..255	typed	sync id
        maxlen	N	kernel (mtu-28)	1..65507 bytes	typed	max packet length
        port	N	8848	1..65535	typed	UDP port
        ttl	N	1	1..255	typed	multicast TTL
        group	ADDR	224.0.0.81	v4/v6 multicast	typed	multicast group
        """##
}
