import Base
import ConfigurationModel

/// A burst that isn't over, as a snapshot keeps it.
struct PendingBurst {
    var instance: InstanceID
    var interface: String
    var addresses: [VirtualAddress]
    var rounds: Int
    var next: Int
    var order: UInt64
    /// The earliest time of the lane's next frame.
    var notBefore: Instant
}

/// Queues of gratuitous ARPs and neighbour advertisements, one per interface and family, so that an advertisement never
/// waits for 500 addresses to be announced (pain point T9). A burst goes round by round, all addresses once and then
/// again, and bursts of several instances take turns.
struct Announcer: Sendable {
    /// Frames that leave in one turn when the gap isn't configured. At one turn a millisecond, the first round of 500
    /// addresses takes 16 ms, and an advertisement never waits for more than these.
    static let framesPerTurnMax = 32
    /// The share of a turn that a repetition's frame takes. Repetitions aren't urgent: at the first round's pace they
    /// would keep a processor from the kernel's own threads (ksoftirqd), which carry the advertisements.
    private static let costOfRepetition = 4
    private static let turn = Interval.milliseconds(1)

    /// vrrp_garp_interval and vrrp_gna_interval.
    var garpInterval = Interval.zero
    var gnaInterval = Interval.zero

    private struct LaneKey: Hashable {
        var interface: String
        var family: AddressFamily
    }

    private struct Burst {
        var instance: InstanceID
        var addresses: [VirtualAddress]
        var rounds: Int
        var next = 0
        /// Counts up, in the order of the asking.
        var order: UInt64
        /// True when each address was announced once.
        var isRepetition = false
    }

    private struct Lane {
        var interface: String
        var family: AddressFamily
        var queue: [Burst] = []
        var notBefore = Instant(nanoseconds: .min)
    }

    private var lanes: [Lane] = []
    private var numbers: [LaneKey: Int] = [:]
    private var due = DeadlineHeap()
    private var lastOrder: UInt64 = 0

    /// The time at which the next frames are to leave.
    var deadline: Instant { due.first?.deadline ?? .never }

    /// Queues this many rounds. A burst for the same addresses that still waits is prolonged, not doubled, which
    /// bounds the queue.
    mutating func announce(
        _ addresses: [VirtualAddress], of instance: InstanceID, on interface: String, rounds: Int, at now: Instant
    ) {
        guard rounds > 0 else { return }
        var byLane: [(lane: Int, addresses: [VirtualAddress])] = []
        for address in addresses {
            let number = lane(address.interface ?? interface, address.prefix.address.family)
            if let place = byLane.firstIndex(where: { $0.lane == number }) {
                byLane[place].addresses.append(address)
            } else {
                byLane.append((number, [address]))
            }
        }
        for (number, addresses) in byLane {
            let waiting = lanes[number].queue.firstIndex { $0.instance == instance && $0.addresses == addresses }
            if let waiting {
                lanes[number].queue[waiting].rounds = max(lanes[number].queue[waiting].rounds, rounds)
                lanes[number].queue[waiting].isRepetition = false
            } else {
                lastOrder &+= 1
                lanes[number].queue.append(
                    Burst(instance: instance, addresses: addresses, rounds: rounds, order: lastOrder))
            }
            due.set(number, to: max(now, lanes[number].notBefore))
        }
    }

    /// Appends what may leave now.
    mutating func run(at now: Instant, into actions: inout [Action]) {
        while let number = due.popDue(at: now) {
            let interval = lanes[number].family == .ipv4 ? garpInterval : gnaInterval
            var left = Self.framesPerTurn(interval)
            while left > 0, let burst = lanes[number].queue.first {
                actions.append(next(in: number))
                left -= interval <= .zero && burst.isRepetition ? Self.costOfRepetition : 1
            }
            lanes[number].notBefore = now + max(interval, Self.turn)
            if lanes[number].queue.isEmpty {
                // The room that a burst of all instances needed isn't kept.
                lanes[number].queue = []
            } else {
                due.set(number, to: lanes[number].notBefore)
            }
        }
    }

    /// Returns an instance's bursts that aren't over, at most this many.
    func pending(_ instance: InstanceID, most: Int = .max) -> [PendingBurst] {
        guard due.count > 0 else { return [] }
        var found: [PendingBurst] = []
        for lane in lanes {
            for burst in lane.queue where burst.instance == instance {
                guard found.count < most else { return found }
                found.append(
                    PendingBurst(
                        instance: instance, interface: lane.interface, addresses: burst.addresses, rounds: burst.rounds,
                        next: burst.next, order: burst.order, notBefore: lane.notBefore))
            }
        }
        return found
    }

    /// Goes on with what a predecessor had begun; to be called in the bursts' order.
    mutating func resume(_ burst: PendingBurst, at now: Instant) {
        guard let first = burst.addresses.first, burst.next < burst.addresses.count, burst.rounds > 0 else { return }
        let number = lane(burst.interface, first.prefix.address.family)
        // A lane never waits for longer than its gap.
        let gap = max(lanes[number].family == .ipv4 ? garpInterval : gnaInterval, Self.turn)
        lanes[number].notBefore = max(lanes[number].notBefore, min(burst.notBefore, now + gap))
        lastOrder = max(lastOrder, burst.order)
        lanes[number].queue.append(
            Burst(
                instance: burst.instance, addresses: burst.addresses, rounds: burst.rounds, next: burst.next,
                order: burst.order))
        due.set(number, to: max(now, lanes[number].notBefore))
    }

    /// Forgets what waits for this instance: it doesn't own its addresses any more.
    mutating func cancel(_ instance: InstanceID) {
        edit { $0.instance == instance ? nil : $0 }
    }

    /// Forgets these addresses of this instance.
    mutating func cancel(_ addresses: Set<VirtualAddress>, of instance: InstanceID) {
        edit { burst in
            guard burst.instance == instance else { return burst }
            var kept = burst
            kept.addresses.removeAll { addresses.contains($0) }
            if kept.addresses.count != burst.addresses.count { kept.next = 0 }
            return kept.addresses.isEmpty ? nil : kept
        }
    }

    /// Follows a renumbering; what waits for removed instances is forgotten.
    mutating func renumber(_ map: [InstanceID?]) {
        edit { burst in
            guard let moved = map[burst.instance] else { return nil }
            var kept = burst
            kept.instance = moved
            return kept
        }
    }

    private mutating func edit(_ change: (Burst) -> Burst?) {
        for number in lanes.indices where !lanes[number].queue.isEmpty {
            lanes[number].queue = lanes[number].queue.compactMap(change)
            if lanes[number].queue.isEmpty { due.set(number, to: nil) }
        }
    }

    private mutating func next(in number: Int) -> Action {
        let burst = lanes[number].queue[0]
        let action = Action.announce(burst.instance, burst.addresses[burst.next])
        lanes[number].queue[0].next += 1
        if burst.next + 1 == burst.addresses.count {
            var done = lanes[number].queue.removeFirst()
            done.next = 0
            done.rounds -= 1
            done.isRepetition = true
            lastOrder &+= 1
            done.order = lastOrder
            if done.rounds > 0 { lanes[number].queue.append(done) }
        }
        return action
    }

    private mutating func lane(_ interface: String, _ family: AddressFamily) -> Int {
        let key = LaneKey(interface: interface, family: family)
        if let number = numbers[key] { return number }
        lanes.append(Lane(interface: interface, family: family))
        numbers[key] = lanes.count - 1
        return lanes.count - 1
    }

    /// A gap below one turn is kept on average, several frames a turn: a wake-up for each would cost more than it
    /// gives.
    private static func framesPerTurn(_ interval: Interval) -> Int {
        if interval <= .zero { return framesPerTurnMax }
        if interval >= turn { return 1 }
        return Int(min(Int64(framesPerTurnMax), max(1, turn.nanoseconds / interval.nanoseconds)))
    }
}
