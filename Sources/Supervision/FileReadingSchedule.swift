import Base

/// The outcome of reading a tracked file.
package struct FileReading: Hashable, Sendable {
    /// The number in it; 0 for a file that can't be read.
    package var number: Int32
    /// The reason that it isn't what the file says; empty for a number.
    package var detail: String
    /// True if changes are told: otherwise the file is read again and again.
    package var isWatched: Bool

    package init(number: Int32, detail: String = "", isWatched: Bool = true) {
        self.number = number
        self.detail = detail
        self.isWatched = isWatched
    }
}

package enum FileReadingStep: Hashable, Sendable {
    /// Read the file.
    case read
    /// The result has changed.
    case report(Int32, detail: String)
    /// The file system hasn't answered for a while.
    case reportSilence
    /// It has answered after all.
    case reportAnswer
}

/// The times at which one tracked file is read, and its result: at each change that the kernel tells of, or each second
/// where it doesn't tell, and never twice at once (behaviours §8).
package struct FileReadingSchedule: Sendable {
    /// The time from one reading to the next: a file that is written without pause costs a bounded number of them.
    package static let gap = Interval.milliseconds(10)
    /// The same where changes aren't told.
    package static let period = Interval.seconds(1)
    /// The time after which a file system that doesn't answer is reported, and a file that has no result yet gets one.
    package static let patience = Interval.seconds(2)

    package private(set) var result: TrackerResult
    package private(set) var isReading = false
    /// True if it has changed since the reading began.
    private var isStale = false
    private var isSilent = false
    private var began: Instant?
    /// The time of the next call of `due`.
    package private(set) var deadline = Instant.never

    /// - Parameter result: what is known; a file without a result is read at once like any other.
    package init(_ result: TrackerResult = .none) { self.result = result }

    /// The file may have changed.
    package mutating func changed(at now: Instant) -> [FileReadingStep] {
        guard !isReading else {
            isStale = true
            return []
        }
        let earliest = began.map { $0 + Self.gap } ?? now
        guard earliest <= now else {
            deadline = min(deadline, earliest)
            return []
        }
        return read(at: now)
    }

    /// The deadline may have come.
    package mutating func due(at now: Instant) -> [FileReadingStep] {
        guard now >= deadline else { return [] }
        guard isReading else { return read(at: now) }
        deadline = .never
        isSilent = true
        // It counts like one that can't be read, but only if nothing better is known.
        return [.reportSilence] + (result == .none ? take(0, detail: "its file system doesn't answer") : [])
    }

    private mutating func read(at now: Instant) -> [FileReadingStep] {
        (isReading, isStale, began) = (true, false, now)
        deadline = now + Self.patience
        return [.read]
    }

    /// The reading has ended; nil if nobody knows how.
    package mutating func ended(_ reading: FileReading?, at now: Instant) -> [FileReadingStep] {
        guard isReading, let began else { return [] }
        isReading = false
        let next = reading?.isWatched == true ? .never : began + Self.period
        deadline = isStale ? max(now, began + Self.gap) : next
        var steps: [FileReadingStep] = isSilent ? [.reportAnswer] : []
        isSilent = false
        if let reading { steps += take(reading.number, detail: reading.detail) }
        return steps
    }

    private mutating func take(_ number: Int32, detail: String) -> [FileReadingStep] {
        guard result != .number(number) else { return [] }
        result = .number(number)
        return [.report(number, detail: detail)]
    }
}
