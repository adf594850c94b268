import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// What a worker finds at its start, and what of it is whose (docs/decisions, D14).
@Suite struct StaleAddressesTests {
    private static let interfaces: [Int32: String] = [2: "eth0", 3: "eth1"]

    /// VI_1 has 10.0.4.1 under VRID 20, VI_2 has 10.0.4.2 under VRID 21.
    private static func model(_ change: (inout ConfigurationModel) -> Void = { _ in }) -> ConfigurationModel {
        var model = ConfigurationModel()
        model.instances = [
            Bench.settings(),
            Bench.settings {
                $0.name = "VI_2"
                $0.virtualRouterID = VRID(rawValue: 21)
                $0.virtualAddresses = [virtual("10.0.4.2/24")]
            },
        ]
        change(&model)
        return model
    }

    private static func record(_ text: String, of owner: InstanceID, slot: Int32) -> AddressRecord {
        AddressRecord(
            key: Bench.kernelAddress(text).key, fingerprint: model().instances[owner].identity.fingerprint, form: 7,
            slot: slot)
    }

    private static func slots(_ records: [AddressRecord]) -> [Int32] { records.compactMap(\.slot) }

    /// A record is a stranger's bytes: nothing is removed by it that no configuration names for its instance, nor taken
    /// for ours.
    @Test(arguments: [[], [0, 1]] as [Set<InstanceID>])
    func aRecordThatNoConfigurationBearsOutMeansNothing(_ claimed: Set<InstanceID>) {
        var unknown = Self.record("10.0.4.1/24", of: 0, slot: 2)
        unknown.fingerprint ^= 1
        let records = [
            Self.record("10.0.0.5/24", of: 0, slot: 0), Self.record("10.0.4.2/24", of: 0, slot: 1), unknown,
        ]
        let kernel = ["10.0.0.5/24", "10.0.4.1/24", "10.0.4.2/24"].map {
            Bench.kernelAddress($0, by: AddressProtocol.ours)
        }
        let found = StaleAddresses(
            Self.model(), previous: [Self.model()], kernel: kernel, interfaces: Self.interfaces,
            StaleAddresses.Evidence(records: records, claimed: claimed))
        #expect(found.leaving.isEmpty && found.staying.isEmpty)
        #expect(Self.slots(found.unused) == [0, 1, 2])
    }

    /// What belongs to who goes on stays, there or not; what is of others, or only in a former file, goes if it is there.
    @Test func recordsAreSorted() {
        var former = Self.model()
        former.instances[0].virtualAddresses.append(virtual("10.0.4.8/24"))
        former.instances[0].excludedAddresses = [virtual("10.0.4.9/24")]
        let records = [
            Self.record("10.0.4.1/24", of: 0, slot: 0), Self.record("10.0.4.8/24", of: 0, slot: 1),
            Self.record("10.0.4.9/24", of: 0, slot: 2), Self.record("10.0.4.2/24", of: 1, slot: 3),
            Self.record("10.0.4.2/24", of: 1, slot: 4),
        ]
        let kernel = ["10.0.4.2/24", "10.0.4.9/24"].map { Bench.kernelAddress($0) }
        let found = StaleAddresses(
            Self.model(), previous: [former], kernel: kernel, interfaces: Self.interfaces,
            StaleAddresses.Evidence(records: records, claimed: [0]))
        #expect(Self.slots(found.staying) == [0])
        #expect(Self.slots(found.leaving) == [2, 3])
        #expect(Self.slots(found.unused) == [1, 4], "not in the kernel, and told twice")
    }

    /// Everything has died, and the kernel's mark is all there is: it stays with who goes on only where that puts it.
    @Test func aMarkedAddressStaysOnlyOnItsInterface() {
        func found(on index: Int32) -> StaleAddresses {
            StaleAddresses(
                Self.model(), previous: [],
                kernel: [
                    Bench.kernelAddress("10.0.4.1/24", on: index, by: AddressProtocol.ours),
                    Bench.kernelAddress("10.0.4.1/32", on: index),
                    Bench.kernelAddress("10.0.4.77/24", on: index, by: AddressProtocol.ours),
                ], interfaces: Self.interfaces, StaleAddresses.Evidence(records: nil, claimed: [0, 1]))
        }
        let key = { Bench.kernelAddress("10.0.4.1/24", on: $0).key }
        #expect(found(on: 2).staying.map(\.key) == [key(2)] && found(on: 2).leaving.isEmpty)
        #expect(found(on: 3).staying.isEmpty && found(on: 3).leaving.map(\.key) == [key(3)])
    }

    /// What a keepalived has left goes with its mark, and without any if the file says so; not what somebody renews, what
    /// is the machine's own, or what is on a link where the file doesn't put it.
    @Test(arguments: [AddressProtocol.keepalived, 0])
    func whatAKeepalivedHasLeftGoes(mark: UInt8) {
        func leaving(
            flags: KernelAddress.Flags = [], on index: Int32 = 2, mayAdopt: Bool = true,
            _ change: (inout ConfigurationModel) -> Void = { _ in }
        ) -> [AddressKey] {
            let model = Self.model {
                $0.global.adoptsLeftovers = mark == 0
                change(&$0)
            }
            return StaleAddresses(
                model, previous: [],
                kernel: [Bench.kernelAddress("10.0.4.1/24", on: index, by: mark, flags: flags)],
                interfaces: Self.interfaces, StaleAddresses.Evidence(records: [], claimed: [], mayAdopt: mayAdopt)
            ).leaving.map(\.key)
        }
        #expect(leaving() == [Bench.kernelAddress("10.0.4.1/24").key])
        #expect(leaving(mayAdopt: false).isEmpty)
        #expect(leaving(flags: .limited).isEmpty)
        #expect(leaving { $0.instances[0].priority = .owner }.isEmpty)
        #expect(leaving(on: 3).isEmpty)
        #expect(leaving { $0.global.adoptsLeftovers = false }.isEmpty == (mark == 0))
    }
}
