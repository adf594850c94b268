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
/// end of the one before, whoever has started that. A subject's before_master never runs beside what closes again what it
/// opens.
package struct HookRuns: Sendable {
    package enum HookStep: Hashable, Sendable {
        /// Start the hook under this number; `ended` follows.
        case start(HookKey, UInt64)
        /// The time of this number was over before it could be started; `tell` follows.
        case expire(HookKey, UInt64)
        /// Ask what runs to end: nobody waits for it any more. `ended` follows.
        case terminate(HookKey)
        /// Tell the worker how the run of this number has ended.
        case tell(HookKey, UInt64, succeeded: Bool)
    }

    /// A run that a worker has asked for.
    private struct Request {
        let number: UInt64
        /// The end of its time: a worker doesn't wait for longer.
        let until: Instant
        /// Its place among all: what was asked for first is started first.
        let place: UInt64
    }

    private struct Runs {
        /// The run in progress; nil for none.
        var running: Request?
        /// A former hasupd has started what runs: what becomes of it isn't known.
        var isAdopted = false
        /// True if it was asked to end.
        var isVoid = false
        var wanted: Request?
        var last: (number: UInt64, succeeded: Bool)?
        var rested = Instant(nanoseconds: .min)

        var isFree: Bool { running == nil && !isAdopted }
    }

    /// The least time between two starts of one hook: a worker may be hostile, and a hook short.
    package static let spacing = Interval.milliseconds(200)
    /// Starts by one call of `due`: each takes its part of a turn.
    package static let startsMax = 4

    private let runningMax: Int
    private var runs: [HookKey: Runs] = [:]
    private var runningCount = 0
    private var lastPlace: UInt64 = 0

    /// - Parameter runningMax: hooks that may run at once.
    package init(runningMax: Int) { self.runningMax = max(1, runningMax) }

    /// The time of the next call of `due`.
    package var deadline: Instant {
        runs.reduce(.never) { earliest, entry in
            guard let wanted = entry.value.wanted else { return earliest }
            return min(earliest, mayStart(entry.key) ? min(entry.value.rested, wanted.until) : wanted.until)
        }
    }

    package var isIdle: Bool { runningCount == 0 && runs.values.allSatisfy { $0.wanted == nil } }

    /// The end of the time of what was asked for under this number and hasn't ended; nil for none.
    package func end(of key: HookKey, _ number: UInt64) -> Instant? {
        [runs[key]?.running, runs[key]?.wanted].compactMap { $0 }.first { $0.number == number }?.until
    }

    /// The run in progress, else the one that waits; nil for none.
    package func first(of key: HookKey) -> (number: UInt64, until: Instant)? {
        (runs[key]?.running ?? runs[key]?.wanted).map { ($0.number, $0.until) }
    }

    private func mayStart(_ key: HookKey) -> Bool {
        let others: [Hook] = key.hook == .beforeMaster ? [.beforeRelease, .release] : [.beforeMaster]
        return runningCount < runningMax && runs[key]?.isFree ?? true
            && others.allSatisfy { runs[HookKey($0, of: key.subject)]?.isFree ?? true }
    }

    /// A worker asks for a hook under this number.
    package mutating func ask(_ key: HookKey, _ number: UInt64, until: Instant = .never) -> [HookStep] {
        var run = runs[key] ?? Runs()
        if run.running?.number == number, !run.isVoid { return [] }
        if let last = run.last, last.number == number { return [.tell(key, number, succeeded: last.succeeded)] }
        if run.wanted?.number == number { return [] }
        lastPlace += 1
        run.wanted = Request(number: number, until: until, place: lastPlace)
        runs[key] = run
        return []
    }

    /// A worker doesn't wait for this number any more.
    package mutating func drop(_ key: HookKey, _ number: UInt64) -> [HookStep] {
        guard var run = runs[key] else { return [] }
        if run.wanted?.number == number { run.wanted = nil }
        // The number of an adopted one isn't known. It is of this mastership, or of one before.
        let ends = (run.running?.number == number || run.isAdopted) && !run.isVoid
        if ends { run.isVoid = true }
        runs[key] = run
        return ends ? [.terminate(key)] : []
    }

    /// A former hasupd's hook still runs.
    package mutating func adopt(_ key: HookKey) {
        guard runs[key]?.isFree ?? true else { return }
        runs[key, default: Runs()].isAdopted = true
        runningCount += 1
    }

    /// A hook has ended, or couldn't be started.
    package mutating func ended(_ key: HookKey, succeeded: Bool) -> [HookStep] {
        guard var run = runs[key], !run.isFree else { return [] }
        runningCount -= 1
        var steps: [HookStep] = []
        if let number = run.running?.number, !run.isVoid {
            run.last = (number, succeeded)
            steps.append(.tell(key, number, succeeded: succeeded))
        }
        (run.running, run.isAdopted, run.isVoid) = (nil, false, false)
        runs[key] = run
        return steps
    }

    /// Hooks whose time has come, or is over.
    package mutating func due(at now: Instant) -> [HookStep] {
        var steps: [HookStep] = []
        var starts = 0
        let wanted = runs.compactMap { key, run in run.wanted.map { (key: key, request: $0, rested: run.rested) } }
        for (key, request, rested) in wanted.sorted(by: { $0.request.place < $1.request.place }) {
            if request.until <= now {
                runs[key]?.wanted = nil
                runs[key]?.last = (request.number, false)
                steps += [.expire(key, request.number), .tell(key, request.number, succeeded: false)]
            } else if rested <= now, starts < Self.startsMax, mayStart(key) {
                runs[key]?.running = request
                runs[key]?.wanted = nil
                runs[key]?.rested = now + Self.spacing
                runningCount += 1
                starts += 1
                steps.append(.start(key, request.number))
            }
        }
        return steps
    }

    /// Forgets what isn't in the configuration any more and doesn't run.
    package mutating func keep(where isKept: (HookKey) -> Bool) {
        runs = runs.filter { !$1.isFree || isKept($0) }
    }
}
