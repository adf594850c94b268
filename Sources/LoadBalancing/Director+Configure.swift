import Base
import ConfigurationModel

extension Director {
    /// Identity of a service from one configuration to the next.
    private struct DefinitionIdentity: Hashable {
        var address: ServiceAddress
        var transport: ServiceTransport?
        var family: AddressFamily

        init(_ definition: ServiceDefinition) {
            (address, transport, family) = (definition.address, definition.transport, definition.family)
        }
    }

    /// A checker that hasn't told a state this long after a configuration may never do so.
    private static let checkerPatience = Interval.seconds(5)
    /// More of them aren't remembered: they count as foreign then.
    private static let formerMaximum = 65_536

    mutating func configure(_ configuration: DirectorConfiguration, at now: Instant) {
        guard stage == .running else { return }
        let old = services
        services = configuration.services.map { DirectedService($0) }
        carryOver(from: old, hasChecker: configuration.hasChecker)
        if services.map(\.definition.keys) == old.map(\.definition.keys) {
            // Nearly always: many thousands of keys needn't be looked up then.
            basis.number += 1
            basis.definitions = configuration.services
            remember(old, owners)
        } else {
            let oldOwners = owners
            basis = SurveyBasis(configuration.services, number: basis.number + 1)
            owners = basis.owners
            remember(old, oldOwners)
            former = former.filter { owners[$0.key] != nil }
            removals.removeAll { owners[$0] != nil }
            present = present.filter { owners[$0.key] != nil }
        }
        flushAtStop = configuration.flushAtStop
        if configuration.timeouts != timeouts {
            timeouts = configuration.timeouts
            writesTimeouts = timeouts != ConnectionTimeouts()
        }
        // Plans of before are about numbers and servers that may have gone.
        (halfDone, retries, refusedRemovals) = ([], [:], [])
        if case .write(let requests, _) = outstanding?.purpose { outstanding?.purpose = .write(requests, []) }
        let isSwept = queue.sweeps
        queue = KeyQueue()
        pass = nil
        drift.restart()
        switch configuration.occasion {
        case .start(let keys):
            noted.formUnion(keys)
            flushesForeign = configuration.flushesAtStart
            standing = StandingSearch()
            standing.isDue = configuration.hasChecker
            askAgain(sweeps: true)
        case .resume(let keys):
            noted.formUnion(keys)
            askAgain(sweeps: isSwept)
        case .reload:
            // The search goes by numbers: it begins again with the reading that follows.
            (standing.keys, standing.found) = ([], [])
            askAgain(sweeps: true)
        }
        let isWaiting = configuration.hasChecker && services.contains { $0.state == nil || !$0.untold.isEmpty }
        patience = isWaiting ? min(patience, now + Self.checkerPatience) : .never
    }

    /// States that were told stay until the checker tells others. A new server is out until then when it has checks.
    private mutating func carryOver(from old: [DirectedService], hasChecker: Bool) {
        var numbers: [DefinitionIdentity: Int] = [:]
        for (number, service) in old.enumerated() {
            let identity = DefinitionIdentity(service.definition)
            if numbers[identity] == nil { numbers[identity] = number }
        }
        for number in services.indices {
            let definition = services[number].definition
            let earlier = numbers[DefinitionIdentity(definition)].map { old[$0] }
            services[number].mended = earlier?.mended ?? 0
            guard hasChecker else {
                services[number].state = ServiceState(unchecked: definition)
                continue
            }
            if let earlier { services[number].carryOver(from: earlier) }
        }
    }

    /// Keeps the destinations that the former configuration has named and this one doesn't.
    private mutating func remember(_ old: [DirectedService], _ oldOwners: [ServiceKey: Int]) {
        var count = former.values.reduce(0) { $0 + $1.count }
        for (number, service) in services.enumerated() {
            if old.indices.contains(number), old[number].definition.keys == service.definition.keys,
                old[number].definition.namesTheSame(as: service.definition)
            {
                continue
            }
            var compared: (number: Int, isSame: Bool)?
            for key in service.definition.keys {
                guard let oldNumber = oldOwners[key] else { continue }
                let before = old[oldNumber].definition
                if compared?.number != oldNumber {
                    let isSame = before.namesTheSame(as: service.definition)
                    compared = (oldNumber, isSame)
                }
                guard compared?.isSame == false else { continue }
                let named = Set(service.definition.allDestinations(for: key))
                for place in before.allDestinations(for: key)
                where count < Self.formerMaximum && !named.contains(place) {
                    if former[key, default: []].insert(place).inserted { count += 1 }
                }
            }
        }
    }

    // MARK: - News of the checker

    mutating func take(_ change: StateChange) {
        guard stage == .running else { return }
        switch change {
        case .whole(let number, let state):
            guard services.indices.contains(number), isAllowed(state, services[number].definition) else {
                return counters.refusedStates += 1
            }
            services[number].untold = []
            become(state, number)
        case .quorum(let number, let hasQuorum, let usesSorryServer):
            guard services.indices.contains(number), var state = services[number].state,
                !usesSorryServer || services[number].definition.sorryServer != nil
            else { return counters.refusedStates += 1 }
            (state.hasQuorum, state.usesSorryServer) = (hasQuorum, usesSorryServer)
            become(state, number)
        case .server(let number, let server, let serverState):
            guard services.indices.contains(number), let former = services[number].state(ofServer: server),
                serverState.weight <= services[number].definition.servers[server].maximumWeight
            else { return counters.refusedStates += 1 }
            services[number].untold.remove(server)
            guard former != serverState else { return }
            // In place: thousands of a service may change one after the other.
            services[number].state?.servers[server] = serverState
            enqueue(number)
        }
    }

    /// Services that don't stand in the table, and servers that a reload has added, begin without the checker, which may correct
    /// them later. Services that stand there stay as they are.
    mutating func assumeStates() {
        patience = .never
        for number in services.indices {
            let definition = services[number].definition
            var state = ServiceState(unchecked: definition)
            var assumed = Set(definition.servers.indices)
            if let known = services[number].state {
                (state, assumed) = (known, services[number].untold)
                services[number].untold = []
            } else if definition.keys.contains(where: { present[$0] != nil }) {
                continue
            }
            for server in assumed { state.servers[server].isUp = !definition.servers[server].startsDown }
            become(state, number)
        }
    }

    private func isAllowed(_ state: ServiceState, _ definition: ServiceDefinition) -> Bool {
        state.servers.count == definition.servers.count
            && zip(state.servers, definition.servers).allSatisfy { $0.weight <= $1.maximumWeight }
            && (!state.usesSorryServer || definition.sorryServer != nil)
    }

    private mutating func become(_ state: ServiceState, _ number: Int) {
        guard services[number].state != state else { return }
        services[number].state = state
        enqueue(number)
    }

    private mutating func enqueue(_ number: Int) {
        // Before the first reading everything is going to be made anyway.
        guard condition == .available else { return }
        if case .full = reading { return }
        let isSwept = services[number].isToBeSwept
        services[number].isToBeSwept = false
        for key in services[number].definition.keys { queue.append(key, QueuedKey(sweeps: isSwept)) }
    }
}

extension DirectedService {
    /// Takes over what the checker has told of the same service, by the numbers of this configuration.
    fileprivate mutating func carryOver(from earlier: DirectedService) {
        let (old, new) = (earlier.definition, definition)
        guard let known = earlier.state else { return }
        guard old.servers != new.servers || old.sorryServer != new.sorryServer else {
            (state, untold) = (known, earlier.untold)
            return
        }
        var places: [DestinationKey: Int] = [:]
        for (number, server) in old.servers.enumerated() {
            places[DestinationKey(server.address, port: server.port)] = number
        }
        var result = known
        result.usesSorryServer = known.usesSorryServer && new.sorryServer != nil
        result.servers = new.servers.enumerated().map { place, server in
            guard let number = places[DestinationKey(server.address, port: server.port)] else {
                if server.hasChecks { untold.insert(place) }
                return ServerState(isUp: !server.hasChecks, weight: server.weight)
            }
            if earlier.untold.contains(number) { untold.insert(place) }
            let isWritten = known.servers[number].weight == old.servers[number].weight
            let weight = isWritten ? server.weight : min(known.servers[number].weight, server.maximumWeight)
            return ServerState(isUp: known.servers[number].isUp, weight: weight)
        }
        state = result
    }
}

extension ServiceDefinition {
    /// True if the destinations of both are the same, whatever their weights are.
    fileprivate func namesTheSame(as other: ServiceDefinition) -> Bool {
        sorryServer == other.sorryServer
            && servers.elementsEqual(other.servers) {
                $0.address == $1.address && $0.port == $1.port && $0.forwarding == $1.forwarding
            }
    }

    /// Every destination that it can have for this key, whatever the states are.
    func allDestinations(for key: ServiceKey) -> [DestinationKey] {
        var places = servers.map { DestinationKey($0.address, port: port($0.port, $0.forwarding, for: key)) }
        if let sorryServer {
            places.append(
                DestinationKey(sorryServer.address, port: port(sorryServer.port, sorryServer.forwarding, for: key)))
        }
        return places
    }
}
