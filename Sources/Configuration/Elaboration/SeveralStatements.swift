import Base
import ConfigurationModel

/// Several statements on one line: only the first one counts, for keepalived, too.
extension Elaborator {
    /// Looks for a keyword of the same block among words that a statement doesn't take. It was meant as a statement, and so
    /// were those behind it: that is said once, in place of what follows from it.
    ///
    /// - Returns: whether there is one.
    mutating func splitsLine(_ words: Range<Int>, of statement: Statement) -> Bool {
        guard !statement.isEntry, !diagnostics.isFull else { return false }
        let block = block(around: statement)
        let rows = block < 0 ? .root : statements[block].row.value.inside?() ?? .empty
        let meant = words.filter { text.tokens[$0].kind == .word && rows[string($0)] != nil }
        guard let first = meant.first else { return false }
        for token in meant {
            let value = token + 1 < words.upperBound ? string(token + 1) : nil
            misplaced.note(string(token), in: block, name: value, at: token)
        }
        model.ignoredSettings += meant.count
        // It's no error in the first statement.
        diagnostics.add(
            .error, "one statement a line: \(ownLines(for: meant))", at: text.tokens[first], in: text,
            atStart: meant.count == 1 ? startWithout(rows[string(first)]) : .leaveAllOut)
        return true
    }

    /// The action of a start without a keyword that stands behind another statement.
    private func startWithout(_ row: KeywordRow?) -> StartAction {
        guard let row, row.hasOneValue else { return .leaveOut }
        return startInstead(row)
    }

    /// Number of words of a crowded line that a message names.
    private static var maximumNamed: Int { 8 }

    /// Advice about words that belong onto lines of their own; each is named once.
    private func ownLines(for words: [Int]) -> String {
        var names: [String] = []
        for word in words where !names.contains("`\(string(word))`") {
            guard names.count < Self.maximumNamed else {
                return "put \(names.joined(separator: ", ")) and what follows on lines of their own"
            }
            names.append("`\(string(word))`")
        }
        guard let last = names.popLast(), !names.isEmpty else {
            return "put `\(string(words[0]))` on a line of its own"
        }
        return "put \(names.joined(separator: ", ")) and \(last) on lines of their own"
    }

    /// The place of the block that a statement stands in; -1 at the top level.
    private mutating func block(around statement: Statement) -> Int {
        if enclosing.isEmpty { enclosing = enclosingBlocks() }
        var low = 0
        var high = statements.count
        while low < high {
            let middle = (low + high) / 2
            if statements[middle].token < statement.token { low = middle + 1 } else { high = middle }
        }
        return enclosing.indices.contains(low) ? Int(enclosing[low]) : -1
    }

    private func enclosingBlocks() -> [Int32] {
        var open: [Int] = []
        return statements.indices.map { place in
            while let last = open.last, statements[last].end <= place { open.removeLast() }
            defer { if statements[place].end > place + 1 { open.append(place) } }
            return Int32(truncatingIfNeeded: open.last ?? -1)
        }
    }

    /// The same of entries: an address behind an address.
    ///
    /// - Parameter end: one past the line's last word.
    /// - Returns: whether this word is one.
    mutating func splitsEntries(at word: Int, of list: KeywordList, end: Int) -> Bool {
        let isOfPeers = list === KeywordList.unicastPeer
        // In a route, an address may be the value of what was forgotten.
        guard isOfPeers || list === KeywordList.virtualAddress else { return false }
        guard isAddress(word) else { return false }
        if isOfPeers { lostPeers += 1 }
        let place = text.location(text.tokens[word])
        let line = SourceLocation(file: place.file, line: place.line)
        guard crowdedLine != line else {
            model.ignoredSettings += 1
            return true
        }
        crowdedLine = line
        let entries = (word..<max(word + 1, end)).filter { isAddress($0) }
        refuse(
            "one entry a line: \(ownLines(for: entries))", at: word,
            atStart: entries.count == 1 ? .leaveOut : .leaveAllOut)
        return true
    }

    private func isAddress(_ word: Int) -> Bool {
        Prefix(string(word)) != nil || IPAddress(string(word)) != nil
    }
}
