import Base
import ConfigurationModel
import VRRP

/// Promises that hold in peace.
extension Simulation {
    /// Exactly one master, the right one, with the addresses and announced; nobody else has them.
    mutating func checkState() {
        for router in routers {
            world.invariants.check(router, at: world.now)
            let alive = world.machines.filter { $0.node != nil && !$0.isStopped }
            let masters = alive.filter { $0.states[router] == .master }
            guard masters.count == 1, let master = masters.first else {
                world.invariants.fail(world.now, "VI_\(router) has \(masters.count) masters in peace")
                continue
            }
            let masterPriority = priority(of: master, router)
            for machine in alive where machine.number != master.number {
                guard machine.states[router] == .backup, let settings = machine.settings(of: router) else {
                    world.invariants.fail(
                        world.now, "machine \(machine.number) is \(machine.states[router]) for VI_\(router) in peace")
                    continue
                }
                // Who couldn't serve leaves the one alone that can, and its group with it.
                let hasFailed = world.groups.companions(of: router).contains {
                    status(of: $0, on: machine)?.lastTransition?.reason == .hookFailed
                }
                if !settings.nopreempt, !hasFailed, priority(of: machine, router) > masterPriority {
                    world.invariants.fail(world.now, "VI_\(router): machine \(machine.number) should be master")
                }
            }
            for machine in world.machines { checkAddresses(router, of: machine) }
        }
        for machine in world.machines {
            checkLeftovers(machine)
            checkLedger(machine)
        }
    }

    func priority(of machine: Machine, _ router: Int) -> Priority {
        status(of: router, on: machine)?.priority ?? .release
    }

    private func status(of router: Int, on machine: Machine) -> InstanceStatus? {
        machine.instance(of: router).flatMap {
            machine.node?.status(of: $0, at: machine.clock.reading(at: world.now))
        }
    }

    /// The kernel has what a fresh start would give it, and status says so.
    private mutating func checkAddresses(_ router: Int, of machine: Machine) {
        guard let settings = machine.settings(of: router) else { return }
        if machine.states[router] == .master {
            for address in settings.allAddresses { checkServed(address, settings, router, of: machine) }
        }
        guard let status = status(of: router, on: machine) else { return }
        let addresses = settings.allAddresses.map(\.prefix.address)
        if machine.states[router] == .master {
            let said = status.installedAddresses + status.foreignAddresses + status.unusableAddresses.map(\.address)
            let there = settings.allAddresses.filter { address in
                machine.kernel.key(of: address, settings).map { machine.kernel.held($0) != nil } ?? false
            }
            if Set(said) != Set(there.map(\.prefix.address)) {
                world.invariants.fail(world.now, "machine \(machine.number): status of VI_\(router) isn't true")
            }
        } else {
            let there = machine.kernel.all.filter { addresses.contains($0.key.address) && $0.owner != .ours }
            let prefixes = there.compactMap { Prefix(address: $0.key.address, length: Int($0.key.length)) }
            let isOwner = settings.priority == .owner
            if Set(status.strangers.map(\.prefix)) != (isOwner ? [] : Set(prefixes)) {
                world.invariants.fail(
                    world.now, "machine \(machine.number) reports no foreign \(prefixes) of VI_\(router)")
            }
        }
        let isStopped = status.state == .initialize && machine.notified[router] == .stop
        if let last = machine.notified[router], last.word != status.state.description, !isStopped {
            world.invariants.fail(
                world.now,
                "machine \(machine.number) is \(status.state) for VI_\(router), and its last notification \(last.word)"
            )
        }
        if status.state != machine.states[router] {
            world.invariants.fail(world.now, "machine \(machine.number): state of VI_\(router) isn't true")
        }
    }

    /// A MASTER has an address, in the form of its file, and has had the last word about it.
    private mutating func checkServed(
        _ address: VirtualAddress, _ settings: InstanceSettings, _ router: Int, of machine: Machine
    ) {
        let plain = address.prefix.address
        guard let key = machine.kernel.key(of: address, settings), let held = machine.kernel.held(key) else {
            if !address.isUntracked {
                world.invariants.fail(world.now, "machine \(machine.number), MASTER, hasn't \(plain) of VI_\(router)")
            }
            return
        }
        if held.owner == .ours, let form = held.form, !hasForm(form, of: address) {
            world.invariants.fail(
                world.now, "machine \(machine.number) has \(plain) of VI_\(router) in another form than its file says")
        }
        // Also later than the end of any other mastership that peace has seen (pain point T1), but for what ends by
        // notifications of before that were still under way, and than the link's hardware address.
        // Who wants one announcement only (garp_master_delay 0) has it before the former master has heard of anything.
        let isRepeated = settings.announcements.delay > .zero
        let yielded = isRepeated && world.lastYield[router] > peaceSince + 25_000_000 ? world.lastYield[router] : 0
        let moved = machine.kernel.place(ofIndex: key.interfaceIndex).map { machine.kernel.links[$0].movedAt } ?? 0
        let due = max(machine.masterSince[router], yielded, moved)
        if machine.announcedAt[router][plain] ?? -1 < due {
            world.invariants.fail(world.now, "machine \(machine.number) hasn't announced \(plain)")
        }
    }

    private func hasForm(_ form: VirtualAddress, of wanted: VirtualAddress) -> Bool {
        var (form, wanted) = (form, wanted)
        form.isUntracked = wanted.isUntracked
        form.interface = wanted.interface
        wanted.flags = form.flags
        return form == wanted
    }

    /// Nothing of ours is where it shouldn't be, marked or not.
    private mutating func checkLeftovers(_ machine: Machine) {
        var wanted: Set<AddressKey> = []
        for settings in machine.model.instances where machine.states[Machine.router(of: settings)] == .master {
            wanted.formUnion(settings.allAddresses.compactMap { machine.kernel.key(of: $0, settings) })
        }
        for held in machine.kernel.all where held.owner == .ours && !wanted.contains(held.key) {
            let router = machine.model.instances.first { settings in
                settings.allAddresses.contains { $0.prefix.address == held.key.address }
            }
            world.invariants.fail(
                world.now,
                "machine \(machine.number) has \(held.key.address)/\(held.key.length) of \(router?.name ?? "no instance") left"
            )
        }
    }

    /// Checks that what is in the memory file is there; what is there is in the memory file, see `World.checkPromises`.
    private mutating func checkLedger(_ machine: Machine) {
        guard machine.node != nil, !machine.isStopped else { return }
        for key in machine.ledgerKeys.values where machine.kernel.held(key) == nil {
            world.invariants.fail(
                world.now, "machine \(machine.number) has records of \(key.address)/\(key.length), which isn't there")
        }
    }
}
