import Base
import ConfigurationModel

/// global_defs of the load balancer and of mail.
extension Elaborator {
    /// - Returns: whether the keyword is one of these.
    mutating func serviceGlobal(_ statement: Statement, _ name: String, _ place: Int) -> Bool {
        guard table.keywords[statement.row].isTyped else { return false }
        // The parser counted it as one without effect.
        let ignored = model.ignoredSettings
        defer { model.ignoredSettings = ignored }
        return mailGlobal(statement, name, place) || balancerGlobal(statement, name)
            || checkerGlobal(statement, name)
    }

    /// Puts together what depends on the order of statements.
    mutating func finishServiceGlobals() {
        guard let script = services.fifoScript else { return }
        model.global.balancer.notifyFIFO?.script = script.arguments
        model.global.balancer.notifyFIFO?.scriptIdentity = script.identity
    }

    // MARK: - Mail

    private mutating func mailGlobal(_ statement: Statement, _ name: String, _ place: Int) -> Bool {
        switch name {
        case "notification_email":
            forEach(inside: place) { elaborator, entry, _ in elaborator.recipients(entry) }
            if model.global.mail.recipients.isEmpty {
                report(.warning, "`notification_email` names nobody: no mail is sent", at: statement.token)
            }
        case "notification_email_from":
            if statement.words.isEmpty {
                refuseMissing(statement)
            } else {
                model.global.mail.sender = mailbox(statement.words)
            }
        case "smtp_server": relay(statement)
        case "smtp_helo_name": if let word = word(of: statement) { model.global.mail.heloName = string(word) }
        case "smtp_connect_timeout":
            guard let value = integer(statement, Limits.shortSeconds), let word = statement.words.first else {
                return true
            }
            if value == 0 { report(.warning, "`smtp_connect_timeout 0` means 1", at: word) }
            model.global.mail.connectTimeout = .seconds(Int64(max(1, value)))
        case "smtp_alert": if let value = boolean(statement) { model.global.mail.isDefault = value }
        case "smtp_alert_vrrp": if let value = boolean(statement) { model.global.mail.isDefaultOfInstances = value }
        case "smtp_alert_checker": if let value = boolean(statement) { model.global.mail.isDefaultOfServers = value }
        case "no_email_faults": model.global.mail.omitsFaults = flag(statement)
        case "no_checker_emails": if let value = boolean(statement) { model.global.mail.omitsChecks = value }
        default: return false
        }
        return true
    }

    /// One line of recipients: `Name <a@b>`, or addresses with blanks between them.
    private mutating func recipients(_ entry: Statement) {
        let isNamed = entry.words.contains { bytes($0).contains(UInt8(ascii: "<")) }
        if isNamed { return add(recipient: mailbox(entry.words), at: entry.token) }
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

    /// Whether a name could be one of a host: no label begins with a hyphen, and the last isn't a number, because then an
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
    private mutating func relay(_ statement: Statement) {
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

    // MARK: - IPVS

    private mutating func balancerGlobal(_ statement: Statement, _ name: String) -> Bool {
        switch name {
        case "lvs_timeouts": timeouts(statement)
        case "lvs_flush": model.global.balancer.flushesAtStart = flag(statement)
        case "lvs_flush_on_stop", "lvs_flush_onstop":
            model.global.balancer.flushAtStop = .everything
            guard let word = statement.words.first else { return true }
            guard text.matches(text.tokens[word], "VS") else {
                // A misspelled word must not widen what is removed.
                model.global.balancer.flushAtStop = .none
                refuse("`\(string(word))` isn't `VS`; nothing is flushed", at: word)
                return true
            }
            model.global.balancer.flushAtStop = .ownServices
        case "lvs_sync_daemon": syncDaemon(statement)
        case "rs_init_notifies":
            if let value = boolean(statement) { model.global.balancer.notifiesInitialState = value }
        case "lvs_notify_fifo":
            guard let first = statement.words.first else {
                refuseMissing(statement)
                return true
            }
            guard bytes(first).first == Byte.slash else {
                refuse("a FIFO's path begins with `/`", at: first)
                return true
            }
            var fifo = NotifyFIFO(path: string(first))
            fifo.owner = identity(statement.words.dropFirst())
            model.global.balancer.notifyFIFO = fifo
        case "lvs_notify_fifo_script": services.fifoScript = script(statement)
        default: return false
        }
        return true
    }

    /// `tcp N tcpfin N udp N`, any of them.
    private mutating func timeouts(_ statement: Statement) {
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
            guard let value = integer(at: option + 1, 0...2_678_400, for: name) else { continue }
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
    private mutating func syncDaemon(_ statement: Statement) {
        guard let first = statement.words.first, statement.words.count > 1 else { return refuseMissing(statement) }
        guard let interface = interfaceName(at: first) else { return }
        guard isKnown(interface: interface) else {
            return refuse(missing(interface: interface).followed(by: "the sync daemon isn't started"), at: first)
        }
        var daemon = SyncDaemonSettings(interface: interface, instance: "")
        var next = first + 1
        while next < statement.words.upperBound {
            let option = next
            let name = string(option)
            next += 1
            if daemon.instance.isEmpty, name != "inst", !Self.syncOptions.contains(name) {
                daemon.instance = name
                services.syncInstance = option
                continue
            }
            guard name == "inst" || Self.syncOptions.contains(name) else {
                if unknownOption(option, in: "global_defs/lvs_sync_daemon (option)", end: statement.words.upperBound) {
                    next += 1
                }
                continue
            }
            guard next < statement.words.upperBound else { return refuse("`\(name)` needs a value", at: option) }
            syncOption(name, value: next, &daemon)
            next += 1
        }
        guard !daemon.instance.isEmpty else {
            return refuse("`lvs_sync_daemon` needs the name of a vrrp_instance after the interface", at: first)
        }
        model.global.balancer.syncDaemon = daemon
    }

    private static var syncOptions: [String] { ["id", "maxlen", "port", "ttl", "group"] }

    private mutating func syncOption(_ name: String, value: Int, _ daemon: inout SyncDaemonSettings) {
        switch name {
        case "inst":
            daemon.instance = string(value)
            services.syncInstance = value
        case "id": if let number = integer(at: value, 0...255, for: name) { daemon.identifier = UInt8(number) }
        case "maxlen":
            if let number = integer(at: value, 1...65_507, for: name) { daemon.maximumLength = UInt16(number) }
        case "port": if let number = port(at: value) { daemon.port = number }
        case "ttl": if let number = integer(at: value, 1...255, for: name) { daemon.timeToLive = UInt8(number) }
        default:
            guard let group = address(at: value) else { return }
            guard group.isMulticast else { return refuse("`\(group)` isn't a multicast address", at: value) }
            daemon.group = group
        }
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

    // MARK: - The checker's process

    private mutating func checkerGlobal(_ statement: Statement, _ name: String) -> Bool {
        switch name {
        case "checker_log_all_failures": if let value = boolean(statement) { services.logsAllFailures = value }
        case "checker_priority":
            if let value = integer(statement, -20...19) { model.global.balancer.process.nice = value }
        case "checker_no_swap": model.global.balancer.process.locksMemory = flag(statement)
        case "checker_rt_priority":
            if let value = integer(statement, 1...99) { model.global.balancer.process.realtimePriority = value }
        case "checker_cpu_affinity":
            if statement.words.isEmpty { refuseMissing(statement) }
            for word in statement.words {
                guard let number = integer(at: word, Limits.processor, for: "a CPU's number") else { continue }
                model.global.balancer.process.processors.append(number)
            }
        case "checker_rlimit_rttime":
            if let value = integer(statement, 2...4_294_967_295) {
                model.global.balancer.process.realtimeLimit = .microseconds(Int64(value))
            }
        default: return false
        }
        return true
    }
}
