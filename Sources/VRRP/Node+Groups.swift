import Base
import ConfigurationModel

/// Sync groups: at the end of each event their members agree (docs/decisions, D46).
extension Node {
    /// Puts the instances into the groups of a configuration.
    mutating func adoptGroups(_ groups: [SyncGroup]) {
        let former = Dictionary(context.groups.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        context.groups = groups.enumerated().map { place, group in
            var kept = former[group.name]?.lastNotification
            kept?.subject = .group(place)
            return SyncGroupState(
                name: group.name, members: group.members.filter(routers.indices.contains), hooks: group.hooks,
                lastNotification: kept)
        }
        for id in routers.indices { routers[id].group = nil }
        for (place, group) in context.groups.enumerated() {
            for id in group.members { routers[id].group = place }
        }
        for id in routers.indices where routers[id].group == nil && !routers[id].isGuarded {
            routers[id].wantsMaster = false
        }
    }

    /// True if a configuration has the groups that there are.
    func hasGroups(_ groups: [SyncGroup]) -> Bool {
        context.groups.elementsEqual(groups) {
            $0.name == $1.name && $0.members == $1.members && $0.hooks == $1.hooks
        }
    }

    /// Settles all groups, after a configuration.
    ///
    /// - Parameter canJoin: whether a member that starts becomes MASTER at once in a group that is.
    mutating func settleAllGroups(canJoin: Bool, at now: Instant, into actions: inout [Action]) {
        let changes = context.memberChanges
        for place in context.groups.indices {
            if canJoin { join(context.groups[place].members) }
            settle(place, changes, at: now, into: &actions)
        }
        context.memberChanges = []
    }

    /// Whoever is new in a group of MASTERs has nobody to listen to: no peer's group can be MASTER.
    private mutating func join(_ members: [InstanceID]) {
        let running = members.filter { routers[$0].state != .initialize }
        guard running.contains(where: { routers[$0].state == .master && !routers[$0].isResigning }),
            running.allSatisfy({ routers[$0].mayBeMaster })
        else { return }
        for id in members where routers[id].state == .initialize && !routers[id].hasEnded {
            routers[id].wantsMaster = true
        }
    }

    /// Settles the groups whose members have changed in the event that is being handled.
    mutating func settleChangedGroups(at now: Instant, into actions: inout [Action]) {
        let changes = context.memberChanges
        for place in Set(changes.compactMap { routers[$0.member].group }).sorted() {
            settle(place, changes, at: now, into: &actions)
        }
        // What members have done for each other's sake is settled.
        context.memberChanges = []
    }

    /// Brings the members of a group together, those that caused it first, then the others in their order, and then
    /// tells of the group (behaviours §9).
    private mutating func settle(
        _ place: Int, _ changes: [MemberChange], at now: Instant, into actions: inout [Action]
    ) {
        let group = context.groups[place]
        let causes = changes.filter { group.members.contains($0.member) }
        var members: [InstanceID] = []
        for id in causes.map(\.member) + group.members where !members.contains(id) { members.append(id) }
        // The node has ended, or a member has no place in this configuration.
        guard !members.contains(where: { routers[$0].hasEnded }) else { return }
        guard isReady(members) else { return }
        if members.contains(where: { !routers[$0].faults.isEmpty }) {
            letFail(members, of: group, at: now, into: &actions)
        } else {
            letTakePart(members, causes, of: group, at: now, into: &actions)
        }
        announceTogether(members, causes, at: now)
        notify(of: place, into: &actions)
    }

    /// True unless a group that starts has a member that waits for a script. One that runs doesn't wait for a member that
    /// a reload has brought.
    private func isReady(_ members: [InstanceID]) -> Bool {
        members.contains { routers[$0].state != .initialize } || members.allSatisfy { routers[$0].isReady(context) }
            || members.contains { routers[$0].faults.contains(.configuration) }
    }

    /// One member in FAULT is all in FAULT.
    private mutating func letFail(
        _ members: [InstanceID], of group: SyncGroupState, at now: Instant, into actions: inout [Action]
    ) {
        guard let failed = members.first(where: { !routers[$0].faults.isEmpty }) else { return }
        let name = routers[failed].settings.name
        for id in [failed] + members.filter({ $0 != failed }) where routers[id].state != .fault {
            changed.add(id)
            let fault = routers[id].faults.first ?? .memberFault(name, group: group.name)
            routers[id].enterFault(fault, at: now, &context, into: &actions)
        }
    }

    /// Nobody has a fault: who was in FAULT recovers, and all are MASTER when each is or wants to be.
    private mutating func letTakePart(
        _ members: [InstanceID], _ causes: [MemberChange], of group: SyncGroupState, at now: Instant,
        into actions: inout [Action]
    ) {
        for id in members where !routers[id].mayBeMaster && routers[id].state != .backup {
            changed.add(id)
            let reason: TransitionReason = routers[id].state == .fault ? .recovered : .started
            routers[id].enterBackup(reason, at: now, &context, into: &actions)
        }
        let isMaster = members.allSatisfy { routers[$0].mayBeMaster } && isAdmitted(members)
        let others = members.filter { isMaster ? routers[$0].state != .master : routers[$0].state == .master }
        guard !others.isEmpty else { return }
        // The one that decided: which came last, or doesn't want.
        let decisive =
            isMaster
            ? causes.last { causes.reason(of: $0.member) != nil }?.member
                ?? members.first { routers[$0].state == .master }
            : members.first { !routers[$0].mayBeMaster }
        let follows = TransitionReason.syncGroup(
            member: decisive.map { routers[$0].settings.name } ?? "", group: group.name)
        let companion = members.first { routers[$0].state == .master }.map {
            Companion(since: routers[$0].since, awaitsGroupHook: routers[$0].awaitedHooks.contains(.group))
        }
        for id in others {
            changed.add(id)
            if isMaster {
                routers[id].enterMaster(
                    causes.reason(of: id) ?? follows, joining: companion, at: now, &context, into: &actions)
            } else {
                // With priority 0: nobody else serves what it gives up (docs/decisions, D46). Who resigns has sent it.
                let isResigning = routers[id].isResigning
                if !isResigning { routers[id].advertise(.release, at: now, into: &actions) }
                routers[id].enterBackup(
                    isResigning ? routers[id].reasonToRelease : follows, at: now, &context, into: &actions)
            }
        }
    }

    /// True unless a guard keeps the members from becoming MASTER together.
    private func isAdmitted(_ members: [InstanceID]) -> Bool {
        members.contains { routers[$0].state == .master }
            || members.allSatisfy { !routers[$0].isGuarded || routers[$0].isAdmitted }
    }

    /// A lower-priority advertisement that one member has heard makes all announce their addresses again.
    private mutating func announceTogether(_ members: [InstanceID], _ causes: [MemberChange], at now: Instant) {
        let hearers = causes.filter { if case .lowerPriority = $0.cause { true } else { false } }.map(\.member)
        guard !hearers.isEmpty else { return }
        for id in members where !hearers.contains(id) {
            changed.add(id)
            routers[id].announceAfterLowerPriority(at: now, &context)
        }
    }

    /// Adds what the other members have to do with the state of one.
    func describe(_ group: SyncGroupState, in status: inout InstanceStatus, of id: InstanceID) {
        status.syncGroup = group.name
        let others = group.members.filter { $0 != id }
        switch status.state {
        case .fault:
            status.faults += others.filter { !routers[$0].faults.isEmpty }.map {
                .memberFault(routers[$0].settings.name, group: group.name)
            }
        case .initialize:
            status.heldBy = others.filter { !routers[$0].isReady(context) }.map { routers[$0].settings.name }
        case .backup where routers[id].wantsMaster:
            status.waiting = .syncGroup
            status.takeover = nil
            status.heldBy = others.filter { !routers[$0].mayBeMaster }.map { routers[$0].settings.name }
        case .backup, .master: break
        }
    }

    // MARK: Notifications

    /// The state of a group that can be told; nil while it hasn't begun, or has ended, or a member is told first.
    private func state(of group: SyncGroupState) -> RouterState? {
        let states = Set(group.members.map { routers[$0].state })
        if states.isEmpty || states.contains(.initialize) { return nil }
        if states.contains(.fault) { return .fault }
        guard states == [.master] else { return .backup }
        // Behind the last of its members (docs/decisions, D47).
        return group.members.contains { routers[$0].owesMaster } ? nil : .master
    }

    private mutating func notify(of place: Int, into actions: inout [Action]) {
        guard let trigger = state(of: context.groups[place])?.trigger,
            context.groups[place].lastNotification?.trigger != trigger
        else { return }
        notify(trigger, of: place, into: &actions)
    }

    private mutating func notify(_ trigger: NotifyTrigger, of place: Int, into actions: inout [Action]) {
        let notification = context.notification(trigger, of: .group(place), priority: .release)
        context.groups[place].lastNotification = notification
        for id in context.groups[place].members { changed.add(id) }
        actions.append(.notify(notification))
    }

    /// Instances have stopped: behind them, each group of theirs that has said anything.
    mutating func notifyGroupsOfStop(of ids: [InstanceID], into actions: inout [Action]) {
        for place in Set(ids.compactMap { routers[$0].group }).sorted()
        where context.groups[place].lastNotification != nil {
            notify(.stop, of: place, into: &actions)
        }
    }
}

extension RouterState {
    fileprivate var trigger: NotifyTrigger? {
        switch self {
        case .initialize: nil
        case .backup: .backup
        case .master: .master
        case .fault: .fault
        }
    }
}

extension [MemberChange] {
    /// The reason for which a member wanted to be MASTER in this event.
    fileprivate func reason(of member: InstanceID) -> TransitionReason? {
        for change in self where change.member == member {
            if case .wantsMaster(let reason) = change.cause { return reason }
        }
        return nil
    }
}
