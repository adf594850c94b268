import Base
import ConfigurationModel
import VRRP

/// Requests to a kernel, its answers and its notifications.
extension World {
    // MARK: Requests

    mutating func request(_ machine: Int, _ work: KernelRequest.Work, ticket: UInt64) {
        let isSlow = happens(oneIn: 20)
        let takes = Int64.random(in: 20_000...(isSlow ? 80_000_000 : 400_000), using: &random)
        let done = max(now, machines[machine].kernelFreeAt) + takes
        machines[machine].kernelFreeAt = done
        var request = KernelRequest(work: work, ticket: ticket, requestedAt: now)
        if case .withdraw(let keys, _) = work {
            let asked = machines[machine].requests.flatMap { earlier -> [AddressKey] in
                if case .install(let places) = earlier.work { places.map(\.key) } else { [] }
            }
            request.unanswered = Set(asked).intersection(keys)
        }
        machines[machine].requests.append(request)
        if injection == .answersEarly, case .install(let addresses) = work {
            machines[machine].answersUnderWay += 1
            let answer = KernelAnswer(addresses.map { _ in .done })
            schedule(.answer(machine: machine, life: machines[machine].life, ticket: ticket, answer), after: 0)
        }
        schedule(.work(machine: machine, life: machines[machine].life), after: done - now)
    }

    /// The first request's work is done, and its answer begins its way.
    mutating func work(_ machine: Int) {
        guard !machines[machine].requests.isEmpty else { return }
        let request = machines[machine].requests.removeFirst()
        if case .read = request.work { return readAnew(machine) }
        let answer = execute(request, on: machine)
        let arrives = max(
            now + Int64.random(in: 0...300_000, using: &random), machines[machine].lastAnswerAt)
        machines[machine].lastAnswerAt = arrives
        machines[machine].answersUnderWay += 1
        schedule(
            .answer(machine: machine, life: machines[machine].life, ticket: request.ticket, answer),
            after: arrives - now)
        sendNotifications(machine)
    }

    /// A process dies over its requests: what the kernel was doing it does, and the answer is lost.
    mutating func endKernelWork(_ machine: Int) {
        if let first = machines[machine].requests.first, Bool.random(using: &random) {
            _ = execute(first, on: machine)
        }
        machines[machine].requests = []
    }

    private mutating func execute(_ request: KernelRequest, on machine: Int) -> KernelAnswer {
        var results: [AddressResult]
        switch request.work {
        case .read: return KernelAnswer([])
        case .install(let addresses):
            results = addresses.map { install($0, on: machine) }
        case .renew(let addresses, let guarded):
            results = addresses.map { renew($0, isGuarded: guarded.contains($0.interfaceIndex), on: machine) }
        case .withdraw(let keys, let guarded):
            results = keys.map { _ in .absent }
            for isGuarded in [false, true] {
                for (place, key) in keys.enumerated() where guarded.contains(key.interfaceIndex) == isGuarded {
                    results[place] = withdraw(key, isGuarded: isGuarded, request, on: machine)
                }
            }
        }
        let isRefused = results.contains { if case .refused = $0 { true } else { false } }
        return KernelAnswer(results, sentence: isRefused ? "the kernel refuses" : "")
    }

    private mutating func install(_ placed: PlacedAddress, on machine: Int) -> AddressResult {
        if isDisturbed, happens(oneIn: 50) { return .refused(105) }
        if injection == .skipsInstalls { return .done }
        let key = placed.key
        let code = machines[machine].kernel.add(
            placed.address, on: placed.interfaceIndex, by: .ours, mark: AddressProtocol.ours,
            until: end(of: placed, on: machine), at: now)
        if code == 0 { scheduleEnd(of: key, on: machine) }
        trace.note(now, machine, "adds \(key.address)/\(key.length) to \(key.interfaceIndex): \(code)")
        if code == 0, placed.address.duplicateAddressDetection {
            schedule(.detected(machine: machine, key, addedAt: now), after: 1_000_000_000)
        }
        return code == 0 ? .done : code == 17 ? .existed : .refused(code)
    }

    private mutating func withdraw(
        _ key: AddressKey, isGuarded: Bool, _ request: KernelRequest, on machine: Int
    ) -> AddressResult {
        if isDisturbed, happens(oneIn: 50) { return .refused(16) }
        let code = machines[machine].kernel.remove(key, by: .ours, isGuarded: isGuarded)
        trace.note(now, machine, "removes \(key.address)/\(key.length) from \(key.interfaceIndex): \(code)")
        checkForeignRemovals(machine, requestedAt: request.requestedAt, unanswered: request.unanswered)
        return code == 0 ? .done : .absent
    }

    /// Nobody else's address is taken away. What goes with an address of ours counts when the core knew of it.
    mutating func checkForeignRemovals(_ machine: Int, requestedAt: Int64 = 0, unanswered: Set<AddressKey> = []) {
        for (gone, isCollateral) in machines[machine].kernel.takeForeignRemovals() {
            if unanswered.contains(gone.key) { continue }
            if isCollateral {
                guard let known = machines[machine].view.addresses[gone.key], known.since < requestedAt,
                    known.address.flags.contains(.secondary)
                else { continue }
            }
            invariants.fail(now, "machine \(machine) removes \(gone.key.address), which another program has added")
        }
    }

    mutating func endDetection(_ machine: Int, _ key: AddressKey, addedAt: Int64) {
        guard let held = machines[machine].kernel.held(key), held.key == key, held.addedAt == addedAt,
            held.address.flags.contains(.tentative)
        else { return }
        let isDuplicate = isDisturbed && happens(oneIn: 2)
        if isDuplicate { trace.note(now, machine, "\(key.address) is another machine's") }
        if isDuplicate, injection == .hidesDuplicates {
            machines[machine].kernel.change(key) { $0.address.flags = .duplicate }
            machines[machine].notifications += machines[machine].kernel.takeNotifications().dropLast()
            return
        }
        machines[machine].kernel.change(key) { $0.address.flags = isDuplicate ? .duplicate : [] }
        sendNotifications(machine)
    }

    // MARK: Notifications

    /// Sends the kernel's notifications on their way.
    mutating func sendNotifications(_ machine: Int) {
        let notifications = machines[machine].kernel.takeNotifications()
        guard !notifications.isEmpty, machines[machine].node != nil, !machines[machine].losesNotifications else {
            return
        }
        let isFirst = machines[machine].notifications.isEmpty
        machines[machine].notifications += notifications
        guard isFirst else { return }
        let isSlow = happens(oneIn: 20)
        let takes = Int64.random(in: 0...(isSlow ? 20_000_000 : 300_000), using: &random)
        schedule(.notifications(machine: machine, life: machines[machine].life), after: takes)
    }

    /// All notifications until now are read together: interfaces first, as they are in the end, then the addresses.
    mutating func deliverNotifications(_ machine: Int) {
        let notifications = machines[machine].notifications
        guard !notifications.isEmpty, machines[machine].node != nil else { return }
        var links: [(index: Int32, state: InterfaceState?)] = []
        var changes: [AddressChange] = []
        for piece in notifications {
            switch piece {
            case .link(var state):
                if injection == .hidesMTU { state.mtu = 0 }
                links.removeAll { $0.index == state.index }
                links.append((state.index, state))
            case .linkRemoved(let index):
                links.removeAll { $0.index == index }
                links.append((index, nil))
            case .address(let change, let isForeign):
                if injection == .hidesForeignAddresses, change.isPresent, change.address.scope == Scenario.foreignScope
                {
                    continue
                }
                changes.append(change)
                machines[machine].view.take(change, at: now)
                // Reported 100 ms later at the latest. When hasup is removing the same address just then, the first
                // notifications pass for those of its own removal, and the next ones are blamed.
                if isForeign, injection != .ignoresForeignRemovals {
                    machines[machine].foreignRemovalUntil[change.address.key.address] = now + 220_000_000
                }
            }
        }
        for (place, (index, state)) in links.enumerated() {
            // Of the addresses it hasn't heard while it hears of the links, nor of the later links while of the first
            // ones.
            let isLast = place == links.count - 1
            machines[machine].notifications = isLast ? changes.map { .address($0, isForeign: false) } : notifications
            report(machine, index, state)
        }
        machines[machine].notifications = []
        if changes.isEmpty { checkPromises(machine) } else { give(machine, .addresses(changes, isAfterLoss: false)) }
    }

    private mutating func report(_ machine: Int, _ index: Int32, _ state: InterfaceState?) {
        let known = machines[machine].view.links[index]
        machines[machine].view.links[index] = state
        if let state {
            give(machine, .interface(state))
        } else if known != nil {
            give(machine, .interfaceRemoved(index))
        }
    }

    /// Notifications are lost from here on (ENOBUFS), until everything is read anew.
    mutating func loseNotifications(_ machine: Int) {
        guard machines[machine].node != nil, !machines[machine].losesNotifications else { return }
        machines[machine].losesNotifications = true
        machines[machine].notifications = []
        request(machine, .read, ticket: 0)
    }

    /// The difference between what was reported and what is there.
    mutating func readAnew(_ machine: Int) {
        guard machines[machine].node != nil else { return }
        guard !machines[machine].isPaused, machines[machine].answersUnderWay == 0 else {
            machines[machine].requests.insert(KernelRequest(work: .read, ticket: 0, requestedAt: now), at: 0)
            return schedule(.work(machine: machine, life: machines[machine].life), after: 5_000_000)
        }
        _ = machines[machine].kernel.takeNotifications()
        let links = machines[machine].kernel.links.map(\.state)
        let held = machines[machine].kernel.all
        let there = Set(held.map(\.key))
        let gone = machines[machine].view.addresses.values.map(\.address).filter { !there.contains($0.key) }
            .sorted {
                ($0.key.interfaceIndex, $0.key.address, $0.key.length) < (
                    $1.key.interfaceIndex, $1.key.address, $1.key.length
                )
            }
        let come = held.map(\.address).filter { machines[machine].view.addresses[$0.key]?.address != $0 }
        let indices = Set(links.map(\.index))
        let removed = machines[machine].view.links.keys.filter { !indices.contains($0) }.sorted()
        let changed = links.filter { machines[machine].view.links[$0.index] != $0 }
        let changes = gone.map { AddressChange($0, isPresent: false) } + come.map { AddressChange($0, isPresent: true) }
        for change in changes { machines[machine].view.take(change, at: now) }
        for index in removed { report(machine, index, nil) }
        for state in changed { report(machine, state.index, state) }
        machines[machine].losesNotifications = false
        give(machine, .addresses(changes, isAfterLoss: true))
    }

    /// Reports all that there is to a core that starts.
    mutating func reportAll(_ machine: Int) {
        machines[machine].view = KernelView()
        for link in machines[machine].kernel.links { report(machine, link.state.index, link.state) }
        let changes = machines[machine].kernel.all.map { AddressChange($0.address, isPresent: true) }
        for change in changes { machines[machine].view.take(change, at: now) }
        give(machine, .addresses(changes, isAfterLoss: true))
    }
}
