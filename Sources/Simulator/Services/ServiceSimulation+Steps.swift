import Base
import ConfigurationModel
import LoadBalancing

/// Events of the world of services.
extension ServiceSimulation {
    /// One thing happens.
    mutating func disturb() {
        switch scenario.number(0...19) {
        case 0...5: answer()
        case 6...8: changeState()
        case 9...11: writeForeign()
        case 12: refuse()
        case 13:
            let isMissing = bench.table.missing != nil
            bench.table.missing = isMissing ? nil : [2, 1, 105][scenario.number(0...2)]
            isRefused = true
            note(isMissing ? "IPVS comes" : "IPVS goes")
        case 14: configure(scenario.once(in: 3) ? model : scenario.changed(model), .reload)
        case 15: die()
        case 16: tellAll()
        default: passWithCall()
        }
    }

    /// Time passes, whether the call under way has an answer or not.
    private mutating func passWithCall() {
        let interval = Interval.milliseconds(Int64(scenario.number(1...2_500)))
        guard bench.call != nil else { return pass(interval) }
        bench.now = bench.now + interval
        send(.timeout)
    }

    mutating func configure(_ next: ConfigurationModel, _ occasion: DirectorConfiguration.Occasion) {
        let old = (definitions, states)
        let next = ServiceScenario.distinct(next)
        model = next
        definitions = ServiceDefinition.all(of: next)
        let keys = Set(definitions.flatMap(\.keys))
        states = definitions.map { definition in
            guard hasChecker else { return ServiceState(unchecked: definition) }
            let index = old.0.firstIndex {
                $0.address == definition.address && $0.transport == definition.transport
                    && $0.family == definition.family
            }
            return judged(definition, from: index.map { (old.0[$0], old.1[$0]) })
        }
        if case .resume = occasion {
            // The new program doesn't know what earlier configurations have named.
            for (key, service) in bench.table.services where keys.contains(key) {
                guard let definition = definitions.first(where: { $0.keys.contains(key) }) else { continue }
                let left = service.destinations.keys.filter { !definition.names($0, for: key) }
                if !left.isEmpty { foreignPlaces[key, default: []].formUnion(left) }
            }
        } else {
            sweep()
        }
        everConfigured.formUnion(keys)
        released.subtract(keys)
        // Its maker has it still where a configuration that named it never got as far as noting it (docs/decisions, D68).
        for (key, service) in bench.table.services where !bench.file.contains(key) { foreign[key] = service }
        // What is configured is ours, whoever made it.
        foreign = foreign.filter { !keys.contains($0.key) }
        foreignPlaces = foreignPlaces.filter { keys.contains($0.key) }
        doubtfulPlaces = doubtfulPlaces.filter { keys.contains($0.key) }
        untold = Set(definitions.indices)
        disturbed.formUnion(keys)
        note("\(occasion) \(definitions.map { "\($0.address) \($0.servers.map(\.weight))" })")
        send(.configure(DirectorConfiguration(next, occasion: occasion, hasChecker: hasChecker)))
        if hasChecker, scenario.once(in: 2) { tellAll() }
    }

    /// From here on nobody's destinations may go.
    mutating func sweep() {
        (foreignPlaces, doubtfulPlaces) = ([:], [:])
        isSweeping = true
    }

    private mutating func addForeign(_ place: DestinationKey, _ key: ServiceKey) {
        if isSweeping {
            doubtfulPlaces[key, default: []].insert(place)
        } else {
            foreignPlaces[key, default: []].insert(place)
        }
    }

    /// The state that the checker makes of a new configuration.
    private func judged(
        _ definition: ServiceDefinition, from old: (definition: ServiceDefinition, state: ServiceState)?
    ) -> ServiceState {
        if let old, old.definition == definition { return old.state }
        var state = ServiceState(unchecked: definition)
        for (number, server) in definition.servers.enumerated() where server.hasChecks {
            let index = old?.definition.servers.firstIndex { $0.address == server.address && $0.port == server.port }
            state.servers[number].isUp = index.flatMap { old?.state.servers[$0].isUp } ?? false
        }
        state.hasQuorum = old?.state.hasQuorum ?? false
        Self.judge(&state, definition)
        return state
    }

    /// A quorum rule; whether it has a band doesn't matter here.
    private static func judge(_ state: inout ServiceState, _ definition: ServiceDefinition) {
        let live = zip(state.servers, definition.servers).reduce(0) { $0 + ($1.0.isUp ? Int($1.0.weight) : 0) }
        state.hasQuorum = state.hasQuorum ? live > 0 : live >= definition.quorumGained
        state.usesSorryServer = !state.hasQuorum && definition.sorryServer != nil
    }

    /// A server fails, recovers or gets another weight.
    private mutating func changeState() {
        guard hasChecker, !definitions.isEmpty else { return }
        let number = scenario.number(0...definitions.count - 1)
        let definition = definitions[number]
        guard !definition.servers.isEmpty else { return }
        let server = scenario.number(0...definition.servers.count - 1)
        guard definition.servers[server].hasChecks else { return }
        let before = states[number]
        states[number].servers[server].isUp.toggle()
        states[number].servers[server].weight = UInt32(
            scenario.number(0...Int(definition.servers[server].maximumWeight)))
        Self.judge(&states[number], definition)
        note("service \(number) server \(server): \(states[number].servers[server])")
        guard !untold.contains(number), fault != .losesNews || !scenario.once(in: 2) else { return }
        var news = [StateChange.server(service: number, server: server, states[number].servers[server])]
        let state = states[number]
        if before.hasQuorum != state.hasQuorum || before.usesSorryServer != state.usesSorryServer {
            news.append(
                .quorum(service: number, hasQuorum: state.hasQuorum, usesSorryServer: state.usesSorryServer))
        }
        send(.states(news))
    }

    /// The checker tells all that it hasn't told.
    mutating func tellAll() {
        guard hasChecker else { return }
        let news = untold.sorted().map { StateChange.whole(service: $0, states[$0]) }
        untold = []
        if !news.isEmpty { send(.states(news)) }
    }

    private mutating func refuse() {
        isRefused = true
        let key = definitions.flatMap(\.keys).randomElement(using: &scenario.random)
        let error: Int32 = [5, 12, 17, 3][scenario.number(0...3)]
        if let key, scenario.once(in: 3) {
            bench.table.refuses = { $0.service == key ? error : nil }
            return note("\(key.target) is refused")
        }
        bench.table.refuses = { _ in nil }
        bench.table.refusals = (0..<scenario.number(1...4)).map { _ in scenario.once(in: 2) ? error : nil }
        note("requests are refused")
    }

    /// The process dies, and another one comes.
    private mutating func die() {
        let made = scenario.number(0...4)
        rules = nil
        note("death, \(made) requests of \(bench.call == nil ? "none" : "a call") made")
        bench.kill(made: made)
        let noted = bench.file.sorted()
        configure(
            scenario.once(in: 3) ? scenario.changed(model) : model,
            scenario.once(in: 3) ? .resume(noted: noted) : .start(noted: noted))
    }

    // MARK: - Others

    mutating func addForeignService() {
        // Also one that was ours, and is theirs now.
        let former = scenario.once(in: 2) ? released.sorted().randomElement(using: &scenario.random) : nil
        let key = former ?? scenario.foreignService()
        released.remove(key)
        bench.table.services[key] = TableService(
            settings: KernelService(scheduler: "rr", family: .ipv4),
            destinations: [scenario.foreignDestination(): KernelDestination(forwarding: .directRouting, weight: 1)])
        foreign[key] = bench.table.services[key]
    }

    /// Somebody writes to the table.
    private mutating func writeForeign() {
        if scenario.once(in: 6) { return addForeignService() }
        let keys = definitions.flatMap(\.keys).filter { bench.table.services[$0] != nil }
        guard let key = keys.randomElement(using: &scenario.random) else { return }
        let places = (bench.table.services[key]?.destinations ?? [:]).keys.sorted()
        let place = places.randomElement(using: &scenario.random)
        disturbed.insert(key)
        note("another program writes to \(key.target)")
        switch scenario.number(0...5) {
        case 0: bench.table.services[key] = nil
        case 1: bench.table.services[key]?.settings.scheduler = scenario.scheduler().rawValue
        case 2:
            let place = scenario.foreignDestination()
            bench.table.services[key]?.destinations[place] = KernelDestination(forwarding: .masquerading, weight: 1)
            addForeign(place, key)
        case 3:
            guard let definition = definitions.first(where: { $0.keys.contains(key) }),
                let server = definition.servers.randomElement(using: &scenario.random)
            else { return }
            bench.table.services[key]?.destinations[DestinationKey(server.address, port: server.port)] =
                KernelDestination(forwarding: .masquerading, weight: 1)
            if !definition.names(DestinationKey(server.address, port: server.port), for: key) {
                addForeign(DestinationKey(server.address, port: server.port), key)
            }
        case 4: if let place { bench.table.services[key]?.destinations[place] = nil }
        default:
            if let place { bench.table.services[key]?.destinations[place]?.weight = UInt32(scenario.number(0...9)) }
        }
    }
}
