import Base
import ConfigurationModel

/// What global_defs says about instances that don't say otherwise.
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
    /// smtp_alert_vrrp, or smtp_alert when that isn't said.
    var sendsMail = false
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
    mutating func elaborateGlobal(_ place: Int) {
        forEach(inside: place) { elaborator, statement, child in
            let keyword = elaborator.keyword(child)
            let (refusals, mark) = (elaborator.refusals, elaborator.diagnostics.mark)
            defer {
                if elaborator.refusals > refusals { elaborator.noteSlip(in: keyword, statement, since: mark) }
            }
            if !elaborator.serviceGlobal(statement, keyword, child) { elaborator.globalStatement(statement, keyword) }
        }
        for keyword in RouterIdentity.defaults.keys {
            guard let token = attempts.place(of: keyword, in: place) else { continue }
            defaults.slips[keyword] = text.location(text.tokens[token])
        }
    }

    private mutating func globalStatement(_ statement: Statement, _ name: String) {
        switch name {
        case "router_id": if let word = word(of: statement) { model.global.routerID = string(word) }
        case "dynamic_interfaces":
            model.global.dynamicInterfaces = true
            guard let word = statement.words.first else { return }
            if text.matches(text.tokens[word], "allow_if_changes") {
                model.global.links.allowsTypeChanges = true
                report(.warning, "`allow_if_changes` isn't handled yet and has no effect", at: word)
            } else {
                refuse("`dynamic_interfaces` takes nothing or allow_if_changes", at: word)
            }
        case "adopt_leftovers": model.global.adoptsLeftovers = flag(statement)
        case "script_user":
            if let identity = identity(statement.words) {
                model.global.scriptUser = identity
            } else {
                refuse("`script_user` needs USER [[:]GROUP]", at: statement.token)
            }
        case "enable_script_security": model.global.scriptSecurity = flag(statement)
        case "set_supplementary_groups":
            if let value = boolean(statement) { model.global.supplementaryGroups = value }
        case "vrrp_startup_delay":
            if let value = seconds(statement, 1_000...4_294_967_295) { model.global.startupDelay = value }
        case "vrrp_rt_priority":
            guard let word = word(of: statement), let value = integer(at: word, 0...Int(Int32.max), for: name) else {
                return
            }
            if !(1...99).contains(value) {
                report(.warning, "a realtime priority is 1 to 99; \(min(max(value, 1), 99)) is used", at: word)
            }
            model.global.realtimePriority = min(max(value, 1), 99)
        case "vrrp_garp_interval": if let value = gap(statement) { model.global.garpInterval = value }
        case "vrrp_gna_interval": if let value = gap(statement) { model.global.gnaInterval = value }
        default: globalDefault(statement, name)
        }
    }

    private mutating func globalDefault(_ statement: Statement, _ name: String) {
        switch name {
        case "vrrp_version":
            if let value = integer(statement, 2...3) { defaults.version = VRRPVersion(rawValue: UInt8(value)) }
        case "vrrp_mcast_group4": if let value = group(statement, .ipv4) { defaults.group4 = value }
        case "vrrp_mcast_group6": if let value = group(statement, .ipv6) { defaults.group6 = value }
        case "vrrp_garp_master_delay":
            if let value = wholeSeconds(statement, Limits.shortSeconds) { defaults.delay = value }
        case "vrrp_garp_master_repeat": if let value = rounds(statement) { defaults.rounds = value }
        case "vrrp_garp_master_refresh": if let value = wholeSeconds(statement) { defaults.refresh = value }
        case "vrrp_garp_master_refresh_repeat": if let value = rounds(statement) { defaults.refreshRounds = value }
        case "vrrp_garp_lower_prio_delay":
            if let value = wholeSeconds(statement, Limits.shortSeconds) { defaults.lowerPriorityDelay = value }
        case "vrrp_garp_lower_prio_repeat":
            if let value = integer(statement, Limits.rounds) { defaults.lowerPriorityRounds = value }
        case "vrrp_min_garp": if let value = boolean(statement) { defaults.sendsFewAnnouncements = value }
        case "vrrp_down_timer_adverts":
            if let value = integer(statement, Limits.downTimerAdverts) { defaults.downTimerAdverts = value }
        case "vrrp_lower_prio_no_advert": if let value = boolean(statement) { defaults.lowerPriorityNoAdvert = value }
        case "vrrp_check_unicast_src": defaults.checkUnicastSource = flag(statement)
        case "vrrp_skip_check_adv_addr": if let value = boolean(statement) { defaults.skipsAddressListCheck = value }
        // The preprocessor obeyed it, as later lines are made with it.
        case "random_seed": _ = integer(statement, 0...Int(UInt32.max))
        case "v3_checksum_as_v2": defaults.checksumWithoutPseudoHeader = flag(statement)
        default: daemonStatement(statement, name)
        }
    }

    /// A multicast group of this family.
    mutating func group(_ statement: Statement, _ family: AddressFamily) -> IPAddress? {
        guard let word = word(of: statement), let address = host(at: word) else { return nil }
        guard address.family == family, address.isMulticast else {
            refuse("`\(address)` isn't an \(family == .ipv4 ? "IPv4" : "IPv6") multicast address", at: word)
            return nil
        }
        return address
    }

    mutating func wholeSeconds(_ statement: Statement, _ limits: ClosedRange<Int> = Limits.seconds) -> Interval? {
        integer(statement, limits).map { .seconds(Int64($0)) }
    }

    /// A gap between announcements. keepalived's samples say 0, and keepalived complains about it and goes on.
    private mutating func gap(_ statement: Statement) -> Interval? {
        let value = seconds(statement, Limits.gap)
        if value == .zero, let word = statement.words.first {
            report(.warning, "`\(string(statement.token)) 0` means no gap, as without it", at: word)
        }
        return value
    }

    /// A number of rounds; 0 means 1, as in keepalived.
    mutating func rounds(_ statement: Statement) -> Int? {
        guard let value = integer(statement, Limits.rounds), let word = statement.words.first else { return nil }
        if value == 0 { report(.warning, "`\(string(statement.token)) 0` means 1", at: word) }
        return max(1, value)
    }
}
