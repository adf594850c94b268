import Base
import ConfigurationModel
import VRRP

/// Release scripts of machines, and who has still to release what (docs/decisions, D111).
extension World {
    /// A core asks for a release script. One in this many is killed at the end of its time, if any is.
    mutating func runRelease(_ request: HookRequest, _ cluster: Int, _ group: Int, of machine: Int) {
        let settings = machines[machine].actingModel.clusters[cluster]
        let key = HookOfMachine(
            hook: request.hook, subject: NotificationKey(.instance, settings.guarded[group]), number: request.number)
        if let known = machines[machine].hookRuns[key] {
            guard let succeeded = known else { return }
            return schedule(.hookEnd(machine: machine, key, succeeded), after: 0)
        }
        machines[machine].hookRuns[key] = .some(nil)
        let timeout = (settings.release?.timeout ?? .zero).nanoseconds
        let isKilled = releaseFailures.map { Int.random(in: 0..<$0, using: &random) == 0 } ?? false
        schedule(
            .hookEnd(machine: machine, key, !isKilled),
            after: isKilled ? timeout : .random(in: 0...timeout, using: &random))
    }
}

/// The machines that were MASTER and haven't released that yet.
struct OwedReleases {
    /// By machine and virtual router.
    private var isOwed: [[Bool]]
    private var wasMaster: [[Bool]]
    /// Runs that have ended.
    private var known: Set<HookOfMachine> = []
    /// True if any script was killed.
    private(set) var hasFailed = false

    init(machines: Int, routers: Int) {
        isOwed = Array(repeating: Array(repeating: false, count: routers), count: machines)
        wasMaster = isOwed
    }

    /// Looks at all machines. - Returns: claims beside a machine that is heard and hasn't released.
    mutating func look(at world: World) -> [String] {
        for machine in world.machines.indices { lookForEnds(of: machine, in: world) }
        var violations: [String] = []
        for machine in world.machines {
            for router in isOwed[machine.number].indices {
                let isMaster = machine.node != nil && machine.states[router] == .master
                if isMaster, !wasMaster[machine.number][router] {
                    for other in world.machines where other.number != machine.number && !other.isPaused {
                        guard isOwed[other.number][router], other.node != nil, !(hasFailed && other.isStopped) else {
                            continue
                        }
                        violations.append(
                            "machine \(machine.number) is MASTER of VI_\(router), which machine \(other.number) holds still: it hasn't released it"
                        )
                    }
                }
                wasMaster[machine.number][router] = isMaster
                if isMaster { isOwed[machine.number][router] = true }
                if machine.node == nil, !machine.isBeginning, machine.hookRuns.isEmpty {
                    isOwed[machine.number][router] = false
                }
            }
        }
        return violations
    }

    private mutating func lookForEnds(of machine: Int, in world: World) {
        for (key, end) in world.machines[machine].hookRuns {
            guard let succeeded = end, key.hook == .release else { continue }
            var named = key
            // Numbers are times of one machine.
            named.number = key.number &* 31 &+ UInt64(machine)
            guard known.insert(named).inserted else { continue }
            if !succeeded { hasFailed = true }
            let settings = world.machines[machine].model.instances.first { $0.name == key.subject.name }
            if succeeded, let settings { isOwed[machine][Machine.router(of: settings)] = false }
        }
    }
}
