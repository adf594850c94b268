import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// What is said about virtual servers that can't be meant as they are written.
@Suite struct ServiceRuleTests {
    /// A wrong header doesn't hide what is wrong behind it.
    @Test(arguments: ["10.0.0.1 99999", "10.0.0.x 80", "", "fwmark x"])
    func aWrongHeader(_ header: String) {
        let loaded = load(
            "virtual_server \(header) {\nprotocol TCP\nlb_algo wrrr\nreal_server 10.0.0.2 80 {\nweight x\n}\n}\n")
        #expect(loaded.model.virtualServers.isEmpty)
        let places = loaded.diagnostics.filter { $0.severity == .error }.compactMap { $0.location?.line }
        #expect(places == [1, 3, 5], "\(loaded.findings)")
    }

    /// Lines of a virtual server with one real server, and the findings about them.
    @Test(arguments: [
        (
            "quorum 5",
            ["5:1 warning quorum 5 is above the sum of weights, 1, which is used"]
        ),
        ("quorum 0", ["5:8 error `quorum` is 1 to 4294967295, not 0"]),
        ("hysteresis 1", ["5:1 warning hysteresis 1 isn't below the quorum, 1; 0 is used"]),
        ("lb_algo wrrr", ["5:9 error unknown scheduler `wrrr`; did you mean `wrr`?"]),
        (
            "lb_algo fastest",
            [
                "5:9 error unknown scheduler `fastest`; known are rr, wrr, lc, wlc, lblc, lblcr, sh, mh, dh, fo, ovf, sed, nq, twos"
            ]
        ),
        ("lb_kind nat", ["5:9 error `lb_kind` is NAT, DR or TUN, not `nat`"]),
        ("lb_kind TUN gre", ["5:13 error after TUN, `type` ipip, gue or gre is expected"]),
        ("lb_kind TUN type gue", ["5:18 error `gue` needs `port` N"]),
        ("lb_kind TUN type gre remcsum", ["5:22 error `remcsum` isn't nocsum or csum"]),
        ("protocol TPC", ["5:10 error `protocol` is TCP, UDP or SCTP, not `TPC`"]),
        ("persistence_timeout 0", ["5:21 error `persistence_timeout` is 1 to 2678400, not 0"]),
        ("persistence_granularity 24", ["5:25 error `24` isn't an IPv4 netmask such as 255.255.255.0"]),
        ("delay_loop 0", ["5:12 error `delay_loop` is 0.000001 s to 4294967 s"]),
        ("delay_loop 99999999999", ["5:12 error `delay_loop` is 0.000001 s to 4294967 s"]),
        ("delay_loop 6s", ["5:12 error `6s` isn't a number of seconds"]),
        ("retry 0", ["5:7 error `retry` is 1 to 65535, not 0"]),
        ("sh-port", ["5:1 warning `sh-port` belongs to scheduler sh, not rr; it is ignored"]),
        ("mh-fallback", ["5:1 warning `mh-fallback` belongs to scheduler mh, not rr; it is ignored"]),
        ("ops", ["5:1 warning `ops`, one packet scheduling, needs `protocol UDP`; it is ignored"]),
        ("ip_family inet6", ["5:1 error `ip_family` isn't the family of `10.0.0.1`; it is ignored"]),
        (
            "sorry_server 10.0.0.2 80",
            [
                "5:14 warning the sorry_server is one of the real servers, which are gone when it is needed",
                "6:1 note the real_server is here",
            ]
        ),
        (
            "sorry_server fd00::1 80",
            ["5:14 error this sorry_server isn't of the virtual server's family; only TUN can do that"]
        ),
        ("sorry_server_inhibit", ["5:1 warning `sorry_server_inhibit` has no effect without `sorry_server`"]),
        (
            "quorum_up /bin/a\nquorum_up /bin/b",
            ["6:1 warning `quorum_up` is set already; this one is ignored"]
        ),
    ])
    func services(_ lines: String, _ expected: [String]) throws {
        let loaded = load(service("\(lines)\nreal_server 10.0.0.2 80 {\n}"))
        #expect(loaded.serviceFindings == expected)
        #expect(try loaded.service().faults == [])
        #expect(try loaded.service().realServers.count == 1)
    }

    @Test func loweredQuorum() throws {
        let loaded = load(service("quorum 9\nhysteresis 7\nreal_server 10.0.0.2 80 {\nweight 4\n}"))
        #expect(
            loaded.serviceFindings == [
                "5:1 warning quorum 9 is above the sum of weights, 4, which is used",
                "6:1 warning hysteresis 7 isn't below the quorum, 4; 3 is used",
            ])
        let service = try loaded.service()
        #expect(service.quorum == 4 && service.hysteresis == 3)
    }

    /// keepalived says it, too: a quorum of 1 is above the sum.
    @Test func weightsOfZeroServeNobody() {
        let servers = "real_server 10.0.0.2 80 {\nweight 0\n}\nreal_server 10.0.0.3 80 {\nweight"
        #expect(
            load(service("\(servers) 0\n}")).serviceFindings == [
                "1:1 warning the weights of its real servers are all 0: none of them is given a connection"
            ])
        #expect(load(service("\(servers) 1\n}")).serviceFindings.isEmpty)
    }

    @Test func whatIsMissingIsSaid() throws {
        let loaded = load("virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 {\n}\n}")
        #expect(
            loaded.serviceFindings == [
                "1:1 warning `protocol` is missing; UDP is used, which is seldom what is meant: say TCP, UDP or SCTP",
                "1:1 warning `lb_algo` is missing; `wlc` is used", "1:1 warning `lb_kind` is missing; `NAT` is used",
            ])
        let service = try loaded.service()
        #expect(service.transport == .udp && service.scheduler == .weightedLeastConnections)
    }

    /// Lines of a real server, and the findings about them.
    @Test(arguments: [
        ("weight -1", ["6:8 error `weight` is 0 to 2147483647, not -1"]),
        ("weight 2147483648", ["6:8 error `weight` is 0 to 2147483647, not 2147483648"]),
        ("weight", ["6:1 error `weight` needs a value: INT, a whole number"]),
        (
            "uthreshold 5\nlthreshold 9",
            ["7:1 warning `lthreshold` is above `uthreshold`, so the server is never full for long"]
        ),
        ("lvs_method", ["6:1 error `lvs_method` needs a value: as VS"]),
        ("notify_up \"\"", ["6:11 error the command is empty"]),
    ])
    func servers(_ lines: String, _ expected: [String]) throws {
        let loaded = load(realServer(lines))
        #expect(loaded.serviceFindings == expected)
        #expect(try loaded.server().weight == 1)
    }

    @Test func duplicateRealServer() throws {
        let loaded = load(
            service("real_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.2 {\nweight 9\n}\nreal_server 10.0.0.2 81 {\n}"))
        #expect(
            loaded.serviceFindings == [
                "7:13 error real_server `10.0.0.2 0` is listed already; this one is left out",
                "5:1 note the first one is here",
            ])
        #expect(try loaded.service().realServers.map(\.port) == [80, 81])
    }

    @Test func familyOfRealServers() throws {
        let text = service("real_server fd00::1 80 {\n}\nreal_server 10.0.0.2 80 {\n}")
        let loaded = load(text)
        #expect(
            loaded.serviceFindings == [
                "5:13 error this real_server isn't of the virtual server's family, which only TUN can do; it is left out"
            ])
        #expect(try loaded.service().realServers.count == 1)
        #expect(load(text.replacing("NAT", with: "TUN")).serviceFindings == [])
    }

    /// Virtual servers that can't be set up, and why.
    @Test(arguments: [
        (service(""), "1:1 error there is no valid real_server: virtual server `10.0.0.1 80` isn't set up"),
        (
            service("real_server 10.0.0.2 80 {\n}", "group G"),
            "1:22 error there is no virtual_server_group `G`: virtual server `group G` isn't set up"
        ),
        (
            service("real_server 10.0.0.2 80 {\n}", "group G")
                + "virtual_server_group G {\n10.0.0.1 80\nfd00::1 80\n}",
            "1:1 error group `G` mixes IPv4 and IPv6, which only `lb_kind TUN` can serve: virtual server `group G` isn't set up"
        ),
        (
            service("real_server 10.0.0.2 80 {\n}", "group G")
                + "virtual_server_group G {\n10.1.0.0/16 80\n10.2.0.1-2 80\nfwmark 3\n}",
            "1:1 error group `G` makes 65539 services, and 65536 is the most: virtual server `group G` isn't set up"
        ),
    ])
    func faults(_ text: String, _ expected: String) throws {
        let loaded = load(text)
        #expect(loaded.serviceFindings.filter { $0.contains(" error ") } == [expected])
        #expect(try loaded.service().faults.count == 1)
        #expect(loaded.hasErrors)
    }

    @Test func misspelledGroup() {
        let loaded = load(
            "virtual_server_group WEB {\n10.0.0.1 80\n}\n" + service("real_server 10.0.0.2 80 {\n}", "group WEP"))
        #expect(loaded.serviceFindings.first?.contains("`WEP` (did you mean `WEB`?)") == true)
    }

    @Test(arguments: [
        ("10.0.0.1 80", "10.0.0.1 80", "TCP", "`10.0.0.1 80` is served already"),
        ("10.0.0.1 80", "10.0.0.1 81", "TCP", nil), ("10.0.0.1 80", "10.0.0.1 80", "UDP", nil),
        ("fwmark 1", "fwmark 1", "UDP", "fwmark 1 is served already"), ("fwmark 1", "fwmark 2", "TCP", nil),
        ("group G", "10.0.0.7 80", "TCP", "`10.0.0.7 80` is served already"), ("group G", "10.0.0.10 80", "TCP", nil),
        ("10.0.0.9 80", "group G", "TCP", "`10.0.0.9 80` is served already"),
        ("group G", "group G", "TCP", "`10.0.0.5 80` is served already"), ("group G", "group G", "UDP", nil),
    ])
    func served(_ first: String, _ second: String, _ transport: String, _ expected: String?) {
        let server = "real_server 10.0.0.2 {\n}"
        let loaded = load(
            "virtual_server_group G {\n10.0.0.5-9 80\n}\n" + service(server, first)
                + service(server, second, lead: "protocol \(transport)\nlb_algo rr\nlb_kind NAT"))
        guard let expected else {
            #expect(loaded.serviceFindings == [])
            return
        }
        #expect(
            loaded.serviceFindings == [
                "11:1 error \(expected): virtual server `\(second)` isn't set up",
                "4:1 note the virtual server that serves it is here",
            ])
        #expect(loaded.model.virtualServers.map(\.faults.count) == [0, 1])
    }

    @Test(arguments: [
        ("10.0.0.9-1", "2:1 error the end of `10.0.0.9-1` isn't above its beginning"),
        ("10.0.0.1/28", "2:1 error `10.0.0.1/28` has host bits; the block is `10.0.0.0/28`"),
        ("10.0.0.0/33", "2:1 error `10.0.0.0/33` isn't an address, FIRST-LAST, ADDRESS/LENGTH or `fwmark`"),
        ("10.0.0.1-300", "2:1 error `10.0.0.1-300` isn't an address, FIRST-LAST, ADDRESS/LENGTH or `fwmark`"),
        ("10.0.0.1-fd00::1", "2:1 error the end of `10.0.0.1-fd00::1` isn't above its beginning"),
        ("10.0.0.0/8", "2:1 error `10.0.0.0/8` has more than 65536 addresses"),
        ("10.0.0.0-10.255.0.0", "2:1 error `10.0.0.0-10.255.0.0` has more than 65536 addresses"),
        ("::-ffff::", "2:1 error `::-ffff::` has more than 65536 addresses"),
        ("10.0.0.1 65536", "2:10 error a port is 0 to 65535, not 65536"),
        ("10.0.0.1 http", "2:10 error `http` isn't a whole number"),
        ("fwmark 0", "2:8 error `fwmark` is 1 to 4294967295, not 0"), ("fwmark", "2:1 error `fwmark` needs a value"),
        ("fwmark 1 ipv4", "2:10 error `ipv4` isn't a family: inet or inet6"),
    ])
    func groupEntries(_ entry: String, _ expected: String) {
        let loaded = load("virtual_server_group G {\n\(entry)\n10.0.0.1 80\n}")
        #expect(loaded.serviceFindings == [expected])
    }

    @Test func groupsThatArentUsable() {
        let loaded = load("virtual_server_group G {\n}\nvirtual_server_group G {\n10.0.0.1 80\n}")
        #expect(
            loaded.serviceFindings == [
                "1:22 error virtual_server_group `G` has no valid entry",
                "3:22 error `virtual_server_group G` exists already; this block is left out",
                "1:22 note the first one is here",
            ])
    }

    @Test func missingPort() throws {
        let loaded = load(service("real_server 10.0.0.2 80 {\n}", "10.0.0.1"))
        #expect(
            loaded.serviceFindings == [
                "1:1 error a port is missing, and a service on all ports has to be persistent; persistence_timeout 360 is used"
            ])
        #expect(try loaded.service().persistence?.timeout == .seconds(360))
        #expect(load(service("persistence_timeout 9\nreal_server 10.0.0.2 {\n}", "10.0.0.1 0")).serviceFindings == [])
    }

    @Test(arguments: [
        ("", "1:1 error `virtual_server` needs ADDRESS [PORT], `fwmark` N or `group` NAME"),
        ("www.example.org 80", "1:16 error `www.example.org` isn't an IP address, `fwmark` or `group`"),
        ("10.0.0.1 70000", "1:25 error a port is 0 to 65535, not 70000"),
        ("224.0.0.1 80", "1:16 error `224.0.0.1` can't be a virtual server's address"),
        ("fwmark", "1:16 error `fwmark` needs a value"), ("fwmark 0", "1:23 error `fwmark` is 1 to 4294967295, not 0"),
    ])
    func headers(_ header: String, _ expected: String) {
        let loaded = load(service("real_server 10.0.0.2 80 {\n}", header))
        #expect(loaded.serviceFindings == [expected])
        #expect(loaded.model.virtualServers.isEmpty)
    }

    @Test(arguments: ["fwmark 3", "group G"]) func suspensionNeedsAnAddress(_ header: String) throws {
        let loaded = load(
            service("ha_suspend\nreal_server 10.0.0.2 {\n}", header)
                + "virtual_server_group G {\n10.0.0.1 80\n}")
        #expect(
            loaded.serviceFindings == [
                "5:1 warning `ha_suspend` needs a virtual server with an address of its own; it has no effect here"
            ])
        #expect(try !loaded.service().suspendsWithoutAddress)
    }

    @Test func tlsWithoutCertificate() {
        #expect(
            load("SSL {\nkey /k\npassword p\n}").serviceFindings == [
                "2:1 error `key` has no effect without `certificate`"
            ])
        #expect(
            load("SSL {\npassword p\n}").serviceFindings == [
                "2:1 warning `password` belongs to a key, and there is no `key` here"
            ])
    }

    private static let whole = realServer("", "10.0.0.2 80")

    private struct Slip {
        var text: String
        var finding: String
    }

    private static let slips: [Slip] = [
        Slip(
            text: realServer("", "10.0.0.2 80", "10.0.0.1").replacing(
                "protocol TCP", with: "protocol TCP\npersistence_timeout 9"),
            finding:
                "1:1 warning a port is missing, so the service takes connections to every port: write the port, or "
                + "`virtual_server 10.0.0.1 0` if all of them are meant"
        ),
        Slip(
            text: realServer("", "10.0.0.2 80", "fwmark 7 80"),
            finding:
                "1:25 warning a virtual server with a fwmark has no port, so `80` is ignored: the rule that sets the mark says "
                + "which ports are meant"
        ),
        Slip(
            text: realServer("", "224.0.0.1 80") + whole,
            finding:
                "5:13 error `224.0.0.1` isn't the address of one server, and IPVS refuses it: write the server's own; it is "
                + "left out"
        ),
        Slip(
            text: realServer("", "0.0.0.0 80") + whole,
            finding:
                "5:13 error `0.0.0.0` isn't the address of one server, and IPVS refuses it: write the server's own; it is left out"
        ),
        Slip(
            text: "virtual_server_group G {\n10.0.0.9 80\n}\n" + whole,
            finding:
                "1:22 warning no virtual_server uses this group: write `virtual_server group G {`, or take the group out"
        ),
        Slip(
            text: realServer("TCP_CHECK {\n}").replacing("protocol TCP", with: "protocol SCTP"),
            finding:
                "6:1 warning `TCP_CHECK` asks over TCP, but the service is SCTP: it may be up while the service is down"
        ),
        Slip(
            text: service("smtp_alert\nreal_server 10.0.0.2 80 {\n}"),
            finding:
                "5:1 warning no mail is sent, because `smtp_server` is missing in global_defs: set it, or take `smtp_alert` out"
        ),
        Slip(
            text: "SSL {\nca certs/ca.pem\n}\n" + whole,
            finding:
                "2:4 warning `certs/ca.pem` is a relative path, and hasupd may look for it in another folder than this command "
                + "does: write the whole path"
        ),
    ]

    private static let meant: [String] = [
        realServer("", "10.0.0.2 80", "10.0.0.1 0").replacing(
            "protocol TCP", with: "protocol TCP\npersistence_timeout 9"),
        realServer("", "10.0.0.2 80", "group G") + "virtual_server_group G {\n10.0.0.9 80\n}\n",
        "global_defs {\nsmtp_alert off\n}\n" + whole,
    ]

    /// Findings with which `hasup check` says what makes no sense.
    @Test func isSaid() {
        for slip in Self.slips {
            let findings = load(slip.text).findings
            #expect(findings.contains(slip.finding), "\(findings)")
        }
    }

    /// What is meant as it stands.
    @Test func isNotSaid() {
        for text in Self.meant { #expect(load(text).findings == [], "\(load(text).findings)") }
    }

    /// A check that is left out has its own code: status counts it.
    @Test(arguments: ["TCP_CHEK {\n}", "MISC_CHECK {\n}", "HTTP_GET {\n}", "FILE_CHECK {\ntrack_file x\n}"])
    func aCheckThatIsLeftOut(_ lines: String) {
        let errors = load(realServer(lines)).diagnostics.filter { $0.severity == .error }
        #expect(errors.contains { $0.code == .check }, "\(errors)")
    }

    @Test func aNamespaceThatIsMissing() {
        let text = "net_namespace_ipvs blue\n" + Self.whole
        var environment = Environment()
        #expect(load(text, environment).findings == [])
        environment.interfaces = []
        let found = load(text, environment).diagnostics.filter { $0.code == .machine }
        #expect(found.count == 1 && found[0].message.hasPrefix("there is no network namespace `blue`"))
        #expect(found.first?.location?.line == 1)
    }
}
