import Base
import ConfigurationModel

/// The longest wait for the kernel before MASTER is told.
let tellMasterWait = Interval.seconds(1)

/// One virtual router: the state machine of RFC 9568 §6.4 (version 2: RFC 3768 §6.4) with keepalived's options, and a
/// FAULT state beside Initialize. VirtualRouter+Receive has what packets do, VirtualRouter+Timers what timers do.
struct VirtualRouter {
    var id: InstanceID
    /// Stands for the settings' identity in every record that is written.
    private(set) var fingerprint: UInt64
    /// The number of addresses that an advertisement carries.
    private(set) var addressCount: UInt8

    // MARK: State that survives a crash

    // It is in the instance's record: who adds a property writes and reads it in VirtualRouter+Snapshot.swift, and
    // counts up `RecordHead.version`. What every advertisement reads or changes comes first and in one piece: of a
    // thousand instances, each of which is looked at a few times a second, every line of the cache is fetched anew.

    var state = RouterState.initialize
    /// Effective priority.
    var priority: Priority
    var waiting = BackupReason.listening
    /// Anomalies of this master that were reported, one bit each.
    var reportedAnomalies: UInt8 = 0
    /// Index of the interface; 0 without one.
    var interfaceIndex: Int32 = 0
    /// Stands for the hardware addresses by which its neighbours know its addresses.
    var hardwareSum: UInt16 = 0
    /// True if a packet can leave.
    var canSend = false
    /// True if the running master-down timer was shortened by a priority 0.
    var isReleased = false
    /// True if this silence has already been prolonged because of a stall.
    var hasExtendedMasterDown = false
    /// True if the kernel has answered the installation of this mastership.
    var isInstalled = false
    /// MASTER: the before_masters that its addresses wait for.
    var awaitedHooks: AwaitedHooks = []
    /// INIT: it starts when each script that decides about it has a result. False of one that has ended.
    var awaitsResults = false
    /// BACKUP: it would be MASTER, if the other members of its sync group were to be, and its guard let it.
    var wantsMaster = false
    /// BACKUP: whether `masterInterval` is what the master advertises (version 3), and not our own.
    var isIntervalLearned = false
    var since: Instant

    /// Master_Adver_Interval (Active_Adver_Interval): our own, or the one learned in version 3.
    var masterInterval: Interval
    /// BACKUP: when the master-down timer fires. The heap may hold an earlier time, see `armMasterDown`.
    var masterDownAt = Instant.never
    /// MASTER: when the next advertisement is due.
    var advertDueAt = Instant.never
    var lastSentAt: Instant?
    var lastAdvertAt: Instant?
    /// The time at which the first lower-priority advertisement since the start, FAULT or MASTER was heard:
    /// preempt_delay runs from here, or from a little later (`earliestDelay`). Who follows a superior master begins
    /// anew (behaviours §7).
    var preemptDelaySince: Instant?
    /// Source address of the moment.
    var source: IPAddress?
    /// The last other router that advertised.
    var master: IPAddress?
    var masterPriority: Priority?
    /// Counts state changes; answers of the kernel to requests of an earlier state change no decision.
    var generation: UInt64 = 0
    /// The last notification of a state, for a successor that can't know whether it was heard.
    var lastNotification: Notification?
    /// MASTER: true until that is told (docs/decisions, D47).
    var owesMaster = false
    /// MASTER: another one was heard, and has yielded if it is silent until then.
    var reclaimAt: Instant?
    /// MASTER: the last notification of such a silence.
    var reclaimNotification: Notification?
    /// MASTER: when a lower-priority advertisement was last told.
    var lowerPriorityToldAt: Instant?
    var counters = Counters()
    /// Addresses that another program has removed in the last ten seconds.
    var removals: [Removal] = []
    var discardReports = DiscardReportLimit()
    var lastTransition: Transition?
    /// FAULT: why it gave up being MASTER without a usable address, until it tries again.
    var unserved: Fault?
    var retries = 0
    var retryAt = Instant.never

    // MARK: State that doesn't

    // It follows from the configuration, the interfaces and the kernel, or a successor begins without.

    var settings: InstanceSettings { didSet { fingerprint = settings.identity.fingerprint } }
    /// Our address list as it stands in advertisements, to compare others' with.
    private(set) var addressList: [UInt8]
    /// Its own ones; those of other members of its group aren't here.
    var faults: [Fault] = []
    /// The place of its sync group; nil without one.
    var group: Int?
    /// True if it, or its sync group, asks a guard before it becomes MASTER.
    var isGuarded = false
    /// BACKUP: its guard lets it become MASTER.
    var isAdmitted = false
    /// BACKUP: the reason for which it wants to be MASTER, while it waits.
    var claimReason: TransitionReason?
    /// The operator's order to it, or to its group.
    var order: OperatorOrder.Kind?
    /// raised: the priority that is above the master's.
    var raisedTo: Priority?
    /// MASTER: priority 0 has left by an order, and a successor is waited for.
    var isResigning = false
    /// MASTER: a before_release of its, or of its group, has succeeded. What it has closed only before_master opens.
    var isClosed = false
    /// MASTER: the lifetime of its addresses in the kernel.
    var lease = AddressLease()
    /// Addresses that the kernel refused to add, requested again in a second.
    var refused: [UnusableAddress] = []
    /// Addresses that it refused to remove, likewise.
    var refusedWithdrawals: [AddressKey] = []
    /// Addresses that another program has removed in the last moment, to be reported together.
    var unreportedRemovals: Set<IPAddress> = []
    var reportedUnadvertised = 0
    var reportedForeignAddresses: [ForeignAddress] = []
    var lastDiscard: (reason: DiscardReason, source: IPAddress, detail: UInt32, at: Instant)?
    var differentAddresses: (source: IPAddress, at: Instant)?
    /// MASTER: other routers that advertise, too.
    var rivals = RivalMasters()

    init(id: InstanceID, settings: InstanceSettings, at now: Instant) {
        self.id = id
        self.settings = settings
        fingerprint = settings.identity.fingerprint
        since = now
        priority = settings.priority
        masterInterval = settings.advertInterval
        addressCount = UInt8(clamping: settings.virtualAddresses.count)
        addressList = Self.addressList(of: settings, addressCount)
    }

    /// The virtual addresses of both kinds, for what both need: installing, announcing, withdrawing.
    var allAddresses: [VirtualAddress] { settings.virtualAddresses + settings.excludedAddresses }

    private static func addressList(of settings: InstanceSettings, _ count: UInt8) -> [UInt8] {
        settings.virtualAddresses.prefix(Int(count)).lazy.map(\.prefix.address).filter { $0.family == settings.family }
            .flatMap(\.bytes)
    }

    /// Limits the advertisement to the addresses that fit the link, the first ones of the file, as keepalived does: an
    /// advertisement that is longer than the MTU can't be sent at all, and both nodes would be MASTER.
    mutating func fitAdvertisement(_ mtu: UInt32) {
        let limit = mtu == 0 ? 255 : settings.advertisedAddressLimit(mtu: Int(mtu))
        let count = UInt8(clamping: min(settings.virtualAddresses.count, limit))
        guard count != addressCount else { return }
        addressCount = count
        addressList = Self.addressList(of: settings, count)
    }

    /// The number of addresses without room in an advertisement.
    var unadvertisedCount: Int { max(0, settings.virtualAddresses.count - Int(addressCount)) }

    private mutating func reportUnadvertised(into actions: inout [Action]) {
        guard unadvertisedCount != reportedUnadvertised else { return }
        reportedUnadvertised = unadvertisedCount
        actions.append(.observe(.addressesUnadvertised(id, count: unadvertisedCount)))
    }

    /// Other settings name other addresses.
    mutating func renewAddressList() {
        addressCount = UInt8(clamping: settings.virtualAddresses.count)
        addressList = Self.addressList(of: settings, addressCount)
    }

    /// Skew_Time.
    var skew: Interval { ElectionTimes.skew(settings.version, priority, masterInterval: masterInterval) }

    var masterDownInterval: Interval {
        ElectionTimes.masterDown(
            settings.version, priority, masterInterval: masterInterval, adverts: settings.downTimerAdverts)
    }

    // MARK: Transitions

    /// Leaves Initialize, as RFC 9568 §6.4.1 says, when it knows enough.
    mutating func start(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        awaitsResults = true
        refreshSurroundings(&context, into: &actions)
        startIfKnown(at: now, &context, into: &actions)
        reportUnadvertised(into: &actions)
        if awaitsResults { reportForeignAddresses(context, into: &actions) }
    }

    /// In INIT nothing is said and nothing is sent until each script with weight 0 has ended once (behaviours §8): it
    /// would be MASTER of a service that doesn't run. What can't run at all waits for nothing.
    private mutating func startIfKnown(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard awaitsResults else { return }
        guard group == nil else { return context.noteChange(of: id, .state) }
        guard isReady(context) || faults.contains(.configuration) else { return }
        if let fault = faults.first {
            enterFault(fault, at: now, &context, into: &actions)
        } else {
            enterBackup(.started, at: now, &context, into: &actions)
        }
    }

    /// True if it knows enough to start.
    func isReady(_ context: NodeContext) -> Bool {
        !awaitsResults || Tracking.awaited(by: settings, context.trackers).isEmpty
    }

    /// True if it was stopped or removed.
    var hasEnded: Bool { state == .initialize && !awaitsResults }

    /// True if nothing of its own keeps it from being MASTER together with its group.
    var mayBeMaster: Bool { state == .master || wantsMaster }

    /// Reads again what interfaces and tracked objects decide: faults, source, priority.
    private mutating func refreshSurroundings(_ context: inout NodeContext, into actions: inout [Action]) {
        let interface = context.interfaces[settings.interface]
        let tracked = Tracking.effects(on: settings, context)
        faults = Tracking.faults(of: settings, tracked: tracked.faults, context)
        if let unserved { faults.append(unserved) }
        let former = priority
        priority = settings.priority(changedBy: tracked.contributions.reduce(0) { $0 + Int($1.amount) })
        if let raisedTo, priority != .owner { priority = max(priority, raisedTo) }
        if priority != former, state != .initialize || awaitsResults {
            reportPriority(from: former, &context, into: &actions)
        }
        source = Tracking.source(of: settings, context)
        interfaceIndex = interface?.index ?? 0
        canSend = interface.map { $0.isUsable || settings.ignoresPrimaryInterface } ?? false
        if let interface { fitAdvertisement(interface.mtu) }
        hardwareSum = sumOfHardware(context)
    }

    /// The effective priority has changed.
    mutating func reportPriority(
        from former: Priority, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        actions.append(.observe(.priorityChanged(id, from: former, to: priority)))
        guard settings.options.contains(.notifiesPriorityChanges) else { return }
        notify(event: state == .master ? .masterPriority : .backupPriority, &context, into: &actions)
    }

    /// Returns a number for the hardware addresses of its own interface, and of each other one that an address goes to.
    private func sumOfHardware(_ context: NodeContext) -> UInt16 {
        func sum(_ name: String) -> UInt64 {
            guard let interface = context.interfaces[name], let hardware = interface.hardwareAddress else { return 0 }
            return (hardware.bits ^ UInt64(UInt32(bitPattern: interface.index)) << 48) &* 0x9e37_79b9_7f4a_7c15
        }
        var others: Set<String> = []
        for addresses in [settings.virtualAddresses, settings.excludedAddresses] {
            for address in addresses { if let name = address.interface { others.insert(name) } }
        }
        others.remove(settings.interface)
        let total = others.reduce(sum(settings.interface)) { $0 ^ sum($1) }
        return UInt16(truncatingIfNeeded: total >> 48)
    }

    /// An interface, a tracked object or the configuration changed: faults come or go, and the priority takes effect at once. In BACKUP
    /// the running timer moves by the difference of the master-down intervals.
    mutating func reassess(
        previousDown: Interval, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let before = priority
        refreshSurroundings(&context, into: &actions)
        reportUnadvertised(into: &actions)
        switch state {
        case .initialize: startIfKnown(at: now, &context, into: &actions)
        case .fault:
            // A group's members recover together.
            guard group == nil else { return context.noteChange(of: id, .state) }
            if faults.isEmpty { enterBackup(.recovered, at: now, &context, into: &actions) }
        case .backup, .master:
            if let fault = faults.first {
                enterFault(fault, at: now, &context, into: &actions)
            } else if state == .backup {
                // In maintenance no timer runs once the master has fallen silent.
                guard masterDownAt != .never else { return }
                let difference = masterDownInterval - previousDown
                let becameOwner = priority == .owner && before != .owner
                guard becameOwner || difference != .zero else { return }
                var moved = becameOwner ? now : max(now, masterDownAt + difference)
                // A master whom we don't outrank any more isn't replaced, as if that had been so at its last
                // advertisement.
                if waiting == .preempting, let masterPriority, masterPriority >= priority {
                    waiting = masterPriority > priority ? .higherPriority : .equalPriority
                    wantsMaster = false
                    moved = max(moved, (lastAdvertAt ?? now) + masterDownInterval)
                }
                armMasterDown(max(moved, context.startsAt), &context)
                advancePreemption(at: now, &context)
            } else {
                master = source
                masterPriority = priority
            }
        }
    }

    /// To BACKUP from anywhere. A full master-down interval is waited, except by an owner that (re)starts: its
    /// addresses are its own (RFC 9568 §6.4.1). An owner that another owner outranked waits like anyone else, so that
    /// two owners, which is a misconfiguration, don't alternate.
    mutating func enterBackup(
        _ reason: TransitionReason, at now: Instant, masterInterval learned: Interval? = nil,
        _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let transition = transition(to: .backup, reason, at: now)
        let starts = state == .initialize || state == .fault
        leaveState(&context, into: &actions)
        state = .backup
        since = now
        if let learned {
            masterInterval = learned
            isIntervalLearned = true
        }
        if starts || master == source { forgetMaster() }
        waiting = order == .maintenance ? .maintenance : now < context.startsAt ? .startupDelay : .listening
        let ownerStarts = priority == .owner && starts && order != .resigned
        armMasterDown(max(now, context.startsAt) + (ownerStarts ? .zero : masterDownInterval), &context)
        notify(.backup, &context, into: &actions)
        report(transition, &context, into: &actions)
        reportForeignAddresses(context, into: &actions)
    }

    /// To MASTER (RFC 9568 §6.4.2): advertise first, so that peers know, then the addresses, and announcements once the
    /// kernel has them.
    ///
    /// - Parameter companion: a member of its group that is MASTER already, whose group's hook is this one's, too.
    mutating func enterMaster(
        _ reason: TransitionReason, joining companion: Companion? = nil, at now: Instant,
        _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let transition = transition(to: .master, reason, at: now)
        leaveState(&context, into: &actions)
        state = .master
        // The number of the group's run follows from it.
        since = companion.map { $0.awaitsGroupHook ? $0.since : now } ?? now
        counters.becameMaster += 1
        master = source
        masterPriority = priority
        advertise(priority, at: now, into: &actions)
        advertDueAt = now + settings.advertInterval
        context.set(.advertise, of: id, to: advertDueAt)
        owesMaster = true
        if !awaitHooks(exceptGroups: companion?.awaitsGroupHook == false, &context, into: &actions) {
            install(allAddresses, at: now, &context, into: &actions)
            context.set(.tellMaster, of: id, to: now + tellMasterWait)
        }
        report(transition, &context, into: &actions)
        reportedForeignAddresses = []
        checkServing(at: now, &context, into: &actions)
        tellMaster(at: now, &context, into: &actions)
    }

    /// Tells MASTER when its addresses can be used: the kernel has answered for them, there are none, or it takes too long
    /// (docs/decisions, D47). Its group is told afterwards.
    ///
    /// - Parameter isLate: whether it has taken too long.
    mutating func tellMaster(
        isLate: Bool = false, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        guard state == .master, owesMaster, awaitedHooks.isEmpty else { return }
        let addresses = allAddresses
        let isServing = isInstalled && addresses.contains { isPresent($0, context) }
        guard isServing || addresses.isEmpty || isLate else { return }
        owesMaster = false
        context.set(.tellMaster, of: id, to: nil)
        notify(.master, &context, into: &actions)
        if group != nil { context.noteChange(of: id, .state) }
    }

    /// To FAULT; a MASTER releases with priority 0 if anything can still leave.
    mutating func enterFault(
        _ fault: Fault, at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let transition = transition(to: .fault, .fault(fault), at: now)
        if state == .master { advertise(.release, at: now, into: &actions) }
        leaveState(&context, into: &actions)
        state = .fault
        since = now
        forgetMaster()
        notify(.fault, &context, into: &actions)
        report(transition, &context, into: &actions)
        reportForeignAddresses(context, into: &actions)
    }

    /// To Initialize: removed by a reload or stopped.
    mutating func end(
        _ reason: TransitionReason, trigger: NotifyTrigger, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        let transition = transition(to: .initialize, reason, at: now)
        leaveState(&context, into: &actions)
        state = .initialize
        since = now
        forgetMaster()
        notify(trigger, &context, into: &actions)
        report(transition, &context, into: &actions)
        if transition.from == .master { reportStayingAddresses(context, into: &actions) }
    }

    private mutating func leaveState(_ context: inout NodeContext, into actions: inout [Action]) {
        let wasMaster = state == .master
        voidHooks(into: &actions)
        generation += 1
        awaitsResults = false
        wantsMaster = false
        isAdmitted = false
        claimReason = nil
        isReleased = false
        hasExtendedMasterDown = false
        preemptDelaySince = nil
        reportedAnomalies = 0
        masterInterval = settings.advertInterval
        isIntervalLearned = false
        differentAddresses = nil
        rivals = RivalMasters()
        lowerPriorityToldAt = nil
        reclaimAt = nil
        reclaimNotification = nil
        owesMaster = false
        isInstalled = false
        awaitedHooks = []
        isResigning = false
        isClosed = false
        lease = AddressLease()
        context.orders.mayHaveChanged = true
        masterDownAt = .never
        advertDueAt = .never
        // A withdrawal that was refused outlives the state: an address left behind must go.
        for kind in TimerKind.allCases where kind != .kernelRetry && kind != .retryAddresses {
            context.set(kind, of: id, to: nil)
        }
        unreportedRemovals = []
        guard wasMaster else { return }
        removals = []
        counters.leftMaster += 1
        context.announcer.cancel(id)
        withdrawAll(&context, into: &actions)
    }

    mutating func forgetMaster() {
        master = nil
        masterPriority = nil
    }

    private func transition(to next: RouterState, _ reason: TransitionReason, at now: Instant) -> Transition {
        // A MASTER knows itself as the master; in FAULT its source may be gone.
        let isOwn = state == .master && next == .fault
        let hasPeer = master != nil && master != source && !isOwn
        return Transition(
            instance: id, from: state, to: next, reason: reason, peer: hasPeer ? master : nil,
            peerPriority: hasPeer ? masterPriority : nil, ownPriority: priority,
            lastAdvertAge: lastAdvertAt.map { now - $0 })
    }

    private mutating func notify(
        _ trigger: NotifyTrigger, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        let notification = context.notification(trigger, of: .instance(id), priority: priority)
        lastNotification = notification
        actions.append(.notify(notification))
    }

    /// Tells something that doesn't change the state.
    ///
    /// - Returns: the notification.
    @discardableResult
    mutating func notify(
        event trigger: NotifyTrigger, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Notification {
        let notification = context.notification(trigger, of: .instance(id), priority: priority)
        actions.append(.notify(notification))
        return notification
    }

    private mutating func report(
        _ transition: Transition, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        if group != nil { context.noteChange(of: id, .state) }
        lastTransition = transition
        actions.append(.observe(.transition(transition)))
    }

    /// Sends one advertisement, if there is somewhere to send from: whether there was.
    @discardableResult
    mutating func advertise(_ priority: Priority, at now: Instant, into actions: inout [Action]) -> Bool {
        guard canSend, let source else { return false }
        lastSentAt = now
        counters.advertsSent += 1
        if priority == .release { counters.releasesSent += 1 }
        actions.append(
            .advertise(
                id,
                AdvertContents(
                    priority: priority, source: source, interfaceIndex: interfaceIndex, addressCount: addressCount)))
        return true
    }
}
