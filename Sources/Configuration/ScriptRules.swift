/// A program that the configuration wants to be run.
struct ScriptUse: Hashable {
    /// As written: a path, or a name that is looked for in PATH.
    var program: String
    /// Who runs it, as its statement says.
    var identity: ScriptIdentity?
    /// A tracker that can't run is a wrong verdict about this node; a notification that can't run is only missed.
    var isTracker = false
}

/// What the machine says about a program.
public struct ProgramFinding: Hashable, Sendable {
    /// Why it can't be run, such as `no such file`; nil when it can.
    public var obstacle: String?
    /// The part of its path that somebody else than root may change, with owner and mode; nil without one.
    public var weakness: String?
    /// A program without complaints.
    public init(obstacle: String? = nil, weakness: String? = nil) {
        self.obstacle = obstacle
        self.weakness = weakness
    }
}

extension Elaborator {
    /// Looks at a program. - Returns: whether it may be run.
    mutating func checkProgram(_ use: ScriptUse, at token: Int) -> Bool {
        guard let finding = files.inspect(program: use.program) else { return true }
        if let obstacle = finding.obstacle {
            if use.isTracker {
                refuse("`\(use.program)` can't be run: \(obstacle)", at: token)
            } else {
                model.ignoredSettings += 1
                report(.warning, "`\(use.program)` can't be run: \(obstacle)", at: token)
            }
            return false
        }
        guard let weakness = finding.weakness, runsAsRoot(use) else { return true }
        guard model.global.scriptSecurity else {
            report(
                .warning,
                "`\(use.program)` runs as root, and \(weakness) (`enable_script_security` refuses such scripts)",
                at: token)
            return true
        }
        refuse(
            "`\(use.program)` is refused: it would run as root, and \(weakness); change that, or say a user", at: token)
        return false
    }

    /// Whether nobody said another user (behaviours §5).
    private func runsAsRoot(_ use: ScriptUse) -> Bool {
        if let identity = use.identity ?? model.global.scriptUser { return ["root", "0"].contains(identity.user) }
        return !environment.hasDefaultScriptUser
    }
}

/// Finds what a configuration asks the machine about, before anything else is understood of it: the answers have to be
/// known when the reader has given up its right to ask.
struct SurroundingsScan {
    let text: SourceText
    private let keywords: Set<String>

    init(_ text: SourceText, table: KeywordTable = .shared) {
        self.text = text
        keywords = Set(table.keywords.filter { $0.shape == .script }.map(\.name))
    }

    /// Asks for each program and each key file once or more often.
    func run(_ files: some FileProvider) {
        var index = 0
        while index < text.tokens.count {
            let first = index
            index += 1
            guard text.tokens[first].isText, isStart(first) else { continue }
            let name = text.slice(text.tokens[first])
            guard (3...40).contains(name.count) else { continue }
            while index < text.tokens.count, text.tokens[index].isText, !text.tokens[index].startsLine { index += 1 }
            guard index > first + 1 else { continue }
            if text.matches(text.tokens[first], "key"), index > first + 2 {
                let value = text.slice(text.tokens[first + 2])
                if value.starts(with: "file:".utf8) {
                    _ = files.read(path: String(decoding: value.dropFirst(5), as: UTF8.self))
                }
            } else if keywords.contains(String(decoding: name, as: UTF8.self)),
                let program = program(first + 1..<index)
            {
                _ = files.inspect(program: program)
            }
        }
    }

    private func isStart(_ token: Int) -> Bool {
        token == 0 || text.tokens[token].startsLine || !text.tokens[token - 1].isText
    }

    /// The program in the words of a script keyword.
    private func program(_ words: Range<Int>) -> String? {
        guard let raw = text.raw(words), let command = shellWords(raw)?.first else { return nil }
        guard let program = shellWords(command[...])?.first, !program.isEmpty, !program.contains(0) else { return nil }
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
