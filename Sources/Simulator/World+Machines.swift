import Base
import ConfigurationModel
import VRRP

/// Daemons that start, die, stop and go on.
extension World {
    /// A daemon that knows nothing of an earlier one but the configurations of this boot.
    ///
    /// - Parameter substitute: what it gets instead of its configuration; nil for that.
    mutating func start(_ machine: Int, with substitute: ConfigurationModel? = nil) {
        machines[machine].life += 1
        machines[machine].records = [:]
        machines[machine].ledger = [:]
        machines[machine].ledgerKeys = [:]
        machines[machine].isStopped = false
        for router in scenario.routers.indices { change(machine, router, to: .initialize, "dead") }
        unpause(machine)
        let model = substitute ?? machines[machine].model
        machines[machine].kernel.forgetOwners()
        let evidence = StaleAddresses.Evidence(records: nil, claimed: [], mayAdopt: true)
        machines[machine].starts += 1
        startTracking(machine)
        _ = begin(machine, model, evidence)
        giveTable(machine)
        machines[machine].isBeginning = false
        noteOrderTable(machine)
        give(machine, .configure(given(model)))
    }

    /// Power off: the kernel's addresses are gone too.
    mutating func crash(_ machine: Int) {
        die(machine)
        machines[machine].orders = [:]
        machines[machine].kernel.restart(at: now)
        machines[machine].previousModels = []
        trace.note(now, machine, "off")
    }

    /// All of its processes are dead; the kernel goes on with what it has.
    mutating func die(_ machine: Int) {
        if machines[machine].node != nil { endKernelWork(machine) }
        machines[machine].life += 1
        machines[machine].node = nil
        expectEndOfLeases(machine)
        machines[machine].hookRuns = [:]
        unpause(machine)
        for router in scenario.routers.indices { change(machine, router, to: .initialize, "dead") }
    }

    /// The process dies and another goes on with what it has left: the machine, its kernel and its addresses stay.
    mutating func kill(_ machine: Int, gap: Int64) {
        guard machines[machine].node != nil, !machines[machine].isPaused, !machines[machine].isStopped else { return }
        endKernelWork(machine)
        machines[machine].life += 1
        machines[machine].node = nil
        machines[machine].heardUntil = machines[machine].clock.reading(at: now)
        trace.note(now, machine, "killed for \(Interval(nanoseconds: gap))")
        schedule(.revive(machine: machine, life: machines[machine].life), after: gap)
    }

    mutating func revive(_ machine: Int) {
        let records = machines[machine].records
        let last = invariants.lastNotification[machine]
        var snapshot = NodeSnapshot(
            instances: records.keys.sorted().filter { $0 > 0 }.compactMap { records[$0] }.map {
                injection?.bent($0) ?? $0
            }, node: records[0]?.bytes,
            heardUntil: machines[machine].heardUntil, lastNotification: injection?.counted(last) ?? last)
        let model = machines[machine].model
        let ledger = machines[machine].ledger
        let entries = ledger.keys.sorted().compactMap { slot in
            ledger[slot]?.withUnsafeBytes { AddressRecord($0, slot: slot) }
        }
        let masters = snapshot.masters(of: model)
        // Of another virtual router nothing is left to say; this one may wait for a script before it says anything.
        for (id, settings) in model.instances.enumerated() where !masters.contains(id) {
            let router = Machine.router(of: settings)
            if machines[machine].states[router] == .master { forget(machine, router, "unknown") }
        }
        let evidence = StaleAddresses.Evidence(records: injection == .dropsLedger ? [] : entries, claimed: masters)
        snapshot.ledger = begin(machine, model, evidence)
        forgetRemoved(machine, model)
        invariants.continues(machine, life: machines[machine].life)
        giveTable(machine)
        machines[machine].isBeginning = false
        noteOrderTable(machine)
        give(machine, .resume(given(model), snapshot))
    }

    /// A virtual router that has left the configuration says nothing more, and begins from the start when it comes back.
    /// A hook that has left isn't waited for when it comes back.
    mutating func forgetRemoved(_ machine: Int, _ model: ConfigurationModel) {
        let left = Set(model.instances.map(Machine.router))
        for router in machines[machine].states.indices {
            if !left.contains(router) { forget(machine, router, "removed") }
            machines[machine].pendingHooks[router].formIntersection(machines[machine].beforeMasters(of: router))
        }
    }

    private mutating func forget(_ machine: Int, _ router: Int, _ reason: String) {
        change(machine, router, to: .initialize, reason)
        machines[machine].notified[router] = nil
    }

    /// A new core gets a report of what there is, and what a predecessor has left behind goes (docs/decisions, D14).
    ///
    /// - Returns: what stays with the instances that go on.
    private mutating func begin(
        _ machine: Int, _ model: ConfigurationModel, _ evidence: StaleAddresses.Evidence
    ) -> [AddressRecord] {
        machines[machine].node = Node()
        machines[machine].leasesMayEndSince = now
        machines[machine].isBeginning = true
        if !heartbeats.isEmpty { give(machine, .bootNonce(random.next())) }
        machines[machine].actingModel = model
        machines[machine].awaitsConfiguration = false
        machines[machine].toldOrders = [:]
        machines[machine].inbox = []
        machines[machine].requests = []
        machines[machine].kernelFreeAt = now
        machines[machine].answersUnderWay = 0
        machines[machine].notifications = []
        machines[machine].losesNotifications = false
        machines[machine].foreignRemovalUntil = [:]
        // What the file no longer has gets no notification from a core that has never known it.
        let routers = evidence.records == nil ? [] : Set(model.instances.map { Machine.router(of: $0) })
        for router in machines[machine].notified.indices where !routers.contains(router) {
            machines[machine].notified[router] = nil
        }
        _ = machines[machine].kernel.takeNotifications()
        let names = Dictionary(
            machines[machine].kernel.links.map { ($0.state.index, $0.state.name) }, uniquingKeysWith: { $1 })
        let stale = StaleAddresses(
            injection?.adopting(model) ?? model, previous: machines[machine].previousModels,
            kernel: machines[machine].kernel.all.map(\.address), interfaces: names, evidence)
        var stuck: [AddressRecord] = []
        trace.note(
            now, machine,
            "finds \(stale.leaving.map(\.key.address)), keeps \(stale.staying.map(\.key.address)), "
                + "forgets \(stale.unused.map(\.key.address))")
        for record in stale.leaving {
            allowAdoption(machine, record.key, model, isStart: evidence.records == nil)
            if isDisturbed, happens(oneIn: 50) {
                stuck.append(record)
                continue
            }
            _ = machines[machine].kernel.remove(record.key, by: .ours, isGuarded: true)
            checkForeignRemovals(machine)
            if let slot = record.slot { endRecord(machine, Int(slot)) }
        }
        for record in stale.unused { if let slot = record.slot { endRecord(machine, Int(slot)) } }
        reportAll(machine)
        // The notifications of what has just gone are read with that.
        _ = machines[machine].kernel.takeNotifications()
        if !stuck.isEmpty { give(machine, .staleAddresses(stuck)) }
        return stale.staying
    }

    private mutating func endRecord(_ machine: Int, _ slot: Int) {
        machines[machine].ledger[slot] = nil
        machines[machine].ledgerKeys[slot] = nil
    }

    /// Allows a start to remove what a keepalived has left, and with adopt_leftovers what nobody has marked, although
    /// another program has added it.
    private mutating func allowAdoption(
        _ machine: Int, _ key: AddressKey, _ model: ConfigurationModel, isStart: Bool
    ) {
        guard let held = machines[machine].kernel.held(key), held.owner == .otherProgram, isStart else { return }
        let isNamed = model.instances.contains { settings in
            settings.priority != .owner
                && settings.allAddresses.contains {
                    $0.prefix.address == key.address
                        && machines[machine].kernel.key(of: $0, settings)?.interfaceIndex == key.interfaceIndex
                }
        }
        let isAdopted =
            held.address.addedBy == AddressProtocol.keepalived
            || held.address.addedBy == 0 && model.global.adoptsLeftovers
        guard isNamed, isAdopted else { return }
        machines[machine].kernel.change(key) { $0.owner = .disputed }
    }

    /// SIGTERM: hands over and withdraws.
    mutating func stop(_ machine: Int) {
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].isStopped = true
        give(machine, .stopAfterHooks)
    }

    mutating func pause(_ machine: Int, stopsClock: Bool) {
        guard machines[machine].node != nil, !machines[machine].isPaused else { return }
        machines[machine].isPaused = true
        machines[machine].pausedAt = now
        if stopsClock { machines[machine].clock.stop(at: now) }
        trace.note(now, machine, "paused\(stopsClock ? " with its clock" : "")")
    }

    private mutating func unpause(_ machine: Int) {
        machines[machine].isPaused = false
        machines[machine].clock.resume(at: now)
        machines[machine].inbox = []
    }

    /// Everything that waits is read before any timer fires.
    mutating func resume(_ machine: Int) {
        guard machines[machine].isPaused else { return }
        let waiting = machines[machine].inbox
        unpause(machine)
        machines[machine].leasesMayEndSince = now
        trace.note(now, machine, "resumed")
        let length = now - machines[machine].pausedAt
        machines[machine].foreignRemovalUntil = machines[machine].foreignRemovalUntil.mapValues { $0 + length }
        let readsNotificationsFirst = Bool.random(using: &random)
        machines[machine].isCatchingUp = true
        if readsNotificationsFirst { deliverNotifications(machine) }
        for pending in waiting { deliver(pending, to: machine) }
        if !readsNotificationsFirst { deliverNotifications(machine) }
        machines[machine].isCatchingUp = false
        give(machine, .timeout)
    }
}
