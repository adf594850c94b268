import Base
import ConfigurationModel

/// An instance's addresses by their state in the kernel: status shows them, and they decide whether a MASTER stays one.
struct ServedAddresses {
    /// There, and ours.
    var installed: [IPAddress] = []
    /// There, and not from us: they serve, and aren't withdrawn.
    var foreign: [IPAddress] = []
    /// Their interface doesn't exist.
    var waiting: [IPAddress] = []
    /// Refused, or another machine's.
    var unusable: [UnusableAddress] = []
    var usable = 0
    /// The number that the kernel hasn't answered for.
    var undecided = 0
}

extension VirtualRouter {
    func served(_ context: NodeContext) -> ServedAddresses {
        var served = ServedAddresses()
        let failures = Dictionary(refused.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        for address in allAddresses {
            let plain = address.prefix.address
            guard let key = place(of: address, context)?.key else {
                served.waiting.append(plain)
                continue
            }
            let there = context.interfaces.obstacle(to: key)
            if there?.flags.contains(.duplicate) == true {
                served.unusable.append(UnusableAddress(plain, code: 0))
                continue
            }
            if let entry = context.ledger[key] {
                if entry.phase == .present {
                    served.installed.append(plain)
                    if there?.flags.contains(.tentative) == true { served.undecided += 1 } else { served.usable += 1 }
                } else if let failure = failures[plain] {
                    served.unusable.append(failure)
                    // It is being tried again.
                    if case .requested = entry.phase { served.undecided += 1 }
                } else if entry.owner == id || entry.phase != .missing {
                    served.undecided += 1
                }
            } else if there != nil {
                served.foreign.append(plain)
                served.usable += 1
            } else if let failure = failures[plain] {
                served.unusable.append(failure)
            }
        }
        return served
    }

    /// True if one of its addresses can be used. Asked at each notification of the kernel, so it stops at the first
    /// one: of thousands that come and go one by one, all would be looked at each time.
    private func hasUsableAddress(_ context: NodeContext) -> Bool {
        func isUsable(_ address: VirtualAddress) -> Bool {
            guard let key = place(of: address, context)?.key else { return false }
            let there = context.interfaces.obstacle(to: key)
            if there?.flags.contains(.duplicate) == true { return false }
            guard let entry = context.ledger[key] else { return there != nil }
            return entry.phase == .present && there?.flags.contains(.tentative) != true
        }
        return settings.virtualAddresses.contains(where: isUsable)
            || settings.excludedAddresses.contains(where: isUsable)
    }

    /// True if the kernel has an address: what isn't there isn't announced.
    func isPresent(_ address: VirtualAddress, _ context: NodeContext) -> Bool {
        guard let key = place(of: address, context)?.key else { return false }
        if let entry = context.ledger[key] { return entry.phase == .present }
        return context.interfaces.obstacle(to: key) != nil
    }

    /// The longest wait before a node that could use none of its addresses tries again.
    static let retryWaitMax = Interval.seconds(60)

    /// A MASTER that can use none of its addresses serves nobody: a peer is to try. One without addresses by
    /// configuration serves all the same.
    mutating func checkServing(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard state == .master, isInstalled, !hasUsableAddress(context) else { return }
        let served = served(context)
        let worst = served.unusable.first ?? served.waiting.first.map { UnusableAddress($0, code: noSuchDevice) }
        guard served.usable == 0, served.undecided == 0, let worst else { return }
        // A minute with an address, and the waits begin anew.
        if now - since >= Self.retryWaitMax { retries = 0 }
        let wait = min(Interval.seconds(1 << Int64(min(retries, 6))), Self.retryWaitMax)
        retries = min(retries + 1, 6)
        let fault = Fault.addressesUnusable(worst.address, code: worst.code)
        unserved = fault
        enterFault(fault, at: now, &context, into: &actions)
        faults = [fault]
        retryAt = now + wait
        context.set(.retryAddresses, of: id, to: retryAt)
    }

    /// Something has changed that the kernel's refusal may have depended on, or its time is over: try again.
    mutating func retryAddresses(at now: Instant, _ context: inout NodeContext, into actions: inout [Action]) {
        guard unserved != nil else { return }
        unserved = nil
        retryAt = .never
        context.set(.retryAddresses, of: id, to: nil)
        reassess(previousDown: masterDownInterval, at: now, &context, into: &actions)
    }

    // MARK: Foreign addresses

    /// Returns the virtual addresses that this node has and hasn't added: unless it is MASTER, two machines may have
    /// them, and when a MASTER yields they stay. An address owner's are the machine's own.
    func foreignAddresses(_ context: NodeContext) -> [ForeignAddress] {
        guard settings.priority != .owner else { return [] }
        return allAddresses.flatMap { address in
            context.interfaces.all(address.prefix.address).compactMap { foreignAddress($0, of: address, context) }
        }
    }

    private func foreignAddress(
        _ address: KernelAddress, of wanted: VirtualAddress, _ context: NodeContext
    ) -> ForeignAddress? {
        guard context.ledger[address.key] == nil, !context.isBeingRemoved(address.key),
            let interface = context.interfaces.state(of: address.key.interfaceIndex),
            let prefix = Prefix(address.key)
        else { return nil }
        let isInPlace = interface.name == self.interface(of: wanted)
        return ForeignAddress(
            prefix, interface: interface.name, isSilent: interface.isSilent, addedBy: address.addedBy,
            hasLifetime: address.flags.contains(.limited),
            atStart: isInPlace ? address.atStart(adoptsLeftovers: context.adoptsLeftovers) : .stays)
    }

    /// Reports foreign addresses, each once for as long as it is there, and the end of those that were reported. A
    /// MASTER serves by them.
    mutating func reportForeignAddresses(_ context: NodeContext, into actions: inout [Action]) {
        guard state != .master else { return }
        let found = foreignAddresses(context)
        for address in found where !reportedForeignAddresses.contains(address) {
            actions.append(.observe(.foreignAddressFound(id, address)))
        }
        let places = Set(found.map(\.place))
        for address in reportedForeignAddresses where !places.contains(address.place) {
            actions.append(.observe(.foreignAddressGone(id, address.place)))
        }
        reportedForeignAddresses = found
    }

    /// A MASTER has ended: what it served by and hadn't added stays.
    mutating func reportStayingAddresses(_ context: NodeContext, into actions: inout [Action]) {
        reportedForeignAddresses = foreignAddresses(context)
        let staying = reportedForeignAddresses.filter { !$0.isSilent }.map(\.place)
        guard !staying.isEmpty else { return }
        let named = Array(staying.prefix(NamedAddress.namedMax))
        actions.append(.observe(.addressesStay(id, named, count: staying.count)))
    }
}

/// ENODEV (errno-base.h).
private let noSuchDevice: Int32 = 19
