import Base

/// Limits reports of discarded packets to one a second for each reason. The counters count all of them.
struct DiscardReportLimit: Sendable {
    private static let period = Interval.seconds(1)

    /// The earliest time of the next report by reason; empty before the first one.
    private var next: [Instant] = []

    /// True if a packet that was discarded for this reason is to be reported.
    mutating func admits(_ reason: DiscardReason, at now: Instant) -> Bool {
        if next.isEmpty {
            next = [Instant](repeating: Instant(nanoseconds: .min), count: DiscardReason.allCases.count)
        }
        let number = Int(reason.rawValue)
        guard now >= next[number] else { return false }
        next[number] = now + Self.period
        return true
    }

    /// Forgets what no honest writer has written: a time beyond the period.
    mutating func bound(at now: Instant) { next = next.map { min($0, now + Self.period) } }

    init() {}

    func encode(into writer: inout ByteWriter) {
        guard !next.isEmpty else { return writer.write(UInt8(0)) }
        let set = next.enumerated().filter { $0.element.nanoseconds != .min }
        writer.write(UInt8(set.count))
        for (number, moment) in set {
            writer.write(UInt8(number))
            writer.write(moment.nanoseconds)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        for _ in 0..<(try reader.readUInt8()) {
            let number = Int(try reader.readUInt8())
            guard number < DiscardReason.allCases.count else { throw .invalid }
            if next.isEmpty {
                next = [Instant](repeating: Instant(nanoseconds: .min), count: DiscardReason.allCases.count)
            }
            next[number] = try reader.readMoment()
        }
    }
}
