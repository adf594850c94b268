import Base
import ConfigurationModel

// Start and reload: what a configuration makes of what is known (docs/decisions, D74, D75).
extension Checker {
    /// Age of a record, in intervals and timeouts, above which nobody knows any more.
    private static let staleRounds: Int64 = 3

    /// The state of a server before this configuration.
    private struct Prior {
        var isUp: Bool
        /// Checks of it that have had no verdict, with what is assumed of them.
        var assumptions: [Int: Bool] = [:]
        var owesFirstNotification = false
    }

    /// The state of a service before this configuration: nil where nothing was.
    private struct Former {
        var hasQuorum: Bool?
        var servers: [Prior?]
    }

    private struct ServerNumber: Hashable {
        var service: Int
        var server: Int
    }

    mutating func begin(
        _ configuration: CheckerConfiguration, _ known: KnownStandings, _ records: [LeftRecord], at now: Instant,
        into actions: inout [CheckerAction]
    ) {
        adopt(configuration)
        var left: [CheckFingerprint: LeftRecord] = [:]
        for record in records { left[record.record.fingerprint] = record }
        takePlaces(of: left, for: configuration, at: now)

        var formers = configuration.services.map { service in
            Former(hasQuorum: nil, servers: Array(repeating: nil, count: service.realServers.count))
        }
        for standing in known.servers {
            let (service, server) = (Int(standing.service), Int(standing.server))
            guard formers.indices.contains(service), formers[service].servers.indices.contains(server) else { continue }
            formers[service].servers[server] = Prior(isUp: standing.isUp)
        }
        for standing in known.services where formers.indices.contains(Int(standing.service)) {
            formers[Int(standing.service)].hasQuorum = standing.hasQuorum
        }
        install(configuration, formers, at: now, into: &actions)
    }

    /// A check that goes on keeps the place of its record, so that no other is written over it.
    private mutating func takePlaces(
        of left: [CheckFingerprint: LeftRecord], for configuration: CheckerConfiguration, at now: Instant
    ) {
        for settings in configuration.services.flatMap(Self.checks) {
            let fingerprint = CheckFingerprint(settings)
            guard let found = left[fingerprint], places[fingerprint] == nil else { continue }
            while checks.count <= found.place { checks.append(nil) }
            var check = makeCheck(settings, fingerprint)
            check.record = Self.fresh(found.record, settings, at: now)
            if Int(check.record.request) >= check.requestCount { check.record.request = 0 }
            checks[found.place] = check
            places[fingerprint] = found.place
        }
        freePlaces = checks.indices.reversed().filter { checks[$0] == nil }
    }

    /// A record; without its state when that is too old.
    private static func fresh(_ record: CheckRecord, _ settings: CheckSettings, at now: Instant) -> CheckRecord {
        guard let schedule = settings.schedule else { return record }
        let limit = (schedule.interval + (settings.endpoint?.timeout ?? .zero)) * staleRounds
        if let verdict = record.lastVerdict, verdict <= now, now - verdict <= limit { return record }
        var record = record
        record.state = .unknown
        record.isConfirming = false
        record.request = 0
        return record
    }

    mutating func reload(_ configuration: CheckerConfiguration, at now: Instant, into actions: inout [CheckerAction]) {
        guard !isStopping else { return }
        let former = services
        adopt(configuration)
        var formerPlaces: [ServiceIdentity: Int] = [:]
        for (place, service) in former.enumerated() { formerPlaces[ServiceIdentity(service.settings)] = place }
        var kept = Set<ServerNumber>()
        let formers = configuration.services.map { settings in
            guard let place = formerPlaces[ServiceIdentity(settings)], former[place].settings.faults.isEmpty else {
                return Former(hasQuorum: nil, servers: settings.realServers.map { _ in nil })
            }
            var numbers: [DestinationKey: Int] = [:]
            for (number, server) in former[place].servers.enumerated() { numbers[server.key] = number }
            let servers = settings.realServers.map { server -> Prior? in
                guard let number = numbers[DestinationKey(server.address, port: server.port)] else { return nil }
                kept.insert(ServerNumber(service: place, server: number))
                return prior(former[place].servers[number])
            }
            return Former(hasQuorum: former[place].hasQuorum, servers: servers)
        }
        tellRemoved(former, except: kept, into: &actions)
        install(configuration, formers, at: now, into: &actions)
    }

    private func prior(_ server: CheckedServer) -> Prior {
        var prior = Prior(isUp: server.isUp)
        prior.owesFirstNotification = server.owesFirstNotification
        for use in server.uses where entry(use.check)?.record.state == .unknown {
            prior.assumptions[use.check] = use.assumesFailure
        }
        return prior
    }

    /// notify_down and its line for servers that are gone (behaviours_lvs2, B12).
    private mutating func tellRemoved(
        _ former: [CheckedService], except kept: Set<ServerNumber>, into actions: inout [CheckerAction]
    ) {
        for (place, service) in former.enumerated() {
            for (number, server) in service.servers.enumerated() where server.isUp {
                guard !kept.contains(ServerNumber(service: place, server: number)) else { continue }
                lastNotification += 1
                actions.append(
                    .tell(
                        .removed(
                            service: UInt32(place), server: UInt32(number), notification: lastNotification)))
            }
        }
    }

    private static func checks(of service: VirtualServerSettings) -> [CheckSettings] {
        service.faults.isEmpty ? service.realServers.flatMap(\.checks) : []
    }

    private mutating func adopt(_ configuration: CheckerConfiguration) {
        notifiesFirstState = configuration.notifiesFirstState
        router = configuration.router
        grid = StartGrid(
            shortestInterval: configuration.services.flatMap(Self.checks).compactMap(\.schedule?.interval).min())
    }

    // MARK: Services, servers and checks of the new configuration

    private mutating func install(
        _ configuration: CheckerConfiguration, _ formers: [Former], at now: Instant,
        into actions: inout [CheckerAction]
    ) {
        services = []
        for (place, settings) in configuration.services.enumerated() {
            var service = CheckedService(settings)
            service.hasQuorum = formers[place].hasQuorum ?? false
            // A service that can't be set up has neither checks nor states.
            if settings.faults.isEmpty {
                service.totalWeight = settings.realServers.reduce(0) { $0 + $1.weight }
                for (number, server) in settings.realServers.enumerated() {
                    service.servers.append(join(server, formers[place].servers[number]))
                }
            }
            services.append(service)
        }
        registerUsers(into: &actions)
        suspend(at: now, into: &actions)
        for number in checks.indices where checks[number]?.settings.schedule == nil { judgeFile(number, at: now) }
        for place in services.indices where services[place].settings.faults.isEmpty {
            tellFirst(place, formers[place], into: &actions)
        }
    }

    /// A server with its part in its checks.
    private mutating func join(_ settings: RealServerSettings, _ prior: Prior?) -> CheckedServer {
        var server = CheckedServer(settings)
        server.owesFirstNotification = prior?.owesFirstNotification ?? notifiesFirstState
        for check in settings.checks where !check.waitsForSessions {
            let number = place(of: check)
            server.uses.append(
                CheckUse(
                    check: number,
                    assumesFailure: prior?.assumptions[number] ?? prior.map { !$0.isUp } ?? check.startsDown,
                    logsAllFailures: check.logsAllFailures, factor: Self.factor(check.kind)))
        }
        return server
    }

    private static func factor(_ kind: CheckKind) -> WeightFactor {
        switch kind {
        case .script(let check): check.setsWeight ? .replaces : .none
        case .file(let check): check.weight == 0 ? .none : .adds(check.isReversed ? -check.weight : check.weight)
        default: .none
        }
    }

    /// The place of a check, which is made when it isn't there.
    private mutating func place(of settings: CheckSettings) -> Int {
        var fingerprint = CheckFingerprint(settings)
        while let place = places[fingerprint] {
            if let found = checks[place], found.settings.isSameCheck(as: settings) { return place }
            // Two checks with one hash: the second one gets another.
            fingerprint.value = fingerprint.value == .max ? 1 : fingerprint.value + 1
        }
        let check = makeCheck(settings, fingerprint)
        let place = freePlaces.popLast() ?? checks.count
        if place == checks.count { checks.append(check) } else { checks[place] = check }
        places[fingerprint] = place
        return place
    }

    private func makeCheck(_ settings: CheckSettings, _ fingerprint: CheckFingerprint) -> Check {
        var check = Check(settings: settings, record: CheckRecord(fingerprint))
        check.phase = settings.schedule.map { CheckPhase($0, fingerprint, router: router) }
        check.record.retriesLeft = UInt16(clamping: settings.schedule?.retries ?? 0)
        return check
    }

    /// Finds the users of each check again. What nobody uses is given up.
    private mutating func registerUsers(into actions: inout [CheckerAction]) {
        for number in checks.indices { checks[number]?.users = [] }
        for (place, service) in services.enumerated() {
            for (number, server) in service.servers.enumerated() {
                for (use, entry) in server.uses.enumerated() {
                    checks[entry.check]?.users.append(CheckUser(service: place, server: number, use: use))
                }
            }
        }
        for number in checks.indices {
            guard let check = checks[number], check.users.isEmpty else { continue }
            if check.isRunning { actions.append(.abandon(check: number)) }
            actions.append(.forget(check: number))
            places[check.record.fingerprint] = nil
            starts.set(number, to: nil)
            checks[number] = nil
            freePlaces.append(number)
        }
    }

    // MARK: ha_suspend

    /// Begins and ends checks as the addresses of this host want it.
    mutating func suspend(at now: Instant, into actions: inout [CheckerAction]) {
        for place in services.indices {
            guard let address = services[place].settings.awaitedAddress else { continue }
            services[place].isSuspended = addresses?.contains(address) == false
        }
        for number in checks.indices {
            guard let check = checks[number] else { continue }
            let isActive = check.users.contains { !services[$0.service].isSuspended }
            guard isActive != check.isActive else { continue }
            checks[number]?.isActive = isActive
            if isActive {
                setFirstStart(number, at: now)
            } else {
                starts.set(number, to: nil)
                if check.isRunning { actions.append(.abandon(check: number)) }
                checks[number]?.isRunning = false
            }
        }
    }

    private mutating func setFirstStart(_ number: Int, at now: Instant) {
        guard let check = checks[number], let phase = check.phase else { return }
        guard let due = check.record.nextDue else {
            let first = phase.first(from: now)
            checks[number]?.regularStart = first
            return set(number, to: first)
        }
        // A record's time is a stranger's, too.
        if due > now, due - now <= phase.interval + grid.step {
            checks[number]?.regularStart = due
            starts.set(number, to: due)
        } else {
            checks[number]?.regularStart = phase.next(from: now) - phase.interval
            set(number, to: phase.overdue(from: now))
        }
    }

    // MARK: First states

    /// Tells a service and its servers once, and notifies what has changed.
    private mutating func tellFirst(_ place: Int, _ former: Former, into actions: inout [CheckerAction]) {
        for server in services[place].servers.indices {
            refresh(place, server)
            let isUp = services[place].servers[server].isUp
            let notifies: Bool
            if let prior = former.servers[server] {
                notifies = prior.isUp != isUp
                if notifies { services[place].servers[server].owesFirstNotification = false }
            } else {
                notifies = takeFirstNotification(place, server)
            }
            tell(place, server, notifies: notifies, into: &actions)
        }
        let hasQuorum = quorum(of: place)
        services[place].hasQuorum = hasQuorum
        // A service that is new begins without: its quorum is told, and that a sorry server takes over (behaviours_lvs2, B10).
        let isNews = former.hasQuorum.map { $0 != hasQuorum }
        tell(
            place, notifies: isNews ?? (hasQuorum || services[place].settings.sorryServer != nil), into: &actions)
    }
}

/// The identity of a service over reloads.
struct ServiceIdentity: Hashable {
    private let text: String
    private let transport: ServiceTransport?
    private let family: AddressFamily

    /// The same in every process.
    func hash(_ server: DestinationKey? = nil) -> UInt64 {
        var hash = FNV1a()
        hash.add("\(text) \(transport.map { "\($0.rawValue)" } ?? "-") \(family.rawValue)".utf8)
        if let server { hash.add(" \(server.address) \(server.port)".utf8) }
        return hash.value
    }

    init(_ settings: VirtualServerSettings) {
        text = settings.address.description
        transport = settings.transport
        family = settings.family
    }
}

extension CheckSettings {
    /// True for BFD_CHECK: as long as there are no sessions of BFD it says nothing about a server.
    var waitsForSessions: Bool { if case .bfd = kind { true } else { false } }

    /// True if both have the same verdict at any time.
    func isSameCheck(as other: CheckSettings) -> Bool {
        CheckFingerprint.identity(of: self) == CheckFingerprint.identity(of: other)
    }
}
