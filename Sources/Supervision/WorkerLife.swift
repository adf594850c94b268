import Base

/// Events of a worker's life.
package enum WorkerEvent: Hashable, Sendable {
    case start
    /// The process exists.
    case spawned
    /// The process couldn't be started.
    case spawnFailed
    /// It has sent hello and runs its configuration.
    case ready
    /// It has sent or checked an advertisement on time: deaths from now on aren't early ones.
    case worked
    /// Its channel ended, for this reason.
    case channelEnded(String)
    /// Its stamp is too old, by this age.
    case hung(Interval)
    /// The kernel has reported the process's end.
    case exited(WorkerExit)
    /// The deadline has come.
    case timeout
    /// It is to end.
    case stop
}

/// The end of a process.
package enum WorkerExit: Hashable, Sendable, CustomStringConvertible {
    /// By its exit status.
    case code(Int32)
    /// By a signal.
    case signal(Int32)
    /// It wasn't hasupd's child, or not any more, so another process got its status.
    case unknown

    /// As waitpid(2) encodes it.
    package init(waitStatus status: Int32) {
        self = status & 0x7f == 0 ? .code(status >> 8 & 0xff) : .signal(status & 0x7f)
    }

    /// SIGXCPU (signal(7)): more processor time than a limit allows. In the realtime class it is the fuse (D29).
    private static let timeExceeded: Int32 = 24

    /// `exit status 1`, `signal 9` or `an unknown status`.
    package var description: String {
        switch self {
        case .signal(Self.timeExceeded): "signal 24: it used more processor time than its limits allow"
        case .code(let code): "exit status \(code)"
        case .unknown: "an unknown status"
        case .signal(let number): "signal \(number)"
        }
    }
}

/// Actions on a worker.
package enum WorkerAction: Hashable, Sendable {
    /// Start the process, with an empty snapshot if the last one is dropped.
    case spawn(dropsSnapshot: Bool)
    /// Ask it to hand over and end.
    case requestStop
    /// Send SIGKILL; `exited` follows.
    case kill
    /// Send `timeout` at this time; `.never` for not at all.
    case wake(Instant)
    /// Log this.
    case report(WorkerReport)
    /// It is gone for good.
    case finished
}

/// Reports on a worker, for the log and the history.
package enum WorkerReport: Hashable, Sendable {
    /// It ended or was killed. It starts again after this time.
    case died(WorkerExit, restartIn: Interval)
    /// It is replaced, for this reason.
    case replaced(String)
    /// It can't be started. The next attempt is after this time.
    case notStarted(retryIn: Interval)
    /// It didn't stop in time and was killed.
    case stoppedByForce
}

/// The life of a worker, as a total table of states and events (docs/decisions, D9, D11, D13).
///
/// A worker that had worked is restarted at once, every time. After one that died before its first advertisement on time,
/// the restart waits 0.1 s, then twice as long each time, at most 30 s. No exit status stops that: a worker may be
/// compromised, and must not end hasupd by the way it ends.
package struct WorkerLife: Sendable {
    package enum State: Hashable, Sendable {
        /// Not started yet.
        case down
        /// Started, not yet ready.
        case starting
        /// At work.
        case running
        /// Killed by hasupd, not yet gone.
        case dying
        /// Dead, and started again after a wait.
        case waiting
        /// Asked to end.
        case stopping
        /// Gone for good.
        case finished
    }

    /// Longest time from spawn to ready before it counts as hung.
    package static let startLimitMax = Interval.seconds(10)
    /// Deaths with one snapshot after which no further worker gets it (D11): three early ones, and the first one after good
    /// work, which is no early one.
    static let deathsWithSnapshotMax = 3
    /// Time to hand over, after which it is killed, if no other is given.
    package static let stopLimit = Interval.seconds(3)
    /// First and longest wait before a worker that never worked is started again.
    package static let backOff = (first: Interval.milliseconds(100), longest: Interval.seconds(30))

    /// More deaths than these within this time are early ones, whatever the workers reported of their work. An operator who
    /// kills each worker after its first advertisements, 10 ms apart, stays far below.
    package static let deathBurst = (count: 500, within: Interval.seconds(10))

    package private(set) var state = State.down
    private var deaths = (count: 0, since: Instant(nanoseconds: .min))
    /// Times that it was started again.
    package private(set) var restarts = 0
    /// Deaths since it last worked.
    package private(set) var earlyDeaths = 0
    /// True after the present worker has worked.
    private var hasWorked = false
    /// Deaths with this snapshot since a worker last worked, including those of hasupd itself.
    package private(set) var deathsWithSnapshot: Int
    /// Deaths of hasupd that `deathsWithSnapshot` includes.
    private var inheritedDeaths: Int
    /// Starts that failed since the last process: none of them has read the snapshot, so they count as no deaths.
    private var spawnFailures = 0
    /// Time to hand over, after which it is killed.
    package var stopTime = WorkerLife.stopLimit
    /// Instances of its configuration: more of them take longer to start. Nil for the longest limit.
    package var instanceCount: Int?

    /// - Parameter deathsWithSnapshot: times that hasupd died with the snapshot that it begins with before a worker had
    ///   worked. A snapshot that kills its reader must not kill all later ones.
    package init(deathsWithSnapshot: Int = 0) {
        self.deathsWithSnapshot = deathsWithSnapshot
        inheritedDeaths = deathsWithSnapshot
    }

    /// hasupd has survived the snapshot that it began with: earlier deaths of hasupd had another cause.
    package mutating func supervisorSurvived() {
        deathsWithSnapshot = max(0, deathsWithSnapshot - inheritedDeaths)
        inheritedDeaths = 0
    }

    /// Time from spawn to ready before it counts as hung. It is short, because no worker advertises meanwhile. Each further
    /// attempt gets twice the time, for a slow machine.
    var startLimit: Interval {
        guard let instanceCount else { return Self.startLimitMax }
        let first = Interval.seconds(1) + .milliseconds(Int64(clamping: instanceCount))
        let doubled = first * (Int64(1) << Int64(min(max(earlyDeaths - 1, 0), 8)))
        return min(doubled, Self.startLimitMax)
    }

    /// Applies an event. The actions are to be performed in order.
    package mutating func handle(_ event: WorkerEvent, at now: Instant) -> [WorkerAction] {
        switch state {
        case .down: handleDown(event, now)
        case .starting, .running: handleAlive(event, now)
        case .dying: handleDying(event, now)
        case .waiting: handleWaiting(event)
        case .stopping: handleStopping(event)
        case .finished: []
        }
    }

    private mutating func handleDown(_ event: WorkerEvent, _ now: Instant) -> [WorkerAction] {
        switch event {
        case .start: return spawn()
        case .spawned:
            state = .starting
            hasWorked = false
            spawnFailures = 0
            if dropsSnapshot { (deathsWithSnapshot, inheritedDeaths) = (0, 0) }
            return [.wake(now + startLimit)]
        case .spawnFailed:
            restarts += 1
            spawnFailures += 1
            return wait(Self.wait(after: spawnFailures), at: now) { .notStarted(retryIn: $0) }
        case .stop:
            state = .finished
            return [.finished]
        case .ready, .worked, .channelEnded, .hung, .exited, .timeout: return []
        }
    }

    private mutating func handleAlive(_ event: WorkerEvent, _ now: Instant) -> [WorkerAction] {
        switch event {
        case .ready:
            state = .running
            if hasWorked { resetDeathCounts() }
            return [.wake(.never)]
        case .worked:
            // A successor first checks the packets that waited in its sockets. But one that never runs its configuration
            // can't have worked.
            hasWorked = true
            if state == .running { resetDeathCounts() }
            return []
        case .timeout:
            return state == .starting ? replace("it wasn't ready after \(startLimit)") : []
        case .channelEnded(let reason):
            return replace(reason)
        case .hung(let age):
            return replace("its loop has stood still for \(age)")
        case .exited(let exit):
            return retry(at: now) { .died(exit, restartIn: $0) }
        case .stop:
            state = .stopping
            return [.requestStop, .wake(now + stopTime)]
        case .start, .spawned, .spawnFailed: return []
        }
    }

    private mutating func handleDying(_ event: WorkerEvent, _ now: Instant) -> [WorkerAction] {
        switch event {
        case .exited(let exit): return retry(at: now) { .died(exit, restartIn: $0) }
        case .stop:
            state = .stopping
            return [.wake(now + stopTime)]
        case .start, .spawned, .spawnFailed, .ready, .worked, .channelEnded, .hung, .timeout: return []
        }
    }

    private mutating func handleWaiting(_ event: WorkerEvent) -> [WorkerAction] {
        switch event {
        case .timeout, .start: return spawn()
        case .stop:
            state = .finished
            return [.wake(.never), .finished]
        case .spawned, .spawnFailed, .ready, .worked, .channelEnded, .hung, .exited: return []
        }
    }

    private mutating func handleStopping(_ event: WorkerEvent) -> [WorkerAction] {
        switch event {
        case .exited:
            state = .finished
            return [.wake(.never), .finished]
        case .timeout: return [.kill, .report(.stoppedByForce)]
        case .start, .spawned, .spawnFailed, .ready, .worked, .channelEnded, .hung, .stop: return []
        }
    }

    /// True if too many have died with this snapshot: the next process starts without it.
    private var dropsSnapshot: Bool { deathsWithSnapshot > Self.deathsWithSnapshotMax }

    private mutating func resetDeathCounts() {
        earlyDeaths = 0
        deathsWithSnapshot = 0
        inheritedDeaths = 0
    }

    private mutating func spawn() -> [WorkerAction] {
        state = .down
        return [.wake(.never), .spawn(dropsSnapshot: dropsSnapshot)]
    }

    private mutating func replace(_ reason: String) -> [WorkerAction] {
        state = .dying
        return [.wake(.never), .kill, .report(.replaced(reason))]
    }

    private mutating func retry(at now: Instant, report: (Interval) -> WorkerReport) -> [WorkerAction] {
        restarts += 1
        if deaths.count == 0 || now > deaths.since + Self.deathBurst.within { deaths = (0, now) }
        deaths.count += 1
        if deaths.count > Self.deathBurst.count {
            earlyDeaths = max(earlyDeaths, Self.deathsWithSnapshotMax)
            deathsWithSnapshot = max(deathsWithSnapshot, Self.deathsWithSnapshotMax)
        }
        let time = earlyDeaths == 0 ? Interval.zero : Self.wait(after: earlyDeaths)
        earlyDeaths += 1
        deathsWithSnapshot += 1
        if time == .zero { return [.report(report(.zero))] + spawn() }
        return wait(time, at: now, report: report)
    }

    private mutating func wait(
        _ time: Interval, at now: Instant, report: (Interval) -> WorkerReport
    ) -> [WorkerAction] {
        state = .waiting
        return [.report(report(time)), .wake(now + time)]
    }

    /// Returns the wait after this many early deaths before the one that just happened.
    static func wait(after deaths: Int) -> Interval {
        let doubled = backOff.first * (Int64(1) << Int64(min(max(deaths - 1, 0), 20)))
        return min(doubled, backOff.longest)
    }
}
