import Base
import ConfigurationModel

/// Settings of global_defs for instances that don't say otherwise.
struct InstanceDefaults {
    var version: VRRPVersion?
    var group4 = IPAddress(v4: 0xe000_0012)
    var group6 = IPAddress(v6High: 0xff02 << 48, low: 0x12)
    var delay: Interval?
    var rounds: Int?
    var refresh: Interval?
    var refreshRounds: Int?
    var lowerPriorityDelay: Interval?
    var lowerPriorityRounds: Int?
    var sendsFewAnnouncements = false
    var downTimerAdverts = 3
    var lowerPriorityNoAdvert = false
    var checkUnicastSource = false
    var skipsAddressListCheck = false
    var checksumWithoutPseudoHeader = false
    /// vrrp_strict and its kin.
    var options: InstanceOptions = []
    var extraAnnouncements: ExtraAnnouncements?
    /// Keywords whose value can't be read, each with the place of the error: what instances follow is unknown.
    var slips: [String: SourceLocation] = [:]
    /// The result for instances.
    private(set) var announcements = AnnouncementSettings()

    /// Puts the announcement settings together: what wasn't said of lower-priority bursts follows the master's.
    mutating func finish() {
        if let refresh { announcements.refresh = refresh }
        if let refreshRounds { announcements.refreshRounds = refreshRounds }
        announcements.delay = delay ?? (sendsFewAnnouncements ? .zero : .seconds(5))
        announcements.rounds = rounds ?? (sendsFewAnnouncements ? 1 : 5)
        announcements.lowerPriorityDelay = lowerPriorityDelay ?? announcements.delay
        announcements.lowerPriorityRounds = lowerPriorityRounds ?? announcements.rounds
    }
}

extension Elaborator {
    mutating func globals(_ block: Statement) {
        forEach(inside: block) { elaborator, statement in
            let (refusals, mark) = (elaborator.refusals, elaborator.diagnostics.mark)
            elaborator.perform(statement)
            if elaborator.refusals > refusals { elaborator.noteSlip(in: statement, since: mark) }
        }
        for keyword in RouterIdentity.defaults.keys {
            guard let token = misplaced.place(of: keyword, in: block.place) else { continue }
            defaults.slips[keyword] = text.location(text.tokens[token])
        }
    }

    /// Puts together what depends on the order of statements, and looks at programs, now that it is known who runs scripts
    /// that don't say a user.
    mutating func finishGlobals() {
        defaults.finish()
        // smtp_alert_vrrp wins over smtp_alert, wherever they stand.
        if model.global.mail.isDefaultOfInstances ?? model.global.mail.isDefault ?? false {
            defaults.options.insert(.sendsMail)
        }
        if let timeout = shared.startupTimeout { model.global.daemon.startupScript?.timeout = timeout }
        if let timeout = shared.shutdownTimeout { model.global.daemon.shutdownScript?.timeout = timeout }
        model.global.agent.serviceStatisticsAge = shared.serviceAge ?? model.global.agent.serviceStatisticsAge
        model.global.agent.serverStatisticsAge = shared.serverAge ?? model.global.agent.serviceStatisticsAge
        if let script = services.fifoScript, model.global.balancer.notifyFIFO != nil {
            shared.pendingPrograms.append(
                (ScriptUse(program: script.arguments[0], identity: script.identity), script.token))
            noteScript(at: script.token)
            model.global.balancer.notifyFIFO?.script = script.arguments
            model.global.balancer.notifyFIFO?.scriptIdentity = script.identity
        }
        checkFIFOs()
        checkMail()
        for (use, token) in shared.pendingPrograms { _ = checkProgram(use, at: token) }
    }

    mutating func dynamicInterfaces(_ statement: Statement) {
        model.global.dynamicInterfaces = true
        guard let word = statement.words.first else { return }
        if text.matches(text.tokens[word], "allow_if_changes") {
            model.global.links.allowsTypeChanges = true
            report(.warning, "`allow_if_changes` isn't handled yet and has no effect", at: word)
        } else {
            refuse("`dynamic_interfaces` takes nothing or allow_if_changes", at: word)
        }
    }

    mutating func realtimePriority(_ statement: Statement) {
        guard let value = integer(statement), let word = statement.words.first else { return }
        let used = min(max(value, 1), 99)
        if used != value { report(.warning, "a realtime priority is 1 to 99; \(used) is used", at: word) }
        model.global.realtimePriority = used
    }

    /// A multicast group of this family.
    mutating func set(_ path: KeywordRow.Path<IPAddress>, group statement: Statement, _ family: AddressFamily) {
        guard let word = word(of: statement), let address = host(at: word) else { return }
        guard address.family == family, address.isMulticast else {
            return refuse("`\(address)` isn't an \(family == .ipv4 ? "IPv4" : "IPv6") multicast address", at: word)
        }
        self[keyPath: path] = address
    }

    /// A gap between announcements. keepalived's samples say 0, and keepalived complains about it and goes on.
    mutating func set(_ path: KeywordRow.Path<Interval>, gap statement: Statement) {
        guard let value = seconds(statement), let word = statement.words.first else { return }
        if value == .zero { report(.warning, "`\(string(statement.token)) 0` means no gap, as without it", at: word) }
        self[keyPath: path] = value
    }
}
