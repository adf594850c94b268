import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// An advertisement that doesn't fit the link can't be sent, and both nodes would be MASTER: the surplus is left out.
@Suite struct AdvertisedAddressTests {
    private static func settings(_ count: Int) -> (inout InstanceSettings) -> Void {
        {
            $0.family = .ipv6
            $0.version = .v3
            $0.multicastGroup = address("ff02::12")
            $0.virtualAddresses = (1...count).map {
                VirtualAddress(prefix: Prefix(host: IPAddress(v6High: 0xfd00_0000_0000_0000, low: UInt64($0))))
            }
        }
    }

    private func counts(_ actions: [Action]) -> [UInt8] {
        actions.compactMap { if case .advertise(_, let said) = $0 { said.addressCount } else { nil } }
    }

    /// p02: 1,500 bytes are an IPv6 header, a VRRP header and 90 addresses (RFC 9568 §5.2). All are installed.
    @Test(arguments: [(90, 90), (91, 90), (300, 90)]) func fits(count: Int, advertised: UInt8) {
        var bench = Bench(Self.settings(count))
        bench.advance(.seconds(5))
        let actions = bench.take()
        #expect(Set(counts(actions)) == [advertised])
        #expect(actions.installed.map(\.count) == [count])
        #expect(bench.status().unadvertisedAddresses == count - Int(advertised))
    }

    /// advert-over-mtu: the MTU is followed, from the next advertisement on.
    @Test func followsTheLink() {
        var bench = Bench(Self.settings(200))
        bench.advance(.seconds(5))
        for (mtu, advertised) in [(9_000 as UInt32, 200 as UInt8), (1_280, 77), (65_535, 200)] {
            bench.eth0.mtu = mtu
            bench.handle(.interface(bench.eth0))
            _ = bench.take()
            bench.advance(.seconds(1))
            #expect(counts(bench.take()) == [advertised])
        }
        #expect(bench.state == .master)
    }

    /// Each change of what is left out is told, and a reload that changes nothing of it tells nothing.
    @Test func whatIsLeftOutIsTold() {
        var bench = Bench(Self.settings(80))
        bench.advance(.seconds(5))
        #expect(bench.take().unadvertised.isEmpty)
        for (mtu, left) in [(1_280 as UInt32, [3]), (1_290, []), (1_500, [0]), (9_000, [])] {
            bench.eth0.mtu = mtu
            bench.handle(.interface(bench.eth0))
            #expect(bench.take().unadvertised == left, "\(mtu)")
        }
        bench.eth0.mtu = 1_280
        bench.handle(.interface(bench.eth0))
        _ = bench.take()
        bench.reload { $0.instances[0].priority = .standard }
        bench.reload { $0.instances[0].nopreempt = true }
        #expect(bench.take().unadvertised.isEmpty)
        bench.reload { $0.instances[0].virtualAddresses.removeLast() }
        #expect(bench.take().unadvertised == [2])
    }

    /// A peer on the same link leaves out the same ones: that is no other list.
    @Test func thePeersListIsTheSame() {
        var bench = Bench(Self.settings(91))
        bench.receive(200, from: address("fe80::9")) { $0.addresses.removeLast() }
        #expect(bench.status().master == address("fe80::9"))
        #expect(bench.status().remarks(.addressListMismatch) == 0)
        bench.receive(200, from: address("fe80::9")) { $0.addresses.removeLast(2) }
        #expect(bench.status().remarks(.addressListMismatch) == 1)
    }
}
