import Base

/// The content of a reload_time_file.
package enum ReloadTimeFile: Hashable, Sendable {
    /// The file doesn't exist.
    case absent
    /// The file can't be used, for this reason: the end of a sentence.
    case unreadable(String)
    /// The file's first bytes.
    case bytes([UInt8])
}

/// The result of looking at the file.
package enum ReloadScheduleChange: Hashable, Sendable {
    /// Nothing has changed.
    case none
    /// A reload is scheduled for this time.
    case scheduled(Int64)
    /// The scheduled reload is cancelled.
    case cancelled
    /// The file's time has passed, so nothing is scheduled.
    case passed
    /// The file can't be used, for this reason. A scheduled reload stays.
    case refused(String)
}

/// Computes the next reload from the content of reload_time_file and the wall clock, in seconds since 1970.
package struct ReloadSchedule: Sendable {
    /// The next action.
    package enum Step: Hashable, Sendable {
        /// Call `step` again after this time.
        case wait(Interval)
        /// Reload. The file is removed, or stays for the next day.
        case reload(removesFile: Bool)
        /// Nothing is scheduled.
        case idle
    }

    /// The longest wait: the wall clock can be set.
    package static let lookInterval = Interval.seconds(30)

    /// The time of the next reload, in seconds since 1970.
    package private(set) var due: Int64?
    /// The reason that the file can't be used; nil when it can, or doesn't exist.
    package private(set) var refusal: String?
    /// reload_repeat: a time without a day comes every day.
    package let repeats: Bool
    private var time: ReloadTime?

    package init(repeats: Bool) { self.repeats = repeats }

    /// The file has this content now.
    package mutating func look(
        at content: ReloadTimeFile, now: Int64, offset: (Int64) -> Int64
    ) -> ReloadScheduleChange {
        let before = due
        switch content {
        case .absent:
            self = ReloadSchedule(repeats: repeats)
            return before == nil ? .none : .cancelled
        case .unreadable(let reason): return refuse(reason)
        case .bytes(let bytes):
            do throws(ReloadTime.Malformed) {
                let time = try ReloadTime(bytes)
                self.time = time
                refusal = nil
                due = time.next(after: now, offset: offset)
                guard let due else { return .passed }
                return due == before ? .none : .scheduled(due)
            } catch {
                return refuse(error.reason)
            }
        }
    }

    private mutating func refuse(_ reason: String) -> ReloadScheduleChange {
        defer { refusal = reason }
        return refusal == reason ? .none : .refused(reason)
    }

    /// Returns the next action. A clock that was put forward past the time makes the reload due at once.
    ///
    /// - Parameter nanoseconds: the wall clock, in nanoseconds since 1970.
    package mutating func step(nanoseconds: Int64, offset: (Int64) -> Int64) -> Step {
        guard let time, let due else { return .idle }
        let now = nanoseconds / 1_000_000_000
        guard now >= due else {
            // A clock that was put back may have an earlier day's time before it again.
            let next = time.next(after: now, offset: offset) ?? due
            self.due = next
            // Not the difference of seconds: after a wait that ended early, it would be called a thousand times.
            return .wait(min(Interval(nanoseconds: next * 1_000_000_000 - nanoseconds), Self.lookInterval))
        }
        let stays = repeats && time.isDaily
        self.due = stays ? time.next(after: now, offset: offset) : nil
        return .reload(removesFile: !stays)
    }
}
