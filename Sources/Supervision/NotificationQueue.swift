/// Scripts of one instance never run side by side, and run in the order of the transitions (pain point S1).
///
/// While the scripts of a transition run, later transitions wait; when several wait, only the last is still true, so
/// the others are skipped and counted. The last run always names the final state. Of all instances together only so
/// many scripts run at once: a takeover of thousands isn't to be a storm of processes.
public struct NotificationQueue<Run: Sendable>: Sendable {
    /// Scripts of all instances that run at once, if nothing else is said.
    public static var standardMax: Int { 64 }

    private struct Waiting {
        var run: Run
        var scripts: Int
    }

    private struct Line {
        var running = 0
        var next: Waiting?
        var isReady = false
    }

    private let runningMax: Int
    private var running = 0
    private var lines: [String: Line] = [:]
    /// Instances whose next run may start as soon as there is room, in the order in which they came.
    private var ready: [String] = []
    private var firstReady = 0
    private var skipped: [String: Int] = [:]

    /// An empty queue.
    public init(runningMax: Int = Self.standardMax) { self.runningMax = max(1, runningMax) }

    /// A transition of this instance, with so many scripts. Ask `next` what is to be started.
    public mutating func add(_ run: Run, of instance: String, scripts count: Int) {
        guard count > 0 else { return }
        var line = lines[instance] ?? Line()
        if line.next != nil { skipped[instance, default: 0] += 1 }
        line.next = Waiting(run: run, scripts: count)
        makeReady(&line, instance)
        lines[instance] = line
    }

    /// One script of this instance has ended, or couldn't be started. Ask `next` what is to be started.
    public mutating func ended(of instance: String) {
        guard var line = lines[instance], line.running > 0 else { return }
        line.running -= 1
        running -= 1
        makeReady(&line, instance)
        lines[instance] = line.running == 0 && line.next == nil ? nil : line
    }

    /// The run to start now; all its scripts count as running from here on. Ask until there is none.
    public mutating func next() -> Run? {
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
        running += waiting.scripts
        lines[instance] = line
        return waiting.run
    }

    private mutating func makeReady(_ line: inout Line, _ instance: String) {
        guard line.running == 0, line.next != nil, !line.isReady else { return }
        line.isReady = true
        ready.append(instance)
    }

    /// Transitions of an instance whose scripts weren't run because a later one had overtaken them.
    public func skipped(of instance: String) -> Int { skipped[instance] ?? 0 }

    /// Whether nothing runs or waits.
    public var isIdle: Bool { lines.isEmpty }
}
