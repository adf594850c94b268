/// The time in a reload_time_file (keepalived.conf(5)): a time of day, or a day and a time.
package struct ReloadTime: Hashable, Sendable {
    /// The reason that a text is no such time, the end of a sentence.
    package struct Malformed: Error, Hashable, Sendable {
        package var reason: String
    }

    /// Days since 1 January 1970; nil for every day.
    package var day: Int64?
    /// Seconds since midnight.
    package var second: Int64
    /// True for UTC: it ends in `Z`.
    package var isUTC: Bool

    package var isDaily: Bool { day == nil }

    private static let secondsPerDay: Int64 = 86_400
    private static let forms = "it has to be HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, with a Z for UTC"

    /// Reads the file's first line. Between day and time keepalived has a blank; the `T` of ISO 8601 is allowed, too.
    /// - Throws: `Malformed`.
    package init(_ content: some Collection<UInt8>) throws(Malformed) {
        var line = Array(content.prefix { $0 != UInt8(ascii: "\n") })
        isUTC = line.last == UInt8(ascii: "Z")
        if isUTC { line.removeLast() }
        day = nil
        second = 0
        if line.count > 8 {
            let gap = line[line.count - 9]
            guard gap == UInt8(ascii: " ") || gap == UInt8(ascii: "T") else { throw Malformed(reason: Self.forms) }
            let date = try Self.numbers(line.dropLast(9), UInt8(ascii: "-"))
            let digits = line.count - 9 - 6
            guard digits == 2 || digits == 4 else { throw Malformed(reason: Self.forms) }
            day = try Self.day(year: date[0] + (digits == 2 ? 2_000 : 0), month: date[1], day: date[2])
            line.removeFirst(line.count - 8)
        }
        let time = try Self.numbers(line[...], UInt8(ascii: ":"))
        guard line.count == 8, time[0] < 24, time[1] < 60, time[2] < 60 else {
            throw Malformed(reason: line.count == 8 ? "there is no such time of day" : Self.forms)
        }
        second = (time[0] * 60 + time[1]) * 60 + time[2]
    }

    /// Returns three numbers. All but the first have two digits.
    private static func numbers(_ text: ArraySlice<UInt8>, _ separator: UInt8) throws(Malformed) -> [Int64] {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let isWellFormed = parts.enumerated().allSatisfy { index, part in
            (part.count == 2 || index == 0 && part.count == 4) && part.allSatisfy { (48...57).contains($0) }
        }
        guard parts.count == 3, isWellFormed else { throw Malformed(reason: forms) }
        return parts.map { $0.reduce(0) { $0 * 10 + Int64($1 - 48) } }
    }

    /// Returns the days since 1970 of a day of the Gregorian calendar.
    private static func day(year: Int64, month: Int64, day: Int64) throws(Malformed) -> Int64 {
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), (1...lengths[Int(month) - 1]).contains(day), year >= 1970 else {
            throw Malformed(reason: "there is no such day")
        }
        let before = year - 1
        let leapDays = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
        return (year - 1970) * 365 + leapDays + lengths[..<(Int(month) - 1)].reduce(0, +) + day - 1
    }

    /// Returns its next moment, in seconds since 1970; nil for a day and time that have passed.
    ///
    /// - Parameters:
    ///   - now: the wall clock, in seconds since 1970.
    ///   - offset: seconds that local time is ahead of UTC at a moment, in seconds since 1970.
    package func next(after now: Int64, offset: (Int64) -> Int64) -> Int64? {
        let offset = isUTC ? { _ in 0 } : offset
        if let day {
            let moment = Self.moment(local: day * Self.secondsPerDay + second, offset)
            return moment > now ? moment : nil
        }
        let today = Self.floored(now + offset(now))
        // On a day when the clocks are changed, the time may come early, late, or twice.
        return (-1...2).map { Self.moment(local: (today + $0) * Self.secondsPerDay + second, offset) }
            .first { $0 > now }
    }

    private static func floored(_ seconds: Int64) -> Int64 {
        seconds >= 0 ? seconds / secondsPerDay : (seconds + 1) / secondsPerDay - 1
    }

    /// Returns the moment when clocks show a local time: the first one of two, and for a time that is skipped in spring as
    /// much later as the clocks are put forward.
    private static func moment(local: Int64, _ offset: (Int64) -> Int64) -> Int64 {
        let before = local - offset(local - secondsPerDay)
        let after = local - offset(local + secondsPerDay)
        let found = [min(before, after), max(before, after)].first { $0 + offset($0) == local }
        return found ?? before
    }
}
