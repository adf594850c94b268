import Base
import ConfigurationModel
import VRRP

/// One seed of guarded nodes: two or three machines with random times and paths, one fault after the
/// other, and after each of them peace. Judged is what the kernels have, not what the nodes say.
struct GuardSimulation {
    var world: World
    private var random: SeededRandom
    private let fault: GuardFault?
    private let cluster: ClusterSettings
    private var times: GuardTimes { GuardTimes(cluster) }
    /// By virtual router: since when two machines that can be reached have an address.
    private var manySince: [Int64?]
    /// The longest time for which that may be; nil while it may be for good.
    private var manyMax: Int64? = 0
    private var checkedRevisions: [Int] = []
    private var owed: OwedReleases

    static func run(seed: UInt64, trace: Bool = false, fault: GuardFault? = nil) -> SimulationResult {
        var simulation = GuardSimulation(seed: seed, isTraced: trace, fault: fault)
        simulation.run()
        return SimulationResult(
            failures: simulation.world.invariants.failures, trace: simulation.world.trace.lines,
            simulated: Interval(nanoseconds: simulation.world.now), events: simulation.world.eventCount)
    }

    private init(seed: UInt64, isTraced: Bool, fault: GuardFault?) {
        random = SeededRandom(seed: seed &* 0xbf58_476d_1ce4_e5b9 &+ 103)
        self.fault = fault
        var scenario = Scenario(random: &random)
        while scenario.machineCount > 3 || scenario.routers.contains(where: { $0.interval > .seconds(1) }) {
            scenario = Scenario(random: &random)
        }
        let pathCount = Int.random(in: 1...3, using: &random)
        var cluster = Self.cluster(scenario, pathCount: pathCount, &random)
        for machine in scenario.models.indices {
            for place in scenario.models[machine].instances.indices {
                scenario.models[machine].instances[place].trackedInterfaces = []
            }
            scenario.models[machine].global.startupDelay = .zero
            cluster.ownNode = machine
            if fault != .off { scenario.models[machine].clusters = [cluster] }
        }
        self.cluster = cluster
        manySince = scenario.routers.map { _ in nil }
        owed = OwedReleases(machines: scenario.machineCount, routers: scenario.routers.count)
        world = World(
            scenario: scenario, random: random, trace: Trace(isOn: isTraced), injection: nil,
            tracked: TrackedObjects(seed: seed, isPlain: true),
            groups: GroupPlan(seed: seed, routerCount: scenario.routers.count, isPlain: true),
            operators: Operators(seed: seed, isPlain: true))
        world.heartbeats = (0..<pathCount).map { _ in LAN(machineCount: scenario.machineCount, random: &random) }
        world.guardFault = fault
        world.releaseFailures = seed % 4 == 0 ? 12 : nil
    }

    private static func cluster(
        _ scenario: Scenario, pathCount: Int, _ random: inout SeededRandom
    ) -> ClusterSettings {
        var cluster = ClusterSettings(name: "lab", location: SourceLocation(file: "seed", line: 0))
        cluster.interval = .milliseconds([50, 100, 100, 200].randomElement(using: &random) ?? 100)
        cluster.timeout = cluster.interval * Int64.random(in: 4...12, using: &random)
        cluster.coldStart = .claim(after: .milliseconds(Int64.random(in: 500...8_000, using: &random)))
        cluster.nodes = (0..<scenario.machineCount).map { machine in
            var node = ClusterMember(name: "m\(machine)")
            node.paths = (0..<pathCount).map { path in
                let address = Scenario.address(.ipv4, host: UInt64(path << 8 | machine + 1))
                return HeartbeatPath(name: "p\(path)", kind: .unicast(address, device: "eth1", port: 7_112))
            }
            return node
        }
        cluster.guarded = scenario.models[0].instances.map(\.name)
        if Bool.random(using: &random) {
            var release = ReleaseScript(arguments: ["/stop"])
            release.timeout = .milliseconds(Int64.random(in: 10...3_000, using: &random))
            cluster.release = release
        }
        return cluster
    }

    private mutating func run() {
        world.trace.note(
            0, nil,
            "interval \(cluster.interval), timeout \(cluster.timeout), cold start \(cluster.coldStart), "
                + "\(world.heartbeats.count) paths, \(world.scenario.routers.count) virtual routers")
        for machine in world.machines.indices {
            run(for: Int64.random(in: 0...1_000_000_000, using: &random))
            world.start(machine)
        }
        settle("start")
        for _ in 0..<6 where world.invariants.failures.isEmpty {
            guard let story = GuardStory.allCases.randomElement(using: &random) else { return }
            play(story)
            settle("\(story)")
            // What isn't released nobody serves until an operator comes.
            if owed.hasFailed { return run(for: settleBound) }
        }
    }

    // MARK: Stories

    private mutating func play(_ story: GuardStory) {
        let master = world.machines.first { $0.states.contains(.master) }?.number ?? 0
        let other = (master + Int.random(in: 1..<world.machines.count, using: &random)) % world.machines.count
        let length = Int64.random(in: 100_000_000...12_000_000_000, using: &random)
        world.trace.note(
            world.now, nil, "\(story), master m\(master), other m\(other), \(Interval(nanoseconds: length))")
        let before = world.invariants.transitions
        if !playCut(story, master, other, for: length) { playProcess(story, master, other, for: length) }
        guard story.movesNobody, fault != .off, !owed.hasFailed else { return }
        for router in world.scenario.routers.indices where world.invariants.transitions[router] != before[router] {
            world.invariants.fail(world.now, "VI_\(router) moves, which it mustn't: \(story)")
        }
    }

    /// Cuts something and mends it. - Returns: false for a story of machines and processes.
    private mutating func playCut(_ story: GuardStory, _ master: Int, _ other: Int, for length: Int64) -> Bool {
        switch story {
        case .masterIsolated: isolate(master)
        case .backupIsolated: isolate(other)
        case .networkCut: isolateAll()
        case .advertsDropped: dropAdverts(of: master)
        case .pathsCut: cutPaths(world.heartbeats.indices)
        case .oneLeft:
            isolateAll()
            let left = Int.random(in: world.heartbeats.indices, using: &random)
            cutPaths(0..<left)
            cutPaths(left + 1..<world.heartbeats.count)
        case .masterDeaf:
            deafen(master)
            dropAdverts(of: master)
        case .everythingCut:
            manyMax = nil
            isolateAll()
            cutPaths(world.heartbeats.indices)
        case .masterDead, .backupDead, .masterStopped, .deafMasterStopped, .masterPaused, .backupPaused, .workerKilled,
            .reloaded:
            return false
        }
        run(for: length)
        healPaths()
        if story == .oneLeft { run(for: settlePaths) }
        world.network.heal()
        return true
    }

    private mutating func playProcess(_ story: GuardStory, _ master: Int, _ other: Int, for length: Int64) {
        switch story {
        case .masterDead:
            world.crash(master)
            run(for: takeoverBound + length)
            expectMasters("\(story)")
            world.start(master)
        case .backupDead:
            world.crash(other)
            run(for: length)
            world.start(other)
        case .masterStopped, .deafMasterStopped:
            if story == .deafMasterStopped {
                deafen(master)
                run(for: settlePaths)
                // Its kernel is busy: what the others do meanwhile they do beside its addresses.
                world.machines[master].kernelFreeAt = world.now + 50_000_000
            }
            world.stop(master)
            run(for: takeoverBound + length)
            expectMasters("\(story)")
            healPaths()
            world.start(master)
        case .masterPaused, .backupPaused:
            let machine = story == .masterPaused ? master : other
            world.pause(machine, stopsClock: true)
            run(for: length)
            manyMax = thawBound
            world.resume(machine)
        case .workerKilled:
            world.kill(master, gap: min(length / 400, cluster.interval.nanoseconds))
            run(for: length)
        case .reloaded:
            world.giveConfiguration(other)
            world.giveConfiguration(master)
            run(for: length)
        case .masterIsolated, .backupIsolated, .networkCut, .advertsDropped, .pathsCut, .oneLeft, .masterDeaf,
            .everythingCut:
            break
        }
    }

    private mutating func dropAdverts(of machine: Int) {
        for other in world.machines.indices where other != machine {
            world.network.setCut(true, from: machine, to: other)
        }
    }

    private mutating func isolateAll() {
        for machine in world.machines.indices { isolate(machine) }
    }

    /// A machine hears no heartbeats, and is heard.
    private mutating func deafen(_ machine: Int) {
        for other in world.machines.indices where other != machine {
            world.setPaths(true, world.heartbeats.indices, from: other, to: machine)
        }
    }

    private mutating func isolate(_ machine: Int) {
        for other in world.machines.indices where other != machine {
            world.network.setCut(true, from: machine, to: other)
            world.network.setCut(true, from: other, to: machine)
        }
    }

    private mutating func cutPaths(_ paths: Range<Int>) {
        for from in world.machines.indices {
            for to in world.machines.indices where from != to { world.setPaths(true, paths, from: from, to: to) }
        }
    }

    private mutating func healPaths() {
        for path in world.heartbeats.indices { world.heartbeats[path].heal() }
    }

    // MARK: Bounds

    /// By clocks that are up to one percent wrong, and with ways there and back.
    private func drifted(_ interval: Interval) -> Int64 {
        interval.nanoseconds * 102 / 100 + (LAN.quietDelayMax * 4 + .milliseconds(2)).nanoseconds
    }

    private var downInterval: Interval {
        let instances = world.scenario.models.flatMap(\.instances)
        return instances.map { $0.advertInterval * Int64($0.downTimerAdverts) + max($0.advertInterval, .seconds(1)) }
            .max()
            ?? .zero
    }

    private var settlePaths: Int64 { drifted(cluster.timeout + cluster.interval) }

    /// A dead master is replaced by then.
    private var takeoverBound: Int64 {
        let confirmation = world.scenario.models.flatMap(\.instances).map { times.masterDownConfirmation(of: $0) }.max()
        return drifted(
            max(downInterval + (confirmation ?? .zero), times.silence()) + times.releaseTime + cluster.interval)
    }

    /// The time in which a machine that comes back from a pause lets go: its frame, the other's answer, the kernel's work.
    private var thawBound: Int64 { drifted(cluster.interval * 2 + GuardTimes.kernelTime) }

    private var preemptDelay: Interval { world.scenario.models.flatMap(\.instances).map(\.preemptDelay).max() ?? .zero }

    private var settleBound: Int64 {
        var wait = Interval.zero
        if case .claim(let after) = cluster.coldStart { wait = after }
        let moves = downInterval * 3 + cluster.timeout * 2 + times.releaseTime * 2
        return takeoverBound + drifted(wait + preemptDelay + moves)
    }

    // MARK: Promises

    private mutating func run(for length: Int64) {
        let end = world.now + length
        while world.now < end, world.invariants.failures.isEmpty {
            world.run(until: min(end, world.now + 2_000_000))
            checkHolders()
            checkReleases()
        }
    }

    private mutating func checkReleases() {
        guard fault != .off, cluster.release != nil else { return }
        for violation in owed.look(at: world) where manyMax == 0 { world.invariants.fail(world.now, violation) }
    }

    /// The machines that can be reached and have an address of a virtual router.
    private func holders(of router: Int) -> [Int] {
        let addresses = Set(
            world.scenario.models[0].instances.filter { Machine.router(of: $0) == router }.flatMap(\.allAddresses)
                .map(\.prefix.address))
        return world.machines.filter { machine in
            !machine.isPaused && machine.kernel.all.contains { addresses.contains($0.key.address) && $0.owner == .ours }
        }.map(\.number)
    }

    private mutating func checkHolders() {
        // Only a kernel that has done something, or a pause, changes who holds them.
        let revisions = world.machines.map { $0.isPaused ? -1 : $0.kernel.revision }
        guard revisions != checkedRevisions || manySince.contains(where: { $0 != nil }) else { return }
        checkedRevisions = revisions
        for router in world.scenario.routers.indices {
            let holders = holders(of: router)
            guard holders.count > 1 else {
                manySince[router] = nil
                continue
            }
            let since = manySince[router] ?? world.now
            manySince[router] = since
            guard let manyMax, world.now - since > manyMax else { continue }
            world.invariants.fail(
                world.now,
                "machines \(holders) hold the addresses of VI_\(router) for \(Interval(nanoseconds: world.now - since))"
            )
        }
    }

    /// Each virtual router is served by one machine.
    private mutating func expectMasters(_ what: String) {
        guard !owed.hasFailed else { return }
        for router in world.scenario.routers.indices {
            let masters = world.machines.filter { $0.node != nil && $0.states[router] == .master }
            if masters.isEmpty { world.invariants.fail(world.now, "VI_\(router) has no master: \(what)") }
        }
    }

    /// True if one machine is MASTER, and it alone has the addresses.
    private func isServed(_ router: Int) -> Bool {
        let masters = world.machines.filter { $0.states[router] == .master }.map(\.number)
        return masters.count == 1 && holders(of: router) == masters
    }

    private mutating func settle(_ what: String) {
        guard world.invariants.failures.isEmpty else { return }
        // Two masters that a fault has made know of each other when the paths are back.
        if manyMax == nil {
            manyMax = settlePaths + drifted(cluster.interval * 2 + GuardTimes.kernelTime)
            manySince = manySince.map { $0.map { _ in world.now } }
        }
        let end = world.now + settleBound
        var settledSince: Int64?
        while world.now < end, world.invariants.failures.isEmpty {
            run(for: min(50_000_000, end - world.now))
            if owed.hasFailed { break }
            let isSettled = world.scenario.routers.indices.allSatisfy(isServed)
            settledSince = isSettled ? settledSince ?? world.now : nil
            if let settledSince, world.now - settledSince > settlePaths + drifted(downInterval + preemptDelay) { break }
        }
        manyMax = 0
        checkHolders()
        guard world.invariants.failures.isEmpty, !owed.hasFailed else { return }
        for router in world.scenario.routers.indices {
            let masters = world.machines.filter { $0.states[router] == .master }.map(\.number)
            if !isServed(router) {
                world.invariants.fail(
                    world.now,
                    "VI_\(router) has \(masters.isEmpty ? "no master" : "masters \(masters)") after \(what), held by \(holders(of: router))"
                )
            }
        }
    }
}

/// A fault of the guard's table.
enum GuardStory: CaseIterable {
    case masterDead
    case backupDead
    case masterStopped
    /// Its service link is cut, and its carrier stays.
    case masterIsolated
    case backupIsolated
    /// Between all nodes.
    case networkCut
    /// From the master to the others.
    case advertsDropped
    case pathsCut
    /// The network and all paths but one.
    case oneLeft
    case masterPaused
    case backupPaused
    case workerKilled
    case reloaded
    /// It hears no heartbeats, and its adverts aren't heard.
    case masterDeaf
    /// It hears no heartbeats, and is stopped.
    case deafMasterStopped
    /// The network and all paths: two masters, as long as it lasts.
    case everythingCut

    /// True if it mustn't move any address.
    var movesNobody: Bool {
        switch self {
        case .masterIsolated, .backupIsolated, .networkCut, .advertsDropped, .pathsCut, .oneLeft, .workerKilled,
            .reloaded, .masterDeaf:
            true
        case .masterDead, .deafMasterStopped, .backupDead, .masterStopped, .masterPaused, .backupPaused, .everythingCut:
            false
        }
    }
}
