extension KeywordTable {
    /// Rows of addresses, routes and rules. The form is explained at `KeywordTable`.
    static let routingRows: StaticString = ##"""
        [static_ipaddress (entry)]
        (entry)	ADDR[/LEN] [options]	/32 or /128	-	notYet	one address per line
        dev	IF	instance interface (static: default_interface)	-	notYet	interface to add it on
        scope	NAME|NUM	global	site link host nowhere global or rt_scopes	notYet	address scope
        brd	ADDR|+|-	none	IPv4	notYet	broadcast address; + = all ones, - = all zeros
        broadcast	ADDR|+|-	none	IPv4	notYet	alias of brd
        label	STR	none	<=15 chars, IPv4	notYet	address label
        peer	ADDR[/LEN]	none	-	notYet	point-to-point peer
        home	flag	off	IPv6	notYet	mobile IPv6 home flag
        -nodad	flag	VIP: nodad set	IPv6	notYet	re-enable duplicate address detection
        mngtmpaddr	flag	off	IPv6	notYet	template for temporary addresses
        noprefixroute	flag	off	-	notYet	no automatic prefix route
        autojoin	flag	off	-	notYet	join multicast group automatically
        no_track	flag	off	-	notYet	removal does not affect state / not reinstated
        preferred_lft	SECS|forever	forever (IPv6 /128: 0)	uint32	notYet	preferred lifetime
        track_group	NAME	none	-	notYet	instances that go FAULT when this address cannot exist
        [vrrp_instance/virtual_routes (entry), static_routes (entry)]
        (entry)	[TYPE] [to] DEST[/LEN] [options]	-	one route per line	notYet	route
        inet	flag	-	-	notYet	force IPv4
        inet6	flag	-	-	notYet	force IPv6
        to	PREFIX|default|any|all	-	default6 deprecated	notYet	destination (keyword optional)
        src	ADDR	-	-	notYet	preferred source
        as	[to] ADDR	-	lwt	notYet	destination for translation (accepted by parser)
        via	[inet|inet6] ADDR	-	-	notYet	gateway
        gw	ADDR	-	deprecated	notYet	alias of via
        or	ADDR	-	deprecated	notYet	second gateway (multipath)
        from	PREFIX	-	IPv6	notYet	source prefix
        tos	NUM|NAME	0	-	notYet	TOS selector
        dsfield	NUM|NAME	0	-	notYet	alias of tos
        table	NUM|NAME	main	rt_tables	notYet	routing table
        protocol	NUM|NAME	keepalived (18); forced when tracked	rt_protos	notYet	route protocol
        scope	NUM|NAME	kernel rules (link/host/global)	rt_scopes	notYet	route scope
        metric	NUM	0	uint32	notYet	priority
        priority	NUM	0	-	notYet	alias of metric
        preference	NUM	0	-	notYet	alias of metric
        dev	IF	-	-	notYet	output interface
        oif	IF	-	-	notYet	alias of dev
        onlink	flag	off	-	notYet	gateway is on link
        encap	ip|ip6|mpls|ila ...	-	sub: id dst src tos|tc ttl|hoplimit flags	notYet	light weight tunnel
        expires	SECS	-	IPv6	notYet	route lifetime
        mtu	[lock] NUM	-	-	notYet	mtu metric
        hoplimit	NUM	-	0..255	notYet	hop limit
        advmss	[lock] NUM	-	-	notYet	advertised MSS
        rtt	[lock] TIME	-	s|ms suffix	notYet	initial rtt
        rttvar	[lock] TIME	-	-	notYet	rtt variance
        reordering	[lock] NUM	-	-	notYet	reordering
        window	NUM	-	-	notYet	max window
        cwnd	[lock] NUM	-	-	notYet	cwnd clamp
        ssthresh	[lock] NUM	-	-	notYet	ssthresh
        realms	[SRC/]DST	-	-	notYet	realms
        rto_min	[lock] TIME	-	-	notYet	min rto
        initcwnd	NUM	-	-	notYet	initial cwnd
        initrwnd	NUM	-	-	notYet	initial rwnd
        features	ecn	-	-	notYet	feature bits
        quickack	0|1	-	-	notYet	quickack
        congctl	[lock] NAME	-	-	notYet	congestion control
        pref	low|medium|high	-	IPv6	notYet	router preference
        ttl-propagate	enabled|disabled	-	MPLS	notYet	ttl propagation
        fastopen_no_cookie	0|1	-	-	notYet	TFO without cookie
        add	flag	-	-	notYet	netlink create exclusive
        prepend	flag	default	-	notYet	netlink create at front
        append	flag	-	-	notYet	netlink append
        nexthop	[inet|inet6] via ADDR dev IF weight N onlink encap.. realms..	-	weight 1..256	notYet	multipath hop; last on line
        no_track	flag	off	-	notYet	deletion of route does not affect state
        track_group	NAME	none	static_routes only	notYet	as address
        vrf	NAME	none	-	notYet	use table of VRF
        (type)	unicast|local|broadcast|anycast|multicast|throw|unreachable|prohibit|blackhole|nat	unicast	-	notYet	route type
        [vrrp_instance/virtual_rules (entry), static_rules (entry)]
        (entry)	selectors action	-	needs an action	notYet	rule
        inet	flag	-	-	notYet	force IPv4
        inet6	flag	-	-	notYet	force IPv6
        not	flag	off	-	notYet	invert match
        from	PREFIX	all	-	notYet	source
        to	PREFIX	all	-	notYet	destination
        table	NUM|NAME	-	-	notYet	action: lookup in table
        lookup	NUM|NAME	-	-	notYet	alias of table
        priority	NUM	auto, descending (warning)	-	notYet	preference
        preference	NUM	-	-	notYet	alias
        order	NUM	-	-	notYet	alias
        tos	NUM	-	-	notYet	tos
        dsfield	NUM	-	-	notYet	alias of tos
        fwmark	V[/MASK]	-	-	notYet	mark
        realms	[SRC/]DST	-	-	notYet	realms
        suppress_prefixlength	NUM	-	-	notYet	ignore shorter routes
        sup_pl	NUM	-	-	notYet	alias
        suppress_ifgroup	ID	-	-	notYet	ignore routes of group
        sup_group	ID	-	-	notYet	alias
        iif	IF	-	-	notYet	input interface
        dev	IF	-	-	notYet	alias of iif
        oif	IF	-	-	notYet	output interface
        tunnel-id	NUM	-	-	notYet	tunnel id
        uidrange	A-B	-	-	notYet	uids
        l3mdev	flag	-	-	notYet	VRF table lookup
        protocol	NUM|NAME	keepalived (18)	-	notYet	rule protocol
        ipproto	NUM|NAME	-	doc example: ip_proto	notYet	L4 protocol
        sport	A-B	-	code needs a range	notYet	source ports
        dport	A-B	-	code needs a range	notYet	destination ports
        goto	NUM	-	-	notYet	action: jump
        nop	flag	-	-	notYet	action
        type	NAME	-	optional word before the action type	notYet	action type prefix
        blackhole	flag	-	-	notYet	action
        unreachable	flag	-	-	notYet	action
        prohibit	flag	-	-	notYet	action
        no_track	flag	off	-	notYet	deletion does not affect state
        track_group	NAME	none	static_rules only	notYet	as address
        """##
}
