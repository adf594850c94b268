import Base
import ConfigurationModel

/// Decides what is written to the kernel's table. It reads before it writes, so it writes only what isn't so already, and
/// goes on from whatever it finds. It runs in hasupd; a thread does the calls, one at a time.
package struct Director: Sendable {
    /// By number.
    package internal(set) var services: [DirectedService] = []
    package internal(set) var condition = TableCondition.unknown
    package internal(set) var counters = DirectorCounters()
    /// Services of others, as they were last read.
    package internal(set) var foreignServices: [ServiceKey] = []
    /// Keys that are ours in this boot, whether they're configured or not.
    package internal(set) var noted: Set<ServiceKey> = []

    /// The services of the configuration, to compare the kernel's with.
    var basis = SurveyBasis()
    /// The number of the service that each configured key belongs to.
    var owners: [ServiceKey: Int] = [:]
    /// Destinations that an earlier configuration of this process has named, and this one doesn't.
    var former: [ServiceKey: Set<DestinationKey>] = [:]
    /// Our services as the kernel was last known to have them.
    var present: [ServiceKey: KernelService] = [:]

    var timeouts = ConnectionTimeouts()
    var flushesForeign = false
    var flushAtStop = FlushAtStop.none
    var stage = Stage.running

    // What is to be done, and what is being done.
    var outstanding: OutstandingCall?
    var lastTicket: UInt64 = 0
    var reading = ServiceReading.none
    var writesTimeouts = false
    /// Services to be removed: leftovers, and foreign ones for lvs_flush.
    var removals: [ServiceKey] = []
    /// Those that the kernel has refused, which was said.
    var refusedRemovals: Set<ServiceKey> = []
    /// Plans whose first half the kernel has taken.
    var halfDone: [PendingPlan] = []
    var queue = KeyQueue()
    /// The pass over all services that a full reading has begun.
    var pass: TablePass?
    /// Keys taken from the queue whose foreign destinations are removed.
    var swept: Set<ServiceKey> = []
    var retries: [ServiceKey: Retry] = [:]
    var standing = StandingSearch()
    /// The end of the time in which a checker has to tell the states of a configuration; `.never` when it has passed.
    var patience = Instant.never
    var drift = DriftWatch()
    var repeats = MendingRepeats()
    /// Time of the next try while IPVS is missing.
    var nextTry = Instant.never

    /// Destinations of one reading, and requests of one write, about.
    static let batch = 1_000

    package init() {}

    /// The only door.
    package mutating func handle(_ event: DirectorEvent, at now: Instant, into actions: inout [DirectorAction]) {
        switch event {
        case .configure(let configuration): configure(configuration, at: now)
        case .states(let changes): for change in changes { take(change) }
        case .result(let result, let ticket): take(result, ticket, at: now, &actions)
        case .timeout: break
        case .reload: askAgain(sweeps: true)
        case .stop(let keepsServices): stop(keepsServices: keepsServices)
        }
        advance(at: now, &actions)
    }

    /// The time of the next `.timeout`.
    package var deadline: Instant {
        guard stage == .running, outstanding == nil else { return .never }
        guard hasWork else { return .never }
        if case .missing = condition { return nextTry }
        return min(drift.nextTick, retries.values.map(\.next).min() ?? .never, patience)
    }

    /// True while no call is under way.
    package var isIdle: Bool { outstanding == nil }

    /// True if there is anything of ours to look after.
    var hasWork: Bool { !owners.isEmpty || !noted.isEmpty || flushesForeign || writesTimeouts }

    // MARK: - The next call

    /// Begins the next call when none is under way.
    mutating func advance(at now: Instant, _ actions: inout [DirectorAction]) {
        // Steps that turn out to need no call lead to the next one.
        while outstanding == nil, step(at: now, &actions) {}
    }

    /// Does one step. False when there is nothing to do now.
    private mutating func step(at now: Instant, _ actions: inout [DirectorAction]) -> Bool {
        guard stage == .running else { return stepOfStop(&actions) }
        guard hasWork else { return false }
        if case .missing = condition {
            guard now >= nextTry else { return false }
            reading.ask(.full(sweeps: false))
            nextTry = .never
        }
        if case .unknown = condition, reading == .none { reading = .full(sweeps: false) }
        if reading != .none {
            begin(survey, .services(reading), &actions)
            reading = .none
            return true
        }
        if stepOfSearch(&actions) { return true }
        // News about other services don't wait for a long plan; its second half doesn't wait for them.
        if !halfDone.isEmpty {
            writeLastHalves(&actions)
            return true
        }
        if writesTimeouts {
            writesTimeouts = false
            let request = TableRequest.setTimeouts(tcp: timeouts.tcp, tcpFin: timeouts.tcpFin, udp: timeouts.udp)
            begin(.write([request]), .write([request], []), &actions)
            return true
        }
        if !removals.isEmpty {
            let requests = removals.prefix(Self.batch).map { TableRequest.removeService($0) }
            removals.removeFirst(requests.count)
            begin(.write(requests), .write(requests, []), &actions)
            return true
        }
        if now >= patience { assumeStates() }
        takeDueRetries(at: now)
        if reading != .none { return true }
        if queue.isEmpty { continuePass() }
        if !queue.isEmpty {
            takeChunk(at: now, &actions)
            return true
        }
        guard now >= drift.nextTick else { return false }
        repeats.report(at: now, &actions)
        drift.nextTick = now + DriftWatch.period
        begin(survey, .driftOfServices, &actions)
        return true
    }

    private var survey: TableCall {
        var basis = basis
        basis.noted = noted
        return .survey(basis)
    }

    mutating func begin(_ call: TableCall, _ purpose: OutstandingCall.Purpose, _ actions: inout [DirectorAction]) {
        lastTicket += 1
        outstanding = OutstandingCall(ticket: lastTicket, purpose: purpose)
        actions.append(.call(call, ticket: lastTicket))
    }

    /// Keys whose next try has come go to the queue, after a look at which services there are.
    private mutating func takeDueRetries(at now: Instant) {
        let due = retries.filter { $0.value.next <= now && !$0.value.isQueued }.map(\.key).sorted()
        guard !due.isEmpty else { return }
        for key in due {
            retries[key]?.isQueued = true
            queue.append(key, QueuedKey(sweeps: retries[key]?.sweeps == true))
        }
        reading.ask(.look)
    }

    // MARK: - Answers

    private mutating func take(
        _ result: TableResult, _ ticket: UInt64, at now: Instant, _ actions: inout [DirectorAction]
    ) {
        guard let call = outstanding, call.ticket == ticket else {
            counters.strayResults += 1
            return
        }
        outstanding = nil
        guard stage == .running else { return takeAtStop(result, call, &actions) }
        switch (result, call.purpose) {
        case (.survey(let survey), .services(let reading)):
            becomeAvailable(at: now, &actions)
            takeServices(survey, reading, &actions)
        case (.survey(let survey), .driftOfServices):
            takeServices(survey, .look, &actions)
            readForDrift(survey, &actions)
        case (.destinations(let found), .destinations(let keys)): plan(keys, found, at: now, &actions)
        case (.destinations(let found), .standing(let keys)): takeStanding(keys, found)
        case (.destinations(let found), .driftOfDestinations(let keys)): compare(keys, found, &actions)
        case (.written(let errors), .write(let requests, let plans)):
            takeWritten(requests, errors, plans, at: now, &actions)
        case (.failed(let error), let purpose): becomeMissing(error, during: purpose, at: now, &actions)
        case (_, let purpose): becomeMissing(ErrorNumber.io, during: purpose, at: now, &actions)
        }
    }

    private mutating func becomeAvailable(at now: Instant, _ actions: inout [DirectorAction]) {
        if condition == .available { return }
        if case .missing = condition { actions.append(.observe(.available)) }
        condition = .available
        drift.nextTick = now + DriftWatch.period
    }

    /// All is read again when IPVS is there.
    mutating func becomeMissing(
        _ error: Int32, during purpose: OutstandingCall.Purpose, at now: Instant, _ actions: inout [DirectorAction]
    ) {
        if case .missing(error, _) = condition {
        } else {
            condition = .missing(error, since: now)
            actions.append(.observe(.missing(error)))
        }
        var isSwept = queue.sweeps || !swept.isEmpty || reading == .full(sweeps: true)
        if case .services(.full(true)) = purpose { isSwept = true }
        if case .write(_, let plans) = purpose, plans.contains(where: \.sweeps) { isSwept = true }
        if (halfDone.contains { $0.sweeps } || retries.values.contains { $0.sweeps }) { isSwept = true }
        reading = .full(sweeps: isSwept)
        (present, removals, halfDone, retries) = ([:], [], [], [:])
        if standing.isDue { actions.append(.standing([])) }
        standing = StandingSearch()
        queue = KeyQueue()
        pass = nil
        swept = []
        drift.forget()
        for number in services.indices {
            services[number].written = [:]
            services[number].foreign = [:]
        }
        writesTimeouts = timeouts != ConnectionTimeouts()
        // A module that is missing, or a right, doesn't come soon; anything else may pass.
        let isLasting = error == ErrorNumber.noEntry || error == ErrorNumber.notPermitted
        nextTry = now + .seconds(isLasting ? 10 : 1)
    }

    /// Reads everything, also if IPVS was missing.
    mutating func askAgain(sweeps: Bool) {
        reading.ask(.full(sweeps: sweeps))
        if case .missing = condition { nextTry = Instant(nanoseconds: .min) }
        retries = [:]
    }
}

extension Director {
    enum Stage: Hashable, Sendable {
        case running
        case stopping(isFlushed: Bool)
        case stopped
    }

    /// The list of services is to be read.
    enum ServiceReading: Hashable, Sendable {
        case none
        /// To know which are there.
        case look
        /// To make the whole table what it should be; with `sweeps` foreign destinations are removed.
        case full(sweeps: Bool)

        mutating func ask(_ other: ServiceReading) {
            switch (self, other) {
            case (.full(true), _), (_, .none), (.full, .look): break
            default: self = other
            }
        }
    }
}

/// The call under way.
struct OutstandingCall: Sendable {
    enum Purpose: Sendable {
        case services(Director.ServiceReading)
        case destinations([ServiceKey])
        case driftOfServices
        case driftOfDestinations([ServiceKey])
        case standing([ServiceKey])
        /// With the plans whose first halves these requests are.
        case write([TableRequest], [PendingPlan])
        case end([ServiceKey])
    }
    var ticket: UInt64
    var purpose: Purpose
}

/// The next key of a pass over all services: a service's number, and a place among its keys.
struct TablePass: Sendable {
    var service = 0
    var place = 0
}

/// A key whose service is to be made what it should be.
struct QueuedKey: Sendable {
    /// Foreign destinations are removed.
    var sweeps = false
}

/// Keys in the order in which they came, each once.
struct KeyQueue: Sendable {
    private var keys: [ServiceKey] = []
    private var entries: [ServiceKey: QueuedKey] = [:]

    var isEmpty: Bool { keys.isEmpty }
    /// True if foreign destinations of any are to be removed.
    var sweeps: Bool { entries.values.contains { $0.sweeps } }

    func contains(_ key: ServiceKey) -> Bool { entries[key] != nil }

    mutating func append(_ key: ServiceKey, _ entry: QueuedKey) {
        guard let known = entries[key] else {
            keys.append(key)
            return entries[key] = entry
        }
        entries[key] = QueuedKey(sweeps: known.sweeps || entry.sweeps)
    }

    /// Takes keys from the beginning until their sizes together make this much; at least one.
    mutating func takePrefix(weighing limit: Int, _ weight: (ServiceKey) -> Int) -> [(ServiceKey, QueuedKey)] {
        var total = 0
        var taken: [(ServiceKey, QueuedKey)] = []
        for key in keys {
            total += weight(key)
            if total > limit, !taken.isEmpty { break }
            taken.append((key, entries[key] ?? QueuedKey()))
        }
        keys.removeFirst(taken.count)
        for (key, _) in taken { entries[key] = nil }
        return taken
    }
}

/// The next try of a service that the kernel has refused.
struct Retry: Sendable {
    var count = 1
    var next: Instant
    var isQueued = false
    /// Foreign destinations are removed.
    var sweeps = false
}
