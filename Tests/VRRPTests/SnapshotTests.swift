import Base
import ConfigurationModel
import Testing

@testable import VRRP

/// A worker dies and its successor goes on: the same future, whenever it happens.
@Suite struct SnapshotTests {
    /// Actions without the numbers of tickets, which are each process's own. Of several instances whose timers are to fire
    /// at one time, either may fire first.
    private static func words(_ actions: [Action], of twin: Twin) -> [String] {
        twin.bench.node.instanceCount == 1 ? inOrder(actions) : inOrder(actions).sorted()
    }

    private static func inOrder(_ actions: [Action]) -> [String] {
        actions.compactMap {
            switch $0 {
            // A successor begins anew with what it takes for a second master.
            case .observe(.rivalMaster): nil
            case .install(let places, _): "install \(places.map(\.key))"
            case .withdraw(let keys, let guarded, _): "withdraw \(keys) \(guarded)"
            default: "\($0)"
            }
        }
    }

    @Test(arguments: UInt64(1)...16)
    func theSameFuture(_ seed: UInt64) {
        var random = SeededRandom(seed: seed &* 7_919)
        var alive = Twin(seed)
        alive.keeper.keep(&alive.bench.node)
        let steps = (0..<30).map { _ in Step.random(&random) }
        for (place, step) in steps.enumerated() {
            alive.take(step)
            _ = alive.bench.take()
            // The gap after a lane's last frame isn't kept when nothing waits behind it.
            if alive.isPausing || alive.isGathering { continue }
            var reborn = alive
            reborn.die()
            let atOnce = Self.words(reborn.bench.take(), of: reborn)
            #expect(atOnce.isEmpty, "seed \(seed), step \(place) (\(step))")
            let (before, after) = (alive.fields, reborn.fields)
            if before != after {
                let lines = zip(before.split(separator: "\n"), after.split(separator: "\n")).filter { $0 != $1 }
                Issue.record("seed \(seed), step \(place) (\(step)): \(lines.prefix(6))")
                return
            }
            var other = alive
            for next in steps[(place + 1)...].prefix(6) + [Step.wait(.seconds(9))] {
                other.take(next)
                reborn.take(next)
                let (left, right) = (
                    Self.words(other.bench.take(), of: other), Self.words(reborn.bench.take(), of: reborn)
                )
                guard left == right else {
                    let differing = zip(left, right).first { $0 != $1 }
                    Issue.record(
                        "seed \(seed), step \(place), then \(next): \(left.count) \(right.count) \(differing as Any)")
                    return
                }
            }
        }
    }

    /// Whoever adds a field to what stands around the instances decides here whether a successor needs it.
    @Test func nothingIsForgotten() {
        func labels(_ value: Any) -> [String] { Mirror(reflecting: value).children.compactMap(\.label) }
        #expect(
            labels(Node()) == [
                "isConfigured", "routers", "context", "routes", "nextWithSameKey", "isStopping", "stopping",
                "preparing",
                "changed", "resumption", "discardedWithoutInstance", "discardReports", "unknownVRIDs",
            ])
        #expect(
            labels(NodeContext()) == [
                "timers", "announcer", "interfaces", "ledger", "dependents", "trackers", "groups", "memberChanges",
                "orders", "guards", "startsAt", "adoptsLeftovers", "staleAddressesAt", "tickets", "lastTicket",
                "renewals", "expectedRemovals",
                "withdrawals",
                "withdrawalsKept",
                "lastNotification",
            ])
        #expect(
            labels(Announcer()) == ["garpInterval", "gnaInterval", "lanes", "numbers", "due", "lastOrder"])
    }

    /// p36: links that come and go beside a thousand instances cost no record of theirs.
    @Test func linksOfNoConcernChangeNoRecord() {
        func saved(_ bench: inout Bench) -> [Int] {
            var writer = ByteWriter()
            var saved: [Int] = []
            bench.node.saveChanges(with: &writer) { number, _ in
                saved.append(number)
            } mark: { _, _ in
            }
            return saved
        }
        var bench = Bench.master()
        bench.reload { model in
            model.instances += (1...9 as ClosedRange<UInt8>).map { number in
                Bench.settings {
                    $0.virtualRouterID = VRID(rawValue: number)
                    $0.virtualAddresses = [virtual("10.0.5.\(number)/24")]
                    if number == 3 { $0.trackedInterfaces = [TrackedInterface(name: "veth7", weight: 10)] }
                }
            }
        }
        bench.advance(.seconds(5))
        #expect(saved(&bench).count > 10)
        for index in 50..<60 as Range<Int32> {
            var link = Bench.interface("c0", index)
            bench.handle(.interface(link))
            bench.tell([Bench.kernelAddress("10.200.0.1/24", on: index)])
            link.isUsable = false
            bench.handle(.interface(link))
            bench.handle(.interfaceRemoved(index))
        }
        #expect(saved(&bench).isEmpty)
        bench.handle(.interface(Bench.interface("veth7", 60)))
        #expect(saved(&bench) == [4])
    }

    /// D36: an advertisement on time is a mark beside the record, and the successor counts it.
    @Test func advertsOnTimeAreMarked() throws {
        var twin = Twin.master()
        let before = try #require(twin.keeper.records[1])
        let sent = twin.bench.status().counters.advertsSent
        twin.take(.wait(.seconds(3)))
        _ = twin.bench.take()
        let after = try #require(twin.keeper.records[1])
        #expect(after.bytes == before.bytes)
        #expect(after.nextAdvert == twin.bench.node.routers[0].advertDueAt)
        twin.die()
        #expect(twin.bench.status().counters.advertsSent == sent + 3)
        twin.bench.advance(.seconds(1))
        #expect(twin.bench.take().adverts == [100])
        // One that is late by an interval is more than a mark can say.
        twin.keeper.keep(&twin.bench.node)
        twin.bench.now = twin.bench.now + .seconds(2)
        twin.take(.wait(.zero))
        #expect(twin.keeper.records[1]?.nextAdvert == nil)
    }

    /// D12: late by less than the peers wait, the advert leaves at once; nothing else happens.
    @Test func aMasterGoesOn() {
        var twin = Twin.master()
        twin.die(after: .milliseconds(2_500))
        #expect(twin.bench.take().isEmpty)
        #expect(twin.bench.node.resumption.masters == 1)
        twin.bench.advance(.zero)
        let actions = twin.bench.take()
        #expect(actions.adverts.count == 1)
        #expect(actions.announced.isEmpty)
        #expect(actions.transitions.isEmpty)
    }

    /// Later than that, a peer may be master: the addresses go and it listens.
    @Test func aMasterThatComesTooLateListens() {
        var twin = Twin.master()
        twin.die(after: .milliseconds(3_600))
        let actions = twin.bench.take()
        #expect(actions.reasons == [.interrupted])
        #expect(actions.withdrawn == [[address("10.0.4.1"), address("10.0.4.2")]])
        #expect(actions.adverts.isEmpty)
        #expect(twin.bench.state == .backup)
        #expect(twin.bench.node.resumption.late == 1)
    }

    /// A stranger's address was told by the predecessor: it isn't told again because its process died.
    @Test func aStrangerIsToldOnce() {
        let stranger = Bench.kernelAddress("10.0.4.1/24")
        var twin = Twin(2)
        twin.bench.tell([stranger])
        twin.take(.wait(.milliseconds(10)))
        #expect(twin.bench.take().strangers.count == 1)
        let snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: 0)
        twin.bench.node = Node()
        twin.tellSurroundings()
        twin.bench.tell([stranger])
        twin.bench.handle(.resume(twin.bench.model, snapshot))
        #expect(twin.bench.node.resumption.others == 1 && twin.bench.status().strangers.count == 1)
        twin.bench.tell([Bench.kernelAddress("10.0.4.1/24", flags: .secondary)])
        #expect(twin.bench.take().strangers.isEmpty)
        twin.bench.tell([Bench.kernelAddress("10.0.4.2/24")])
        #expect(twin.bench.take().strangers.count == 1)
    }

    /// What is missing in the kernel is put back and announced; what is there isn't touched.
    @Test func missingAddressesComeBack() {
        var twin = Twin.master()
        twin.die(after: .milliseconds(3), forgets: [address("10.0.4.2")])
        let actions = twin.bench.take()
        #expect(actions.installed == [[address("10.0.4.2")]])
        #expect(Set(actions.announced) == [address("10.0.4.2")])
    }

    /// While nobody listened the master may have advertised: it gets one interval more.
    @Test func aBackupDoesNotTakeOverEarly() {
        var twin = Twin(2)
        twin.take(.advert(200, Bench.lower, 255))
        twin.take(.wait(.milliseconds(3_300)))
        _ = twin.bench.take()
        #expect(twin.bench.state == .backup)
        twin.die(after: .milliseconds(500))
        #expect(twin.bench.remaining > .seconds(1))
        twin.bench.advance(.milliseconds(900))
        #expect(twin.bench.take().adverts.isEmpty)
    }

    /// That somebody listens until tomorrow is no reason to take over early.
    @Test func aBackupThatWasHeardUntilTomorrowWaits() {
        var twin = Twin(2)
        twin.take(.advert(200, Bench.lower, 255))
        twin.take(.wait(.milliseconds(3_300)))
        _ = twin.bench.take()
        #expect(twin.bench.state == .backup)
        let snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now + .seconds(86_400), lastNotification: 0)
        twin.bench.node = Node()
        twin.tellSurroundings()
        twin.bench.handle(.resume(twin.bench.model, snapshot))
        #expect(twin.bench.remaining > .seconds(1))
    }
}
