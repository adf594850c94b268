import Base
import ConfigurationModel
import Testing
import VRRP

/// What a start takes away though nobody of ours has put it there, and what is said of it (docs/decisions, D14).
@Suite struct StaleAddressRemovalTests {
    private func stale(
        _ kernel: [KernelAddress], adopts: Bool, _ change: (inout InstanceSettings) -> Void = { _ in }
    ) -> StaleAddresses {
        var model = ConfigurationModel()
        model.global.adoptsLeftovers = adopts
        model.instances = [
            Bench.settings {
                $0.virtualAddresses = (1...12).map { virtual("10.0.4.\($0)/24") }
                change(&$0)
            }
        ]
        return StaleAddresses(
            model, previous: [], kernel: kernel, interfaces: [2: "eth0", 3: "eth1"],
            StaleAddresses.Evidence(records: nil, claimed: [], mayAdopt: true))
    }

    private func named(_ text: String) -> NamedAddress {
        NamedAddress(virtual(text).prefix, interface: "eth0")
    }

    @Test func eachMarkIsAnObservation() {
        let kernel = [
            Bench.kernelAddress("10.0.4.2/32", by: AddressProtocol.keepalived), Bench.kernelAddress("10.0.4.1/24"),
            Bench.kernelAddress("10.0.4.3/24", by: 77), Bench.kernelAddress("10.0.4.4/24", flags: .limited),
            Bench.kernelAddress("10.0.4.5/24", on: 3),
        ]
        let keepalived = Observation.staleAddressesRemoved(
            [named("10.0.4.2/32")], count: 1, addedBy: AddressProtocol.keepalived)
        #expect(stale(kernel, adopts: false).removals(except: []) == [keepalived])
        let both = stale(kernel, adopts: true)
        #expect(
            both.removals(except: []) == [
                .staleAddressesRemoved([named("10.0.4.1/24")], count: 1, addedBy: 0), keepalived,
            ])
        // What the kernel hasn't let go isn't said to be gone.
        #expect(both.removals(except: both.leaving.filter { $0.key.length == 24 }) == [keepalived])
        #expect(stale(kernel, adopts: true) { $0.priority = .owner }.removals(except: []) == [])
    }

    @Test func manyAreCounted() {
        let kernel = (1...12).map { Bench.kernelAddress("10.0.4.\($0)/24") }
        let removals = stale(kernel, adopts: true).removals(except: [])
        #expect(
            removals == [
                .staleAddressesRemoved((1...10).map { named("10.0.4.\($0)/24") }, count: 12, addedBy: 0)
            ])
    }
}
