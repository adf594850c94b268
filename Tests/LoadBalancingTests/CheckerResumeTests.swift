import Base
import ConfigurationModel
import Testing

@testable import LoadBalancing

private func address(_ number: Int) -> IPAddress { IPAddress(v4: 0x0a00_0000 + UInt32(number)) }

@Suite("A checker that follows another one (docs/decisions, D73, D74)")
struct CheckerResumeTests {
    /// A checker in the place of a dead one.
    private func successor(_ bench: CheckerBench, _ services: [VirtualServerSettings]) -> CheckerBench {
        var next = bench
        next.checker = Checker()
        next.begin(services, known: bench.known, last: bench.numbers.last ?? 0)
        return next
    }

    @Test("nothing changes and nobody is notified, whatever the moment") func noFlap() {
        let services = [service([server(1), server(2, alpha: true), server(3)], quorum: 2, sorry: true)]
        var bench = CheckerBench()
        bench.dead = [address(3)]
        bench.begin(services)
        for _ in 0..<60 {
            bench.run(.milliseconds(70))
            let before = bench.known
            let numbers = bench.numbers.count
            bench = successor(bench, services)
            #expect(bench.numbers.count == numbers)
            let after = bench.known
            #expect(
                Set(before.servers.map { "\($0.server) \($0.isUp) \($0.weight)" })
                    == Set(after.servers.map { "\($0.server) \($0.isUp) \($0.weight)" }))
            #expect(before.services.map(\.hasQuorum) == after.services.map(\.hasQuorum))
        }
        // And checks went on meanwhile.
        bench.dead = [address(2), address(3)]
        for _ in 0..<40 where bench.checker.isUp(service: 0, server: 1) {
            bench.run(.milliseconds(70))
            bench = successor(bench, services)
        }
        #expect(!bench.checker.isUp(service: 0, server: 1))
    }

    @Test("every state is told once") func allToldOnce() {
        let services = [service([server(1), server(2)]), service([server(3)], port: 81)]
        var bench = CheckerBench()
        bench.begin(services)
        bench.run(.seconds(2))
        bench.reports = bench.known.servers.map { .server($0) } + bench.known.services.map { .service($0) }
        let count = bench.reports.count
        bench = successor(bench, services)
        #expect(bench.reports.count == 2 * count)
        let subjects = bench.reports.suffix(count).map { report in
            switch report {
            case .server(let standing): "RS \(standing.service).\(standing.server)"
            case .service(let standing): "VS \(standing.service)"
            }
        }
        #expect(Set(subjects) == ["RS 0.0", "RS 0.1", "RS 1.0", "VS 0", "VS 1"])
    }

    @Test("death after a verdict was kept and before it was told: told and notified once") func keptNotTold() {
        let services = [service([server(1)])]
        var bench = CheckerBench()
        bench.begin(services)
        bench.run(.seconds(2))
        var dying = bench
        dying.dead = [address(1)]
        dying.run(.seconds(1))
        // Its page is what the successor finds; what it told was lost.
        bench.page = dying.page
        bench.now = dying.now
        bench.dead = dying.dead
        _ = bench.notified()
        bench = successor(bench, services)
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN"])
        bench = successor(bench, services)
        bench.run(.seconds(2))
        #expect(bench.notified() == [])
    }

    @Test("a torn record is unknown: the server stays as hasupd knows it, and its first verdict is final")
    func tornRecord() {
        for dead in [true, false] {
            let services = [service([server(1, checks: [tcpCheck(of: address(1), retries: 5)])])]
            var bench = CheckerBench()
            if dead { bench.dead = [address(1)] }
            bench.begin(services)
            bench.run(.seconds(2))
            _ = bench.notified()
            bench.page = [:]
            bench = successor(bench, services)
            #expect(bench.checker.isUp(service: 0, server: 0) == !dead)
            #expect(bench.notified() == [])
            bench.dead = dead ? [] : [address(1)]
            bench.run(.seconds(1))
            #expect(bench.notified() == (dead ? ["RS 0.0 UP 1", "VS 0 UP"] : ["RS 0.0 DOWN 1", "VS 0 DOWN"]))
        }
    }

    @Test("a record older than three intervals and timeouts is unknown; a younger one isn't") func staleRecord() {
        // delay_loop 1 s and connect_timeout 1 s: 6 s.
        for (age, isKnown) in [(5, true), (8, false)] {
            let services = [service([server(1, checks: [tcpCheck(of: address(1), retries: 5)])])]
            var bench = CheckerBench()
            bench.begin(services)
            bench.run(.seconds(2))
            _ = bench.notified()
            bench.now = bench.now + .seconds(Int64(age))
            bench.dead = [address(1)]
            bench = successor(bench, services)
            #expect(bench.checker.isUp(service: 0, server: 0))
            // The first verdict of an unknown one is final.
            bench.run(.milliseconds(200))
            #expect(bench.checker.isUp(service: 0, server: 0) == isKnown)
        }
    }

    @Test("cold start: what stands in the kernel begins so, alpha or not", arguments: [true, false])
    func coldStart(_ alpha: Bool) {
        let services = [service([server(1, alpha: alpha), server(2, alpha: alpha)], sorry: true)]
        var bench = CheckerBench()
        bench.dead = [address(2)]
        bench.begin(
            services,
            known: KnownStandings(
                servers: [
                    ServerStanding(service: 0, server: 0, isUp: true, isProven: true, weight: 1),
                    ServerStanding(service: 0, server: 1, isUp: false, isProven: true, weight: 1),
                ], services: [ServiceStanding(service: 0, hasQuorum: true)]))
        #expect(bench.checker.isUp(service: 0, server: 0) && !bench.checker.isUp(service: 0, server: 1))
        bench.run(.seconds(2))
        #expect(bench.notified() == [])
    }

    @Test("an overdue check starts within an eighth of its interval, another one at its time") func dueTimes() {
        let services = [service((1...20).map { server($0) })]
        var bench = CheckerBench()
        bench.begin(services)
        bench.run(.seconds(2))
        let due = Set(bench.page.values.compactMap(\.nextDue))
        var soon = successor(bench, services)
        #expect(Set((0..<20).compactMap { soon.checker.record(of: $0)?.nextDue }) == due)
        bench.now = bench.now + .seconds(2)
        soon = successor(bench, services)
        #expect(
            (0..<20).allSatisfy {
                guard let due = soon.checker.record(of: $0)?.nextDue else { return false }
                return due - soon.now <= .milliseconds(130)
            })
    }

    @Test("numbers of things that aren't there do nothing") func strangeStandings() {
        var bench = CheckerBench()
        bench.begin(
            [service([server(1)])],
            known: KnownStandings(
                servers: [
                    ServerStanding(service: 9, server: 0, isUp: true, isProven: true, weight: 1),
                    ServerStanding(service: 0, server: 9, isUp: true, isProven: true, weight: 1),
                ],
                services: [ServiceStanding(service: 7, hasQuorum: true)]))
        bench.handle(.ended(check: 77, .passed(), duration: .zero))
        bench.handle(.postponed(check: -1))
        bench.run(.seconds(1))
        #expect(bench.checker.isUp(service: 0, server: 0))
    }
}

@Suite("Reload of checks (docs/decisions, D75; behaviours_lvs2 B12)")
struct CheckerReloadTests {
    private func running(_ services: [VirtualServerSettings], dead: Set<IPAddress> = []) -> CheckerBench {
        var bench = CheckerBench()
        bench.dead = dead
        bench.begin(services)
        bench.run(.seconds(3))
        bench.lines = []
        return bench
    }

    @Test("unchanged: nobody is notified, states and times stay") func unchanged() {
        let services = [service([server(1), server(2)], quorum: 2, sorry: true)]
        var bench = running(services, dead: [address(2)])
        let due = bench.checker.deadline
        bench.reload(services)
        #expect(bench.notified() == [])
        #expect(bench.checker.deadline == due)
        #expect(!bench.checker.isUp(service: 0, server: 1))
    }

    @Test("a changed order changes nothing but numbers") func reordered() {
        let (first, second) = (service([server(1), server(2)]), service([server(3)], port: 81))
        var bench = running([first, second], dead: [address(2), address(3)])
        bench.reload([second, service([server(2), server(1)])])
        #expect(bench.notified() == [])
        #expect(bench.checker.isUp(service: 1, server: 1) && !bench.checker.isUp(service: 1, server: 0))
        #expect(!bench.checker.isUp(service: 0, server: 0))
    }

    @Test("a removed server is told by hasupd, not by the checker, which may have begun later") func removed() {
        var bench = running([service([server(1), server(2), server(3)])], dead: [address(3)])
        bench.reload([service([server(1)])])
        #expect(bench.notified() == [])
        #expect(bench.checker.places.count == 1)
    }

    @Test("a new server follows alpha") func added() {
        var bench = running([service([server(1)])])
        bench.reload([service([server(1), server(2), server(3, alpha: true)])])
        #expect(bench.notified() == [])
        #expect(bench.checker.isUp(service: 0, server: 1) && !bench.checker.isUp(service: 0, server: 2))
        bench.run(.seconds(2))
        #expect(bench.notified() == ["RS 0.2 UP 1"])
    }

    @Test(
        "L2: a new check of a known server changes nothing before its first verdict, which is final",
        arguments: [true, false])
    func newCheck(_ wasUp: Bool) {
        var bench = running([service([server(1)])], dead: wasUp ? [] : [address(1)])
        let checks = [tcpCheck(port: 81, of: address(1), retries: 5, alpha: true)]
        bench.reload([service([server(1, checks: checks)])])
        #expect(bench.notified() == [])
        #expect(bench.checker.isUp(service: 0, server: 0) == wasUp)
        // A second reload before the verdict doesn't change it either.
        bench.reload([service([server(1, checks: checks), server(2, checks: [])])])
        #expect(bench.checker.isUp(service: 0, server: 0) == wasUp)
        bench.dead = wasUp ? [address(1)] : []
        bench.run(.seconds(1))
        #expect(bench.checker.isUp(service: 0, server: 0) == !wasUp)
    }

    @Test(
        "another delay_loop or retry is the same check: failures that didn't count are kept, within the new bound",
        arguments: [(5, 2), (2, 0), (1, 0), (0, 0)])
    func retriesChanged(_ retries: Int, _ left: Int) {
        func services(_ retries: Int, _ interval: Interval) -> [VirtualServerSettings] {
            [service([server(1, checks: [tcpCheck(of: address(1), retries: retries, interval: interval)])])]
        }
        var bench = running(services(9, .seconds(1)))
        bench.dead = [address(1)]
        while bench.checker.record(of: 0)?.retriesLeft != 6 { bench.run(.milliseconds(10)) }
        let due = bench.checker.deadline
        bench.reload(services(retries, .seconds(2)))
        #expect(bench.checker.places.count == 1 && bench.notified() == [])
        #expect(bench.checker.deadline == due, "the next retry comes when it was to come")
        var asked = 0
        while bench.checker.isUp(service: 0, server: 0) {
            bench.run(bench.checker.deadline - bench.now)
            asked += 1
        }
        #expect(asked == left + 1)
        // One that is down stays down, and its first success brings it back.
        bench.reload(services(retries, .seconds(1)))
        #expect(!bench.checker.isUp(service: 0, server: 0))
        bench.dead = []
        bench.run(.seconds(1))
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN", "RS 0.0 UP 1", "VS 0 UP"])
    }

    @Test("another question is another check, also with the same schedule") func questionChanged() {
        func services(_ port: UInt16) -> [VirtualServerSettings] {
            [service([server(1, checks: [tcpCheck(port: port, of: address(1), retries: 5)])])]
        }
        var bench = running(services(80))
        bench.reload(services(81))
        bench.dead = [address(1)]
        bench.run(.seconds(1))
        #expect(bench.notified() == ["RS 0.0 DOWN 1", "VS 0 DOWN"])
    }

    @Test("B12: quorum from 2 to 1 in the reload that takes a server away: no VS DOWN") func quorumLowered() {
        var bench = running([service([server(1), server(2)], quorum: 2)])
        bench.reload([service([server(1)], quorum: 1)])
        #expect(bench.notified() == [])
        #expect(bench.checker.hasQuorum(service: 0))
    }

    @Test("quorum raised and lowered: told when the state really changes") func quorumChanged() {
        var bench = running([service([server(1), server(2)], quorum: 1, sorry: true)], dead: [address(2)])
        bench.reload([service([server(1), server(2)], quorum: 2, sorry: true)])
        #expect(bench.notified() == ["VS 0 DOWN"])
        bench.reload([service([server(1), server(2)], quorum: 1, sorry: true)])
        #expect(bench.notified() == ["VS 0 UP"])
    }

    @Test("weights act at once, and in the quorum") func weights() {
        var bench = running([service([server(1, weight: 2), server(2)], quorum: 2)], dead: [address(2)])
        bench.reload([service([server(1, weight: 1), server(2)], quorum: 2)])
        #expect(bench.notified() == ["VS 0 DOWN"])
        #expect(
            bench.reports.contains(
                .server(ServerStanding(service: 0, server: 0, isUp: true, isProven: true, weight: 1))))
    }

    @Test("a check that nobody has any more is given up, its place is used again, its attempt is closed")
    func places() {
        var bench = running([service([server(1), server(2)])])
        bench.started = []
        while bench.started.isEmpty { bench.now = bench.checker.deadline; bench.handle(.timeout) }
        let begun = bench.started[0]
        let kept = bench.checker.settings(of: begun)?.endpoint?.address == address(1) ? 2 : 1
        bench.abandoned = []
        bench.reload([service([server(kept), server(5)])])
        #expect(bench.abandoned == [begun])
        #expect(bench.checker.places.count == 2 && bench.checker.settings(of: begun) == nil)
        bench.reload([service([server(kept), server(5), server(6)])])
        #expect(bench.checker.settings(of: begun)?.endpoint?.address == address(6))
        bench.handle(.ended(check: begun, .failed(.refused), duration: .zero))
        #expect(bench.checker.isUp(service: 0, server: 2), "a verdict on the check before counts for nobody")
    }

    @Test("B13: weights of 0 alone have a quorum") func zeroWeights() {
        let bench = running([service([server(1, weight: 0)], sorry: true)])
        #expect(bench.checker.hasQuorum(service: 0))
    }

    @Test("FILE_CHECK: value times weight; at the limit and, with weight 0, for any value it fails")
    func files() {
        func fileServer(_ weight: Int, reverse: Bool = false) -> RealServerSettings {
            var file = FileCheck(tracker: "f")
            file.weight = weight
            file.isReversed = reverse
            return server(1, weight: 10, checks: [CheckSettings(kind: .file(file))])
        }
        let cases: [(Int, Bool, Int64, Bool, Int)] = [
            (1, false, 5, true, 15), (2, true, 3, true, 4), (1, false, -20, true, 0), (0, false, 0, true, 10),
            (0, false, 1, false, 10), (1, false, -2_147_483_647, false, 0), (1, false, .min, false, 0),
        ]
        for (weight, reverse, value, isUp, effective) in cases {
            var bench = CheckerBench()
            bench.begin([service([fileServer(weight, reverse: reverse)])])
            bench.handle(.file(name: "f", value: value))
            #expect(bench.checker.isUp(service: 0, server: 0) == isUp, "\(weight) \(value)")
            if isUp { #expect(bench.known.servers.first?.weight == UInt32(effective), "\(weight) \(value)") }
        }
    }
}
