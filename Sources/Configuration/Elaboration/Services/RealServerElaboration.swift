import Base
import ConfigurationModel

/// A real_server block while it is read.
struct RealServerDraft {
    var settings = RealServerSettings(address: IPAddress(v4: 0), port: 0)
    /// Settings that its checks inherit.
    var defaults = CheckDefaults()
    /// The port that checks connect to.
    var checkedPort: UInt16 = 0
    /// virtualhost.
    var host: String?
    var transport: ServiceTransport?
    /// The keyword `lthreshold`.
    var thresholdPlace: Int?
}

extension Elaborator {
    /// Reads one real_server block and appends it to the virtual server.
    mutating func realServer(_ block: Statement) {
        guard let first = block.words.first else { return refuseMissing(block) }
        guard let address = serverAddress(at: first) else { return }
        ignore(block.words.dropFirst(2))
        var written: UInt16 = 0
        if block.words.count > 1 {
            guard let value = port(at: first + 1, 0...65_535) else { return }
            written = value
        }
        // DR and TUN servers get packets as they came, so their port is the service's; checks go where it was written.
        var servicePort: UInt16 = 0
        if case .address(_, let port) = service.settings.address { servicePort = port }
        server = RealServerDraft(
            settings: RealServerSettings(address: address, port: written), defaults: service.defaults,
            checkedPort: written == 0 ? servicePort : written, host: service.host,
            transport: service.settings.transport)
        server.settings.weight = service.weight
        server.settings.forwarding = service.settings.forwarding
        server.settings.isInhibitedOnFailure = service.isInhibitedOnFailure
        server.settings.sendsMail = model.global.mail.isDefaultOfServers ?? model.global.mail.isDefault ?? true
        // Checks inherit what stands after them, too.
        var checks: [Statement] = []
        forEach(inside: block) { elaborator, statement in
            if statement.row.shape == .block { checks.append(statement) } else { elaborator.perform(statement) }
        }
        let forwarding = server.settings.forwarding
        guard address.family == service.settings.family || forwarding.isTunnel else {
            return refuse(
                "this real_server isn't of the virtual server's family, which only TUN can do; it is left out",
                at: first)
        }
        server.settings.port = serverPort(written, forwarding, service.settings.address)
        if written != 0, server.settings.port != written {
            report(.warning, portAdvice(service.settings.address, server.settings.port), at: first + 1)
        }
        if server.settings.lowerThreshold > server.settings.upperThreshold, server.settings.upperThreshold > 0,
            let thresholdPlace = server.thresholdPlace
        {
            report(
                .warning, "`lthreshold` is above `uthreshold`, so the server is never full for long", at: thresholdPlace
            )
        }
        let isKnown = service.servers.insert(ServerKey(address: address, port: server.settings.port), block.token)
        if let isKnown {
            refuse(
                "real_server `\(address) \(written)` is listed already; this one is left out", at: first,
                atStart: .inMessage
            )
            return report(.note, "the first one is here", at: isKnown)
        }
        for check in checks { perform(check) }
        service.settings.realServers.append(server.settings)
        service.serverTokens.append(block.token)
    }

    /// An address that IPVS can send packets to.
    mutating func serverAddress(at word: Int) -> IPAddress? {
        guard let address = address(at: word) else { return nil }
        guard !address.isMulticast, !address.isUnspecified else {
            refuse(
                "`\(address)` isn't the address of one server, and IPVS refuses it: write the server's own; it is left out",
                at: word, atStart: .inMessage)
            return nil
        }
        return address
    }

    /// The fate of the port of a DR or TUN server.
    private func portAdvice(_ service: ServiceAddress, _ port: UInt16) -> String {
        if case .firewallMark = service {
            return "with DR and TUN a server behind a fwmark has no port of its own; only checks use this one"
        }
        return port == 0
            ? "with DR and TUN the server gets packets for the port that the client used; only checks use this one"
            : "with DR and TUN the server gets packets for the virtual server's port, \(port); only checks use this one"
    }

    mutating func lowerThreshold(_ statement: Statement) {
        server.thresholdPlace = statement.token
        set(\.server.settings.lowerThreshold, statement)
    }
}

/// Identity of a real server within its service.
struct ServerKey: Hashable {
    var address: IPAddress
    var port: UInt16
}

extension [ServerKey: Int] {
    /// Remembers the token of a server; returns the earlier token when there is one.
    mutating func insert(_ key: ServerKey, _ token: Int) -> Int? {
        if let earlier = self[key] { return earlier }
        self[key] = token
        return nil
    }
}
