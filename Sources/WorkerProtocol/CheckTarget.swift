import Base
import CLinux
import ConfigurationModel

extension hasup_check_target {
    /// Both ends of a check's connection.
    package init(_ kind: CheckKind, _ endpoint: CheckEndpoint) {
        self.init()
        switch kind {
        case .dns, .udp: transport = HASUP_CHECK_UDP
        case .ping: transport = HASUP_CHECK_PING
        case .tcp, .http, .smtp, .script, .file, .bfd: transport = HASUP_CHECK_TCP
        }
        family = Int32(endpoint.address.family.rawValue)
        withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: endpoint.address.bytes) }
        port = endpoint.port
        local_port = endpoint.localPort
        if let local = endpoint.localAddress {
            has_local_address = 1
            withUnsafeMutableBytes(of: &local_address) { $0.copyBytes(from: local.bytes) }
        }
        if let interface = endpoint.localInterface {
            withUnsafeMutableBytes(of: &device) { $0.copyBytes(from: interface.utf8.prefix(15)) }
        }
    }
}
