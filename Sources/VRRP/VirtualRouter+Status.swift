import Base
import ConfigurationModel

extension VirtualRouter {
    func status(_ context: NodeContext) -> InstanceStatus {
        var status = InstanceStatus(since: since, priority: priority, advertInterval: masterInterval)
        status.state = state
        status.master = master
        status.masterPriority = masterPriority
        status.lastAdvertReceived = lastAdvertAt
        status.faults = faults
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
            // What the kernel hasn't let go yet.
            status.installedAddresses = heldKeys(context).map(\.address)
            status.strangers = foreignAddresses(context)
        }
        status.lastDiscard = lastDiscard.map {
            LastDiscard(
                $0.reason, source: $0.source, detail: $0.detail, at: $0.at,
                countsUntil: $0.at + masterDownInterval * 3)
        }
        status.rivals = rivals.rivals
        // A MASTER's own list counts: of another one it is of interest as long as there are two.
        if let (other, time) = differentAddresses,
            state != .master || status.rivals.contains(where: { $0.source == other })
        {
            status.differentAddresses = DifferentAddresses(other, countsUntil: time + masterDownInterval)
        }
        if state == .backup {
            status.waiting = waiting
            // While preempt_delay runs, the master-down timer is started again by each advertisement.
            status.takeoverAt = max(masterDownAt, preemptionAt ?? masterDownAt)
        }
        return status
    }
}
