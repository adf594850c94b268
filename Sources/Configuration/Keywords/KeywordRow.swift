import Base
import ConfigurationModel

/// Effect of a keyword's presence today.
package enum KeywordStatus: Hashable, Sendable {
    case acts
    /// It is read without effect, for this reason; no complaint.
    case accepted(String)
    /// It is known, but isn't handled yet: a warning. Its value isn't looked at.
    case notYet
    /// It isn't handled yet either, but its value is read into the model.
    case typed
    /// It is known and refused, for this reason: an error.
    case refused(String)

    /// True if it is to act one day.
    package var isWaiting: Bool { self == .notYet || self == .typed }
}

/// Peculiarities of a keyword.
struct KeywordTraits: OptionSet, Sendable {
    let rawValue: UInt8
    /// The first one in a block counts, and later ones are left out.
    static let firstCounts = KeywordTraits(rawValue: 1)
    /// Several in a block add up.
    static let repeatable = KeywordTraits(rawValue: 2)
    /// Its effect, or that of the entry it stands in, complains about a second one.
    static let once = KeywordTraits(rawValue: 4)
    /// Its words are hidden from strangers.
    static let secret = KeywordTraits(rawValue: 8)
    /// A name of the past for keepalived's authors.
    static let deprecated = KeywordTraits(rawValue: 16)
    /// No keepalived knows it.
    static let own = KeywordTraits(rawValue: 32)
}

/// A row of the keyword table: one keyword in the blocks that share a list of rows.
///
/// The parser checks a statement by its row, the elaborator runs the row's effect, and the manual prints the row.
package final class KeywordRow: Sendable {
    /// Reads a statement of the keyword into the elaborator.
    typealias Effect = @Sendable (inout Elaborator, Statement) -> Void

    /// The keyword itself; `(entry)` for the entry as such.
    package let name: String
    let value: KeywordValue
    /// Its default; `-` without one.
    package let defaultValue: String
    /// Remark on the range, for people.
    let note: String?
    let traits: KeywordTraits
    /// The keyword that it is another name of.
    let alias: String?
    /// The pass in which a keyword of the top level is read.
    let stage: ElaborationStage?
    package let status: KeywordStatus
    /// Its meaning, for people.
    package let meaning: String
    let effect: Effect?

    init(
        _ name: String, _ value: KeywordValue, default defaultValue: String = "-", note: String? = nil,
        traits: KeywordTraits = [], alias: String? = nil, stage: ElaborationStage? = nil, _ status: KeywordStatus,
        _ meaning: String, _ effect: Effect? = nil
    ) {
        self.name = name
        self.value = value
        self.defaultValue = defaultValue
        self.note = note
        self.traits = traits
        self.alias = alias
        self.stage = stage
        self.status = status
        self.meaning = meaning
        self.effect = effect
    }

    /// The row of each entry of a list, which has no keyword.
    static let entry = KeywordRow("", .words(""), .acts, "")

    package var arguments: String { value.arguments }
    package var shape: KeywordShape { value.shape }
    package var unit: KeywordUnit? { value.unit }
    /// Its range, with remarks behind semicolons; `-` without.
    package var range: String {
        let parts = [value.range, note].compactMap { $0 }
        return parts.isEmpty ? "-" : parts.joined(separator: "; ")
    }
    /// Limits of a whole number.
    package var limits: ClosedRange<Int>? { value.numbers }
    /// True if no keepalived knows it.
    package var isOwn: Bool { traits.contains(.own) }
    var isBlock: Bool { shape == .block || shape == .list }

    /// True if it has a value of which the last one in a block counts.
    var hasOneValue: Bool {
        switch shape {
        case .integer, .boolean, .optionalInteger, .words: traits.isDisjoint(with: [.repeatable, .once])
        case .flag, .script, .block, .list: false
        }
    }

    /// The value in words, behind its abbreviation: `INT, a whole number`.
    package var explainedArguments: String {
        let words = [
            "INT": "a whole number", "NUM": "a whole number", "DEC": "a number such as 0.5",
            "TIMER": "seconds such as 0.5",
            "IF": "an interface", "ADDR": "an IP address", "STR": "a text", "HEX": "hexadecimal digits",
        ]
        return words[arguments].map { "\(arguments), \($0)" } ?? arguments
    }

    /// Key path of a setting, or of a part of a block that is being read.
    typealias Path<Value> = any WritableKeyPath<Elaborator, Value> & Sendable
}

/// Rows while a list is written down, a statement each: the compiler takes minutes for a literal of a hundred.
struct KeywordRows {
    private(set) var rows: [KeywordRow] = []

    /// A keyword with an effect of its own, or without one.
    mutating func row(
        _ name: String, _ value: KeywordValue, default defaultValue: String = "-", note: String? = nil,
        traits: KeywordTraits = [], alias: String? = nil, stage: ElaborationStage? = nil, _ status: KeywordStatus,
        _ meaning: String, _ effect: KeywordRow.Effect? = nil
    ) {
        rows.append(
            KeywordRow(
                name, value, default: defaultValue, note: note, traits: traits, alias: alias, stage: stage, status,
                meaning, effect))
    }

    // MARK: - Rows that set one property

    // A key path is made when a statement is read: for all rows of the table together they take a millisecond.

    mutating func flag(
        _ name: String, default defaultValue: String = "off", note: String? = nil, traits: KeywordTraits = [],
        stage: ElaborationStage? = nil, _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Bool>
    ) {
        row(name, .flag, default: defaultValue, note: note, traits: traits, stage: stage, status, meaning) {
            $0[keyPath: path()] = $0.flag($1)
        }
    }

    mutating func boolean<Value: BooleanSetting>(
        _ name: String, default defaultValue: String = "false", note: String? = nil, traits: KeywordTraits = [],
        _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Value>
    ) {
        row(name, .boolean, default: defaultValue, note: note, traits: traits, status, meaning) {
            $0.set(path(), boolean: $1)
        }
    }

    mutating func integer<Value: NumericSetting>(
        _ name: String, _ limits: ClosedRange<Int>, unit: KeywordUnit? = nil, default defaultValue: String = "-",
        note: String? = nil, traits: KeywordTraits = [], _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Value>
    ) {
        let value = KeywordValue.integer(limits, unit: unit)
        row(name, value, default: defaultValue, note: note, traits: traits, status, meaning) { $0.set(path(), $1) }
    }

    /// - Parameter micros: limits in microseconds.
    mutating func seconds<Value: IntervalSetting>(
        _ name: String, _ micros: ClosedRange<Int64>, default defaultValue: String = "-", note: String? = nil,
        traits: KeywordTraits = [], _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Value>
    ) {
        row(name, .seconds(micros), default: defaultValue, note: note, traits: traits, status, meaning) {
            $0.set(path(), seconds: $1)
        }
    }

    /// Seconds as the load balancer's keywords write them.
    mutating func timer<Value: IntervalSetting>(
        _ name: String, _ micros: ClosedRange<Int64>, default defaultValue: String = "-", note: String? = nil,
        traits: KeywordTraits = [], _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Value>
    ) {
        row(name, .seconds(micros, "TIMER"), default: defaultValue, note: note, traits: traits, status, meaning) {
            $0.set(path(), seconds: $1)
        }
    }

    mutating func text<Value: TextSetting>(
        _ name: String, _ arguments: String, default defaultValue: String = "-", note: String? = nil,
        traits: KeywordTraits = [], _ status: KeywordStatus, _ meaning: String,
        _ path: @autoclosure @escaping @Sendable () -> KeywordRow.Path<Value>
    ) {
        row(name, .words(arguments), default: defaultValue, note: note, traits: traits, status, meaning) {
            $0.set(path(), text: $1)
        }
    }
}

/// A property that a boolean keyword may set.
protocol BooleanSetting: Sendable {
    init(_ value: Bool)
}

extension Bool: BooleanSetting {}
extension Bool?: BooleanSetting {}

/// A property that a time with decimals may set.
protocol IntervalSetting: Sendable {
    init(_ interval: Interval)
}

extension Interval: IntervalSetting {
    init(_ interval: Interval) { self = interval }
}

extension Interval?: IntervalSetting {}

/// A property that a word may set.
protocol TextSetting: Sendable {
    init(_ text: String)
}

extension String: TextSetting {}
extension String?: TextSetting {}

/// A property that a keyword with a number may set. The row's limits fit it.
protocol NumericSetting: Sendable {
    /// Nil for a number that it can't hold.
    init?(number: Int, unit: KeywordUnit?)
}

extension NumericSetting where Self: FixedWidthInteger {
    init?(number: Int, unit: KeywordUnit?) { self.init(exactly: number) }
}

extension NumericSetting where Self: RawRepresentable, RawValue == UInt8 {
    init?(number: Int, unit: KeywordUnit?) {
        guard let value = UInt8(exactly: number) else { return nil }
        self.init(rawValue: value)
    }
}

extension Int: NumericSetting {}
extension UInt8: NumericSetting {}
extension UInt16: NumericSetting {}
extension UInt32: NumericSetting {}
extension VRID: NumericSetting {}
extension Priority: NumericSetting {}
extension VRRPVersion: NumericSetting {}

extension Interval: NumericSetting {
    init?(number: Int, unit: KeywordUnit?) {
        switch unit {
        case .microseconds: self = .microseconds(Int64(number))
        case .milliseconds: self = .milliseconds(Int64(number))
        case .seconds, .bytes, nil: self = .seconds(Int64(number))
        }
    }
}

extension Optional: NumericSetting where Wrapped: NumericSetting {
    init?(number: Int, unit: KeywordUnit?) {
        guard let value = Wrapped(number: number, unit: unit) else { return nil }
        self = value
    }
}

/// An option of a set as a property.
extension SetAlgebra {
    subscript(_ option: Element) -> Bool {
        get { contains(option) }
        set { if newValue { insert(option) } else { remove(option) } }
    }
}
