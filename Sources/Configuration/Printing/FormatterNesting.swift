import ConfigurationModel

/// Depth of a line in blocks. Conditional lines make that differ from node to node, and definitions may bring
/// braces of their own, so it is counted for each name that a condition mentions, and for all others together.
struct FormatterNesting {
    /// `@NAME` and `@^NAME` before a line's text.
    struct Condition {
        var name: ArraySlice<UInt8>
        var isNegated: Bool
        /// `@hasup` is no node's.
        var isOwn: Bool { name.elementsEqual(Preprocessor.ownName.utf8) }
    }

    private var names: [ArraySlice<UInt8>] = []
    /// A condition speaks of every node but one, so that nodes without a name here exist too.
    private let hasOthers: Bool
    /// One for each name, and a last one for every other.
    private var depths = [0]
    /// Lines of definitions' values.
    private var values: [String: [ArraySlice<UInt8>]] = [:]
    /// A reference whose value is elsewhere was met, or a file is included: braces may stand there.
    private(set) var isCertain = true

    private static let maximumNames = 32
    private static let maximumReferenceDepth = 8

    init(_ conditions: [Condition]) {
        let ofNodes = conditions.filter { !$0.isOwn }
        for condition in ofNodes where !names.contains(condition.name) && names.count < Self.maximumNames {
            names.append(condition.name)
        }
        depths = Array(repeating: 0, count: names.count + 1)
        hasOthers = names.isEmpty || ofNodes.contains(where: \.isNegated)
    }

    private func applies(_ conditions: [Condition], to place: Int) -> Bool {
        conditions.allSatisfy { condition in
            let isIt = condition.isOwn || place < names.count && names[place] == condition.name
            return isIt != condition.isNegated
        }
    }

    /// The depth at which a line is shown: that of the first node that has it.
    func depth(_ conditions: [Condition]) -> Int {
        max(0, depths[depths.indices.first { applies(conditions, to: $0) } ?? 0])
    }

    /// Goes past a line.
    mutating func pass(_ conditions: [Condition], _ nesting: Int) {
        for place in depths.indices where applies(conditions, to: place) {
            depths[place] = max(0, depths[place] + nesting)
        }
    }

    /// The nodes for which the text is meant: an empty name for those without one here.
    var nodes: [String] { names.map { String(decoding: $0, as: UTF8.self) } + (hasOthers ? [""] : []) }

    mutating func include() { isCertain = false }
    mutating func define(_ name: String, _ lines: [ArraySlice<UInt8>]) { values[name] = lines }

    /// `{` minus `}` in a text outside double quotes, with references replaced.
    mutating func count(_ code: ArraySlice<UInt8>, depth: Int = 0) -> Int {
        var nesting = 0
        var isQuoted = false
        var offset = code.startIndex
        while offset < code.endIndex {
            switch code[offset] {
            case Byte.quote: isQuoted.toggle()
            case Byte.open: nesting += isQuoted ? 0 : 1
            case Byte.close: nesting -= isQuoted ? 0 : 1
            case Byte.dollar:
                if let (name, end) = Self.reference(code, at: offset) {
                    nesting += value(of: name, depth)
                    offset = end
                    continue
                }
            default: break
            }
            offset += 1
        }
        return nesting
    }

    private mutating func value(of name: String, _ depth: Int) -> Int {
        guard let lines = values[name] else {
            if !name.hasPrefix("_") { isCertain = false }
            return 0
        }
        guard depth < Self.maximumReferenceDepth else { return 0 }
        return lines.reduce(0) { sum, line in sum + count(line, depth: depth + 1) }
    }

    /// `$NAME` or `${NAME ...}`: the name and where the text goes on.
    private static func reference(_ code: ArraySlice<UInt8>, at dollar: Int) -> (name: String, end: Int)? {
        var start = dollar + 1
        guard start < code.endIndex else { return nil }
        let isBraced = code[start] == Byte.open
        if isBraced { start += 1 }
        var end = start
        while end < code.endIndex, Byte.isName(code[end]) { end += 1 }
        guard end > start, Byte.isNameStart(code[start]) else { return nil }
        let name = String(decoding: code[start..<end], as: UTF8.self)
        guard isBraced else { return (name, end) }
        guard let close = code[end...].firstIndex(of: Byte.close) else { return nil }
        return (name, close + 1)
    }
}
