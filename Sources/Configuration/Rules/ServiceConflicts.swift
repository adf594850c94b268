import Base
import ConfigurationModel

/// The rules that virtual servers have for each other.
extension Elaborator {
    /// A stretch of addresses that a virtual server serves.
    private struct Claim {
        var first: IPAddress
        var last: IPAddress
        /// Index of the virtual server.
        var server: Int
    }

    /// The part of a service, apart from its addresses, that must not be served twice.
    private struct ClaimKey: Hashable {
        var transport: ServiceTransport?
        var port: UInt16
    }

    /// The kernel has one service for an address, port and protocol, and one for a mark of a family.
    mutating func checkServicesAgainstEachOther() {
        struct MarkKey: Hashable {
            var mark: UInt32
            var family: AddressFamily
        }
        var claims: [ClaimKey: [Claim]] = [:]
        var marks: [MarkKey: Int] = [:]
        var clashes: [(server: Int, with: Int, what: String)] = []
        for index in model.virtualServers.indices {
            let server = model.virtualServers[index]
            let entries: [ServiceGroupEntry]
            switch server.address {
            case .address(let address, let port): entries = [.addresses(first: address, last: address, port: port)]
            case .firewallMark(let mark): entries = [.firewallMark(mark, server.family)]
            case .group(let name):
                entries = services.groups[name].map { model.virtualServerGroups[$0.index].entries } ?? []
            }
            for entry in entries {
                switch entry {
                case .addresses(let first, let last, let port):
                    claims[ClaimKey(transport: server.transport, port: port), default: []]
                        .append(Claim(first: first, last: last, server: index))
                case .firewallMark(let mark, let family):
                    let key = MarkKey(mark: mark, family: family ?? server.family)
                    guard let earlier = marks[key] else {
                        marks[key] = index
                        continue
                    }
                    clashes.append((index, earlier, "fwmark \(mark)"))
                }
            }
        }
        for (key, list) in claims { clashes += overlaps(of: list, port: key.port) }
        report(clashes)
    }

    private func overlaps(of claims: [Claim], port: UInt16) -> [(server: Int, with: Int, what: String)] {
        var found: [(server: Int, with: Int, what: String)] = []
        // By address, then in the order of the files. The claim that reaches furthest meets all that overlap.
        let sorted = claims.sorted { $0.first != $1.first ? $0.first < $1.first : $0.server < $1.server }
        guard var furthest = sorted.first else { return [] }
        for claim in sorted.dropFirst() {
            if claim.first <= furthest.last {
                let pair = (max(claim.server, furthest.server), min(claim.server, furthest.server))
                found.append((pair.0, pair.1, "`\(claim.first) \(port)`"))
            }
            if claim.last > furthest.last { furthest = claim }
        }
        return found
    }

    private mutating func report(_ clashes: [(server: Int, with: Int, what: String)]) {
        var told: Set<Int> = []
        let sorted = clashes.sorted { ($0.server, $0.with, $0.what) < ($1.server, $1.with, $1.what) }
        for clash in sorted where told.insert(clash.server).inserted {
            let token = services.tokens[clash.server]
            guard clash.server != clash.with else {
                report(.warning, "the group of this virtual server names \(clash.what) twice", at: token)
                continue
            }
            reject("\(clash.what) is served already", \.model.virtualServers[clash.server], at: token)
            report(.note, "the virtual server that serves it is here", at: services.tokens[clash.with])
        }
    }
}
