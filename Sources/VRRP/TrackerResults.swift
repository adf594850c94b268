import Base
import ConfigurationModel

/// The results of tracked objects that a node knows (docs/decisions, D45).
struct TrackerResults: Sendable {
    private var results: [TrackerKey: TrackerResult] = [:]
    /// Those that are in effect with the next configuration; nil when none were given.
    private var next: [TrackerKey: TrackerResult]?

    subscript(_ key: TrackerKey) -> TrackerResult { results[key] ?? .none }

    /// Takes in the table of the configuration that comes next.
    mutating func prepare(_ states: [TrackerState]) {
        next = Dictionary(states.map { ($0.key, $0.result) }, uniquingKeysWith: { $1 })
    }

    /// Takes in a result. It counts for the next configuration, too, when its table has come. - Returns: whether it is
    /// another one than before.
    mutating func note(_ state: TrackerState) -> Bool {
        if next?[state.key] != nil { next?[state.key] = state.result }
        guard self[state.key] != state.result else { return false }
        results[state.key] = state.result
        return true
    }

    /// The next configuration is in effect. - Returns: the objects whose results are other ones than before.
    mutating func adopt() -> [TrackerKey] {
        guard let next else { return [] }
        let former = results
        results = next
        self.next = nil
        return Set(former.keys).union(next.keys).filter { (former[$0] ?? .none) != self[$0] }
    }
}
