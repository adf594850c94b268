import ConfigurationModel

/// A program that the configuration wants to be run.
struct ScriptUse: Hashable {
    /// As written: a path, or a name that is looked for in PATH.
    var program: String
    /// The user in its statement.
    var identity: ScriptIdentity?
    /// A tracker that can't run is a wrong verdict about this node; a notification that can't run is only missed.
    var isTracker = false
}

extension ScriptIdentity {
    /// From the words `USER [[:]GROUP]`; nil without a user.
    init?(words: [String]) {
        guard let user = words.first, !user.isEmpty else { return nil }
        var group = words.count > 1 ? words[1] : nil
        let isSupplementary = group?.hasPrefix(":") ?? false
        if isSupplementary { group?.removeFirst() }
        self.init(user: user, group: group.flatMap { $0.isEmpty ? nil : $0 }, supplementaryGroups: isSupplementary)
    }
}

extension Elaborator {
    /// Remembers the first place that makes `ConfigurationModel.hasScripts` true.
    mutating func noteScript(at token: Int) { shared.firstScript = min(shared.firstScript ?? token, token) }

    /// Looks at a program. - Returns: whether it may be run.
    mutating func checkProgram(_ use: ScriptUse, at token: Int) -> Bool {
        guard let finding = files.inspect(program: use.program) else { return true }
        if let obstacle = finding.obstacle {
            if use.isTracker {
                // Left out it would be a verdict that nobody has reached (pain point S5). It may be mended while hasupd runs.
                refuse("`\(use.program)` can't be run: \(obstacle)", at: token, atStart: .takeAsFailed)
            } else {
                model.ignoredSettings += 1
                report(
                    .warning, "`\(use.program)` can't be run: \(obstacle); the notification is left out", at: token)
            }
            return false
        }
        guard let user = user(of: use) else { return true }
        guard user == 0 || model.global.scriptSecurity, let weakness = finding.weakness(forUser: user) else {
            return true
        }
        let who = user == 0 ? "root" : "user \(user)"
        refuse(
            "`\(use.program)` is refused: it would run as \(who), and \(weakness); change that, or say another user",
            at: token, atStart: use.isTracker ? .takeAsFailed : nil)
        return false
    }

    /// Notes the tracking scripts among the programs that hasupd is to run: those that decide about an instance.
    mutating func noteTrackScripts() {
        let used = model.usedTrackers[.script] ?? []
        for script in model.shared.trackScripts where used.contains(script.name) {
            guard case .run = script.command, let place = shared.trackers[.script]?[script.name]?.commandPlace else {
                continue
            }
            noteScript(at: place)
        }
    }

    /// The user that runs it (behaviours §5); nil when that isn't known.
    private mutating func user(of use: ScriptUse) -> UInt32? {
        if let identity = use.identity ?? model.global.scriptUser {
            return ["root", "0"].contains(identity.user) ? 0 : identity.account?.uid
        }
        return defaultScriptAccount?.uid ?? 0
    }

    /// User `keepalived_script`; nil when there is none.
    static func defaultScriptAccount(_ files: some FileProvider) -> ScriptAccount? {
        guard case .known(let account) = files.account(user: defaultScriptUser, group: nil) else { return nil }
        return account
    }

    /// The user of scripts that don't say another.
    fileprivate static let defaultScriptUser = "keepalived_script"
}

extension Diagnostic {
    /// The text of the note on the first script, by which it is found.
    private static let firstScriptMessage =
        "scripts begin here: a hasupd that was started without any refuses them at a reload, and needs a restart"

    /// True if it is the note on the first script.
    package var isAboutFirstScript: Bool { severity == .note && message == Self.firstScriptMessage }

    static func firstScript(_ token: Token, in text: SourceText) -> Diagnostic {
        Diagnostic(
            .note, firstScriptMessage, at: text.location(token), length: max(1, Int(token.length)),
            sourceLine: text.lineText(file: Int(token.file), line: Int(token.line)),
            includedFrom: text.includeChain(of: Int(token.file)))
    }
}

/// Finds what a configuration asks the machine about, before anything else is understood of it: the answers have to be
/// known when the reader has given up its right to ask.
struct SurroundingsScan {
    /// Keywords that name a file and whom it belongs to.
    private static let fifoKeywords: [StaticString] = ["notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo"]
    /// Keywords of SSL that name a file.
    private static let credentialKeywords: [StaticString] = ["ca", "certificate", "key"]
    let text: SourceText
    private let keywords: Set<String>

    init(_ text: SourceText) {
        self.text = text
        keywords = KeywordTable.scriptKeywords
    }

    /// Asks for each program, each file of a key or a certificate, and each library once or more often.
    func run(_ files: some FileProvider) {
        var index = 0
        var isInSSL = false
        while index < text.tokens.count {
            let first = index
            index += 1
            if text.tokens[first].kind == .close { isInSSL = false }
            guard text.tokens[first].isText, isStart(first) else { continue }
            let name = text.slice(text.tokens[first])
            guard (2...40).contains(name.count) else { continue }
            askForLibrary(files, at: first)
            if text.matches(text.tokens[first], "SSL") { isInSSL = true }
            while index < text.tokens.count, text.tokens[index].isText, !text.tokens[index].startsLine,
                !text.matches(text.tokens[index], ";")
            {
                index += 1
            }
            guard index > first + 1 else { continue }
            if isInSSL {
                if Self.credentialKeywords.contains(where: { text.matches(text.tokens[first], $0) }) {
                    _ = files.read(path: text.string(text.tokens[first + 1]))
                }
            } else if text.matches(text.tokens[first], "key"), index > first + 2 {
                let value = text.slice(text.tokens[first + 2])
                if value.starts(with: "file:".utf8) {
                    _ = files.read(path: String(decoding: value.dropFirst(5), as: UTF8.self))
                }
            } else if text.matches(text.tokens[first], "user") || text.matches(text.tokens[first], "script_user") {
                ask(files, for: text.tokens[first + 1..<index].map { text.string($0) })
            } else if Self.fifoKeywords.contains(where: { text.matches(text.tokens[first], $0) }) {
                ask(files, for: text.tokens[first + 1..<index].dropFirst().map { text.string($0) })
            } else if keywords.contains(String(decoding: name, as: UTF8.self)),
                let words = text.raw(first + 1..<index).flatMap({ commandWords($0) })
            {
                ask(files, for: [Elaborator.defaultScriptUser])
                if let program = program(words) { _ = files.inspect(program: program) }
                ask(files, for: words.dropFirst().map { String(decoding: $0, as: UTF8.self) })
            }
        }
    }

    private func isStart(_ token: Int) -> Bool {
        token == 0 || text.tokens[token].startsLine || !text.tokens[token - 1].isText
    }

    private func askForLibrary(_ files: some FileProvider, at token: Int) {
        if text.matches(text.tokens[token], "regex") { _ = files.library(.patterns) }
        if text.matches(text.tokens[token], "SSL") || text.matches(text.tokens[token], "SSL_GET") {
            _ = files.library(.tls)
        }
    }

    private func ask(_ files: some FileProvider, for words: [String]) {
        guard let identity = ScriptIdentity(words: words) else { return }
        _ = files.account(user: identity.user, group: identity.group)
    }

    /// The program in the words of a script keyword.
    private func program(_ words: [[UInt8]]) -> String? {
        guard let command = words.first else { return nil }
        guard let program = shellWords(command[...], .everywhere)?.first, !program.isEmpty, !program.contains(0) else {
            return nil
        }
        return String(decoding: program, as: UTF8.self)
    }
}

extension SourceText {
    /// The bytes from the first to the last of these words, with the quotes that their tokens are without.
    func raw(_ words: Range<Int>) -> ArraySlice<UInt8>? {
        guard let first = words.first, let last = words.last else { return nil }
        let start = tokens[first].range.lowerBound - (tokens[first].kind == .quoted ? 1 : 0)
        var end = tokens[last].range.upperBound
        if tokens[last].kind == .quoted, end < bytes.count, bytes[end] == Byte.quote { end += 1 }
        return start <= end ? bytes[start..<end] : nil
    }
}
