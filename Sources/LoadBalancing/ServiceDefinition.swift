import Base
import ConfigurationModel

/// The part of a virtual_server block that the kernel's table needs. Scripts, checks and texts aren't kept.
package struct ServiceDefinition: Hashable, Sendable {
    package var address: ServiceAddress
    package var transport: ServiceTransport?
    /// The keys that it serves, in the order of the files. Empty when it can't be set up, or when others have them.
    package var keys: [ServiceKey] = []
    /// Its settings for keys of `family`.
    package var settings: KernelService
    package var family: AddressFamily
    package var servers: [ServerDefinition] = []
    package var sorryServer: SorryServer?
    /// Weight of live servers with which the quorum is gained.
    package var quorumGained: Int
    /// True if it can be set up.
    package var isUsable = true

    /// - Parameter entries: those of its group. A key that two of them have is there twice.
    package init(_ server: VirtualServerSettings, entries: [ServiceGroupEntry] = []) {
        address = server.address
        transport = server.transport
        family = server.family
        settings = KernelService(scheduler: server.scheduler.rawValue, family: server.family)
        settings.schedulerFlags = server.schedulerFlags
        settings.schedulesSinglePackets = server.schedulesSinglePackets
        sorryServer = server.sorryServer
        quorumGained = server.quorum + server.hysteresis
        servers = server.realServers.map(ServerDefinition.init)
        isUsable = server.faults.isEmpty
        apply(server.persistence, isForced: entries.contains(where: \.hasAllPorts))
        if isUsable { keys = allKeys(entries) }
    }

    private mutating func apply(_ written: Persistence?, isForced: Bool) {
        // keepalived makes every service of a group persistent when one of its entries has no port.
        let standard = Persistence(granularity: family == .ipv4 ? .netmask(.max) : .prefixLength(128))
        guard let persistence = written ?? (isForced ? standard : nil) else { return }
        settings.persistence = UInt32(clamping: persistence.timeout.nanoseconds / 1_000_000_000)
        settings.persistenceEngine = persistence.engine
        switch persistence.granularity {
        case .netmask(let mask): settings.netmask = mask
        case .prefixLength(let length): settings.netmask = UInt32(length)
        }
    }

    private func allKeys(_ entries: [ServiceGroupEntry]) -> [ServiceKey] {
        switch address {
        case .address(let address, let port):
            return [ServiceKey(.address(address, port: port, transport ?? .udp))]
        case .firewallMark(let mark): return [ServiceKey(.firewallMark(mark, family))]
        case .group: return entries.flatMap(keys)
        }
    }

    private func keys(of entry: ServiceGroupEntry) -> [ServiceKey] {
        switch entry {
        case .firewallMark(let mark, let family): return [ServiceKey(.firewallMark(mark, family ?? self.family))]
        case .addresses(let first, let last, let port):
            guard first.low <= last.low else { return [] }
            return (first.low...last.low).map { low in
                let address =
                    first.family == .ipv4
                    ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : IPAddress(v6High: first.high, low: low)
                return ServiceKey(.address(address, port: port, transport ?? .udp))
            }
        }
    }
}

/// The part of a real_server block that the kernel's table needs.
package struct ServerDefinition: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16
    package var forwarding: Forwarding
    package var weight: UInt32
    /// The greatest weight that its checks can bring.
    package var maximumWeight: UInt32
    package var upperThreshold: UInt32
    package var lowerThreshold: UInt32
    package var isInhibitedOnFailure: Bool
    package var hasChecks: Bool
    /// alpha: one of its checks counts as failed until its first success.
    package var startsDown: Bool

    package init(_ server: RealServerSettings) {
        address = server.address
        port = server.port
        forwarding = server.forwarding
        weight = UInt32(clamping: server.weight)
        maximumWeight = server.maximumWeight
        upperThreshold = server.upperThreshold
        lowerThreshold = server.lowerThreshold
        isInhibitedOnFailure = server.isInhibitedOnFailure
        hasChecks = !server.checks.isEmpty
        startsDown = server.checks.contains(where: \.startsDown)
    }
}

extension RealServerSettings {
    /// The greatest weight that its checks can bring: its own, or any where one of them sets weights.
    var maximumWeight: UInt32 {
        checks.contains(where: \.kind.setsWeight) ? UInt32(Limits.weight.upperBound) : UInt32(clamping: weight)
    }
}

extension CheckKind {
    /// True if its result can make a weight greater than the written one: misc_dynamic, FILE_CHECK with a weight.
    package var setsWeight: Bool {
        switch self {
        case .script(let check): check.setsWeight
        case .file(let check): check.weight != 0
        default: false
        }
    }
}

extension ServiceGroupEntry {
    fileprivate var hasAllPorts: Bool {
        if case .addresses(_, _, 0) = self { true } else { false }
    }
}

extension ServiceDefinition {
    /// The services of a configuration, by number. A key that two of them name is the first one's.
    package static func all(of model: ConfigurationModel) -> [ServiceDefinition] {
        var groups: [String: [ServiceGroupEntry]] = [:]
        for group in model.virtualServerGroups where groups[group.name] == nil { groups[group.name] = group.entries }
        var definitions = model.virtualServers.map { server in
            var entries: [ServiceGroupEntry] = []
            if case .group(let name) = server.address { entries = groups[name] ?? [] }
            return ServiceDefinition(server, entries: entries)
        }
        var known = Set<ServiceKey>(minimumCapacity: definitions.reduce(0) { $0 + $1.keys.count })
        for place in definitions.indices { definitions[place].keys.removeAll { !known.insert($0).inserted } }
        return definitions
    }
}
