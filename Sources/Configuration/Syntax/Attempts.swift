import ConfigurationModel

/// What somebody meant to say although it isn't among the statements: misspelt or misplaced keywords and blocks without
/// a `{`. Each has an error of its own already, so what is missing without it is no second one.
struct Attempts {
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

    /// Whether one of its keywords isn't known.
    func isMisread(_ block: Int) -> Bool { misread.contains(block) }

    /// Whether this very keyword was written in this block, misspelt or misplaced.
    func names(_ keyword: String, in block: Int) -> Bool { place(of: keyword, in: block) != nil }

    /// The token of this very keyword, misspelt or misplaced; nil when it wasn't written for this block.
    func place(of keyword: String, in block: Int) -> Int? { keywords[block]?[keyword] }

    /// Whether it was meant for this block.
    func has(_ keyword: String, in block: Int) -> Bool {
        unclear.contains(block) || names(keyword, in: block)
    }

    /// Whether it was meant for any block, or may stand in one that is left out.
    func has(_ keyword: String) -> Bool { skipsBlocks || !unclear.isEmpty || anywhere.contains(keyword) }

    /// Whether a block with this keyword and name was meant.
    func has(_ keyword: String, named name: String) -> Bool { names[keyword]?.contains(name) ?? false }
}

extension Elaborator {
    /// Whether a block tries to say one of these, rightly or not. One that says nothing (`virtual_ipaddress { }`)
    /// doesn't.
    func tries(_ keywords: String..., in place: Int) -> Bool {
        keywords.contains { attempts.has($0, in: place) } || says(keywords, in: place)
    }

    /// Whether a block says this, misspelt or not, beyond doubt: not only because its end is guessed.
    func means(_ keyword: String, in place: Int) -> Bool {
        attempts.names(keyword, in: place) || says([keyword], in: place)
    }

    private func says(_ keywords: [String], in place: Int) -> Bool {
        var child = place + 1
        while child < statements[place].end {
            let statement = statements[child]
            let isEmpty = statement.isEntry || isHollow(statement, child)
            if !isEmpty, keywords.contains(keyword(child)) { return true }
            child = max(child + 1, statement.end)
        }
        return false
    }

    /// Whether it is a block without a name and with nothing in it.
    private func isHollow(_ statement: Statement, _ place: Int) -> Bool {
        let keyword = table.keywords[statement.row]
        guard keyword.shape == .block || keyword.shape == .list, !keyword.isNamed else { return false }
        return statement.end <= place + 1 && !attempts.hasAny(in: place)
    }

    /// Whether the block that somebody looks for is there but was refused.
    func tries(_ keyword: String, named name: String) -> Bool { attempts.has(keyword, named: name) }
}

extension Attempts {
    /// Whether anything was meant for this block.
    func hasAny(in block: Int) -> Bool { keywords[block] != nil || unclear.contains(block) }
}
