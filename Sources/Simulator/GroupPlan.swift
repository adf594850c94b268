import Base
import ConfigurationModel
import VRRP

/// The sync groups of a cluster, which all its machines agree on in peace. Random by numbers of its own, as
/// `TrackedObjects`.
struct GroupPlan {
    /// Numbers of virtual routers that belong together.
    private(set) var groups: [[Int]] = []
    private var random: SeededRandom

    init(seed: UInt64, routerCount: Int, isPlain: Bool) {
        random = SeededRandom(seed: seed &* 0xbf58_476d_1ce4_e5b9 &+ 46)
        let choice = random.next()
        guard !isPlain, choice % 2 == 0, routerCount > 1 else { return }
        var routers = Array(0..<routerCount)
        routers.shuffle(using: &random)
        let first = Int.random(in: 2...routerCount, using: &random)
        groups = [routers.prefix(first).sorted()]
        if routerCount - first > 1 { groups.append(routers.suffix(routerCount - first).sorted()) }
    }

    /// The virtual routers that are MASTER together with one, itself too.
    func companions(of router: Int) -> [Int] { groups.first { $0.contains(router) } ?? [router] }

    /// Puts the groups into a file, by the places that its instances have there.
    ///
    /// - Parameter isDisturbed: whether groups may be without some of their members, or missing.
    mutating func group(_ model: inout ConfigurationModel, isDisturbed: Bool, _ tracked: inout TrackedObjects) {
        let former = model.shared.syncGroups
        model.shared.syncGroups = []
        for (number, routers) in groups.enumerated() {
            if isDisturbed, random.next() % 8 == 0 { continue }
            var group = SyncGroup(name: "G_\(number)")
            group.members = model.instances.indices.filter {
                routers.contains(Machine.router(of: model.instances[$0])) && !(isDisturbed && random.next() % 8 == 0)
            }
            if isDisturbed {
                group.keepsMemberWeights = random.next() % 4 == 0
                if random.next() % 4 == 0 { group.trackedInterfaces = [TrackedInterface(name: "eth1", weight: -30)] }
                tracked.addTrackers(to: &group)
            } else {
                group.trackers = former.first { $0.name == group.name }?.trackers ?? []
            }
            if !group.members.isEmpty { model.shared.syncGroups.append(group) }
        }
        if !isDisturbed { rankAlike(&model) }
    }

    /// Members that rank their machines differently would never settle.
    private func rankAlike(_ model: inout ConfigurationModel) {
        for group in model.shared.syncGroups {
            guard let first = group.members.first.map({ model.instances[$0] }) else { continue }
            for member in group.members {
                model.instances[member].priority = first.priority
                model.instances[member].nopreempt = first.nopreempt
                model.instances[member].preemptDelay = first.preemptDelay
                // Weights of processes count in a group, too.
                model.instances[member].trackers.removeAll { $0.kind == .process && $0.weight != 0 }
            }
        }
    }

    /// Ranks the first machine best by one member of each group, and worst by the others.
    func rankDifferently(_ model: inout ConfigurationModel) {
        for group in model.shared.syncGroups {
            for (place, member) in group.members.enumerated() {
                model.instances[member].priority = Priority(rawValue: place == 0 ? 254 : 1)
                model.instances[member].nopreempt = false
                model.instances[member].preemptDelay = .zero
                model.instances[member].trackers = []
            }
        }
    }
}

extension World {
    /// After each event the members of a group agree, on each machine.
    mutating func checkGroups(_ machine: Int) {
        guard !machines[machine].isStopped, !machines[machine].isBeginning, machines[machine].node != nil else {
            return
        }
        for group in machines[machine].actingModel.shared.syncGroups {
            let states = group.members.map {
                machines[machine].states[Machine.router(of: machines[machine].actingModel.instances[$0])]
            }
            if Set(states).count > 1 {
                invariants.fail(now, "members of \(group.name) on machine \(machine) are apart: \(states)")
            }
        }
    }
}
