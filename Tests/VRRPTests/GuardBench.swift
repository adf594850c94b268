import Base
import ConfigurationModel
import VRRP
import Wire

/// Node n0 of a cluster on a bench, and what the other nodes say to it.
struct GuardBench {
    /// The nonces of n0 and of the others.
    static let nonce: UInt64 = 7
    static let theirs: UInt64 = 77

    var bench = Bench(empty: ())
    /// All that n0 has done.
    private(set) var actions: [Action] = []
    /// The number of the last frame of each other node.
    private(set) var sequences: [UInt8: UInt64] = [:]

    /// n0 with one guarded instance: adverts every second, heartbeats every 100 ms, a timeout of 1 s.
    ///
    /// - Parameter others: cluster blocks that stand before it.
    init(
        nodes: Int = 2, priority: UInt8 = 100, others: [ClusterSettings] = [],
        _ change: (inout ClusterSettings) -> Void = { _ in }
    ) {
        var cluster = ClusterSettings(name: "web", location: SourceLocation(file: "test.conf", line: 1))
        cluster.nodes = (0..<nodes).map { place in
            var node = ClusterMember(name: "n\(place)")
            node.paths = [
                HeartbeatPath(
                    name: "line", kind: .unicast(IPAddress(v4: UInt32(place + 1)), device: "eth1", port: 7_112))
            ]
            return node
        }
        cluster.guarded = ["VI_1"]
        cluster.ownNode = 0
        change(&cluster)
        bench.handle(.bootNonce(Self.nonce))
        bench.handle(.trackerTable([]))
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        bench.model.instances = [Bench.settings { $0.priority = Priority(rawValue: priority) }]
        bench.model.clusters = others + [cluster]
        bench.handle(.configure(bench.model))
        actions += bench.take()
    }

    /// n0 is MASTER, because n1 has agreed.
    static func master(priority: UInt8 = 100) -> GuardBench {
        var guarded = GuardBench(priority: priority)
        guarded.hear(for: .seconds(4))
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        guarded.advance(.milliseconds(100))
        return guarded
    }

    var state: RouterState { bench.state }
    var frames: [Heartbeat] {
        actions.compactMap { if case .beat(_, let frame) = $0 { frame } else { nil } }
    }
    /// What n0 said last.
    var standing: GroupStanding? { frames.last?.standings.first }
    /// The number of n0's claim; 0 for none.
    var claim: UInt64 { standing.map { $0.flags.contains(.claims) ? $0.claim : 0 } ?? 0 }
    /// The reasons to wait that were told.
    var holds: [GuardHold.Kind] {
        actions.compactMap { if case .observe(.takeoverHeld(_, let hold)) = $0 { hold.kind } else { nil } }
    }

    mutating func advance(_ interval: Interval) {
        bench.advance(interval)
        actions += bench.take()
    }

    /// A frame of another node, which echoes n0's newest one.
    mutating func hear(
        _ state: RouterState = .backup, from sender: UInt8 = 1, nonce: UInt64 = Self.theirs, echoes: Bool = true,
        change: (inout Heartbeat) -> Void = { _ in }
    ) {
        sequences[sender, default: 0] += 1
        let newest = echoes ? frames.last?.sequence : nil
        var frame = Heartbeat(
            cluster: 0, sender: sender, path: 0, nonce: nonce, sequence: sequences[sender] ?? 0,
            stayBound: .milliseconds(600), settings: 0, references: .notConfigured,
            echoes: newest.map {
                [
                    HeartbeatEcho(
                        node: 0, hearsAdverts: false, isGoodbye: false, held: .zero, nonce: Self.nonce, sequence: $0)
                ]
            } ?? [],
            standings: [
                GroupStanding(
                    group: 0, state: state.rawValue, flags: state == .master ? [.ready, .addressIsThere] : .ready,
                    priority: 100, assentsTo: nil, epoch: 0, claim: 0)
            ])
        change(&frame)
        give(frame)
    }

    /// n0's process dies, and another one goes on.
    mutating func die() {
        var keeper = Keeper()
        keeper.keep(&bench.node)
        var snapshot = keeper.snapshot(heardUntil: bench.now, lastNotification: 0)
        snapshot.ledger = keeper.ledger.values.sorted { $0.key.address < $1.key.address }
        let isMaster = state == .master
        bench.node = Node()
        bench.handle(.bootNonce(Self.nonce + 1))
        bench.handle(.trackerTable([]))
        bench.handle(.interface(bench.eth0))
        bench.tell(Bench.ownAddresses)
        if isMaster { bench.tell([Bench.kernelAddress("10.0.4.1/24", by: AddressProtocol.ours)]) }
        bench.handle(.resume(bench.model, snapshot))
        actions += bench.take()
    }

    mutating func give(_ frame: Heartbeat) {
        bench.handle(.heartbeat(frame, cluster: bench.model.clusters.count - 1, path: 0))
        // A timer that this has brought forward.
        advance(.zero)
    }

    /// A frame every 100 ms for so long.
    mutating func hear(
        for time: Interval, _ state: RouterState = .backup, from senders: [UInt8] = [1], echoes: Bool = true,
        change: (inout Heartbeat) -> Void = { _ in }
    ) {
        let end = bench.now + time
        while bench.now < end {
            for sender in senders { hear(state, from: sender, echoes: echoes, change: change) }
            advance(.milliseconds(100))
        }
    }
}

extension Heartbeat {
    mutating func assent(to claim: UInt64) {
        standings[0].assentsTo = 0
        standings[0].claim = claim
    }
}
