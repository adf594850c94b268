import Base
import Supervision
import Testing

@Suite("The script that reads a FIFO (S2)")
struct ReaderLifeTests {
    private var life = ReaderLife()
    private let now = Instant(nanoseconds: 1_000_000_000)

    private mutating func handle(_ event: ReaderEvent, after time: Interval = .zero) -> [ReaderAction] {
        life.handle(event, at: now + time)
    }

    /// Brings it to where its process runs.
    private mutating func run(after time: Interval = .zero) {
        _ = handle(.start, after: time)
        _ = handle(.prepared, after: time)
        _ = handle(.spawned, after: time)
    }

    @Test("the FIFO is made ready before it starts")
    mutating func start() {
        #expect(handle(.start) == [.prepare])
        #expect(handle(.start) == [] && handle(.timeout) == [], "once")
        #expect(handle(.prepared) == [.spawn])
        #expect(handle(.spawned) == [])
        #expect(life.state == .running)
        #expect(handle(.prepared) == [] && handle(.timeout) == [])
    }

    @Test("one that ends is started again, each time later, until it has run for a while")
    mutating func backOff() {
        run()
        var waits: [Interval] = []
        for _ in 0..<8 {
            guard case .report(let wait) = handle(.ended).first else { break }
            waits.append(wait)
            #expect(handle(.timeout) == [.prepare])
            _ = handle(.prepared)
            _ = handle(.spawned)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(handle(.ended, after: ReaderLife.goodRun).contains(.report(restartIn: .seconds(1))))
    }

    @Test("one that can't be started is tried again")
    mutating func unstartable() {
        _ = handle(.start)
        _ = handle(.prepared)
        #expect(handle(.spawnFailed) == [.report(restartIn: .seconds(1)), .wake(now + .seconds(1))])
        #expect(handle(.timeout) == [.prepare])
    }

    @Test("the next one comes when the one before is gone, whatever that takes")
    mutating func replaced() {
        run()
        #expect(handle(.end(after: .zero)) == [.terminate, .wake(now + ReaderLife.timeout)])
        #expect(handle(.start) == [])
        #expect(handle(.timeout) == [.kill])
        #expect(handle(.timeout) == [])
        #expect(handle(.ended) == [.wake(.never), .prepare])
    }

    @Test("at a stop it may end by itself first, then by signals, and none follows")
    mutating func stop() {
        run()
        #expect(handle(.end(after: .seconds(5))) == [.wake(now + .seconds(5))])
        #expect(life.isWanted)
        #expect(handle(.end(after: .zero)) == [.terminate, .wake(now + ReaderLife.timeout)])
        #expect(handle(.end(after: .zero)) == [])
        #expect(handle(.ended) == [.wake(.never), .finished] && !life.isWanted)
        run()
        _ = handle(.end(after: .seconds(5)))
        #expect(handle(.timeout) == [.terminate, .wake(now + ReaderLife.timeout)])
        _ = handle(.start)
        _ = handle(.end(after: .zero))
        #expect(handle(.ended) == [.wake(.never), .finished], "the last word counts")
    }

    @Test("without a process there is nothing to wait for", arguments: [true, false])
    mutating func noProcess(isWaiting: Bool) {
        if isWaiting {
            run()
            _ = handle(.ended)
        } else {
            _ = handle(.start)
        }
        #expect(handle(.end(after: .seconds(5))) == [.wake(.never), .finished])
        #expect(handle(.end(after: .zero)) == [] && handle(.prepared) == [])
    }

    @Test("one of a hasupd before goes on reading, and is started again like any other")
    mutating func adopted() {
        #expect(handle(.adopted) == [] && life.state == .running)
        #expect(handle(.start) == [])
        #expect(handle(.ended) == [.report(restartIn: .seconds(1)), .wake(now + .seconds(1))])
    }
}
