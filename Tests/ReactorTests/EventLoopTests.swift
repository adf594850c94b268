import Base
import CLinux
import Glibc
import Reactor
import Testing

@Suite struct EventLoopTests {
    /// Turns until the loop was stopped; a stop after two seconds is a failure.
    private func run(_ loop: EventLoop) throws {
        var isLate = false
        let fuse = loop.makeTimer {
            isLate = true
            loop.stop()
        }
        loop.set(fuse, to: Clock.now + .seconds(2))
        try loop.run()
        loop.remove(fuse)
        #expect(!isLate)
    }

    private func counter() throws -> Descriptor { try owned(hasup_eventfd_create(), "create an event counter") }

    // MARK: Moderation

    @Test func turnsOfDescriptorsKeepTheirDistance() throws {
        let loop = try EventLoop()
        loop.moderation = .milliseconds(2)
        let ready = try counter()
        _ = hasup_eventfd_signal(ready.number)
        var turns: [Instant] = []
        // It stays readable: without moderation the loop would spin.
        let watch = try loop.add(ready.number) { _ in
            turns.append(loop.now)
            if turns.count == 12 { loop.stop() }
        }
        try run(loop)
        loop.remove(watch)
        // The first and four more are free.
        #expect(turns[11] - turns[0] >= .milliseconds(2 * 7))
    }

    @Test func timersDoNotWaitForModeration() throws {
        let loop = try EventLoop()
        loop.moderation = .seconds(60)
        var fired = 0
        var timer: Reactor.Timer?
        timer = loop.makeTimer {
            fired += 1
            if fired == 10 { return loop.stop() }
            if let timer { loop.set(timer, to: loop.now + .milliseconds(1)) }
        }
        if let timer { loop.set(timer, to: Clock.now) }
        try run(loop)
        #expect(fired == 10)
    }

    /// A busy time of timers (takeovers) doesn't keep the answers waiting that follow it.
    @Test func turnsOfTimersDoNotCount() throws {
        let loop = try EventLoop()
        loop.moderation = .seconds(60)
        let ready = try counter()
        let watch = try loop.add(ready.number) { _ in loop.stop() }
        var fired = 0
        var timer: Reactor.Timer?
        timer = loop.makeTimer {
            fired += 1
            if fired == 10 { _ = hasup_eventfd_signal(ready.number) }
            if fired < 10, let timer { loop.set(timer, to: loop.now) }
        }
        if let timer { loop.set(timer, to: Clock.now) }
        try run(loop)
        loop.remove(watch)
        #expect(fired == 10)
    }

    // MARK: Timers

    @Test func firesTimersInOrder() throws {
        let loop = try EventLoop()
        var order: [Int] = []
        let begin = Clock.now
        for (number, delay) in [30, 10, 20, 10].enumerated() {
            let timer = loop.makeTimer {
                order.append(number)
                if order.count == 4 { loop.stop() }
            }
            loop.set(timer, to: begin + .milliseconds(Int64(delay)) + .microseconds(Int64(number)))
        }
        try run(loop)
        #expect(order == [1, 3, 2, 0])
        #expect(Clock.now - begin >= .milliseconds(30))
    }

    @Test func movesATimerLater() throws {
        let loop = try EventLoop()
        let begin = Clock.now
        var fired: [Interval] = []
        let timer = loop.makeTimer {
            fired.append(Clock.now - begin)
            loop.stop()
        }
        loop.set(timer, to: begin + .milliseconds(5))
        loop.set(timer, to: begin + .milliseconds(40))
        try run(loop)
        #expect(fired.count == 1)
        #expect(fired.allSatisfy { $0 >= .milliseconds(40) })
    }

    @Test func movesATimerEarlier() throws {
        let loop = try EventLoop()
        let begin = Clock.now
        let timer = loop.makeTimer { loop.stop() }
        loop.set(timer, to: begin + .seconds(1))
        loop.set(timer, to: begin + .milliseconds(5))
        try run(loop)
        #expect(Clock.now - begin < .milliseconds(900))
    }

    @Test func firesOncePerDeadline() throws {
        let loop = try EventLoop()
        var count = 0
        let timer = loop.makeTimer { count += 1 }
        loop.set(timer, to: Clock.now)
        let end = loop.makeTimer { loop.stop() }
        loop.set(end, to: Clock.now + .milliseconds(20))
        try run(loop)
        #expect(count == 1)
        loop.set(timer, to: Clock.now)
        loop.set(end, to: Clock.now + .milliseconds(20))
        try run(loop)
        #expect(count == 2)
    }

    @Test func clearsATimer() throws {
        let loop = try EventLoop()
        var count = 0
        let timer = loop.makeTimer { count += 1 }
        loop.set(timer, to: Clock.now + .milliseconds(2))
        loop.set(timer, to: .never)
        let end = loop.makeTimer { loop.stop() }
        loop.set(end, to: Clock.now + .milliseconds(20))
        try run(loop)
        #expect(count == 0)
    }

    /// A timer that always sets itself into the past doesn't keep descriptors from being served.
    @Test func aBusyTimerStarvesNobody() throws {
        let loop = try EventLoop()
        let event = try counter()
        var timer: Reactor.Timer?
        timer = loop.makeTimer { if let timer { loop.set(timer, to: Clock.now - .seconds(1)) } }
        if let timer { loop.set(timer, to: Clock.now) }
        let watch = try loop.add(event.number) { _ in loop.stop() }
        _ = hasup_eventfd_signal(event.number)
        try run(loop)
        loop.remove(watch)
    }

    /// Nor does it fire again in the turn in which it fires.
    @Test func aBusyTimerFiresOnceATurn() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: Reactor.Timer?
        timer = loop.makeTimer {
            fired += 1
            if let timer { loop.set(timer, to: loop.now) }
        }
        let others = (0..<5).map { _ in loop.makeTimer {} }
        for other in others { loop.set(other, to: Clock.now + .seconds(100)) }
        if let timer { loop.set(timer, to: Clock.now) }
        for turn in 1...5 {
            try loop.turn()
            #expect(fired == turn)
        }
    }

    @Test func workAtLeisureIsDoneTogether() throws {
        let loop = try EventLoop()
        var batches: [[Int]] = []
        loop.deferred = { work in
            batches.append([])
            work()
        }
        for number in 1...3 { loop.deferWork { batches[batches.count - 1].append(number) } }
        #expect(batches.isEmpty)
        while batches.isEmpty { try loop.turn() }
        #expect(batches == [[1, 2, 3]])
        // What waits from then on has a time of its own.
        loop.deferWork { batches[batches.count - 1].append(4) }
        while batches.count == 1 { try loop.turn() }
        #expect(batches == [[1, 2, 3], [4]])
        // At the end it doesn't wait, and isn't done twice.
        loop.deferWork { batches[batches.count - 1].append(5) }
        loop.flushDeferredWork()
        loop.flushDeferredWork()
        #expect(batches == [[1, 2, 3], [4], [5]])
    }

    @Test func forgetsARemovedTimer() throws {
        let loop = try EventLoop()
        var stale = 0
        let old = loop.makeTimer { stale += 1 }
        loop.set(old, to: Clock.now)
        loop.remove(old)
        // The same slot for another timer: the old handle must not reach it.
        let begin = Clock.now
        let new = loop.makeTimer { loop.stop() }
        loop.set(new, to: begin + .milliseconds(20))
        loop.set(old, to: begin)
        loop.remove(old)
        try run(loop)
        #expect(stale == 0)
        #expect(Clock.now - begin >= .milliseconds(20))
    }

    // MARK: Descriptors

    @Test func reportsWhatIsReady() throws {
        let loop = try EventLoop()
        var pair: [Int32] = [0, 0]
        try checked(hasup_socketpair(&pair), "make a socket pair")
        let near = Descriptor(owning: pair[0])
        let far = Descriptor(owning: pair[1])
        var seen: [Readiness] = []
        let watch = try loop.add(near.number, [.readable, .writable]) {
            seen.append($0)
            loop.stop()
        }
        try run(loop)
        #expect(seen.last == .writable)
        loop.modify(watch, .readable)
        #expect(hasup_send_packet(far.number, "x", 1, nil, 0) == 1)
        try run(loop)
        #expect(seen.last == .readable)
        close(far.release())
        try run(loop)
        #expect(seen.last?.contains(.hungUp) == true)
        loop.remove(watch)
    }

    /// Whichever of two ready descriptors comes first removes the other, whose event of this turn must not arrive.
    @Test func dropsEventsOfARemovedDescriptor() throws {
        let loop = try EventLoop()
        let first = try counter()
        let second = try counter()
        var calls = 0
        var watches: [Watch] = []
        for number in [first.number, second.number] {
            watches.append(
                try loop.add(number) { _ in
                    calls += 1
                    for watch in watches { loop.remove(watch) }
                    loop.stop()
                })
        }
        _ = hasup_eventfd_signal(first.number)
        _ = hasup_eventfd_signal(second.number)
        try run(loop)
        #expect(calls == 1)
    }

    /// A descriptor that is added during dispatch into a slot that was freed gets no event of the one before.
    @Test func aReusedSlotGetsNoStaleEvent() throws {
        let loop = try EventLoop()
        let first = try counter()
        let second = try counter()
        let quiet = try counter()
        let quietNumber = quiet.number
        var wrong = 0
        var watches: [Watch] = []
        for number in [first.number, second.number] {
            watches.append(
                try loop.add(number) { _ in
                    for watch in watches { loop.remove(watch) }
                    watches = []
                    for _ in 0..<2 {
                        if let watch = try? loop.add(quietNumber, handler: { _ in wrong += 1 }) {
                            watches.append(watch)
                        }
                    }
                    loop.stop()
                })
        }
        _ = hasup_eventfd_signal(first.number)
        _ = hasup_eventfd_signal(second.number)
        try run(loop)
        #expect(wrong == 0)
        // One descriptor can't be watched twice.
        #expect(watches.count == 1)
    }

    @Test func refusesABadDescriptor() throws {
        let loop = try EventLoop()
        #expect(throws: SystemError(EBADF, "watch a descriptor")) { try loop.add(9999) { _ in } }
    }

    // MARK: Turns

    @Test func turnsInOrder() throws {
        let loop = try EventLoop()
        let event = try counter()
        let number = event.number
        var order: [String] = []
        loop.atEndOfTurn { order.append("end 1") }
        loop.atEndOfTurn { order.append("end 2") }
        let timer = loop.makeTimer { order.append("timer") }
        let watch = try loop.add(number) { _ in
            _ = hasup_eventfd_take(number)
            order.append("descriptor")
        }
        loop.set(timer, to: Clock.now)
        _ = hasup_eventfd_signal(number)
        try loop.turn()
        #expect(order == ["descriptor", "timer", "end 1", "end 2"])
        #expect(loop.longestTurn > .zero)
        loop.remove(watch)
    }

    @Test func aTurnSharesOneTime() throws {
        let loop = try EventLoop()
        let event = try counter()
        var times: [Instant] = []
        let watch = try loop.add(event.number) { _ in
            times.append(loop.now)
            // Real time passes while the turn's time stands still.
            let began = Clock.now
            while Clock.now - began < .milliseconds(1) {}
            times.append(loop.now)
        }
        _ = hasup_eventfd_signal(event.number)
        try loop.turn()
        #expect(times.count == 2)
        #expect(times.first == times.last)
        loop.remove(watch)
    }

    // MARK: Ownership

    @Test func aDescriptorClosesOnce() throws {
        var pair: [Int32] = [0, 0]
        try checked(hasup_socketpair(&pair), "make a socket pair")
        let near = Descriptor(owning: pair[0])
        do { _ = Descriptor(owning: pair[1]) }
        // The other end sees that it's closed.
        var buffer: UInt8 = 0
        #expect(recv(near.number, &buffer, 1, 0) == 0)
        let number = near.release()
        #expect(fcntl(number, F_GETFD) >= 0)
        #expect(close(number) == 0)
    }

    @Test func errorsAreSentences() throws {
        #expect(SystemError(ENOENT, "open the door").description == "can't open the door: No such file or directory")
        #expect(try checked(7, "count") == 7)
        #expect(throws: SystemError(EPERM, "count")) { try checked(-EPERM, "count") }
    }
}
