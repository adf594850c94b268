import Base
import Control
import LogOutput
import Logging
import Reactor
import VRRP

/// Records events in the log and in the history, and publishes them to clients that watch.
final class EventRecorder {
    /// A packet that was discarded because no instance matched it.
    struct UnmatchedPacket {
        let reason: DiscardReason
        let detail: UInt32
        let source: IPAddress
        let at: Instant
    }

    let history: History
    let observations: ObservationLog
    private let sink: LogSink
    private(set) var lastUnmatched: UnmatchedPacket?
    /// Publishes an event. It is made only when a client watches.
    var publish: (() -> WatchEvent) -> Void = { _ in } {
        didSet { observations.onEvent = publish }
    }

    init(_ context: DaemonContext, _ sink: LogSink) {
        self.sink = sink
        history = History(directory: context.paths.runDirectory)
        observations = ObservationLog(log: context.log, history: history, on: context.loop)
    }

    /// Records what the VRRP worker observed.
    ///
    /// - Parameter source: the generation that the number of its instance belongs to.
    func record(_ observation: Observation, of source: Generation) {
        if case .discarded(nil, let reason, let source, let detail) = observation {
            lastUnmatched = UnmatchedPacket(reason: reason, detail: detail, source: source, at: Clock.now)
        }
        var wallNanoseconds = Clock.wallNanoseconds
        if case .earlier(_, let time) = observation { wallNanoseconds -= Self.lateness(of: time) }
        observations.add(
            observation, observation.instance.flatMap { source.instance(at: $0) }, wallNanoseconds: wallNanoseconds)
    }

    /// The time since something happened that is reported late, in nanoseconds. A worker may claim any time: it counts for
    /// at most what a hand-over takes.
    private static func lateness(of time: Instant) -> Int64 {
        min(max(0, time.age(at: Clock.now).nanoseconds), WatchEvent.lateness.nanoseconds)
    }

    func record(_ event: WatchEvent) {
        publish { event }
        history.add(event)
    }

    /// Records something that happened to one of hasup's processes.
    func record(process text: String) {
        record(WatchEvent("process", text: text, unixSeconds: Double(Clock.wallNanoseconds) / 1e9))
    }

    /// Reasons that events are missing from the log or the history, a sentence each.
    var problems: [String] {
        let lost = "\(counted(sink.dropped, "log line")) lost: the reader of hasupd's standard error isn't reading."
        return [history.failure, sink.isBlocked ? lost : nil].compactMap { $0 }
    }
}
