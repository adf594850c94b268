import Base
import ConfigurationModel

/// Handles results of tracked objects. Only the instances that track what has changed are touched.
extension Node {
    mutating func take(_ states: [TrackerState], at now: Instant, into actions: inout [Action]) {
        let changed = states.filter { context.trackers.note($0) }.map(\.key)
        reassess(trackersOf: changed, at: now, into: &actions)
    }

    mutating func reassess(trackersOf keys: [TrackerKey], at now: Instant, into actions: inout [Action]) {
        let concerned = Set(keys.flatMap(context.dependents.tracking))
        reassess(concerned.sorted(), at: now, into: &actions)
    }
}
