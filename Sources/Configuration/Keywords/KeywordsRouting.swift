import Base
import ConfigurationModel

// Rows of addresses, routes and rules. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let staticAddress = KeywordList { r in
        r.address(.typed, noTrack: "removal does not affect state / not reinstated")
        r.row("track_group", .words("NAME"), default: "none", .typed, "instances that go FAULT when this address cannot exist") { $0.trackGroupReference($1) }
    }

    // swift-format-ignore
    static let route = KeywordList { r in
        r.row("(entry)", .words("[TYPE] [to] DEST[/LEN] [options]"), note: "one route per line", .typed, "route")
        r.row("inet", .flag, .typed, "force IPv4") { e, _ in e.route.family = .ipv4 }
        r.row("inet6", .flag, .typed, "force IPv6") { e, _ in e.route.family = .ipv6 }
        r.row("to", .words("PREFIX|default|any|all"), note: "default6 deprecated", .typed, "destination (keyword optional)") { $0.routeTarget($1) }
        r.row("src", .words("ADDR"), traits: .once, .typed, "preferred source") { $0.set(\.route.settings.preferredSource, needed: $0.optionAddress($1)) }
        r.row("as", .words("[to] ADDR"), note: "lwt", .typed, "destination for translation (accepted by parser)") { $0.translation($1) }
        r.row("via", .words("[inet|inet6] ADDR"), traits: .once, .typed, "gateway") { $0.gateway($1) }
        r.row("gw", .words("ADDR"), note: "deprecated", traits: [.deprecated, .once], alias: "via", .typed, "alias of via") { $0.gateway($1) }
        r.row("or", .words("ADDR"), note: "deprecated", traits: .deprecated, .typed, "second gateway (multipath)") { $0.secondGateway($1) }
        r.row("from", .words("PREFIX"), note: "IPv6", traits: .once, .typed, "source prefix") { $0.set(\.route.settings.source, needed: $0.network($1)) }
        r.row("tos", .words("NUM|NAME"), default: "0", traits: .once, .typed, "TOS selector") { $0.set(\.route.settings.typeOfService, number: $0.byte($1, \.fields, "a TOS")) }
        r.row("dsfield", .words("NUM|NAME"), default: "0", traits: .once, alias: "tos", .typed, "alias of tos") { $0.set(\.route.settings.typeOfService, number: $0.byte($1, \.fields, "a TOS")) }
        r.row("table", .words("NUM|NAME"), default: "main", note: "rt_tables", .typed, "routing table") { $0.set(\.route.settings.table, needed: $0.routingTable($1)) }
        r.row("protocol", .words("NUM|NAME"), default: "keepalived (18); forced when tracked", note: "rt_protos", traits: .once, .typed, "route protocol") { $0.set(\.route.settings.routeProtocol, number: $0.byte($1, \.protocols, "a protocol")) }
        r.row("scope", .words("NUM|NAME"), default: "kernel rules (link/host/global)", note: "rt_scopes", traits: .once, .typed, "route scope") { $0.set(\.route.settings.scope, needed: $0.byte($1, \.scopes, "a scope")) }
        r.row("metric", .number("NUM", 0...Int(UInt32.max)), default: "0", traits: .once, .typed, "priority") { $0.set(\.route.settings.metric, number: $0.unsigned($1)) }
        r.row("priority", .number("NUM", 0...Int(UInt32.max)), default: "0", traits: .once, alias: "metric", .typed, "alias of metric") { $0.set(\.route.settings.metric, number: $0.unsigned($1)) }
        r.row("preference", .number("NUM", 0...Int(UInt32.max)), default: "0", traits: .once, alias: "metric", .typed, "alias of metric") { $0.set(\.route.settings.metric, number: $0.unsigned($1)) }
        r.row("dev", .words("IF"), traits: .once, .typed, "output interface") { $0.hopInterface($1) }
        r.row("oif", .words("IF"), traits: .once, .typed, "alias of dev") { $0.hopInterface($1) }
        r.row("onlink", .flag, default: "off", .typed, "gateway is on link") { $0.onLink($1) }
        r.row("encap", .words("ip|ip6|mpls|ila ..."), note: "sub: id dst src tos|tc ttl|hoplimit flags", traits: .once, .typed, "light weight tunnel") { $0.hopEncapsulation($1) }
        r.row("expires", .number("SECS", 0...Int(UInt32.max), unit: .seconds), note: "IPv6", traits: .once, .typed, "route lifetime") { $0.set(\.route.settings.expires, needed: $0.unsigned($1)) }
        r.row("mtu", .number("[lock] NUM", 0...Int(UInt32.max)), traits: .once, .typed, "mtu metric") { $0.metric(.mtu, $1) }
        r.row("hoplimit", .number("NUM", 0...255), traits: .once, .typed, "hop limit") { $0.metric(.hoplimit, $1) }
        r.row("advmss", .number("[lock] NUM", 0...Int(UInt32.max)), traits: .once, .typed, "advertised MSS") { $0.metric(.advmss, $1) }
        r.row("rtt", .words("[lock] TIME"), note: "s|ms suffix", traits: .once, .typed, "initial rtt") { $0.timeMetric(.rtt, unitsPerMillisecond: 8, $1) }
        r.row("rttvar", .words("[lock] TIME"), traits: .once, .typed, "rtt variance") { $0.timeMetric(.rttvar, unitsPerMillisecond: 4, $1) }
        r.row("reordering", .number("[lock] NUM", 0...Int(UInt32.max)), traits: .once, .typed, "reordering") { $0.metric(.reordering, $1) }
        r.row("window", .number("NUM", 0...Int(UInt32.max)), traits: .once, .typed, "max window") { $0.metric(.window, $1) }
        r.row("cwnd", .number("[lock] NUM", 0...Int(UInt32.max)), traits: .once, .typed, "cwnd clamp") { $0.metric(.cwnd, $1) }
        r.row("ssthresh", .number("[lock] NUM", 0...Int(UInt32.max)), traits: .once, .typed, "ssthresh") { $0.metric(.ssthresh, $1) }
        r.row("realms", .words("[SRC/]DST"), traits: .once, .typed, "realms") { $0.hopRealms($1) }
        r.row("rto_min", .words("[lock] TIME"), traits: .once, .typed, "min rto") { $0.timeMetric(.rtoMin, unitsPerMillisecond: 1, $1) }
        r.row("initcwnd", .number("NUM", 0...Int(UInt32.max)), traits: .once, .typed, "initial cwnd") { $0.metric(.initcwnd, $1) }
        r.row("initrwnd", .number("NUM", 0...Int(UInt32.max)), traits: .once, .typed, "initial rwnd") { $0.metric(.initrwnd, $1) }
        r.row("features", .words("ecn"), .typed, "feature bits") { $0.features($1) }
        r.row("quickack", .number("0|1", 0...1), traits: .once, .typed, "quickack") { $0.metric(.quickack, $1) }
        r.row("congctl", .words("[lock] NAME"), traits: .once, .typed, "congestion control") { $0.congestionControl($1) }
        r.row("pref", .words("low|medium|high"), note: "IPv6", traits: .once, .typed, "router preference") { $0.preference($1) }
        r.row("ttl-propagate", .words("enabled|disabled"), note: "MPLS", .typed, "ttl propagation") { $0.propagation($1) }
        r.row("fastopen_no_cookie", .number("0|1", 0...1), .typed, "TFO without cookie") { $0.metric(.fastopenNoCookie, $1) }
        r.row("add", .flag, .typed, "netlink create exclusive") { e, _ in e.route.settings.operation = .add }
        r.row("prepend", .flag, default: "default", .typed, "netlink create at front") { e, _ in e.route.settings.operation = .prepend }
        r.row("append", .flag, .typed, "netlink append") { e, _ in e.route.settings.operation = .append }
        r.row("nexthop", .words("[inet|inet6] via ADDR dev IF weight N onlink encap.. realms.."), note: "weight 1..256", .typed, "multipath hop; last on line") { $0.nextHop($1) }
        r.flag("no_track", .typed, "deletion of route does not affect state", \.route.settings.isUntracked)
        r.row("track_group", .words("NAME"), default: "none", note: "static_routes only", traits: .once, .typed, "as address") { $0.trackGroup($1, of: "routes") }
        r.row("vrf", .words("NAME"), default: "none", traits: .once, .typed, "use table of VRF") { $0.routeVRF($1) }
        r.row("(type)", .words("unicast|local|broadcast|anycast|multicast|throw|unreachable|prohibit|blackhole|nat"), default: "unicast", .typed, "route type")
    }

    // swift-format-ignore
    static let rule = KeywordList { r in
        r.row("(entry)", .words("selectors action"), note: "needs an action", .typed, "rule")
        r.row("inet", .flag, .typed, "force IPv4") { e, _ in e.rule.family = .ipv4 }
        r.row("inet6", .flag, .typed, "force IPv6") { e, _ in e.rule.family = .ipv6 }
        r.flag("not", .typed, "invert match", \.rule.settings.isInverted)
        r.row("from", .words("PREFIX"), default: "all", traits: .once, .typed, "source") { $0.selector(\.rule.settings.source, $1) }
        r.row("to", .words("PREFIX"), default: "all", .typed, "destination") { $0.selector(\.rule.settings.destination, $1) }
        r.row("table", .words("NUM|NAME"), .typed, "action: lookup in table") { $0.act($0.routingTable($1).map { .table($0) }, at: $1.token + 1) }
        r.row("lookup", .words("NUM|NAME"), alias: "table", .typed, "alias of table") { $0.act($0.routingTable($1).map { .table($0) }, at: $1.token + 1) }
        r.row("priority", .number("NUM", 0...Int(UInt32.max)), default: "auto, descending (warning)", traits: .once, .typed, "preference") { $0.set(\.rule.priority, needed: $0.unsigned($1)) }
        r.row("preference", .number("NUM", 0...Int(UInt32.max)), traits: .once, alias: "priority", .typed, "alias") { $0.set(\.rule.priority, needed: $0.unsigned($1)) }
        r.row("order", .number("NUM", 0...Int(UInt32.max)), traits: .once, alias: "priority", .typed, "alias") { $0.set(\.rule.priority, needed: $0.unsigned($1)) }
        r.row("tos", .words("NUM"), traits: .once, .typed, "tos") { $0.set(\.rule.settings.typeOfService, number: $0.byte($1, \.fields, "a TOS")) }
        r.row("dsfield", .words("NUM"), traits: .once, alias: "tos", .typed, "alias of tos") { $0.set(\.rule.settings.typeOfService, number: $0.byte($1, \.fields, "a TOS")) }
        r.row("fwmark", .words("V[/MASK]"), traits: .once, .typed, "mark") { $0.set(\.rule.settings.mark, needed: $0.mark($1)) }
        r.row("realms", .words("[SRC/]DST"), traits: .once, .typed, "realms") { $0.set(\.rule.settings.realms, needed: $0.realms($1)) }
        r.row("suppress_prefixlength", .number("NUM", 0...128), traits: .once, .typed, "ignore shorter routes") { $0.set(\.rule.settings.suppressedLength, needed: $0.unsigned($1).map { UInt8($0) }) }
        r.row("sup_pl", .number("NUM", 0...128), traits: .once, alias: "suppress_prefixlength", .typed, "alias") { $0.set(\.rule.settings.suppressedLength, needed: $0.unsigned($1).map { UInt8($0) }) }
        r.row("suppress_ifgroup", .words("ID"), traits: .once, .typed, "ignore routes of group") { $0.suppressedGroup($1) }
        r.row("sup_group", .words("ID"), traits: .once, alias: "suppress_ifgroup", .typed, "alias") { $0.suppressedGroup($1) }
        r.row("iif", .words("IF"), traits: .once, .typed, "input interface") { $0.set(\.rule.settings.inputInterface, needed: $0.routingInterface($1)) }
        r.row("dev", .words("IF"), traits: .once, .typed, "alias of iif") { $0.set(\.rule.settings.inputInterface, needed: $0.routingInterface($1)) }
        r.row("oif", .words("IF"), traits: .once, .typed, "output interface") { $0.set(\.rule.settings.outputInterface, needed: $0.routingInterface($1)) }
        r.row("tunnel-id", .words("NUM"), traits: .once, .typed, "tunnel id") { $0.tunnelID($1) }
        r.row("uidrange", .words("A-B"), traits: .once, .typed, "uids") { $0.set(\.rule.settings.users, needed: $0.numberRange($1, maximum: .max)) }
        r.flag("l3mdev", default: "-", .typed, "VRF table lookup", \.rule.settings.usesL3MasterDevice)
        r.row("protocol", .words("NUM|NAME"), default: "keepalived (18)", traits: .once, .typed, "rule protocol") { $0.set(\.rule.settings.ruleProtocol, number: $0.byte($1, \.protocols, "a protocol")) }
        r.row("ipproto", .words("NUM|NAME"), traits: .once, .typed, "L4 protocol") { $0.set(\.rule.settings.ipProtocol, needed: $0.ipProtocol($1)) }
        r.row("sport", .words("A-B"), note: "a range, not one port", traits: .once, .typed, "source ports") { $0.ports(\.rule.settings.sourcePorts, $1) }
        r.row("dport", .words("A-B"), note: "a range, not one port", traits: .once, .typed, "destination ports") { $0.ports(\.rule.settings.destinationPorts, $1) }
        r.row("goto", .number("NUM", 0...Int(UInt32.max)), .typed, "action: jump") { $0.act($0.unsigned($1).map { .goto($0) }, at: $1.token + 1) }
        r.row("nop", .flag, .typed, "action") { $0.act(.nop, at: $1.token) }
        r.row("type", .words("NAME"), note: "optional word before the action type", .typed, "action type prefix") { _, _ in }
        r.row("blackhole", .flag, .typed, "action") { $0.act(.blackhole, at: $1.token) }
        r.row("unreachable", .flag, .typed, "action") { $0.act(.unreachable, at: $1.token) }
        r.row("prohibit", .flag, .typed, "action") { $0.act(.prohibit, at: $1.token) }
        r.flag("no_track", .typed, "deletion does not affect state", \.rule.settings.isUntracked)
        r.row("track_group", .words("NAME"), default: "none", note: "static_rules only", traits: .once, .typed, "as address") { $0.trackGroup($1, of: "rules") }
    }
}

// Rows that lists of addresses share.
extension KeywordRows {
    // swift-format-ignore
    mutating func address(_ status: KeywordStatus, noTrack: String) {
        row("(entry)", .words("ADDR[/LEN] [options]"), default: "/32 or /128", status, "one address per line")
        row("dev", .words("IF"), default: "instance interface (static: default_interface)", traits: .once, status, "interface to add it on") { $0.addressInterface($1) }
        row("scope", .words("NAME|NUM"), default: "global", note: "site link host nowhere global or rt_scopes", traits: .once, status, "address scope") { $0.addressScope($1) }
        row("brd", .words("ADDR|+|-"), default: "none", note: "IPv4", traits: .once, status, "broadcast address; + = all ones, - = all zeros") { $0.addressBroadcast($1) }
        row("broadcast", .words("ADDR|+|-"), default: "none", note: "IPv4", traits: .once, alias: "brd", status, "alias of brd") { $0.addressBroadcast($1) }
        row("label", .words("STR"), default: "none", note: "<=15 chars, IPv4", traits: .once, status, "address label") { $0.addressLabel($1) }
        row("peer", .words("ADDR[/LEN]"), default: "none", status, "point-to-point peer") { $0.addressPeer($1) }
        row("home", .flag, default: "off", note: "IPv6", .typed, "mobile IPv6 home flag") { $0.addressFlag(.home, $1) }
        row("-nodad", .flag, default: "VIP: nodad set", note: "IPv6", status, "re-enable duplicate address detection") { $0.duplicateAddressDetection($1) }
        row("mngtmpaddr", .flag, default: "off", note: "IPv6", .typed, "template for temporary addresses") { $0.addressFlag(.managesTemporary, $1) }
        flag("noprefixroute", status, "no automatic prefix route", \.address.noPrefixRoute)
        row("autojoin", .flag, default: "off", .typed, "join multicast group automatically") { $0.addressFlag(.joinsGroup, $1) }
        flag("no_track", status, noTrack, \.address.isUntracked)
        row("preferred_lft", .number("SECS|forever", 0...Int(UInt32.max), unit: .seconds), default: "forever (IPv6 /128: 0)", status, "preferred lifetime") { $0.preferredLifetime($1) }
    }
}
