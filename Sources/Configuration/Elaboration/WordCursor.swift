import Base
import ConfigurationModel

/// The words of a statement or entry, taken one by one.
struct WordCursor {
    private(set) var next: Int
    let end: Int

    init(_ words: Range<Int>) {
        next = words.lowerBound
        end = words.upperBound
    }

    /// The next word's token, which stays.
    var peek: Int? { next < end ? next : nil }

    /// The next word's token.
    mutating func take() -> Int? {
        guard next < end else { return nil }
        defer { next += 1 }
        return next
    }
}

extension Elaborator {
    /// The word after an option that needs one.
    mutating func value(of option: Int, in words: inout WordCursor) -> Int? {
        if let word = words.take() { return word }
        refuse("`\(string(option))` needs a value", at: option)
        return nil
    }

    /// A whole number among the words of a statement, within the limits of its row.
    mutating func integer(of statement: Statement, in words: inout WordCursor) -> Int? {
        guard let word = value(of: statement.token, in: &words) else { return nil }
        return integer(at: word, of: statement)
    }

    /// Takes the next word when it is this one.
    mutating func takes(_ text: StaticString, from words: inout WordCursor) -> Bool {
        guard let word = words.peek, self.text.matches(self.text.tokens[word], text) else { return false }
        _ = words.take()
        return true
    }

    /// A number with decimals, in millionths.
    mutating func decimal(at word: Int) -> Int64? {
        guard let value = decimalMicroseconds(bytes(word)) else {
            refuse("`\(string(word))` isn't a number with up to six decimals", at: word)
            return nil
        }
        if !value.isExact { report(.warning, "only six decimals count; the rest is ignored", at: word) }
        return value.value
    }

    /// Names of a block's entries, each with its token; more than one a line are all read.
    mutating func names(inside block: Statement) -> [(name: String, token: Int)] {
        var names: [(String, Int)] = []
        forEach(inside: block) { elaborator, entry in
            for word in entry.words { names.append((elaborator.string(word), word)) }
        }
        return names
    }

    /// Complains about words behind the last that means something.
    mutating func ignoreRest(of words: WordCursor) {
        if let word = words.peek { report(.warning, "this and what follows is ignored", at: word) }
    }
}

/// A whole number as C writes it: decimal, `0x` hexadecimal, `0` octal; nil for anything else or above 64 bits.
func anyBaseNumber(_ text: String) -> UInt64? {
    if text.hasPrefix("0x") || text.hasPrefix("0X") {
        let digits = text.dropFirst(2)
        return digits.first.map { $0.isHexDigit } == true ? UInt64(digits, radix: 16) : nil
    }
    guard let first = text.utf8.first, Byte.isDigit(first) else { return nil }
    return UInt64(text, radix: text.utf8.count > 1 && first == Byte.zero ? 8 : 10)
}
