import ConfigurationModel

extension KeywordTable {
    /// The version of keepalived that brought a keyword, as far as its changelog (until 2.0.20) and its release notes tell.
    /// `after 2.2.7` stands for keywords that keepalived 2.2.7 complains about. A keyword that isn't here is as old as
    /// keepalived, or nobody wrote down when it came. A line in square brackets is the version of the following lines: a
    /// context, or a star for every one, then its keywords.
    static let sinceRows: StaticString = ##"""
        [0.4.9]
        virtual_server/real_server	SSL_GET
        [0.5.9]
        vrrp_instance	virtual_ipaddress_excluded notify_master notify_backup notify_fault
        [0.6.1]
        (root)	vrrp_sync_group
        vrrp_instance	mcast_src_ip
        [0.6.8]
        virtual_server/real_server	inhibit_on_failure
        [0.7.1]
        vrrp_instance	garp_master_delay
        [0.7.6]
        *	status_code
        [1.0.0]
        virtual_server	ha_suspend
        virtual_server/real_server	notify_up notify_down
        [1.0.2]
        (root)	virtual_server_group
        vrrp_instance	track_interface
        [1.1.0]
        (root)	static_ipaddress
        *	misc_timeout
        [1.1.8]
        global_defs	router_id
        vrrp_instance	dont_track_primary preempt_delay
        *	misc_dynamic
        [1.1.13]
        (root)	vrrp_script
        vrrp_instance	notify_stop
        [1.2.3]
        vrrp_sync_group	global_tracking
        [1.2.8]
        vrrp_instance	unicast_peer
        [1.2.10]
        global_defs	vrrp_mcast_group4 vrrp_mcast_group6
        vrrp_instance	unicast_src_ip garp_master_refresh
        [1.2.14]
        vrrp_instance	garp_master_repeat garp_master_refresh_repeat
        [1.2.20]
        global_defs	lvs_sync_daemon vrrp_iptables
        virtual_server	ip_family
        virtual_server/real_server/TCP_CHECK	retry delay_before_retry
        [1.2.23]
        global_defs	lvs_flush
        [1.2.24]
        (root)	instance use_pid_dir
        global_defs	default_interface
        [1.3.0]
        (lexical)	@ID
        (root)	namespace_with_ipsets
        global_defs	enable_script_security
        vrrp_instance	no_accept promote_secondaries
        [1.3.2]
        vrrp_script	init_fail
        [1.3.5]
        vrrp_instance	higher_prio_send_advert
        [1.3.6]
        *	home -nodad mngtmpaddr noprefixroute autojoin
        [1.3.7]
        (lexical)	@^ID
        vrrp_instance	old_unicast_checksum
        virtual_server/real_server/HTTP_GET	bind_if
        virtual_server/real_server/SSL_GET	bind_if
        virtual_server/real_server/TCP_CHECK	bind_if
        virtual_server/real_server/SMTP_CHECK	bind_if
        virtual_server/real_server/DNS_CHECK	bind_if
        [1.4.3]
        (lexical)	${_PWD}
        *	enable_sni fastopen_no_cookie l3mdev
        [2.0.0]
        (root)	vrrp_track_file
        global_defs	no_checker_emails
        vrrp_sync_group	sync_group_tracking_weight track_interface track_script track_file
        vrrp_instance/virtual_ipaddress (entry)	no_track
        vrrp_instance/virtual_ipaddress_excluded (entry)	no_track
        [2.0.1]
        (lexical)	${_INSTANCE}
        [2.0.3]
        (root)	track_group
        static_ipaddress (entry)	no_track
        static_routes (entry)	no_track
        static_rules (entry)	no_track
        [2.0.6]
        vrrp_instance	notify_master_rx_lower_pri
        [2.0.7]
        *	regex
        [2.0.9]
        (lexical)	~SEQ(var,[start,[step,]]end)
        global_defs	umask
        [2.0.11]
        (root)	vrrp_track_process
        global_defs	checker_log_all_failures nftables
        vrrp_instance	track_process
        virtual_server/real_server/HTTP_GET	log_all_failures
        virtual_server/real_server/SSL_GET	log_all_failures
        virtual_server/real_server/TCP_CHECK	log_all_failures
        virtual_server/real_server/SMTP_CHECK	log_all_failures
        virtual_server/real_server/DNS_CHECK	log_all_failures
        virtual_server/real_server/MISC_CHECK	log_all_failures
        [2.0.12]
        global_defs	vrrp_min_garp
        [2.0.13]
        (root)	linkbeat_interfaces
        [2.0.14]
        global_defs	vrrp_startup_delay
        [2.0.15]
        (lexical)	${_RANDOM [MIN [MAX]]}
        global_defs	lvs_flush_onstop lvs_flush_on_stop
        [2.0.16]
        global_defs	log_unknown_vrids process_name
        vrrp_track_process	quorum_max
        [2.0.17]
        global_defs	vrrp_cpu_affinity checker_cpu_affinity bfd_cpu_affinity
        vrrp_instance	use_ipvlan
        *	fast_recovery http_protocol
        [2.0.18]
        *	reverse noreverse
        [2.1.0]
        global_defs	reload_time_file max_auto_priority
        [2.2.3]
        (root)	interface_up_down_delays
        vrrp_instance	down_timer_adverts
        [2.2.8]
        vrrp_instance	no_virtual_ipaddress v3_checksum_as_v2
        [2.3.3]
        vrrp_instance	owner_ignore_adverts
        [after 2.2.7]
        global_defs	use_symlink_paths set_supplementary_groups vrrp_delay_after_boot json_version
        global_defs	v3_checksum_as_v2 vrrp_owner_ignore_adverts
        global_defs	iproute_usr_dir iproute_etc_dir state_dump_file stats_dump_file json_dump_file
        global_defs	snmp_vs_stats_update_interval snmp_rs_stats_update_interval dbus_no_interface_name
        vrrp_instance	timer_expired_backup thread_timer_expired auth_hmac
        bfd_instance	multihop
        *	sni_name tls_compliant
        """##

    private static let allVersions = versions(sinceRows)

    static func version(of name: String, in context: String) -> String? {
        allVersions["\(context)\t\(name)"] ?? allVersions["*\t\(name)"]
    }

    /// Context and name, with a tab between, and the version.
    static func versions(_ rows: StaticString) -> [String: String] {
        var known: [String: String] = [:]
        var version = ""
        for line in rows.description.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count == 2 else {
                version = String(line.dropFirst().dropLast())
                continue
            }
            for name in names(of: fields[1]) { known["\(fields[0])\t\(name)"] = version }
        }
        return known
    }

    /// Names with blanks between, except within brackets and braces.
    static func names(of text: Substring) -> [Substring] {
        var depth = 0
        return text.utf8.split { byte in
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            return byte == UInt8(ascii: " ") && depth == 0
        }.map { Substring($0) }
    }
}
