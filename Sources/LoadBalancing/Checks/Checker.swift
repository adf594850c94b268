import Base
import ConfigurationModel

/// The checks of all servers and what follows from them: which server is up and with what weight, which service has its
/// quorum, who is notified. It runs in hasup-checker; hasupd makes IPVS's table of what it tells (docs/decisions, D64).
package struct Checker: Sendable {
    var services: [CheckedService] = []
    /// By place; nil for a free one. A check keeps its place as long as a configuration has it.
    var checks: [Check?] = []
    /// Of all checks, those of one check side by side. Not a list in each: there may be thousands.
    var users: [CheckUser] = []
    var places: [CheckFingerprint: Int] = [:]
    var freePlaces: [Int] = []
    var starts = DeadlineHeap()
    package internal(set) var grid = StartGrid(shortestInterval: nil)
    var notifiesFirstState = false
    var router: UInt64 = 0
    var lastNotification: UInt64 = 0
    /// Addresses of this host; nil until they are known.
    var addresses: Set<IPAddress>?
    /// Values of tracked files.
    var fileValues: [String: Int64] = [:]
    var isStopping = false
    /// Attempts that began late because too many ran.
    package internal(set) var lateStarts: UInt64 = 0

    package init() {}

    struct CheckedService: Sendable {
        /// Without its real servers, of which `servers` has what is needed: there may be thousands.
        let settings: VirtualServerSettings
        var servers: [CheckedServer] = []
        /// Of all its servers, those of one server side by side.
        var uses: [CheckUse] = []
        var hasQuorum = false
        /// Weight of the servers that are up.
        var liveWeight = 0
        /// Configured weight of all of them.
        var totalWeight = 0
        /// Its checks wait for its address (ha_suspend).
        var isSuspended = false

        init(_ settings: VirtualServerSettings) {
            var own = settings
            own.realServers = []
            self.settings = own
        }
    }

    struct CheckedServer: Sendable {
        let key: DestinationKey
        /// As configured.
        let ordinaryWeight: Int
        /// Its places among the service's.
        var uses = 0..<0
        var isUp = false
        var weight = 0
        /// True if its first state is still to be notified (rs_init_notifies).
        var owesFirstNotification = false

        init(_ settings: RealServerSettings) {
            key = DestinationKey(settings.address, port: settings.port)
            ordinaryWeight = settings.weight
        }

        var liveWeight: Int { isUp ? weight : 0 }
    }

    /// A server's part in a check.
    struct CheckUse: Sendable {
        var check: Int
        /// It counts as failed until its first verdict: alpha, or a known server that is down.
        var assumesFailure: Bool
        var logsAllFailures: Bool
        var factor: WeightFactor
    }

    /// The effect of a check's number on a server's weight.
    enum WeightFactor: Hashable, Sendable {
        case none
        /// misc_dynamic: the number is the weight.
        case replaces
        /// FILE_CHECK: so many times the number is added.
        case adds(Int)
    }

    struct Check: Sendable {
        var settings: CheckSettings
        var record: CheckRecord
        /// Their places among those of all checks.
        var users = 0..<0
        /// The regular time of the last start.
        var regularStart: Instant?
        var isRunning = false
        /// True while a start waits that was due and could not be made.
        var isLate = false
        var isActive = false
        /// The next time at which a check that can't be tried is logged.
        var complaint = RateLimit(period: .seconds(60))

        /// Attempts of one round.
        var requestCount: Int {
            if case .http(let check) = settings.kind { check.requests.count } else { 1 }
        }
        var recoversFast: Bool {
            if case .http(let check) = settings.kind { check.recoversFast } else { false }
        }
        /// True if a check that is down has to pass as a whole once more before it is up.
        var confirmsRecovery: Bool { if case .http = settings.kind { true } else { false } }

        /// Begins an attempt. Returns the number of its url block; nil when it can't begin.
        mutating func begin(at now: Instant) -> Int? {
            guard isActive, !isRunning else { return nil }
            isRunning = true
            record.lastStart = now
            return Int(record.request)
        }

        /// Takes a success. Returns true if the next url block is asked for at once.
        mutating func pass(_ verdict: CheckVerdict) -> Bool {
            if record.state == .down, confirmsRecovery, !record.isConfirming {
                // The url that had failed is well; now all of them once more.
                record.isConfirming = true
                record.request = 0
            } else {
                record.request += 1
                if Int(record.request) >= requestCount {
                    record.request = 0
                    record.state = .up
                    record.isConfirming = false
                    record.weight = verdict.weight
                }
            }
            if record.state != .down {
                record.reason = verdict.reason
                record.detail = verdict.detail
            }
            record.retriesLeft = UInt16(clamping: settings.schedule?.retries ?? 0)
            return recoversFast && record.state != .up
        }
    }

    struct CheckUser: Hashable, Sendable {
        var service: Int
        var server: Int
        /// Place among the service's uses.
        var use: Int
    }

    // MARK: The door

    package mutating func handle(_ event: CheckerEvent, at now: Instant, into actions: inout [CheckerAction]) {
        switch event {
        case .begin(let configuration, let known, let records, let notification):
            lastNotification = notification
            begin(configuration, known, records, at: now, into: &actions)
        case .configure(let configuration): reload(configuration, at: now, into: &actions)
        case .ended(let check, let verdict, let duration):
            take(verdict, of: check, duration, at: now, into: &actions)
        case .postponed(let check): postpone(check, at: now)
        case .addresses(let present):
            addresses = present
            suspend(at: now, into: &actions)
        case .file(let name, let value):
            fileValues[name] = value
            take(file: name, at: now, into: &actions)
        case .timeout: startDue(at: now, into: &actions)
        case .stop: stop(into: &actions)
        }
    }

    /// The time at which `timeout` is wanted.
    package var deadline: Instant { starts.first?.deadline ?? .never }

    /// Attempts that begin at one timeout; another one is wanted at once while more are due.
    package static let startsPerTimeout = 128

    // MARK: Questions

    package func settings(of check: Int) -> CheckSettings? {
        checks.indices.contains(check) ? checks[check]?.settings : nil
    }
    package func record(of check: Int) -> CheckRecord? {
        checks.indices.contains(check) ? checks[check]?.record : nil
    }
    package func isUp(service: Int, server: Int) -> Bool { services[service].servers[server].isUp }
    package func hasQuorum(service: Int) -> Bool { services[service].hasQuorum }
    /// Checks that are started in a second.
    package var checksPerSecond: Double {
        checks.reduce(0) { sum, check in
            guard let check, check.isActive, let schedule = check.settings.schedule else { return sum }
            return sum + 1e9 / Double(max(1, schedule.interval.nanoseconds))
        }
    }

    func uses(_ place: Int, _ server: CheckedServer) -> ArraySlice<CheckUse> { services[place].uses[server.uses] }
    func users(of check: Check) -> ArraySlice<CheckUser> { users[check.users] }

    func phase(of check: Int) -> CheckPhase? {
        guard let fingerprint = checks[check]?.record.fingerprint else { return nil }
        return checks[check]?.settings.schedule.map { CheckPhase($0, fingerprint, router: router) }
    }

    func isRunning(_ check: Int) -> Bool { checks.indices.contains(check) && checks[check]?.isRunning == true }

    // MARK: Time

    private mutating func startDue(at now: Instant, into actions: inout [CheckerAction]) {
        for _ in 0..<Self.startsPerTimeout {
            guard let number = starts.popDue(at: now) else { return }
            guard !isStopping, let request = checks[number]?.begin(at: now) else { continue }
            actions.append(.start(check: number, request: request))
        }
    }

    /// Time until a start that found no descriptor is tried again.
    private static let postponement = Interval.milliseconds(10)

    private mutating func postpone(_ number: Int, at now: Instant) {
        guard isRunning(number) else { return }
        checks[number]?.isRunning = false
        if checks[number]?.isLate == false { lateStarts += 1 }
        checks[number]?.isLate = true
        set(number, to: now + Self.postponement)
    }

    /// Sets the next start, on the grid.
    mutating func set(_ number: Int, to due: Instant) {
        let rounded = grid.roundUp(due)
        checks[number]?.record.nextDue = rounded
        starts.set(number, to: rounded)
    }

    /// Sets the next regular start after the last one.
    mutating func setRegularStart(_ number: Int, at now: Instant) {
        guard let phase = phase(of: number) else { return }
        var next = (checks[number]?.regularStart ?? now) + phase.interval
        if next < now {
            let missed = ((now - next).nanoseconds + phase.interval.nanoseconds - 1) / phase.interval.nanoseconds
            next = next + phase.interval * missed
        }
        checks[number]?.regularStart = next
        set(number, to: next)
    }

    // MARK: Stop

    /// Notifications for going down of what has omega. The table is the director's.
    private mutating func stop(into actions: inout [CheckerAction]) {
        guard !isStopping else { return }
        isStopping = true
        for number in checks.indices where checks[number]?.isRunning == true { actions.append(.abandon(check: number)) }
        for place in services.indices where services[place].settings.notifiesAtShutdown {
            for server in services[place].servers.indices where services[place].servers[server].isUp {
                services[place].servers[server].isUp = false
                tell(place, server, notifies: true, into: &actions)
            }
            if services[place].hasQuorum {
                services[place].hasQuorum = false
                tell(place, notifies: true, into: &actions)
            }
        }
    }
}
