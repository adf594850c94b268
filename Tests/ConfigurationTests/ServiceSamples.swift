import ConfigurationModel
import Testing

@testable import Configuration

/// A virtual server that is complete but for these lines, which begin on line 5, and for its real servers.
func service(_ lines: String, _ header: String = "10.0.0.1 80", lead: String = "protocol TCP\nlb_algo rr\nlb_kind NAT")
    -> String
{
    "virtual_server \(header) {\n\(lead)\n\(lines)\n}\n"
}

/// A virtual server with one real server, whose lines begin on line 6.
func realServer(_ lines: String, _ address: String = "10.0.0.2 80", _ header: String = "10.0.0.1 80") -> String {
    service("real_server \(address) {\n\(lines)\n}", header)
}

extension LoadedConfiguration {
    /// Lines of a sample may say again what `service` begins with.
    private static func isAboutTheLead(_ finding: String) -> Bool {
        ["protocol", "lb_algo", "lb_kind"].contains { finding.contains("`\($0)` is set again") }
            || ["2:1", "3:1", "4:1"].contains { finding == "\($0) note the first time is here" }
    }

    /// Findings apart from those that say that the whole isn't handled yet, or what samples have that show something else: a
    /// protocol of a mark, a group without a virtual server, mails without a relay.
    var serviceFindings: [String] {
        findings.filter {
            !$0.contains("isn't handled yet and has no effect") && !Self.isAboutTheLead($0)
                && !$0.contains("`protocol` has no effect with `fwmark`")
                && !$0.contains("no virtual_server uses this group") && !$0.contains("no mail is sent, because")
        }
    }

    /// The only virtual server.
    func service() throws -> VirtualServerSettings {
        try #require(model.virtualServers.count == 1)
        return model.virtualServers[0]
    }
    /// The only real server of the only virtual server.
    func server() throws -> RealServerSettings {
        let servers = try service().realServers
        try #require(servers.count == 1)
        return servers[0]
    }
    /// The only check of the only real server.
    func check() throws -> CheckSettings {
        let checks = try server().checks
        try #require(checks.count == 1)
        return checks[0]
    }
}
