import Base
import Configuration
import Kernel
import Reactor
import VRRP

/// Virtual addresses that are marked as ours and that no running worker owns: a predecessor died with them.
enum Leftovers {
    /// Removes what was left behind. An unmarked address is left alone: it was there before us (docs/decisions.md, D14).
    /// - Returns: what the kernel hasn't let go. - Throws: `SystemError`.
    static func remove(
        _ leftBehind: LeftBehind, links: [Link], through connection: RouteConnection
    ) throws(SystemError) -> [VirtualAddress] {
        let marked = try connection.markedAddresses()
        guard !marked.isEmpty else { return [] }
        let names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        let leftovers = marked.filter { leftBehind.contains($0.address, on: names[$0.interfaceIndex]) }.map {
            InterfaceAddress($0, interfaceName: names[$0.interfaceIndex] ?? "interface \($0.interfaceIndex)")
        }
        guard !leftovers.isEmpty else { return [] }
        var outcomes: [AddressOutcome] = leftovers.map { _ in .pending }
        connection.withdraw(leftovers, into: &outcomes)
        return zip(leftovers, outcomes).filter { !$1.isWithdrawn }.map { left, _ in
            var address = VirtualAddress(
                prefix: Prefix(address: left.address, length: Int(left.prefixLength)) ?? Prefix(host: left.address))
            address.interface = left.interfaceName
            return address
        }
    }
}
