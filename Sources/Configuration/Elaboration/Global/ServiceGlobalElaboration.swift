import Base
import ConfigurationModel

/// global_defs of the load balancer and of mail.
extension Elaborator {
    // MARK: - Mail

    mutating func mailRecipients(_ block: Statement) {
        forEach(inside: block) { $0.recipients($1) }
        if model.global.mail.recipients.isEmpty {
            report(.warning, "`notification_email` names no recipient: no mail is sent", at: block.token)
        }
    }

    mutating func mailSender(_ statement: Statement) {
        guard !statement.words.isEmpty else { return refuseMissing(statement) }
        model.global.mail.sender = mailbox(statement.words)
    }

    mutating func connectTimeout(_ statement: Statement) {
        guard let value = integer(statement), let word = statement.words.first else { return }
        if value == 0 { report(.warning, "`smtp_connect_timeout 0` means 1", at: word) }
        model.global.mail.connectTimeout = .seconds(Int64(max(1, value)))
    }

    /// `off`, `starttls` or `tls`.
    mutating func mailProtection(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let names: [String: MailProtection] = ["off": .off, "starttls": .starttls, "tls": .tls]
        guard let protection = names[string(word)] else {
            return refuse("`\(string(word))` isn't off, starttls or tls", at: word)
        }
        model.global.mail.protection = protection
    }

    /// `USER file:PATH`. A password in the configuration would be in each copy of it.
    mutating func mailLogin(_ statement: Statement) {
        guard let first = statement.words.first, statement.words.count > 1 else { return refuseMissing(statement) }
        ignore(statement.words.dropFirst(2))
        let file = string(first + 1)
        guard file.hasPrefix("file:/") else {
            return refuse("the password stands in a file: `smtp_auth \(string(first)) file:/PATH`", at: first + 1)
        }
        model.global.mail.login = MailLogin(user: string(first), passwordFile: String(file.dropFirst(5)))
        services.mailLogin = first
    }

    /// After all of global_defs was read.
    mutating func checkMail() {
        guard model.global.mail.login != nil, model.global.mail.protection == .off, let token = services.mailLogin
        else { return }
        report(
            .warning, "the password is sent as clear text: `smtp_tls starttls` or `smtp_tls tls` encrypts it", at: token
        )
    }

    /// One line of recipients: `Name <a@b>`, or addresses with blanks between them.
    private mutating func recipients(_ entry: Statement) {
        let isNamed = entry.words.contains { bytes($0).contains(UInt8(ascii: "<")) }
        if isNamed {
            if entry.words.count > 1 {
                report(
                    .warning,
                    "keepalived takes this for \(entry.words.count) recipients: write `\"\(mailbox(entry.words))\"`",
                    at: entry.token)
            }
            return add(recipient: mailbox(entry.words), at: entry.token)
        }
        for word in entry.words { add(recipient: string(word), at: word) }
    }

    private mutating func add(recipient: String, at word: Int) {
        if !recipient.utf8.contains(Byte.at) {
            report(.warning, "`\(recipient)` has no `@`: only the relay can know who that is", at: word)
        }
        if model.global.mail.recipients.contains(recipient) {
            return report(.warning, "`\(recipient)` is listed already", at: word)
        }
        model.global.mail.recipients.append(recipient)
    }

    private func mailbox(_ words: Range<Int>) -> String { words.map { string($0) }.joined(separator: " ") }

    /// True if a name could be one of a host: no label begins with a hyphen, and the last isn't a number, because then an
    /// IPv4 address was meant (RFC 1123 section 2.1). Underscores are taken, as resolvers do.
    private static func isHostName(_ name: String) -> Bool {
        let labels = name.hasSuffix(".") ? name.dropLast() : name[...]
        let parts = labels.split(separator: ".", omittingEmptySubsequences: false)
        let isSpelled = parts.allSatisfy { part in
            part.utf8.allSatisfy { Byte.isName($0) || $0 == UInt8(ascii: "-") } && !part.isEmpty && part.first != "-"
        }
        return isSpelled && parts.last.map { !$0.utf8.allSatisfy(Byte.isDigit) } == true
    }

    /// `HOST [PORT]`.
    mutating func mailRelay(_ statement: Statement) {
        guard let first = statement.words.first else { return refuseMissing(statement) }
        ignore(statement.words.dropFirst(2))
        let host = string(first)
        guard IPAddress(host) != nil || Self.isHostName(host) else {
            return refuse("`\(host)` isn't a host name or an IP address", at: first)
        }
        if statement.words.count > 1 {
            guard let port = port(at: first + 1) else { return }
            model.global.mail.relayPort = port
        }
        model.global.mail.relay = host
    }

    /// A mail that is asked for and has no way out. It runs when everything was read.
    mutating func checkMailsAreSent() {
        let mail = model.global.mail
        let missing =
            mail.relay == nil ? "smtp_server" : mail.recipients.isEmpty ? "notification_email" : nil
        guard let missing, !misplaced.has(missing), !statements.contains(where: { $0.row.name == missing }) else {
            return
        }
        let asks = ["smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker"]
        let first = statements.first { statement in
            guard asks.contains(statement.row.name) else { return false }
            return statement.words.first.map { Configuration.boolean(string($0)) == true } ?? true
        }
        guard let first else { return }
        report(
            .warning,
            "no mail is sent, because `\(missing)` is missing in global_defs: set it, or take `\(first.row.name)` out",
            at: first.token)
    }

    // MARK: - IPVS

    mutating func tableNamespace(_ statement: Statement) {
        let name = firstWord(statement) ?? ""
        model.global.daemon.ipvsNamespace = name
        guard environment.interfaces != nil, let word = statement.words.first,
            files.identity(of: "/run/netns/\(name)") == nil
        else { return }
        report(
            .warning,
            "there is no network namespace `\(name)` (/run/netns/\(name)), and without it no virtual server is set up: make "
                + "it (`ip netns add \(name)`) before hasupd starts", at: word, code: .machine)
    }

    mutating func flushOnStop(_ statement: Statement) {
        model.global.balancer.flushAtStop = .everything
        guard let word = statement.words.first else { return }
        guard text.matches(text.tokens[word], "VS") else {
            // A misspelled word must not widen what is removed.
            model.global.balancer.flushAtStop = .none
            return refuse("`\(string(word))` isn't `VS`; nothing is flushed", at: word)
        }
        model.global.balancer.flushAtStop = .ownServices
    }

    mutating func balancerFIFO(_ statement: Statement) {
        guard let first = statement.words.first else { return refuseMissing(statement) }
        guard bytes(first).first == Byte.slash else { return refuse("a FIFO's path begins with `/`", at: first) }
        var fifo = NotifyFIFO(path: string(first))
        fifo.owner = identity(statement.words.dropFirst(), loss: "the FIFO can't be given to")
        model.global.balancer.notifyFIFO = fifo
    }

    /// `tcp N tcpfin N udp N`, any of them.
    mutating func timeouts(_ statement: Statement) {
        if statement.words.isEmpty { refuseMissing(statement) }
        var next = statement.words.lowerBound
        while next < statement.words.upperBound {
            let option = next
            next += 2
            let name = string(option)
            guard ["tcp", "tcpfin", "udp"].contains(name) else {
                refuse("`\(name)` isn't tcp, tcpfin or udp", at: option)
                next = option + 1
                continue
            }
            guard option + 1 < statement.words.upperBound else { return refuse("`\(name)` needs a value", at: option) }
            guard let value = integer(at: option + 1, statement.row.limits ?? Limits.seconds, for: name) else {
                continue
            }
            // 0 leaves the kernel's.
            let timeout = value == 0 ? nil : Interval.seconds(Int64(value))
            switch name {
            case "tcp": model.global.balancer.tcpTimeout = timeout
            case "tcpfin": model.global.balancer.tcpFinTimeout = timeout
            default: model.global.balancer.udpTimeout = timeout
            }
        }
    }

    /// `IF [inst] INSTANCE [id N] [maxlen N] [port N] [ttl N] [group ADDR]`.
    mutating func syncDaemon(_ statement: Statement) {
        guard let first = statement.words.first, statement.words.count > 1 else { return refuseMissing(statement) }
        guard let interface = interfaceName(at: first) else { return }
        guard isKnown(interface: interface) else {
            return refuse(missing(interface: interface).followed(by: "the sync daemon isn't started"), at: first)
        }
        sync = SyncDaemonSettings(interface: interface, instance: "")
        var words = WordCursor(first + 1..<statement.words.upperBound)
        while let option = words.take() {
            if let row = KeywordList.syncDaemon[string(option)] {
                guard let value = value(of: option, in: &words) else { return }
                row.effect?(&self, Statement(row, token: option, words: value..<value + 1, place: statement.place))
            } else if sync.instance.isEmpty {
                syncInstance(at: option)
            } else if unknownOption(option, of: .syncDaemon, end: words.end) {
                _ = words.take()
            }
        }
        guard !sync.instance.isEmpty else {
            return refuse("`lvs_sync_daemon` needs the name of a vrrp_instance after the interface", at: first)
        }
        model.global.balancer.syncDaemon = sync
    }

    mutating func syncInstance(at word: Int) {
        sync.instance = string(word)
        services.syncInstance = word
    }

    mutating func syncGroupAddress(_ option: Statement) {
        guard let group = address(option) else { return }
        guard group.isMulticast else {
            return refuse("`\(group)` isn't a multicast address", at: option.words.lowerBound)
        }
        sync.group = group
    }

    /// The sync daemon follows an instance, which has to exist. It runs when all instances are known.
    mutating func checkSyncInstance() {
        guard let token = services.syncInstance, let daemon = model.global.balancer.syncDaemon,
            names[daemon.instance] == nil, !tries("vrrp_instance", named: daemon.instance)
        else { return }
        let hint = nearestWord(to: daemon.instance, among: names.keys.sorted()).map { "; did you mean `\($0)`?" } ?? ""
        report(
            .error, "there is no vrrp_instance `\(daemon.instance)` for lvs_sync_daemon to follow\(hint)", at: token)
    }
}
