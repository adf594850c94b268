import Base
import ConfigurationModel

/// Orders of operators (docs/decisions, D49): hasupd gives all of them whenever one changes, and is told what becomes of
/// each. They are in no record: a successor is given them again.
extension Node {
    /// All orders, in effect from now on.
    mutating func take(orders: [OperatorOrder], at now: Instant, into actions: inout [Action]) {
        guard isConfigured else { return context.orders.next = orders }
        guard !isStopping else { return }
        // Those that wait for a configuration, which waits for a hook, are older.
        if context.orders.next != nil { context.orders.next = orders }
        adopt(orders: orders, at: now, into: &actions)
    }

    /// The orders that come with a configuration, before its virtual routers start: what is kept from claiming doesn't claim
    /// first.
    mutating func prepareOrders() {
        for (order, members) in resolved(context.orders.next ?? []) where !context.orders.ended.contains(order.number) {
            for id in members where routers[id].state == .initialize { routers[id].order = order.kind }
        }
    }

    /// The same for those that go on where a predecessor has died.
    mutating func resumeOrders() {
        for (order, members) in resolved(context.orders.next ?? []) {
            for id in members { routers[id].order = order.kind }
        }
        // Of an order that has ended nothing is left.
        for id in routers.indices where routers[id].order == nil { routers[id].raisedTo = nil }
    }

    /// The configuration runs.
    mutating func adoptNextOrders(at now: Instant, into actions: inout [Action]) {
        guard context.orders.next != nil || !context.orders.active.isEmpty else { return }
        let orders = context.orders.next ?? context.orders.active.map(\.order)
        context.orders.next = nil
        adopt(orders: orders, at: now, into: &actions)
    }

    private mutating func adopt(orders: [OperatorOrder], at now: Instant, into actions: inout [Action]) {
        // What has ended here, and hasupd hasn't heard of yet.
        context.orders.ended.formIntersection(orders.map(\.number))
        let former = context.orders.active
        context.orders.active = []
        var kinds: [InstanceID: OperatorOrder.Kind] = [:]
        var begun: [Int] = []
        // A master that a reload brings into a group that hands over does the same.
        var releasing: [InstanceID] = []
        for (order, members) in resolved(orders) where !context.orders.ended.contains(order.number) {
            for id in members { kinds[id] = order.kind }
            if var known = former.first(where: { $0.order.number == order.number }) {
                if case .releases = known.phase { releasing += members }
                known.members = members
                context.orders.active.append(known)
            } else {
                begun.append(context.orders.active.count)
                context.orders.active.append(ActiveOrder(order: order, members: members))
            }
        }
        for id in routers.indices where routers[id].order != kinds[id] {
            changed.add(id)
            routers[id].obey(kinds[id], at: now, &context, into: &actions)
        }
        for id in releasing where routers[id].state == .master {
            routers[id].beginResigning(at: now, &context, into: &actions)
        }
        // One that has ended meanwhile goes: those behind it move up.
        for place in begun.reversed() { begin(place, at: now, into: &actions) }
        context.orders.mayHaveChanged = true
        settleOrders(at: now, into: &actions)
    }

    /// Orders with the instances that they are for. One whose subject isn't in the configuration has none.
    private func resolved(_ orders: [OperatorOrder]) -> [(OperatorOrder, [InstanceID])] {
        guard !orders.isEmpty else { return [] }
        // A group's member goes with its group.
        let names = Dictionary(
            routers.lazy.filter { $0.group == nil }.map { ($0.settings.name, $0.id) },
            uniquingKeysWith: { first, _ in first })
        let groups = Dictionary(
            context.groups.map { ($0.name, $0.members) }, uniquingKeysWith: { first, _ in first })
        return orders.map { order in
            let name = order.subject.name
            let members = order.subject.kind == .group ? groups[name] ?? [] : names[name].map { [$0] } ?? []
            return (order, members)
        }
    }

    // MARK: One order

    private mutating func begin(_ place: Int, at now: Instant, into actions: inout [Action]) {
        let (order, members) = (context.orders.active[place].order, context.orders.active[place].members)
        guard order.kind != .raised else {
            context.orders.active[place].phase = .claims(wasMaster: false)
            context.orders.active[place].deadline = order.until
            return
        }
        let masters = members.filter { routers[$0].state == .master }
        guard !masters.isEmpty else {
            report(.holds, of: place, into: &actions)
            return
        }
        // While no hasupd was there the master fell silent, and it has claimed.
        if order.kind == .resigned, masters.contains(where: { routers[$0].since > order.given }) {
            return end(place, .masterSilent, at: now, into: &actions)
        }
        if let awaited = askForReleases(of: members, number: order.number, at: now, into: &actions) {
            context.orders.active[place].phase = .awaitsHooks(awaited)
            context.orders.active[place].deadline = awaited.deadline
        } else {
            release(place, at: now, into: &actions)
        }
    }

    /// Priority 0. The addresses stay until a successor is heard, unless it couldn't use them then.
    private mutating func release(_ place: Int, at now: Instant, into actions: inout [Action]) {
        let members = context.orders.active[place].members.filter { routers[$0].state == .master }
        let hasWithdrawn = members.contains { routers[$0].mustReleaseFirst || routers[$0].isGuarded }
        for id in members {
            changed.add(id)
            routers[id].beginResigning(at: now, &context, into: &actions)
            routers[id].endRaise(at: now, &context, into: &actions)
            guard hasWithdrawn else { continue }
            routers[id].enterBackup(routers[id].reasonToRelease, at: now, &context, into: &actions)
        }
        context.orders.active[place].phase = .releases(since: now, hasWithdrawn: hasWithdrawn)
        let times = members.map { routers[$0].handOverTime + context.guards.releaseTime(of: $0) }
        context.orders.active[place].deadline = now + (times.max() ?? .zero)
    }

    private mutating func report(_ outcome: OrderOutcome, of place: Int, into actions: inout [Action]) {
        let order = context.orders.active[place].order
        actions.append(.observe(.order(order.number, outcome)))
        context.orders.active[place].phase = outcome == .becameMaster ? .leads : .holds
        context.orders.active[place].deadline = .never
        if outcome.ends(order.kind) { context.orders.ended.insert(order.number) }
    }

    /// Ends an order.
    private mutating func end(
        _ place: Int, _ outcome: OrderOutcome, at now: Instant, into actions: inout [Action]
    ) {
        report(outcome, of: place, into: &actions)
        for id in context.orders.active.remove(at: place).members {
            changed.add(id)
            routers[id].obey(nil, at: now, &context, into: &actions)
        }
    }

    // MARK: What follows

    /// States have changed: some orders have come further, or have ended.
    mutating func settleOrders(at now: Instant, into actions: inout [Action]) {
        // An end may change states.
        while context.orders.mayHaveChanged {
            context.orders.mayHaveChanged = false
            for place in context.orders.active.indices.reversed() { settle(place, at: now, into: &actions) }
        }
        context.orders.awaitsAdvert = context.orders.active.contains { active in
            if case .releases(_, hasWithdrawn: true) = active.phase { true } else { false }
        }
    }

    private mutating func settle(_ place: Int, at now: Instant, into actions: inout [Action]) {
        let active = context.orders.active[place]
        let masters = active.members.filter { routers[$0].state == .master }
        switch active.phase {
        case .holds:
            if active.order.kind == .resigned, !masters.isEmpty { end(place, .masterSilent, at: now, into: &actions) }
        case .awaitsHooks:
            guard masters.isEmpty else { return }
            for id in active.members { routers[id].endRaise(at: now, &context, into: &actions) }
            reportHandOver(of: place, into: &actions)
        case .releases(let since, let hasWithdrawn):
            if hasWithdrawn {
                let heard = active.members.contains { id in
                    routers[id].master != nil && routers[id].lastAdvertAt.map { $0 > since } ?? false
                }
                if heard { reportHandOver(of: place, into: &actions) }
            } else if masters.isEmpty {
                reportHandOver(of: place, into: &actions)
            }
        case .claims(let wasMaster):
            guard masters.count == active.members.count, !masters.isEmpty else {
                if wasMaster { end(place, .lostMastership, at: now, into: &actions) }
                return
            }
            context.orders.active[place].phase = .claims(wasMaster: true)
            context.orders.active[place].deadline = .never
            if masters.allSatisfy({ routers[$0].isInstalled || routers[$0].allAddresses.isEmpty }) {
                report(.becameMaster, of: place, into: &actions)
            }
        case .leads:
            if masters.count < active.members.count { end(place, .lostMastership, at: now, into: &actions) }
        }
    }

    /// It isn't MASTER any more: for a successor, or for a fault.
    private mutating func reportHandOver(of place: Int, into actions: inout [Action]) {
        let successor = successor(of: context.orders.active[place])
        report(successor.map { .handedOver($0) } ?? .lost, of: place, into: &actions)
        // It may have claimed in the same event.
        context.orders.mayHaveChanged = true
    }

    private func successor(of active: ActiveOrder) -> IPAddress? {
        active.members.lazy.compactMap { id in
            let router = routers[id]
            return router.master == router.source ? nil : router.master
        }.first
    }

    /// The times of some phases are over.
    mutating func fireOrders(at now: Instant, into actions: inout [Action]) {
        for place in context.orders.active.indices.reversed() where context.orders.active[place].deadline <= now {
            expire(place, at: now, into: &actions)
        }
    }

    private mutating func expire(_ place: Int, at now: Instant, into actions: inout [Action]) {
        let active = context.orders.active[place]
        switch active.phase {
        case .awaitsHooks: end(place, .refused, at: now, into: &actions)
        case .releases(_, let hasWithdrawn):
            guard active.order.kind == .resigned else {
                for id in active.members where routers[id].state == .master {
                    changed.add(id)
                    routers[id].enterBackup(.maintenance, at: now, &context, into: &actions)
                }
                return report(.nobodyTookOver, of: place, into: &actions)
            }
            end(place, .nobodyTookOver, at: now, into: &actions)
            guard hasWithdrawn else { return }
            for id in active.members where routers[id].state == .backup {
                routers[id].claim(.notTakenOver, at: now, &context, into: &actions)
            }
        case .claims: end(place, .late, at: now, into: &actions)
        case .holds, .leads: context.orders.active[place].deadline = .never
        }
    }

    /// A before_release of an order has ended.
    mutating func releaseEnded(
        _ hookEnd: HookEnd, ofOrderAt place: Int, at now: Instant, into actions: inout [Action]
    ) {
        guard case .awaitsHooks(var awaited) = context.orders.active[place].phase, awaited.take(hookEnd) else {
            return
        }
        context.orders.active[place].phase = .awaitsHooks(awaited)
        if hookEnd.succeeded {
            for id in context.orders.active[place].members where routers[id].state == .master {
                routers[id].isClosed = true
            }
        }
        if awaited.hasFailed {
            end(place, .refused, at: now, into: &actions)
        } else if awaited.subjects.isEmpty {
            release(place, at: now, into: &actions)
        }
    }
}
