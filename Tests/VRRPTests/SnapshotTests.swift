import Base
import Configuration
import Testing
import Wire

@testable import VRRP

/// A worker dies and its successor goes on: the same future, whenever it happens.
@Suite struct SnapshotTests {
    /// Something that happens to the bench; the same for both twins.
    enum Step {
        case wait(Interval)
        case advert(UInt8, IPAddress, UInt8)
        case link(String, Bool)
        /// The unicast source goes, or is there.
        case source(Bool)
        case removed
        case reload(UInt8)
        case stranger

        static func random(_ random: inout SeededRandom) -> Step {
            switch Int.random(in: 0..<21, using: &random) {
            case 0..<8: return .wait(.milliseconds(Int64.random(in: 1...2_500, using: &random)))
            case 8..<13:
                let priorities: [UInt8] = [0, 50, 100, 150, 254]
                return .advert(
                    priorities.randomElement(using: &random) ?? 0,
                    Bool.random(using: &random) ? Bench.lower : Bench.higher,
                    Int.random(in: 0..<6, using: &random) == 0 ? 7 : 255)
            case 13: return .link("eth0", Bool.random(using: &random))
            case 14, 15: return .link("eth1", Bool.random(using: &random))
            case 16, 17: return .removed
            case 20: return .source(Bool.random(using: &random))
            case 18: return .reload([60, 100, 170].randomElement(using: &random) ?? 100)
            default: return .stranger
            }
        }
    }

    struct Twin {
        var bench: Bench
        var links: [String: InterfaceState] = [:]
        var keeper = Keeper()

        init(_ seed: UInt64) {
            var random = SeededRandom(seed: seed)
            let isThree = Bool.random(using: &random)
            var global = GlobalSettings()
            if seed % 3 == 0 { global.startupDelay = .seconds(2) }
            if seed % 4 == 0 { global.garpInterval = .milliseconds(70) }
            bench = Bench(global: global) {
                if isThree { $0.version = .v3 }
                $0.virtualAddresses = [virtual("10.0.4.1/24"), virtual("10.0.4.2/24")]
                $0.announcements.refresh = seed % 5 == 0 ? .seconds(3) : .zero
                $0.announcements.lowerPriorityDelay = .seconds(2)
                $0.trackedInterfaces = [TrackedInterface(name: "eth1", weight: seed % 2 == 0 ? -60 : 0)]
                if seed % 7 < 2 { $0.preemptDelay = .seconds(4) }
                if seed % 7 == 3 { $0.nopreempt = true }
                if seed % 3 == 1 {
                    $0.sourceAddress = Bench.own
                    $0.unicastPeers = [UnicastPeer(address: Bench.lower), UnicastPeer(address: Bench.higher)]
                }
            }
            links = ["eth0": bench.eth0, "eth1": Bench.interface("eth1", 3)]
        }

        mutating func take(_ step: Step) {
            switch step {
            case .wait(let interval): bench.advance(interval)
            case .advert(let priority, let source, let hopLimit):
                bench.receive(priority, from: source, hopLimit: hopLimit)
            case .link(let name, let isUsable):
                guard var link = links[name] else { return }
                link.isUsable = isUsable
                links[name] = link
                bench.handle(.interface(link))
            case .source(let isThere):
                links["eth0"]?.addresses = isThere ? [Bench.own] : []
                if let link = links["eth0"] { bench.handle(.interface(link)) }
            case .removed: bench.handle(.addressRemoved(instance: 0, address("10.0.4.1")))
            case .reload(let priority): bench.reload { $0.instances[0].priority = Priority(rawValue: priority) }
            case .stranger: bench.give([0x31, 77, 100, 0, 0, 1, 0, 0], from: Bench.lower, to: address("224.0.0.18"))
            }
            keeper.keep(&bench.node)
        }

        /// Dies, and is another process from now on.
        mutating func die(after gap: Interval = .zero, forgets: Set<IPAddress> = []) {
            let heard = bench.now
            bench.now = bench.now + gap
            let status = bench.status()
            var snapshot = keeper.snapshot(heardUntil: heard, lastNotification: bench.node.context.lastNotification)
            for address in status.installedAddresses where !forgets.contains(address) {
                snapshot.addresses["eth0", default: [:]][address] = true
            }
            bench.node = Node()
            for link in links.values.sorted(by: { $0.index < $1.index }) { bench.handle(.interface(link)) }
            bench.handle(.resume(bench.model, snapshot))
        }

        /// Whether a lane without frames has sent one just now.
        var isPausing: Bool {
            guard let lanes = Mirror(reflecting: bench.node.context.announcer).descendant("lanes") else { return false }
            return Mirror(reflecting: lanes).children.contains { lane in
                let lane = Mirror(reflecting: lane.value)
                let isEmpty = lane.descendant("queue").map { Mirror(reflecting: $0).children.isEmpty } ?? true
                return isEmpty && (lane.descendant("notBefore") as? Instant).map { $0 > bench.now } ?? false
            }
        }

        /// Everything that a router is made of, in words.
        var fields: String {
            var text = ""
            for var router in bench.node.routers {
                // In the order in which the kernel answered; a successor reads them in the configuration's.
                router.installed.sort()
                // For status alone, and not worth room in the page.
                router.lastDiscard = nil
                router.differentAddressesOf = nil
                dump(router, to: &text)
            }
            for id in bench.node.routers.indices {
                for kind in TimerKind.allCases where kind != .masterDown {
                    dump(bench.node.context.deadline(of: kind, of: id), to: &text)
                }
                dump(bench.node.context.announcer.pending(id), to: &text)
            }
            dump(bench.node.context.startsAt, to: &text)
            dump(bench.node.context.lastNotification, to: &text)
            dump(bench.node.discardedWithoutInstance, to: &text)
            return text
        }
    }

    /// The records, as the page keeps them.
    struct Keeper {
        var records: [Int: InstanceRecord] = [:]
        private var writer = ByteWriter()

        mutating func keep(_ node: inout Node) {
            var kept = records
            node.saveChanges(with: &writer) {
                kept[$0] = InstanceRecord($1)
            } mark: {
                kept[$0]?.nextAdvert = $1
            }
            records = kept
        }

        func snapshot(heardUntil: Instant, lastNotification: UInt64) -> NodeSnapshot {
            NodeSnapshot(
                instances: records.keys.sorted().filter { $0 > 0 }.compactMap { records[$0] }, node: records[0]?.bytes,
                heardUntil: heardUntil, lastNotification: lastNotification)
        }
    }

    /// Actions without the numbers of tickets, which are each process's own.
    private static func words(_ actions: [Action]) -> [String] {
        actions.map {
            switch $0 {
            case .install(let id, let addresses, _): "install \(id) \(addresses.map(\.prefix))"
            case .withdraw(let id, let addresses, _): "withdraw \(id) \(addresses.map(\.prefix))"
            case .withdrawLeftover(let addresses, _): "leftover \(addresses.map(\.prefix))"
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
            if alive.isPausing { continue }
            var reborn = alive
            reborn.die()
            let atOnce = Self.words(reborn.bench.take())
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
                let (left, right) = (Self.words(other.bench.take()), Self.words(reborn.bench.take()))
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
                "isConfigured", "routers", "context", "routes", "nextWithSameKey", "isStopped", "changed", "resumption",
                "discardedWithoutInstance", "nextDiscardTold",
            ])
        #expect(
            labels(NodeContext()) == [
                "timers", "announcer", "interfaces", "startsAt", "leftovers", "leftoversAt", "tickets", "lastTicket",
                "withdrawals", "withdrawalsKept", "lastNotification",
            ])
        #expect(
            labels(Announcer()) == ["garpInterval", "gnaInterval", "lanes", "numbers", "due", "lastOrder"])
    }

    private static func master() -> Twin {
        var twin = Twin(2)
        twin.take(.wait(.seconds(12)))
        _ = twin.bench.take()
        return twin
    }

    /// D36: an advertisement on time is a mark beside the record, and the successor counts it.
    @Test func advertsOnTimeAreMarked() throws {
        var twin = Self.master()
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
        var twin = Self.master()
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
        var twin = Self.master()
        twin.die(after: .milliseconds(3_600))
        let actions = twin.bench.take()
        #expect(actions.reasons == [.interrupted])
        #expect(actions.withdrawn == [[address("10.0.4.1"), address("10.0.4.2")]])
        #expect(actions.adverts.isEmpty)
        #expect(twin.bench.state == .backup)
        #expect(twin.bench.node.resumption.late == 1)
    }

    /// What is missing in the kernel is put back and announced; what is there isn't touched.
    @Test func missingAddressesComeBack() {
        var twin = Self.master()
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
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        twin.bench.node = node
        #expect(twin.bench.remaining > .seconds(1))
    }

    /// A notification that hasupd hasn't got is repeated with the transition that it is about, for the history; one that
    /// it has isn't.
    @Test func notificationsAreRepeatedUntilTheyAreHeard() throws {
        let twin = Self.master()
        let last = twin.bench.node.context.lastNotification
        var snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: last - 1)
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        #expect(actions.notified == [.master])
        let status = try #require(twin.bench.node.status(of: 0))
        let told = try #require(status.lastTransition)
        let observed = actions.compactMap { if case .observe(let seen) = $0 { seen } else { nil } }
        #expect(observed.contains(.earlier(told, at: status.since)), "with the time at which it happened")
        #expect(actions.transitions.isEmpty)
        snapshot.lastNotification = last
        node = Node()
        actions = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        #expect(actions.notified.isEmpty)
        #expect(actions.transitions.isEmpty)
    }

    /// A predecessor whose records can't be read at all, as if there were none.
    @Test func notificationsCountOnWithoutRecords() {
        var bench = Bench(empty: ())
        bench.handle(.interface(bench.eth0))
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
        var twin = Self.master()
        let heard = twin.bench.node.context.lastNotification
        var notified = try #require(twin.bench.node.routers[0].lastNotified)
        notified.sequence = 1 << 50
        twin.bench.node.routers[0].lastNotified = notified
        twin.bench.node.changed.add(0)
        twin.take(.wait(.seconds(1)))
        let snapshot = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: heard)
        var node = Node()
        var actions: [Action] = []
        node.handle(.interface(twin.bench.eth0), at: twin.bench.now, into: &actions)
        node.handle(.interface(Bench.interface("eth1", 3)), at: twin.bench.now, into: &actions)
        node.handle(.resume(twin.bench.model, snapshot), at: twin.bench.now, into: &actions)
        let numbers = actions.compactMap { if case .notify(let told) = $0 { told.sequence } else { nil } }
        #expect(numbers == [heard + 1], "repeated, because it wasn't heard, under a number that will be")
        #expect(node.routers[0].lastNotified?.sequence == heard + 1)
    }

    /// A record whose head says MASTER and whose rest is unreadable: the addresses were left in place, and go now.
    @Test func aMasterWithoutAReadableRecordLeavesNothing() {
        var twin = Self.master()
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
        var twin = Self.master()
        let deadline = twin.keeper.snapshot(heardUntil: twin.bench.now, lastNotification: 0)
        #expect(deadline.masterDeadlines(of: twin.bench.model, at: twin.bench.now).count == 1)
        let before = Instant(nanoseconds: twin.bench.now.nanoseconds - 1_500_000_000)
        #expect(deadline.masterDeadlines(of: twin.bench.model, at: before).isEmpty)
        twin.die(after: .milliseconds(-1_500))
        #expect(twin.bench.node.resumption.fresh == 1)
        #expect(twin.bench.state == .backup)
    }

    /// A stranger's bytes: cut short, bent, invented. Nothing traps, and what can't be read starts anew.
    @Test func hostileRecords() {
        let twin = Self.master()
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
