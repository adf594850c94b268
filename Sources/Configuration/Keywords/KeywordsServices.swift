import Base
import ConfigurationModel

// Rows of virtual_server and the checks. A table: one row a line, so the formatter keeps off.
extension KeywordList {
    // swift-format-ignore
    static let tlsClient = KeywordList { r in
        r.text("password", "STR", default: "none", traits: .secret, .acts, "pass phrase of key, a secret", \.model.tlsClient.password)
        r.text("ca", "FILE", default: "none (system default not loaded)", .acts, "authorities that complete the chain of certificate; servers aren't verified", \.model.tlsClient.authorities)
        r.text("certificate", "FILE", default: "none", .acts, "client certificate, with those between it and its authority", \.model.tlsClient.certificate)
        r.text("key", "FILE", default: "none", .acts, "client private key", \.model.tlsClient.key)
    }

    // swift-format-ignore
    static let serverGroup = KeywordList { r in
        r.row("(entry)", .words("ADDR [PORT]"), default: "port 0 = any (persistent)", .acts, "one VIP:port")
        r.row("(range)", .words("ADDR-LAST [PORT]"), note: "LAST = last octet/hex group, or whole address", .acts, "address range")
        r.row("(mask)", .words("ADDR/LEN [PORT]"), note: "host bits must be zero", .acts, "address block")
        r.row("fwmark", .number("N [inet|inet6]", Limits.mark), default: "family from vs", .acts, "firewall mark")
    }

    // swift-format-ignore
    static let virtualServer = KeywordList { r in
        r.row("ip_family", .words("inet|inet6"), default: "from address or real servers", note: "fwmark/group only", .acts, "address family") { $0.set(\.service.family, family: $1) }
        r.integer("retry", Limits.retries, default: "checker default (1; MISC 0; DNS 3)", .acts, "default retries for checkers", \.service.defaults.retries)
        r.timer("delay_before_retry", Limits.timesOrNone, default: "checker default (1 s; HTTP 3 s; DNS delay_loop)", .acts, "default delay between retries", \.service.defaults.delayBeforeRetry)
        r.timer("warmup", Limits.timesOrNone, default: "= delay_loop", .acts, "max random initial delay; 0 = check at once", \.service.defaults.warmup)
        r.timer("connect_timeout", Limits.times, default: "5", .acts, "default checker connect timeout", \.service.defaults.timeout)
        r.timer("delay_loop", Limits.times, default: "60", .acts, "default interval between checks", \.service.defaults.interval)
        r.flag("inhibit_on_failure", .acts, "on failure set weight 0 instead of removing", \.service.isInhibitedOnFailure)
        r.row("lb_algo", .words("rr|wrr|lc|wlc|lblc|lblcr|sh|mh|dh|fo|ovf|sed|nq|twos"), default: "wlc (warning)", note: "exactly these names; others = config error, ignored", .acts, "IPVS scheduler") { $0.scheduler($1) }
        r.row("lvs_sched", .words("as lb_algo"), .acts, "alias of lb_algo") { $0.scheduler($1) }
        r.row("hashed", .flag, default: "no effect", .accepted("the kernel knows it by the scheduler"), "sets the hashed flag of IPVS, which the kernel sets itself")
        r.flag("ops", note: "UDP", .acts, "one packet scheduling", \.service.settings.schedulesSinglePackets)
        r.flag("flag-1", .acts, "scheduler flag 1", \.service.settings.schedulerFlags[.first])
        r.flag("flag-2", .acts, "scheduler flag 2", \.service.settings.schedulerFlags[.second])
        r.flag("flag-3", .acts, "scheduler flag 3", \.service.settings.schedulerFlags[.third])
        r.flag("sh-port", note: "sched sh first", .acts, "include port in hash", \.service.settings.schedulerFlags[.second])
        r.flag("sh-fallback", note: "sched sh first", .acts, "fallback on unavailable server", \.service.settings.schedulerFlags[.first])
        r.flag("mh-port", note: "sched mh first", .acts, "include port in hash", \.service.settings.schedulerFlags[.second])
        r.flag("mh-fallback", note: "sched mh first", .acts, "fallback on unavailable server", \.service.settings.schedulerFlags[.first])
        r.row("lb_kind", .words("NAT|DR|TUN [type ipip|gue port N [nocsum|csum|remcsum]|gre [nocsum|csum]]"), default: "NAT (warning)", .acts, "forwarding method") { $0.set(\.service.settings.forwarding, forwarding: $1) }
        r.row("lvs_method", .words("as lb_kind"), .acts, "alias of lb_kind") { $0.set(\.service.settings.forwarding, forwarding: $1) }
        r.row("persistence_engine", .words("NAME"), default: "none", note: "<=15, e.g. sip", .acts, "persistence engine") { $0.persistenceEngine($1) }
        r.row("persistence_timeout", .optionalInteger("[SECS]", 1...2_678_400, unit: .seconds), default: "off; no arg = 360", .acts, "client affinity") { $0.persistenceTimeout($1) }
        r.row("persistence_granularity", .words("NETMASK (v4) | LEN (v6)"), default: "/32, /128", note: "v6 1..128", .acts, "affinity prefix; implies timeout 360") { $0.service.granularityPlace = $0.word(of: $1) ?? $0.service.granularityPlace }
        r.row("protocol", .words("TCP|UDP|SCTP"), default: "UDP with warning if unset (not fwmark)", note: "case-insensitive", .acts, "L4 protocol") { $0.transport($1) }
        r.flag("ha_suspend", .acts, "checks run only while VIP is on this host", \.service.settings.suspendsWithoutAddress)
        r.boolean("smtp_alert", default: "global, else false", .acts, "mail on quorum change", \.service.sendsMail)
        r.text("virtualhost", "STR", default: "none", .acts, "default Host header for HTTP checks", \.service.host)
        r.text("snmp_name", "STR", default: "none", .typed, "name in SNMP", \.service.settings.snmpName)
        r.row("alpha", .flag, default: "off", .acts, "default alpha for real servers") { $0.service.defaults.startsDown = $0.flag($1) }
        r.flag("omega", .acts, "run down notifications at shutdown", \.service.settings.notifiesAtShutdown)
        r.row("quorum_up", .command, .acts, "run when quorum is gained") { $0.notify(.up, $1, into: \.service.settings.scripts) }
        r.row("quorum_down", .command, .acts, "run when quorum is lost") { $0.notify(.down, $1, into: \.service.settings.scripts) }
        r.integer("quorum", 1...Int(UInt32.max), default: "1", note: "reduced if > total weight", .acts, "live weight for service", \.service.settings.quorum)
        r.integer("hysteresis", 0...Int(UInt32.max), default: "0", note: "below quorum", .acts, "hysteresis on live weight", \.service.settings.hysteresis)
        r.integer("weight", 1...Limits.weight.upperBound, default: "1", .acts, "default RS weight", \.service.weight)
        r.row("sorry_server", .words("IP [PORT]"), default: "none", traits: .once, .acts, "server used when quorum is lost; only one") { $0.sorryServer($1) }
        r.flag("sorry_server_inhibit", .acts, "inhibit rule for sorry server", \.service.isSorryInhibited)
        r.row("sorry_server_lvs_method", .words("as lb_kind"), default: "as virtual server", .acts, "forwarding for sorry server") { $0.set(\.service.sorryForwarding, forwarding: $1) }
        r.row("real_server", .block(.realServer, "IP [PORT] block"), note: "port 0/omitted = VS port", .acts, "real server") { $0.realServer($1) }
    }

    // swift-format-ignore
    static let realServer = KeywordList { r in
        r.integer("weight", Limits.weight, default: "VS weight (1)", note: "kernel limit", .acts, "weight", \.server.settings.weight)
        r.row("lvs_method", .words("as VS"), default: "VS value", .acts, "forwarding method") { $0.set(\.server.settings.forwarding, forwarding: $1) }
        r.integer("uthreshold", 0...Int(UInt32.max), default: "0", .acts, "upper connection limit", \.server.settings.upperThreshold)
        r.row("lthreshold", .integer(0...Int(UInt32.max)), default: "0", note: "<= uthreshold", .acts, "lower connection limit") { $0.lowerThreshold($1) }
        r.boolean("inhibit_on_failure", default: "VS value", .acts, "as VS", \.server.settings.isInhibitedOnFailure)
        r.row("notify_up", .command, .acts, "run when RS goes up") { $0.notify(.up, $1, into: \.server.settings.scripts) }
        r.row("notify_down", .command, .acts, "run when RS goes down") { $0.notify(.down, $1, into: \.server.settings.scripts) }
        r.boolean("alpha", default: "VS value", .acts, "start in down state", \.server.defaults.startsDown)
        r.integer("retry", Limits.retries, default: "VS value", .acts, "default for checkers", \.server.defaults.retries)
        r.timer("delay_before_retry", Limits.timesOrNone, default: "VS value", .acts, "default for checkers", \.server.defaults.delayBeforeRetry)
        r.timer("warmup", Limits.timesOrNone, default: "VS value", .acts, "default for checkers", \.server.defaults.warmup)
        r.timer("connect_timeout", Limits.times, default: "VS value", .acts, "default for checkers", \.server.defaults.timeout)
        r.timer("delay_loop", Limits.times, default: "VS value", .acts, "default for checkers", \.server.defaults.interval)
        r.boolean("smtp_alert", default: "global, else TRUE", .acts, "mail on RS/checker change", \.server.settings.sendsMail)
        r.text("virtualhost", "STR", default: "VS value", .acts, "Host header", \.server.host)
        r.text("snmp_name", "STR", default: "none", .typed, "name in SNMP", \.server.settings.snmpName)
        r.row("HTTP_GET", .block(.httpCheck), .acts, "HTTP check") { $0.httpCheck($1, isEncrypted: false) }
        r.row("SSL_GET", .block(.httpCheck), .acts, "HTTPS check") { $0.httpCheck($1, isEncrypted: true) }
        r.row("TCP_CHECK", .block(.connectionCheck), .acts, "connect check") { $0.networkCheck($1, .tcp, over: .tcp) }
        r.row("SMTP_CHECK", .block(.smtpCheck), .acts, "SMTP dialogue check") { $0.smtpCheck($1) }
        r.row("DNS_CHECK", .block(.dnsCheck), .acts, "DNS query check") { $0.dnsCheck($1) }
        r.row("MISC_CHECK", .block(.scriptCheck), .acts, "external program check") { $0.scriptCheck($1) }
        r.row("UDP_CHECK", .block(.udpCheck), .acts, "UDP probe") { $0.udpCheck($1) }
        r.row("PING_CHECK", .block(.networkCheck), .acts, "ICMP echo check") { $0.networkCheck($1, .ping, over: nil) }
        r.row("FILE_CHECK", .block(.fileCheck), .acts, "tracked-file check") { $0.fileCheck($1) }
        r.row("BFD_CHECK", .block(.sessionCheck), .typed, "BFD session check") { $0.sessionCheck($1) }
    }

    // swift-format-ignore
    static let httpCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 1", delay: "RS/VS or 3 s")
        r.linger()
        r.integer("nb_get_retry", Limits.rounds, note: "deprecated", traits: .deprecated, .acts, "alias of retry", \.check.defaults.retries)
        r.text("virtualhost", "STR", default: "RS, VS", .acts, "Host header", \.check.http.host)
        r.row("http_protocol", .words("1.0|1.1|1.0C|1.0c"), default: "1.0", note: "1.0C = 1.0 + Connection: close", .acts, "HTTP version") { $0.httpVersion($1) }
        r.row("enable_sni", .boolean, default: "off", note: "SSL", .acts, "send SNI") { $0.tls($1) { $0.set(\.check.http.sendsName, boolean: $1) } }
        r.row("sni_name", .words("[NAME]"), default: "url/checker/vs virtualhost", note: "SSL", .acts, "SNI name, implies SNI") { $0.tls($1) { $0.serverName($1) } }
        r.boolean("fast_recovery", default: "off", .acts, "no delay between URLs while checker is not up (first run/recovery)", \.check.http.settings.recoversFast)
        r.row("tls_compliant", .boolean, default: "off", note: "SSL", .acts, "strict shutdown") { $0.tls($1) { $0.set(\.check.http.isTLSCompliant, boolean: $1) } }
        r.row("url", .block(.url), default: "required, repeatable", .acts, "request")
    }

    // swift-format-ignore
    static let url = KeywordList { r in
        r.row("path", .words("STR"), default: "required", .acts, "request target") { $0.requestPath($1) }
        r.row("digest", .words("MD5HEX"), default: "none", note: "32 hex", .acts, "expected MD5 of body") { $0.digest($1) }
        r.row("status_code", .number("N|N-M ...", 100...599), default: "200-299", .acts, "accepted status codes") { $0.statusCodes($1) }
        r.text("virtualhost", "STR", default: "checker, RS, VS", .acts, "Host header", \.request.host)
        r.row("regex", .words("PATTERN (quoted)"), default: "none", note: "PCRE2", .acts, "body must match") { $0.pattern($1) }
        r.row("regex_no_match", .flag, default: "off", .acts, "body must not match") { $0.patternSetting($1) { $0.request.mustNotMatch = $0.flag($1) } }
        r.row("regex_options", .words("NAME..."), default: "none", note: "allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit", .acts, "PCRE2 compile options; unknown names silently ignored") { $0.patternSetting($1) { $0.patternOptions($1) } }
        r.row("regex_min_offset", .integer(0...Int(UInt32.max), unit: .bytes), default: "0", .acts, "match may not start before") { $0.patternSetting($1) { $0.set(\.request.minimumOffset, $1) } }
        r.row("regex_max_offset", .integer(0...Int(UInt32.max), unit: .bytes), default: "unlimited", .acts, "match may not start after") { $0.patternSetting($1) { $0.set(\.request.maximumOffset, $1) } }
        r.row("regex_stack", .words("START MAX", unit: .bytes), default: "pcre default", .notYet, "PCRE2 JIT stack") { $0.request.patternPlace = $1.token }
        r.boolean("tls_compliant", default: "checker value", note: "SSL only", .acts, "strict close-notify", \.request.isTLSCompliant)
    }

    // swift-format-ignore
    static let networkCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 1", delay: "RS/VS or 1 s")
    }

    // swift-format-ignore
    static let connectionCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 1", delay: "RS/VS or 1 s")
        r.linger()
    }

    // swift-format-ignore
    static let smtpCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 1", delay: "RS/VS or 1 s")
        r.text("helo_name", "STR", default: "smtpchecker.keepalived.org", .acts, "HELO argument", \.check.heloName)
        r.row("host", .block(.networkCheck), note: "deprecated", traits: .deprecated, .acts, "several targets; common options")
    }

    // swift-format-ignore
    static let dnsCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 3", delay: "RS/VS or delay_loop")
        r.row("type", .words("A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY"), default: "SOA", .acts, "query type") { $0.recordType($1) }
        r.row("name", .words("DOMAIN"), default: ".", .acts, "query name") { $0.domainName($1) }
    }

    // swift-format-ignore
    static let scriptCheck = KeywordList { r in
        r.schedule(retries: "RS/VS or 0", delay: "RS/VS or 1 s")
        r.row("misc_path", .command("\"CMD ARGS\" (one quoted word)"), default: "required", note: "words after the first are dropped", .acts, "program") { $0.checkCommand($1) }
        r.row("misc_timeout", .integer(Limits.seconds, unit: .seconds), default: "VS delay_loop", .acts, "kill after") { $0.checkTime($1) }
        r.flag("misc_dynamic", .acts, "exit 2..255 sets weight code-2", \.check.script.setsWeight)
        r.row("user", .words("USER [[:]GROUP]"), default: "script_user", .acts, "identity") { $0.checkUser($1) }
    }

    // swift-format-ignore
    static let udpCheck = KeywordList { r in
        r.networkCheck(retries: "RS/VS or 1", delay: "RS/VS or 1 s")
        r.row("payload", .words("HEX"), .acts, "datagram content") { $0.payload($1) }
        r.row("require_reply", .words("[HEX with X wildcards]"), default: "off", .acts, "a reply (matching) is needed") { $0.reply($1) }
        r.integer("min_reply_length", 0...65_535, unit: .bytes, default: "0", .acts, "min reply length", \.check.probe.minimumReplyLength)
        r.integer("max_reply_length", 0...65_535, unit: .bytes, default: "255", .acts, "max reply length", \.check.probe.maximumReplyLength)
    }

    // swift-format-ignore
    static let sessionCheck = KeywordList { r in
        r.row("name", .words("NAME"), default: "required", note: "existing bfd_instance", .typed, "session") { $0.checkedSession($1) }
        r.boolean("alpha", default: "RS/VS", .typed, "starts down", \.check.defaults.startsDown)
    }

    // swift-format-ignore
    static let fileCheck = KeywordList { r in
        r.row("track_file", .words("NAME"), default: "required", .acts, "tracked file") { $0.checkedFile($1) }
        r.row("weight", .number("INT [reverse|noreverse]", Limits.fileCheckWeight), default: "weight of track_file (1)", .acts, "value*weight added to RS weight; 0 = non-zero value is failure (zero when reverse)") { $0.fileWeight($1) }
    }
}

// Rows that several checks share.
extension KeywordRows {
    // swift-format-ignore
    fileprivate mutating func networkCheck(retries: String, delay: String) {
        row("connect_ip", .words("ADDR"), default: "RS address", .acts, "destination") { $0.set(\.check.address, address: $1) }
        integer("connect_port", Limits.port, default: "RS port", .acts, "destination port", \.check.port)
        row("bindto", .words("ADDR"), default: "none", .acts, "local address") { $0.localAddress($1) }
        integer("bind_port", Limits.port, default: "none", .acts, "local port", \.check.localPort)
        row("bind_if", .words("IF"), default: "none", .acts, "bind to device (SO_BINDTODEVICE; needed for link-local)") { $0.localInterface($1) }
        timer("connect_timeout", Limits.times, default: "RS/VS (5)", .acts, "timeout for connect and each I/O wait", \.check.defaults.timeout)
        integer("fwmark", 0...Int(UInt32.max), default: "0", .acts, "SO_MARK", \.check.firewallMark)
        schedule(retries: retries, delay: delay)
    }

    // swift-format-ignore
    fileprivate mutating func linger() {
        boolean("linger", default: "off", traits: .own, .acts, "end connections with the handshake's third acknowledgement and FIN, for servers or firewalls that mind a reset; each leaves a socket in TIME_WAIT for a minute", \.check.lingers)
    }

    // swift-format-ignore
    fileprivate mutating func schedule(retries: String, delay: String) {
        integer("retry", Limits.rounds, default: retries, .acts, "retries before failing", \.check.defaults.retries)
        timer("delay_before_retry", Limits.timesOrNone, default: delay, .acts, "delay between retries", \.check.defaults.delayBeforeRetry)
        timer("warmup", Limits.timesOrNone, default: "RS/VS or delay_loop", .acts, "max random initial delay", \.check.defaults.warmup)
        timer("delay_loop", Limits.times, default: "RS/VS (60)", .acts, "check interval", \.check.defaults.interval)
        boolean("alpha", default: "RS/VS", .acts, "this checker starts down", \.check.defaults.startsDown)
        boolean("log_all_failures", default: "global", .acts, "log each failure", \.check.logsAllFailures)
    }
}
