import Base
import Configuration
import VRRP

/// What can go wrong while faults are on.
enum Disturbance {
    case crash(machine: Int)
    case kill(machine: Int, gap: Int64)
    case stop(machine: Int)
    case pause(machine: Int, stopsClock: Bool)
    case linkDown(machine: Int, interface: Int)
    case recreate(machine: Int, interface: Int)
    case cut(from: Int, to: Int)
    case isolate(machine: Int)
    case noise(loss: Int, duplicates: Int, reordering: Int)
    case removeAddress(machine: Int, router: Int)
    case reload(machine: Int)
    /// A reload whose worker dies before it has done it, or before it has heard of it.
    case reloadAndKill(machine: Int, isHeard: Bool, gap: Int64)
    case garbage(machine: Int)

    static func random(_ scenario: Scenario, _ random: inout SeededRandom) -> Disturbance {
        let machine = Int.random(in: 0..<scenario.machineCount, using: &random)
        let other = (machine + Int.random(in: 1..<scenario.machineCount, using: &random)) % scenario.machineCount
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1: return .crash(machine: machine)
        case 2: return .stop(machine: machine)
        case 3, 4: return .pause(machine: machine, stopsClock: Bool.random(using: &random))
        case 5: return .linkDown(machine: machine, interface: Int.random(in: 0...1, using: &random))
        case 6: return .recreate(machine: machine, interface: Int.random(in: 0...1, using: &random))
        case 7, 8: return .cut(from: machine, to: other)
        case 9: return .isolate(machine: machine)
        case 10:
            return .noise(
                loss: Int.random(in: 0...600, using: &random), duplicates: Int.random(in: 0...300, using: &random),
                reordering: Int.random(in: 0...300, using: &random))
        case 11:
            return .removeAddress(
                machine: machine, router: Int.random(in: 0..<scenario.routers.count, using: &random))
        case 12: return .reload(machine: machine)
        default: return .garbage(machine: machine)
        }
    }

    /// A process that dies; mostly its successor comes at once.
    static func randomKill(_ scenario: Scenario, _ random: inout SeededRandom) -> Disturbance {
        let isLong = Int.random(in: 0..<4, using: &random) == 0
        return .kill(
            machine: Int.random(in: 0..<scenario.machineCount, using: &random),
            gap: Int64.random(in: 1_000_000...(isLong ? 6_000_000_000 : 30_000_000), using: &random))
    }
}

extension Disturbance {
    /// A worker that dies over a reload.
    ///
    /// - Parameter masters: machines that hold addresses, which are chosen rather than others.
    static func randomReloadAndKill(
        _ scenario: Scenario, masters: [Int], _ random: inout SeededRandom
    ) -> Disturbance {
        let any = Int.random(in: 0..<scenario.machineCount, using: &random)
        return .reloadAndKill(
            machine: masters.randomElement(using: &random) ?? any, isHeard: Bool.random(using: &random),
            gap: Int64.random(in: 1_000_000...30_000_000, using: &random))
    }
}

extension World {
    mutating func begin(_ disturbance: Disturbance) {
        guard isDisturbed else { return }
        trace.note(now, nil, "\(disturbance)")
        let pause = Int64.random(in: 10_000_000...12_000_000_000, using: &random)
        var life = 0
        switch disturbance {
        case .crash(let machine):
            crash(machine)
            life = machines[machine].life
        case .kill(let machine, let gap): kill(machine, gap: gap)
        case .stop(let machine):
            stop(machine)
            life = machines[machine].life
        case .pause(let machine, let stopsClock):
            self.pause(machine, stopsClock: stopsClock)
            life = machines[machine].life
        case .linkDown(let machine, let interface): setLink(machine, interface, isUsable: false)
        case .recreate(let machine, let interface): recreate(machine, interface)
        case .cut(let from, let to): network.setCut(true, from: from, to: to)
        case .isolate(let machine): isolate(machine, true)
        case .noise(let loss, let duplicates, let reordering):
            network.lossPermille = loss
            network.duplicatePermille = duplicates
            network.reorderPermille = reordering
        case .removeAddress(let machine, let router): removeAddress(machine, router)
        case .reload(let machine): reload(machine)
        case .reloadAndKill(let machine, let isHeard, let gap):
            reload(machine, isHeard: isHeard, changesOneOf: 1)
            kill(machine, gap: gap)
        case .garbage(let machine): garbage(machine)
        }
        schedule(.undo(disturbance, life: life), after: pause)
    }

    mutating func end(_ disturbance: Disturbance, life: Int) {
        guard isDisturbed else { return }
        switch disturbance {
        case .crash(let machine), .stop(let machine):
            if machines[machine].life == life { start(machine) }
        case .pause(let machine, _):
            if machines[machine].life == life { resume(machine) }
        case .linkDown(let machine, let interface): setLink(machine, interface, isUsable: true)
        case .cut(let from, let to): network.setCut(false, from: from, to: to)
        case .isolate(let machine): isolate(machine, false)
        case .noise:
            network.lossPermille = 0
            network.duplicatePermille = 0
            network.reorderPermille = 0
        case .kill, .recreate, .removeAddress, .reload, .reloadAndKill, .garbage: break
        }
    }

    /// All faults end here and now.
    mutating func heal() {
        isDisturbed = false
        trace.note(now, nil, "healed")
        network.heal()
        for machine in machines.indices {
            resume(machine)
            for interface in 0...1 { setLink(machine, interface, isUsable: true) }
            if machines[machine].node == nil || machines[machine].isStopped { start(machine) }
            restoreInstances(machine)
        }
    }

    private mutating func setLink(_ machine: Int, _ interface: Int, isUsable: Bool) {
        guard machines[machine].interfaces[interface].isUsable != isUsable else { return }
        machines[machine].interfaces[interface].isUsable = isUsable
        deliver(.interface(machines[machine].interfaces[interface]), to: machine)
    }

    private mutating func recreate(_ machine: Int, _ interface: Int) {
        machines[machine].interfaces[interface].index += 10
        if interface == 0 {
            for router in scenario.routers.indices {
                machines[machine].tampered.formUnion(machines[machine].kernel[router])
                machines[machine].kernel[router] = []
            }
        }
        deliver(.interface(machines[machine].interfaces[interface]), to: machine)
    }

    private mutating func isolate(_ machine: Int, _ isCut: Bool) {
        for other in machines.indices where other != machine {
            network.setCut(isCut, from: machine, to: other)
            network.setCut(isCut, from: other, to: machine)
        }
    }

    private mutating func removeAddress(_ machine: Int, _ router: Int) {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            guard let address = machines[machine].kernel[router].min() else { return }
            let lost = siblingsLost(machine, with: [address])
            machines[machine].kernel[router].remove(address)
            machines[machine].tampered.insert(address)
            machines[machine].robbed.formUnion([address] + lost.map(\.address))
            machines[machine].reorder()
            deliver(.addressRemoved(router: router, address), to: machine)
            tellLost(machine, lost)
        }
    }

    /// A changed configuration: priorities, preemption, an address more or less, another order, an instance gone.
    private mutating func reload(_ machine: Int, isHeard: Bool = true, changesOneOf odds: Int = 3) {
        guard machines[machine].node != nil, !machines[machine].isPaused, !machines[machine].isStopped else { return }
        var model = machines[machine].model
        model.instances.shuffle(using: &random)
        for place in model.instances.indices where Int.random(in: 0..<odds, using: &random) == 0 {
            if model.instances[place].priority != .owner {
                model.instances[place].priority = Priority(rawValue: UInt8.random(in: 1...254, using: &random))
                model.instances[place].nopreempt.toggle()
            }
            let extra = scenario.virtual(
                Scenario.address(
                    model.instances[place].family, host: UInt64(5_000 + model.instances[place].location.line)))
            if model.instances[place].virtualAddresses.contains(extra) {
                model.instances[place].virtualAddresses.removeAll { $0 == extra }
            } else {
                model.instances[place].virtualAddresses.append(extra)
            }
        }
        if model.instances.count > 1, Int.random(in: 0..<4, using: &random) == 0 { model.instances.removeLast() }
        machines[machine].formers.append(machines[machine].model)
        machines[machine].model = model
        if isHeard { give(machine, .configure(model)) }
    }

    /// Every virtual router is to be on every machine again when the checks begin.
    private mutating func restoreInstances(_ machine: Int) {
        var model = machines[machine].model
        for (number, original) in scenario.models[machine].instances.enumerated()
        where !model.instances.contains(where: { Machine.router(of: $0) == number }) {
            model.instances.append(original)
        }
        machines[machine].formers.append(machines[machine].model)
        machines[machine].model = model
        give(machine, .configure(model))
    }

    /// Packets that are wrong in every way but the VRID.
    private mutating func garbage(_ machine: Int) {
        for _ in 0..<20 {
            let length = Int.random(in: 0..<64, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            if length > 1 { bytes[1] = UInt8.random(in: 0...5, using: &random) }
            let frame = Frame(
                from: machine, source: Scenario.address(.ipv4, host: 200), destination: IPAddress(v4: 0xe000_0012),
                hopLimit: 255, bytes: bytes)
            deliver(.frame(frame), to: machine)
        }
    }
}
