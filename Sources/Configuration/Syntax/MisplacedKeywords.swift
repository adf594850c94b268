import ConfigurationModel

/// Misspelt or misplaced keywords and blocks without a `{`, which aren't among the statements. Each has an error of its
/// own already, so what is missing without it is no second one.
struct MisplacedKeywords {
    /// Keywords by the place of the block's statement that they were meant for, -1 being the top level, each with the
    /// token of the first one.
    private var keywords: [Int: [String: Int]] = [:]
    /// First words of such blocks, by keyword: the names under which others look for them.
    private var names: [String: Set<String>] = [:]
    private var anywhere: Set<String> = []
    /// Blocks whose end is only guessed: anything may have been meant for them.
    private var unclear: Set<Int> = []
    /// Blocks in which a keyword isn't known.
    private var misread: Set<Int> = []
    private var skipsBlocks = false

    mutating func note(_ keyword: String, in block: Int, name: String?, at token: Int) {
        if keywords[block]?[keyword] == nil { keywords[block, default: [:]][keyword] = token }
        anywhere.insert(keyword)
        if let name { names[keyword, default: []].insert(name) }
    }

    /// A block that is left out with all that it says.
    mutating func noteSkippedBlock() { skipsBlocks = true }

    /// A block that isn't closed where it should be.
    mutating func noteUnclear(_ block: Int) { unclear.insert(block) }

    /// A block in which a keyword isn't known, whether or not it's near to one.
    mutating func noteMisread(_ block: Int) { misread.insert(block) }

    /// True if one of its keywords isn't known.
    func isMisread(_ block: Int) -> Bool { misread.contains(block) }

    /// True if this very keyword was written in this block, misspelt or misplaced.
    func names(_ keyword: String, in block: Int) -> Bool { place(of: keyword, in: block) != nil }

    /// The token of this very keyword, misspelt or misplaced; nil when it wasn't written for this block.
    func place(of keyword: String, in block: Int) -> Int? { keywords[block]?[keyword] }

    /// True if it was meant for this block.
    func has(_ keyword: String, in block: Int) -> Bool {
        unclear.contains(block) || names(keyword, in: block)
    }

    /// True if it was meant for any block, or may stand in one that is left out.
    func has(_ keyword: String) -> Bool { skipsBlocks || !unclear.isEmpty || anywhere.contains(keyword) }

    /// True if a block with this keyword and name was meant.
    func has(_ keyword: String, named name: String) -> Bool { names[keyword]?.contains(name) ?? false }

    /// True if anything was meant for this block.
    func hasAny(in block: Int) -> Bool { keywords[block] != nil || unclear.contains(block) }
}
