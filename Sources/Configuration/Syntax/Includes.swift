import Base
import ConfigurationModel

/// Failures of an include that are errors, beyond a file that is missing or can't be read, which always is one.
struct IncludeChecks: OptionSet {
    let rawValue: UInt8
    /// Every matched file must be readable, which is asked of each one anyway.
    static let readable = IncludeChecks(rawValue: 1)
    /// The pattern must match something.
    static let match = IncludeChecks(rawValue: 2)
    /// A pattern with wildcards must match something.
    static let wildcard = IncludeChecks(rawValue: 4)
    /// Each `{a,b}` alternative must match something.
    static let braces = IncludeChecks(rawValue: 8)
    static let all: IncludeChecks = [.readable, .match, .wildcard, .braces]
}

/// A file that is being read.
struct IncludeFrame {
    var path: String
    /// The file itself, whatever name it was reached by; nil when that isn't known.
    var identity: FileIdentity?
    /// `include_check`: how strict plain `include` is, until the end of this file.
    var checks: IncludeChecks
}

/// Matches of one alternative of a pattern.
struct PatternMatches {
    var pattern: String
    var paths: [String]
}

/// The reason a pattern isn't followed.
enum PatternObjection: Error, CustomStringConvertible {
    case tooManyPatterns(String, limit: Int)
    case tooManyNames(String)

    var description: String {
        switch self {
        case .tooManyPatterns(let pattern, let limit): "`\(pattern)` stands for more than \(limit) patterns"
        case .tooManyNames(let pattern): "`\(pattern)` leads through too many files and folders"
        }
    }
}

/// Which block of the top level the text stands in, as its braces say. Each token is looked at once.
struct OutermostBlock {
    private var seen = 0
    private var depth = 0
    private var isGlobal = false

    /// True if the next token stands directly in global_defs.
    mutating func isGlobal(in text: SourceText) -> Bool {
        while seen < text.tokens.count {
            switch text.tokens[seen].kind {
            case .open:
                if depth == 0 { isGlobal = seen > 0 && text.matches(text.tokens[seen - 1], "global_defs") }
                depth += 1
            case .close: depth = max(0, depth - 1)
            default: break
            }
            seen += 1
        }
        return isGlobal && depth == 1
    }
}

extension Preprocessor {
    static var maximumIncludeDepth: Int { 64 }
    static var maximumFiles: Int { 10_000 }
    private static var maximumAlternatives: Int { 256 }

    /// Obeys `include` and its variants, and notes `include_check`. - Returns: false for every other line.
    mutating func include(_ line: TextLine) -> Bool {
        // Cheap refusal of nearly all lines.
        guard text.bytes[line.start] == UInt8(ascii: "i") else { return false }
        var end = line.start
        while end < line.end, !Byte.isBlank(text.bytes[end]), text.bytes[end] != Byte.quote { end += 1 }
        let checks: IncludeChecks
        switch String(decoding: text.bytes[line.start..<end], as: UTF8.self) {
        case "include": checks = frames.last?.checks ?? []
        case "includer": checks = .readable
        case "includem": checks = .match
        case "includew": checks = .wildcard
        case "includeb": checks = .braces
        case "includea": checks = .all
        case "include_check":
            // The statement parser sees the line too, and refuses it outside of global_defs.
            if outermost.isGlobal(in: text) { setIncludeChecks(skippingBlanks(line.dropping(to: end))) }
            return false
        default: return false
        }
        guard let argument = skippingBlanks(line.dropping(to: end)), let pattern = fileName(argument) else {
            report(.error, "an include needs the name of a file", at: line)
            return true
        }
        include(pattern, checks, at: argument)
        return true
    }

    private mutating func setIncludeChecks(_ arguments: TextLine?) {
        guard let arguments, !frames.isEmpty else {
            if !frames.isEmpty { frames[frames.count - 1].checks = .all }
            return
        }
        var checks = frames[frames.count - 1].checks
        var isFirst = true
        for word in text.bytes[arguments.start..<arguments.end].split(whereSeparator: Byte.isBlank) {
            var name = String(decoding: word, as: UTF8.self)
            let sign = name.first
            if sign == "+" || sign == "-" { name.removeFirst() } else if isFirst { checks = [] }
            isFirst = false
            let check: IncludeChecks
            switch name {
            case "read", "readable": check = .readable
            case "match": check = .match
            case "wildcard_match": check = .wildcard
            case "brace_match": check = .braces
            default:
                report(
                    .error, "`\(name)` isn't one of read, match, wildcard_match, brace_match", at: arguments)
                continue
            }
            if sign == "-" { checks.subtract(check) } else { checks.formUnion(check) }
        }
        frames[frames.count - 1].checks = checks
    }

    /// The pattern: quoted, or up to the next blank. Braces belong to it.
    private mutating func fileName(_ argument: TextLine) -> String? {
        var start = argument.start
        var end = start
        if text.bytes[start] == Byte.quote {
            start += 1
            end = start
            while end < argument.end, text.bytes[end] != Byte.quote { end += 1 }
        } else {
            while end < argument.end, !Byte.isBlank(text.bytes[end]) { end += 1 }
        }
        let after = end < argument.end && text.bytes[end] == Byte.quote ? end + 1 : end
        if let rest = skippingBlanks(argument.dropping(to: after)) {
            report(.warning, "an include takes one name; this is ignored (quote a name that has blanks)", at: rest)
        }
        return end > start ? String(decoding: text.bytes[start..<end], as: UTF8.self) : nil
    }

    private mutating func include(_ pattern: String, _ checks: IncludeChecks, at line: TextLine) {
        guard frames.count <= Self.maximumIncludeDepth else {
            return report(.error, "includes are nested deeper than \(Self.maximumIncludeDepth)", at: line)
        }
        let directory = Self.directory(of: frames.last?.path ?? "")
        let isAbsolute = pattern.utf8.first == Byte.slash || directory.isEmpty
        let path = isAbsolute ? pattern : directory == "/" ? "/" + pattern : directory + "/" + pattern
        guard Self.isPattern(path) else { return includeFile(path, at: line) }
        let alternatives: [PatternMatches]
        switch matches(of: path) {
        case .failure(let objection): return leaveOut("\(objection), and nothing is included", at: line)
        case .success(let found): alternatives = found
        }
        if checks.contains(.braces) {
            for alternative in alternatives where alternative.paths.isEmpty {
                report(.error, "nothing matches `\(alternative.pattern)`", at: line)
            }
        }
        let matches = alternatives.flatMap(\.paths).sorted(by: Self.isBefore)
        let hasWildcard = path.utf8.contains { "*?[".utf8.contains($0) }
        if matches.isEmpty, checks.contains(.match) || checks.contains(.wildcard) && hasWildcard {
            report(.error, "nothing matches `\(path)`", at: line)
        }
        for match in matches where !isExhausted {
            includeFile(match, at: line)
        }
    }

    private mutating func includeFile(_ path: String, at line: TextLine) {
        let identity = provider.identity(of: path)
        guard !frames.contains(where: { $0.path == path || identity != nil && $0.identity == identity }) else {
            // However many ways lead around the loop, it is one.
            if identity.map({ selfIncluding.insert($0).inserted }) ?? true {
                report(.error, "`\(path)` includes itself", at: line)
            }
            return
        }
        guard text.files.count < Self.maximumFiles else {
            return exhaust("more than \(Self.maximumFiles) files are included", at: line)
        }
        switch provider.read(path: path) {
        case .success(let bytes):
            if let objection = FileHead.objection(to: bytes) {
                return leaveOut("can't read `\(path)`: \(objection)", at: line)
            }
            guard text.bytes.count + bytes.count <= SourceText.maximumBytes else {
                return exhaust("the configuration is too large", at: line)
            }
            read(bytes, path: path, identity: identity, includer: line)
        case .failure(let error): leaveOut("can't read `\(path)`: \(error.explanation)", at: line)
        }
    }

    /// True if a path has wildcards or alternatives.
    static func isPattern(_ path: String) -> Bool { path.utf8.contains { "*?[{".utf8.contains($0) } }

    static func isBefore(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

    /// Matches of each alternative of a pattern.
    func matches(of pattern: String) -> Result<[PatternMatches], PatternObjection> {
        guard let alternatives = Self.alternatives(of: pattern, limit: Self.maximumAlternatives) else {
            return .failure(.tooManyPatterns(pattern, limit: Self.maximumAlternatives))
        }
        var found: [PatternMatches] = []
        for alternative in alternatives {
            guard case .success(let paths) = provider.glob(pattern: alternative) else {
                return .failure(.tooManyNames(alternative))
            }
            found.append(PatternMatches(pattern: alternative, paths: paths))
        }
        return .success(found)
    }

    /// The patterns that `a{b,c}d` stands for: `abd`, `acd`; nil when they are more than the limit.
    static func alternatives(of pattern: String, limit: Int) -> [String]? {
        var done: [String] = []
        var open = [pattern]
        while let next = open.popLast() {
            guard done.count + open.count < limit else { return nil }
            let bytes = Array(next.utf8)
            // The innermost group: the first `}` and the last `{` before it.
            guard let close = bytes.firstIndex(of: Byte.close), let start = bytes[..<close].lastIndex(of: Byte.open)
            else {
                done.append(next)
                continue
            }
            let parts = bytes[(start + 1)..<close].split(separator: Byte.comma, omittingEmptySubsequences: false)
            for part in parts.reversed() {
                open.append(String(decoding: bytes[..<start] + part + bytes[(close + 1)...], as: UTF8.self))
            }
        }
        return done
    }
}
