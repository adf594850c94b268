import ConfigurationModel

/// A moment between two findings.
struct DiagnosticMark {
    fileprivate var kept: Int
    fileprivate var errors: Int
}

/// Collects findings. A file of garbage has a finding on each line: only the first ones are kept, all are counted.
struct DiagnosticList {
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var errorCount = 0
    private(set) var warningCount = 0
    /// Errors about which a start does no more than leave an instance in FAULT.
    private(set) var faultCount = 0

    /// The code of a finding without a more precise one: set by each stage at its start.
    var stage = DiagnosticCode.text

    static let maximumKept = 5_000

    /// Findings so far: a line that is made many times has each of its findings once.
    private var said: Set<Finding> = []
    /// The last finding was there already, and so are its notes.
    private var isRepeating = false

    private struct Finding: Hashable {
        var message: String
        var location: SourceLocation
    }

    mutating func add(
        _ severity: Severity, _ message: String, at location: SourceLocation?, length: Int = 1, line: String? = nil,
        code: DiagnosticCode? = nil, includedFrom: [SourceLocation] = [], atStart: StartAction? = nil
    ) {
        if severity == .note {
            if isRepeating { return }
        } else if let location, !isFull {
            isRepeating = !said.insert(Finding(message: message, location: location)).inserted
            if isRepeating { return }
        } else {
            isRepeating = false
        }
        switch severity {
        case .error: errorCount += 1
        case .warning: warningCount += 1
        case .note: break
        }
        let kept = diagnostics.count
        if kept < Self.maximumKept {
            let code = code ?? stage
            diagnostics.append(
                Diagnostic(
                    severity, message, at: location, length: max(1, length), sourceLine: line, code: code,
                    includedFrom: includedFrom,
                    atStart: severity == .error ? atStart ?? Self.usuallyAtStart(code) : .inMessage))
        } else if kept == Self.maximumKept {
            diagnostics.append(Diagnostic(.note, "further findings aren't shown"))
        }
    }

    /// Adds the findings about another text.
    mutating func append(_ other: DiagnosticList) {
        let room = max(0, Self.maximumKept - diagnostics.count)
        diagnostics += other.diagnostics.prefix(room)
        errorCount += other.errorCount
        warningCount += other.warningCount
        faultCount += other.faultCount
    }

    /// A finding about a token.
    mutating func add(
        _ severity: Severity, _ message: String, at token: Token, in text: SourceText, code: DiagnosticCode? = nil,
        atStart: StartAction? = nil
    ) {
        // Past the limit neither the line's text nor the place is needed.
        guard !isFull else { return add(severity, message, at: nil) }
        let remark = severity == .note ? nil : InvisibleCharacter.remark(on: text.slice(token))
        add(
            severity, remark.map { message.followed(by: $0) } ?? message, at: text.location(token),
            length: Int(token.length),
            line: text.lineText(file: Int(token.file), line: Int(token.line)), code: code,
            includedFrom: text.includeChain(of: Int(token.file)), atStart: atStart)
    }

    /// A note on the last finding about this very token, which others may have followed since; nothing when there is none.
    mutating func addNote(_ message: String, at token: Token, in text: SourceText) {
        guard !isFull else { return }
        let place = text.location(token)
        guard let about = diagnostics.lastIndex(where: { $0.severity != .note && $0.location == place }) else { return }
        let note = Diagnostic(
            .note, message, at: place, length: max(1, Int(token.length)),
            sourceLine: text.lineText(file: Int(token.file), line: Int(token.line)), code: stage,
            includedFrom: text.includeChain(of: Int(token.file)))
        var next = about + 1
        while next < diagnostics.count, diagnostics[next].severity == .note { next += 1 }
        if !diagnostics[about..<next].contains(note) { diagnostics.insert(note, at: next) }
    }

    /// The action of a start about an error of this kind when nothing more precise is said.
    private static func usuallyAtStart(_ code: DiagnosticCode) -> StartAction {
        switch code {
        case .unknownKeyword, .misplacedKeyword, .refusedKeyword: .leaveOut
        case .text: .readOn
        case .brace:
            StartAction(
                "read on, and may misunderstand what follows", past: "read on, and perhaps misunderstood what follows")
        case .file, .notYet, .deprecated, .setting, .missingInterface, .machine, .cluster, .check: .inMessage
        }
    }

    /// Says what a start does about the last finding, which is an error: it leaves this instance in FAULT.
    mutating func amendLast(faultOf instance: String) {
        noteFault()
        amendLast(atStart: .leaveInFault(instance))
    }

    /// The number of findings so far.
    var mark: DiagnosticMark { DiagnosticMark(kept: diagnostics.count, errors: errorCount) }

    /// Says what a start does about the errors since then, which keep instances from running and nothing else.
    mutating func amendErrors(since mark: DiagnosticMark, atStart action: StartAction) {
        faultCount += errorCount - mark.errors
        for index in diagnostics.indices.dropFirst(mark.kept) where diagnostics[index].severity == .error {
            diagnostics[index].atStart = action
        }
    }

    func hasErrors(since mark: DiagnosticMark) -> Bool { errorCount > mark.errors }

    func firstError(since mark: DiagnosticMark) -> SourceLocation? {
        diagnostics.dropFirst(mark.kept).first { $0.severity == .error }?.location
    }

    /// The last finding is an error about which a start leaves an instance in FAULT, and nothing out.
    mutating func noteFault() { if !isRepeating { faultCount += 1 } }

    /// Says what a start does about the last finding.
    mutating func amendLast(atStart: StartAction) {
        guard !isFull, !isRepeating, !diagnostics.isEmpty else { return }
        diagnostics[diagnostics.count - 1].atStart = atStart
    }

    /// A finding about a part of a line that has no tokens yet.
    mutating func add(
        _ severity: Severity, _ message: String, at line: TextLine, in text: SourceText, length: Int? = nil,
        code: DiagnosticCode? = nil
    ) {
        guard !isFull else { return add(severity, message, at: nil, code: code) }
        let (column, underlined) = line.place(of: line.start, length: length ?? max(1, line.end - line.start))
        add(
            severity, message,
            at: SourceLocation(file: text.files[line.file].path, line: line.line, column: column),
            length: underlined, line: text.lineText(file: line.file, line: line.line), code: code,
            includedFrom: text.includeChain(of: line.file))
    }

    /// True if further findings are only counted, so that nobody needs to word them.
    var isFull: Bool { diagnostics.count > Self.maximumKept }
}
