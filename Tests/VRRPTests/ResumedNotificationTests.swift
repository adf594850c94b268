import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// A worker's successor tells what nobody has heard, and counts on (docs/decisions, D12, D40).
@Suite struct ResumedNotificationTests {
    /// The node's own addresses and those that its predecessor has left, which no entry of a ledger claims.
    private static var addresses: Event {
        Event.addresses(
            (Bench.ownAddresses + [Bench.kernelAddress("10.0.4.1/24"), Bench.kernelAddress("10.0.4.2/24")])
                .map { AddressChange($0, isPresent: true) }, isAfterLoss: false)
    }

    /// A notification that hasupd hasn't got is repeated with the transition that it is about, for the history; one that
    /// it has isn't.
    @Test func notificationsAreRepeatedUntilTheyAreHeard() throws {
        let twin = Twin.master()
        let last = twin.bench.node.context.lastNotification
        var snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: last - 1)
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(Self.addresses, at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        #expect(actions.notified == [.master])
        let status = try #require(twin.bench.node.status(of: 0, at: twin.bench.now))
        let told = try #require(status.lastTransition)
        let observed = actions.compactMap { if case .observe(let seen) = $0 { seen } else { nil } }
        #expect(
            observed.contains(.earlier(told, at: twin.bench.now - status.timeInState)),
            "with the time at which it happened")
        #expect(actions.transitions.isEmpty)
        snapshot.lastNotification = last
        node = Node()
        actions = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(Self.addresses, at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        #expect(actions.notified.isEmpty)
        #expect(actions.transitions.isEmpty)
    }

    /// A predecessor whose records can't be read at all, as if there were none.
    @Test func notificationsCountOnWithoutRecords() {
        var bench = Bench(empty: ())
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        var model = ConfigurationModel()
        model.instances = [Bench.settings()]
        bench.handle(
            .resume(model, NodeSnapshot(instances: [], node: nil, heardUntil: bench.now, lastNotification: 7)))
        bench.advance(.seconds(5))
        let numbers = bench.take().compactMap { if case .notify(let told) = $0 { told.sequence } else { nil } }
        #expect(numbers == [8, 9])
        #expect(bench.state == .master)
    }

    /// A record that leaps to a number far away: hasupd would refuse it, and everything that follows it, as a leap.
    @Test func notificationsCountOnBehindTheLastOneThatWasHeard() throws {
        var twin = Twin.master()
        let heard = twin.bench.node.context.lastNotification
        var notified = try #require(twin.bench.node.routers[0].lastNotification)
        notified.sequence = 1 << 50
        twin.bench.node.routers[0].lastNotification = notified
        twin.bench.node.changed.add(0)
        twin.take(.wait(.seconds(1)))
        let snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: heard)
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(Self.addresses, at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        let numbers = actions.compactMap { if case .notify(let told) = $0 { told.sequence } else { nil } }
        #expect(numbers == [heard + 1], "repeated, because it wasn't heard, under a number that will be")
        #expect(node.routers[0].lastNotification?.sequence == heard + 1)
    }

    @Test("a trigger that there isn't is one that no worker may send")
    func unknownTrigger() throws {
        for raw: UInt8 in [0, 13, 255] {
            var writer = ByteWriter()
            writer.write(UInt8(0))
            writer.write(UInt32(2))
            writer.write(UInt64(3))
            writer.write(raw)
            writer.write(UInt8(100))
            let told = try writer.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return try Notification(from: &reader)
            }
            #expect(told == Notification(sequence: 3, subject: .instance(2), trigger: .any, priority: .standard))
        }
    }
}
