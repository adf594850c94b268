/// How bad it is.
public enum Severity: UInt8, Hashable, Comparable, Sendable {
    /// Additional information about the diagnostic before it.
    case note = 0
    /// Accepted, but probably not what was meant, or without effect yet.
    case warning = 1
    /// Refused by a reload; at start, only this statement or instance is left out (docs/decisions.md, D18).
    case error = 2

    /// A note is less than a warning, a warning less than an error.
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}

/// One finding about a configuration: where, what, and what to do about it.
public struct Diagnostic: Hashable, Sendable {
    /// How bad it is.
    public var severity: Severity
    /// Where it begins; nil when it is about the file set as a whole.
    public var location: SourceLocation?
    /// Length of the underlined text in UTF-8 bytes, at least 1.
    public var length: Int
    /// A sentence an operator can act on.
    public var message: String
    /// The source line, for the caret; nil when there is none to show.
    public var sourceLine: String?

    /// A finding.
    public init(
        _ severity: Severity, _ message: String, at location: SourceLocation? = nil, length: Int = 1,
        sourceLine: String? = nil
    ) {
        self.severity = severity
        self.message = message
        self.location = location
        self.length = length
        self.sourceLine = sourceLine
    }
}
