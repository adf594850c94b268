import LoadBalancing
import Reactor

/// The result of a call to IPVS's table.
package struct TableCompletion: Sendable {
    /// The number that the call was given.
    package let ticket: UInt64
    package let result: TableResult
}

/// The means by which the thread does calls: the kernel, or a record of them.
package protocol TablePerformer: AnyObject {
    func perform(_ call: TableCall) -> TableResult
}

/// hasupd's second thread: IPVS is written and read there, because each of its calls may block (docs/decisions, D65).
/// Calls go in and results come out as values, in the same order; the event loop watches `descriptor` and drains.
///
/// `@unchecked Sendable`: `waiting` and `finished` are touched only under the thread's lock, `performer` only by the
/// second thread, the rest only by the event loop's.
package final class IPVSThread: CallThreadBody, @unchecked Sendable {
    private let performer: any TablePerformer
    private let thread: CallThread
    private var waiting: [(ticket: UInt64, call: TableCall)] = []
    private var finished: [TableCompletion] = []
    /// Calls that were submitted and not drained; the event loop's side only.
    package private(set) var inFlight = 0

    /// Starts the thread, which from then on owns its means. - Throws: `SystemError`.
    package init(_ performer: consuming sending any TablePerformer) throws(SystemError) {
        self.performer = performer
        thread = try CallThread()
        try thread.start(self)
    }

    deinit { stop() }

    // MARK: The event loop's side

    /// Readable when there is something to drain.
    package var descriptor: Int32 { thread.descriptor }

    /// Hands a call over. It is done after those before it.
    package func submit(_ call: TableCall, ticket: UInt64) {
        inFlight += 1
        thread.withLock { waiting.append((ticket, call)) }
        thread.wakeUp()
    }

    /// Returns what was done since the last call, in the order of submission.
    package func drain() -> [TableCompletion] {
        thread.clearCompleted()
        var done: [TableCompletion] = []
        thread.withLock { swap(&done, &finished) }
        inFlight -= done.count
        return done
    }

    /// Does what was submitted and ends the thread. Blocks until then; results can still be drained.
    package func stop() { thread.stop() }

    // MARK: The thread's side

    func run() {
        while true {
            var taken: [(ticket: UInt64, call: TableCall)] = []
            let isLast = thread.withLock {
                swap(&taken, &waiting)
                return thread.isStopping
            }
            if taken.isEmpty {
                if isLast { return }
                thread.awaitCalls()
            }
            for (ticket, call) in taken {
                let completion = TableCompletion(ticket: ticket, result: performer.perform(call))
                thread.withLock { finished.append(completion) }
                thread.announceCompleted()
            }
        }
    }
}
