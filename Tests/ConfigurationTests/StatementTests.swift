import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct StatementTests {
    @Test(arguments: [
        "vrrp_instance A { interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 10.0.0.1 } }",
        "vrrp_instance A\n{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress\n{\n10.0.0.1\n}\n}\n",
        "vrrp_instance A {interface eth0\nvirtual_router_id 1\nvirtual_ipaddress {10.0.0.1}}",
        "global_defs { router_id x }\nvrrp_instance \"A\" {\n\tinterface \"eth0\" # c\n virtual_router_id 1 !c\nvirtual_ipaddress {\n\n10.0.0.1\n}\n}",
    ])
    func forms(_ text: String) throws {
        let loaded = load(text)
        #expect(loaded.findings == [])
        let instance = try loaded.only()
        #expect(instance.name == "A")
        #expect(instance.interface == "eth0")
        #expect(instance.virtualAddresses.map { "\($0.prefix)" } == ["10.0.0.1/32"])
    }

    @Test(arguments: [
        (
            "vrrp_instnce B {\n foo {\n }\n}\n" + instance(""),
            ["1:1 error unknown keyword `vrrp_instnce` at the top level; did you mean `vrrp_instance`?"]
        ),
        (instance("prority 7"), ["5:1 error unknown keyword `prority` in `vrrp_instance`; did you mean `priority`?"]),
        (
            instance("router_id x"),
            ["5:1 error `router_id` can't stand in `vrrp_instance`; it belongs in `global_defs`"]
        ),
        (instance("zzzzzzzzzz x"), ["5:1 error unknown keyword `zzzzzzzzzz` in `vrrp_instance`"]),
        (instance("priority 7 {\nx\n}"), ["5:12 error unexpected `{`: `priority` has no block"]),
        (instance("{ x }"), ["5:1 error unexpected `{`: no keyword in the block of `vrrp_instance` stands before it"]),
        (
            instance("").replacing("A {", with: "A {{"),
            ["1:18 error unexpected `{`: no keyword in the block of `vrrp_instance` stands before it"]
        ),
        (
            instance("").replacing("A {", with: "A { {") + "}\n",
            ["1:19 error unexpected `{`: no keyword in the block of `vrrp_instance` stands before it"]
        ),
        (
            instance("", addresses: "{ 10.0.0.1/24 }"),
            ["4:21 error unexpected `{`: no keyword in the block of `virtual_ipaddress` stands before it"]
        ),
        (instance("") + "}\n", ["7:1 error unexpected `}`: no block is open here"]),
        (instance("track_interface eth1\n"), ["5:17 error `{` expected after `track_interface`, which opens a block"]),
        (
            "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n",
            [
                "5:1 error the files end, but a `}` was expected to close `virtual_ipaddress`, which begins on line 4",
                "4:19 note `virtual_ipaddress` was opened here",
                "5:1 error the files end, but a `}` was expected to close `vrrp_instance`, which begins on line 1",
                "1:17 note `vrrp_instance` was opened here",
            ]
        ),
        (
            "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\npriority 7\n}\n",
            [
                "6:1 error a `}` was expected before `priority` to close `virtual_ipaddress`, which begins on line 4",
                "4:19 note `virtual_ipaddress` was opened here",
            ]
        ),
        (
            "vrrp_instance B\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n",
            ["1:15 error `{` expected after `vrrp_instance`, which opens a block"]
        ),
        (
            instance("track_bfd {\n}"),
            [
                "5:1 warning `track_bfd` isn't handled yet and has no effect: "
                    + "whatever is cut, this node keeps its role"
            ]
        ),
        (instance("promote_secondaries"), ["5:1 warning `promote_secondaries` isn't handled yet and has no effect"]),
        (instance("native_ipv6"), ["5:1 warning `native_ipv6` is deprecated"]),
        (instance("old_unicast_checksum\nunicast_peer {\n10.0.0.9\n}"), []),
    ])
    func findings(_ text: String, _ expected: [String]) {
        let loaded = load(text)
        #expect(loaded.findings == expected)
        #expect(loaded.model.instances.count == 1)
    }

    /// keepalived complains of the lists only.
    @Test func wordsBeforeABrace() {
        let text = """
            global_defs a b {
              notification_email c {
                d@e
              }
            }
            static_ipaddress f {
            }
            vrrp_sync_group G {
              group h {
              }
            }
            """
        let found = load(instance("authentication i {\nauth_type PASS\nauth_pass x\n}") + text).findings
        let expected = [
            "5:16 warning `i` and what follows is ignored", "10:13 warning `a` and what follows is ignored",
            "11:22 error `notification_email` takes its entries in `{ }`; this is ignored",
            "15:18 error `static_ipaddress` takes its entries in `{ }`; this is ignored",
            "18:9 error `group` takes its entries in `{ }`; this is ignored",
        ]
        #expect(found.filter { $0.hasSuffix("is ignored") } == expected)
    }

    @Test func unknownBlocksAreSkippedWhole() throws {
        let loaded = load("nonsense {\n priority { {} }\n}\n" + instance(""))
        #expect(loaded.errorCount == 1)
        #expect(loaded.model.ignoredSettings == 1)
        #expect(try loaded.only().faults == [])
    }

    @Test func services() {
        let loaded = load(
            """
            virtual_server_group G {
              10.0.0.1 80
            }
            virtual_server 10.0.0.1 80 {
              delay_loop 6
              lb_algo rr
              persistence_timeout 0
              real_server 10.0.0.2 80 {
                weight 1
                HTTP_GET {
                  url {
                    path /
                    statuscode 200
                  }
                }
              }
            }
            virtual_server group G {
            }
            """)
        #expect(loaded.model.virtualServers.count == 2)
        #expect(
            loaded.serviceFindings == [
                "13:9 error unknown keyword `statuscode` in `url`; did you mean `status_code`?",
                "7:23 error `persistence_timeout` is 1 to 2678400, not 0",
                "4:1 warning `protocol` is missing; UDP is used, which is seldom what is meant: say TCP, UDP or SCTP",
                "4:1 warning `lb_kind` is missing; `NAT` is used",
                "10:5 warning `HTTP_GET` asks over TCP, but the service is UDP: it may be up while the service is down",
                "18:1 warning `protocol` is missing; UDP is used, which is seldom what is meant: say TCP, UDP or SCTP",
                "18:1 warning `lb_algo` is missing; `wlc` is used",
                "18:1 warning `lb_kind` is missing; `NAT` is used",
                "18:1 error there is no valid real_server: virtual server `group G` isn't set up",
                "18:1 error `10.0.0.1 80` is served already: virtual server `group G` isn't set up",
                "4:1 note the virtual server that serves it is here",
            ])
    }

    @Test(arguments: ["", "\n# nothing\n", "nonsense\n", "}\n"]) func nothingConfigured(_ text: String) {
        let loaded = load(text)
        #expect(loaded.hasErrors)
        #expect(!loaded.canStart)
        let start = ("global_defs {\n}\n", "vrrp_instnace WEB {\n}\n", "vrrp_instance B {\n}\n")
        #expect(!load(start.0 + start.1).canStart, "definitions beside a misspelt block run nothing")
        #expect(load(start.0).canStart, "definitions alone are what somebody wants")
        #expect(load(start.1 + start.2).canStart)
        let sample = load("global_defs {\n  vrrp_garp_interval 0\n  vrrp_gna_interval 0\n}\n")
        #expect(!sample.hasErrors && sample.warningCount == 2, "keepalived's own sample is taken: \(sample.findings)")
    }

    @Test func blocksMayRepeat() throws {
        let loaded = load(
            "global_defs {\nvrrp_version 3\n}\n" + instance("") + "global_defs {\nvrrp_garp_master_repeat 2\n}")
        #expect(try loaded.only().version == .v3)
        #expect(try loaded.only().announcements.rounds == 2)
    }

    /// Words of keywords that are read without effect are judged all the same.
    @Test(arguments: [
        ("higher_prio_send_advert maybe", ["5:25 error `maybe` isn't one of true, on, yes, false, off, no"]),
        ("higher_prio_send_advert off", []), ("higher_prio_send_advert", []),
    ])
    func valuesWithoutEffect(_ line: String, _ expected: [String]) {
        #expect(load(instance(line)).findings == expected)
    }
}
