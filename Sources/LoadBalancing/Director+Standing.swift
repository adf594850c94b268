import Base
import ConfigurationModel

/// A service that stands in the table although hasupd has just started: everything has died, or was another program's; the
/// table hasn't (docs/decisions, D74).
package struct StandingService: Hashable, Sendable {
    package var service: Int
    /// The weight of each server by number; nil for one that isn't in the table.
    package var weights: [UInt32?]
    /// True if its sorry server is given connections.
    package var usesSorryServer: Bool

    package init(service: Int, weights: [UInt32?], usesSorryServer: Bool = false) {
        self.service = service
        self.weights = weights
        self.usesSorryServer = usesSorryServer
    }
}

/// The services that a start finds, for the checker to begin with.
struct StandingSearch: Sendable {
    /// A key of each service that stands there, by which its servers are found.
    var keys: [ServiceKey] = []
    var found: [StandingService] = []
    /// Those of them that were another program's.
    var strangers: Set<ServiceKey> = []
    /// True until it has been told.
    var isDue = false
}

extension Director {
    /// Begins it, before what is configured is noted.
    mutating func beginSearch() {
        guard standing.isDue else { return }
        standing.found = []
        standing.keys = services.filter { $0.state == nil }.compactMap { service in
            service.definition.keys.first { present[$0] != nil }
        }
        standing.strangers.formUnion(standing.keys.filter { !noted.contains($0) })
    }

    /// Reads the next ones, or tells what was found. False when there is nothing to tell.
    mutating func stepOfSearch(_ actions: inout [DirectorAction]) -> Bool {
        guard standing.isDue else { return false }
        var total = 0
        let keys = standing.keys.prefix { key in
            defer { total += owners[key].map { services[$0].definition.servers.count } ?? 0 }
            return total < Self.batch
        }
        standing.keys.removeFirst(keys.count)
        if keys.isEmpty {
            actions.append(.standing(standing.found))
            standing = StandingSearch()
        } else {
            begin(.readDestinations(Array(keys)), .standing(Array(keys)), &actions)
        }
        return true
    }

    mutating func takeStanding(
        _ keys: [ServiceKey], _ found: [ServiceKey: [DestinationKey: KernelDestination]]
    ) {
        for key in keys {
            guard let number = owners[key], let destinations = found[key] else { continue }
            let definition = services[number].definition
            let places = definition.servers.map { server in
                DestinationKey(server.address, port: definition.port(server.port, server.forwarding, for: key))
            }
            let sorryPlace = definition.sorryServer.map { sorry in
                DestinationKey(sorry.address, port: definition.port(sorry.port, sorry.forwarding, for: key))
            }
            let weights = places.map { destinations[$0]?.weight }
            // One that is a server of the service as well tells nothing.
            let usesSorryServer =
                sorryPlace.map { !places.contains($0) && (destinations[$0]?.weight ?? 0) > 0 } ?? false
            // Another program's that serves nobody tells nothing: it begins as if it weren't there.
            let isServing = usesSorryServer || weights.contains { ($0 ?? 0) > 0 }
            guard isServing || !standing.strangers.contains(key) else { continue }
            standing.found.append(
                StandingService(service: number, weights: weights, usesSorryServer: usesSorryServer))
        }
    }
}
