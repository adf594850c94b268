import Base

/// When somebody has to look for addresses that nobody advertises (docs/decisions.md, D12): a total table of what happens
/// to the VRRP worker and to the process that looks.
package struct StaleAddressWatch: Sendable {
    /// What happens.
    package enum Event: Hashable, Sendable {
        /// The worker is gone.
        case workerEnded
        /// Its successor is about to be started: it decides what stays.
        case successorStarts
        case workerRuns
        /// The time to look has come.
        case due
        /// The process that looked is gone.
        case looked(Verdict)
    }

    /// What the process that looked has found.
    package enum Verdict: Hashable, Sendable {
        case nothingLeft
        /// Somebody's time hasn't come yet.
        case moreLater
        /// It couldn't be started, or failed.
        case failed
    }

    /// What is to be done.
    package enum Action: Hashable, Sendable {
        /// Wake this machine after this time.
        case wake(Interval)
        /// Don't wake it.
        case sleep
        /// Start the process that looks.
        case look
        case endLook
        /// Tell that it failed.
        case tellFailure
    }

    private var isOrphaned = false
    private var isLooking = false
    /// Whether the process was told to end, or what it finds is out of date.
    private var isOutdated = false

    /// All is well.
    package init() {}

    /// Applies an event; `interval` is the smallest advertisement interval.
    package mutating func handle(_ event: Event, interval: Interval) -> [Action] {
        switch event {
        case .workerEnded:
            // Workers that never got so far as to run don't prolong the time.
            if isOrphaned { return [] }
            isOrphaned = true
            if isLooking { isOutdated = true }
            return [.wake(interval * 2)]
        case .successorStarts: return endLook()
        case .workerRuns:
            isOrphaned = false
            return [.sleep] + endLook()
        case .due:
            guard isOrphaned else { return [] }
            if isLooking {
                isOutdated = true
                return []
            }
            isLooking = true
            return [.look]
        case .looked(let verdict):
            defer {
                isLooking = false
                isOutdated = false
            }
            let again: [Action] = isOrphaned ? [.wake(max(.milliseconds(20), interval / 4))] : []
            if isOutdated { return again }
            switch verdict {
            case .nothingLeft: return []
            case .moreLater: return again
            case .failed: return [.tellFailure] + again
            }
        }
    }

    private mutating func endLook() -> [Action] {
        guard isLooking else { return [] }
        isOutdated = true
        return [.endLook]
    }
}
