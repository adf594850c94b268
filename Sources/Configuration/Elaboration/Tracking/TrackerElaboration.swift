import Base
import ConfigurationModel

/// A definition that trackers may name.
struct TrackerDefinition {
    /// Its name's token.
    let token: Int
    var weight = 0
    var reverse = false
    /// False when it was refused: what names it has had its complaint.
    var isUsable = true
    var isUsed = false
}

/// What blocks outside of instances say, for those that refer to them.
struct SharedContext {
    /// Definitions by kind and name.
    var trackers: [TrackerKind: [String: TrackerDefinition]] = [:]
    /// Places in the model, and the tokens of the names, of instances.
    var instances: [String: Int] = [:]
    /// What this machine lacks for an instance to start, by the instance's name.
    var startFaults: [String: String] = [:]
    /// Where an instance was made a member of a sync group.
    var memberships: [Int: Int] = [:]
    /// Tokens of the names of groups.
    var syncGroups: [String: Int] = [:]
    var trackGroups: [String: Int] = [:]
    /// Where the block that is being read said something that it may say once, by what it is.
    var saidInBlock: [String: Int] = [:]
    /// How often it was looked for what a misspelled name may have meant.
    var suggestions = 0
    /// Place of the first program that hasupd is to run.
    var firstScript: Int?
    /// Where an interface was named first, by list.
    var interfaces: [String: Int] = [:]
    /// Where an address was given to an interface first, and by which instance.
    var addresses = AddressUses()
    var linkLocals: [AddressOnInterface: AddressUse] = [:]
    /// startup_script_timeout and its kin, until the scripts are known.
    var scriptTimeouts: [WritableKeyPath<ConfigurationModel, DaemonScript?>: Interval] = [:]
    /// Where FIFOs or their scripts were named.
    var fifoPlaces: [WritableKeyPath<ConfigurationModel, NotifyFIFO?>: Int] = [:]
    /// snmp_rs_stats_update_interval was written.
    var hasServerAge = false
    /// Programs of global_defs that are still to be looked at, with their places.
    var pendingPrograms: [(use: ScriptUse, token: Int)] = []
    /// Priorities of rules that say none, by the rule's first token.
    var rulePriorities: [Int: UInt32] = [:]
    /// IPv4 addresses with a scope of their own.
    var scoped: [(address: VirtualAddress, interface: String, token: Int)] = []
    /// First tokens of trackers that an instance weights, by instance.
    var weights: [Int: Int] = [:]
}

extension TrackerKind {
    /// The keyword that defines one.
    var keyword: String {
        switch self {
        case .script: "vrrp_script"
        case .file: "track_file"
        case .process: "vrrp_track_process"
        case .bfd: "bfd_instance"
        }
    }

    /// All keywords that define one.
    var keywords: [String] { self == .file ? [keyword, "vrrp_track_file"] : [keyword] }

    /// The keyword of the list that names them.
    var list: String { "track_\(self)" }

    init?(list: String) {
        switch list {
        case "track_script": self = .script
        case "track_file": self = .file
        case "track_process": self = .process
        case "track_bfd": self = .bfd
        default: return nil
        }
    }

    /// Values add up or are multiplied by it, which makes one more meaningful (behaviours §8).
    var weightLimit: Int { self == .script || self == .bfd ? 253 : 254 }
}

// MARK: - References

extension Elaborator {
    /// One entry of track_script, track_file, track_process or track_bfd; nil when it names nothing usable.
    mutating func tracker(_ entry: Statement, _ kind: TrackerKind, context: String) -> Tracker? {
        guard let token = entry.words.first else { return nil }
        let name = string(token)
        guard let definition = shared.trackers[kind]?[name] else {
            if kind.keywords.contains(where: { tries($0, named: name) }) {
                model.ignoredSettings += 1
                return nil
            }
            let known = shared.trackers[kind] ?? [:]
            let near = suggestedName(for: name, among: known.keys.sorted())
            // What was probably meant isn't without use: that would be the same mistake, told twice.
            if let near { shared.trackers[kind]?[near]?.isUsed = true }
            let hint = near.map { "; did you mean `\($0)`?" } ?? ""
            refuse("there is no `\(kind.keyword) \(name)`\(hint)", at: token)
            return nil
        }
        shared.trackers[kind]?[name]?.isUsed = true
        guard definition.isUsable else {
            // Its definition has the error.
            model.ignoredSettings += 1
            return nil
        }
        warnIfLater(definition.token, token)
        var tracker = Tracker(kind: kind, name: name, weight: definition.weight, reverse: definition.reverse)
        var words = WordCursor(entry.words.lowerBound + 1..<entry.words.upperBound)
        trackerOptions(&words, kind.weightLimit, &tracker.weight, &tracker.reverse, context: context)
        return tracker
    }

    /// `[weight N] [reverse|noreverse]`.
    mutating func trackerOptions(
        _ words: inout WordCursor, _ limit: Int, _ weight: inout Int, _ reverse: inout Bool, context: String
    ) {
        var hasWeight = false
        while let option = words.take() {
            switch string(option) {
            case "reverse": reverse = true
            case "noreverse": reverse = false
            case "weight":
                if hasWeight { refuse("`weight` is written twice; the last one counts", at: option, atStart: "") }
                hasWeight = true
                guard let word = value(of: option, in: &words) else { return }
                if let value = trackerWeight(at: word, limit) { weight = value }
            default: if unknownOption(option, in: context, end: words.end) { _ = words.take() }
            }
        }
    }

    /// A weight. One more than the limit is clamped, as in keepalived.
    mutating func trackerWeight(at word: Int, _ limit: Int) -> Int? {
        if let weight = wholeNumber(bytes(word)), abs(weight) == 254, limit == 253 {
            report(.warning, "a weight is -253 to 253; \(weight.signum() * 253) is used", at: word)
            return weight.signum() * 253
        }
        return integer(at: word, -limit...limit, for: "weight")
    }

    // MARK: - Definitions

    /// Reads all blocks that trackers may name, wherever they stand.
    mutating func elaborateTrackers() {
        for place in topLevel() {
            switch keyword(place) {
            case "vrrp_script": trackScript(place)
            case "track_file", "vrrp_track_file": trackFile(place)
            case "vrrp_track_process": trackProcess(place)
            case "bfd_instance": bfdSession(place)
            default: break
            }
        }
    }

    /// A block's name, when no other of its kind has it.
    mutating func define(_ kind: TrackerKind, _ place: Int) -> String? {
        guard let token = word(of: statements[place]) else { return nil }
        let name = string(token)
        if let first = shared.trackers[kind]?[name] {
            refuse("`\(kind.keyword) \(name)` exists already; this block is left out", at: token, atStart: "")
            report(.note, "the first one is here", at: first.token)
            return nil
        }
        shared.trackers[kind, default: [:]][name] = TrackerDefinition(token: token)
        return name
    }

    /// The definition can't be used. - Parameter place: of its block, when what is missing there is `keyword`.
    mutating func discard(
        _ kind: TrackerKind, _ name: String, _ reason: String, at token: Int, missing keyword: String = "",
        in place: Int? = nil
    ) {
        shared.trackers[kind]?[name]?.isUsable = false
        if let place, tries(keyword, in: place) {
            model.ignoredSettings += 1
            return
        }
        refuse("\(reason): `\(kind.keyword) \(name)` can't be used", at: token)
    }

    /// Remembers what references get that don't say otherwise.
    mutating func settle(_ kind: TrackerKind, _ name: String, weight: Int, reverse: Bool) {
        shared.trackers[kind]?[name]?.weight = weight
        shared.trackers[kind]?[name]?.reverse = reverse
    }

    /// `weight INT [reverse]`.
    mutating func weight(_ statement: Statement, _ limit: Int, _ weight: inout Int, _ reverse: inout Bool) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words) else { return }
        if let value = trackerWeight(at: word, limit) { weight = value }
        if takes("reverse", from: &words) {
            reverse = true
        } else if takes("noreverse", from: &words) {
            reverse = false
        }
        ignoreRest(of: words)
    }

    private mutating func trackScript(_ place: Int) {
        guard let name = define(.script, place) else { return }
        let block = statements[place]
        var script = TrackScript(name: name, command: .open(""))
        var timeout: Interval?
        var commandPlace: Int?
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "script":
                guard let command = elaborator.trackCommand(statement) else { return }
                script.command = command
                commandPlace = statement.words.first
            case "interval":
                if let value = elaborator.period(statement) { script.interval = value }
            case "timeout":
                timeout = elaborator.seconds(statement, 0...Limits.longest)
                if timeout == .zero, let word = statement.words.first {
                    timeout = .seconds(1)
                    elaborator.report(.warning, "`timeout 0` means 1 s", at: word)
                }
            case "weight": elaborator.weight(statement, 253, &script.weight, &script.reverse)
            case "rise": if let value = elaborator.integer(statement, Limits.results) { script.rise = value }
            case "fall": if let value = elaborator.integer(statement, Limits.results) { script.fall = value }
            case "user":
                if let identity = elaborator.identity(statement.words) {
                    script.identity = identity
                } else {
                    elaborator.refuse("`user` needs USER [[:]GROUP]", at: statement.token)
                }
            case "init_fail": script.startsFailed = elaborator.flag(statement)
            default: break
            }
        }
        script.timeout = timeout ?? script.interval
        settle(.script, name, weight: script.weight, reverse: script.reverse)
        guard let commandPlace else {
            return discard(
                .script, name, "it has no usable `script`", at: block.token, missing: "script", in: place)
        }
        if case .run(let arguments) = script.command {
            let use = ScriptUse(program: arguments[0], identity: script.identity, isTracker: true)
            if !checkProgram(use, at: commandPlace) { shared.trackers[.script]?[name]?.isUsable = false }
        }
        guard shared.trackers[.script]?[name]?.isUsable == true else { return }
        model.shared.trackScripts.append(script)
    }

    /// An interval between runs; 0 means 1 s, as in keepalived.
    private mutating func period(_ statement: Statement) -> Interval? {
        guard let value = seconds(statement, 0...Limits.longest), let word = statement.words.first else { return nil }
        guard value.nanoseconds < 1_000_000 else { return value }
        let used = value == .zero ? Interval.seconds(1) : .milliseconds(1)
        report(.warning, "an interval is 0.001 s or longer; \(used) is used", at: word)
        return used
    }

    /// `"COMMAND ARGUMENTS"` or `</PATH`.
    private mutating func trackCommand(_ statement: Statement) -> TrackCommand? {
        guard let first = statement.words.first else {
            _ = word(of: statement)
            return nil
        }
        if bytes(first).first == UInt8(ascii: "<") {
            let path = string(first).dropFirst().drop { $0 == " " }
            guard path.hasPrefix("/") else {
                refuse("`<` needs an absolute path", at: first)
                return nil
            }
            if statement.words.count > 1 { ignoreRest(of: WordCursor(first + 1..<statement.words.upperBound)) }
            return .open(String(path))
        }
        guard let script = script(statement) else { return nil }
        if script.identity != nil {
            report(
                .warning,
                "the command and its arguments are one word: put them in double quotes; this and what follows is ignored",
                at: min(first + 1, statement.words.upperBound - 1))
        }
        return .run(script.arguments)
    }

    private mutating func trackFile(_ place: Int) {
        guard let name = define(.file, place) else { return }
        let block = statements[place]
        var file = TrackFile(name: name, path: "")
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "file":
                guard let word = elaborator.word(of: statement) else { return }
                let path = elaborator.string(word)
                guard path.hasPrefix("/") else {
                    return elaborator.refuse("`\(path)` isn't an absolute path", at: word)
                }
                file.path = path
            case "weight": elaborator.weight(statement, 254, &file.weight, &file.reverse)
            case "init_file": elaborator.initialFile(statement, &file)
            default: break
            }
        }
        settle(.file, name, weight: file.weight, reverse: file.reverse)
        guard !file.path.isEmpty else {
            return discard(.file, name, "it has no usable `file`", at: block.token, missing: "file", in: place)
        }
        model.shared.trackFiles.append(file)
    }

    /// `init_file [VALUE] [overwrite]`.
    private mutating func initialFile(_ statement: Statement, _ file: inout TrackFile) {
        file.initialValue = 0
        for word in statement.words {
            if text.matches(text.tokens[word], "overwrite") {
                file.overwrites = true
            } else if let value = integer(at: word, Limits.fileValue, for: "init_file") {
                file.initialValue = value
            }
        }
    }

    private mutating func trackProcess(_ place: Int) {
        guard let name = define(.process, place) else { return }
        let block = statements[place]
        var process = TrackProcess(name: name, process: "")
        var maximumPlace: Int?
        let delays: ClosedRange<Int64> = 1...3_600_000_000
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "process":
                guard let first = statement.words.first else {
                    _ = elaborator.word(of: statement)
                    return
                }
                process.process = elaborator.string(first)
                process.parameters = statement.words.dropFirst().map { elaborator.string($0) }
            case "param_match": elaborator.parameterMatch(statement, &process)
            case "weight": elaborator.weight(statement, 254, &process.weight, &process.reverse)
            case "quorum": if let value = elaborator.integer(statement, 1...65_535) { process.quorum = value }
            case "quorum_max":
                if let value = elaborator.integer(statement, 0...65_535) {
                    process.quorumMaximum = value
                    maximumPlace = statement.words.first
                }
            case "delay":
                if let value = elaborator.seconds(statement, delays) {
                    process.forkDelay = value
                    process.terminateDelay = value
                }
            case "fork_delay": if let value = elaborator.seconds(statement, delays) { process.forkDelay = value }
            case "terminate_delay":
                if let value = elaborator.seconds(statement, delays) { process.terminateDelay = value }
            case "full_command": process.usesFullCommand = elaborator.flag(statement)
            default: break
            }
        }
        settle(.process, name, weight: process.weight, reverse: process.reverse)
        guard !process.process.isEmpty else {
            return discard(
                .process, name, "it has no usable `process`", at: block.token, missing: "process", in: place)
        }
        if let maximum = process.quorumMaximum, maximum < process.quorum, let token = maximumPlace {
            if maximum == 0 {
                // "At most none": the process must not run.
                process.quorum = 0
            } else {
                discard(.process, name, "quorum_max \(maximum) is below quorum \(process.quorum)", at: token)
                return
            }
        }
        model.shared.trackProcesses.append(process)
    }

    private mutating func parameterMatch(_ statement: Statement, _ process: inout TrackProcess) {
        guard let word = statement.words.first else { return }
        switch string(word) {
        case "initial": process.match = .initial
        case "partial": process.match = .partial
        default: refuse("`param_match` is initial or partial, not `\(string(word))`", at: word)
        }
    }
}
