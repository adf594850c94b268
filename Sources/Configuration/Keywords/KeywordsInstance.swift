import ConfigurationModel

extension KeywordTable {
    /// Rows of vrrp_instance and its blocks. The form is explained at `KeywordTable`.
    static let instanceRows: StaticString = ##"""
        [vrrp_instance]
        use_vmac	[[name] IF] [MAC] [netlink_notify_msg] [group ID]	off; vrrp.VRID; 00:00:5e:00:01|02:VRID	MAC 5 (VRID appended) or 6 octets, not multicast, not RFC prefix	typed	VRRP over private macvlan with virtual MAC
        use_vmac_addr	flag	off	-	typed	put VMAC under VIPs configured on other interfaces too
        vmac_xmit_base	flag	off (forced on for unicast, IPv6 w/o link-local)	-	typed	send/receive adverts on base interface instead of VMAC
        use_ipvlan	[[name] IF] [ADDR] [bridge|private|vepa] [group ID]	off; mode bridge	exclusive with use_vmac	typed	VRRP over an L2 ipvlan; ADDR becomes source address
        unicast_peer	list block	-	family = instance family	acts	unicast destinations; enables unicast mode
        unicast_fault_no_peer	flag	off	-	typed	unicast with no peers -> FAULT instead of multicast
        check_unicast_src	flag	global	-	acts	drop adverts not from a configured peer
        old_unicast_checksum	[never]	auto	-	accepted: checksums follow RFC 9568	legacy v3 unicast checksum compatibility; never = always correct
        native_ipv6	flag	-	-	accepted: the family follows from the addresses	deprecated; force family IPv6
        state	MASTER|BACKUP	from priority: 255 MASTER, else BACKUP	-	acts	wanted start state; always starts BACKUP unless prio 255; MASTER only: clears nopreempt/preempt_delay, default prio 255, shorter first wait when held in BACKUP by sync group; the first one counts
        interface	IF	required	-	acts	interface VRRP runs on
        vrf	NAME	none	VRF device	typed	bind sockets in VRF
        dont_track_primary	flag	off	-	acts	ignore faults of the VRRP interface
        track_interface	list block	-	-	acts	extra interfaces to track
        track_script	list block	-	-	typed	scripts to track
        track_file	list block	-	-	typed	files to track
        track_process	list block	-	-	typed	processes to track
        track_bfd	list block	-	-	typed	BFD sessions to track
        mcast_src_ip	ADDR	primary address of interface	-	acts	source address for multicast adverts
        unicast_src_ip	ADDR	primary address of interface	-	acts	source address for unicast adverts
        mcast_dst_ip	ADDR	global group	multicast	acts	per-instance multicast group
        track_src_ip	flag	off	needs *_src_ip	typed	FAULT when source address is deleted
        virtual_router_id	INT	required	1..255	acts	VRID; unique per interface+family(+mcast dst)
        unicast_ttl	INT	255	0..255	acts	TTL/hop limit of sent unicast adverts
        version	INT	vrrp_version, or 2 (IPv6: 3)	2|3	acts	VRRP version; in strict mode IPv6 has version 3 only; the first one counts
        priority	INT	100 (255 with state MASTER when no priority stands in the block)	1..255	acts	base priority; 255 = address owner
        advert_int	DEC	1	0.01..255 s; version 2: whole seconds, 1..255; version 3: steps of 0.01, up to 40.95	acts	advert interval
        virtual_ipaddress	list block	-	family decides instance family	acts	VIPs carried in adverts
        virtual_ipaddress_excluded	list block	-	any family	acts	VIPs not carried in adverts
        no_virtual_ipaddress	flag	off	-	acts	allow instance with no VIP (v3/strict otherwise fatal)
        promote_secondaries	flag	off	-	typed	set promote_secondaries on interface
        linkbeat_use_polling	flag	off	deprecated here	typed	poll link state of this interface
        v3_checksum_as_v2	<BOOL>?	global	v3 IPv4	acts	omit pseudo-header from checksum
        virtual_routes	list block	-	-	typed	routes present only while MASTER
        virtual_rules	list block	-	-	typed	rules present only while MASTER
        accept	flag	on if not strict or owner	-	acts	accept traffic to VIPs when not owner
        no_accept	flag	off	-	typed	drop traffic to VIPs except NS/NA (firewall rule)
        skip_check_adv_addr	<BOOL>?	global	-	acts	skip VIP list check
        strict_mode	<BOOL>?	global	-	acts	warn of what the RFC doesn't allow; what is forbidden is done all the same
        preempt	flag	on	-	acts	default; undo nopreempt
        nopreempt	flag	off	cleared by priority 255 or state MASTER	acts	higher priority does not take over from live master
        preempt_delay	DEC	0	0..1000 s	acts	wait before preempting lower-priority master; `state MASTER` and nopreempt clear it
        debug	INT	0	0..4; debug build	accepted: logging is set for the whole daemon	debug level
        notify_master	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	acts	run on -> MASTER
        notify_backup	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	acts	run on -> BACKUP
        notify_fault	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	acts	run on -> FAULT
        notify_stop	"SCRIPT ARGS" [USER [[:]GROUP]]	-	1 s time allowance	acts	run at stop
        notify_deleted	"SCRIPT ARGS" [USER [[:]GROUP]]	off	no arg allowed	typed	emit DELETED (not FAULT) when removed by reload; optional script
        notify	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	acts	generic; args appended: INSTANCE NAME STATE PRIO
        notify_master_rx_lower_pri	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when MASTER hears a lower-priority advert
        smtp_alert	<BOOL>?	global, else false	-	typed	mail on transitions
        notify_priority_changes	<BOOL>?	global	-	typed	FIFO line MASTER_PRIORITY/BACKUP_PRIORITY on effective-priority change
        lvs_sync_daemon_interface	IF	-	deprecated	refused: deprecated; write `lvs_sync_daemon IF INSTANCE` in global_defs	use global lvs_sync_daemon
        garp_master_delay	INT	global (5)	0..4294 s; 0 = no second burst	acts	second GARP burst delay
        garp_master_refresh	INT	global (0)	s	acts	GARP refresh period
        garp_master_repeat	INT	global (5)	0 -> 1	acts	GARPs per burst
        garp_master_refresh_repeat	INT	global (1)	0 -> 1	acts	GARPs per refresh
        garp_lower_prio_delay	INT	global	0..4294 s	acts	as global
        garp_lower_prio_repeat	INT	global	0..	acts	as global
        down_timer_adverts	INT	global (3)	1..100	acts	advert intervals before master down
        timer_expired_backup	[PRIO]	off; no arg = 254	1..254	typed	if our timers were late, go BACKUP when advert with at least this prio is seen
        thread_timer_expired	[PRIO]	-	-	typed	alias of timer_expired_backup
        garp_extra_if	[all] SECS	global	0..86400 s	typed	extra GARPs on VMAC/base interfaces
        vmac_garp_intvl	[all] SECS	-	s	typed	deprecated alias of garp_extra_if
        lower_prio_no_advert	<BOOL>?	global; strict = true	-	acts	do not answer lower-priority adverts
        higher_prio_send_advert	<BOOL>?	global	-	accepted: one more advertisement is always sent before yielding, because the new master announces its addresses again when it hears it	send one last advert before yielding
        owner_ignore_adverts	<BOOL>?	global	-	typed	owner drops received adverts
        kernel_rx_buf_size	INT	global policy	bytes	typed	socket receive buffer
        authentication	block	none	v2 non-strict only	acts	RFC2338 authentication
        auth_hmac	block	none	exclusive with authentication	typed	HMAC-SHA256 trailer authentication (2026 draft)
        [vrrp_instance/authentication]
        auth_type	PASS|AH	none	-	acts	simple password; IPsec AH (HMAC-MD5-96, IPv4) isn't handled yet, and such an instance is in FAULT
        auth_pass	STR	-	truncated to 8 chars	acts	shared secret, padded with NUL
        [vrrp_instance/auth_hmac]
        key	ID hex:HEX|file:PATH|ASCII	required	ID 1..255; 32..64 bytes	typed	a secret to verify and sign with; repeatable
        active_key	ID	required	1..255, must exist	typed	key used for signing
        time_window	INT	max(3*advert_int,5)	1..300 s	typed	allowed clock difference in time mode
        anti_replay	time|monotonic	time	-	typed	freshness by wall clock or only by increasing sequence
        mode	enforce|permissive|receive-only	enforce (forced by strict)	-	typed	drop / log-only / verify but do not sign
        [vrrp_instance/unicast_peer (entry)]
        (entry)	ADDR [min_ttl N] [max_ttl N]	-	-	acts	one peer per line
        min_ttl	INT	0	0..255; turns source check on	acts	lowest accepted TTL from this peer
        max_ttl	INT	255	0..255; turns source check on	acts	highest accepted TTL from this peer
        [vrrp_instance/track_interface (entry)]
        (entry)	IF [weight N] [reverse|noreverse]	weight 0	-253..253 (254 clamped)	acts	0: down -> FAULT; >0 added when up; <0 added (subtract) when down
        weight	INT	0	-253..253	acts	priority change
        reverse	flag	off	-	acts	invert effect
        noreverse	flag	-	-	acts	cancel a reverse
        [vrrp_instance/track_script (entry), vrrp_sync_group/track_script (entry)]
        (entry)	NAME [weight N] [reverse|noreverse]	weight of script	script must be defined before	typed	tracked script
        weight	INT	of vrrp_script	-253..253	typed	override
        reverse	flag	of vrrp_script	-	typed	invert
        noreverse	flag	-	-	typed	cancel reverse
        [vrrp_instance/track_file (entry), vrrp_sync_group/track_file (entry)]
        (entry)	NAME [weight N] [reverse|noreverse]	weight of track_file	-254..254	typed	tracked file
        weight	INT	of track_file	-254..254	typed	override
        reverse	flag	of track_file	-	typed	invert
        noreverse	flag	-	-	typed	cancel reverse
        [vrrp_instance/track_process (entry), vrrp_sync_group/track_process (entry)]
        (entry)	NAME [weight N] [reverse|noreverse]	weight of process	-254..254	typed	tracked process
        weight	INT	of definition	-254..254	typed	override
        reverse	flag	-	-	typed	invert
        noreverse	flag	-	-	typed	cancel reverse
        [vrrp_instance/track_bfd (entry), vrrp_sync_group/track_bfd (entry)]
        (entry)	NAME [weight N] [reverse|noreverse]	weight of bfd_instance	-253..253	typed	tracked BFD session
        weight	INT	of bfd_instance	-253..253	typed	override
        reverse	flag	-	-	typed	invert
        noreverse	flag	-	-	typed	cancel reverse
        [vrrp_instance/virtual_ipaddress (entry), vrrp_instance/virtual_ipaddress_excluded (entry)]
        (entry)	ADDR[/LEN] [options]	/32 or /128	-	acts	one address per line
        dev	IF	instance interface (static: default_interface)	-	acts	interface to add it on
        scope	NAME|NUM	global	site link host nowhere global or rt_scopes	acts	address scope
        brd	ADDR|+|-	none	IPv4	acts	broadcast address; + = all ones, - = all zeros
        broadcast	ADDR|+|-	none	IPv4	acts	alias of brd
        label	STR	none	<=15 chars, IPv4	acts	address label
        peer	ADDR[/LEN]	none	-	acts	point-to-point peer
        home	flag	off	IPv6	typed	mobile IPv6 home flag
        -nodad	flag	VIP: nodad set	IPv6	acts	re-enable duplicate address detection
        mngtmpaddr	flag	off	IPv6	typed	template for temporary addresses
        noprefixroute	flag	off	-	acts	no automatic prefix route
        autojoin	flag	off	-	typed	join multicast group automatically
        no_track	flag	off	-	acts	removal does not affect state and is not undone; its interface is not tracked
        preferred_lft	SECS|forever	forever (IPv6 /128: 0)	uint32 s	acts	preferred lifetime
        use_vmac	flag	off	dev differs from instance interface	typed	create VMAC for this address
        """##
}
