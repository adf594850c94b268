import Base
import ConfigurationModel

/// Scripts of one instance, or of one sync group, never run side by side, and run in the order of the transitions (pain
/// point S1). What is said of instances here holds for groups.
///
/// While the scripts of a transition run, later transitions wait; when several wait, only the last is still true, so
/// the others are skipped and counted. The last run always names the final state. An event waits behind a state, takes
/// the place of one of its own kind only, and is skipped when a state comes after it. Of all instances together only so
/// many scripts run at once: a takeover of thousands isn't to be a storm of processes. The scripts of one run start
/// together, so a run waits until there is room for all of them; one that has more than may run at once runs alone.
///
/// The worker that reports the transitions may be hostile, and scripts may be short: after the first few runs of an instance
/// the next ones start half a second apart, and each is the last one that was added until then. States and events are
/// counted apart: a stranger who causes events doesn't keep a state waiting.
package struct NotificationQueue<Run: Sendable>: Sendable {
    /// Scripts of all instances that run at once, if nothing else is said.
    package static var standardMax: Int { 64 }

    /// Runs of an instance that may follow one another at once.
    package static var burst: Int64 { 10 }
    /// The time between runs of an instance after those.
    package static var spacing: Interval { .milliseconds(500) }

    private typealias WaitingRun = (run: Run, scripts: Int, event: NotifyTrigger?)

    private struct Pace {
        /// The moment from which on all of the burst may be had again; each run moves it by the spacing.
        var rested = Instant(nanoseconds: 0)

        /// The time at which the next run may start.
        var due: Instant { rested - NotificationQueue.spacing * (NotificationQueue.burst - 1) }

        mutating func begin(at now: Instant) { rested = max(rested, now) + NotificationQueue.spacing }
    }

    private struct SubjectQueue {
        var key = NotificationKey(.instance, "")
        var running = 0
        /// A state, and behind it events.
        var waiting: [WaitingRun] = []
        var isReady = false
        var states = Pace()
        var events = Pace()

        var due: Instant { (waiting.first?.event == nil ? states : events).due }
        var rested: Instant { max(states.rested, events.rested) }
    }

    /// Queues whose time has come that are looked at for one run: a turn has an end, however many there are.
    private static var lookedAtMax: Int { 64 }

    private let runningMax: Int
    private var isHurried = false
    private var running = 0
    /// Runs that haven't begun.
    private var waiting = 0
    private var numbers: [NotificationKey: Int] = [:]
    private var queues: [SubjectQueue] = []
    private var free: [Int] = []
    /// The time at which a queue's next run may start; of one without, at which it is rested and can be forgotten.
    private var times = DeadlineHeap()
    /// Queues whose next run may start as soon as there is room, in the order in which they came.
    private var ready: [Int] = []
    private var firstReady = 0
    private var skipped: [NotificationKey: Int] = [:]

    /// An empty queue.
    package init(runningMax: Int = Self.standardMax) { self.runningMax = max(1, runningMax) }

    /// Instances that something is remembered of.
    var instanceCount: Int { numbers.count }

    /// The time of the next run. Call `next` then.
    package var deadline: Instant { times.first?.deadline ?? .never }

    /// Adds a transition of this instance, or an event, with so many scripts. `next` returns what is to be started. A
    /// transition without scripts is a state, too: it takes the place of what waits, and nothing waits instead.
    ///
    /// - Parameter event: its kind; nil for a transition.
    /// - Returns: true if one that hadn't begun was given up for it.
    @discardableResult
    package mutating func add(
        _ run: Run, of key: NotificationKey, event: NotifyTrigger? = nil, scripts count: Int, at now: Instant
    ) -> Bool {
        guard let number = numbers[key] ?? (count > 0 ? begin(key) : nil) else { return false }
        let before = queues[number].waiting.count
        if event == nil {
            queues[number].waiting = []
        } else if count > 0 {
            queues[number].waiting.removeAll { $0.event == event }
        }
        let givenUp = before - queues[number].waiting.count
        if count > 0 { queues[number].waiting.append((run, count, event)) }
        waiting += queues[number].waiting.count - before
        if givenUp > 0 { skipped[key, default: 0] += givenUp }
        look(at: number, now)
        return givenUp > 0
    }

    /// Scripts of this instance run that a former hasupd has started: the next run waits for them.
    package mutating func adopt(scripts count: Int, of key: NotificationKey) {
        guard count > 0 else { return }
        let number = numbers[key] ?? begin(key)
        queues[number].running += count
        running += count
    }

    /// One script of this instance has ended, or couldn't be started. Ask `next` what is to be started.
    package mutating func ended(of key: NotificationKey, at now: Instant) {
        guard let number = numbers[key], queues[number].running > 0 else { return }
        queues[number].running -= 1
        running -= 1
        look(at: number, now)
    }

    /// The run to start now; all its scripts count as running from here on. Ask until there is none; more may come at
    /// `deadline`, which may have passed.
    package mutating func next(at now: Instant) -> Run? {
        for _ in 0..<Self.lookedAtMax {
            guard let number = times.popDue(at: now) else { break }
            if queues[number].waiting.isEmpty { forget(number) } else { look(at: number, now) }
        }
        guard running < runningMax, let number = takeReady(at: now) else { return nil }
        let next = queues[number].waiting.removeFirst()
        queues[number].running = next.scripts
        if next.event == nil { queues[number].states.begin(at: now) } else { queues[number].events.begin(at: now) }
        running += next.scripts
        waiting -= 1
        return next.run
    }

    /// The first queue whose next run may start; none while there isn't room for it. Those whose run was given up meanwhile
    /// are passed over: each was added by one transition.
    private mutating func takeReady(at now: Instant) -> Int? {
        while firstReady < ready.count {
            let number = ready[firstReady]
            // Smaller ones behind it wait as well, or its turn might never come.
            if let next = queues[number].waiting.first, running > 0, next.scripts > runningMax - running { return nil }
            firstReady += 1
            if firstReady == ready.count {
                ready = []
                firstReady = 0
            }
            queues[number].isReady = false
            if !queues[number].waiting.isEmpty, isHurried || queues[number].due <= now { return number }
            look(at: number, now)
        }
        return nil
    }

    /// Ends all waits for a time: no further transition will come. Call `next`.
    package mutating func hurry(at now: Instant) {
        isHurried = true
        for number in queues.indices where !queues[number].waiting.isEmpty { look(at: number, now) }
    }

    private mutating func begin(_ key: NotificationKey) -> Int {
        let queue = SubjectQueue(key: key)
        if let number = free.popLast() {
            queues[number] = queue
            numbers[key] = number
            return number
        }
        queues.append(queue)
        numbers[key] = queues.count - 1
        return queues.count - 1
    }

    private mutating func forget(_ number: Int) {
        numbers[queues[number].key] = nil
        queues[number] = SubjectQueue()
        free.append(number)
    }

    /// Sets the time of a queue in which nothing runs.
    private mutating func look(at number: Int, _ now: Instant) {
        let queue = queues[number]
        guard queue.running == 0, !queue.isReady else { return }
        guard !queue.waiting.isEmpty else { return times.set(number, to: queue.rested) }
        guard isHurried || queue.due <= now else { return times.set(number, to: queue.due) }
        times.set(number, to: nil)
        queues[number].isReady = true
        ready.append(number)
    }

    /// Transitions of an instance whose scripts weren't run because a later one had overtaken them.
    package func skipped(of key: NotificationKey) -> Int { skipped[key] ?? 0 }

    /// Instances of which transitions were skipped.
    package var skippedCount: Int { skipped.count }

    /// Forgets the skipped transitions of instances that are gone.
    package mutating func forgetSkipped(of isGone: (NotificationKey) -> Bool) {
        skipped = skipped.filter { !isGone($0.key) }
    }

    /// Runs that haven't begun, by their instances' names.
    package var unbegun: [Run] {
        queues.filter { !$0.waiting.isEmpty }.sorted { $0.key < $1.key }.flatMap { $0.waiting.map(\.run) }
    }

    /// True if nothing runs or waits.
    package var isIdle: Bool { running == 0 && waiting == 0 }
}
