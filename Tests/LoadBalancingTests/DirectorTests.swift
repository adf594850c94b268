import Base
import ConfigurationModel
import LoadBalancing
import Testing

@testable import Simulator

/// What the director does with what it finds (docs/decisions, D64 to D69).
@Suite struct DirectorTests {
    private static func wanted(_ model: ConfigurationModel) -> [ServiceKey: TableService] {
        WantedTable(unchecked: model).services
    }

    @Test func nothingToDo() {
        let bench = DirectedTable(ConfigurationModel())
        #expect(bench.director.deadline == .never && bench.call == nil && bench.director.condition == .unknown)
    }

    @Test func start() {
        let model = Sample.model(Sample.service(weights: [3, 4]))
        let bench = DirectedTable(model)
        #expect(bench.table.services == Self.wanted(model))
        #expect(bench.file == [Sample.key] && bench.failures.isEmpty)
        #expect(bench.director.counters.written == 3 && bench.table.timeouts == nil)
    }

    /// What stands as it should is left alone by a restart, an upgrade and a reload (A1 the other way round; L2).
    @Test func unchanged() {
        let model = Sample.model(Sample.service(weights: [3, 4]))
        var bench = DirectedTable(model)
        #expect(bench.writes { $0.restart(model) } == [])
        #expect(bench.writes { $0.reload(model) } == [])
        #expect(bench.writes { $0.play(.reload) } == [])
        let noted = Array(bench.file)
        let resumed = bench.writes {
            $0.kill()
            $0.play(.configure(DirectorConfiguration(model, occasion: .resume(noted: noted), hasChecker: false)))
            $0.pass(.seconds(30))
        }
        #expect(resumed == [])
    }

    /// One weight of many, changed by a reload, is one request.
    @Test func oneWeight() {
        var bench = DirectedTable(Sample.model(Sample.service(weights: Array(repeating: 1, count: 100))))
        var weights = Array(repeating: 1, count: 100)
        weights[70] = 9
        let writes = bench.writes { $0.reload(Sample.model(Sample.service(weights: weights))) }
        #expect(writes == [.editDestination(Sample.key, Sample.place(70), Sample.destination(9))])
    }

    /// A1: what is there already is edited: another scheduler, other weights, surplus destinations.
    @Test func takenOver() {
        let model = Sample.model(Sample.service(weights: [3, 4]))
        var bench = DirectedTable()
        bench.table.services[Sample.key] = TableService(
            settings: KernelService(scheduler: "mh", family: .ipv4),
            destinations: [Sample.place(0): Sample.destination(7), Sample.place(9): Sample.destination(1)])
        bench.play(.configure(DirectorConfiguration(model, occasion: .start(noted: []), hasChecker: false)))
        #expect(bench.table.services == Self.wanted(model) && bench.file == [Sample.key])
        #expect(bench.observations.contains(.takenOver([Sample.key])))
        #expect(bench.observations.contains(.foreignRemoved(Sample.key, [Sample.place(9)])))
        #expect(!bench.table.taken.contains(.removeService(Sample.key)))
    }

    /// A1: after a crash of everything and a start with a changed file, what left the file is removed. A3: foreign services
    /// stay.
    @Test func leftovers() {
        let other = Sample.key("10.0.0.2", 80)
        var bench = DirectedTable(
            Sample.model(
                Sample.service(weights: [3, 4]), Sample.service(.address(Sample.address("10.0.0.2"), port: 80))))
        let foreign = Sample.key("10.0.0.3", 80)
        bench.table.services[foreign] = bench.table.services[other]
        let model = Sample.model(Sample.service(weights: [3]))
        bench.restart(model)
        #expect(Set(bench.table.services.keys) == [Sample.key, foreign])
        #expect(bench.table.services[Sample.key] == Self.wanted(model)[Sample.key])
        #expect(bench.observations.contains(.leftovers([other])) && bench.file == [Sample.key])
        #expect(bench.director.foreignServices == [foreign])
        bench.play(.stop(keepsServices: false))
        #expect(bench.isStopped && Array(bench.table.services.keys) == [foreign] && bench.file.isEmpty)
    }

    /// A reload that removes a service removes it from the table, and its key from the file.
    @Test func reloadRemoves() {
        var bench = DirectedTable(Sample.model(Sample.service()))
        bench.reload(ConfigurationModel())
        #expect(bench.table.services.isEmpty && bench.file.isEmpty && bench.director.deadline == .never)
        // Whoever makes it now is somebody else.
        bench.table.services[Sample.key] = TableService(settings: KernelService(scheduler: "rr", family: .ipv4))
        bench.pass(.seconds(5))
        bench.play(.reload)
        #expect(bench.table.services.count == 1)
    }

    /// A key is noted before its service is made, also when the process dies with the call under way.
    @Test func killedBeforeTheFirstWrite() {
        let model = Sample.model(Sample.service())
        for isMade in [false, true] {
            var bench = DirectedTable()
            bench.send(.configure(DirectorConfiguration(model, occasion: .start(noted: []), hasChecker: false)))
            #expect(bench.answer() && bench.file == [Sample.key])
            bench.kill(made: isMade ? 99 : 0)
            bench.restart(ConfigurationModel())
            #expect(bench.table.services.isEmpty && bench.file.isEmpty && bench.failures.isEmpty)
        }
    }

    /// A3: lvs_flush removes foreign services at the start; ours that stand as they should aren't touched. At the end
    /// lvs_flush_on_stop removes all, with VS ours alone; the option to keep keeps.
    @Test func flush() {
        var model = Sample.model(Sample.service())
        model.global.balancer.flushesAtStart = true
        let foreign = Sample.key("10.0.0.3", 80)
        var bench = DirectedTable(model)
        bench.table.services[foreign] = bench.table.services[Sample.key]
        #expect(bench.writes { $0.reload(model) } == [])
        #expect(bench.writes { $0.restart(model) } == [.removeService(foreign)])
        #expect(bench.observations.contains(.flushed([foreign])))
        for (flush, keeps, left) in [
            (FlushAtStop.everything, false, 0), (.ownServices, false, 1), (.none, false, 1), (.everything, true, 2),
        ] {
            model.global.balancer.flushAtStop = flush
            var bench = DirectedTable(model)
            bench.table.services[foreign] = bench.table.services[Sample.key]
            bench.play(.stop(keepsServices: keeps))
            #expect(bench.isStopped && bench.table.services.count == left)
            #expect(bench.file == (keeps ? [Sample.key] : []))
        }
    }

    /// A9: lvs_timeouts are set at the start and when they change.
    @Test func timeouts() {
        var model = Sample.model(Sample.service())
        model.global.balancer.tcpTimeout = .seconds(99)
        var bench = DirectedTable(model)
        #expect(bench.table.timeouts == .setTimeouts(tcp: 99, tcpFin: 0, udp: 0))
        #expect(bench.writes { $0.reload(model) } == [])
        model.global.balancer.udpTimeout = .seconds(7)
        #expect(bench.writes { $0.reload(model) } == [.setTimeouts(tcp: 99, tcpFin: 0, udp: 7)])
    }

    // MARK: - States

    private static func checked(_ weights: [Int] = [3, 4]) -> ConfigurationModel {
        Sample.model(Sample.service(weights: weights, hasChecks: true))
    }
    private static func state(_ up: [Bool], _ weights: [UInt32] = [3, 4]) -> ServiceState {
        ServiceState(
            hasQuorum: true, usesSorryServer: false, servers: zip(up, weights).map { ServerState(isUp: $0, weight: $1) }
        )
    }

    /// Nothing is written before the checker has told a service's state. What stands there stays (D74).
    @Test func statesAreAwaited() {
        var bench = DirectedTable(Self.checked(), hasChecker: true)
        #expect(bench.table.taken.isEmpty && bench.standing == [])
        bench.play(.states([.whole(service: 0, Self.state([true, false]))]))
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(0): Sample.destination(3)])
        #expect(bench.writes { $0.restart(Self.checked(), hasChecker: true) } == [])
        #expect(bench.standing == [StandingService(service: 0, weights: [3, nil])])
        #expect(bench.writes { $0.play(.states([.whole(service: 0, Self.state([true, false]))])) } == [])
    }

    /// D74: that the sorry server stands there is told; what only waits with weight 0 isn't it.
    @Test(arguments: [false, true]) func standingSorryServer(_ isUsed: Bool) {
        var model = Self.checked()
        var sorry = SorryServer(address: Sample.address("10.0.0.9"), port: 80, forwarding: .masquerading)
        sorry.isInhibited = true
        model.virtualServers[0].sorryServer = sorry
        var bench = DirectedTable(model, hasChecker: true)
        var state = Self.state([true, true])
        if isUsed { (state.hasQuorum, state.usesSorryServer) = (false, true) }
        bench.play(.states([.whole(service: 0, state)]))
        bench.restart(model, hasChecker: true)
        let weights: [UInt32?] = isUsed ? [nil, nil] : [3, 4]
        #expect(bench.standing == [StandingService(service: 0, weights: weights, usesSorryServer: isUsed)])
    }

    /// What nobody asked for goes at a start, also when the state comes later.
    @Test func sweptWhenTold() {
        var bench = DirectedTable(Self.checked(), hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true, true]))]))
        _ = bench.table.take(.addDestination(Sample.key, Sample.place(9), Sample.destination(1)))
        bench.restart(Self.checked(), hasChecker: true)
        bench.pass(.seconds(3))
        #expect(bench.table.services[Sample.key]?.destinations.count == 3)
        bench.play(.states([.whole(service: 0, Self.state([true, true]))]))
        #expect(bench.table.services[Sample.key]?.destinations.count == 2)
        #expect(bench.observations.contains(.foreignRemoved(Sample.key, [Sample.place(9)])))
    }

    /// A checker that doesn't come: after 5 s the servers without alpha serve, where nothing stands in the table yet.
    @Test func missingChecker() {
        var model = Self.checked()
        model.virtualServers[0].realServers[1].checks[0].startsDown = true
        var bench = DirectedTable(model, hasChecker: true)
        bench.pass(.milliseconds(4_999))
        #expect(bench.table.services.isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(0): Sample.destination(3)])
        bench.play(.states([.whole(service: 0, Self.state([false, true]))]))
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(1): Sample.destination(4)])
        #expect(
            bench.writes {
                $0.restart(model, hasChecker: true)
                $0.pass(.seconds(20))
            } == [])
    }

    /// The same for what a reload adds: a service, and servers of one that serves.
    @Test func reloadWithoutChecker() {
        var bench = DirectedTable(Self.checked([3]), hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true], [3]))]))
        bench.pass(.seconds(60))
        var model = Self.checked([3, 4, 5])
        model.virtualServers[0].realServers[2].checks[0].startsDown = true
        model.virtualServers.append(
            Sample.service(.address(Sample.address("10.0.0.2"), port: 80), [7], hasChecks: true))
        #expect(bench.writes { $0.reload(model, hasChecker: true) } == [])
        // A further reload doesn't begin the time again.
        bench.pass(.seconds(4))
        bench.reload(model, hasChecker: true)
        #expect(bench.table.services.count == 1)
        bench.pass(.seconds(1))
        #expect(
            bench.table.services[Sample.key]?.destinations == [
                Sample.place(0): Sample.destination(3), Sample.place(1): Sample.destination(4),
            ])
        #expect(
            bench.table.services[Sample.key("10.0.0.2", 80)]?.destinations == [
                Sample.place(0): Sample.destination(7)
            ])
        // What a checker tells in time isn't corrected.
        model.virtualServers[0].realServers.removeLast()
        model.virtualServers[0].realServers[1].port = 9_999
        bench.reload(model, hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true, false]))]))
        #expect(bench.writes { $0.pass(.seconds(60)) } == [])
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(0): Sample.destination(3)])
    }

    /// D74: also of another program's table a server that is given connections begins up, and one that isn't begins down; where
    /// none is, nothing is said.
    @Test(
        arguments: [
            ([3, 0], [StandingService(service: 0, weights: [3, 0])]),
            ([nil, 9], [StandingService(service: 0, weights: [nil, 9])]),
            ([0, nil], []), ([nil, nil], []),
        ] as [([UInt32?], [StandingService])])
    func takenOverWithChecker(_ weights: [UInt32?], _ standing: [StandingService]) {
        var bench = DirectedTable()
        var service = TableService(settings: KernelService(scheduler: "rr", family: .ipv4))
        for (number, weight) in weights.enumerated() {
            if let weight { service.destinations[Sample.place(UInt32(number))] = Sample.destination(weight) }
        }
        bench.table.services[Sample.key] = service
        bench.play(.configure(DirectorConfiguration(Self.checked(), occasion: .start(noted: []), hasChecker: true)))
        #expect(bench.standing == standing && bench.table.taken.isEmpty)
    }

    /// A reload while that is looked for: the numbers are those of the new configuration.
    @Test func standingOverAReload() {
        let second = Sample.service(.address(Sample.address("10.0.0.2"), port: 80), [7], hasChecks: true)
        let model = Sample.model(Sample.service(weights: [3, 4], hasChecks: true), second)
        for answers in 0..<6 {
            var bench = DirectedTable(model, hasChecker: true)
            bench.play(
                .states([
                    .whole(service: 0, Self.state([true, false])), .whole(service: 1, Self.state([true], [7])),
                ]))
            bench.kill()
            bench.standing = nil
            bench.send(
                .configure(
                    DirectorConfiguration(model, occasion: .start(noted: Array(bench.file)), hasChecker: true)))
            for _ in 0..<answers { bench.answer() }
            let isTold = bench.standing != nil
            bench.reload(Sample.model(second, Sample.service(weights: [3, 4], hasChecks: true)), hasChecker: true)
            let (one, two) = isTold ? (0, 1) : (1, 0)
            let standing = [
                StandingService(service: one, weights: [3, nil]), StandingService(service: two, weights: [7]),
            ]
            #expect(Set(bench.standing ?? []) == Set(standing), "\(answers)")
        }
    }

    @Test func changes() {
        let key = Sample.key
        var bench = DirectedTable(Self.checked(), hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true, true]))]))
        let down = bench.writes {
            $0.play(.states([.server(service: 0, server: 1, ServerState(isUp: false, weight: 4))]))
        }
        #expect(down == [.removeDestination(key, Sample.place(1))])
        let weight = bench.writes {
            $0.play(.states([.server(service: 0, server: 0, ServerState(isUp: true, weight: 2))]))
        }
        #expect(weight == [.editDestination(key, Sample.place(0), Sample.destination(2))])
        // One comes, one goes: never without.
        let both = bench.writes {
            $0.play(
                .states([
                    .server(service: 0, server: 0, ServerState(isUp: false, weight: 3)),
                    .server(service: 0, server: 1, ServerState(isUp: true, weight: 4)),
                ]))
        }
        #expect(
            both == [
                .addDestination(key, Sample.place(1), Sample.destination(4)),
                .removeDestination(key, Sample.place(0)),
            ])
        #expect(bench.director.counters.mended == 0)
    }

    /// The pass over a table that is longer than one reading goes piece by piece: the end of it is as the beginning is.
    @Test func longPass() {
        let addresses = ServiceGroupEntry.addresses(
            first: Sample.address("10.1.0.1"), last: Sample.address("10.1.9.250"), port: 80)
        let last = Sample.key("10.1.9.250", 80)
        func model(_ weight: Int) -> ConfigurationModel {
            Sample.model(
                Sample.service(.group("G"), [weight]), Sample.service(weights: [3]), groups: [Sample.group(addresses)])
        }
        var bench = DirectedTable(model(1))
        #expect(bench.table.services.count == 2_555)
        _ = bench.table.take(.addDestination(last, Sample.place(9), Sample.destination(1)))
        bench.send(.configure(DirectorConfiguration(model(2), occasion: .reload, hasChecker: false)))
        for _ in 0..<3 { bench.answer() }
        #expect(bench.table.services[last]?.destinations[Sample.place(0)]?.weight == 1)
        bench.settle()
        #expect(bench.table.services.filter { $0.value.destinations[Sample.place(0)]?.weight == 2 }.count == 2_554)
        #expect(bench.table.services[last]?.destinations.count == 1)
        #expect(bench.observations.contains(.foreignRemoved(last, [Sample.place(9)])))
        #expect(bench.writes { $0.play(.reload) } == [])
    }

    /// A group with more destinations than one write has is written piece by piece: that isn't anybody's change.
    @Test func largeGroup() {
        let addresses = ServiceGroupEntry.addresses(
            first: Sample.address("10.0.1.1"), last: Sample.address("10.0.1.250"), port: 80)
        let weights = Array(repeating: 1, count: 10)
        let model = Sample.model(
            Sample.service(.group("G"), weights, hasChecks: true), groups: [Sample.group(addresses)])
        var bench = DirectedTable(model, hasChecker: true)
        let up = Self.state(Array(repeating: true, count: 10), weights.map(UInt32.init))
        bench.play(.states([.whole(service: 0, up)]))
        #expect(bench.table.services.values.map(\.destinations.count) == Array(repeating: 10, count: 250))
        let down = bench.writes {
            $0.play(.states([.server(service: 0, server: 9, ServerState(isUp: false, weight: 1))]))
        }
        #expect(down.count == 250 && bench.director.counters.mended == 0)
        // Somebody's change to the last one is.
        _ = bench.table.take(.removeDestination(Sample.key("10.0.1.250", 80), Sample.place(0)))
        bench.pass(.seconds(10))
        #expect(bench.table.services.values.allSatisfy { $0.destinations.count == 9 })
        #expect(bench.director.counters.mended == 1)
    }

    /// A checker that belongs to somebody else can't name what isn't configured, nor exceed a weight (D64).
    @Test(arguments: [
        StateChange.whole(service: 1, state([true, true])), .whole(service: -1, state([true, true])),
        .whole(service: 0, state([true])), .whole(service: 0, state([true, true], [4, 4])),
        .whole(
            service: 0,
            ServiceState(hasQuorum: false, usesSorryServer: true, servers: state([true, true]).servers)),
        .quorum(service: 0, hasQuorum: false, usesSorryServer: true),
        .quorum(service: 7, hasQuorum: true, usesSorryServer: false),
        .server(service: 0, server: 2, ServerState(isUp: true, weight: 1)),
        .server(service: 0, server: -1, ServerState(isUp: true, weight: 1)),
        .server(service: 0, server: 0, ServerState(isUp: true, weight: 4)),
        .server(service: 9, server: 0, ServerState(isUp: true, weight: 1)),
    ])
    func refusedStates(_ change: StateChange) {
        var bench = DirectedTable(Self.checked(), hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true, true]))]))
        #expect(bench.director.counters.refusedStates == 0)
        #expect(bench.writes { $0.play(.states([change])) } == [])
        #expect(bench.director.counters.refusedStates == 1)
        #expect(bench.director.services[0].state == Self.state([true, true]))
    }

    /// misc_dynamic and FILE_CHECK may bring any weight.
    @Test func dynamicWeights() {
        for kind in [
            CheckKind.script(
                {
                    var check = ScriptCheck()
                    check.setsWeight = true
                    return check
                }()), .file(FileCheck(tracker: "t")),
        ] {
            var service = Sample.service(weights: [3])
            service.realServers[0].checks = [CheckSettings(kind: kind)]
            #expect(ServiceDefinition(service).servers[0].maximumWeight == UInt32(Int32.max))
        }
    }

    /// D75 and B12: a reload keeps the states. A weight acts when its server is up; a new server is out until its first verdict.
    @Test func reloadKeepsStates() {
        var bench = DirectedTable(Self.checked(), hasChecker: true)
        bench.play(.states([.whole(service: 0, Self.state([true, false]))]))
        #expect(bench.writes { $0.reload(Self.checked(), hasChecker: true) } == [])
        let writes = bench.writes { $0.reload(Self.checked([5, 6, 7]), hasChecker: true) }
        #expect(writes == [.editDestination(Sample.key, Sample.place(0), Sample.destination(5))])
        #expect(bench.director.services[0].state == Self.state([true, false, false], [5, 6, 7]))
        var inhibited = Self.checked([0, 6])
        inhibited.virtualServers[0].realServers[1].isInhibitedOnFailure = true
        bench.reload(inhibited, hasChecker: true)
        #expect(
            bench.table.services[Sample.key]?.destinations == [
                Sample.place(0): Sample.destination(0), Sample.place(1): Sample.destination(0),
            ])
    }
}
