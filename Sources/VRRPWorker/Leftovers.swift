import Base
import Configuration
import Kernel
import Reactor
import VRRP

/// Virtual addresses that are marked as ours and that no running worker owns: a predecessor died with them.
enum Leftovers {
    /// Removes those that this configuration names, except what a resuming MASTER claims, by interface. An address of
    /// another instance of hasupd has the same mark and is left alone, and so is an unmarked one: it was there before us
    /// (docs/decisions.md, D14).
    static func remove(
        of model: ConfigurationModel, except claimed: Set<InstanceID>, links: [Link],
        through connection: RouteConnection
    ) throws(SystemError) {
        let marked = try connection.markedAddresses()
        guard !marked.isEmpty else { return }
        let virtual = model.virtualAddresses
        let claims = model.addresses(of: claimed)
        let names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        let orphans = marked.filter { address in
            guard virtual.contains(address.address) else { return false }
            return names[address.interfaceIndex].map { claims[$0]?.contains(address.address) != true } ?? true
        }
        let leftovers = orphans.map {
            InterfaceAddress($0, interfaceName: "interface \($0.interfaceIndex)")
        }
        guard !leftovers.isEmpty else { return }
        var outcomes: [AddressOutcome] = leftovers.map { _ in .pending }
        connection.withdraw(leftovers, into: &outcomes)
    }
}

extension ConfigurationModel {
    /// The virtual addresses of these instances, by interface.
    public func addresses(of claimed: Set<InstanceID>) -> [String: Set<IPAddress>] {
        var found: [String: Set<IPAddress>] = [:]
        for id in claimed {
            for address in instances[id].virtualAddresses + instances[id].excludedAddresses {
                found[address.interface ?? instances[id].interface, default: []].insert(address.prefix.address)
            }
        }
        return found
    }

    /// All virtual addresses, carried or excluded.
    var virtualAddresses: Set<IPAddress> {
        Set(instances.flatMap { $0.virtualAddresses + $0.excludedAddresses }.map(\.prefix.address))
    }
}
