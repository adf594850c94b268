import Base
import ConfigurationModel

// What an operator's order does to one virtual router (docs/decisions, D49). Node+Orders.swift gives it, times it, and
// tells what becomes of it.

extension VirtualRouter {
    /// Another order is in force, or none. A MASTER goes on until it is told to release.
    mutating func obey(
        _ new: OperatorOrder.Kind?, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard new != order else { return }
        order = new
        takeMastershipBack(at: now, &context, into: &actions)
        // A MASTER that hands over keeps its priority until it has said so: nobody may take over before its hooks have ended.
        let handsOver = state == .master && (new == .resigned || new == .maintenance)
        if new != .raised, !handsOver { endRaise(at: now, &context, into: &actions) }
        guard state == .backup else { return }
        switch new {
        case .raised:
            guard let heard = masterPriority, master != nil else { return }
            raise(above: heard, &context, into: &actions)
            // Nobody is asked to wait for a timer, and nothing has to be heard again.
            if heard < priority { preemptAtOnce(at: now, &context) }
        case .resigned:
            if [.preempting, .preemptDelay, .nopreempt].contains(waiting) { leaveAlone(at: now, &context) }
        case .maintenance:
            waiting = .maintenance
            wantsMaster = false
        case nil:
            if waiting == .maintenance || waiting == .resigned { waiting = .listening }
            // Nobody has been heard for a master-down interval.
            if masterDownAt == .never { armMasterDown(max(now, context.startsAt) + skew, &context) }
        }
    }

    /// Its priority is its own again.
    mutating func endRaise(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard raisedTo != nil else { return }
        let previousDown = masterDownInterval
        raisedTo = nil
        reassess(previousDown: previousDown, at: now, &context, into: &actions)
    }

    /// Claims above a master that is lower by now.
    private mutating func preemptAtOnce(at now: Instant, _ context: inout NodeContext) {
        waiting = .preempting
        preemptDelaySince = nil
        armMasterDown(min(masterDownAt, max(now, context.startsAt)), &context)
    }

    /// The master that was to be replaced stays, as long as it is heard.
    private mutating func leaveAlone(at now: Instant, _ context: inout NodeContext) {
        waiting = .resigned
        preemptDelaySince = nil
        guard !isReleased, let silentAt = masterSilentAt, silentAt > now else { return }
        wantsMaster = false
        guard silentAt > masterDownAt else { return }
        armMasterDown(silentAt, &context)
    }

    /// BACKUP: when the master that was heard last has been silent for a master-down interval; nil without one.
    private var masterSilentAt: Instant? {
        guard master != nil, master != source else { return nil }
        return lastAdvertAt.map { $0 + masterDownInterval }
    }

    /// Makes the effective priority higher than this one, as far as there is a higher one that isn't an owner's.
    mutating func raise(above heard: Priority, _ context: inout NodeContext, into actions: inout [Action]) {
        guard priority <= heard, heard.rawValue < 254 else { return }
        let former = priority
        raisedTo = Priority(rawValue: heard.rawValue + 1)
        priority = Priority(rawValue: heard.rawValue + 1)
        reportPriority(from: former, &context, into: &actions)
    }

    /// The part of the priority that `takeover` has added.
    func raise(above unraised: Priority) -> Contribution? {
        guard raisedTo != nil, priority > unraised else { return nil }
        return Contribution(.order, "takeover", Int32(priority.rawValue - unraised.rawValue))
    }

    /// True if a master of a lower priority is replaced at once when its time comes.
    var mayPreempt: Bool {
        switch order {
        case .raised: true
        case .resigned, .maintenance: false
        case nil: !settings.nopreempt && settings.preemptDelay == .zero && !hasFailedToServe
        }
    }

    /// The reason that it follows a master of this priority.
    func reasonToFollow(_ sender: IPAddress, _ theirs: Priority) -> BackupReason {
        if order == .maintenance { return .maintenance }
        if theirs > priority { return .higherPriority }
        if theirs == priority { return source.map { sender > $0 } ?? true ? .higherAddress : .equalPriority }
        if order == .resigned { return .resigned }
        if hasFailedToServe { return .hookFailed }
        return settings.nopreempt ? .nopreempt : .preemptDelay
    }

    /// The master-down timer fires. - Returns: whether an order keeps this router from claiming.
    mutating func isKeptByOrder(at now: Instant, _ context: inout NodeContext) -> Bool {
        switch order {
        case .maintenance:
            // Whoever was master isn't any more, and nobody here takes its place.
            isReleased = false
            forgetMaster()
            masterDownAt = .never
            context.set(.masterDown, of: id, to: nil)
            return true
        case .resigned:
            guard !isReleased, let silentAt = masterSilentAt, now < silentAt else { return false }
            armMasterDown(silentAt, &context)
            return true
        case .raised, nil: return false
        }
    }

    // MARK: MASTER that resigns

    var reasonToRelease: TransitionReason { order == .maintenance ? .maintenance : .resigned }

    /// True if one of its addresses detects duplicates: a successor would find ours, and couldn't use its own.
    var mustReleaseFirst: Bool { allAddresses.contains { $0.duplicateAddressDetection } }

    /// The longest time until a successor is heard that claims by the priority 0: the lowest priority's skew, and an
    /// interval for one that is late.
    var handOverTime: Interval {
        settings.advertInterval
            + ElectionTimes.skew(settings.version, Priority(rawValue: 1), masterInterval: settings.advertInterval)
    }

    /// Sends priority 0, and keeps its addresses until it hears a successor. Neighbours aren't told anything any more: the
    /// successor tells them.
    mutating func beginResigning(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, !isResigning else { return }
        advertise(.release, at: now, into: &actions)
        isResigning = true
        advertDueAt = .never
        reclaimAt = nil
        for kind in [TimerKind.advertise, .announceAgain, .lowerPriorityAgain, .refresh, .reclaim] {
            context.set(kind, of: id, to: nil)
        }
        context.announcer.cancel(id)
    }

    /// It is MASTER as before; perhaps somebody has claimed meanwhile and told the neighbours.
    mutating func takeMastershipBack(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, isResigning || isClosed else { return }
        if isClosed, hasBeforeMaster(context) {
            // Its service is closed: it is MASTER anew, behind its before_master.
            enterBackup(.resigned, at: now, &context, into: &actions)
            return enterMaster(.notTakenOver, at: now, &context, into: &actions)
        }
        isClosed = false
        guard isResigning else { return }
        isResigning = false
        advertise(priority, at: now, into: &actions)
        advertDueAt = now + settings.advertInterval
        context.set(.advertise, of: id, to: advertDueAt)
        announceAll(rounds: settings.announcements.rounds, at: now, &context)
        scheduleRefresh(at: now, &context)
    }

    /// Another router advertises: it has taken over.
    mutating func resign(
        to sender: IPAddress, _ priority: Priority, _ interval: Interval, at now: Instant,
        _ context: inout NodeContext, into actions: inout [Action]
    ) {
        master = sender
        masterPriority = priority
        enterBackup(
            reasonToRelease, at: now,
            masterInterval: settings.version == .v3 ? interval : nil, &context, into: &actions)
        waiting = reasonToFollow(sender, priority)
    }
}
