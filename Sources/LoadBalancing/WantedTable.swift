import Base
import ConfigurationModel

/// A service of the kernel's table with its destinations.
package struct TableService: Hashable, Sendable {
    package var settings: KernelService
    package var destinations: [DestinationKey: KernelDestination]

    package init(settings: KernelService, destinations: [DestinationKey: KernelDestination] = [:]) {
        self.settings = settings
        self.destinations = destinations
    }
}

/// The table that a configuration and the states of its services ask for.
package struct WantedTable: Hashable, Sendable {
    package private(set) var services: [ServiceKey: TableService] = [:]

    /// - Parameter states: by number; nil for a service whose state nobody has told, which isn't wanted then.
    package init(_ definitions: [ServiceDefinition], states: [ServiceState?]) {
        for (definition, state) in zip(definitions, states) {
            guard let state else { continue }
            for key in definition.keys { services[key] = definition.wanted(for: key, state) }
        }
    }

    /// The table without checks: every server is up.
    package init(unchecked model: ConfigurationModel) {
        let definitions = ServiceDefinition.all(of: model)
        self.init(definitions, states: definitions.map(ServiceState.init(unchecked:)))
    }
}

extension ServiceDefinition {
    package func wanted(for key: ServiceKey, _ state: ServiceState) -> TableService {
        TableService(settings: settings(for: key), destinations: destinations(for: key, state))
    }

    package func settings(for key: ServiceKey) -> KernelService {
        var settings = settings
        // A mask is one of a family; a group may have the other one, too.
        if key.family != family {
            settings.netmask = KernelService(scheduler: settings.scheduler, family: key.family).netmask
        }
        return settings
    }

    package func destinations(for key: ServiceKey, _ state: ServiceState) -> [DestinationKey: KernelDestination] {
        var wanted = [DestinationKey: KernelDestination](minimumCapacity: servers.count + 1)
        // While the sorry server is used the others leave, as if they were down.
        let isReplaced = state.usesSorryServer && sorryServer != nil
        for (server, serverState) in zip(servers, state.servers) {
            let isIn = serverState.isUp && !isReplaced
            guard isIn || server.isInhibitedOnFailure else { continue }
            let place = DestinationKey(server.address, port: port(server.port, server.forwarding, for: key))
            guard wanted[place] == nil else { continue }
            var destination = KernelDestination(forwarding: server.forwarding, weight: isIn ? serverState.weight : 0)
            destination.upperThreshold = server.upperThreshold
            destination.lowerThreshold = server.lowerThreshold
            wanted[place] = destination
        }
        guard let sorryServer, isReplaced || sorryServer.isInhibited else { return wanted }
        let place = DestinationKey(sorryServer.address, port: port(sorryServer.port, sorryServer.forwarding, for: key))
        if isReplaced || wanted[place] == nil {
            wanted[place] = KernelDestination(forwarding: sorryServer.forwarding, weight: isReplaced ? 1 : 0)
        }
        return wanted
    }

    /// The destinations that it can ever have for this key, whatever the states are.
    package func names(_ place: DestinationKey, for key: ServiceKey) -> Bool {
        if let sorryServer, sorryServer.address == place.address,
            port(sorryServer.port, sorryServer.forwarding, for: key) == place.port
        {
            return true
        }
        return servers.contains {
            $0.address == place.address && port($0.port, $0.forwarding, for: key) == place.port
        }
    }

    /// Only NAT changes a packet's destination. DR and TUN servers get packets as they came.
    func port(_ written: UInt16, _ forwarding: Forwarding, for key: ServiceKey) -> UInt16 {
        if forwarding == .masquerading { return written }
        switch key.target {
        case .address(_, let port, _): return port
        case .firewallMark: return 0
        }
    }
}
