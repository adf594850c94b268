import Base
import Configuration

extension VirtualRouter {
    /// What status shows.
    func status(_ context: NodeContext) -> InstanceStatus {
        var status = InstanceStatus(since: since, priority: priority, advertInterval: masterInterval)
        status.state = state
        status.master = master
        status.masterPriority = masterPriority
        status.lastAdvertReceived = lastAdvertAt
        status.faults = faults
        status.lastTransition = lastTransition
        status.counters = counters
        status.installedAddresses = installed
        status.foreignAddresses = foreign
        status.waitingAddresses = waitingAddresses(context)
        if state == .backup {
            status.waiting = waiting
            // While preempt_delay runs, the master-down timer is started again by each advertisement.
            let delayEnds = preemptDelaySince.map { $0 + settings.preemptDelay }
            status.takeoverAt = max(masterDownAt, waiting == .preemptDelay ? delayEnds ?? masterDownAt : masterDownAt)
        }
        return status
    }
}
