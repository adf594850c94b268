import Base
import CLinux

/// Events of a descriptor, to wait for or that came.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let readable = Readiness(rawValue: UInt32(HASUP_IN))
    package static let writable = Readiness(rawValue: UInt32(HASUP_OUT))
    /// An error is pending; always reported.
    package static let failed = Readiness(rawValue: UInt32(HASUP_ERR))
    /// The other side has closed; always reported.
    package static let hungUp = Readiness(rawValue: UInt32(HASUP_HUP))
    /// The other side will send no more.
    package static let readHungUp = Readiness(rawValue: UInt32(HASUP_RDHUP))
    /// To be told of changes only, not as long as it is so.
    package static let edgeTriggered = Readiness(rawValue: UInt32(bitPattern: Int32(HASUP_ET)))
}

/// A descriptor that the loop watches; good until it is removed.
package struct Watch: Hashable, Sendable {
    fileprivate let slot: Int32
    fileprivate let generation: UInt32
}

/// A timer of the loop; good until it is removed. It fires once for each deadline that it is given.
package struct Timer: Hashable, Sendable {
    fileprivate let slot: Int
    fileprivate let generation: UInt32
}

/// One thread's loop over epoll and one absolute timer descriptor (docs/architecture.md §3).
///
/// A turn is: all descriptors that are ready, then all timers that are due, then the end-of-turn actions. So whatever
/// was received is handled before anything is sent (docs/decisions, D15), and what a turn wants to send leaves in
/// one batch. Not thread-safe; handlers run on the loop's thread and may add and remove what they like.
package final class EventLoop {
    private struct Watched {
        var number: Int32 = -1
        var generation: UInt32 = 0
        var handler: ((Readiness) -> Void)?
    }

    private struct Scheduled {
        var generation: UInt32 = 0
        var handler: (() -> Void)?
    }

    private let epoll: Descriptor
    private let timer: Descriptor
    private var watched: [Watched] = []
    private var freeWatches: [Int32] = []
    private var scheduled: [Scheduled] = []
    private var freeTimers: [Int] = []
    private var deadlines = DeadlineHeap()
    private var armed = Instant.never
    private var endOfTurn: [() -> Void] = []
    var deferredWork = DeferredWork()
    /// Runs deferred work: in a realtime process, out of the realtime class.
    package var deferred: (() -> Void) -> Void = { $0() }
    private var running = true
    private var events = [hasup_event](repeating: hasup_event(), count: Int(HASUP_EVENTS_MAX))

    /// The beginning of the current turn, so that a turn's events share one time.
    package private(set) var now: Instant
    /// Moderation, as network cards have it: in the long run descriptors bring about one turn in this time at most, so
    /// that a storm of packets costs a wake-up for each gap, not one for each packet. A few turns after a quiet time
    /// are free, timers are never late because of it, and turns of timers alone don't count. Zero for none.
    package var moderation = Interval.zero
    /// Turns that may follow each other at once after a quiet time.
    static let freeTurns: Int64 = 4
    /// A realtime process that never waits is killed by its fuse (RLIMIT_RTTIME), so a loop that has had work for this
    /// long waits for a moment all the same.
    private static let workMax = Interval.milliseconds(50)
    private static let fusePause = Interval.microseconds(50)
    private var waited = Instant(nanoseconds: .min / 2)
    /// The time of the next turn if all of them kept their distance.
    private var regularTurn = Instant(nanoseconds: .min / 2)
    private var ended = Instant(nanoseconds: 0)
    private var began = Instant(nanoseconds: 0)
    /// True if it is the timers' part of the turn.
    private var isFiring = false
    private static let moment = Interval(nanoseconds: 1)
    /// Work that can wait for the next turn does, when this one has lasted longer (docs/decisions, D6).
    private static let turnBudget = Interval.microseconds(500)
    /// True if this turn has lasted so long that what can wait should: at least a little of everything is still done,
    /// so that nothing waits for ever.
    package var isTurnLong: Bool { began > ended && Clock.now - began > Self.turnBudget }
    /// The longest turn so far: in hasupd it must stay below 10 ms (docs/decisions, D6).
    package private(set) var longestTurn = Interval.zero
    /// True if each turn's processor time is measured, too, which takes two system calls.
    package var measuresWork = false
    /// The processor time of the turn that took most: without what other processes took, but a hypervisor's pauses are
    /// in it.
    package private(set) var longestWork = Interval.zero
    /// Turns that were measured.
    package private(set) var turns: UInt64 = 0
    /// Those that took more processor time than the 10 ms of D6.
    package private(set) var slowTurns: UInt64 = 0
    private static let slow = Interval.milliseconds(10)

    /// An idle loop. - Throws: `SystemError` when descriptors can't be had.
    package init() throws(SystemError) {
        epoll = try owned(hasup_epoll_create(), "create an epoll descriptor")
        timer = try owned(hasup_timer_create(), "create a timer descriptor")
        now = Clock.now
        try checked(
            hasup_epoll_add(epoll.number, timer.number, Readiness.readable.rawValue, .max), "watch the timer")
    }

    // MARK: Descriptors

    /// Watches a descriptor, which must stay open until `remove`. - Throws: `SystemError`.
    package func add(
        _ descriptor: Int32, _ interest: Readiness = .readable, handler: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Watch {
        let slot = freeWatches.popLast() ?? Int32(watched.count)
        if Int(slot) == watched.count { watched.append(Watched()) }
        let generation = watched[Int(slot)].generation
        let result = hasup_epoll_add(epoll.number, descriptor, interest.rawValue, Self.token(slot, generation))
        if result < 0 {
            freeWatches.append(slot)
            throw SystemError(-result, "watch a descriptor")
        }
        watched[Int(slot)].number = descriptor
        watched[Int(slot)].handler = handler
        return Watch(slot: slot, generation: generation)
    }

    /// Changes what is waited for.
    package func modify(_ watch: Watch, _ interest: Readiness) {
        guard let entry = entry(of: watch) else { return }
        _ = hasup_epoll_modify(
            epoll.number, entry.number, interest.rawValue, Self.token(watch.slot, watch.generation))
    }

    /// Stops watching; events of this turn that weren't delivered yet are dropped. Call it before closing.
    package func remove(_ watch: Watch) {
        guard let entry = entry(of: watch) else { return }
        _ = hasup_epoll_remove(epoll.number, entry.number)
        watched[Int(watch.slot)] = Watched(generation: watch.generation &+ 1)
        freeWatches.append(watch.slot)
    }

    /// Stops watching a descriptor that was closed, or is closed next, and has no copy: epoll forgets it by itself.
    package func forget(_ watch: Watch) {
        guard entry(of: watch) != nil else { return }
        watched[Int(watch.slot)] = Watched(generation: watch.generation &+ 1)
        freeWatches.append(watch.slot)
    }

    private func entry(of watch: Watch) -> Watched? {
        let entry = watched[Int(watch.slot)]
        return entry.generation == watch.generation && entry.handler != nil ? entry : nil
    }

    private static func token(_ slot: Int32, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: slot))
    }

    // MARK: Timers

    /// A timer that isn't set yet.
    package func makeTimer(handler: @escaping () -> Void) -> Timer {
        let slot = freeTimers.popLast() ?? scheduled.count
        if slot == scheduled.count { scheduled.append(Scheduled()) }
        scheduled[slot].handler = handler
        return Timer(slot: slot, generation: scheduled[slot].generation)
    }

    /// Sets a timer, or moves it; `.never` clears it. A time in the past fires in the next turn at the latest. Moving a
    /// timer later costs no system call.
    package func set(_ timer: Timer, to deadline: Instant) {
        guard scheduled[timer.slot].generation == timer.generation else { return }
        // What a timer sets into the past waits for the next turn, so that this one has an end.
        let deadline = isFiring && deadline <= now ? now + Self.moment : deadline
        deadlines.set(timer.slot, to: deadline)
        arm(deadline)
    }

    package func remove(_ timer: Timer) {
        guard scheduled[timer.slot].generation == timer.generation else { return }
        deadlines.set(timer.slot, to: nil)
        scheduled[timer.slot] = Scheduled(generation: timer.generation &+ 1)
        freeTimers.append(timer.slot)
    }

    private func arm(_ deadline: Instant) {
        guard deadline < armed else { return }
        armed = deadline
        // A deadline at or before 1 ns would disarm the timer instead of firing it.
        _ = hasup_timer_set(timer.number, max(deadline.nanoseconds, 1))
    }

    // MARK: Running

    /// Runs this at the end of every turn, in the order of registration: for flushing what the turn has gathered.
    package func atEndOfTurn(_ action: @escaping () -> Void) { endOfTurn.append(action) }

    /// Turns until `stop`. - Throws: `SystemError` when epoll itself fails.
    package func run() throws(SystemError) {
        running = true
        while running { try turn() }
    }

    /// Ends `run` after this turn.
    package func stop() { running = false }

    /// Waits once and handles everything that is ready and due. - Throws: `SystemError` when epoll itself fails.
    package func turn() throws(SystemError) {
        let rested = regularTurn - moderation * Self.freeTurns
        if rested > ended {
            hasup_sleep_until(min(rested, deadlines.first?.deadline ?? .never).nanoseconds)
        } else if ended - waited > Self.workMax {
            hasup_sleep_until((ended + Self.fusePause).nanoseconds)
            waited = ended
        }
        let count = try checked(hasup_epoll_wait(epoll.number, &events, Int32(events.count)), "wait for events")
        now = Clock.now
        if now - ended > .milliseconds(1) { waited = now }
        began = now
        let worked = measuresWork ? Clock.threadTime : .zero
        var isBroughtByDescriptors = false
        for index in 0..<Int(count) {
            let event = events[index]
            if event.token == .max {
                _ = hasup_timer_take(timer.number)
                armed = .never
                continue
            }
            let slot = Int(UInt32(truncatingIfNeeded: event.token))
            guard watched[slot].generation == UInt32(truncatingIfNeeded: event.token >> 32) else { continue }
            isBroughtByDescriptors = true
            watched[slot].handler?(Readiness(rawValue: event.events))
        }
        now = Clock.now
        isFiring = true
        while let slot = deadlines.popDue(at: now) { scheduled[slot].handler?() }
        isFiring = false
        for action in endOfTurn { action() }
        if let first = deadlines.first { arm(first.deadline) }
        if isBroughtByDescriptors { regularTurn = max(regularTurn, began) + moderation }
        ended = Clock.now
        longestTurn = max(longestTurn, ended - began)
        if measuresWork { note(Clock.threadTime - worked) }
    }

    private func note(_ work: Interval) {
        longestWork = max(longestWork, work)
        turns += 1
        if work > Self.slow { slowTurns += 1 }
    }
}
