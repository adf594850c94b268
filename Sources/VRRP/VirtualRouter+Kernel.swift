import Base
import Configuration

/// An address that somebody removed, and when.
struct Removal {
    var address: IPAddress
    var at: Instant
}

/// Limits of the fight for an address with somebody who keeps removing it (pain point A1).
private let removalsMax = 5
private let removalWindow = Interval.seconds(10)

extension VirtualRouter {
    mutating func install(
        _ addresses: [VirtualAddress], _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard !addresses.isEmpty else { return }
        refusedWithdrawals.removeAll { addresses.contains($0) }
        let present = addresses.filter { context.interfaces[interface(of: $0)] != nil }
        if present.count != addresses.count { tellWaiting(addresses, context, into: &actions) }
        guard !present.isEmpty else { return }
        let work = KernelWork(
            instance: id, generation: generation, addresses: present, interface: settings.interface,
            isInstall: true)
        actions.append(.install(id, present, ticket: context.issueTicket(for: work)))
    }

    /// The interface that an address goes to.
    private func interface(of address: VirtualAddress) -> String { address.interface ?? settings.interface }

    /// Addresses that a MASTER can't have, because their interface doesn't exist. They aren't remembered: what is there
    /// and what isn't follows from the interfaces.
    func waitingAddresses(_ context: NodeContext) -> [IPAddress] {
        guard state == .master else { return [] }
        return allAddresses.filter { context.interfaces[interface(of: $0)] == nil }.map(\.prefix.address)
    }

    private func tellWaiting(_ addresses: [VirtualAddress], _ context: NodeContext, into actions: inout [Action]) {
        for address in addresses where context.interfaces[interface(of: address)] == nil {
            actions.append(.observe(.addressWaits(id, address.prefix, interface: interface(of: address))))
        }
    }

    /// An interface that didn't exist is there: what belongs on it goes there now, and is announced.
    mutating func interfaceAppeared(
        _ name: String, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master, uses(name) else { return }
        install(allAddresses.filter { interface(of: $0) == name }, &context, into: &actions)
    }

    /// An interface that isn't the instance's own is usable now: nothing could be announced on it before.
    mutating func interfaceCameUp(_ name: String, at now: Instant, _ context: inout NodeContext) {
        guard state == .master, uses(name) else { return }
        let there = Set(installed + foreign)
        context.announcer.announce(
            allAddresses.filter { interface(of: $0) == name && there.contains($0.prefix.address) }, of: id,
            on: settings.interface, rounds: settings.announcements.rounds, at: now)
    }

    /// An interface is gone, and with it what was on it. That of the instance itself is a fault and doesn't come here.
    mutating func interfaceVanished(
        _ name: String, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master, uses(name) else { return }
        let lost = allAddresses.filter { interface(of: $0) == name }
        note(lost.map(\.prefix.address), isInstall: false, keeping: [])
        refusedInstalls.removeAll { lost.contains($0) }
        context.announcer.cancel(Set(lost), of: id)
        tellWaiting(lost, context, into: &actions)
    }

    /// Whether an address names this interface. Without an array of all of them: each new link asks all instances.
    private func uses(_ name: String) -> Bool {
        settings.virtualAddresses.contains { $0.interface == name }
            || settings.excludedAddresses.contains { $0.interface == name }
    }

    mutating func withdraw(
        _ addresses: [VirtualAddress], _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard !addresses.isEmpty else { return }
        refusedInstalls.removeAll { addresses.contains($0) }
        let work = KernelWork(
            instance: id, generation: generation, addresses: addresses, interface: settings.interface,
            isInstall: false)
        actions.append(.withdraw(id, addresses, ticket: context.issueTicket(for: work)))
    }

    /// The kernel answered. What it has is noted whatever we want by now; what follows from it only happens when the
    /// question was this state's.
    mutating func applied(
        _ work: KernelWork, _ outcome: KernelOutcome, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        // What was put on an interface that is gone by now went with it.
        let present =
            work.isInstall ? work.addresses.filter { context.interfaces[interface(of: $0)] != nil } : work.addresses
        let touched = present.map(\.prefix.address)
        var announced = present
        let isCurrent = work.generation == generation
        switch outcome {
        case .done, .doneKeeping: note(touched, isInstall: work.isInstall, keeping: outcome.foreign)
        case .failed(let sentence):
            actions.append(.observe(.kernelFailure(id, sentence)))
            keep(work.addresses, of: work, at: now, &context)
            announced = []
        case .partly(let sentence, let refused, let others):
            actions.append(.observe(.kernelFailure(id, sentence)))
            note(touched.filter { !refused.contains($0) }, isInstall: work.isInstall, keeping: others)
            announced.removeAll { refused.contains($0.prefix.address) }
            keep(work.addresses.filter { refused.contains($0.prefix.address) }, of: work, at: now, &context)
        }
        // What was refused isn't here: its neighbours are told when it is.
        guard isCurrent, state == .master, work.isInstall, !announced.isEmpty else { return }
        context.announcer.announce(
            announced, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
        guard !isInstalled else { return }
        isInstalled = true
        if settings.announcements.delay > .zero {
            context.set(.announceAgain, of: id, to: now + settings.announcements.delay)
        }
        scheduleRefresh(at: now, &context)
    }

    /// Keeps refused work for later, as far as it is still wanted.
    private mutating func keep(
        _ refused: [VirtualAddress], of work: KernelWork, at now: Instant, _ context: inout NodeContext
    ) {
        let wanted = state == .master ? Set(allAddresses) : []
        for address in refused where wanted.contains(address) == work.isInstall {
            if work.isInstall {
                if !refusedInstalls.contains(address) { refusedInstalls.append(address) }
            } else if !refusedWithdrawals.contains(address) {
                refusedWithdrawals.append(address)
            }
        }
        if !refusedInstalls.isEmpty || !refusedWithdrawals.isEmpty {
            context.set(.kernelRetry, of: id, to: now + kernelRetryDelay)
        }
    }

    mutating func retryRefused(_ context: inout NodeContext, into actions: inout [Action]) {
        let withdrawals = refusedWithdrawals
        let installs = refusedInstalls
        refusedWithdrawals = []
        refusedInstalls = []
        withdraw(withdrawals, &context, into: &actions)
        if state == .master { install(installs, &context, into: &actions) }
    }

    private mutating func note(_ addresses: [IPAddress], isInstall: Bool, keeping others: [IPAddress]) {
        installed.removeAll { addresses.contains($0) }
        foreign.removeAll { addresses.contains($0) }
        guard isInstall else { return }
        installed += addresses.filter { !others.contains($0) }
        foreign += others.filter { addresses.contains($0) }
    }

    /// Somebody removed one of our addresses. It is put back at once, which keeps the service up through a stray
    /// `ip address flush`; against somebody who persists we yield, with priority 0 so that a peer takes over within
    /// its skew: we don't serve the address, and nobody gains by waiting. Each address has its own count: one command
    /// may remove many, a whole network with its first address. One that wasn't ours is ours from then on. What may have
    /// gone with an address that we withdrew ourselves is put back, and nobody is blamed.
    mutating func addressRemoved(
        _ address: IPAddress, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master, installed.contains(address) || foreign.contains(address),
            let removed = allAddresses.first(where: { $0.prefix.address == address }), !removed.isUntracked
        else { return }
        note([address], isInstall: false, keeping: [])
        if context.hasWithdrawn(beside: removed, on: settings.interface, at: now) {
            return install([removed], &context, into: &actions)
        }
        removals.removeAll { now - $0.at > removalWindow }
        removals.append(Removal(address: address, at: now))
        if removals.count(where: { $0.address == address }) >= removalsMax {
            advertise(.release, at: now, into: &actions)
            enterBackup(.addressRemoved(address), at: now, &context, into: &actions)
        } else {
            actions.append(.observe(.addressRemoved(id, address)))
            install([removed], &context, into: &actions)
        }
    }
}
