import Base
import IPC
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
    }

    /// Told in one turn at most …
    static let perTurn = 64
    /// … and at least, also when the turn has been long without them.
    static let perTurnMin = 4
    /// A worker that tells faster than can be told is told in its own turn, so that it can't fill the memory.
    static let waitingMax = 50_000

    private let loop: EventLoop
    private var waiting: [Entry] = []
    /// Those of the waiting that were told.
    private var told = 0
    private var timer: Timer?
    private var turn = Instant(nanoseconds: .min)
    private var toldInTurn = 0
    /// Observations that wait no more since the start.
    private var toldEver: UInt64 = 0
    private var completions: [(after: UInt64, call: () -> Void)] = []
    private var log: ObservationLog
    private let history: History
    /// For those who watch.
    var onEvent: ((() -> WatchEvent) -> Void)?

    init(log: Logger, history: History, on loop: EventLoop) {
        self.loop = loop
        self.history = history
        self.log = ObservationLog(log: log, on: loop)
        timer = loop.makeTimer { [unowned self] in self.tellSome() }
    }

    /// How many wait.
    var count: Int { waiting.count - told }

    /// Takes one in; it is told after those before it.
    func add(_ entry: Entry) {
        if loop.now != turn {
            turn = loop.now
            toldInTurn = 0
        }
        if waiting.isEmpty, mayTell(toldInTurn) {
            toldInTurn += 1
            tell(entry)
            return
        }
        if count >= Self.waitingMax { tellSome() }
        waiting.append(entry)
        if waiting.count == 1, let timer { loop.set(timer, to: loop.now) }
    }

    /// Calls back when all that waits now is told and written: for somebody who reads what has happened.
    func whenNoted(_ completion: @escaping () -> Void) {
        if waiting.isEmpty { return history.whenWritten(completion) }
        completions.append((after: toldEver + UInt64(count), completion))
    }

    /// Tells and notes all that waits: before the end.
    func flush() {
        while !waiting.isEmpty { tellSome() }
        history.flush()
    }

    private func mayTell(_ count: Int) -> Bool {
        count < Self.perTurnMin || count < Self.perTurn && !loop.isTurnLong
    }

    private func tell(_ entry: Entry) {
        let settings = entry.observation.instance.flatMap { entry.source?.instance(at: $0) }
        guard log.add(entry.observation, settings) else { return }
        let event = { WatchEvent(entry.observation, settings, wallNanoseconds: entry.wallNanoseconds) }
        onEvent?(event)
        if entry.observation.isHistory { history.add(event) }
    }

    private func tellSome() {
        var count = 0
        while told < waiting.count, mayTell(count) {
            count += 1
            told += 1
            toldEver += 1
            tell(waiting[told - 1])
        }
        if told == waiting.count {
            waiting = []
            told = 0
        } else if told > 4096 {
            waiting.removeFirst(told)
            told = 0
        }
        if let timer { loop.set(timer, to: waiting.isEmpty ? .never : loop.now) }
        while let first = completions.first, first.after <= toldEver {
            completions.removeFirst()
            history.whenWritten(first.call)
        }
    }
}
