import Base
import ConfigurationModel
import Testing
import VRRP
import Varlink

/// An instance's status as it crosses to hasupd: there is one way to write a value, and no other is read.
@Suite struct StatusEncodingTests {
    private static func status() -> InstanceStatus {
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        status.timeInState = .milliseconds(7)
        status.counters.discarded[1] = 5
        status.counters.discarded[3] = 9
        status.differentAddressesOf = Bench.lower
        status.told = 2
        status.contributions = [Contribution(.file, "load", -20), Contribution(.interface, "eth1", 7)]
        status.awaitedScripts = ["web"]
        status.awaitedHook = .beforeMaster
        status.hookTimeLeft = .milliseconds(3)
        status.isResigning = true
        status.addressLease = .seconds(3)
        status.leaseAge = .milliseconds(700)
        status.endlessAddresses = 2
        status.syncGroup = "G"
        status.heldBy = ["VI_2"]
        for sign in [.lowerPriority(.standard), .discarded(.version, detail: 3)] as [RivalMaster.Sign] {
            status.rivals.append(RivalReport(Bench.higher, sign, since: .milliseconds(8), age: .milliseconds(9)))
        }
        return status
    }

    private static func encode(_ status: InstanceStatus) -> [UInt8] {
        var writer = ByteWriter()
        status.encode(into: &writer)
        return writer.bytes
    }

    private static func decode(_ bytes: [UInt8]) throws -> InstanceStatus {
        try bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(buffer)
            return try InstanceStatus(decoding: &reader)
        }
    }

    @Test func roundTrip() throws {
        let status = Self.status()
        let again = try Self.decode(Self.encode(status))
        #expect(again.counters.discarded.numbers == [1, 3] && again.counters.discarded[3] == 9)
        #expect(Self.encode(again) == Self.encode(status))
        #expect(again == status)
        // No instance has more of them than are told apart.
        var many = status
        many.rivals = Array(repeating: status.rivals[0], count: 9)
        #expect(try Self.decode(Self.encode(many)).rivals.count == 4)
    }

    private static func transition(_ reason: TransitionReason) -> Transition {
        Transition(
            instance: 3, from: .master, to: .fault, reason: reason, peer: nil, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: nil)
    }

    private static let name = NamedAddress(virtual("10.0.4.1/24").prefix, interface: "eth0")

    @Test(
        arguments: [
            .rivalMaster(3, source: Bench.lower, .discarded(.checksum, detail: 77)), .foreignAddressGone(3, name),
            .addressesStay(3, [name, name], count: 2), .staleAddressesRemoved([name], count: 40, addedBy: 18),
            .addressesUnadvertised(3, count: 7), .order(7, .handedOver(Bench.lower)), .order(7, .handedOver(nil)),
            .order(8, .nobodyTookOver), .order(9, .refused), .order(1, .becameMaster), .order(1, .masterSilent),
            .order(1, .lostMastership), .order(1, .late), .order(1, .holds),
            .priorityChanged(3, from: .standard, to: Priority(rawValue: 7)),
            .transition(transition(.fault(.trackerDown(TrackerKey(.script, "web"))))),
            .transition(transition(.fault(.trackerUp(TrackerKey(.process, "db"))))),
            .transition(transition(.fault(.fileNumber("load", -7)))),
            .transition(transition(.fault(.memberFault("VI_2", group: "G")))),
            .transition(transition(.syncGroup(member: "VI_2", group: "G"))),
            .foreignAddressFound(
                3,
                ForeignAddress(
                    name.prefix, interface: "eth0", isSilent: false, addedBy: 0, hasLifetime: true, atStart: .goes)),
        ] as [Observation]) func whatIsToldOf(_ told: Observation) throws
    {
        var writer = ByteWriter()
        told.encode(into: &writer)
        try writer.bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(buffer)
            #expect(try Observation(from: &reader) == told)
            try reader.finish()
        }
    }

    @Test(
        arguments: [
            (numbers: [3, 1], values: [9, 5]), (numbers: [1, 1], values: [5, 9]), (numbers: [1, 3], values: [5, 0]),
            (numbers: [1, 255], values: [5, 9]),
        ] as [(numbers: [UInt8], values: [UInt64])])
    func otherSpellingsOfTallies(numbers: [UInt8], values: [UInt64]) throws {
        func piece(_ numbers: [UInt8], _ values: [UInt64]) -> [UInt8] {
            var writer = ByteWriter()
            writer.write(UInt8(numbers.count))
            for (number, value) in zip(numbers, values) {
                writer.write(number)
                writer.write(value)
            }
            return writer.bytes
        }
        var bytes = Self.encode(Self.status())
        let right = piece([1, 3], [5, 9])
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: right) })
        bytes.replaceSubrange(place..<place + right.count, with: piece(numbers, values))
        #expect(throws: ByteError.invalid) { try Self.decode(bytes) }
    }
}
