import Base
import ConfigurationModel

extension VirtualRouter {
    /// The time by which an advertisement may leave together with others that are due. The next one is counted from
    /// when this one was due, so the rate stays exact in the long run, and a peer, which waits for three intervals,
    /// can't tell a 64th of one from the jitter of the network. Only advertisements: any other timer fires late rather
    /// than early.
    var advertSlack: Interval { min(settings.advertInterval / 64, .microseconds(1_500)) }

    /// Sets the master-down timer. A later time than the one in the heap only stands here until the earlier one pops:
    /// each advertisement received moves it on, and the heap, and the shell's timer behind it, needn't be told.
    mutating func armMasterDown(_ deadline: Instant, _ context: inout NodeContext) {
        masterDownAt = deadline
        if let armed = context.deadline(of: .masterDown, of: id), armed <= deadline { return }
        context.set(.masterDown, of: id, to: deadline)
    }

    /// The extent of the change that a timer has made.
    enum Outcome {
        /// An advertisement has left, and the next one is due an interval after this one was.
        case advertised
        /// Anything.
        case changed
    }

    /// One of our timers popped.
    mutating func fired(
        _ kind: TimerKind, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Outcome {
        switch kind {
        // RFC 9568 §6.4.3: the Adver_Timer fires.
        case .advertise: return advertiseFired(at: now, &context, into: &actions)
        // RFC 9568 §6.4.2: the Active_Down_Timer fires.
        case .masterDown: masterDownFired(at: now, &context, into: &actions)
        case .announceAgain: announceAll(rounds: settings.announcements.rounds, at: now, &context)
        case .lowerPriorityAgain: announceAll(rounds: settings.announcements.lowerPriorityRounds, at: now, &context)
        case .refresh:
            announceAll(rounds: settings.announcements.refreshRounds, at: now, &context)
            scheduleRefresh(at: now, &context)
        case .kernelRetry: retryRefused(at: now, &context, into: &actions)
        case .reportRemovals: reportRemovals(context, into: &actions)
        case .retryAddresses: retryAddresses(at: now, &context, into: &actions)
        case .tellMaster: tellMaster(isLate: true, at: now, &context, into: &actions)
        case .reclaim: reclaim(at: now, &context, into: &actions)
        case .hook: hooksAreLate(at: now, &context, into: &actions)
        case .renewLease: renewLease(at: now, &context, into: &actions)
        }
        return .changed
    }

    /// RFC 9568 §6.4.2: the Active_Down_Timer fires; nobody was heard for the master-down interval.
    private mutating func masterDownFired(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .backup, !isKeptByOrder(at: now, &context) else { return }
        if let hookRestsUntil, now < hookRestsUntil { return armMasterDown(hookRestsUntil, &context) }
        // Who didn't run can't say that nobody was there: the socket may have overflowed, or the whole machine was
        // away. So a timer that fires more than an interval late is no evidence; one more interval is listened to, once
        // per silence, so that a machine that is always late still takes over (pain point T3).
        let late = now - masterDownAt
        if late > masterInterval, !hasExtendedMasterDown {
            hasExtendedMasterDown = true
            actions.append(.observe(.stalled(late)))
            armMasterDown(now + masterInterval + skew, &context)
            return
        }
        let preempts = preemptionAt.map { $0 <= now } ?? false
        let silentAt = (lastAdvertAt ?? since) + masterDownInterval
        if waiting == .preemptDelay, !isReleased, !preempts, now < silentAt {
            // A reload or a tracker has changed what we wait for, and the master is there.
            armMasterDown(silentAt, &context)
            return advancePreemption(at: now, &context)
        }
        // RFC 9568 §6.4.2: send an ADVERTISEMENT and transition to Active.
        let reason: TransitionReason
        if order == .raised, waiting == .preempting {
            reason = .raised
        } else if isReleased {
            reason = .masterReleased
        } else if waiting == .preempting || preempts {
            reason = .preempted
        } else {
            reason = priority == .owner ? .addressOwner : .masterDown
        }
        claim(reason, at: now, &context, into: &actions)
    }

    /// Nothing of its own keeps it from being MASTER.
    mutating func claim(
        _ reason: TransitionReason, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard group != nil || isGuarded else { return enterMaster(reason, at: now, &context, into: &actions) }
        // All members or none, and what the guard says: it goes on listening, and is MASTER when the last of them wants to
        // be, and the guard lets them.
        wantsMaster = true
        claimReason = reason
        armMasterDown(now + masterDownInterval, &context)
        if group != nil { context.noteChange(of: id, .wantsMaster(reason)) }
    }

    /// RFC 9568 §6.4.3: the Adver_Timer fires; send an ADVERTISEMENT and reset the timer. Deadlines are absolute, so
    /// intervals don't drift; only when a whole one was missed they start again from now.
    private mutating func advertiseFired(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Outcome {
        guard state == .master else { return .changed }
        if isGuarded, let listensUntil = context.guards.listensUntil(id, at: now) {
            // Often, because what it waits for comes soon.
            context.set(.advertise, of: id, to: min(listensUntil, now + .milliseconds(10)))
            return .changed
        }
        let late = now - advertDueAt
        if late > settings.advertInterval, yieldsAfterLease(at: now, &context, into: &actions) { return .changed }
        let hasLeft = advertise(priority, at: now, into: &actions)
        let next = advertDueAt + settings.advertInterval
        advertDueAt = next > now ? next : now + settings.advertInterval
        context.set(.advertise, of: id, to: advertDueAt)
        // Silent for so long that a peer was master meanwhile: neighbours may have learned its hardware address, and it
        // will yield to this advertisement without a word (pain points T1, T3).
        if late >= settings.advertInterval * Int64(max(1, settings.downTimerAdverts)) {
            actions.append(.observe(.stalled(late)))
            announceAll(rounds: settings.announcements.rounds, at: now, &context)
        }
        return hasLeft && advertDueAt == next ? .advertised : .changed
    }

    /// Announces every address that the kernel has, if we're MASTER. Not those that it hasn't answered for yet, or has
    /// refused: neighbours would be led to a machine without the address.
    mutating func announceAll(rounds: Int, at now: Instant, _ context: inout NodeContext) {
        guard state == .master, isInstalled else { return }
        let addresses = allAddresses.filter { isPresent($0, context) }
        context.announcer.announce(addresses, of: id, on: settings.interface, rounds: rounds, at: now)
    }

    /// garp_master_refresh from now on, or none.
    mutating func scheduleRefresh(at now: Instant, _ context: inout NodeContext) {
        let period = settings.announcements.refresh
        context.set(.refresh, of: id, to: state == .master && isInstalled && period > .zero ? now + period : nil)
    }
}
