import Base

/// The effect of a tracked object on an instance.
package enum TrackerEffect: Hashable, Sendable {
    /// A change of the priority, 0 for none.
    case change(Int)
    /// It keeps the instance from taking part.
    case fault
}

/// The effect of what is either well or not: a positive weight counts while it is, a negative one while it isn't, and
/// with 0 what isn't well is a fault. `reverse` changes the sign, and with 0 the two states (docs/decisions, D52).
private func weigh(_ isUp: Bool, _ weight: Int, _ reverse: Bool) -> TrackerEffect {
    if weight == 0 { return isUp == reverse ? .fault : .change(0) }
    guard isUp == (weight > 0) else { return .change(0) }
    return .change(reverse ? -weight : weight)
}

extension TrackedInterface {
    package func effect(isUp: Bool) -> TrackerEffect {
        weigh(isUp, weight, reverse)
    }
}

extension Tracker {
    /// A change by a file's number is 253 at most; one of -254 and below is a fault (behaviours §8).
    private static let fileChanges = -253...253

    /// Without a result there is no effect.
    package func effect(of result: TrackerResult) -> TrackerEffect {
        switch result {
        case .none: return .change(0)
        case .up, .down:
            if kind == .file { return .change(0) }
            return weigh(result == .up, weight, reverse)
        case .number(let value):
            guard kind == .file else { return .change(0) }
            if weight == 0 { return (value == 0) == reverse ? .fault : .change(0) }
            let change = Int(value) * (reverse ? -weight : weight)
            return change < Self.fileChanges.lowerBound ? .fault : .change(min(change, Self.fileChanges.upperBound))
        }
    }

    /// True if nothing is known of it that an instance which starts has to know. Of a BFD session that is a fault.
    package func isAwaited(_ result: TrackerResult) -> Bool { kind != .bfd && weight == 0 && result == .none }
}

extension InstanceSettings {
    /// The priority in the normal state: every interface, program, process and session that it tracks is well, and every
    /// tracked file says 0. An owner's never changes, and all others stay within 1...254.
    package var normalPriority: Priority {
        priority(
            with: trackedInterfaces.map { $0.effect(isUp: true) }
                + trackers.map { $0.effect(of: $0.kind == .file ? .number(0) : .up) })
    }

    private func priority(with effects: [TrackerEffect]) -> Priority {
        priority(changedBy: effects.reduce(0) { if case .change(let change) = $1 { $0 + change } else { $0 } })
    }

    /// The effective priority: an owner's never changes, and all others stay within 1...254.
    package func priority(changedBy sum: Int) -> Priority {
        if priority == .owner { return .owner }
        return Priority(rawValue: UInt8(min(max(Int(priority.rawValue) + sum, 1), 254)))
    }
}
