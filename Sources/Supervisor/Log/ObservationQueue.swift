import Base
import Control
import Logging
import Reactor
import VRRP

/// What the VRRP worker has observed waits here for the turns after its own when there is much of it: a thousand lines of
/// log in one turn would be longer than hasupd may be away (docs/decisions.md, D6). What is little is told at once.
final class ObservationQueue {
    /// An observation, the generation that its instance's number belongs to, and when it came.
    struct Entry {
        let observation: Observation
        let source: Generation?
        let wallNanoseconds: Int64

        /// Bytes, about.
        var size: Int {
            switch observation {
            case .kernelFailure(_, let text), .addressWaits(_, _, let text): 256 + text.utf8.count
            default: 256
            }
        }
    }

    /// Told in the turn in which they come at most, and none when it has been long already.
    static let atOnce = 16
    /// Told in a later one, unless the turn has been long already …
    static let perTurn = 64
    /// … and also then, so that an end comes.
    static let perTurnMin = 4
    /// Entries that are kept, and given back, together: nothing is moved, however many wait.
    private static let chunkSize = 512
    /// Bytes of what waits: a worker that tells faster than can be told doesn't fill the memory, nor is it told in its own
    /// turn. What comes beyond is counted.
    static let waitingBytesMax = 4 << 20

    private let loop: EventLoop
    /// Those that wait, the oldest chunk first.
    private var waiting: [[Entry]] = []
    /// Those of the first chunk that were told.
    private var told = 0
    /// How many wait.
    private(set) var count = 0
    private var waitingBytes = 0
    /// Those that came beyond, and weren't told of yet.
    private var leftOut: UInt64 = 0
    private var readers = DrainWaiters()
    private var timer: Timer?
    private var turn = Instant(nanoseconds: .min)
    private var toldInTurn = 0
    private var log: ObservationLog
    /// What was observed before the last transition of each instance.
    private(set) var backgrounds = TransitionContexts()
    private let history: History
    /// For those who watch.
    var onEvent: ((() -> WatchEvent) -> Void)?

    init(log: Logger, history: History, on loop: EventLoop) {
        self.loop = loop
        self.history = history
        self.log = ObservationLog(log: log, on: loop)
        timer = loop.makeTimer { [unowned self] in self.tellSome() }
    }

    /// Takes one in; it is told after those before it.
    func add(_ entry: Entry) {
        if loop.now != turn {
            turn = loop.now
            toldInTurn = 0
        }
        if count == 0, toldInTurn < Self.atOnce, !loop.isTurnLong {
            toldInTurn += 1
            tell(entry)
            return
        }
        guard waitingBytes < Self.waitingBytesMax else {
            leftOut += 1
            return
        }
        waitingBytes += entry.size
        if waiting.last.map({ $0.count == Self.chunkSize }) ?? true {
            waiting.append([])
            waiting[waiting.count - 1].reserveCapacity(Self.chunkSize)
        }
        waiting[waiting.count - 1].append(entry)
        count += 1
        if count == 1, let timer { loop.set(timer, to: loop.now) }
    }

    /// Calls back when all that waits now is told and written: for somebody who reads what has happened.
    func whenNoted(_ completion: @escaping () -> Void) {
        if count == 0 { return history.whenWritten(completion) }
        readers.wait(behind: count, completion)
    }

    /// Tells and notes all that waits: before the end.
    func flush() {
        while count > 0 { tellSome() }
        log.flushRest()
        history.flush()
    }

    private func tell(_ entry: Entry) {
        let settings = entry.observation.instance.flatMap { entry.source?.instance(at: $0) }
        let background =
            settings.map { backgrounds.add(entry.observation, $0, at: entry.wallNanoseconds) }
            ?? TransitionContext()
        guard log.add(entry.observation, settings, background) else { return }
        let event = { WatchEvent(entry.observation, settings, background, wallNanoseconds: entry.wallNanoseconds) }
        onEvent?(event)
        if entry.observation.isHistory { history.add(event) }
    }

    private func tellOne() {
        let entry = waiting[0][told]
        told += 1
        readers.pass(1)
        count -= 1
        waitingBytes -= entry.size
        if told == waiting[0].count {
            waiting.removeFirst()
            told = 0
        }
        tell(entry)
    }

    private func tellSome() {
        var toldNow = 0
        while count > 0, toldNow < Self.perTurnMin || toldNow < Self.perTurn && !loop.isTurnLong {
            toldNow += 1
            tellOne()
        }
        if count == 0, leftOut > 0 {
            log.leftOut(leftOut)
            leftOut = 0
        }
        if let timer { loop.set(timer, to: count == 0 ? .never : loop.now) }
        for call in readers.takeReached() { history.whenWritten(call) }
    }
}
