/// Deadlines of numbered timers, earliest first. A timer has one deadline at most; setting it again moves it.
///
/// An indexed binary heap: set, clear and removal of the earliest are O(log n), the earliest is O(1), and nothing is
/// allocated while the highest number stays the same.
package struct DeadlineHeap: Sendable {
    private var heap: [Entry] = []
    /// Place in `heap` by timer number; -1 when the timer isn't set.
    private var place: [Int32] = []

    private struct Entry {
        var deadline: Instant
        var timer: Int32
    }

    package init() {}

    /// The earliest deadline and its timer.
    package var first: (timer: Int, deadline: Instant)? { heap.first.map { (Int($0.timer), $0.deadline) } }

    package var count: Int { heap.count }

    /// The deadline of this timer, nil when it isn't set.
    package func deadline(of timer: Int) -> Instant? {
        guard timer < place.count, place[timer] >= 0 else { return nil }
        return heap[Int(place[timer])].deadline
    }

    /// Sets or moves a timer; `.never` or nil clears it. Numbers should be small and dense.
    package mutating func set(_ timer: Int, to deadline: Instant?) {
        guard let deadline, deadline != .never else { return clear(timer) }
        if timer >= place.count { place.append(contentsOf: repeatElement(-1, count: timer + 1 - place.count)) }
        let known = Int(place[timer])
        if known >= 0 {
            let before = heap[known].deadline
            heap[known].deadline = deadline
            if deadline < before { siftUp(known) } else { siftDown(known) }
        } else {
            heap.append(Entry(deadline: deadline, timer: Int32(timer)))
            place[timer] = Int32(heap.count - 1)
            siftUp(heap.count - 1)
        }
    }

    /// Takes the earliest timer that is due at `now`, or nil.
    package mutating func popDue(at now: Instant) -> Int? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        clear(Int(first.timer))
        return Int(first.timer)
    }

    private mutating func clear(_ timer: Int) {
        guard timer < place.count, place[timer] >= 0 else { return }
        let hole = Int(place[timer])
        place[timer] = -1
        let last = heap.removeLast()
        guard hole < heap.count else { return }
        heap[hole] = last
        place[Int(last.timer)] = Int32(hole)
        siftUp(hole)
        siftDown(Int(place[Int(last.timer)]))
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        let moving = heap[child]
        while child > 0 {
            let parent = (child - 1) / 2
            guard moving.deadline < heap[parent].deadline else { break }
            heap[child] = heap[parent]
            place[Int(heap[child].timer)] = Int32(child)
            child = parent
        }
        heap[child] = moving
        place[Int(moving.timer)] = Int32(child)
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        let moving = heap[parent]
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
            guard heap[child].deadline < moving.deadline else { break }
            heap[parent] = heap[child]
            place[Int(heap[parent].timer)] = Int32(parent)
            parent = child
        }
        heap[parent] = moving
        place[Int(moving.timer)] = Int32(parent)
    }
}
