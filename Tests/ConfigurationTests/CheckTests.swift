import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// What checks mean, and what is said about those that can't work.
@Suite struct CheckTests {
    private static let address = IPAddress(v4: 0x0a00_0002)
    private static let schedule = CheckSchedule(
        interval: .seconds(60), retries: 1, delayBeforeRetry: .seconds(1), warmup: .seconds(60))
    private static let endpoint = CheckEndpoint(address: address, port: 80, timeout: .seconds(5))

    typealias Effect = @Sendable (inout CheckSettings) -> Void

    @Test func plain() throws {
        let loaded = load(realServer("TCP_CHECK {\n}"))
        #expect(loaded.serviceFindings == [])
        #expect(
            try loaded.check() == CheckSettings(kind: .tcp, endpoint: Self.endpoint, schedule: Self.schedule))
    }

    static let effects: [(line: String, effect: Effect)] = [
        ("connect_ip 10.0.0.9", { $0.endpoint?.address = IPAddress(v4: 0x0a00_0009) }),
        ("connect_port 9", { $0.endpoint?.port = 9 }),
        ("bindto 10.0.0.7", { $0.endpoint?.localAddress = IPAddress(v4: 0x0a00_0007) }),
        ("bind_port 7", { $0.endpoint?.localPort = 7 }),
        ("bind_if eth0", { $0.endpoint?.localInterface = "eth0" }),
        ("connect_timeout 0.5", { $0.endpoint?.timeout = .milliseconds(500) }),
        ("fwmark 4294967295", { $0.endpoint?.firewallMark = .max }),
        ("@hasup linger", { $0.endpoint?.lingers = true }),
        ("retry 0", { $0.schedule?.retries = 0 }),
        ("delay_before_retry 0", { $0.schedule?.delayBeforeRetry = .zero }),
        ("warmup 0", { $0.schedule?.warmup = .zero }),
        (
            "delay_loop 2.5",
            {
                $0.schedule?.interval = .milliseconds(2_500)
                $0.schedule?.warmup = .milliseconds(2_500)
            }
        ),
        ("alpha", { $0.startsDown = true }),
        ("log_all_failures", { $0.logsAllFailures = true }),
    ]

    @Test(arguments: effects) func effect(_ line: String, _ effect: Effect) throws {
        let loaded = load(realServer("TCP_CHECK {\n\(line)\n}"), Environment(interfaces: ["eth0"]))
        var expected = CheckSettings(kind: .tcp, endpoint: Self.endpoint, schedule: Self.schedule)
        effect(&expected)
        #expect(loaded.serviceFindings == [])
        #expect(try loaded.check() == expected)
    }

    /// Retries and the delay between them, where nothing is said.
    @Test(arguments: [
        ("TCP_CHECK {\n}", 1, 1), ("SMTP_CHECK {\n}", 1, 1), ("PING_CHECK {\n}", 1, 1), ("DNS_CHECK {\n}", 3, 60),
        ("UDP_CHECK {\n}", 1, 1), ("HTTP_GET {\nurl {\npath /\n}\n}", 1, 3), ("SSL_GET {\nurl {\npath /\n}\n}", 1, 3),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", 0, 1),
    ])
    func standards(_ check: String, _ retries: Int, _ delay: Int64) throws {
        let schedule = try #require(try load(realServer(check)).check().schedule)
        #expect(schedule.retries == retries && schedule.delayBeforeRetry == .seconds(delay))
    }

    /// Virtual server, real server, check: the innermost counts, wherever it stands.
    @Test(arguments: [
        ("delay_loop 7", "", "", 7), ("delay_loop 7", "delay_loop 8", "", 8),
        ("delay_loop 7", "delay_loop 8", "delay_loop 9", 9), ("", "", "delay_loop 9", 9), ("", "", "", 60),
    ])
    func inheritance(_ outer: String, _ middle: String, _ inner: String, _ expected: Int64) throws {
        let loaded = load(service("real_server 10.0.0.2 80 {\nTCP_CHECK {\n\(inner)\n}\n\(middle)\n}\n\(outer)"))
        let schedule = try #require(try loaded.check().schedule)
        #expect(schedule.interval == .seconds(expected) && schedule.warmup == .seconds(expected))
    }

    @Test func everythingIsInherited() throws {
        let loaded = load(
            "global_defs {\nchecker_log_all_failures\n}\n"
                + service(
                    "retry 4\ndelay_before_retry 5\nwarmup 6\nconnect_timeout 8\nalpha\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}"
                ))
        var expected = CheckSettings(
            kind: .tcp, endpoint: Self.endpoint,
            schedule: CheckSchedule(
                interval: .seconds(60), retries: 4, delayBeforeRetry: .seconds(5), warmup: .seconds(6)))
        expected.endpoint?.timeout = .seconds(8)
        expected.startsDown = true
        expected.logsAllFailures = true
        #expect(try loaded.check() == expected)
    }

    /// `alpha` of a virtual server is on whatever follows it; that of a real server and of a check has a value.
    @Test(arguments: [
        ("alpha off", "", "", true), ("alpha", "alpha off", "", false), ("", "alpha", "alpha no", false),
        ("", "alpha", "", true),
    ])
    func alpha(_ outer: String, _ middle: String, _ inner: String, _ expected: Bool) throws {
        let loaded = load(service("real_server 10.0.0.2 80 {\n\(middle)\nTCP_CHECK {\n\(inner)\n}\n}\n\(outer)"))
        #expect(try loaded.check().startsDown == expected)
        #expect(loaded.serviceFindings.count == (outer == "alpha off" ? 1 : 0))
    }

    @Test func http() throws {
        let loaded = load(
            realServer(
                """
                virtualhost server.example
                HTTP_GET {
                  http_protocol 1.1
                  fast_recovery
                  url {
                    path /a
                    digest 00112233445566778899aabbccddeeff
                    status_code 204 200-202 301 203
                  }
                  url {
                    path /b?c=d
                    virtualhost url.example
                    regex "a\\\\d b{2}"
                    regex_no_match
                    regex_options caseless MULTILINE
                    regex_min_offset 3
                    regex_max_offset 9
                  }
                }
                """))
        #expect(loaded.serviceFindings == [])
        var first = HTTPRequest(path: "/a")
        first.host = "server.example"
        first.digest = (0...15).map { UInt8($0 * 17) }
        first.statusCodes = [200...204, 301...301]
        var second = HTTPRequest(path: "/b?c=d")
        second.host = "url.example"
        var pattern = BodyPattern(expression: Array(#"a\d b{2}"#.utf8))
        pattern.mustNotMatch = true
        pattern.options = [.caseless, .multiline]
        pattern.minimumOffset = 3
        pattern.maximumOffset = 9
        second.pattern = pattern
        var expected = HTTPCheck(isEncrypted: false, requests: [first, second])
        expected.version = .http11
        expected.recoversFast = true
        #expect(try loaded.check().kind == .http(expected))
    }

    /// sni_name, url, check, real and virtual server: the first that has a name counts.
    @Test(arguments: [
        ("", "", "", nil), ("enable_sni", "virtualhost u", "", "u"), ("enable_sni\nvirtualhost c", "", "", "c"),
        ("enable_sni", "", "virtualhost v", "v"), ("sni_name s", "virtualhost u", "", "s"),
        ("sni_name", "virtualhost u", "", "u"), ("enable_sni off", "virtualhost u", "", nil),
    ])
    func serverName(_ check: String, _ url: String, _ service: String, _ expected: String?) throws {
        let text = realServer("SSL_GET {\n\(check)\nurl {\npath /\n\(url)\n}\n}").replacing(
            "lb_kind", with: "\(service)\nlb_kind")
        let loaded = load(text)
        #expect(loaded.serviceFindings == [])
        guard case .http(let http) = try loaded.check().kind else { return #expect(Bool(false)) }
        #expect(http.isEncrypted)
        #expect(http.requests.map(\.serverName) == [expected])
    }

    @Test(arguments: [("", "", false), ("tls_compliant", "", true), ("tls_compliant", "tls_compliant off", false)])
    func compliance(_ check: String, _ url: String, _ expected: Bool) throws {
        let loaded = load(realServer("SSL_GET {\n\(check)\nurl {\npath /\n\(url)\n}\n}"))
        guard case .http(let http) = try loaded.check().kind else { return #expect(Bool(false)) }
        #expect(http.requests.map(\.isTLSCompliant) == [expected])
    }

    @Test func otherKinds() throws {
        func kind(_ text: String, _ before: String = "") throws -> CheckKind {
            let loaded = load(before + realServer(text))
            #expect(loaded.serviceFindings.filter { !$0.contains("asks over UDP") } == [])
            return try loaded.check().kind
        }
        #expect(try kind("PING_CHECK {\n}") == .ping)
        #expect(try kind("SMTP_CHECK {\n}") == .smtp(heloName: "smtpchecker.keepalived.org"))
        #expect(try kind("SMTP_CHECK {\nhelo_name me\n}") == .smtp(heloName: "me"))
        var query = DNSQuery()
        #expect(try kind("DNS_CHECK {\n}") == .dns(query))
        (query.type, query.name) = (.address6, "www.example.org")
        #expect(try kind("DNS_CHECK {\ntype AAAA\nname www.example.org.\n}") == .dns(query))
        var probe = UDPProbe()
        #expect(try kind("UDP_CHECK {\n}") == .udp(probe))
        probe.payload = [1, 0x23, 0xab, 4]
        probe.requiresReply = true
        probe.reply = [
            ReplyByte(value: 0x10, mask: 0xf0), ReplyByte(value: 0, mask: 0), ReplyByte(value: 5, mask: 255),
        ]
        (probe.minimumReplyLength, probe.maximumReplyLength) = (3, 300)
        #expect(
            try kind(
                "UDP_CHECK {\npayload \"0123 AB\" 4\nrequire_reply 1x XX 05\nmin_reply_length 3\nmax_reply_length 300\n}"
            ) == .udp(probe))
        var script = ScriptCheck(arguments: ["/bin/chk", "a b"], timeout: .seconds(60))
        #expect(try kind("MISC_CHECK {\nmisc_path \"/bin/chk 'a b'\"\n}") == .script(script))
        script.timeout = .seconds(9)
        script.setsWeight = true
        script.identity = ScriptIdentity(user: "u", group: "g")
        #expect(
            try kind("MISC_CHECK {\nmisc_path \"/bin/chk 'a b'\"\nmisc_timeout 9\nmisc_dynamic\nuser u g\n}")
                == .script(script))
        var file = FileCheck(tracker: "F")
        let tracker = "track_file F {\nfile /f\nweight -3 reverse\n}\n"
        (file.weight, file.isReversed) = (-3, true)
        #expect(try kind("FILE_CHECK {\ntrack_file F\n}", tracker) == .file(file))
        (file.weight, file.isReversed) = (7, false)
        #expect(try kind("FILE_CHECK {\ntrack_file F\nweight 7\n}", tracker) == .file(file))
        let session = "bfd_instance B {\nneighbor_ip 10.0.0.9\n}\n"
        #expect(try kind("BFD_CHECK {\nname B\n}", session) == .bfd(session: "B"))
    }

    /// The old form: each host is a check of its own.
    @Test func hostsOfSMTP() throws {
        let loaded = load(
            realServer("SMTP_CHECK {\nhost {\nconnect_port 25\n}\nhost {\nconnect_ip 10.0.0.3\n}\nretry 4\n}"))
        let checks = try loaded.server().checks
        #expect(checks.map(\.endpoint?.port) == [25, 80])
        #expect(checks.map(\.schedule?.retries) == [4, 4])
        #expect(checks.last?.endpoint?.address == IPAddress(v4: 0x0a00_0003))
    }

    /// Checks that stay, with the findings about them; the lines begin on line 6.
    @Test(arguments: [
        ("TCP_CHECK {\nconnect_port 0\n}", "7:14 error `connect_port` is 1 to 65535, not 0"),
        ("TCP_CHECK {\nconnect_timeout 0\n}", "7:17 error `connect_timeout` is 0.000001 s to 4294967 s"),
        ("TCP_CHECK {\nretry -1\n}", "7:7 error `retry` is 0 to 65535, not -1"),
        ("TCP_CHECK {\nfwmark 4294967296\n}", "7:8 error `fwmark` is 0 to 4294967295, not 4294967296"),
        ("TCP_CHECK {\nbindto fd00::1\n}", "7:8 error `bindto` isn't of the family of `10.0.0.2`; it is ignored"),
        (
            "TCP_CHECK {\nconnect_ip fe80::1\n}",
            "6:1 warning `fe80::1` is link-local: without `bind_if` it can't be reached"
        ),
        (
            "DNS_CHECK {\n}",
            "6:1 warning `DNS_CHECK` asks over UDP, but the service is TCP: it may be up while the service is down"
        ),
        ("HTTP_GET {\nenable_sni\nurl {\npath /\n}\n}", "7:1 warning `enable_sni` has no effect in HTTP_GET"),
        (
            "SSL_GET {\nenable_sni\nurl {\npath /\n}\n}",
            "8:1 warning `enable_sni` needs a name: `sni_name` or `virtualhost`; none is sent"
        ),
        (
            "HTTP_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}",
            "7:15 error `http_protocol` is 1.0, 1.0C or 1.1, not `2`; 1.0 is used"
        ),
        (
            "HTTP_GET {\nurl {\npath /\ndigest 1234\n}\n}",
            "9:8 error a digest is 32 hexadecimal digits, not 4 characters; it is ignored"
        ),
        (
            "HTTP_GET {\nurl {\npath /\ndigest 0011223344556677889900112233445g\n}\n}",
            "9:8 error a digest is 32 hexadecimal digits; it is ignored"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nstatus_code 99\n}\n}",
            "9:13 error `99` isn't a status code of 100 to 599, or a range of them"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nstatus_code 200-100\n}\n}",
            "9:13 error `200-100` isn't a status code of 100 to 599, or a range of them"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nstatus_code 200 600\n}\n}",
            "9:17 error `600` isn't a status code of 100 to 599, or a range of them"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nregex_no_match\n}\n}",
            "9:1 warning `regex_no_match` has no effect without `regex`"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nregex a\nregex_options caseles\n}\n}",
            "10:15 error unknown regex option `caseles`; did you mean `caseless`?"
        ),
        (
            "HTTP_GET {\nurl {\npath /\nregex a\nregex_min_offset 5\nregex_max_offset 5\n}\n}",
            "11:1 error regex_max_offset isn't above regex_min_offset: this regex would never succeed"
        ),
        (
            "HTTP_GET {\nurl {\npath /\n}\nurl {\n}\n}", "10:1 error `url` needs a `path`; it is left out"
        ),
        (
            "HTTP_GET {\nurl {\npath \"/a b\"\n}\nurl {\npath /\n}\n}",
            "8:6 error a path can't have blanks or control characters; write them as %20 and so on"
        ),
        ("HTTP_GET {\nurl {\npath \"\"\n}\nurl {\npath /\n}\n}", "8:6 error a path can't be empty; write `/`"),
        (
            "HTTP_GET {\nurl {\npath index.html\n}\n}",
            "8:6 warning a path begins with `/`; servers refuse a request for this one"
        ),
        ("HTTP_GET {\nurl {\npath /\nregex\n}\n}", "9:1 error `regex` needs PATTERN (quoted)"),
        ("HTTP_GET {\nnb_get_retry 3\nurl {\npath /\n}\n}", "7:1 warning `nb_get_retry` is deprecated"),
        (
            "MISC_CHECK {\nmisc_path /bin/chk a\n}",
            "7:20 warning only the first word counts; put the command and its arguments into double quotes"
        ),
    ])
    func findings(_ check: String, _ expected: String) throws {
        let loaded = load(realServer(check))
        #expect(loaded.serviceFindings == [expected])
        #expect(try loaded.server().checks.count == 1)
    }

    @Test(arguments: [
        ("payload 0g", "7:9 error `0g` isn't pairs of hexadecimal digits"),
        ("payload 0X", "7:9 error `0X` isn't pairs of hexadecimal digits"),
        ("require_reply 0g", "7:15 error `0g` isn't pairs of hexadecimal digits or X"),
        ("payload", "7:1 error `payload` needs a value: HEX, hexadecimal digits"),
        (
            "min_reply_length 9\nmax_reply_length 3",
            "6:1 error no reply is at least 9 and at most 3 bytes long: the server would always be down"
        ),
        (
            "max_reply_length 1\nrequire_reply 0102",
            "8:1 error the reply is longer than max_reply_length 1: the server would always be down"
        ),
    ])
    func probes(_ lines: String, _ expected: String) {
        let text = realServer("UDP_CHECK {\n\(lines)\n}").replacing("protocol TCP", with: "protocol UDP")
        #expect(load(text).serviceFindings == [expected])
    }

    /// Checks that are left out, because a check that can't succeed, or asks nothing, is worse than none.
    @Test(arguments: [
        ("HTTP_GET {\n}", ["6:1 error `HTTP_GET` without a valid `url`; the check is left out"]),
        (
            "MISC_CHECK {\nmisc_timeout 3\n}",
            ["6:1 error `MISC_CHECK` without a valid `misc_path`; the check is left out"]
        ),
        (
            "BFD_CHECK {\nname X\n}",
            ["7:6 error there is no bfd_instance `X`"]
        ),
        (
            "FILE_CHECK {\ntrack_file X\n}",
            ["7:12 error there is no track_file `X`"]
        ),
    ])
    func leftOut(_ check: String, _ expected: [String]) throws {
        let loaded = load(realServer(check))
        #expect(loaded.serviceFindings == expected)
        #expect(try loaded.server().checks.isEmpty)
    }

    /// keepalived leaves such a check out (syntax.md §1).
    @Test func definedFurtherDown() {
        let check = realServer("FILE_CHECK {\ntrack_file F\n}\nBFD_CHECK {\nname B\n}")
        let loaded = load(check + "track_file F {\nfile /f\n}\nbfd_instance B {\nneighbor_ip 10.0.0.9\n}\n")
        let warnings = loaded.serviceFindings.filter { $0.contains(" warning ") }
        #expect(
            warnings == [
                "7:12 warning `F` is defined further down; keepalived would ignore this",
                "10:6 warning `B` is defined further down; keepalived would ignore this",
            ])
    }

    @Test func misspelledSession() {
        let loaded = load("bfd_instance LEFT {\nneighbor_ip 10.0.0.9\n}\n" + realServer("BFD_CHECK {\nname LEFTT\n}"))
        #expect(loaded.serviceFindings.first?.hasSuffix("`LEFTT`; did you mean `LEFT`?") == true)
    }

    @Test func checksNeedAPort() throws {
        let text = service(
            "persistence_timeout 9\nreal_server 10.0.0.2 {\nTCP_CHECK {\n}\nPING_CHECK {\n}\n}", "10.0.0.1 0")
        let loaded = load(text)
        #expect(
            loaded.serviceFindings == [
                "7:1 error `TCP_CHECK` needs `connect_port`, because the real server has no port; the check is left out"
            ])
        #expect(try loaded.check().kind == .ping)
    }

    @Test func unknownInterface() {
        let loaded = load(realServer("TCP_CHECK {\nbind_if eth9\n}"), Environment(interfaces: ["eth0"]))
        #expect(
            loaded.serviceFindings == [
                "7:9 error interface `eth9` doesn't exist; did you mean `eth0`? The check isn't bound to it"
            ])
    }
}
