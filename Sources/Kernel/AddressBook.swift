import Base
import Glibc
import Reactor

/// What has become of an address that was to be added or removed. No text in it, so that it crosses from one thread to
/// the other without an allocation.
public enum AddressOutcome: Hashable, Sendable {
    /// It wasn't there; now it is, marked as ours.
    case added
    /// It was there and is ours; its lifetime was renewed if it has one.
    case alreadyOurs
    /// It was there, and not from us: it is left as it is, and `remove` will not touch it.
    case alreadyForeign
    /// It was ours and is gone.
    case removed
    /// It wasn't there.
    case absent
    /// It is there, and not from us: left where it is.
    case keptForeign
    /// The kernel refused, with this error number.
    case failed(errno: Int32)
    /// Not done yet.
    case pending

    /// What an answer to RTM_DELADDR means.
    init(deletion code: Int32) {
        self =
            switch code {
            case 0: .removed
            // Gone in between, or gone with its interface.
            case EADDRNOTAVAIL, ENOENT, ENODEV: .absent
            default: .failed(errno: code)
            }
    }

    /// Whether nothing of ours is left.
    public var isWithdrawn: Bool { self == .removed || self == .absent || self == .keptForeign }
}

/// What adding one address has led to.
public enum AddResult: Hashable, Sendable {
    /// It wasn't there.
    case added
    /// It was there, from us.
    case alreadyOurs
    /// It was there, from somebody else.
    case alreadyForeign
}

/// Which of the kernel's entries an address is: IPv4 may have one address with two lengths, IPv6 may not.
struct AddressKey: Hashable {
    let interfaceIndex: Int32
    let address: IPAddress
    let prefixLength: UInt8

    init(_ address: InterfaceAddress) {
        interfaceIndex = address.interfaceIndex
        self.address = address.address
        prefixLength = address.address.family == .ipv4 ? address.prefixLength : 0
    }

    init(_ known: LinkAddress) {
        interfaceIndex = known.interfaceIndex
        address = known.address
        prefixLength = known.address.family == .ipv4 ? known.prefixLength : 0
    }
}

/// Addresses: ours are told from others' by their mark, so that nothing is removed that we haven't added
/// (docs/decisions.md, D14). On a kernel without marks it is what this connection has added, or was told by `claim`.
extension RouteConnection {
    /// Puts one address on its interface. - Throws: `SystemError`: `can't add 10.0.0.1/24 to eth0: …`.
    @discardableResult
    public func add(_ address: InterfaceAddress) throws(SystemError) -> AddResult {
        var outcomes = [AddressOutcome.pending]
        install([address], into: &outcomes)
        switch outcomes[0] {
        case .added: return .added
        case .alreadyOurs: return .alreadyOurs
        case .failed(let code): throw address.error(adding: code)
        default: return .alreadyForeign
        }
    }

    /// Takes one address away if it is ours; one that isn't there is no error. - Returns: whether it was removed.
    /// - Throws: `SystemError`: `can't remove 10.0.0.1/24 from eth0: …`.
    @discardableResult
    public func remove(_ address: InterfaceAddress) throws(SystemError) -> Bool {
        var outcomes = [AddressOutcome.pending]
        withdraw([address], into: &outcomes)
        if case .failed(let code) = outcomes[0] { throw address.error(removing: code) }
        return outcomes[0] == .removed
    }

    /// Takes away what carries our mark of these addresses, by interface; only to be called while no worker lives. Asks
    /// nothing but rtnetlink: a sealed process may call it.
    ///
    /// - Parameter isWanted: asked before each batch; when it says no, the rest stays.
    /// - Returns: what was there and is gone. - Throws: `SystemError`: `can't remove 10.0.0.1/24 from eth0: …`, after the
    /// others were taken away.
    public func withdrawMarked(
        _ named: [String: Set<IPAddress>], while isWanted: () -> Bool = { true }
    ) throws(SystemError) -> [InterfaceAddress] {
        let routes = try snapshot()
        let names = Dictionary(routes.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        let left = routes.addresses.compactMap { address -> InterfaceAddress? in
            guard address.isOurs, let name = names[address.interfaceIndex],
                named[name]?.contains(address.address) == true
            else { return nil }
            return InterfaceAddress(address, interfaceName: name)
        }
        var outcomes: [AddressOutcome] = left.map { _ in .pending }
        withdraw(left, into: &outcomes, while: isWanted)
        for (address, outcome) in zip(left, outcomes) {
            if case .failed(let code) = outcome { throw address.error(removing: code) }
        }
        return zip(left, outcomes).filter { $1 == .removed }.map(\.0)
    }

    /// Puts many addresses on their interfaces, 32 requests to a system call. `outcomes` has one element for each
    /// address and is written in place.
    public func install(_ addresses: [InterfaceAddress], into outcomes: inout [AddressOutcome]) {
        perform(Array(addresses.indices), into: &outcomes) { (index, number, acknowledge, bytes) throws(SystemError) in
            try RouteRequest.appendNew(
                addresses[index], existing: .refuse, sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            $0 == 0 ? .added : $0 == EEXIST ? .pending : .failed(errno: $0)
        }
        if canMark != true { rememberAdded(addresses, outcomes) }
        resolveExisting(addresses, &outcomes)
        let renewals = addresses.indices.filter {
            outcomes[$0] == .alreadyOurs && addresses[$0].validLifetime != nil
        }
        perform(renewals, into: &outcomes) { (index, number, acknowledge, bytes) throws(SystemError) in
            try RouteRequest.appendNew(
                addresses[index], existing: .replace, sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            $0 == 0 ? .alreadyOurs : .failed(errno: $0)
        }
    }

    /// Takes away those of the addresses that are ours, and no others with them. `outcomes` as for `install`.
    /// What `isWanted` says no to, asked before each batch, stays `.pending`.
    public func withdraw(
        _ addresses: [InterfaceAddress], into outcomes: inout [AddressOutcome], while isWanted: () -> Bool = { true }
    ) {
        let owners: [AddressKey: UInt8?]
        var census: NetworkCensus? = NetworkCensus()
        do {
            owners = try readOwners(of: addresses, at: Array(addresses.indices), census: &census)
        } catch {
            for index in addresses.indices { outcomes[index] = .failed(errno: error.code) }
            return
        }
        for (index, address) in addresses.enumerated() {
            let key = AddressKey(address)
            guard let owner = owners[key] else {
                outcomes[index] = .absent
                added.remove(key)
                continue
            }
            outcomes[index] = isOurs(key, owner) ? .pending : .keptForeign
        }
        let ours = addresses.indices.filter { outcomes[$0] == .pending }
        let guarded = census?.interfacesToGuard(whileRemoving: ours.map { addresses[$0] }) ?? []
        perform(
            ours.filter { !guarded.contains(addresses[$0].interfaceIndex) }, into: &outcomes, while: isWanted
        ) { (index, number, acknowledge, bytes) throws(SystemError) in
            try RouteRequest.appendDelete(addresses[index], sequence: number, acknowledge: acknowledge, to: &bytes)
        } outcome: {
            AddressOutcome(deletion: $0)
        }
        for interface in guarded.sorted() where isWanted() {
            delete(addresses, at: ours.filter { addresses[$0].interfaceIndex == interface }, on: interface, &outcomes)
        }
        if !added.isEmpty {
            for index in ours where outcomes[index].isWithdrawn { added.remove(AddressKey(addresses[index])) }
        }
    }

    /// Sends the requests for these indices in batches and writes what the answers mean.
    private func perform(
        _ indices: [Int], into outcomes: inout [AddressOutcome], while isWanted: () -> Bool = { true },
        request: (Int, UInt32, Bool, inout [UInt8]) throws(SystemError) -> Void,
        outcome: (Int32) -> AddressOutcome
    ) {
        var codes: [Int32] = []
        codes.reserveCapacity(min(indices.count, Self.batchMaximum))
        var start = 0
        while start < indices.count, isWanted() {
            let batch = indices[start..<min(start + Self.batchMaximum, indices.count)]
            do {
                try perform(batch.count, into: &codes) { (place, number, acknowledge, bytes) throws(SystemError) in
                    try request(batch[batch.startIndex + place], number, acknowledge, &bytes)
                }
                for (place, index) in batch.enumerated() { outcomes[index] = outcome(codes[place]) }
            } catch {
                for index in batch { outcomes[index] = .failed(errno: error.code) }
            }
            start += Self.batchMaximum
        }
    }

    /// Tells ours from others' among those that existed (`.pending`).
    private func resolveExisting(_ addresses: [InterfaceAddress], _ outcomes: inout [AddressOutcome]) {
        let existing = addresses.indices.filter { outcomes[$0] == .pending }
        guard !existing.isEmpty else { return }
        do {
            let owners = try readOwners(of: addresses, at: existing)
            for index in existing {
                let key = AddressKey(addresses[index])
                guard let owner = owners[key] else {
                    outcomes[index] = .failed(errno: EEXIST)
                    continue
                }
                outcomes[index] = isOurs(key, owner) ? .alreadyOurs : .alreadyForeign
            }
        } catch {
            for index in existing { outcomes[index] = .failed(errno: error.code) }
        }
    }

    private func isOurs(_ key: AddressKey, _ owner: UInt8?) -> Bool {
        canMark == true ? owner == AddressProtocol.ours : added.contains(key)
    }

    /// Who has added those of the addresses that exist.
    private func readOwners(
        of addresses: [InterfaceAddress], at indices: [Int]
    ) throws(SystemError) -> [AddressKey: UInt8?] {
        var census: NetworkCensus?
        return try readOwners(of: addresses, at: indices, census: &census)
    }

    private func readOwners(
        of addresses: [InterfaceAddress], at indices: [Int], census: inout NetworkCensus?
    ) throws(SystemError) -> [AddressKey: UInt8?] {
        guard let first = indices.first else { return [:] }
        let wanted = Set(indices.map { AddressKey(addresses[$0]) })
        let interface = addresses[first].interfaceIndex
        let single = indices.allSatisfy { addresses[$0].interfaceIndex == interface }
        var owners: [AddressKey: UInt8?] = [:]
        try forEachAddress(on: single ? interface : 0) {
            let key = AddressKey($0)
            if wanted.contains(key) { owners[key] = .some($0.addedBy) }
            census?.count($0)
        } restart: {
            owners = [:]
            if census != nil { census = NetworkCensus() }
        }
        return owners
    }

    /// Reads the first added address back to learn whether marks are kept; if not, remembers what was added.
    private func rememberAdded(_ addresses: [InterfaceAddress], _ outcomes: [AddressOutcome]) {
        guard let first = outcomes.firstIndex(of: .added) else { return }
        if canMark == nil, let owners = try? readOwners(of: addresses, at: [first]),
            let owner = owners[AddressKey(addresses[first])]
        {
            canMark = canMark ?? (owner == AddressProtocol.ours)
        }
        guard canMark != true else { return }
        for index in addresses.indices where outcomes[index] == .added { added.insert(AddressKey(addresses[index])) }
    }
}

extension InterfaceAddress {
    /// `can't add 10.0.0.1/24 to eth0: …`.
    public func error(adding code: Int32) -> SystemError {
        SystemError(code, "add \(self) to \(interfaceName)")
    }

    /// `can't remove 10.0.0.1/24 from eth0: …`.
    public func error(removing code: Int32) -> SystemError {
        SystemError(code, "remove \(self) from \(interfaceName)")
    }
}
