import Base
import ConfigurationModel
import Wire

/// The node's requests to the engines that keep its clusters' locks (docs/decisions, D114).
extension Node {
    /// An engine has answered. - Returns: false if nothing depends on it.
    mutating func lockAnswered(
        _ answer: LockAnswer, cluster place: Int, at now: Instant, into actions: inout [Action]
    ) -> Bool {
        guard let cluster = context.guards.clusters.firstIndex(where: { $0.place == place }),
            context.guards.clusters[cluster].groups.indices.contains(Int(answer.group))
        else { return false }
        context.guards.clusters[cluster].noteStall(at: now)
        var group = context.guards.clusters[cluster].groups[Int(answer.group)]
        guard group.lock?.take(answer, at: now) == true else { return false }
        let answersAdvert = group.answersAdvert && group.lock?.isUnanswered == false
        if answersAdvert { group.answersAdvert = false }
        context.guards.clusters[cluster].groups[Int(answer.group)] = group
        changed.isNodeChanged = true
        guard answersAdvert, group.lock?.isHeld(at: now) == true else { return true }
        for id in group.members where routers[id].state == .master {
            changed.add(id)
            routers[id].advertise(routers[id].priority, at: now, into: &actions)
        }
        return true
    }

    /// Says why a claim waits for the lock. All that comes before it is decided (docs/decisions, D108).
    mutating func holdForLock(_ place: Int, of number: Int, at now: Instant) -> GuardHold? {
        context.guards.clusters[number].groups[place].isLockNext = true
        return context.guards.clusters[number].holdForLock(place, at: now)
    }

    /// Asks what is due for a group's lock.
    mutating func settleLock(
        _ place: Int, of number: Int, at now: Instant, into actions: inout [Action]
    ) {
        let group = context.guards.clusters[number].groups[place]
        guard group.lock != nil, !group.members.isEmpty else { return }
        var state = state(of: group.members, at: now)
        // Until a release is over the lock stays ours.
        if group.release.isOpen { state.hasAddresses = true }
        let wish = context.guards.clusters[number].wish(place, state, at: now)
        if let request = context.guards.clusters[number].request(place, wish, at: now) {
            // A successor must know what it may have sent.
            if case .exchange = request.change { changed.isNodeChanged = true }
            actions.append(.lock(cluster: context.guards.clusters[number].place, request))
        }
        let isMaster = state.state == .master
        if isMaster, context.guards.clusters[number].isProvedByLock(place, at: now) {
            context.guards.clusters[number].groups[place].isProved = true
        }
        let review = context.guards.clusters[number].lockReview(place, isMaster: isMaster, at: now)
        context.guards.clusters[number].groups[place].lockReviewAt = review
        let isShown = context.guards.clusters[number].groups[place].lock.map { $0.isHeld(at: now) || $0.isGivingBack }
        context.guards.clusters[number].groups[place].showsLock = isShown ?? false
    }

    /// Tells when an engine doesn't answer any more, or does again.
    mutating func reportLock(of number: Int, at now: Instant, into actions: inout [Action]) {
        guard let (isDead, time) = context.guards.clusters[number].lockChange(at: now) else { return }
        changed.isNodeChanged = true
        let name = context.guards.clusters[number].settings.name
        actions.append(.observe(.clusterLock(name, isDead: isDead, time: time)))
    }
}

extension NodeGuards {
    /// True if a MASTER doesn't yield to an advertisement because it holds the lock: the engine is asked at once, and the
    /// advertisement answered when it has confirmed that (docs/decisions, D110).
    mutating func keepsByLock(_ id: InstanceID, at now: Instant) -> Bool {
        guard let place = places[id], clusters[place.cluster].keepsByLock(place.group, at: now) else { return false }
        clusters[place.cluster].groups[place.group].answersAdvert = true
        clusters[place.cluster].groups[place.group].lock?.ask()
        return true
    }
}
