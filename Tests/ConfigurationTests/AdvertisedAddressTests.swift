import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// How many addresses one packet carries.
@Suite struct AdvertisedAddressTests {
    private func limit(_ family: AddressFamily, _ version: VRRPVersion, _ mtu: Int) -> Int {
        var settings = InstanceSettings(name: "A", location: SourceLocation(file: "t", line: 1))
        settings.family = family
        settings.version = version
        return settings.advertisedAddressLimit(mtu: mtu)
    }

    /// A count is one byte (RFC 9568 §5.2.5); each packet is within its MTU, and one more address would not be.
    @Test(arguments: [
        (AddressFamily.ipv6, VRRPVersion.v3, 1500, 90), (.ipv6, .v3, 1504, 91), (.ipv6, .v3, 1503, 90),
        (.ipv6, .v3, 9000, 255), (.ipv6, .v3, 65_535, 255), (.ipv6, .v3, 1280, 77), (.ipv6, .v2, 1500, 90),
        (.ipv4, .v3, 1500, 255), (.ipv4, .v3, 100, 18), (.ipv4, .v2, 100, 16), (.ipv4, .v2, 68, 8),
        (.ipv4, .v2, 36, 0), (.ipv4, .v3, 28, 0), (.ipv4, .v3, 0, 0), (.ipv6, .v3, 48, 0),
    ])
    func limits(_ family: AddressFamily, _ version: VRRPVersion, _ mtu: Int, _ expected: Int) {
        #expect(limit(family, version, mtu) == expected)
    }

    private func findings(_ count: Int, mtu: Int?) -> [String] { loaded(count, mtu: mtu).findings }

    private func loaded(_ count: Int, mtu: Int?) -> LoadedConfiguration {
        var environment = Environment(interfaces: ["eth0"])
        environment.links = ["eth0": LinkFacts(mtu: mtu)]
        let addresses = (1...count).map { "fe80::1:\(String($0, radix: 16))/64" }.joined(separator: "\n")
        return load(instance("", addresses: "\n\(addresses)\n"), environment)
    }

    @Test func theSurplusIsSaid() {
        #expect(findings(90, mtu: 1500) == [])
        #expect(findings(91, mtu: nil) == [])
        #expect(
            findings(91, mtu: 1500) == [
                "95:1 warning an advertisement on `eth0`, whose MTU is 1500, carries 90 of 91 addresses: from here on they are set "
                    + "and not advertised, and a keepalived before 2.3 discards a list that isn't its own"
            ])
        #expect(findings(91, mtu: 9000) == [])
        // Status tells it while it is so, whatever the MTU was when the file was read.
        #expect(loaded(91, mtu: 1500).diagnostics.allSatisfy { $0.isOfTheMoment })
    }
}
