import Base
import ConfigurationModel

/// A keyword with its words, or an entry of a list block.
struct Statement: Sendable {
    /// The keyword's row; of an entry, `KeywordRow.entry`.
    let row: KeywordRow
    /// Place of the keyword, or of the entry's first word, in `SourceText.tokens`.
    var token: Int
    /// Words after the keyword; for an entry, all its words.
    var words: Range<Int>
    /// Its own place among the statements.
    let place: Int
    /// One past the last statement inside its block; its own place plus one without a block.
    var end: Int
    var isEntry: Bool { row === KeywordRow.entry }

    init(_ row: KeywordRow, token: Int, words: Range<Int>, place: Int) {
        self.row = row
        self.token = token
        self.words = words
        self.place = place
        end = place + 1
    }

    /// The block of a draft that nothing was read into.
    static let none = Statement(.entry, token: 0, words: 0..<0, place: 0)
}

/// Groups tokens into statements and blocks as the keyword table says, and reports what doesn't fit.
///
/// Statements lie in one array in the order of the text; those inside a block follow its statement up to `end`.
struct StatementParser {
    let text: SourceText
    var diagnostics: DiagnosticList
    private(set) var statements: [Statement] = []
    /// Statements that were left out because of an error, or have no effect.
    var ignored = 0
    private(set) var misplaced = MisplacedKeywords()
    private var next = 0
    private var openBlocks: [OpenBlock] = []
    /// The block that ended last: what is said behind a `}` too many was meant for it.
    private var lastClosed: OpenBlock?
    /// `{` minus `}` not yet accounted for: above 0, a `}` is missing somewhere.
    private var missingCloses = 0

    private struct OpenBlock {
        /// Place of its statement; nil for a block that is skipped.
        var statement: Int?
        /// The rows of its keywords.
        var rows: KeywordList
        /// The `{`, or the keyword when the `{` is missing.
        var brace: Int
        var name: String
        var isList: Bool
        /// A block that is wholly not handled yet, or skipped: complaints about its inside would only repeat that.
        var isSilent: Bool
        /// Keywords that were seen directly inside it, with the place of each one's last statement.
        var seen: [(row: KeywordRow, token: Int)] = []
    }

    /// True if it was said that keepalived doesn't know a keyword.
    var hasWarnedOfOwnKeyword = false

    /// Deeper nesting than any keyword has; only garbage reaches it.
    static let maximumDepth = 32

    init(_ text: SourceText, _ diagnostics: DiagnosticList) {
        self.text = text
        self.diagnostics = diagnostics
        self.diagnostics.stage = .brace
        for token in text.tokens {
            if token.kind == .open { missingCloses += 1 }
            if token.kind == .close { missingCloses -= 1 }
        }
    }

    private var rows: KeywordList { openBlocks.last?.rows ?? .root }

    /// True within a cluster block.
    var isInCluster: Bool {
        openBlocks.first?.statement.map { statements[$0].row.stage == .clusters } ?? false
    }

    /// The row of a keyword in the innermost block, or of an address that stands for itself there.
    private func row(at place: Int) -> KeywordRow? {
        let name = text.slice(text.tokens[place])
        if let row = rows.row(name) { return row }
        guard let entry = rows[KeywordRow.addressEntry], IPAddress(String(decoding: name, as: UTF8.self)) != nil else {
            return nil
        }
        return entry
    }

    /// `;`, which ends a statement in cluster blocks.
    private func isSeparator(_ place: Int) -> Bool {
        text.matches(text.tokens[place], ";") && text.tokens[place].kind == .word && isInCluster
    }

    /// - Parameter code: nil when it is about a brace.
    mutating func report(_ severity: Severity, _ message: String, at place: Int, code: DiagnosticCode? = nil) {
        guard text.tokens.indices.contains(place) else {
            return diagnostics.add(severity, message, at: nil, code: code)
        }
        diagnostics.add(severity, message, at: text.tokens[place], in: text, code: code)
    }

    /// Parses everything.
    mutating func run() {
        statements.reserveCapacity(text.tokens.count / 2)
        while next < text.tokens.count {
            switch text.tokens[next].kind {
            case .close: closeBlock()
            case .open:
                let place = openBlocks.last.map { " in the block of `\($0.name)`" } ?? ""
                report(.error, "unexpected `{`: no keyword\(place) stands before it", at: next)
                ignored += 1
                if !looksThrough() { skipBlock() }
            case .word where isSeparator(next): next += 1
            case .word, .quoted:
                if let block = openBlocks.last, block.isList { entry(of: block) } else { statement() }
            }
        }
        for block in openBlocks.reversed() {
            let last = text.tokens.count - 1
            report(
                .error,
                "the files end, but a `}` was expected to close `\(block.name)`, which begins \(begin(block, last))",
                at: last)
            report(.note, "`\(block.name)` was opened here", at: block.brace)
            finish(block)
            if let statement = block.statement { misplaced.noteUnclear(statement) }
        }
        openBlocks = []
    }

    /// The place of a block's keyword, seen from a token: its line, and its file when that is another one.
    private func begin(_ block: OpenBlock, _ place: Int) -> String {
        let first = text.tokens[block.statement.map { statements[$0].token } ?? block.brace]
        guard text.tokens.indices.contains(place), text.tokens[place].file == first.file else {
            return "at \(text.files[Int(first.file)].path):\(first.line)"
        }
        return "on line \(first.line)"
    }

    private mutating func finish(_ block: OpenBlock) {
        if let statement = block.statement { statements[statement].end = statements.count }
        lastClosed = block
    }

    /// Remembers a statement that is left out, because others will miss it. - Parameter words: those behind it.
    private mutating func attempt(_ keyword: String, in block: Int?, _ words: Range<Int>, at token: Int) {
        misplaced.note(keyword, in: block ?? -1, name: words.first.map { text.string(text.tokens[$0]) }, at: token)
    }

    /// A keyword that stands in the wrong place was meant for one of the blocks around it or for the one before.
    private mutating func attemptElsewhere(at place: Int, _ words: Range<Int>) {
        let name = text.slice(text.tokens[place])
        // What stands in another block wasn't meant for the one before that.
        let outer = openBlocks.last?.statement ?? -1
        let before = lastClosed.flatMap { $0.statement ?? -1 > outer || openBlocks.isEmpty ? $0 : nil }
        for block in openBlocks + (before.map { [$0] } ?? [])
        where !block.isList && block.rows.row(name) != nil {
            attempt(text.string(text.tokens[place]), in: block.statement, words, at: place)
        }
        // What belongs into a block of the one around it: that block was meant.
        guard let block = openBlocks.last, !block.isList else { return }
        for meant in block.rows.blocks(with: name) {
            attempt(meant, in: block.statement, 0..<0, at: place)
        }
    }

    private mutating func closeBlock() {
        if let block = openBlocks.popLast() {
            finish(block)
        } else {
            report(.error, "unexpected `}`: no block is open here", at: next)
            missingCloses += 1
        }
        next += 1
    }

    /// The words from `next` on, up to a brace or the next line.
    private mutating func takeWords() -> Range<Int> {
        let first = next
        while next < text.tokens.count, text.tokens[next].isText, next == first || !text.tokens[next].startsLine,
            !isSeparator(next)
        {
            next += 1
        }
        return first..<next
    }

    /// Passes a second `{` where a block begins, so that what is in it is judged as it was meant. - Returns: false for any
    /// other `{`.
    private mutating func looksThrough() -> Bool {
        guard let block = openBlocks.last, block.brace == next - 1, openBlocks.count < Self.maximumDepth else {
            return false
        }
        if missingCloses > 0 {
            missingCloses -= 1
        } else {
            // It has a `}` of its own.
            openBlocks.append(
                OpenBlock(
                    statement: nil, rows: block.rows, brace: next, name: block.name, isList: block.isList,
                    isSilent: block.isSilent))
        }
        next += 1
        return true
    }

    private var isAtOpen: Bool { next < text.tokens.count && text.tokens[next].kind == .open }

    /// Skips a block from its `{` to the matching `}`.
    private mutating func skipBlock() {
        var depth = 0
        let brace = next
        while next < text.tokens.count {
            if text.tokens[next].kind == .open { depth += 1 }
            if text.tokens[next].kind == .close { depth -= 1 }
            next += 1
            if depth == 0 { return }
        }
        report(.error, "this `{` is never closed", at: brace)
    }

    private mutating func entry(of block: OpenBlock) {
        let words = takeWords()
        let isFollowedByBlock = isAtOpen
        let name = text.slice(text.tokens[words.lowerBound])
        if isFollowedByBlock || missingCloses > 0, closesImplicitly(name, at: words.lowerBound) {
            next = words.lowerBound
            return
        }
        if isFollowedByBlock {
            report(
                .error, "unexpected `{` in `\(block.name)`, whose lines are entries; is a `}` missing before it?",
                at: next)
            report(.note, "`\(block.name)` was opened here", at: block.brace)
            ignored += 1
            skipBlock()
            return
        }
        if text.matches(text.tokens[words.lowerBound], "include") {
            report(.error, "`include` has to stand at the beginning of its line", at: words.lowerBound, code: .text)
        }
        statements.append(Statement(.entry, token: words.lowerBound, words: words, place: statements.count))
    }

    private mutating func statement() {
        let place = next
        let words = takeWords()
        let token = text.tokens[place]
        guard let keyword = row(at: place) else {
            // One brace missing is one error, not one for each line that follows.
            if closesImplicitly(text.slice(token), at: place) {
                next = place
                return
            }
            unknown(at: place, place + 1..<words.upperBound)
            if isAtOpen {
                misplaced.noteSkippedBlock()
                skipBlock()
            }
            return
        }
        let statement = Statement(
            keyword, token: place, words: place + 1..<words.upperBound, place: statements.count)
        let isSilent = openBlocks.last?.isSilent ?? false
        statements.append(statement)
        judge(keyword, at: place, isSilent: isSilent)
        if keyword.isOwn { warnOfOwnKeyword(keyword, at: place) }
        // Which one is meant is the same while the block isn't handled yet.
        if !isSilent || keyword.traits.contains(.firstCounts), !countsAgain(keyword, at: place) {
            statements.removeLast()
            ignored += 1
            if isAtOpen { skipBlock() }
            return
        }
        guard keyword.isBlock else {
            checkWords(of: statement, keyword)
            if isAtOpen {
                report(.error, "unexpected `{`: `\(keyword.name)` has no block", at: next)
                skipBlock()
            }
            return
        }
        guard openBlocks.count < Self.maximumDepth else {
            report(.error, "blocks are nested deeper than \(Self.maximumDepth)", at: place)
            if isAtOpen { skipBlock() }
            return
        }
        var brace = place
        if isAtOpen {
            brace = next
            next += 1
        } else {
            let isMissing = "`{` expected after `\(keyword.name)`, which opens a block"
            report(.error, isMissing, at: words.upperBound - 1)
            missingCloses += 1
            guard followsAsBlock(keyword) else {
                missingCloses -= 1
                ignored += 1
                statements.removeLast()
                attempt(keyword.name, in: openBlocks.last?.statement, place + 1..<words.upperBound, at: place)
                return
            }
        }
        checkHead(of: statement, keyword)
        openBlocks.append(
            OpenBlock(
                statement: statements.count - 1, rows: keyword.value.inside?() ?? .empty, brace: brace,
                name: keyword.name,
                isList: keyword.shape == .list, isSilent: isSilent || keyword.status.isWaiting))
    }

    /// Looks for something that is written twice in one block although only one counts: the other is probably forgotten.
    ///
    /// - Returns: false when it has no effect, because the first one counts.
    private mutating func countsAgain(_ keyword: KeywordRow, at place: Int) -> Bool {
        let firstCounts = keyword.traits.contains(.firstCounts)
        guard keyword.hasOneValue || firstCounts, let block = openBlocks.indices.last else { return true }
        guard let known = openBlocks[block].seen.firstIndex(where: { $0.row === keyword }) else {
            openBlocks[block].seen.append((keyword, place))
            return true
        }
        let inside = openBlocks[block].name
        let effect = firstCounts ? "the first one counts, and this one is ignored" : "this one counts"
        report(
            .warning, "`\(keyword.name)` is set again in this `\(inside)`; \(effect)", at: place, code: .setting)
        report(.note, "the first time is here", at: openBlocks[block].seen[known].token, code: .setting)
        if !firstCounts { openBlocks[block].seen[known].token = place }
        return !firstCounts
    }

    /// True if what follows a keyword without `{` looks like the inside of its block.
    private func followsAsBlock(_ keyword: KeywordRow) -> Bool {
        guard next < text.tokens.count, text.tokens[next].isText else { return false }
        let name = text.slice(text.tokens[next])
        return rows.row(name) == nil && (keyword.shape == .list || keyword.value.inside?().row(name) != nil)
    }

    /// Closes blocks up to one that knows this keyword when a `}` is missing somewhere and this is where it shows.
    private mutating func closesImplicitly(_ name: ArraySlice<UInt8>, at place: Int) -> Bool {
        guard missingCloses > 0, !openBlocks.isEmpty, text.tokens[place].startsLine else { return false }
        var outer = openBlocks.count - 1
        while outer >= 0 {
            let rows = outer == 0 ? .root : openBlocks[outer - 1].rows
            let isList = outer > 0 && openBlocks[outer - 1].isList
            if !isList, rows.row(name) != nil { break }
            outer -= 1
        }
        guard outer >= 0, openBlocks.count - outer <= missingCloses else { return false }
        let keyword = String(decoding: name, as: UTF8.self)
        for block in openBlocks[outer...].reversed() {
            report(
                .error,
                "a `}` was expected before `\(keyword)` to close `\(block.name)`, which begins \(begin(block, place))",
                at: place)
            report(.note, "`\(block.name)` was opened here", at: block.brace)
            finish(block)
            if let statement = block.statement { misplaced.noteUnclear(statement) }
            missingCloses -= 1
        }
        openBlocks.removeSubrange(outer...)
        return true
    }

    /// True for the keyword of a check where checks stand.
    private func isCheck(_ keyword: String) -> Bool {
        openBlocks.last?.name == "real_server" && rows.row(Array(keyword.utf8)[...])?.isBlock == true
    }

    private mutating func unknown(at place: Int, _ words: Range<Int>) {
        ignored += 1
        if let block = openBlocks.last?.statement { misplaced.noteMisread(block) }
        if diagnostics.isFull { return diagnostics.add(.error, "", at: nil) }
        let name = text.string(text.tokens[place])
        let inside = openBlocks.last.map { "in `\($0.name)`" } ?? "at the top level"
        if let nearest = rows.nearest(to: name) {
            attempt(nearest, in: openBlocks.last?.statement, words, at: place)
            return report(
                .error, "unknown keyword `\(name)` \(inside); did you mean `\(nearest)`?", at: place,
                code: isCheck(nearest) ? .check : .unknownKeyword)
        }
        let elsewhere = KeywordTable.shared.contexts(of: text.slice(text.tokens[place])).filter {
            !$0.hasSuffix("(entry)")
        }
        if let home = elsewhere.first {
            let home = home == "(root)" ? "at the top level" : "in `\(home)`"
            attemptElsewhere(at: place, words)
            return report(
                .error, "`\(name)` can't stand \(inside); it belongs \(home)", at: place,
                code: .misplacedKeyword)
        }
        report(.error, "unknown keyword `\(name)` \(inside)", at: place, code: .unknownKeyword)
    }
}
