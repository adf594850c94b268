import Base
import ConfigurationModel
import Wire

/// The present state of a guarded group's virtual routers, as far as other nodes are concerned.
struct GroupState: Hashable, Sendable {
    var state = RouterState.initialize
    var priority = Priority.release
    /// No fault, no order and no end keeps it from being MASTER.
    var isReady = false
    /// The kernel has one of its addresses, or may have it.
    var hasAddresses = false
    /// All members want to be MASTER, and their timers are over.
    var wantsMaster = false
    /// It wants to replace a master of a lower priority that is heard.
    var preempts = false
    /// A master other than this node is heard by its advertisements.
    var hearsMaster = false
    /// The time at which no advertisement has come for so long that a silent MASTER isn't one any more.
    var confirmedAt = Instant(nanoseconds: .min)
}

/// The guard of one cluster block: what its nodes say of each other, and who may be MASTER (docs/decisions, D100 and on).
struct ClusterGuard: Sendable {
    let settings: ClusterSettings
    /// The cluster's place in the configuration, by which frames and sockets name it.
    var place = 0
    let times: GuardTimes
    /// A digest of the settings that all nodes must have in common.
    let digest: UInt32
    /// Our place among the nodes.
    let own: Int
    /// Stands for this start of the node.
    let nonce: UInt64
    var sent: SentHeartbeats
    /// By place; our own is there, too, and unused.
    var peers: [GuardPeer]
    var groups: [GuardedGroup]
    /// Since when a node that was never heard has been silent.
    var startedAt: Instant
    /// When it was found last that we hadn't run for longer than a MASTER may be silent.
    private(set) var stalledAt: Instant?
    /// When the next frame is due if nothing changes.
    fileprivate(set) var beatDueAt: Instant
    /// The groups as the last frame described them.
    private var lastStandings: [GroupStanding] = []
    /// True once everything has ended and the others were told.
    private var saidGoodbye = false
    /// Frames after which the number of the last one is kept for a successor, which begins twice as far behind it.
    static let sequencesKept: UInt64 = 500
    private static let epochMax: UInt64 = 1 << 59

    init(
        _ settings: ClusterSettings, own: Int, nonce: UInt64, groups: [GuardedGroup], after sequence: UInt64 = 0,
        at now: Instant
    ) {
        self.settings = settings
        times = GuardTimes(settings)
        digest = settings.digest
        self.own = own
        self.nonce = nonce
        self.groups = groups
        sent = SentHeartbeats(after: sequence)
        startedAt = now
        beatDueAt = now
        let paths = settings.nodes[own].paths.count
        peers = settings.nodes.map { _ in GuardPeer(pathCount: paths) }
    }

    /// The same guard with other settings. What is known of nodes that stay is kept.
    func reconfigured(_ new: ClusterSettings, own: Int, groups: [GuardedGroup], at now: Instant) -> ClusterGuard {
        var guardian = ClusterGuard(new, own: own, nonce: nonce, groups: groups, at: now)
        guardian.sent = sent
        guardian.startedAt = startedAt
        for (place, node) in new.nodes.enumerated() {
            guard let former = settings.nodes.firstIndex(where: { $0.name == node.name }) else { continue }
            let isSame = new.nodes.map(\.name) == settings.nodes.map(\.name) && new.guarded == settings.guarded
            guardian.peers[place] = peers[former].moved(isSame ? nil : new.nodes[own].paths.count)
        }
        for place in guardian.groups.indices {
            guard let former = self.groups.first(where: { $0.name == guardian.groups[place].name }) else { continue }
            guardian.groups[place] = former
            guardian.groups[place].members = groups[place].members
        }
        return guardian
    }

    /// The places of the nodes that have a guard, too, without our own.
    var others: [Int] { settings.nodes.indices.filter { $0 != own && !settings.nodes[$0].isUnguarded } }

    func name(of node: Int) -> String { settings.nodes[node].name }

    // MARK: Frames

    /// Takes in an authentic frame. - Returns: true if a decision may depend on what it has brought.
    mutating func take(_ frame: Heartbeat, path: Int, at now: Instant) -> Bool {
        let sender = Int(frame.sender)
        guard others.contains(sender), settings.nodes[own].paths.indices.contains(path) else {
            return false
        }
        let isHearing = peers[sender].hearsUs(within: settings.timeout, at: now)
        let (standings, wasOff, former) = (peers[sender].standings, peers[sender].isOff, peers[sender].nonce)
        let echo = frame.echoes.first { $0.node == own && $0.nonce == nonce }
        let refusal = peers[sender].take(
            frame, path: path, echoSentAt: echo.flatMap { sent.time(of: $0.sequence) }, own: own,
            timeout: settings.timeout, at: now)
        if let refusal {
            peers[sender].paths[path].refused[Int(refusal.rawValue)] += 1
            return false
        }
        let peer = peers[sender]
        return groups.contains { $0.claim != 0 } || peer.standings != standings || peer.isOff != wasOff
            || peer.nonce != former || isHearing != peer.hearsUs(within: settings.timeout, at: now)
    }

    /// Returns the frame that is to be sent now; nil if none is due and nothing has changed.
    mutating func frame(_ states: [GroupState], isGoodbye: Bool, at now: Instant) -> Heartbeat? {
        guard !saidGoodbye else { return nil }
        let standings = standings(states)
        guard now >= beatDueAt || standings != lastStandings || isGoodbye else { return nil }
        lastStandings = standings
        saidGoodbye = isGoodbye
        if now >= beatDueAt {
            // On absolute times, so that the rate stays exact; after a missed one from now on.
            let next = beatDueAt + settings.interval
            beatDueAt = next > now ? next : now + settings.interval
        }
        // Nothing follows a goodbye.
        if isGoodbye { beatDueAt = .never }
        let echoes = others.compactMap { node in
            peers[node].newest.map { newest in
                HeartbeatEcho(
                    node: UInt8(node), hearsAdverts: hearsAdverts(of: node, states, at: now), isGoodbye: isGoodbye,
                    held: now - newest.at, nonce: newest.nonce, sequence: newest.sequence)
            }
        }
        return Heartbeat(
            cluster: 0, sender: UInt8(own), path: 0, nonce: nonce, sequence: sent.next(at: now),
            stayBound: times.stayBound,
            settings: digest, references: .notConfigured, echoes: echoes, standings: standings)
    }

    /// True if a node says that it is MASTER of a group, and its advertisements are heard, too.
    private func hearsAdverts(of node: Int, _ states: [GroupState], at now: Instant) -> Bool {
        groups.indices.contains { states[$0].hearsMaster && isMaster(node, of: $0, at: now) }
    }

    private func standings(_ states: [GroupState]) -> [GroupStanding] {
        zip(groups.indices, states).map { place, state in
            let group = groups[place]
            var flags: GroupFlags = []
            if state.isReady { flags.insert(.ready) }
            if state.hasAddresses { flags.insert(.addressIsThere) }
            if group.claim != 0 { flags.insert(.claims) }
            if group.claim != 0, group.asksForHandOver { flags.insert(.asksForHandOver) }
            if group.isProved { flags.insert(.isProved) }
            let assent = group.claim == 0 ? group.assent : nil
            return GroupStanding(
                group: UInt8(place), state: state.state.rawValue, flags: flags, priority: state.priority.rawValue,
                assentsTo: assent.map { UInt8($0.node) }, epoch: group.epoch,
                claim: assent?.claim ?? group.claim)
        }
    }

    /// Silence counts only while we ran: who comes back from a pause listens anew.
    mutating func noteStall(at now: Instant) {
        guard now - beatDueAt > settings.timeout / 2 else { return }
        if now - beatDueAt > settings.timeout {
            // Others may have replaced us meanwhile, with good reason: what they agreed to before is no proof any more.
            for place in groups.indices { groups[place].isProved = false }
        }
        beatDueAt = now
        stalledAt = now
        for node in others where peers[node].lifeSignAt != nil { peers[node].lifeSignAt = now }
    }

    /// The end of the time in which a MASTER that didn't run for long doesn't advertise: another one may have replaced it, and
    /// would yield to its priority. The others' answers to its first frame tell, within patience; nil if it needn't listen.
    func listensUntil(at now: Instant) -> Instant? {
        guard let stalledAt, now < stalledAt + times.patience else { return nil }
        let waits = others.contains { node in
            !peers[node].isOff && peers[node].lifeSignAt != nil && (peers[node].echoedAt ?? startedAt) < stalledAt
        }
        return waits ? stalledAt + times.patience : nil
    }

    /// Returns the nodes that are heard now and weren't, or the other way round, since the last call.
    mutating func changedHearing(at now: Instant) -> [(node: Int, isHeard: Bool)] {
        var news: [(node: Int, isHeard: Bool)] = []
        for node in others {
            let isHeard = peers[node].isHeard(within: settings.timeout, at: now)
            guard isHeard != peers[node].isReportedHeard else { continue }
            peers[node].isReportedHeard = isHeard
            news.append((node, isHeard))
        }
        return news
    }
}

extension ClusterGuard {
    /// True if the node is MASTER of the group by its own word, and lives.
    func isMaster(_ node: Int, of group: Int, at now: Instant) -> Bool {
        peers[node].isHeard(within: settings.timeout, at: now)
            && peers[node].standing(of: group)?.state == RouterState.master.rawValue
    }

    /// The name of the path by which a node was heard last.
    func lastPath(to node: Int) -> String? {
        let paths = peers[node].paths.indices.filter { peers[node].paths[$0].lastHeard != nil }
        let last = paths.max {
            (peers[node].paths[$0].lastHeard ?? .never) < (peers[node].paths[$1].lastHeard ?? .never)
        }
        return last.map { settings.nodes[own].paths[$0].name }
    }

    // MARK: Claims

    /// Says why a group of this node mustn't become MASTER now; nil if it may (docs/decisions, D108).
    func hold(_ group: Int, _ state: GroupState, at now: Instant) -> GuardHold? {
        // The one that takes longest is shown, and one that something must end before those.
        others.compactMap { hold(group, state, by: $0, at: now) }.filter { now < $0.until }
            .max { $0.until < $1.until }
    }

    private func hold(_ group: Int, _ state: GroupState, by node: Int, at now: Instant) -> GuardHold? {
        let peer = peers[node]
        guard !peer.isOff else { return nil }
        guard let lifeSignAt = peer.lifeSignAt else {
            switch settings.coldStart {
            case .claim(let wait): return GuardHold(.neverHeard, node: name(of: node), until: startedAt + wait)
            case .wait: return GuardHold(.neverHeard, node: name(of: node))
            }
        }
        guard peer.isHeard(within: settings.timeout, at: now) else {
            let until = max(lifeSignAt + times.silence(peerBound: peer.stayBound), state.confirmedAt)
            return GuardHold(.silence, node: name(of: node), path: lastPath(to: node), until: until)
        }
        guard let standing = peer.standing(of: group) else {
            // It guards other groups: until all nodes have the same settings, nobody agrees.
            return GuardHold(.awaitsAssent, node: name(of: node), path: lastPath(to: node))
        }
        if standing.state == RouterState.master.rawValue {
            return GuardHold(.masterAlive, node: name(of: node), path: lastPath(to: node))
        }
        if standing.flags.contains(.addressIsThere) {
            let kind = settings.release == nil ? GuardHold.Kind.addressStillThere : .peerRelease
            return GuardHold(kind, node: name(of: node), path: lastPath(to: node))
        }
        // Who is deaf to us can't agree, and isn't MASTER.
        guard peer.hearsUs(within: settings.timeout, at: now) else { return nil }
        let claim = groups[group].claim
        guard standing.assentsTo == UInt8(own), standing.claim == claim, claim != 0 else {
            return GuardHold(.awaitsAssent, node: name(of: node), path: lastPath(to: node))
        }
        return nil
    }

    /// True if no other node is silent: each has agreed, or is off.
    func isProved(_ group: Int, at now: Instant) -> Bool {
        let heard = others.filter { !peers[$0].isOff }
        return !heard.isEmpty && heard.allSatisfy { peers[$0].isHeard(within: settings.timeout, at: now) }
    }

    /// The longest time that any of the others may stay MASTER without hearing us.
    var peerBound: Interval { others.reduce(.zero) { max($0, peers[$1].stayBound) } }

    /// Agrees to the claims of others, as far as nothing speaks against it (docs/decisions, D108). - Returns: groups that
    /// wait for their own timers anew.
    mutating func assent(_ states: [GroupState], at now: Instant) -> [Int] {
        var yielding: [Int] = []
        for (place, state) in zip(groups.indices, states) where state.state != .master && !state.hasAddresses {
            guard !state.hearsMaster else { continue }
            // Who has the addresses still may be MASTER again, and nobody else may.
            for node in others where !others.contains(where: { $0 != node && hasGroup($0, place, at: now) }) {
                guard peers[node].isHeard(within: settings.timeout, at: now),
                    let standing = peers[node].standing(of: place), standing.flags.contains(.claims)
                else { continue }
                let isKnown = groups[place].assent.map { $0 == (node, standing.claim) } ?? false
                if isKnown, groups[place].claim == 0 { continue }
                if groups[place].claim != 0, !standing.flags.contains(.addressIsThere),
                    isBetter(own, state.priority.rawValue, than: node, standing.priority)
                {
                    continue
                }
                groups[place].assent = (node, standing.claim)
                groups[place].claim = 0
                groups[place].asksForHandOver = false
                yielding.append(place)
            }
        }
        return yielding
    }

    /// The groups of which a node is MASTER, or whose addresses its kernel has.
    func groups(at node: Int, at now: Instant) -> [Int] {
        guard peers.indices.contains(node), node != own else { return [] }
        return groups.indices.filter { hasGroup(node, $0, at: now) }
    }

    /// True if another node that is heard is MASTER of a group, or has its addresses.
    func isSomewhere(_ group: Int, at now: Instant) -> Bool { others.contains { hasGroup($0, group, at: now) } }

    /// True if a node is MASTER of a group, or its kernel has the addresses.
    private func hasGroup(_ node: Int, _ group: Int, at now: Instant) -> Bool {
        guard peers[node].isHeard(within: settings.timeout, at: now), let standing = peers[node].standing(of: group)
        else {
            return false
        }
        return standing.state == RouterState.master.rawValue || standing.flags.contains(.addressIsThere)
    }

    /// The order of claims: by priority, then by place, the first one before the others.
    private func isBetter(_ node: Int, _ priority: UInt8, than other: Int, _ theirs: UInt8) -> Bool {
        priority != theirs ? priority > theirs : node < other
    }

    // MARK: MASTER

    /// Says why a MASTER must let go; nil if it may stay.
    func release(_ group: Int, _ state: GroupState, at now: Instant) -> GuardRelease? {
        for node in others {
            let peer = peers[node]
            guard peer.isHeard(within: settings.timeout, at: now), peer.hearsUs(within: settings.timeout, at: now),
                let standing = peer.standing(of: group)
            else { continue }
            if standing.state == RouterState.master.rawValue {
                if goesBefore(node, standing, group, state) { return .secondMaster(node: name(of: node)) }
            } else if standing.flags.isSuperset(of: [.ready, .claims, .asksForHandOver]),
                standing.priority > state.priority.rawValue,
                peer.hearsUs(within: settings.timeout / 2, at: now)
            {
                return .handOver(node: name(of: node))
            }
        }
        return nil
    }

    /// True if another master that hears us keeps this one from yielding to its advertisements: ours goes before its claim.
    func keepsMaster(_ group: Int, _ state: GroupState, at now: Instant) -> Bool {
        let masters = others.filter { isMaster($0, of: group, at: now) }
        guard !masters.isEmpty, masters.allSatisfy({ peers[$0].hearsUs(within: settings.timeout, at: now) }) else {
            return false
        }
        return masters.allSatisfy { node in
            peers[node].standing(of: group).map { !goesBefore(node, $0, group, state) } ?? false
        }
    }

    /// Two masters that hear each other: the one whose claim is proved stays, then the later one, then by priority and place
    /// (docs/decisions, D110).
    private func goesBefore(_ node: Int, _ theirs: GroupStanding, _ group: Int, _ state: GroupState) -> Bool {
        let isProved = theirs.flags.contains(.isProved)
        if isProved != groups[group].isProved { return isProved }
        if theirs.epoch != groups[group].epoch { return theirs.epoch > groups[group].epoch }
        return isBetter(node, theirs.priority, than: own, state.priority.rawValue)
    }

    /// The epoch of a group's next MASTER here: one more than the highest that was seen. A node in strange hands may say any
    /// number; beyond the limit nobody counts on.
    func nextEpoch(of group: Int) -> UInt64 {
        let highest = others.reduce(groups[group].epoch) { max($0, peers[$1].standing(of: group)?.epoch ?? 0) }
        return min(highest, Self.epochMax - 1) + 1
    }
}

extension ClusterSettings {
    /// Stands for what all nodes must have in common.
    fileprivate var digest: UInt32 {
        var common = self
        common.location = SourceLocation()
        common.ownNode = nil
        var writer = ByteWriter()
        common.write(to: &writer)
        var hash = FNV1a()
        hash.add(writer.bytes)
        return UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32)
    }
}
