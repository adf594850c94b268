// LogOutput: the log's lines to the journal, syslog or standard error, and limits of repetition.
// Imports: Base, CLinux, Logging, Reactor.
// Begin with LogSink.swift, which writes a line; SinkHandler.swift is swift-log's back end, RepeatLog.swift the limits.
