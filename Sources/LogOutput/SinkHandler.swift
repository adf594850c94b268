import Logging

/// swift-log's back end over a `LogSink`. The daemon has one thread that logs, so the sink needs no lock.
package struct SinkHandler: LogHandler {
    private struct Shared: @unchecked Sendable {
        // Safe: only the event loop's thread logs (docs/architecture.md §3).
        let sink: LogSink
        let level: Level
    }

    private final class Level {
        var value: Logger.Level
        init(_ value: Logger.Level) { self.value = value }
    }

    private let shared: Shared
    /// Lines below this level aren't written. All copies of a logger have the same one, so that it can be changed while
    /// the program runs.
    package var logLevel: Logger.Level {
        get { shared.level.value }
        set { shared.level.value = newValue }
    }
    /// Not written: a line says everything in words.
    package var metadata: Logger.Metadata = [:]

    /// A handler that writes lines of at least this level.
    package init(_ sink: LogSink, level: Logger.Level) {
        shared = Shared(sink: sink, level: Level(level))
    }

    /// Not written: a line says everything in words.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    package func log(event: LogEvent) {
        shared.sink.write(level: event.level.syslogNumber, "\(event.message)")
    }
}

extension Logger.Level {
    /// Syslog's number for it.
    package var syslogNumber: UInt8 {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
