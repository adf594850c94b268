import Base
import ConfigurationModel

extension Node {
    /// A configuration: the first one starts the node, later ones are applied as differences. The same again does
    /// nothing but bring the table of results.
    mutating func configure(_ new: ConfigurationModel, at now: Instant, into actions: inout [Action]) {
        adoptGlobal(new.global)
        let instances = new.effectiveInstances
        context.dependents = Dependents(instances)
        preparing = nil
        let results = context.trackers.adopt()
        if !isConfigured {
            isConfigured = true
            if new.global.startupDelay > .zero { context.startsAt = now + new.global.startupDelay }
            routers = instances.enumerated().map { VirtualRouter(id: $0, settings: $1, at: now) }
            adoptGroups(new.shared.syncGroups)
            adoptGuards(new.clusters, at: now)
            prepareOrders()
            for id in routers.indices { routers[id].start(at: now, &context, into: &actions) }
            settleAllGroups(canJoin: false, at: now, into: &actions)
        } else if routers.lazy.map(\.settings).elementsEqual(instances), hasGroups(new.shared.syncGroups) {
            adoptGuards(new.clusters, at: now)
            reassess(trackersOf: results, at: now, into: &actions)
            return adoptNextOrders(at: now, into: &actions)
        } else {
            apply(instances, new.shared.syncGroups, new.clusters, at: now, into: &actions)
        }
        rebuildRoutes()
        adoptNextOrders(at: now, into: &actions)
    }

    mutating func adoptGlobal(_ global: GlobalSettings) {
        context.announcer.garpInterval = global.garpInterval
        context.announcer.gnaInterval = global.gnaInterval
        context.adoptsLeftovers = global.adoptsLeftovers
    }

    private mutating func apply(
        _ instances: [InstanceSettings], _ groups: [SyncGroup], _ clusters: [ClusterSettings], at now: Instant,
        into actions: inout [Action]
    ) {
        let map = match(instances)
        // Under the old numbers: what is removed says goodbye.
        for id in routers.indices where map[id] == nil && routers[id].state != .initialize {
            if routers[id].state == .master { routers[id].advertise(.release, at: now, into: &actions) }
            // FAULT unless notify_deleted is set, as keepalived (behaviours §6).
            let trigger: NotifyTrigger = routers[id].settings.options.contains(.tellsDeletion) ? .deleted : .fault
            routers[id].end(.reconfigured, trigger: trigger, at: now, &context, into: &actions)
        }
        actions.append(.renumber(map))
        context.renumber(map)
        if context.ledger.orphanCount > 0 { context.retryStaleAddresses(at: now + kernelRetryDelay) }
        var slots = [VirtualRouter?](repeating: nil, count: instances.count)
        for (id, new) in map.enumerated() {
            guard let new else { continue }
            routers[id].id = new
            routers[id].lastTransition?.instance = new
            slots[new] = routers[id]
        }
        let isNew = slots.map { $0 == nil }
        routers = slots.enumerated().map { id, kept in kept ?? VirtualRouter(id: id, settings: instances[id], at: now) }
        // What has been removed is no concern of the groups that there are now.
        context.memberChanges = []
        adoptGroups(groups)
        adoptGuards(clusters, at: now)
        prepareOrders()
        for id in routers.indices where !isNew[id] {
            routers[id].withdrawVanished(from: instances[id], &context, into: &actions)
        }
        for id in routers.indices where !isNew[id] {
            if routers[id].settings == instances[id] {
                // Which addresses are virtual may have changed, and with it where it sends from.
                let previousDown = routers[id].masterDownInterval
                routers[id].reassess(previousDown: previousDown, at: now, &context, into: &actions)
            } else {
                routers[id].reconfigure(to: instances[id], at: now, &context, into: &actions)
            }
        }
        for id in routers.indices where !isNew[id] {
            routers[id].forgetRemovedHooks(at: now, &context, into: &actions)
        }
        for id in routers.indices where isNew[id] { routers[id].start(at: now, &context, into: &actions) }
        settleAllGroups(canJoin: true, at: now, into: &actions)
    }

    /// Old place → new place, nil for what has no counterpart. Each identity matches once; a second block with the
    /// same one is a configuration fault and pairs with its own second.
    func match(_ instances: [InstanceSettings]) -> [InstanceID?] {
        var places: [InstanceIdentity: [InstanceID]] = [:]
        for (id, settings) in instances.enumerated().reversed() { places[settings.identity, default: []].append(id) }
        return routers.map { places[$0.settings.identity]?.popLast() }
    }
}
