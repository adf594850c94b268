import Base
import ConfigurationModel

/// The authentication block as written.
struct AuthenticationDraft {
    var block: Statement?
    var type: String?
    var typePlace: Int?
    var password: [UInt8]?
    var passwordPlace: Int?
}

/// A vrrp_instance block while it is read: its words, and where they stand, until the rules decide what they mean.
struct InstanceDraft {
    var settings: InstanceSettings
    /// The statement.
    let block: Statement
    /// The beginning of the last statement with each keyword.
    var places: [String: Int] = [:]
    /// First token of each virtual and excluded address, in order.
    var virtualPlaces: [Int] = []
    var excludedPlaces: [Int] = []
    var peerPlaces: [Int] = []
    var version: VRRPVersion?
    var priority: Priority?
    var advertInterval: Interval?
    var mayLackAddresses = false
    var authentication = AuthenticationDraft()
    var hmac = HMACDraft()
    var group: IPAddress?
    /// The first weighted tracker, for the advice about nopreempt.
    var weightPlace: Int?
    var extra = ExtraSettings()
    /// accept or no_accept, whichever came last.
    var accepts: Bool?

    init(_ settings: InstanceSettings = InstanceSettings(name: "", location: .nowhere), _ block: Statement = .none) {
        self.settings = settings
        self.block = block
    }

    /// The keyword `vrrp_instance`.
    var token: Int { block.token }
}

extension Elaborator {
    /// Reads one vrrp_instance block and appends it to the model.
    mutating func instance(_ block: Statement) {
        guard let nameToken = word(of: block) else { return }
        let name = string(nameToken)
        if let known = names[name] {
            refuse("`vrrp_instance \(name)` exists already; this block is left out", at: nameToken, atStart: .inMessage)
            report(.note, "the first one is here", at: known)
            return
        }
        names[name] = nameToken
        shared.seenInBlock = [:]
        lostPeers = 0
        draft = InstanceDraft(
            InstanceSettings(name: name, location: text.location(text.tokens[block.token])), block)
        draft.settings.checkUnicastSource = defaults.checkUnicastSource
        draft.settings.announcements = defaults.announcements
        draft.settings.downTimerAdverts = defaults.downTimerAdverts
        draft.settings.checksumWithoutPseudoHeader = defaults.checksumWithoutPseudoHeader
        draft.settings.skipsAddressListCheck = defaults.skipsAddressListCheck
        draft.settings.lowerPriorityNoAdvert = defaults.lowerPriorityNoAdvert
        draft.settings.options = defaults.options
        draft.extra.extraAnnouncements = defaults.extraAnnouncements
        forEach(inside: block) { elaborator, statement in
            guard !statement.isEntry else { return }
            elaborator.draft.places[statement.row.name] = statement.token
            let (refusals, mark) = (elaborator.refusals, elaborator.diagnostics.mark)
            elaborator.perform(statement)
            if elaborator.refusals > refusals { elaborator.failBySlip(in: statement, since: mark) }
        }
        failByMisplacedKeywords()
        applyRules()
        if keepsPlaces { settingPlaces[name] = draft.places }
        shared.instances[name] = model.instances.count
        shared.weights[model.instances.count] = draft.weightPlace
        model.instances.append(draft.settings)
    }

    mutating func state(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "MASTER": draft.settings.wantsMaster = true
        case "BACKUP": draft.settings.wantsMaster = false
        default: refuse("`state` is MASTER or BACKUP, not `\(string(word))`", at: word)
        }
    }

    // MARK: - Authentication

    mutating func authentication(_ block: Statement) {
        draft.authentication.block = block
        perform(inside: block)
    }

    mutating func authenticationType(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        draft.authentication.type = string(word)
        draft.authentication.typePlace = word
    }

    mutating func authenticationPassword(_ statement: Statement) {
        guard let first = statement.words.first else {
            _ = word(of: statement)
            return
        }
        draft.authentication.password = Array(bytes(first))
        draft.authentication.passwordPlace = first
        if statement.words.count > 1, !splitsLine(first + 1..<statement.words.upperBound, of: statement) {
            report(
                .warning, "the password ends at the blank; put it in double quotes if the rest belongs to it",
                at: first + 1)
        }
    }

    // MARK: - Lists

    mutating func virtualAddresses(
        _ block: Statement, _ addresses: KeywordRow.Path<[VirtualAddress]>, _ places: KeywordRow.Path<[Int]>
    ) {
        var (found, tokens): ([VirtualAddress], [Int]) = ([], [])
        forEach(inside: block) { elaborator, entry in
            guard let address = elaborator.virtualAddress(entry, of: .virtualAddress) else { return }
            found.append(address)
            tokens.append(entry.token)
        }
        self[keyPath: addresses] += found
        self[keyPath: places] += tokens
    }

    mutating func unicastPeers(_ block: Statement) {
        forEach(inside: block) { elaborator, entry in
            guard let peer = elaborator.unicastPeer(entry) else { return elaborator.lostPeers += 1 }
            elaborator.draft.settings.unicastPeers.append(peer)
            elaborator.draft.peerPlaces.append(entry.token)
        }
    }

    mutating func trackInterfaces(_ block: Statement) {
        trackedInterfaces(block, into: \.draft.settings.trackedInterfaces) { elaborator, tracked, token in
            if tracked.weight != 0 { elaborator.draft.weightPlace = elaborator.draft.weightPlace ?? token }
        }
    }

    mutating func track(_ kind: TrackerKind, _ block: Statement) {
        let known = draft.settings.trackers.count
        trackers(kind, block, into: \.draft.settings.trackers)
        // Groups keep those of processes.
        guard kind != .process, draft.settings.trackers.dropFirst(known).contains(where: { $0.weight != 0 }) else {
            return
        }
        // Of a file, the weight is a factor, and 1 when none is written.
        draft.weightPlace = draft.weightPlace ?? block.token
    }

    // MARK: - Scripts

    mutating func notifyDeleted(_ statement: Statement) {
        draft.settings.options.insert(.tellsDeletion)
        if !statement.words.isEmpty { notify(.deleted, statement, into: \.draft.settings.scripts) }
    }

    /// A notify script, the first of its kind.
    mutating func notify(
        _ trigger: NotifyTrigger, _ statement: Statement, into scripts: KeywordRow.Path<[NotifyScript]>
    ) {
        // As in keepalived, no command is no script.
        if isEmptyCommand(statement) { return }
        guard let script = script(statement), let first = statement.words.first else { return }
        if self[keyPath: scripts].contains(where: { $0.trigger == trigger }) {
            model.ignoredSettings += 1
            report(.warning, "`\(string(statement.token))` is set already; this one is ignored", at: statement.token)
            if let token = shared.seenInBlock["\(trigger)"] { report(.note, "the first time is here", at: token) }
            return
        }
        shared.seenInBlock["\(trigger)"] = statement.token
        noteScript(at: first)
        // A hook that can't run is as wrong a verdict as a tracker's.
        let use = ScriptUse(program: script.arguments[0], identity: script.identity, isTracker: trigger.isHook)
        _ = checkProgram(use, at: first)
        self[keyPath: scripts].append(
            NotifyScript(trigger: trigger, arguments: script.arguments, identity: script.identity))
    }

    /// before_master or before_release.
    mutating func hook(
        _ hook: Hook, _ statement: Statement, into scripts: KeywordRow.Path<[NotifyScript]>,
        _ settings: KeywordRow.Path<HookSettings>
    ) {
        guard let trigger = hook.trigger else { return }
        notify(trigger, statement, into: scripts)
        self[keyPath: settings][hook] = self[keyPath: scripts].contains { $0.trigger == trigger }
    }

    mutating func hookTimeout(_ statement: Statement, into settings: KeywordRow.Path<HookSettings>) {
        if let number = integer(statement) { self[keyPath: settings].timeout = .seconds(Int64(number)) }
    }

    mutating func hookFailure(_ statement: Statement, into settings: KeywordRow.Path<HookSettings>) {
        guard let word = word(of: statement) else { return }
        switch string(word) {
        case "yield": self[keyPath: settings].failure = .yield
        case "proceed": self[keyPath: settings].failure = .proceed
        default: refuse("`hook_failure` is yield or proceed, not `\(string(word))`", at: word)
        }
    }

    // MARK: - Faults

    /// The instance can't run for this reason, which stands there.
    mutating func fault(_ reason: String, at place: SourceLocation) {
        if draft.settings.faults.isEmpty { draft.extra.faultLocation = place }
        if !draft.settings.faults.contains(reason) { draft.settings.faults.append(reason) }
    }

    mutating func fault(_ reason: String, at token: Int) {
        fault(reason, at: text.location(text.tokens[token]))
    }
}
