import Base
import Testing

@testable import Supervision

private let interval = Interval.seconds(1)

@Suite("Who looks for addresses that nobody advertises (D12)")
struct StaleAddressWatchTests {
    @Test("two intervals after a worker's end somebody looks, and again while somebody's time hasn't come")
    func looks() {
        var watch = StaleAddressWatch()
        #expect(watch.handle(.workerEnded, interval: interval) == [.wake(.seconds(2))])
        #expect(watch.handle(.due, interval: interval) == [.look])
        #expect(watch.handle(.looked(.moreLater), interval: interval) == [.wake(.milliseconds(250))])
        #expect(watch.handle(.due, interval: interval) == [.look])
        #expect(watch.handle(.looked(.nothingLeft), interval: interval).isEmpty)
    }

    @Test("workers that end before they run don't put it off")
    func isNotPutOff() {
        var watch = StaleAddressWatch()
        _ = watch.handle(.workerEnded, interval: interval)
        #expect(watch.handle(.workerEnded, interval: interval).isEmpty)
    }

    @Test("a worker that runs ends it, also a look under way")
    func endsWithAWorker() {
        var watch = StaleAddressWatch()
        _ = watch.handle(.workerEnded, interval: interval)
        #expect(watch.handle(.workerRuns, interval: interval) == [.sleep])
        #expect(watch.handle(.due, interval: interval).isEmpty)
        _ = watch.handle(.workerEnded, interval: interval)
        _ = watch.handle(.due, interval: interval)
        #expect(watch.handle(.workerRuns, interval: interval) == [.sleep, .endLook])
        // That we ended it is no failure.
        #expect(watch.handle(.looked(.failed), interval: interval).isEmpty)
    }

    @Test("a second worker that ends during the first look is looked after")
    func looksAgain() {
        var watch = StaleAddressWatch()
        _ = watch.handle(.workerEnded, interval: interval)
        _ = watch.handle(.due, interval: interval)
        _ = watch.handle(.workerRuns, interval: interval)
        #expect(watch.handle(.workerEnded, interval: interval) == [.wake(.seconds(2))])
        #expect(watch.handle(.due, interval: interval).isEmpty)
        #expect(watch.handle(.looked(.nothingLeft), interval: interval) == [.wake(.milliseconds(250))])
        #expect(watch.handle(.due, interval: interval) == [.look])
    }

    @Test("a look ends when a successor starts, and is repeated should that one not run")
    func makesWay() {
        var watch = StaleAddressWatch()
        _ = watch.handle(.workerEnded, interval: interval)
        #expect(watch.handle(.successorStarts, interval: interval).isEmpty)
        _ = watch.handle(.due, interval: interval)
        #expect(watch.handle(.successorStarts, interval: interval) == [.endLook])
        #expect(watch.handle(.looked(.failed), interval: interval) == [.wake(.milliseconds(250))])
    }

    @Test("one that fails is told, and tried again")
    func failure() {
        var watch = StaleAddressWatch()
        _ = watch.handle(.workerEnded, interval: .milliseconds(10))
        _ = watch.handle(.due, interval: .milliseconds(10))
        #expect(
            watch.handle(.looked(.failed), interval: .milliseconds(10)) == [.reportFailure, .wake(.milliseconds(20))])
    }
}
