import Base
import ConfigurationModel

extension Node {
    /// Goes on where a predecessor has died (docs/decisions, D12): states, deadlines and what was learned stay. What
    /// the interfaces and the kernel say by now takes effect at once; nothing is sent before the next timeout.
    mutating func resume(
        _ new: ConfigurationModel, _ snapshot: NodeSnapshot, at now: Instant, into actions: inout [Action]
    ) {
        guard !isConfigured else { return configure(new, at: now, into: &actions) }
        isConfigured = true
        adoptGlobal(new.global)
        let instances = new.effectiveInstances
        context.dependents = Dependents(instances)
        _ = context.trackers.adopt()
        if new.global.startupDelay > .zero { context.startsAt = now + new.global.startupDelay }
        resumeNode(snapshot, at: now)
        context.lastNotification = snapshot.lastNotification
        var records = snapshot.byIdentity
        var kept: [InstanceID: VirtualRouter.DecodedRecord] = [:]
        routers = instances.enumerated().map { id, settings in
            if let record = records[settings.identity.fingerprint]?.popLast() {
                kept[id] = VirtualRouter.DecodedRecord(record, id: id, settings: settings, at: now)
            }
            return kept[id]?.router ?? VirtualRouter(id: id, settings: settings, at: now)
        }
        adoptGroups(new.shared.syncGroups)
        adoptGuards(new.clusters, at: now)
        for place in context.groups.indices {
            let told = context.groups[place].members.compactMap { kept[$0]?.groupNotification }
            context.groups[place].lastNotification = told.max { $0.sequence < $1.sequence }
            context.groups[place].lastNotification?.subject = .group(place)
        }
        resumeOrders()
        adoptLedger(snapshot.ledger)
        // Of instances that a reload has taken away since the records were sorted: nobody else would.
        context.retryStaleAddresses(into: &actions)
        notifyAgain(after: snapshot.lastNotification, into: &actions)
        for burst in kept.values.flatMap(\.bursts).sorted(by: { ($0.order, $0.instance) < ($1.order, $1.instance) }) {
            context.announcer.resume(burst, at: now)
        }
        for id in routers.indices {
            guard let kept = kept[id] else {
                resumption.fresh += 1
                routers[id].start(at: now, &context, into: &actions)
                // Nobody could read its record, and its addresses were left because its head said MASTER.
                if routers[id].state != .master { routers[id].withdrawAll(&context, into: &actions) }
                continue
            }
            for (kind, deadline) in kept.timers { context.set(kind, of: id, to: deadline) }
            routers[id].resume(snapshot, at: now, &context, into: &actions)
        }
        settleAllGroups(canJoin: false, at: now, into: &actions)
        for (id, kept) in kept {
            switch routers[id].state {
            case .master: resumption.masters += 1
            case .backup where kept.router.state == .master: resumption.late += 1
            case .initialize, .backup, .fault: resumption.others += 1
            }
        }
        // What one gives back another may want: all of it goes before anything comes.
        for id in routers.indices where kept[id] != nil {
            routers[id].withdrawUnwanted(&context, into: &actions)
        }
        for id in routers.indices where kept[id] != nil {
            routers[id].forgetRemovedHooks(at: now, &context, into: &actions)
            routers[id].askForHooks(&context, into: &actions)
            routers[id].correct(at: now, &context, into: &actions)
        }
        rebuildRoutes()
        adoptNextOrders(at: now, into: &actions)
    }

    /// Takes over a predecessor's ledger. An address that isn't there any more was removed by another program, and goes
    /// back, if anybody wants it.
    private mutating func adoptLedger(_ records: [AddressRecord]) {
        let owners = Dictionary(
            routers.map { ($0.settings.identity.fingerprint, $0.id) }, uniquingKeysWith: { first, _ in first })
        for record in records {
            let isThere = context.interfaces.address(record.key) != nil
            let owner = owners[record.fingerprint]
            context.ledger.adopt(record, owner: owner, phase: isThere ? .present : .missing)
            if owner == nil, !isThere { context.ledger.end(record.key) }
        }
    }

    /// Repeats notifications that hasupd may not have heard: only the last of each instance and group is still true, and of
    /// events only that another master has yielded is repeated. They are
    /// numbered anew behind the last one that was heard: a record that leapt to a number far away would have this one
    /// and all that follow refused. The transition that a notification is about is reported again, too, or the history
    /// would never have it.
    private mutating func notifyAgain(after last: UInt64, into actions: inout [Action]) {
        let notifications =
            routers.compactMap(\.lastNotification) + routers.compactMap(\.reclaimNotification)
            + context.groups.compactMap(\.lastNotification)
        for former in notifications.filter({ $0.sequence > last }).sorted(by: { $0.sequence < $1.sequence }) {
            let notification = context.notification(former.trigger, of: former.subject, priority: former.priority)
            actions.append(.notify(notification))
            switch former.subject {
            case .instance(let id) where former.trigger == .reclaimed: routers[id].reclaimNotification = notification
            case .instance(let id):
                routers[id].lastNotification = notification
                if let transition = routers[id].lastTransition {
                    actions.append(.observe(.earlier(transition, at: routers[id].since)))
                }
            case .group(let place): context.groups[place].lastNotification = notification
            }
        }
    }
}

extension VirtualRouter {
    /// The time at which the best possible peer takes over if nobody advertises. The last advertisement may have left a
    /// little before it was due, which is all that a mark says of it (`advertSlack`).
    var peerTakeoverAt: Instant {
        let best = Priority(rawValue: 254)
        let wait = ElectionTimes.masterDown(
            settings.version, best, masterInterval: settings.advertInterval, adverts: min(3, settings.downTimerAdverts))
        return (lastSentAt ?? since) + wait - advertSlack
    }

    /// Second half of a resumption: the recorded state meets the interfaces, the kernel and the clock of now.
    mutating func resume(
        _ snapshot: NodeSnapshot, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let previousDown = masterDownInterval
        let announcedBy = hardwareSum
        isIntervalLearned = isIntervalLearned && settings.version == .v3
        if !isIntervalLearned { masterInterval = settings.advertInterval }
        if state == .master {
            // Whatever a record says, the next advertisement is due within an interval.
            advertDueAt = min(advertDueAt, now + settings.advertInterval)
            context.set(.advertise, of: id, to: advertDueAt)
            if owesMaster, awaitedHooks.isEmpty { context.set(.tellMaster, of: id, to: since + tellMasterWait) }
            context.set(.reclaim, of: id, to: reclaimAt)
        } else if state == .backup {
            masterDownAt = min(masterDownAt, max(now, context.startsAt) + masterDownInterval)
            // While nobody listened the master may have advertised: it gets the chance to do it once more.
            // A time that hasn't come yet says nothing.
            if now != snapshot.heardUntil {
                wantsMaster = false
                masterDownAt = max(masterDownAt, now + (isReleased ? skew : masterInterval + skew))
            }
            context.set(.masterDown, of: id, to: masterDownAt)
        }
        // Its predecessor has reported it.
        if let interface = context.interfaces[settings.interface] { fitAdvertisement(interface.mtu) }
        reportedUnadvertised = unadvertisedCount
        reassess(previousDown: previousDown, at: now, &context, into: &actions)
        if unserved != nil { context.set(.retryAddresses, of: id, to: retryAt) }
        guard state == .master else {
            reportedForeignAddresses = foreignAddresses(context)
            return
        }
        if now >= peerTakeoverAt {
            enterBackup(.interrupted, at: now, &context, into: &actions)
        } else if hardwareSum != announcedBy {
            // A link has got another hardware address while nobody listened.
            announceAll(rounds: settings.announcements.rounds, at: now, &context)
        }
    }

    /// Presence and form: the ledger, the kernel and the configuration are compared, and what differs is put right.
    /// First what isn't wanted any more.
    mutating func withdrawUnwanted(_ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master else { return }
        let wanted = Set(allAddresses.compactMap { place(of: $0, context)?.key })
        let unwanted = heldKeys(context).filter { !wanted.contains($0) && context.ledger[$0]?.phase != .withdrawing }
        withdraw(unwanted, &context, into: &actions)
    }

    /// Then what is.
    mutating func correct(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master else { return }
        announceUnconfirmed(at: now, &context)
        install(
            allAddresses.filter { place(of: $0, context) != nil }, at: now, &context, into: &actions)
        renewLease(at: now, &context, into: &actions)
        checkServing(at: now, &context, into: &actions)
        tellMaster(at: now, &context, into: &actions)
    }

    /// Announces addresses that the kernel has added after the requesting process had died: nobody has. Nor may anybody
    /// have announced a foreign address that serves us, when the reload that has named it was the predecessor's
    /// last. Before the first installation is over, all of it is announced anyway.
    private mutating func announceUnconfirmed(at now: Instant, _ context: inout NodeContext) {
        let awaited = allAddresses.filter { address in
            guard let key = place(of: address, context)?.key else { return false }
            guard let entry = context.ledger[key] else { return isPresent(address, context) }
            return entry.owner == id && entry.phase == .present && entry.isUnconfirmed
        }
        for address in awaited {
            if let key = place(of: address, context)?.key { context.ledger.confirm(key, isAdded: false) }
        }
        guard isInstalled, !awaited.isEmpty else { return }
        context.announcer.announce(
            awaited, of: id, on: settings.interface, rounds: settings.announcements.rounds, at: now)
    }
}
