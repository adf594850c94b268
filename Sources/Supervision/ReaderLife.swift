import Base

/// Events of the life of a FIFO's reader.
package enum ReaderEvent: Hashable, Sendable {
    /// A reader is wanted.
    case start
    /// A process that an earlier hasupd has started reads already.
    case adopted
    /// The first lines for a new reader are in the FIFO.
    case prepared
    /// The process exists.
    case spawned
    /// It couldn't be started.
    case spawnFailed
    /// The process has ended, and so has its group.
    case ended
    /// It is to end, after this time by SIGTERM.
    case end(after: Interval)
    /// The deadline has come.
    case timeout
}

/// Actions on a FIFO's reader.
package enum ReaderAction: Hashable, Sendable {
    /// Empty the FIFO, and put into it what a reader is to know first. `prepared` follows.
    case prepare
    /// Start the process; `spawned` or `spawnFailed` follows.
    case spawn
    /// Send SIGTERM to its group.
    case terminate
    /// Send SIGKILL to its group.
    case kill
    /// Send `timeout` at this time; `.never` for not at all.
    case wake(Instant)
    /// It has ended by itself; the next one starts after this time.
    case report(restartIn: Interval)
    /// There is none, and none follows.
    case finished
}

/// The life of the script that reads a FIFO (pain point S2): it is started again whenever it ends, and each one begins with
/// a line for each instance and group, which nobody has read before. The one before is gone by then.
package struct ReaderLife: Sendable {
    package enum State: Hashable, Sendable {
        /// There is none.
        case down
        /// The FIFO is made ready for it.
        case preparing
        case running
        /// It has ended, and is started again after a wait.
        case waiting
        /// It is to end: by itself, until the deadline.
        case leaving
        /// It has got SIGTERM.
        case terminated
        /// It has got SIGKILL.
        case killed
    }

    /// First and longest wait before it is started again.
    package static let backOff = (first: Interval.seconds(1), longest: Interval.seconds(60))
    /// A reader that ran for so long was a good one.
    package static let goodRun = Interval.seconds(60)
    /// Time to end after SIGTERM.
    package static let timeout = Interval.seconds(1)

    package private(set) var state = State.down
    /// Ends since the last good run.
    package private(set) var ends = 0
    private var startedAt = Instant(nanoseconds: 0)
    /// True if another one follows the one that is to end.
    private var isFollowed = false

    package init() {}

    /// True if a process is there, or is about to be.
    package var isWanted: Bool { state != .down }

    /// Applies an event. The actions are to be performed in order.
    package mutating func handle(_ event: ReaderEvent, at now: Instant) -> [ReaderAction] {
        switch (state, event) {
        case (.down, .start), (.waiting, .timeout): return prepare()
        case (.down, .adopted):
            state = .running
            startedAt = now
            return []
        case (.preparing, .prepared): return [.spawn]
        case (.preparing, .spawned):
            state = .running
            startedAt = now
            return []
        case (.preparing, .spawnFailed), (.running, .ended): return restart(at: now)
        case (.preparing, .end), (.waiting, .end):
            state = .down
            return [.wake(.never), .finished]
        case (.running, .end(let limit)), (.leaving, .end(let limit)):
            isFollowed = false
            return leave(after: limit, at: now)
        case (.terminated, .end), (.killed, .end):
            isFollowed = false
            return []
        case (.leaving, .timeout): return leave(after: .zero, at: now)
        case (.terminated, .timeout):
            state = .killed
            return [.kill]
        case (.leaving, .start), (.terminated, .start), (.killed, .start):
            isFollowed = true
            return []
        case (.leaving, .ended), (.terminated, .ended), (.killed, .ended):
            state = .down
            guard isFollowed else { return [.wake(.never), .finished] }
            return [.wake(.never)] + prepare()
        default: return []
        }
    }

    private mutating func prepare() -> [ReaderAction] {
        state = .preparing
        isFollowed = false
        return [.prepare]
    }

    private mutating func leave(after limit: Interval, at now: Instant) -> [ReaderAction] {
        guard limit <= .zero else {
            state = .leaving
            return [.wake(now + limit)]
        }
        state = .terminated
        return [.terminate, .wake(now + Self.timeout)]
    }

    private mutating func restart(at now: Instant) -> [ReaderAction] {
        if state == .running, now - startedAt >= Self.goodRun { ends = 0 }
        let wait = min(Self.backOff.first * (Int64(1) << Int64(min(ends, 16))), Self.backOff.longest)
        ends += 1
        state = .waiting
        return [.report(restartIn: wait), .wake(now + wait)]
    }
}
