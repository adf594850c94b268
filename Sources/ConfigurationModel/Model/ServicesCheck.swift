import Base

/// One check of a real server, with everything it inherits from the real and the virtual server filled in.
package struct CheckSettings: Hashable, Sendable {
    /// What is done.
    package var kind: CheckKind
    /// Where it is done; nil for MISC_CHECK, FILE_CHECK and BFD_CHECK, which address nobody.
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
}

/// When a check runs.
package struct CheckSchedule: Hashable, Sendable {
    /// delay_loop: from one check to the next.
    package var interval: Interval
    /// retry: failures that are tried again before one counts.
    package var retries: Int
    package var delayBeforeRetry: Interval
    /// warmup: the first check begins at random within this time.
    package var warmup: Interval
    /// A schedule.
    package init(interval: Interval, retries: Int, delayBeforeRetry: Interval, warmup: Interval) {
        self.interval = interval
        self.retries = retries
        self.delayBeforeRetry = delayBeforeRetry
        self.warmup = warmup
    }
}

/// Both ends of a check's connection.
package struct CheckEndpoint: Hashable, Sendable {
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
    /// bind_if.
    package var localInterface: String?
    /// fwmark that the check's packets carry.
    package var firewallMark: UInt32 = 0
    /// An endpoint without anything local.
    package init(address: IPAddress, port: UInt16, timeout: Interval) {
        self.address = address
        self.port = port
        self.timeout = timeout
    }
}

/// What a check does.
package enum CheckKind: Hashable, Sendable {
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
}

/// HTTP_GET and SSL_GET.
package struct HTTPCheck: Hashable, Sendable {
    /// Whether the connection is encrypted: SSL_GET.
    package var isEncrypted: Bool
    /// http_protocol.
    package var version = HTTPVersion.http10
    /// fast_recovery: no delay between requests while the check isn't up.
    package var recoversFast = false
    /// url blocks; never empty.
    package var requests: [HTTPRequest]
    /// A check with these requests.
    package init(isEncrypted: Bool, requests: [HTTPRequest] = []) {
        self.isEncrypted = isEncrypted
        self.requests = requests
    }
}

/// http_protocol.
package enum HTTPVersion: UInt8, Hashable, Sendable {
    /// 1.0.
    case http10 = 0
    /// 1.1, with `Connection: close`.
    case http11 = 1
    /// 1.0C: 1.0 with `Connection: close`.
    case http10WithClose = 2
}

/// One url block.
package struct HTTPRequest: Hashable, Sendable {
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
    /// regex.
    package var pattern: BodyPattern?
    /// A request for a path.
    package init(path: String) { self.path = path }
}

/// A regular expression that a body has to match, or must not.
package struct BodyPattern: Hashable, Sendable {
    /// The expression in PCRE2's language, not empty. Whether it compiles is found out where it is used.
    package var expression: [UInt8]
    /// regex_no_match: a match is the failure.
    package var mustNotMatch = false
    /// regex_options.
    package var options: [PatternOption] = []
    /// regex_min_offset: a match begins here or later, in bytes.
    package var minimumOffset = 0
    /// regex_max_offset: a match begins before this place, in bytes; nil for anywhere.
    package var maximumOffset: Int?
    /// A pattern.
    package init(expression: [UInt8]) { self.expression = expression }
}

/// Compile options of PCRE2 (pcre2api(3)), by their names in lower case.
package enum PatternOption: String, Hashable, Sendable, CaseIterable {
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

package struct DNSQuery: Hashable, Sendable {
    package var type = DNSRecordType.startOfAuthority
    /// name, without a dot at the end; empty for the root.
    package var name = ""
    /// The root's SOA record.
    package init() {}
}

/// Record types that DNS_CHECK asks for, by IANA's numbers.
package enum DNSRecordType: UInt16, Hashable, Sendable, CaseIterable {
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

package struct UDPProbe: Hashable, Sendable {
    /// payload; nil for the checker's own.
    package var payload: [UInt8]?
    /// require_reply: silence is a failure.
    package var requiresReply = false
    /// What the reply has to begin with; empty for anything.
    package var reply: [ReplyByte] = []
    /// min_reply_length, in bytes.
    package var minimumReplyLength = 0
    /// max_reply_length, in bytes.
    package var maximumReplyLength = 255
    /// keepalived's defaults.
    package init() {}
}

/// One byte of an expected reply: a received byte fits when it equals `value` in the bits of `mask`.
package struct ReplyByte: Hashable, Sendable {
    /// Expected bits; 0 where the mask is 0.
    package var value: UInt8
    /// Bits that count; a wildcard digit clears four of them.
    package var mask: UInt8
    /// An expectation.
    package init(value: UInt8, mask: UInt8) {
        self.value = value & mask
        self.mask = mask
    }
}

/// MISC_CHECK.
package struct ScriptCheck: Hashable, Sendable {
    /// The program and its arguments.
    package var arguments: [String]
    /// user; nil for the default.
    package var identity: ScriptIdentity?
    /// misc_timeout: it is killed after this long.
    package var timeout: Interval
    /// misc_dynamic: exit status 2 to 255 sets the weight to the status less two.
    package var setsWeight = false
    /// A script.
    package init(arguments: [String], timeout: Interval) {
        self.arguments = arguments
        self.timeout = timeout
    }
}

package struct FileCheck: Hashable, Sendable {
    /// Name of a track_file block.
    package var tracker: String
    /// Factor of the file's value in the server's weight; 0: a value other than 0 is a failure.
    package var weight = 1
    /// reverse.
    package var isReversed = false
    /// A check of this file.
    package init(tracker: String) { self.tracker = tracker }
}
