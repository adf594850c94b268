import ConfigurationModel

extension KeywordTable {
    /// Rows of sync groups, scripts, trackers and BFD sessions. The form is explained at `KeywordTable`.
    static let groupsRows: StaticString = ##"""
        [track_file, vrrp_track_file]
        file	PATH (quoted)	required	-	typed	file whose first integer is the tracked value; the first one counts
        weight	INT [reverse]	1	-254..254	typed	multiplier; 0 = any non-zero value means fault
        init_file	[VALUE] [overwrite]	not created; VALUE 0	int	typed	create (or overwrite at start) the file; never overwritten on reload
        [track_group]
        group	list block	required	existing vrrp_instance names	typed	members; the first one counts
        [garp_group]
        garp_interval	DEC	0	s; us resolution	typed	gap between GARPs over the whole group
        gna_interval	DEC	0	s	typed	gap between NAs over the whole group
        interface	IF	-	-	typed	single interface to which the interval applies
        interfaces	list block	-	-	typed	interfaces sharing one interval
        [linkbeat_interfaces]
        (entry)	IF [MII|ETHTOOL|IOCTL]	probe order MII, ETHTOOL, IOCTL	-	typed	interface to be polled
        [interface_up_down_delays]
        (entry)	IF DOWN_DELAY [UP_DELAY]	UP_DELAY 0	0..255 s; decimal	typed	debounce link down / link up
        [vrrp_sync_group]
        group	list block	required	instance names, each in one group only	typed	members; the first one counts
        track_interface	list block	-	-	typed	trackers applied to every member
        track_script	list block	-	-	typed	trackers applied to every member
        track_file	list block	-	-	typed	trackers applied to every member
        track_process	list block	-	-	typed	trackers applied to every member
        track_bfd	list block	-	-	typed	trackers applied to every member
        notify_master	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run on group -> MASTER
        notify_backup	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run on group -> BACKUP
        notify_fault	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run on group -> FAULT
        notify_stop	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	run when daemon stops
        notify	"SCRIPT ARGS" [USER [[:]GROUP]]	-	-	typed	generic; args appended: GROUP NAME STATE 0
        smtp_alert	<BOOL>?	global, else false	-	typed	mail on group transitions
        global_tracking	flag	-	-	refused: deprecated; list the trackers in the group itself	deprecated: give all trackers to all members
        sync_group_tracking_weight	flag	off	-	typed	allow non-zero weights in trackers of member instances
        notify_priority_changes	<BOOL>?	global	-	typed	FIFO line on member effective-priority change
        [vrrp_sync_group/track_interface (entry)]
        (entry)	IF [weight N] [reverse|noreverse]	weight 0	-253..253 (254 clamped)	typed	0: down -> FAULT; >0 added when up; <0 added (subtract) when down
        weight	INT	0	-253..253	typed	priority change
        reverse	flag	off	-	typed	invert effect
        noreverse	flag	-	-	typed	cancel a reverse
        [vrrp_script]
        script	"CMD ARGS" (one quoted word)	required	words after the first are silently dropped	typed	command; exit 0 = ok; "</PATH" = test that file exists
        interval	DEC	1	s; ms resolution; 0 -> 1	typed	period between starts
        timeout	DEC	0 = interval	s; ms resolution	typed	run time after which the script is killed and counted failed
        weight	INT [reverse]	0	-253..253	typed	0: fail -> FAULT; >0 add when ok; <0 subtract when failed
        rise	INT	1	>=1	typed	successes needed to become ok
        fall	INT	1	>=1	typed	failures needed to become failed
        user	USER [[:]GROUP]	script_user	-	typed	identity to run with
        init_fail	flag	off	-	typed	assume failed until first success
        [vrrp_track_process]
        process	PATH|NAME [PARAMS]	required	quoted parts ok	typed	process to look for (comm unless full_command/params); the first one counts
        param_match	[initial|partial]	exact	-	typed	how parameters must match
        weight	INT [reverse]	0	-254..254	typed	0: not in quorum -> FAULT
        quorum	INT	1	1..65535	typed	minimum number of processes
        quorum_max	INT	unlimited	0..65535	typed	maximum number of processes
        delay	DEC	0	0.000001..3600 s	typed	sets fork and terminate delay
        fork_delay	DEC	0	0.000001..3600 s	typed	delay before gaining quorum
        terminate_delay	DEC	0	0.000001..3600 s	typed	delay before losing quorum
        full_command	flag	off	-	typed	match complete command line
        [bfd_instance]
        source_ip	ADDR	kernel choice	family of neighbour	typed	local address
        neighbor_ip	ADDR	required	unique	typed	peer address
        neighbour_ip	ADDR	-	-	typed	alias of neighbor_ip
        min_rx	DEC	10	>=1 ms; us resolution	typed	Required Min RX
        min_tx	DEC	10	>=1 ms	typed	Desired Min TX
        idle_tx	DEC	1000	>=1000 ms	typed	TX interval while not UP
        multiplier	INT	5	1..255	typed	detection multiplier
        passive	flag	off	-	typed	wait for peer to start
        ttl	INT	255 (v4) / 64 (v6)	1..255	typed	TTL of sent packets
        hoplimit	INT	as ttl	1..255	typed	alias of ttl
        max_hops	INT	0	-1..255; 255 or -1 = unlimited	typed	hops a received packet may have travelled
        multihop	<BOOL>?	false	-	typed	RFC5883: port 4784 instead of 3784
        weight	INT [reverse]	0	-253..253	typed	default weight for track_bfd
        vrrp	flag	both	-	typed	deliver events to vrrp only
        checker	flag	both	-	typed	deliver events to checker only
        """##
}
