import Base

package enum StaleAddressEvent: Hashable, Sendable {
    /// The worker is gone.
    case workerEnded
    /// Its successor is about to be started: it decides what stays.
    case successorStarts
    case workerRuns
    /// The time to look has come.
    case due
    /// The process that looked is gone.
    case looked(StaleAddressFinding)
}

/// The finding of the process that looked.
package enum StaleAddressFinding: Hashable, Sendable {
    case nothingLeft
    /// A MASTER's time hasn't come yet.
    case moreLater
    /// It couldn't be started, or failed.
    case failed
}

package enum StaleAddressAction: Hashable, Sendable {
    /// Wake `StaleAddressWatch` after this time.
    case wake(Interval)
    /// Don't wake it.
    case sleep
    /// Start the process that looks.
    case look
    case endLook
    /// Log that it failed.
    case reportFailure
}

/// The times at which a process looks for addresses that no worker advertises (docs/decisions, D12): a total table of the
/// events of the VRRP worker and of that process.
package struct StaleAddressWatch: Sendable {
    private var hasNoWorker = false
    private var isLooking = false
    /// True if the process was ended, or what it finds is out of date.
    private var isOutdated = false

    /// All is well.
    package init() {}

    /// Applies an event; `interval` is the smallest advertisement interval.
    package mutating func handle(_ event: StaleAddressEvent, interval: Interval) -> [StaleAddressAction] {
        switch event {
        case .workerEnded:
            // Workers that never got so far as to run don't prolong the time.
            if hasNoWorker { return [] }
            hasNoWorker = true
            if isLooking { isOutdated = true }
            return [.wake(interval * 2)]
        case .successorStarts: return endLook()
        case .workerRuns:
            hasNoWorker = false
            return [.sleep] + endLook()
        case .due:
            guard hasNoWorker else { return [] }
            if isLooking {
                isOutdated = true
                return []
            }
            isLooking = true
            return [.look]
        case .looked(let finding):
            defer {
                isLooking = false
                isOutdated = false
            }
            let again: [StaleAddressAction] = hasNoWorker ? [.wake(max(.milliseconds(20), interval / 4))] : []
            if isOutdated { return again }
            switch finding {
            case .nothingLeft: return []
            case .moreLater: return again
            case .failed: return [.reportFailure] + again
            }
        }
    }

    private mutating func endLook() -> [StaleAddressAction] {
        guard isLooking else { return [] }
        isOutdated = true
        return [.endLook]
    }
}
