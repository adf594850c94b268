import Base
import Configuration
import ConfigurationModel
import Control
import Kernel
import Reactor
import Testing
import VRRP

@testable import Supervisor

@Suite("What operators read of addresses that another program has put there")
struct AddressTextTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)
    private let settings: InstanceSettings

    init() throws {
        var settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1))
        settings.interface = "eth0"
        settings.virtualAddresses = [VirtualAddress(prefix: try Self.prefix("10.0.4.1/24"))]
        settings.excludedAddresses = [VirtualAddress(prefix: try Self.prefix("fd00::1/64"))]
        self.settings = settings
    }

    private static func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

    private func named(_ text: String) throws -> NamedAddress {
        NamedAddress(try Self.prefix(text), interface: "eth0")
    }

    private func stranger(
        _ text: String, by mark: UInt8 = 0, hasLifetime: Bool = false, _ atStart: ForeignAddress.AtStart = .stays
    ) throws -> ForeignAddress {
        ForeignAddress(
            try Self.prefix(text), interface: "eth0", isSilent: false, addedBy: mark, hasLifetime: hasLifetime,
            atStart: atStart)
    }

    /// What status says of strangers.
    private func texts(
        _ state: RouterState, _ strangers: [ForeignAddress], foreign: [String] = [], _ settings: InstanceSettings
    ) -> [String] {
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        status.state = state
        status.strangers = strangers
        status.foreignAddresses = foreign.compactMap { IPAddress($0) }
        return InstanceReport(settings, status, now: now, wallNanoseconds: 0).strangers.map(\.text)
    }

    @Test("a MASTER is told what follows and what to do: its own address comes back only where it serves by that one")
    func master() throws {
        let end = "isn't ours: it stays there when a peer takes over, and then two machines have it."
        let both = [try stranger("10.0.4.1/24"), try stranger("10.0.4.1/32")]
        #expect(
            texts(.master, both, foreign: ["10.0.4.1"], settings) == [
                "10.0.4.1/24 was on eth0 before and \(end) Remove it now (ip address del 10.0.4.1/24 dev eth0), and hasup "
                    + "puts it back as its own",
                "10.0.4.1/32 is on eth0, too, and \(end) Remove it (ip address del 10.0.4.1/32 dev eth0)",
            ])
        #expect(
            texts(.master, [try stranger("10.0.4.1/24", hasLifetime: true)], settings) == [
                "10.0.4.1/24 is on eth0, too, and \(end) Remove it (ip address del 10.0.4.1/24 dev eth0). It has a lifetime, "
                    + "so another program renews it, perhaps a DHCP client"
            ])
        // The kernel has an IPv6 address once, whatever its length is.
        #expect(
            texts(.master, [try stranger("fd00::1/128")], foreign: ["fd00::1"], settings).map { $0.prefix(37) }
                == ["fd00::1/128 was on eth0 before and is"])
        var untracked = settings
        untracked.virtualAddresses[0].isUntracked = true
        #expect(
            texts(.master, [try stranger("10.0.4.1/24")], foreign: ["10.0.4.1"], untracked) == [
                "10.0.4.1/24 was on eth0 before and \(end) Stop hasupd, remove it (ip address del 10.0.4.1/24 dev eth0) and "
                    + "start hasupd"
            ])
    }

    @Test("who isn't MASTER is told what a start does, by what the file says")
    func backup() throws {
        let start =
            "10.0.4.1/24 is on eth0 although this node isn't MASTER, and hasup hasn't put it there: two machines may have "
            + "it. Remove it (ip address del 10.0.4.1/24 dev eth0)"
        let when = "when it is stopped and started (a restart under systemd goes on where it was, and doesn't)"
        #expect(
            texts(
                .backup,
                [
                    try stranger("10.0.4.1/24"), try stranger("10.0.4.1/24", .staysUnlessAdopted),
                    try stranger("10.0.4.1/24", .goes),
                ], settings) == [
                    start, "\(start), or set `@hasup adopt_leftovers` in global_defs: hasupd removes it \(when)",
                    "\(start); hasupd removes it, too, \(when)",
                ])
    }

    @Test("what a start has removed, what stays behind a MASTER, and what has gone")
    func observations() throws {
        let one = try named("10.0.4.1/24")
        let many = try (1...10).map { try named("10.0.4.\($0)/24") }
        let list = many.map { "\($0.prefix) from eth0" }.joined(separator: ", ")
        func line(_ observation: Observation) -> String { observation.line(settings) }
        #expect(
            line(.staleAddressesRemoved([one], count: 1, addedBy: 0))
                == "removed 10.0.4.1/24 from eth0: no program's mark is on it, and adopt_leftovers is set")
        #expect(
            line(.staleAddressesRemoved(many, count: 4_000, addedBy: AddressProtocol.keepalived))
                == "removed \(list) and 3990 more: a keepalived had left them there (its mark)")
        #expect(
            line(.addressesStay(0, [one], count: 1))
                == "VI_1: 10.0.4.1/24 on eth0 stays: it was there before and isn't ours. If a peer is MASTER now, two machines "
                + "have it: ip address del 10.0.4.1/24 dev eth0")
        #expect(
            line(.addressesStay(0, many, count: 11)).hasSuffix(
                "10.0.4.10/24 on eth0 and 1 more stay: they were there before and aren't ours. If a peer is MASTER now, two "
                    + "machines have them: ip address del 10.0.4.1/24 dev eth0, and so on"))
        #expect(line(.foreignAddressGone(0, one)) == "VI_1: 10.0.4.1/24 isn't on eth0 any more")
        #expect(
            line(.addressesUnadvertised(0, count: 1))
                == "VI_1: 1 of 1 addresses isn't advertised: the MTU of eth0 has no room for more, and a keepalived before 2.3 "
                + "discards a list that isn't its own")
        #expect(line(.addressesUnadvertised(0, count: 0)) == "VI_1: all its addresses are advertised again")
        for observation in [
            .staleAddressesRemoved([one], count: 1, addedBy: 0), .addressesStay(0, [one], count: 1),
            .foreignAddressGone(0, one),
            .addressesUnadvertised(0, count: 1),
        ] as [Observation] { #expect(observation.isHistory) }
    }

    @Test("the kernel's EACCES for an IPv6 address says what is off, in status, in a fault and in the log")
    func disabled() throws {
        let (denied, v6) = (Int32(13), try #require(IPAddress("fd00::1")))
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        status.state = .master
        status.unusableAddresses = [
            UnusableAddress(v6, code: denied), UnusableAddress(try Self.prefix("10.0.4.1/24").address, code: denied),
        ]
        let report = InstanceReport(settings, status, now: now, wallNanoseconds: 0)
        let off = "IPv6 is off on eth0 (net.ipv6.conf.eth0.disable_ipv6)"
        #expect(report.excludedAddresses.map(\.obstacle) == [off])
        #expect(report.addresses.map(\.obstacle) == ["the kernel says: Permission denied"])
        #expect(Fault.addressesUnusable(v6, code: denied).text(settings).hasSuffix("fd00::1 because \(off)"))
        let address = InterfaceAddress(interfaceIndex: 2, interfaceName: "eth0.7", address: v6, prefixLength: 64)
        #expect(
            address.error(adding: denied).description
                == "can't add fd00::1/64 to eth0.7, because IPv6 is off on eth0.7 (net.ipv6.conf.eth0/7.disable_ipv6): "
                + "Permission denied")
    }
}
