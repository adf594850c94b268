import Base
import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct RouteTests {
    private func route(_ line: String, _ environment: Environment = Environment()) -> RouteSettings? {
        let loaded = load("static_routes {\n\(line)\n}\n", environment)
        let complaints = TrackerTests.complaints(loaded).filter { !$0.contains("can't be tracked") }
        #expect(complaints == [], "\(line)")
        return loaded.model.shared.staticRoutes.first
    }

    private func rule(_ line: String) -> RuleSettings? {
        let loaded = load("static_rules {\n\(line)\n}\n")
        #expect(TrackerTests.complaints(loaded) == [], "\(line)")
        return loaded.model.shared.staticRules.first
    }

    @Test func plain() throws {
        let plain = try #require(route("192.168.100.0/24 via 10.0.0.254 dev eth1 src 10.0.0.1 metric 50"))
        #expect(plain.destination == Prefix("192.168.100.0/24") && plain.type == .unicast && plain.table == 254)
        #expect(plain.hops.count == 1 && plain.hops[0].gateway == IPAddress("10.0.0.254"))
        #expect(plain.hops[0].interface == "eth1" && plain.preferredSource == IPAddress("10.0.0.1"))
        #expect(plain.metric == 50 && plain.routeProtocol == 18 && plain.operation == .prepend && plain.scope == nil)
        let short = try #require(
            route(
                "to 10.8/16 dev tun0 scope link table 100 proto_is_not_a_word".replacing(
                    " proto_is_not_a_word", with: "")))
        #expect(short.destination == Prefix("10.8.0.0/16") && short.scope == 253 && short.table == 100)
    }

    @Test func defaults() throws {
        #expect(route("default via 10.0.0.1")?.destination == Prefix("0.0.0.0/0"))
        #expect(route("default via fe80::1 dev eth0")?.destination == Prefix("::/0"))
        #expect(route("inet6 default dev eth0")?.family == .ipv6)
        #expect(route("default via inet6 fe80::1 dev eth0")?.family == .ipv6)
    }

    @Test func everything() throws {
        let line = """
            unreachable to 10.1.0.0/16 tos 0x10 table main protocol static priority 7 append no_track vrf blue
            """
        let odd = try #require(route(line))
        #expect(odd.type == .unreachable && odd.hops.isEmpty && odd.typeOfService == 16 && odd.routeProtocol == 4)
        #expect(odd.operation == .append && odd.isUntracked && odd.vrf == "blue" && odd.table == nil)
        let tuned = try #require(
            route(
                "10.0.0.0/8 dev eth0 mtu lock 1400 advmss 1300 rtt 20ms rttvar 1 initcwnd 10 features ecn quickack 1 congctl lock bbr hoplimit 9"
            ))
        #expect(
            tuned.metrics == [
                RouteMetric(kind: .mtu, value: 1400, isLocked: true), RouteMetric(kind: .advmss, value: 1300),
                RouteMetric(kind: .rtt, value: 160), RouteMetric(kind: .rttvar, value: 4),
                RouteMetric(kind: .initcwnd, value: 10), RouteMetric(kind: .features, value: 1),
                RouteMetric(kind: .quickack, value: 1), RouteMetric(kind: .hoplimit, value: 9),
            ])
        #expect(tuned.congestionControl == "bbr" && tuned.locksCongestionControl)
        let six = try #require(
            route(
                "2001:db8::/32 from 2001:db9::/32 via fe80::1 dev eth0 onlink expires 60 pref high ttl-propagate enabled"
            ))
        #expect(six.source == Prefix("2001:db9::/32") && six.expires == 60 && six.preference == .high)
        #expect(six.hops[0].isOnLink && six.propagatesTTL == true)
    }

    @Test func multipath() throws {
        let many = try #require(
            route(
                "10.0.0.0/8 metric 3 nexthop via 10.1.0.1 dev eth0 weight 2 nexthop via 10.2.0.1 dev eth1 onlink realms 3/4"
            ))
        #expect(many.hops.map(\.weight) == [2, 1] && many.hops.map(\.interface) == ["eth0", "eth1"])
        #expect(many.hops[1].isOnLink && many.hops[1].realms == Realms(source: 3, destination: 4) && many.metric == 3)
    }

    /// The words of the past mean what they meant, and say what to write.
    @Test func deprecatedWords() throws {
        let loaded = load("static_routes {\n10.0.0.0/8 gw 10.1.0.1 or 10.2.0.1 or 10.3.0.1 dev eth0\n}\n")
        let hops = try #require(loaded.model.shared.staticRoutes.first).hops
        #expect(hops.map(\.gateway) == ["10.1.0.1", "10.2.0.1", "10.3.0.1"].map { IPAddress($0) })
        #expect(hops.map(\.interface) == ["eth0", nil, nil])
        #expect(
            TrackerTests.complaints(loaded) == [
                "2:12 warning `gw` is deprecated; write `via`",
                "2:24 warning `or` is deprecated; write `nexthop via` for each gateway",
                "2:36 warning `or` is deprecated; write `nexthop via` for each gateway",
            ])
        #expect(loaded.diagnostics.filter { $0.code == .deprecated }.count == 3)
    }

    @Test func trackGroups() {
        let group = "track_group G {\ngroup {\nA\n}\n}\n"
        func complaints(_ text: String) -> [String] { TrackerTests.complaints(load(text)) }
        #expect(
            complaints(group + instance("virtual_routes {\n10.0.0.0/8 dev eth0 track_group G\n}")) == [
                "11:21 error `track_group` is for static_routes: these follow their own instance"
            ])
        #expect(
            complaints(group + instance("virtual_rules {\nfrom 10.0.0.1 table 3 priority 9 track_group G\n}")) == [
                "11:34 error `track_group` is for static_rules: these follow their own instance"
            ])
        let block =
            "static_rules {\nfrom 10.0.0.1 table 3 priority 9 track_group G\niif eth0 table 3 priority 9 track_group G\n}\n"
        let rules = load(instance("") + group + block)
        #expect(TrackerTests.complaints(rules) == ["13:34 warning `track_group` has no effect on a rule without `iif`"])
        #expect(rules.model.shared.staticRules.map(\.trackGroup) == [nil, "G"])
        let routes = load(
            instance("") + group
                + "static_routes {\n10.0.0.0/8 via 10.1.0.1 no_track track_group G\n10.0.0.0/8 dev eth0 track_group G\n}\n"
        )
        #expect(
            TrackerTests.complaints(routes) == ["13:34 warning `track_group` has no effect on a route without `dev`"])
        #expect(routes.model.shared.staticRoutes.map(\.trackGroup) == [nil, "G"])
        let early = load(instance("") + "static_routes {\n10.0.0.0/8 dev eth0 track_group G\n}\n" + group)
        #expect(
            TrackerTests.complaints(early) == [
                "8:33 warning `G` is defined further down; keepalived would ignore this",
                "10:13 note it is defined here",
            ])
        #expect(early.model.shared.staticRoutes.map(\.trackGroup) == ["G"])
    }

    /// Of what is written twice the last one counts, except a type, which keepalived takes for an address.
    @Test(arguments: [
        (
            "10.0.0.0/8 via 10.1.0.1 gw 10.1.0.2 dev eth0",
            ["2:25 warning `gw` is written twice; the last one counts", "2:25 warning `gw` is deprecated; write `via`"]
        ),
        ("10.0.0.0/8 dev eth0 dev eth1", ["2:21 warning `dev` is written twice; the last one counts"]),
        ("10.0.0.0/8 dev eth0 metric 3 priority 4", ["2:30 warning `priority` is written twice; the last one counts"]),
        (
            "10.0.0.0/8 nexthop via 10.1.0.1 dev eth0 nexthop via 10.1.0.2 dev eth1 dev eth0",
            ["2:72 warning `dev` is written twice; the last one counts"]
        ),
        (
            "blackhole prohibit 10.0.0.0/8 no_track",
            ["2:11 error a route has one type", "2:1 note the first one is here"]
        ),
        (
            "unicast to local 10.0.0.0/8 dev eth0",
            ["2:12 error a route has one type", "2:1 note the first one is here"]
        ),
    ])
    func writtenTwice(_ line: String, _ expected: [String]) {
        #expect(TrackerTests.complaints(load("static_routes {\n\(line)\n}\n")) == expected)
    }

    @Test func selectorsWrittenTwice() {
        let loaded = load("static_rules {\nfrom 10.0.0.1 table 3 preference 9 from 10.0.0.2 order 8\n}\n")
        #expect(loaded.model.shared.staticRules.map(\.priority) == [8])
        #expect(
            TrackerTests.complaints(loaded) == [
                "2:36 warning `from` is written twice; the last one counts",
                "2:50 warning `order` is written twice; the last one counts",
            ])
    }

    @Test func encapsulations() throws {
        #expect(
            route("10.0.0.0/8 via 10.1.0.1 encap mpls 100/200")?.hops.first?.encapsulation == .mpls(labels: [100, 200]))
        #expect(
            route("10.0.0.0/8 dev eth0 encap ila 1:2:3:ffff")?.hops.first?.encapsulation
                == .ila(locator: 0x0001_0002_0003_ffff))
        var tunnel = Encapsulation.IPTunnel(family: .ipv4)
        tunnel.id = 7
        tunnel.destination = IPAddress("10.9.9.9")
        tunnel.trafficClass = 4
        tunnel.timeToLive = 64
        tunnel.flags = 1
        #expect(
            route("10.0.0.0/8 encap ip id 7 dst 10.9.9.9 tos 4 ttl 64 flags 1 dev ip1")?.hops.first?.encapsulation
                == .ip(tunnel))
    }

    @Test func names() throws {
        var environment = Environment()
        RoutingNames.add(
            Array("# c\n100\tblue # x\n0x65 red\nbad\n".utf8), to: &environment.routingNames.tables)
        #expect(route("10.0.0.0/8 dev eth0 table blue", environment)?.table == 100)
        #expect(route("10.0.0.0/8 dev eth0 table red", environment)?.table == 101)
    }

    @Test(arguments: [
        ("via 10.0.0.1", "2:1 error the route has no destination"),
        ("10.0.0.0/8", "2:1 error it needs `via` or `dev`: the route is left out"),
        ("10.0.0.1/8 dev eth0", "2:1 warning `10.0.0.1/8` has host bits; 10.0.0.0/8 is used"),
        (
            "10.0.0.0/8 via 10.0.0.1",
            "2:1 warning without `dev` the route can't be tracked; say `no_track` or an interface"
        ),
        ("10.0.0.0/33 dev eth0", "2:1 error `10.0.0.0/33` isn't a network: ADDRESS[/LENGTH] or default"),
        ("10.0.0.0/8 via fe80::x", "2:16 error `fe80::x` isn't an IP address"),
        ("fe80::/64 via 10.0.0.1", "2:1 error an IPv6 route has no IPv4 gateway: the route is left out"),
        (
            "inet6 10.0.0.0/8 dev eth0",
            "2:1 error the destination isn't of the family that is written: the route is left out"
        ),
        ("10.0.0.0/8 dev eth0 src fe80::1", "2:1 error `src` isn't of the destination's family: the route is left out"),
        ("10.0.0.0/8 dev eth0 expires 3", "2:1 error `expires` and `pref` are for IPv6 routes: the route is left out"),
        ("blackhole 10.0.0.0/8 via 10.0.0.1", "2:1 error a route of this type has no gateway: the route is left out"),
        ("10.0.0.0/8 via 10.0.0.1 onlink", "2:1 error `onlink` needs `dev`: the route is left out"),
        ("10.0.0.0/8 dev eth0 tabel 3", "2:21 error unknown option `tabel`; did you mean `table`?"),
        (
            "10.0.0.0/8 dev eth0 table mian",
            "2:27 error `mian` is neither a number nor the name of a table in /etc/iproute2; did you mean `main`?"
        ),
        ("10.0.0.0/8 dev eth0 metric 4294967296", "2:28 error `metric` is 0 to 4294967295"),
        ("10.0.0.0/8 dev eth0 mtu", "2:21 error `mtu` needs a value"),
        ("10.0.0.0/8 dev eth0 rtt x", "2:25 error `x` isn't a time in s or ms"),
        ("10.0.0.0/8 10.1.0.0/16", "2:12 error unknown option `10.1.0.0/16`"),
        ("10.0.0.0/8 nexthop via 10.0.0.1 weight 257", "2:40 error `weight` is 1 to 256, not 257"),
        (
            "10.0.0.0/8 nexthop via 10.0.0.1 metric 3",
            "2:33 error `metric` can't stand behind `nexthop`, which ends a route"
        ),
        ("10.0.0.0/8 dev eth0 track_group G", "2:33 error there is no `track_group G`"),
        (
            "10.0.0.0/8 encap mpls 1048576 dev eth0",
            "2:23 error MPLS labels are up to 16 numbers below 1048576 with `/` between"
        ),
    ])
    func wrongRoutes(_ line: String, _ expected: String) {
        let loaded = load("static_routes {\n\(line)\n}\n")
        #expect(TrackerTests.complaints(loaded) == [expected])
    }

    @Test func rules() throws {
        let plain = try #require(rule("from 10.0.0.0/8 table 100 priority 5"))
        #expect(plain.source == Prefix("10.0.0.0/8") && plain.action == .table(100) && plain.priority == 5)
        #expect(plain.destination == nil && plain.ruleProtocol == 18 && plain.family == .ipv4)
        let odd = try #require(
            rule(
                "inet6 not from all to 2001:db8::/32 iif eth0 oif eth1 fwmark 0x10/0xff tos 8 ipproto tcp sport 80 dport 1-1024 uidrange 0-99 tunnel-id 9 realms 1/2 suppress_prefixlength 0 protocol 99 lookup main order 7 no_track"
            ))
        #expect(
            odd.family == .ipv6 && odd.isInverted && odd.source == nil && odd.destination == Prefix("2001:db8::/32"))
        #expect(odd.inputInterface == "eth0" && odd.outputInterface == "eth1" && odd.typeOfService == 8)
        #expect(odd.mark == RuleSettings.Mark(value: 16, mask: 255) && odd.ipProtocol == 6)
        #expect(odd.sourcePorts == 80...80 && odd.destinationPorts == 1...1024 && odd.users == 0...99)
        #expect(odd.tunnel == 9 && odd.realms == Realms(source: 1, destination: 2) && odd.suppressedLength == 0)
        #expect(odd.ruleProtocol == 99 && odd.action == .table(254) && odd.priority == 7 && odd.isUntracked)
        #expect(rule("from 10.0.0.1 type blackhole priority 1")?.action == .blackhole)
        #expect(rule("iif eth0 goto 9 priority 1")?.action == .goto(9))
        #expect(rule("l3mdev priority 1")?.usesL3MasterDevice == true)
    }

    @Test func prioritiesAreGivenOut() {
        let loaded = load("static_rules {\nfrom 10.0.0.1 table 1\nfrom 10.0.0.2 table 1\n}\n")
        #expect(loaded.model.shared.staticRules.map(\.priority) == [16_384, 16_383])
        #expect(
            TrackerTests.complaints(loaded) == [
                "2:1 warning the rule has no `priority`; 16384 is used",
                "3:1 warning the rule has no `priority`; 16383 is used",
            ])
    }

    @Test(arguments: [
        (
            "from 10.0.0.1 priority 1",
            ["2:1 error it has no action (table, goto, nop, blackhole, unreachable or prohibit): the rule is left out"]
        ),
        (
            "table 1 nop priority 1", ["2:9 error a rule has one action", "2:7 note the first one is here"]
        ),
        ("from 10.0.0.1 to fe80::1 table 1 priority 1", ["2:1 error its families differ: the rule is left out"]),
        ("sport 9-3 table 1 priority 1", ["2:7 error the range `9-3` is empty"]),
        ("sport 65536 table 1 priority 1", ["2:7 error `sport` is a number or a range LOW-HIGH up to 65535"]),
        ("fwmark x table 1 priority 1", ["2:8 error `x` isn't a mark: VALUE[/MASK] of 32 bits"]),
        ("ipproto tpc table 1 priority 1", ["2:9 error `tpc` isn't an IP protocol: 1 to 255, or a name such as tcp"]),
        ("goto 3 priority 4", ["2:1 error `goto 3` has to lead behind its own priority 4: the rule is left out"]),
        ("nop sup_pl 3 priority 4", ["2:1 error `suppress_...` needs `table`: the rule is left out"]),
        ("table 0 priority 4", ["2:7 error there is no table 0"]),
        (
            "table 5 l3mdev priority 4",
            ["2:1 error `l3mdev` finds the table itself, so no `table` can be said: the rule is left out"]
        ),
        ("frmo 10.0.0.1 table 1", ["2:1 error unknown option `frmo`; did you mean `from`?"]),
    ])
    func wrongRules(_ line: String, _ expected: [String]) {
        let loaded = load("static_rules {\n\(line)\n}\n")
        #expect(TrackerTests.complaints(loaded) == expected)
        #expect(loaded.model.shared.staticRules == [])
    }

    @Test func ofAnInstance() throws {
        let loaded = load(
            instance(
                "virtual_routes {\n10.9.0.0/16 via 10.0.0.9 dev eth0 encap ip id 3\n}\nvirtual_rules {\nfrom 10.9.0.1 table 3 priority 9\n}"
            ))
        #expect(TrackerTests.complaints(loaded) == [])
        let only = try loaded.only()
        #expect(only.routes.count == 1 && only.rules.count == 1)
        #expect(try loaded.model.encode().withUnsafeBytes { try EncodedModel($0).decode() } == loaded.model)
    }
}
