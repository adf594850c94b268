import Base

/// Scripts that run, by the number of their process group: none runs for longer than it may. One that does is asked to
/// end, and a while later its group is ended: it may have ended itself and left behind what doesn't.
package struct RunningScripts: Sendable {
    /// How long a script may run, if nothing else is said.
    package static let limit = Interval.seconds(60)
    /// How long it may take to end when it was asked to.
    package static let timeout = Interval.seconds(5)

    /// What is to be done about a script that takes too long.
    package enum Measure: Hashable, Sendable {
        /// Ask its process group to end (SIGTERM).
        case terminate(Int32)
        /// End its process group (SIGKILL).
        case kill(Int32)
    }

    private struct Script {
        /// When the next measure is due; never after the last one.
        var due: Instant
        var isAsked = false
        /// Whether only its group is left.
        var hasEnded = false
    }

    /// How long each of these may run.
    package let limit: Interval
    private let timeout: Interval
    private var scripts: [Int32: Script] = [:]

    /// None runs.
    package init(limit: Interval = Self.limit, timeout: Interval = Self.timeout) {
        self.limit = limit
        self.timeout = timeout
    }

    /// When `due` wants to be asked.
    package var deadline: Instant { scripts.values.reduce(.never) { min($0, $1.due) } }
    /// Whether nothing is left to be done about any.
    package var isEmpty: Bool { scripts.isEmpty }

    /// A script has been started.
    package mutating func started(_ group: Int32, at now: Instant) { scripts[group] = Script(due: now + limit) }

    /// A script has ended. One that was told to has its group ended all the same, if that can be done.
    ///
    /// - Parameter keepsNumber: whether the number stays its group's until that is ended.
    /// - Returns: whether it was told to, because it had taken too long.
    package mutating func ended(_ group: Int32, keepsNumber: Bool) -> Bool {
        guard let script = scripts.removeValue(forKey: group), script.isAsked else { return false }
        if keepsNumber, script.due != .never {
            scripts[group] = Script(due: script.due, isAsked: true, hasEnded: true)
        }
        return true
    }

    /// What is to be done now, each thing once.
    package mutating func due(at now: Instant) -> [Measure] {
        var measures: [Measure] = []
        for (group, script) in scripts.sorted(by: { $0.key < $1.key }) where script.due <= now {
            guard script.isAsked else {
                measures.append(.terminate(group))
                scripts[group] = Script(due: now + timeout, isAsked: true)
                continue
            }
            measures.append(kill(group, script))
        }
        return measures
    }

    /// What is still to be done about those that were asked to end, when there is no more time to wait for them.
    package mutating func dueAtOnce() -> [Measure] {
        scripts.sorted { $0.key < $1.key }.filter { $0.value.isAsked && $0.value.due != .never }.map {
            kill($0.key, $0.value)
        }
    }

    private mutating func kill(_ group: Int32, _ script: Script) -> Measure {
        scripts[group] = script.hasEnded ? nil : Script(due: .never, isAsked: true)
        return .kill(group)
    }
}
