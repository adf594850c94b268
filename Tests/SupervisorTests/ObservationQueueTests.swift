import Base
import Control
import Glibc
import Logging
import Reactor
import Testing
import VRRP
import WorkerProtocol

@testable import Supervisor

@Suite("D6: much that was observed at once is told in slices, in its order")
struct ObservationQueueTests {
    private final class Seen { var late: [Int64] = [] }

    private let loop: EventLoop
    private let queue: ObservationQueue
    private let seen = Seen()
    private let lines = Lines()

    init() throws {
        loop = try EventLoop()
        let folder = "/tmp/hasup-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(folder, 0o700)
        defer {
            unlink("\(folder)/history")
            rmdir(folder)
        }
        queue = ObservationQueue(
            log: Logger(label: "test") { [lines] _ in LineHandler(lines) },
            history: History(directory: folder, on: loop),
            on: loop)
        queue.onEvent = { [seen] event in seen.late.append(Int64(event().unixSeconds)) }
    }

    private func add(_ numbers: Range<Int64>) {
        for number in numbers {
            queue.add(
                .init(observation: .stalled(.seconds(number)), source: nil, wallNanoseconds: number * 1_000_000_000))
        }
    }

    @Test("little is told at once")
    func little() {
        add(0..<10)
        #expect(seen.late == Array(0..<10) && queue.count == 0)
    }

    @Test("of much, no turn tells more than its share")
    func much() throws {
        add(0..<1_000)
        #expect(seen.late.count == ObservationQueue.atOnce)
        var turns = 0
        while queue.count > 0 {
            let before = seen.late.count
            try loop.turn()
            #expect(seen.late.count - before <= ObservationQueue.perTurn)
            turns += 1
            if turns == 3 { add(1_000..<1_010) }
        }
        #expect(seen.late == Array(0..<1_010))
        #expect(turns >= 1_000 / ObservationQueue.perTurn)
    }

    @Test("a flush tells all that waits; beyond a number of bytes the rest is counted, and that is told")
    func bounds() {
        let many = Int64(ObservationQueue.waitingBytesMax / 128)
        add(0..<many)
        #expect(queue.count <= ObservationQueue.waitingBytesMax / 256 + 1)
        let kept = queue.count + seen.late.count
        #expect(kept < Int(many))
        queue.flush()
        #expect(queue.count == 0 && seen.late == Array(0..<Int64(kept)))
        #expect(lines.texts.contains { $0.contains("\(Int(many) - kept) events") && $0.contains("left out") })
        add(many..<many + 5)
        queue.flush()
        #expect(seen.late.count == kept + 5)
    }
}
