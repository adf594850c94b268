import Base
import ConfigurationModel

// Names of services and servers as keepalived has them in its log and its FIFOs.

extension VirtualServerSettings {
    /// `[a]:tcp:80`, `FWM 8`, or a group's `[name]:0`.
    package var displayName: String {
        switch address {
        case .address(let address, let port): "[\(address)]:\((transport ?? .tcp).word):\(port)"
        case .firewallMark(let mark): "FWM \(mark)"
        case .group(let name): "[\(name)]:0"
        }
    }

    /// The word between a server's address and port: of a firewall mark it is `none`.
    var transportWord: String {
        if case .firewallMark = address { "none" } else { (transport ?? .tcp).word }
    }

    /// `[a]:tcp:80`.
    package func displayName(of server: RealServerSettings) -> String {
        DestinationKey(server.address, port: server.port).displayName(transportWord)
    }

    /// The subject of notifications about it.
    package var notificationKey: NotificationKey { NotificationKey(.service, displayName) }

    package func notificationKey(of server: RealServerSettings) -> NotificationKey {
        NotificationKey(.server, "\(displayName(of: server)) \(displayName)")
    }
}

// Names of services and servers for people.

extension ServiceKey {
    /// `tcp 10.0.0.1:80` or `fwmark 7`.
    package var title: String {
        switch target {
        case .address(let address, let port, let transport): "\(transport) \(address.withPort(port))"
        case .firewallMark(let mark, let family): family == .ipv4 ? "fwmark \(mark)" : "fwmark \(mark) (IPv6)"
        }
    }
}

extension DestinationKey {
    /// `10.0.0.11:80`.
    package var title: String { address.withPort(port) }

    func displayName(_ transportWord: String) -> String { "[\(address)]:\(transportWord):\(port)" }
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
