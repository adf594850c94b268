import Base
import ConfigurationModel

/// What virtual servers, real servers and checks say about checks; nil where nothing is said.
struct CheckDefaults {
    var retries: Int?
    var delayBeforeRetry: Interval?
    var warmup: Interval?
    var interval: Interval?
    var timeout: Interval?
    var startsDown: Bool?
}

/// A check's block while it is read.
struct CheckDraft {
    /// The check's keyword.
    let token: Int
    let name: String
    var defaults: CheckDefaults
    var logsAllFailures: Bool
    var address: IPAddress
    var port: UInt16
    var local: (address: IPAddress, token: Int)?
    var localPort: UInt16 = 0
    var localInterface: String?
    var firewallMark: UInt32 = 0
}

extension Elaborator {
    /// Times in microseconds; a day of 4,294,967 seconds is as long as 32-bit milliseconds reach.
    private static var times: ClosedRange<Int64> { 1...Int64(Limits.seconds.upperBound) * 1_000_000 }
    private static var timesOrNone: ClosedRange<Int64> { 0...times.upperBound }

    /// A keyword that virtual servers, real servers and checks share. - Returns: whether it is one.
    mutating func checkDefault(
        _ statement: Statement, _ name: String, _ defaults: inout CheckDefaults, retries: ClosedRange<Int>
    ) -> Bool {
        switch name {
        case "retry", "nb_get_retry": if let value = integer(statement, retries) { defaults.retries = value }
        case "delay_before_retry":
            if let value = seconds(statement, Self.timesOrNone) { defaults.delayBeforeRetry = value }
        case "warmup": if let value = seconds(statement, Self.timesOrNone) { defaults.warmup = value }
        case "delay_loop": if let value = seconds(statement, Self.times) { defaults.interval = value }
        case "connect_timeout": if let value = seconds(statement, Self.times) { defaults.timeout = value }
        case "alpha": if let value = boolean(statement) { defaults.startsDown = value }
        default: return false
        }
        return true
    }

    /// Reads the block of one check and appends it to the real server, unless it couldn't work.
    mutating func elaborateCheck(_ statement: Statement, _ place: Int, _ server: inout RealServerDraft) {
        var draft = CheckDraft(
            token: statement.token, name: keyword(place), defaults: server.defaults,
            logsAllFailures: services.logsAllFailures, address: server.settings.address, port: server.checkedPort)
        switch draft.name {
        case "TCP_CHECK": networkCheck(place, &draft, &server, .tcp, over: .tcp)
        case "PING_CHECK": networkCheck(place, &draft, &server, .ping, over: nil)
        case "HTTP_GET", "SSL_GET": httpCheck(place, &draft, &server)
        case "SMTP_CHECK": smtpCheck(place, &draft, &server)
        case "DNS_CHECK": dnsCheck(place, &draft, &server)
        case "UDP_CHECK": udpCheck(place, &draft, &server)
        case "MISC_CHECK": scriptCheck(place, &draft, &server)
        case "FILE_CHECK": fileCheck(place, &draft, &server)
        case "BFD_CHECK": sessionCheck(place, &draft, &server)
        default: break
        }
    }

    /// A check without keywords of its own.
    private mutating func networkCheck(
        _ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft, _ kind: CheckKind,
        over transport: ServiceTransport?
    ) {
        forEach(inside: place) { elaborator, statement, child in
            elaborator.endpointStatement(statement, elaborator.keyword(child), &draft)
        }
        finish(draft, kind, over: transport, &server)
    }

    /// Keywords that all checks over the network share.
    mutating func endpointStatement(_ statement: Statement, _ name: String, _ draft: inout CheckDraft) {
        if checkDefault(statement, name, &draft.defaults, retries: Limits.rounds) { return }
        switch name {
        case "connect_ip": if let value = address(statement) { draft.address = value }
        case "connect_port":
            if let word = word(of: statement), let value = port(at: word) { draft.port = value }
        case "bindto":
            if let word = word(of: statement), let value = address(at: word) { draft.local = (value, word) }
        case "bind_port": if let word = word(of: statement), let value = port(at: word) { draft.localPort = value }
        case "bind_if":
            guard let word = word(of: statement), let name = interfaceName(at: word) else { return }
            guard isKnown(interface: name) else {
                return refuse(missing(interface: name).followed(by: "the check isn't bound to it"), at: word)
            }
            draft.localInterface = name
        case "fwmark":
            if let value = integer(statement, 0...Int(UInt32.max)) { draft.firewallMark = UInt32(value) }
        case "log_all_failures": if let value = boolean(statement) { draft.logsAllFailures = value }
        default: break
        }
    }

    /// Appends a check over the network with its defaults filled in.
    mutating func finish(
        _ draft: CheckDraft, _ kind: CheckKind, over transport: ServiceTransport?, _ server: inout RealServerDraft
    ) {
        guard draft.port != 0 || transport == nil else {
            return refuse(
                "`\(draft.name)` needs `connect_port`, because the real server has no port; the check is left out",
                at: draft.token)
        }
        if let transport, let served = server.transport, served != transport,
            (served == .udp) != (transport == .udp)
        {
            report(
                .warning,
                "`\(draft.name)` asks over \(transport.name), but the service is \(served.name): it may be up while "
                    + "the service is down", at: draft.token)
        }
        var endpoint = CheckEndpoint(
            address: draft.address, port: transport == nil ? 0 : draft.port,
            timeout: draft.defaults.timeout ?? .seconds(5))
        if let local = draft.local {
            if local.address.family == draft.address.family {
                endpoint.localAddress = local.address
            } else {
                refuse(
                    "`bindto` isn't of the family of `\(draft.address)`; it is ignored", at: local.token, atStart: "")
            }
        }
        endpoint.localPort = draft.localPort
        endpoint.localInterface = draft.localInterface
        endpoint.firewallMark = draft.firewallMark
        if endpoint.address.isLinkLocal, draft.localInterface == nil {
            report(
                .warning, "`\(endpoint.address)` is link-local: without `bind_if` it can't be reached", at: draft.token)
        }
        append(draft, kind, endpoint, &server)
    }

    /// Appends a check. The defaults of a schedule depend on what is checked.
    mutating func append(
        _ draft: CheckDraft, _ kind: CheckKind, _ endpoint: CheckEndpoint?, _ server: inout RealServerDraft
    ) {
        let interval = draft.defaults.interval ?? .seconds(60)
        let (retries, delay): (Int, Interval) =
            switch kind {
            case .http: (1, .seconds(3))
            case .dns: (3, interval)
            case .script: (0, .seconds(1))
            default: (1, .seconds(1))
            }
        var check = CheckSettings(kind: kind, endpoint: endpoint)
        switch kind {
        case .file, .bfd: break
        default:
            check.schedule = CheckSchedule(
                interval: interval, retries: draft.defaults.retries ?? retries,
                delayBeforeRetry: draft.defaults.delayBeforeRetry ?? delay, warmup: draft.defaults.warmup ?? interval)
        }
        check.startsDown = draft.defaults.startsDown ?? false
        check.logsAllFailures = draft.logsAllFailures
        server.settings.checks.append(check)
    }

    // MARK: - SMTP and DNS

    private mutating func smtpCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var heloName = "smtpchecker.keepalived.org"
        var hosts: [Int] = []
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "helo_name": if let word = elaborator.word(of: statement) { heloName = elaborator.string(word) }
            case "host": hosts.append(child)
            case let name: elaborator.endpointStatement(statement, name, &draft)
            }
        }
        guard !hosts.isEmpty else { return finish(draft, .smtp(heloName: heloName), over: .tcp, &server) }
        // The old form with several targets: each is a check with what stands outside the `host` blocks in common.
        for host in hosts {
            var target = draft
            forEach(inside: host) { elaborator, statement, child in
                elaborator.endpointStatement(statement, elaborator.keyword(child), &target)
            }
            finish(target, .smtp(heloName: heloName), over: .tcp, &server)
        }
    }

    private mutating func dnsCheck(_ place: Int, _ draft: inout CheckDraft, _ server: inout RealServerDraft) {
        var query = DNSQuery()
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "type":
                if let word = elaborator.word(of: statement), let type = elaborator.recordType(at: word) {
                    query.type = type
                }
            case "name":
                if let word = elaborator.word(of: statement), let name = elaborator.domainName(at: word) {
                    query.name = name
                }
            case let name: elaborator.endpointStatement(statement, name, &draft)
            }
        }
        finish(draft, .dns(query), over: .udp, &server)
    }

    private mutating func recordType(at word: Int) -> DNSRecordType? {
        let name = string(word)
        if let type = DNSRecordType.allCases.first(where: { $0.name == name.uppercased() }) { return type }
        refuse(
            "`type` is \(DNSRecordType.allCases.map(\.name).joined(separator: ", ")), not `\(name)`; SOA is asked for",
            at: word)
        return nil
    }

    /// A domain name whose labels fit into a query (RFC 1035 §2.3.4), without a dot at the end.
    private mutating func domainName(at word: Int) -> String? {
        var name = string(word)
        if name.hasSuffix(".") { name.removeLast() }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.isEmpty || name.utf8.count <= 253 && labels.allSatisfy({ (1...63).contains($0.count) }) else {
            refuse("`\(string(word))` isn't a domain name: labels of 1 to 63 bytes, 253 in all", at: word)
            return nil
        }
        return name
    }
}

extension ServiceTransport {
    /// TCP, UDP or SCTP.
    var name: String {
        switch self {
        case .tcp: "TCP"
        case .udp: "UDP"
        case .sctp: "SCTP"
        }
    }
}
