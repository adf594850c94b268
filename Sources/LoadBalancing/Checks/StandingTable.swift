import Base
import ConfigurationModel

/// The states that the checker has told of the services and servers of one configuration: hasupd's record, from which the next checker
/// goes on. The checker may be in strange hands: what the configuration doesn't allow is refused (docs/decisions, D64).
package struct StandingTable: Sendable {
    package enum StandingRefusal: Error, Hashable, Sendable, CustomStringConvertible {
        case unknownService(UInt32)
        case unknownServer(service: UInt32, server: UInt32)
        /// More than the configuration allows.
        case weight(UInt32)
        /// A number that was there before, or is far away.
        case notification(UInt64)

        /// The kind by which the log counts refusals: numbers that a checker chose don't make another one.
        package var kind: String {
            switch self {
            case .unknownService: "service"
            case .unknownServer: "server"
            case .weight: "weight"
            case .notification: "notification"
            }
        }

        package var description: String {
            switch self {
            case .unknownService(let service): "there is no virtual server \(service)"
            case .unknownServer(let service, let server): "virtual server \(service) has no real server \(server)"
            case .weight(let weight): "a weight of \(weight) is more than the configuration allows"
            case .notification(let number): "notification \(number) isn't due"
            }
        }
    }

    /// The knowledge about a server.
    package struct KnownServer: Hashable, Sendable {
        package let key: DestinationKey
        /// By which its entry is found again.
        let hash: UInt64
        /// As configured.
        let ordinaryWeight: UInt32
        package let weightMax: UInt32
        /// The places of its checks among the service's.
        let checks: Range<Int>
        /// Sessions of its BFD_CHECKs, which aren't done.
        package let sessions: [String]
        /// True if each failed attempt of a check is logged.
        package let logsAllFailures: Bool
        package var standing: ServerStanding?
        package var since: Instant?
    }

    package struct KnownService: Sendable {
        let identity: ServiceIdentity
        /// As keepalived names it.
        package let name: String
        /// A name that no other one has.
        package var uniqueName: String { "\(identity.hash)" }
        let transportWord: String
        package let hasSorryServer: Bool
        /// ha_suspend: the address without which it isn't checked.
        package let awaitedAddress: IPAddress?
        let quorum: QuorumRule
        package internal(set) var standing: ServiceStanding?
        package var since: Instant?
        package internal(set) var servers: [KnownServer] = []
        /// Of all its servers, those of one server side by side.
        package private(set) var checks: [KnownCheck] = []
        /// Its place among the entries that are kept; its servers' follow.
        var firstEntry = 0

        /// The checks of one of its servers.
        package func checks(of server: KnownServer) -> ArraySlice<KnownCheck> { checks[server.checks] }

        fileprivate mutating func add(_ server: RealServerSettings) {
            let first = checks.count
            checks += server.checks.lazy.filter { !$0.waitsForSessions }.map { KnownCheck($0, of: server) }
            let key = DestinationKey(server.address, port: server.port)
            servers.append(
                KnownServer(
                    key: key, hash: identity.hash(key),
                    ordinaryWeight: UInt32(clamping: server.weight), weightMax: server.maximumWeight,
                    checks: first..<checks.count,
                    sessions: server.checks.compactMap(\.session),
                    logsAllFailures: server.checks.contains(where: \.logsAllFailures)))
        }
    }

    package internal(set) var services: [KnownService] = []
    /// The last notification that was taken on.
    package private(set) var lastNotification: UInt64 = 0

    /// Numbers that are left out at most: a checker that dies has counted some that nobody heard of.
    private static let stepMax: UInt64 = 1 << 32
    /// The end of what is believed of a number that was kept: counting goes on behind it for longer than anybody lives.
    private static let believedMax: UInt64 = 1 << 60

    private struct TurningServer: Hashable {
        var service: UInt32
        var server: UInt32
    }
    /// Turns of a server's checks within a minute.
    private struct TurnCount {
        var end: Instant
        var count = 0
    }
    private var turns: [TurningServer: TurnCount] = [:]
    /// Turns of a server that are followed in a minute: each one may be a mail.
    static let turnsMax = 6

    package init() {}

    /// The table of a configuration, with what is known of those it shares with the one before.
    package init(_ configuration: [VirtualServerSettings], after former: StandingTable = StandingTable()) {
        lastNotification = former.lastNotification
        var places: [ServiceIdentity: Int] = [:]
        for (place, service) in former.services.enumerated() { places[service.identity] = place }
        services.reserveCapacity(configuration.count)
        for (place, settings) in configuration.enumerated() {
            var service = KnownService(
                identity: ServiceIdentity(settings), name: settings.displayName, transportWord: settings.transportWord,
                hasSorryServer: settings.sorryServer != nil, awaitedAddress: settings.awaitedAddress,
                quorum: QuorumRule(settings))
            service.servers.reserveCapacity(settings.realServers.count)
            for server in settings.realServers { service.add(server) }
            service.firstEntry = services.last.map { $0.firstEntry + 1 + $0.servers.count } ?? 0
            defer { services.append(service) }
            guard let before = places[service.identity].map({ former.services[$0] }) else { continue }
            service.standing = before.standing
            service.standing?.service = UInt32(place)
            service.since = before.since
            var numbers: [DestinationKey: Int] = [:]
            for (number, server) in before.servers.enumerated() { numbers[server.key] = number }
            for number in service.servers.indices {
                guard let found = numbers[service.servers[number].key].map({ before.servers[$0] }) else { continue }
                service.servers[number].standing = found.standing
                service.servers[number].standing?.service = UInt32(place)
                service.servers[number].standing?.server = UInt32(number)
                service.servers[number].since = found.since
            }
        }
    }

    /// Takes a report of the checker. Returns false when nothing is new in it. - Throws: `StandingRefusal`; then nothing has changed.
    @discardableResult
    package mutating func take(_ report: CheckerReport, at now: Instant) throws(StandingRefusal) -> Bool {
        // A number that is far away would leave none for those that follow.
        let numbers = lastNotification + 1...lastNotification + Self.stepMax
        guard report.notification == 0 || numbers.contains(report.notification) else {
            throw .notification(report.notification)
        }
        let isNew: Bool
        switch report {
        case .server(let standing): isNew = try take(standing, at: now)
        case .service(let standing):
            guard services.indices.contains(Int(standing.service)) else { throw .unknownService(standing.service) }
            let place = Int(standing.service)
            let before = services[place].standing
            isNew = before?.hasQuorum != standing.hasQuorum
            if isNew { services[place].since = now }
            services[place].standing = standing
        }
        if report.notification != 0 { lastNotification = report.notification }
        return isNew
    }

    private mutating func take(_ standing: ServerStanding, at now: Instant) throws(StandingRefusal) -> Bool {
        let (service, server) = (Int(standing.service), Int(standing.server))
        guard services.indices.contains(service) else { throw .unknownService(standing.service) }
        guard services[service].servers.indices.contains(server) else {
            throw .unknownServer(service: standing.service, server: standing.server)
        }
        guard standing.weight <= services[service].servers[server].weightMax else { throw .weight(standing.weight) }
        let before = services[service].servers[server].standing
        if before?.isUp != standing.isUp { services[service].servers[server].since = now }
        services[service].servers[server].standing = standing
        return before?.isUp != standing.isUp || before?.weight != standing.weight
            || before?.isProven != standing.isProven
    }

    /// False for a check that turned of a server that isn't down, or that has turned often enough in this minute.
    package mutating func admits(_ observation: CheckObservation, at now: Instant) -> Bool {
        guard case .turned(let service, let server, _, _, _) = observation else { return true }
        guard let known = self.server(service, server), known.standing?.isUp == false else { return false }
        let number = TurningServer(service: service, server: server)
        var turn = turns[number].flatMap { now < $0.end ? $0 : nil } ?? TurnCount(end: now + .seconds(60))
        turn.count = min(turn.count + 1, Self.turnsMax + 1)
        turns[number] = turn
        return turn.count <= Self.turnsMax
    }

    /// The subject of what is told; nil for what isn't there.
    package func subject(of report: CheckerReport) -> NotificationKey? {
        switch report {
        case .server(let standing): subject(standing.service, standing.server)
        case .service(let standing): subject(standing.service)
        }
    }

    package func subject(_ service: UInt32) -> NotificationKey? {
        guard services.indices.contains(Int(service)) else { return nil }
        return NotificationKey(.service, services[Int(service)].name)
    }

    package func subject(_ service: UInt32, _ server: UInt32) -> NotificationKey? {
        guard services.indices.contains(Int(service)) else { return nil }
        let found = services[Int(service)]
        guard found.servers.indices.contains(Int(server)) else { return nil }
        let name = found.servers[Int(server)].key.displayName(found.transportWord)
        return NotificationKey(.server, "\(name) \(found.name)")
    }

    /// A server by its numbers; nil for one that isn't there.
    package func server(_ service: UInt32, _ server: UInt32) -> KnownServer? {
        guard services.indices.contains(Int(service)) else { return nil }
        let servers = services[Int(service)].servers
        return servers.indices.contains(Int(server)) ? servers[Int(server)] : nil
    }

    /// A notification was taken on that is about another configuration.
    package mutating func note(notification: UInt64) {
        if notification < Self.believedMax { lastNotification = max(lastNotification, notification) }
    }

    /// The same report by the numbers of another configuration; nil when that hasn't got what it is about. Nobody is notified
    /// of it again.
    package func renumbered(_ report: CheckerReport, for other: StandingTable) -> CheckerReport? {
        func place(of service: UInt32) -> Int? {
            guard services.indices.contains(Int(service)) else { return nil }
            let identity = services[Int(service)].identity
            return other.services.firstIndex { $0.identity == identity }
        }
        switch report {
        case .service(var standing):
            guard let place = place(of: standing.service) else { return nil }
            standing.service = UInt32(place)
            standing.notification = 0
            return .service(standing)
        case .server(var standing):
            guard let place = place(of: standing.service) else { return nil }
            let servers = services[Int(standing.service)].servers
            guard servers.indices.contains(Int(standing.server)),
                let number = other.services[place].servers.firstIndex(where: {
                    $0.key == servers[Int(standing.server)].key
                })
            else { return nil }
            standing.service = UInt32(place)
            standing.server = UInt32(number)
            standing.notification = 0
            standing.weight = min(standing.weight, other.services[place].servers[number].weightMax)
            return .server(standing)
        }
    }

    /// The subjects that are up here and that the table which follows hasn't got: of a service first its servers, then itself.
    /// A checker may begin with the configuration that follows, and never have known them (docs/decisions, D75).
    package func removed(by next: StandingTable) -> [(subject: NotificationKey, service: Int)] {
        var places: [ServiceIdentity: Int] = [:]
        for (place, service) in next.services.enumerated() { places[service.identity] = place }
        var removed: [(subject: NotificationKey, service: Int)] = []
        for (place, service) in services.enumerated() {
            let successor = places[service.identity].map { next.services[$0] }
            let kept = Set(successor?.servers.map(\.key) ?? [])
            for (number, server) in service.servers.enumerated()
            where server.standing?.isUp == true && !kept.contains(server.key) {
                if let subject = subject(UInt32(place), UInt32(number)) { removed.append((subject, place)) }
            }
            guard successor == nil, service.standing?.hasQuorum == true else { continue }
            removed.append((NotificationKey(.service, service.name), place))
        }
        return removed
    }

    /// Takes over what stands in the kernel's table after everything has died, where nothing is known: a server that stands
    /// there with a weight, or with the configured weight of 0, is up, another one down (docs/decisions, D74).
    package mutating func restore(_ found: [StandingService]) {
        for entry in found where services.indices.contains(entry.service) {
            let place = entry.service
            guard services[place].standing == nil, services[place].servers.allSatisfy({ $0.standing == nil }) else {
                continue
            }
            var (live, total) = (0, 0)
            for number in services[place].servers.indices {
                let server = services[place].servers[number]
                let standing = entry.weights.indices.contains(number) ? entry.weights[number] : nil
                let weight = min(standing ?? 0, server.weightMax)
                let isUp = standing != nil && (weight > 0 || server.ordinaryWeight == 0)
                services[place].servers[number].standing = ServerStanding(
                    service: UInt32(place), server: UInt32(number), isUp: isUp, isProven: false, weight: weight)
                live += Int(weight)
                total += Int(server.ordinaryWeight)
            }
            // Where no sorry server stands, nothing tells that the quorum was lost between its borders.
            let hasQuorum =
                !entry.usesSorryServer && services[place].quorum.isMet(live: live, total: total, wasMet: true)
            services[place].standing = ServiceStanding(service: UInt32(place), hasQuorum: hasQuorum)
        }
    }

    /// The state of a service for the director; nil as long as not all of it is known.
    package func state(ofService place: Int) -> ServiceState? {
        guard services.indices.contains(place), let standing = services[place].standing else { return nil }
        var servers: [ServerState] = []
        servers.reserveCapacity(services[place].servers.count)
        for server in services[place].servers {
            guard let standing = server.standing else { return nil }
            servers.append(ServerState(standing))
        }
        return ServiceState(
            hasQuorum: standing.hasQuorum, usesSorryServer: !standing.hasQuorum && services[place].hasSorryServer,
            servers: servers)
    }

    /// A report as news for the director; nil for what the table isn't made of.
    package func change(_ report: CheckerReport) -> StateChange? {
        switch report {
        case .server(let standing):
            return .server(
                service: Int(standing.service), server: Int(standing.server), ServerState(standing))
        case .service(let standing):
            let place = Int(standing.service)
            guard services.indices.contains(place) else { return nil }
            return .quorum(
                service: place, hasQuorum: standing.hasQuorum,
                usesSorryServer: !standing.hasQuorum && services[place].hasSorryServer)
        }
    }

    /// All that is known, for a checker that begins.
    package var reports: [CheckerReport] {
        services.flatMap { service in
            service.servers.compactMap { server in server.standing.map { CheckerReport.server($0) } }
                + (service.standing.map { [CheckerReport.service($0)] } ?? [])
        }
    }
}

extension ServerState {
    init(_ standing: ServerStanding) { self.init(isUp: standing.isUp, weight: standing.weight) }
}
