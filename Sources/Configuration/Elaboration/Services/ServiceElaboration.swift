import Base
import ConfigurationModel

/// What the blocks of the load balancer need to know of each other while they are read.
struct ServiceContext {
    /// checker_log_all_failures.
    var logsAllFailures = false
    /// Tokens of the names of bfd_instance blocks.
    var sessions: [String: Int] = [:]
    /// Places of track_file blocks by their names.
    var trackers: [String: Int] = [:]
    /// Groups by name: the index in the model and the token of the name.
    var groups: [String: (index: Int, token: Int)] = [:]
    /// First token of each virtual server of the model.
    var tokens: [Int] = []
    /// The instance's name in lvs_sync_daemon.
    var syncInstance: Int?
    /// lvs_notify_fifo_script, until the FIFO is known.
    var fifoScript: (arguments: [String], identity: ScriptIdentity?)?
}

/// A virtual_server block while it is read.
struct ServiceDraft {
    var settings: VirtualServerSettings
    /// The statement's place.
    let place: Int
    /// The keyword `virtual_server`.
    let token: Int
    /// Whether its address could be read; without one it isn't set up whatever else it says.
    var hasAddress = true
    /// Where the last statement with this keyword begins.
    var places: [String: Int] = [:]
    /// What real servers and checks inherit.
    var defaults = CheckDefaults()
    var weight = 1
    var isInhibitedOnFailure = false
    var sendsMail: Bool?
    var host: String?
    /// ip_family.
    var family: AddressFamily?
    var persistenceTimeout: Interval?
    /// The mask or length of persistence_granularity.
    var granularityPlace: Int?
    var engine: String?
    var sorryForwarding: Forwarding?
    var sorryAddress: (address: IPAddress, port: UInt16, token: Int)?
    var isSorryInhibited = false
    /// Real servers so far, with their tokens.
    var servers: [ServerKey: Int] = [:]
    /// The keyword of each real server of the settings.
    var serverTokens: [Int] = []
}

extension Elaborator {
    /// Reads everything that concerns the load balancer. Groups, sessions and tracked files may stand after the
    /// virtual servers that name them.
    mutating func elaborateServices() {
        // The parser counted every statement of these blocks as one without effect, the wrong ones included.
        let ignored = model.ignoredSettings
        defer { model.ignoredSettings = ignored }
        finishServiceGlobals()
        checkSyncInstance()
        var servers: [Int] = []
        for place in topLevel() {
            switch keyword(place) {
            case "virtual_server_group": elaborateGroup(place)
            case "virtual_server": servers.append(place)
            case "SSL": elaborateTLS(place)
            case "bfd_instance": if let name = statements[place].words.first { services.sessions[string(name)] = name }
            case "track_file", "vrrp_track_file":
                if let name = statements[place].words.first { services.trackers[string(name)] = place }
            default: break
            }
        }
        model.virtualServers.reserveCapacity(servers.count)
        for place in servers { elaborateService(place) }
        checkServicesAgainstEachOther()
    }

    private mutating func elaborateTLS(_ place: Int) {
        var keyPlace: Int?
        var passwordPlace: Int?
        forEach(inside: place) { elaborator, statement, child in
            guard let word = elaborator.word(of: statement) else { return }
            let value = elaborator.string(word)
            switch elaborator.keyword(child) {
            case "password":
                elaborator.model.tlsClient.password = value
                passwordPlace = statement.token
            case "ca": elaborator.model.tlsClient.authorities = value
            case "certificate": elaborator.model.tlsClient.certificate = value
            case "key":
                elaborator.model.tlsClient.key = value
                keyPlace = statement.token
            default: break
            }
        }
        if let keyPlace, model.tlsClient.certificate == nil, !tries("certificate", in: place) {
            report(.error, "`key` has no effect without `certificate`", at: keyPlace)
        }
        if let passwordPlace, model.tlsClient.key == nil, !tries("key", in: place) {
            report(.warning, "`password` belongs to a key, and there is no `key` here", at: passwordPlace)
        }
    }

    /// Reads one virtual_server block and appends it to the model.
    private mutating func elaborateService(_ place: Int) {
        let block = statements[place]
        let address = serviceAddress(block)
        // What is wrong in the block is said although there is no service to be made of it.
        var draft = ServiceDraft(
            settings: VirtualServerSettings(
                address: address ?? likelyAddress(block), location: text.location(text.tokens[block.token])),
            place: place, token: block.token)
        draft.hasAddress = address != nil
        // Real servers and checks inherit what stands after them, too.
        forEach(inside: place) { elaborator, statement, child in
            let keyword = elaborator.keyword(child)
            guard keyword != "real_server" else { return }
            draft.places[keyword] = statement.token
            elaborator.serviceStatement(statement, keyword, &draft)
        }
        decideService(&draft)
        forEach(inside: place) { elaborator, statement, child in
            guard elaborator.keyword(child) == "real_server" else { return }
            elaborator.elaborateRealServer(child, &draft)
        }
        applyServiceRules(&draft)
        guard address != nil else { return }
        model.virtualServers.append(draft.settings)
        services.tokens.append(draft.token)
    }

    /// Of the family that a wrong address seems to have.
    private func likelyAddress(_ block: Statement) -> ServiceAddress {
        // One colon separates a port.
        let isIPv6 = block.words.first.map { bytes($0).count { $0 == UInt8(ascii: ":") } > 1 } ?? false
        return .address(isIPv6 ? IPAddress(v6High: 0, low: 1) : IPAddress(v4: 1), port: 1)
    }

    /// `ADDRESS [PORT]`, `fwmark N` or `group NAME`.
    private mutating func serviceAddress(_ block: Statement) -> ServiceAddress? {
        guard let first = block.words.first else {
            refuse("`virtual_server` needs ADDRESS [PORT], `fwmark` N or `group` NAME", at: block.token)
            return nil
        }
        let isMark = text.matches(text.tokens[first], "fwmark")
        guard isMark || text.matches(text.tokens[first], "group") else { return addressAndPort(block.words) }
        guard block.words.count > 1 else {
            refuse("`\(string(first))` needs a value", at: first)
            return nil
        }
        ignore(block.words.dropFirst(2))
        if isMark { return integer(at: first + 1, Self.markLimits, for: "fwmark").map { .firewallMark(UInt32($0)) } }
        return .group(string(first + 1))
    }

    private mutating func addressAndPort(_ words: Range<Int>) -> ServiceAddress? {
        // keepalived takes a prefix length here and forgets it.
        let written = string(words.lowerBound)
        guard let address = IPAddress(written) ?? Prefix(written)?.address else {
            let parts = written.split(separator: ":", omittingEmptySubsequences: false)
            let hint =
                parts.count == 2 && IPAddress(parts[0]) != nil
                ? "; the port is a word of its own: `\(parts[0]) \(parts[1])`" : ""
            refuse("`\(written)` isn't an IP address, `fwmark` or `group`\(hint)", at: words.lowerBound)
            return nil
        }
        if written.utf8.contains(Byte.slash) {
            report(.warning, "a virtual server has no prefix length; it is ignored", at: words.lowerBound)
        }
        guard !address.isMulticast, !address.isUnspecified else {
            refuse("`\(address)` can't be a virtual server's address", at: words.lowerBound)
            return nil
        }
        ignore(words.dropFirst(2))
        guard words.count > 1 else { return .address(address, port: 0) }
        return port(at: words.lowerBound + 1, 0...65_535).map { .address(address, port: $0) }
    }

    private mutating func serviceStatement(_ statement: Statement, _ name: String, _ draft: inout ServiceDraft) {
        // Here it takes no value, unlike in real servers and checks.
        if name == "alpha" { return draft.defaults.startsDown = flag(statement) }
        if checkDefault(statement, name, &draft.defaults, retries: 1...Limits.rounds.upperBound) { return }
        switch name {
        case "lb_algo", "lvs_sched": scheduler(statement, &draft)
        case "lb_kind", "lvs_method":
            if let value = forwarding(statement) { draft.settings.forwarding = value }
        case "protocol": transport(statement, &draft)
        case "ip_family":
            guard let word = word(of: statement) else { return }
            draft.family = family(at: word)
        case "inhibit_on_failure": draft.isInhibitedOnFailure = flag(statement)
        case "ops": draft.settings.schedulesSinglePackets = flag(statement)
        case "flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback":
            if flag(statement) { draft.settings.schedulerFlags.insert(Self.schedulerFlag(name)) }
        case "persistence_engine", "persistence_timeout", "persistence_granularity":
            persistence(statement, name, &draft)
        case "ha_suspend": draft.settings.suspendsWithoutAddress = flag(statement)
        case "smtp_alert": if let value = boolean(statement) { draft.sendsMail = value }
        case "virtualhost": if let word = word(of: statement) { draft.host = string(word) }
        case "snmp_name": if let word = word(of: statement) { draft.settings.snmpName = string(word) }
        case "omega": draft.settings.notifiesAtShutdown = flag(statement)
        case "quorum_up": add(statement, .up, to: &draft.settings.scripts)
        case "quorum_down": add(statement, .down, to: &draft.settings.scripts)
        case "quorum": if let value = integer(statement, 1...Int(UInt32.max)) { draft.settings.quorum = value }
        case "hysteresis": if let value = integer(statement, 0...Int(UInt32.max)) { draft.settings.hysteresis = value }
        case "weight": if let value = integer(statement, 1...Limits.weight.upperBound) { draft.weight = value }
        case "sorry_server": sorryServer(statement, &draft)
        case "sorry_server_inhibit": draft.isSorryInhibited = flag(statement)
        case "sorry_server_lvs_method": if let value = forwarding(statement) { draft.sorryForwarding = value }
        default: break
        }
    }

    private static func schedulerFlag(_ name: String) -> SchedulerFlags {
        switch name {
        case "flag-2", "sh-port", "mh-port": .second
        case "flag-3": .third
        default: .first
        }
    }

    private mutating func scheduler(_ statement: Statement, _ draft: inout ServiceDraft) {
        guard let word = word(of: statement) else { return }
        let name = string(word)
        guard let scheduler = Scheduler(rawValue: name) else {
            let known = Scheduler.allCases.map(\.rawValue)
            let hint =
                nearestWord(to: name, among: known).map { "did you mean `\($0)`?" }
                ?? "known are \(known.joined(separator: ", "))"
            return refuse("unknown scheduler `\(name)`; \(hint)", at: word)
        }
        draft.settings.scheduler = scheduler
    }

    private mutating func transport(_ statement: Statement, _ draft: inout ServiceDraft) {
        guard let word = word(of: statement) else { return }
        switch string(word).uppercased() {
        case "TCP": draft.settings.transport = .tcp
        case "UDP": draft.settings.transport = .udp
        case "SCTP": draft.settings.transport = .sctp
        default: refuse("`protocol` is TCP, UDP or SCTP, not `\(string(word))`", at: word)
        }
    }

    private mutating func persistence(_ statement: Statement, _ name: String, _ draft: inout ServiceDraft) {
        switch name {
        case "persistence_timeout":
            if statement.words.isEmpty {
                draft.persistenceTimeout = .seconds(360)
            } else if let value = integer(statement, 1...2_678_400) {
                draft.persistenceTimeout = .seconds(Int64(value))
            }
        case "persistence_granularity": if let word = word(of: statement) { draft.granularityPlace = word }
        default:
            guard let word = word(of: statement) else { return }
            guard (1...15).contains(string(word).utf8.count) else {
                return refuse("a persistence engine's name has 1 to 15 bytes", at: word)
            }
            draft.engine = string(word)
        }
    }

    private mutating func sorryServer(_ statement: Statement, _ draft: inout ServiceDraft) {
        guard let first = statement.words.first else { return refuseMissing(statement) }
        guard let address = address(at: first) else { return }
        ignore(statement.words.dropFirst(2))
        var number: UInt16 = 0
        if statement.words.count > 1 {
            guard let value = port(at: first + 1, 0...65_535) else { return }
            number = value
        }
        if let earlier = draft.sorryAddress {
            report(.warning, "a virtual server has one sorry_server; this one replaces the first", at: statement.token)
            report(.note, "the first one is here", at: earlier.token)
        }
        draft.sorryAddress = (address, number, first)
    }
}
