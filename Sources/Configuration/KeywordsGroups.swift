extension KeywordTable {
    /// Rows of sync groups, scripts, trackers and BFD sessions. The form is explained at `KeywordTable`.
    static let groupsRows: StaticString = ##"""
        [track_file, vrrp_track_file]
        file	PATH (quoted)	required	-	notYet	file whose first integer is the tracked value
        weight	INT [reverse]	1	-254..254	notYet	multiplier; 0 = any non-zero value means fault
        init_file	[VALUE] [overwrite]	not created; VALUE 0	int	notYet	create (or overwrite at start) the file; never overwritten on reload
        [track_group]
        group	list block	required	existing vrrp_instance names	notYet	members
        [garp_group]
        garp_interval	DEC	0	s, us resolution	notYet	gap between GARPs over the whole group
        gna_interval	DEC	0	s	notYet	gap between NAs over the whole group
        interface	IF	-	-	notYet	single interface to which the interval applies
        interfaces	list block	-	-	notYet	interfaces sharing one interval
        [linkbeat_interfaces]
        (entry)	IF [MII|ETHTOOL|IOCTL]	probe order MII, ETHTOOL, IOCTL	-	notYet	interface to be polled
        [interface_up_down_delays]
        (entry)	IF DOWN_DELAY [UP_DELAY]	UP omitted -> 0 in code (doc: = DOWN)	0..255 s decimal	notYet	debounce link down / link up
        [vrrp_sync_group]
        group	list block	required	instance names, each in one group only	notYet	members
        track_interface	list block	-	-	notYet	trackers applied to every member
        track_script	list block	-	-	notYet	trackers applied to every member
        track_file	list block	-	-	notYet	trackers applied to every member
        track_process	list block	-	-	notYet	trackers applied to every member
        track_bfd	list block	-	-	notYet	trackers applied to every member
        notify_master	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	notYet	run on group -> MASTER
        notify_backup	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	notYet	run on group -> BACKUP
        notify_fault	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	notYet	run on group -> FAULT
        notify_stop	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	notYet	run when daemon stops
        notify	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	notYet	generic; args appended: GROUP NAME STATE 0
        smtp_alert	<BOOL>?	global, else false	-	notYet	mail on group transitions
        global_tracking	flag	-	-	notYet	deprecated: give all trackers to all members
        sync_group_tracking_weight	flag	off	-	notYet	allow non-zero weights in trackers of member instances
        notify_priority_changes	<BOOL>?	global	-	notYet	FIFO line on member effective-priority change
        [vrrp_sync_group/track_interface (entry)]
        (entry)	IF [weight N] [reverse|noreverse]	weight 0	-253..253 (254 clamped)	notYet	0: down -> FAULT; >0 added when up; <0 added (subtract) when down
        weight	INT	0	-253..253	notYet	priority change
        reverse	flag	off	-	notYet	invert effect
        noreverse	flag	-	-	notYet	cancel a reverse
        [vrrp_script]
        script	"CMD ARGS" (one quoted word)	required	words after the first are silently dropped	notYet	command; exit 0 = ok; "</PATH" = test that file exists
        interval	DEC	1	s, ms resolution; 0 -> 1	notYet	period between starts
        timeout	DEC	0 = interval	s, ms resolution	notYet	run time after which the script is killed and counted failed
        weight	INT [reverse]	0	-253..253	notYet	0: fail -> FAULT; >0 add when ok; <0 subtract when failed
        rise	INT	1	>=1	notYet	successes needed to become ok
        fall	INT	1	>=1	notYet	failures needed to become failed
        user	USER [[:]GROUP]	script_user	-	notYet	identity to run with
        init_fail	flag	off	code at HEAD ignores it (regression)	notYet	assume failed until first success
        [vrrp_track_process]
        process	PATH|NAME [PARAMS]	required	quoted parts ok	notYet	process to look for (comm unless full_command/params)
        param_match	[initial|partial]	exact	-	notYet	how parameters must match
        weight	INT [reverse]	0	-254..254	notYet	0: not in quorum -> FAULT
        quorum	INT	1	1..65535	notYet	minimum number of processes
        quorum_max	INT	unlimited	0..65535	notYet	maximum number of processes
        delay	DEC	0	0.000001..3600 s	notYet	sets fork and terminate delay
        fork_delay	DEC	0	0.000001..3600 s	notYet	delay before gaining quorum
        terminate_delay	DEC	0	0.000001..3600 s	notYet	delay before losing quorum
        full_command	flag	off	-	notYet	match complete command line
        [bfd_instance]
        source_ip	ADDR	kernel choice	family of neighbour	notYet	local address
        neighbor_ip	ADDR	required	unique	notYet	peer address
        neighbour_ip	ADDR	-	-	notYet	alias of neighbor_ip
        min_rx	DEC	10	ms, >=1 (us resolution)	notYet	Required Min RX
        min_tx	DEC	10	ms, >=1	notYet	Desired Min TX
        idle_tx	DEC	1000	ms, >=1000	notYet	TX interval while not UP
        multiplier	INT	5	1..255	notYet	detection multiplier
        passive	flag	off	-	notYet	wait for peer to start
        ttl	INT	255 (v4) / 64 (v6)	1..255	notYet	TTL of sent packets
        hoplimit	INT	as ttl	1..255	notYet	alias of ttl
        max_hops	INT	0	-1..255; 255 or -1 = unlimited	notYet	hops a received packet may have travelled
        multihop	<BOOL>?	false	-	notYet	RFC5883: port 4784 instead of 3784
        weight	INT [reverse]	0	-253..253	notYet	default weight for track_bfd
        vrrp	flag	both	-	notYet	deliver events to vrrp only
        checker	flag	both	-	notYet	deliver events to checker only
        """##
}
