import Base
import ConfigurationModel

extension VirtualRouter {
    func status(_ context: NodeContext, at now: Instant) -> InstanceStatus {
        var status = InstanceStatus(priority: priority, advertInterval: masterInterval)
        status.state = state
        status.timeInState = since.age(at: now)
        status.since = since
        status.source = source
        status.master = master
        status.masterPriority = masterPriority
        status.lastAdvertAge = lastAdvertAt?.age(at: now)
        status.faults = faults
        status.contributions = Tracking.effects(on: settings, context).contributions
        let unraised = settings.priority(changedBy: status.contributions.reduce(0) { $0 + Int($1.amount) })
        if let raise = raise(above: unraised) { status.contributions.append(raise) }
        if awaitsResults {
            // The others' first results come within a moment.
            let scripts = Tracking.awaited(by: settings, context.trackers).filter { $0.kind == .script }
            status.awaitedScripts = scripts.map(\.name)
        }
        status.lastTransition = lastTransition
        status.counters = counters
        status.unadvertisedAddresses = unadvertisedCount
        if state == .master {
            let served = served(context)
            status.installedAddresses = served.installed
            status.foreignAddresses = served.foreign
            status.waitingAddresses = served.waiting
            status.unusableAddresses = served.unusable
            // Where no neighbour learns of it, it does no harm.
            status.strangers = foreignAddresses(context).filter { !$0.isSilent }
        } else {
            // The kernel hasn't removed them yet.
            status.installedAddresses = heldKeys(context).map(\.address)
            status.strangers = foreignAddresses(context)
        }
        status.lastDiscard = lastDiscard.map {
            LastDiscard(
                $0.reason, source: $0.source, detail: $0.detail, age: $0.at.age(at: now),
                isRecent: now < $0.at + masterDownInterval * 3)
        }
        status.told = lastNotification?.trigger.rawValue ?? 0
        status.rivals = rivals.rivals.filter { now < $0.countsUntil }.map {
            RivalReport($0.source, $0.sign, since: $0.since.age(at: now), age: $0.lastHeard.age(at: now))
        }
        // A MASTER's own list counts: of another one it is of interest as long as there are two.
        if let (other, time) = differentAddresses, now < time + masterDownInterval,
            state != .master || status.rivals.contains(where: { $0.source == other })
        {
            status.differentAddressesOf = other
        }
        if state == .backup {
            status.waiting = waiting
            // While preempt_delay runs, the master-down timer is started again by each advertisement.
            let due = max(masterDownAt, preemptionAt ?? masterDownAt)
            if order != .maintenance { status.takeover = max(.zero, due - now) }
            if let hold = context.guards.hold(of: id) {
                status.waiting = .guarded
                status.guardHold = hold
                // Its own timer is over.
                status.takeover = hold.until == .never ? nil : max(.zero, hold.until - now)
            }
        }
        status.isResigning = isResigning
        describeLease(in: &status, at: now)
        if !awaitedHooks.isEmpty, let end = context.deadline(of: .hook, of: id) {
            status.awaitedHook = .beforeMaster
            status.hookTimeLeft = max(.zero, end - now)
        }
        return status
    }
}
