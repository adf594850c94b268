import Base

/// Scripts of one instance never run side by side, and run in the order of the transitions (pain point S1).
///
/// While the scripts of a transition run, later transitions wait; when several wait, only the last is still true, so
/// the others are skipped and counted. The last run always names the final state. Of all instances together only so
/// many scripts run at once: a takeover of thousands isn't to be a storm of processes.
///
/// Who says that there was a transition may be a worker in strange hands, and scripts may be short: after the first few
/// runs of an instance the next ones start half a second apart, and each is the last one that was told until then.
public struct NotificationQueue<Run: Sendable>: Sendable {
    /// Scripts of all instances that run at once, if nothing else is said.
    public static var standardMax: Int { 64 }

    /// Runs of an instance that may follow one another at once.
    public static var burst: Int64 { 10 }
    /// How far apart runs of an instance are when it has had those.
    public static var spacing: Interval { .milliseconds(500) }

    private struct Waiting {
        var run: Run
        var scripts: Int
    }

    private struct Line {
        var running = 0
        var next: Waiting?
        var isReady = false
        /// The moment from which on all of the burst may be had again; each run moves it by the spacing.
        var rested = Instant(nanoseconds: 0)

        /// When the next run may start.
        var due: Instant { rested - NotificationQueue.spacing * (NotificationQueue.burst - 1) }
    }

    private let runningMax: Int
    private var isHurried = false
    private var running = 0
    /// Runs that haven't begun.
    private var waiting = 0
    private var lines: [String: Line] = [:]
    /// Lines of instances that wait for their time.
    private var early: Set<String> = []
    /// When the next of them is due. Ask `next` then.
    public private(set) var deadline = Instant.never
    /// Instances whose next run may start as soon as there is room, in the order in which they came.
    private var ready: [String] = []
    private var firstReady = 0
    private var skipped: [String: Int] = [:]

    /// An empty queue.
    public init(runningMax: Int = Self.standardMax) { self.runningMax = max(1, runningMax) }

    /// A transition of this instance, with so many scripts. Ask `next` what is to be started.
    ///
    /// - Returns: whether one that hadn't begun was given up for it.
    @discardableResult
    public mutating func add(_ run: Run, of instance: String, scripts count: Int, at now: Instant) -> Bool {
        guard count > 0 else { return false }
        var line = lines[instance] ?? Line()
        let isFolded = line.next != nil
        if isFolded { skipped[instance, default: 0] += 1 } else { waiting += 1 }
        line.next = Waiting(run: run, scripts: count)
        makeReady(&line, instance, now)
        lines[instance] = line
        return isFolded
    }

    /// One script of this instance has ended, or couldn't be started. Ask `next` what is to be started.
    public mutating func ended(of instance: String, at now: Instant) {
        guard var line = lines[instance], line.running > 0 else { return }
        line.running -= 1
        running -= 1
        makeReady(&line, instance, now)
        lines[instance] = line
    }

    /// The run to start now; all its scripts count as running from here on. Ask until there is none.
    public mutating func next(at now: Instant) -> Run? {
        if deadline <= now { wake(now) }
        guard running < runningMax, firstReady < ready.count else { return nil }
        let instance = ready[firstReady]
        firstReady += 1
        if firstReady == ready.count {
            ready = []
            firstReady = 0
        }
        guard var line = lines[instance], let waiting = line.next else { return nil }
        line.next = nil
        line.isReady = false
        line.running = waiting.scripts
        line.rested = max(line.rested, now) + Self.spacing
        running += waiting.scripts
        self.waiting -= 1
        lines[instance] = line
        return waiting.run
    }

    private mutating func makeReady(_ line: inout Line, _ instance: String, _ now: Instant) {
        guard line.running == 0, line.next != nil, !line.isReady else { return }
        guard isHurried || line.due <= now else {
            early.insert(instance)
            deadline = min(deadline, line.due)
            return
        }
        line.isReady = true
        ready.append(instance)
    }

    /// Nobody is left who could tell of another transition: what waits for its time doesn't any more. Ask `next`.
    public mutating func hurry(at now: Instant) {
        isHurried = true
        wake(now)
    }

    /// The time of some has come.
    private mutating func wake(_ now: Instant) {
        deadline = .never
        let known = early.sorted()
        early = []
        for instance in known {
            guard var line = lines[instance] else { continue }
            makeReady(&line, instance, now)
            lines[instance] = line
        }
    }

    /// Transitions of an instance whose scripts weren't run because a later one had overtaken them.
    public func skipped(of instance: String) -> Int { skipped[instance] ?? 0 }

    /// Whether nothing runs or waits.
    public var isIdle: Bool { running == 0 && waiting == 0 }
}
