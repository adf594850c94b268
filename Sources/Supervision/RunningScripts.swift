import Base

/// Scripts that run, by the number of their process group: none runs for longer than it may. One that does is asked to
/// end, and ended when it doesn't.
public struct RunningScripts: Sendable {
    /// How long a script may run, if nothing else is said.
    public static let limit = Interval.seconds(60)
    /// How long it may take to end when it was asked to.
    public static let patience = Interval.seconds(5)

    /// What is to be done about a script that takes too long.
    public enum Measure: Hashable, Sendable {
        /// Ask its process group to end (SIGTERM).
        case terminate(Int32)
        /// End its process group (SIGKILL).
        case kill(Int32)
    }

    private struct Script {
        /// When the next measure is due; never after the last one.
        var due: Instant
        var isAsked = false
    }

    /// How long each of these may run.
    public let limit: Interval
    private var scripts: [Int32: Script] = [:]

    /// None runs.
    public init(limit: Interval = Self.limit) { self.limit = limit }

    /// When `due` wants to be asked.
    public var deadline: Instant { scripts.values.reduce(.never) { min($0, $1.due) } }
    /// Whether none runs.
    public var isEmpty: Bool { scripts.isEmpty }

    /// A script has been started.
    public mutating func started(_ group: Int32, at now: Instant) { scripts[group] = Script(due: now + limit) }

    /// A script has ended. - Returns: whether it was told to, because it had taken too long.
    public mutating func ended(_ group: Int32) -> Bool { scripts.removeValue(forKey: group)?.isAsked ?? false }

    /// What is to be done now, each thing once.
    public mutating func due(at now: Instant) -> [Measure] {
        var measures: [Measure] = []
        for (group, script) in scripts.sorted(by: { $0.key < $1.key }) where script.due <= now {
            measures.append(script.isAsked ? .kill(group) : .terminate(group))
            scripts[group] = Script(due: script.isAsked ? .never : now + Self.patience, isAsked: true)
        }
        return measures
    }
}
