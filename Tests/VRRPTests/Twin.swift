import Base
import ConfigurationModel

@testable import VRRP

/// Something that happens to the bench; the same for both twins.
enum Step {
    case wait(Interval)
    case advert(UInt8, IPAddress, UInt8)
    /// One for the other member of the group.
    case otherAdvert(UInt8)
    case link(String, Bool)
    /// The unicast source goes, or is there.
    case source(Bool)
    case removed
    case reload(UInt8)
    case stranger
    case tracker(TrackerState)
    case resetCounters

    static func random(_ random: inout SeededRandom) -> Step {
        switch Int.random(in: 0..<28, using: &random) {
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
        case 21, 22, 23: return .tracker(.random(&random))
        case 24, 25, 26: return .otherAdvert([0, 50, 100, 254].randomElement(using: &random) ?? 0)
        case 27: return .resetCounters
        case 18: return .reload([60, 100, 170].randomElement(using: &random) ?? 100)
        default: return .stranger
        }
    }
}

extension TrackerState {
    /// One of the results that a `Twin` tracks.
    static func random(_ random: inout SeededRandom) -> TrackerState {
        let isUp = Bool.random(using: &random)
        return switch Int.random(in: 0..<3, using: &random) {
        case 0: TrackerState(TrackerKey(.script, "web"), isUp ? .up : .down)
        case 1: TrackerState(TrackerKey(.process, "db"), isUp ? .up : .down)
        default: TrackerState(TrackerKey(.file, "load"), .number(isUp ? 0 : 3))
        }
    }
}

/// A bench with its records: two of the same seed live the same life, and one of them dies.
struct Twin {
    var bench: Bench
    var links: [String: InterfaceState] = [:]
    var keeper = Keeper()
    var hasSource = true
    /// hasupd's table.
    var results: [TrackerKey: TrackerResult] = [:]
    /// The operator's order.
    var order: OperatorOrder?

    /// What of the virtual addresses the kernel has.
    var kernel: Set<IPAddress> {
        Set(bench.model.instances.indices.flatMap { bench.status($0).installedAddresses })
    }

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
            if seed % 4 > 0 {
                $0.trackers = [
                    Tracker(kind: .script, name: "web", weight: seed % 4 == 1 ? 0 : 40, reverse: seed % 3 == 2),
                    Tracker(kind: .process, name: "db", weight: seed % 8 == 3 ? 0 : -30),
                    Tracker(kind: .file, name: "load", weight: -7),
                ]
            }
            if seed % 7 < 2 { $0.preemptDelay = .seconds(4) }
            if seed % 7 == 3 { $0.nopreempt = true }
            if seed % 3 == 1 {
                $0.sourceAddress = Bench.own
                $0.unicastPeers = [UnicastPeer(address: Bench.lower), UnicastPeer(address: Bench.higher)]
            }
        }
        if seed % 2 == 1 { bench.reload { $0 = Self.grouped($0, seed) } }
        links = ["eth0": bench.eth0, "eth1": Bench.interface("eth1", 3)]
    }

    /// The same with a second instance, and the two of them in a sync group.
    private static func grouped(_ model: ConfigurationModel, _ seed: UInt64) -> ConfigurationModel {
        var model = model
        var second = model.instances[0]
        second.name = "VI_2"
        second.virtualRouterID = VRID(rawValue: 21)
        second.virtualAddresses = [virtual("10.0.4.3/24")]
        if seed % 3 == 0 { second.advertInterval = .seconds(2) }
        second.trackers = []
        model.instances.append(second)
        var group = SyncGroup(name: "G")
        group.members = [0, 1]
        group.keepsMemberWeights = seed % 5 == 0
        model.shared.syncGroups = [group]
        return model
    }

    mutating func take(_ step: Step) {
        switch step {
        case .wait(let interval): bench.advance(interval)
        case .advert(let priority, let source, let hopLimit):
            bench.receive(priority, from: source, hopLimit: hopLimit)
        case .otherAdvert(let priority):
            if bench.model.instances.count > 1 { bench.receive(priority, for: 1) }
        case .link(let name, let isUsable):
            guard var link = links[name] else { return }
            link.isUsable = isUsable
            links[name] = link
            bench.handle(.interface(link))
        case .source(let isThere):
            hasSource = isThere
            bench.tell([Bench.ownAddresses[0]], isPresent: isThere)
        case .removed:
            if kernel.contains(address("10.0.4.1")) { bench.remove(["10.0.4.1/24"]) }
        case .tracker(let state):
            results[state.key] = state.result
            bench.handle(.trackers([state]))
        case .reload(let priority):
            tellResults()
            bench.reload { $0.instances[0].priority = Priority(rawValue: priority) }
        case .resetCounters: bench.handle(.resetCounters(0))
        case .stranger: bench.give([0x31, 77, 100, 0, 0, 1, 0, 0], from: Bench.lower, to: address("224.0.0.18"))
        }
        keeper.keep(&bench.node)
    }

    /// Dies, and is another process from now on.
    mutating func die(after gap: Interval = .zero, forgets: Set<IPAddress> = []) {
        let heard = bench.now
        bench.now = bench.now + gap
        let there = kernel.subtracting(forgets)
        var snapshot = keeper.snapshot(heardUntil: heard, lastNotification: bench.node.context.lastNotification)
        snapshot.ledger = keeper.ledger.values.sorted { $0.key.address < $1.key.address }
        bench.node = Node()
        tellSurroundings()
        bench.tell(
            there.sorted().map { Bench.kernelAddress("\($0)/24", by: AddressProtocol.ours) })
        bench.handle(.resume(bench.model, snapshot))
    }

    private mutating func tellResults() {
        bench.handle(.trackerTable(results.map { TrackerState($0, $1) }))
        bench.handle(.orderTable(order.map { [$0] } ?? []))
    }

    /// The results of trackers, the interfaces and the node's own addresses.
    mutating func tellSurroundings() {
        tellResults()
        for link in links.values.sorted(by: { $0.index < $1.index }) { bench.handle(.interface(link)) }
        bench.tell(hasSource ? Bench.ownAddresses : Array(Bench.ownAddresses[1...]))
    }

    /// Whether something was removed that isn't told yet: a log line that a death may cost.
    var isGathering: Bool { bench.node.routers.contains { !$0.unreportedRemovals.isEmpty } }

    /// A MASTER that has announced its addresses.
    static func master() -> Twin {
        var twin = Twin(2)
        twin.take(.wait(.seconds(12)))
        _ = twin.bench.take()
        return twin
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
            // For status alone, and not worth room in the page.
            router.lastDiscard = nil
            router.differentAddresses = nil
            router.rivals = RivalMasters()
            // Its timer, which is armed again, gives it anew.
            router.claimReason = nil
            // A successor renews at once.
            router.lease = AddressLease()
            dump(router, to: &text)
        }
        for id in bench.node.routers.indices {
            for kind in TimerKind.allCases where kind != .masterDown && kind != .renewLease {
                dump(bench.node.context.deadline(of: kind, of: id), to: &text)
            }
            dump(bench.node.context.announcer.pending(id), to: &text)
        }
        dump(bench.node.context.groups, to: &text)
        dump(bench.node.context.startsAt, to: &text)
        dump(bench.node.context.lastNotification, to: &text)
        dump(bench.node.discardedWithoutInstance, to: &text)
        return text
    }
}

/// The records, as the page keeps them.
struct Keeper {
    var records: [Int: InstanceRecord] = [:]
    var ledger: [Int: AddressRecord] = [:]
    private var writer = ByteWriter()

    mutating func keep(_ node: inout Node) {
        var kept = records
        node.saveChanges(with: &writer) {
            kept[$0] = InstanceRecord($1)
        } mark: {
            kept[$0]?.nextAdvert = $1
        }
        records = kept
        var entries = ledger
        node.saveLedger { entries[$0] = $1 }
        ledger = entries
    }

    func snapshot(heardUntil: Instant, lastNotification: UInt64) -> NodeSnapshot {
        NodeSnapshot(
            instances: records.keys.sorted().filter { $0 > 0 }.compactMap { records[$0] }, node: records[0]?.bytes,
            heardUntil: heardUntil, lastNotification: lastNotification)
    }
}
