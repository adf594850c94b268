import Base

/// Packets that the kernel didn't take, by instance: a firewall that forbids it, no route to a peer, a full queue, no
/// socket. Kept beside the core, whose timers it must not touch: only an instance with failures costs anything.
package struct SendFailures: Sendable {
    private struct Series {
        var count: UInt64 = 0
        /// Those that aren't counted any more.
        var forgotten: UInt64 = 0
        /// Error number; 0 when there was no socket.
        var code: Int32 = 0
        /// First and last failure of a series.
        var since: Instant
        var last: Instant
        /// The time since which nothing has left; nil when something has.
        var silentSince: Instant?
    }

    /// Failures further apart than this are of different series.
    private static let seriesGap = Interval.seconds(60)

    private var series: [InstanceID: Series] = [:]
    package private(set) var total: UInt64 = 0
    /// True while packets that leave are to be reported, too.
    package var isWatching: Bool { !series.isEmpty }

    package init() {}

    /// An advertisement couldn't leave, with this error number or for want of a socket (0). - Returns: whether that is
    /// news.
    package mutating func failed(_ id: InstanceID, _ code: Int32, at now: Instant) -> Bool {
        total += 1
        var failure = series[id] ?? Series(since: now, last: Instant(nanoseconds: .min))
        let isNews = failure.count == 0 || failure.code != code || now - failure.last > Self.seriesGap
        if isNews { failure.since = now }
        failure.count += 1
        failure.code = code
        failure.last = now
        failure.silentSince = failure.silentSince ?? now
        series[id] = failure
        return isNews
    }

    package mutating func left(_ id: InstanceID) { series[id]?.silentSince = nil }

    /// Counts those of an instance from zero again.
    package mutating func resetCount(of id: InstanceID) {
        if let count = series[id]?.count { series[id]?.forgotten = count }
    }

    /// Puts into a status what is known of its instance. `timeout` is how long a master may be silent before its peers
    /// must think that it is gone.
    package func describe(_ id: InstanceID, in status: inout InstanceStatus, timeout: Interval, at now: Instant) {
        guard let failure = series[id] else { return }
        status.counters.sendFailures = failure.count - failure.forgotten
        guard now - failure.last <= max(timeout, .seconds(1)) else { return }
        let isSilent = status.state == .master && failure.silentSince.map { now - $0 >= timeout } ?? false
        status.sendFailure = SendFailure(code: failure.code, since: failure.since.age(at: now), isSilent: isSilent)
    }

    /// Follows a renumbering; what is known of removed instances is forgotten.
    package mutating func renumber(_ map: [InstanceID?]) {
        var moved: [InstanceID: Series] = [:]
        for (old, failure) in series where map.indices.contains(old) {
            if let new = map[old] { moved[new] = failure }
        }
        series = moved
    }
}
