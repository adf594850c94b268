import Base
import ConfigurationModel
import Kernel
import Reactor
import VRRP

/// The removal of stale addresses from interfaces: the one way in which a worker that begins, `hasup-withdraw` and a hasupd
/// without a worker find and remove what is in the kernel and has no MASTER (docs/decisions, D12, D14).
package struct StaleAddressRemoval {
    /// The addresses that go, and those that stay.
    package let addresses: StaleAddresses
    private let places: [InterfaceAddress]
    private let outcomes: [AddressOutcome]

    /// Finds the stale addresses of a configuration and of those before it, and removes them.
    ///
    /// - Parameters:
    ///   - previous: configurations before the model of which something may still be in the kernel.
    ///   - routes: what the kernel has.
    ///   - isWanted: asked before each batch; what it says no to stays.
    /// - Throws: `SystemError` when nothing can be removed.
    package init(
        _ model: ConfigurationModel, previous: [ConfigurationModel], _ evidence: StaleAddresses.Evidence,
        _ routes: RouteSnapshot, through connection: RouteConnection, while isWanted: () -> Bool = { true }
    ) throws(SystemError) {
        let names = Dictionary(routes.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        addresses = StaleAddresses(
            model, previous: previous, kernel: routes.addresses.map(KernelAddress.init), interfaces: names, evidence)
        places = addresses.leaving.map {
            InterfaceAddress($0.key, named: names[$0.key.interfaceIndex] ?? "interface \($0.key.interfaceIndex)")
        }
        var outcomes: [AddressOutcome] = places.map { _ in .pending }
        if !places.isEmpty { try connection.withdraw(places, into: &outcomes, while: isWanted) }
        self.outcomes = outcomes
    }

    /// The addresses that were removed.
    package var removed: [InterfaceAddress] { zip(places, outcomes).filter { $1 == .removed }.map(\.0) }

    /// The entries of those that are still there.
    package var stuck: [AddressRecord] { zip(addresses.leaving, outcomes).filter { !$1.isWithdrawn }.map(\.0) }

    /// Throws the kernel's first refusal, if there was one.
    package func requireSuccess() throws(SystemError) {
        for (place, outcome) in zip(places, outcomes) {
            if case .failed(let code) = outcome { throw place.error(removing: code) }
        }
    }
}
