import Base
import ConfigurationModel

/// Settings of checks that virtual servers, real servers and checks may have; nil where nothing is said.
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
    /// The check's statement.
    var block = Statement.none
    var defaults = CheckDefaults()
    var logsAllFailures = false
    var address = IPAddress(v4: 0)
    var port: UInt16 = 0
    var local: (address: IPAddress, token: Int)?
    var localPort: UInt16 = 0
    var localInterface: String?
    var firewallMark: UInt32 = 0
    var lingers = false
    var heloName = "smtpchecker.keepalived.org"
    var http = HTTPCheckDraft()
    var query = DNSQuery()
    var probe = UDPProbe()
    /// The keyword `require_reply`.
    var replyPlace: Int?
    var script = ScriptCheckDraft()
    var file: FileCheck?
    var fileWeight: (value: Int, isReversed: Bool)?
    /// The session of BFD_CHECK.
    var session: String?

    /// The check's keyword.
    var name: String { block.row.name }
    var token: Int { block.token }
}

extension Elaborator {
    /// Begins to read a check of the real server. - Returns: blocks in it, which inherit from it.
    @discardableResult
    mutating func readCheck(_ block: Statement) -> [Statement] {
        check = CheckDraft()
        check.block = block
        check.defaults = server.defaults
        check.logsAllFailures = services.logsAllFailures
        check.address = server.settings.address
        check.port = server.checkedPort
        var blocks: [Statement] = []
        forEach(inside: block) { elaborator, statement in
            if statement.row.shape == .block { blocks.append(statement) } else { elaborator.perform(statement) }
        }
        return blocks
    }

    /// A check without keywords of its own.
    mutating func networkCheck(_ block: Statement, _ kind: CheckKind, over transport: ServiceTransport?) {
        readCheck(block)
        finish(kind, over: transport)
    }

    mutating func localAddress(_ statement: Statement) {
        if let word = word(of: statement), let value = address(at: word) { check.local = (value, word) }
    }

    mutating func localInterface(_ statement: Statement) {
        guard let word = word(of: statement), let name = interfaceName(at: word) else { return }
        guard isKnown(interface: name) else {
            return refuse(missing(interface: name).followed(by: "the check isn't bound to it"), at: word)
        }
        check.localInterface = name
    }

    /// Appends a check over the network with its defaults filled in.
    mutating func finish(_ kind: CheckKind, over transport: ServiceTransport?) {
        let draft = check
        guard draft.port != 0 || transport == nil else {
            return refuse(
                "`\(draft.name)` needs `connect_port`, because the real server has no port; the check is left out",
                at: draft.token, code: .check)
        }
        if let transport, let served = server.transport, served != transport {
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
                    "`bindto` isn't of the family of `\(draft.address)`; it is ignored", at: local.token,
                    atStart: .inMessage
                )
            }
        }
        endpoint.localPort = draft.localPort
        endpoint.localInterface = draft.localInterface
        endpoint.firewallMark = draft.firewallMark
        endpoint.lingers = draft.lingers
        if endpoint.address.isLinkLocal, draft.localInterface == nil {
            report(
                .warning, "`\(endpoint.address)` is link-local: without `bind_if` it can't be reached", at: draft.token)
        }
        append(kind, endpoint)
    }

    /// Appends a check. The defaults of a schedule depend on what is checked.
    mutating func append(_ kind: CheckKind, _ endpoint: CheckEndpoint? = nil) {
        let draft = check
        let interval = draft.defaults.interval ?? .seconds(60)
        let (retries, delay): (Int, Interval) =
            switch kind {
            case .http: (1, .seconds(3))
            case .dns: (3, interval)
            case .script: (0, .seconds(1))
            default: (1, .seconds(1))
            }
        var settings = CheckSettings(kind: kind, endpoint: endpoint)
        switch kind {
        case .file, .bfd: break
        default:
            settings.schedule = CheckSchedule(
                interval: interval, retries: draft.defaults.retries ?? retries,
                delayBeforeRetry: draft.defaults.delayBeforeRetry ?? delay, warmup: draft.defaults.warmup ?? interval)
        }
        settings.startsDown = draft.defaults.startsDown ?? false
        settings.logsAllFailures = draft.logsAllFailures
        server.settings.checks.append(settings)
    }

    // MARK: - SMTP and DNS

    mutating func smtpCheck(_ block: Statement) {
        let hosts = readCheck(block)
        guard !hosts.isEmpty else { return finish(.smtp(heloName: check.heloName), over: .tcp) }
        // The old form with several targets: each is a check with what stands outside the `host` blocks in common.
        let common = check
        for host in hosts {
            check = common
            perform(inside: host)
            finish(.smtp(heloName: check.heloName), over: .tcp)
        }
    }

    mutating func dnsCheck(_ block: Statement) {
        readCheck(block)
        finish(.dns(check.query), over: .udp)
    }

    mutating func recordType(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let name = string(word)
        guard let type = DNSRecordType.allCases.first(where: { $0.name == name.uppercased() }) else {
            let known = DNSRecordType.allCases.map(\.name).joined(separator: ", ")
            return refuse("`type` is \(known), not `\(name)`; SOA is asked for", at: word)
        }
        check.query.type = type
    }

    /// A domain name whose labels fit into a query (RFC 1035 §2.3.4), without a dot at the end.
    mutating func domainName(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        var name = string(word)
        if name.hasSuffix(".") { name.removeLast() }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.isEmpty || name.utf8.count <= 253 && labels.allSatisfy({ (1...63).contains($0.count) }) else {
            return refuse("`\(string(word))` isn't a domain name: labels of 1 to 63 bytes, 253 in all", at: word)
        }
        check.query.name = name
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
