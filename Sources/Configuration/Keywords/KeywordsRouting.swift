import ConfigurationModel

extension KeywordTable {
    /// Rows of addresses, routes and rules. The form is explained at `KeywordTable`.
    static let routingRows: StaticString = ##"""
        [static_ipaddress (entry)]
        (entry)	ADDR[/LEN] [options]	/32 or /128	-	typed	one address per line
        dev	IF	instance interface (static: default_interface)	-	typed	interface to add it on
        scope	NAME|NUM	global	site link host nowhere global or rt_scopes	typed	address scope
        brd	ADDR|+|-	none	IPv4	typed	broadcast address; + = all ones, - = all zeros
        broadcast	ADDR|+|-	none	IPv4	typed	alias of brd
        label	STR	none	<=15 chars, IPv4	typed	address label
        peer	ADDR[/LEN]	none	-	typed	point-to-point peer
        home	flag	off	IPv6	typed	mobile IPv6 home flag
        -nodad	flag	VIP: nodad set	IPv6	typed	re-enable duplicate address detection
        mngtmpaddr	flag	off	IPv6	typed	template for temporary addresses
        noprefixroute	flag	off	-	typed	no automatic prefix route
        autojoin	flag	off	-	typed	join multicast group automatically
        no_track	flag	off	-	typed	removal does not affect state / not reinstated
        preferred_lft	SECS|forever	forever (IPv6 /128: 0)	uint32 s	typed	preferred lifetime
        track_group	NAME	none	-	typed	instances that go FAULT when this address cannot exist
        [vrrp_instance/virtual_routes (entry), static_routes (entry)]
        (entry)	[TYPE] [to] DEST[/LEN] [options]	-	one route per line	typed	route
        inet	flag	-	-	typed	force IPv4
        inet6	flag	-	-	typed	force IPv6
        to	PREFIX|default|any|all	-	default6 deprecated	typed	destination (keyword optional)
        src	ADDR	-	-	typed	preferred source
        as	[to] ADDR	-	lwt	typed	destination for translation (accepted by parser)
        via	[inet|inet6] ADDR	-	-	typed	gateway
        gw	ADDR	-	deprecated	typed	alias of via
        or	ADDR	-	deprecated	typed	second gateway (multipath)
        from	PREFIX	-	IPv6	typed	source prefix
        tos	NUM|NAME	0	-	typed	TOS selector
        dsfield	NUM|NAME	0	-	typed	alias of tos
        table	NUM|NAME	main	rt_tables	typed	routing table
        protocol	NUM|NAME	keepalived (18); forced when tracked	rt_protos	typed	route protocol
        scope	NUM|NAME	kernel rules (link/host/global)	rt_scopes	typed	route scope
        metric	NUM	0	uint32	typed	priority
        priority	NUM	0	-	typed	alias of metric
        preference	NUM	0	-	typed	alias of metric
        dev	IF	-	-	typed	output interface
        oif	IF	-	-	typed	alias of dev
        onlink	flag	off	-	typed	gateway is on link
        encap	ip|ip6|mpls|ila ...	-	sub: id dst src tos|tc ttl|hoplimit flags	typed	light weight tunnel
        expires	SECS	-	s; IPv6	typed	route lifetime
        mtu	[lock] NUM	-	-	typed	mtu metric
        hoplimit	NUM	-	0..255	typed	hop limit
        advmss	[lock] NUM	-	-	typed	advertised MSS
        rtt	[lock] TIME	-	s|ms suffix	typed	initial rtt
        rttvar	[lock] TIME	-	-	typed	rtt variance
        reordering	[lock] NUM	-	-	typed	reordering
        window	NUM	-	-	typed	max window
        cwnd	[lock] NUM	-	-	typed	cwnd clamp
        ssthresh	[lock] NUM	-	-	typed	ssthresh
        realms	[SRC/]DST	-	-	typed	realms
        rto_min	[lock] TIME	-	-	typed	min rto
        initcwnd	NUM	-	-	typed	initial cwnd
        initrwnd	NUM	-	-	typed	initial rwnd
        features	ecn	-	-	typed	feature bits
        quickack	0|1	-	-	typed	quickack
        congctl	[lock] NAME	-	-	typed	congestion control
        pref	low|medium|high	-	IPv6	typed	router preference
        ttl-propagate	enabled|disabled	-	MPLS	typed	ttl propagation
        fastopen_no_cookie	0|1	-	-	typed	TFO without cookie
        add	flag	-	-	typed	netlink create exclusive
        prepend	flag	default	-	typed	netlink create at front
        append	flag	-	-	typed	netlink append
        nexthop	[inet|inet6] via ADDR dev IF weight N onlink encap.. realms..	-	weight 1..256	typed	multipath hop; last on line
        no_track	flag	off	-	typed	deletion of route does not affect state
        track_group	NAME	none	static_routes only	typed	as address
        vrf	NAME	none	-	typed	use table of VRF
        (type)	unicast|local|broadcast|anycast|multicast|throw|unreachable|prohibit|blackhole|nat	unicast	-	typed	route type
        [vrrp_instance/virtual_rules (entry), static_rules (entry)]
        (entry)	selectors action	-	needs an action	typed	rule
        inet	flag	-	-	typed	force IPv4
        inet6	flag	-	-	typed	force IPv6
        not	flag	off	-	typed	invert match
        from	PREFIX	all	-	typed	source
        to	PREFIX	all	-	typed	destination
        table	NUM|NAME	-	-	typed	action: lookup in table
        lookup	NUM|NAME	-	-	typed	alias of table
        priority	NUM	auto, descending (warning)	-	typed	preference
        preference	NUM	-	-	typed	alias
        order	NUM	-	-	typed	alias
        tos	NUM	-	-	typed	tos
        dsfield	NUM	-	-	typed	alias of tos
        fwmark	V[/MASK]	-	-	typed	mark
        realms	[SRC/]DST	-	-	typed	realms
        suppress_prefixlength	NUM	-	-	typed	ignore shorter routes
        sup_pl	NUM	-	-	typed	alias
        suppress_ifgroup	ID	-	-	typed	ignore routes of group
        sup_group	ID	-	-	typed	alias
        iif	IF	-	-	typed	input interface
        dev	IF	-	-	typed	alias of iif
        oif	IF	-	-	typed	output interface
        tunnel-id	NUM	-	-	typed	tunnel id
        uidrange	A-B	-	-	typed	uids
        l3mdev	flag	-	-	typed	VRF table lookup
        protocol	NUM|NAME	keepalived (18)	-	typed	rule protocol
        ipproto	NUM|NAME	-	-	typed	L4 protocol
        sport	A-B	-	a range, not one port	typed	source ports
        dport	A-B	-	a range, not one port	typed	destination ports
        goto	NUM	-	-	typed	action: jump
        nop	flag	-	-	typed	action
        type	NAME	-	optional word before the action type	typed	action type prefix
        blackhole	flag	-	-	typed	action
        unreachable	flag	-	-	typed	action
        prohibit	flag	-	-	typed	action
        no_track	flag	off	-	typed	deletion does not affect state
        track_group	NAME	none	static_rules only	typed	as address
        """##
}
