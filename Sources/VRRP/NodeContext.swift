import Base
import Configuration

/// Wait before work that the kernel refused is asked for again.
let kernelRetryDelay = Interval.seconds(1)

/// Timers of one instance.
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
    /// Kernel work that was refused is asked for again.
    case kernelRetry

    /// How many there are. `allCases.count` would build an array each time a timer is set.
    static let count = TimerKind.kernelRetry.rawValue + 1
}

/// What a ticket stands for while the kernel works.
struct KernelWork {
    /// Nil when the instance is gone.
    var instance: InstanceID?
    /// The instance's generation when it asked: an answer to an older one changes no decision.
    var generation: UInt64
    var addresses: [VirtualAddress]
    /// The instance's interface, for addresses that name none: it outlives the instance.
    var interface: String
    var isInstall: Bool

    /// The networks of its addresses, each once.
    var networks: Set<LinkNetwork> { Set(addresses.compactMap { LinkNetwork($0, on: interface) }) }
}

/// An IPv4 network on an interface: its addresses may share the fate of its first one (`__inet_del_ifa`).
struct LinkNetwork: Hashable {
    var interface: String
    var network: IPAddress
    var length: Int

    /// Nil for an address that has no siblings: IPv6, or alone in its network.
    init?(_ address: VirtualAddress, on interface: String) {
        length = address.prefix.length
        guard address.prefix.address.family == .ipv4, length < 32 else { return nil }
        self.interface = address.interface ?? interface
        network = (address.peer?.address ?? address.prefix.address).masked(to: length)
    }
}

/// How long after the kernel's answer the news of what a withdrawal took away with it may still come.
private let withdrawalEcho = Interval.seconds(1)

/// What all virtual routers of a node share.
struct NodeContext {
    var timers = DeadlineHeap()
    var announcer = Announcer()
    var interfaces: [String: InterfaceState] = [:]
    /// End of vrrp_startup_delay: nothing is sent or judged before.
    var startsAt = Instant(nanoseconds: .min)
    /// Addresses of removed instances that the kernel hasn't let go yet, each with its interface, and when they are
    /// asked for again: nothing may stay behind because its owner has left the configuration.
    private(set) var leftovers: [VirtualAddress] = []
    private(set) var leftoversAt = Instant.never
    private var tickets: [UInt64: KernelWork] = [:]
    private var lastTicket: UInt64 = 0
    /// Networks that we take or have just taken addresses out of: work under way, and until when its echo may come.
    private var withdrawals: [LinkNetwork: (underWay: Int, until: Instant)] = [:]
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

    mutating func issueTicket(for work: KernelWork) -> UInt64 {
        lastTicket += 1
        tickets[lastTicket] = work
        if !work.isInstall {
            for network in work.networks { withdrawals[network, default: (0, .never)].underWay += 1 }
        }
        return lastTicket
    }

    /// Whether the kernel is asked for a withdrawal, or is to be asked again.
    var owesWithdrawals: Bool { !leftovers.isEmpty || tickets.values.contains { !$0.isInstall } }

    /// Withdrawals that failed, of an instance that is gone.
    mutating func leave(_ addresses: [VirtualAddress], on interface: String, at now: Instant) {
        for var address in addresses {
            address.interface = address.interface ?? interface
            if !leftovers.contains(address) { leftovers.append(address) }
        }
        if !leftovers.isEmpty { leftoversAt = now + kernelRetryDelay }
    }

    /// An address reduced to what it is known by: itself and its interface, without the options it was added with.
    static func place(of address: VirtualAddress, _ interface: String) -> VirtualAddress {
        var place = VirtualAddress(prefix: Prefix(host: address.prefix.address))
        place.interface = address.interface ?? interface
        return place
    }

    /// Asks again for what is left behind, except what a MASTER of today holds.
    mutating func retryLeftovers(except held: Set<VirtualAddress>, into actions: inout [Action]) {
        let again = leftovers.filter { !held.contains(Self.place(of: $0, "")) }
        leftovers = []
        leftoversAt = .never
        guard !again.isEmpty else { return }
        let work = KernelWork(instance: nil, generation: 0, addresses: again, interface: "", isInstall: false)
        actions.append(.withdrawLeftover(again, ticket: issueTicket(for: work)))
    }

    mutating func redeem(_ ticket: UInt64, at now: Instant) -> KernelWork? {
        let work = tickets.removeValue(forKey: ticket)
        if let work, !work.isInstall {
            for network in work.networks {
                withdrawals[network]?.underWay -= 1
                withdrawals[network]?.until = now + withdrawalEcho
            }
            forgetWithdrawals(at: now)
        }
        // The room that a takeover of all instances needed isn't kept.
        if tickets.isEmpty { tickets = [:] }
        return work
    }

    /// Networks come and go with configurations. Looked through only when they have doubled: a takeover of thousands
    /// of networks mustn't look through all for each.
    private mutating func forgetWithdrawals(at now: Instant) {
        guard withdrawals.count >= withdrawalsKept else { return }
        withdrawals = withdrawals.filter { $1.underWay > 0 || $1.until > now }
        withdrawalsKept = max(64, 2 * withdrawals.count)
    }

    /// Whether the loss of this address may come from a withdrawal of ours: that of its network's first address.
    func hasWithdrawn(beside address: VirtualAddress, on interface: String, at now: Instant) -> Bool {
        guard let network = LinkNetwork(address, on: interface), let found = withdrawals[network] else { return false }
        return found.underWay > 0 || found.until > now
    }

    mutating func notification(_ trigger: NotifyTrigger, of instance: InstanceID, priority: Priority) -> Notification {
        lastNotification &+= 1
        return Notification(sequence: lastNotification, instance: instance, trigger: trigger, priority: priority)
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
        announcer.renumber(map)
    }
}
