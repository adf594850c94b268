import Base
import ConfigurationModel
import VRRP

/// Configurations that change.
extension World {
    mutating func reload(_ machine: Int, isHeard: Bool = true, changesOneOf odds: Int = 3) {
        guard machines[machine].node != nil, !machines[machine].isPaused, !machines[machine].isStopped else { return }
        changeFile(machine, changesOneOf: odds)
        if isHeard { giveConfiguration(machine) }
    }

    /// A configuration waits for the hooks of what it takes away.
    mutating func giveConfiguration(_ machine: Int) {
        giveTable(machine)
        machines[machine].awaitsConfiguration = true
        if operators.isOn { give(machine, .prepare(given(machines[machine].model))) }
        configureIfReady(machine)
    }

    mutating func configureIfReady(_ machine: Int) {
        guard machines[machine].awaitsConfiguration, let node = machines[machine].node, !node.isPreparing,
            !machines[machine].isStopped
        else { return }
        machines[machine].awaitsConfiguration = false
        noteOrderTable(machine)
        give(machine, .configure(given(machines[machine].model)))
    }

    /// The configuration as a core is given it.
    func given(_ model: ConfigurationModel) -> ConfigurationModel {
        guard injection == .skipsHooks else { return model }
        var model = model
        for place in model.instances.indices { model.instances[place].extra = nil }
        for place in model.shared.syncGroups.indices { model.shared.syncGroups[place].hooks = HookSettings() }
        return model
    }

    /// A changed file: other instances in another order, with other settings.
    mutating func changeFile(_ machine: Int, changesOneOf odds: Int = 3) {
        var model = machines[machine].model
        model.instances.shuffle(using: &random)
        for place in model.instances.indices where happens(oneIn: odds) {
            changeElection(&model.instances[place])
            if Int.random(in: 0..<2, using: &tracked.random) == 0 { tracked.addTrackers(to: &model.instances[place]) }
            changeAddresses(&model.instances[place])
        }
        if model.instances.count > 1, happens(oneIn: 4) { model.instances.removeLast() }
        if model.instances.count > 1, happens(oneIn: 6) { exchangeAddress(&model) }
        if happens(oneIn: 6) { addMissing(&model, machine) }
        groups.group(&model, isDisturbed: true, &tracked)
        adopt(model, machine)
    }

    private mutating func adopt(_ model: ConfigurationModel, _ machine: Int) {
        machines[machine].previousModels.append(machines[machine].model)
        machines[machine].model = model
    }

    private mutating func changeElection(_ settings: inout InstanceSettings) {
        if settings.priority != .owner {
            settings.priority = Priority(rawValue: UInt8.random(in: 1...254, using: &random))
            settings.nopreempt.toggle()
            if happens(oneIn: 3) {
                settings.preemptDelay = .milliseconds(Int64.random(in: 0...8_000, using: &random))
            }
        }
        if happens(oneIn: 6) { settings.advertInterval = settings.advertInterval * 2 }
        if happens(oneIn: 10) { settings.virtualRouterID = VRID(rawValue: UInt8(100 + settings.location.line)) }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: settings.trackedInterfaces = [TrackedInterface(name: "eth1")]
        case 1:
            let weight = Int.random(in: -120...120, using: &random)
            settings.trackedInterfaces = [TrackedInterface(name: "eth1", weight: weight)]
        case 2: settings.trackedInterfaces = []
        default: break
        }
    }

    /// One more or less, carried or excluded, here or on another link, another length, another option.
    private mutating func changeAddresses(_ settings: inout InstanceSettings) {
        let number = UInt64(settings.location.line)
        let extra = scenario.virtual(Scenario.address(settings.family, host: 5_000 + number))
        if settings.virtualAddresses.contains(where: { $0.prefix.address == extra.prefix.address }) {
            settings.virtualAddresses.removeAll { $0.prefix.address == extra.prefix.address }
        } else {
            settings.virtualAddresses.append(extra)
        }
        if happens(oneIn: 3) {
            if settings.excludedAddresses.isEmpty {
                let family: AddressFamily = Bool.random(using: &random) ? .ipv4 : .ipv6
                var excluded = scenario.virtual(Scenario.address(family, host: 6_000 + number))
                if Bool.random(using: &random) { excluded.interface = "eth1" }
                excluded.isUntracked = happens(oneIn: 4)
                settings.excludedAddresses = [excluded]
            } else {
                settings.excludedAddresses = []
            }
        }
        guard happens(oneIn: 2) else { return }
        let place = Int.random(in: 0..<settings.virtualAddresses.count, using: &random)
        settings.virtualAddresses[place] = changed(settings.virtualAddresses[place])
    }

    private mutating func changed(_ address: VirtualAddress) -> VirtualAddress {
        var address = address
        switch Int.random(in: 0..<4, using: &random) {
        case 0: address.scope = address.scope == 0 ? 253 : 0
        case 1: address.noPrefixRoute.toggle()
        case 2 where address.prefix.address.family == .ipv4: address.label = address.label == nil ? "eth0:1" : nil
        case 2: address.duplicateAddressDetection.toggle()
        default:
            let bits = address.prefix.address.family.bitCount
            let length = address.prefix.length == bits ? bits / 2 : bits
            var other = VirtualAddress(
                prefix: Prefix(address: address.prefix.address, length: length) ?? address.prefix)
            other.scope = address.scope
            other.duplicateAddressDetection = address.duplicateAddressDetection
            return other
        }
        return address
    }

    /// An address moves to another instance.
    private mutating func exchangeAddress(_ model: inout ConfigurationModel) {
        let from = Int.random(in: 0..<model.instances.count, using: &random)
        let to = (from + 1) % model.instances.count
        guard model.instances[from].family == model.instances[to].family,
            model.instances[from].virtualAddresses.count > 1, let moved = model.instances[from].virtualAddresses.last,
            !model.instances[to].virtualAddresses.contains(where: { $0.prefix.address == moved.prefix.address })
        else { return }
        model.instances[to].virtualAddresses.append(model.instances[from].virtualAddresses.removeLast())
    }

    private func addMissing(_ model: inout ConfigurationModel, _ machine: Int) {
        for (number, original) in scenario.models[machine].instances.enumerated()
        where !model.instances.contains(where: { Machine.router(of: $0) == number }) {
            model.instances.append(original)
        }
    }

    /// Every virtual router is on every machine again when the checks begin, and its machines agree about what they
    /// have to agree about.
    mutating func restoreFile(_ machine: Int) {
        var model = machines[machine].model
        addMissing(&model, machine)
        for place in model.instances.indices {
            let original = scenario.models[machine].instances[Machine.router(of: model.instances[place])]
            model.instances[place].advertInterval = original.advertInterval
            model.instances[place].virtualRouterID = original.virtualRouterID
            let carried = Set(original.virtualAddresses.map(\.prefix.address))
            let extra = Scenario.address(original.family, host: UInt64(5_000 + original.location.line))
            model.instances[place].virtualAddresses.removeAll {
                !carried.contains($0.prefix.address) && $0.prefix.address != extra
            }
            let there = Set(model.instances[place].virtualAddresses.map(\.prefix.address))
            model.instances[place].virtualAddresses += original.virtualAddresses.filter {
                !there.contains($0.prefix.address)
            }
        }
        groups.group(&model, isDisturbed: false, &tracked)
        if injection == .ranksMembersDifferently, machine == 0 { groups.rankDifferently(&model) }
        adopt(model, machine)
    }
}
