import Base
import ConfigurationModel
import VRRP

/// A fault of the first phase.
enum Disturbance {
    case crash(machine: Int)
    /// All processes of hasup die, the kernel lives. The file may be another one when they start again.
    case die(machine: Int, changesFile: Bool)
    case kill(machine: Int, gap: Int64)
    case stop(machine: Int)
    case pause(machine: Int, stopsClock: Bool)
    case linkDown(machine: Int, interface: Int)
    case recreate(machine: Int, interface: Int)
    case rename(machine: Int, interface: Int)
    case moveHardware(machine: Int, interface: Int)
    case shrink(machine: Int, mtu: UInt32)
    case cut(from: Int, to: Int)
    case isolate(machine: Int)
    case noise(loss: Int, duplicates: Int, reordering: Int)
    case refuse(machine: Int, router: Int, isAll: Bool)
    case loseNotifications(machine: Int)
    case foreignChange(machine: Int, ForeignChange)
    case reload(machine: Int)
    /// A reload whose worker dies before it has done it, or before it has heard of it.
    case reloadAndKill(machine: Int, isHeard: Bool, gap: Int64)
    case garbage(machine: Int)
    case track(machine: Int, TrackerKey, TrackerResult)

    static func random(_ scenario: Scenario, _ random: inout SeededRandom) -> Disturbance {
        let machine = Int.random(in: 0..<scenario.machineCount, using: &random)
        let other = (machine + Int.random(in: 1..<scenario.machineCount, using: &random)) % scenario.machineCount
        let interface = Int.random(in: 0...1, using: &random)
        switch Int.random(in: 0..<24, using: &random) {
        case 0, 1: return .crash(machine: machine)
        case 2: return .stop(machine: machine)
        case 3, 4: return .pause(machine: machine, stopsClock: Bool.random(using: &random))
        case 5: return .linkDown(machine: machine, interface: interface)
        case 6: return .recreate(machine: machine, interface: interface)
        case 7, 8: return .cut(from: machine, to: other)
        case 9: return .isolate(machine: machine)
        case 10:
            return .noise(
                loss: Int.random(in: 0...600, using: &random), duplicates: Int.random(in: 0...300, using: &random),
                reordering: Int.random(in: 0...300, using: &random))
        case 11, 12, 13, 14: return .foreignChange(machine: machine, .random(scenario, &random))
        case 15, 16: return .reload(machine: machine)
        case 17: return .rename(machine: machine, interface: interface)
        case 18: return .moveHardware(machine: machine, interface: interface)
        case 19:
            return .refuse(
                machine: machine, router: Int.random(in: 0..<scenario.routers.count, using: &random),
                isAll: Bool.random(using: &random))
        case 20: return .loseNotifications(machine: machine)
        case 21: return .die(machine: machine, changesFile: Bool.random(using: &random))
        // One IPv6 address has room in version 3, and in version 2 two of IPv4.
        case 22: return .shrink(machine: machine, mtu: UInt32.random(in: 64...100, using: &random))
        default: return .garbage(machine: machine)
        }
    }

    /// A tracked object changes.
    static func randomResult(_ machines: [Machine], _ tracked: inout TrackedObjects) -> Disturbance? {
        guard let machine = machines.randomElement(using: &tracked.random) else { return nil }
        return machine.trackedKeys.randomElement(using: &tracked.random).map {
            .track(machine: machine.number, $0, tracked.result($0.kind))
        }
    }

    /// A process that dies; mostly its successor comes at once.
    static func randomKill(_ scenario: Scenario, _ random: inout SeededRandom) -> Disturbance {
        let isLong = Int.random(in: 0..<4, using: &random) == 0
        return .kill(
            machine: Int.random(in: 0..<scenario.machineCount, using: &random),
            gap: Int64.random(in: 1_000_000...(isLong ? 6_000_000_000 : 30_000_000), using: &random))
    }

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
        case .die(let machine, let changesFile):
            die(machine)
            if changesFile { changeFile(machine) }
            life = machines[machine].life
        case .kill(let machine, let gap): kill(machine, gap: gap)
        case .stop(let machine):
            stop(machine)
            life = machines[machine].life
        case .pause(let machine, let stopsClock):
            self.pause(machine, stopsClock: stopsClock)
            life = machines[machine].life
        case .cut(let from, let to): network.setCut(true, from: from, to: to)
        case .isolate(let machine): isolate(machine, true)
        case .noise(let loss, let duplicates, let reordering):
            network.lossPermille = loss
            network.duplicatePermille = duplicates
            network.reorderPermille = reordering
        case .loseNotifications(let machine): loseNotifications(machine)
        case .foreignChange(let machine, let change): perform(change, on: machine)
        case .reload(let machine): reload(machine)
        case .reloadAndKill(let machine, let isHeard, let gap):
            reload(machine, isHeard: isHeard, changesOneOf: 1)
            kill(machine, gap: gap)
        case .garbage(let machine): garbage(machine)
        case .track(let machine, let key, let result): track(machine, key, result)
        case .linkDown, .recreate, .rename, .moveHardware, .shrink, .refuse: changeKernel(disturbance)
        }
        schedule(.undo(disturbance, life: life), after: pause)
    }

    private mutating func changeKernel(_ disturbance: Disturbance) {
        switch disturbance {
        case .linkDown(let machine, let interface):
            machines[machine].kernel.setUsable(interface, false, at: now)
            sendNotifications(machine)
        case .recreate(let machine, let interface):
            machines[machine].kernel.recreate(interface, at: now)
            sendNotifications(machine)
        case .rename(let machine, let interface):
            // The second one's name goes to the first one at once: whoever reads the notifications then finds it with
            // another number before it hears that the second one has a new name.
            if interface == 1 { machines[machine].kernel.rename(0, to: "eth1") }
            machines[machine].kernel.rename(interface, to: "lan\(interface)")
            sendNotifications(machine)
        case .moveHardware(let machine, let interface):
            let address = MACAddress(bits: UInt64.random(in: 0..<1 << 40, using: &random) << 1 | 1 << 41)
            machines[machine].kernel.move(interface, to: address, at: now)
            sendNotifications(machine)
        case .shrink(let machine, let mtu):
            machines[machine].kernel.setMTU(mtu)
            sendNotifications(machine)
        case .refuse(let machine, let router, let isAll):
            refuse(machine, router, isAll: isAll)
        default: break
        }
    }

    mutating func refuse(_ machine: Int, _ router: Int, isAll: Bool) {
        let addresses = machines[machine].settings(of: router)?.allAddresses.map(\.prefix.address) ?? []
        machines[machine].kernel.refused.formUnion(isAll ? addresses : Array(addresses.prefix(1)))
    }

    mutating func end(_ disturbance: Disturbance, life: Int) {
        guard isDisturbed else { return }
        switch disturbance {
        case .crash(let machine), .stop(let machine), .die(let machine, _):
            if machines[machine].life == life { start(machine) }
        case .pause(let machine, _):
            if machines[machine].life == life { resume(machine) }
        case .linkDown(let machine, let interface):
            machines[machine].kernel.setUsable(interface, true, at: now)
            sendNotifications(machine)
        case .rename(let machine, let interface):
            for place in 0...interface { machines[machine].kernel.rename(place, to: nil) }
            sendNotifications(machine)
        case .shrink(let machine, _):
            machines[machine].kernel.setMTU(Scenario.mtu)
            sendNotifications(machine)
        case .cut(let from, let to): network.setCut(false, from: from, to: to)
        case .isolate(let machine): isolate(machine, false)
        case .noise:
            network.lossPermille = 0
            network.duplicatePermille = 0
            network.reorderPermille = 0
        case .refuse(let machine, _, _): machines[machine].kernel.refused = []
        case .track(let machine, let key, _): track(machine, key, tracked.result(key.kind))
        case .foreignChange(let machine, .flush(let place)):
            machines[machine].kernel.addOwn(place, at: now)
            sendNotifications(machine)
        case .kill, .recreate, .moveHardware, .loseNotifications, .foreignChange, .reload, .reloadAndKill, .garbage:
            break
        }
    }

    /// All faults end here and now.
    mutating func heal() {
        isDisturbed = false
        trace.note(now, nil, "healed")
        network.heal()
        for machine in machines.indices {
            resume(machine)
            for place in 0...1 {
                machines[machine].kernel.rename(place, to: nil)
                machines[machine].kernel.setMTU(Scenario.mtu)
                machines[machine].kernel.setUsable(place, true, at: now)
                machines[machine].kernel.addOwn(place, at: now)
            }
            machines[machine].kernel.refused = []
            for held in machines[machine].kernel.all
            where held.owner != .ours && held.address.flags.contains(.duplicate) {
                _ = machines[machine].kernel.remove(held.key, by: .otherProgram)
            }
            for held in machines[machine].kernel.all where held.address.flags.contains(.duplicate) {
                machines[machine].kernel.change(held.key) { $0.address.flags = [] }
            }
            sendNotifications(machine)
            restoreFile(machine)
            restoreTracked(machine)
            if machines[machine].isStopped { die(machine) }
            // One that is being replaced goes on by itself.
            if machines[machine].node == nil {
                start(machine)
            } else {
                giveTable(machine)
                give(machine, .configure(machines[machine].model))
            }
        }
    }

    private mutating func isolate(_ machine: Int, _ isCut: Bool) {
        for other in machines.indices where other != machine {
            network.setCut(isCut, from: machine, to: other)
            network.setCut(isCut, from: other, to: machine)
        }
    }

    /// Packets that are wrong in every way but the VRID.
    private mutating func garbage(_ machine: Int) {
        for _ in 0..<20 {
            let length = Int.random(in: 0..<64, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            if length > 1 { bytes[1] = UInt8.random(in: 0...5, using: &random) }
            let frame = LANFrame(
                from: machine, source: Scenario.address(.ipv4, host: 200), destination: IPAddress(v4: 0xe000_0012),
                hopLimit: 255, bytes: bytes)
            deliver(.frame(frame), to: machine)
        }
    }
}
