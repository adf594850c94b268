import Base
import ConfigurationModel
import Wire

extension VirtualRouter {
    /// Checks a packet for this virtual router (RFC 9568 §7.1) and acts on a good one. A packet that is discarded
    /// raises its own counter and touches nothing else: no sender of rubbish can silence a master or start an election.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, _ information: PacketInformation, at now: Instant,
        _ context: inout NodeContext, into actions: inout [Action]
    ) {
        var detail: UInt32 = 0
        let reason: DiscardReason
        // RFC 9568 §6.4.2, §6.4.3: only Backup and Active receive advertisements.
        if state != .backup && state != .master || now < context.startsAt {
            reason = .notRunning
        } else if bytes.count < information.payloadLength || information.payloadLength < 0 {
            // RFC 9568 §7.1: a received packet contains the complete VRRP packet.
            reason = .length
            detail = UInt32(clamping: bytes.count)
        } else {
            // Beyond the IP header's length there may be the link's padding.
            let pdu = UnsafeRawBufferPointer(rebasing: bytes[..<information.payloadLength])
            do throws(AdvertisementError) {
                let view = try AdvertisementView(pdu, family: settings.family)
                guard let found = discardReason(for: view, information, &detail) else {
                    accept(view, from: information.source, at: now, &context, into: &actions)
                    return
                }
                reason = found
                noteRival(view, found, detail: detail, information, at: now, context, into: &actions)
            } catch {
                reason = DiscardReason(error)
                detail = UInt32(clamping: bytes.count)
                if reason.isAnotherRouters {
                    // Its fields are where they always are, but aren't vouched for.
                    noteRival(
                        .discarded(reason, detail: detail), from: information.source, interval: .zero, at: now,
                        into: &actions)
                }
            }
        }
        discard(reason, from: information.source, detail: detail, at: now, into: &actions)
    }

    /// Another router advertises an address of this instance under another VRID: whoever is master of both, two have
    /// it.
    mutating func receivedForeignVRID(
        _ view: AdvertisementView, _ information: PacketInformation, at now: Instant, _ context: NodeContext,
        into actions: inout [Action]
    ) {
        let detail = UInt32(view.rawVirtualRouterID)
        noteRival(view, .otherVRID, detail: detail, information, at: now, context, into: &actions)
        discard(.otherVRID, from: information.source, detail: detail, at: now, into: &actions)
    }

    private mutating func discard(
        _ reason: DiscardReason, from source: IPAddress, detail: UInt32, at now: Instant, into actions: inout [Action]
    ) {
        counters.discarded[reason.rawValue] += 1
        lastDiscard = (reason, source, detail, now)
        guard discardReports.admits(reason, at: now) else { return }
        actions.append(.observe(.discarded(id, reason, source: source, detail: detail)))
    }

    /// The first thing that is wrong, in the order that operators know from keepalived's counters.
    private func discardReason(
        for view: AdvertisementView, _ information: PacketInformation, _ detail: inout UInt32
    ) -> DiscardReason? {
        // RFC 9568 §5.1.1.3, §5.1.2.3: only a sender on the link can have 255. Routers lie between unicast peers.
        if !settings.isUnicast, information.hopLimit != 255 {
            detail = UInt32(information.hopLimit ?? 0)
            return .hopLimit
        }
        // RFC 9568 §7.1: the version is the configured one.
        guard view.version == settings.version else {
            detail = UInt32(view.rawVersion)
            return .version
        }
        if settings.version == .v2, let reason = versionTwoDiscardReason(for: view, &detail) { return reason }
        // RFC 9568 §5.2.2: a packet with unknown type is discarded.
        guard view.isAdvertisement else {
            detail = UInt32(view.type)
            return .type
        }
        // RFC 9568 §7.1, §5.2.8: the checksum; with the pseudo-header but in version 2.
        switch view.checkChecksum(source: information.source, destination: information.destination) {
        case .right: break
        case .rightWithoutPseudoHeader:
            if !settings.checksumWithoutPseudoHeader {
                detail = UInt32(view.checksum)
                return .checksumOtherForm
            }
        case .wrong:
            detail = UInt32(view.checksum)
            return .checksum
        }
        // An interval of 0 would make every BACKUP master at once; RFC 9568 §5.2.7 gives it no meaning.
        if view.interval == .zero { return .interval }
        // RFC 9568 §5.2.5: at least one address, as ours has.
        if view.addressCount == 0, !settings.virtualAddresses.isEmpty { return .noAddress }
        return addressDiscardReason(information, &detail)
    }

    /// RFC 3768 §7.1 and RFC 2338 §5.3.6.1: authentication and interval must be the configured ones.
    private func versionTwoDiscardReason(for view: AdvertisementView, _ detail: inout UInt32) -> DiscardReason? {
        let expected = settings.password == nil ? AuthenticationType.none : AuthenticationType.simplePassword
        guard view.authenticationType == expected else {
            detail = UInt32(view.authenticationType)
            return AuthenticationType.known.contains(view.authenticationType)
                ? .authenticationType : .unknownAuthenticationType
        }
        if let password = settings.password, !view.hasPassword(password) { return .authenticationFailure }
        guard view.interval == settings.advertInterval else {
            detail = UInt32(clamping: view.interval.nanoseconds / Interval.centiseconds(1).nanoseconds)
            return .interval
        }
        return nil
    }

    private func addressDiscardReason(_ information: PacketInformation, _ detail: inout UInt32) -> DiscardReason? {
        let from = information.source
        if settings.isUnicast ? information.destination.isMulticast : information.destination != settings.multicastGroup
        {
            return .destination
        }
        // RFC 9568 §5.1.1.1, §5.1.2.1: the source is the primary address of the sender's interface.
        if from.isUnspecified || from.isMulticast { return .badSource }
        if from == source { return .own }
        guard settings.isUnicast else { return nil }
        guard let peer = settings.unicastPeers.first(where: { $0.address == from }) else {
            return settings.checkUnicastSource ? .source : nil
        }
        guard peer.minimumTTL != nil || peer.maximumTTL != nil else { return nil }
        let hopLimit = information.hopLimit ?? 0
        if hopLimit < peer.minimumTTL ?? 0 || hopLimit > peer.maximumTTL ?? 255 || information.hopLimit == nil {
            detail = UInt32(hopLimit)
            return .hopLimit
        }
        return nil
    }

    private mutating func accept(
        _ view: AdvertisementView, from sender: IPAddress, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        counters.advertsReceived += 1
        if context.orders.awaitsAdvert { context.orders.mayHaveChanged = true }
        if view.priority == .release { counters.releasesReceived += 1 }
        lastAdvertAt = now
        remark(on: view, from: sender, at: now, into: &actions)
        if state == .master, !yieldsAfterLease(at: now, &context, into: &actions) {
            acceptAsMaster(view, from: sender, at: now, &context, into: &actions)
        } else {
            acceptAsBackup(view, from: sender, at: now, &context, into: &actions)
        }
    }

    /// Counts anomalies, and reports each once per state and sender.
    private mutating func remark(
        on view: AdvertisementView, from sender: IPAddress, at now: Instant, into actions: inout [Action]
    ) {
        if state == .backup, sender != master { reportedAnomalies = 0 }
        // RFC 9568 §7.1: the addresses may be compared with the configured ones; a difference is logged.
        if !view.hasAddressList(addressList), !settings.skipsAddressListCheck,
            Set(view.addresses.map(\.bytes))
                != Set(settings.virtualAddresses.prefix(Int(addressCount)).map(\.prefix.address.bytes))
        {
            // Who leaves advertises nothing any more.
            if view.priority != .release { differentAddresses = (sender, now) }
            note(.addressListMismatch, from: sender, into: &actions)
        } else if differentAddresses?.source == sender {
            differentAddresses = nil
        }
        // RFC 9568 §7.1: so may the interval be, which isn't an error.
        if settings.version == .v3, view.interval != settings.advertInterval {
            note(.intervalAdopted, from: sender, into: &actions)
        }
        if view.priority == priority { note(.equalPriority, from: sender, into: &actions) }
    }

    private mutating func note(_ remark: Anomaly, from sender: IPAddress, into actions: inout [Action]) {
        counters.remarks[remark.rawValue] += 1
        let bit: UInt8 = 1 << remark.rawValue
        guard reportedAnomalies & bit == 0 else { return }
        reportedAnomalies |= bit
        actions.append(.observe(.accepted(id, remark, source: sender)))
    }

    /// RFC 9568 §6.4.2: an ADVERTISEMENT is received in Backup.
    private mutating func acceptAsBackup(
        _ view: AdvertisementView, from sender: IPAddress, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        // RFC 9568 §6.4.2: priority 0 sets the Active_Down_Timer to Skew_Time.
        if view.priority == .release {
            // Only the master can hand over. A third router that leaves while the master is heard must not start an
            // election: the RFC would have us claim a skew time later, before the master's next advertisement.
            guard master == nil || master == sender else { return }
            isReleased = true
            hasExtendedMasterDown = false
            armMasterDown(now + skew, &context)
            return
        }
        // RFC 9568 §6.4.2: with Preempt_Mode, one of a lower priority is discarded. The address doesn't count here: a
        // BACKUP leaves a master of its own priority alone; only two masters compare them.
        if order == .raised { raise(above: view.priority, &context, into: &actions) }
        if view.priority < priority, mayPreempt {
            // Discarded: the timer runs on, and we claim when it fires. An operator's order doesn't wait for it.
            waiting = .preempting
            master = sender
            masterPriority = view.priority
            if order == .raised { armMasterDown(max(now, context.startsAt), &context) }
            return
        }
        // RFC 9568 §6.4.2: any other one resets the Active_Down_Timer to Active_Down_Interval.
        let delayBegins = preemptDelaySince ?? max(now, earliestDelay(from: sender))
        waiting = reasonToFollow(sender, view.priority)
        preemptDelaySince = waiting == .preemptDelay ? delayBegins : nil
        follow(sender, view.priority, view.interval)
        wantsMaster = wantsMaster && preemptionAt.map { $0 <= now } ?? false
        armMasterDown(now + masterDownInterval, &context)
        advancePreemption(at: now, &context)
    }

    /// Earliest begin of preempt_delay: it doesn't end before the time of a master that isn't lower than us and may
    /// live. A router that yields to that one sends a last advertisement, which may be heard after its own.
    private func earliestDelay(from sender: IPAddress) -> Instant {
        guard !isReleased, let master, master != sender, let masterPriority, masterPriority >= priority else {
            return Instant(nanoseconds: .min)
        }
        return masterDownAt - settings.preemptDelay
    }

    /// preempt_delay runs from the first lower-priority advertisement of a live master (pain point T7): while it does,
    /// that master is followed like a superior one, and when it is over, it is replaced at once. No master, no delay.
    mutating func advancePreemption(at now: Instant, _ context: inout NodeContext) {
        guard state == .backup, !wantsMaster, let preemptionAt else { return }
        armMasterDown(min(masterDownAt, max(now, preemptionAt)), &context)
    }

    /// The time at which preempt_delay will be, or was, all that we wait for; nil when something else is. By a change
    /// of ours the master may be a superior one now, or one that nopreempt protects, which its next advertisement will
    /// settle.
    var preemptionAt: Instant? {
        guard waiting == .preemptDelay, !settings.nopreempt, !isReleased, let began = preemptDelaySince,
            let masterPriority, masterPriority < priority
        else { return nil }
        return began + settings.preemptDelay
    }

    private mutating func follow(_ sender: IPAddress, _ priority: Priority, _ interval: Interval) {
        master = sender
        masterPriority = priority
        isReleased = false
        hasExtendedMasterDown = false
        // RFC 9568 §6.4.2: set Active_Adver_Interval to the Max Advertise Interval of the ADVERTISEMENT.
        if settings.version == .v3 {
            masterInterval = interval
            isIntervalLearned = true
        }
    }

    /// RFC 9568 §6.4.3: an ADVERTISEMENT is received in Active.
    private mutating func acceptAsMaster(
        _ view: AdvertisementView, from sender: IPAddress, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        if isResigning {
            guard view.priority != .release else { return }
            return resign(to: sender, view.priority, view.interval, at: now, &context, into: &actions)
        }
        // RFC 9568 §6.4.3: priority 0 is answered with an ADVERTISEMENT.
        if view.priority == .release {
            yielded(sender, at: now, &context, into: &actions)
            if !assertMastership(at: now, into: &actions) { advertiseSoon(&context) }
            return
        }
        // RFC 9568 §6.4.3: a lower priority, or the same and a lower address, is discarded, and mastership asserted at
        // once.
        if let source, (view.priority, sender) < (priority, source) {
            noteRival(
                .lowerPriority(view.priority), from: sender, interval: view.interval, at: now, into: &actions)
            expectYielding(of: sender, interval: view.interval, at: now, &context)
            let isTold = tellLowerPriority(at: now, &context, into: &actions)
            if !settings.lowerPriorityNoAdvert { assertMastership(at: now, into: &actions) }
            announceAfterLowerPriority(at: now, &context)
            // Not for each of a flood: it would be as many announcements as all members have.
            if isTold, group != nil { context.noteChange(of: id, .lowerPriority) }
            return
        }
        // Between masters that hear each other by heartbeats their claims decide (docs/decisions, D110).
        if isGuarded, context.guards.keepsMaster(id, priority: priority, at: now) {
            return _ = assertMastership(at: now, into: &actions)
        }
        // RFC 9568 §6.4.3: a higher priority, or the same and a higher address: transition to Backup. One more
        // advertisement before yielding, which is why higher_prio_send_advert has no effect: after a cut that we
        // noticed and the winner didn't, it is the only way in which the winner learns that neighbours may have learned
        // our hardware address, and it then announces again (pain point T1). It is harmless otherwise: the winner
        // answers it, and everyone else ignores it or follows the winner.
        advertise(priority, at: now, into: &actions)
        let reason: TransitionReason = view.priority > priority ? .higherPriority : .equalPriorityHigherAddress
        master = sender
        masterPriority = view.priority
        enterBackup(
            reason, at: now, masterInterval: settings.version == .v3 ? view.interval : nil, &context, into: &actions)
        waiting = view.priority > priority ? .higherPriority : .higherAddress
    }

    /// Answers another master at once, at most sixteen times an interval: a flood of lower-priority advertisements must
    /// not become one of ours. - Returns: whether it has answered.
    @discardableResult
    private mutating func assertMastership(at now: Instant, into actions: inout [Action]) -> Bool {
        if let lastSentAt, now < lastSentAt + answerGap { return false }
        advertise(priority, at: now, into: &actions)
        return true
    }

    /// The least time between an advertisement and the answer to another router.
    private var answerGap: Interval { settings.advertInterval / 16 }

    /// Brings the next advertisement forward to when one may leave again; the period goes on from there. Who has heard
    /// a priority 0 waits for its skew only, and our last advertisement may have come before it: it needs one after it.
    private mutating func advertiseSoon(_ context: inout NodeContext) {
        guard let lastSentAt, lastSentAt + answerGap < advertDueAt else { return }
        advertDueAt = lastSentAt + answerGap
        context.set(.advertise, of: id, to: advertDueAt)
    }

    mutating func announceAfterLowerPriority(at now: Instant, _ context: inout NodeContext) {
        let wanted = settings.announcements
        guard wanted.lowerPriorityRounds > 0 else { return }
        announceAll(rounds: wanted.lowerPriorityRounds, at: now, &context)
        if isInstalled, wanted.lowerPriorityDelay > .zero, context.deadline(of: .lowerPriorityAgain, of: id) == nil {
            context.set(.lowerPriorityAgain, of: id, to: now + wanted.lowerPriorityDelay)
        }
    }
}

extension DiscardReason {
    fileprivate init(_ error: AdvertisementError) {
        switch error {
        case .length: self = .length
        case .carp: self = .carp
        case .authenticationTrailer: self = .authenticationTrailer
        }
    }
}
