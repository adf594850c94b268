import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct InstanceTests {
    /// One keyword, and what it changes.
    struct Effect: Sendable, CustomTestStringConvertible {
        var line: String
        var holds: @Sendable (InstanceSettings) -> Bool
        var testDescription: String { line }
    }

    static let effects: [Effect] = [
        Effect(line: "") { $0.version == .v2 && $0.priority == .standard && $0.advertInterval == .seconds(1) },
        Effect(line: "state BACKUP") { !$0.wantsMaster && $0.priority == .standard },
        Effect(line: "state MASTER\npriority 255") { $0.wantsMaster && $0.priority == .owner },
        Effect(line: "state MASTER\npriority 150") { $0.wantsMaster && $0.priority.rawValue == 150 },
        Effect(line: "priority 1") { $0.priority.rawValue == 1 },
        Effect(line: "advert_int 255") { $0.advertInterval == .seconds(255) },
        Effect(line: "version 3\nadvert_int 0.01") { $0.advertInterval == .milliseconds(10) },
        Effect(line: "version 3\nadvert_int 40.95") { $0.advertInterval == .centiseconds(4095) },
        Effect(line: "nopreempt") { $0.nopreempt },
        Effect(line: "nopreempt\npreempt") { !$0.nopreempt },
        Effect(line: "preempt_delay 1.5") { $0.preemptDelay == .milliseconds(1500) },
        Effect(line: "authentication {\nauth_type PASS\nauth_pass 1111\n}") {
            $0.password == [49, 49, 49, 49, 0, 0, 0, 0]
        },
        Effect(line: "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8\n10.0.0.7 min_ttl 200 max_ttl 254\n}") {
            $0.sourceAddress == IPAddress("10.0.0.9") && $0.isUnicast && $0.checkUnicastSource
                && $0.unicastPeers.last
                    == UnicastPeer(
                        address: IPAddress(v4: 0x0a00_0007), minimumTTL: 200, maximumTTL: 254)
        },
        Effect(line: "unicast_ttl 9\nunicast_peer {\n10.0.0.9\n}") { $0.unicastTTL == 9 },
        Effect(line: "check_unicast_src\nunicast_peer {\n10.0.0.9\n}") { $0.checkUnicastSource },
        Effect(line: "mcast_src_ip 10.0.0.9") { $0.sourceAddress == IPAddress("10.0.0.9") },
        Effect(line: "mcast_dst_ip 224.0.0.99") { $0.multicastGroup == IPAddress("224.0.0.99") },
        Effect(line: "track_interface {\neth1\neth2 weight -20 reverse\neth3 reverse noreverse\n}") {
            $0.trackedInterfaces == [
                TrackedInterface(name: "eth1"), TrackedInterface(name: "eth2", weight: -20, reverse: true),
                TrackedInterface(name: "eth3"),
            ]
        },
        Effect(line: "dont_track_primary") { $0.ignoresPrimaryInterface },
        Effect(line: "garp_master_delay 7") { $0.announcements.delay == .seconds(7) },
        Effect(line: "garp_master_repeat 7") { $0.announcements.rounds == 7 },
        Effect(line: "garp_master_refresh 7") { $0.announcements.refresh == .seconds(7) },
        Effect(line: "garp_master_refresh_repeat 7") { $0.announcements.refreshRounds == 7 },
        Effect(line: "garp_lower_prio_delay 7") { $0.announcements.lowerPriorityDelay == .seconds(7) },
        Effect(line: "garp_lower_prio_repeat 0") { $0.announcements.lowerPriorityRounds == 0 },
        Effect(line: "down_timer_adverts 9") { $0.downTimerAdverts == 9 },
        Effect(line: "v3_checksum_as_v2") { $0.checksumWithoutPseudoHeader },
        Effect(line: "skip_check_adv_addr on") { $0.skipsAddressListCheck },
        Effect(line: "skip_check_adv_addr off") { !$0.skipsAddressListCheck },
        Effect(line: "lower_prio_no_advert true") { $0.lowerPriorityNoAdvert },
        Effect(line: "accept") { $0.faults.isEmpty },
        Effect(line: "notify \"/bin/n 'a b' c\" nobody :adm") {
            $0.scripts == [
                NotifyScript(
                    trigger: .any, arguments: ["/bin/n", "a b", "c"],
                    identity: ScriptIdentity(user: "nobody", group: "adm", supplementaryGroups: true))
            ]
        },
        Effect(line: "notify_master /bin/m\nnotify_backup \"/bin/b\"\nnotify_fault '/bin/f x'\nnotify_stop /bin/s u") {
            $0.scripts.map(\.trigger) == [.master, .backup, .fault, .stop]
                && $0.scripts[2].arguments == ["/bin/f", "x"] && $0.scripts[3].identity?.user == "u"
        },
        Effect(line: "@hasup before_master \"/bin/m x\" root\n@hasup hook_timeout 7\n@hasup hook_failure proceed") {
            $0.scripts.map(\.trigger) == [.beforeMaster] && $0.scripts[0].identity?.user == "root"
                && $0.hooks.hasBeforeMaster && !$0.hooks.hasBeforeRelease && $0.hooks.timeout == .seconds(7)
                && $0.hooks.failure == .proceed
        },
        Effect(line: "@hasup before_release /bin/r") {
            $0.hooks.hasBeforeRelease && $0.hooks.timeout == .seconds(5) && $0.hooks.failure == .yield
        },
        Effect(line: "virtual_ipaddress_excluded {\n2001:db8::1/64\n10.0.1.1/24 dev eth1\n}") {
            $0.excludedAddresses.map(\.interface) == [nil, "eth1"] && $0.family == .ipv4
        },
    ]

    @Test(arguments: ["dev eth0 dev eth1", "label a label b", "scope link scope host", "brd + broadcast -"])
    func anOptionWrittenTwice(_ options: String) throws {
        let loaded = load(instance("", addresses: "10.0.0.1/24 \(options)\n10.0.0.2/24"))
        #expect(try loaded.only().virtualAddresses.map(\.prefix.description) == ["10.0.0.2/24"])
        #expect(loaded.findings.first?.contains("is written twice") == true, "\(loaded.findings)")
    }

    @Test func theFirstVersionCounts() throws {
        let loaded = load(instance("version 2\nversion 3"))
        #expect(try loaded.only().version == .v2)
        #expect(loaded.findings.first?.contains("the first one counts") == true)
    }

    @Test func quotedNumbersMayHaveBlanksBefore() throws {
        #expect(try load(instance("priority \"  77\"")).only().priority.rawValue == 77)
    }

    @Test(arguments: ["127.0.0.9/8", "255.255.255.255", "240.0.0.1/24", "::1", "10.0.0.1/0"])
    func addressesThatCantWork(_ address: String) {
        let found = load(instance("", addresses: address)).findings
        #expect(found.first?.contains("can't be a virtual address") == true, "\(found)")
    }

    @Test(arguments: effects) func effect(_ effect: Effect) throws {
        let loaded = load(instance(effect.line))
        #expect(loaded.findings == [])
        #expect(effect.holds(try loaded.only()))
        #expect(try loaded.only().faults == [])
    }

    @Test func addressOptions() throws {
        let loaded = load(
            instance(
                "",
                addresses: """

                    10.0.0.1/24 brd 10.0.0.255 dev eth1 scope link label eth1:1
                    10.0.0.2/24 brd + no_track noprefixroute
                    10.0.0.3/24 broadcast - peer 10.9.0.0/16
                    10.0.0.4 scope 7 preferred_lft 60

                    """))
        #expect(
            loaded.findings == [
                "7:1 warning `/24` is ignored: with `peer` the length stands behind the peer's address"
            ])
        let addresses = try loaded.only().virtualAddresses
        #expect(
            addresses.map(\.broadcast) == [
                IPAddress("10.0.0.255"), IPAddress("10.0.0.255"), IPAddress("10.0.0.0"), nil,
            ])
        #expect(addresses.map(\.scope) == [253, 0, 0, 7])
        #expect(addresses[0].label == "eth1:1" && addresses[0].interface == "eth1")
        #expect(addresses[1].isUntracked && addresses[1].noPrefixRoute)
        #expect(addresses[2].peer == Prefix("10.9.0.0/16") && addresses[2].prefix == Prefix("10.0.0.3/16"))
        #expect(addresses[3].preferredLifetime == 60)
    }

    @Test func ipv6() throws {
        let loaded = load(instance("", addresses: "\nfe80::1/64 -nodad\n2001:db8::1/128 preferred_lft forever\n"))
        let only = try loaded.only()
        #expect(only.family == .ipv6 && only.version == .v3)
        #expect(only.multicastGroup == IPAddress("ff02::12"))
        #expect(only.virtualAddresses[0].duplicateAddressDetection)
        #expect(only.virtualAddresses[1].preferredLifetime == .max)
    }

    /// keepalived sends version 2 over IPv6, too, except in strict mode; there is no room for a password in it.
    @Test func ipv6InVersion2() throws {
        let loaded = load(instance("version 2", addresses: "fe80::1"))
        #expect(try loaded.only().version == .v2)
        #expect(
            loaded.findings == [
                "5:1 warning VRRP version 2 has no IPv6 (RFC 3768): the adverts are keepalived's, which few other "
                    + "routers understand"
            ])
        let strict = load(instance("version 2\nstrict_mode", addresses: "fe80::1"))
        #expect(try strict.only().version == .v3)
        #expect(strict.findings.contains("5:1 warning VRRP version 2 has no IPv6; strict mode uses version 3"))
        #expect(try load(instance("", addresses: "fe80::1")).only().version == .v3)
        let fast = load(instance("version 2\nadvert_int 0.5", addresses: "fe80::1"))
        #expect(
            try fast.only().faults == [
                "advert_int of VRRP version 2 is a whole number of seconds (`version 3` allows 0.01)"
            ])
        let secret = load(
            instance("version 2\nauthentication {\nauth_type PASS\nauth_pass secret\n}", addresses: "fe80::1"))
        #expect(try secret.only().password == nil && secret.only().faults.isEmpty)
        #expect(
            secret.findings.contains("6:1 error VRRP version 2 over IPv6 has no authentication; this block is ignored"))
    }

    @Test func surplusAddressesAreExcluded() throws {
        let many = "\n" + (0..<300).map { "10.0.\($0 / 250).\($0 % 250 + 1)\n" }.joined()
        let loaded = load(instance("", addresses: many))
        let only = try loaded.only()
        #expect(only.virtualAddresses.count == 255 && only.excludedAddresses.count == 45)
        #expect(loaded.diagnostics.first?.location?.line == 5 + 255)
        #expect(loaded.warningCount == 1)
    }

    @Test func globalDefaultsReachInstances() throws {
        let global = """
            global_defs {
            router_id r
            vrrp_version 3
            vrrp_mcast_group4 224.0.0.50
            vrrp_garp_master_delay 2
            vrrp_garp_master_repeat 3
            vrrp_garp_master_refresh 4
            vrrp_garp_interval 0.001
            vrrp_gna_interval 0.000002
            vrrp_startup_delay 2.5
            vrrp_rt_priority 50
            vrrp_down_timer_adverts 4
            vrrp_lower_prio_no_advert
            vrrp_higher_prio_send_advert on
            vrrp_check_unicast_src
            vrrp_skip_check_adv_addr true
            v3_checksum_as_v2
            dynamic_interfaces
            script_user u :
            enable_script_security
            }

            """
        let loaded = load(global + instance(""), Environment(interfaces: []))
        #expect(loaded.findings == [])
        let only = try loaded.only()
        #expect(only.version == .v3 && only.multicastGroup == IPAddress("224.0.0.50") && only.downTimerAdverts == 4)
        #expect(only.announcements.delay == .seconds(2) && only.announcements.lowerPriorityDelay == .seconds(2))
        #expect(only.announcements.rounds == 3 && only.announcements.lowerPriorityRounds == 3)
        #expect(only.announcements.refresh == .seconds(4))
        #expect(only.lowerPriorityNoAdvert && only.checkUnicastSource)
        #expect(only.skipsAddressListCheck && only.checksumWithoutPseudoHeader)
        let settings = loaded.model.global
        #expect(settings.routerID == "r" && settings.garpInterval == .milliseconds(1))
        #expect(settings.gnaInterval == .microseconds(2) && settings.startupDelay == .milliseconds(2500))
        #expect(settings.realtimePriority == 50 && settings.dynamicInterfaces && settings.scriptSecurity)
        #expect(settings.scriptUser == ScriptIdentity(user: "u", supplementaryGroups: true))
    }

    @Test func fewAnnouncements() throws {
        let few = try load("global_defs {\nvrrp_min_garp\n}\n" + instance("")).only().announcements
        #expect(few.delay == .zero && few.rounds == 1 && few.lowerPriorityRounds == 1)
        let some = try load("global_defs {\nvrrp_min_garp\nvrrp_garp_master_repeat 3\n}\n" + instance("")).only()
        #expect(some.announcements.delay == .zero && some.announcements.rounds == 3)
    }
}
