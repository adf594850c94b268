import Base
import ConfigurationModel

/// The verdict on a vrrp_track_process: as many processes run as it asks for, or not. A change counts when it has lasted as long as it says:
/// fork_delay after a process has begun, terminate_delay after one has ended (keepalived.conf(5)).
package struct ProcessQuorum: Sendable {
    private let wanted: ClosedRange<Int>
    private let forkDelay: Interval
    private let terminateDelay: Interval
    package private(set) var result: TrackerResult
    /// Number of processes; nil when they haven't been counted.
    private(set) var count: Int?
    /// The time of the next call of `due`.
    package private(set) var deadline = Instant.never

    /// - Parameter result: what a former hasup-track has come to.
    package init(_ process: TrackProcess, _ result: TrackerResult = .none) {
        wanted = process.quorum...max(process.quorum, process.quorumMaximum ?? .max)
        forkDelay = process.forkDelay
        terminateDelay = process.terminateDelay
        self.result = result
    }

    /// So many processes run: the new result, nil while it stays. The first count decides at once.
    package mutating func counted(_ count: Int, at now: Instant) -> TrackerResult? {
        let before = self.count
        self.count = count
        let next: TrackerResult = wanted.contains(count) ? .up : .down
        guard next != result else {
            deadline = .never
            return nil
        }
        // What it has been before isn't known: more of them are up, and fewer down.
        let hasBegun = before.map { count > $0 } ?? (next == .up)
        let delay = result == .none ? .zero : hasBegun ? forkDelay : terminateDelay
        guard delay > .zero else { return take(next) }
        if deadline == .never { deadline = now + delay }
        return nil
    }

    /// The deadline may have come: the new result, nil while it stays.
    package mutating func due(at now: Instant) -> TrackerResult? {
        guard now >= deadline, let count else { return nil }
        return take(wanted.contains(count) ? .up : .down)
    }

    private mutating func take(_ next: TrackerResult) -> TrackerResult? {
        deadline = .never
        guard next != result else { return nil }
        result = next
        return next
    }

    /// The count in words: `1 process, at least 2 wanted`; empty when it isn't known.
    package var detail: String {
        guard let count else { return "" }
        let processes = count == 1 ? "1 process" : "\(count) processes"
        if count < wanted.lowerBound { return "\(processes), at least \(wanted.lowerBound) wanted" }
        return count > wanted.upperBound ? "\(processes), at most \(wanted.upperBound) wanted" : processes
    }
}
