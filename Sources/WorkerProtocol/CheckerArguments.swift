import Base
import ConfigurationModel

/// The words on the checker's command line behind those of its sandbox: what it does before it gives up its rights, which is
/// before it reads a configuration.
package struct CheckerArguments: Hashable, Sendable {
    /// True if a check needs TLS, whose library is loaded then (docs/decisions, D80).
    package var usesTLS = false
    /// True if a check has a regex.
    package var usesPatterns = false
    /// checker_priority and the like.
    package var process = ProcessSettings()

    package init() {}

    package var words: [String] {
        var words: [String] = []
        if let nice = process.nice { words.append("--nice=\(nice)") }
        if let priority = process.realtimePriority { words.append("--realtime=\(priority)") }
        if let limit = process.realtimeLimit { words.append("--realtime-limit=\(limit.nanoseconds / 1_000)") }
        if process.locksMemory { words.append("--lock") }
        if !process.processors.isEmpty {
            words.append("--processors=" + process.processors.map(String.init).joined(separator: ","))
        }
        if usesTLS { words.append("--tls") }
        if usesPatterns { words.append("--regex") }
        return words
    }

    /// Nil for words that hasupd wouldn't say.
    package init?(words: some Collection<String>) {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let number = parts.count == 2 ? Int(parts[1]) : nil
            switch (parts.first, number) {
            case ("--nice", let number?): process.nice = number
            case ("--realtime", let number?): process.realtimePriority = number
            case ("--realtime-limit", let number?): process.realtimeLimit = .microseconds(Int64(number))
            case ("--processors", _) where parts.count == 2:
                let numbers = parts[1].split(separator: ",").map { Int($0) }
                guard !numbers.contains(nil) else { return nil }
                process.processors = numbers.compactMap { $0 }
            case ("--lock", nil): process.locksMemory = true
            case ("--tls", nil): usesTLS = true
            case ("--regex", nil): usesPatterns = true
            default: return nil
            }
        }
    }

    /// True if a process that was started with these can go on with the others.
    package func suffices(for other: CheckerArguments) -> Bool {
        process == other.process && (usesTLS || !other.usesTLS) && (usesPatterns || !other.usesPatterns)
    }
}
