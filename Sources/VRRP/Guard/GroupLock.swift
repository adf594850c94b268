import Base
import ConfigurationModel
import Wire

/// The times of a lock (docs/decisions, D114). Each is measured by the clock of who needs it: clocks differ by 1 %.
struct LockTimes: Hashable, Sendable {
    /// The time in which an answer counts.
    let requestTimeout: Interval
    /// From one renewal of the holder to the next.
    let renewal: Interval
    /// From one look of somebody who wants it to the next.
    let reading: Interval
    /// From one look to the next while nobody wants it. A dead engine shows within 15 s: it misses two requests.
    let peace: Interval
    /// The holder's lease, from the sending of the renewal that has succeeded.
    let lease: Interval
    /// The least time between two requests that don't wait for theirs.
    static let shortest = Interval.milliseconds(20)
    /// The time after which a revision that stays the same shows that the holder doesn't renew.
    let expiry: Interval

    init(_ settings: LockSettings) {
        requestTimeout = settings.requestTimeout
        renewal = settings.ttl / 4
        reading = settings.ttl / 8
        peace = min(.seconds(10), .seconds(14) - settings.requestTimeout * 2)
        lease = settings.ttl * 98 / 100
        expiry = settings.ttl * 101 / 100
    }
}

/// The lock of one guarded group, as this node knows it: a register with compare-and-set, whose lease is ours to count
/// (docs/decisions, D114).
///
/// One request is under way at most. An answer counts by its number and in time: a late or strange one changes nothing.
struct GroupLock: Hashable, Sendable {
    /// The use that the guard has for the lock at present.
    enum Wish: Hashable, Sendable {
        /// Nobody needs it. It is looked at now and then, so that a dead engine is seen before it is needed.
        case peace
        /// It may be needed soon: the revision is watched, so that the time of a dead holder's lease runs.
        case watch
        /// It is needed, for a mastership of this epoch.
        case hold(epoch: UInt64)
        /// A release is under way: the lock is neither renewed nor given back.
        case keep

        var isHold: Bool { if case .hold = self { true } else { false } }
    }

    private struct Sent: Hashable, Sendable {
        var number: UInt64
        var change: LockRequest.LockOperation
        var at: Instant

        /// True if the register can be as the answer says: a write that has succeeded is there.
        func isAnswered(by value: LockValue?, isWritten: Bool) -> Bool {
            switch change {
            case .read: !isWritten
            case .exchange(_, let written): !isWritten || value == written
            }
        }
    }

    /// A renewal that no answer has confirmed: the register may show it later.
    private struct Renewal: Hashable, Sendable {
        var counter: UInt64
        var sentAt: Instant
    }

    /// Our place among the nodes.
    let own: UInt8
    /// Stands for this start of the node.
    let nonce: UInt64
    private(set) var times: LockTimes

    /// The register's revision by the newest answer; nil before the first one.
    private(set) var revision: UInt64?
    private(set) var value: LockValue?
    /// The arrival of the answer that has shown this revision first.
    private(set) var seenAt = Instant(nanoseconds: .min)
    /// The end of our lease; nil while the lock isn't ours.
    private(set) var leaseEnd: Instant?
    /// The highest epoch of anybody else who has held it.
    private(set) var epochOfOthers: UInt64 = 0
    /// Counts our writes.
    private(set) var counter: UInt64 = 0
    /// True from giving it back until the register shows that.
    private(set) var isGivingBack = false
    /// Since when the guard has needed it without a break.
    private(set) var wantedSince: Instant?
    /// The requests in a row that have failed, and when the first of them was sent.
    private(set) var failures = 0
    private(set) var failingSince: Instant?
    private(set) var failure: LockFailure?
    /// The time at which the next request is due, or the one under way is too late.
    private(set) var dueAt = Instant(nanoseconds: .min)

    /// The request under way.
    private var waiting: Sent?
    private var unconfirmed: [Renewal] = []
    /// True after a write without an answer: what the register has now isn't known.
    private var isUncertain = false
    /// True if the next request doesn't wait for its time.
    private var isUrgent = false
    private var lastSentAt: Instant?
    /// Writes in a row that another one has forestalled though the register was free.
    private var collisions = 0

    /// Failures in a row after which the engine counts as dead: one request may be lost.
    static let failuresOfTheDead = 2
    /// Renewals without an answer that are remembered.
    private static let unconfirmedMax = 8
    /// Writes that a predecessor may have sent since it was kept, with a wide margin.
    private static let counterGap: UInt64 = 1_000

    init(_ settings: LockSettings, own: Int, nonce: UInt64) {
        times = LockTimes(settings)
        self.own = UInt8(own)
        self.nonce = nonce
    }

    /// The same lock after a reload. Others may count a shorter lease from now on.
    func reconfigured(_ settings: LockSettings) -> GroupLock {
        var lock = self
        lock.times = LockTimes(settings)
        lock.leaseEnd = leaseEnd.map { $0 - max(.zero, times.lease - lock.times.lease) }
        lock.dueAt = Instant(nanoseconds: .min)
        return lock
    }

    /// The part for a successor; nil while the lock isn't ours.
    var kept: KeptLease? {
        guard let leaseEnd, let revision else { return nil }
        return KeptLease(end: leaseEnd, revision: revision, counter: counter)
    }

    /// Goes on where a predecessor has died. It renews at once. An end beyond a whole lease is nobody's.
    mutating func resume(_ lease: KeptLease, epoch: UInt64, at now: Instant) {
        leaseEnd = min(lease.end, now + times.lease)
        revision = lease.revision
        counter = lease.counter &+ Self.counterGap
        value = LockValue(owner: own, nonce: nonce, epoch: epoch, counter: lease.counter)
        isUrgent = true
    }

    // MARK: The register

    /// True if the lock is ours, and for longer than this.
    func isHeld(at now: Instant, for margin: Interval = .zero) -> Bool { leaseEnd.map { now + margin < $0 } ?? false }

    /// True if the register has a value of this start of ours.
    private var isOurs: Bool { value?.owner == own && value?.nonce == nonce }

    /// The node whose lease isn't over, as far as can be seen from here; nil if it's ours or free.
    func holder(at now: Instant) -> UInt8? {
        guard let owner = value?.owner, !isOurs, now < freeAt else { return nil }
        return owner
    }

    /// The time at which another holder's lease is over if the register doesn't change.
    var freeAt: Instant { seenAt + times.expiry }

    /// True if the holder has renewed it lately.
    func isRenewed(at now: Instant) -> Bool { now - seenAt < times.renewal * 2 }

    /// True if the engine hasn't answered the last request.
    var isUnanswered: Bool { failures > 0 }

    /// True if the engine counts as dead.
    var isDead: Bool { failures >= Self.failuresOfTheDead }

    /// The time until which it has to be ours after the guard began to need it; nil while it doesn't.
    var deadlineOfTaking: Instant? { wantedSince.map { $0 + times.requestTimeout } }

    /// The register is read, or the lease renewed, as soon as possible.
    mutating func ask() {
        isUrgent = true
        if waiting == nil { dueAt = Instant(nanoseconds: .min) }
    }

    // MARK: Requests

    /// Returns the change to ask for now; nil if none is due. Each turn asks.
    ///
    /// - Parameter number: the request's if there is one.
    mutating func request(_ wish: Wish, number: UInt64, at now: Instant) -> LockRequest.LockOperation? {
        wantedSince = wish.isHold ? wantedSince ?? now : nil
        if let sent = waiting {
            let end = sent.at + times.requestTimeout
            guard now >= end else {
                dueAt = end
                return nil
            }
            waiting = nil
            fail(sent, .unreachable)
        }
        guard let (change, time) = next(wish, at: now) else {
            dueAt = .never
            return nil
        }
        guard now >= time else {
            dueAt = time
            return nil
        }
        send(change, number: number, at: now)
        return change
    }

    private mutating func send(_ change: LockRequest.LockOperation, number: UInt64, at now: Instant) {
        waiting = Sent(number: number, change: change, at: now)
        lastSentAt = now
        isUrgent = false
        dueAt = now + times.requestTimeout
        guard case .exchange(_, let value) = change else { return }
        counter = value.counter
        if value.owner == nil {
            // From here on it may be another's, whatever the answer is.
            leaseEnd = nil
            unconfirmed = []
            isGivingBack = true
        } else {
            isGivingBack = false
            unconfirmed.removeAll { $0.sentAt + times.lease <= now }
            if unconfirmed.count >= Self.unconfirmedMax { unconfirmed.removeFirst() }
            unconfirmed.append(Renewal(counter: value.counter, sentAt: now))
        }
    }

    /// The next request, and its time; nil if there is none.
    private func next(_ wish: Wish, at now: Instant) -> (change: LockRequest.LockOperation, at: Instant)? {
        switch wish {
        case .keep: nil
        case .hold(let epoch): nextOfHolder(epoch, at: now)
        case .watch, .peace:
            if isOurs, let revision, !isUncertain {
                (.exchange(expected: revision, ours(nil, epoch: value?.epoch ?? 0)), after(pauseOfWrites))
            } else {
                (.read, after(pause(wish)))
            }
        }
    }

    private func nextOfHolder(_ epoch: UInt64, at now: Instant) -> (change: LockRequest.LockOperation, at: Instant) {
        // What an exchange without an answer has done is read first.
        guard let revision, !isUncertain else {
            return (.read, after(isHeld(at: now) ? times.requestTimeout : times.reading))
        }
        let exchange = LockRequest.LockOperation.exchange(expected: revision, ours(own, epoch: epoch))
        if isOurs, let leaseEnd {
            // A successor has sent nothing yet: it renews at once.
            let due = isUrgent ? after(LockTimes.shortest) : leaseEnd - times.lease + times.renewal
            return (exchange, failures > 0 ? max(due, after(times.requestTimeout)) : due)
        }
        if holder(at: now) == nil { return (exchange, after(pauseOfWrites)) }
        // Its holder may be giving it back: at first it is looked at more often.
        let look = after(min(times.reading, max(LockTimes.shortest, now - (wantedSince ?? now))))
        return look < freeAt ? (.read, look) : (exchange, freeAt)
    }

    private func ours(_ owner: UInt8?, epoch: UInt64) -> LockValue {
        LockValue(owner: owner, nonce: nonce, epoch: epoch, counter: counter &+ 1)
    }

    /// So long after the last request; at once if there was none, and nearly at once if it is urgent.
    private func after(_ pause: Interval) -> Instant {
        guard let lastSentAt else { return Instant(nanoseconds: .min) }
        return lastSentAt + (isUrgent ? min(pause, LockTimes.shortest) : pause)
    }

    /// Before taking it or giving it back: none, unless something is wrong.
    private var pauseOfWrites: Interval { failures > 0 || collisions > 1 ? times.reading : .zero }

    private func pause(_ wish: Wish) -> Interval {
        if wish == .watch || isUncertain { return times.reading }
        // The second request shows whether the engine is dead, or a packet was lost.
        return failures > 0 && failures < Self.failuresOfTheDead ? times.requestTimeout : times.peace
    }

    // MARK: Answers

    /// Takes in an answer. - Returns: false if it changes nothing.
    mutating func take(_ answer: LockAnswer, at now: Instant) -> Bool {
        guard let sent = waiting, sent.number == answer.number, now < sent.at + times.requestTimeout else {
            return false
        }
        waiting = nil
        dueAt = Instant(nanoseconds: .min)
        switch answer.result {
        case .failed(let failure): fail(sent, failure)
        case .register(let revision, let value, let isWritten):
            guard sent.isAnswered(by: value, isWritten: isWritten) else {
                fail(sent, .malformed)
                return true
            }
            failures = 0
            failingSince = nil
            failure = nil
            isUncertain = false
            if case .exchange = sent.change, !isWritten { collisions += 1 } else { collisions = 0 }
            see(revision, value, at: now)
        }
        return true
    }

    private mutating func see(_ revision: UInt64, _ value: LockValue?, at now: Instant) {
        if revision != self.revision || value != self.value { seenAt = now }
        self.revision = revision
        self.value = value
        guard isOurs, let value else {
            leaseEnd = nil
            isGivingBack = false
            epochOfOthers = max(epochOfOthers, value?.epoch ?? 0)
            return
        }
        // It may be a write whose answer was lost: its time is that of its sending.
        guard let renewal = unconfirmed.first(where: { $0.counter == value.counter }) else { return }
        leaseEnd = max(leaseEnd ?? Instant(nanoseconds: .min), renewal.sentAt + times.lease)
        unconfirmed.removeAll { $0.counter == value.counter }
    }

    private mutating func fail(_ sent: Sent, _ failure: LockFailure) {
        failures += 1
        failingSince = failingSince ?? sent.at
        self.failure = failure
        if case .exchange = sent.change { isUncertain = true }
    }
}
