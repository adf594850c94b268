import Base
import ConfigurationModel

// Rows of sync groups, scripts, trackers and BFD sessions. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let trackFile = KeywordList { r in
        r.row("file", .words("PATH (quoted)"), default: "required", traits: .firstCounts, .acts, "file whose first integer is the tracked value; the first one counts") { $0.trackedPath($1) }
        r.row("weight", .number("INT [reverse]", Limits.trackerWeight), default: "1", .acts, "multiplier; 0 = any non-zero value means fault") { $0.weight(\.file.weight, \.file.reverse, $1) }
        r.row("init_file", .number("[VALUE] [overwrite]", Limits.fileValue), default: "not created; VALUE 0", .acts, "create (or overwrite at start) the file; never overwritten on reload") { $0.initialFile($1) }
    }

    // swift-format-ignore
    static let trackGroup = KeywordList { r in
        r.row("group", .list(), default: "required", note: "existing vrrp_instance names", traits: .firstCounts, .typed, "members; the first one counts") { $0.trackGroupMembers($1) }
    }

    // swift-format-ignore
    static let announcementGroup = KeywordList { r in
        r.seconds("garp_interval", Limits.gap, default: "0", note: "us resolution", .typed, "gap between GARPs over the whole group", \.announcements.garpInterval)
        r.seconds("gna_interval", Limits.gap, default: "0", .typed, "gap between NAs over the whole group", \.announcements.gnaInterval)
        r.row("interface", .words("IF"), .typed, "single interface to which the interval applies") { $0.announcementInterface($1) }
        r.row("interfaces", .list(), .typed, "interfaces sharing one interval") { $0.announcementInterfaces($1) }
    }

    // swift-format-ignore
    static let polledInterface = KeywordList { r in
        r.row("(entry)", .words("IF [MII|ETHTOOL|IOCTL]"), default: "probe order MII, ETHTOOL, IOCTL", .typed, "interface to be polled")
    }

    // swift-format-ignore
    static let interfaceDelay = KeywordList { r in
        r.row("(entry)", .seconds(0...255_000_000, "IF DOWN_DELAY [UP_DELAY]"), default: "UP_DELAY 0", note: "decimal", .typed, "debounce link down / link up")
    }

    // swift-format-ignore
    static let syncGroup = KeywordList { r in
        r.row("group", .list(), default: "required", note: "instance names, each in one group only", traits: .firstCounts, .acts, "members; the first one counts") { $0.groupMembers($1) }
        r.row("track_interface", .list(.groupInterface), .acts, "trackers applied to every member") { $0.trackedInterfaces($1, into: \.group.settings.trackedInterfaces) }
        r.row("track_script", .list(.trackedScript), .acts, "trackers applied to every member") { $0.trackers(.script, $1, into: \.group.settings.trackers) }
        r.row("track_file", .list(.trackedFile), .acts, "trackers applied to every member") { $0.trackers(.file, $1, into: \.group.settings.trackers) }
        r.row("track_process", .list(.trackedProcess), .acts, "trackers applied to every member") { $0.trackers(.process, $1, into: \.group.settings.trackers) }
        r.row("track_bfd", .list(.trackedSession), .typed, "trackers applied to every member") { $0.trackers(.bfd, $1, into: \.group.settings.trackers) }
        r.row("notify_master", .command, .acts, "run on group -> MASTER") { $0.notify(.master, $1, into: \.group.settings.scripts) }
        r.row("notify_backup", .command, .acts, "run on group -> BACKUP") { $0.notify(.backup, $1, into: \.group.settings.scripts) }
        r.row("notify_fault", .command, .acts, "run on group -> FAULT") { $0.notify(.fault, $1, into: \.group.settings.scripts) }
        r.row("notify_stop", .command, .acts, "run when daemon stops") { $0.notify(.stop, $1, into: \.group.settings.scripts) }
        r.row("notify", .command, .acts, "generic; args appended: GROUP NAME STATE 0") { $0.notify(.any, $1, into: \.group.settings.scripts) }
        r.boolean("smtp_alert", default: "global, else false", .acts, "mail on group transitions", \.group.settings.sendsMail)
        r.row("global_tracking", .flag, traits: .deprecated, .refused("deprecated; list the trackers in the group itself"), "deprecated: give all trackers to all members")
        r.flag("sync_group_tracking_weight", .acts, "allow non-zero weights in trackers of member instances", \.group.settings.keepsMemberWeights)
        r.boolean("notify_priority_changes", default: "global", .acts, "FIFO line on member effective-priority change", \.group.settings.notifiesPriorityChanges)
    }

    // swift-format-ignore
    static let groupInterface = KeywordList { r in
        r.trackedInterface(.acts)
    }

    // swift-format-ignore
    static let trackScript = KeywordList { r in
        r.row("script", .command("\"CMD ARGS\" (one quoted word)"), default: "required", note: "words after the first are silently dropped", .acts, "command; exit 0 = ok; \"</PATH\" = test that file exists") { $0.trackCommand($1) }
        r.row("interval", .seconds(0...Limits.longest), default: "1", note: "ms resolution; 0 -> 1", .acts, "period between starts") { $0.period($1) }
        r.row("timeout", .seconds(0...Limits.longest), default: "0 = interval", note: "ms resolution", .acts, "run time after which the script is killed and counted failed") { $0.runTime($1) }
        r.row("weight", .number("INT [reverse]", Limits.priorityWeight), default: "0", .acts, "0: fail -> FAULT; >0 add when ok; <0 subtract when failed") { $0.weight(\.script.settings.weight, \.script.settings.reverse, $1) }
        r.integer("rise", Limits.results, default: "1", .acts, "successes needed to become ok", \.script.settings.rise)
        r.integer("fall", Limits.results, default: "1", .acts, "failures needed to become failed", \.script.settings.fall)
        r.row("user", .words("USER [[:]GROUP]"), default: "script_user", .acts, "identity to run with") { $0.set(\.script.settings.identity, identity: $1) }
        r.flag("init_fail", .acts, "assume failed until first success", \.script.settings.startsFailed)
    }

    // swift-format-ignore
    static let trackProcess = KeywordList { r in
        r.row("process", .words("PATH|NAME [PARAMS]"), default: "required", note: "quoted parts ok", traits: .firstCounts, .acts, "process to look for (comm unless full_command/params); the first one counts") { $0.trackedProgram($1) }
        r.row("param_match", .words("[initial|partial]"), default: "exact", .acts, "how parameters must match") { $0.parameterMatch($1) }
        r.row("weight", .number("INT [reverse]", Limits.trackerWeight), default: "0", .acts, "0: not in quorum -> FAULT") { $0.weight(\.process.settings.weight, \.process.settings.reverse, $1) }
        r.integer("quorum", 1...65_535, default: "1", .acts, "minimum number of processes", \.process.settings.quorum)
        r.row("quorum_max", .integer(0...65_535), default: "unlimited", .acts, "maximum number of processes") { $0.quorumMaximum($1) }
        r.row("delay", .seconds(1...3_600_000_000), default: "0", .acts, "sets fork and terminate delay") { $0.processDelay($1) }
        r.seconds("fork_delay", 1...3_600_000_000, default: "0", .acts, "delay before gaining quorum", \.process.settings.forkDelay)
        r.seconds("terminate_delay", 1...3_600_000_000, default: "0", .acts, "delay before losing quorum", \.process.settings.terminateDelay)
        r.flag("full_command", .acts, "match complete command line", \.process.settings.usesFullCommand)
    }

    // swift-format-ignore
    static let bfdInstance = KeywordList { r in
        r.row("source_ip", .words("ADDR"), default: "kernel choice", note: "family of neighbour", .typed, "local address") { $0.sessionSource($1) }
        r.row("neighbor_ip", .words("ADDR"), default: "required", note: "unique", .typed, "peer address") { $0.neighbor($1) }
        r.row("neighbour_ip", .words("ADDR"), .typed, "alias of neighbor_ip") { $0.neighbor($1) }
        r.row("min_rx", .milliseconds(1_000...Int64(UInt32.max)), default: "10", note: "us resolution", .typed, "Required Min RX") { $0.set(\.session.settings.minimumReceive, milliseconds: $1) }
        r.row("min_tx", .milliseconds(1_000...Int64(UInt32.max)), default: "10", .typed, "Desired Min TX") { $0.set(\.session.settings.minimumTransmit, milliseconds: $1) }
        r.row("idle_tx", .milliseconds(1_000_000...Int64(UInt32.max)), default: "1000", .typed, "TX interval while not UP") { $0.set(\.session.settings.idleTransmit, milliseconds: $1) }
        r.integer("multiplier", 1...255, default: "5", .typed, "detection multiplier", \.session.settings.multiplier)
        r.flag("passive", .typed, "wait for peer to start", \.session.settings.isPassive)
        r.integer("ttl", 1...255, default: "255 (v4) / 64 (v6)", .typed, "TTL of sent packets", \.session.timeToLive)
        r.integer("hoplimit", 1...255, default: "as ttl", .typed, "alias of ttl", \.session.timeToLive)
        r.row("max_hops", .integer(-1...255), default: "0", note: "255 or -1 = unlimited", .typed, "hops a received packet may have travelled") { $0.maximumHops($1) }
        r.boolean("multihop", .typed, "RFC5883: port 4784 instead of 3784", \.session.settings.isMultihop)
        r.row("weight", .number("INT [reverse]", Limits.priorityWeight), default: "0", .typed, "default weight for track_bfd") { $0.weight(\.session.settings.weight, \.session.settings.reverse, $1) }
        r.flag("vrrp", default: "both", .typed, "deliver events to vrrp only", \.session.isForVRRP)
        r.flag("checker", default: "both", .typed, "deliver events to checker only", \.session.isForCheckers)
    }
}
