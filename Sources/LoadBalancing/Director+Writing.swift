import Base
import ConfigurationModel

/// A service's plan while the kernel is given its first half.
struct PendingPlan: Sendable {
    var key: ServiceKey
    /// The state that it is made of.
    var state: ServiceState
    var last: [TableRequest]
    /// Servers with a weight that neither half touches.
    var standing: Int
    /// True if it is meant to have a server with a weight in the end.
    var keepsServer: Bool
    /// Foreign destinations are removed.
    var sweeps: Bool
}

extension Director {
    // MARK: - Plans

    /// Plans these services with their destinations as they were just read, and begins to write.
    mutating func plan(
        _ keys: [ServiceKey], _ found: [ServiceKey: [DestinationKey: KernelDestination]], at now: Instant,
        _ actions: inout [DirectorAction]
    ) {
        var requests: [TableRequest] = []
        var plans: [PendingPlan] = []
        for key in keys {
            let isSwept = swept.remove(key) != nil
            guard let number = owners[key], let state = services[number].state else { continue }
            let actual = actual(key, found)
            if actual == nil { present[key] = nil }
            let wanted = services[number].definition.wanted(for: key, state)
            let whole = TableDifference(key, from: actual, to: wanted)
            let (ours, foreign) = split(whole, number)
            if isSwept {
                if !foreign.isEmpty { actions.append(.observe(.foreignRemoved(key, foreign.sorted()))) }
                services[number].foreign[key] = nil
            } else {
                show(foreign, key, number, &actions)
            }
            let difference = isSwept ? whole : ours
            mend(ours, number, at: now, &actions)
            guard !difference.isEmpty else {
                settle(key, state, number, &actions)
                continue
            }
            let plan = ServicePlan(difference)
            requests += plan.first
            plans.append(Self.pending(plan, key, state, actual, wanted, sweeps: isSwept))
        }
        guard !plans.isEmpty else { return }
        if requests.isEmpty {
            finish(plans, succeeded: [:])
        } else {
            begin(.write(requests), .write(requests, plans), &actions)
        }
    }

    private static func pending(
        _ plan: ServicePlan, _ key: ServiceKey, _ state: ServiceState, _ actual: TableService?,
        _ wanted: TableService, sweeps: Bool
    ) -> PendingPlan {
        let standing = (actual?.destinations ?? [:]).filter { place, destination in
            destination.weight > 0 && (wanted.destinations[place]?.weight ?? 0) > 0
        }
        return PendingPlan(
            key: key, state: state, last: plan.last, standing: standing.count,
            keepsServer: wanted.destinations.values.contains { $0.weight > 0 }, sweeps: sweeps)
    }

    /// The second halves. One that would leave a service without any server, because none could be brought in, waits.
    private mutating func finish(_ plans: [PendingPlan], succeeded: [ServiceKey: Int]) {
        for plan in plans where isCurrent(plan) {
            guard plan.standing + (succeeded[plan.key] ?? 0) > 0 || !plan.keepsServer else { continue }
            if !plan.last.isEmpty { halfDone.append(plan) }
        }
    }

    /// False for a plan that another one follows, which is then to do what this one leaves.
    private mutating func isCurrent(_ plan: PendingPlan) -> Bool {
        guard queue.contains(plan.key) else { return true }
        queue.append(plan.key, QueuedKey(sweeps: plan.sweeps))
        return false
    }

    mutating func writeLastHalves(_ actions: inout [DirectorAction]) {
        var plans: [PendingPlan] = []
        for plan in halfDone where isCurrent(plan) { plans.append(plan) }
        halfDone = []
        let requests = plans.flatMap(\.last)
        for index in plans.indices { plans[index].last = [] }
        if !requests.isEmpty { begin(.write(requests), .write(requests, plans), &actions) }
    }

    /// A service stands as this state asks for.
    private mutating func settle(
        _ key: ServiceKey, _ state: ServiceState, _ number: Int, _ actions: inout [DirectorAction]
    ) {
        services[number].written[key] = state
        retries[key] = nil
        guard services[number].refusal?.request.service == key else { return }
        services[number].refusal = nil
        actions.append(.observe(.accepted(key)))
    }

    // MARK: - What the kernel has answered

    mutating func takeWritten(
        _ requests: [TableRequest], _ errors: [Int32], _ plans: [PendingPlan], at now: Instant,
        _ actions: inout [DirectorAction]
    ) {
        var failed: [ServiceKey: (request: TableRequest, error: Int32)] = [:]
        var succeeded: [ServiceKey: Int] = [:]
        for (index, request) in requests.enumerated() {
            let error = index < errors.count ? errors[index] : ErrorNumber.io
            if error == 0 {
                counters.written += 1
                apply(request, &actions)
                if let key = request.service, request.bringsServer { succeeded[key, default: 0] += 1 }
                continue
            }
            counters.refused += 1
            if error == ErrorNumber.notPermitted {
                return becomeMissing(error, during: .write(requests, plans), at: now, &actions)
            }
            guard let key = request.service else {
                actions.append(.observe(.refused(request, error)))
                continue
            }
            if failed[key] == nil { failed[key] = (request, error) }
        }
        let swept = Set(plans.filter(\.sweeps).map(\.key))
        for (key, failure) in failed.sorted(by: { $0.key < $1.key }) {
            refuse(key, failure.request, failure.error, sweeps: swept.contains(key), at: now, &actions)
        }
        finish(plans, succeeded: succeeded)
        for plan in plans where failed[plan.key] == nil && plan.last.isEmpty {
            guard let number = owners[plan.key], !queue.contains(plan.key) else { continue }
            settle(plan.key, plan.state, number, &actions)
        }
    }

    /// Follows a request that the kernel has taken.
    private mutating func apply(_ request: TableRequest, _ actions: inout [DirectorAction]) {
        switch request {
        case .addService(let key, let service), .editService(let key, let service):
            if owners[key] != nil { present[key] = service }
        case .removeService(let key):
            present[key] = nil
            if noted.contains(key), owners[key] == nil { forget([key], &actions) }
        default: break
        }
    }

    /// The service is read at once after its first failure, then after 1, 2, 4 … 10 s.
    private mutating func refuse(
        _ key: ServiceKey, _ request: TableRequest, _ error: Int32, sweeps: Bool, at now: Instant,
        _ actions: inout [DirectorAction]
    ) {
        guard let number = owners[key] else {
            // It is asked for again with the next reading.
            if refusedRemovals.insert(key).inserted { actions.append(.observe(.refused(request, error))) }
            return
        }
        services[number].written[key] = nil
        let count = (retries[key]?.count ?? 0) + 1
        let delay = count == 1 ? Interval.zero : Interval.seconds(min(10, 1 << Int64(min(count, 6) - 2)))
        retries[key] = Retry(count: count, next: now + delay, sweeps: sweeps)
        // The first failure may be somebody else's change at the same moment.
        guard count > 1 else { return }
        let refusal = services[number].refusal
        guard refusal?.request != request || refusal?.error != error else { return }
        services[number].refusal = TableRefusal(request: request, error: error, since: refusal?.since ?? now)
        actions.append(.observe(.refused(request, error)))
    }

    // MARK: - What others have changed

    /// Says and counts the part of a difference that our own news don't explain.
    private mutating func mend(
        _ difference: TableDifference, _ number: Int, at now: Instant, _ actions: inout [DirectorAction]
    ) {
        let key = difference.key
        guard !difference.isEmpty, let written = services[number].written[key] else { return }
        let definition = services[number].definition
        let before = definition.destinations(for: key, written)
        let mended = difference.filter { change in
            switch change {
            case .service: true
            case .destination(let place, let found, _): found != before[place]
            }
        }
        guard !mended.isEmpty else { return }
        counters.mended += UInt64(mended.changes.count)
        services[number].mended += UInt64(mended.changes.count)
        let said = mended.filter { change in
            switch change {
            case .service: repeats.admits(key, nil, at: now)
            case .destination(let place, _, _): repeats.admits(key, place, at: now)
            }
        }
        if !said.isEmpty { actions.append(.observe(.mended(said))) }
    }
}

extension TableRequest {
    /// True if it leaves a server in the service that is given connections.
    var bringsServer: Bool {
        switch self {
        case .addDestination(_, _, let destination), .editDestination(_, _, let destination): destination.weight > 0
        default: false
        }
    }
}

/// Counts of the same thing mended within a minute.
struct MendingRepeats: Sendable {
    private struct Thing: Hashable {
        var key: ServiceKey
        var place: DestinationKey?
    }
    private struct Count {
        var end: Instant
        var said = 0
        var unsaid = 0
    }
    private static let period = Interval.seconds(60)
    private static let saidMaximum = 5
    private var counts: [Thing: Count] = [:]

    /// True if it's to be said by itself; otherwise it's counted.
    mutating func admits(_ key: ServiceKey, _ place: DestinationKey?, at now: Instant) -> Bool {
        let thing = Thing(key: key, place: place)
        var count = counts[thing] ?? Count(end: now + Self.period)
        let isSaid = count.said < Self.saidMaximum
        if isSaid { count.said += 1 } else { count.unsaid += 1 }
        counts[thing] = count
        return isSaid
    }

    /// Says what was counted in minutes that are over. A thing that goes on is said once a minute.
    mutating func report(at now: Instant, _ actions: inout [DirectorAction]) {
        for (thing, count) in counts where count.end <= now {
            guard count.unsaid > 0 else {
                counts[thing] = nil
                continue
            }
            actions.append(.observe(.mendedRepeatedly(thing.key, thing.place, count: count.unsaid)))
            counts[thing] = Count(end: now + Self.period, said: Self.saidMaximum)
        }
    }
}
