import Base

/// What the kernel didn't take, by instance: a firewall that forbids it, no route to a peer, a full queue, no socket.
/// Kept beside the core, whose timers it must not touch: only an instance that has trouble costs anything.
package struct SendFailures: Sendable {
    private struct Trouble {
        var count: UInt64 = 0
        /// Error number; 0 when there was no socket.
        var code: Int32 = 0
        /// First and last failure of a series.
        var since: Instant
        var last: Instant
        /// When nothing has left since; nil when something has.
        var silentSince: Instant?
    }

    /// Failures further apart than this are of different series.
    private static let seriesGap = Interval.seconds(60)

    private var troubles: [InstanceID: Trouble] = [:]
    /// Failures of all instances.
    package private(set) var total: UInt64 = 0
    /// Whether sendings that succeed have to be told.
    package var isWatching: Bool { !troubles.isEmpty }

    /// No trouble.
    package init() {}

    /// An advertisement couldn't leave, with this error number or for want of a socket (0). - Returns: whether that is news.
    package mutating func failed(_ id: InstanceID, _ code: Int32, at now: Instant) -> Bool {
        total += 1
        var trouble = troubles[id] ?? Trouble(since: now, last: Instant(nanoseconds: .min))
        let isNews = trouble.count == 0 || trouble.code != code || now - trouble.last > Self.seriesGap
        if isNews { trouble.since = now }
        trouble.count += 1
        trouble.code = code
        trouble.last = now
        trouble.silentSince = trouble.silentSince ?? now
        troubles[id] = trouble
        return isNews
    }

    /// An advertisement has left.
    package mutating func left(_ id: InstanceID) { troubles[id]?.silentSince = nil }

    /// Puts into a status what is known of its instance. `timeout` is how long a master may be silent before its peers
    /// must think that it is gone.
    package func describe(_ id: InstanceID, in status: inout InstanceStatus, timeout: Interval, at now: Instant) {
        guard let trouble = troubles[id] else { return }
        status.counters.sendFailures = trouble.count
        guard now - trouble.last <= max(timeout, .seconds(1)) else { return }
        let isSilent = status.state == .master && trouble.silentSince.map { now - $0 >= timeout } ?? false
        status.sendFailure = SendFailure(code: trouble.code, since: trouble.since.age(at: now), isSilent: isSilent)
    }

    /// Follows a renumbering; what is known of removed instances is forgotten.
    package mutating func renumber(_ map: [InstanceID?]) {
        var moved: [InstanceID: Trouble] = [:]
        for (old, trouble) in troubles where map.indices.contains(old) {
            if let new = map[old] { moved[new] = trouble }
        }
        troubles = moved
    }
}
