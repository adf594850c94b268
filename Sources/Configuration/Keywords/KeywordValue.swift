import Base
import ConfigurationModel

/// Form of what follows a keyword.
package enum KeywordShape: UInt8, Hashable, Sendable {
    case flag
    /// Nothing, or one of true, on, yes, false, off, no.
    case boolean
    /// One whole number.
    case integer
    /// One whole number or nothing.
    case optionalInteger
    /// Words; what they mean is for the keyword to say.
    case words
    /// A command with its arguments as one quoted word, read by shell-like rules, then USER GROUP.
    case script
    /// Words, then `{` keywords `}`.
    case block
    /// Words, then `{` entries, one a line `}`.
    case list
}

/// Unit of the number behind a keyword.
package enum KeywordUnit: Hashable, Sendable {
    case seconds
    case milliseconds
    case microseconds
    case bytes
}

/// The value of a keyword: its form, its limits, and how the manual writes both.
struct KeywordValue: Sendable {
    /// Words for people, such as `INT` or `NAME block`.
    var arguments: String
    var shape: KeywordShape
    /// Limits of a whole number.
    var numbers: ClosedRange<Int>?
    /// Limits of a time with decimals.
    var times: ClosedRange<Interval>?
    var unit: KeywordUnit?
    /// The rows of the block that it opens.
    var inside: (@Sendable () -> KeywordList)?

    static let flag = KeywordValue(arguments: "flag", shape: .flag)
    static let boolean = KeywordValue(arguments: "<BOOL>?", shape: .boolean)
    static let command = command("\"SCRIPT ARGS\" [USER [[:]GROUP]]")

    static func command(_ arguments: String) -> Self { Self(arguments: arguments, shape: .script) }

    static func words(_ arguments: String, unit: KeywordUnit? = nil) -> Self {
        Self(arguments: arguments, shape: .words, unit: unit)
    }

    static func integer(_ limits: ClosedRange<Int>?, unit: KeywordUnit? = nil) -> Self {
        Self(arguments: "INT", shape: .integer, numbers: limits, unit: unit)
    }

    static func optionalInteger(_ arguments: String, _ limits: ClosedRange<Int>, unit: KeywordUnit? = nil) -> Self {
        Self(arguments: arguments, shape: .optionalInteger, numbers: limits, unit: unit)
    }

    /// Words of which one is, or several are, a whole number.
    static func number(_ arguments: String, _ limits: ClosedRange<Int>, unit: KeywordUnit? = nil) -> Self {
        Self(arguments: arguments, shape: .words, numbers: limits, unit: unit)
    }

    /// - Parameter micros: limits in microseconds.
    static func seconds(_ micros: ClosedRange<Int64>, _ arguments: String = "DEC") -> Self {
        Self(arguments: arguments, shape: .words, times: times(micros), unit: .seconds)
    }

    /// - Parameter micros: limits in microseconds.
    static func milliseconds(_ micros: ClosedRange<Int64>) -> Self {
        Self(arguments: "DEC", shape: .words, times: times(micros), unit: .milliseconds)
    }

    private static func times(_ micros: ClosedRange<Int64>) -> ClosedRange<Interval> {
        .microseconds(micros.lowerBound) ... .microseconds(micros.upperBound)
    }

    static func block(
        _ inside: @autoclosure @escaping @Sendable () -> KeywordList, _ arguments: String = "block"
    ) -> Self {
        Self(arguments: arguments, shape: .block, inside: inside)
    }

    /// - Parameter inside: the words of its entries.
    static func list(
        _ inside: @autoclosure @escaping @Sendable () -> KeywordList = .empty, _ arguments: String = "list block"
    ) -> Self {
        Self(arguments: arguments, shape: .list, inside: inside)
    }

    /// True if words belong before the `{` of its block.
    var isNamed: Bool { arguments != "block" && arguments != "list block" }

    /// True if nothing has to follow: in the manual, brackets are around what may be left out.
    var isOptional: Bool { arguments.utf8.first == UInt8(ascii: "[") }

    /// The limits as the manual writes them, without the unit; nil without limits.
    var range: String? {
        if let numbers { return "\(numbers.lowerBound)..\(Self.bound(numbers))" }
        guard let times else { return nil }
        let factor: Int64 = unit == .milliseconds ? 1_000 : 1
        return [times.lowerBound, times.upperBound].map { String(($0 * factor).description.dropLast(2)) }
            .joined(separator: "..")
    }

    private static func bound(_ numbers: ClosedRange<Int>) -> String {
        switch numbers.upperBound {
        case Int(UInt32.max): "2^32-1"
        case Int(Int32.max) where numbers.lowerBound >= 0: "2^31-1"
        default: String(numbers.upperBound)
        }
    }
}

extension Limits {
    /// Weight of what adds to a priority; files and processes reach one more.
    static let priorityWeight = -253...253
    /// fwmark, which is never 0.
    static let mark = 1...Int(UInt32.max)
    static let port = 1...65_535
    /// retry of virtual and real servers; in a check it may be 0.
    static let retries = 1...rounds.upperBound
    static let fileCheckWeight = -weight.upperBound...weight.upperBound
    /// Times of checks, in microseconds: as long as 32-bit milliseconds reach.
    static let times: ClosedRange<Int64> = 1...Int64(seconds.upperBound) * 1_000_000
    static let timesOrNone = 0...times.upperBound
}
