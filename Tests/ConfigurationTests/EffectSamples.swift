import ConfigurationModel

@testable import Configuration

/// Where a row may stand, and what may follow it.
enum EffectSamples {
    private static func instance(_ lines: String, _ name: String = "A", id: Int = 5, last: String = "192.0.2.9/24")
        -> String
    {
        "vrrp_instance \(name) {\ninterface eth0\nvirtual_router_id \(id)\n\(lines)\nvirtual_ipaddress {\n\(last)\n}\n}\n"
    }

    private static func server(_ service: String, _ server: String) -> String {
        "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_kind DR\n\(service)\nreal_server 10.0.0.2 80 {\n\(server)\n}\n}\n"
    }

    private static func check(_ name: String, _ lines: String) -> String { server("", "\(name) {\n\(lines)\n}") }

    private static let trackers =
        "vrrp_script s {\nscript /usr/bin/true\nweight 3 reverse\n}\ntrack_file f {\nfile /tmp/f\nweight 3 reverse\n}\n"
        + "vrrp_track_process p {\nprocess x\nweight 3 reverse\n}\nbfd_instance b {\nneighbor_ip 10.0.0.9\nweight 3 reverse\n}\n"
        + "track_group T {\ngroup { A }\n}\n"

    /// Rows that say that something missing is no fault.
    static let aboutFaults = ["no_virtual_ipaddress"]

    /// Rows without effect whose value is kept all the same, for programs that show or compare it.
    static let kept: Set<String> = ["(root) use_pid_dir", "global_defs vrrp_no_swap"]

    /// Rows that act when a configuration is read and checked, for this reason; what is left of them in the model is
    /// for programs that show it.
    static let judged: [String: String] = [:]

    /// Contexts in which an instance is in FAULT whatever is said, because it doesn't act yet.
    static func isFaulty(_ row: Keyword) -> Bool {
        row.name == "auth_hmac" || row.context == "vrrp_instance/auth_hmac"
    }

    /// Rows that are read and of which nothing is left in the model, for this reason.
    static let withoutModel: Set<String> = [
        // How strict includes are is for the preprocessor (PreprocessorTests).
        "global_defs include_check",
        // Random numbers are the preprocessor's, too.
        "global_defs random_seed",
        // Linux doesn't translate addresses by routes any more.
        "vrrp_instance/virtual_routes (entry) as", "static_routes (entry) as",
        // Only what is static has a group.
        "vrrp_instance/virtual_routes (entry) track_group", "vrrp_instance/virtual_rules (entry) track_group",
        // A warning says that there is no TLS in HTTP, and no port in a ping.
        "virtual_server/real_server/HTTP_GET enable_sni", "virtual_server/real_server/HTTP_GET sni_name",
        "virtual_server/real_server/HTTP_GET tls_compliant", "virtual_server/real_server/HTTP_GET/url tls_compliant",
        "virtual_server/real_server/PING_CHECK connect_port",
        // A word before the type of an action.
        "vrrp_instance/virtual_rules (entry) type", "static_rules (entry) type",
    ]

    /// A scaffold with a text in the place of its `%`; what stands behind `@hasup` does so with each of its lines.
    static func fill(_ scaffold: String, with text: String) -> String {
        let isHidden = scaffold.contains("@hasup %")
        return scaffold.replacing("%", with: isHidden ? text.replacing("\n", with: "\n@hasup ") : text)
    }

    static func scaffolds(of row: Keyword) -> [String] {
        let context = row.context
        return clusters(context) ?? outside(context) ?? instances(context) ?? servers(row) ?? entries(context)
    }

    /// The name of the innermost block.
    private static func name(of context: String) -> String {
        context.split(separator: "/").last.map { String($0.replacing(" (entry)", with: "")) } ?? ""
    }

    /// Cluster blocks: with other lines before, and without what is required.
    private static func clusters(_ context: String) -> [String]? {
        func cluster(_ lines: String, node: String = "heartbeat x udp 10.0.0.1 dev eth0") -> String {
            let block =
                "cluster c {\nnode a {\n\(node)\n}\nnode b {\nheartbeat x udp 10.0.0.2 dev eth0\n}\n\(lines)\n}"
            return instance("", "I") + block.split(separator: "\n").map { "@hasup \($0)\n" }.joined()
                + instance("", id: 6, last: "192.0.2.10/24")
        }
        switch context {
        case "cluster":
            return [
                cluster("secret file:/k\nguard I\n%"), cluster("secret file:/k\n%"), cluster("guard I\n%"),
                // Three intervals fit into a timeout.
                cluster("secret file:/k\nguard I\ntimeout 60\n%"), cluster("secret file:/k\nguard I\ninterval 0.01\n%"),
            ]
        case "cluster/node": return [cluster("", node: "%")]
        case "cluster/references":
            let many = (1...16).map { "10.0.1.\($0) dev eth0\n" }.joined()
            return [
                cluster("references {\n10.0.0.9 dev eth0\n%\n}"), cluster("references {\n%\n}"),
                cluster("references {\n\(many)%\n}"),
            ]
        case "cluster/release": return [cluster("release {\nscript /usr/bin/true\n%\n}"), cluster("release {\n%\n}")]
        case "cluster/lock": return [cluster("lock {\nwitness 10.1.0.9\n%\n}"), cluster("lock {\n%\n}")]
        default: return nil
        }
    }

    /// What stands outside of instances and virtual servers.
    private static func outside(_ context: String) -> [String]? {
        switch context {
        case "(root)":
            return [trackers + instance("") + "%\n", instance("") + "@hasup %\n"]
        case "global_defs":
            return [
                "global_defs {\n%\n}\n" + instance("smtp_alert"),
                "global_defs {\n%\n}\n" + instance("", last: "fe80::9/64"),
                "global_defs {\nnotify_fifo /tmp/1\nvrrp_notify_fifo /tmp/2\nlvs_notify_fifo /tmp/3\n"
                    + "startup_script /usr/bin/true\nshutdown_script /usr/bin/true\n%\n}\n" + instance("")
                    + server("", "TCP_CHECK {\n}"),
            ]
        case "global_defs/lvs_sync_daemon (option)":
            return [
                "global_defs {\nlvs_sync_daemon eth0 %\n}\n" + instance(""),
                "global_defs {\nlvs_sync_daemon eth0 A %\n}\n" + instance(""),
            ]
        case "track_file", "vrrp_track_file": return ["track_file f {\n%\nfile /tmp/f\n}\n", "track_file f {\n%\n}\n"]
        case "track_group": return [instance("") + "track_group G {\n%\n}\n"]
        case "garp_group": return ["garp_group {\n%\ninterface eth0\n}\n", "garp_group {\ngarp_interval 2\n%\n}\n"]
        case "linkbeat_interfaces", "interface_up_down_delays": return ["\(context) {\n%\n}\n" + instance("")]
        case "vrrp_sync_group":
            let members = instance("") + instance("", "B", id: 6, last: "192.0.2.10/24")
            return [
                trackers + members + "vrrp_sync_group G {\ngroup {\nA\nB\n}\n%\n}\n",
                members + "vrrp_sync_group G {\n%\n}\n",
            ]
        case "vrrp_script":
            return [
                "vrrp_script s {\nscript /usr/bin/true\n%\n}\n" + instance("track_script {\ns\n}"),
                "vrrp_script s {\n%\n}\n" + instance(""),
            ]
        case "vrrp_track_process":
            return [
                "vrrp_track_process p {\nprocess x\n%\n}\n" + instance("track_process {\np\n}"),
                "vrrp_track_process p {\n%\n}\n" + instance(""),
            ]
        case "bfd_instance":
            return [
                "bfd_instance b {\nneighbor_ip 10.0.0.9\n%\n}\n" + instance("track_bfd {\nb\n}"),
                "bfd_instance b {\nneighbor_ip 10.0.0.9\nmax_hops 3\n%\n}\n", "bfd_instance b {\n%\n}\n",
            ]
        default: return nil
        }
    }

    private static func instances(_ context: String) -> [String]? {
        switch context {
        case "vrrp_instance":
            return [
                trackers + instance("%"), trackers + instance("unicast_peer {\n10.0.0.7\n}\n%"),
                instance("nopreempt\n%"), instance("accept\n%"), instance("version 3\n%"),
                instance("use_vmac\n%"), instance("unicast_src_ip 10.0.0.8\n%"),
                "vrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nversion 3\n%\n}\n",
                "vrrp_instance A {\nvirtual_router_id 1\n%\n}\n", "vrrp_instance A {\ninterface eth0\n%\n}\n",
                "global_defs {\nvrrp_strict\n}\n" + instance("%"),
            ]
        case "vrrp_instance/authentication":
            return [
                instance("authentication {\nauth_pass ab\n%\n}"), instance("authentication {\nauth_type PASS\n%\n}"),
            ]
        case "vrrp_instance/auth_hmac":
            let key = "key 1 0123456789012345678901234567890123456789"
            return [
                instance("version 3\nauth_hmac {\n\(key)\n\(key.replacing(" 1 ", with: " 2 "))\nactive_key 1\n%\n}"),
                instance("version 3\nauth_hmac {\n%\n}"),
            ]
        case "vrrp_instance/unicast_peer (entry)", "vrrp_instance/track_interface (entry)":
            let name = name(of: context)
            let entry = name == "unicast_peer" ? "10.0.0.7" : "eth1"
            return [
                instance("\(name) {\n\(entry) %\n}"), instance("\(name) {\n\(entry) reverse %\n}"),
                instance("\(name) {\n%\n}"),
            ]
        default: return nil
        }
    }

    private static func servers(_ row: Keyword) -> [String]? {
        let context = row.context
        let name = name(of: context)
        let url = "url {\npath /\nstatus_code 200\n}\n"
        switch context {
        case "virtual_server": return services(row)
        case "virtual_server/real_server":
            return [
                trackers + server("", "%"), server("", "%\nTCP_CHECK {\n}"),
                server("inhibit_on_failure\nalpha\nsmtp_alert", "%"), server("", "uthreshold 9\n%"),
                server("", "%\nHTTP_GET {\n\(url)}"),
            ]
        case "virtual_server/real_server/HTTP_GET": return [check(name, url + "%"), check(name, "%")]
        case "virtual_server/real_server/SSL_GET":
            return [
                check(name, url + "%"), check(name, url.replacing("}", with: "virtualhost h\n}") + "%"),
                check(name, "%"),
            ]
        case "virtual_server/real_server/HTTP_GET/url", "virtual_server/real_server/SSL_GET/url":
            let outer = context.contains("SSL") ? "SSL_GET" : "HTTP_GET"
            return [
                check(outer, "url {\npath /\nstatus_code 200\n%\n}"), check(outer, "url {\npath /\nregex \"x\"\n%\n}"),
                check(outer, "url {\nstatus_code 200\n%\n}"), check(outer, "url {\npath /\n%\n}"),
            ]
        case "virtual_server/real_server/SMTP_CHECK/host": return [check("SMTP_CHECK", "host {\n%\n}")]
        case "virtual_server/real_server/MISC_CHECK":
            return [check(name, "misc_path /usr/bin/true\n%"), check(name, "%")]
        case "virtual_server/real_server/UDP_CHECK": return [check(name, "%"), check(name, "require_reply\n%")]
        case "virtual_server/real_server/BFD_CHECK":
            let bfd = "bfd_instance b {\nneighbor_ip 10.0.0.9\n}\n"
            return [bfd + check(name, "name b\n%"), bfd + check(name, "%")]
        case "virtual_server/real_server/FILE_CHECK":
            return [trackers + check(name, "track_file f\n%"), trackers + check(name, "%")]
        case "virtual_server_group (entry)":
            return ["virtual_server_group g {\n10.0.0.1 80\n%\n}\nvirtual_server group g {\nprotocol TCP\n}\n"]
        case "SSL": return ["", "certificate /c\n"].map { "SSL {\n\($0)%\n}\n" + check("SSL_GET", url) }
        default: return context.hasPrefix("virtual_server/real_server/") ? [check(name, "%")] : nil
        }
    }

    /// Entries of lists.
    private static func entries(_ context: String) -> [String] {
        let name = name(of: context)
        let outer = context.split(separator: "/").first.map(String.init) ?? ""
        func inside(_ entry: String) -> String {
            let block = "\(name) {\n\(entry)\n}"
            switch outer {
            case "vrrp_sync_group":
                return trackers + instance("") + instance("", "B", id: 6, last: "192.0.2.10/24")
                    + "vrrp_sync_group G {\ngroup {\nA\nB\n}\n\(block)\n}\n"
            case "vrrp_instance": return trackers + instance(block)
            default: return trackers + instance("") + block + "\n"
            }
        }
        let tracked = ["track_script": "s", "track_file": "f", "track_process": "p", "track_bfd": "b"]
        if let entry = tracked[name] { return [inside(entry + " %"), inside(entry + " noreverse %"), inside("%")] }
        if name.hasSuffix("_rules") {
            return [
                inside("from 10.6.0.0/16 table 7 %"), inside("%"), inside("from 10.6.0.0/16 %"), inside("table 7 %"),
                inside("inet6 table 7 %"), inside("iif eth0 table 7 %"),
            ]
        }
        if name.hasSuffix("_routes") {
            return [
                inside("10.6.0.0/16 via 192.0.2.1 dev eth0 %"), inside("%"), inside("fd01::/64 via fd00::1 dev eth0 %"),
                inside("default dev eth0 %"), inside("inet6 default dev eth0 %"), inside("dev eth0 %"),
                inside("10.6.0.0/16 dev eth0 append %"), inside("10.6.0.0/16 dev eth0 %"), inside("10.6.0.0/16 %"),
            ]
        }
        return [
            inside("192.0.2.11/24 %"), inside("%"), inside("fd00::9/64 %"), inside("192.0.2.11/24 dev eth1 %"),
            inside("eth1 %"), inside("eth1 reverse %"),
        ]
    }

    private static func services(_ row: Keyword) -> [String] {
        func service(_ lines: String) -> String { server(lines, "TCP_CHECK {\n}") }
        return [
            service("%"), service("lb_algo sh\n%"), service("lb_algo mh\n%"), service("protocol UDP\n%"),
            service("quorum 3\n%"), service("sorry_server 10.0.0.3 80\n%"), service("persistence_timeout 5\n%"),
            server("%", "weight 1\nHTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}"),
            "virtual_server fwmark 3 {\n%\n}\n", "virtual_server fwmark 3 {\n%\nreal_server 10.0.0.2 80 {\n}\n}\n",
            "virtual_server fwmark 3 {\n%\nreal_server fd00::2 80 {\n}\n}\n",
            "virtual_server 10.0.0.1 80 {\n%\n}\n",
        ]
    }

    /// The row with what may follow it. Words that don't fit are errors, and then don't count.
    static func texts(of row: Keyword) -> [String] {
        let general = [
            "", "7", "2", "1", "3", "-2", "2000", "true", "off", "x", "eth1", "/tmp/x", "10.0.0.7", "fd00::7",
            "224.0.0.99", "ff02::99", "ff02::99", "\"/usr/bin/true\"", "\"/usr/bin/true\" root", "0.25", "10.0.0.0/8",
            "all 7", "1-2", "b", "f", "A", "1 10.0.0.1",
        ]
        // Alternatives as the table spells them.
        let words = row.arguments.split { "|[] ".contains($0) }.map(String.init)
        let special = specials[row.name] ?? []
        let name = row.name
        switch row.shape {
        case .block, .list:
            let insides = [
                "", "10.0.0.7", "eth1", "A", "s", "f", "p", "b", "10.0.0.7/24", "10.6.0.0/16 dev eth0",
                "from 10.6.0.0/16 table 7", "x@example.org", "auth_type PASS", "path /", "eth1 3", "file /tmp/g",
                "group { A }", "process y", "script /usr/bin/true", "neighbor_ip 10.0.0.33", "interface eth3",
                "connect_port 25", "name b", "track_file f", "misc_path /usr/bin/true", "router_id new",
                "type A", "key 1 0123456789012345678901234567890123456789",
            ]
            return special + insides.flatMap { ["\(name) {\n\($0)\n}", "\(name) 10.0.0.77 99 {\n\($0)\n}"] }
        default: break
        }
        if name.hasPrefix("(") { return special + words + general }
        return special + (words + general).map { "\(name) \($0)" }
    }

    /// The row with a number in it.
    static func text(of row: Keyword, number: String) -> String {
        switch row.name {
        case "(entry)": "eth1 \(number)"
        case "lvs_timeouts": "lvs_timeouts tcp \(number)"
        case "key": "key \(number) 0123456789012345678901234567890123456789"
        default: "\(row.name) \(number)"
        }
    }

    /// What can't be guessed.
    private static let specials: [String: [String]] = [
        "lvs_timeouts": ["lvs_timeouts tcp 7"], "lvs_sched": ["lvs_sched wrr"],
        "lvs_sync_daemon": ["lvs_sync_daemon eth1 A"],
        "authentication": ["authentication {\nauth_type PASS\nauth_pass ab\n}"],
        "auth_hmac": ["auth_hmac {\nkey 1 0123456789012345678901234567890123456789\nactive_key 1\n}"],
        "umask": ["umask 077"], "smtp_tls": ["smtp_tls starttls"], "smtp_ca": ["smtp_ca /etc/ca.pem"],
        "smtp_auth": ["smtp_auth me file:/etc/password"],
        "vrrp_ipsets": ["vrrp_ipsets a b"], "notify_deleted": ["notify_deleted"],
        "auth_pass": ["auth_pass xy"], "key": ["key 3 0123456789012345678901234567890123456789", "key /tmp/k"],
        "brd": ["brd 192.0.2.255"], "broadcast": ["broadcast 192.0.2.255"], "label": ["label eth0:1"],
        "digest": ["digest 0123456789abcdef0123456789abcdef"], "status_code": ["status_code 300"],
        "regex_options": ["regex_options caseless"], "payload": ["payload 0a0b"],
        "require_reply": ["require_reply 0a"], "as": ["as 10.0.0.8"],
        "encap": ["encap ip id 3 dst 10.0.0.8"], "nexthop": ["nexthop via 192.0.2.1 dev eth0"],
        "fwmark": ["fwmark 3/7", "fwmark 9", "fwmark 9 inet"], "uidrange": ["uidrange 1-9"], "sport": ["sport 1-9"],
        "dport": ["dport 1-9"], "realms": ["realms 1/2"],
        "goto": ["goto 20000"], "features": ["features ecn"], "congctl": ["congctl cubic"],
        "scope": ["scope link"], "protocol": ["protocol 9", "protocol UDP"], "ttl-propagate": ["ttl-propagate enabled"],
        "misc_path": ["misc_path /usr/bin/false"], "persistence_granularity": ["persistence_granularity 255.255.255.0"],
        "sorry_server": ["sorry_server 10.0.0.3 80"], "advert_int": ["advert_int 7"],
        "lb_kind": ["lb_kind TUN", "lb_kind NAT"], "lvs_method": ["lvs_method TUN", "lvs_method NAT"],
        "sorry_server_lvs_method": ["sorry_server_lvs_method TUN"], "user": ["user root"],
        "script_user": ["script_user root"],
        "(range)": ["10.0.0.3-9 80"], "(mask)": ["10.0.1.0/30 80"], "(type)": ["blackhole 10.6.0.0/16"],
        "(entry)": [
            "10.0.0.7", "10.0.0.7/24", "eth1", "eth1 3", "A", "s", "f", "p", "b", "10.0.0.7 81",
            "10.6.0.0/16 via 192.0.2.1 dev eth0", "from 10.6.0.0/16 table 7", "eth1 MII",
        ],
        "quorum_max": ["quorum_max 9"],
        "vrrp_instance": ["vrrp_instance NEW {\ninterface eth0\nvirtual_router_id 77\n}"],
        "vrrp_sync_group": ["vrrp_sync_group NEW {\ngroup { A }\n}"],
        "track_file": ["track_file NEW {\nfile /tmp/g\n}", "track_file { f }", "track_file f"],
        "vrrp_track_file": ["vrrp_track_file NEW {\nfile /tmp/g\n}"],
        "vrrp_script": ["vrrp_script NEW {\nscript /usr/bin/true\n}"],
        "vrrp_track_process": ["vrrp_track_process NEW {\nprocess y\n}"],
        "bfd_instance": ["bfd_instance NEW {\nneighbor_ip 10.0.0.33\n}"],
        "track_group": ["track_group NEW {\ngroup { A }\n}", "track_group T"],
        "garp_group": ["garp_group {\ninterface eth0\ngarp_interval 3\n}"],
        "virtual_server": [
            "virtual_server 10.0.0.77 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.78 80 {\n}\n}"
        ],
        "state": ["state MASTER"], "use_vmac": ["use_vmac", "dev eth1 use_vmac"], "use_ipvlan": ["use_ipvlan"],
        "HTTP_GET": ["HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}"],
        "SSL": ["SSL {\nca /ca.pem\n}"],
        "cluster": [
            "cluster NEW {\nsecret file:/k\nguard A\nnode a {\nheartbeat x udp 10.0.0.1 dev eth0\n}\nnode b {\nheartbeat x udp "
                + "10.0.0.2 dev eth0\n}\n}"
        ],
        "secret": ["secret file:/other"], "node": ["node c {\nheartbeat x udp 10.0.0.3 dev eth0\n}"],
        "references": ["references {\n10.0.0.9 dev eth0\n}"], "lock": ["lock {\nwitness 10.1.0.9\n}"],
        "release": ["release {\nscript /usr/bin/true\n}"], "heartbeat": ["heartbeat x serial /dev/ttyS0"],
        "(address)": ["10.0.0.8 dev eth0"], "etcd": ["etcd https://10.1.0.1:2379\nttl 5"], "timeout": ["timeout 1.5"],
        "file": ["file /tmp/g"],
        "SSL_GET": ["SSL_GET {\nurl {\npath /\nstatus_code 200\n}\n}"],
    ]
}
