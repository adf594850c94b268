import Base
import Configuration
import Kernel
import Reactor

/// Virtual addresses that are marked as ours and that no running worker owns: a predecessor died with them.
enum Leftovers {
    /// Removes those that this configuration names. An address of another instance of hasupd has the same mark and is
    /// left alone, and so is an unmarked one: it was there before us (docs/decisions.md, D14).
    static func remove(of model: ConfigurationModel, through connection: RouteConnection) throws(SystemError) {
        let marked = try connection.markedAddresses()
        guard !marked.isEmpty else { return }
        let virtual = model.virtualAddresses
        let leftovers = marked.filter { virtual.contains($0.address) }.map {
            InterfaceAddress($0, interfaceName: "interface \($0.interfaceIndex)")
        }
        var outcomes: [AddressOutcome] = leftovers.map { _ in .pending }
        connection.withdraw(leftovers, into: &outcomes)
    }
}

extension ConfigurationModel {
    /// All virtual addresses, carried or excluded.
    var virtualAddresses: Set<IPAddress> {
        Set(instances.flatMap { $0.virtualAddresses + $0.excludedAddresses }.map(\.prefix.address))
    }
}
