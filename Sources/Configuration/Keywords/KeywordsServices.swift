import ConfigurationModel

extension KeywordTable {
    /// Rows of virtual_server and the checks. The form is explained at `KeywordTable`.
    static let servicesRows: StaticString = ##"""
        [SSL]
        password	STR	none	-	typed	pass phrase of key, a secret
        ca	FILE	none (system default not loaded)	-	typed	CA file loaded into context; server certificate is still not verified (no verify mode set)
        certificate	FILE	none	-	typed	client certificate
        key	FILE	none	-	typed	client private key
        [virtual_server_group (entry)]
        (entry)	ADDR [PORT]	port 0 = any (persistent)	-	typed	one VIP:port
        (range)	ADDR-LAST [PORT]	-	LAST = last octet/hex group, or whole address	typed	address range
        (mask)	ADDR/LEN [PORT]	-	host bits must be zero	typed	address block
        fwmark	N [inet|inet6]	family from vs	0..2^32-1	typed	firewall mark
        [virtual_server]
        ip_family	inet|inet6	from address or real servers	fwmark/group only	typed	address family
        retry	INT	checker default (1; MISC 0; DNS 3)	>=1	typed	default retries for checkers
        delay_before_retry	TIMER	checker default (1 s; HTTP 3 s; DNS delay_loop)	s	typed	default delay between retries
        warmup	TIMER	= delay_loop	s	typed	max random initial delay; 0 = check at once
        connect_timeout	TIMER	5	>0 s	typed	default checker connect timeout
        delay_loop	TIMER	60	>0 s	typed	default interval between checks
        inhibit_on_failure	flag	off	-	typed	on failure set weight 0 instead of removing
        lb_algo	rr|wrr|lc|wlc|lblc|lblcr|sh|mh|dh|fo|ovf|sed|nq|twos	wlc (warning)	exactly these names; others = config error, ignored	typed	IPVS scheduler
        lvs_sched	as lb_algo	-	-	typed	alias of lb_algo
        hashed	flag	no effect	-	accepted: the kernel knows it by the scheduler	sets the hashed flag of IPVS, which the kernel sets itself
        ops	flag	off	UDP	typed	one packet scheduling
        flag-1	flag	off	-	typed	scheduler flag 1
        flag-2	flag	off	-	typed	scheduler flag 2
        flag-3	flag	off	-	typed	scheduler flag 3
        sh-port	flag	off	sched sh first	typed	include port in hash
        sh-fallback	flag	off	sched sh first	typed	fallback on unavailable server
        mh-port	flag	off	sched mh first	typed	include port in hash
        mh-fallback	flag	off	sched mh first	typed	fallback on unavailable server
        lb_kind	NAT|DR|TUN [type ipip|gue port N [nocsum|csum|remcsum]|gre [nocsum|csum]]	NAT (warning)	-	typed	forwarding method
        lvs_method	as lb_kind	-	-	typed	alias of lb_kind
        persistence_engine	NAME	none	<=15, e.g. sip	typed	persistence engine
        persistence_timeout	[SECS]	off; no arg = 360	1..2678400 s	typed	client affinity
        persistence_granularity	NETMASK (v4) | LEN (v6)	/32, /128	v6 1..128	typed	affinity prefix; implies timeout 360
        protocol	TCP|UDP|SCTP	UDP with warning if unset (not fwmark)	case-insensitive	typed	L4 protocol
        ha_suspend	flag	off	-	typed	checks run only while VIP is on this host
        smtp_alert	<BOOL>?	global, else false	-	typed	mail on quorum change
        virtualhost	STR	none	-	typed	default Host header for HTTP checks
        snmp_name	STR	none	-	typed	name in SNMP
        alpha	flag	off	-	typed	default alpha for real servers
        omega	flag	off	-	typed	run down notifications at shutdown
        quorum_up	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when quorum is gained
        quorum_down	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when quorum is lost
        quorum	INT	1	1..; reduced if > total weight	typed	live weight for service
        hysteresis	INT	0	0..quorum-1	typed	hysteresis on live weight
        weight	INT	1	1..2^31-1	typed	default RS weight
        sorry_server	IP [PORT]	none	-	typed	server used when quorum is lost; only one
        sorry_server_inhibit	flag	off	-	typed	inhibit rule for sorry server
        sorry_server_lvs_method	as lb_kind	as virtual server	-	typed	forwarding for sorry server
        real_server	IP [PORT] block	-	port 0/omitted = VS port	typed	real server
        [virtual_server/real_server]
        weight	INT	VS weight (1)	0..2^31-1 (kernel limit)	typed	weight
        lvs_method	as VS	VS value	-	typed	forwarding method
        uthreshold	INT	0	-	typed	upper connection limit
        lthreshold	INT	0	<= uthreshold	typed	lower connection limit
        inhibit_on_failure	<BOOL>?	VS value	-	typed	as VS
        notify_up	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when RS goes up
        notify_down	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when RS goes down
        alpha	<BOOL>?	VS value	-	typed	start in down state
        retry	INT	VS value	>=1	typed	default for checkers
        delay_before_retry	TIMER	VS value	s	typed	default for checkers
        warmup	TIMER	VS value	s	typed	default for checkers
        connect_timeout	TIMER	VS value	s	typed	default for checkers
        delay_loop	TIMER	VS value	s	typed	default for checkers
        smtp_alert	<BOOL>?	global, else TRUE	-	typed	mail on RS/checker change
        virtualhost	STR	VS value	-	typed	Host header
        snmp_name	STR	none	-	typed	name in SNMP
        HTTP_GET	block	-	-	typed	HTTP check
        SSL_GET	block	-	-	typed	HTTPS check
        TCP_CHECK	block	-	-	typed	connect check
        SMTP_CHECK	block	-	-	typed	SMTP dialogue check
        DNS_CHECK	block	-	-	typed	DNS query check
        MISC_CHECK	block	-	-	typed	external program check
        UDP_CHECK	block	-	-	typed	UDP probe
        PING_CHECK	block	-	-	typed	ICMP echo check
        FILE_CHECK	block	-	-	typed	tracked-file check
        BFD_CHECK	block	-	-	typed	BFD session check
        [virtual_server/real_server/HTTP_GET, virtual_server/real_server/SSL_GET]
        connect_ip	ADDR	RS address	-	typed	destination
        connect_port	INT	RS port	1..65535	typed	destination port
        bindto	ADDR	none	-	typed	local address
        bind_port	INT	none	1..65535	typed	local port
        bind_if	IF	none	-	typed	bind to device (SO_BINDTODEVICE; needed for link-local)
        connect_timeout	TIMER	RS/VS (5)	>0 s	typed	timeout for connect and each I/O wait
        fwmark	INT	0	uint32	typed	SO_MARK
        retry	INT	RS/VS or 1	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or 3 s	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        nb_get_retry	INT	-	deprecated	typed	alias of retry
        virtualhost	STR	RS, VS	-	typed	Host header
        http_protocol	1.0|1.1|1.0C|1.0c	1.0	1.0C = 1.0 + Connection: close	typed	HTTP version
        enable_sni	<BOOL>?	off	SSL	typed	send SNI
        sni_name	[NAME]	url/checker/vs virtualhost	SSL	typed	SNI name, implies SNI
        fast_recovery	<BOOL>?	off	-	typed	no delay between URLs while checker is not up (first run/recovery)
        tls_compliant	<BOOL>?	off	SSL	typed	strict shutdown
        url	block	required, repeatable	-	typed	request
        [virtual_server/real_server/HTTP_GET/url, virtual_server/real_server/SSL_GET/url]
        path	STR	required	-	typed	request target
        digest	MD5HEX	none	32 hex	typed	expected MD5 of body
        status_code	N|N-M ...	200-299	100..599	typed	accepted status codes
        virtualhost	STR	checker, RS, VS	-	typed	Host header
        regex	PATTERN (quoted)	none	PCRE2	typed	body must match
        regex_no_match	flag	off	-	typed	body must not match
        regex_options	NAME...	none	allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit	typed	PCRE2 compile options; unknown names silently ignored
        regex_min_offset	INT	0	bytes	typed	match may not start before
        regex_max_offset	INT	unlimited	bytes	typed	match may not start after
        regex_stack	START MAX	pcre default	bytes	notYet	PCRE2 JIT stack
        tls_compliant	<BOOL>?	checker value	SSL only	typed	strict close-notify
        [virtual_server/real_server/TCP_CHECK, virtual_server/real_server/SMTP_CHECK/host, virtual_server/real_server/PING_CHECK]
        connect_ip	ADDR	RS address	-	typed	destination
        connect_port	INT	RS port	1..65535	typed	destination port
        bindto	ADDR	none	-	typed	local address
        bind_port	INT	none	1..65535	typed	local port
        bind_if	IF	none	-	typed	bind to device (SO_BINDTODEVICE; needed for link-local)
        connect_timeout	TIMER	RS/VS (5)	>0 s	typed	timeout for connect and each I/O wait
        fwmark	INT	0	uint32	typed	SO_MARK
        retry	INT	RS/VS or 1	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or 1 s	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        [virtual_server/real_server/SMTP_CHECK]
        connect_ip	ADDR	RS address	-	typed	destination
        connect_port	INT	RS port	1..65535	typed	destination port
        bindto	ADDR	none	-	typed	local address
        bind_port	INT	none	1..65535	typed	local port
        bind_if	IF	none	-	typed	bind to device (SO_BINDTODEVICE; needed for link-local)
        connect_timeout	TIMER	RS/VS (5)	>0 s	typed	timeout for connect and each I/O wait
        fwmark	INT	0	uint32	typed	SO_MARK
        retry	INT	RS/VS or 1	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or 1 s	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        helo_name	STR	smtpchecker.keepalived.org	-	typed	HELO argument
        host	block	-	deprecated	typed	several targets; common options
        [virtual_server/real_server/DNS_CHECK]
        connect_ip	ADDR	RS address	-	typed	destination
        connect_port	INT	RS port	1..65535	typed	destination port
        bindto	ADDR	none	-	typed	local address
        bind_port	INT	none	1..65535	typed	local port
        bind_if	IF	none	-	typed	bind to device (SO_BINDTODEVICE; needed for link-local)
        connect_timeout	TIMER	RS/VS (5)	>0 s	typed	timeout for connect and each I/O wait
        fwmark	INT	0	uint32	typed	SO_MARK
        retry	INT	RS/VS or 3	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or delay_loop	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        type	A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY	SOA	-	typed	query type
        name	DOMAIN	.	-	typed	query name
        [virtual_server/real_server/MISC_CHECK]
        retry	INT	RS/VS or 0	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or 1 s	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        misc_path	"CMD ARGS" (one quoted word)	required	words after the first are dropped	typed	program
        misc_timeout	INT	VS delay_loop	s	typed	kill after
        misc_dynamic	flag	off	-	typed	exit 2..255 sets weight code-2
        user	USER [[:]GROUP]	script_user	-	typed	identity
        [virtual_server/real_server/UDP_CHECK]
        connect_ip	ADDR	RS address	-	typed	destination
        connect_port	INT	RS port	1..65535	typed	destination port
        bindto	ADDR	none	-	typed	local address
        bind_port	INT	none	1..65535	typed	local port
        bind_if	IF	none	-	typed	bind to device (SO_BINDTODEVICE; needed for link-local)
        connect_timeout	TIMER	RS/VS (5)	>0 s	typed	timeout for connect and each I/O wait
        fwmark	INT	0	uint32	typed	SO_MARK
        retry	INT	RS/VS or 1	>=0	typed	retries before failing
        delay_before_retry	TIMER	RS/VS or 1 s	s	typed	delay between retries
        warmup	TIMER	RS/VS or delay_loop	s	typed	max random initial delay
        delay_loop	TIMER	RS/VS (60)	>0 s	typed	check interval
        alpha	<BOOL>?	RS/VS	-	typed	this checker starts down
        log_all_failures	<BOOL>?	global	-	typed	log each failure
        payload	HEX	-	-	typed	datagram content
        require_reply	[HEX with X wildcards]	off	-	typed	a reply (matching) is needed
        min_reply_length	INT	0	0..65535 bytes	typed	min reply length
        max_reply_length	INT	255	0..65535 bytes	typed	max reply length
        [virtual_server/real_server/BFD_CHECK]
        name	NAME	required	existing bfd_instance	typed	session
        alpha	<BOOL>?	RS/VS	-	typed	starts down
        [virtual_server/real_server/FILE_CHECK]
        track_file	NAME	required	-	typed	tracked file
        weight	INT [reverse|noreverse]	weight of track_file (1)	-2147483647..2147483647	typed	value*weight added to RS weight; 0 = non-zero value is failure (zero when reverse)
        """##
}
