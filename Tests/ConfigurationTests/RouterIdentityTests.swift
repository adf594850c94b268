import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// A slip in what peers share must not make another virtual router beside theirs: the instance is in FAULT.
@Suite struct RouterIdentityTests {
    /// Properties of the model that a rule of their own judges.
    private static let judged: Set<String> = [
        // The block's name and place, and what comes of the rules.
        "name", "location", "faults", "faultLocation",
        // Of the first address: without any, the instance is in FAULT.
        "family", "virtualAddresses",
        // What it means depends on the version (`decideAuthentication`, `hmac`).
        "password", "headerKey", "hmac",
    ]

    /// Properties that stay on this node: with another value it is the same virtual router to its peers.
    private static let local: Set<String> = [
        "priority", "wantsMaster", "nopreempt", "preemptDelay", "excludedAddresses", "checkUnicastSource",
        "trackedInterfaces", "ignoresPrimaryInterface", "announcements", "downTimerAdverts", "skipsAddressListCheck",
        "lowerPriorityNoAdvert", "scripts", "options", "trackers", "routes", "rules", "extra", "vrf", "link",
        "extraAnnouncements", "lateTimerPriority", "receiveBuffer", "hooks", "addressLease",
    ]

    /// Who adds a property has to say which of these it is.
    @Test func nothingIsForgotten() {
        let settings = InstanceSettings(name: "A", location: SourceLocation(file: "t", line: 1))
        let children = [Mirror(reflecting: settings), Mirror(reflecting: ExtraSettings())].flatMap(\.children)
        let properties = children.compactMap(\.label)
        let shared = Set(RouterIdentity.keywords.map(\.property))
        for property in properties {
            let places = [shared, Self.judged, Self.local].count { $0.contains(property) }
            #expect(places == 1, "\(property)")
        }
        #expect(shared.union(Self.judged).union(Self.local).subtracting(properties) == [])
    }

    private static let keywords = RouterIdentity.keywords.flatMap(\.keywords)

    /// A value that can't be read, none at all, and a misspelt keyword: each beside a valid one, where there is one.
    @Test(arguments: keywords, [0, 1, 2])
    func slips(_ keyword: String, _ kind: Int) throws {
        let value = kind == 1 ? "" : keyword == "interface" ? "a/b" : "x"
        // A boolean without a value is true.
        if kind == 1, keyword == "v3_checksum_as_v2" { return }
        let name = kind == 2 ? keyword + "x" : keyword
        let isList = keyword == "unicast_peer"
        if isList, kind == 1 { return }
        let line = isList ? "\(name) {\n10.0.0.9\n\(value)\n}" : "\(name) \(value)"
        let loaded = load(instance(line))
        let only = try loaded.only()
        #expect(loaded.hasErrors && loaded.canStart)
        #expect(only.faults == [RouterIdentity.reason(keyword)], "\(loaded.findings)")
        #expect(only.faultLocation?.line == (isList && kind == 0 ? 7 : 5), "\(only.faultLocation as Any)")
        guard kind < 2 else { return }
        let found = try #require(loaded.diagnostics.first { $0.severity == .error })
        #expect(found.atStart.text == "leave instance `A` in FAULT" && !loaded.leavesOut)
    }

    /// Generated lines have each finding once, and each instance its fault.
    @Test func generatedInstances() {
        let text = "~SEQ(I, 1, 3) vrrp_instance A${I} { ${T}\n"
        let body =
            "$T=\\\n interface eth0 \\\n virtual_router_id ${I} \\\n advert_int x \\\n virtual_ipaddress { \\\n 10.0.0.${I} \\\n } \\\n }\n"
        let loaded = load(body + text)
        #expect(loaded.model.instances.allSatisfy { !$0.faults.isEmpty }, "\(loaded.findings)")
    }

    @Test(arguments: [
        ("vrrp_version 4", "", true), ("vrrp_version 4", "version 2", false), ("vrrp_versionx 3", "", true),
        ("vrrp_version 4\nvrrp_version 3", "", true), ("vrrp_mcast_group4 10.0.0.1", "", true),
        ("vrrp_mcast_group4 x", "mcast_dst_ip 224.0.0.19", false),
        ("vrrp_mcast_group4 x", "unicast_peer {\n10.0.0.9\n}", false), ("vrrp_mcast_group6 x", "", false),
        ("vrrp_garp_master_delay x", "", false),
    ])
    func slipsInDefaults(_ global: String, _ own: String, _ isFault: Bool) throws {
        let loaded = load("global_defs {\n\(global)\n}\n" + instance(own))
        let only = try loaded.only()
        #expect(loaded.hasErrors && only.faults.isEmpty != isFault, "\(only.faults)")
        #expect(only.faultLocation?.line == (isFault ? 2 : nil))
    }

    @Test func anIPv6InstanceFollowsItsOwnGroup() throws {
        let loaded = load("global_defs {\nvrrp_mcast_group6 x\n}\n" + instance("", addresses: "fe80::1"))
        #expect(try loaded.only().faults == ["vrrp_mcast_group6 is invalid"])
    }

    /// Neither its family nor its list is known.
    @Test(arguments: ["virtual_ipaddress {\nfe80::x\n}", "virtual_ipadress {\nfe80::1\n}"])
    func noAddressThatCanBeRead(_ list: String) throws {
        let loaded = load("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\n\(list)\n}\n")
        #expect(try loaded.only().faults == ["its virtual_ipaddress names no address that can be read"])
        #expect(try loaded.only().faultLocation?.line == 4)
        // Of several, one that can't be read is left out, as by keepalived.
        let some = load(instance("", addresses: "\n10.0.0.1\n10.0.0.x\n"))
        #expect(try some.only().faults == [] && some.errorCount == 1 && some.leavesOut)
    }

    /// What stands in another block says nothing about the instance before it.
    @Test func misplacedElsewhere() throws {
        let loaded = load(instance("") + "vrrp_sync_group G {\ngroup {\nA\n}\ninterface eth0\n}\n")
        #expect(try loaded.hasErrors && loaded.only().faults == [])
        let behind = load(instance("}\nadvert_int 3").dropLast(2) + "")
        #expect(try behind.only().faults == ["advert_int is invalid"])
    }

    /// peer-with-prefix: keepalived takes a length there, and it means nothing.
    @Test func lengthsBehindAddresses() throws {
        let unicast = load(
            instance("unicast_src_ip 10.0.0.1/24\nunicast_peer {\n10.0.0.2/24\n10.0.0.3/32 min_ttl 3\n}"))
        #expect(unicast.findings == [])
        #expect(try unicast.only().sourceAddress == IPAddress("10.0.0.1"))
        #expect(
            try unicast.only().unicastPeers == [
                UnicastPeer(address: IPAddress(v4: 0x0a00_0002)),
                UnicastPeer(address: IPAddress(v4: 0x0a00_0003), minimumTTL: 3),
            ])
        let groups = "global_defs {\nvrrp_mcast_group4 224.0.0.20/32\nvrrp_mcast_group6 ff02::13/128\n}\n"
        let multicast = load(groups + instance("mcast_src_ip 10.0.0.1/24"))
        #expect(multicast.findings == [])
        #expect(try multicast.only().sourceAddress == IPAddress("10.0.0.1"))
        #expect(try multicast.only().multicastGroup == IPAddress("224.0.0.20"))
        #expect(try load(instance("mcast_dst_ip 224.0.0.19/32")).only().multicastGroup == IPAddress("224.0.0.19"))
        let six = load(groups + instance("", addresses: "fe80::1/64"))
        #expect(six.findings == [])
        #expect(try six.only().multicastGroup == IPAddress("ff02::13"))
        for wrong in ["10.0.0.1/33", "10.0.0.1/", "10.0.0.1/x"] {
            #expect(load(instance("mcast_src_ip \(wrong)")).hasErrors, "\(wrong)")
        }
    }

    @Test(arguments: ["notify_master \"\"", "notify \" \"", "notify_stop \"\""])
    func noScript(_ line: String) throws {
        let loaded = load(instance(line))
        #expect(try loaded.findings == [] && loaded.only().scripts.isEmpty)
        let group = load(
            instance("") + instance("").replacing("A {", with: "B {").replacing("id 1", with: "id 2")
                + "vrrp_sync_group G {\ngroup {\nA\nB\n}\n\(line)\n}\n")
        #expect(!group.hasErrors, "\(group.findings)")
    }
}
