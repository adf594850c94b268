import Base

/// One check of a real server, with everything it inherits from the real and the virtual server filled in.
package struct CheckSettings: Record {
    package var kind: CheckKind
    /// The address that it is done at; nil for MISC_CHECK, FILE_CHECK and BFD_CHECK, which have none.
    package var endpoint: CheckEndpoint?
    /// When it is done; nil for FILE_CHECK and BFD_CHECK, which are told.
    package var schedule: CheckSchedule?
    /// alpha: it counts as failed until its first success.
    package var startsDown = false
    /// log_all_failures: each failed attempt is logged, not only the one that decides.
    package var logsAllFailures = false

    package init(kind: CheckKind, endpoint: CheckEndpoint? = nil, schedule: CheckSchedule? = nil) {
        self.kind = kind
        self.endpoint = endpoint
        self.schedule = schedule
    }

    /// True if a body has to match a regular expression, or must not.
    package var hasPattern: Bool {
        if case .http(let check) = kind { check.requests.contains { $0.pattern != nil } } else { false }
    }

    /// True for MISC_CHECK.
    package var isScript: Bool { if case .script = kind { true } else { false } }

    /// True for SSL_GET.
    package var isEncrypted: Bool { if case .http(let check) = kind { check.isEncrypted } else { false } }

    /// Replaces a script's arguments, which may have passwords, by a number that is another one for others.
    ///
    /// - Parameter known: arguments by their numbers. Others whose hash is the same get the next number.
    mutating func hideArguments(_ known: inout [UInt64: [String]]) {
        guard case .script(var script) = kind else { return }
        var hash = FNV1a()
        for argument in script.arguments { hash.add([UInt8](argument.utf8) + [0]) }
        var number = hash.value
        while let other = known[number], other != script.arguments { number &+= 1 }
        known[number] = script.arguments
        script.arguments = [String(number, radix: 16)]
        kind = .script(script)
    }

    package init() { self.init(kind: .ping) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &kind)
        try fields.field("", &endpoint)
        try fields.field("", &schedule)
        try fields.field("alpha", &startsDown)
        try fields.field("log_all_failures", &logsAllFailures)
        // What each kind has is part of its meaning; nobody has to ask again.
        try fields.require((endpoint != nil) == kind.hasEndpoint && (schedule != nil) == kind.hasSchedule)
    }
}

/// When a check runs.
package struct CheckSchedule: Record {
    /// delay_loop: from one check to the next.
    package var interval: Interval
    /// retry: failures that are tried again before one counts.
    package var retries: Int
    package var delayBeforeRetry: Interval
    /// warmup: the first check begins at random within this time.
    package var warmup: Interval
    package init(interval: Interval, retries: Int, delayBeforeRetry: Interval, warmup: Interval) {
        self.interval = interval
        self.retries = retries
        self.delayBeforeRetry = delayBeforeRetry
        self.warmup = warmup
    }

    package init() { self.init(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("delay_loop", &interval, in: Limits.positive)
        try fields.field("retry", &retries, in: Limits.rounds)
        try fields.field("delay_before_retry", &delayBeforeRetry)
        try fields.field("warmup", &warmup)
    }
}

/// Both ends of a check's connection.
package struct CheckEndpoint: Record {
    /// connect_ip, or the real server's address.
    package var address: IPAddress
    /// connect_port, or the real server's port; 0 only for PING_CHECK.
    package var port: UInt16
    /// connect_timeout, for the connection and for each wait after it.
    package var timeout: Interval
    /// bindto: the local address, of the same family.
    package var localAddress: IPAddress?
    /// bind_port; 0 for any.
    package var localPort: UInt16 = 0
    package var localInterface: String?
    /// fwmark that the check's packets carry.
    package var firewallMark: UInt32 = 0
    /// linger: the connection ends with FIN, as keepalived's do.
    package var lingers = false
    package init(address: IPAddress, port: UInt16, timeout: Interval) {
        self.address = address
        self.port = port
        self.timeout = timeout
    }

    package init() { self.init(address: IPAddress(v4: 0), port: 0, timeout: .seconds(1)) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("connect_ip", &address)
        try fields.field("connect_port", &port)
        try fields.field("connect_timeout", &timeout, in: Limits.positive)
        try fields.field("bindto", &localAddress)
        try fields.require(localAddress?.family ?? address.family == address.family)
        try fields.field("bind_port", &localPort)
        try fields.field("bind_if", &localInterface)
        try fields.field("fwmark", &firewallMark)
        try fields.field("linger", &lingers)
    }
}

package enum CheckKind: Choice {
    case tcp
    /// HTTP_GET and SSL_GET.
    indirect case http(HTTPCheck)
    /// SMTP_CHECK, with the name it introduces itself by.
    indirect case smtp(heloName: String)
    indirect case dns(DNSQuery)
    indirect case udp(UDPProbe)
    case ping
    /// MISC_CHECK.
    indirect case script(ScriptCheck)
    indirect case file(FileCheck)
    /// BFD_CHECK, with the name of the session.
    indirect case bfd(session: String)

    /// Made for each use: a leak checker takes boxes that only a static array of indirect cases holds for lost.
    package static var cases: [Self] {
        [
            .tcp, .http(HTTPCheck()), .smtp(heloName: ""), .dns(DNSQuery()), .udp(UDPProbe()), .ping,
            .script(ScriptCheck()), .file(FileCheck()), .bfd(session: ""),
        ]
    }
    package var number: UInt8 {
        switch self {
        case .tcp: 0
        case .http: 1
        case .smtp: 2
        case .dns: 3
        case .udp: 4
        case .ping: 5
        case .script: 6
        case .file: 7
        case .bfd: 8
        }
    }
    /// The keyword of a number: HTTP_GET also for SSL_GET.
    package static func keyword(ofNumber number: UInt8) -> String {
        switch number {
        case 0: "TCP_CHECK"
        case 1: "HTTP_GET"
        case 2: "SMTP_CHECK"
        case 3: "DNS_CHECK"
        case 4: "UDP_CHECK"
        case 5: "PING_CHECK"
        case 6: "MISC_CHECK"
        case 7: "FILE_CHECK"
        default: "BFD_CHECK"
        }
    }
    package var keyword: String { Self.keyword(ofNumber: number) }
    fileprivate var hasSchedule: Bool {
        switch self {
        case .file, .bfd: false
        default: true
        }
    }
    fileprivate var hasEndpoint: Bool { if case .script = self { false } else { hasSchedule } }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        switch self {
        case .tcp: fields.word("TCP_CHECK")
        case .http(var check):
            try fields.field("HTTP_GET", &check)
            self = .http(check)
        case .smtp(var heloName):
            try fields.field("SMTP_CHECK", &heloName)
            self = .smtp(heloName: heloName)
        case .dns(var query):
            try fields.field("DNS_CHECK", &query)
            self = .dns(query)
        case .udp(var probe):
            try fields.field("UDP_CHECK", &probe)
            self = .udp(probe)
        case .ping: fields.word("PING_CHECK")
        case .script(var check):
            try fields.field("MISC_CHECK", &check)
            self = .script(check)
        case .file(var check):
            try fields.field("FILE_CHECK", &check)
            self = .file(check)
        case .bfd(var session):
            try fields.field("BFD_CHECK", &session)
            self = .bfd(session: session)
        }
    }
}

/// HTTP_GET and SSL_GET.
package struct HTTPCheck: Record {
    /// True for SSL_GET.
    package var isEncrypted: Bool
    package var version = HTTPVersion.http10
    /// fast_recovery: no delay between requests while the check isn't up.
    package var recoversFast = false
    /// url blocks; never empty.
    package var requests: [HTTPRequest]
    package init(isEncrypted: Bool, requests: [HTTPRequest] = []) {
        self.isEncrypted = isEncrypted
        self.requests = requests
    }

    package init() { self.init(isEncrypted: false) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("SSL", &isEncrypted)
        try fields.field("http_protocol", &version)
        try fields.field("fast_recovery", &recoversFast)
        try fields.list("url", &requests)
        try fields.require(!requests.isEmpty)
    }
}

/// http_protocol.
package enum HTTPVersion: UInt8, FieldValue {
    /// 1.0.
    case http10 = 0
    /// 1.1, with `Connection: close`.
    case http11 = 1
    /// 1.0C: 1.0 with `Connection: close`.
    case http10WithClose = 2
}

/// One url block.
package struct HTTPRequest: Record {
    package var path: String
    /// virtualhost: the Host header; nil for the address and port that are connected to.
    package var host: String?
    /// Name for TLS server name indication; nil for none.
    package var serverName: String?
    /// tls_compliant: a connection that ends without close-notify is a failure.
    package var isTLSCompliant = false
    /// digest: MD5 of the body, 16 bytes; nil for any.
    package var digest: [UInt8]?
    /// status_code: accepted ones, in order and without overlaps.
    package var statusCodes: [ClosedRange<UInt16>] = [200...299]
    package var pattern: BodyPattern?
    package init(path: String) { self.path = path }

    package init() { self.init(path: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("path", &path)
        try fields.field("virtualhost", &host)
        try fields.field("sni_name", &serverName)
        try fields.field("tls_compliant", &isTLSCompliant)
        try fields.field("digest", &digest)
        try fields.require(digest?.count ?? 16 == 16)
        try fields.list("status_code", &statusCodes)
        try fields.require(statusCodes.allSatisfy { (100...599).contains($0.lowerBound) && $0.upperBound <= 599 })
        try fields.field("regex", &pattern)
    }
}

/// A regular expression that a body has to match, or must not.
package struct BodyPattern: Record {
    /// The expression in PCRE2's language, not empty. Whether it compiles is found out where it is used.
    package var expression: [UInt8]
    /// regex_no_match: a match is the failure.
    package var mustNotMatch = false
    package var options: [PatternOption] = []
    /// regex_min_offset: a match begins here or later, in bytes.
    package var minimumOffset = 0
    /// regex_max_offset: a match begins before this place, in bytes; nil for anywhere.
    package var maximumOffset: Int?
    package init(expression: [UInt8]) { self.expression = expression }

    package init() { self.init(expression: []) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &expression)
        try fields.field("regex_no_match", &mustNotMatch)
        try fields.list("regex_options", &options)
        try fields.field("regex_min_offset", &minimumOffset, in: Limits.number)
        try fields.field("regex_max_offset", &maximumOffset, in: Limits.number)
    }
}

/// Compile options of PCRE2 (pcre2api(3)), by their names in lower case.
package enum PatternOption: String, FieldValue, CaseIterable {
    case allowEmptyClass = "allow_empty_class"
    case alternativeEscapes = "alt_bsux"
    case automaticCallout = "auto_callout"
    case caseless
    case dollarEndOnly = "dollar_endonly"
    case dotAll = "dotall"
    case duplicateNames = "dupnames"
    case extended
    case firstLine = "firstline"
    case matchUnsetReferences = "match_unset_backref"
    case multiline
    case neverProperties = "never_ucp"
    case neverUTF = "never_utf"
    case noAutomaticCapture = "no_auto_capture"
    case noAutomaticPossessive = "no_auto_possess"
    case noDotStarAnchor = "no_dotstar_anchor"
    case noStartOptimization = "no_start_optimize"
    case properties = "ucp"
    case ungreedy
    case utf
    case neverSingleUnit = "never_backslash_c"
    case alternativeCircumflex = "alt_circumflex"
    case alternativeVerbNames = "alt_verbnames"
    case useOffsetLimit = "use_offset_limit"
}

package struct DNSQuery: Record {
    package var type = DNSRecordType.startOfAuthority
    /// name, without a dot at the end; empty for the root.
    package var name = ""
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("type", &type)
        try fields.field("name", &name)
    }
}

/// Record types that DNS_CHECK asks for, by IANA's numbers.
package enum DNSRecordType: UInt16, FieldValue, CaseIterable {
    case address = 1
    case nameServer = 2
    case canonicalName = 5
    case startOfAuthority = 6
    case mailExchange = 15
    case text = 16
    case address6 = 28
    case signature = 46
    case key = 48

    /// As it is written in zone files.
    package var name: String {
        switch self {
        case .address: "A"
        case .nameServer: "NS"
        case .canonicalName: "CNAME"
        case .startOfAuthority: "SOA"
        case .mailExchange: "MX"
        case .text: "TXT"
        case .address6: "AAAA"
        case .signature: "RRSIG"
        case .key: "DNSKEY"
        }
    }
}

package struct UDPProbe: Record {
    /// payload; nil for the checker's own.
    package var payload: [UInt8]?
    /// require_reply: silence is a failure.
    package var requiresReply = false
    /// The required beginning of the reply; empty for any reply.
    package var reply: [ReplyByte] = []
    /// min_reply_length, in bytes.
    package var minimumReplyLength = 0
    /// max_reply_length, in bytes.
    package var maximumReplyLength = 255
    package init() {}

    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("payload", &payload)
        try fields.field("require_reply", &requiresReply)
        try fields.list("", &reply)
        try fields.field("min_reply_length", &minimumReplyLength, in: Limits.datagram)
        try fields.field("max_reply_length", &maximumReplyLength, in: Limits.datagram)
    }
}

/// One byte of an expected reply: a received byte fits when it equals `value` in the bits of `mask`.
package struct ReplyByte: Record {
    /// Expected bits; 0 where the mask is 0.
    package var value: UInt8
    /// Bits that count; a wildcard digit clears four of them.
    package var mask: UInt8
    package init(value: UInt8, mask: UInt8) {
        self.value = value & mask
        self.mask = mask
    }

    package init() { self.init(value: 0, mask: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &value)
        try fields.field("", &mask)
        try fields.require(value & ~mask == 0)
    }
}

/// MISC_CHECK.
package struct ScriptCheck: Record {
    package var arguments: [String]
    package var identity: ScriptIdentity?
    /// misc_timeout: it is killed after this long.
    package var timeout: Interval
    /// misc_dynamic: exit status 2 to 255 sets the weight to the status less two.
    package var setsWeight = false
    package init(arguments: [String], timeout: Interval) {
        self.arguments = arguments
        self.timeout = timeout
    }

    package init() { self.init(arguments: [], timeout: .zero) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.command("misc_path", &arguments)
        try fields.field("user", &identity)
        try fields.field("misc_timeout", &timeout)
        try fields.field("misc_dynamic", &setsWeight)
    }
}

package struct FileCheck: Record {
    /// Name of a track_file block.
    package var tracker: String
    /// Factor of the file's value in the server's weight; 0: a value other than 0 is a failure.
    package var weight = 1
    package var isReversed = false
    package init(tracker: String) { self.tracker = tracker }

    package init() { self.init(tracker: "") }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("track_file", &tracker)
        try fields.field("weight", &weight, in: -Limits.weight.upperBound...Limits.weight.upperBound)
        try fields.field("reverse", &isReversed)
    }
}
