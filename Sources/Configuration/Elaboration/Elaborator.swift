import Base
import ConfigurationModel

/// A pass over the top level. What others refer to is read before them.
enum ElaborationStage: CaseIterable {
    case globals
    /// Definitions that trackers name.
    case trackers
    case instances
    /// Groups of instances and of interfaces.
    case groups
    /// Addresses, routes and rules that are installed whatever the instances' states are.
    case statics
    case serverGroups
    case servers
    /// Names of instances and groups that are guarded.
    case clusters
}

/// Gives statements their meaning: runs the effect of each statement's row. A block that is being read is a property, so
/// that a row can name the setting that it is about by a key path.
struct Elaborator {
    let text: SourceText
    let statements: [Statement]
    var misplaced: MisplacedKeywords
    /// The line of which it was said that its entries are one a line.
    var crowdedLine: SourceLocation?
    /// For each statement the place of the block around it, -1 at the top level; empty until it is asked for.
    var enclosing: [Int32] = []
    /// Peers of the instance that is read that can't be: they hear nothing of it.
    var lostPeers = 0
    let environment: Environment
    let files: any FileProvider
    /// The user of scripts that don't say another. Asked for when there are some, because a server may have to answer.
    lazy var defaultScriptAccount = Self.defaultScriptAccount(files)
    var diagnostics: DiagnosticList
    /// Number of errors, repeated ones included.
    private(set) var refusals = 0
    var model = ConfigurationModel()
    var defaults = InstanceDefaults()
    /// Instances by what makes them the same on the link, for duplicates.
    var identities: [InstanceIdentity: Int] = [:]
    /// Places of the names of instances.
    var names: [String: Int] = [:]
    /// True if `settingPlaces` is wanted; a daemon has no use for it.
    var keepsPlaces = false
    /// For each instance by name: places of the keywords of its settings.
    var settingPlaces: [String: [String: Int]] = [:]
    var services = ServiceContext()
    var shared = SharedContext()
    var clusters = ClusterContext()

    // Blocks while they are read.
    var draft = InstanceDraft()
    var group = SyncGroupDraft()
    var announcements = AnnouncementGroup()
    var trackGroup = TrackGroup(name: "")
    var script = TrackScriptDraft()
    var file = TrackFile(name: "", path: "")
    var process = TrackProcessDraft()
    var session = BFDSessionDraft()
    var sync = SyncDaemonSettings(interface: "", instance: "")
    var service = ServiceDraft()
    var server = RealServerDraft()
    var check = CheckDraft()
    var request = RequestDraft()
    var cluster = ClusterDraft()

    // Entries while they are read.
    var address = VirtualAddress(prefix: Prefix(host: IPAddress(v4: 0)))
    var peer = UnicastPeer(address: IPAddress(v4: 0))
    var tracked = TrackedOptions()
    var route = RouteDraft()
    var rule = RuleDraft()
    /// The words of the route or rule that follow.
    var words = WordCursor(0..<0)
    /// track_group of the entry, and where it stands.
    var trackGroupName: String?
    var trackGroupPlace: Int?
    /// True if the entry is of static_routes or static_rules.
    var isStatic = false
    /// True if nothing so far makes the entry unusable.
    var isUsable = true

    init(_ parser: StatementParser, _ environment: Environment, _ files: any FileProvider) {
        self.files = files
        text = parser.text
        statements = parser.statements
        misplaced = parser.misplaced
        diagnostics = parser.diagnostics
        diagnostics.stage = .setting
        model.ignoredSettings = parser.ignored
        self.environment = environment
    }

    mutating func run() {
        for stage in ElaborationStage.allCases {
            for place in topLevel() where statements[place].row.stage == stage { perform(statements[place]) }
            switch stage {
            case .globals:
                finishGlobals()
                numberRules()
            case .trackers, .instances, .groups, .serverGroups, .clusters: break
            case .statics: checkSyncInstance()
            case .servers:
                checkServicesAgainstEachOther()
                checkGroupsAreUsed()
                readCredentials()
            }
        }
        finishShared()
        checkMailsAreSent()
        noteTrackScripts()
        if model.hasScripts || !model.shared.trackScripts.isEmpty {
            model.global.defaultScriptAccount = defaultScriptAccount
        }
    }

    /// Places of the statements at the top level.
    func topLevel() -> [Int] {
        var places: [Int] = []
        var place = 0
        while place < statements.count {
            places.append(place)
            place = max(place + 1, statements[place].end)
        }
        return places
    }

    /// Calls the body with each statement directly inside a block.
    mutating func forEach(inside block: Statement, _ body: (inout Elaborator, Statement) -> Void) {
        var child = block.place + 1
        while child < block.end {
            let next = statements[child]
            body(&self, next)
            child = max(child + 1, next.end)
        }
    }

    /// Gives a statement its effect.
    mutating func perform(_ statement: Statement) {
        guard let effect = statement.row.effect else { return }
        let ignored = model.ignoredSettings
        effect(&self, statement)
        // The parser has counted it, whatever is wrong in it.
        if statement.row.status.isWaiting { model.ignoredSettings = ignored }
    }

    /// Gives each statement directly inside a block its effect.
    mutating func perform(inside block: Statement) { forEach(inside: block) { $0.perform($1) } }

    func string(_ token: Int) -> String { text.string(text.tokens[token]) }
    func bytes(_ token: Int) -> ArraySlice<UInt8> { text.slice(text.tokens[token]) }

    mutating func report(
        _ severity: Severity, _ message: String, at token: Int, atStart: StartAction? = nil, code: DiagnosticCode? = nil
    ) {
        if severity == .error { refusals += 1 }
        diagnostics.add(severity, message, at: text.tokens[token], in: text, code: code, atStart: atStart)
    }

    /// A statement or word that has no effect because of an error.
    ///
    /// - Parameter atStart: what a start does instead; nil for what the keyword table says.
    mutating func refuse(_ message: String, at token: Int, atStart: StartAction? = nil, code: DiagnosticCode? = nil) {
        model.ignoredSettings += 1
        let isWorded = diagnostics.isFull || atStart != nil
        report(
            .error, message, at: token, atStart: isWorded ? atStart : startInstead(statement(with: token)), code: code)
    }

    /// The statement to which a token belongs.
    private func statement(with token: Int) -> Statement? {
        var low = 0
        var high = statements.count
        while low < high {
            let middle = (low + high) / 2
            if statements[middle].token <= token { low = middle + 1 } else { high = middle }
        }
        guard low > 0, token < statements[low - 1].words.upperBound || token == statements[low - 1].token else {
            return nil
        }
        return statements[low - 1]
    }

    // MARK: - Words

    /// The only word of a statement. More words are ignored with a warning, none is an error.
    mutating func word(of statement: Statement) -> Int? {
        guard let first = statement.words.first else {
            let name = string(statement.token)
            let wanted = statement.isEntry ? "a value" : statement.row.explainedArguments
            refuse("`\(name)` needs a value: \(wanted)", at: statement.token)
            return nil
        }
        if statement.words.count > 1, !splitsLine(first + 1..<statement.words.upperBound, of: statement) {
            report(
                .warning, "`\(string(statement.token))` takes one value; this and what follows is ignored",
                at: first + 1)
        }
        return first
    }

    /// Warns about words after a keyword that takes none: `nopreempt false` still means nopreempt.
    mutating func flag(_ statement: Statement) -> Bool {
        if let word = statement.words.first, !splitsLine(statement.words, of: statement) {
            report(
                .warning,
                "`\(string(statement.token))` takes no value; `\(string(word))` is ignored and the setting is on",
                at: word)
        }
        return true
    }

    /// A keyword that is true alone, or says true or false.
    mutating func boolean(_ statement: Statement) -> Bool? {
        guard !statement.words.isEmpty else { return true }
        guard let word = word(of: statement) else { return nil }
        if let value = Configuration.boolean(string(word)) { return value }
        refuse("`\(string(word))` isn't one of true, on, yes, false, off, no", at: word)
        return nil
    }

    /// A keyword as messages write it. What has a blank is no keyword but a description.
    func quoted(_ name: String) -> String { name.contains(" ") ? name : "`\(name)`" }

    /// A whole number within the limits of its row.
    mutating func integer(_ statement: Statement) -> Int? {
        guard let word = word(of: statement) else { return nil }
        return integer(at: word, of: statement)
    }

    /// A whole number at this token, within the limits of the row.
    mutating func integer(at word: Int, of statement: Statement) -> Int? {
        integer(at: word, statement.row.value.numbers ?? Limits.int32, for: statement.row.name)
    }

    /// A whole number at this token.
    mutating func integer(at word: Int, _ limits: ClosedRange<Int>, for name: String) -> Int? {
        let value = wholeNumber(bytes(word))
        guard value != nil || isNumber(bytes(word)) && !bytes(word).contains(UInt8(ascii: ".")) else {
            refuse("`\(string(word))` isn't a whole number\(referenceHint(word))", at: word)
            return nil
        }
        guard let value, limits.contains(value) else {
            refuse(
                "\(quoted(name)) is \(limits.lowerBound) to \(limits.upperBound), not \(string(word))", at: word)
            return nil
        }
        return value
    }

    /// Seconds with decimals, within the limits of its row.
    mutating func seconds(_ statement: Statement) -> Interval? {
        guard let word = word(of: statement) else { return nil }
        let value = decimalMicroseconds(bytes(word))
        guard value != nil || isNumber(bytes(word)) else {
            refuse("`\(string(word))` isn't a number of seconds", at: word)
            return nil
        }
        if value?.isExact == false {
            report(.warning, "only six decimals of a second count; the rest is ignored", at: word)
        }
        let interval = value.map { Interval.microseconds($0.value) }
        guard let limits = statement.row.value.times else { return interval }
        guard let interval, limits.contains(interval) else {
            refuse("`\(string(statement.token))` is \(limits.lowerBound) to \(limits.upperBound)", at: word)
            return nil
        }
        return interval
    }

    // MARK: - Addresses and names

    mutating func host(at word: Int) -> IPAddress? {
        if let prefix = Prefix(string(word)) { return prefix.address }
        return address(at: word)
    }

    mutating func address(_ statement: Statement) -> IPAddress? {
        guard let word = word(of: statement) else { return nil }
        return address(at: word)
    }

    mutating func address(at word: Int) -> IPAddress? {
        if let address = IPAddress(string(word)) { return address }
        refuse("`\(string(word))` isn't an IP address\(referenceHint(word))", at: word)
        return nil
    }

    /// The trap of definitions: `$NAME` ends at a blank, a comma or `)`, and everything else stays as it is.
    func referenceHint(_ word: Int) -> String {
        bytes(word).contains(Byte.dollar) ? "; a definition within a word is written `${NAME}`" : ""
    }

    /// An interface's name, as long as the kernel allows (IFNAMSIZ).
    mutating func interfaceName(at word: Int) -> String? {
        let name = string(word)
        guard (1...15).contains(name.utf8.count), !name.utf8.contains(Byte.slash), name != ".", name != ".." else {
            refuse("`\(name)` can't be the name of an interface: 1 to 15 bytes without `/`", at: word)
            return nil
        }
        return name
    }

    /// True if an interface may be used: it exists, or nobody wants to know.
    func isKnown(interface: String) -> Bool {
        model.global.dynamicInterfaces || environment.interfaces?.contains(interface) ?? true
    }

    // MARK: - Scripts

    /// `USER [[:]GROUP]` in these tokens.
    mutating func identity(_ words: Range<Int>, loss: String = "no script is run as") -> ScriptIdentity? {
        guard let first = words.first else { return nil }
        return identity(words.map { string($0) }, at: first, loss: loss)
    }

    /// - Parameters:
    ///   - hint: what else the words may have been meant for.
    ///   - loss: what doesn't happen when there is no such user.
    mutating func identity(
        _ words: [String], at token: Int, hint: String = "", loss: String = "no script is run as"
    ) -> ScriptIdentity? {
        if words.count > 2 { report(.warning, "only USER and GROUP are read here; the rest is ignored", at: token) }
        guard var identity = ScriptIdentity(words: words) else { return nil }
        switch files.account(user: identity.user, group: identity.group) {
        case nil: break
        case .known(let account): identity.account = account
        case .unknown(let reason):
            refuse("\(reason): \(loss) \(identity.name)\(hint)", at: token, atStart: .inMessage)
        }
        return identity
    }

    /// The words of a statement by the shell-like rules of script keywords.
    mutating func quotedWords(
        _ statement: Statement, by rules: (ArraySlice<UInt8>) -> [[UInt8]]? = { shellWords($0) }
    ) -> [[UInt8]]? {
        guard let first = statement.words.first else {
            let keyword = statement.row
            let wanted = keyword.shape == .script ? "a command" : keyword.arguments
            refuse("`\(keyword.name)` needs \(wanted)", at: statement.token)
            return nil
        }
        // Quotes belong to the raw text; the tokens are without them.
        guard let raw = text.raw(statement.words), let words = rules(raw), !words.isEmpty else {
            // Of a `"` without a partner the preprocessor has said so.
            if text.raw(statement.words)?.count(where: { $0 == Byte.quote }).isMultiple(of: 2) ?? true {
                refuse("a quote in this command has no partner", at: first)
            } else {
                model.ignoredSettings += 1
            }
            return nil
        }
        return words
    }

    /// The program and its arguments in one word, which is split again.
    mutating func command(_ word: [UInt8], at token: Int) -> [String]? {
        guard let arguments = shellWords(word[...], .everywhere) else {
            refuse("a quote in this command has no partner", at: token)
            return nil
        }
        if word.contains(Byte.backslash), shellWords(shellUnescaped(word)[...], .everywhere) != arguments {
            report(
                .warning,
                "keepalived 2.2 takes backslashes away twice, so it runs this with other arguments; what needs none, such "
                    + "as '...' around an argument, is read alike", at: token)
        }
        guard let program = arguments.first, !program.isEmpty else {
            refuse("the command is empty", at: token)
            return nil
        }
        guard !arguments.contains(where: { $0.contains(0) }) else {
            refuse("a command can't have a NUL byte", at: token)
            return nil
        }
        return arguments.map { String(decoding: $0, as: UTF8.self) }
    }

    /// `""` where a command belongs.
    func isEmptyCommand(_ statement: Statement) -> Bool {
        statement.words.first.map { text.tokens[$0].kind == .quoted && bytes($0).allSatisfy(Byte.isBlank) } ?? false
            && statement.words.count == 1
    }

    /// `"COMMAND ARGUMENTS" [USER [[:]GROUP]]`: the command and its arguments are one word, which is split again.
    mutating func script(_ statement: Statement) -> (arguments: [String], identity: ScriptIdentity?)? {
        guard let words = quotedWords(statement, by: commandWords), let first = statement.words.first,
            let arguments = command(words[0], at: first)
        else { return nil }
        let identity = identity(
            words.dropFirst().map { String(decoding: $0, as: UTF8.self) },
            // With quotes within the command its tokens aren't its words.
            at: statement.words.count == words.count ? min(first + 1, statement.words.upperBound - 1) : first,
            hint: " (a command and its arguments stand in one pair of double quotes)")
        return (arguments, identity)
    }
}

extension SourceLocation {
    /// The place of a draft that nothing was read into.
    static let nowhere = SourceLocation(file: "", line: 0)
}
