import ConfigurationModel

extension Elaborator {
    /// True if a block tries to say one of these, rightly or not. One that says nothing (`virtual_ipaddress { }`)
    /// doesn't.
    func tries(_ keywords: String..., in block: Statement) -> Bool {
        keywords.contains { misplaced.has($0, in: block.place) } || says(keywords, in: block)
    }

    /// True if a block says this, misspelt or not, beyond doubt: not only because its end is guessed.
    func means(_ keyword: String, in block: Statement) -> Bool {
        misplaced.names(keyword, in: block.place) || says([keyword], in: block)
    }

    private func says(_ keywords: [String], in block: Statement) -> Bool {
        var child = block.place + 1
        while child < block.end {
            let statement = statements[child]
            if keywords.contains(statement.row.name), !isHollow(statement) { return true }
            child = max(child + 1, statement.end)
        }
        return false
    }

    /// True if it is a block without a name and with nothing in it.
    private func isHollow(_ statement: Statement) -> Bool {
        guard statement.row.isBlock, !statement.row.value.isNamed else { return false }
        return statement.end <= statement.place + 1 && !misplaced.hasAny(in: statement.place)
    }

    /// True if the block that somebody looks for is there but was refused.
    func tries(_ keyword: String, named name: String) -> Bool { misplaced.has(keyword, named: name) }
}
