import Base
import Reactor

extension InterfaceSubnet {
    fileprivate init(_ address: InterfaceAddress) {
        self.init(
            interfaceIndex: address.interfaceIndex, address: address.address, length: address.prefixLength,
            peer: address.peer)
    }

    fileprivate init(_ known: LinkAddress) {
        self.init(
            interfaceIndex: known.interfaceIndex, address: known.address, length: known.prefixLength, peer: known.peer)
    }
}

/// The key of an address in the kernel: IPv4 may have one address with two lengths, IPv6 may not.
private struct NetworkMember: Hashable {
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

/// The networks with secondary addresses, which a removal could take away with it.
struct PrefixOwners {
    private var secondaries: [InterfaceSubnet: Int] = [:]
    private var keys: Set<NetworkMember> = []

    /// Takes in one address that exists.
    mutating func count(_ known: LinkAddress) {
        guard known.address.family == .ipv4, known.isSecondary else { return }
        secondaries[InterfaceSubnet(known), default: 0] += 1
        keys.insert(NetworkMember(known))
    }

    /// Interfaces on which the removal of these addresses would take others away with them.
    func interfacesToGuard(whileRemoving addresses: [InterfaceAddress]) -> Set<Int32> {
        guard !secondaries.isEmpty else { return [] }
        var staying = secondaries
        var losing: Set<InterfaceSubnet> = []
        for address in addresses where address.address.family == .ipv4 {
            let network = InterfaceSubnet(address)
            if keys.contains(NetworkMember(address)) {
                staying[network, default: 0] -= 1
            } else {
                losing.insert(network)
            }
        }
        return Set(losing.filter { staying[$0, default: 0] > 0 }.map(\.interfaceIndex))
    }
}

extension RouteConnection {
    /// Removes addresses of which some have secondaries that stay: those are promoted, whatever the interface's
    /// promote_secondaries says. Where it is off it goes on for the length of the datagram, which the kernel works
    /// through even if this process dies: the setting isn't changed for longer. Where that is refused, the secondaries
    /// go, and their owners put them back.
    func delete(
        _ addresses: [InterfaceAddress], at indices: [Int], on interfaceIndex: Int32,
        _ outcomes: inout [AddressOutcome]
    ) {
        let isPromoting = (try? promotesSecondaries(on: interfaceIndex)) ?? true
        let around = isPromoting ? 0 : 1
        var codes: [Int32] = []
        var start = 0
        while start < indices.count {
            let batch = indices[start..<min(start + Self.batchMaximum - 2, indices.count)]
            start = batch.endIndex
            do throws(SystemError) {
                try perform(batch.count + 2 * around, into: &codes) {
                    (place, number, acknowledge, bytes) throws(SystemError) in
                    guard batch.indices.contains(batch.startIndex + place - around) else {
                        return try RouteRequest.appendPromotion(
                            place == 0, interfaceIndex: interfaceIndex, sequence: number, acknowledge: acknowledge,
                            to: &bytes)
                    }
                    try RouteRequest.appendDelete(
                        addresses[batch[batch.startIndex + place - around]], sequence: number,
                        acknowledge: acknowledge, to: &bytes)
                }
                for (place, index) in batch.enumerated() {
                    outcomes[index] = AddressOutcome(deletion: codes[place + around])
                }
            } catch {
                for index in batch { outcomes[index] = .failed(errno: error.code) }
            }
        }
    }
}
