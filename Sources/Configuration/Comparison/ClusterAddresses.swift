import Base
import ConfigurationModel

/// The addresses of the nodes: the same ones, as the same, and of one virtual router only.
extension ClusterCheck {
    mutating func compareAddresses(_ first: NodeInstance, _ second: NodeInstance) {
        let (a, b) = (first.instance, second.instance)
        func missing(_ left: [VirtualAddress], from right: [VirtualAddress]) -> [IPAddress] {
            let known = Set(right.map(\.prefix.address))
            return left.map(\.prefix.address).filter { !known.contains($0) }
        }
        func difference(_ a: [VirtualAddress], _ b: [VirtualAddress]) -> String? {
            let parts = [("is only here", missing(b, from: a)), ("is only on the other node", missing(a, from: b))]
                .filter { !$0.1.isEmpty }
                .map { place, list in
                    let more = list.count > 3 ? " and \(list.count - 3) more" : ""
                    let verb = list.count > 1 ? "are" + place.dropFirst(2) : place
                    return list.prefix(3).map(\.description).joined(separator: ", ") + more + " " + verb
                }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
        if let text = difference(a.virtualAddresses, b.virtualAddresses) {
            differ(
                "the virtual addresses of `\(b.name)` differ: \(text); keepalived discards adverts with another list",
                first, second, "virtual_ipaddress")
        }
        if let text = difference(a.excludedAddresses, b.excludedAddresses) {
            differ(
                "the excluded addresses of `\(b.name)` differ: \(text)", first, second,
                "virtual_ipaddress_excluded", as: .warning)
        }
    }

    /// Addresses that both have, but not as the same: the neighbours' routes or the place depend on who is MASTER.
    mutating func compareAddressOptions(
        _ first: NodeInstance, _ second: NodeInstance, _ keyword: String,
        _ list: KeyPath<InstanceSettings, [VirtualAddress]>
    ) {
        let (a, b) = (first.instance, second.instance)
        let known = Dictionary(
            a[keyPath: list].map { ($0.prefix.address, $0) }, uniquingKeysWith: { first, _ in first })
        let pairs = b[keyPath: list].compactMap { own in known[own.prefix.address].map { (other: $0, own: own) } }
        func count(_ others: Int) -> String { others > 0 ? " (and \(others) more)" : "" }
        let lengths = pairs.filter { $0.other.prefix.length != $0.own.prefix.length }
        if let pair = lengths.first {
            differ(
                "\(pair.own.prefix.address) of `\(b.name)` has the prefix length \(pair.own.prefix.length) here and "
                    + "\(pair.other.prefix.length) on the other node\(count(lengths.count - 1))",
                first, second, keyword, as: .warning)
        }
        // The instance's interface may have another name on each node.
        let devices = pairs.filter { pair in
            let (one, other) = (pair.other.interface ?? a.interface, pair.own.interface ?? b.interface)
            return one != other && (one != a.interface || other != b.interface)
        }
        if let pair = devices.first {
            differ(
                "\(pair.own.prefix.address) of `\(b.name)` is on \(pair.own.interface ?? b.interface) here and on "
                    + "\(pair.other.interface ?? a.interface) on the other node\(count(devices.count - 1))",
                first, second, keyword, as: .warning)
        }
    }

    /// An address of two virtual routers: each has a MASTER of its own, who holds it.
    mutating func reportSharedAddresses(_ groups: [[NodeInstance]]) {
        struct Use {
            var group: Int
            var member: NodeInstance
        }
        var first: [IPAddress: Use] = [:]
        for (group, members) in groups.enumerated() {
            for member in members {
                // One finding for two instances, however many addresses they share.
                var said: Set<Int> = []
                for address in member.instance.virtualAddresses.lazy.map(\.prefix.address) where !address.isLinkLocal {
                    guard let known = first[address] else {
                        first[address] = Use(group: group, member: member)
                        continue
                    }
                    guard known.group != group, known.member.node != member.node, said.insert(known.group).inserted
                    else { continue }
                    differ(
                        "`\(member.instance.name)` has \(address) here and `\(known.member.instance.name)`, which is another "
                            + "virtual router, on the other node: both may hold it at once", known.member, member,
                        "virtual_ipaddress")
                }
            }
        }
    }
}
