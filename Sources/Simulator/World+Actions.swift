import Base
import ConfigurationModel
import VRRP
import Wire

/// The actions of the cores, and whether they may.
extension World {
    mutating func perform(_ action: Action, of machine: Int) {
        func settings(_ instance: InstanceID) -> InstanceSettings {
            machines[machine].actingModel.instances[instance]
        }
        switch action {
        case .advertise(let instance, let advertised): transmit(settings(instance), advertised, from: machine)
        case .install(let addresses, let ticket):
            checkHooks(machine, before: addresses)
            request(machine, .install(addresses), ticket: ticket)
        case .beat(_, let frame): send(frame, from: machine)
        case .askReference, .probe, .lock: break
        case .runHook(let hook): run(hook, of: machine)
        case .observe(.order(let number, let outcome)): endOrder(machine, number, outcome)
        case .withdraw(let keys, let guarded, let ticket):
            request(machine, .withdraw(keys, guarded: guarded), ticket: ticket)
        case .renew(let addresses, let guarded, let ticket):
            request(machine, .renew(addresses, guarded: guarded), ticket: ticket)
        case .announce(let instance, let address): announce(address, settings(instance), by: machine)
        case .notify(let notification):
            invariants.notified(machine, life: machines[machine].life, notification.sequence, at: now)
            if notification.trigger.isState { check(notification, of: machine) }
        case .observe(.addressRemoved(let instance, let address, _)):
            checkBlame(machine, for: address, settings(instance))
        case .observe(.transition(let transition)):
            if case .addressRemoved(let address) = transition.reason {
                checkBlame(machine, for: address, settings(transition.instance))
            }
            checkClaim(transition, settings(transition.instance), of: machine)
            change(
                machine, Machine.router(of: settings(transition.instance)), to: transition.to, "\(transition.reason)")
        case .observe(.stalled(let late)): trace.note(now, machine, "acts \(late) too late")
        case .observe(.takeoverHeld(let instance, let hold)):
            trace.note(now, machine, "VI_\(Machine.router(of: settings(instance))) is held: \(hold.kind) \(hold.node)")
        case .observe: break
        case .renumber:
            machines[machine].actingModel = machines[machine].model
            forgetRemoved(machine, machines[machine].model)
        }
    }

    /// An address may be announced that is there. Until it has heard of its loss, a machine can't know better.
    private mutating func announce(_ address: VirtualAddress, _ settings: InstanceSettings, by machine: Int) {
        let plain = address.prefix.address
        machines[machine].announcedAt[Machine.router(of: settings)][plain] = now
        if !isPresent(address, settings, on: machine) {
            invariants.fail(now, "machine \(machine) announces \(plain) without having it")
        }
    }

    /// MASTER is notified once, when an address is there or a second is over; a group behind its members (D47).
    private mutating func check(_ notification: Notification, of machine: Int) {
        let model = machines[machine].actingModel
        switch notification.subject {
        case .group(let place):
            let group = model.shared.syncGroups[place]
            let members = group.members.map { Machine.router(of: model.instances[$0]) }
            if notification.trigger == .master, members.contains(where: { machines[machine].notified[$0] != .master }) {
                invariants.fail(now, "machine \(machine) notifies MASTER of group \(group.name) before its members")
            }
        case .instance(let id):
            let settings = model.instances[id]
            let router = Machine.router(of: settings)
            let isAgain = machines[machine].notified[router] == .master
            machines[machine].notified[router] = notification.trigger
            guard notification.trigger == .master else { return }
            if isAgain { invariants.fail(now, "machine \(machine) notifies MASTER of VI_\(router) twice") }
            let isThere =
                settings.allAddresses.isEmpty || settings.allAddresses.contains { isPresent($0, settings, on: machine) }
            let reading = machines[machine].clock.reading(at: now)
            let age = machines[machine].node?.status(of: id, at: reading)?.timeInState ?? .zero
            if !isThere, age < .seconds(1) {
                invariants.fail(now, "machine \(machine) notifies MASTER of VI_\(router) before it can serve")
            }
        }
    }

    /// True if a machine has an address, or had it and hasn't heard of its loss.
    private func isPresent(_ address: VirtualAddress, _ settings: InstanceSettings, on machine: Int) -> Bool {
        if let key = machines[machine].kernel.key(of: address, settings), machines[machine].kernel.held(key) != nil {
            return true
        }
        return machines[machine].losesNotifications
            || machines[machine].notifications.contains { piece in
                switch piece {
                case .address(let change, _): change.address.key.address == address.prefix.address
                case .link, .linkRemoved: true
                }
            }
    }

    private mutating func checkBlame(_ machine: Int, for address: IPAddress, _ settings: InstanceSettings) {
        if let until = machines[machine].foreignRemovalUntil[address], now <= until { return }
        invariants.fail(now, "machine \(machine) says that another program has removed \(address), and none has")
    }

    private mutating func transmit(_ settings: InstanceSettings, _ advertised: AdvertContents, from machine: Int) {
        guard let virtualRouterID = settings.virtualRouterID, machines[machine].lan.isUsable,
            machines[machine].lan.index == advertised.interfaceIndex
        else { return }
        let state = machines[machine].states[Machine.router(of: settings)]
        // It may have become MASTER in this moment, which it says afterwards.
        if state == .fault || state == .initialize, !isMaster(machine, settings) {
            invariants.fail(now, "machine \(machine) sends in \(state)")
        }
        if machines[machine].isQuiet, !machines[machine].kernel.has(advertised.source) {
            invariants.fail(now, "machine \(machine) sends from \(advertised.source), which it hasn't")
        }
        let advertisement = Advertisement(
            version: settings.version, virtualRouterID: virtualRouterID, priority: advertised.priority,
            interval: settings.advertInterval,
            addresses: settings.virtualAddresses.prefix(Int(advertised.addressCount)).map(\.prefix.address),
            password: settings.password, checksumWithoutPseudoHeader: settings.checksumWithoutPseudoHeader)
        if injection == .suppressesPriorityZero, !isDisturbed, advertised.priority == .release { return }
        let destinations = settings.isUnicast ? settings.unicastPeers.map(\.address) : [settings.multicastGroup]
        for destination in destinations {
            let bytes = advertisement.encode(source: advertised.source, destination: destination)
            let length = bytes.count + (settings.family == .ipv4 ? 20 : 40)
            guard length <= machines[machine].lan.mtu else {
                if machines[machine].isQuiet {
                    let mtu = machines[machine].lan.mtu
                    invariants.fail(now, "machine \(machine) sends \(length) bytes on a link with an MTU of \(mtu)")
                }
                continue
            }
            let frame = LANFrame(
                from: machine, source: advertised.source, destination: destination, hopLimit: 255, bytes: bytes)
            for other in machines.indices where other != machine {
                let isAddressee =
                    destination.isMulticast
                    || destination == Scenario.address(settings.family, host: UInt64(other + 1))
                guard isAddressee else { continue }
                for delay in network.deliveries(from: machine, to: other, at: now, random: &random) {
                    schedule(.frame(frame, to: other), after: delay)
                }
            }
        }
    }

    private func isMaster(_ machine: Int, _ settings: InstanceSettings) -> Bool {
        let reading = machines[machine].clock.reading(at: now)
        return machines[machine].instance(of: Machine.router(of: settings)).flatMap {
            machines[machine].node?.status(of: $0, at: reading)
        }?.state == .master
    }

    // MARK: Promises that hold at all times

    /// Looked at when something has changed.
    mutating func checkPromises(_ machine: Int) {
        guard machines[machine].checkedRevision != machines[machine].kernel.revision, machines[machine].isQuiet else {
            return
        }
        machines[machine].checkedRevision = machines[machine].kernel.revision
        let known = Set(machines[machine].ledgerKeys.values)
        for held in machines[machine].kernel.all
        where held.owner == .ours && !known.contains(held.key) && !held.isRenewed {
            invariants.fail(now, "machine \(machine) has \(held.key.address) without a record of it")
        }
        for settings in machines[machine].actingModel.instances {
            let router = Machine.router(of: settings)
            guard machines[machine].states[router] == .master, !machines[machine].isStopped,
                !settings.allAddresses.isEmpty, !settings.allAddresses.contains(where: \.isUntracked),
                !operators.isOn || mayHaveAddresses(settings, machine, after: 102)
            else { continue }
            let isServing = settings.allAddresses.contains { address in
                guard let key = machines[machine].kernel.key(of: address, settings),
                    let held = machines[machine].kernel.held(key)
                else { return false }
                return !held.address.flags.contains(.duplicate)
            }
            if !isServing { invariants.fail(now, "machine \(machine) is MASTER of VI_\(router) and serves nothing") }
        }
    }
}
