import Base
import ConfigurationModel

extension VirtualRouter {
    /// First half of a reload, done for all instances before the second half of any: an address that moves from one
    /// instance to another must have gone before it comes.
    mutating func withdrawVanished(
        from new: InstanceSettings, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let kept = Set(new.virtualAddresses + new.excludedAddresses)
        let vanished = allAddresses.filter { !kept.contains($0) }
        guard state == .master, !vanished.isEmpty else { return }
        context.announcer.cancel(Set(vanished), of: id)
        // The same address with another option is corrected when it is requested; with another length it is another
        // one.
        let wanted = Set(kept.compactMap { place(of: $0, context)?.key })
        let gone = vanished.compactMap { place(of: $0, context)?.key }.filter {
            !wanted.contains($0) && context.ledger[$0]?.owner == id
        }
        withdraw(gone, &context, into: &actions)
    }

    /// Second half: the new settings are in force. State, timers, counters and the learned master stay; addresses that
    /// are new are installed and announced alone, the others aren't touched (pain point R1).
    mutating func reconfigure(
        to new: InstanceSettings, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let old = settings
        let previousDown = masterDownInterval
        let known = Set(allAddresses)
        settings = new
        renewAddressList()
        reportedAnomalies = 0
        differentAddresses = nil
        isIntervalLearned = isIntervalLearned && new.version == .v3
        if !isIntervalLearned { masterInterval = new.advertInterval }
        if state == .master {
            let added = allAddresses.filter { !known.contains($0) }
            refused.removeAll { failure in added.contains { $0.prefix.address == failure.address } }
            install(added, at: now, &context, into: &actions)
            announceFound(added, at: now, &context)
            if old.addressLease != new.addressLease {
                correctLease(of: heldKeys(context), at: now, &context, into: &actions)
            }
            if old.announcements.refresh != new.announcements.refresh, !isResigning {
                scheduleRefresh(at: now, &context)
            }
            if old.advertInterval != new.advertInterval, !isResigning {
                advertDueAt = min(advertDueAt, now + new.advertInterval)
                context.set(.advertise, of: id, to: advertDueAt)
            }
        }
        // A changed file may have mended what the kernel refused.
        unserved = nil
        retries = 0
        retryAt = .never
        context.set(.retryAddresses, of: id, to: nil)
        reassess(previousDown: previousDown, at: now, &context, into: &actions)
        if old.preemptDelay != new.preemptDelay { advancePreemption(at: now, &context) }
        checkServing(at: now, &context, into: &actions)
        if state != .master { reportForeignAddresses(context, into: &actions) }
    }
}
