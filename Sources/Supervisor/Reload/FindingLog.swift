import Configuration
import ConfigurationModel
import Logging

/// Logs the findings of each reading of the files. A warning or note that the reading before had as well isn't logged
/// again: some reload every minute. Errors are, because they are the reason of a refusal.
final class FindingLog {
    /// Findings that are remembered; others are logged each time.
    static let rememberedMax = 1_000

    private let logger: Logger
    /// Hashes of the findings of this reading and of the one before.
    private var logged: Set<Int> = []
    private var loggedBefore: Set<Int> = []

    init(_ logger: Logger) { self.logger = logger }

    /// The findings of another reading follow.
    func begin() {
        loggedBefore = logged
        logged = []
    }

    /// Logs a finding, if it is new.
    ///
    /// - Parameter isStart: true if hasupd runs what can run of the files, instead of refusing them.
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
    fileprivate func write(to log: Logger, isStart: Bool) {
        switch severity {
        case .error: log.error("\(logLine(isStart: isStart))")
        case .warning: log.warning("\(logLine(isStart: isStart))")
        case .note: log.info("\(logLine(isStart: isStart))")
        }
    }
}
