import Base
import ConfigurationModel

/// What the guard of a node asks for before a claim: answers of reference addresses, and who has its addresses now
/// (docs/decisions, D108).
extension Node {
    // MARK: Events

    /// A reference address has answered.
    mutating func referenceAnswered(cluster place: Int, reference: Int, number: UInt16, at now: Instant) {
        guard let cluster = context.guards.clusters.firstIndex(where: { $0.place == place }) else { return }
        context.guards.clusters[cluster].noteStall(at: now)
        _ = context.guards.clusters[cluster].references?.answered(reference, number: number, at: now)
    }

    /// Another machine says that it has an address.
    mutating func probeAnswered(_ question: ProbeQuestion, by machine: MACAddress, into actions: inout [Action]) {
        // Ours are on other interfaces of this link, too.
        guard !context.interfaces.hasHardware(machine) else { return }
        for number in context.guards.clusters.indices {
            for place in context.guards.clusters[number].groups.indices {
                guard context.guards.clusters[number].groups[place].probe.answered(question, by: machine) else {
                    continue
                }
                tellProxies(of: place, number, into: &actions)
            }
        }
    }

    private mutating func tellProxies(of place: Int, _ number: Int, into actions: inout [Action]) {
        let group = context.guards.clusters[number].groups[place]
        for machine in group.probe.proxies.subtracting(group.toldProxies) where group.toldProxies.count < 8 {
            context.guards.clusters[number].groups[place].toldProxies.insert(machine)
            actions.append(.observe(.proxyFound(group.name, machine)))
        }
    }

    // MARK: Questions

    /// Asks reference addresses what is due. For a claim it is often.
    mutating func askReferences(of number: Int, at now: Instant, into actions: inout [Action]) {
        let cluster = context.guards.clusters[number]
        guard cluster.references != nil else { return }
        let isClaiming = cluster.groups.contains { $0.awaitsReferences || now < $0.preparesUntil }
        let requests = context.guards.clusters[number].references?.run(isClaiming: isClaiming, at: now) ?? []
        for (reference, request) in requests {
            actions.append(.askReference(cluster: cluster.place, reference: reference, number: request))
        }
        if let isLost = context.guards.clusters[number].references?.change() {
            actions.append(.observe(.clusterReferences(cluster.settings.name, isLost: isLost)))
        }
    }

    /// A BACKUP's timer is nearly over: what takes time is asked for now, so that it costs nothing.
    mutating func prepare(
        _ place: Int, of number: Int, _ state: GroupState, at now: Instant, into actions: inout [Action]
    ) {
        guard now < context.guards.clusters[number].groups[place].preparesUntil else {
            return context.guards.clusters[number].groups[place].probe.forget()
        }
        probe(place, of: number, state, at: now, into: &actions)
    }

    private mutating func probe(
        _ place: Int, of number: Int, _ state: GroupState, at now: Instant, into actions: inout [Action]
    ) {
        let group = context.guards.clusters[number].groups[place]
        guard context.guards.clusters[number].isProbed(state), group.probe.isDue(at: now) else { return }
        var (questions, prefixLength): ([ProbeQuestion], Int) = ([], 0)
        for id in group.members.prefix(AddressProbe.addressesMax) {
            guard let address = routers[id].settings.virtualAddresses.first,
                let index = context.interfaces.index(of: address.interface ?? routers[id].settings.interface)
            else { continue }
            if questions.isEmpty { prefixLength = address.prefix.length }
            questions.append(ProbeQuestion(interfaceIndex: index, address: address.prefix.address))
        }
        let seed = context.guards.nonce &+ UInt64(bitPattern: now.nanoseconds)
        let asked = context.guards.clusters[number].groups[place].probe.ask(
            questions, prefixLength: prefixLength, seed: seed, at: now)
        for question in asked {
            actions.append(.probe(interfaceIndex: question.interfaceIndex, question.address))
        }
    }

    // MARK: Claims

    /// Says why a group whose timers are over isn't MASTER, and asks for what is missing when all else is decided
    /// (docs/decisions, D108).
    mutating func hold(
        _ place: Int, of number: Int, _ state: GroupState, at now: Instant, into actions: inout [Action]
    ) -> GuardHold? {
        guard !context.guards.clusters[number].isCutOff else { return GuardHold(.referencesLost) }
        if let hold = context.guards.clusters[number].hold(place, state, at: now) {
            if hold.until - now <= GuardTimes.notice {
                context.guards.clusters[number].groups[place].preparesUntil = now + GuardTimes.notice * 2
                probe(place, of: number, state, at: now, into: &actions)
            }
            return hold
        }
        probe(place, of: number, state, at: now, into: &actions)
        if context.guards.clusters[number].awaitsReferences(at: now) {
            context.guards.clusters[number].groups[place].awaitsReferences = true
            return GuardHold(.awaitsReferences)
        }
        guard context.guards.clusters[number].isProbed(state) else { return nil }
        var group = context.guards.clusters[number].groups[place]
        guard group.probe.isOver(at: now) else {
            return GuardHold(.asksForAddress, until: group.probe.deadline)
        }
        group.probe.noteOutcome(at: now)
        context.guards.clusters[number].groups[place] = group
        return context.guards.clusters[number].hold(for: group.probe, at: now)
    }

    /// A group waits: that is told once, and it is looked at again when it may be over.
    mutating func wait(
        for hold: GuardHold, _ former: GuardHold?, _ place: Int, of number: Int, at now: Instant,
        into actions: inout [Action]
    ) {
        var group = context.guards.clusters[number].groups[place]
        group.hold = hold
        if !hold.isLike(former) {
            group.holdSince = now
            group.isHoldTold = false
        }
        let tellsAt = hold.kind.isBrief ? group.holdSince + .milliseconds(200) : now
        if !group.isHoldTold, now >= tellsAt {
            group.isHoldTold = true
            for id in group.members {
                changed.add(id)
                actions.append(.observe(.takeoverHeld(id, hold)))
            }
        }
        // Before the end of a waiting begins what takes time.
        let notice = hold.until - GuardTimes.notice
        group.reviewAt = hold.until == .never ? .never : notice > now ? notice : hold.until
        if !group.isHoldTold { group.reviewAt = min(group.reviewAt, tellsAt) }
        if hold.kind == .addressAnswers { group.reviewAt = min(group.reviewAt, group.probe.deadline) }
        context.guards.clusters[number].groups[place] = group
    }
}

extension NodeGuards {
    /// An instance's timer is nearly over.
    mutating func prepare(_ id: InstanceID, at now: Instant) {
        guard let place = places[id] else { return }
        clusters[place.cluster].groups[place.group].preparesUntil = now + GuardTimes.notice * 2
    }

    /// True if something takes time before an instance may claim.
    func takesTime(_ id: InstanceID) -> Bool {
        guard let place = places[id] else { return false }
        return clusters[place.cluster].references != nil || clusters[place.cluster].settings.probe != .off
    }
}

extension VirtualRouter {
    /// What takes time before a claim begins a little before the timer is over; with short intervals not before an
    /// advertisement is missed.
    var claimNotice: Interval { min(GuardTimes.notice, masterInterval * 2) }

    /// Has the guard begin in time. As with the master-down timer a later time isn't put into the heap.
    func armNotice(_ context: inout NodeContext) {
        guard isGuarded, context.guards.takesTime(id) else { return }
        let at = masterDownAt - claimNotice
        if let armed = context.deadline(of: .guardNotice, of: id), armed <= at { return }
        context.set(.guardNotice, of: id, to: at)
    }

    /// The time of the notice has come, or it was early.
    func noticeFired(at now: Instant, _ context: inout NodeContext) {
        guard state == .backup, !wantsMaster else { return }
        let at = masterDownAt - claimNotice
        if at > now { return context.set(.guardNotice, of: id, to: at) }
        context.guards.prepare(id, at: now)
    }
}
