import Base
import Configuration

/// Limits of the fight for an address with somebody who keeps removing it (pain point A1).
private let removalsMax = 5
private let removalWindow = Interval.seconds(10)

extension VirtualRouter {
    mutating func install(
        _ addresses: [VirtualAddress], _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard !addresses.isEmpty else { return }
        refusedWithdrawals.removeAll { addresses.contains($0) }
        let work = KernelWork(
            instance: id, generation: generation, addresses: addresses, interface: settings.interface,
            isInstall: true)
        actions.append(.install(id, addresses, ticket: context.issueTicket(for: work)))
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
        let touched = work.addresses.map(\.prefix.address)
        let isCurrent = work.generation == generation
        switch outcome {
        case .done: note(touched, isInstall: work.isInstall, keeping: [])
        case .doneKeeping(let others): note(touched, isInstall: work.isInstall, keeping: others)
        case .failed(let sentence):
            actions.append(.observe(.kernelFailure(id, sentence)))
            keep(work, at: now, &context)
        }
        guard isCurrent, state == .master, work.isInstall else { return }
        // After a failure too: it may be one address of many, and the others are ours to announce.
        context.announcer.announce(
            work.addresses, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
        guard !isInstalled else { return }
        isInstalled = true
        if settings.announcements.delay > .zero {
            context.set(.announceAgain, of: id, to: now + settings.announcements.delay)
        }
        scheduleRefresh(at: now, &context)
    }

    /// Keeps refused work for later, as far as it is still wanted.
    private mutating func keep(_ work: KernelWork, at now: Instant, _ context: inout NodeContext) {
        let wanted = state == .master ? Set(allAddresses) : []
        for address in work.addresses where wanted.contains(address) == work.isInstall {
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
    /// its skew: we don't serve the address, and nobody gains by waiting.
    mutating func addressRemoved(
        _ address: IPAddress, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master, installed.contains(address),
            let removed = allAddresses.first(where: { $0.prefix.address == address }), !removed.isUntracked
        else { return }
        installed.removeAll { $0 == address }
        removals.removeAll { now - $0 > removalWindow }
        removals.append(now)
        if removals.count >= removalsMax {
            advertise(.release, at: now, into: &actions)
            enterBackup(.addressRemoved(address), at: now, &context, into: &actions)
        } else {
            actions.append(.observe(.addressRemoved(id, address)))
            install([removed], &context, into: &actions)
        }
    }
}
