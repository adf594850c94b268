import Base
import ConfigurationModel

/// A removal by another program.
struct Removal {
    var address: IPAddress
    var at: Instant
}

/// Limits of the fight for an address with a program that keeps removing it (pain point A1).
private let removalsMax = 5
private let removalWindow = Interval.seconds(10)
/// Addresses that are removed within this time are reported together: one command may remove thousands.
private let removalGathering = Interval.milliseconds(100)

/// Requests to the kernel, its answers and its notifications.
extension VirtualRouter {
    /// Returns the place of an address; nil while its interface doesn't exist.
    func place(of address: VirtualAddress, _ context: NodeContext) -> PlacedAddress? {
        context.interfaces.index(of: interface(of: address)).map { PlacedAddress(address, interfaceIndex: $0) }
    }

    /// The interface that an address goes to.
    func interface(of address: VirtualAddress) -> String { address.interface ?? settings.interface }

    // MARK: Requests

    /// Sees to it that the kernel has these addresses, in the form that the settings want. One that is there and isn't
    /// ours stays as it is.
    mutating func install(
        _ addresses: [VirtualAddress], at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        // Before that nobody may have them, whatever happens to interfaces or configuration.
        guard !addresses.isEmpty, awaitedHooks.isEmpty else { return }
        let places = addresses.compactMap { place(of: $0, context) }
        if places.count != addresses.count { reportWaiting(addresses, context, into: &actions) }
        let wrong = places.filter { placed in
            context.ledger[placed.key].map { $0.owner == id && $0.hasOtherForm(than: placed.address) } ?? false
        }
        withdraw(wrong.map(\.key), &context, into: &actions)
        var requested: [PlacedAddress] = []
        var hasRoom = true
        let ticket = context.nextTicket
        for placed in places where context.mustRequest(for: placed, id) {
            let isKept = context.ledger.request(
                placed.key, owner: id, fingerprint: fingerprint, form: placed.address.form, ticket: ticket)
            if isKept { requested.append(placed) } else { hasRoom = false }
        }
        if !hasRoom {
            actions.append(
                .observe(
                    .kernelFailure(id, "there are more addresses than hasup can keep account of: some aren't added")))
        }
        guard !requested.isEmpty else {
            // An answer that is still to come settles it otherwise.
            if !isUnderWay(places, context) { settle(at: now, &context) }
            return
        }
        beginLease(of: &requested, at: now, &context)
        let work = KernelWork(instance: id, generation: generation, keys: requested.map(\.key), added: requested)
        actions.append(.install(requested, ticket: context.issueTicket(for: work)))
    }

    /// True if the kernel has been asked for one of these by this instance, and hasn't answered.
    private func isUnderWay(_ places: [PlacedAddress], _ context: NodeContext) -> Bool {
        places.contains { placed in
            guard let entry = context.ledger[placed.key], entry.owner == id, case .requested = entry.phase else {
                return false
            }
            return true
        }
    }

    /// Takes addresses of ours away.
    mutating func withdraw(_ keys: [AddressKey], _ context: inout NodeContext, into actions: inout [Action]) {
        guard !keys.isEmpty else { return }
        refusedWithdrawals.removeAll { keys.contains($0) }
        let work = KernelWork(instance: id, generation: generation, keys: keys)
        context.withdraw(work, into: &actions)
    }

    /// Takes everything of this instance away, wherever it is by now.
    mutating func withdrawAll(_ context: inout NodeContext, into actions: inout [Action]) {
        refused = []
        withdraw(heldKeys(context), &context, into: &actions)
    }

    /// Returns the addresses of this instance in the ledger. Nearly always just what the settings name, so the whole
    /// ledger is looked through only when there is more.
    func heldKeys(_ context: NodeContext) -> [AddressKey] {
        let count = context.ledger.count(of: id)
        guard count > 0 else { return [] }
        let wanted = allAddresses.compactMap { place(of: $0, context)?.key }
            .filter { context.ledger[$0]?.owner == id }
        return Set(wanted).count == count ? wanted : context.ledger.keys(of: id)
    }

    private func reportWaiting(_ addresses: [VirtualAddress], _ context: NodeContext, into actions: inout [Action]) {
        for address in addresses where context.interfaces[interface(of: address)] == nil {
            actions.append(.observe(.addressWaits(id, address.prefix, interface: interface(of: address))))
        }
    }

    // MARK: Interfaces

    /// An interface that didn't exist is there: what belongs on it goes there now, and is announced.
    mutating func interfaceAppeared(
        _ name: String, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master else { return }
        install(allAddresses.filter { interface(of: $0) == name }, at: now, &context, into: &actions)
    }

    /// An interface is usable now, or has another hardware address: its neighbours are told.
    mutating func announce(on name: String, at now: Instant, _ context: inout NodeContext) {
        guard state == .master else { return }
        let there = allAddresses.filter { interface(of: $0) == name && isPresent($0, context) }
        context.announcer.announce(
            there, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
    }

    /// An interface is gone, and with it what was on it.
    mutating func interfaceVanished(_ name: String, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master else { return }
        let lost = allAddresses.filter { interface(of: $0) == name }
        refused.removeAll { failure in lost.contains { $0.prefix.address == failure.address } }
        context.announcer.cancel(Set(lost), of: id)
        reportWaiting(lost, context, into: &actions)
    }

    // MARK: Answers of the kernel

    /// Draws the consequences of an answer. What the kernel has was noted before, whatever is wanted by now; the rest
    /// only happens when the request was this state's.
    mutating func applied(
        _ work: KernelWork, _ answer: KernelAnswer, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        if !answer.sentence.isEmpty { actions.append(.observe(.kernelFailure(id, answer.sentence))) }
        var announced: [VirtualAddress] = []
        for (place, result) in answer.results.enumerated() {
            let key = work.keys[place]
            if let added = work.added {
                let address = added[place].address
                refused.removeAll { $0.address == key.address && !$0.isRefused(by: result) }
                if case .refused(let code) = result, state == .master, allAddresses.contains(address) {
                    if !refused.contains(where: { $0.address == key.address }) {
                        refused.append(UnusableAddress(key.address, code: code))
                    }
                    context.set(.kernelRetry, of: id, to: now + kernelRetryDelay)
                } else if isPresent(address, context) {
                    announced.append(address)
                }
            } else if case .refused = result, context.ledger[key]?.owner == id {
                if !refusedWithdrawals.contains(key) { refusedWithdrawals.append(key) }
                context.set(.kernelRetry, of: id, to: now + kernelRetryDelay)
            }
        }
        // What may have gone before the answer came is requested again: then it is there, or it comes.
        let gone = Set((work.added ?? []).map(\.key).filter { context.ledger[$0]?.mayBeGone == true })
        if state == .master, !gone.isEmpty {
            let again = allAddresses.filter { address in
                place(of: address, context).map {
                    gone.contains($0.key) && context.ledger[$0.key]?.phase == .missing
                } ?? false
            }
            install(again, at: now, &context, into: &actions)
        }
        guard work.generation == generation, state == .master, work.added != nil else { return }
        // A reload has changed the keyword since.
        if work.added?.contains(where: { $0.lease != settings.addressLease }) == true {
            correctLease(of: work.keys, at: now, &context, into: &actions)
        }
        if isInstalled {
            // What was refused isn't here: its neighbours are told when it is.
            context.announcer.announce(
                announced, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
        } else {
            settle(at: now, &context)
        }
        checkServing(at: now, &context, into: &actions)
        tellMaster(at: now, &context, into: &actions)
    }

    /// The kernel has answered the installation of this mastership, as far as there was one: neighbours are told.
    private mutating func settle(at now: Instant, _ context: inout NodeContext) {
        guard state == .master, !isInstalled else { return }
        isInstalled = true
        context.orders.mayHaveChanged = true
        announceAll(rounds: settings.announcements.rounds, at: now, &context)
        if settings.announcements.delay > .zero {
            context.set(.announceAgain, of: id, to: now + settings.announcements.delay)
        }
        scheduleRefresh(at: now, &context)
    }

    mutating func retryRefused(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        let withdrawals = refusedWithdrawals.filter { context.ledger[$0]?.owner == id }
        refusedWithdrawals = []
        // Meanwhile MASTER again, it may want what it had given back: in the right form, at most.
        let wanted = state == .master ? Set(allAddresses.compactMap { place(of: $0, context)?.key }) : []
        withdraw(withdrawals.filter { !wanted.contains($0) }, &context, into: &actions)
        let again = Set(refused.map(\.address) + withdrawals.filter(wanted.contains).map(\.address))
        guard state == .master, !again.isEmpty else { return }
        let addresses = allAddresses.filter { again.contains($0.prefix.address) }
        install(addresses, at: now, &context, into: &actions)
        announceFound(addresses, at: now, &context)
    }

    /// Announces addresses that a MASTER gets later than the others and that are there already: they aren't requested,
    /// so no answer will have it announced.
    mutating func announceFound(_ addresses: [VirtualAddress], at now: Instant, _ context: inout NodeContext) {
        guard isInstalled else { return }
        let found = addresses.filter { address in
            place(of: address, context).map { context.ledger[$0.key] == nil } ?? false && isPresent(address, context)
        }
        context.announcer.announce(
            found, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
    }

    // MARK: Notifications of the kernel

    /// Another program has removed addresses of ours, or foreign ones that served us. They are put back at once, which
    /// keeps the service up through a stray `ip address flush`; against a program that persists we yield, with priority
    /// 0 so that a peer takes over within its skew: we don't serve the address, and nobody gains by waiting. Each
    /// address has its own count: one command may remove many, a whole network with its first address.
    ///
    /// - Parameter isBlamed: whether another program must have done it; none is blamed for what went with an address that we
    ///   took away, or when notifications were lost.
    mutating func addressesRemoved(
        _ removed: [IPAddress], isBlamed: Bool, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        guard state == .master, !yieldsAfterLease(at: now, &context, into: &actions) else { return }
        let gone = Set(removed)
        let missing = allAddresses.filter { gone.contains($0.prefix.address) && !isPresent($0, context) }
        // What isn't put back isn't ours any more: what appears there later is another program's.
        for key in missing.filter(\.isUntracked).compactMap({ place(of: $0, context)?.key })
        where context.ledger[key]?.phase == .missing {
            context.ledger.end(key)
        }
        let lost = missing.filter { !$0.isUntracked }
        guard !lost.isEmpty else { return }
        guard isBlamed, now < leaseEndsAt, now >= lease.blamelessUntil else {
            return install(lost, at: now, &context, into: &actions)
        }
        removals.removeAll { now - $0.at > removalWindow }
        removals += lost.map { Removal(address: $0.prefix.address, at: now) }
        var counts: [IPAddress: Int] = [:]
        for removal in removals { counts[removal.address, default: 0] += 1 }
        if let worst = lost.first(where: { counts[$0.prefix.address, default: 0] >= removalsMax }) {
            advertise(.release, at: now, into: &actions)
            enterBackup(.addressRemoved(worst.prefix.address), at: now, &context, into: &actions)
            return
        }
        if unreportedRemovals.isEmpty { context.set(.reportRemovals, of: id, to: now + removalGathering) }
        unreportedRemovals.formUnion(lost.map(\.prefix.address))
        install(lost, at: now, &context, into: &actions)
    }

    /// Reports what was removed within a moment. Not when an interface went down meanwhile, which takes IPv6 addresses
    /// along.
    mutating func reportRemovals(_ context: NodeContext, into actions: inout [Action]) {
        let removed = unreportedRemovals
        unreportedRemovals = []
        guard state == .master else { return }
        let reported = allAddresses.filter {
            removed.contains($0.prefix.address) && context.interfaces[interface(of: $0)]?.isUsable == true
        }
        guard let first = reported.first else { return }
        actions.append(.observe(.addressRemoved(id, first.prefix.address, count: reported.count)))
    }
}

extension UnusableAddress {
    fileprivate func isRefused(by result: AddressResult) -> Bool {
        if case .refused(code) = result { true } else { false }
    }
}
