import Base
import ConfigurationModel

/// The lifetime that the addresses of a MASTER have in the kernel (docs/decisions, D16).
struct AddressLease {
    /// The time from which it counts at least: the kernel was asked for the renewal that it did last.
    var renewedAt: Instant?
    /// True while the kernel hasn't answered a renewal. It does one thing after the other, so there is no second one.
    var isUnderWay = false
    /// Addresses that have none, because others would go with them.
    var endless: [IPAddress] = []
    /// The time until which nobody is blamed for a removal: a renewal came when a lease was over.
    var blamelessUntil = Instant(nanoseconds: .min)
    /// The last refusal that was reported.
    var failure = ""
}

/// A renewal of lifetimes that the kernel hasn't answered.
struct LeaseRenewal {
    /// Nil when the instance is gone.
    var instance: InstanceID?
    /// The instance's generation at the request.
    var generation: UInt64
    var requestedAt: Instant
    /// The lifetime that was asked for; nil for none.
    var seconds: Int?
    var keys: [AddressKey]
}

/// Leases: who dies or hangs with all of its processes keeps no address (pain point T6). The loop asks for each renewal, so
/// that a thread can't go on while the loop stands still.
extension VirtualRouter {
    /// The time from one renewal to the next: three fit into a lease, and a successor finds two thirds of it left.
    private static func period(_ seconds: Int) -> Interval { .milliseconds(300) * Int64(seconds) }

    /// The time at which the kernel may have ended the addresses.
    var leaseEndsAt: Instant {
        guard let seconds = settings.addressLease, let renewedAt = lease.renewedAt else { return .never }
        return renewedAt + .seconds(Int64(seconds))
    }

    /// New addresses have their lifetime from the beginning.
    mutating func beginLease(of places: inout [PlacedAddress], at now: Instant, _ context: inout NodeContext) {
        guard let seconds = settings.addressLease else { return }
        for place in places.indices { places[place] = leased(places[place], context) }
        if lease.renewedAt == nil { lease.renewedAt = now }
        guard context.deadline(of: .renewLease, of: id) == nil else { return }
        context.set(.renewLease, of: id, to: now + Self.period(seconds))
    }

    /// The address with its lifetime. The kernel gives the route to an IPv6 prefix the lifetime of the address that was
    /// changed last, also when another one needs the route for good; so it gets none of ours then.
    private func leased(_ placed: PlacedAddress, _ context: NodeContext) -> PlacedAddress {
        var placed = placed
        placed.lease = settings.addressLease
        let prefix = placed.address.prefix
        guard placed.lease != nil, prefix.address.family == .ipv6, prefix.length < 128 else { return placed }
        let network = prefix.address.masked(to: prefix.length)
        if context.interfaces.unmarked(on: interface(of: placed.address)).contains(where: {
            Int($0.key.length) == prefix.length && $0.key.address.masked(to: prefix.length) == network
        }) {
            placed.address.noPrefixRoute = true
        }
        return placed
    }

    /// The timer, or a successor: all addresses of ours that the kernel has. Without the keyword, those that have a
    /// lifetime all the same, because a predecessor died over the reload that has taken it away.
    mutating func renewLease(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, !yieldsAfterLease(at: now, &context, into: &actions) else { return }
        let keys = heldKeys(context).filter {
            settings.addressLease != nil || context.interfaces.address($0)?.flags.contains(.limited) == true
        }
        correctLease(of: keys, at: now, &context, into: &actions)
    }

    /// Gives addresses of ours the lifetime that the settings want, in place.
    mutating func correctLease(
        of keys: [AddressKey], at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) {
        context.set(.renewLease, of: id, to: settings.addressLease.map { now + Self.period($0) })
        guard !lease.isUnderWay else { return }
        let held = Set(keys)
        let places = allAddresses.compactMap { place(of: $0, context) }.filter { placed in
            guard held.contains(placed.key), let entry = context.ledger[placed.key] else { return false }
            return entry.owner == id && entry.phase == .present
        }.map { leased($0, context) }
        guard !places.isEmpty else { return }
        lease.isUnderWay = true
        let renewal = LeaseRenewal(
            instance: id, generation: generation, requestedAt: now, seconds: settings.addressLease,
            keys: places.map(\.key))
        actions.append(
            .renew(
                places, guarded: context.interfacesToGuard(ending: renewal.keys),
                ticket: context.issueTicket(for: renewal)))
    }

    /// The kernel has answered a renewal.
    mutating func renewed(
        _ renewal: LeaseRenewal, _ answer: KernelAnswer, at now: Instant, _ context: inout NodeContext,
        into actions: inout [Action]
    ) {
        guard renewal.generation == generation, state == .master else { return }
        lease.isUnderWay = false
        if answer.results.contains(where: \.isRefusal) {
            if answer.sentence != lease.failure { actions.append(.observe(.kernelFailure(id, answer.sentence))) }
            lease.failure = answer.sentence
            context.set(.renewLease, of: id, to: now + kernelRetryDelay)
        } else {
            lease.failure = ""
            // The notification of what the kernel did before may still come.
            if now >= leaseEndsAt { lease.blamelessUntil = now + .seconds(1) }
            lease.renewedAt = renewal.requestedAt
        }
        let known = Set(lease.endless)
        lease.endless = zip(renewal.keys, answer.results).filter { $1 == .endless }.map(\.0.address)
        if let new = lease.endless.first(where: { !known.contains($0) }) {
            actions.append(.observe(.kernelFailure(id, Self.endless(new))))
        }
        let isLate = renewal.seconds.map { now - renewal.requestedAt >= Self.period($0) } ?? false
        guard isLate || renewal.seconds != settings.addressLease else { return }
        correctLease(of: heldKeys(context), at: now, &context, into: &actions)
    }

    private static func endless(_ address: IPAddress) -> String {
        "\(address) has no lease: other addresses of its network would go with it, because promote_secondaries is off"
    }

    func describeLease(in status: inout InstanceStatus, at now: Instant) {
        guard state == .master, let seconds = settings.addressLease else { return }
        status.addressLease = .seconds(Int64(seconds))
        status.leaseAge = lease.renewedAt?.age(at: now)
        status.endlessAddresses = lease.endless.count
    }

    /// Yields if it has stood still until its lease was over and a peer may have taken over: it would serve again beside the
    /// new one. - Returns: whether it has.
    mutating func yieldsAfterLease(
        at now: Instant, _ context: inout NodeContext, into actions: inout [Action]
    ) -> Bool {
        guard state == .master, now >= leaseEndsAt, now >= peerTakeoverAt else { return false }
        enterBackup(.leaseEnded, at: now, &context, into: &actions)
        return true
    }
}

extension NodeContext {
    /// Interfaces on which the end of these addresses would take others with it that have no lease.
    fileprivate func interfacesToGuard(ending keys: [AddressKey]) -> Set<Int32> {
        let some = interfaces.interfacesToGuard(removing: keys) { _ in false }
        guard !some.isEmpty else { return [] }
        // All of ours end together.
        let others = ledger.entries.keys.filter { key in
            some.contains(key.interfaceIndex) && interfaces.address(key)?.flags.contains(.limited) == true
        }
        return interfaces.interfacesToGuard(removing: Array(Set(keys).union(others))) { _ in false }
    }
}
