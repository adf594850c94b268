import ConfigurationModel

extension KeywordTable {
    /// Rows of lines, includes, definitions and top-level blocks. The form is explained at `KeywordTable`.
    static let lexicalRows: StaticString = ##"""
        [(lexical)]
        #	comment to EOL	-	-	acts	comment outside double quotes; \# is literal
        !	comment to EOL	-	-	acts	comment outside double quotes; \! is literal
        include	PATH|GLOB	-	glob incl. {a,b}	acts	read other file(s): a name without wildcards or braces must be a readable file; a pattern may match nothing; what it matches and can't be read (a folder, a program, a link to nowhere) is an error
        includer	PATH|GLOB	-	-	acts	include, which is as strict
        includem	PATH|GLOB	-	-	acts	include; error if nothing matches
        includew	PATH|GLOB	-	-	acts	include; error if wildcard pattern matches nothing
        includeb	PATH|GLOB	-	-	acts	include; error if a brace alternative matches nothing
        includea	PATH|GLOB	-	-	acts	include with all checks on
        @ID	line prefix	-	exact match with config-id	acts	keep rest of line only if config-id equals ID
        @^ID	line prefix	-	-	acts	keep rest of line only if config-id differs from ID
        @hasup	line prefix	-	-	acts	keep rest of line in hasup, whatever the config-id is; keepalived skips it, so it is for keywords that only hasup knows
        @^hasup	line prefix	-	-	acts	keep rest of line in keepalived only
        $NAME=	text	-	[A-Za-z_][A-Za-z0-9_]*	acts	define substitution parameter (empty allowed; trailing \ = multi-line)
        ${NAME} / $NAME	reference	unchanged if undefined	-	acts	lazy recursive substitution
        ${_INSTANCE}	builtin	-	-	acts	the config-id
        ${_PWD}	builtin	-	-	acts	directory of the file being read
        ${_ENV VAR}	builtin	empty	-	acts	value of environment variable VAR
        ${_RANDOM [MIN [MAX]]}	builtin	0..32767	-	acts	random number at each use (seed: random_seed)
        ${_HASH} / ${_BANG}	builtin	-	-	acts	literal # / !
        ~SEQ(var,[start,[step,]]end)	line prefix	start 1 (or -1), step +-1	integers, base auto (0x)	acts	repeat line for each number
        ~SEQx(...)	line prefix	-	non-negative	acts	as ~SEQ but substitutes lower-case hex
        ~LST(var,v1,v2..)	line prefix	-	-	acts	repeat line for each list value; {a,b},{1,2} form for several variables
        [(root)]
        global_defs	block	-	-	acts	global settings; may appear several times
        linkbeat_use_polling	flag	off	-	typed	poll MII/ETHTOOL/ioctl for link state instead of netlink
        net_namespace	NAME	none	not changeable on reload	typed	run in /run/netns/NAME; implies use_pid_dir; adds name to ident
        net_namespace_ipvs	[NAME]	= net_namespace	no arg = default ns	typed	separate network namespace for IPVS
        namespace_with_ipsets	flag	off	-	accepted: every kernel that hasup runs on has IP sets in namespaces	permit ipsets when in a namespace (old kernels)
        use_pid_dir	flag	off	-	accepted: run-time files have a directory of their own	pid files under /run/keepalived/
        instance	NAME	none	not changeable on reload	typed	name of this daemon instance: pid/dump file names, ident; implies use_pid_dir
        child_wait_time	SECS	5	0.. s	typed	how long parent waits for children after SIGTERM before SIGKILL
        track_file	NAME block	-	-	typed	define tracked file
        vrrp_track_file	NAME block	-	-	typed	deprecated alias of track_file
        track_group	NAME block	-	-	typed	set of vrrp instances affected by a tracked static address/route/rule
        static_ipaddress	list block	-	-	typed	addresses kept on host independent of VRRP state
        static_routes	list block	-	-	typed	routes installed at start, removed at stop
        static_rules	list block	-	-	typed	ip rules installed at start, removed at stop
        vrrp_sync_group	NAME block	-	-	typed	instances that change state together
        garp_group	block	-	-	typed	interfaces sharing a gratuitous ARP/NA rate limit
        linkbeat_interfaces	list block	-	-	typed	interfaces to poll for link state
        vrrp_instance	NAME block	-	name unique	acts	VRRP virtual router
        vrrp_script	NAME block	-	name unique	typed	health script definition
        vrrp_track_process	NAME block	-	name unique	typed	process presence tracking definition
        interface_up_down_delays	list block	-	-	typed	debounce of interface state per interface
        SSL	block	-	-	notYet	client TLS context for SSL_GET (process wide)
        virtual_server_group	NAME list block	-	-	notYet	set of VIP:port/fwmark sharing one real server set
        virtual_server	IP[/x] [PORT] | fwmark N | group NAME, block	-	-	notYet	IPVS virtual service
        bfd_instance	NAME block	-	name <=31 chars, unique	typed	BFD session
        """##
}
