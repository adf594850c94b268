/// What a keyword's presence means today.
public enum KeywordStatus: Hashable, Sendable {
    /// It does what it says.
    case acts
    /// It is read without effect, for this reason; no complaint.
    case accepted(String)
    /// It is known, but isn't handled yet: a warning.
    case notYet
    /// It is known and refused, for this reason: an error.
    case refused(String)
}

/// What may follow a keyword.
public enum KeywordShape: UInt8, Hashable, Sendable {
    /// Nothing.
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
public enum KeywordUnit: String, Hashable, Sendable {
    case seconds = "s"
    case milliseconds = "ms"
    case microseconds = "us"
    case bytes = "bytes"

    /// `1..255 s; whole ones` as `1..255; whole ones` and seconds; `s` alone has no range.
    fileprivate static func split(_ text: Substring) -> (range: String, unit: KeywordUnit?) {
        let end = text.utf8.firstIndex(of: UInt8(ascii: ";")) ?? text.endIndex
        var limits = text[..<end]
        let last = limits.utf8.lastIndex(of: UInt8(ascii: " ")).map(limits.utf8.index(after:)) ?? limits.startIndex
        guard let unit = KeywordUnit(rawValue: String(limits[last...])) else { return (String(text), nil) }
        limits = limits[..<last]
        let parts = [limits, text[end...].dropFirst()].map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        let words = parts.map { part in part.last == " " ? part.dropLast() : part }
        return (words.isEmpty ? "-" : words.joined(separator: "; "), unit)
    }
}

/// One keyword in one kind of block. A reference, because a parser looks at one for each statement.
public final class Keyword: Sendable {
    /// Where it may stand: `(root)`, `vrrp_instance`, `vrrp_instance/authentication` and so on. Contexts that end in
    /// ` (entry)` hold the words of an entry in a list block.
    public let context: String
    /// The keyword itself; `(entry)` for the entry as such.
    public let name: String
    /// What follows it, for people.
    public var arguments: String { String(fields[1]) }
    /// Its default; `-` without one.
    public var defaultValue: String { String(fields[2]) }
    /// Its range, with remarks behind semicolons; `-` without.
    public var range: String { KeywordUnit.split(fields[3]).range }
    /// What its number counts.
    public var unit: KeywordUnit? { KeywordUnit.split(fields[3]).unit }
    /// The version of keepalived that brought it, `after 2.2.7` when it is only known that 2.2.7 lacks it, `hasup` when no
    /// keepalived knows it; nil when nobody wrote it down.
    public var since: String? { KeywordTable.version(of: name, in: context, KeywordTable.allVersions) }
    /// Whether no keepalived knows it.
    public let isOwn: Bool
    /// Whether it does anything.
    public let status: KeywordStatus
    /// What it means.
    public var meaning: String { String(fields[5]) }
    /// What may follow it, for the parser.
    public let shape: KeywordShape
    /// The name's bytes, for comparisons.
    let bytes: [UInt8]
    /// Whether its values stand in the model, although it doesn't act yet. Nothing else needs to look at them then.
    let isTyped: Bool
    /// Limits of a whole number when `range` begins with them.
    public var limits: ClosedRange<Int>? { KeywordTable.limits(fields[3]) }
    /// The context of the block it opens; -1 when it opens none or one without keywords of its own.
    let child: Int
    /// Its row. What isn't asked for each statement is made of it when it is asked for: there are 827, and each start and
    /// reload makes the table.
    private let fields: [Substring]

    fileprivate init(context: String, fields: [Substring], child: Int) {
        self.context = context
        name = String(fields[0])
        bytes = Array(fields[0].utf8)
        self.fields = fields
        status = KeywordTable.status(fields[4])
        shape = KeywordTable.shape(fields[1])
        isTyped = fields[4] == "typed"
        self.child = child
        let meaning = fields[5]
        firstCounts = meaning.hasSuffix("; the first one counts")
        isCumulative = meaning.hasWord("repeatable") || meaning.hasSuffix("; only one")
        isDeprecated =
            fields[3].hasPrefix("deprecated") || meaning.hasPrefix("deprecated") || meaning.hasPrefix("former")
        isOwn = KeywordTable.version(of: name, in: context, KeywordTable.ownVersions) != nil
    }

    /// What the value is in words, behind its abbreviation: `INT, a whole number`.
    public var explainedArguments: String {
        let words = [
            "INT": "a whole number", "NUM": "a whole number", "DEC": "a number such as 0.5",
            "TIMER": "seconds such as 0.5",
            "IF": "an interface", "ADDR": "an IP address", "STR": "a text", "HEX": "hexadecimal digits",
        ]
        return words[arguments].map { "\(arguments), \($0)" } ?? arguments
    }

    /// Whether words belong before the `{` of its block.
    var isNamed: Bool { fields[1] != "block" && fields[1] != "list block" }

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
    var isSecret: Bool { fields[5].hasWord("secret") }

    /// Known to keepalived's authors as a name of the past.
    let isDeprecated: Bool
}

/// Every keyword of keepalived.conf. A setting that isn't here is an unknown keyword; one that is here says whether it
/// acts. The rows are text, one line a keyword: name, arguments, default, range, status, meaning, with tabs between.
/// The status is `acts`, `accepted: REASON`, `refused: REASON`, `notYet`, or `typed` for a keyword that doesn't act yet
/// but whose values are read into the model. The range may end in a unit, before the first semicolon: `1..1000 s; ...`.
/// Which version of keepalived brought a keyword stands in a text of its own, `sinceRows`.
/// A line in square brackets names the contexts that the following rows belong to.
public struct KeywordTable: Sendable {
    /// All rows.
    public let keywords: [Keyword]
    private let contextNames: [String]
    private let rowsOfContext: [[Int]]
    private let places: [UInt64: Int]

    /// The table, made from its text at first use.
    public static let shared = KeywordTable(texts: [
        lexicalRows, globalRows, groupsRows, instanceRows, routingRows, servicesRows,
    ])

    /// Context of the top level.
    let root: Int

    /// Looks a keyword up, as `hasup explain` does.
    public func keyword(_ name: String, in context: String) -> Keyword? {
        guard let place = contextNames.firstIndex(of: context) else { return nil }
        return row(Array(name.utf8)[...], in: place).map { keywords[$0] }
    }

    /// The keyword that opens a block, whose context is named like `vrrp_instance/authentication`.
    public func row(ofBlock context: String) -> Keyword? {
        guard let slash = context.lastIndex(of: "/") else { return keyword(context, in: "(root)") }
        return keyword(String(context[context.index(after: slash)...]), in: String(context[..<slash]))
    }

    /// Names of all contexts.
    public var contexts: [String] { contextNames }

    /// Rows of a context.
    public func keywords(in context: String) -> [Keyword] {
        guard let place = contextNames.firstIndex(of: context) else { return [] }
        return rowsOfContext[place].map { keywords[$0] }
    }

    /// The row of a keyword in this context.
    func row(_ name: ArraySlice<UInt8>, in context: Int) -> Int? {
        guard let row = places[Self.hash(name, context)] else { return nil }
        return keywords[row].bytes[...] == name ? row : nil
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
        var rows: [(context: Int, fields: [Substring])] = []
        var names: [String] = []
        for text in texts {
            var current: [Int] = []
            for line in text.description[...].parts(separatedBy: "\n") where !line.isEmpty {
                let fields = line.parts(separatedBy: "\t")
                if fields.count == 1, line.hasPrefix("["), line.hasSuffix("]") {
                    let listed = line.dropFirst().dropLast().parts(separatedBy: ",").map {
                        String(Substring($0.utf8.drop { $0 == UInt8(ascii: " ") }))
                    }
                    current = Array(names.count..<names.count + listed.count)
                    names += listed
                } else {
                    for context in current where fields.count == 6 { rows.append((context, fields)) }
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
        for (context, fields) in rows {
            let name = String(fields[0])
            let path = context == root ? name : "\(names[context])/\(name)"
            let own = numbers[path]
            let entries = numbers[path + " (entry)"]
            rowsOfContext[context].append(keywords.count)
            places[Self.hash(Array(name.utf8)[...], context)] = keywords.count
            keywords.append(Keyword(context: names[context], fields: fields, child: own ?? entries ?? -1))
        }
        self.keywords = keywords
        self.rowsOfContext = rowsOfContext
        self.places = places
        self.root = root
        contextNames = names
    }

    fileprivate static let allVersions = versions(sinceRows)
    fileprivate static let ownVersions = versions(sinceRows) { $0 == Preprocessor.ownName }

    fileprivate static func version(of name: String, in context: String, _ versions: [String: String]) -> String? {
        versions["\(context)\t\(name)"] ?? versions["*\t\(name)"]
    }

    /// Context and name, with a tab between, and the version. The form is explained at `sinceRows`.
    static func versions(_ rows: StaticString, where isWanted: (String) -> Bool = { _ in true }) -> [String: String] {
        var versions: [String: String] = [:]
        var version = ""
        var isOfInterest = false
        for line in rows.description[...].parts(separatedBy: "\n") where !line.isEmpty {
            if line.utf8.first == UInt8(ascii: "[") {
                version = String(line.dropFirst().dropLast())
                isOfInterest = isWanted(version)
                continue
            }
            guard isOfInterest else { continue }
            let fields = line.parts(separatedBy: "\t")
            guard fields.count == 2 else { continue }
            for name in names(of: fields[1]) { versions["\(fields[0])\t\(name)"] = version }
        }
        return versions
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

    fileprivate static func status(_ text: Substring) -> KeywordStatus {
        if text == "acts" { return .acts }
        if text.hasPrefix("accepted: ") { return .accepted(String(text.dropFirst(10))) }
        if text.hasPrefix("refused: ") { return .refused(String(text.dropFirst(9))) }
        return .notYet
    }

    fileprivate static func shape(_ arguments: Substring) -> KeywordShape {
        if arguments.hasSuffix("list block") { return .list }
        if arguments.hasSuffix("block") { return .block }
        if arguments.hasPrefix("\"") { return .script }
        switch arguments {
        case "flag": return .flag
        case "<BOOL>?": return .boolean
        case "INT": return .integer
        case "[SECS]", "[INT]", "[PRIO]": return .optionalInteger
        default: return .words
        }
    }

    /// `1..255 s` as 1...255; `1..` has no upper limit.
    fileprivate static func limits(_ range: Substring) -> ClosedRange<Int>? {
        // Most have none: looked at by bytes, because it is done for each keyword.
        let text = Substring(range.utf8.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") })
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

    /// FNV-1a over the context and the name.
    private static func hash(_ name: ArraySlice<UInt8>, _ context: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(context)
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

extension Substring {
    /// The parts, empty ones among them. By bytes: to look for the characters of a table would take milliseconds of each
    /// start and reload.
    fileprivate func parts(separatedBy separator: Unicode.Scalar) -> [Substring] {
        utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Whether it contains these letters, which are ASCII's.
    fileprivate func hasWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        return word.withUTF8Buffer { wanted in
            var rest = utf8[...]
            while let start = rest.firstIndex(of: wanted[0]) {
                rest = rest[start...]
                if rest.prefix(count).elementsEqual(wanted) { return true }
                rest = rest.dropFirst()
            }
            return false
        }
    }
}
