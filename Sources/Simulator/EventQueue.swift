/// Events by time, and by the order in which they were made for equal times.
struct EventQueue {
    private var heap: [(time: Int64, order: UInt64, event: WorldEvent)] = []
    private var order: UInt64 = 0

    mutating func push(_ event: WorldEvent, at time: Int64) {
        order += 1
        heap.append((time, order, event))
        var child = heap.count - 1
        while child > 0, isEarlier(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop(before end: Int64) -> (Int64, WorldEvent)? {
        guard let first = heap.first, first.time < end else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var best = 2 * parent + 1
            guard best < heap.count else { break }
            if best + 1 < heap.count, isEarlier(best + 1, best) { best += 1 }
            guard isEarlier(best, parent) else { break }
            heap.swapAt(best, parent)
            parent = best
        }
        return (first.time, first.event)
    }

    private func isEarlier(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].order) < (heap[right].time, heap[right].order)
    }
}
