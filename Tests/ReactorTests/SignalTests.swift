import Base
import Glibc
import Reactor
import Testing

@Suite struct SignalTests {
    /// Signals are blocked and raised for the thread that runs the test, so that the other tests' threads don't see them.
    @Test func reportsSignalsAsEvents() throws {
        let loop = try EventLoop()
        var seen: [Int32] = []
        let signals = try Signals([SIGUSR1, SIGUSR2], on: loop) {
            seen.append($0)
            if seen.count == 2 { loop.stop() }
        }
        pthread_kill(pthread_self(), SIGUSR2)
        pthread_kill(pthread_self(), SIGUSR1)
        let fuse = loop.makeTimer { loop.stop() }
        loop.set(fuse, to: Clock.now + .seconds(2))
        try loop.run()
        #expect(seen.sorted() == [SIGUSR1, SIGUSR2])
        withExtendedLifetime(signals) {}
    }
}
