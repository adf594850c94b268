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
    /// Place of a script's command.
    var commandPlace: Int?
}

/// Facts of blocks outside of instances, for those that refer to them.
struct SharedContext {
    /// Definitions by kind and name.
    var trackers: [TrackerKind: [String: TrackerDefinition]] = [:]
    /// Places in the model, and the tokens of the names, of instances.
    var instances: [String: Int] = [:]
    /// The lack on this machine that keeps an instance from starting, by the instance's name.
    var startFaults: [String: String] = [:]
    /// Tokens that made an instance a member of a sync group.
    var memberships: [Int: Int] = [:]
    /// Tokens of the names of groups.
    var syncGroups: [String: Int] = [:]
    var trackGroups: [String: Int] = [:]
    /// Tokens of what the block that is being read may have once, by a word for each.
    var seenInBlock: [String: Int] = [:]
    /// Number of searches for what a misspelled name may have meant.
    var suggestions = 0
    /// Place of the first program that hasupd is to run.
    var firstScript: Int?
    /// Tokens that named an interface first, by list.
    var interfaces: [String: Int] = [:]
    /// Tokens that gave an address to an interface first, and the instance of each.
    var addresses = AddressUses()
    var linkLocals: [AddressOnInterface: AddressUse] = [:]
    /// startup_script_timeout and its kin, until the scripts are known.
    var startupTimeout: Interval?
    var shutdownTimeout: Interval?
    /// Tokens that named FIFOs or their scripts.
    var fifoPlaces: [WritableKeyPath<Elaborator, NotifyFIFO?>: Int] = [:]
    /// snmp_vs_stats_update_interval and snmp_rs_stats_update_interval.
    var serviceAge: Interval?
    var serverAge: Interval?
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
}

/// Options of a tracked object in the list that names it.
struct TrackedOptions {
    var weight = 0
    var reverse = false
}

/// A vrrp_script block while it is read.
struct TrackScriptDraft {
    var settings = TrackScript(name: "", command: .open(""))
    var timeout: Interval?
    var commandPlace: Int?
}

/// A vrrp_track_process block while it is read.
struct TrackProcessDraft {
    var settings = TrackProcess(name: "", process: "")
    var programPlace: Int?
    var maximumPlace: Int?
}

// MARK: - References

extension Elaborator {
    /// One entry of track_script, track_file, track_process or track_bfd; nil when it names nothing usable.
    mutating func tracker(_ entry: Statement, _ kind: TrackerKind, of list: KeywordList) -> Tracker? {
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
        (tracked.weight, tracked.reverse) = (definition.weight, definition.reverse)
        trackerOptions(entry, of: list)
        return Tracker(kind: kind, name: name, weight: tracked.weight, reverse: tracked.reverse)
    }

    /// `[weight N] [reverse|noreverse]`.
    mutating func trackerOptions(_ entry: Statement, of list: KeywordList) {
        options(entry, of: list) { elaborator, row, option in
            elaborator.refuse("`\(row.name)` is written twice; the last one counts", at: option, atStart: .inMessage)
        }
    }

    mutating func trackedWeight(_ option: Statement) {
        if let value = weight(at: option.words.lowerBound, of: option) { tracked.weight = value }
    }

    /// A weight. One more than the limit is clamped, as in keepalived.
    private mutating func weight(at word: Int, of statement: Statement) -> Int? {
        if let weight = wholeNumber(bytes(word)), abs(weight) == 254, statement.row.limits == Limits.priorityWeight {
            report(.warning, "a weight is -253 to 253; \(weight.signum() * 253) is used", at: word)
            return weight.signum() * 253
        }
        return integer(at: word, of: statement)
    }

    // MARK: - Definitions

    /// A block's name, when no other of its kind has it.
    mutating func define(_ kind: TrackerKind, _ block: Statement) -> String? {
        guard let token = word(of: block) else { return nil }
        let name = string(token)
        if let first = shared.trackers[kind]?[name] {
            refuse("`\(kind.keyword) \(name)` exists already; this block is left out", at: token, atStart: .inMessage)
            report(.note, "the first one is here", at: first.token)
            return nil
        }
        shared.trackers[kind, default: [:]][name] = TrackerDefinition(token: token)
        return name
    }

    /// The definition can't be used. - Parameter block: its block, when `keyword` is missing there.
    mutating func discard(
        _ kind: TrackerKind, _ name: String, _ reason: String, at token: Int, missing keyword: String = "",
        in block: Statement? = nil
    ) {
        shared.trackers[kind]?[name]?.isUsable = false
        if let block, tries(keyword, in: block) {
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
    mutating func weight(
        _ path: KeywordRow.Path<Int>, _ reverse: KeywordRow.Path<Bool>, _ statement: Statement
    ) {
        var words = WordCursor(statement.words)
        guard let word = value(of: statement.token, in: &words) else { return }
        if let value = weight(at: word, of: statement) { self[keyPath: path] = value }
        if takes("reverse", from: &words) {
            self[keyPath: reverse] = true
        } else if takes("noreverse", from: &words) {
            self[keyPath: reverse] = false
        }
        ignoreRest(of: words)
    }

    // MARK: - Scripts

    mutating func trackScript(_ block: Statement) {
        guard let name = define(.script, block) else { return }
        script = TrackScriptDraft()
        script.settings.name = name
        perform(inside: block)
        script.settings.timeout = script.timeout ?? script.settings.interval
        let settings = script.settings
        settle(.script, name, weight: settings.weight, reverse: settings.reverse)
        guard let commandPlace = script.commandPlace else {
            return discard(.script, name, "it has no usable `script`", at: block.token, missing: "script", in: block)
        }
        if case .run(let arguments) = settings.command {
            _ = checkProgram(
                ScriptUse(program: arguments[0], identity: settings.identity, isTracker: true), at: commandPlace)
        }
        shared.trackers[.script]?[name]?.commandPlace = commandPlace
        model.shared.trackScripts.append(settings)
    }

    /// Time that a run may take.
    mutating func runTime(_ statement: Statement) {
        script.timeout = seconds(statement)
        guard script.timeout == .zero, let word = statement.words.first else { return }
        script.timeout = .seconds(1)
        report(.warning, "`timeout 0` means 1 s", at: word)
    }

    /// An interval between runs; 0 means 1 s, as in keepalived.
    mutating func period(_ statement: Statement) {
        guard let value = seconds(statement), let word = statement.words.first else { return }
        script.settings.interval = value
        guard value < .milliseconds(1) else { return }
        script.settings.interval = value == .zero ? .seconds(1) : .milliseconds(1)
        report(.warning, "an interval is 0.001 s or longer; \(script.settings.interval) is used", at: word)
    }

    /// `"COMMAND ARGUMENTS"` or `</PATH`.
    mutating func trackCommand(_ statement: Statement) {
        guard let command = readTrackCommand(statement) else { return }
        script.settings.command = command
        script.commandPlace = statement.words.first
    }

    private mutating func readTrackCommand(_ statement: Statement) -> TrackCommand? {
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

    // MARK: - Files and processes

    mutating func trackFile(_ block: Statement) {
        guard let name = define(.file, block) else { return }
        file = TrackFile(name: name, path: "")
        perform(inside: block)
        settle(.file, name, weight: file.weight, reverse: file.reverse)
        guard !file.path.isEmpty else {
            return discard(.file, name, "it has no usable `file`", at: block.token, missing: "file", in: block)
        }
        model.shared.trackFiles.append(file)
    }

    mutating func trackedPath(_ statement: Statement) {
        guard let word = word(of: statement) else { return }
        let path = string(word)
        guard path.hasPrefix("/") else { return refuse("`\(path)` isn't an absolute path", at: word) }
        file.path = path
    }

    /// `init_file [VALUE] [overwrite]`.
    mutating func initialFile(_ statement: Statement) {
        file.initialValue = 0
        for word in statement.words {
            if text.matches(text.tokens[word], "overwrite") {
                file.overwrites = true
            } else if let value = integer(at: word, of: statement) {
                file.initialValue = value
            }
        }
    }

    mutating func trackProcess(_ block: Statement) {
        guard let name = define(.process, block) else { return }
        process = TrackProcessDraft()
        process.settings.name = name
        perform(inside: block)
        settle(.process, name, weight: process.settings.weight, reverse: process.settings.reverse)
        guard !process.settings.process.isEmpty else {
            return discard(
                .process, name, "it has no usable `process`", at: block.token, missing: "process", in: block)
        }
        let (maximum, quorum) = (process.settings.quorumMaximum ?? .max, process.settings.quorum)
        if maximum < quorum, let token = process.maximumPlace {
            // "At most none": the process must not run.
            guard maximum == 0 else {
                return discard(.process, name, "quorum_max \(maximum) is below quorum \(quorum)", at: token)
            }
            process.settings.quorum = 0
        }
        checkProgramName()
        model.shared.trackProcesses.append(process.settings)
    }

    /// Warns of a name that no process has in the kernel (TASK_COMM_LEN).
    private mutating func checkProgramName() {
        let program = process.settings.process
        guard let place = process.programPlace, !process.settings.looksAtCommandLine else { return }
        let nameMax = 15
        let name = program.split(separator: "/").last.map(String.init) ?? ""
        let known = String(decoding: name.utf8.prefix(nameMax), as: UTF8.self)
        guard program != known else { return }
        let what = program.contains("/") ? "has no path" : "has \(nameMax) bytes at most"
        report(
            .warning,
            "the kernel's name of a process \(what), so `\(program)` never runs: write `\(known)`, or add "
                + "`full_command`, which looks at the command line", at: place)
    }

    mutating func trackedProgram(_ statement: Statement) {
        guard let first = statement.words.first else {
            _ = word(of: statement)
            return
        }
        process.settings.process = string(first)
        process.programPlace = first
        process.settings.parameters = statement.words.dropFirst().map { string($0) }
    }

    mutating func quorumMaximum(_ statement: Statement) {
        guard let value = integer(statement) else { return }
        process.settings.quorumMaximum = value
        process.maximumPlace = statement.words.first
    }

    mutating func processDelay(_ statement: Statement) {
        guard let value = seconds(statement) else { return }
        process.settings.forkDelay = value
        process.settings.terminateDelay = value
    }

    mutating func parameterMatch(_ statement: Statement) {
        guard let word = statement.words.first else {
            process.settings.match = .exact
            return
        }
        switch string(word) {
        case "initial": process.settings.match = .initial
        case "partial": process.settings.match = .partial
        default: refuse("`param_match` is initial or partial, not `\(string(word))`", at: word)
        }
    }
}
