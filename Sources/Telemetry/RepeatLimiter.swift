import Base

/// At most one line a minute for something that repeats, with its count (pain point O3).
///
/// The first occurrence is told at once; the following ones are counted, and the count is told when the minute is over.
package struct RepeatLimiter<Key: Hashable> {
    private struct Entry {
        var quietUntil: Instant
        var suppressed: UInt64
    }

    /// Keys that are remembered at once; beyond that, what is new is counted as one.
    private let keysMax: Int
    private let period: Interval
    private var entries: [Key: Entry] = [:]
    private var untold: UInt64 = 0

    /// A limiter that tells each key once a period.
    package init(period: Interval = .seconds(60), keysMax: Int = 4_096) {
        self.period = period
        self.keysMax = keysMax
    }

    /// Whether this occurrence is to be told now.
    package mutating func admits(_ key: Key, at now: Instant) -> Bool {
        if entries[key] != nil {
            entries[key]?.suppressed += 1
            return false
        }
        guard entries.count < keysMax else {
            untold += 1
            return false
        }
        entries[key] = Entry(quietUntil: now + period, suppressed: 0)
        return true
    }

    /// Keys whose minute is over and that occurred again meanwhile, with how often; others are forgotten.
    package mutating func due(at now: Instant) -> [(key: Key, count: UInt64)] {
        var told: [(key: Key, count: UInt64)] = []
        for (key, entry) in entries where entry.quietUntil <= now {
            if entry.suppressed == 0 {
                entries[key] = nil
            } else {
                entries[key] = Entry(quietUntil: now + period, suppressed: 0)
                told.append((key, entry.suppressed))
            }
        }
        return told
    }

    /// How many occurrences weren't told because there were too many keys, since this was asked last.
    package mutating func takeUntold() -> UInt64 {
        defer { untold = 0 }
        return untold
    }

    /// When `due` is to be asked next; `.never` while nothing was told.
    package var deadline: Instant { entries.values.map(\.quietUntil).min() ?? .never }
}
