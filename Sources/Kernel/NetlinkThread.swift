import Base
import Reactor

/// A call for the second thread.
package enum NetlinkCall: Sendable {
    /// Put these addresses on their interfaces.
    case install([InterfaceAddress])
    /// Take away these addresses; guarded are the interfaces on which others would go with them.
    case withdraw([InterfaceAddress], guarded: Set<Int32>)
    /// Give these addresses their lifetimes anew; guarded are the interfaces on which others would go with them.
    case renew([InterfaceAddress], guarded: Set<Int32>)
    /// Read all interfaces and addresses (for `LinkMonitor.finishReload`).
    case read
}

/// The result of a call.
package struct NetlinkCompletion: Sendable {
    /// The number that the call was given.
    package let ticket: UInt64
    package let call: NetlinkCall
    /// One for each address of the call.
    package let outcomes: [AddressOutcome]
    /// The result of `read`.
    package let snapshot: RouteSnapshot?
    /// Error number of `read`, 0 for none.
    package let readError: Int32

    /// The failures, one sentence each: `can't add 10.0.0.1/24 to eth0: …`.
    package var failures: [SystemError] {
        var failures: [SystemError] = []
        for (index, outcome) in outcomes.enumerated() {
            guard case .failed(let code) = outcome else { continue }
            switch call {
            case .install(let addresses): failures.append(addresses[index].error(adding: code))
            case .renew(let addresses, _): failures.append(addresses[index].error(renewing: code))
            case .withdraw(let addresses, _): failures.append(addresses[index].error(removing: code))
            case .read: break
            }
        }
        if readError != 0 { failures.append(SystemError(readError, "read interfaces and addresses")) }
        return failures
    }
}

/// A call on its way. It lives in memory that the event loop's thread makes and frees; the second thread borrows it,
/// writes into the room that was made for it, and frees nothing of it. So the two don't wait for each other in the
/// allocator, where a realtime thread would wait for one that isn't scheduled.
private struct Job {
    let ticket: UInt64
    let call: NetlinkCall
    var outcomes: [AddressOutcome]
    var snapshot: RouteSnapshot?
    var readError: Int32 = 0
    var next: UnsafeMutablePointer<Job>?

    init(ticket: UInt64, call: NetlinkCall) {
        self.ticket = ticket
        self.call = call
        outcomes = Array(repeating: .pending, count: call.addresses.count)
    }
}

extension NetlinkCall {
    fileprivate enum Kind { case install, withdraw, renew, read }

    fileprivate var kind: Kind {
        switch self {
        case .install: .install
        case .withdraw: .withdraw
        case .renew: .renew
        case .read: .read
        }
    }

    package var addresses: [InterfaceAddress] {
        switch self {
        case .install(let addresses), .withdraw(let addresses, _), .renew(let addresses, _): addresses
        case .read: []
        }
    }
}

/// A chain of jobs, first in, first out. It owns nothing.
private struct JobChain {
    private(set) var first: UnsafeMutablePointer<Job>?
    private var last: UnsafeMutablePointer<Job>?

    mutating func append(_ job: UnsafeMutablePointer<Job>) {
        job.pointee.next = nil
        if let last { last.pointee.next = job } else { first = job }
        last = job
    }

    mutating func popFirst() -> UnsafeMutablePointer<Job>? {
        guard let job = first else { return nil }
        first = job.pointee.next
        if first == nil { last = nil }
        return job
    }
}

/// The VRRP worker's second thread: kernel calls that may block are done there (docs/decisions, D5). Calls go in and
/// completions come out as values; the event loop watches `descriptor` and drains.
///
/// `@unchecked Sendable`: `waiting` and `finished` are touched only under the thread's lock, `connection` only by the
/// second thread, the rest only by the event loop's.
package final class NetlinkThread: CallThreadBody, @unchecked Sendable {
    private let connection: RouteConnection
    private let thread: CallThread

    private var waiting = JobChain()
    private var finished = JobChain()
    /// Calls that were submitted and not drained; the event loop's side only.
    package private(set) var inFlight = 0

    /// Most addresses that consecutive calls are merged to: one look at what is ours serves all of them, and nobody
    /// waits for more than about this many changes.
    private static let mergeMaximum = 256

    /// Starts the thread, which from then on owns the connection. - Throws: `SystemError`.
    package init(_ connection: consuming sending RouteConnection) throws(SystemError) {
        self.connection = connection
        thread = try CallThread()
        try thread.start(self)
    }

    deinit {
        stop()
        _ = drain()
    }

    // MARK: The event loop's side

    /// Readable when there is something to drain.
    package var descriptor: Int32 { thread.descriptor }

    /// Hands a call over. It is done after those before it.
    package func submit(_ call: NetlinkCall, ticket: UInt64) {
        let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
        job.initialize(to: Job(ticket: ticket, call: call))
        inFlight += 1
        thread.withLock { waiting.append(job) }
        thread.wakeUp()
    }

    /// Returns what was done since the last call, in the order of submission.
    package func drain() -> [NetlinkCompletion] {
        thread.clearCompleted()
        var completions: [NetlinkCompletion] = []
        while let job = thread.withLock({ finished.popFirst() }) {
            inFlight -= 1
            let done = job.move()
            job.deallocate()
            completions.append(
                NetlinkCompletion(
                    ticket: done.ticket, call: done.call, outcomes: done.outcomes, snapshot: done.snapshot,
                    readError: done.readError))
        }
        return completions
    }

    /// Does what was submitted and ends the thread. Blocks until then; completions can still be drained.
    package func stop() { thread.stop() }

    // MARK: The thread's side

    func run() {
        while true {
            var taken = JobChain()
            let isLast = thread.withLock {
                swap(&taken, &waiting)
                return thread.isStopping
            }
            if taken.first == nil {
                if isLast { return }
                thread.awaitCalls()
            }
            while taken.first != nil { performRun(of: &taken) }
        }
    }

    /// Performs the calls of one kind that the chain begins with as one, and reports them.
    private func performRun(of chain: inout JobChain) {
        var run = JobChain()
        guard let first = chain.popFirst() else { return }
        run.append(first)
        let kind = first.pointee.call.kind
        var count = first.pointee.outcomes.count
        while kind != .read, let next = chain.first, next.pointee.call.kind == kind,
            count + next.pointee.outcomes.count <= Self.mergeMaximum, let job = chain.popFirst()
        {
            count += job.pointee.outcomes.count
            run.append(job)
        }
        if first.pointee.next == nil { performAlone(first) } else { performMerged(run, kind, count) }
        // From here on a job is the event loop's again.
        thread.withLock {
            while let job = run.popFirst() { finished.append(job) }
        }
        thread.announceCompleted()
    }

    private func performAlone(_ job: UnsafeMutablePointer<Job>) {
        switch job.pointee.call {
        case .install(let addresses): connection.install(addresses, into: &job.pointee.outcomes)
        case .withdraw(let addresses, let guarded):
            connection.withdraw(addresses, guarded: guarded, into: &job.pointee.outcomes)
        case .renew(let addresses, let guarded):
            connection.renew(addresses, guarded: guarded, into: &job.pointee.outcomes)
        case .read:
            do { job.pointee.snapshot = try connection.snapshot() } catch { job.pointee.readError = error.code }
        }
    }

    private func performMerged(_ run: JobChain, _ kind: NetlinkCall.Kind, _ count: Int) {
        var addresses: [InterfaceAddress] = []
        addresses.reserveCapacity(count)
        var guarded: Set<Int32> = []
        var place = run.first
        while let job = place {
            addresses.append(contentsOf: job.pointee.call.addresses)
            switch job.pointee.call {
            case .withdraw(_, let some), .renew(_, let some): guarded.formUnion(some)
            case .install, .read: break
            }
            place = job.pointee.next
        }
        var outcomes = Array(repeating: AddressOutcome.pending, count: count)
        switch kind {
        case .install: connection.install(addresses, into: &outcomes)
        case .renew: connection.renew(addresses, guarded: guarded, into: &outcomes)
        case .withdraw, .read: connection.withdraw(addresses, guarded: guarded, into: &outcomes)
        }
        var start = 0
        place = run.first
        while let job = place {
            for index in job.pointee.outcomes.indices { job.pointee.outcomes[index] = outcomes[start + index] }
            start += job.pointee.outcomes.count
            place = job.pointee.next
        }
    }
}
