/// Scripts of one instance never run side by side, and run in the order of the transitions (pain point S1).
///
/// While the scripts of a transition run, later transitions wait; when several wait, only the last is still true, so
/// the others are skipped and counted. The last run always names the final state.
public struct NotificationQueue<Run: Sendable>: Sendable {
    private struct Line {
        var running = 0
        var next: Run?
    }

    private var lines: [String: Line] = [:]
    private var skipped: [String: Int] = [:]

    /// An empty queue.
    public init() {}

    /// A transition of this instance: the run to start now, or nil when it has to wait.
    public mutating func add(_ run: Run, of instance: String, scripts count: Int) -> Run? {
        guard count > 0 else { return nil }
        var line = lines[instance] ?? Line()
        defer { lines[instance] = line }
        if line.running == 0 {
            line.running = count
            return run
        }
        if line.next != nil { skipped[instance, default: 0] += 1 }
        line.next = run
        return nil
    }

    /// One script of this instance has ended; gives the run to start next when all have. Announce how many scripts it
    /// has by `started`.
    public mutating func ended(of instance: String) -> Run? {
        guard var line = lines[instance] else { return nil }
        line.running -= 1
        defer { lines[instance] = line.running == 0 && line.next == nil ? nil : line }
        guard line.running == 0, let next = line.next else { return nil }
        line.next = nil
        return next
    }

    /// The run that `ended` gave has this many scripts.
    public mutating func started(of instance: String, scripts count: Int) {
        lines[instance, default: Line()].running = count
    }

    /// Transitions of an instance whose scripts weren't run because a later one had overtaken them.
    public func skipped(of instance: String) -> Int { skipped[instance] ?? 0 }

    /// Whether nothing runs or waits.
    public var isIdle: Bool { lines.isEmpty }
}
