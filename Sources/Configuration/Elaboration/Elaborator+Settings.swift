import Base
import ConfigurationModel

/// Settings of one property by the word of a statement.
extension Elaborator {
    mutating func set<Value: NumericSetting>(_ path: KeywordRow.Path<Value>, _ statement: Statement) {
        guard let number = integer(statement), let value = Value(number: number, unit: statement.row.unit) else {
            return
        }
        self[keyPath: path] = value
    }

    /// A number of rounds; 0 means 1, as in keepalived.
    mutating func set<Value: NumericSetting>(_ path: KeywordRow.Path<Value>, rounds statement: Statement) {
        guard let number = integer(statement), let word = statement.words.first else { return }
        if number == 0 { report(.warning, "`\(string(statement.token)) 0` means 1", at: word) }
        if let value = Value(number: max(1, number), unit: nil) { self[keyPath: path] = value }
    }

    mutating func set<Value: BooleanSetting>(_ path: KeywordRow.Path<Value>, boolean statement: Statement) {
        if let value = boolean(statement) { self[keyPath: path] = Value(value) }
    }

    mutating func set<Value: IntervalSetting>(_ path: KeywordRow.Path<Value>, seconds statement: Statement) {
        if let value = seconds(statement) { self[keyPath: path] = Value(value) }
    }

    mutating func set<Value: TextSetting>(_ path: KeywordRow.Path<Value>, text statement: Statement) {
        if let word = word(of: statement) { self[keyPath: path] = Value(string(word)) }
    }

    mutating func set<Value: TextSetting>(_ path: KeywordRow.Path<Value>, interface statement: Statement) {
        guard let word = word(of: statement), let name = interfaceName(at: word) else { return }
        self[keyPath: path] = Value(name)
    }

    mutating func set(_ path: KeywordRow.Path<IPAddress>, address statement: Statement) {
        if let address = address(statement) { self[keyPath: path] = address }
    }

    /// An absolute path.
    mutating func set(_ path: KeywordRow.Path<String?>, path statement: Statement) {
        guard let word = word(of: statement) else { return }
        guard bytes(word).first == Byte.slash else {
            return refuse("`\(string(word))` isn't an absolute path", at: word)
        }
        self[keyPath: path] = string(word)
    }

    /// `USER [[:]GROUP]`.
    mutating func set(_ path: KeywordRow.Path<ScriptIdentity?>, identity statement: Statement) {
        guard let identity = identity(statement.words) else {
            return refuse("`\(string(statement.token))` needs USER [[:]GROUP]", at: statement.token)
        }
        self[keyPath: path] = identity
    }

    /// An address, behind which keepalived takes a length that means nothing.
    mutating func set(_ path: KeywordRow.Path<IPAddress?>, host statement: Statement) {
        if let word = word(of: statement), let host = host(at: word) { self[keyPath: path] = host }
    }

    /// The first word; nil without words.
    func firstWord(_ statement: Statement) -> String? { statement.words.first.map { string($0) } }
}
