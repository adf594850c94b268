import Base
import ConfigurationModel
import LoadBalancing

/// A director with the table that it directs, and the file of its keys: a call is answered when `answer` is called.
struct DirectedTable {
    var director = Director()
    var table = SimulatedTable()
    var now = Instant(nanoseconds: 1_000_000_000_000)
    /// The call that isn't answered yet.
    private(set) var call: (call: TableCall, ticket: UInt64)?
    /// The keys on disk.
    var file: Set<ServiceKey> = []
    var observations: [DirectorObservation] = []
    var standing: [StandingService]?
    private(set) var isStopped = false
    /// Calls that broke a rule of the order of actions.
    private(set) var failures: [String] = []
    var fault: ServiceFault?

    mutating func send(_ event: DirectorEvent) {
        var actions: [DirectorAction] = []
        director.handle(event, at: now, into: &actions)
        for action in actions { perform(action) }
    }

    private mutating func perform(_ action: DirectorAction) {
        switch action {
        case .note(let keys): if fault != .losesNotes { file.formUnion(keys) }
        case .forget(let keys): file.subtract(keys)
        case .call(let next, let ticket):
            if call != nil { failures.append("two calls at a time") }
            check(next)
            call = (fault.map { $0.spoil(next, table) } ?? next, ticket)
        case .observe(let observation): observations.append(observation)
        case .standing(let services): standing = services
        case .stopped: isStopped = true
        }
    }

    /// A key is on disk before it is written.
    private mutating func check(_ call: TableCall) {
        guard case .write(let requests) = call else { return }
        for request in requests {
            guard case .addService(let key, _) = request, !file.contains(key) else { continue }
            failures.append("\(key.target) is made and isn't noted")
        }
    }

    /// Answers the call. False when there is none.
    @discardableResult mutating func answer() -> Bool {
        guard let (call, ticket) = call else { return false }
        self.call = nil
        let result = fault?.spoil(table.answer(call), director) ?? table.answer(call)
        send(.result(result, ticket: ticket))
        return true
    }

    /// Answers until the director is at rest.
    mutating func settle() {
        while answer() {}
    }

    /// Sends the event and settles.
    mutating func play(_ event: DirectorEvent) {
        send(event)
        settle()
    }

    /// Lets time pass, with everything that becomes due in it.
    mutating func pass(_ interval: Interval) {
        let end = now + interval
        settle()
        while director.deadline <= end {
            now = max(now, director.deadline)
            send(.timeout)
            settle()
        }
        now = end
    }

    /// The process dies. What it knew is gone; the table and the file stay.
    ///
    /// - Parameter made: how many requests of the call under way the kernel has been given.
    mutating func kill(made: Int = 0) {
        if let call, case .write(let requests) = call.call, table.missing == nil {
            for request in requests.prefix(made) { _ = table.take(request) }
        }
        call = nil
        director = Director()
    }
}
