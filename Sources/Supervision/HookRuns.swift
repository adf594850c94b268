import Base
import ConfigurationModel

/// One of the hooks of an instance or of a sync group.
package struct HookKey: Hashable, Sendable {
    package var hook: Hook
    package var subject: NotificationKey

    package init(_ hook: Hook, of subject: NotificationKey) {
        self.hook = hook
        self.subject = subject
    }
}

/// A hook that may be run: the broker has looked it up.
package struct HookCommand: Hashable, Sendable {
    package var key: HookKey
    package var command: ScriptCommand
    /// The time that it may take.
    package var timeout: Interval

    package init(key: HookKey, command: ScriptCommand, timeout: Interval) {
        self.key = key
        self.command = command
        self.timeout = timeout
    }
}

/// Which hooks run, and what workers are told of them (docs/decisions, D48). The commands stay with who starts them.
///
/// A worker numbers what it asks for; its successor asks again under the same number. So a run belongs to a number: it is
/// started once, and its end is told to whichever worker asks. No hook runs twice at once: the next run waits for the
/// end of the one before, whoever has started that.
package struct HookRuns: Sendable {
    package enum HookStep: Hashable, Sendable {
        /// Start the hook under this number; `ended` follows.
        case start(HookKey, UInt64)
        /// Tell the worker how the run of this number has ended.
        case tell(HookKey, UInt64, succeeded: Bool)
    }

    private struct Runs {
        /// The number of the run; nil without one.
        var running: UInt64?
        /// A former hasupd has started what runs: what becomes of it isn't known.
        var isAdopted = false
        var wanted: UInt64?
        var last: (number: UInt64, succeeded: Bool)?
        var rested = Instant(nanoseconds: .min)

        var isFree: Bool { running == nil && !isAdopted }
    }

    /// The least time between two starts of one hook: a worker may be hostile, and a hook short.
    package static let spacing = Interval.milliseconds(200)

    private let runningMax: Int
    private var runs: [HookKey: Runs] = [:]
    private var runningCount = 0

    /// - Parameter runningMax: hooks that may run at once.
    package init(runningMax: Int) { self.runningMax = max(1, runningMax) }

    /// The time of the next call of `due`.
    package var deadline: Instant {
        guard runningCount < runningMax else { return .never }
        return runs.values.reduce(.never) { $1.wanted != nil && $1.isFree ? min($0, $1.rested) : $0 }
    }

    package var isIdle: Bool { runningCount == 0 && runs.values.allSatisfy { $0.wanted == nil } }

    /// A worker asks for a hook under this number.
    package mutating func ask(_ key: HookKey, _ number: UInt64, at now: Instant) -> [HookStep] {
        var run = runs[key] ?? Runs()
        if run.running == number { return [] }
        if let last = run.last, last.number == number { return [.tell(key, number, succeeded: last.succeeded)] }
        run.wanted = number
        runs[key] = run
        return due(at: now)
    }

    /// A former hasupd's hook still runs.
    package mutating func adopt(_ key: HookKey) {
        guard runs[key]?.isFree ?? true else { return }
        runs[key, default: Runs()].isAdopted = true
        runningCount += 1
    }

    /// A hook has ended, or couldn't be started.
    package mutating func ended(_ key: HookKey, succeeded: Bool, at now: Instant) -> [HookStep] {
        guard var run = runs[key], !run.isFree else { return [] }
        runningCount -= 1
        var steps: [HookStep] = []
        if let number = run.running {
            run.last = (number, succeeded)
            steps.append(.tell(key, number, succeeded: succeeded))
        }
        (run.running, run.isAdopted) = (nil, false)
        runs[key] = run
        return steps + due(at: now)
    }

    /// Hooks whose time has come.
    package mutating func due(at now: Instant) -> [HookStep] {
        var steps: [HookStep] = []
        for (key, run) in runs where run.isFree && run.rested <= now {
            guard runningCount < runningMax, let number = run.wanted else { continue }
            runs[key]?.running = number
            runs[key]?.wanted = nil
            runs[key]?.rested = now + Self.spacing
            runningCount += 1
            steps.append(.start(key, number))
        }
        return steps
    }

    /// Forgets what isn't in the configuration any more and doesn't run.
    package mutating func keep(where isKept: (HookKey) -> Bool) {
        runs = runs.filter { !$1.isFree || isKept($0) }
    }
}
