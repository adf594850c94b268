import Base
import ConfigurationModel
import Wire

/// All virtual routers of one machine: the core that the VRRP worker runs and the simulator drives.
package struct Node: Sendable {
    /// True if it has a configuration. The routers hold their settings: a second copy would be half as big as they are.
    var isConfigured = false
    var routers: [VirtualRouter] = []
    var context = NodeContext()
    /// First instance by interface index, family and VRID.
    private var routes: [UInt64: InstanceID] = [:]
    /// The next instance with the same key, by instance (multicast beside unicast); -1 for none.
    private var nextWithSameKey: [InstanceID] = []
    var isStopping = false
    /// Masters that a stop leaves until their before_release has ended.
    var stopping: [StoppingUnit] = []
    /// before_releases of what the next configuration takes away.
    var preparing: AwaitedReleases?
    var changed = ChangedInstances()
    package internal(set) var resumption = Resumption()

    /// Discarded packets that no instance could be found for, by `DiscardReason.rawValue` (`length` and
    /// `unknownVRID`; docs/decisions, D17).
    package internal(set) var discardedWithoutInstance = [UInt64](repeating: 0, count: DiscardReason.allCases.count)
    var discardReports = DiscardReportLimit()
    private var unknownVRIDs = UnknownVRIDSampler()

    package init() {}

    /// The only door: something happened at `now`; what is to be done is appended to `actions`.
    package mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action]) {
        switch event {
        case .packet(let information, let bytes): receive(bytes, information, at: now, into: &actions)
        case .timeout: fireTimers(at: now, into: &actions)
        case .configure(let model):
            if !isStopping { configure(model, at: now, into: &actions) }
            changed.addAll(routers.count)
        case .resume(let model, let snapshot):
            if !isStopping { resume(model, snapshot, at: now, into: &actions) }
            changed.addAll(routers.count)
        case .interface(let interface): update(interface, at: now, into: &actions)
        case .interfaceRemoved(let index): remove(index, at: now, into: &actions)
        case .addresses(let changes, let isAfterLoss): take(changes, isAfterLoss: isAfterLoss, at: now, into: &actions)
        case .applied(let ticket, var answer):
            if let renewal = context.takeRenewal(ticket) {
                guard let id = renewal.instance else { return }
                routers[id].renewed(renewal, answer, at: now, &context, into: &actions)
                break
            }
            guard let work = context.complete(ticket, &answer, at: now) else { break }
            if let id = work.instance {
                changed.add(id)
                routers[id].applied(work, answer, at: now, &context, into: &actions)
            }
            checkSharers(of: work, answer, at: now, into: &actions)
        case .staleAddresses(let records):
            for record in records { context.ledger.adopt(record, owner: nil, phase: .present) }
            if !records.isEmpty { context.retryStaleAddresses(at: now + kernelRetryDelay) }
        case .trackerTable(let states): context.trackers.prepare(states)
        case .trackers(let states): take(states, at: now, into: &actions)
        case .resetCounters(let id): resetCounters(of: id)
        case .orderTable(let orders): context.orders.next = orders
        case .orders(let orders): take(orders: orders, at: now, into: &actions)
        case .prepare(let model): prepare(model, at: now, into: &actions)
        case .bootNonce(let nonce): context.guards.nonce = nonce
        case .heartbeat(let frame, let cluster, let path):
            guard take(frame, cluster: cluster, path: path, at: now) else { return }
        // Nothing asks yet.
        case .referenceAnswered, .probeAnswered, .lockAnswered: return
        case .hookEnded(let end): hookEnded(end, at: now, into: &actions)
        case .stop:
            stop(runsHooks: false, at: now, into: &actions)
            changed.addAll(routers.count)
        case .stopAfterHooks: stop(runsHooks: true, at: now, into: &actions)
        }
        settle(at: now, into: &actions)
        if context.staleAddressesAt <= now { context.retryStaleAddresses(into: &actions) }
        if context.announcer.deadline <= now { announce(at: now, into: &actions) }
        if !context.guards.isEmpty { beat(at: now, into: &actions) }
    }

    /// An address that the kernel refuses to one instance may be all that another one has served by.
    private mutating func checkSharers(
        of work: KernelWork, _ answer: KernelAnswer, at now: Instant, into actions: inout [Action]
    ) {
        guard work.added != nil else { return }
        for (key, result) in zip(work.keys, answer.results) {
            guard case .refused = result else { continue }
            for id in context.dependents.having(key.address) where id != work.instance {
                changed.add(id)
                routers[id].checkServing(at: now, &context, into: &actions)
            }
        }
    }

    /// Draws the event's consequences for sync groups, orders and hooks, until there are no more.
    private mutating func settle(at now: Instant, into actions: inout [Action]) {
        var hasGuardChanged = false
        repeat {
            if !context.memberChanges.isEmpty { settleChangedGroups(at: now, into: &actions) }
            followUp(at: now, into: &actions)
            hasGuardChanged = !context.guards.isEmpty && settleGuards(at: now, into: &actions)
        } while !context.memberChanges.isEmpty || hasGuardChanged
    }

    private mutating func followUp(at now: Instant, into actions: inout [Action]) {
        if context.orders.deadline <= now { fireOrders(at: now, into: &actions) }
        if releaseDeadline <= now { fireReleases(at: now, into: &actions) }
        guard context.orders.mayHaveChanged else { return }
        if !stopping.isEmpty { settleStop(at: now, into: &actions) }
        settleOrders(at: now, into: &actions)
    }

    /// The time at which `Event.timeout` is wanted, `.never` while nothing is pending. It may be early: a call then
    /// does nothing but find the later one.
    package var deadline: Instant {
        min(
            min(context.timers.first?.deadline ?? .never, context.announcer.deadline, context.staleAddressesAt),
            min(context.orders.deadline, releaseDeadline, context.guards.deadline))
    }

    /// The next timer, when it is a takeover that only an advertisement can still prevent.
    private var nearestTakeover: (id: InstanceID, at: Instant)? {
        guard let next = context.timers.first, next.timer % TimerKind.count == TimerKind.masterDown.rawValue else {
            return nil
        }
        let id = next.timer / TimerKind.count
        // Who wants to be MASTER already waits for others.
        return routers.indices.contains(id) && routers[id].masterDownAt == next.deadline && !routers[id].wantsMaster
            ? (id, next.deadline) : nil
    }

    /// The time of the next takeover that only an advertisement can still prevent, and the time one interval of the master
    /// before: an advertisement is missed by then. Nil when something else is due before.
    package var nextTakeover: (notice: Instant, at: Instant)? {
        nearestTakeover.map { ($0.at - routers[$0.id].masterInterval, $0.at) }
    }

    /// Announces what waits and may leave now. An address that has gone meanwhile isn't announced.
    private mutating func announce(at now: Instant, into actions: inout [Action]) {
        let before = actions.count
        context.announcer.run(at: now, into: &actions)
        var place = before
        while place < actions.count {
            guard case .announce(let id, let address) = actions[place] else { break }
            changed.add(id)
            if routers[id].isPresent(address, context) { place += 1 } else { actions.remove(at: place) }
        }
    }

    /// True while something that was to go may still be in the kernel: of an earlier configuration, or of an earlier
    /// state.
    package var owesWithdrawals: Bool {
        context.owesWithdrawals || routers.contains { !$0.refusedWithdrawals.isEmpty }
    }

    package var instanceCount: Int { routers.count }

    package func settings(of instance: InstanceID) -> InstanceSettings { routers[instance].settings }

    package var instances: some RandomAccessCollection<InstanceSettings> { routers.lazy.map { $0.settings } }

    package func status(of instance: InstanceID, at now: Instant) -> InstanceStatus? {
        guard routers.indices.contains(instance) else { return nil }
        var status = routers[instance].status(context, at: now)
        if status.state == .master, let awaited = awaitedRelease(of: instance) {
            status.awaitedHook = .beforeRelease
            status.hookTimeLeft = max(.zero, awaited.deadline - now)
        }
        if let release = context.guards.release(of: instance) {
            status.hasFailedRelease = release.hasFailed
            if release.isUnderWay {
                status.awaitedHook = .release
                status.hookTimeLeft = release.until == .never ? nil : max(.zero, release.until - now)
            }
        }
        if let place = routers[instance].group { describe(context.groups[place], in: &status, of: instance) }
        return status
    }

    private mutating func resetCounters(of id: InstanceID?) {
        for id in id.map({ [$0] }) ?? Array(routers.indices) where routers.indices.contains(id) {
            routers[id].counters = Counters()
            changed.add(id)
        }
    }

    /// True if any instance has accepted an advertisement since this node began.
    package var hasHeard: Bool { routers.contains { $0.counters.advertsReceived > 0 } }

    // MARK: Packets

    private static func key(_ interfaceIndex: Int32, _ family: AddressFamily, _ virtualRouterID: UInt8) -> UInt64 {
        UInt64(UInt32(bitPattern: interfaceIndex)) << 16 | UInt64(family.rawValue) << 8 | UInt64(virtualRouterID)
    }

    /// Finds instances by what packets say again.
    mutating func rebuildRoutes() {
        routes.removeAll(keepingCapacity: true)
        nextWithSameKey = Array(repeating: -1, count: routers.count)
        for id in routers.indices.reversed() {
            guard let virtualRouterID = routers[id].settings.virtualRouterID else { continue }
            let index = routers[id].interfaceIndex
            guard index != 0 else { continue }
            let key = Self.key(index, routers[id].settings.family, virtualRouterID.rawValue)
            nextWithSameKey[id] = routes[key] ?? -1
            routes[key] = id
        }
    }

    private mutating func receive(
        _ bytes: UnsafeRawBufferPointer, _ information: PacketInformation, at now: Instant,
        into actions: inout [Action]
    ) {
        guard let virtualRouterID = AdvertisementView.virtualRouterID(of: bytes) else {
            return discard(.length, information, detail: UInt32(bytes.count), at: now, into: &actions)
        }
        let family = information.source.family
        guard let first = routes[Self.key(information.interfaceIndex, family, virtualRouterID)] else {
            if let (id, view) = owner(ofAddressIn: bytes, information, at: now) {
                changed.add(id)
                return routers[id].receivedForeignVRID(view, information, at: now, context, into: &actions)
            }
            return discard(.unknownVRID, information, detail: UInt32(virtualRouterID), at: now, into: &actions)
        }
        let isAlone = nextWithSameKey[first] < 0
        let id = isAlone ? first : choose(from: first, destination: information.destination)
        changed.add(id)
        routers[id].receive(bytes, information, at: now, &context, into: &actions)
    }

    /// The instance whose address a master of a strange VRID on the same link advertises: one of the two has a wrong
    /// virtual_router_id, and both are master.
    private mutating func owner(
        ofAddressIn bytes: UnsafeRawBufferPointer, _ information: PacketInformation, at now: Instant
    ) -> (InstanceID, AdvertisementView)? {
        guard unknownVRIDs.admits(at: now), (0...bytes.count).contains(information.payloadLength) else { return nil }
        let pdu = UnsafeRawBufferPointer(rebasing: bytes[..<information.payloadLength])
        guard let view = try? AdvertisementView(pdu, family: information.source.family), view.version != nil,
            view.isAdvertisement, view.priority != .release,
            view.checkChecksum(source: information.source, destination: information.destination) != .wrong
        else { return nil }
        let listed = Set(view.addresses)
        let owner = routers.indices.first { id in
            routers[id].interfaceIndex == information.interfaceIndex
                && (routers[id].state == .master || routers[id].state == .backup)
                && routers[id].settings.virtualAddresses.contains { listed.contains($0.prefix.address) }
        }
        return owner.map { ($0, view) }
    }

    /// Returns the one of several instances with one key that the destination fits; the first when none does.
    private func choose(from first: InstanceID, destination: IPAddress) -> InstanceID {
        var id = first
        while id >= 0 {
            let settings = routers[id].settings
            let fits =
                settings.isUnicast
                ? !destination.isMulticast && (settings.sourceAddress ?? destination) == destination
                : destination == settings.multicastGroup
            if fits { return id }
            id = nextWithSameKey[id]
        }
        return first
    }

    private mutating func discard(
        _ reason: DiscardReason, _ information: PacketInformation, detail: UInt32, at now: Instant,
        into actions: inout [Action]
    ) {
        discardedWithoutInstance[Int(reason.rawValue)] += 1
        changed.isNodeChanged = true
        guard discardReports.admits(reason, at: now) else { return }
        actions.append(.observe(.discarded(nil, reason, source: information.source, detail: detail)))
    }

    // MARK: Time

    /// Timers that fire at one timeout; while `deadline` has come, another one is wanted at once.
    package static let timersPerTimeout = 64

    private mutating func fireTimers(at now: Instant, into actions: inout [Action]) {
        guard let earliest = context.timers.first, earliest.deadline <= now else { return }
        let kinds = TimerKind.count
        var fired = 0
        while fired < Self.timersPerTimeout, let next = context.timers.first {
            let id = next.timer / kinds
            guard let kind = TimerKind(rawValue: next.timer % kinds), routers.indices.contains(id) else { break }
            if next.deadline > now {
                // One wake-up for advertisements that are due together; see `advertSlack`.
                guard kind == .advertise, next.deadline - now <= routers[id].advertSlack else { break }
            }
            if kind == .masterDown, routers[id].masterDownAt > now {
                // It was early, see `armMasterDown`: nothing has happened, and nothing is to be kept.
                context.timers.set(next.timer, to: routers[id].masterDownAt)
                continue
            }
            context.timers.set(next.timer, to: nil)
            fired += 1
            let outcome = routers[id].fired(kind, at: now, &context, into: &actions)
            if outcome == .advertised { changed.addAdvertised(id) } else { changed.add(id) }
        }
    }
}
