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
}

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

    mutating func redeem(_ ticket: UInt64) -> KernelWork? {
        let work = tickets.removeValue(forKey: ticket)
        // The room that a takeover of all instances needed isn't kept.
        if tickets.isEmpty { tickets = [:] }
        return work
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
