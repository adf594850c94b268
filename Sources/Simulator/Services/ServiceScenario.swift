import Base
import ConfigurationModel
import LoadBalancing

/// Random configurations of services, from few addresses, so that they meet.
struct ServiceScenario {
    var random: SeededRandom

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    /// True once in so many times.
    mutating func once(in count: Int) -> Bool { number(1...count) == 1 }

    mutating func model() -> ConfigurationModel {
        var model = ConfigurationModel()
        for _ in 0..<number(0...2) {
            model.virtualServerGroups.append(group(named: "G\(model.virtualServerGroups.count)"))
        }
        for _ in 0..<number(1...5) {
            model.virtualServers.append(service(groups: model.virtualServerGroups.map(\.name)))
        }
        return model
    }

    /// A configuration that differs from this one in few places.
    mutating func changed(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = model
        for _ in 0..<number(1...3) {
            guard !model.virtualServers.isEmpty, !once(in: 6) else {
                model.virtualServers.append(service(groups: model.virtualServerGroups.map(\.name)))
                continue
            }
            let index = number(0...model.virtualServers.count - 1)
            switch number(0...7) {
            case 0: model.virtualServers.remove(at: index)
            case 1: model.virtualServers.swapAt(0, index)
            case 2: model.virtualServers[index].scheduler = scheduler()
            case 3: model.virtualServers[index].persistence = persistence()
            case 4 where once(in: 2):
                let total = model.virtualServers[index].realServers.reduce(0) { $0 + $1.weight }
                model.virtualServers[index].quorum = number(1...max(1, total))
                model.virtualServers[index].hysteresis = number(0...model.virtualServers[index].quorum - 1)
            case 4: model.virtualServers[index].faults = once(in: 2) ? ["no"] : []
            case 5: addServer(to: &model.virtualServers[index])
            case 6 where !model.virtualServers[index].realServers.isEmpty:
                model.virtualServers[index].realServers.removeLast()
            default: changeServer(of: &model.virtualServers[index])
            }
        }
        for index in model.virtualServerGroups.indices where once(in: 4) {
            model.virtualServerGroups[index].entries.append(entry())
        }
        return model
    }

    private mutating func service(groups: [String]) -> VirtualServerSettings {
        var address = ServiceAddress.address(serviceAddress(), port: servicePort())
        if once(in: 4) { address = .firewallMark(UInt32(number(1...3))) }
        if once(in: 3), let name = groups.randomElement(using: &random) { address = .group(name) }
        var service = VirtualServerSettings(address: address, location: SourceLocation())
        service.transport = once(in: 3) ? .udp : .tcp
        service.scheduler = scheduler()
        service.forwarding = forwarding()
        service.persistence = persistence()
        if once(in: 3) {
            service.sorryServer = SorryServer(address: serverAddress(), port: 8080, forwarding: forwarding())
            service.sorryServer?.isInhibited = once(in: 2)
        }
        if once(in: 12) { service.faults = ["no"] }
        for _ in 0..<number(once(in: 4) ? 9...12 : 1...4) { addServer(to: &service) }
        let total = service.realServers.reduce(0) { $0 + $1.weight }
        service.quorum = number(1...max(1, total))
        service.hysteresis = number(0...service.quorum - 1)
        return service
    }

    private mutating func addServer(to service: inout VirtualServerSettings) {
        var server = RealServerSettings(address: serverAddress(), port: UInt16(once(in: 4) ? 9_090 : 8_080))
        guard !service.realServers.contains(where: { $0.address == server.address }) else { return }
        server.weight = number(0...3)
        server.forwarding = once(in: 6) ? forwarding() : service.forwarding
        server.isInhibitedOnFailure = once(in: 3)
        if !once(in: 3) { server.checks = [check(of: server.address)] }
        service.realServers.append(server)
    }

    /// Servers with one address often have one check.
    private mutating func check(of address: IPAddress) -> CheckSettings {
        var check = CheckSettings(
            kind: .tcp, endpoint: CheckEndpoint(address: address, port: 1, timeout: .seconds(1)),
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
        if once(in: 2) {
            check.schedule?.interval = .seconds(Int64(number(1...3)))
            check.schedule?.retries = number(0...2)
            check.schedule?.delayBeforeRetry = .milliseconds(Int64(number(1...1_000)))
            check.schedule?.warmup = .milliseconds(Int64(number(0...2_000)))
        }
        check.startsDown = once(in: 3)
        return check
    }

    /// All can be set up.
    static func usable(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = distinct(model)
        for index in model.virtualServers.indices { model.virtualServers[index].faults = [] }
        return model
    }

    /// No two have one name.
    static func distinct(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = model
        var names: Set<String> = []
        model.virtualServers.removeAll {
            !names.insert("\($0.address) \($0.transport.map { "\($0.rawValue)" } ?? "") \($0.family)").inserted
        }
        return model
    }

    private mutating func changeServer(of service: inout VirtualServerSettings) {
        guard !service.realServers.isEmpty else { return }
        let index = number(0...service.realServers.count - 1)
        switch number(0...4) {
        case 0: service.realServers[index].weight = number(0...3)
        case 3: service.realServers[index].checks = once(in: 3) ? [] : [check(of: service.realServers[index].address)]
        case 1: service.realServers[index].forwarding = forwarding()
        case 2: service.realServers[index].upperThreshold = UInt32(number(0...9))
        default: service.realServers[index].isInhibitedOnFailure.toggle()
        }
    }

    private mutating func group(named name: String) -> VirtualServerGroup {
        var group = VirtualServerGroup(name: name, location: SourceLocation())
        for _ in 0..<number(1...3) { group.entries.append(entry()) }
        return group
    }

    private mutating func entry() -> ServiceGroupEntry {
        if once(in: 3) { return .firewallMark(UInt32(number(1...3)), once(in: 2) ? .ipv6 : nil) }
        let first = serviceAddress()
        return .addresses(
            first: first, last: IPAddress(v4: UInt32(first.low) + UInt32(number(0...2))), port: servicePort())
    }

    private mutating func serviceAddress() -> IPAddress { IPAddress(v4: 0x0a00_0001 + UInt32(number(0...4))) }
    private mutating func servicePort() -> UInt16 { [80, 80, 443, 0][number(0...3)] }
    mutating func serverAddress() -> IPAddress { IPAddress(v4: 0x0a00_0100 + UInt32(number(0...15))) }

    mutating func scheduler() -> Scheduler {
        [.roundRobin, .weightedLeastConnections, .maglevHashing, .sourceHashing, .destinationHashing][number(0...4)]
    }

    private mutating func forwarding() -> Forwarding {
        [.masquerading, .directRouting, .tunnel(.ipip), .tunnel(.gue(port: 6_080, .none))][number(0...3)]
    }

    private mutating func persistence() -> Persistence? {
        guard once(in: 4) else { return nil }
        var persistence = Persistence(granularity: .netmask(once(in: 2) ? .max : 0xffff_ff00))
        persistence.timeout = .seconds(Int64(number(1...3)))
        return persistence
    }

    // MARK: - Other people's

    /// A service that no configuration ever names.
    mutating func foreignService() -> ServiceKey {
        ServiceKey(.address(IPAddress(v4: 0x0a09_0000 + UInt32(number(0...3))), port: 80, .tcp))
    }
    static func isForeign(_ key: ServiceKey) -> Bool {
        if case .address(let address, _, _) = key.target { address.low >> 16 == 0x0a09 } else { false }
    }

    /// A destination that no configuration ever names.
    mutating func foreignDestination() -> DestinationKey {
        DestinationKey(IPAddress(v4: 0x0a08_0000 + UInt32(number(0...3))), port: 80)
    }
    static func isForeign(_ place: DestinationKey) -> Bool { place.address.low >> 16 == 0x0a08 }
}
