import Base

extension InstanceSettings {
    /// The priority in the normal state: every interface, program, process and session that it tracks is well, and every
    /// tracked file says 0. An owner's never changes, and all others stay within 1...254.
    package var normalPriority: Priority {
        if priority == .owner { return .owner }
        let weights =
            trackedInterfaces.map { (weight: $0.weight, isGood: !$0.reverse) }
            + trackers.filter { $0.kind != .file }.map { (weight: $0.weight, isGood: !$0.reverse) }
        // What is well adds a weight above 0, what isn't one below.
        let sum = weights.reduce(Int(priority.rawValue)) { sum, entry in
            entry.isGood == (entry.weight > 0) ? sum + entry.weight : sum
        }
        return Priority(rawValue: UInt8(min(max(sum, 1), 254)))
    }
}
