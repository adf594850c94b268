import Base
import ConfigurationModel
import Wire

/// The state of a cluster's lock beside that of each group's.
struct ClusterLock: Hashable, Sendable {
    /// The number of the last request. It begins with the time, so that no answer to a predecessor's fits.
    var number: UInt64
    /// True if it was told that the engine doesn't answer.
    var isToldDead = false
    /// When a node was missing last, and whether one is.
    var missedAt: Instant?
    var isMissing = false
    /// Since when this guard has listened, and when it found last that it hadn't run for a moment.
    private(set) var listensSince: Instant

    init(at now: Instant) {
        number = UInt64(clamping: max(1, now.nanoseconds))
        listensSince = now
    }

    /// Notes that the worker hadn't run: echoes that it should have are on their way. Not for one that is always late.
    mutating func notePause(of time: Interval, _ settings: ClusterSettings, at now: Instant) {
        guard settings.hasHeartbeats, time > settings.interval, now - listensSince > settings.timeout else { return }
        listensSince = now
    }
}

/// The lock in the decisions of a guard (docs/decisions, D108 to D110, D112, D114, D115).
extension ClusterGuard {
    /// A lock for each group, that of a former configuration where the register and our place are the same.
    mutating func adoptLocks(of former: ClusterGuard?) {
        if let former { lock = former.lock }
        for place in groups.indices {
            guard let settings = settings.lock else {
                groups[place].lock = nil
                continue
            }
            let isSame =
                former?.settings.lock?.engine == settings.engine && former?.own == own
                && former?.settings.nodes.map(\.name) == self.settings.nodes.map(\.name)
            groups[place].lock =
                (isSame ? groups[place].lock?.reconfigured(settings) : nil)
                ?? GroupLock(settings, own: own, nonce: nonce)
        }
    }

    private var isAlways: Bool { settings.lock?.mode == .always }

    // MARK: Who is missing

    /// When a node counts as missing if nothing more comes: an own frame that came back is older than patience
    /// (D106 (2)). Who hasn't run for a moment listens that long again.
    private func missingAt(_ node: Int) -> Instant {
        guard !peers[node].isOff else { return .never }
        guard settings.hasHeartbeats else { return Instant(nanoseconds: .min) }
        return max(peers[node].echoedAt ?? lock.listensSince, lock.listensSince) + times.patience
    }

    /// True if no fresh frame of ours has come back from a node that isn't off.
    func isSomebodyMissing(at now: Instant) -> Bool { others.contains { missingAt($0) <= now } }

    /// True if a claim needs the lock: `always`, or while a node doesn't take part in the decision.
    private func needsLock(at now: Instant) -> Bool {
        isAlways
            || others.contains { node in
                let peer = peers[node]
                return !peer.isOff
                    && !(peer.isHeard(within: settings.timeout, at: now)
                        && peer.hearsUs(within: settings.timeout, at: now))
            }
    }

    // MARK: Decisions

    /// Says why a claim waits for the lock; nil if it's ours, or isn't needed (D108 (3)).
    func holdForLock(_ place: Int, at now: Instant) -> GuardHold? {
        guard let lock = groups[place].lock, needsLock(at: now), !lock.isHeld(at: now, for: times.releaseTime) else {
            return nil
        }
        if lock.isUnanswered { return GuardHold(.lockUnreachable) }
        guard let holder = lock.holder(at: now) else { return GuardHold(.asksForLock) }
        let name = nodeName(holder)
        return lock.isRenewed(at: now)
            ? GuardHold(.lockHeldByOther, node: name) : GuardHold(.awaitsLock, node: name, until: lock.freeAt)
    }

    /// True if a claim is proved by the lock (D110, D112).
    func isProvedByLock(_ place: Int, at now: Instant) -> Bool { groups[place].lock?.isHeld(at: now) ?? false }

    /// Says why a MASTER must let go for the lock's sake; nil if it may stay (D109 (a), (b)).
    func releaseForLock(_ place: Int, at now: Instant) -> GuardRelease? {
        guard let lock = groups[place].lock else { return nil }
        let isMissing = isSomebodyMissing(at: now)
        if isAlways || isMissing, let holder = lock.holder(at: now) { return .lockLost(node: nodeName(holder)) }
        // Letting go takes its time: it begins that much before the lease is over.
        guard isMissing, isAlways || settings.releasesWithoutLock, !lock.isHeld(at: now, for: times.releaseTime),
            let deadline = lock.deadlineOfTaking, now >= deadline
        else { return nil }
        return .lockUnreachable
    }

    /// The use of the lock for a group at present (D115).
    func wish(_ place: Int, _ state: GroupState, at now: Instant) -> GroupLock.Wish {
        if state.state == .master {
            if isAlways || lock.isMissing { return .hold(epoch: groups[place].epoch) }
            // Given back when all were heard for a while.
            guard let missedAt = lock.missedAt, now < missedAt + settings.timeout * 2,
                groups[place].lock?.isHeld(at: now) == true
            else { return .peace }
            return .hold(epoch: groups[place].epoch)
        }
        // A release isn't over before the addresses are gone (D111).
        if state.hasAddresses { return .keep }
        if groups[place].isLockNext, needsLock(at: now) { return .hold(epoch: nextEpoch(of: place)) }
        return lock.isMissing ? .watch : .peace
    }

    /// Notes whether somebody is missing. When that begins the lock is looked at at once: a machine whose clock stood still
    /// doesn't know that its lease is over.
    mutating func noteMissing(at now: Instant) {
        guard settings.lock != nil else { return }
        let wasMissing = lock.isMissing
        lock.isMissing = isSomebodyMissing(at: now)
        guard lock.isMissing else { return }
        lock.missedAt = now
        if !wasMissing { for place in groups.indices { groups[place].lock?.ask() } }
    }

    /// Returns the request that is due for a group's lock; nil without one.
    mutating func request(_ place: Int, _ wish: GroupLock.Wish, at now: Instant) -> LockRequest? {
        guard let change = groups[place].lock?.request(wish, number: lock.number &+ 1, at: now) else { return nil }
        lock.number &+= 1
        return LockRequest(number: lock.number, group: UInt8(place), change: change)
    }

    /// The next time at which something about a group's lock is to be asked or decided.
    func lockReview(_ place: Int, isMaster: Bool, at now: Instant) -> Instant {
        guard let lock = groups[place].lock else { return .never }
        var times = others.map { missingAt($0) }
        if isMaster {
            if let end = lock.leaseEnd { times.append(end - self.times.releaseTime) }
            if let deadline = lock.deadlineOfTaking { times.append(deadline) }
            if let missedAt = self.lock.missedAt { times.append(missedAt + settings.timeout * 2) }
        }
        return times.reduce(lock.dueAt) { $1 > now ? min($0, $1) : $0 }
    }

    /// True if a MASTER keeps its place against an advertisement because it holds the lock, and no heartbeat tells whose
    /// advertisement it is (D110). A node without a guard knows of no lock: its advertisements count.
    func keepsByLock(_ place: Int, at now: Instant) -> Bool {
        guard groups[place].lock?.isHeld(at: now, for: times.releaseTime) == true else { return false }
        return !settings.nodes.contains { $0.isUnguarded }
            && others.contains { !peers[$0].isHeard(within: settings.timeout, at: now) }
    }

    /// Somebody who says that the lock isn't his any more has given it back: it is looked at at once.
    mutating func noteLocks(of node: Int, after former: [GroupStanding]) {
        for standing in former where standing.flags.contains(.holdsLock) {
            guard groups.indices.contains(Int(standing.group)),
                peers[node].standing(of: Int(standing.group))?.flags.contains(.holdsLock) == false
            else { continue }
            groups[Int(standing.group)].lock?.ask()
        }
    }

    /// Says for how long the engine hasn't answered, or that it does again; nil if that was told.
    mutating func lockChange(at now: Instant) -> (isDead: Bool, time: Interval)? {
        let isDead = groups.contains { $0.lock?.isDead == true }
        guard isDead != lock.isToldDead else { return nil }
        lock.isToldDead = isDead
        return (isDead, groups.compactMap { $0.lock?.failingSince?.age(at: now) }.max() ?? .zero)
    }

    /// A node of the register's value, which may be any.
    func nodeName(_ node: UInt8) -> String {
        settings.nodes.indices.contains(Int(node)) ? name(of: Int(node)) : "node \(node)"
    }
}
