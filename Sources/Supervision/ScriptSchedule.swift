import Base

/// The end of a run of a tracking script.
package enum ScriptEnd: Hashable, Sendable {
    /// Exit status 0, or a file that could be opened.
    case success
    /// Anything else, in words: `exit status 1`.
    case failure(String)
}

/// Steps of a tracking script's runs.
package enum ScriptStep: Hashable, Sendable {
    case start
    /// Ask the run's process group to end (SIGTERM).
    case terminate
    /// End the run's process group (SIGKILL).
    case kill
    /// Tell hasupd.
    case report(TrackerVerdict)
}

/// The runs of one tracking script and what follows from them (behaviours §8): when it starts, when a run has taken too
/// long, and after how many results in a row its state changes. No two runs of it overlap.
package struct ScriptSchedule: Sendable {
    package struct Settings: Hashable, Sendable {
        package var interval: Interval
        package var timeout: Interval
        package var rise: UInt32
        package var fall: UInt32
        /// False for a file that is opened: nothing can be ended then, and its time is over at once.
        package var isProcess: Bool

        package init(
            interval: Interval = .seconds(1), timeout: Interval = .seconds(1), rise: UInt32 = 1, fall: UInt32 = 1,
            isProcess: Bool = true
        ) {
            self.interval = interval
            self.timeout = timeout
            self.rise = rise
            self.fall = fall
            self.isProcess = isProcess
        }
    }

    private enum RunPhase {
        case waiting
        case running
        /// It was asked to end.
        case terminated
        /// Its failure is counted, and it is still there.
        case stuck
    }

    /// Time from SIGTERM to SIGKILL.
    package static let killDelay = Interval.seconds(2)
    package static let timedOut = "timed out"

    package private(set) var settings: Settings
    package private(set) var verdict: TrackerVerdict
    private var phase = RunPhase.waiting
    /// One of the times at which it starts; the others are whole intervals away.
    private var tick: Instant
    /// The time of the next call of `due`.
    package private(set) var deadline: Instant

    /// - Parameters:
    ///   - verdict: what a former hasup-track has come to. A script without a result starts at once.
    ///   - place: where in an interval from `now` on it starts after that, above zero and up to the interval: scripts
    ///     that begin together don't stay together.
    package init(_ settings: Settings, _ verdict: TrackerVerdict, place: Interval, at now: Instant) {
        self.settings = settings
        self.verdict = verdict
        tick = now + place
        deadline = verdict.result == .none ? now : now + place
    }

    /// True while a run is under way.
    package var isRunning: Bool { if case .waiting = phase { false } else { true } }

    /// True for a run whose time is over.
    package var isOverdue: Bool {
        switch phase {
        case .waiting, .running: false
        case .terminated, .stuck: true
        }
    }

    /// Goes on with other settings; a run that is under way goes on, too.
    package mutating func change(to settings: Settings, at now: Instant) {
        guard settings != self.settings else { return }
        let before = self.settings
        self.settings = settings
        switch phase {
        case .waiting:
            guard settings.interval != before.interval else { return }
            deadline = min(deadline, now + settings.interval)
            tick = deadline
        case .running: deadline = deadline + (settings.timeout - before.timeout)
        case .terminated, .stuck: break
        }
    }

    /// The deadline may have come.
    package mutating func due(at now: Instant) -> [ScriptStep] {
        guard now >= deadline else { return [] }
        switch phase {
        case .waiting:
            phase = .running
            deadline = now + settings.timeout
            return [.start]
        case .running where settings.isProcess:
            phase = .terminated
            deadline = now + Self.killDelay
            return [.terminate]
        case .running:
            return becomeStuck(at: now)
        case .terminated:
            return [.kill] + becomeStuck(at: now)
        case .stuck:
            // What can't be ended fails again with each start that it prevents.
            deadline = nextTick(after: now)
            return count(.failure(Self.timedOut))
        }
    }

    /// The run has ended; one whose time was over with all of its group. Whatever it ended with is a failure then.
    package mutating func ended(_ end: ScriptEnd, at now: Instant) -> [ScriptStep] {
        let before = phase
        guard isRunning else { return [] }
        phase = .waiting
        deadline = nextTick(after: now)
        switch before {
        case .waiting: return []
        case .running: return count(end)
        case .terminated: return count(.failure(Self.timedOut))
        // It is counted.
        case .stuck: return []
        }
    }

    private mutating func becomeStuck(at now: Instant) -> [ScriptStep] {
        phase = .stuck
        deadline = nextTick(after: now)
        return count(.failure(Self.timedOut))
    }

    private func nextTick(after now: Instant) -> Instant {
        guard tick <= now else { return tick }
        let passed = (now - tick).nanoseconds / max(1, settings.interval.nanoseconds)
        return tick + settings.interval * (passed + 1)
    }

    /// The first result decides alone, later ones when there are enough of them in a row.
    private mutating func count(_ end: ScriptEnd) -> [ScriptStep] {
        let before = verdict
        let isGood = end == .success
        verdict.detail = ""
        if case .failure(let reason) = end {
            verdict = TrackerVerdict(verdict.result, streak: verdict.streak, count: verdict.count, detail: reason)
        }
        if (verdict.result == .up) == isGood, verdict.result != .none {
            verdict.streak = 0
        } else {
            verdict.streak = verdict.streak &+ 1
            let needed = verdict.result == .none ? 1 : isGood ? settings.rise : settings.fall
            if verdict.streak >= needed {
                verdict.result = isGood ? .up : .down
                verdict.count = verdict.streak
                verdict.streak = 0
            }
        }
        return verdict == before ? [] : [.report(verdict)]
    }
}
