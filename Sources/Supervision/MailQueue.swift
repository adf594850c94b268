import Base
import ConfigurationModel

/// Mails that wait to be sent, one after the other, so that they arrive in their order (docs/decisions, D50).
package struct MailQueue: Sendable {
    /// Mails that wait at most; the oldest one is dropped for one more.
    package static let waitingMax = 64
    package static let triesMax = 3
    /// Pauses before the second and the third try.
    private static let pauses = [Interval.seconds(10), .seconds(60)]

    private var waiting: [Mail] = []
    private var sending: Mail?
    private var tries = 0
    private var notBefore = Instant(nanoseconds: .min)
    private var lastTriggers: [NotificationKey: NotifyTrigger] = [:]
    /// Mails that were dropped because too many waited.
    package private(set) var dropped: UInt64 = 0
    /// Mails that weren't sent after all tries.
    package private(set) var failed: UInt64 = 0

    package init() {}

    /// True for a state that was mailed last.
    package func isRepeated(_ trigger: NotifyTrigger, of key: NotificationKey) -> Bool { lastTriggers[key] == trigger }

    /// Adds a mail on a transition.
    package mutating func add(_ mail: Mail, on trigger: NotifyTrigger, of key: NotificationKey) {
        lastTriggers[key] = trigger
        waiting.append(mail)
        guard waiting.count > Self.waitingMax else { return }
        waiting.removeFirst()
        dropped += 1
    }

    /// Forgets what was mailed, if it is of more instances and groups than this: most of them aren't there any more. What is
    /// forgotten may be mailed twice.
    package mutating func limitMemory(to count: Int) {
        if lastTriggers.count > count { lastTriggers = [:] }
    }

    package var isEmpty: Bool { waiting.isEmpty && sending == nil }

    /// The time at which `next` may have something; nil when there is nothing to wait for.
    package var deadline: Instant? { sending == nil && !waiting.isEmpty ? notBefore : nil }

    /// The next mail, which is being sent from now on; nil while one is, or while a pause lasts.
    package mutating func next(at now: Instant) -> Mail? {
        guard sending == nil, !waiting.isEmpty, notBefore <= now else { return nil }
        sending = waiting.removeFirst()
        return sending
    }

    /// The mail was sent.
    package mutating func sent() { settle() }

    /// The mail wasn't sent. It is tried again unless that is useless, or was tried too often. Returns true if it is given
    /// up.
    package mutating func failed(isFinal: Bool, at now: Instant) -> Bool {
        guard let mail = sending else { return false }
        tries += 1
        guard !isFinal, tries < Self.triesMax else {
            failed += 1
            settle()
            return true
        }
        notBefore = now + Self.pauses[min(tries, Self.pauses.count) - 1]
        waiting.insert(mail, at: 0)
        sending = nil
        return false
    }

    private mutating func settle() {
        sending = nil
        tries = 0
        notBefore = Instant(nanoseconds: .min)
    }

    /// All that waits, for a process that outlives hasupd. What is being sent isn't among it.
    package mutating func takeAll() -> [Mail] {
        defer { waiting = [] }
        return waiting
    }
}
