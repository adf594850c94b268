import Base
import ConfigurationModel

/// Turns files into tokens: lines, comments, conditional lines, definitions, generated lines and includes.
///
/// Everything that text can make grow is bounded: substitution by `maximumGenerated` and `maximumUses`, includes by
/// depth and number,
/// the whole by `SourceText.maximumBytes` and `maximumTokens`.
struct Preprocessor {
    let provider: any FileProvider
    let environment: Environment
    var text = SourceText()
    var diagnostics = DiagnosticList()
    var definitions = Definitions()
    var random: SeededRandom
    /// Tokens among which `random_seed` was looked for.
    var seedSearched = 0
    /// Number of times that the lines of the generators at work are made, as far as that is known; 0 when it isn't, because
    /// one of them is past its first value.
    var repetitions = 1
    /// True if a generator whose braces are even makes only its first line: enough for who counts braces.
    var generatesOnce = false
    /// True if the line is made by `~SEQ`, `~SEQx` or `~LST`.
    var isGenerating = false
    /// Files being read, outermost first, each with the strictness of its includes.
    var frames: [IncludeFrame] = []
    /// The block at the top level that the tokens so far lead into.
    var outermost = OutermostBlock()
    /// The names that conditional lines are for.
    var nodeNames = NodeNames()
    /// The first `@hasup` or `@^hasup` line.
    var firstOwnLine: TextLine?
    /// A definition whose value goes on in the next line.
    private var openDefinition: (name: String, lines: [TextLine])?
    /// Bytes that substitution may still make.
    var bytesLeft = Preprocessor.maximumGenerated
    /// References that may still be replaced, and lines that values and generators may still make.
    var usesLeft = Preprocessor.maximumUses
    /// The definitions whose values are being read, outermost first.
    var users: [Int] = []
    /// Definitions of which it was said that they refer to themselves.
    var selfReferring: Set<Int> = []
    /// Included files of which it was said that they include themselves.
    var selfIncluding: Set<FileIdentity> = []
    /// Nesting of `processLine`: generated lines and multi-line values within each other.
    private var depth = 0
    /// A limit was reached; nothing more is read.
    private(set) var isExhausted = false

    /// Bytes that substitution and generated lines may make in all.
    static var maximumGenerated: Int { 64 << 20 }
    /// Replaced references and made lines in all: each may be as short as nothing.
    static var maximumUses: Int { 1 << 18 }
    static var maximumDepth: Int { 64 }
    /// keepalived's line buffer holds 1024 bytes with the terminating NUL.
    static var maximumLineLength: Int { 1023 }

    init(_ provider: any FileProvider, _ environment: Environment) {
        self.provider = provider
        self.environment = environment
        random = SeededRandom(seed: environment.randomSeed)
    }

    /// Reads the main file and all that it includes. A name that no file has may be a pattern, as for keepalived's `-f`;
    /// then all files that it matches are read, in the order of their names.
    ///
    /// - Returns: false when the main file can't be read.
    mutating func run(mainPath: String) -> Bool {
        let isReadable = readAll(mainPath)
        refuseOwnNameOfNode()
        warnOfOtherNodes()
        return isReadable
    }

    private mutating func readAll(_ mainPath: String) -> Bool {
        let first = provider.read(path: mainPath)
        guard first == .failure(.notFound), Self.isPattern(mainPath) else { return readMain(mainPath, first) }
        switch matches(of: mainPath) {
        case .failure(let objection):
            diagnostics.add(.error, objection.description, at: nil, code: .file)
            return false
        case .success(let alternatives):
            let paths = alternatives.flatMap(\.paths)
            if paths.isEmpty { diagnostics.add(.error, "no file matches `\(mainPath)`", at: nil, code: .file) }
            if paths.count > 1 {
                diagnostics.add(
                    .warning,
                    "`\(mainPath)` matches \(paths.count) files, and all are read, in the order of their names",
                    at: nil, code: .file)
            }
            // What can be read is read, whatever is beside it.
            return paths.sorted(by: Self.isBefore).reduce(false) { isReadable, path in
                readMain(path, provider.read(path: path), isOneOfMany: true) || isReadable
            }
        }
    }

    /// Reads a file by its very name. - Returns: false when it can't be read.
    mutating func readMain(
        _ path: String, _ result: Result<[UInt8], FileError>, isOneOfMany: Bool = false
    ) -> Bool {
        switch result {
        case .failure(let error):
            let message = "can't read \(path): \(error.explanation)"
            if isOneOfMany {
                leaveOut(message, at: nil)
            } else {
                diagnostics.add(.error, message, at: nil, code: .file)
            }
            return false
        case .success(let bytes):
            if let objection = FileHead.objection(to: bytes) {
                let place = SourceLocation(file: path, line: 1)
                diagnostics.add(.error, "can't read \(path): \(objection)", at: place, code: .file)
                return false
            }
            read(bytes, path: path, identity: provider.identity(of: path))
            return true
        }
    }

    mutating func report(_ severity: Severity, _ message: String, at line: TextLine, length: Int? = nil) {
        diagnostics.add(severity, message, at: line, in: text, length: length)
    }

    /// A piece of the files is there, or is asked for by its name, and can't be read. Nobody means to do without it: a
    /// reload refuses it, and a start goes on without it, as keepalived does.
    mutating func leaveOut(_ message: String, at line: TextLine?) {
        if let line {
            diagnostics.add(.error, message, at: line, in: text, code: .file)
        } else {
            diagnostics.add(.error, message, at: nil, code: .file)
        }
        diagnostics.amendLast(atStart: StartAction("go on without it", past: "went on without it"))
    }

    /// Pays for text that is made; false when the budget is spent.
    mutating func spend(_ bytes: Int, uses count: Int, at line: TextLine) -> Bool {
        bytesLeft -= bytes
        usesLeft -= count
        if bytesLeft < 0 {
            exhaust(
                "definitions and generated lines make more than \(Self.maximumGenerated >> 20) MiB of text", at: line)
        } else if usesLeft < 0 {
            exhaust(
                "definitions are used and lines are generated more than \(Self.maximumUses) times",
                at: line)
        }
        return !isExhausted
    }

    /// Ends the reading: nothing behind this is looked at.
    mutating func exhaust(_ message: String, at line: TextLine) {
        if !isExhausted {
            diagnostics.add(.error, message, at: line, in: text, code: .file)
            diagnostics.amendLast(atStart: StartAction("read no further", past: "read no further"))
        }
        isExhausted = true
    }

    /// Reads one file's lines. - Parameter includer: the line that includes it.
    mutating func read(
        _ bytes: [UInt8], path: String, identity: FileIdentity? = nil, includer: TextLine? = nil
    ) {
        let start = text.bytes.count
        if start == 0 {
            // Most configurations are one file: it isn't copied, and its tokens (seldom more than one in eight bytes,
            // blanks included) don't move while they become more.
            text.bytes = bytes
            text.tokens.reserveCapacity(min(bytes.count / 8, SourceText.maximumTokens))
        } else {
            text.bytes += bytes
        }
        let limit = text.bytes.count
        let file = text.files.count
        text.files.append(
            SourceFile(path: path, range: start..<limit, includer: includer.map { ($0.file, $0.line) }))
        frames.append(IncludeFrame(path: path, identity: identity, checks: frames.last?.checks ?? []))
        defer { frames.removeLast() }
        var offset = start
        let mark = FileHead.markLength(bytes)
        if mark > 0 {
            offset += mark
            let line = TextLine(start: offset, end: offset, file: file, line: 1, origin: offset)
            report(.warning, "the file begins with a UTF-8 byte order mark, which is ignored", at: line)
        }
        while offset < limit, !isExhausted {
            var end = offset
            while end < limit, text.bytes[end] != Byte.newline { end += 1 }
            text.files[file].lineStarts.append(UInt32(offset))
            let number = text.files[file].lineStarts.count
            readLine(TextLine(start: offset, end: end, file: file, line: number, origin: offset))
            offset = end + 1
        }
        if let open = openDefinition {
            openDefinition = nil
            definitions.define(open.name, open.lines)
            let last = TextLine(
                start: limit, end: limit, file: file, line: max(1, text.files[file].lineStarts.count), origin: limit)
            report(.error, "the file ends within the value of `$\(open.name)`: its last line ends with `\\`", at: last)
        }
    }

    /// Looks at one physical line: its length, its comment, and whether it belongs to a definition's value.
    private mutating func readLine(_ physical: TextLine) {
        var line = physical
        while line.end > line.start, text.bytes[line.end - 1] == Byte.carriageReturn { line.end -= 1 }
        guard line.end - line.start <= Self.maximumLineLength else {
            line.end = line.start + 1
            return report(
                .error, "the line is longer than \(Self.maximumLineLength) bytes and is left out", at: line)
        }
        let scan = text.scanLine(line.start..<line.end)
        if scan.hasNUL {
            return report(.error, "the line has a NUL byte and is left out", at: line, length: 1)
        }
        if let quote = scan.openQuote {
            report(.error, "this `\"` has no partner on its line", at: line.dropping(to: quote), length: 1)
        }
        warnOfCutWord(line, scan)
        line.end = scan.end
        line.isContinued = scan.isContinued
        if scan.hasEscape { line = removingEscapes(line) }
        if openDefinition != nil { return continueDefinition(line) }
        processLine(line, hasDollar: scan.hasDollar)
        if text.bytes.count > SourceText.maximumBytes || text.tokens.count > SourceText.maximumTokens {
            exhaust("the configuration is too large", at: physical)
        }
    }

    /// The line without the backslashes that protect `#` and `!`.
    private mutating func removingEscapes(_ line: TextLine) -> TextLine {
        var result = line
        result.start = text.bytes.count
        result.parts = [TextLine.Part(start: result.start, column: line.start - line.origin + 1, replaced: nil)]
        var isQuoted = false
        var offset = line.start
        while offset < line.end {
            let byte = text.bytes[offset]
            if byte == Byte.quote { isQuoted.toggle() }
            if byte == Byte.backslash, offset + 1 < line.end {
                offset += 1
                if !isQuoted, text.bytes[offset] == Byte.hash || text.bytes[offset] == Byte.bang {
                    result.parts.append(
                        TextLine.Part(start: text.bytes.count, column: offset - line.origin + 1, replaced: nil))
                } else {
                    text.bytes.append(byte)
                }
            }
            text.bytes.append(text.bytes[offset])
            offset += 1
        }
        result.end = text.bytes.count
        return result
    }

    /// Takes one logical line through conditions, definitions, generators, references and includes to tokens.
    ///
    /// - Parameter hasDollar: whether references are to be looked for; false for text in which they were replaced.
    mutating func processLine(_ whole: TextLine, hasDollar: Bool) {
        guard !isExhausted else { return }
        guard depth < Self.maximumDepth else {
            return exhaust("definitions or generated lines are nested deeper than \(Self.maximumDepth)", at: whole)
        }
        depth += 1
        defer { depth -= 1 }
        guard var line = skippingBlanks(whole) else { return }
        while text.bytes[line.start] == Byte.at {
            guard let rest = condition(line) else { return }
            line = rest
        }
        // Its name may have come of a reference: `$NET_${I}=...`.
        if text.bytes[line.start] == Byte.dollar, beginDefinition(line) { return }
        if text.bytes[line.start] == Byte.tilde, generate(line) { return }
        if hasDollar {
            let (expanded, following) = expand(line)
            processLine(expanded, hasDollar: false)
            let outer = users
            for next in following {
                users = next.users
                processLine(next.line, hasDollar: true)
            }
            users = outer
            return
        }
        if include(line) { return }
        if text.endsWithBackslash(line.start..<line.end) {
            line.end -= 1
            report(.error, "a line can only be continued in a definition", at: line.dropping(to: line.end), length: 1)
        }
        text.tokenize(line)
    }

    /// `pa!ss#1`: that a comment begins within a word is seldom meant.
    private mutating func warnOfCutWord(_ line: TextLine, _ scan: SourceText.LineScan) {
        guard scan.end > line.start, scan.end < line.end,
            text.bytes[scan.end] == Byte.hash || text.bytes[scan.end] == Byte.bang
        else { return }
        let before = text.bytes[scan.end - 1]
        guard before != Byte.open, before != Byte.close, before != Byte.quote else { return }
        let sign = text.bytes[scan.end] == Byte.hash ? "#" : "!"
        report(
            .warning, "`\(sign)` begins a comment, within a word too; `\\\(sign)` is the character itself",
            at: line.dropping(to: scan.end), length: 1)
    }

    func skippingBlanks(_ line: TextLine) -> TextLine? {
        var offset = line.start
        while offset < line.end, Byte.isBlank(text.bytes[offset]) { offset += 1 }
        return offset < line.end ? line.dropping(to: offset) : nil
    }

    /// `$NAME=VALUE`. - Returns: false when the line isn't a definition.
    private mutating func beginDefinition(_ line: TextLine) -> Bool {
        var offset = line.start + 1
        let start = offset
        while offset < line.end, Byte.isName(text.bytes[offset]) { offset += 1 }
        guard offset > start, Byte.isNameStart(text.bytes[start]), offset < line.end,
            text.bytes[offset] == Byte.equals
        else { return false }
        let name = String(decoding: text.bytes[start..<offset], as: UTF8.self)
        var value = skippingBlanks(line.dropping(to: offset + 1)) ?? line.dropping(to: line.end)
        if isGenerating {
            // The variable of a sequence is gone when the definition is used.
            let (expanded, following) = expand(value)
            if following.isEmpty { value = expanded }
        }
        openDefinition = (name, [])
        continueDefinition(value)
        return true
    }

    private mutating func continueDefinition(_ line: TextLine) {
        var line = line
        let hasBackslash = line.end > line.start && text.bytes[line.end - 1] == Byte.backslash
        if hasBackslash {
            line.end -= 1
            while line.end > line.start, Byte.isBlank(text.bytes[line.end - 1]) { line.end -= 1 }
        }
        let goesOn = hasBackslash || line.isContinued
        openDefinition?.lines.append(line)
        guard !goesOn, let open = openDefinition else { return }
        openDefinition = nil
        definitions.define(open.name, open.lines)
    }

    /// The part of a path before its last slash; empty without one.
    static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: Byte.slash) else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
