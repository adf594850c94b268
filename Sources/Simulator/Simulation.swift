import Base
import ConfigurationModel
import VRRP

/// The result of a seed.
struct SimulationResult {
    var failures: [String]
    var trace: [String]
    var simulated: Interval
    var events: Int
}

/// One seed: a random cluster, a time of faults, then peace and what must be true in it.
struct Simulation {
    var world: World
    private let injection: FaultInjection?
    /// True if processes die among the faults.
    private let killsProcesses: Bool
    /// True if they die over reloads, too.
    private let killsOverReloads: Bool
    /// True if in the end nobody gets the addresses of a virtual router.
    private let refusesAll: Bool
    /// The end of the faults.
    private(set) var peaceSince: Int64 = 0

    /// - Parameter isPlain: nobody tracks scripts, processes and files, and there are no sync groups.
    static func run(
        seed: UInt64, trace: Bool = false, injection: FaultInjection? = nil, isPlain: Bool = false
    ) -> SimulationResult {
        var simulation = Simulation(seed: seed, trace: trace, injection: injection, isPlain: isPlain)
        return simulation.run()
    }

    private init(seed: UInt64, trace: Bool, injection: FaultInjection?, isPlain: Bool) {
        var random = SeededRandom(seed: seed)
        var scenario = Scenario(random: &random)
        if injection == .changesVRIDs {
            for place in scenario.models[0].instances.indices {
                let other = UInt8(200 + place)
                scenario.models[0].instances[place].virtualRouterID = VRID(rawValue: other)
            }
        }
        if random.next() % 3 == 0 { scenario.shareNetwork() }
        var tracked = TrackedObjects(seed: seed, isPlain: isPlain)
        for machine in scenario.models.indices {
            for place in scenario.models[machine].instances.indices {
                tracked.addTrackers(to: &scenario.models[machine].instances[place])
            }
        }
        var operators = Operators(seed: seed, isPlain: isPlain)
        var groups = GroupPlan(seed: seed, routerCount: scenario.routers.count, isPlain: isPlain)
        groups.hooks = groups.groups.map { _ in operators.hooks() }
        var leases = LeasePlan(seed: seed, isPlain: isPlain)
        for machine in scenario.models.indices {
            for place in scenario.models[machine].instances.indices {
                leases.addLease(to: &scenario.models[machine].instances[place])
                operators.addHooks(to: &scenario.models[machine].instances[place])
            }
            groups.group(&scenario.models[machine], isDisturbed: false, &tracked)
        }
        self.injection = injection
        killsProcesses = random.next() % 4 == 0
        killsOverReloads = random.next() % 4 == 0
        refusesAll = random.next() % 16 == 0
        world = World(
            scenario: scenario, random: random, trace: Trace(isOn: trace), injection: injection,
            tracked: tracked, groups: groups, operators: operators)
    }

    var routers: Range<Int> { world.scenario.routers.indices }

    private mutating func run() -> SimulationResult {
        describe()
        for machine in world.machines.indices {
            world.run(until: world.now + Int64.random(in: 0...1_000_000_000, using: &world.random))
            world.start(machine)
        }
        disturb()
        world.heal()
        if injection == .keepsPartition {
            for other in 1..<world.machines.count {
                world.network.setCut(true, from: 0, to: other)
                world.network.setCut(true, from: other, to: 0)
            }
        }
        expectConvergence()
        checkPeace()
        if world.invariants.failures.isEmpty { restartBackup() }
        if world.invariants.failures.isEmpty { interfere() }
        if world.invariants.failures.isEmpty, world.tracked.isOn { changeWeights() }
        if world.invariants.failures.isEmpty, world.operators.isOn { giveOrders() }
        if world.invariants.failures.isEmpty { shutDownMaster() }
        if world.invariants.failures.isEmpty { killProcesses() }
        if world.invariants.failures.isEmpty, refusesAll { refuseEverywhere() }
        for router in routers { world.invariants.check(router, at: world.now) }
        return SimulationResult(
            failures: world.invariants.failures, trace: world.trace.lines,
            simulated: Interval(nanoseconds: world.now), events: world.eventCount)
    }

    private mutating func describe() {
        for (machine, model) in world.scenario.models.enumerated() {
            for settings in model.instances {
                let preemption = settings.nopreempt ? "nopreempt" : "preempt after \(settings.preemptDelay)"
                let text =
                    "\(settings.name) \(settings.version) \(settings.family) priority \(settings.priority) "
                    + "every \(settings.advertInterval), \(preemption), startup \(model.global.startupDelay), "
                    + (settings.isUnicast ? "unicast" : "multicast")
                world.trace.note(world.now, machine, text)
            }
            for group in model.shared.syncGroups {
                let names = group.members.map { model.instances[$0].name }.joined(separator: " ")
                world.trace.note(world.now, machine, "group \(group.name): \(names)")
            }
        }
    }

    private mutating func disturb() {
        world.isDisturbed = true
        let longest = routers.map { world.scenario.largest($0) { $0.advertInterval } }.max() ?? .seconds(1)
        let end = world.now + (Interval.seconds(20) + longest * 15).nanoseconds
        while world.now < end {
            let gap = Int64.random(in: 0...(longest * 4).nanoseconds, using: &world.random)
            world.run(until: min(end, world.now + gap))
            if world.tracked.isOn, Int.random(in: 0..<2, using: &world.tracked.random) == 0,
                let change = Disturbance.randomResult(world.machines, &world.tracked)
            {
                world.begin(change)
                continue
            }
            if world.operators.isOn, Int.random(in: 0..<3, using: &world.operators.random) == 0 {
                world.begin(Disturbance.randomOrder(world.scenario, &world.operators))
                continue
            }
            if killsOverReloads, Int.random(in: 0..<3, using: &world.random) == 0 {
                let masters = world.machines.filter { $0.states.contains(.master) }.map(\.number)
                world.begin(Disturbance.randomReloadAndKill(world.scenario, masters: masters, &world.random))
                continue
            }
            let isKill = killsProcesses && Int.random(in: 0..<3, using: &world.random) == 0
            world.begin(
                isKill
                    ? Disturbance.randomKill(world.scenario, &world.random)
                    : Disturbance.random(world.scenario, &world.random))
        }
    }

    // MARK: Bounds

    /// Handling, queueing and delay on the quiet network, there and back.
    private var roundTrip: Int64 { (LAN.quietDelayMax * 2 + .milliseconds(1)).nanoseconds }

    /// Clocks are up to one percent wrong.
    private func drifted(_ interval: Interval) -> Int64 { interval.nanoseconds * 102 / 100 + roundTrip }

    /// The largest of a value over all instances of a virtual router and of those in its sync group.
    private func largest(_ router: Int, _ value: (InstanceSettings, ConfigurationModel) -> Interval) -> Interval {
        world.machines.flatMap { machine in
            world.groups.companions(of: router).compactMap { machine.settings(of: $0) }.map { value($0, machine.model) }
        }.max() ?? .zero
    }

    /// Longest wait for a first master: startup delay, a master-down interval, and the one interval and skew more that
    /// a stalled BACKUP listens.
    private func firstMasterBound(_ router: Int) -> Int64 {
        let interval = largest(router) { settings, _ in settings.advertInterval }
        let skew = max(interval, .seconds(1))
        let unknown = world.tracked.isOn ? Interval(nanoseconds: World.firstResultsMax) : .zero
        // A before_master that was begun while faults were on may fail, and its router rests.
        let hooks = world.operators.isOn ? World.hookMax + interval * 4 + skew : Interval.zero
        return drifted(largest(router) { $1.global.startupDelay } + unknown + hooks + interval * 4 + skew * 2)
    }

    /// Until nobody has a reason to move: a preempting machine waits for preempt_delay and one more down time.
    func settledBound(_ router: Int) -> Int64 {
        let interval = largest(router) { settings, _ in settings.advertInterval }
        let preemption = largest(router) { settings, _ in settings.preemptDelay }
        return firstMasterBound(router) + drifted(preemption + (interval * 3 + max(interval, .seconds(1))) * 2)
    }

    // MARK: Phases

    private mutating func expectConvergence() {
        let healed = world.now
        peaceSince = healed
        for router in routers {
            let interval = largest(router) { settings, _ in settings.advertInterval }
            // Two masters know of each other when the next advertisement has come. But a priority 0 sent while faults
            // were on may still be on its way, and whoever hears it claims a skew time later, until the next one.
            let late = Interval(nanoseconds: LAN.detourMax) + max(interval, .seconds(1)) + interval
            world.invariants.manyFrom[router] = healed + drifted(late)
            world.invariants.manyMax[router] = roundTrip
            world.invariants.noneFrom[router] = healed + firstMasterBound(router)
            world.invariants.noneMax[router] = 0
        }
        // Who has refused addresses tries again after a minute at the latest.
        let retry = world.machines.contains(where: isUnserved) ? drifted(.seconds(62)) : 0
        for router in routers { world.invariants.noneFrom[router] += retry }
        world.run(until: healed + retry + (routers.map(settledBound).max() ?? 0))
    }

    /// Operators move every virtual router to another machine and back, and keep a machine out of it.
    private mutating func giveOrders() {
        for router in routers where world.groups.companions(of: router).first == router {
            let interval = largest(router) { settings, _ in settings.advertInterval }
            let skew = max(interval, .seconds(1))
            let together = world.groups.companions(of: router)
            let bounds = together.map { (none: world.invariants.noneMax[$0], many: world.invariants.manyMax[$0]) }
            // A successor that can't use the addresses before they are gone, and two that claim.
            for each in together {
                world.invariants.noneMax[each] = drifted(interval + skew)
                world.invariants.manyMax[each] = drifted(interval) + roundTrip
            }
            let handOver = drifted(interval * 2 + skew + World.quietHookMax * 2)
            guard let first = world.machines.first(where: { $0.states[router] == .master })?.number else { continue }
            for kind in [OperatorOrder.Kind.resigned, .maintenance] {
                world.order(first, router, kind)
                world.run(until: world.now + handOver)
                expect(together, areMasterOn: nil, except: first, "\(kind)")
                world.run(until: world.now + (interval * 8).nanoseconds)
                expect(together, areMasterOn: nil, except: first, "\(kind) for long")
                world.order(first, router, nil)
                takeOver(together, by: first, within: handOver)
            }
            world.order(first, router, nil)
            world.run(until: world.now + settledBound(router))
            for (each, bounds) in zip(together, bounds) {
                (world.invariants.noneMax[each], world.invariants.manyMax[each]) = bounds
            }
        }
        checkState()
    }

    private mutating func takeOver(_ routers: [Int], by machine: Int, within bound: Int64) {
        let highest = routers.compactMap { router in
            world.machines.first { $0.states[router] == .master }.map { priority(of: $0, router).rawValue }
        }.max()
        guard let router = routers.first, let highest, highest < 254 else { return }
        world.order(machine, router, .raised)
        world.run(until: world.now + bound)
        expect(routers, areMasterOn: machine, except: nil, "raised")
    }

    private mutating func expect(
        _ routers: [Int], areMasterOn wanted: Int?, except unwanted: Int?, _ what: String
    ) {
        for router in routers {
            let masters = world.machines.filter { $0.states[router] == .master }.map(\.number)
            if masters.count == 1, wanted ?? masters[0] == masters[0], masters[0] != unwanted { continue }
            world.invariants.fail(world.now, "VI_\(router), \(what): MASTER are \(masters)")
        }
    }

    private func isUnserved(_ machine: Machine) -> Bool {
        machine.model.instances.indices.contains { id in
            machine.node?.status(of: id, at: machine.clock.reading(at: world.now))?.faults.contains { fault in
                if case .addressesUnusable = fault { true } else { false }
            } ?? false
        }
    }

    /// Nothing happens when nothing happens.
    private mutating func checkPeace() {
        let before = world.invariants.transitions
        let longest = routers.map { largest($0) { settings, _ in settings.advertInterval } }.max() ?? .zero
        if injection == .losesKernelAddresses { forgetAddresses() }
        world.run(until: world.now + (longest * 10 + .seconds(10)).nanoseconds)
        for router in routers where world.invariants.transitions[router] != before[router] {
            world.invariants.fail(world.now, "VI_\(router) changes its master for no reason")
        }
        checkState()
    }

    private mutating func forgetAddresses() {
        for machine in world.machines.indices {
            for held in world.machines[machine].kernel.all where held.owner == .ours {
                _ = world.machines[machine].kernel.remove(held.key, by: .link)
            }
            _ = world.machines[machine].kernel.takeNotifications()
        }
    }

    /// Another program changes the addresses of a MASTER, or adds them to a BACKUP: no master changes.
    private mutating func interfere() {
        let before = world.invariants.transitions
        for _ in 0..<3 {
            let machine = Int.random(in: 0..<world.machines.count, using: &world.random)
            let router = Int.random(in: 0..<world.scenario.routers.count, using: &world.random)
            // Where its own address is another's secondary it would go, too.
            let risksOwn =
                world.scenario.sharesOwnNetwork
                || world.machines[machine].kernel.all.contains {
                    $0.owner == .machine && $0.address.flags.contains(.secondary)
                }
            let change: ForeignChange =
                switch Int.random(in: risksOwn ? 3..<5 : 0..<4, using: &world.random) {
                case 0: .remove(router: router, count: 1)
                case 1: .replace(router: router)
                case 2: .removeAndAdd(router: router, pause: Int64.random(in: 0...1_000_000, using: &world.random))
                default: .add(router: router, isLonger: Bool.random(using: &world.random), mark: 0, place: 0)
                }
            world.trace.note(world.now, machine, "another program: \(change)")
            world.perform(change, on: machine)
            world.run(until: world.now + Int64.random(in: 0...3_000_000_000, using: &world.random))
        }
        world.run(until: world.now + 6_000_000_000)
        for router in routers where world.invariants.transitions[router] != before[router] {
            world.invariants.fail(world.now, "VI_\(router) moves because of another program")
        }
        checkState()
    }

    /// Tracked objects change, those that are no reason for FAULT: whoever is the best by then is master.
    private mutating func changeWeights() {
        for machine in world.machines.indices {
            for settings in world.machines[machine].model.effectiveInstances {
                for tracker in settings.trackers where tracker.weight != 0 && tracker.kind != .file {
                    let result: TrackerResult = Bool.random(using: &world.tracked.random) ? .up : .down
                    let key = TrackerKey(tracker.kind, tracker.name)
                    if !isFault(key, result, on: machine) { world.track(machine, key, result) }
                    world.run(until: world.now + Int64.random(in: 0...50_000_000, using: &world.tracked.random))
                }
            }
        }
        world.run(until: world.now + (routers.map(settledBound).max() ?? 0))
        checkState()
    }

    /// True if another instance that tracks the same object goes to FAULT by it.
    private func isFault(_ key: TrackerKey, _ result: TrackerResult, on machine: Int) -> Bool {
        world.machines[machine].model.effectiveInstances.contains { settings in
            settings.trackers.contains {
                TrackerKey($0.kind, $0.name) == key && $0.weight == 0 && $0.goodResult != result
            }
        }
    }

    /// Every kernel refuses the addresses of a virtual router: its machines try in turn, once a minute each at most.
    private mutating func refuseEverywhere() {
        let router = 0
        for companion in world.groups.companions(of: router) {
            world.invariants.noneFrom[companion] = .max
            world.invariants.manyFrom[companion] = .max
        }
        world.trace.note(world.now, nil, "no machine gets the addresses of VI_\(router)")
        for machine in world.machines.indices {
            world.refuse(machine, router, isAll: true)
            world.perform(.remove(router: router, count: 20), on: machine)
        }
        runWithNoise(for: .seconds(200))
        world.invariants.countsFaults = true
        runWithNoise(for: .seconds(200))
        world.invariants.countsFaults = false
        for (machine, times) in world.invariants.gaveUpAt.enumerated() {
            for (earlier, later) in zip(times[router], times[router].dropFirst())
            where later - earlier < 59_000_000_000 {
                world.invariants.fail(
                    later,
                    "machine \(machine) tried VI_\(router) again after \(Interval(nanoseconds: later - earlier)), "
                        + "and can't use its addresses")
            }
        }
        for machine in world.machines.indices { world.machines[machine].kernel.refused = [] }
        world.run(until: world.now + drifted(.seconds(62)) + settledBound(router))
        checkState()
    }

    private mutating func runWithNoise(for length: Interval) {
        guard injection == .changesLinkConstantly else { return world.run(until: world.now + length.nanoseconds) }
        for _ in 0..<length.nanoseconds / 3_000_000_000 {
            world.run(until: world.now + 3_000_000_000)
            for machine in world.machines.indices {
                world.machines[machine].kernel.move(0, to: MACAddress(bits: UInt64(world.now)), at: world.now)
                world.sendNotifications(machine)
            }
        }
    }

    /// Processes die and are replaced in time: the peers see no transition.
    private mutating func killProcesses() {
        let before = world.invariants.transitions
        let shortest =
            routers.flatMap { router in
                world.machines.compactMap { $0.settings(of: router)?.advertInterval }
            }.min() ?? .seconds(1)
        // Longer than any peer waits.
        let longestDown =
            routers.map { router in
                drifted(largest(router) { settings, _ in settings.advertInterval * 4 } + .seconds(1))
            }.max() ?? 0
        for _ in 0..<3 {
            let chosen = Int.random(in: 0..<world.machines.count, using: &world.random)
            let gap = Int64.random(in: 1_000_000...shortest.nanoseconds / 2, using: &world.random)
            world.kill(chosen, gap: injection == .delaysRestart ? longestDown : gap)
            world.run(
                until: world.now + Int64.random(in: 0...2_000_000_000, using: &world.random) + shortest.nanoseconds * 4)
        }
        world.run(until: world.now + (routers.map(settledBound).max() ?? 0))
        for router in routers where world.invariants.transitions[router] != before[router] {
            world.invariants.fail(world.now, "VI_\(router): the death of a process was seen by others")
        }
        checkState()
    }

    /// A machine goes and comes back; only what it may preempt moves, and never for a nopreempt instance.
    private mutating func restartBackup() {
        let idle = world.machines.filter { !$0.states.contains(.master) }
        guard let chosen = idle.randomElement(using: &world.random) else { return }
        let before = world.machines.map(\.states)
        world.trace.note(world.now, chosen.number, "restarts")
        if Bool.random(using: &world.random) { world.crash(chosen.number) } else { world.die(chosen.number) }
        world.run(until: world.now + 500_000_000)
        world.start(chosen.number, with: injection?.started(chosen.model))
        world.run(until: world.now + (routers.map(settledBound).max() ?? 0))
        checkState()
        for router in routers {
            guard let settings = world.machines[chosen.number].settings(of: router),
                let master = before.firstIndex(where: { $0[router] == .master })
            else { continue }
            let outranks =
                priority(of: world.machines[chosen.number], router) > priority(of: world.machines[master], router)
            if settings.priority == .owner || outranks && !settings.nopreempt { continue }
            if world.machines[master].states[router] != .master {
                world.invariants.fail(world.now, "VI_\(router) moved when machine \(chosen.number) came back")
            }
        }
    }

    /// The time that a machine waits when the master has said priority 0.
    private func skew(after master: Machine, _ router: Int, on machine: Machine) -> Interval? {
        guard let settings = machine.settings(of: router), let interval = master.settings(of: router)?.advertInterval
        else { return nil }
        let parts = Int64(256 - Int(priority(of: machine, router).rawValue))
        return (settings.version == .v2 ? Interval.seconds(1) : interval) * parts / 256
    }

    /// A graceful stop is handed over within the best BACKUP's skew time and the way of two packets.
    private mutating func shutDownMaster() {
        let holders = world.machines.filter { $0.states.contains(.master) }
        guard let chosen = holders.randomElement(using: &world.random) else { return }
        for router in routers where chosen.states[router] == .master {
            guard let interval = chosen.settings(of: router)?.advertInterval else { continue }
            let skews = world.machines.filter { $0.number != chosen.number }.compactMap { machine -> Interval? in
                // The last member of a group decides.
                world.groups.companions(of: router).compactMap { skew(after: chosen, $0, on: machine) }.max()
            }
            let shortest = skews.min() ?? .zero
            world.invariants.noneMax[router] = drifted(shortest)
            // A third machine may hear the next master first, and then the one that leaves: it claims a skew time
            // later, until the next master's second advertisement.
            if shortest < LAN.quietDelayMax {
                world.invariants.manyMax[router] = max(roundTrip, drifted(interval) + roundTrip)
            }
        }
        world.trace.note(world.now, chosen.number, "stops")
        world.stop(chosen.number)
        world.run(until: world.now + (routers.map(settledBound).max() ?? 0))
        checkState()
    }
}
