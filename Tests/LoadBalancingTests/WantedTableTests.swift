import Base
import ConfigurationModel
import LoadBalancing
import Testing

/// The table that a configuration asks for. A and B are lines of the references about keepalived's.
@Suite struct WantedTableTests {
    /// A5: ports of destinations.
    @Test(arguments: [
        // The service, the written port as Sources/Configuration has it, NAT's port, DR's port.
        (ServiceAddress.firewallMark(3), UInt16(0), UInt16(0), UInt16(0)), (.firewallMark(3), 9001, 9001, 0),
        (.address(Sample.address("10.0.0.1"), port: 0), 0, 0, 0),
        (.address(Sample.address("10.0.0.1"), port: 0), 9001, 9001, 0),
        (.address(Sample.address("10.0.0.1"), port: 80), 80, 80, 80),
        (.address(Sample.address("10.0.0.1"), port: 80), 9001, 9001, 80), (.group("G"), 0, 0, 81),
        (.group("G"), 9001, 9001, 81),
    ])
    func ports(_ address: ServiceAddress, _ written: UInt16, _ masquerading: UInt16, _ direct: UInt16) throws {
        let groups = [
            Sample.group(.addresses(first: Sample.address("10.0.0.9"), last: Sample.address("10.0.0.9"), port: 81))
        ]
        for (forwarding, port) in [
            (Forwarding.masquerading, masquerading), (.directRouting, direct), (.tunnel(.ipip), direct),
        ] {
            let model = Sample.model(Sample.service(address, forwarding: forwarding, port: written), groups: groups)
            let services = WantedTable(unchecked: model).services
            let service = try #require(services.values.first)
            #expect(services.count == 1 && service.destinations.keys.map(\.port) == [port], "\(forwarding)")
        }
    }

    /// A5: in a group each entry has its own port; ranges, marks and both families.
    @Test func group() throws {
        var service = Sample.service(.group("G"), forwarding: .tunnel(.ipip), port: 9001)
        service.family = .ipv4
        service.persistence = Persistence(granularity: .netmask(0xffff_ff00))
        let group = Sample.group(
            .addresses(first: Sample.address("10.0.0.5"), last: Sample.address("10.0.0.7"), port: 80),
            .addresses(first: Sample.address("fd00::ffff"), last: Sample.address("fd00::1:0"), port: 81),
            .firewallMark(8, .ipv6), .firewallMark(9, nil),
            .addresses(first: Sample.address("10.0.0.6"), last: Sample.address("10.0.0.6"), port: 80))
        let services = WantedTable(unchecked: Sample.model(service, groups: [group])).services
        let expected: [ServiceKey: UInt16] = [
            Sample.key("10.0.0.5", 80): 80, Sample.key("10.0.0.6", 80): 80, Sample.key("10.0.0.7", 80): 80,
            Sample.key("fd00::ffff", 81): 81, Sample.key("fd00::1:0", 81): 81,
            ServiceKey(.firewallMark(8, .ipv6)): 0, ServiceKey(.firewallMark(9, .ipv4)): 0,
        ]
        #expect(services.compactMapValues { $0.destinations.keys.first?.port } == expected)
        for (key, service) in services {
            // A7: `-M` is a netmask of IPv4, a prefix length of IPv6.
            #expect(service.settings.netmask == (key.family == .ipv4 ? 0xffff_ff00 : 128))
        }
    }

    /// A6: one entry without a port makes every service of the group persistent, the mark too.
    @Test func groupWithoutPort() {
        let entry = ServiceGroupEntry.addresses(
            first: Sample.address("10.0.0.5"), last: Sample.address("10.0.0.5"), port: 80)
        let all = ServiceGroupEntry.addresses(
            first: Sample.address("10.0.0.5"), last: Sample.address("10.0.0.5"), port: 0)
        for (entries, timeout) in [
            ([entry, all, .firewallMark(8, .ipv4)], UInt32(360)), ([entry, .firewallMark(8, .ipv4)], nil),
        ] {
            var group = Sample.group()
            group.entries = entries
            let services = WantedTable(unchecked: Sample.model(Sample.service(.group("G")), groups: [group])).services
            #expect(services.count == entries.count)
            #expect(services.values.allSatisfy { $0.settings.persistence == timeout })
        }
        var service = Sample.service(.group("G"))
        service.persistence = Persistence(granularity: .netmask(.max))
        service.persistence?.timeout = .seconds(600)
        let services = WantedTable(unchecked: Sample.model(service, groups: [Sample.group(entry, all)])).services
        #expect(services.values.allSatisfy { $0.settings.persistence == 600 })
    }

    /// A7: what each option is in the kernel.
    @Test func settings() {
        var service = Sample.service()
        service.scheduler = .sourceHashing
        service.schedulerFlags = [.first, .second]
        service.schedulesSinglePackets = true
        service.persistence = Persistence(granularity: .netmask(0xffff_ff00))
        service.persistence?.timeout = .seconds(60)
        service.persistence?.engine = "sip"
        service.realServers[0].weight = 2_147_483_647
        service.realServers[0].upperThreshold = 9
        service.realServers[0].lowerThreshold = 5
        service.realServers[0].forwarding = .tunnel(.gue(port: 6080, .full))
        var settings = KernelService(scheduler: "sh", family: .ipv4)
        settings.schedulerFlags = [.first, .second]
        settings.schedulesSinglePackets = true
        (settings.persistence, settings.netmask, settings.persistenceEngine) = (60, 0xffff_ff00, "sip")
        var destination = KernelDestination(forwarding: .tunnel(.gue(port: 6080, .full)), weight: 2_147_483_647)
        (destination.upperThreshold, destination.lowerThreshold) = (9, 5)
        #expect(
            WantedTable(unchecked: Sample.model(service)).services == [
                Sample.key: TableService(settings: settings, destinations: [Sample.place(0, 80): destination])
            ])
    }

    /// A service with faults isn't wanted; of two that have one key, the first has it.
    @Test func unusable() {
        var faulty = Sample.service()
        faulty.faults = ["no"]
        let other = Sample.service(.address(Sample.address("10.0.0.2"), port: 80))
        #expect(
            WantedTable(unchecked: Sample.model(faulty, other)).services.keys.map { $0 } == [Sample.key("10.0.0.2", 80)]
        )
        let model = Sample.model(Sample.service(), Sample.service(weights: [7]))
        #expect(WantedTable(unchecked: model).services[Sample.key]?.destinations.values.map(\.weight) == [1])
    }

    /// Servers that are up and down, the quorum, the sorry server: B10 and B11.
    @Test(
        arguments: [
            // inhibit_on_failure, sorry_server_inhibit, up, sorry server used, weights by server 0, 1, sorry server.
            (false, false, [true, false], false, [5, nil, nil]), (true, false, [true, false], false, [5, 0, nil]),
            (false, true, [true, false], false, [5, nil, 0]), (false, false, [true, false], true, [nil, nil, 1]),
            (true, true, [true, false], true, [0, 0, 1]), (false, true, [true, true], true, [nil, nil, 1]),
        ] as [(Bool, Bool, [Bool], Bool, [UInt32?])])
    func states(_ inhibits: Bool, _ inhibitsSorry: Bool, _ up: [Bool], _ isSorry: Bool, _ weights: [UInt32?]) {
        var service = Sample.service(weights: [5, 6])
        for index in 0..<2 { service.realServers[index].isInhibitedOnFailure = inhibits }
        var sorry = SorryServer(address: Sample.place(9).address, port: 80, forwarding: .masquerading)
        sorry.isInhibited = inhibitsSorry
        service.sorryServer = sorry
        let definition = ServiceDefinition(service)
        let state = ServiceState(
            hasQuorum: !isSorry, usesSorryServer: isSorry,
            servers: zip(up, [5, 6]).map { ServerState(isUp: $0, weight: $1) })
        let found = definition.destinations(for: Sample.key, state)
        #expect([Sample.place(0), Sample.place(1), Sample.place(9, 80)].map { found[$0]?.weight } == weights)
        #expect(found.count == weights.count { $0 != nil })
    }

    /// A sorry server that is one of the real servers has one place for both.
    @Test func sorryServerAmongServers() {
        var service = Sample.service(weights: [5, 6])
        service.sorryServer = SorryServer(
            address: Sample.place(1).address, port: 8080, forwarding: .masquerading)
        service.sorryServer?.isInhibited = true
        let definition = ServiceDefinition(service)
        var state = ServiceState(unchecked: definition)
        #expect(definition.destinations(for: Sample.key, state)[Sample.place(1)]?.weight == 6)
        state.usesSorryServer = true
        #expect(definition.destinations(for: Sample.key, state) == [Sample.place(1): Sample.destination(1)])
    }

    /// Without checks all are up; the quorum and its hysteresis decide at the start, and a quorum over weights
    /// of 0 alone is met (B13).
    @Test(arguments: [
        ([1, 1], 2, 0, true), ([1, 1], 2, 1, false), ([0, 0], 1, 0, true), ([3], 3, 0, true), ([1, 1], 1, 0, true),
    ])
    func unchecked(_ weights: [Int], _ quorum: Int, _ hysteresis: Int, _ expected: Bool) {
        var service = Sample.service(weights: weights)
        (service.quorum, service.hysteresis) = (quorum, hysteresis)
        service.sorryServer = SorryServer(address: Sample.place(9).address, port: 80, forwarding: .masquerading)
        let state = ServiceState(unchecked: ServiceDefinition(service))
        #expect(state.hasQuorum == expected && state.usesSorryServer == !expected)
        service.sorryServer = nil
        #expect(!ServiceState(unchecked: ServiceDefinition(service)).usesSorryServer)
    }
}

extension Sample {
    static func service(weights: [Int], hasChecks: Bool = false) -> VirtualServerSettings {
        service(.address(address("10.0.0.1"), port: 80), weights, hasChecks: hasChecks)
    }
}
