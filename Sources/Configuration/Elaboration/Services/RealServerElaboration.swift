import Base
import ConfigurationModel

/// A real_server block while it is read.
struct RealServerDraft {
    var settings: RealServerSettings
    /// What its checks inherit.
    var defaults: CheckDefaults
    /// The port that checks connect to.
    let checkedPort: UInt16
    /// virtualhost.
    var host: String?
    let transport: ServiceTransport?
}

extension Elaborator {
    /// Reads one real_server block and appends it to the virtual server.
    mutating func elaborateRealServer(_ place: Int, _ service: inout ServiceDraft) {
        let block = statements[place]
        guard let first = block.words.first else { return refuseMissing(block) }
        guard let address = address(at: first) else { return }
        ignore(block.words.dropFirst(2))
        var written: UInt16 = 0
        if block.words.count > 1 {
            guard let value = port(at: first + 1, 0...65_535) else { return }
            written = value
        }
        // DR and TUN servers get packets as they came, so their port is the service's; checks go where it was written.
        var servicePort: UInt16 = 0
        if case .address(_, let port) = service.settings.address { servicePort = port }
        var draft = RealServerDraft(
            settings: RealServerSettings(address: address, port: written), defaults: service.defaults,
            checkedPort: written == 0 ? servicePort : written, host: service.host,
            transport: service.settings.transport)
        draft.settings.weight = service.weight
        draft.settings.forwarding = service.settings.forwarding
        draft.settings.isInhibitedOnFailure = service.isInhibitedOnFailure
        draft.settings.sendsMail = model.global.mail.isDefaultOfServers ?? model.global.mail.isDefault ?? true
        var thresholdPlace: Int?
        forEach(inside: place) { elaborator, statement, child in
            let keyword = elaborator.keyword(child)
            if keyword == "lthreshold" { thresholdPlace = statement.token }
            elaborator.realServerStatement(statement, keyword, &draft)
        }
        let forwarding = draft.settings.forwarding
        guard address.family == service.settings.family || forwarding.isTunnel else {
            return refuse(
                "this real_server isn't of the virtual server's family, which only TUN can do; it is left out",
                at: first)
        }
        draft.settings.port = serverPort(written, forwarding, service.settings.address)
        if written != 0, draft.settings.port != written {
            report(.warning, portAdvice(service.settings.address, forwarding, draft.settings.port), at: first + 1)
        }
        if draft.settings.lowerThreshold > draft.settings.upperThreshold, draft.settings.upperThreshold > 0,
            let thresholdPlace
        {
            report(
                .warning, "`lthreshold` is above `uthreshold`, so the server is never full for long", at: thresholdPlace
            )
        }
        let isKnown = service.servers.insert(ServerKey(address: address, port: draft.settings.port), block.token)
        if let isKnown {
            refuse(
                "real_server `\(address) \(written)` is listed already; this one is left out", at: first, atStart: "")
            return report(.note, "the first one is here", at: isKnown)
        }
        forEach(inside: place) { elaborator, statement, child in
            guard elaborator.table.keywords[statement.row].shape == .block else { return }
            elaborator.elaborateCheck(statement, child, &draft)
        }
        service.settings.realServers.append(draft.settings)
        service.serverTokens.append(block.token)
    }

    private func portAdvice(_ service: ServiceAddress, _ forwarding: Forwarding, _ port: UInt16) -> String {
        if case .firewallMark = service { return "a server behind a fwmark has no port; checks use it, nothing else" }
        return forwarding == .masquerading
            ? "the virtual server is for all ports, so its real servers have none; checks use this one"
            : "with DR and TUN the server gets packets for the virtual server's port, \(port); only checks use this one"
    }

    private mutating func realServerStatement(_ statement: Statement, _ name: String, _ draft: inout RealServerDraft) {
        switch name {
        case "weight": if let value = integer(statement, Limits.weight) { draft.settings.weight = value }
        case "lvs_method": if let value = forwarding(statement) { draft.settings.forwarding = value }
        case "uthreshold":
            if let value = integer(statement, 0...Int(UInt32.max)) { draft.settings.upperThreshold = UInt32(value) }
        case "lthreshold":
            if let value = integer(statement, 0...Int(UInt32.max)) { draft.settings.lowerThreshold = UInt32(value) }
        case "inhibit_on_failure": if let value = boolean(statement) { draft.settings.isInhibitedOnFailure = value }
        case "notify_up": add(statement, .up, to: &draft.settings.scripts)
        case "notify_down": add(statement, .down, to: &draft.settings.scripts)
        case "smtp_alert": if let value = boolean(statement) { draft.settings.sendsMail = value }
        case "virtualhost": if let word = word(of: statement) { draft.host = string(word) }
        case "snmp_name": if let word = word(of: statement) { draft.settings.snmpName = string(word) }
        default: _ = checkDefault(statement, name, &draft.defaults, retries: 1...Limits.rounds.upperBound)
        }
    }
}

/// What makes two real servers of a service the same.
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
