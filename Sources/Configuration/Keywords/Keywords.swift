import Base
import ConfigurationModel

/// What a keyword's presence means today.
package enum KeywordStatus: Hashable, Sendable {
    case acts
    /// It is read without effect, for this reason; no complaint.
    case accepted(String)
    /// It is known, but isn't handled yet: a warning.
    case notYet
    /// It is known and refused, for this reason: an error.
    case refused(String)
}

/// What may follow a keyword.
package enum KeywordShape: UInt8, Hashable, Sendable {
    case flag
    /// Nothing, or one of true, on, yes, false, off, no.
    case boolean
    /// One whole number.
    case integer
    /// One whole number or nothing.
    case optionalInteger
    /// Words; what they mean is for the keyword to say.
    case words
    /// A command with its arguments as one quoted word, read by shell-like rules, then USER GROUP.
    case script
    /// Words, then `{` keywords `}`.
    case block
    /// Words, then `{` entries, one a line `}`.
    case list
}

/// What the number behind a keyword counts. The raw value is how the table writes it.
package enum KeywordUnit: String, Hashable, Sendable {
    case seconds = "s"
    case milliseconds = "ms"
    case microseconds = "us"
    case bytes = "bytes"

    /// `1..255 s; whole ones` as `1..255; whole ones` and seconds; `s` alone has no range.
    fileprivate static func split(_ text: String) -> (range: String, unit: KeywordUnit?) {
        let end = text.utf8.firstIndex(of: UInt8(ascii: ";")) ?? text.endIndex
        var limits = text[..<end]
        let last = limits.utf8.lastIndex(of: UInt8(ascii: " ")).map(limits.utf8.index(after:)) ?? limits.startIndex
        guard let unit = KeywordUnit(rawValue: String(limits[last...])) else { return (text, nil) }
        limits = limits[..<last]
        let parts = [limits, text[end...].dropFirst()].map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        let words = parts.map { part in part.last == " " ? part.dropLast() : part }
        return (words.isEmpty ? "-" : words.joined(separator: "; "), unit)
    }
}

/// One keyword in one kind of block. A reference, because a parser looks at one for each statement.
package final class Keyword: Sendable {
    /// Where it may stand: `(root)`, `vrrp_instance`, `vrrp_instance/authentication` and so on. Contexts that end in
    /// ` (entry)` hold the words of an entry in a list block.
    package let context: String
    /// The keyword itself; `(entry)` for the entry as such.
    package let name: String
    /// What follows it, for people.
    package var arguments: String { row.text(.arguments) }
    /// Its default; `-` without one.
    package var defaultValue: String { row.text(.defaultValue) }
    /// Its range, with remarks behind semicolons; `-` without.
    package var range: String { KeywordUnit.split(row.text(.range)).range }
    /// What its number counts.
    package var unit: KeywordUnit? { KeywordUnit.split(row.text(.range)).unit }
    /// The version of keepalived that brought it, `after 2.2.7` when it is only known that 2.2.7 lacks it, `hasup` when no
    /// keepalived knows it; nil when nobody wrote it down.
    package var since: String? { KeywordTable.version(of: name, in: context) }
    /// Whether no keepalived knows it.
    package let isOwn: Bool
    /// Whether it does anything.
    package let status: KeywordStatus
    /// What it means.
    package var meaning: String { row.text(.meaning) }
    /// What may follow it, for the parser.
    package let shape: KeywordShape
    /// Whether its values stand in the model, although it doesn't act yet. Nothing else needs to look at them then.
    let isTyped: Bool
    /// Limits of a whole number when `range` begins with them.
    package var limits: ClosedRange<Int>? { KeywordTable.limits(row.text(.range)[...]) }
    /// The context of the block it opens; -1 when it opens none or one without keywords of its own.
    let child: Int
    /// Its row. What isn't asked for each statement is made of it when it is asked for: there are 830, and each start and
    /// reload makes the table.
    private let row: KeywordRow

    fileprivate init(context: String, name: String, row: KeywordRow, child: Int, isOwn: Bool) {
        self.context = context
        self.name = name
        self.row = row
        self.child = child
        self.isOwn = isOwn
        let (range, status, meaning) = (row[.range], row[.status], row[.meaning])
        self.status = KeywordTable.status(status)
        shape = KeywordTable.shape(row[.arguments])
        isTyped = status.equals("typed")
        firstCounts = meaning.ends(with: "; the first one counts")
        isCumulative = meaning.holds("repeatable") || meaning.ends(with: "; only one")
        isDeprecated =
            range.begins(with: "deprecated") || meaning.begins(with: "deprecated") || meaning.begins(with: "former")
    }

    /// Whether this is its name.
    func hasName(_ name: ArraySlice<UInt8>) -> Bool { row[.name].elementsEqual(name) }

    /// What the value is in words, behind its abbreviation: `INT, a whole number`.
    package var explainedArguments: String {
        let words = [
            "INT": "a whole number", "NUM": "a whole number", "DEC": "a number such as 0.5",
            "TIMER": "seconds such as 0.5",
            "IF": "an interface", "ADDR": "an IP address", "STR": "a text", "HEX": "hexadecimal digits",
        ]
        return words[arguments].map { "\(arguments), \($0)" } ?? arguments
    }

    /// Whether words belong before the `{` of its block.
    var isNamed: Bool { !row[.arguments].equals("block") && !row[.arguments].equals("list block") }

    /// Whether it has a value of which the last one in a block counts. The table says `repeatable` of those that add up,
    /// `only one` of those that complain themselves, and `the first one counts` of those of which it isn't the last.
    var hasOneValue: Bool {
        switch shape {
        case .integer, .boolean, .optionalInteger, .words: !isCumulative
        case .flag, .script, .block, .list: false
        }
    }
    private let isCumulative: Bool

    /// Whether the first one in a block counts, and later ones are left out.
    let firstCounts: Bool

    /// Whether its words are nobody's business: the table says `secret` of them.
    var isSecret: Bool { row[.meaning].holds("secret") }

    /// Known to keepalived's authors as a name of the past.
    let isDeprecated: Bool
}

/// Every keyword of keepalived.conf. A setting that isn't here is an unknown keyword; one that is here says whether it
/// acts. The rows are text, one line a keyword: name, arguments, default, range, status, meaning, with tabs between.
/// The status is `acts`, `accepted: REASON`, `refused: REASON`, `notYet`, or `typed` for a keyword that doesn't act yet
/// but whose values are read into the model. The range may end in a unit, before the first semicolon: `1..1000 s; ...`.
/// Which version of keepalived brought a keyword stands in a text of its own, `sinceRows`.
/// A line in square brackets names the contexts that the following rows belong to.
package struct KeywordTable: Sendable {
    /// All rows.
    package let keywords: [Keyword]
    private let contextNames: [String]
    private let rowsOfContext: [[Int]]
    private let places: [UInt64: Int]

    /// The table, made from its text at first use.
    package static let shared = KeywordTable(texts: [
        lexicalRows, globalRows, groupsRows, instanceRows, routingRows, servicesRows,
    ])

    /// Context of the top level.
    let root: Int

    /// Looks a keyword up, as `hasup explain` does.
    package func keyword(_ name: String, in context: String) -> Keyword? {
        guard let place = contextNames.firstIndex(of: context) else { return nil }
        return row(Array(name.utf8)[...], in: place).map { keywords[$0] }
    }

    /// The keyword that opens a block, whose context is named like `vrrp_instance/authentication`.
    package func row(ofBlock context: String) -> Keyword? {
        guard let slash = context.lastIndex(of: "/") else { return keyword(context, in: "(root)") }
        return keyword(String(context[context.index(after: slash)...]), in: String(context[..<slash]))
    }

    package var contexts: [String] { contextNames }

    /// Rows of a context.
    package func keywords(in context: String) -> [Keyword] {
        guard let place = contextNames.firstIndex(of: context) else { return [] }
        return rowsOfContext[place].map { keywords[$0] }
    }

    /// The row of a keyword in this context.
    func row(_ name: ArraySlice<UInt8>, in context: Int) -> Int? {
        guard let row = places[Self.hash(name, context)] else { return nil }
        return keywords[row].hasName(name) ? row : nil
    }

    /// The keywords of this context whose blocks know a keyword.
    func blocks(of context: Int, with name: ArraySlice<UInt8>) -> [String] {
        guard rowsOfContext.indices.contains(context) else { return [] }
        return rowsOfContext[context].map { keywords[$0] }.filter { $0.child >= 0 && row(name, in: $0.child) != nil }
            .map(\.name)
    }

    /// The keyword of this context that is most like a misspelled one, or the only one that begins like it.
    func nearest(to name: String, in context: Int) -> String? {
        guard rowsOfContext.indices.contains(context) else { return nil }
        let names = rowsOfContext[context].map { keywords[$0].name }.filter { !$0.hasPrefix("(") }
        if let near = nearestWord(to: name, among: names) { return near }
        let longer = names.filter { name.utf8.count >= 3 && $0.hasPrefix(name) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// Contexts in which a keyword may stand.
    func contexts(of name: ArraySlice<UInt8>) -> [String] {
        contextNames.indices.filter { row(name, in: $0) != nil && $0 != 0 }.map { contextNames[$0] }
    }

    private init(texts: [StaticString]) {
        var rows: [(context: Int, row: KeywordRow)] = []
        var names: [String] = []
        rows.reserveCapacity(1_000)
        for text in texts {
            var current: Range<Int> = 0..<0
            KeywordRow.forEachLine(of: text) { line in
                if let row = KeywordRow(text, line) {
                    for context in current { rows.append((context, row)) }
                } else if let listed = KeywordRow.heading(text, line) {
                    let contexts = listed.split(separator: UInt8(ascii: ",")).map { part in
                        String(decoding: part.drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
                    }
                    current = names.count..<names.count + contexts.count
                    names += contexts
                }
            }
        }
        // The first of a name counts.
        let numbers = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let root = numbers["(root)"] ?? 0
        var keywords: [Keyword] = []
        var rowsOfContext = Array(repeating: [Int](), count: names.count)
        var places: [UInt64: Int] = [:]
        keywords.reserveCapacity(rows.count)
        places.reserveCapacity(rows.count)
        for (context, row) in rows {
            let name = row.text(.name)
            var child: Int?
            if row[.arguments].ends(with: "block") {
                let path = context == root ? name : "\(names[context])/\(name)"
                child = numbers[path] ?? numbers[path + " (entry)"]
            }
            rowsOfContext[context].append(keywords.count)
            places[Self.hash(row[.name], context)] = keywords.count
            keywords.append(
                Keyword(
                    context: names[context], name: name, row: row, child: child ?? -1,
                    isOwn: Self.own.contains { $0.name == name && ($0.context == names[context] || $0.context == "*") })
            )
        }
        self.keywords = keywords
        self.rowsOfContext = rowsOfContext
        self.places = places
        self.root = root
        contextNames = names
    }

    private static let allVersions = versions(sinceRows)

    fileprivate static func version(of name: String, in context: String) -> String? {
        allVersions["\(context)\t\(name)"] ?? allVersions["*\t\(name)"]
    }

    /// What no keepalived knows. Apart from the other versions, which only those who read of keywords want to know.
    private static let own = introduced(sinceRows) { $0.elementsEqual(Preprocessor.ownName.utf8) }

    /// Context and name, with a tab between, and the version.
    static func versions(_ rows: StaticString) -> [String: String] {
        let known = introduced(rows) { _ in true }.map { ("\($0.context)\t\($0.name)", $0.version) }
        return Dictionary(known, uniquingKeysWith: { _, last in last })
    }

    /// The keywords of these versions. The form is explained at `sinceRows`.
    private static func introduced(
        _ rows: StaticString, in isWanted: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> [(context: String, name: String, version: String)] {
        var found: [(context: String, name: String, version: String)] = []
        var version: String?
        KeywordRow.forEachLine(of: rows) { line in
            if let heading = KeywordRow.heading(rows, line) {
                version = isWanted(heading) ? String(decoding: heading, as: UTF8.self) : nil
            } else if let version {
                let fields = String(decoding: KeywordRow.bytes(rows, line), as: UTF8.self).split(separator: "\t")
                guard fields.count == 2 else { return }
                for name in names(of: fields[1]) { found.append((String(fields[0]), String(name), version)) }
            }
        }
        return found
    }

    /// Names with blanks between, except within brackets and braces.
    static func names(of text: Substring) -> [Substring] {
        var depth = 0
        return text.utf8.split { byte in
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            return byte == UInt8(ascii: " ") && depth == 0
        }.map { Substring($0) }
    }

    fileprivate static func status(_ text: UnsafeBufferPointer<UInt8>) -> KeywordStatus {
        if text.equals("acts") { return .acts }
        if text.begins(with: "accepted: ") { return .accepted(String(decoding: text.dropFirst(10), as: UTF8.self)) }
        if text.begins(with: "refused: ") { return .refused(String(decoding: text.dropFirst(9), as: UTF8.self)) }
        return .notYet
    }

    fileprivate static func shape(_ arguments: UnsafeBufferPointer<UInt8>) -> KeywordShape {
        if arguments.ends(with: "block") { return arguments.ends(with: "list block") ? .list : .block }
        if arguments.begins(with: "\"") { return .script }
        if arguments.equals("flag") { return .flag }
        if arguments.equals("<BOOL>?") { return .boolean }
        if arguments.equals("INT") { return .integer }
        if arguments.equals("[SECS]") || arguments.equals("[INT]") || arguments.equals("[PRIO]") {
            return .optionalInteger
        }
        return .words
    }

    /// `1..255 s` as 1...255; `1..` has no upper limit.
    fileprivate static func limits(_ range: Substring) -> ClosedRange<Int>? {
        let text = range.drop { $0 == " " }.prefix { $0 != " " }
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")), text[dot...].hasPrefix(".."),
            let low = Int(text[..<dot])
        else {
            return nil
        }
        // A remark may follow after a semicolon or a bracket.
        let rest = text[dot...].dropFirst(2).prefix { $0.isNumber || "-^".contains($0) }
        guard let high = rest.isEmpty ? Int(UInt32.max) : limit(rest), low <= high else { return nil }
        return low...high
    }

    /// `65535`, `-254` or `2^31-1`.
    private static func limit(_ text: Substring) -> Int? {
        guard let caret = text.firstIndex(of: "^") else { return Int(text) }
        let parts = text[text.index(after: caret)...].split(separator: "-", maxSplits: 1)
        guard text[..<caret] == "2", let exponent = parts.first.flatMap({ Int($0) }), (0..<63).contains(exponent) else {
            return nil
        }
        let less = parts.count == 2 ? Int(parts[1]) : 0
        return less.map { (1 << exponent) - $0 }
    }

    private static func hash(_ name: some Sequence<UInt8>, _ context: Int) -> UInt64 {
        var hash = FNV1a(salt: UInt64(context))
        hash.add(name)
        return hash.value
    }
}
