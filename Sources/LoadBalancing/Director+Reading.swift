import Base
import ConfigurationModel

/// The second look at what others have changed (docs/decisions, D67).
struct DriftWatch: Sendable {
    static let period = Interval.seconds(1)
    var nextTick = Instant.never
    /// Differences of the last reading of a key; those that are found again are mended.
    var suspected: [ServiceKey: Set<TableChange>] = [:]
    /// Destinations that may be read; negative after a service with more than one period's share.
    var credit = 0
    /// The next key to be read: a service's number, and a place among its keys.
    var service = 0
    var place = 0

    mutating func forget() { (suspected, credit) = ([:], 0) }

    mutating func restart() {
        forget()
        (service, place) = (0, 0)
    }
}

extension Director {
    // MARK: - Services

    mutating func takeServices(
        _ survey: ServiceSurvey, _ reading: ServiceReading, _ actions: inout [DirectorAction]
    ) {
        // Another configuration has come meanwhile: a reading for that one is due.
        guard survey.number == basis.number else { return }
        present = survey.found
        foreignServices = survey.foreign
        forget(survey.gone, &actions)
        let leftovers = survey.leftovers
        // Foreign ones are there for lvs_flush.
        if !removals.isEmpty { removals = removals.filter(Set(foreignServices).contains) }
        removals = leftovers + removals
        guard case .full(let sweeps) = reading else { return }
        if !leftovers.isEmpty { actions.append(.observe(.leftovers(leftovers))) }
        if flushesForeign {
            flushesForeign = false
            removals += foreignServices
            if !foreignServices.isEmpty { actions.append(.observe(.flushed(foreignServices))) }
        }
        beginSearch()
        let new = services.flatMap { $0.definition.keys.filter { !noted.contains($0) } }
        if !new.isEmpty {
            noted.formUnion(new)
            actions.append(.note(new))
            let taken = new.filter { present[$0] != nil }
            if !taken.isEmpty { actions.append(.observe(.takenOver(taken))) }
        }
        // The pass plans anew what is half done.
        for plan in halfDone where plan.sweeps {
            if let number = owners[plan.key] { services[number].isToBeSwept = true }
        }
        halfDone = []
        if sweeps { for number in services.indices { services[number].isToBeSwept = true } }
        pass = TablePass()
    }

    /// Goes on with the pass over the whole table: about one reading's share goes to the queue.
    mutating func continuePass() {
        guard var current = pass else { return }
        var left = Self.batch
        while left > 0, services.indices.contains(current.service) {
            let service = services[current.service]
            let rest = service.state == nil ? [] : service.definition.keys.dropFirst(current.place)
            let share = rest.prefix(max(1, left / (service.definition.servers.count + 1)))
            for key in share { queue.append(key, QueuedKey(sweeps: service.isToBeSwept)) }
            left -= share.count * (service.definition.servers.count + 1)
            if share.count < rest.count {
                current.place += share.count
            } else {
                if service.state != nil { services[current.service].isToBeSwept = false }
                current = TablePass(service: current.service + 1)
            }
        }
        pass = services.indices.contains(current.service) ? current : nil
    }

    mutating func forget(_ keys: [ServiceKey], _ actions: inout [DirectorAction]) {
        guard !keys.isEmpty else { return }
        noted.subtract(keys)
        actions.append(.forget(keys))
    }

    // MARK: - Destinations

    /// Takes keys from the queue, and reads their destinations.
    mutating func takeChunk(at now: Instant, _ actions: inout [DirectorAction]) {
        let keys = queue.takePrefix(weighing: Self.batch) { key in
            owners[key].map { services[$0].definition.servers.count + 1 } ?? 1
        }
        let due = keys.filter { owners[$0.0] != nil }
        for (key, entry) in due where entry.sweeps || retries[key]?.sweeps == true { swept.insert(key) }
        let standing = due.map(\.0).filter { present[$0] != nil }
        if standing.isEmpty {
            plan(due.map(\.0), [:], at: now, &actions)
        } else {
            begin(.readDestinations(standing), .destinations(due.map(\.0)), &actions)
        }
    }

    /// The service as it stands there; nil for one that doesn't.
    func actual(
        _ key: ServiceKey, _ found: [ServiceKey: [DestinationKey: KernelDestination]]
    ) -> TableService? {
        guard let settings = present[key], let destinations = found[key] else { return nil }
        return TableService(settings: settings, destinations: destinations)
    }

    /// Splits off the destinations that no configuration of this boot has named.
    func split(_ difference: TableDifference, _ number: Int) -> (ours: TableDifference, foreign: [DestinationKey]) {
        var foreign: [DestinationKey] = []
        // Not searched for each: thousands may leave at once.
        lazy var named = Set(services[number].definition.allDestinations(for: difference.key))
        let ours = difference.filter { change in
            guard case .destination(let place, _, nil) = change,
                !named.contains(place),
                former[difference.key]?.contains(place) != true
            else { return true }
            foreign.append(place)
            return false
        }
        return (ours, foreign)
    }

    /// Keeps which destinations are foreign, and says which ones are new.
    mutating func show(
        _ foreign: [DestinationKey], _ key: ServiceKey, _ number: Int, _ actions: inout [DirectorAction]
    ) {
        let known = services[number].foreign[key] ?? []
        let new = foreign.filter { !known.contains($0) }
        services[number].foreign[key] = foreign.isEmpty ? nil : Set(foreign)
        if !new.isEmpty { actions.append(.observe(.foreign(key, new.sorted()))) }
    }

    // MARK: - Drift

    /// Services that are passed over in a look at most because nothing is known of them yet.
    private static let passedOverMax = 4_000

    /// Begins the second half of a look: destinations of those services that it's the turn of.
    mutating func readForDrift(_ survey: ServiceSurvey, _ actions: inout [DirectorAction]) {
        guard survey.number == basis.number else { return }
        var keys = drift.suspected.keys.filter(isWatched).sorted()
        drift.credit += Self.batch - keys.reduce(0) { $0 + weight($1) }
        var chosen = Set(keys)
        // Once around at most.
        var left = min(owners.count, Self.passedOverMax)
        while drift.credit > 0, left > 0, let key = nextWatched() {
            left -= 1
            guard isWatched(key), chosen.insert(key).inserted else { continue }
            keys.append(key)
            drift.credit -= weight(key)
        }
        drift.credit = min(drift.credit, 0)
        // Services that aren't there, or aren't what they should be, are seen without their destinations.
        for key in survey.differing {
            guard isWatched(key), let number = owners[key] else { continue }
            let wanted = services[number].definition.settings(for: key)
            suspect(key, [.service(found: survey.found[key], wanted: wanted)])
            chosen.remove(key)
        }
        keys = keys.filter { chosen.contains($0) }
        if !keys.isEmpty { begin(.readDestinations(keys), .driftOfDestinations(keys), &actions) }
    }

    /// True for a service that should stand as it is wanted, unless somebody has changed it.
    private func isWatched(_ key: ServiceKey) -> Bool {
        guard let number = owners[key], services[number].state != nil else { return false }
        return !queue.contains(key) && retries[key] == nil
    }

    private func weight(_ key: ServiceKey) -> Int {
        owners[key].map { max(1, services[$0].definition.servers.count) } ?? 1
    }

    private mutating func nextWatched() -> ServiceKey? {
        for _ in 0...services.count {
            if drift.service >= services.count { (drift.service, drift.place) = (0, 0) }
            guard services.indices.contains(drift.service) else { return nil }
            let keys = services[drift.service].definition.keys
            guard drift.place < keys.count else {
                (drift.service, drift.place) = (drift.service + 1, 0)
                continue
            }
            drift.place += 1
            return keys[drift.place - 1]
        }
        return nil
    }

    /// Compares a reading with the one before. What stands in both is mended.
    mutating func compare(
        _ keys: [ServiceKey], _ found: [ServiceKey: [DestinationKey: KernelDestination]],
        _ actions: inout [DirectorAction]
    ) {
        for key in keys {
            guard isWatched(key), let number = owners[key], let state = services[number].state else {
                drift.suspected[key] = nil
                continue
            }
            let wanted = services[number].definition.wanted(for: key, state)
            let (ours, foreign) = split(TableDifference(key, from: actual(key, found), to: wanted), number)
            show(foreign, key, number, &actions)
            suspect(key, Set(ours.changes))
        }
    }

    private mutating func suspect(_ key: ServiceKey, _ changes: Set<TableChange>) {
        let isSeenTwice = !(drift.suspected[key] ?? []).isDisjoint(with: changes)
        drift.suspected[key] = changes.isEmpty || isSeenTwice ? nil : changes
        if isSeenTwice { queue.append(key, QueuedKey()) }
    }
}
