import Base
import ConfigurationModel
import Testing
import VRRP

/// The bound for which a MASTER stays after a fault, and what its replacement waits besides (docs/decisions, D107).
@Suite struct GuardTimesTests {
    private static func cluster(_ change: (inout ClusterSettings) -> Void = { _ in }) -> ClusterSettings {
        var cluster = ClusterSettings(name: "web", location: SourceLocation())
        cluster.nodes = ["lb1", "lb2"].map { name in
            var node = ClusterMember(name: name)
            node.paths = [HeartbeatPath(name: "line", kind: .serial("/dev/ttyS0", speed: 115_200))]
            return node
        }
        cluster.references = ReferenceSettings()
        change(&cluster)
        return cluster
    }

    private static func lock(
        _ mode: LockSettings.LockMode = .smart, _ unreachable: LockSettings.Unreachable = .auto
    ) -> LockSettings {
        var lock = LockSettings(engine: .witness(IPAddress(v4: 0x0a01_0009), port: 7_113))
        (lock.mode, lock.unreachable) = (mode, unreachable)
        return lock
    }

    /// What is configured, Z in milliseconds.
    private static let bounds: [(String, @Sendable (inout ClusterSettings) -> Void, Int64)] = [
        ("references and heartbeats", { _ in }, 3 * 200 + 200 + 100),
        ("heartbeats", { $0.references = nil }, 500 + 100),
        ("references", { $0.nodes = [] }, 800 + 100),
        ("neither", { ($0.nodes, $0.references) = ([], nil) }, 100),
        ("heartbeats that are slower", { $0.timeout = .seconds(4) }, 2_000 + 100),
        ("a script", { $0.release = ReleaseScript(arguments: ["/bin/true"]) }, 800 + 100 + 1_000),
        // A MASTER with references stays without the lock.
        ("a lock", { $0.lock = lock() }, 800 + 100),
        ("a lock alone", { ($0.lock, $0.references) = (lock(), nil) }, 500 + 500 + 100),
        ("always", { ($0.lock, $0.references) = (lock(.always), nil) }, 500 + 100),
        ("stay", { ($0.lock, $0.references) = (lock(.smart, .stay), nil) }, 500 + 100),
        ("release", { $0.lock = lock(.smart, .release) }, 500 + 500 + 100),
    ]

    @Test(arguments: bounds.indices)
    func stayBound(_ index: Int) {
        let (name, change, milliseconds) = Self.bounds[index]
        #expect(GuardTimes(Self.cluster(change)).stayBound == .milliseconds(milliseconds), "\(name)")
    }

    @Test func confirmationsByHand() {
        var instance = InstanceSettings(name: "VI_1", location: SourceLocation())
        let usual = GuardTimes(Self.cluster())
        // 3 s and the skew outlast 1 s and 0.9 s anyway.
        #expect(usual.masterDownConfirmation(of: instance) == .zero)
        // (0.9 + 0.1) · 1.0202 - 1 + 0.01
        #expect(usual.silenceConfirmation() == .microseconds(30_200))
        #expect(usual.silence() == .microseconds(1_030_200))
        // The other one stays for longer: (2.9 + 0.1) · 1.0202 - 1 + 0.01
        #expect(usual.silenceConfirmation(peerBound: .milliseconds(2_900)) == .microseconds(2_070_600))
        #expect(usual.silenceConfirmation(peerBound: .milliseconds(1)) == .microseconds(30_200))

        (instance.version, instance.advertInterval, instance.priority) = (
            .v3, .milliseconds(100), Priority(rawValue: 128)
        )
        let fast = GuardTimes(
            Self.cluster {
                ($0.interval, $0.timeout) = (.milliseconds(20), .milliseconds(200))
                $0.references?.interval = .milliseconds(50)
                $0.references?.timeout = .milliseconds(50)
            })
        #expect(fast.stayBound == .milliseconds(300))
        // (0.3 + 0.1) · 1.0202 - 0.3 - 0.05 + 0.01
        #expect(fast.masterDownConfirmation(of: instance) == .microseconds(68_080))
        instance.downTimerAdverts = 1
        #expect(fast.masterDownConfirmation(of: instance) == .microseconds(268_080))
        // A tracker may raise it to 254, whose skew is 2 / 256 of 0.1 s.
        instance.trackers = [Tracker(kind: .script, name: "t", weight: 2)]
        #expect(instance.leastSkew == Interval(nanoseconds: 781_250))
        instance.priority = .owner
        #expect(instance.leastSkew == Interval(nanoseconds: 390_625))
    }

    /// The MASTER's clock is slow and its replacement's is fast, by 1 % each, and the fault comes right before the next sign:
    /// it is gone before, and no more is waited than that takes.
    @Test func noTwoMasters() {
        var random = SeededRandom(seed: 107)
        func milliseconds(_ range: ClosedRange<Int64>) -> Interval { .milliseconds(.random(in: range, using: &random)) }
        for _ in 0..<2_000 {
            let peer = milliseconds(0...10_000)
            let cluster = Self.cluster {
                $0.interval = milliseconds(10...10_000)
                $0.timeout = $0.interval * .random(in: 3...20, using: &random)
                $0.references?.interval = milliseconds(10...2_000)
                $0.references?.timeout = milliseconds(10...2_000)
                $0.references?.losses = .random(in: 1...10, using: &random)
                if Bool.random(using: &random) {
                    $0.release = ReleaseScript(arguments: ["/bin/true"])
                    $0.release?.timeout = milliseconds(10...10_000)
                }
            }
            var instance = InstanceSettings(name: "VI_1", location: SourceLocation())
            instance.version = Bool.random(using: &random) ? .v2 : .v3
            instance.advertInterval = milliseconds(10...40_000)
            instance.downTimerAdverts = .random(in: 1...10, using: &random)
            instance.priority = Priority(rawValue: .random(in: 1...255, using: &random))
            let times = GuardTimes(cluster)
            let bound = max(times.stayBound, peer)
            let masterDown = instance.advertInterval * Int64(instance.downTimerAdverts) + instance.leastSkew
            let first = times.masterDownConfirmation(of: instance, peerBound: peer)
            let second = times.silenceConfirmation(peerBound: peer)
            for (sign, waited, confirmation) in [
                (instance.advertInterval, masterDown, first), (cluster.slowestInterval, cluster.timeout, second),
            ] {
                let gone = Double((sign + bound).nanoseconds) / 0.99
                let claimed = Double((waited + confirmation).nanoseconds) / 1.01
                #expect(claimed > gone, "\(cluster) \(instance.advertInterval) \(peer)")
                #expect(confirmation == .zero || claimed < gone + 11e6, "\(cluster) \(instance.advertInterval) \(peer)")
            }
        }
    }
}
