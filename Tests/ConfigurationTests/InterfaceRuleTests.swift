import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Where advertisements come from and go to, and which interfaces can carry them.
@Suite struct InterfaceRuleTests {
    private var machine: Environment {
        var environment = Environment(interfaces: ["eth0", "dummy0", "ppp0", "lo"])
        environment.prefixes = [
            "eth0": ["10.0.0.2/24", "fe80::2/64"].compactMap { Prefix($0) },
            "lo": [Prefix("127.0.0.1/8")].compactMap { $0 },
            "ppp0": [Prefix("10.0.0.3/24")].compactMap { $0 },
        ]
        environment.links = [
            "eth0": LinkFacts(), "dummy0": LinkFacts(), "ppp0": LinkFacts(hasMulticast: false),
            "lo": LinkFacts(isLoopback: true, hasMulticast: false),
        ]
        return environment
    }

    private func findings(_ text: String) -> [String] { load(text, machine).findings }

    @Test(arguments: [
        (
            "unicast_src_ip 10.0.0.2",
            "5:1 warning `unicast_src_ip` without `unicast_peer`: advertisements go from there"
        ),
        (
            "check_unicast_src",
            "5:1 warning `check_unicast_src` has no effect without `unicast_peer`: advertisements go"
        ),
        ("unicast_ttl 3", "5:1 warning `unicast_ttl` has no effect without `unicast_peer`: advertisements go"),
        ("old_unicast_checksum", "5:1 warning `old_unicast_checksum` has no effect without `unicast_peer`: adv"),
        ("unicast_peer {\n}", "5:1 warning `unicast_peer` names no peer: advertisements go to the multicast group"),
        (
            "unicast_peer {\n10.0.0.9\n10.0.0.2\n}",
            "7:1 warning peer `10.0.0.2` is this machine's own address on `eth0`; the other node's belongs here"
        ),
        (
            "unicast_src_ip 10.0.0.5\nunicast_peer {\n10.0.0.5\n}",
            "7:1 warning peer `10.0.0.5` is this instance's own source address; the other node's belongs here"
        ),
    ])
    func unicast(_ lines: String, _ finding: String) {
        // One sample's source is on no interface, which is said, too.
        let found = findings(instance(lines)).filter { !$0.contains("source address 10.0.0.5 is on no") }
        #expect(found.count == 1 && found[0].hasPrefix(finding), "\(found)")
    }

    @Test func goodUnicastSaysNothing() {
        #expect(findings(instance("unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.9\n}")) == [])
        #expect(findings(instance("mcast_src_ip 10.0.0.2")) == [])
    }

    private func on(_ interface: String, _ lines: String = "", addresses: String = "10.0.0.1/24") -> String {
        instance(lines, addresses: addresses).replacing("eth0", with: interface)
    }

    @Test func loopback() throws {
        let loaded = load(on("lo"), machine)
        #expect(
            loaded.findings.first
                == "2:1 error VRRP can't run on the loopback interface `lo`")
        #expect(try loaded.only().faults.count == 1)
        // Nobody needs to look at the machine for this one.
        #expect(load(on("lo")).errorCount == 1)
    }

    @Test func interfacesThatCannotSend() {
        #expect(findings(on("eth0")) == [])
        #expect(findings(on("ppp0")).contains { $0.hasPrefix("2:1 error interface `ppp0` has no multicast") })
        #expect(findings(on("ppp0", "unicast_peer {\n10.0.0.9\n}")) == [])
        #expect(
            findings(on("dummy0")).contains { $0.hasPrefix("2:1 warning interface `dummy0` has no IPv4 address to") })
        #expect(findings(on("dummy0", "mcast_src_ip 10.0.0.2")) == [])
        #expect(findings(on("eth0", addresses: "fe80::9/64")) == [])
        #expect(
            findings(on("dummy0", addresses: "fe80::9/64")).contains {
                $0.hasPrefix("2:1 warning interface `dummy0` has no link-local IPv6 address to send from")
            })
        // What isn't known isn't judged.
        #expect(load(on("dummy0")).findings == [])
    }

    /// Multicast leaves with any source, as an address of another node's that was copied with its file.
    @Test(arguments: ["mcast_src_ip", "unicast_src_ip"])
    func multicastSourceOfAnotherMachine(_ keyword: String) throws {
        let loaded = load(instance("\(keyword) 10.0.0.77"), machine)
        let told =
            "5:1 warning source address 10.0.0.77 is on no interface of this machine: the adverts of instance `A` leave with "
            + "it all the same; if it is a peer's, each takes the other's adverts for its own, and both are MASTER"
        #expect(loaded.findings.count { $0 == told } == 1, "\(loaded.findings)")
        #expect(loaded.startFaults.isEmpty)
        #expect(load(instance("\(keyword) 10.0.0.77")).findings.allSatisfy { !$0.contains("on no interface") })
        // What was meant for unicast has an error of its own.
        let misspelt = findings(instance("\(keyword) 10.0.0.77\nunicast_per {\n10.0.0.9\n}"))
        #expect(misspelt.allSatisfy { !$0.contains("on no interface") }, "\(misspelt)")
    }

    /// Of what was so when the files were read, status speaks while it is so.
    @Test(arguments: [
        ("eth0", "unicast_src_ip 10.0.0.77\nunicast_peer {\n10.0.0.9\n}", true), ("dummy0", "", true),
        ("eth9", "", true), ("eth0", "virtual_ipaddress_excluded {\n10.0.0.4 dev eth9\n}", true),
        ("eth0", "mcast_src_ip 10.0.0.77", false), ("eth0", "unicast_ttl 3", false), ("eth0", "foo", false),
    ])
    func findingsOfTheMoment(_ interface: String, _ lines: String, _ isOfTheMoment: Bool) {
        let found = load(on(interface, lines), machine).diagnostics.filter { $0.severity != .note }
        #expect(!found.isEmpty && found.allSatisfy { $0.isOfTheMoment == isOfTheMoment }, "\(found)")
    }

    /// A slip in an interface's name is told wherever one stands, and what else is to be said follows a question.
    @Test(arguments: [
        (
            "virtual_ipaddress_excluded {\n10.0.0.4 dev eht0\n}",
            "6:14 error interface `eht0` doesn't exist; did you mean `eth0`? This address is set when it appears; "
                + "`dynamic_interfaces` in global_defs is for interfaces that come later"
        ),
        (
            "virtual_ipaddress_excluded {\n10.0.0.4 dev wireless\n}",
            "6:14 error interface `wireless` doesn't exist; this machine has `eth0`, `ppp0`, `dummy0`; this address is set "
                + "when it appears; `dynamic_interfaces` in global_defs is for interfaces that come later"
        ),
        (
            "track_interface {\neht0\n}",
            "6:1 error tracked interface `eht0` doesn't exist; did you mean `eth0`? `dynamic_interfaces` in global_defs is "
                + "for interfaces that come later"
        ),
    ])
    func misspeltInterface(_ lines: String, _ finding: String) {
        #expect(findings(instance(lines)) == [finding])
    }

    /// Without it both nodes would be MASTER (behaviours §7).
    @Test func unicastSourceOnThisMachine() {
        let elsewhere = instance("unicast_src_ip 10.0.0.77\nunicast_peer {\n10.0.0.9\n}")
        #expect(
            findings(elsewhere) == [
                "5:1 warning source address 10.0.0.77 is on no interface of this machine: instance `A` stays in FAULT until it is"
            ])
        #expect(load(elsewhere).findings == [])
        #expect(findings(instance("unicast_src_ip 10.0.0.3\nunicast_peer {\n10.0.0.9\n}")) == [])
    }

    @Test func manyPeersAreReadInProportion() throws {
        let peers = (0..<40_000).map { "10.1.\($0 / 256).\($0 % 256)" }
        let loaded = load(instance("unicast_peer {\n\((peers + ["10.1.0.7"]).joined(separator: "\n"))\n}"))
        #expect(try loaded.only().unicastPeers.count == 40_000)
        #expect(
            loaded.findings == [
                "40006:1 warning peer `10.1.0.7` is listed already; the first entry counts",
                "13:1 note the first time is here",
            ])
    }
}
