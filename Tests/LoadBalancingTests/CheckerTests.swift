import Base
import ConfigurationModel
import Testing

@testable import LoadBalancing

/// A TCP_CHECK of a server.
func tcpCheck(
    port: UInt16 = 80, of address: IPAddress = IPAddress(v4: 0x0a00_0001), retries: Int = 0, alpha: Bool = false,
    interval: Interval = .seconds(1)
) -> CheckSettings {
    var check = CheckSettings(
        kind: .tcp, endpoint: CheckEndpoint(address: address, port: port, timeout: .seconds(1)),
        schedule: CheckSchedule(
            interval: interval, retries: retries, delayBeforeRetry: .milliseconds(100), warmup: interval))
    check.startsDown = alpha
    return check
}

func server(_ number: Int, weight: Int = 1, checks: [CheckSettings]? = nil, alpha: Bool = false) -> RealServerSettings {
    let address = IPAddress(v4: 0x0a00_0000 + UInt32(number))
    var settings = RealServerSettings(address: address, port: 80)
    settings.weight = weight
    settings.checks = checks ?? [tcpCheck(of: address, alpha: alpha)]
    return settings
}

func service(
    _ servers: [RealServerSettings], quorum: Int = 1, hysteresis: Int = 0, sorry: Bool = false, port: UInt16 = 80
) -> VirtualServerSettings {
    var settings = VirtualServerSettings()
    settings.address = .address(IPAddress(v4: 0x0a63_0001), port: port)
    settings.transport = .tcp
    settings.realServers = servers
    settings.quorum = quorum
    settings.hysteresis = hysteresis
    if sorry { settings.sorryServer = SorryServer(address: IPAddress(v4: 9), port: 80, forwarding: .masquerading) }
    return settings
}

/// A checker with the world around it: servers by the address of their checks.
struct CheckerBench {
    var checker = Checker()
    var now = Instant(nanoseconds: 1_000_000_000_000)
    /// Addresses whose checks fail.
    var dead: Set<IPAddress> = []
    /// What was told, in keepalived's words for the FIFO, `+` for a state that nobody is notified of.
    var lines: [String] = []
    var reports: [CheckerReport] = []
    var numbers: [UInt64] = []
    var page: [Int: CheckRecord] = [:]
    var started: [Int] = []
    var abandoned: [Int] = []
    var observations: [CheckObservation] = []

    mutating func handle(_ event: CheckerEvent) {
        var actions: [CheckerAction] = []
        checker.handle(event, at: now, into: &actions)
        perform(actions)
    }

    mutating func perform(_ actions: [CheckerAction]) {
        for action in actions {
            switch action {
            case .start(let check, _): started.append(check)
            case .abandon(let check): abandoned.append(check)
            case .keep(let check): page[check] = checker.record(of: check)
            case .forget(let check): page[check] = nil
            case .tell(let report): note(report)
            case .observe(let observation): observations.append(observation)
            }
        }
    }

    private mutating func note(_ report: CheckerReport) {
        reports.append(report)
        if report.notification != 0 { numbers.append(report.notification) }
        let mark = report.notification == 0 ? "+" : ""
        switch report {
        case .server(let standing):
            lines.append(
                "\(mark)RS \(standing.service).\(standing.server) \(standing.isUp ? "UP" : "DOWN") \(standing.weight)")
        case .service(let standing): lines.append("\(mark)VS \(standing.service) \(standing.hasQuorum ? "UP" : "DOWN")")
        }
    }

    /// Lines of which somebody is notified, since the last time.
    mutating func notified() -> [String] {
        defer { lines = [] }
        return lines.filter { !$0.hasPrefix("+") }
    }

    mutating func begin(
        _ services: [VirtualServerSettings], known: KnownStandings = KnownStandings(), notifiesFirst: Bool = false,
        last: UInt64 = 0
    ) {
        let records = page.map { LeftRecord(place: $0.key, $0.value) }
        handle(
            .begin(
                CheckerConfiguration(services: services, notifiesFirstState: notifiesFirst), known, records,
                lastNotification: last))
    }

    mutating func reload(_ services: [VirtualServerSettings]) {
        handle(.configure(CheckerConfiguration(services: services)))
    }

    /// Runs until this much later; attempts take no time.
    mutating func run(_ length: Interval) {
        let end = now + length
        while checker.deadline <= end {
            now = max(now, checker.deadline)
            started = []
            handle(.timeout)
            for check in started { finish(check) }
        }
        now = end
    }

    private mutating func finish(_ check: Int) {
        guard let endpoint = checker.settings(of: check)?.endpoint else { return }
        let verdict = dead.contains(endpoint.address) ? CheckVerdict.failed(.refused) : .passed()
        handle(.ended(check: check, verdict, duration: .milliseconds(1)))
    }

    /// What hasupd was told last.
    var known: KnownStandings {
        var known = KnownStandings()
        for report in reports {
            switch report {
            case .server(let standing):
                known.servers.removeAll { $0.service == standing.service && $0.server == standing.server }
                known.servers.append(standing)
            case .service(let standing):
                known.services.removeAll { $0.service == standing.service }
                known.services.append(standing)
            }
        }
        return known
    }
}

private func address(_ number: Int) -> IPAddress { IPAddress(v4: 0x0a00_0000 + UInt32(number)) }

@Suite("Decisions of the checker (behaviours_lvs2 B10 to B13)")
struct CheckerTests {
    @Test("B10: quorum 2 of two servers, one dies, the other dies, both come back")
    func quorumLostAndGained() {
        var bench = CheckerBench()
        bench.begin([service([server(1), server(2)], quorum: 2, sorry: true)])
        #expect(bench.lines == ["+RS 0.0 UP 1", "+RS 0.1 UP 1", "VS 0 UP"])
        _ = bench.notified()
        bench.run(.seconds(2))
        #expect(bench.notified() == [])
        bench.dead = [address(1)]
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN"])
        bench.dead = [address(1), address(2)]
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.1 DOWN 1"])
        bench.dead = []
        bench.run(.seconds(2))
        let lines = bench.notified()
        #expect(Set(lines.prefix(2)) == ["RS 0.0 UP 1", "RS 0.1 UP 1"] && lines.dropFirst(2) == ["VS 0 UP"])
        #expect(bench.numbers == Array(1...UInt64(bench.numbers.count)))
    }

    @Test("alpha: out until the first success, which is notified; the quorum follows")
    func alpha() {
        var bench = CheckerBench()
        bench.begin([service([server(1, alpha: true)])])
        #expect(bench.lines == ["+RS 0.0 DOWN 1", "+VS 0 DOWN"])
        _ = bench.notified()
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.0 UP 1", "VS 0 UP"])
    }

    @Test("BFD_CHECK says nothing as long as there are no sessions, with alpha neither")
    func sessions() {
        var settings = server(1)
        settings.checks = [CheckSettings(kind: .bfd(session: "b"))]
        settings.checks[0].startsDown = true
        var bench = CheckerBench()
        bench.begin([service([settings])])
        #expect(bench.lines == ["+RS 0.0 UP 1", "VS 0 UP"])
        #expect(bench.reports.contains { if case .server(let standing) = $0 { standing.isProven } else { false } })
    }

    @Test("alpha: a first failure is no news")
    func alphaFailure() {
        var bench = CheckerBench()
        bench.dead = [address(1)]
        bench.begin([service([server(1, alpha: true)])])
        bench.run(.seconds(3))
        #expect(bench.notified() == [])
        #expect(!bench.checker.isUp(service: 0, server: 0))
    }

    @Test("a start without quorum: told when a sorry server takes over, else not")
    func startWithoutQuorum() {
        for sorry in [true, false] {
            var bench = CheckerBench()
            bench.begin([service([server(1, alpha: true)], sorry: sorry)])
            #expect(bench.notified() == (sorry ? ["VS 0 DOWN"] : []))
        }
    }

    @Test("the first failure is final, later ones are tried again `retry` times after delay_before_retry")
    func retries() {
        var bench = CheckerBench()
        bench.dead = [address(1)]
        bench.begin([service([server(1, checks: [tcpCheck(of: address(1), retries: 3)])])])
        bench.run(.seconds(1))
        #expect(bench.notified() == ["VS 0 UP", "RS 0.0 DOWN 1", "VS 0 DOWN"])
        bench.dead = []
        bench.run(.seconds(1))
        #expect(bench.notified() == ["RS 0.0 UP 1", "VS 0 UP"])
        bench.dead = [address(1)]
        let from = bench.now
        while bench.checker.isUp(service: 0, server: 0) { bench.run(.milliseconds(10)) }
        // At most an interval until the next check, and three retries.
        #expect(bench.now - from >= .milliseconds(300) && bench.now - from <= .milliseconds(1_340))
        #expect(bench.checker.record(of: 0)?.retriesLeft == 3)
    }

    @Test("a retry that succeeds leaves the server in, with all retries and its phase again")
    func retrySucceeds() {
        var bench = CheckerBench()
        bench.begin([service([server(1, checks: [tcpCheck(of: address(1), retries: 2)])])])
        bench.run(.seconds(2))
        let phase = bench.checker.deadline
        bench.dead = [address(1)]
        bench.now = phase
        bench.run(.zero)
        #expect(bench.checker.record(of: 0)?.retriesLeft == 1)
        bench.dead = []
        bench.run(.milliseconds(200))
        #expect(bench.checker.record(of: 0)?.retriesLeft == 2)
        #expect(
            bench.checker.deadline == phase + .seconds(1)
                || bench.checker.deadline - phase - .seconds(1) < bench.checker.grid.step)
        #expect(bench.checker.isUp(service: 0, server: 0))
    }

    @Test("hysteresis: inside the band nothing changes", arguments: [(0, 0), (1, 1), (2, 2)])
    func hysteresis(_ hysteresis: Int, _: Int) {
        var bench = CheckerBench()
        let servers = (1...6).map { server($0) }
        bench.begin([service(servers, quorum: 3, hysteresis: hysteresis)])
        bench.run(.seconds(2))
        var has = true
        #expect(bench.checker.hasQuorum(service: 0))
        for alive in [5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 4, 2, 4, 3] {
            bench.dead = Set((0..<(6 - alive)).map { address($0 + 1) })
            // Servers change one by one; the rule is asked at each step, and these steps are monotonous.
            bench.run(.seconds(2))
            has = has ? alive > 0 && alive >= 3 - hysteresis : alive >= 3 + hysteresis
            #expect(bench.checker.hasQuorum(service: 0) == has, "\(alive) alive")
        }
    }

    @Test("rs_init_notifies: the first state of each server is told once its checks have run")
    func firstNotifications() {
        var bench = CheckerBench()
        bench.dead = [address(3)]
        bench.begin(
            [service([server(1), server(2, alpha: true), server(3, alpha: true), server(4, checks: [])])],
            notifiesFirst: true)
        #expect(bench.notified() == ["RS 0.3 UP 1", "VS 0 UP"])
        bench.run(.seconds(3))
        #expect(Set(bench.notified()) == ["RS 0.0 UP 1", "RS 0.1 UP 1", "RS 0.2 DOWN 1"])
    }

    @Test("omega: what is up goes down at shutdown, servers first; without it nothing is said")
    func omega() {
        var bench = CheckerBench()
        var parting = service([server(1), server(2)])
        parting.notifiesAtShutdown = true
        bench.begin([parting, service([server(3)], port: 81)])
        bench.run(.seconds(2))
        _ = bench.notified()
        bench.handle(.stop)
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "RS 0.1 DOWN 1", "VS 0 DOWN"])
        bench.run(.seconds(2))
        #expect(bench.notified() == [])
    }

    @Test("D72: equal checks run once and feed all of their servers")
    func sharedCheck() {
        var bench = CheckerBench()
        bench.begin([service([server(1)]), service([server(1), server(2)], port: 81)])
        #expect(bench.checker.places.count == 2)
        bench.run(.seconds(1))
        bench.dead = [address(1)]
        _ = bench.notified()
        bench.run(.seconds(1))
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN", "RS 1.0 DOWN 1"])
    }

    @Test("a server is up while none of its checks fails")
    func twoChecks() {
        var bench = CheckerBench()
        bench.begin([service([server(1, checks: [tcpCheck(of: address(1)), tcpCheck(of: address(2))])])])
        bench.run(.seconds(1))
        _ = bench.notified()
        bench.dead = [address(1), address(2)]
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN"])
        // no_checker_emails: the second one changes nothing, which a mail may tell.
        func turn(isPassing: Bool) -> CheckObservation {
            .turned(service: 0, server: 0, isPassing ? .none : .refused, detail: 0, isPassing: isPassing)
        }
        #expect(bench.observations == [turn(isPassing: false)])
        bench.dead = [address(2)]
        bench.run(.seconds(2))
        #expect(bench.notified() == [])
        #expect(bench.observations == [turn(isPassing: false), turn(isPassing: true)])
        bench.dead = []
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.0 UP 1", "VS 0 UP"])
        #expect(bench.observations.count == 2)
        for observation in bench.observations {
            var writer = ByteWriter()
            observation.encode(into: &writer)
            #expect(CheckObservation.all(in: writer.bytes, max: 1) == [observation])
        }
    }

    @Test("D78: what can't be tried leaves the server as it is, and is said after three intervals, once a minute")
    func untried() {
        var bench = CheckerBench()
        bench.begin([service([server(1)])])
        bench.run(.seconds(1))
        _ = bench.notified()
        for round in 1...20 {
            bench.now = bench.now + .seconds(1)
            bench.handle(.timeout)
            bench.handle(.ended(check: 0, CheckVerdict(.untried, .noLocalAddress), duration: .zero))
            #expect(bench.observations.count == (round < 3 ? 0 : 1), "round \(round)")
        }
        #expect(bench.notified() == [])
        #expect(bench.page[0]?.isUntried == true && bench.page[0]?.state == .up)
    }

    @Test("D78: a start that finds no descriptor is late, not failed")
    func postponed() {
        var bench = CheckerBench()
        bench.begin([service([server(1)])])
        bench.now = bench.checker.deadline
        bench.handle(.timeout)
        bench.handle(.postponed(check: 0))
        #expect(bench.checker.lateStarts == 1)
        #expect(bench.checker.deadline - bench.now <= .milliseconds(14))
        // However often it is tried, it is late once; and again the next time.
        for _ in 0..<2 {
            bench.now = bench.checker.deadline
            bench.handle(.timeout)
            bench.handle(.postponed(check: 0))
        }
        #expect(bench.checker.lateStarts == 1)
        bench.run(.seconds(1))
        #expect(bench.page[0]?.state == .up)
    }

    @Test("ha_suspend: checks run only while the address is on this host; states stay")
    func suspension() {
        var bench = CheckerBench()
        var suspending = service([server(1)])
        suspending.suspendsWithoutAddress = true
        bench.handle(.addresses([]))
        bench.begin([suspending])
        #expect(bench.checker.deadline == .never)
        bench.handle(.addresses([IPAddress(v4: 0x0a63_0001)]))
        #expect(bench.checker.deadline != .never)
        bench.run(.seconds(2))
        bench.dead = [address(1)]
        bench.now = bench.checker.deadline
        bench.handle(.timeout)
        bench.handle(.addresses([]))
        #expect(bench.abandoned == [0])
        #expect(bench.checker.deadline == .never)
        bench.handle(.ended(check: 0, .failed(.refused), duration: .zero))
        #expect(bench.checker.isUp(service: 0, server: 0))
        // Another service that isn't suspended keeps the check running.
        bench.reload([suspending, service([server(1)], port: 81)])
        #expect(bench.checker.deadline != .never)
    }

    @Test("log_all_failures: attempts that don't decide are told")
    func allFailures() {
        var check = tcpCheck(of: address(1), retries: 2)
        check.logsAllFailures = true
        var bench = CheckerBench()
        bench.begin([service([server(1, checks: [check])])])
        bench.run(.seconds(1))
        bench.dead = [address(1)]
        bench.run(.seconds(2))
        #expect(
            bench.observations
                == [1, 0].map {
                    .failed(service: 0, server: 0, .refused, detail: 0, retriesLeft: $0)
                })
    }
}

@Suite("HTTP_GET: urls in order")
struct RequestOrderTests {
    private func bench(_ count: Int, fast: Bool = false) -> CheckerBench {
        var http = HTTPCheck(isEncrypted: false, requests: (0..<count).map { HTTPRequest(path: "/\($0)") })
        http.recoversFast = fast
        var check = tcpCheck(of: address(1))
        check.kind = .http(http)
        var bench = CheckerBench()
        bench.begin([service([server(1, checks: [check])])])
        return bench
    }

    /// Does one attempt; returns the number of its url.
    private func attempt(_ bench: inout CheckerBench, passes: Bool) -> Int {
        bench.now = max(bench.now, bench.checker.deadline)
        let request = Int(bench.checker.record(of: 0)?.request ?? 99)
        bench.handle(.timeout)
        bench.handle(.ended(check: 0, passes ? .passed() : .failed(.statusCode, detail: 500), duration: .zero))
        return request
    }

    @Test("all of them have to pass; the failed one is asked until it is well, then all once more")
    func order() {
        var bench = bench(3)
        #expect((0..<7).map { _ in attempt(&bench, passes: true) } == [0, 1, 2, 0, 1, 2, 0])
        #expect(attempt(&bench, passes: false) == 1)
        #expect(!bench.checker.isUp(service: 0, server: 0))
        #expect((0..<2).map { _ in attempt(&bench, passes: false) } == [1, 1])
        #expect(attempt(&bench, passes: true) == 1)
        #expect((0..<2).map { _ in attempt(&bench, passes: true) } == [0, 1])
        #expect(!bench.checker.isUp(service: 0, server: 0))
        #expect(attempt(&bench, passes: true) == 2)
        #expect(bench.checker.isUp(service: 0, server: 0))
    }

    @Test("a failure while it is confirmed begins anew")
    func confirmation() {
        var bench = bench(1)
        _ = attempt(&bench, passes: false)
        _ = attempt(&bench, passes: true)
        #expect(!bench.checker.isUp(service: 0, server: 0))
        _ = attempt(&bench, passes: false)
        _ = attempt(&bench, passes: true)
        #expect(!bench.checker.isUp(service: 0, server: 0))
        _ = attempt(&bench, passes: true)
        #expect(bench.checker.isUp(service: 0, server: 0))
    }

    @Test("fast_recovery: no delay between requests until it is up")
    func fastRecovery() {
        for fast in [true, false] {
            var bench = bench(2, fast: fast)
            _ = attempt(&bench, passes: false)
            _ = attempt(&bench, passes: true)
            let from = bench.now
            _ = attempt(&bench, passes: true)
            _ = attempt(&bench, passes: true)
            #expect(bench.checker.isUp(service: 0, server: 0))
            #expect((bench.now - from < .milliseconds(20)) == fast)
            let up = bench.now
            _ = attempt(&bench, passes: true)
            #expect(bench.now - up > .milliseconds(500))
        }
    }
}
