import Base
import ConfigurationModel

/// Wait before work that the kernel refused is requested again.
let kernelRetryDelay = Interval.seconds(1)

/// EEXIST (errno-base.h).
private let addressExists: Int32 = 17

enum TimerKind: Int, CaseIterable {
    /// BACKUP: the master-down timer (RFC 9568 §6.2: Active_Down_Timer).
    case masterDown = 0
    /// MASTER: the next advertisement (Adver_Timer).
    case advertise
    /// MASTER: the second burst after becoming it.
    case announceAgain
    /// MASTER: the second burst after a lower-priority advertisement.
    case lowerPriorityAgain
    /// MASTER: garp_master_refresh.
    case refresh
    /// Kernel work that was refused is requested again.
    case kernelRetry
    /// MASTER: removals by another program are reported.
    case reportRemovals
    /// FAULT for want of a usable address: it tries again.
    case retryAddresses
    /// MASTER: it is told, whether the kernel has answered or not.
    case tellMaster
    /// MASTER: another master that has yielded is silent for long enough.
    case reclaim
    /// MASTER: the time of its before_masters is over.
    case hook
    /// MASTER: its addresses' lifetimes are renewed.
    case renewLease

    /// The number of kinds. `allCases.count` would build an array each time a timer is set.
    static let count = TimerKind.renewLease.rawValue + 1
}

/// A request to the kernel that it hasn't answered, by ticket.
struct KernelWork {
    /// Nil when the instance is gone.
    var instance: InstanceID?
    /// The instance's generation at the request: an answer to an older one changes no decision.
    var generation: UInt64
    var keys: [AddressKey]
    /// The added addresses, in the same order; nil for a withdrawal.
    var added: [PlacedAddress]?

    /// The networks of its addresses, each once.
    var networks: Set<InterfaceSubnet> { Set(keys.compactMap(InterfaceSubnet.init)) }
}

/// The time after the kernel's answer in which it may still report what a withdrawal took away with it.
private let withdrawalEcho = Interval.seconds(1)

/// The state that all virtual routers of a node share.
struct NodeContext {
    var timers = DeadlineHeap()
    var announcer = Announcer()
    var interfaces = InterfaceTable()
    var ledger = AddressLedger()
    var dependents = Dependents()
    var trackers = TrackerResults()
    var groups: [SyncGroupState] = []
    /// Changes of groups' members in the event that is being handled.
    var memberChanges: [MemberChange] = []
    var orders = NodeOrders()
    var guards = NodeGuards()
    /// End of vrrp_startup_delay: nothing is sent or received before.
    var startsAt = Instant(nanoseconds: .min)
    /// True if a start removes virtual addresses without a mark, too (adopt_leftovers).
    var adoptsLeftovers = false
    /// When addresses of removed instances that the kernel hasn't let go are asked for again: nothing may stay behind
    /// because its owner has left the configuration.
    private(set) var staleAddressesAt = Instant.never
    private var tickets: [UInt64: KernelWork] = [:]
    private var lastTicket: UInt64 = 0
    /// Renewals of leases that the kernel hasn't answered, by ticket.
    private var renewals: [UInt64: LeaseRenewal] = [:]
    /// Removals of ours that the kernel hasn't reported yet: its notifications come by another way than the answer.
    private var expectedRemovals: [AddressKey: Int] = [:]
    /// Networks that we take or have just taken addresses out of: work under way, and until when its echo may come.
    private var withdrawals: [InterfaceSubnet: (underWay: Int, until: Instant)] = [:]
    /// Count at which old ones are forgotten.
    private var withdrawalsKept = 64
    var lastNotification: UInt64 = 0

    static func timer(_ kind: TimerKind, of instance: InstanceID) -> Int {
        instance * TimerKind.count + kind.rawValue
    }

    mutating func set(_ kind: TimerKind, of instance: InstanceID, to deadline: Instant?) {
        timers.set(Self.timer(kind, of: instance), to: deadline)
    }

    func deadline(of kind: TimerKind, of instance: InstanceID) -> Instant? {
        timers.deadline(of: Self.timer(kind, of: instance))
    }

    /// A member of a group has changed.
    mutating func noteChange(of member: InstanceID, _ cause: MemberChange.Cause) {
        memberChanges.append(MemberChange(member: member, cause: cause))
    }

    var nextTicket: UInt64 { lastTicket + 1 }

    mutating func issueTicket(for work: KernelWork) -> UInt64 {
        lastTicket += 1
        tickets[lastTicket] = work
        return lastTicket
    }

    /// Notes a renewal. - Returns: its ticket.
    mutating func issueTicket(for renewal: LeaseRenewal) -> UInt64 {
        lastTicket += 1
        renewals[lastTicket] = renewal
        return lastTicket
    }

    /// Returns the renewal that the kernel has answered by this ticket.
    mutating func takeRenewal(_ ticket: UInt64) -> LeaseRenewal? {
        renewals.isEmpty ? nil : renewals.removeValue(forKey: ticket)
    }

    /// Asks the kernel to remove addresses of ours.
    mutating func withdraw(_ work: KernelWork, into actions: inout [Action]) {
        let ticket = issueTicket(for: work)
        for key in work.keys {
            ledger.set(.withdrawing, of: key, ticket: ticket)
            expectedRemovals[key, default: 0] += 1
        }
        let guarded = interfaces.interfacesToGuard(removing: work.keys) { withdrawals[$0] != nil }
        for network in work.networks { withdrawals[network, default: (0, .never)].underWay += 1 }
        actions.append(.withdraw(work.keys, guarded: guarded, ticket: ticket))
    }

    /// True if the kernel must be asked for an address: it isn't known to have it, from us or from another program.
    func mustRequest(for placed: PlacedAddress, _ owner: InstanceID) -> Bool {
        let key = placed.key
        if let entry = ledger[key] {
            return entry.phase == .missing || entry.phase == .withdrawing || entry.owner == nil
        }
        guard let obstacle = interfaces.obstacle(to: key) else { return true }
        // What is about to go is in nobody's way: the kernel does one thing after the other.
        return ledger[obstacle.key] != nil || isBeingRemoved(obstacle.key)
    }

    /// True until the kernel has reported an address that we have removed.
    func isBeingRemoved(_ key: AddressKey) -> Bool { expectedRemovals[key] != nil }

    /// Takes in the notification of a removal. - Returns: whether it was ours.
    mutating func takeExpectedRemoval(of key: AddressKey) -> Bool {
        guard let count = expectedRemovals[key] else { return false }
        expectedRemovals[key] = count > 1 ? count - 1 : nil
        return true
    }

    /// Notifications were lost: those of removals that the kernel has answered for don't come any more.
    mutating func forgetExpectedRemovals() {
        expectedRemovals = [:]
        for work in tickets.values where work.added == nil {
            for key in work.keys { expectedRemovals[key, default: 0] += 1 }
        }
    }

    /// True while the kernel is asked for a withdrawal, or is to be requested again.
    var owesWithdrawals: Bool { ledger.orphanCount > 0 || tickets.values.contains { $0.added == nil } }

    /// The kernel hasn't let go addresses whose instance is gone.
    mutating func retryStaleAddresses(at moment: Instant) { staleAddressesAt = min(staleAddressesAt, moment) }

    /// Asks again for what is left behind.
    mutating func retryStaleAddresses(into actions: inout [Action]) {
        staleAddressesAt = .never
        let again = ledger.keys(of: nil).filter { ledger[$0]?.phase != .withdrawing }
        guard !again.isEmpty else { return }
        withdraw(KernelWork(instance: nil, generation: 0, keys: again), into: &actions)
    }

    /// The kernel has answered: what it has is noted, whatever is wanted by now.
    mutating func complete(_ ticket: UInt64, _ answer: inout KernelAnswer, at now: Instant) -> KernelWork? {
        guard let work = tickets.removeValue(forKey: ticket), work.keys.count == answer.results.count else {
            return nil
        }
        if work.added != nil {
            for (place, key) in work.keys.enumerated() where answer.results[place] == .existed && isInOurWay(key) {
                answer.results[place] = .refused(addressExists)
            }
        }
        for (key, result) in zip(work.keys, answer.results) {
            if work.added != nil {
                noteAdded(key, result, ticket)
            } else {
                noteRemoved(key, result, ticket)
            }
        }
        if work.added == nil {
            for network in work.networks {
                withdrawals[network]?.underWay -= 1
                withdrawals[network]?.until = now + withdrawalEcho
            }
            forgetWithdrawals(at: now)
            if work.instance == nil, ledger.orphanCount > 0 { retryStaleAddresses(at: now + kernelRetryDelay) }
        }
        // The room that a takeover of all instances needed isn't kept.
        if tickets.isEmpty { tickets = [:] }
        return work
    }

    /// True if what the kernel has instead of an address is ours, with a length or a peer that isn't wanted any more:
    /// it is on its way out, and doesn't serve.
    private func isInOurWay(_ key: AddressKey) -> Bool {
        guard let other = interfaces.obstacle(to: key)?.key, other != key else { return false }
        return ledger[other] != nil || isBeingRemoved(other)
    }

    /// Without an entry the interface has gone meanwhile; with another ticket something else was requested since.
    private mutating func noteAdded(_ key: AddressKey, _ result: AddressResult, _ ticket: UInt64) {
        guard let entry = ledger[key], entry.ticket == ticket, case .requested(let isNew) = entry.phase else { return }
        if entry.mayBeGone, interfaces.address(key) == nil, !result.isRefusal { return ledger.set(.missing, of: key) }
        switch result {
        case .done: ledger.confirm(key, isAdded: true)
        case .existed, .absent, .endless:
            // Not this one, then, but what excludes it, of another program.
            let isAnother = interfaces.obstacle(to: key).map { $0.key != key } ?? false
            if isNew || isAnother { ledger.end(key) } else { ledger.confirm(key, isAdded: false) }
        case .refused where isNew: ledger.end(key)
        case .refused:
            // Its other form may be there still, when the removal of that was refused, too.
            ledger.set(interfaces.address(key) == nil || isBeingRemoved(key) ? .missing : .present, of: key)
        }
    }

    private mutating func noteRemoved(_ key: AddressKey, _ result: AddressResult, _ ticket: UInt64) {
        let isCurrent = ledger[key]?.ticket == ticket
        switch result {
        case .done, .existed, .endless:
            // Its notification may still be on its way.
            if isBeingRemoved(key) { interfaces.remove(key) }
            if isCurrent { ledger.end(key) }
        case .absent:
            _ = takeExpectedRemoval(of: key)
            if isCurrent { ledger.end(key) }
        case .refused:
            _ = takeExpectedRemoval(of: key)
            // It may have gone another way meanwhile.
            if isCurrent { ledger.set(interfaces.address(key) == nil ? .missing : .present, of: key) }
        }
    }

    /// Networks come and go with configurations. Looked through only when they have doubled: a takeover of thousands
    /// of networks mustn't look through all for each.
    private mutating func forgetWithdrawals(at now: Instant) {
        guard withdrawals.count >= withdrawalsKept else { return }
        withdrawals = withdrawals.filter { $1.underWay > 0 || $1.until > now }
        withdrawalsKept = max(64, 2 * withdrawals.count)
    }

    /// True if the loss of this address may come from a withdrawal of ours: that of its network's first address.
    func hasWithdrawn(beside key: AddressKey, at now: Instant) -> Bool {
        guard let network = InterfaceSubnet(key), let found = withdrawals[network] else { return false }
        return found.underWay > 0 || found.until > now
    }

    mutating func notification(
        _ trigger: NotifyTrigger, of subject: NotificationSubject, priority: Priority
    ) -> Notification {
        lastNotification &+= 1
        return Notification(sequence: lastNotification, subject: subject, trigger: trigger, priority: priority)
    }

    /// Moves everything that is kept by instance number to the new numbers.
    mutating func renumber(_ map: [InstanceID?]) {
        var moved = DeadlineHeap()
        for (old, new) in map.enumerated() {
            guard let new else { continue }
            for kind in TimerKind.allCases {
                if let deadline = deadline(of: kind, of: old) { moved.set(Self.timer(kind, of: new), to: deadline) }
            }
        }
        timers = moved
        tickets = tickets.mapValues { work in
            var work = work
            work.instance = work.instance.flatMap { map[$0] }
            return work
        }
        renewals = renewals.mapValues { renewal in
            var renewal = renewal
            renewal.instance = renewal.instance.flatMap { map[$0] }
            return renewal
        }
        ledger.renumber(map)
        announcer.renumber(map)
    }
}
