import Base
import ConfigurationModel

// Names of services and servers as keepalived has them in its log and its FIFOs.

extension VirtualServerSettings {
    /// `[a]:tcp:80`, `FWM 8`, or the group's name.
    package var displayName: String {
        switch address {
        case .address(let address, let port): "[\(address)]:\((transport ?? .tcp).word):\(port)"
        case .firewallMark(let mark): "FWM \(mark)"
        case .group(let name): name
        }
    }

    /// `[a]:tcp:80`.
    package func displayName(of server: RealServerSettings) -> String {
        DestinationKey(server.address, port: server.port).displayName(transport)
    }

    /// The subject of notifications about it.
    package var notificationKey: NotificationKey { NotificationKey(.service, displayName) }

    package func notificationKey(of server: RealServerSettings) -> NotificationKey {
        NotificationKey(.server, "\(displayName(of: server)) \(displayName)")
    }
}

extension DestinationKey {
    func displayName(_ transport: ServiceTransport?) -> String { "[\(address)]:\((transport ?? .tcp).word):\(port)" }
}

extension ServiceTransport {
    /// In lower case.
    package var word: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}
