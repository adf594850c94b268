import Base
import Logging
import Reactor

/// Lines that may repeat: the first of a kind is written at once, then one a minute with the count of those that were
/// left out (pain point O3). A hostile worker may write them, so kinds are bounded in number and size.
package final class RepeatLog {
    private struct Kind: Hashable {
        var level: Logger.Level
        var subject: String
        /// Bytes, because letters are compared, and hashed, in a form without combining marks: a hundred lines of such marks
        /// were milliseconds whenever the table grew.
        var kind: [UInt8]
        /// The first line of its kind, or what stands for all of them, for the one that counts the others.
        var text: String

        static func == (left: Kind, right: Kind) -> Bool {
            left.level == right.level && left.subject == right.subject && left.kind == right.kind
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(level)
            hasher.combine(subject)
            hasher.combine(kind)
        }
    }

    /// Bytes of a text by which lines are told apart and which is repeated with the count.
    private static let textMax = 256

    /// Kinds that are remembered at once.
    package static let kindsMax = 1_024

    private let log: Logger
    private let loop: EventLoop
    private var limiter: RepeatLimiter<Kind>
    private var timer: Timer?
    private var isArmed = false

    package init(
        _ log: Logger, on loop: EventLoop, period: Interval = .seconds(60), kindsMax: Int = RepeatLog.kindsMax,
        linesMax: Int = .max
    ) {
        limiter = RepeatLimiter(period: period, keysMax: kindsMax, admittedMax: linesMax)
        self.log = log
        self.loop = loop
        timer = loop.makeTimer { [unowned self] in self.writeCounts(due: loop.now) }
    }

    /// Writes `subject: text`, or counts it.
    ///
    /// - Parameters:
    ///   - kind: what makes two lines the same; the text itself when it isn't given.
    ///   - folded: what stands for all of them in the line with the count, without what was true of the first one only.
    ///   - burst: how many of a kind are written in a minute.
    /// - Returns: false if it was counted.
    @discardableResult package func write(
        _ level: Logger.Level, _ subject: String, _ text: String, kind: String? = nil, folded: String? = nil,
        burst: Int = 1
    ) -> Bool {
        let key = Kind(
            level: level, subject: subject, kind: Array((kind ?? text).utf8.prefix(Self.textMax)),
            text: Self.cut(folded ?? text))
        let isNew = limiter.admits(key, at: Clock.now, burst: burst)
        if isNew { log.log(level: level, "\(Self.prefix(subject))\(text)") }
        if !isArmed { arm() }
        return isNew
    }

    /// Writes the counts of what was left out and whose minute isn't over: before the end, which would stay unexplained
    /// without it.
    package func flushRest() { writeCounts(due: .never) }

    private func writeCounts(due now: Instant) {
        for (key, count) in limiter.due(at: now) {
            log.log(
                level: key.level, "\(Self.prefix(key.subject))\(key.text) (\(count) more like this within a minute)")
        }
        let surplus = limiter.takeSurplus()
        if surplus > 0 {
            log.warning("\(counted(Int(clamping: surplus), "line")) left out: too many kinds within a minute")
        }
        arm()
    }

    private func arm() {
        guard let timer else { return }
        let deadline = limiter.deadline
        isArmed = deadline != .never
        loop.set(timer, to: deadline)
    }

    private static func prefix(_ subject: String) -> String { subject.isEmpty ? "" : "\(subject): " }

    private static func cut(_ text: String) -> String {
        // By bytes: one character may have any number of them.
        text.utf8.count <= textMax ? text : String(decoding: text.utf8.prefix(textMax), as: UTF8.self) + "…"
    }
}

extension String {
    /// Without digits: texts that differ only in a process id or an age are of one kind.
    package var withoutNumbers: String { filter { !$0.isNumber } }
}
