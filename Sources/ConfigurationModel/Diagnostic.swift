import Base

/// A place in a file, for diagnostics and for status.
package struct SourceLocation: Record, CustomStringConvertible {
    /// Path as it was opened.
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in UTF-8 bytes.
    package var column: Int
    package init(file: String, line: Int, column: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
    }
    /// `file:line:column`.
    package var description: String { "\(file):\(line):\(column)" }

    package init() { self.init(file: "", line: 0) }
    package mutating func visit(_ fields: inout some Fields) throws(ByteError) {
        try fields.field("", &file)
        try fields.field("", &line, in: Limits.number)
        try fields.field("", &column, in: Limits.number)
    }
}

package enum Severity: UInt8, FieldValue, Comparable {
    /// Additional information about the diagnostic before it.
    case note = 0
    /// Accepted, but probably not what was meant, or without effect yet.
    case warning = 1
    /// Refused by a reload; at start, only this statement or instance is left out (docs/decisions, D18).
    case error = 2

    /// A note is less than a warning, a warning less than an error.
    package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}

/// The kind of a finding, for programs that sort or silence findings. The names never change.
package enum DiagnosticCode: String, FieldValue, CaseIterable {
    /// A file can't be read and is left out, or what there is configures nothing.
    case file
    /// A line, a quote, a definition, a generated line or an include is wrong.
    case text
    /// A brace is missing or too many.
    case brace
    /// Nobody knows the keyword.
    case unknownKeyword = "unknown-keyword"
    /// The keyword exists, in another block.
    case misplacedKeyword = "misplaced-keyword"
    /// The keyword is known and refused.
    case refusedKeyword = "refused-keyword"
    /// The keyword is known and has no effect yet.
    case notYet = "not-yet"
    /// The keyword is a name of the past.
    case deprecated
    /// A value, or what settings mean together.
    case setting
    /// An interface isn't there, and what needs it waits for it.
    case missingInterface = "missing-interface"
    /// This machine lacks something at the moment, or has no room for it: that may change without a reload, and status
    /// reports the instance while it lasts.
    case machine
    /// The settings of a cluster's nodes don't match.
    case cluster
    /// A check is left out, or its servers stay unchecked.
    case check
}

/// One finding about a configuration: where, what, and what to do about it.
package struct Diagnostic: Hashable, Sendable {
    package var severity: Severity
    /// The place where it begins; nil when it is about the file set as a whole.
    package var location: SourceLocation?
    /// Length of the underlined text in UTF-8 bytes, at least 1.
    package var length: Int
    /// A sentence an operator can act on.
    package var message: String
    /// The source line, for the caret; nil when there is none to show.
    package var sourceLine: String?
    package var code: DiagnosticCode
    /// The includes through which the file was reached, innermost first; empty in the main file.
    package var includedFrom: [SourceLocation]
    /// Of an error.
    package var atStart: StartAction

    /// True if it holds only for the time at which the files were read: an interface, an address or a link's MTU may be
    /// another later, and an instance reports what it lacks while it lacks it.
    package var isOfTheMoment: Bool { code == .missingInterface || code == .machine }

    /// A finding.
    package init(
        _ severity: Severity, _ message: String, at location: SourceLocation? = nil, length: Int = 1,
        sourceLine: String? = nil, code: DiagnosticCode = .setting, includedFrom: [SourceLocation] = [],
        atStart: StartAction = .inMessage
    ) {
        self.severity = severity
        self.message = message
        self.location = location
        self.length = length
        self.sourceLine = sourceLine
        self.code = code
        self.includedFrom = includedFrom
        self.atStart = atStart
    }
}
