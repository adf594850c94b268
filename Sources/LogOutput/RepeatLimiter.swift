import Base

/// At most so many lines a minute for something that repeats, with its count (pain point O3).
///
/// The first occurrences are admitted at once; the following ones are counted, and the count is due when the minute is over.
package struct RepeatLimiter<Key: Hashable> {
    private struct Entry {
        var periodEnd: Instant
        var admitted = 1
        var suppressed: UInt64 = 0
    }

    /// Keys that are remembered at once; beyond that, what is new is counted as one.
    private let keysMax: Int
    /// Occurrences of all keys that are admitted within a period.
    private let admittedMax: Int
    private let period: Interval
    private var admitted = (count: 0, periodEnd: Instant(nanoseconds: .min))
    private var entries: [Key: Entry] = [:]
    private var surplus: UInt64 = 0

    package init(period: Interval = .seconds(60), keysMax: Int = 4_096, admittedMax: Int = .max) {
        self.period = period
        self.admittedMax = admittedMax
        self.keysMax = keysMax
    }

    /// True if this occurrence is to be written now.
    ///
    /// - Parameter burst: how many are admitted within a period.
    package mutating func admits(_ key: Key, at now: Instant, burst: Int = 1) -> Bool {
        var entry = entries[key] ?? Entry(periodEnd: now + period, admitted: 0)
        guard entries[key] != nil || entries.count < keysMax else {
            surplus += 1
            return false
        }
        if now >= admitted.periodEnd { admitted = (0, now + period) }
        let isAdmitted = entry.admitted < burst && admitted.count < admittedMax
        if isAdmitted {
            entry.admitted += 1
            admitted.count += 1
        } else {
            entry.suppressed += 1
        }
        entries[key] = entry
        return isAdmitted
    }

    /// Returns the keys whose period is over and that were suppressed meanwhile, with how often; others are forgotten.
    package mutating func due(at now: Instant) -> [(key: Key, count: UInt64)] {
        var found: [(key: Key, count: UInt64)] = []
        for (key, entry) in entries where entry.periodEnd <= now {
            if entry.suppressed == 0 {
                entries[key] = nil
            } else {
                entries[key] = Entry(periodEnd: now + period)
                found.append((key, entry.suppressed))
            }
        }
        return found
    }

    /// Returns how many occurrences weren't admitted because there were too many keys, since the last call.
    package mutating func takeSurplus() -> UInt64 {
        defer { surplus = 0 }
        return surplus
    }

    /// The time of the next call of `due`; `.never` while there is no key.
    package var deadline: Instant { entries.values.map(\.periodEnd).min() ?? .never }
}
