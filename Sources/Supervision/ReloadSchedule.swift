import Base

/// What the file is at the moment.
package enum ReloadTimeFile: Hashable, Sendable {
    /// There is none.
    case absent
    /// It can't be read, and why, as a sentence's end.
    case unreadable(String)
    /// Its first bytes.
    case bytes([UInt8])
}

/// What has come of looking at the file.
package enum ReloadScheduleChange: Hashable, Sendable {
    /// The same as before.
    case none
    /// A reload is scheduled for this moment.
    case scheduled(Int64)
    /// What was scheduled isn't any more.
    case cancelled
    /// It names a moment that has passed, so nothing is scheduled.
    case passed
    /// It can't be used, and why; what was scheduled stays.
    case refused(String)
}

/// When the next reload of a reload_time_file is due. It is told what the file says and what the wall clock shows, in
/// seconds since 1970, and says when to look again; it never asks.
package struct ReloadSchedule: Sendable {
    /// What is to be done at a moment.
    package enum Step: Hashable, Sendable {
        /// Look again after this time.
        case wait(Interval)
        /// Reload. The file has done its work and goes, or it stays for the next day.
        case reload(removesFile: Bool)
        /// There is nothing to wait for.
        case idle
    }

    /// The wall clock can be set, so no wait is longer than this.
    package static let lookInterval = Interval.seconds(30)

    /// When the next reload is, in seconds since 1970.
    package private(set) var due: Int64?
    /// Why the file can't be used; nil when it can, or when there is none.
    package private(set) var refusal: String?
    /// reload_repeat: a time without a day stays for the next one.
    package let repeats: Bool
    private var time: ReloadTime?

    /// Nothing is scheduled.
    package init(repeats: Bool) { self.repeats = repeats }

    /// The file was looked at.
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

    /// A moment has come. A clock that was put forward over the time makes it due at once.
    ///
    /// - Parameter nanoseconds: the wall clock, in nanoseconds since 1970.
    package mutating func step(nanoseconds: Int64, offset: (Int64) -> Int64) -> Step {
        guard let time, let due else { return .idle }
        let now = nanoseconds / 1_000_000_000
        guard now >= due else {
            // A clock that was put back may have brought an earlier day's time within reach again.
            let next = time.next(after: now, offset: offset) ?? due
            self.due = next
            // Not the difference of seconds: a wait that ended early would look again a thousand times.
            return .wait(min(Interval(nanoseconds: next * 1_000_000_000 - nanoseconds), Self.lookInterval))
        }
        let stays = repeats && time.isDaily
        self.due = stays ? time.next(after: now, offset: offset) : nil
        return .reload(removesFile: !stays)
    }
}
