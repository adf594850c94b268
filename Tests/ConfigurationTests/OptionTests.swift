import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct OptionTests {
    static let optionCases: [(String, InstanceOptions)] = [
        ("strict_mode", InstanceOptions([.strict, .refusesPackets])), ("strict_mode on\naccept", [.strict]),
        ("no_accept", [.refusesPackets]), ("no_accept\naccept", []), ("strict_mode off", []),
        ("mcast_src_ip 10.0.0.9\ntrack_src_ip", [.tracksSourceAddress]),
        ("promote_secondaries", [.promotesSecondaries]),
        ("unicast_fault_no_peer\nunicast_peer {\n10.0.0.7\n}", [.faultsWithoutPeer]),
        ("notify_deleted", [.tellsDeletion]), ("smtp_alert", [.sendsMail]),
        ("notify_priority_changes yes", [.notifiesPriorityChanges]), ("owner_ignore_adverts", [.ownerIgnoresAdverts]),
        ("use_vmac\nvmac_xmit_base", [.transmitsOnBase]), ("use_vmac_addr", [.usesVirtualMACForAddresses]),
        ("linkbeat_use_polling", [.pollsLink]),
    ]

    @Test(arguments: optionCases)
    func options(_ lines: String, _ expected: InstanceOptions) throws {
        let loaded = load(instance(lines))
        #expect(!loaded.hasErrors, "\(loaded.findings)")
        #expect(try loaded.only().options == expected)
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    @Test func defaultsReachInstances() throws {
        let global = """
            global_defs {
            smtp_alert
            vrrp_strict
            vrrp_notify_priority_changes
            vrrp_owner_ignore_adverts
            vrrp_garp_extra_if all 30
            }

            """
        let only = try load(global + instance("")).only()
        #expect(
            only.options == [.sendsMail, .strict, .refusesPackets, .notifiesPriorityChanges, .ownerIgnoresAdverts])
        #expect(only.extra?.value.extraAnnouncements == ExtraAnnouncements(interval: .seconds(30), onAll: true))
        let off = try load(
            global + instance("smtp_alert no\nstrict_mode off\ngarp_extra_if 0\nnotify_priority_changes off")
        ).only()
        #expect(off.options == [.ownerIgnoresAdverts] && off.extra == nil)
        let own = "global_defs {\nsmtp_alert_vrrp off\nsmtp_alert on\n}\n"
        #expect(try load(own + instance("")).only().options == [])
    }

    static let linkCases: [(String, VirtualLink)] = [
        ("use_vmac", VirtualLink(kind: .vmac(address: nil))),
        (
            "use_vmac name vrrp51 02:00:00:00:00:05 netlink_notify_msg group 7",
            OptionTests.link(.vmac(address: MACAddress(bits: 0x0200_0000_0005)), "vrrp51", 7, true)
        ),
        (
            "use_vmac vip0 2:1:2:3:4",
            OptionTests.link(.vmac(address: MACAddress(bits: 0x0201_0203_0401)), "vip0", nil, false)
        ),
        (
            "use_ipvlan ipv0 10.0.0.7/24 vepa",
            OptionTests.link(.ipvlan(mode: .vepa, address: Prefix("10.0.0.7/24")), "ipv0", nil, false)
        ),
    ]

    @Test(arguments: linkCases)
    func links(_ line: String, _ expected: VirtualLink) throws {
        let loaded = load(instance(line))
        #expect(!loaded.hasErrors, "\(loaded.findings)")
        #expect(try loaded.only().extra?.value.link == expected)
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    static func link(_ kind: VirtualLink.Kind, _ name: String?, _ group: UInt32?, _ notifies: Bool) -> VirtualLink {
        var link = VirtualLink(kind: kind)
        link.name = name
        link.group = group
        link.sendsNotifyMessage = notifies
        return link
    }

    static let wrongCases: [(String, [String])] = [
        ("use_vmac 01:00:00:00:00:01", ["5:10 error `01:00:00:00:00:01` is a multicast address"]),
        (
            "use_vmac 00:00:5e:00:01:01",
            [
                "5:10 error `00:00:5e:00:01:01` is of the range that RFC 9568 gives to virtual routers; leave it out"
            ]
        ),
        ("use_vmac 1:2:3", ["5:10 error `1:2:3` isn't a MAC address of 6 octets, or of 5 before the VRID"]),
        (
            "use_vmac\nuse_ipvlan",
            ["6:1 error `use_vmac` and `use_ipvlan` exclude each other", "5:1 note `use_vmac` is here"]
        ),
        ("vmac_xmit_base", ["5:1 warning `vmac_xmit_base` means nothing without `use_vmac`"]),
        ("track_src_ip", ["5:1 error `track_src_ip` needs mcast_src_ip or unicast_src_ip"]),
        ("vrf blue", ["5:1 warning `vrf` is for unicast without `interface`"]),
        ("unicast_fault_no_peer", ["5:1 warning `unicast_fault_no_peer` means nothing without `unicast_peer`"]),
        (
            "unicast_peer {\n10.0.0.7\n}\nuse_vmac",
            ["8:1 warning unicast leaves by the interface itself: `vmac_xmit_base` is implied"]
        ),
        ("timer_expired_backup 255", ["5:22 error `timer_expired_backup` is 1 to 254, not 255"]),
        ("garp_extra_if", ["5:1 error `garp_extra_if` needs a value"]),
        ("garp_extra_if all 86401", ["5:19 error `garp_extra_if` is 0 to 86400, not 86401"]),
        ("kernel_rx_buf_size 0", ["5:20 error `kernel_rx_buf_size` is 1 to 2147483647, not 0"]),
        (
            "lvs_sync_daemon_interface eth1",
            [
                "5:1 error `lvs_sync_daemon_interface` is refused: deprecated; write `lvs_sync_daemon IF INSTANCE` in global_defs"
            ]
        ),
        (
            "strict_mode\npreempt_delay 3",
            ["6:1 warning strict mode doesn't allow this: a higher priority takes over at once"]
        ),
        (
            "strict_mode\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            ["6:1 warning strict mode doesn't allow this: RFC 9568 has no authentication"]
        ),
        (
            "strict_mode\nunicast_peer {\n10.0.0.7\n}",
            ["6:1 error strict mode doesn't allow unicast: RFC 9568 has multicast only"]
        ),
        (
            "strict_mode\nstate MASTER\npriority 100",
            ["6:1 warning strict mode doesn't allow this: MASTER is for priority 255 and BACKUP for any other"]
        ),
        (
            "strict_mode\nuse_vmac 02:00:00:00:00:01",
            ["6:1 warning strict mode doesn't allow this: the MAC address is 00:00:5e:00:01:VRID, or 02 for IPv6"]
        ),
        (
            "strict_mode\naccept",
            [
                "6:1 warning strict mode doesn't allow this: only the owner accepts packets in version 2 (RFC 3768 §6.4.3)"
            ]
        ),
        ("strict_mode\ndown_timer_adverts 4", ["6:1 warning strict mode doesn't allow this: it is 3 (RFC 9568 §6.1)"]),
    ]

    @Test(arguments: wrongCases)
    func wrong(_ lines: String, _ expected: [String]) {
        let found = TrackerTests.complaints(load(instance(lines))).filter {
            !$0.contains("own MAC address") && !$0.contains("is deprecated")
        }
        #expect(found == expected)
    }

    @Test func rest() throws {
        let loaded = load(
            instance(
                "timer_expired_backup\nkernel_rx_buf_size 9000\nnotify_deleted /bin/d\nnotify_master_rx_lower_pri /bin/l"
            ))
        let only = try loaded.only()
        #expect(only.extra?.value.lateTimerPriority?.rawValue == 254 && only.extra?.value.receiveBuffer == 9000)
        #expect(only.scripts.map(\.trigger) == [.deleted, .receivedLowerPriority])
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }

    // MARK: - Authentication

    private static let key = String(repeating: "0a", count: 32)

    @Test func hmac() throws {
        let lines = """
            auth_hmac {
            key 1 hex:\(Self.key)
            key 2 \(String(repeating: "k", count: 32))
            key 3 file:/etc/key
            active_key 2
            time_window 9
            anti_replay monotonic
            mode receive-only
            }
            """
        let loaded = load(instance(lines), others: ["/etc/key": "hex:" + Self.key + "\n"])
        let hmac = try #require(try loaded.only().extra?.value.hmac)
        #expect(hmac.keys.map(\.id) == [1, 2, 3] && hmac.keys[0].secret == Array(repeating: 10, count: 32))
        #expect(hmac.keys[2].secret == hmac.keys[0].secret && hmac.activeKey == 2 && hmac.window == .seconds(9))
        #expect(hmac.freshness == .monotonic && hmac.mode == .receiveOnly)
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
        let short = load(instance("advert_int 3\nauth_hmac {\nkey 1 hex:\(Self.key)\nactive_key 1\n}"))
        #expect(try short.only().extra?.value.hmac?.window == .seconds(9))
    }

    /// A key that can't be used must never mean "no authentication" (behaviours §7).
    static let hmacCases: [(String, String)] = [
        ("key 1 hex:0a\nactive_key 1", "6:7 error a key has 32 to 64 bytes, this one has 1"),
        ("key 1 hex:0\nactive_key 1", "6:7 error behind `hex:` stand pairs of hexadecimal digits"),
        ("key 0 hex:00\nactive_key 1", "6:5 error `key` is 1 to 255, not 0"),
        ("key 1 file:/no\nactive_key 1", "6:7 error can't read `/no`: no such file"),
        ("key 1 hex:\(OptionTests.key)", "5:1 error `auth_hmac` needs `active_key`"),
        ("key 1 hex:\(OptionTests.key)\nactive_key 2", "7:12 error there is no such key"),
        ("key 1 hex:\(OptionTests.key)\nkey 1 hex:\(OptionTests.key)\nactive_key 1", "7:1 error key 1 exists already"),
        (
            "key 1 hex:\(OptionTests.key)\nactive_key 1\nmode off",
            "8:6 error `mode` is enforce, permissive or receive-only"
        ),
        (
            "key 1 hex:\(OptionTests.key)\nactive_key 1\ntime_window 301",
            "8:13 error `time_window` is 1 to 300, not 301"
        ),
    ]

    @Test(arguments: hmacCases)
    func wrongHMAC(_ lines: String, _ expected: String) throws {
        let loaded = load(instance("auth_hmac {\n\(lines)\n}"))
        #expect(loaded.findings.contains(expected), "\(loaded.findings)")
        #expect(try loaded.only().faults.count == 1)
    }

    @Test func header() throws {
        let only = try load(instance("authentication {\nauth_type AH\nauth_pass 1234\n}")).only()
        #expect(only.extra?.value.headerKey == [49, 50, 51, 52] + Array(repeating: 0, count: 12))
        #expect(only.password == nil && only.faults == ["authentication by AH isn't handled yet"])
    }
}
