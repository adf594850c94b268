import Base
import Configuration

/// Which addresses with our mark a worker has left behind that is gone: those that the configuration names or one before
/// it that a worker may have run, except what a resuming MASTER claims (docs/decisions.md, D14). An address of another
/// instance of hasupd has the same mark, and is none of these.
public struct LeftBehind: Sendable {
    private let named: Set<IPAddress>
    private let claims: [String: Set<IPAddress>]

    /// - Parameters:
    ///   - formers: configurations of which something may still be in the kernel.
    ///   - claimed: the instances of `model` whose addresses stay.
    public init(_ model: ConfigurationModel, formers: [ConfigurationModel], claimed: Set<InstanceID>) {
        named = formers.reduce(into: model.addressesOfAll) { $0.formUnion($1.addressesOfAll) }
        claims = model.addresses(of: claimed)
    }

    /// Whether a marked address is one of them; the interface's name is nil when it isn't known.
    public func contains(_ address: IPAddress, on interface: String?) -> Bool {
        guard named.contains(address) else { return false }
        return interface.map { claims[$0]?.contains(address) != true } ?? true
    }
}

extension ConfigurationModel {
    /// The virtual addresses of these instances, carried or excluded, by interface.
    public func addresses(of claimed: some Sequence<InstanceID>) -> [String: Set<IPAddress>] {
        var found: [String: Set<IPAddress>] = [:]
        for id in claimed {
            for address in instances[id].virtualAddresses + instances[id].excludedAddresses {
                found[address.interface ?? instances[id].interface, default: []].insert(address.prefix.address)
            }
        }
        return found
    }

    /// All virtual addresses, carried or excluded.
    public var addressesOfAll: Set<IPAddress> {
        Set(instances.flatMap { $0.virtualAddresses + $0.excludedAddresses }.map(\.prefix.address))
    }
}
