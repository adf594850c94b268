import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct ClusterCheckTests {
    private func node(_ name: String, _ text: String) -> ClusterNode {
        ClusterNode(path: name, files: SampleFiles([name: text]), environment: Environment())
    }

    private func findings(_ texts: String...) -> [String] {
        let nodes = zip(["a.conf", "b.conf", "c.conf"], texts).map { node($0, $1) }
        return checkCluster(nodes).map {
            "\($0.severity) \($0.location.map { "\($0.file):\($0.line)" } ?? "-") \($0.message)"
        }
    }

    /// Lines 2 to 6 are the same on both nodes; what a test says begins on line 7.
    private func router(
        _ lines: String, priority: Int = 100, id: Int = 51, vip: String = "10.0.0.100/24", name: String = "VI_1"
    ) -> String {
        "vrrp_instance \(name) {\ninterface eth0\nvirtual_router_id \(id)\npriority \(priority)\n"
            + "virtual_ipaddress {\n\(vip) }\n\(lines)\n}\n"
    }

    @Test func aGoodPair() {
        #expect(findings(router("state MASTER", priority: 150), router("state BACKUP\nnopreempt")) == [])
        let a = "unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.2 }"
        let b = "unicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.1 }"
        #expect(findings(router(a, priority: 150), router(b)) == [])
        let some = findings(router("unicast_peer { 10.0.0.2 }", priority: 150), router("unicast_peer { 10.0.0.1 }"))
        #expect(some.count == 1)
        #expect(some[0].hasPrefix("warning a.conf:7 `VI_1` has no unicast_src_ip, so it isn't checked whether"))
        let pass = "authentication {\nauth_type PASS\nauth_pass x\n}"
        #expect(findings(router(pass, priority: 150), router(pass)) == [])
        #expect(findings(router("", priority: 3), router("", priority: 2), router("", priority: 1)) == [])
    }

    @Test(arguments: [
        ("", "version 3", 7, "speaks VRRP version 3 here and 2"),
        ("advert_int 1", "advert_int 2", 7, "advert_int of `VI_1` is 2 s here and 1 s"),
        ("", "authentication {\nauth_type PASS\nauth_pass x\n}", 7, "authenticated only here"),
        (
            "authentication {\nauth_type PASS\nauth_pass x\n}", "authentication {\nauth_type PASS\nauth_pass y\n}", 7,
            "with another password"
        ),
        ("", "virtual_ipaddress { 10.0.0.101/24 }", 7, "10.0.0.101 is only here"),
        ("", "unicast_peer { 10.0.0.1 }", 7, "is unicast here and multicast"),
        ("", "mcast_dst_ip 224.0.0.99", 7, "sends to 224.0.0.99 here and to 224.0.0.18"),
        ("version 3", "version 3\nv3_checksum_as_v2", 8, "v3_checksum_as_v2 of `VI_1` is set on one node only"),
        (
            "unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.2 }", "unicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.3 }",
            8,
            "lacks the other node's address 10.0.0.1"
        ),
        ("mcast_src_ip 10.0.0.1", "mcast_src_ip 10.0.0.1", 7, "both nodes send from 10.0.0.1"),
    ])
    func differences(_ a: String, _ b: String, _ line: Int, _ message: String) throws {
        let found = findings(router(a, priority: 150), router(b))
        try #require(found.count == 2, "\(found)")
        #expect(found[0].hasPrefix("error b.conf:\(line) ") && found[0].contains(message), "\(found)")
        #expect(found[1].hasPrefix("note a.conf:"), "\(found)")
    }

    @Test(arguments: [
        ("key 1 A\nactive_key 1", "key 1 B\nactive_key 1", "error", "has another key 1 of auth_hmac"),
        ("key 1 A\nactive_key 1", "key 2 B\nactive_key 2", "error", "signs with key 2, which the other node hasn't"),
        ("key 1 A\nkey 2 B\nactive_key 1", "key 2 B\nactive_key 2", "error", "lacks key 1, with which the other"),
        (
            "key 1 A\nkey 2 B\nactive_key 1", "key 1 A\nkey 2 B\nactive_key 2", "warning",
            "signs with key 2 here and with 1 on"
        ),
        ("key 1 A\nactive_key 1", "key 1 A\nactive_key 1\nmode permissive", "warning", "takes what fails auth_hmac"),
    ])
    func keysOfMessages(_ a: String, _ b: String, _ severity: String, _ message: String) {
        func block(_ text: String) -> String {
            let long = text.replacing(" A", with: " " + String(repeating: "a", count: 40))
                .replacing(" B", with: " " + String(repeating: "b", count: 40))
            return "auth_hmac {\n\(long)\n}"
        }
        let found = findings(router(block(a), priority: 150), router(block(b)))
        #expect(found.count == 2 && found[0].hasPrefix("\(severity) b.conf:7 `VI_1` \(message)"), "\(found)")
        #expect(findings(router(block(a), priority: 150), router(block(a))) == [])
    }

    @Test func kindsOfAuthentication() {
        let pass = "authentication {\nauth_type PASS\nauth_pass x\n}"
        let header = "authentication {\nauth_type AH\nauth_pass x\n}"
        let hmac = "auth_hmac {\nkey 1 \(String(repeating: "a", count: 40))\nactive_key 1\n}"
        for (a, b, message) in [
            (pass, header, "is authenticated by AH here and by PASS on the other node"),
            (hmac, "", "is authenticated only on the other node"), ("", hmac, "is authenticated only here"),
            (header, header.replacing("pass x", with: "pass y"), "with another password of AH"),
        ] {
            let found = findings(router(a, priority: 150), router(b))
            #expect(found.count == 2 && found[0].hasPrefix("error b.conf") && found[0].contains(message), "\(found)")
        }
    }

    @Test func peersInBothDirections() {
        let found = findings(
            router("unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.9 }", priority: 150),
            router("unicast_src_ip 10.0.0.2\nunicast_peer { 10.0.0.1 }"))
        #expect(found.count == 2, "\(found)")
        #expect(found[0].hasPrefix("error a.conf:8 unicast_peer of `VI_1` lacks the other node's address 10.0.0.2"))
        #expect(found[1].hasPrefix("note b.conf:7"))
    }

    /// RFC 9568 has no unicast; keepalived discards below `min_ttl` of the peer's entry.
    @Test(arguments: [
        ("", "10.0.0.1", 0), ("", "10.0.0.1 min_ttl 255", 0), ("unicast_ttl 64", "10.0.0.1 min_ttl 64", 0),
        ("unicast_ttl 64", "10.0.0.1 min_ttl 65", 2), ("unicast_ttl 64", "10.0.0.1 max_ttl 63", 0),
        ("unicast_ttl 64", "10.0.0.1\n10.0.0.3 min_ttl 255", 0),
    ])
    func hopLimits(_ sent: String, _ peer: String, _ count: Int) {
        let a = router("unicast_src_ip 10.0.0.1\nunicast_peer { 10.0.0.2 }\n\(sent)", priority: 150)
        let b = router("unicast_src_ip 10.0.0.2\nunicast_peer { \(peer) }")
        let message = "`VI_1` takes adverts with a TTL of at least 65 (`min_ttl`) and the other node sends 64"
        for (texts, name, other) in [((a, b), "b", "a"), ((b, a), "a", "b")] {
            let found = findings(texts.0, texts.1)
            #expect(found.count == count, "\(found)")
            guard count > 0, found.count == count else { continue }
            #expect(found[0].hasPrefix("error \(name).conf:8 \(message)"), "\(found)")
            #expect(found[1].hasPrefix("note \(other).conf:9 "), "\(found)")
        }
    }

    /// The sender's own address isn't in its file.
    @Test func hopLimitsWithoutSource() {
        let a = router("unicast_peer { 10.0.0.2 }\nunicast_ttl 1", priority: 150)
        func count(_ peers: String) -> Int {
            findings(a, router("unicast_peer { \(peers) }")).count { $0.contains("`min_ttl`") }
        }
        #expect(count("10.0.0.1 min_ttl 2") == 1)
        #expect(count("10.0.0.1 min_ttl 2\n10.0.0.3") == 0)
    }

    @Test(arguments: [
        ("10.0.0.100/24", "10.0.0.100/25", "10.0.0.100 of `VI_1` has the prefix length 25 here and 24 on"),
        ("10.0.0.100/24\n10.0.0.99", "10.0.0.99/24\n10.0.0.100", "10.0.0.99 of `VI_1` has the prefix length 24"),
        ("10.0.0.100/24 dev eth1", "10.0.0.100/24", "10.0.0.100 of `VI_1` is on eth0 here and on eth1 on the other"),
        ("10.0.0.100/24 dev eth1", "10.0.0.100/24 dev eth2", "10.0.0.100 of `VI_1` is on eth2 here and on eth1"),
    ])
    func addressesInAnotherWay(_ a: String, _ b: String, _ message: String) {
        let found = findings(router("", priority: 150, vip: a), router("", vip: b))
        #expect(found.count == 2 && found[0].hasPrefix("warning b.conf:5 \(message)"), "\(found)")
        #expect(found.last?.hasPrefix("note a.conf:5 ") == true, "\(found)")
        func excluded(_ address: String) -> String { "virtual_ipaddress_excluded {\n\(address)\n}" }
        let more = findings(router(excluded(a), priority: 150, vip: "10.0.0.1"), router(excluded(b), vip: "10.0.0.1"))
        #expect(more.count == 2 && more[0].contains(message), "\(more)")
    }

    @Test func interfacesOfOtherNames() {
        let a = router("", priority: 150)
        let b = router("", vip: "10.0.0.100/24 dev ens3").replacing("interface eth0", with: "interface ens3")
        #expect(findings(a, b) == [])
    }

    @Test func virtualRouterID() throws {
        let found = findings(router("", priority: 150), router("", id: 52))
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("error b.conf:3 virtual_router_id of `VI_1` is 52 here and 51"))
        #expect(found[1].hasPrefix("note a.conf:3 "))
    }

    @Test func family() {
        let found = findings(router("", priority: 150), router("", vip: "2001:db8::1/64"))
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("error b.conf:5 `VI_1` is IPv6 here and IPv4"))
    }

    @Test func intervalsOfVersion3AreNoReasonToSplit() {
        let found = findings(router("version 3\nadvert_int 1", priority: 150), router("version 3\nadvert_int 0.5"))
        #expect(found.first?.hasPrefix("warning b.conf:8 advert_int") == true)
    }

    @Test func equalPriorities() {
        let found = findings(router(""), router(""))
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("warning b.conf:4 both nodes have priority 100"))
        #expect(findings(router("", priority: 255), router("", priority: 255))[0].hasPrefix("error b.conf:4"))
        // The first differs from both others, which are alike.
        let three = findings(router("", priority: 3), router(""), router(""))
        #expect(three.count == 2 && three[0].hasPrefix("warning c.conf:4") && three[1].hasPrefix("note b.conf:4"))
    }

    /// What counts is the priority with the weights of what is tracked, while nothing of that is wrong.
    @Test(arguments: [
        ("track_interface {\neth1 weight 50\n}", "", true), ("", "track_interface {\neth1 weight -50\n}", false),
        ("track_interface {\neth1 weight -50\n}", "", false), ("track_interface {\neth1 weight 49\n}", "", false),
        ("track_interface {\neth1 weight -50 reverse\n}", "", false),
        ("track_interface {\neth1 weight 30\n}\ntrack_script {\nok weight 20\n}", "", true),
        ("track_script {\nok weight 50 reverse\n}", "", false), ("track_script {\nok weight 50\n}", "", true),
        ("track_file {\nlevel weight 50\n}", "", false),
        ("", "track_interface {\neth1 weight -50 reverse\n}", false),
        ("", "track_interface {\neth1 weight 50 reverse\n}", true),
        ("", "track_script {\nok weight 50 reverse\n}", true),
        ("track_interface {\neth1 weight 253\n}", "track_interface {\neth1 weight 253\n}", true),
    ])
    func equalPrioritiesWithWeights(_ lower: String, _ higher: String, _ areEqual: Bool) {
        let definitions = "vrrp_script ok {\nscript /bin/true\n}\ntrack_file level {\nfile /tmp/level\n}\n"
        let found = findings(definitions + router(lower), definitions + router(higher, priority: 150))
        guard areEqual else {
            #expect(!found.contains { $0.contains("while all that they track is well") }, "\(found)")
            return
        }
        #expect(found.count == 2, "\(found)")
        #expect(found.first?.hasPrefix("warning b.conf:10 both nodes have priority") == true, "\(found)")
        #expect(found.first?.contains("while all that they track is well: 150 here and 100 on the other") == true)
    }

    private func group(_ one: Int, _ other: Int, group: Bool = true, weight: String = "") -> String {
        "vrrp_script ok {\nscript /bin/true\n}\n" + router("", priority: one, id: 1, vip: "10.0.0.1/24")
            + router(weight, priority: other, id: 2, vip: "10.0.0.2/24", name: "VI_2")
            + (group ? "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n}\n" : "")
    }

    /// behaviours_vrrp2 §4: members that rank their nodes differently never settle.
    @Test func membersThatPreferDifferentNodes() {
        #expect(findings(group(150, 150), group(100, 100)) == [])
        #expect(findings(group(150, 150), group(100, 149)) == [])
        let found = findings(group(150, 100), group(100, 150))
        #expect(found.count == 2 && found[0].hasPrefix("error b.conf:15 members of sync group `G`"), "\(found)")
        #expect(found.first?.contains("`VI_1` has priority 100 here and 150 on the other node, `VI_2` 150") == true)
        #expect(findings(group(150, 100, group: false), group(100, 150, group: false)) == [])
        // A weight of a member doesn't count in a group.
        let weight = "track_script {\nok weight 60\n}"
        #expect(!findings(group(150, 150), group(100, 100, weight: weight)).contains { $0.contains("never settles") })
    }

    @Test func groupsOnOneNodeOnly() {
        let found = findings(group(150, 150), group(100, 100, group: false))
        #expect(found.count == 2 && found[0].hasPrefix("warning b.conf:"), "\(found)")
        #expect(found.first?.contains("are in one sync group on the other node only") == true)
        let here = findings(group(150, 150, group: false), group(100, 100))
        #expect(here.first?.contains("are in one sync group on this node only") == true)
    }

    @Test func bothMasterWithoutPreemption() {
        let text = "state MASTER\nnopreempt"
        let found = findings(router(text, priority: 150), router(text))
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("warning b.conf:8 both nodes have `state MASTER`"))
    }

    @Test func instancesThatAreMissing() {
        let found = findings(router("", priority: 150) + router("", id: 9, name: "X"), router(""))
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("warning a.conf:9 instance `X` isn't on node b.conf"))
    }

    @Test func anotherNameIsNoOtherRouter() {
        #expect(findings(router("", priority: 150), router("", name: "OTHER")) == [])
        let found = findings(router("", priority: 150), router("", vip: "10.0.0.7/24", name: "OTHER"))
        #expect(found.first?.contains("virtual addresses of `OTHER` differ: 10.0.0.7 is only here") == true)
    }

    /// Names and numbers differ, the address is the same: each node has it when it is MASTER of its own.
    @Test func anAddressOfTwoRouters() {
        let pair = findings(router("", priority: 150), router("", id: 52, name: "OTHER"))
        #expect(
            pair.count == 2 && pair[0].hasPrefix("error b.conf:3 virtual_router_id of `OTHER` is 52 here"), "\(pair)")
        // Both have partners elsewhere.
        let crossed = findings(
            router("", priority: 150) + router("", priority: 150, id: 9, vip: "10.0.0.9/24", name: "X"),
            router("", vip: "10.0.0.9/24") + router("", id: 9, name: "X"))
        #expect(
            crossed.contains {
                $0.hasPrefix("error a.conf:13 `X` has 10.0.0.9 here and `VI_1`, which is another virtual router")
            }, "\(crossed)")
    }

    /// Without source addresses something can still be said: an address that both name as a peer is neither's.
    @Test func peersWithoutSources() {
        let same = findings(
            router("unicast_peer { 10.0.0.3 }", priority: 150), router("unicast_peer { 10.0.0.3 }"))
        #expect(same.count == 2, "\(same)")
        #expect(
            same[0].hasPrefix("error a.conf:7 each address in unicast_peer of `VI_1` on the other node is a peer of"))
        #expect(same[1].hasPrefix("note b.conf:7"))
        // Every node has the list of all nodes, itself included.
        let all = "unicast_peer {\n10.0.0.1\n10.0.0.2\n}"
        #expect(findings(router(all, priority: 150), router(all)).map { $0.prefix(7) } == ["warning"])
        let three = [("2", "3"), ("1", "3"), ("1", "2")].enumerated().map { place, peers in
            router("unicast_peer {\n10.0.0.\(peers.0)\n10.0.0.\(peers.1)\n}", priority: 100 + place)
        }
        #expect(findings(three[0], three[1], three[2]).map { $0.prefix(7) } == ["warning"])
    }

    @Test func excludedAddresses() {
        let found = findings(
            router("virtual_ipaddress_excluded { 10.0.1.1/24 }", priority: 150), router(""))
        #expect(found.first?.hasPrefix("warning b.conf:1 the excluded addresses") == true)
    }

    /// Services and their real servers that only one node has.
    @Test func virtualServers() {
        func service(_ address: String, _ servers: String...) -> String {
            "virtual_server \(address) {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n"
                + servers.map { "real_server \($0) {\n}\n" }.joined() + "}\n"
        }
        let one = service("10.0.0.1 80", "10.0.0.11 80", "10.0.0.12 80")
        #expect(findings(one, one) == [])
        #expect(
            findings(
                one + service("10.0.0.1 443", "10.0.0.11 443"), service("10.0.0.1 80", "10.0.0.11 80", "10.0.0.13 80"))
                == [
                    "warning a.conf:10 virtual server tcp 10.0.0.1:443 isn't on node b.conf: that node doesn't serve it after "
                        + "a takeover; write it there, too, or take it out here",
                    "warning b.conf:1 the real servers of virtual server tcp 10.0.0.1:80 differ: only here 10.0.0.13:80; only "
                        + "on the other node 10.0.0.12:80: a takeover changes where its clients go",
                    "note a.conf:1 the other node's is here",
                ])
    }
}
