import Base
import ConfigurationModel

// Rows of lines, includes, definitions and top-level blocks. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let lexical = KeywordList { r in
        r.row("#", .words("comment to EOL"), .acts, "comment outside double quotes; \\# is literal")
        r.row("!", .words("comment to EOL"), .acts, "comment outside double quotes; \\! is literal")
        r.row("include", .words("PATH|GLOB"), note: "glob incl. {a,b}", .acts, "read other file(s): a name without wildcards or braces must be a readable file; a pattern may match nothing; what it matches and can't be read (a folder, a program, a link to nowhere) is an error")
        r.row("includer", .words("PATH|GLOB"), .acts, "include, which is as strict")
        r.row("includem", .words("PATH|GLOB"), .acts, "include; error if nothing matches")
        r.row("includew", .words("PATH|GLOB"), .acts, "include; error if wildcard pattern matches nothing")
        r.row("includeb", .words("PATH|GLOB"), .acts, "include; error if a brace alternative matches nothing")
        r.row("includea", .words("PATH|GLOB"), .acts, "include with all checks on")
        r.row("@ID", .words("line prefix"), note: "exact match with config-id", .acts, "keep rest of line only if config-id equals ID")
        r.row("@^ID", .words("line prefix"), .acts, "keep rest of line only if config-id differs from ID")
        r.row("@hasup", .words("line prefix"), .acts, "keep rest of line in hasup, whatever the config-id is; keepalived skips it, so it is for keywords that only hasup knows")
        r.row("@^hasup", .words("line prefix"), .acts, "keep rest of line in keepalived only")
        r.row("$NAME=", .words("text"), note: "[A-Za-z_][A-Za-z0-9_]*", .acts, "define substitution parameter (empty allowed; trailing \\ = multi-line)")
        r.row("${NAME} / $NAME", .words("reference"), default: "unchanged if undefined", .acts, "lazy recursive substitution")
        r.row("${_INSTANCE}", .words("builtin"), .acts, "the config-id")
        r.row("${_PWD}", .words("builtin"), .acts, "directory of the file being read")
        r.row("${_ENV VAR}", .words("builtin"), default: "empty", .acts, "value of environment variable VAR")
        r.row("${_RANDOM [MIN [MAX]]}", .words("builtin"), default: "0..32767", .acts, "random number at each use (seed: random_seed)")
        r.row("${_HASH} / ${_BANG}", .words("builtin"), .acts, "literal # / !")
        r.row("~SEQ(var,[start,[step,]]end)", .words("line prefix"), default: "start 1 (or -1), step +-1", note: "integers, base auto (0x)", .acts, "repeat line for each number")
        r.row("~SEQx(...)", .words("line prefix"), note: "non-negative", .acts, "as ~SEQ but substitutes lower-case hex")
        r.row("~LST(var,v1,v2..)", .words("line prefix"), .acts, "repeat line for each list value; {a,b},{1,2} form for several variables")
    }

    // swift-format-ignore
    static let root = KeywordList { r in
        r.row("global_defs", .block(.global), stage: .globals, .acts, "global settings; may appear several times") { $0.globals($1) }
        r.flag("linkbeat_use_polling", stage: .globals, .typed, "poll MII/ETHTOOL/ioctl for link state instead of netlink", \.model.global.links.pollsLinks)
        r.row("net_namespace", .words("NAME"), default: "none", note: "not changeable on reload", stage: .globals, .typed, "run in /run/netns/NAME; implies use_pid_dir; adds name to ident") { $0.namespace(\.model.global.daemon.namespace, $1) }
        r.row("net_namespace_ipvs", .words("[NAME]"), default: "= net_namespace", note: "no arg = default ns", stage: .globals, .acts, "separate network namespace for IPVS") { $0.tableNamespace($1) }
        r.row("namespace_with_ipsets", .flag, default: "off", .accepted("every kernel that hasup runs on has IP sets in namespaces"), "permit ipsets when in a namespace (old kernels)")
        r.flag("use_pid_dir", stage: .globals, .accepted("run-time files have a directory of their own"), "pid files under /run/keepalived/", \.model.global.daemon.usesPIDDirectory)
        r.row("instance", .words("NAME"), default: "none", stage: .globals, .acts, "name of this configuration among others of the machine: a part of the default path of reload_file and, with data_use_instance, of keepalived.data's name. Several hasupds on one machine need --instance") { $0.namespace(\.model.global.daemon.instance, $1) }
        r.row("child_wait_time", .number("SECS", Limits.seconds, unit: .seconds), default: "3 for workers, then 5 for scripts and readers of FIFOs", stage: .globals, .acts, "time of a stop for workers, scripts and readers of FIFOs together; workers get 1 to 3 s of it; a hook_timeout comes on top") { $0.set(\.model.global.daemon.childWaitTime, $1) }
        r.row("track_file", .block(.trackFile, "NAME block"), stage: .trackers, .acts, "define tracked file") { $0.trackFile($1) }
        r.row("vrrp_track_file", .block(.trackFile, "NAME block"), traits: .deprecated, stage: .trackers, .acts, "deprecated alias of track_file") { $0.trackFile($1) }
        r.row("track_group", .block(.trackGroup, "NAME block"), stage: .groups, .typed, "set of vrrp instances affected by a tracked static address/route/rule") { $0.trackGroup($1) }
        r.row("static_ipaddress", .list(.staticAddress), stage: .statics, .typed, "addresses kept on host independent of VRRP state") { $0.staticAddresses($1) }
        r.row("static_routes", .list(.route), stage: .statics, .typed, "routes installed at start, removed at stop") { $0.routes($1, into: \.model.shared.staticRoutes) }
        r.row("static_rules", .list(.rule), stage: .statics, .typed, "ip rules installed at start, removed at stop") { $0.rules($1, into: \.model.shared.staticRules) }
        r.row("vrrp_sync_group", .block(.syncGroup, "NAME block"), stage: .groups, .acts, "instances that change state together") { $0.syncGroup($1) }
        r.row("garp_group", .block(.announcementGroup), stage: .groups, .typed, "interfaces sharing a gratuitous ARP/NA rate limit") { $0.announcementGroup($1) }
        r.row("linkbeat_interfaces", .list(.polledInterface), stage: .groups, .typed, "interfaces to poll for link state") { $0.polledInterfaces($1) }
        r.row("vrrp_instance", .block(.instance, "NAME block"), note: "name unique", stage: .instances, .acts, "VRRP virtual router") { $0.instance($1) }
        r.row("vrrp_script", .block(.trackScript, "NAME block"), note: "name unique", stage: .trackers, .acts, "health script definition") { $0.trackScript($1) }
        r.row("vrrp_track_process", .block(.trackProcess, "NAME block"), note: "name unique", stage: .trackers, .acts, "process presence tracking definition") { $0.trackProcess($1) }
        r.row("interface_up_down_delays", .list(.interfaceDelay), stage: .groups, .typed, "debounce of interface state per interface") { $0.interfaceDelays($1) }
        r.row("SSL", .block(.tlsClient), stage: .serverGroups, .acts, "client TLS context for SSL_GET (process wide)") { $0.tlsClient($1) }
        r.row("virtual_server_group", .list(.serverGroup, "NAME list block"), stage: .serverGroups, .acts, "set of VIP:port/fwmark sharing one real server set") { $0.serverGroup($1) }
        r.row("virtual_server", .block(.virtualServer, "IP[/x] [PORT] | fwmark N | group NAME, block"), stage: .servers, .acts, "IPVS virtual service") { $0.virtualServer($1) }
        r.row("bfd_instance", .block(.bfdInstance, "NAME block"), note: "name <=31 chars, unique", stage: .trackers, .typed, "BFD session") { $0.bfdSession($1) }
        r.row("cluster", .block(.cluster, "NAME block"), note: "name unique", traits: .own, stage: .clusters, .acts, "nodes whose split-brain guard keeps two of them from being MASTER at once. Every line of it stands in guard.conf beside this file, or behind @hasup") { $0.clusterBlock($1) }
    }
}
