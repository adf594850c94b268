import Base
import ConfigurationModel

extension AwaitedReleases {
    /// Takes in the end of a run. - Returns: whether it was one of these.
    mutating func take(_ end: HookEnd) -> Bool {
        guard end.number == number, subjects.remove(end.subject) != nil else { return false }
        if !end.succeeded { hasFailed = true }
        return true
    }
}

/// A stop waits for the before_releases of an instance, or of a group with its members.
struct StoppingUnit: Sendable {
    let members: [InstanceID]
    var awaited: AwaitedReleases
}

/// Ends of hooks, and what waits for before_release (docs/decisions, D48): a stop, and a reload that takes a MASTER away.
/// An order is in Node+Orders.swift.
extension Node {
    mutating func hookEnded(_ end: HookEnd, at now: Instant, into actions: inout [Action]) {
        if end.hook == .beforeMaster { return beforeMasterEnded(end, at: now, into: &actions) }
        if end.hook == .release { return releaseScriptEnded(end, at: now, into: &actions) }
        if preparing?.take(end) == true, preparing?.subjects.isEmpty == true { preparing = nil }
        for place in stopping.indices.reversed() where stopping[place].awaited.take(end) {
            if stopping[place].awaited.subjects.isEmpty { finishStopping(place, at: now, into: &actions) }
        }
        for place in context.orders.active.indices.reversed() {
            releaseEnded(end, ofOrderAt: place, at: now, into: &actions)
        }
    }

    private mutating func beforeMasterEnded(_ end: HookEnd, at now: Instant, into actions: inout [Action]) {
        let ids: [InstanceID]
        switch end.subject.kind {
        case .instance: ids = routers.indices.filter { routers[$0].settings.name == end.subject.name }
        case .group: ids = context.groups.first { $0.name == end.subject.name }?.members ?? []
        case .service, .server: ids = []
        }
        for id in ids where routers.indices.contains(id) {
            changed.add(id)
            routers[id].hookEnded(
                end.subject.kind == .instance ? .own : .group, number: end.number, succeeded: end.succeeded, at: now,
                &context, into: &actions)
        }
    }

    /// Asks for the before_releases of instances that are MASTER, and of groups all of whose masters are among them. Nil if
    /// there are none.
    mutating func askForReleases(
        of members: [InstanceID], number: UInt64, at now: Instant, into actions: inout [Action]
    ) -> AwaitedReleases? {
        let masters = members.filter { routers[$0].state == .master }
        var awaited: [NotificationKey: HookSettings] = [:]
        for id in masters where routers[id].settings.hooks.hasBeforeRelease {
            awaited[NotificationKey(.instance, routers[id].settings.name)] = routers[id].settings.hooks
            actions.append(.runHook(HookRequest(.beforeRelease, of: .instance(id), number: number)))
        }
        for place in Set(masters.compactMap { routers[$0].group }).sorted() {
            let group = context.groups[place]
            let stays = group.members.contains { routers[$0].state == .master && !masters.contains($0) }
            guard group.hooks.hasBeforeRelease, !stays else { continue }
            awaited[NotificationKey(.group, group.name)] = group.hooks
            actions.append(.runHook(HookRequest(.beforeRelease, of: .group(place), number: number)))
        }
        guard let longest = awaited.values.map(\.timeout).max() else { return nil }
        return AwaitedReleases(number: number, subjects: Set(awaited.keys), deadline: now + longest)
    }

    // MARK: Reload

    /// A configuration comes: what it takes away as MASTER is released behind its before_release. `isPreparing` says
    /// whether that is over.
    mutating func prepare(_ new: ConfigurationModel, at now: Instant, into actions: inout [Action]) {
        preparing = nil
        guard isConfigured, !hasStopped else { return }
        let map = match(new.effectiveInstances)
        let removed = routers.indices.filter { map[$0] == nil }
        preparing = askForReleases(
            of: removed, number: UInt64(bitPattern: now.nanoseconds), at: now, into: &actions)
    }

    /// True while the configuration that comes next has to wait.
    package var isPreparing: Bool { preparing != nil }

    // MARK: Stop

    /// Whoever isn't MASTER, or has no before_release, ends at once; the others when theirs has ended.
    ///
    /// - Parameter runsHooks: whether anybody is there to run them.
    mutating func stop(runsHooks: Bool, at now: Instant, into actions: inout [Action]) {
        context.guards.runsScripts = runsHooks
        guard !isStopping else {
            // Nobody is there any more to run them.
            if !runsHooks {
                for place in stopping.indices.reversed() { finishStopping(place, at: now, into: &actions) }
            }
            return
        }
        isStopping = true
        preparing = nil
        var waiting: Set<InstanceID> = []
        if runsHooks {
            let number = UInt64(bitPattern: now.nanoseconds)
            for members in units where members.contains(where: { routers[$0].state == .master }) {
                let awaited = askForReleases(of: members, number: number, at: now, into: &actions)
                guard let awaited else { continue }
                stopping.append(StoppingUnit(members: members, awaited: awaited))
                waiting.formUnion(members)
            }
        }
        endAll(routers.indices.filter { !waiting.contains($0) }, at: now, into: &actions)
    }

    /// True if everything was handed over after a stop, and guarded groups were released.
    package var hasStopped: Bool { isStopping && stopping.isEmpty && !context.guards.awaitsReleases }

    /// Instances that move together: the members of each group, and each other one by itself.
    private var units: [[InstanceID]] {
        context.groups.map(\.members) + routers.indices.filter { routers[$0].group == nil }.map { [$0] }
    }

    private mutating func finishStopping(_ place: Int, at now: Instant, into actions: inout [Action]) {
        endAll(stopping.remove(at: place).members, at: now, into: &actions)
    }

    /// Priority 0 of all first, then the rest.
    private mutating func endAll(_ ids: [InstanceID], at now: Instant, into actions: inout [Action]) {
        for id in ids where routers[id].state == .master { routers[id].advertise(.release, at: now, into: &actions) }
        for id in ids {
            changed.add(id)
            // Who hasn't started has said nothing.
            guard routers[id].state != .initialize else {
                routers[id].awaitsResults = false
                continue
            }
            routers[id].end(.stopped, trigger: .stop, at: now, &context, into: &actions)
        }
        notifyGroupsOfStop(of: ids, into: &actions)
    }

    /// Ends the waiting of those that aren't MASTER any more.
    mutating func settleStop(at now: Instant, into actions: inout [Action]) {
        for place in stopping.indices.reversed()
        where !stopping[place].members.contains(where: { routers[$0].state == .master }) {
            finishStopping(place, at: now, into: &actions)
        }
    }

    /// The time of some hooks is over: what waited for them goes on.
    mutating func fireReleases(at now: Instant, into actions: inout [Action]) {
        if let awaited = preparing, awaited.deadline <= now { preparing = nil }
        for place in stopping.indices.reversed() where stopping[place].awaited.deadline <= now {
            finishStopping(place, at: now, into: &actions)
        }
    }

    /// The time of the next call of `fireReleases`.
    var releaseDeadline: Instant {
        stopping.reduce(preparing?.deadline ?? .never) { min($0, $1.awaited.deadline) }
    }

    /// The before_release that an instance waits for; nil for none.
    func awaitedRelease(of id: InstanceID) -> AwaitedReleases? {
        if let unit = stopping.first(where: { $0.members.contains(id) }) { return unit.awaited }
        let own = NotificationKey(.instance, routers[id].settings.name)
        let group = routers[id].group.map { NotificationKey(.group, context.groups[$0].name) }
        if let preparing, preparing.subjects.contains(own) || group.map(preparing.subjects.contains) ?? false {
            return preparing
        }
        for active in context.orders.active where active.members.contains(id) {
            if case .awaitsHooks(let awaited) = active.phase { return awaited }
        }
        return nil
    }
}
