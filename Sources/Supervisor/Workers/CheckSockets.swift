import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import WorkerProtocol

/// Sockets for checks that need a right which the checker hasn't got: a firewall mark, a privileged local port. The checker
/// names a check by its fingerprint; mark and local ends are the configuration's, and can't be changed on the socket
/// (docs/decisions, D78).
struct CheckSockets {
    private var checks: [CheckFingerprint: CheckSettings] = [:]

    init(_ services: [VirtualServerSettings]) {
        for check in services.lazy.flatMap(\.realServers).flatMap(\.checks) where check.mayNeedSocket {
            checks[CheckFingerprint(check)] = check
        }
    }

    /// True if a check does echo requests, for which the kernel wants a group.
    static func pings(_ services: [VirtualServerSettings]) -> Bool {
        services.lazy.flatMap(\.realServers).flatMap(\.checks).contains { $0.kind == .ping }
    }

    /// Makes a socket; nil when the configuration has no such check.
    ///
    /// - Parameter group: the checker's, which may make ping sockets.
    /// - Throws: `SystemError`.
    func open(_ fingerprint: CheckFingerprint, group: UInt32) throws(SystemError) -> Descriptor? {
        guard let check = checks[fingerprint], let endpoint = check.endpoint else { return nil }
        var target = hasup_check_target(check.kind, endpoint)
        return try owned(hasup_check_socket(&target, endpoint.firewallMark, group), "make a socket for a check")
    }
}

extension CheckSettings {
    fileprivate var mayNeedSocket: Bool { endpoint.map { $0.firewallMark != 0 || $0.localPort != 0 } ?? false }
}

extension Generation {
    /// True if a check has a local port that not everybody may bind to.
    var bindsPrivilegedPorts: Bool {
        let first = FileReader.text(of: "/proc/sys/net/ipv4/ip_unprivileged_port_start")
        let end = UInt16(first.filter(\.isNumber)) ?? 1_024
        return services.lazy.flatMap(\.realServers).flatMap(\.checks).contains { check in
            check.endpoint.map { $0.localPort != 0 && $0.localPort < end && check.kind != .ping } ?? false
        }
    }
}
