import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct RuleTests {
    /// Static ones count too, in the order of the file.
    @Test func automaticPrioritiesFollowTheFile() throws {
        let first = "static_rules {\nfrom 10.0.0.1 table 1\n}\n"
        let loaded = load(first + instance("virtual_rules {\nfrom 10.0.0.2 table 1\nfrom 10.0.0.3 table 1\n}"))
        #expect(loaded.model.shared.staticRules.map(\.priority) == [16_384])
        #expect(try loaded.only().rules.map(\.priority) == [16_383, 16_382])
    }

    @Test(arguments: [
        ("priority 0", ["5:10 error `priority` is 1 to 255, not 0"]),
        ("garp_master_delay 4295", ["5:19 error `garp_master_delay` is 0 to 4294, not 4295"]),
        ("garp_lower_prio_delay 4295", ["5:23 error `garp_lower_prio_delay` is 0 to 4294, not 4295"]),
        ("garp_master_delay 4294\ngarp_master_refresh 4295", []),
        ("priority 12x", ["5:10 error `12x` isn't a whole number"]),
        ("priority", ["5:1 error `priority` needs a value: INT, a whole number"]),
        ("priority 7 8", ["5:12 warning `priority` takes one value; this and what follows is ignored"]),
        ("state master", ["5:7 error `state` is MASTER or BACKUP, not `master`"]),
        ("nopreempt false", ["5:11 warning `nopreempt` takes no value; `false` is ignored and the setting is on"]),
        (
            "state MASTER",
            ["5:1 warning `state MASTER` without `priority` means 255, the owner of the addresses; say a priority"]
        ),
        (
            "state BACKUP\npriority 255",
            [
                "5:1 warning with priority 255 the instance starts as MASTER; `state BACKUP` has no effect",
                "6:1 note priority 255 is here",
            ]
        ),
        (
            "priority 255\ntrack_interface {\neth1 weight 5\n}",
            ["7:1 warning priority 255 never changes: weights of trackers have no effect"]
        ),
        ("nopreempt\npriority 255", ["5:1 warning `nopreempt` has no effect with priority 255"]),
        (
            "state MASTER\npriority 9\nnopreempt",
            ["7:1 warning `nopreempt` has no effect with `state MASTER`; use `state BACKUP`"]
        ),
        ("nopreempt\npreempt_delay 9", ["6:1 warning `preempt_delay` has no effect with `nopreempt`"]),
        ("priority 255\npreempt_delay 9", ["6:1 warning `preempt_delay` has no effect with `priority 255`"]),
        (
            "nopreempt\ntrack_interface {\neth1 weight 5\n}",
            [
                "5:1 warning `nopreempt` with weighted tracking: a sick master keeps its role; use weight 0 to make it FAULT"
            ]
        ),
        ("preempt_delay 1001", ["5:15 error `preempt_delay` is 0 s to 1000 s"]),
        (
            "authentication {\nauth_type PASS\nauth_pass 123456789\n}",
            ["7:11 warning only the first 8 bytes of a password count"]
        ),
        (
            "authentication {\nauth_type PASS\nauth_pass 12 3\n}",
            ["7:14 warning the password ends at the blank; put it in double quotes if the rest belongs to it"]
        ),
        (
            "version 3\nauthentication {\nauth_type PASS\nauth_pass 1\n}",
            ["6:1 error VRRP version 3 has no authentication; this block is ignored"]
        ),
        ("authentication {\nauth_pass 1\n}", ["5:1 warning authentication without auth_type has no effect"]),
        ("garp_master_repeat 0", ["5:20 warning `garp_master_repeat 0` means 1"]),
        ("down_timer_adverts 101", ["5:20 error `down_timer_adverts` is 1 to 100, not 101"]),
        ("skip_check_adv_addr maybe", ["5:21 error `maybe` isn't one of true, on, yes, false, off, no"]),
        ("unicast_peer {\n}", ["5:1 warning `unicast_peer` names no peer: advertisements go to the multicast group"]),
        ("unicast_peer {\n10.0.0.9 max_ttl 256\n}", ["6:18 error `max_ttl` is 0 to 255, not 256"]),
        (
            "track_interface {\neth0\n}",
            ["5:1 warning `eth0` is the instance's own interface, which is tracked anyway; this entry is ignored"]
        ),
        ("track_interface {\neth1 weight 254\n}", ["6:13 warning a weight is -253 to 253; 253 is used"]),
        (
            "track_interface {\neth1 wieght 2\n}",
            ["6:6 error unknown option `wieght`; did you mean `weight`?"]
        ),
        (
            "track_interface eth0 {\neth1\n}",
            ["5:17 error `track_interface` takes its entries in `{ }`; this is ignored"]
        ),
        ("notify \"/bin/x 'a\"", ["5:8 error a quote in this command has no partner"]),
        ("notify", ["5:1 error `notify` needs a command"]),
        (
            "notify /a\nnotify /b",
            ["6:1 warning `notify` is set already; this one is ignored", "5:1 note the first time is here"]
        ),
        (
            "priority 100\nadvert_int 2\npriority 150",
            [
                "7:1 warning `priority` is set again in this `vrrp_instance`; this one counts",
                "5:1 note the first time is here",
            ]
        ),
        (
            "unicast_peer {\n10.0.0.9\n10.0.0.8\n10.0.0.9\n}",
            [
                "8:1 warning peer `10.0.0.9` is listed already; the first entry counts",
                "6:1 note the first time is here",
            ]
        ),
        (
            "track_interface {\neth1\neth1 weight 3\n}",
            ["7:1 error `eth1` is tracked already", "6:1 note the first time is here"]
        ),
        (
            "use_vmac",
            [
                "5:1 warning `use_vmac` isn't handled yet and has no effect",
                "5:1 note the instance runs with the interface's own MAC address",
            ]
        ),
        (
            "virtual_ipaddress {\n10.0.0.1\n}",
            ["6:1 warning `10.0.0.1` is listed already", "4:21 note the first time is here"]
        ),
        (
            "virtual_ipaddress {\nfe80::1\n}",
            ["6:1 error an instance carries addresses of one family; put this one into virtual_ipaddress_excluded"]
        ),
        (
            "virtual_ipaddress {\n10.0.0.9/33\n}",
            ["6:1 error `33` isn't a prefix length of 0 to 32; 10.0.0.9/32 is used"]
        ),
        (
            "virtual_ipaddress {\n$ADDR.6/24\n}",
            ["6:1 error `$ADDR.6/24` isn't an IP address; a definition within a word is written `${NAME}`"]
        ),
        (
            "garp_master_delay 99999999999999999",
            ["5:19 error `garp_master_delay` is 0 to 4294, not 99999999999999999"]
        ),
        ("preempt_delay -1", ["5:15 error `preempt_delay` is 0 s to 1000 s"]),
        ("preempt_delay 99999999999", ["5:15 error `preempt_delay` is 0 s to 1000 s"]),
        ("preempt_delay 1.2.3", ["5:15 error `1.2.3` isn't a number of seconds"]),
        ("notify_master \"/bin/n a", ["5:15 error this `\"` has no partner on its line"]),
        ("virtual_ipaddress {\n<VIP>\n}", ["6:1 error `<VIP>` isn't an IP address"]),
        ("virtual_ipaddress {\n10.0.0.9 dev\n}", ["6:10 error `dev` needs a value"]),
        (
            "virtual_ipaddress {\n10.0.0.9 dve eth1\n}",
            ["6:10 error unknown option `dve`; did you mean `dev`?"]
        ),
        ("virtual_ipaddress {\n10.0.0.9 home\n}", ["6:10 error `home` is for IPv6 addresses"]),
        ("virtual_ipaddress {\n10.0.0.9 autojoin\n}", ["6:10 warning `autojoin` isn't handled yet and has no effect"]),
        ("virtual_ipaddress {\n10.0.0.9 label 1234567890123456\n}", ["6:16 error a label has at most 15 bytes"]),
        (
            "virtual_ipaddress {\n10.0.0.9 brd + dev eth0 broadcast -\n}",
            ["6:25 error `brd` is written twice: the address is left out"]
        ),
        ("virtual_ipaddress {\n240.0.0.9\n}", ["6:1 error `240.0.0.9` can't be a virtual address"]),
        ("virtual_ipaddress {\n10.0.0.9/0\n}", ["6:1 error `10.0.0.9/0` can't be a virtual address"]),
        ("virtual_ipaddress {\n::1\n}", ["6:1 error `::1` can't be a virtual address"]),
        ("virtual_ipaddress {\n224.0.0.1\n}", ["6:1 error `224.0.0.1` can't be a virtual address"]),
    ])
    func running(_ lines: String, _ expected: [String]) throws {
        let loaded = load(instance(lines))
        #expect(loaded.findings == expected)
        #expect(try loaded.only().faults == [])
        #expect(loaded.canStart)
    }

    /// Findings that put the instance in FAULT, with the place of the first.
    @Test(arguments: [
        ("interface eth0\nvirtual_ipaddress {\n10.0.0.1\n}", "1:1", "virtual_router_id is missing or invalid"),
        (
            "interface eth0\nvirtual_router_id 256\nvirtual_ipaddress {\n10.0.0.1\n}", "3:19",
            "virtual_router_id is missing or invalid"
        ),
        ("virtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}", "1:1", "interface is missing"),
        ("interface eth0\nvirtual_router_id 1\nversion 3", "1:1", "VRRP version 3 needs at least one virtual address"),
        (
            "interface eth0\nvirtual_router_id 1\nadvert_int 0.5\nvirtual_ipaddress {\n10.0.0.1\n}", "4:1",
            "advert_int of VRRP version 2 is a whole number of seconds (`version 3` allows 0.01)"
        ),
        (
            "interface eth0\nvirtual_router_id 1\nversion 3\nadvert_int 41\nvirtual_ipaddress {\n10.0.0.1\n}", "5:1",
            "advert_int of VRRP version 3 is 0.01 to 40.95 in steps of 0.01"
        ),
        (
            "interface eth0\nvirtual_router_id 1\nadvert_int 256\nvirtual_ipaddress {\n10.0.0.1\n}", "4:12",
            "advert_int is invalid"
        ),
        (
            "interface eth0\nvirtual_router_id 1\nauthentication {\nauth_type AH\nauth_pass x\n}\nvirtual_ipaddress {\n10.0.0.1\n}",
            "5:11", "authentication by AH isn't handled yet"
        ),
        (
            "interface eth0\nvirtual_router_id 1\nauthentication {\nauth_type PASS\n}\nvirtual_ipaddress {\n10.0.0.1\n}",
            "4:1", "authentication without auth_pass"
        ),
        (
            "interface eth0\nvirtual_router_id 1\nunicast_src_ip fe80::1\nvirtual_ipaddress {\n10.0.0.1\n}", "4:1",
            "the source address isn't of the same family as the virtual addresses"
        ),
    ])
    func faulted(_ body: String, _ place: String, _ reason: String) throws {
        let loaded = load("vrrp_instance A {\n\(body)\n}\n", Environment(interfaces: ["eth0"]))
        #expect(try loaded.only().faults == [reason])
        #expect(loaded.findings.first?.hasPrefix(place + " error") == true, "\(loaded.findings)")
        #expect(loaded.hasErrors && loaded.canStart)
    }

    @Test func missingHMACIsAFault() throws {
        let loaded = load(instance("auth_hmac {\nkey 1 hex:00\nactive_key 1\n}"))
        #expect(try loaded.only().faults.count == 1)
        #expect(
            loaded.findings.last
                == "5:1 error without auth_hmac this instance would accept unauthenticated peers: FAULT")
    }

    @Test func duplicateVirtualRouter() {
        let second = instance("").replacing("vrrp_instance A", with: "vrrp_instance B")
        let loaded = load(instance("") + second)
        #expect(
            loaded.findings == [
                "9:1 error virtual_router_id 1 is used already on `eth0`",
                "3:1 note the first instance with it is here",
            ])
        #expect(loaded.model.instances.map(\.faults.isEmpty) == [true, false])
        // Another interface, family or group is another virtual router.
        for other in ["interface eth1", "mcast_dst_ip 224.0.0.77"] {
            let third = second.replacing("\n}\n", with: "\n\(other)\n}\n").replacing("10.0.0.1", with: "10.0.0.2")
                .replacing("interface eth0\nvirtual", with: "virtual").replacing("77\n", with: "77\ninterface eth0\n")
            #expect(load(instance("") + third).findings == [])
        }
    }

    @Test func duplicateName() {
        let loaded = load(instance("") + instance("").replacing("_id 1", with: "_id 2"))
        #expect(
            loaded.findings == [
                "7:15 error `vrrp_instance A` exists already; this block is left out",
                "1:15 note the first one is here",
            ])
        #expect(loaded.model.instances.count == 1)
    }

    /// A hasupd without scripts can't begin with some at a reload: where they begin isn't among the findings, because
    /// nothing is wrong with them.
    @Test(
        arguments: [
            ("", nil), ("notify /bin/true\nnotify_stop /bin/false\n", "5:8"), ("smtp_alert\n", nil),
        ] as [(String, String?)])
    func whereScriptsBegin(lines: String, place: String?) {
        let loaded = load(instance(lines))
        #expect(loaded.firstScript?.location.map { "\($0.line):\($0.column)" } == place)
        #expect(loaded.model.hasScripts == (place != nil))
        #expect(loaded.firstScript?.isAboutFirstScript ?? true)
        let isListed = loaded.orderedDiagnostics.contains { $0.isAboutFirstScript }
        #expect(!isListed)
        let track = "vrrp_script c {\nscript /bin/true\n}\nvrrp_script d {\nscript </x\n}\n"
        let tracking = load(track + instance("track_script {\nc\nd\n}\n"))
        #expect(tracking.model.hasScripts && tracking.firstScript?.location?.line == 2)
        for lines in ["", "track_script {\nd\n}\n"] {
            let idle = load(track + instance(lines))
            #expect(!idle.model.hasScripts && idle.firstScript == nil, "nothing is run for \(lines)")
        }
        for path in ["", "lvs_notify_fifo /run/f\n"] {
            let model = load("global_defs {\n\(path)lvs_notify_fifo_script /bin/true\n}\n").model
            #expect(model.hasScripts == !path.isEmpty, "a script that reads a FIFO of services")
        }
        for (line, place) in [
            ("startup_script /bin/true", 2), ("shutdown_script /bin/true", 2), ("notify_fifo /run/f", 8),
            ("vrrp_notify_fifo_script /bin/true\nvrrp_notify_fifo /run/f", 2), ("lvs_notify_fifo_script /bin/true", 8),
            ("lvs_notify_fifo_script /bin/true\nlvs_notify_fifo /run/f", 2),
        ] {
            let all = load("global_defs {\n\(line)\n}\n" + instance("notify /bin/true\n"))
            let more = line.contains("\n") ? 1 : 0
            #expect(all.firstScript?.location?.line == (place == 8 ? 8 + more : place), "the first one that is run")
        }
        // A reader alone is a script, too.
        let reader = "global_defs {\nlvs_notify_fifo_script /bin/true\nlvs_notify_fifo /run/f\n}\n"
        #expect(load(reader + instance("")).model.hasScripts)
    }

    /// A note stands with what it belongs to, although both were found at different times.
    @Test func aNoteOfALaterStageStandsWithItsFinding() {
        let text =
            "vrrp_instance A {\ninterface eth9\nuse_vmac\nvmac_xmit_base\nvirtual_router_id 1\n"
            + "virtual_ipaddress {\n10.0.0.1 dev eth8\n}\n}"
        let loaded = load(text, Environment(interfaces: ["eth0"]))
        #expect(
            loaded.orderedDiagnostics.compactMap(\.location?.line) == [2, 3, 3, 4, 7],
            "\(loaded.orderedDiagnostics.map(\.message))")
    }

    /// What a start does about it is said in the words of all findings, and the list is as long as a line bears.
    @Test func anUnknownInterfaceIsAnsweredByThoseThatAreThere() {
        let text = "vrrp_instance A {\ninterface wan\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n}"
        var environment = Environment(interfaces: Set((0..<200).map { "eth\($0)" } + ["lo"]))
        environment.prefixes = ["eth150": [Prefix("10.0.0.2/24")].compactMap { $0 }, "lo": []]
        let found = load(text, environment).orderedDiagnostics.first
        #expect(
            found?.message
                == "interface `wan` doesn't exist; this machine has `eth150`, `eth0`, `eth1`, `eth10` and 196 more; `dynamic_interfaces` in global_defs is for interfaces that come later"
        )
        #expect(found?.atStart.text == "leave instance `A` in FAULT until the interface appears")
        #expect(found?.logLine(isStart: true).hasSuffix(" (instance `A` in FAULT until the interface appears)") == true)
        let unset = load(text.replacing("virtual_router_id 1\n", with: "")).orderedDiagnostics.first
        #expect(unset?.logLine(isStart: true).hasSuffix(" (instance `A` in FAULT until it is mended)") == true)
    }

    /// A3: it may appear later, so the block itself is sound; a reload refuses it all the same (D18).
    @Test func missingInterfaceIsAnErrorAndNoFault() throws {
        let text = "vrrp_instance A {\ninterface eth9\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n}"
        let loaded = load(text, Environment(interfaces: ["eth0"]))
        #expect(loaded.hasErrors)
        #expect(
            loaded.findings == [
                "2:1 error interface `eth9` doesn't exist; did you mean `eth0`? `dynamic_interfaces` in global_defs is for interfaces that come later"
            ])
        #expect(try loaded.only().faults == [])
    }

    @Test func unicastWithoutInterfaceIsNotHandledYet() throws {
        let text =
            "vrrp_instance A {\nvirtual_router_id 1\nunicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.3\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}"
        #expect(try load(text).only().faults == ["unicast without `interface` isn't handled yet"])
    }

    @Test func ignoredSettingsAreCounted() {
        #expect(load(instance("foo\nvrf x\npriority 0\nnative_ipv6")).model.ignoredSettings == 3)
        // What is read without effect on purpose is never named, and so isn't counted.
        #expect(load(instance("native_ipv6")).summary == "0 errors, 1 warning; 1 instance, 0 virtual servers")
        let group = "track_group G {\ngroup {\nA\n}\n}\n"
        #expect(
            load(instance("") + group).summary.hasSuffix(
                "; 2 settings have no effect, with all that stands in blocks that aren't handled yet"))
    }
}
