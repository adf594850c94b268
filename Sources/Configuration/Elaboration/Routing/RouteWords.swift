import Base
import ConfigurationModel

/// Words that the languages of routes and of rules share. An option's effect takes its values from `words`; a value that
/// is missing or wrong makes the entry unusable.
extension Elaborator {
    /// Entries of a list of routes.
    mutating func routes(_ block: Statement, into path: KeywordRow.Path<[RouteSettings]>) {
        forEach(inside: block) { elaborator, entry in
            guard let route = elaborator.readRoute(entry, in: block) else { return }
            elaborator[keyPath: path].append(route)
        }
    }

    /// Entries of a list of rules.
    mutating func rules(_ block: Statement, into path: KeywordRow.Path<[RuleSettings]>) {
        forEach(inside: block) { elaborator, entry in
            guard let rule = elaborator.readRule(entry, in: block) else { return }
            elaborator[keyPath: path].append(rule)
        }
    }

    /// Gives the words of an entry the effects of their rows, until one makes it unusable.
    ///
    /// - Parameter other: reads a word that isn't an option; false for one that nothing knows.
    mutating func words(
        of entry: Statement, in block: Statement, other: (inout Elaborator, Int) -> Bool = { _, _ in false }
    ) {
        let list = block.row.value.inside?() ?? .empty
        words = WordCursor(entry.words)
        trackGroupName = nil
        trackGroupPlace = nil
        isStatic = block.row.stage != nil
        isUsable = true
        var seen: Set<String> = []
        while isUsable, let word = words.take() {
            if let row = list.option(bytes(word)), let effect = row.effect {
                note(row, word, &seen)
                effect(&self, Statement(row, token: word, words: word + 1..<word + 1, place: entry.place))
            } else if !other(&self, word) {
                unknownOption(word, of: list, end: words.end)
                isUsable = false
            }
        }
    }

    /// Complains about an option that is there already: its last value counts, as in keepalived.
    mutating func note(_ row: KeywordRow, _ word: Int, _ seen: inout Set<String>) {
        guard row.traits.contains(.once), !seen.insert(row.alias ?? row.name).inserted else { return }
        report(.warning, "`\(string(word))` is written twice; the last one counts", at: word)
    }

    /// The next word, for an option that needs one.
    mutating func value(of option: Statement) -> Int? {
        if let word = words.take() { return word }
        refuseEntry("`\(string(option.token))` needs a value", at: option.token)
        return nil
    }

    mutating func optionAddress(_ option: Statement) -> IPAddress? {
        guard let word = value(of: option) else { return nil }
        return address(at: word)
    }

    /// Takes the next word when it is this one.
    mutating func takes(_ word: StaticString) -> Bool {
        guard let next = words.peek, text.matches(text.tokens[next], word) else { return false }
        _ = words.take()
        return true
    }

    /// The entry can't be used.
    mutating func refuseEntry(_ message: String, at word: Int) {
        refuse(message, at: word)
        isUsable = false
    }

    /// Sets what makes the entry unusable when it's nil.
    mutating func set<Value>(_ path: KeywordRow.Path<Value?>, needed value: Value?) {
        self[keyPath: path] = value
        if value == nil { isUsable = false }
    }

    mutating func set<Value>(_ path: KeywordRow.Path<Value>, number value: Value?) {
        if let value { self[keyPath: path] = value } else { isUsable = false }
    }

    /// track_group of a route or rule.
    mutating func trackGroup(_ option: Statement, of kind: String) {
        guard let value = value(of: option) else { return }
        guard isStatic else {
            return refuse("`track_group` is for static_\(kind): these follow their own instance", at: option.token)
        }
        trackGroupPlace = option.token
        trackGroupName = trackGroupName(at: value)
    }

    /// Complains about a word of the past.
    mutating func deprecate(_ word: Int, _ instead: String) {
        diagnostics.add(
            .warning, "`\(string(word))` is deprecated; write \(instead)", at: text.tokens[word], in: text,
            code: .deprecated)
    }

    /// A number in any base, or a name of one of iproute2's tables.
    mutating func routingNumber(
        at word: Int, _ names: KeyPath<RoutingNames, [String: UInt32]>, maximum: UInt32, _ what: String
    ) -> UInt32? {
        let written = string(word)
        if let number = anyBaseNumber(written) {
            guard number <= UInt64(maximum) else {
                refuse("\(what) is at most \(maximum)", at: word)
                return nil
            }
            return UInt32(number)
        }
        let known = environment.routingNames[keyPath: names]
        if let number = known[written], number <= maximum { return number }
        let hint = suggestion(for: written, among: known.keys.sorted())
        refuse("`\(written)` is neither a number nor the name of \(what) in /etc/iproute2\(hint)", at: word)
        return nil
    }

    mutating func byte(
        _ option: Statement, _ names: KeyPath<RoutingNames, [String: UInt32]>, _ what: String
    ) -> UInt8? {
        guard let word = value(of: option) else { return nil }
        return routingNumber(at: word, names, maximum: 255, what).map { UInt8($0) }
    }

    /// A table, which isn't 0.
    mutating func routingTable(_ option: Statement) -> UInt32? {
        guard let word = value(of: option),
            let table = routingNumber(at: word, \.tables, maximum: .max, "a table")
        else { return nil }
        guard table != 0 else {
            refuse("there is no table 0", at: word)
            return nil
        }
        return table
    }

    /// A 32-bit number in any base, within the limits of the option's row.
    mutating func unsigned(_ option: Statement) -> UInt32? {
        guard let word = value(of: option) else { return nil }
        let limits = option.row.limits ?? 0...Int(UInt32.max)
        return unsigned(at: word, for: option.row.name, UInt32(limits.lowerBound)...UInt32(limits.upperBound))
    }

    mutating func unsigned(at word: Int, for name: String, _ limits: ClosedRange<UInt32>) -> UInt32? {
        guard let number = wideNumber(at: word) else { return nil }
        guard let value = UInt32(exactly: number), limits.contains(value) else {
            refuse("`\(name)` is \(limits.lowerBound) to \(limits.upperBound)", at: word)
            return nil
        }
        return value
    }

    /// A number in any base.
    mutating func wideNumber(at word: Int) -> UInt64? {
        if let number = anyBaseNumber(string(word)) { return number }
        refuse("`\(string(word))` isn't a whole number", at: word)
        return nil
    }

    /// `[SOURCE/]DESTINATION`.
    mutating func realms(_ option: Statement) -> Realms? {
        guard let word = value(of: option) else { return nil }
        let parts = string(word).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var numbers: [UInt16] = []
        for part in parts {
            let known = environment.routingNames.realms[part].map(UInt64.init)
            guard let number = anyBaseNumber(part) ?? known, let value = UInt16(exactly: number) else {
                refuse("`\(string(word))` isn't realms: [SOURCE/]DESTINATION, numbers or names", at: word)
                return nil
            }
            numbers.append(value)
        }
        return numbers.count == 2
            ? Realms(source: numbers[0], destination: numbers[1]) : numbers.first.map { Realms(destination: $0) }
    }

    /// An interface that a route or rule names. One that is missing is an error, but no reason to leave it out when
    /// interfaces may appear later.
    mutating func routingInterface(_ option: Statement) -> String? {
        guard let word = value(of: option), let name = interfaceName(at: word) else { return nil }
        guard isKnown(interface: name) else {
            refuse(missing(interface: name), at: word)
            return nil
        }
        return name
    }

    /// The family that `inet` or `inet6` forces, when the next word is one.
    mutating func forcedFamily() -> AddressFamily? {
        if takes("inet") { return .ipv4 }
        if takes("inet6") { return .ipv6 }
        return nil
    }

    /// `LOW-HIGH` or one number for both.
    mutating func numberRange(_ option: Statement, maximum: UInt32) -> ClosedRange<UInt32>? {
        guard let word = value(of: option) else { return nil }
        let parts = string(word).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { anyBaseNumber(String($0)) }.compactMap { UInt32(exactly: $0) }
        guard numbers.count == parts.count, let low = numbers.first, let high = numbers.last, high <= maximum else {
            refuse("`\(option.row.name)` is a number or a range LOW-HIGH up to \(maximum)", at: word)
            return nil
        }
        guard low <= high else {
            refuse("the range `\(string(word))` is empty", at: word)
            return nil
        }
        return low...high
    }
}
