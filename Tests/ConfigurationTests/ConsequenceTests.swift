import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// A mistake is one error: what is missing because of it isn't another one.
@Suite struct ConsequenceTests {
    private static let address = "virtual_ipaddress {\n10.0.0.1/24\n}\n"

    private static func instance(_ lines: String) -> String { "vrrp_instance A {\n\(lines)}\n" }

    /// A mistake, and the places of its only errors; all else that is said is about what isn't handled yet.
    private static let mistakes: [(String, String)] = [
        (instance("interface eth0\nvirtual_router_id 510\n" + address), "3:19"),
        (instance("interface eth0\nvirtual_router_idd 5\n" + address), "3:1"),
        (instance("interfce eth0\nvirtual_router_id 5\n" + address), "2:1"),
        (instance("interface nameofsixteenbyt\nvirtual_router_id 5\n" + address), "2:11"),
        (
            instance("interface eth0\nvirtual_router_id 5\nversion 3\nvirtual_ipaddres {\n10.0.0.1\n10.0.0.2/99\n}\n"),
            "5:1"
        ),
        (instance("interface eth0\nvirtual_router_id 5\nvirtual_ipaddres {\n10.0.0.1\n}\n"), "4:1"),
        (instance("interface eth0\nvirtual_router_id 5\nversion 3\nvirtual_ipaddress {\n10.0.0.x\n}\n"), "6:1"),
        (instance("interface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1 devv eth1 label a\n}\n"), "5:10"),
        (instance("interface eth0\nvirtual_router_id 5\nstate MASTER\nprioritty 100\nnopreemp\n" + address), "5:1 6:1"),
        (instance("interface eth0\nvirtual_router_id 5\nstate MASTER\nprio 101\n" + address), "5:1"),
        // In the wrong block.
        (
            instance(
                "interface eth0\nauthentication {\nauth_type PASS\nauth_pass a\nvirtual_router_id 5\n}\n" + address),
            "6:1"
        ),
        // Behind a `}` too many.
        (instance("interface eth0\n" + address + "}\nvirtual_router_id 5\n"), "7:1 8:1"),
        (
            instance(
                "interface eth0\nvirtual_router_id 5\nauthentication {\nauth_type PASS\nauth_pas a\n}\n" + address),
            "6:1"
        ),
        (
            instance(
                "interface eth0\nvirtual_router_id 5\nauthentication {\nauth_typ PASS\nauth_pass a\n}\n" + address),
            "5:1"
        ),
        (
            instance(
                "interface eth0\nvirtual_router_id 5\nunicast_src_ip 10.0.0.8\nunicast_per {\n10.0.0.9\n}\n" + address),
            "5:1"
        ),
        (instance("interface eth0\nvirtual_router_id 5\ntrack_src_ip\nunicast_src_pi 10.0.0.8\n" + address), "5:1"),
        (instance("interface eth0\nvirtual_router_id 5\ntrack_scrpt {\ns\n}\n" + address) + script, "4:1"),
        (instance("interface eth0\nvirtual_router_id 5\ntrack_script {\nt\n}\n" + address) + script("tt"), "5:1"),
        (script.replacing("script /", with: "scrip /") + instance(tracked), "2:1"),
        (script.replacing("vrrp_script", with: "vrrp_scrpt") + instance(tracked), "1:1"),
        ("vrrp_instnce A {\n" + tracked + "}\n" + script + group, "1:1"),
        (script + instance(tracked) + group.replacing("group {", with: "grop {"), "15:1"),
        (script + instance(tracked) + group.replacing("A\n", with: "A\nB\n"), "17:1"),
        (
            "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NT\nprotocl TCP\nreal_servr 10.0.0.2 80 {\n}\n}\n",
            "4:1 5:1 3:9"
        ),
        (
            "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TPC\nreal_server 10.0.0.x 80 {\n}\n}\n",
            "4:10 5:13"
        ),
        (
            "virtual_server_grup G {\n10.0.0.1 80\n}\nvirtual_server group G {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
                + "real_server 10.0.0.2 80 {\nHTTP_GET {\nurll {\npath /\n}\n}\n}\n}\n", "1:1 10:1"
        ),
        ("SSL {\ncertificat /c\nkey /k\n}\n" + script + instance(tracked), "2:1"),
        ("garp_group {\ngarp_interval 1\ninterfce eth0\n}\n" + script + instance(tracked), "3:1"),
        // Nobody is told of an address that he hasn't written.
        ("virtual_server 10.0.0.1 80x {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n}\n", "1:25"),
        // Closed only by what begins behind it.
        (script + "vrrp_instance B {\n" + instance(tracked), "5:1"),
    ]

    @Test(arguments: mistakes)
    func isOne(_ text: String, _ places: String) {
        let loaded = load(text)
        let found = loaded.diagnostics.filter { $0.code != .notYet && !$0.message.contains("only one member") }
        let errors = found.filter { $0.severity == .error }
            .map { "\($0.location?.line ?? 0):\($0.location?.column ?? 0)" }
        #expect(errors.joined(separator: " ") == places, "\(loaded.findings)")
        #expect(found.filter { $0.severity == .warning }.map(\.message) == [], "\(text)")
    }

    private static let script = script("s")
    private static func script(_ name: String) -> String { "vrrp_script \(name) {\nscript /usr/bin/true\n}\n" }
    private static let tracked = "interface eth0\nvirtual_router_id 5\ntrack_script {\ns\n}\n" + address
    private static let group = "vrrp_sync_group G {\ngroup {\nA\n}\n}\n"

    /// What a mistake costs doesn't depend on how often it is told.
    @Test func theInstanceIsInFaultAllTheSame() throws {
        let loaded = load(
            Self.instance("interface eth0\nvirtual_router_idd 5\nversion 3\nvirtual_ipaddres {\n10.0.0.1\n}\n"))
        #expect(try loaded.only().faults.count == 2)
        #expect(loaded.errorCount == 2)
        #expect(loaded.startFaults.map(\.name) == ["A"])
    }

    /// Names of the instances of which a finding says that a start leaves them in FAULT.
    private static func condemned(_ loaded: LoadedConfiguration) -> Set<String> {
        Set(
            loaded.diagnostics.filter { ($0.message + $0.atStart.text).contains(" in FAULT") }.map { finding in
                (finding.message + " " + finding.atStart.text).firstMatch(of: /instance `([^`]+)`[a-z ]* in FAULT/)
                    .map { String($0.1) } ?? finding.message
            })
    }

    /// One setting twice, rightly and wrongly.
    private static let contradictions = ["5\n%510", "510\n%5", "510\n%511"].flatMap { values in
        [("virtual_router_id", ""), ("advert_int", "virtual_router_id 5\n")].map { keyword, more in
            instance("interface eth0\n\(more)\(keyword) \(values.replacing("%", with: "\(keyword) "))\n" + address)
        }
    }

    /// What check says is what a start does.
    @Test(arguments: mistakes.map(\.0) + contradictions)
    func whoIsSaidToBeInFaultIs(_ text: String) {
        for interfaces in [["eth0"], ["eth9"]] {
            let loaded = load(text, Environment(interfaces: Set(interfaces)))
            #expect(Self.condemned(loaded).subtracting(loaded.startFaults.map(\.name)) == [], "\(loaded.findings)")
        }
    }

    @Test func whoIsSaidToBeInFaultIsAmongStrangers() throws {
        var count = 0
        for sample in try Corpus.samples() {
            for interfaces in [["eth0"], ["eth9"]] {
                let loaded = load(bytes: sample.bytes, Environment(interfaces: Set(interfaces)))
                let condemned = Self.condemned(loaded)
                count += condemned.count
                #expect(condemned.subtracting(loaded.startFaults.map(\.name)) == [], "\(sample.id)")
            }
        }
        #expect(count > 0)
    }

    /// Which of two lines is meant is unknown when one of them is wrong.
    @Test(arguments: ["virtual_router_id 5\nvirtual_router_id 510", "virtual_router_id 510\nvirtual_router_id 5"])
    func aWrongLineBesideARightOneIsAFault(_ lines: String) throws {
        let loaded = load(Self.instance("interface eth0\n\(lines)\n" + Self.address))
        #expect(try loaded.only().faults == ["virtual_router_id is missing or invalid"])
        #expect(loaded.errorCount == 1 && !loaded.leavesOut)
    }

    /// What should be authenticated doesn't run unauthenticated because of a misspelling: both would become MASTER.
    @Test(arguments: [
        "authentication {\nauth_typ PASS\nauth_pass a\n}",
        "authentication {\nauth_pass a\n}\nauth_type PASS", "authentication {\nnonsense PASS\nauth_pass a\n}",
        "authentication {\nauth_type PASS\nauth_pas a\n}", "authenticaton {\nauth_type PASS\nauth_pass a\n}",
        "authentication {\nauth_type\nauth_pass a\n}", "auth_type PASS", "auth_pass a",
    ])
    func misspeltAuthenticationIsAFault(_ lines: String) throws {
        let loaded = load(Self.instance("interface eth0\nvirtual_router_id 5\n\(lines)\n" + Self.address))
        #expect(try loaded.only().faults.count == 1)
        #expect(loaded.startFaults.map(\.name) == ["A"])
        #expect(loaded.errorCount == 1, "\(loaded.findings)")
        // Version 3 has none.
        let other = load(
            Self.instance("interface eth0\nversion 3\nvirtual_router_id 5\n\(lines)\n" + Self.address))
        #expect(try other.only().faults == [])
    }

    /// Nor does one of which a block that decides who may speak to it can't be read.
    @Test(
        arguments: [
            ("auth_hmc {\nkey 1 abcdefgh\nactive_key 1\n}", "its auth_hmac can't be read"),
            ("unicast_peers {\n10.0.0.2\n}", "unicast_peer is invalid"),
            ("unicast_peer {\n10.0.0.x\n}", "unicast_peer is invalid"),
            ("unicast_peer {\n10.0.0.2\n10.0.0.x\n}", "unicast_peer is invalid"),
            ("unicast_peer {\nfe80::1\n}", "this peer isn't of the instance's family"),
            ("unicast_peer {\n10.0.0.2\nfe80::1\n}", "this peer isn't of the instance's family"),
        ], ["", "version 3\n"])
    func unreadablePeersAreAFault(_ mistake: (lines: String, fault: String), _ version: String) throws {
        let loaded = load(
            Self.instance("interface eth0\nvirtual_router_id 5\n\(version)\(mistake.lines)\n" + Self.address))
        #expect(try loaded.only().faults == [mistake.fault])
        #expect(loaded.errorCount == 1, "\(loaded.findings)")
    }

    /// What was never meant to be authenticated runs, and so does what isn't closed.
    @Test(arguments: [
        "authentication {\nauth_pass a\n}", "nonsense", "track_scrpt {\ns\n}", "unicast_peer {\n}",
        "unicast_peer {\n10.0.0.2 min_ttl x\n}",
    ])
    func otherMistakesAreNoFault(_ lines: String) throws {
        let text = Self.instance("interface eth0\nvirtual_router_id 5\n\(lines)\n" + Self.address)
        #expect(try load(text).only().faults == [])
        #expect(try load(String(text.dropLast(2))).only().faults == [])
    }

    /// An empty block says nothing, and so nothing was tried.
    @Test func emptyBlocksAreNoAttempts() {
        let loaded = load(Self.instance("interface eth0\nvirtual_router_id 5\nversion 3\nvirtual_ipaddress {\n}\n"))
        #expect(loaded.diagnostics.map(\.message) == ["VRRP version 3 needs at least one virtual address"])
        let server = "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
        #expect(load(server + "}\n").errorCount == 1)
        #expect(load(server + "real_server 10.0.0.2 80 {\nHTTP_GET {\n}\n}\n}\n").errorCount == 1)
    }
}
