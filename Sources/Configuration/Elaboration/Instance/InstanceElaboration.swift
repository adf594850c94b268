import Base
import ConfigurationModel

/// A vrrp_instance block while it is read: what was written, and where, until the rules decide what it means.
struct InstanceDraft {
    var settings: InstanceSettings
    /// The keyword `vrrp_instance`.
    let token: Int
    /// The statement's place.
    let block: Int
    /// Where the last statement with this keyword begins.
    var places: [String: Int] = [:]
    /// First token of each virtual and excluded address, in order.
    var virtualPlaces: [Int] = []
    var excludedPlaces: [Int] = []
    var peerPlaces: [Int] = []
    var version: VRRPVersion?
    var priority: Priority?
    var advertMicroseconds: Int64?
    var mayLackAddresses = false
    var authentication = Authentication()
    var group: IPAddress?
    /// The first weighted tracker, for the advice about nopreempt.
    var weightPlace: Int?
    var extra = ExtraSettings()
    /// accept or no_accept, whichever came last.
    var accepts: Bool?

    /// The authentication block as written.
    struct Authentication {
        var place: Int?
        /// The statement's place.
        var block: Int?
        var type: String?
        var typePlace: Int?
        var password: [UInt8]?
        var passwordPlace: Int?
    }
}

extension Elaborator {
    /// Reads one vrrp_instance block and appends it to the model.
    mutating func elaborateInstance(_ place: Int) {
        let block = statements[place]
        guard let nameToken = word(of: block) else { return }
        let name = string(nameToken)
        if let known = names[name] {
            refuse("`vrrp_instance \(name)` exists already; this block is left out", at: nameToken, atStart: "")
            report(.note, "the first one is here", at: known)
            return
        }
        names[name] = nameToken
        shared.saidInBlock = [:]
        lostPeers = 0
        var draft = InstanceDraft(
            settings: InstanceSettings(name: name, location: text.location(text.tokens[block.token])),
            token: block.token, block: place)
        draft.settings.checkUnicastSource = defaults.checkUnicastSource
        draft.settings.announcements = defaults.announcements
        draft.settings.downTimerAdverts = defaults.downTimerAdverts
        draft.settings.checksumWithoutPseudoHeader = defaults.checksumWithoutPseudoHeader
        draft.settings.skipsAddressListCheck = defaults.skipsAddressListCheck
        draft.settings.lowerPriorityNoAdvert = defaults.lowerPriorityNoAdvert
        draft.settings.options = defaults.options
        if defaults.sendsMail { draft.settings.options.insert(.sendsMail) }
        draft.extra.extraAnnouncements = defaults.extraAnnouncements
        forEach(inside: place) { elaborator, statement, child in
            guard !statement.isEntry else { return }
            let keyword = elaborator.keyword(child)
            draft.places[keyword] = statement.token
            let (refusals, mark) = (elaborator.refusals, elaborator.diagnostics.mark)
            elaborator.instanceStatement(statement, keyword, child, &draft)
            if elaborator.refusals > refusals { elaborator.condemnBySlip(in: keyword, statement, since: mark, &draft) }
        }
        condemnByAttempts(&draft)
        applyRules(&draft)
        if keepsPlaces { settingPlaces[name] = draft.places }
        shared.instances[name] = model.instances.count
        shared.weights[model.instances.count] = draft.weightPlace
        model.instances.append(draft.settings)
    }

    private mutating func instanceStatement(
        _ statement: Statement, _ name: String, _ place: Int, _ draft: inout InstanceDraft
    ) {
        switch name {
        case "state": state(statement, &draft)
        case "interface":
            if let word = word(of: statement), let interface = interfaceName(at: word) {
                draft.settings.interface = interface
            }
        case "virtual_router_id":
            if let value = integer(statement, 1...255) {
                draft.settings.virtualRouterID = VRID(rawValue: UInt8(value))
            }
        case "priority":
            if let value = integer(statement, 1...255) { draft.priority = Priority(rawValue: UInt8(value)) }
        case "version":
            if let value = integer(statement, 2...3) { draft.version = VRRPVersion(rawValue: UInt8(value)) }
        case "advert_int":
            if let value = seconds(statement, 10_000...255_000_000) {
                draft.advertMicroseconds = value.nanoseconds / 1_000
            }
        case "nopreempt": draft.settings.nopreempt = flag(statement)
        case "preempt": draft.settings.nopreempt = !flag(statement)
        case "preempt_delay":
            if let value = seconds(statement, 0...1_000_000_000) { draft.settings.preemptDelay = value }
        case "no_virtual_ipaddress": draft.mayLackAddresses = flag(statement)
        case "dont_track_primary": draft.settings.ignoresPrimaryInterface = flag(statement)
        case "accept": draft.accepts = flag(statement)
        case "authentication":
            draft.authentication.place = statement.token
            draft.authentication.block = place
            forEach(inside: place) { $0.authenticationStatement($1, $0.keyword($2), &draft) }
        case "virtual_ipaddress", "virtual_ipaddress_excluded", "unicast_peer", "track_interface":
            list(name, place, &draft)
        case "auth_hmac": hmac(place, &draft)
        case "notify_deleted":
            draft.settings.options.insert(.tellsDeletion)
            if !statement.words.isEmpty { notify(.deleted, statement, into: &draft.settings.scripts) }
        default:
            if let trigger = NotifyTrigger(keyword: name) {
                notify(trigger, statement, into: &draft.settings.scripts)
            } else if let kind = TrackerKind(list: name) {
                trackers(kind, place, &draft)
            } else if !optionStatement(statement, name, place, &draft) {
                protocolStatement(statement, name, &draft)
            }
        }
    }

    private mutating func trackers(_ kind: TrackerKind, _ place: Int, _ draft: inout InstanceDraft) {
        let known = draft.settings.trackers.count
        trackers(kind, place, "vrrp_instance/track_\(kind) (entry)", into: &draft.settings.trackers)
        guard draft.settings.trackers.dropFirst(known).contains(where: { $0.weight != 0 }) else { return }
        // Of a file, the weight is a factor, and 1 when none is written.
        draft.weightPlace = draft.weightPlace ?? statements[place].token
    }

    private mutating func protocolStatement(_ statement: Statement, _ name: String, _ draft: inout InstanceDraft) {
        switch name {
        case "mcast_src_ip", "unicast_src_ip":
            if let address = host(statement) { draft.settings.sourceAddress = address }
        case "mcast_dst_ip": draft.group = host(statement)
        case "check_unicast_src": draft.settings.checkUnicastSource = flag(statement)
        case "unicast_ttl": if let value = integer(statement, 0...255) { draft.settings.unicastTTL = UInt8(value) }
        case "down_timer_adverts":
            if let value = integer(statement, Limits.downTimerAdverts) { draft.settings.downTimerAdverts = value }
        case "v3_checksum_as_v2":
            if let value = boolean(statement) { draft.settings.checksumWithoutPseudoHeader = value }
        case "skip_check_adv_addr": if let value = boolean(statement) { draft.settings.skipsAddressListCheck = value }
        case "lower_prio_no_advert": if let value = boolean(statement) { draft.settings.lowerPriorityNoAdvert = value }
        case "garp_master_delay":
            if let value = wholeSeconds(statement, Limits.shortSeconds) { draft.settings.announcements.delay = value }
        case "garp_master_repeat": if let value = rounds(statement) { draft.settings.announcements.rounds = value }
        case "garp_master_refresh":
            if let value = wholeSeconds(statement) { draft.settings.announcements.refresh = value }
        case "garp_master_refresh_repeat":
            if let value = rounds(statement) { draft.settings.announcements.refreshRounds = value }
        case "garp_lower_prio_delay":
            if let value = wholeSeconds(statement, Limits.shortSeconds) {
                draft.settings.announcements.lowerPriorityDelay = value
            }
        case "garp_lower_prio_repeat":
            if let value = integer(statement, Limits.rounds) {
                draft.settings.announcements.lowerPriorityRounds = value
            }
        default: break
        }
    }

    private mutating func state(_ statement: Statement, _ draft: inout InstanceDraft) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "MASTER": draft.settings.wantsMaster = true
        case "BACKUP": draft.settings.wantsMaster = false
        default: refuse("`state` is MASTER or BACKUP, not `\(string(word))`", at: word)
        }
    }

    private mutating func authenticationStatement(_ statement: Statement, _ name: String, _ draft: inout InstanceDraft)
    {
        guard let first = statement.words.first else {
            _ = word(of: statement)
            return
        }
        switch name {
        case "auth_type":
            if word(of: statement) != nil {
                draft.authentication.type = string(first)
                draft.authentication.typePlace = first
            }
        case "auth_pass":
            draft.authentication.password = Array(bytes(first))
            draft.authentication.passwordPlace = first
            if statement.words.count > 1, !splitsLine(first + 1..<statement.words.upperBound, of: statement) {
                report(
                    .warning, "the password ends at the blank; put it in double quotes if the rest belongs to it",
                    at: first + 1)
            }
        default: break
        }
    }

    private mutating func list(_ name: String, _ place: Int, _ draft: inout InstanceDraft) {
        let context = "vrrp_instance/\(name) (entry)"
        forEach(inside: place) { elaborator, entry, _ in
            switch name {
            case "virtual_ipaddress":
                guard let address = elaborator.virtualAddress(entry, context: context) else { return }
                draft.settings.virtualAddresses.append(address)
                draft.virtualPlaces.append(entry.token)
            case "virtual_ipaddress_excluded":
                guard let address = elaborator.virtualAddress(entry, context: context) else { return }
                draft.settings.excludedAddresses.append(address)
                draft.excludedPlaces.append(entry.token)
            case "unicast_peer":
                guard let peer = elaborator.unicastPeer(entry) else { return elaborator.lostPeers += 1 }
                draft.settings.unicastPeers.append(peer)
                draft.peerPlaces.append(entry.token)
            default:
                guard let tracked = elaborator.trackedInterface(entry) else { return }
                if tracked.weight != 0 { draft.weightPlace = draft.weightPlace ?? entry.token }
                elaborator.track(tracked, at: entry.token, &draft)
            }
        }
    }

    private mutating func track(_ tracked: TrackedInterface, at token: Int, _ draft: inout InstanceDraft) {
        if draft.settings.trackedInterfaces.contains(where: { $0.name == tracked.name }) {
            return refuse("`\(tracked.name)` is tracked already", at: token, first: "interface \(tracked.name)")
        }
        shared.saidInBlock["interface \(tracked.name)"] = token
        draft.settings.trackedInterfaces.append(tracked)
    }

    /// A notify script, the first of its kind.
    mutating func notify(_ trigger: NotifyTrigger, _ statement: Statement, into scripts: inout [NotifyScript]) {
        // As in keepalived, no command is no script.
        if isEmptyCommand(statement) { return }
        guard let script = script(statement), let first = statement.words.first else { return }
        if scripts.contains(where: { $0.trigger == trigger }) {
            model.ignoredSettings += 1
            report(.warning, "`\(string(statement.token))` is set already; this one is ignored", at: statement.token)
            if let token = shared.saidInBlock["\(trigger)"] { report(.note, "the first time is here", at: token) }
            return
        }
        shared.saidInBlock["\(trigger)"] = statement.token
        noteScript(at: first)
        _ = checkProgram(ScriptUse(program: script.arguments[0], identity: script.identity), at: first)
        scripts.append(NotifyScript(trigger: trigger, arguments: script.arguments, identity: script.identity))
    }

    /// The instance can't run for this reason, which stands there.
    func fault(_ reason: String, _ draft: inout InstanceDraft, at place: SourceLocation) {
        if draft.settings.faults.isEmpty { draft.extra.faultLocation = place }
        if !draft.settings.faults.contains(reason) { draft.settings.faults.append(reason) }
    }

    func fault(_ reason: String, _ draft: inout InstanceDraft, at token: Int) {
        fault(reason, &draft, at: text.location(text.tokens[token]))
    }
}
