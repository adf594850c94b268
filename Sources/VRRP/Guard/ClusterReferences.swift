import Base
import ConfigurationModel
import Wire

/// The reference addresses of a cluster: what their answers prove about this node (docs/decisions, D106, D109).
///
/// The time of an answer is that of its request: later the path may have broken.
struct ClusterReferences: Hashable, Sendable {
    /// A request, by its number and the time at which it was sent.
    struct Request: Hashable, Sendable {
        var number: UInt16
        var at: Instant
    }

    struct Reference: Hashable, Sendable {
        /// Requests that may still be answered in time, oldest first.
        var pending: [Request] = []
        /// The sending of the newest request that was answered.
        var answeredAt: Instant?
        /// The sending of the first and of the last request in a row that wasn't answered; nil after an answer.
        var failures: (first: Instant, last: Instant, count: Int)?
        var sent: UInt64 = 0
        var answered: UInt64 = 0

        static func == (left: Reference, right: Reference) -> Bool {
            left.pending == right.pending && left.answeredAt == right.answeredAt && left.sent == right.sent
                && left.failures?.count == right.failures?.count
        }

        func hash(into hasher: inout Hasher) { hasher.combine(sent) }
    }

    /// A claim is proved by answers to requests that are at most so old (D108).
    static let proofTime = Interval.milliseconds(50)
    /// From one request to the next while a claim waits for answers.
    static let claimPeriod = Interval.milliseconds(25)

    let settings: ReferenceSettings
    /// As many have to answer.
    private let required: Int
    private(set) var references: [Reference]
    private var lastNumber: UInt16 = 0
    /// When all are asked again.
    private(set) var dueAt: Instant
    /// When they are asked next for a claim; nil without one.
    private(set) var claimDueAt: Instant?
    /// Since when references answer again, or since the start.
    private(set) var backAt: Instant
    /// True if they were lost when they were looked at last.
    private(set) var isLost = false
    /// As it was told.
    private var isToldLost = false

    /// Nil if none is asked by ICMP: nobody asks those with a TCP port yet.
    init?(_ settings: ReferenceSettings?, at now: Instant) {
        guard let settings else { return nil }
        let asked = settings.targets.count { $0.tcpPort == nil }
        guard asked > 0 else { return nil }
        self.settings = settings
        required = min(settings.required, asked)
        references = settings.targets.map { _ in Reference() }
        dueAt = now
        backAt = now
    }

    /// The same references with other times. What was heard of those that stay is kept.
    func reconfigured(_ new: ReferenceSettings?, at now: Instant) -> ClusterReferences? {
        guard var changed = ClusterReferences(new, at: now) else { return nil }
        changed.lastNumber = lastNumber
        for (place, target) in changed.settings.targets.enumerated() {
            guard let former = settings.targets.firstIndex(of: target) else { continue }
            changed.references[place] = references[former]
        }
        changed.backAt = backAt
        changed.isLost = changed.areTooFew
        changed.isToldLost = isToldLost
        return changed
    }

    /// The next time at which something is to be asked, or an answer is late.
    var deadline: Instant {
        let late = references.reduce(Instant.never) { min($0, $1.pending.first.map { $0.at + settings.timeout } ?? .never) }
        return min(late, min(dueAt, claimDueAt ?? .never))
    }

    /// True if fewer answer than have to. One that hasn't failed as often as makes it lost counts as one that answers: at a
    /// start nothing is lost.
    private var areTooFew: Bool {
        zip(settings.targets, references).count { target, reference in
            target.tcpPort == nil && (reference.failures?.count ?? 0) < settings.losses
        } < required
    }

    /// True if so many have answered requests that are this young.
    func isProved(within age: Interval = Self.proofTime, at now: Instant) -> Bool {
        references.count { $0.answeredAt.map { now - $0 <= age } ?? false } >= required
    }

    /// The word for the other nodes.
    func age(at now: Instant) -> ReferenceAge {
        let newest = references.compactMap(\.answeredAt).max()
        guard !isLost, let newest else { return .lost }
        return .answered(age: now - newest)
    }

    /// The requests that failed: the first and the last ones of the time since which too few answer; nil while enough do.
    var lostBetween: (first: Instant, last: Instant)? {
        guard isLost else { return nil }
        let lost = references.compactMap(\.failures).filter { $0.count >= settings.losses }
        guard let first = lost.map(\.first).max(), let last = lost.map(\.last).min() else { return nil }
        return (first, last)
    }

    // MARK: Events

    /// Takes in an answer. - Returns: false if nothing was asked that it could answer.
    mutating func answered(_ reference: Int, number: UInt16, at now: Instant) -> Bool {
        guard references.indices.contains(reference),
            let place = references[reference].pending.firstIndex(where: { $0.number == number })
        else { return false }
        let request = references[reference].pending[place]
        guard now - request.at < settings.timeout else { return false }
        // Those before it aren't lost: answers may be of another order. They just don't matter any more.
        references[reference].pending.removeFirst(place + 1)
        references[reference].answeredAt = max(references[reference].answeredAt ?? request.at, request.at)
        references[reference].failures = nil
        references[reference].answered += 1
        judge(at: now)
        return true
    }

    /// Counts what is late, and asks what is due. - Returns: the requests, by the reference's place.
    mutating func run(isClaiming: Bool, at now: Instant) -> [(reference: Int, number: UInt16)] {
        for place in references.indices { expire(place, at: now) }
        judge(at: now)
        if !isClaiming { claimDueAt = nil } else if claimDueAt == nil { claimDueAt = now }
        let isDue = now >= dueAt
        if isDue {
            // On absolute times; after a missed one from now on.
            let next = dueAt + settings.interval
            dueAt = next > now ? next : now + settings.interval
        }
        let isDueForClaim = claimDueAt.map { now >= $0 } ?? false
        guard isDue || isDueForClaim else { return [] }
        if isClaiming { claimDueAt = now + Self.claimPeriod }
        return references.indices.filter { settings.targets[$0].tcpPort == nil }.map { place in
            lastNumber &+= 1
            references[place].pending.append(Request(number: lastNumber, at: now))
            references[place].sent += 1
            return (place, lastNumber)
        }
    }

    private mutating func expire(_ place: Int, at now: Instant) {
        while let oldest = references[place].pending.first, now - oldest.at >= settings.timeout {
            references[place].pending.removeFirst()
            let failures = references[place].failures
            // What was asked for a claim beside the regular requests doesn't make the loss come sooner.
            let isSeparate = failures.map { oldest.at - $0.last >= settings.interval * 3 / 4 } ?? true
            references[place].failures = (
                failures?.first ?? oldest.at, isSeparate ? oldest.at : failures?.last ?? oldest.at,
                (failures?.count ?? 0) + (isSeparate ? 1 : 0)
            )
        }
    }

    private mutating func judge(at now: Instant) {
        let isLost = areTooFew
        if self.isLost, !isLost { backAt = now }
        self.isLost = isLost
    }

    /// Returns whether they are lost, if that is another word than the last one.
    mutating func change() -> Bool? {
        guard isLost != isToldLost else { return nil }
        isToldLost = isLost
        return isLost
    }
}
