import Base

/// Scripts that run, by the number of their process group: none runs for longer than it may. One that does is asked to
/// end, and a while later its group is ended: it may have ended itself and left behind what doesn't.
package struct RunningScripts: Sendable {
    /// The time that a script may run, if no other is given.
    package static let limit = Interval.seconds(60)
    /// The time that it may take to end after SIGTERM.
    package static let timeout = Interval.seconds(5)

    /// A measure against a script that takes too long.
    package enum Measure: Hashable, Sendable {
        /// Ask its process group to end (SIGTERM).
        case terminate(Int32)
        /// End its process group (SIGKILL).
        case kill(Int32)
    }

    private struct Script {
        /// The time of the next measure; never after the last one.
        var due: Instant
        var isAsked = false
        /// True if only its group is left.
        var hasEnded = false
    }

    /// The time that each of these may run.
    package let limit: Interval
    private let timeout: Interval
    private var scripts: [Int32: Script] = [:]

    /// None runs.
    package init(limit: Interval = Self.limit, timeout: Interval = Self.timeout) {
        self.limit = limit
        self.timeout = timeout
    }

    /// The time of the next call of `due`.
    package var deadline: Instant { scripts.values.reduce(.never) { min($0, $1.due) } }
    /// True if no script is left.
    package var isEmpty: Bool { scripts.isEmpty }

    /// A script has been started.
    ///
    /// - Parameter limit: the time that it may run, if that isn't all scripts'.
    package mutating func started(_ group: Int32, at now: Instant, limit: Interval? = nil) {
        scripts[group] = Script(due: now + (limit ?? self.limit))
    }

    /// A script has ended. After SIGTERM its group is ended all the same, if that can be done.
    ///
    /// - Parameter keepsNumber: true if the number stays its group's until that is ended.
    /// - Returns: true if it had got SIGTERM, because it had taken too long.
    package mutating func ended(_ group: Int32, keepsNumber: Bool) -> Bool {
        guard let script = scripts.removeValue(forKey: group), script.isAsked else { return false }
        if keepsNumber, script.due != .never {
            scripts[group] = Script(due: script.due, isAsked: true, hasEnded: true)
        }
        return true
    }

    /// Returns the measures that are due, each once.
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

    /// Returns the measure that asks one to end; nil if it was asked before, or has ended.
    package mutating func terminate(_ group: Int32, at now: Instant) -> Measure? {
        guard let script = scripts[group], !script.isAsked else { return nil }
        scripts[group] = Script(due: now + timeout, isAsked: true)
        return .terminate(group)
    }

    /// Returns the measures that ask all to end that weren't asked before.
    package mutating func terminateAll(at now: Instant) -> [Measure] {
        let unasked = scripts.filter { !$0.value.isAsked }.keys.sorted()
        for group in unasked { scripts[group] = Script(due: now + timeout, isAsked: true) }
        return unasked.map { .terminate($0) }
    }

    /// Returns the measures against those that were sent SIGTERM, when there is no more time to wait for them.
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
