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
        /// Its checks before a reload.
        var checks: [Int] = []
        var owesFirstNotification = false
    }

    /// The state of a service before this configuration: nil where nothing was.
    private struct Former {
        var hasQuorum: Bool?
        var servers: [Prior?]
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
        let formers = configuration.services.map { settings in
            guard let place = formerPlaces[ServiceIdentity(settings)], former[place].settings.faults.isEmpty else {
                return Former(hasQuorum: nil, servers: settings.realServers.map { _ in nil })
            }
            var numbers: [DestinationKey: Int] = [:]
            for (number, server) in former[place].servers.enumerated() { numbers[server.key] = number }
            let servers = settings.realServers.map { server -> Prior? in
                numbers[DestinationKey(server.address, port: server.port)].map { prior(former[place], $0) }
            }
            return Former(hasQuorum: former[place].hasQuorum, servers: servers)
        }
        install(configuration, formers, at: now, into: &actions)
    }

    private func prior(_ service: CheckedService, _ number: Int) -> Prior {
        let server = service.servers[number]
        var prior = Prior(isUp: server.isUp)
        prior.owesFirstNotification = server.owesFirstNotification
        prior.checks = service.uses[server.uses].map(\.check)
        for use in service.uses[server.uses] where record(of: use.check)?.state == .unknown {
            prior.assumptions[use.check] = use.assumesFailure
        }
        return prior
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
                    join(server, formers[place].servers[number], to: &service)
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

    /// Adds a server with its part in its checks.
    private mutating func join(_ settings: RealServerSettings, _ prior: Prior?, to service: inout CheckedService) {
        var server = CheckedServer(settings)
        server.owesFirstNotification = prior?.owesFirstNotification ?? notifiesFirstState
        let first = service.uses.count
        for check in settings.checks where !check.waitsForSessions {
            let number = place(of: check, since: prior?.checks ?? [])
            service.uses.append(
                CheckUse(
                    check: number,
                    assumesFailure: prior?.assumptions[number] ?? prior.map { !$0.isUp } ?? check.startsDown,
                    logsAllFailures: check.logsAllFailures, factor: Self.factor(check.kind)))
        }
        server.uses = first..<service.uses.count
        service.servers.append(server)
    }

    private static func factor(_ kind: CheckKind) -> WeightFactor {
        switch kind {
        case .script(let check): check.setsWeight ? .replaces : .none
        case .file(let check): check.weight == 0 ? .none : .adds(check.isReversed ? -check.weight : check.weight)
        default: .none
        }
    }

    /// The place of a check, which is made when it isn't there.
    ///
    /// - Parameter former: checks of its server before a reload. One that differs in its times and retries alone goes on as
    ///   this one.
    private mutating func place(of settings: CheckSettings, since former: [Int]) -> Int {
        var fingerprint = CheckFingerprint(settings)
        while let place = places[fingerprint] {
            if let found = checks[place], found.settings.isSameCheck(as: settings) { return place }
            // Two checks with one hash: the second one gets another.
            fingerprint.value = fingerprint.value == .max ? 1 : fingerprint.value + 1
        }
        var check = makeCheck(settings, fingerprint)
        let question = settings.withoutSchedule
        let known = former.compactMap { checks[$0] }
        if let same = known.first(where: { $0.settings.withoutSchedule.isSameCheck(as: question) }) {
            check.goOn(from: same)
        }
        let place = freePlaces.popLast() ?? checks.count
        if place == checks.count { checks.append(check) } else { checks[place] = check }
        places[fingerprint] = place
        return place
    }

    private func makeCheck(_ settings: CheckSettings, _ fingerprint: CheckFingerprint) -> Check {
        var check = Check(settings: settings, record: CheckRecord(fingerprint))
        check.record.retriesLeft = UInt16(clamping: settings.schedule?.retries ?? 0)
        return check
    }

    /// Finds the users of each check again. What nobody uses is given up.
    private mutating func registerUsers(into actions: inout [CheckerAction]) {
        let found = services.enumerated().flatMap { place, service in
            service.servers.enumerated().flatMap { number, server in
                server.uses.map { (service.uses[$0].check, CheckUser(service: place, server: number, use: $0)) }
            }
        }.sorted { $0.0 < $1.0 }
        users = found.map(\.1)
        for number in checks.indices { checks[number]?.users = 0..<0 }
        for (place, entry) in found.enumerated() {
            let first = checks[entry.0]?.users.isEmpty == false ? checks[entry.0]?.users.lowerBound : nil
            checks[entry.0]?.users = (first ?? place)..<place + 1
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
            let isActive = users(of: check).contains { !services[$0.service].isSuspended }
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
        guard let check = checks[number], let phase = phase(of: number) else { return }
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
    let hash: UInt64

    /// One of its servers' hash.
    func hash(_ server: DestinationKey) -> UInt64 {
        var fnv = FNV1a()
        fnv.value = hash
        fnv.add(" \(server.address) \(server.port)".utf8)
        return fnv.value
    }

    init(_ settings: VirtualServerSettings) {
        text = settings.address.description
        transport = settings.transport
        family = settings.family
        var fnv = FNV1a()
        fnv.add("\(text) \(transport.map { "\($0.rawValue)" } ?? "-") \(family.rawValue)".utf8)
        hash = fnv.value
    }
}

extension Checker.Check {
    /// Takes over what is known of the same check with another schedule. Failures that didn't count count as retries of this
    /// schedule, and the next one comes when it would have come.
    fileprivate mutating func goOn(from other: Checker.Check) {
        var known = other.record
        known.fingerprint = record.fingerprint
        let failures = (other.settings.schedule?.retries ?? 0) - Int(known.retriesLeft)
        known.retriesLeft = UInt16(clamping: (settings.schedule?.retries ?? 0) - failures)
        if failures <= 0 || known.state != .up { known.nextDue = nil }
        record = known
    }
}

extension CheckSettings {
    /// The question alone, whenever it is asked.
    fileprivate var withoutSchedule: CheckSettings {
        var question = self
        if schedule != nil {
            question.schedule = CheckSchedule(interval: .zero, retries: 0, delayBeforeRetry: .zero, warmup: .zero)
        }
        return question
    }

    /// True for BFD_CHECK: as long as there are no sessions of BFD it says nothing about a server.
    var waitsForSessions: Bool { if case .bfd = kind { true } else { false } }

    /// True if both have the same verdict at any time.
    func isSameCheck(as other: CheckSettings) -> Bool {
        CheckFingerprint.identity(of: self) == CheckFingerprint.identity(of: other)
    }
}
