import Base
import ConfigurationModel
import Wire

/// Another router that advertises while this one is MASTER, for longer than a takeover lasts: very likely both are.
package struct RivalMaster: Hashable, Sendable {
    /// The reason its advertisements don't settle who is MASTER.
    package enum Sign: Hashable, Sendable {
        /// It is heard, and should have yielded to our advertisements: its priority.
        case lowerPriority(Priority)
        /// It is discarded; `detail` as `Observation.discarded` explains it.
        case discarded(DiscardReason, detail: UInt32)

        /// True if it is about one of our addresses under another VRID.
        var isOfOtherVRID: Bool { if case .discarded(.otherVRID, _) = self { true } else { false } }
        /// True if it sends with our source address.
        var isWithOurSource: Bool { if case .discarded(.own, _) = self { true } else { false } }
    }

    package var source: IPAddress
    package var sign: Sign
    /// The time at which it was first heard without such a pause as ends a series.
    package var since: Instant
    package var lastHeard: Instant
    /// Silent until then, it is none any more.
    package var countsUntil: Instant

    package init(_ source: IPAddress, _ sign: Sign, since: Instant, lastHeard: Instant, countsUntil: Instant) {
        self.source = source
        self.sign = sign
        self.since = since
        self.lastHeard = lastHeard
        self.countsUntil = countsUntil
    }
}

/// Other routers that advertise while an instance is MASTER. One advertisement is what a takeover leaves of the former
/// master; the second one of the same sender within a master-down interval says that it hasn't yielded. Silence for as
/// long ends it.
struct RivalMasters {
    /// Senders that are distinguished.
    static let most = 4
    /// Advertisements under another VRID are looked into by samples only (`UnknownVRIDSampler`): so many master-down
    /// intervals end them.
    private static let otherVRIDDownIntervals: Int64 = 3

    private struct Sender {
        var router: RivalMaster
        var isRival: Bool
    }

    private var senders: [Sender] = []

    /// Those that are more than what a takeover leaves.
    var rivals: [RivalMaster] { senders.filter(\.isRival).map(\.router) }

    /// An advertisement has come. - Returns: its sender when it is a rival from now on, and wasn't before.
    ///
    /// - Parameter downInterval: how long a router that advertises so often may be silent.
    mutating func note(
        _ sign: RivalMaster.Sign, from source: IPAddress, downInterval: Interval, at now: Instant
    ) -> RivalMaster? {
        senders.removeAll { now > $0.router.countsUntil }
        // Under another VRID it is no former master of ours: the first one counts.
        let isOther = sign.isOfOtherVRID
        let end = now + downInterval * (isOther ? Self.otherVRIDDownIntervals : 1)
        let place = senders.firstIndex { $0.router.source == source && $0.router.sign.isOfOtherVRID == isOther }
        guard let place else {
            var new = Sender(
                router: RivalMaster(source, sign, since: now, lastHeard: now, countsUntil: end), isRival: isOther)
            guard senders.count >= Self.most, let oldest = self.oldest else {
                senders.append(new)
                return new.isRival ? new.router : nil
            }
            // More senders than are distinguished: one that sends under ever new addresses is no passing master either.
            let wasRival = senders[oldest].isRival
            new.isRival = true
            senders[oldest] = new
            return wasRival ? nil : new.router
        }
        senders[place].router.sign = sign
        senders[place].router.lastHeard = now
        senders[place].router.countsUntil = end
        guard !senders[place].isRival else { return nil }
        senders[place].isRival = true
        return senders[place].router
    }

    /// A router says that it is MASTER no more.
    mutating func released(by source: IPAddress) {
        senders.removeAll { $0.router.source == source && !$0.router.sign.isOfOtherVRID }
    }

    /// True if a router is heard that should have yielded to us.
    func containsLower(at now: Instant) -> Bool {
        senders.contains { sender in
            if case .lowerPriority = sender.router.sign { now <= sender.router.countsUntil } else { false }
        }
    }

    private var oldest: Int? {
        senders.indices.min { senders[$0].router.lastHeard < senders[$1].router.lastHeard }
    }
}

extension DiscardReason {
    /// True if what is discarded for this is a router's advertisement for our virtual router all the same. What isn't
    /// an advertisement at all says nothing of a second master.
    var isAnotherRouters: Bool {
        switch self {
        case .hopLimit, .version, .checksum, .checksumOtherForm, .authenticationType, .authenticationFailure,
            .authenticationTrailer, .unknownAuthenticationType, .interval, .destination, .source, .noAddress,
            .otherVRID, .own:
            true
        case .length, .type, .unknownVRID, .badSource, .notRunning, .carp: false
        }
    }
}

extension VirtualRouter {
    /// A discarded advertisement for us: a sign of a second master, if we are one.
    mutating func noteRival(
        _ view: AdvertisementView, _ reason: DiscardReason, detail: UInt32, _ information: PacketInformation,
        at now: Instant, _ context: NodeContext, into actions: inout [Action]
    ) {
        // Version 7 is nobody's, and priority 0 is a master's that goes.
        guard state == .master, reason.isAnotherRouters, view.version != nil, view.isAdvertisement,
            view.priority != .release
        else { return }
        if reason == .own, isEcho(view, at: now, context) { return }
        // What a broken packet says of its interval says nothing. It may have been discarded for something else that
        // is looked at before its checksum.
        let isBroken =
            view.checkChecksum(source: information.source, destination: information.destination) == .wrong
        noteRival(
            .discarded(reason, detail: detail), from: information.source, interval: isBroken ? .zero : view.interval,
            at: now, into: &actions)
    }

    /// True if this is our own advertisement again: a bridge, a bond or a virtual switch may send it back, and does so
    /// at once. Another router with our source address (the same mcast_src_ip in both files) sends at its own time.
    private func isEcho(_ view: AdvertisementView, at now: Instant, _ context: NodeContext) -> Bool {
        guard view.priority == priority, let next = context.deadline(of: .advertise, of: id) else { return false }
        return now < next - settings.advertInterval * 9 / 10
    }

    /// Another router advertises while we are MASTER.
    ///
    /// - Parameter interval: its own, as far as it is known: it may be a slower one than ours.
    mutating func noteRival(
        _ sign: RivalMaster.Sign, from sender: IPAddress, interval: Interval, at now: Instant,
        into actions: inout [Action]
    ) {
        guard state == .master, sender != source || sign.isWithOurSource, !sender.isUnspecified, !sender.isMulticast
        else { return }
        guard let rival = rivals.note(sign, from: sender, downInterval: silence(of: interval), at: now) else { return }
        actions.append(.observe(.rivalMaster(id, source: rival.source, rival.sign)))
    }

    /// Returns how long a router that advertises so often may be silent.
    func silence(of interval: Interval) -> Interval {
        ElectionTimes.masterDown(
            settings.version, priority, masterInterval: max(settings.advertInterval, interval),
            adverts: settings.downTimerAdverts)
    }

    // MARK: Yielding (pain point S3)

    /// A lower-priority advertisement: another master, which is about to yield to us. Not so soon after we have become
    /// MASTER: that is what a takeover leaves of the former one.
    mutating func expectYielding(
        of sender: IPAddress, interval: Interval, at now: Instant, _ context: inout NodeContext
    ) {
        guard sender != source, now >= since + masterDownInterval else { return }
        let end = now + silence(of: interval)
        guard reclaimAt.map({ $0 < end }) ?? true else { return }
        reclaimAt = end
        context.set(.reclaim, of: id, to: end)
    }

    /// A router says that it is MASTER no more: nobody needs to wait for its silence.
    mutating func yielded(
        _ sender: IPAddress, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        rivals.released(by: sender)
        if reclaimAt != nil, !rivals.containsLower(at: now) { reclaim(at: now, &context, into: &actions) }
    }

    /// The other master has yielded: what its scripts have moved to it comes back. Once for each time that one was heard.
    mutating func reclaim(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, reclaimAt != nil else { return }
        reclaimAt = nil
        context.set(.reclaim, of: id, to: nil)
        reclaimNotification = notify(event: .reclaimed, &context, into: &actions)
    }

    /// A lower-priority advertisement is told once in an interval, whoever sends how many. - Returns: whether it was.
    mutating func tellLowerPriority(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Bool {
        if let lowerPriorityToldAt, now < lowerPriorityToldAt + settings.advertInterval { return false }
        lowerPriorityToldAt = now
        notify(event: .receivedLowerPriority, &context, into: &actions)
        return true
    }
}
