import Base
import ConfigurationModel

// Rows of vrrp_instance and its blocks. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let instance = KeywordList { r in
        r.row("use_vmac", .words("[[name] IF] [MAC] [netlink_notify_msg] [group ID]"), default: "off; vrrp.VRID; 00:00:5e:00:01|02:VRID", note: "MAC 5 (VRID appended) or 6 octets, not multicast, not RFC prefix", .typed, "VRRP over private macvlan with virtual MAC") { $0.vmac($1) }
        r.flag("use_vmac_addr", .typed, "put VMAC under VIPs configured on other interfaces too", \.draft.settings.options[.usesVirtualMACForAddresses])
        r.flag("vmac_xmit_base", default: "off (forced on for unicast, IPv6 w/o link-local)", .typed, "send/receive adverts on base interface instead of VMAC", \.draft.settings.options[.transmitsOnBase])
        r.row("use_ipvlan", .words("[[name] IF] [ADDR] [bridge|private|vepa] [group ID]"), default: "off; mode bridge", note: "exclusive with use_vmac", .typed, "VRRP over an L2 ipvlan; ADDR becomes source address") { $0.ipvlan($1) }
        r.row("unicast_peer", .list(.unicastPeer), note: "family = instance family", .acts, "unicast destinations; enables unicast mode") { $0.unicastPeers($1) }
        r.flag("unicast_fault_no_peer", .typed, "unicast with no peers -> FAULT instead of multicast", \.draft.settings.options[.faultsWithoutPeer])
        r.flag("check_unicast_src", default: "global", .acts, "drop adverts not from a configured peer", \.draft.settings.checkUnicastSource)
        r.row("old_unicast_checksum", .words("[never]"), default: "auto", .accepted("checksums follow RFC 9568"), "legacy v3 unicast checksum compatibility; never = always correct")
        r.row("native_ipv6", .flag, traits: .deprecated, .accepted("the family follows from the addresses"), "deprecated; force family IPv6")
        r.row("state", .words("MASTER|BACKUP"), default: "from priority: 255 MASTER, else BACKUP", traits: .firstCounts, .acts, "wanted start state; always starts BACKUP unless prio 255; MASTER only: clears nopreempt/preempt_delay, default prio 255, shorter first wait when held in BACKUP by sync group; the first one counts") { $0.state($1) }
        r.row("interface", .words("IF"), default: "required", .acts, "interface VRRP runs on") { $0.set(\.draft.settings.interface, interface: $1) }
        r.row("vrf", .words("NAME"), default: "none", note: "VRF device", .typed, "bind sockets in VRF") { $0.set(\.draft.extra.vrf, interface: $1) }
        r.flag("dont_track_primary", .acts, "ignore faults of the VRRP interface", \.draft.settings.ignoresPrimaryInterface)
        r.row("track_interface", .list(.trackedInterface), .acts, "extra interfaces to track") { $0.trackInterfaces($1) }
        r.row("track_script", .list(.trackedScript), .acts, "scripts to track") { $0.track(.script, $1) }
        r.row("track_file", .list(.trackedFile), .acts, "files to track") { $0.track(.file, $1) }
        r.row("track_process", .list(.trackedProcess), .acts, "processes to track") { $0.track(.process, $1) }
        r.row("track_bfd", .list(.trackedSession), .typed, "BFD sessions to track") { $0.track(.bfd, $1) }
        r.row("mcast_src_ip", .words("ADDR"), default: "primary address of interface", .acts, "source address for multicast adverts") { $0.set(\.draft.settings.sourceAddress, host: $1) }
        r.row("unicast_src_ip", .words("ADDR"), default: "primary address of interface", .acts, "source address for unicast adverts") { $0.set(\.draft.settings.sourceAddress, host: $1) }
        r.row("mcast_dst_ip", .words("ADDR"), default: "global group", note: "multicast", .acts, "per-instance multicast group") { $0.set(\.draft.group, host: $1) }
        r.flag("track_src_ip", note: "needs *_src_ip", .typed, "FAULT when source address is deleted", \.draft.settings.options[.tracksSourceAddress])
        r.integer("virtual_router_id", 1...255, default: "required", .acts, "VRID; unique per interface+family(+mcast dst)", \.draft.settings.virtualRouterID)
        r.integer("unicast_ttl", 0...255, default: "255", .acts, "TTL/hop limit of sent unicast adverts", \.draft.settings.unicastTTL)
        r.integer("version", 2...3, default: "vrrp_version, or 2 (IPv6: 3)", traits: .firstCounts, .acts, "VRRP version; in strict mode IPv6 has version 3 only; the first one counts", \.draft.version)
        r.integer("priority", 1...255, default: "100 (255 with state MASTER when no priority stands in the block)", .acts, "base priority; 255 = address owner", \.draft.priority)
        r.seconds("advert_int", 10_000...255_000_000, default: "1", note: "version 2: whole seconds, 1..255; version 3: steps of 0.01, up to 40.95", .acts, "advert interval", \.draft.advertInterval)
        r.row("virtual_ipaddress", .list(.virtualAddress), note: "family decides instance family", .acts, "VIPs carried in adverts") { $0.virtualAddresses($1, \.draft.settings.virtualAddresses, \.draft.virtualPlaces) }
        r.row("virtual_ipaddress_excluded", .list(.virtualAddress), note: "any family", .acts, "VIPs not carried in adverts") { $0.virtualAddresses($1, \.draft.settings.excludedAddresses, \.draft.excludedPlaces) }
        r.flag("no_virtual_ipaddress", .acts, "allow instance with no VIP (v3/strict otherwise fatal)", \.draft.mayLackAddresses)
        r.row("address_lease", .optionalInteger("[SECONDS]", Limits.addressLease, unit: .seconds), default: "off; no arg = 3", traits: .own, .acts, "addresses have this lifetime in the kernel, which a living MASTER renews: when all of hasup has died or hangs, the kernel removes them by itself, about a second later at most") { $0.addressLease($1) }
        r.flag("promote_secondaries", .typed, "set promote_secondaries on interface", \.draft.settings.options[.promotesSecondaries])
        r.flag("linkbeat_use_polling", note: "deprecated here", traits: .deprecated, .typed, "poll link state of this interface", \.draft.settings.options[.pollsLink])
        r.boolean("v3_checksum_as_v2", default: "global", note: "v3 IPv4", .acts, "omit pseudo-header from checksum", \.draft.settings.checksumWithoutPseudoHeader)
        r.row("virtual_routes", .list(.route), .typed, "routes present only while MASTER") { $0.routes($1, into: \.draft.settings.routes) }
        r.row("virtual_rules", .list(.rule), .typed, "rules present only while MASTER") { $0.rules($1, into: \.draft.settings.rules) }
        r.row("accept", .flag, default: "on if not strict or owner", .acts, "accept traffic to VIPs when not owner") { $0.draft.accepts = $0.flag($1) }
        r.row("no_accept", .flag, default: "off", .typed, "drop traffic to VIPs except NS/NA (firewall rule)") { $0.draft.accepts = !$0.flag($1) }
        r.boolean("skip_check_adv_addr", default: "global", .acts, "skip VIP list check", \.draft.settings.skipsAddressListCheck)
        r.boolean("strict_mode", default: "global", .acts, "warn of what the RFC doesn't allow; what is forbidden is done all the same", \.draft.settings.options[.strict])
        r.row("preempt", .flag, default: "on", .acts, "default; undo nopreempt") { $0.draft.settings.nopreempt = !$0.flag($1) }
        r.flag("nopreempt", note: "cleared by priority 255 or state MASTER", .acts, "higher priority does not take over from live master", \.draft.settings.nopreempt)
        r.seconds("preempt_delay", 0...1_000_000_000, default: "0", .acts, "wait before preempting lower-priority master; `state MASTER` and nopreempt clear it", \.draft.settings.preemptDelay)
        r.row("debug", .integer(0...4), default: "0", note: "debug build", .accepted("logging is set for the whole daemon"), "debug level")
        r.row("notify_master", .command, .acts, "run on -> MASTER") { $0.notify(.master, $1, into: \.draft.settings.scripts) }
        r.row("notify_backup", .command, .acts, "run on -> BACKUP") { $0.notify(.backup, $1, into: \.draft.settings.scripts) }
        r.row("notify_fault", .command, .acts, "run on -> FAULT") { $0.notify(.fault, $1, into: \.draft.settings.scripts) }
        r.row("notify_stop", .command, note: "5 s time allowance, or child_wait_time", .acts, "run at stop") { $0.notify(.stop, $1, into: \.draft.settings.scripts) }
        r.row("notify_deleted", .command, default: "off", note: "no arg allowed", .acts, "emit DELETED (not FAULT) when removed by reload; optional script") { $0.notifyDeleted($1) }
        r.row("notify", .command, .acts, "generic; args appended: INSTANCE NAME STATE PRIO") { $0.notify(.any, $1, into: \.draft.settings.scripts) }
        r.row("notify_master_rx_lower_pri", .command, .acts, "run when MASTER hears a lower-priority advert, once in an advert_int at most") { $0.notify(.receivedLowerPriority, $1, into: \.draft.settings.scripts) }
        r.row("notify_reclaimed", .command, traits: .own, .acts, "run when this instance has stayed MASTER and another master has yielded to it, as after a partition: what that one's scripts have moved away can be taken back") { $0.notify(.reclaimed, $1, into: \.draft.settings.scripts) }
        r.hooks(.acts, \.draft.settings.scripts, \.draft.extra.hooks)
        r.boolean("smtp_alert", default: "global, else false", .acts, "mail on transitions", \.draft.settings.options[.sendsMail])
        r.boolean("notify_priority_changes", default: "global", .acts, "FIFO line MASTER_PRIORITY/BACKUP_PRIORITY on effective-priority change", \.draft.settings.options[.notifiesPriorityChanges])
        r.row("lvs_sync_daemon_interface", .words("IF"), note: "deprecated", traits: .deprecated, .refused("deprecated; write `lvs_sync_daemon IF INSTANCE` in global_defs"), "use global lvs_sync_daemon")
        r.integer("garp_master_delay", Limits.shortSeconds, unit: .seconds, default: "global (5)", note: "0 = no second burst", .acts, "second GARP burst delay", \.draft.settings.announcements.delay)
        r.integer("garp_master_refresh", Limits.seconds, unit: .seconds, default: "global (0)", .acts, "GARP refresh period", \.draft.settings.announcements.refresh)
        r.row("garp_master_repeat", .integer(Limits.rounds), default: "global (5)", note: "0 -> 1", .acts, "GARPs per burst") { $0.set(\.draft.settings.announcements.rounds, rounds: $1) }
        r.row("garp_master_refresh_repeat", .integer(Limits.rounds), default: "global (1)", note: "0 -> 1", .acts, "GARPs per refresh") { $0.set(\.draft.settings.announcements.refreshRounds, rounds: $1) }
        r.integer("garp_lower_prio_delay", Limits.shortSeconds, unit: .seconds, default: "global (garp_master_delay)", .acts, "delay of the second burst after a lower-priority advert", \.draft.settings.announcements.lowerPriorityDelay)
        r.integer("garp_lower_prio_repeat", Limits.rounds, default: "global (garp_master_repeat)", note: "0 = none", .acts, "GARPs per burst after a lower-priority advert", \.draft.settings.announcements.lowerPriorityRounds)
        r.integer("down_timer_adverts", Limits.downTimerAdverts, default: "global (3)", .acts, "advert intervals before master down", \.draft.settings.downTimerAdverts)
        r.row("timer_expired_backup", .optionalInteger("[PRIO]", 1...254), default: "off; no arg = 254", .typed, "if our timers were late, go BACKUP when advert with at least this prio is seen") { $0.lateTimer($1) }
        r.row("thread_timer_expired", .optionalInteger("[PRIO]", 1...254), .typed, "alias of timer_expired_backup") { $0.lateTimer($1) }
        r.row("garp_extra_if", .number("[all] SECS", 0...86_400, unit: .seconds), default: "global", .typed, "extra GARPs on VMAC/base interfaces") { $0.draft.extra.extraAnnouncements = $0.extraAnnouncements($1) }
        r.row("vmac_garp_intvl", .number("[all] SECS", 0...86_400, unit: .seconds), traits: .deprecated, .typed, "deprecated alias of garp_extra_if") { $0.draft.extra.extraAnnouncements = $0.extraAnnouncements($1) }
        r.boolean("lower_prio_no_advert", default: "global; strict = true", .acts, "do not answer lower-priority adverts", \.draft.settings.lowerPriorityNoAdvert)
        r.row("higher_prio_send_advert", .boolean, default: "global", .accepted("one more advertisement is always sent before yielding, because the new master announces its addresses again when it hears it"), "send one last advert before yielding")
        r.boolean("owner_ignore_adverts", default: "global", .typed, "owner drops received adverts", \.draft.settings.options[.ownerIgnoresAdverts])
        r.integer("kernel_rx_buf_size", Limits.buffer, unit: .bytes, default: "global policy", .typed, "socket receive buffer", \.draft.extra.receiveBuffer)
        r.row("authentication", .block(.authentication), default: "none", note: "v2 non-strict only", .acts, "RFC2338 authentication") { $0.authentication($1) }
        r.row("auth_hmac", .block(.hmac), default: "none", note: "exclusive with authentication", .typed, "HMAC-SHA256 trailer authentication (2026 draft)") { $0.hmac($1) }
    }

    // swift-format-ignore
    static let authentication = KeywordList { r in
        r.row("auth_type", .words("PASS|AH"), default: "none", .acts, "simple password; IPsec AH (HMAC-MD5-96, IPv4) isn't handled yet, and such an instance is in FAULT") { $0.authenticationType($1) }
        r.row("auth_pass", .words("STR"), note: "truncated to 8 chars", traits: .secret, .acts, "shared secret, padded with NUL") { $0.authenticationPassword($1) }
    }

    // swift-format-ignore
    static let hmac = KeywordList { r in
        r.row("key", .number("ID hex:HEX|file:PATH|ASCII", 1...255), default: "required", note: "32..64 bytes", traits: [.repeatable, .secret], .typed, "a secret to verify and sign with; repeatable") { $0.hmacKey($1) }
        r.row("active_key", .number("ID", 1...255), default: "required", note: "must exist", .typed, "key used for signing") { $0.activeKey($1) }
        r.integer("time_window", 1...300, unit: .seconds, default: "max(3*advert_int,5)", .typed, "allowed clock difference in time mode", \.draft.hmac.window)
        r.row("anti_replay", .words("time|monotonic"), default: "time", .typed, "freshness by wall clock or only by increasing sequence") { $0.freshness($1) }
        r.row("mode", .words("enforce|permissive|receive-only"), default: "enforce (forced by strict)", .typed, "drop / log-only / verify but do not sign") { $0.hmacMode($1) }
    }

    // swift-format-ignore
    static let unicastPeer = KeywordList { r in
        r.row("(entry)", .words("ADDR [min_ttl N] [max_ttl N]"), .acts, "one peer per line")
        r.integer("min_ttl", 0...255, default: "0", note: "turns source check on", .acts, "lowest accepted TTL from this peer", \.peer.minimumTTL)
        r.integer("max_ttl", 0...255, default: "255", note: "turns source check on", .acts, "highest accepted TTL from this peer", \.peer.maximumTTL)
    }

    // swift-format-ignore
    static let trackedInterface = KeywordList { r in
        r.trackedInterface(.acts)
    }

    // swift-format-ignore
    static let trackedScript = KeywordList { r in
        r.row("(entry)", .words("NAME [weight N] [reverse|noreverse]"), default: "weight of script", note: "script must be defined before", .acts, "tracked script")
        r.row("weight", .integer(Limits.priorityWeight), default: "of vrrp_script", traits: .once, .acts, "override") { $0.trackedWeight($1) }
        r.flag("reverse", default: "of vrrp_script", .acts, "invert", \.tracked.reverse)
        r.row("noreverse", .flag, .acts, "cancel reverse") { $0.tracked.reverse = !$0.flag($1) }
    }

    // swift-format-ignore
    static let trackedFile = KeywordList { r in
        r.row("(entry)", .words("NAME [weight N] [reverse|noreverse]"), default: "weight of track_file", note: "-254..254", .acts, "tracked file")
        r.row("weight", .integer(Limits.trackerWeight), default: "of track_file", traits: .once, .acts, "override") { $0.trackedWeight($1) }
        r.flag("reverse", default: "of track_file", .acts, "invert", \.tracked.reverse)
        r.row("noreverse", .flag, .acts, "cancel reverse") { $0.tracked.reverse = !$0.flag($1) }
    }

    // swift-format-ignore
    static let trackedProcess = KeywordList { r in
        r.row("(entry)", .words("NAME [weight N] [reverse|noreverse]"), default: "weight of process", note: "-254..254", .acts, "tracked process")
        r.row("weight", .integer(Limits.trackerWeight), default: "of definition", traits: .once, .acts, "override") { $0.trackedWeight($1) }
        r.flag("reverse", default: "-", .acts, "invert", \.tracked.reverse)
        r.row("noreverse", .flag, .acts, "cancel reverse") { $0.tracked.reverse = !$0.flag($1) }
    }

    // swift-format-ignore
    static let trackedSession = KeywordList { r in
        r.row("(entry)", .words("NAME [weight N] [reverse|noreverse]"), default: "weight of bfd_instance", note: "-253..253", .typed, "tracked BFD session")
        r.row("weight", .integer(Limits.priorityWeight), default: "of bfd_instance", traits: .once, .typed, "override") { $0.trackedWeight($1) }
        r.flag("reverse", default: "-", .typed, "invert", \.tracked.reverse)
        r.row("noreverse", .flag, .typed, "cancel reverse") { $0.tracked.reverse = !$0.flag($1) }
    }

    // swift-format-ignore
    static let virtualAddress = KeywordList { r in
        r.address(.acts, noTrack: "removal does not affect state and is not undone; its interface is not tracked")
        r.row("use_vmac", .flag, default: "off", note: "dev differs from instance interface", .typed, "create VMAC for this address") { $0.addressFlag(.usesVirtualMAC, $1) }
    }
}

// Rows that instances and groups share.
extension KeywordRows {
    // swift-format-ignore
    mutating func hooks(
        _ status: KeywordStatus, _ scripts: @autoclosure @escaping @Sendable () -> KeywordRow.Path<[NotifyScript]>,
        _ settings: @autoclosure @escaping @Sendable () -> KeywordRow.Path<HookSettings>
    ) {
        row("before_master", .command, traits: .own, status, "run as MASTER before the addresses come, which wait for its exit status 0") { $0.hook(.beforeMaster, $1, into: scripts(), settings()) }
        row("before_release", .command, traits: .own, status, "run before a stop, a reload or an operator's order takes mastership away; only an order is refused by another exit status than 0") { $0.hook(.beforeRelease, $1, into: scripts(), settings()) }
        row("hook_timeout", .integer(1...60, unit: .seconds), default: "5", traits: .own, status, "time that before_master and before_release may take each") { $0.hookTimeout($1, into: settings()) }
        row("hook_failure", .words("yield|proceed"), default: "yield", traits: .own, status, "after a before_master that fails or is late: priority 0 and BACKUP, or the addresses all the same") { $0.hookFailure($1, into: settings()) }
    }
}

// Rows that lists of tracked interfaces share.
extension KeywordRows {
    // swift-format-ignore
    mutating func trackedInterface(_ status: KeywordStatus) {
        row("(entry)", .words("IF [weight N] [reverse|noreverse]"), default: "weight 0", note: "-253..253 (254 clamped)", status, "0: down -> FAULT; >0 added when up; <0 added (subtract) when down")
        row("weight", .integer(Limits.priorityWeight), default: "0", traits: .once, status, "priority change") { $0.trackedWeight($1) }
        flag("reverse", status, "weight with the other sign; with weight 0: up -> FAULT", \.tracked.reverse)
        row("noreverse", .flag, status, "cancel a reverse") { $0.tracked.reverse = !$0.flag($1) }
    }
}
