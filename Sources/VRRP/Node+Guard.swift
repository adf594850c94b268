import Base
import ConfigurationModel
import Wire

/// The guards of a node: virtual routers ask them before they become MASTER, and follow them (docs/decisions, D100 and on).
struct NodeGuards: Sendable {
    var clusters: [ClusterGuard] = []
    /// The guarded group of each instance; empty without a guard.
    private(set) var places: [Int: GuardPlace] = [:]
    /// Stands for this start of the node; given before the first configuration.
    var nonce: UInt64 = 0
    /// A predecessor's legacy, until the first configuration.
    var kept: KeptGuards?
    /// False when nobody is there to run release scripts.
    var runsScripts = true

    /// The place of the decision about an instance.
    struct GuardPlace: Hashable, Sendable {
        var cluster: Int
        var group: Int
    }

    var isEmpty: Bool { clusters.isEmpty }

    /// The next time at which something is to be sent or looked at.
    var deadline: Instant {
        clusters.reduce(.never) { earliest, cluster in
            cluster.groups.reduce(min(earliest, cluster.beatDueAt)) {
                min($0, $1.hold?.until ?? .never, $1.release.deadline)
            }
        }
    }

    mutating func indexGroups() {
        places = [:]
        for (number, cluster) in clusters.enumerated() {
            for (place, group) in cluster.groups.enumerated() {
                for id in group.members { places[id] = GuardPlace(cluster: number, group: place) }
            }
        }
    }

    /// The time until which a MASTER that didn't run for long listens instead of advertising; nil if it needn't.
    mutating func listensUntil(_ id: InstanceID, at now: Instant) -> Instant? {
        guard let place = places[id] else { return nil }
        clusters[place.cluster].noteStall(at: now)
        return clusters[place.cluster].listensUntil(at: now)
    }

    /// True if a MASTER doesn't yield to an advertisement: its claim goes before that of the other, which hears that.
    func keepsMaster(_ id: InstanceID, priority: Priority, at now: Instant) -> Bool {
        guard let place = places[id] else { return false }
        var state = GroupState()
        state.priority = priority
        return clusters[place.cluster].keepsMaster(place.group, state, at: now)
    }

    /// Why an instance whose timer is over isn't MASTER.
    func hold(of id: InstanceID) -> GuardHold? {
        places[id].flatMap { clusters[$0.cluster].groups[$0.group].hold }
    }
}

extension Node {
    // MARK: Configuration

    /// Takes over the clusters of a configuration. What is known of a cluster whose nodes stay is kept.
    mutating func adoptGuards(_ clusters: [ClusterSettings], at now: Instant) {
        let former = context.guards.clusters
        // A block that isn't about this node, or has no heartbeats, has no guard: its place stays empty.
        context.guards.clusters = clusters.enumerated().compactMap { place, settings in
            guard let own = settings.ownNode, settings.hasHeartbeats else { return nil }
            let groups = settings.guarded.map { GuardedGroup(name: $0, members: members(of: $0)) }
            var guardian: ClusterGuard
            if let known = former.first(where: { $0.settings.name == settings.name }) {
                guardian = known.reconfigured(settings, own: own, groups: groups, at: now)
            } else {
                guardian = ClusterGuard(settings, own: own, nonce: context.guards.nonce, groups: groups, at: now)
                if let kept = context.guards.kept { guardian = guardian.resumed(from: kept, at: now) }
            }
            guardian.place = place
            return guardian
        }
        context.guards.kept = nil
        context.guards.indexGroups()
        changed.isNodeChanged = true
        for id in routers.indices {
            let isGuarded = context.guards.places[id] != nil
            // Who waited for a guard that is gone waits for the timer that runs.
            if routers[id].isGuarded, !isGuarded, routers[id].group == nil { routers[id].wantsMaster = false }
            routers[id].isGuarded = isGuarded
        }
    }

    private func members(of name: String) -> [InstanceID] {
        if let group = context.groups.first(where: { $0.name == name }) { return group.members }
        return routers.first { $0.settings.name == name }.map { [$0.id] } ?? []
    }

    // MARK: Events

    /// An authentic heartbeat has come. - Returns: true if a decision may depend on it before the next one is sent.
    ///
    /// - Parameter place: the cluster's, in the configuration.
    mutating func take(_ frame: Heartbeat, cluster place: Int, path: Int, at now: Instant) -> Bool {
        guard let cluster = context.guards.clusters.firstIndex(where: { $0.place == place }) else { return false }
        context.guards.clusters[cluster].noteStall(at: now)
        let sender = Int(frame.sender)
        let former = context.guards.clusters[cluster].groups(at: sender, at: now)
        let matters = context.guards.clusters[cluster].take(frame, path: path, at: now)
        for place in former where !context.guards.clusters[cluster].isSomewhere(place, at: now) {
            claimReleased(context.guards.clusters[cluster].groups[place].members, at: now)
        }
        return matters
    }

    /// A MASTER has let go, and its kernel has the addresses no more: who is ready claims at once, without skew
    /// (docs/decisions, D111). Of several the best one is agreed to.
    private mutating func claimReleased(_ members: [InstanceID], at now: Instant) {
        for id in members where routers[id].state == .backup {
            changed.add(id)
            routers[id].claimReleased(at: now, &context)
        }
    }

    // MARK: Decisions

    /// Has guarded groups follow what the cluster has decided. - Returns: whether a state has changed.
    mutating func settleGuards(at now: Instant, into actions: inout [Action]) -> Bool {
        var hasChanged = false
        for number in context.guards.clusters.indices {
            context.guards.clusters[number].noteStall(at: now)
            for place in context.guards.clusters[number].groups.indices {
                if settle(place, of: number, at: now, into: &actions) { hasChanged = true }
            }
            let states = groupStates(of: number, at: now)
            for place in context.guards.clusters[number].assent(states, at: now) {
                let group = context.guards.clusters[number].groups[place]
                for id in group.members where routers[id].state == .backup {
                    changed.add(id)
                    routers[id].waitAnew(at: now, &context)
                }
            }
        }
        return hasChanged
    }

    private mutating func settle(
        _ place: Int, of number: Int, at now: Instant, into actions: inout [Action]
    ) -> Bool {
        followRelease(place, of: number, at: now, into: &actions)
        var group = context.guards.clusters[number].groups[place]
        var state = state(of: group.members, at: now)
        let (times, bound) = (context.guards.clusters[number].times, context.guards.clusters[number].peerBound)
        state.confirmedAt = group.members.reduce(state.confirmedAt) {
            max($0, routers[$1].confirmedAt(times, peerBound: bound))
        }
        if state.state == .master, !group.wasMaster {
            group.epoch = context.guards.clusters[number].nextEpoch(of: place)
            changed.isNodeChanged = true
        }
        if state.state != .master { group.isProved = false }
        group.wasMaster = state.state == .master
        let former = group.hold
        group.hold = nil
        if !state.wantsMaster {
            group.claim = 0
            group.asksForHandOver = false
        } else if group.claim == 0 {
            group.claim = UInt64(clamping: max(1, now.nanoseconds))
        }
        if state.wantsMaster { group.asksForHandOver = state.preempts }
        context.guards.clusters[number].groups[place] = group
        if state.state == .master {
            guard let why = context.guards.clusters[number].release(place, state, at: now) else { return false }
            if case .handOver = why, group.release.hasFailed { return false }
            letGo(group.members, why, at: now, into: &actions)
            return true
        }
        let own = group.release.hold(
            of: context.guards.clusters[number].ownName, wantsMaster: state.wantsMaster)
        guard state.wantsMaster, !group.release.keepsFromClaiming else {
            context.guards.clusters[number].groups[place].hold = own
            context.guards.clusters[number].groups[place].claim = 0
            if let own, !own.isLike(former) { report(own, of: group.members, into: &actions) }
            return false
        }
        if let held = context.guards.clusters[number].hold(place, state, at: now) {
            let hold = own ?? held
            context.guards.clusters[number].groups[place].hold = hold
            if !hold.isLike(former) { report(hold, of: group.members, into: &actions) }
            return false
        }
        context.guards.clusters[number].groups[place].isProved =
            context.guards.clusters[number].isProved(place, at: now)
        context.guards.clusters[number].groups[place].claim = 0
        context.guards.clusters[number].groups[place].asksForHandOver = false
        return admit(group.members, at: now, into: &actions)
    }

    /// A group may be MASTER: an instance of its own is at once, a sync group's members with each other. - Returns: whether
    /// anything has come of it.
    private mutating func admit(_ members: [InstanceID], at now: Instant, into actions: inout [Action]) -> Bool {
        var hasChanged = false
        for id in members where routers[id].state == .backup && !routers[id].isAdmitted {
            changed.add(id)
            hasChanged = true
            routers[id].isAdmitted = true
            let reason = routers[id].claimReason ?? .masterDown
            if routers[id].group == nil {
                routers[id].enterMaster(reason, at: now, &context, into: &actions)
            } else {
                context.noteChange(of: id, .wantsMaster(reason))
            }
        }
        return hasChanged
    }

    private mutating func letGo(
        _ members: [InstanceID], _ why: GuardRelease, at now: Instant, into actions: inout [Action]
    ) {
        for id in members where routers[id].state == .master {
            changed.add(id)
            // Who waits for our skew claims; to another master it says nothing.
            if case .handOver = why { routers[id].advertise(.release, at: now, into: &actions) }
            routers[id].enterBackup(.guarded(why), at: now, &context, into: &actions)
        }
    }

    private mutating func report(_ hold: GuardHold, of members: [InstanceID], into actions: inout [Action]) {
        for id in members {
            changed.add(id)
            actions.append(.observe(.takeoverHeld(id, hold)))
        }
    }

    /// Sends what is due, and at once what has changed.
    mutating func beat(at now: Instant, into actions: inout [Action]) {
        for number in context.guards.clusters.indices {
            for (node, isHeard) in context.guards.clusters[number].changedHearing(at: now) {
                changed.isNodeChanged = true
                let cluster = context.guards.clusters[number]
                actions.append(
                    .observe(.clusterNode(cluster.name(of: node), of: cluster.settings.name, isHeard: isHeard)))
            }
            let states = groupStates(of: number, at: now)
            let isGoodbye = hasStopped && !owesWithdrawals && !states.contains { $0.hasAddresses }
            guard
                let frame = context.guards.clusters[number].frame(states, isGoodbye: isGoodbye, at: now)
            else { continue }
            actions.append(.beat(cluster: context.guards.clusters[number].place, frame))
            // A successor sends higher numbers than any that may have left.
            if frame.sequence % ClusterGuard.sequencesKept == 0 { changed.isNodeChanged = true }
        }
    }

    /// The states of a cluster's groups.
    private func groupStates(of number: Int, at now: Instant) -> [GroupState] {
        var states: [GroupState] = []
        for group in context.guards.clusters[number].groups {
            states.append(state(of: group.members, at: now))
            if group.release.isOpen { states[states.count - 1].hasAddresses = true }
        }
        return states
    }

    /// The state of a group. It is read at each turn, and a closure would copy the whole node for it.
    private func state(of members: [InstanceID], at now: Instant) -> GroupState {
        var group = GroupState()
        guard let first = members.first else { return group }
        group.priority = routers[first].priority
        group.isReady = !isStopping
        var (hasMaster, hasFault, hasBackup, isWhole) = (false, false, false, true)
        var (mayBeMaster, preempts) = (!isStopping, false)
        for id in members {
            let isBackup = routers[id].state == .backup
            switch routers[id].state {
            case .master: hasMaster = true
            case .fault: hasFault = true
            case .backup: hasBackup = true
            case .initialize: isWhole = false
            }
            group.priority = min(group.priority, routers[id].priority)
            if !routers[id].faults.isEmpty || routers[id].order == .resigned || routers[id].order == .maintenance {
                group.isReady = false
            }
            if !routers[id].mayBeMaster { mayBeMaster = false }
            if isBackup, let reason = routers[id].claimReason, reason.preempts { preempts = true }
            if routers[id].hearsMaster(at: now) { group.hearsMaster = true }
            if context.ledger.count(of: id) > 0 { group.hasAddresses = true }
        }
        group.state = hasMaster ? .master : hasFault ? .fault : isWhole ? .backup : .initialize
        if group.state == .fault || group.state == .initialize { group.isReady = false }
        group.wantsMaster = mayBeMaster && hasBackup && !hasFault
        // Without its advertisements the link may be what has broken: then nobody is asked to move.
        group.preempts = group.hearsMaster && preempts
        return group
    }
}

extension TransitionReason {
    /// True if a master that is heard is to be replaced.
    fileprivate var preempts: Bool { self == .preempted || self == .raised }
}

extension VirtualRouter {
    /// It has agreed to another node's claim: it waits for its own timer anew.
    mutating func waitAnew(at now: Instant, _ context: inout NodeContext) {
        wantsMaster = false
        claimReason = nil
        isReleased = false
        armMasterDown(max(now, context.startsAt) + masterDownInterval, &context)
    }

    /// The master has released it, by a frame.
    mutating func claimReleased(at now: Instant, _ context: inout NodeContext) {
        guard !wantsMaster else { return }
        isReleased = true
        armMasterDown(max(now, context.startsAt), &context)
    }

    /// The time at which no advertisement has come for the master-down interval and its confirmation.
    func confirmedAt(_ times: GuardTimes, peerBound: Interval) -> Instant {
        (lastAdvertAt ?? since) + masterDownInterval
            + times.masterDownConfirmation(of: settings, peerBound: peerBound)
    }

    /// BACKUP: another master is heard by its advertisements.
    func hearsMaster(at now: Instant) -> Bool {
        guard state == .backup, master != nil, master != source, !isReleased, let lastAdvertAt else { return false }
        return now - lastAdvertAt < masterInterval * 5 / 2
    }
}
