import Base
import Testing

@testable import VRRP

/// Records that a worker in strange hands, or a broken one, has left (docs/decisions, D36).
@Suite struct HostileRecordTests {
    /// A record whose head says MASTER and whose rest is unreadable: the addresses were left in place, and go now.
    @Test func aMasterWithoutAReadableRecordLeavesNothing() {
        var twin = Twin.master()
        twin.keeper.records[1] = twin.keeper.records[1].map { InstanceRecord(Array($0.bytes.prefix(12))) }
        let both = [address("10.0.4.1"), address("10.0.4.2")]
        #expect(
            twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: 0).masters(of: twin.bench.model) == [0])
        twin.die(after: .milliseconds(2))
        let actions = twin.bench.take()
        #expect(twin.bench.node.resumption.fresh == 1)
        #expect(twin.bench.state == .backup)
        #expect(actions.withdrawn == [both])
        #expect(actions.adverts.isEmpty)
    }

    /// A MASTER that will have advertised tomorrow would be one for ever: its record isn't believed.
    @Test func aRecordFromTheFutureIsNone() {
        var twin = Twin.master()
        let deadline = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: 0)
        #expect(deadline.masterDeadlines(of: twin.bench.model, at: twin.bench.now).count == 1)
        let before = Instant(nanoseconds: twin.bench.now.nanoseconds - 1_500_000_000)
        #expect(deadline.masterDeadlines(of: twin.bench.model, at: before).isEmpty)
        twin.die(after: .milliseconds(-1_500))
        #expect(twin.bench.node.resumption.fresh == 1)
        #expect(twin.bench.state == .backup)
    }

    /// An address that no kernel can have is none: interface numbers count from 1, and a network has no more bits than its
    /// addresses.
    @Test(arguments: [
        ("10.0.4.1", 2, 32, true), ("fd00::1", 2, 128, true), ("10.0.4.1", 0, 24, false), ("10.0.4.1", -2, 24, false),
        ("10.0.4.1", 2, 33, false), ("fd00::1", 2, 129, false),
    ])
    func addressesThatNoKernelHas(_ text: String, _ index: Int32, _ length: UInt8, _ isRead: Bool) {
        let key = AddressKey(interfaceIndex: index, address: address(text), length: length)
        let record = AddressRecord(key: key, fingerprint: 7, form: 8, slot: 3)
        let read = record.bytes.withUnsafeBytes { AddressRecord($0, slot: 3) }
        #expect(read == (isRead ? record : nil))
    }

    /// A stranger's bytes: cut short, bent, invented. Nothing traps, and what can't be read starts anew.
    @Test func hostileRecords() {
        let twin = Twin.master()
        guard let record = twin.keeper.records[1]?.bytes else { return }
        var random = SeededRandom(seed: 11)
        func play(_ bytes: [UInt8]) -> Resumption {
            var other = twin
            other.keeper.records[1]?.bytes = bytes
            other.die()
            other.bench.advance(.seconds(20))
            return other.bench.node.resumption
        }
        for length in 0..<record.count {
            let outcome = play(Array(record.prefix(length)))
            #expect(outcome.fresh == 1)
        }
        for place in record.indices {
            for _ in 0..<12 {
                var bent = record
                bent[place] = UInt8.random(in: 0...255, using: &random)
                _ = play(bent)
            }
        }
        for _ in 0..<300 {
            let head = Array(record.prefix(9))
            _ = play(
                head
                    + (0..<Int.random(in: 0..<160, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
                    })
        }
    }
}
