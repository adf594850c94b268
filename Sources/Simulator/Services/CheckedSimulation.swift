import Base
import ConfigurationModel
import LoadBalancing

/// One seed of checked services: checker, hasupd's record of what it has told, director and table, with servers that fail,
/// processes that die at any point and configurations that change; then peace, and what must be true in it.
struct CheckedSimulation {
    var scenario: ServiceScenario
    var bench = DirectedTable()
    var checker = Checker()
    /// The record of hasupd.
    var known = StandingTable()
    /// Records that the checker has left.
    var page: [Int: CheckRecord] = [:]
    /// The ends of attempts under way.
    private var attempts: [Int: Instant] = [:]
    var model = ConfigurationModel()
    var definitions: [ServiceDefinition] = []
    /// Servers that fail.
    private var ill: Set<IPAddress> = []
    /// The last state of each subject that was notified.
    private var notified: [String: Bool] = [:]
    private var notificationCount = 0
    /// Actions of the checker until it dies.
    private var actionsLeft: Int?
    let fault: ServiceFault?
    private let isTraced: Bool
    private(set) var failures: [String] = []
    private var trace: [String] = []
    private var events = 0
    private let began: Instant

    static func run(seed: UInt64, trace: Bool = false, fault: ServiceFault? = nil) -> SimulationResult {
        var simulation = CheckedSimulation(seed: seed, isTraced: trace, fault: fault)
        simulation.run()
        return SimulationResult(
            failures: simulation.failures, trace: simulation.trace,
            simulated: simulation.bench.now - simulation.began, events: simulation.events)
    }

    private init(seed: UInt64, isTraced: Bool, fault: ServiceFault?) {
        scenario = ServiceScenario(random: SeededRandom(seed: seed))
        self.isTraced = isTraced
        self.fault = fault
        began = bench.now
    }

    private mutating func run() {
        model = ServiceScenario.usable(scenario.model())
        for _ in 0..<scenario.number(0...4) { ill.insert(scenario.serverAddress()) }
        startEverything()
        for _ in 0..<5 {
            for _ in 0..<scenario.number(3...15) where failures.isEmpty { disturb() }
            guard failures.isEmpty else { return }
            makePeace()
            guard failures.isEmpty else { return }
        }
    }

    private mutating func note(_ text: String) {
        events += 1
        if isTraced { trace.append("\((bench.now - began).seconds)  \(text)") }
    }

    private mutating func fail(_ text: String) {
        failures.append(text)
        note("BROKEN: \(text)")
    }

    // MARK: - Time

    private mutating func pass(_ interval: Interval) {
        let end = bench.now + interval
        while failures.isEmpty {
            bench.settle()
            let attempt = attempts.min { ($0.value, $0.key) < ($1.value, $1.key) }
            let next = min(attempt?.value ?? .never, checker.deadline, bench.director.deadline)
            guard next <= end else { break }
            bench.now = max(bench.now, next)
            if let attempt, attempt.value <= bench.now {
                finish(attempt.key)
            } else if checker.deadline <= bench.now {
                handle(.timeout)
            } else {
                bench.play(.timeout)
            }
        }
        bench.now = end
    }

    private mutating func finish(_ check: Int) {
        attempts[check] = nil
        guard let settings = checker.settings(of: check), let address = settings.endpoint?.address else { return }
        if fault == .losesVerdicts, ill.contains(address) {
            return handle(.ended(check: check, .passed(), duration: .milliseconds(5)))
        }
        let verdict = ill.contains(address) ? CheckVerdict.failed(.refused) : .passed()
        handle(.ended(check: check, verdict, duration: .milliseconds(5)))
    }

    // MARK: - The checker

    private mutating func handle(_ event: CheckerEvent) {
        var actions: [CheckerAction] = []
        checker.handle(event, at: bench.now, into: &actions)
        for action in actions {
            if let left = actionsLeft {
                actionsLeft = left > 0 ? left - 1 : nil
                guard left > 0 else {
                    note("the checker dies")
                    return beginChecker()
                }
            }
            perform(action)
        }
    }

    private mutating func perform(_ action: CheckerAction) {
        switch action {
        case .start(let check, _):
            attempts[check] = bench.now + .milliseconds(Int64(scenario.number(1...300)))
        case .abandon(let check): attempts[check] = nil
        case .keep(let check): page[check] = fault == .losesRecords ? nil : checker.record(of: check)
        case .forget(let check): page[check] = nil
        case .tell(let report): take(report)
        case .observe: break
        }
    }

    /// A checker begins with what its predecessor and hasupd know.
    private mutating func beginChecker() {
        checker = Checker()
        attempts = [:]
        actionsLeft = nil
        var standings = KnownStandings()
        for report in known.reports where fault != .losesRecords {
            switch report {
            case .server(let standing): standings.servers.append(standing)
            case .service(let standing): standings.services.append(standing)
            }
        }
        let records = page.sorted { $0.key < $1.key }.map { LeftRecord(place: $0.key, $0.value) }
        handle(
            .begin(CheckerConfiguration(model), standings, records, lastNotification: known.lastNotification))
        tellDirector()
    }

    /// hasupd takes a report.
    private mutating func take(_ report: CheckerReport) {
        let place: Int
        let isUp: Bool
        var subject: String?
        switch report {
        case .server(let standing):
            (place, isUp) = (Int(standing.service), standing.isUp)
            subject = Self.name(known, standing.service, standing.server)
        case .service(let standing):
            (place, isUp) = (Int(standing.service), standing.hasQuorum)
            subject = Self.name(known, standing.service)
        }
        var before: Bool?
        if case .service = report { before = known.services[place].standing?.hasQuorum }
        let isNew: Bool
        do throws(StandingTable.StandingRefusal) { isNew = try known.take(report, at: bench.now) } catch {
            return fail("what the checker tells is refused: \(error)")
        }
        if report.notification > 0, let subject { notify(subject, isUp: isUp) }
        if case .service(let standing) = report, isNew { judge(standing, after: before) }
        if let change = known.change(report), bench.director.services[place].state != nil {
            bench.play(.states([change]))
        } else if let state = known.state(ofService: place) {
            bench.play(.states([.whole(service: place, state)]))
        }
        if bench.director.counters.refusedStates > 0 { fail("the director refuses \(report)") }
    }

    private mutating func notify(_ subject: String, isUp: Bool) {
        note("\(subject) \(isUp ? "UP" : "DOWN")")
        notificationCount += 1
        if notified[subject] == isUp { fail("\(subject) is notified \(isUp ? "UP" : "DOWN") twice") }
        notified[subject] = isUp
    }

    /// A name of its own: keepalived's is the same for a group that is served twice.
    private static func name(_ table: StandingTable, _ service: UInt32, _ server: UInt32? = nil) -> String? {
        guard table.services.indices.contains(Int(service)) else { return nil }
        let subject = server.map { table.subject(service, $0) } ?? table.subject(service)
        return subject.map { "\($0) of \(table.services[Int(service)].uniqueName)" }
    }

    /// The quorum comes and goes only beyond the borders of its band (behaviours_lvs2, B10).
    private mutating func judge(_ standing: ServiceStanding, after before: Bool?) {
        let place = Int(standing.service)
        let settings = model.virtualServers[place]
        let live = known.services[place].servers.reduce(0) { sum, server in
            sum + (server.standing?.isUp == true ? Int(server.standing?.weight ?? 0) : 0)
        }
        let quorum = min(settings.quorum, settings.realServers.reduce(0) { $0 + $1.weight })
        let border = before == true ? quorum - settings.hysteresis : quorum + settings.hysteresis
        let isRight = standing.hasQuorum ? live >= border : live < border || live == 0
        if !isRight { fail("quorum of \(settings.address): \(standing.hasQuorum) with \(live) of \(quorum)") }
    }

    private mutating func tellDirector() {
        for place in known.services.indices {
            guard let state = known.state(ofService: place) else { continue }
            bench.play(.states([.whole(service: place, state)]))
        }
    }

    // MARK: - hasupd

    /// The director is given the configuration.
    private mutating func configure(_ occasion: DirectorConfiguration.Occasion) {
        definitions = ServiceDefinition.all(of: model)
        bench.play(.configure(DirectorConfiguration(model, occasion: occasion, hasChecker: true)))
    }

    /// Everything has died, and nobody has left anything but the table.
    private mutating func startEverything() {
        note("start \(model.virtualServers.map { "\($0.address) \($0.realServers.map(\.weight))" })")
        bench.kill()
        page = [:]
        notified = [:]
        bench.standing = nil
        known = StandingTable(model.virtualServers)
        configure(.start(noted: bench.file.sorted()))
        known.restore(bench.standing ?? [])
        beginChecker()
    }

    /// hasupd comes again, by a restart or an upgrade, with what it has left; the checker ends with it.
    private mutating func restart(_ occasion: DirectorConfiguration.Occasion) {
        note("\(occasion)")
        bench.kill()
        configure(occasion)
        tellDirector()
        beginChecker()
    }

    private mutating func reload(_ next: ConfigurationModel) {
        note("reload \(next.virtualServers.map { "\($0.address) \($0.realServers.map(\.weight))" })")
        model = next
        let former = known
        known = StandingTable(next.virtualServers, after: former)
        for (subject, place) in former.removed(by: known) where fault != .losesRemovals {
            notify("\(subject) of \(former.services[place].uniqueName)", isUp: false)
        }
        configure(.reload)
        handle(.configure(CheckerConfiguration(next)))
        tellDirector()
        // Who comes back is somebody new.
        var subjects: Set<String> = []
        for (place, service) in known.services.enumerated() {
            var own = service.servers.indices.map { Self.name(known, UInt32(place), UInt32($0)) }
            own.append(Self.name(known, UInt32(place)))
            for subject in own.compactMap({ $0 }) {
                subjects.insert(subject)
                // One that can't be set up is nobody's subject.
                if !next.virtualServers[place].faults.isEmpty { notified[subject] = nil }
            }
        }
        for (subject, isUp) in notified where !subjects.contains(subject) {
            if isUp { fail("\(subject) is removed without a notification") }
            notified[subject] = nil
        }
    }

    // MARK: - What happens

    private mutating func disturb() {
        switch scenario.number(0...11) {
        case 0...3:
            let address = scenario.serverAddress()
            let isIll = ill.remove(address) == nil
            if isIll { ill.insert(address) }
            note("\(address) is \(isIll ? "ill" : "well")")
        case 4: actionsLeft = scenario.number(0...6)
        case 5: beginChecker()
        case 6: reload(ServiceScenario.usable(scenario.once(in: 4) ? model : scenario.changed(model)))
        case 7: restart(scenario.once(in: 2) ? .start(noted: bench.file.sorted()) : .resume(noted: bench.file.sorted()))
        case 8 where scenario.once(in: 3): startEverything()
        case 9:
            guard let check = attempts.keys.sorted().randomElement(using: &scenario.random) else { return }
            attempts[check] = nil
            handle(.ended(check: check, CheckVerdict(.untried, .noDescriptor), duration: .zero))
        default: break
        }
        pass(.milliseconds(Int64(scenario.number(0...3_000))))
    }

    private mutating func makePeace() {
        actionsLeft = nil
        note("peace")
        // Interval, retries, and once more.
        pass(.seconds(20))
        compare()
        guard failures.isEmpty else { return }
        let (writes, told) = (bench.table.taken.count, notificationCount)
        switch scenario.number(0...3) {
        case 0: beginChecker()
        case 1: restart(.start(noted: bench.file.sorted()))
        case 2: restart(.resume(noted: bench.file.sorted()))
        default: reload(model)
        }
        pass(.seconds(10))
        if bench.table.taken.count > writes { fail("the director writes at rest: \(bench.table.taken[writes])") }
        if notificationCount > told { fail("a notification is made at rest") }
        compare()
    }

    /// A server is in the table exactly when its last checks have passed and the quorum rule says so (pain point L1).
    private mutating func compare() {
        var states: [ServiceState?] = []
        for (place, settings) in model.virtualServers.enumerated() {
            guard settings.faults.isEmpty, let state = known.state(ofService: place) else {
                if settings.faults.isEmpty { fail("no checker has given the state of \(settings.address)") }
                states.append(nil)
                continue
            }
            states.append(state)
            for (number, server) in settings.realServers.enumerated() {
                let isWell = server.checks.allSatisfy { !ill.contains($0.endpoint?.address ?? server.address) }
                if state.servers[number].isUp != isWell {
                    fail("\(server.address) of \(settings.address) is \(isWell ? "well and out" : "ill and in")")
                }
            }
        }
        if bench.table.services != WantedTable(definitions, states: states).services {
            fail("the table isn't what is wanted after peace")
        }
    }
}
