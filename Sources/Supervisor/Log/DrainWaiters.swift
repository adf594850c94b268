/// Those who wait until a queue has come to where its end was when they asked: what is added later they don't wait for.
struct DrainWaiters {
    private var passed: UInt64 = 0
    private var waiting: [(place: UInt64, call: () -> Void)] = []

    /// Somebody waits for all that the queue holds.
    mutating func wait(behind count: Int, _ call: @escaping () -> Void) {
        waiting.append((passed + UInt64(count), call))
    }

    /// So many more have left the queue.
    mutating func pass(_ count: Int) { passed += UInt64(count) }

    /// Whom nothing is before any more, in the order of asking; they aren't kept.
    mutating func takeReached() -> [() -> Void] {
        let reached = waiting.prefix { $0.place <= passed }
        waiting.removeFirst(reached.count)
        return reached.map(\.call)
    }
}
