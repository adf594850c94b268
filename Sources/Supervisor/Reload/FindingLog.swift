import Configuration
import ConfigurationModel
import Logging

/// Tells the log what each reading of the files has found. A warning or note that the reading before had as well isn't logged
/// again: who reloads every minute would have it every minute. Errors are, because they say why something was refused.
final class FindingLog {
    /// How many findings are remembered; what comes after them is logged each time.
    static let rememberedMax = 1_000

    private let logger: Logger
    /// Findings by their hashes: of this reading, and of the one before.
    private var logged: Set<Int> = []
    private var loggedBefore: Set<Int> = []

    init(_ logger: Logger) { self.logger = logger }

    /// Another reading's findings follow.
    func begin() {
        loggedBefore = logged
        logged = []
    }

    /// Tells one, if it is new.
    ///
    /// - Parameter isStart: whether hasupd goes on with what can run of the files, instead of refusing them.
    func log(_ finding: Diagnostic, isStart: Bool = false) {
        if finding.severity != .error {
            var hasher = Hasher()
            hasher.combine(finding.message)
            // Not the number of the line, which each change above it moves.
            hasher.combine(finding.sourceLine)
            let hash = hasher.finalize()
            if logged.count < Self.rememberedMax { logged.insert(hash) }
            if loggedBefore.contains(hash) { return }
        }
        finding.write(to: logger, isStart: isStart)
    }
}

extension Diagnostic {
    /// One line in the log.
    fileprivate func write(to log: Logger, isStart: Bool) {
        switch severity {
        case .error: log.error("\(logLine(isStart: isStart))")
        case .warning: log.warning("\(logLine(isStart: isStart))")
        case .note: log.info("\(logLine(isStart: isStart))")
        }
    }
}
