import Base
import ConfigurationModel
import VRRP

/// The lock of a guarded cluster in the stories: with one there are never two holders, whatever is cut.
extension GuardSimulation {
    /// Half of the clusters have one.
    static func addLock(to cluster: inout ClusterSettings, isNeeded: Bool, _ random: inout SeededRandom) {
        let isThere = Bool.random(using: &random)
        var lock = LockSettings(engine: .witness(IPAddress(v4: 9), port: 7_113))
        lock.mode = Bool.random(using: &random) ? .smart : .always
        lock.ttl = .milliseconds(Int64.random(in: 1_000...6_000, using: &random))
        lock.unreachable = LockSettings.Unreachable.allCases.randomElement(using: &random) ?? .auto
        if isNeeded { lock.ttl = .milliseconds(Int64.random(in: 4_000...6_000, using: &random)) }
        if isThere || isNeeded { cluster.lock = lock }
    }

    /// The faults that may come: of a deliberate one that shows in one of them, that one.
    var stories: [GuardStory] {
        if fault == .deadlineFromAnswer { return [.lockCutFromMaster] }
        return GuardStory.allCases.filter { cluster.lock != nil || !$0.isOfLocks }
    }

    /// The nodes' words on who holds the locks.
    var lockHolders: String {
        world.machines.map { machine in
            let locks = machine.node?.clusterLocks(at: machine.clock.reading(at: world.now)) ?? []
            return "m\(machine.number): " + locks.map { $0.holder ?? "-" }.joined(separator: " ")
        }.joined(separator: ", ")
    }

    var lockText: String {
        guard let lock = cluster.lock else { return "no lock" }
        return "lock \(lock.mode) of \(lock.ttl), unreachable \(lock.unreachable)"
    }

    /// The time that a takeover waits for the lock of who is dead: its lease runs from when it is seen, which begins before
    /// the claim.
    var lockBound: Int64 {
        guard let lock = cluster.lock else { return 0 }
        return drifted(lock.ttl * 101 / 100 + lock.ttl / 4 + lock.requestTimeout)
    }

    /// Plays a story about the lock. - Returns: false for another one.
    mutating func playLock(_ story: GuardStory, _ master: Int, _ other: Int, for length: Int64) -> Bool {
        switch story {
        case .lockDead: world.lockEngine?.isDead = true
        case .lockCut: world.lockEngine?.isCut[Bool.random(using: &random) ? master : other] = true
        case .lockLossy: world.lockEngine?.lossPermille = 300
        case .lockCutFromMaster:
            cutAll()
            run(for: Int64.random(in: 0...3_000_000_000, using: &random))
            // Who stays without a lock is the second one, as long as it lasts.
            if cluster.lock?.mode == .smart, !cluster.releasesWithoutLock { manyMax = nil }
            world.lockEngine?.isCut[master] = true
            run(for: takeoverBound + length)
            expectMasters("\(story)")
            healLock()
            world.network.heal()
            healPaths()
            return true
        case .lockDeadThenMaster:
            world.lockEngine?.isDead = true
            run(for: length / 4)
            world.crash(master)
            run(for: takeoverBound + length)
            healLock()
            // The next look, and what follows from it.
            run(for: takeoverBound)
            expectMasters("\(story)")
            world.start(master)
            return true
        case .pausedWhileCut:
            cutAll()
            run(for: Int64.random(in: 0...3_000_000_000, using: &random))
            world.pause(master, stopsClock: true)
            run(for: length)
            // A clock that has stood still hides the end of a lease: the next renewal shows it.
            let renewal = (cluster.lock?.ttl ?? .zero) / 4
            manyMax = drifted(max(times.patience, renewal) + GuardTimes.kernelTime + .milliseconds(50))
            world.resume(master)
            run(for: length)
            healPaths()
            world.network.heal()
            return true
        default: return false
        }
        run(for: length)
        healLock()
        return true
    }

    private mutating func cutAll() {
        isolateAll()
        cutPaths(world.heartbeats.indices)
    }

    private mutating func healLock() {
        world.lockEngine?.isDead = false
        world.lockEngine?.lossPermille = 0
        for machine in world.machines.indices { world.lockEngine?.isCut[machine] = false }
    }
}
