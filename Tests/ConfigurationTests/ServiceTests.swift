import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// What virtual_server and real_server blocks mean.
@Suite struct ServiceTests {
    typealias Effect = @Sendable (inout VirtualServerSettings) -> Void

    private static let plain = service("real_server 10.0.0.2 80 {\n}")

    @Test func plain() throws {
        let loaded = load(Self.plain)
        #expect(loaded.findings == [])
        let service = try loaded.service()
        #expect(service.address == .address(IPAddress(v4: 0x0a00_0001), port: 80))
        #expect(service.transport == .tcp && service.scheduler == .roundRobin && service.forwarding == .masquerading)
        #expect(service.quorum == 1 && service.hysteresis == 0 && service.persistence == nil)
        #expect(service.faults.isEmpty && !service.sendsMail)
        let server = try loaded.server()
        #expect(server.address == IPAddress(v4: 0x0a00_0002) && server.port == 80 && server.weight == 1)
        #expect(server.sendsMail && !server.isInhibitedOnFailure && server.checks.isEmpty)
    }

    static let effects: [(line: String, effect: Effect)] = [
        ("lb_algo wrr", { $0.scheduler = .weightedRoundRobin }),
        ("lvs_sched twos", { $0.scheduler = .powerOfTwoChoices }),
        (
            "lb_kind DR",
            {
                $0.forwarding = .directRouting
                $0.realServers[0].forwarding = .directRouting
            }
        ),
        (
            "lvs_method TUN",
            {
                $0.forwarding = .tunnel(.ipip)
                $0.realServers[0].forwarding = .tunnel(.ipip)
            }
        ),
        (
            "lb_kind TUN type gue port 6080 remcsum",
            {
                $0.forwarding = .tunnel(.gue(port: 6080, .remoteOffload))
                $0.realServers[0].forwarding = .tunnel(.gue(port: 6080, .remoteOffload))
            }
        ),
        (
            "lb_kind TUN type gre csum",
            {
                $0.forwarding = .tunnel(.gre(.full))
                $0.realServers[0].forwarding = .tunnel(.gre(.full))
            }
        ),
        ("lb_algo sh\nsh-port", { ($0.scheduler, $0.schedulerFlags) = (.sourceHashing, [.second]) }),
        ("lb_algo mh\nmh-fallback", { ($0.scheduler, $0.schedulerFlags) = (.maglevHashing, [.first]) }),
        ("flag-1\nflag-3", { $0.schedulerFlags = [.first, .third] }),
        ("protocol sctp", { $0.transport = .sctp }),
        ("protocol UDP\nops", { ($0.transport, $0.schedulesSinglePackets) = (.udp, true) }),
        ("persistence_timeout", { $0.persistence = Persistence(granularity: .netmask(.max)) }),
        (
            "persistence_timeout 50\npersistence_granularity 255.255.255.0\npersistence_engine sip",
            {
                var persistence = Persistence(granularity: .netmask(0xffff_ff00))
                persistence.timeout = .seconds(50)
                persistence.engine = "sip"
                $0.persistence = persistence
            }
        ),
        ("persistence_granularity 255.255.0.0", { $0.persistence = Persistence(granularity: .netmask(0xffff_0000)) }),
        ("ha_suspend", { $0.suspendsWithoutAddress = true }),
        ("smtp_alert", { $0.sendsMail = true }),
        ("omega", { $0.notifiesAtShutdown = true }),
        (
            "weight 7\nquorum 5\nhysteresis 2",
            {
                ($0.quorum, $0.hysteresis) = (5, 2)
                $0.realServers[0].weight = 7
            }
        ),
        (
            "quorum_up \"/bin/up 'a b'\" u g",
            {
                $0.scripts = [
                    ServiceScript(
                        trigger: .up, arguments: ["/bin/up", "a b"], identity: ScriptIdentity(user: "u", group: "g"))
                ]
            }
        ),
        ("quorum_down /bin/down", { $0.scripts = [ServiceScript(trigger: .down, arguments: ["/bin/down"])] }),
        ("snmp_name web", { $0.snmpName = "web" }),
        ("inhibit_on_failure", { $0.realServers[0].isInhibitedOnFailure = true }),
        (
            "sorry_server 10.0.0.9",
            {
                $0.sorryServer = SorryServer(address: IPAddress(v4: 0x0a00_0009), port: 80, forwarding: .masquerading)
            }
        ),
        (
            "sorry_server 10.0.0.9 81\nsorry_server_inhibit\nsorry_server_lvs_method DR",
            {
                var sorry = SorryServer(address: IPAddress(v4: 0x0a00_0009), port: 80, forwarding: .directRouting)
                sorry.isInhibited = true
                $0.sorryServer = sorry
            }
        ),
        ("hashed", { _ in }),
    ]

    @Test(arguments: effects) func effect(_ line: String, _ effect: Effect) throws {
        // The line comes last and replaces what stands before it.
        let loaded = load(service("real_server 10.0.0.2 80 {\n}\n" + line))
        var expected = try load(Self.plain).service()
        effect(&expected)
        #expect(loaded.serviceFindings == [])
        #expect(try loaded.service() == expected)
    }

    typealias ServerEffect = @Sendable (inout RealServerSettings) -> Void

    static let serverEffects: [(line: String, effect: ServerEffect)] = [
        ("weight 0", { $0.weight = 0 }),
        ("weight 2147483647", { $0.weight = 2_147_483_647 }),
        ("lvs_method DR", { $0.forwarding = .directRouting }),
        ("uthreshold 9\nlthreshold 5", { ($0.upperThreshold, $0.lowerThreshold) = (9, 5) }),
        ("inhibit_on_failure", { $0.isInhibitedOnFailure = true }),
        ("inhibit_on_failure off", { _ in }),
        (
            "notify_up /bin/u\nnotify_down /bin/d",
            {
                $0.scripts = [
                    ServiceScript(trigger: .up, arguments: ["/bin/u"]),
                    ServiceScript(trigger: .down, arguments: ["/bin/d"]),
                ]
            }
        ),
        ("smtp_alert off", { $0.sendsMail = false }),
        ("snmp_name s1", { $0.snmpName = "s1" }),
    ]

    @Test(arguments: serverEffects) func serverEffect(_ line: String, _ effect: ServerEffect) throws {
        let loaded = load(realServer(line))
        var expected = try load(Self.plain).server()
        effect(&expected)
        // Weight 0 has a finding of its own, see `weightsOfZeroServeNobody`.
        #expect(loaded.serviceFindings.count == (expected.weight == 0 ? 1 : 0))
        #expect(try loaded.server() == expected)
    }

    @Test func serversOverrideWhatTheyInherit() throws {
        let loaded = load(
            service("real_server 10.0.0.2 80 {\nweight 3\ninhibit_on_failure off\n}\nweight 5\ninhibit_on_failure"))
        #expect(loaded.serviceFindings == [])
        let server = try loaded.server()
        #expect(server.weight == 3 && !server.isInhibitedOnFailure)
    }

    @Test(arguments: [
        ("", false, true), ("smtp_alert off", false, false), ("smtp_alert", true, true),
        ("smtp_alert off\nsmtp_alert_checker on", true, true), ("smtp_alert\nsmtp_alert_checker off", false, false),
        ("smtp_alert_vrrp", false, true),
    ])
    func mailDefaults(_ global: String, _ ofService: Bool, _ ofServer: Bool) throws {
        let loaded = load("global_defs {\n\(global)\n}\n" + Self.plain)
        #expect(try loaded.service().sendsMail == ofService)
        #expect(try loaded.server().sendsMail == ofServer)
    }

    @Test(arguments: [
        // The port that IPVS has for the server, and what is said.
        ("10.0.0.1 80", "NAT", "8080", 8080, false), ("10.0.0.1 80", "NAT", "", 80, false),
        ("10.0.0.1 80", "DR", "8080", 80, true), ("10.0.0.1 80", "DR", "80", 80, false),
        ("10.0.0.1 80", "TUN", "0", 80, false), ("fwmark 7", "NAT", "80", 80, false), ("fwmark 7", "NAT", "", 0, false),
        ("fwmark 7", "DR", "", 0, false), ("fwmark 7", "TUN", "80", 0, true),
        ("10.0.0.1 0", "NAT", "9001", 9001, false), ("10.0.0.1 0", "NAT", "", 0, false),
        ("10.0.0.1 0", "DR", "9001", 0, true),
    ])
    func serverPort(_ header: String, _ kind: String, _ port: String, _ expected: UInt16, _ isSaid: Bool) throws {
        let text = service(
            "real_server 10.0.0.2 \(port) {\nTCP_CHECK {\nconnect_port 9\n}\n}", header,
            lead: "protocol TCP\npersistence_timeout 9\nlb_algo rr\nlb_kind \(kind)")
        let loaded = load(text)
        #expect(try loaded.server().port == expected)
        #expect(loaded.serviceFindings.count == (isSaid ? 1 : 0), "\(loaded.serviceFindings)")
        #expect(try loaded.service().faults == [])
    }

    /// A check goes to the port that was written, also where IPVS doesn't use it.
    @Test(arguments: [("10.0.0.1 80", "8080", 8080), ("10.0.0.1 80", "", 80), ("fwmark 7", "8080", 8080)])
    func checkedPort(_ header: String, _ port: String, _ expected: UInt16) throws {
        let loaded = load(
            service(
                "real_server 10.0.0.2 \(port) {\nTCP_CHECK {\n}\n}", header,
                lead: "protocol TCP\nlb_algo rr\nlb_kind DR"))
        #expect(try loaded.check().endpoint?.port == expected)
    }

    @Test func firewallMark() throws {
        let loaded = load("virtual_server fwmark 3 {\nlb_algo rr\nlb_kind DR\nreal_server fd00::2 {\n}\n}")
        #expect(loaded.serviceFindings == [])
        let service = try loaded.service()
        #expect(service.address == .firewallMark(3) && service.family == .ipv6 && service.transport == nil)
        let other = load("virtual_server fwmark 3 {\nlb_algo rr\nlb_kind DR\nip_family inet6\n}")
        #expect(try other.service().family == .ipv6)
    }

    @Test func groups() throws {
        let loaded = load(
            """
            virtual_server_group G {
              10.0.0.1 80
              10.0.0.2-9
              10.0.1.1-10.0.2.40 81
              10.0.4.0/28 80
              fwmark 5
              fwmark 6 inet6
            }
            virtual_server_group H {
              fd00::1-1f 80
              fd00::100/120 80
            }

            """
                + service("real_server 10.0.0.2 80 {\n}", "group G")
                + service("real_server fd00::2 80 {\n}", "group H").replacing("rr", with: "wrr"))
        func v4(_ bits: UInt32) -> IPAddress { IPAddress(v4: bits) }
        func v6(_ low: UInt64) -> IPAddress { IPAddress(v6High: 0xfd00 << 48, low: low) }
        #expect(
            loaded.model.virtualServerGroups.map(\.entries) == [
                [
                    .addresses(first: v4(0x0a00_0001), last: v4(0x0a00_0001), port: 80),
                    .addresses(first: v4(0x0a00_0002), last: v4(0x0a00_0009), port: 0),
                    .addresses(first: v4(0x0a00_0101), last: v4(0x0a00_0228), port: 81),
                    .addresses(first: v4(0x0a00_0400), last: v4(0x0a00_040f), port: 80),
                    .firewallMark(5, nil), .firewallMark(6, .ipv6),
                ],
                [
                    .addresses(first: v6(1), last: v6(0x1f), port: 80),
                    .addresses(first: v6(0x100), last: v6(0x1ff), port: 80),
                ],
            ])
        #expect(loaded.model.virtualServers.map(\.family) == [.ipv4, .ipv6])
        // The mark of the other family is the only thing to complain about.
        #expect(loaded.model.virtualServers.map(\.faults.count) == [1, 0])
    }

    @Test func tls() {
        let loaded = load("SSL {\npassword p\nca /ca.pem\ncertificate /c.pem\nkey /k.pem\n}\n" + Self.plain)
        var expected = TLSClientSettings()
        (expected.password, expected.authorities, expected.certificate, expected.key) = (
            "p", "/ca.pem", "/c.pem", "/k.pem"
        )
        #expect(loaded.serviceFindings == [])
        #expect(loaded.model.tlsClient == expected)
    }

    /// A wrong statement is counted as having no effect.
    @Test func ignoredSettings() {
        #expect(load(Self.plain).model.ignoredSettings == 0)
        #expect(load(service("quorum 0\nreal_server 10.0.0.2 80 {\n}")).model.ignoredSettings == 1)
    }
}
