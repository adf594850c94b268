import ConfigurationModel

extension Elaborator {
    /// The action of a start without the value of a statement that it can't use.
    func startInstead(_ statement: Statement?) -> StartAction {
        // Of several words one may be left out, and the others count.
        guard let statement, !statement.isEntry, statement.words.count <= 1 else { return .leaveOut }
        return startInstead(statement.row)
    }

    /// The same of a keyword that isn't read at all.
    func startInstead(_ keyword: KeywordRow) -> StartAction {
        let written = keyword.defaultValue
        let head = written.prefix { !"(;,".contains($0) }.split(separator: " ").map(String.init)
        guard let value = head.first, !["-", "none", "required", "unset"].contains(value) else { return .leaveOut }
        let isValue =
            head.count == 1 && value.utf8.allSatisfy { Byte.isName($0) || $0 == UInt8(ascii: ".") }
            && !["global", "auto", "VS", "RS"].contains(value)
        return .use(isValue ? value : "the default: \(written)")
    }
}
