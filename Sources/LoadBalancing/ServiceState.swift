import Base
import ConfigurationModel

/// The state of a server as the checker tells it.
package struct ServerState: Hashable, Sendable {
    /// True if none of its checks fails.
    package var isUp: Bool
    /// Its weight while it is up; at most what the configuration allows.
    package var weight: UInt32

    package init(isUp: Bool, weight: UInt32) {
        self.isUp = isUp
        self.weight = weight
    }
}

/// The state of a service as the checker tells it.
package struct ServiceState: Hashable, Sendable {
    package var hasQuorum: Bool
    /// True while the sorry server takes the place of the others.
    package var usesSorryServer: Bool
    /// By number within the service.
    package var servers: [ServerState]

    package init(hasQuorum: Bool, usesSorryServer: Bool, servers: [ServerState]) {
        self.hasQuorum = hasQuorum
        self.usesSorryServer = usesSorryServer
        self.servers = servers
    }

    /// The state without checks: every server is up.
    package init(unchecked definition: ServiceDefinition) {
        servers = definition.servers.map { ServerState(isUp: true, weight: $0.weight) }
        let weight = servers.reduce(0) { $0 + Int($1.weight) }
        // With weights of 0 alone the quorum is lowered to 0.
        hasQuorum = weight == 0 || weight >= definition.quorumGained
        usesSorryServer = !hasQuorum && definition.sorryServer != nil
    }
}

/// One piece of news of the checker, by numbers of the configuration that both have.
package enum StateChange: Hashable, Sendable {
    /// All of a service. Every checker tells all services once.
    case whole(service: Int, ServiceState)
    case quorum(service: Int, hasQuorum: Bool, usesSorryServer: Bool)
    case server(service: Int, server: Int, ServerState)
}
