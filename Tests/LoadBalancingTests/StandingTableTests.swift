import Base
import ConfigurationModel
import Testing

@testable import LoadBalancing

private let now = Instant(nanoseconds: 7)

private func standing(_ service: UInt32, _ server: UInt32, isUp: Bool = true, weight: UInt32 = 1, number: UInt64 = 0)
    -> CheckerReport
{
    var standing = ServerStanding(service: service, server: server, isUp: isUp, isProven: true, weight: weight)
    standing.notification = number
    return .server(standing)
}

@Suite("What hasupd keeps of what the checker tells (docs/decisions, D64, D73)")
struct StandingTableTests {
    @Test("what the configuration doesn't have or allow is refused, and changes nothing") func refusals() throws {
        var table = StandingTable([service([server(1, weight: 5)])])
        try table.take(standing(0, 0, weight: 5, number: 3), at: now)
        let before = table.reports
        for (report, refusal) in [
            (standing(1, 0), .unknownService(1)), (standing(0, 1), .unknownServer(service: 0, server: 1)),
            (standing(0, 0, weight: 6), .weight(6)), (standing(0, 0, number: 3), .notification(3)),
            (.service(ServiceStanding(service: 9, hasQuorum: true)), .unknownService(9)),
        ] as [(CheckerReport, StandingTable.StandingRefusal)] {
            #expect(throws: refusal) { try table.take(report, at: now) }
        }
        #expect(table.reports == before && table.lastNotification == 3)
    }

    @Test("weights go beyond the configured one only where a check sets them") func dynamicWeights() throws {
        var script = ScriptCheck(arguments: ["/x"], timeout: .seconds(1))
        script.setsWeight = true
        let check = CheckSettings(
            kind: .script(script),
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
        var table = StandingTable([service([server(1, checks: [check])])])
        try table.take(standing(0, 0, weight: 253), at: now)
        #expect(throws: StandingTable.StandingRefusal.weight(1 << 31)) {
            try table.take(standing(0, 0, weight: 1 << 31), at: now)
        }
    }

    @Test("a check turns of a server that is down alone, and not without end") func turns() throws {
        func turned(_ server: UInt32) -> CheckObservation {
            .turned(service: 0, server: server, .none, detail: 0, isPassing: true)
        }
        var table = StandingTable([service([server(1), server(2)])])
        try table.take(standing(0, 0), at: now)
        try table.take(standing(0, 1, isUp: false), at: now)
        var count = 0
        func ask(_ observation: CheckObservation, at now: Instant) {
            for _ in 0..<1_000 where table.admits(observation, at: now) { count += 1 }
        }
        ask(turned(0), at: now)
        ask(turned(2), at: now)
        #expect(count == 0)
        ask(turned(1), at: now)
        #expect(count == StandingTable.turnsMax)
        ask(turned(1), at: now + .seconds(60))
        #expect(count == StandingTable.turnsMax * 2)
        ask(.untried(service: 0, server: 0, .none, detail: 0), at: now)
        #expect(count == StandingTable.turnsMax * 2 + 1_000)
    }

    @Test("a FILE_CHECK brings weights unless its own is 0, for the director as well", arguments: [0, 1])
    func fileWeights(_ weight: Int) throws {
        var file = FileCheck(tracker: "t")
        file.weight = weight
        let settings = service([server(1, weight: 5, checks: [CheckSettings(kind: .file(file))])])
        let max = weight == 0 ? 5 : UInt32(Limits.weight.upperBound)
        #expect(StandingTable([settings]).services[0].servers[0].weightMax == max)
        #expect(ServiceDefinition(settings).servers[0].maximumWeight == max)
    }

    /// A cold start (D74): the quorum by its rule, from what stands in the kernel's table.
    @Test(
        "a cold start judges the quorum by its rule",
        arguments: [
            // All, enough, too few, none.
            ([5, 5, 5], 10, 0, false, true), ([5, 5, nil], 10, 0, false, true), ([5, nil, nil], 10, 0, false, false),
            ([nil, nil, nil], 1, 0, false, false),
            // Between the borders nothing tells that it was lost, unless the sorry server stands there.
            ([5, nil, nil], 10, 5, false, true), ([4, nil, nil], 10, 5, false, false),
            ([5, nil, nil], 10, 5, true, false), ([0, 0, 5], 1, 0, true, false),
            // A quorum that is more than there is is lowered.
            ([5, 5, 5], 99, 0, false, true),
        ] as [([UInt32?], Int, Int, Bool, Bool)])
    func coldStart(
        _ weights: [UInt32?], _ quorum: Int, _ hysteresis: Int, _ usesSorryServer: Bool, _ hasQuorum: Bool
    ) {
        let servers = (1...3).map { server($0, weight: 5) }
        let settings = service(servers, quorum: quorum, hysteresis: hysteresis, sorry: true)
        var table = StandingTable([settings])
        table.restore([StandingService(service: 0, weights: weights, usesSorryServer: usesSorryServer)])
        #expect(
            table.state(ofService: 0)
                == ServiceState(
                    hasQuorum: hasQuorum, usesSorryServer: !hasQuorum,
                    servers: weights.map { ServerState(isUp: ($0 ?? 0) > 0, weight: $0 ?? 0) }))
    }

    @Test("a server of weight 0 that stands in the table is up") func coldStartOfWeightNull() {
        var table = StandingTable([service([server(1, weight: 0), server(2, weight: 0)])])
        table.restore([StandingService(service: 0, weights: [0, nil])])
        #expect(table.state(ofService: 0)?.servers.map(\.isUp) == [true, false])
        #expect(table.state(ofService: 0)?.hasQuorum == true)
    }

    @Test("a reload keeps what is known under its new numbers") func renumbering() throws {
        let (first, second) = (service([server(1), server(2)]), service([server(3)], port: 81))
        var table = StandingTable([first, second])
        try table.take(standing(0, 1, isUp: false), at: now)
        try table.take(.service(ServiceStanding(service: 0, hasQuorum: true)), at: now)
        let next = StandingTable([second, service([server(2), server(5)])], after: table)
        #expect(next.reports.count == 2)
        #expect(next.reports == [standing(1, 0, isUp: false), .service(ServiceStanding(service: 1, hasQuorum: true))])
    }

    @Test("removed by a reload: what was up, the servers of a service before itself") func removed() throws {
        let (first, second) = (service([server(1), server(2), server(3)]), service([server(4), server(5)], port: 81))
        var table = StandingTable([first, second])
        for (place, number, isUp) in [(0, 0, true), (0, 1, true), (0, 2, false), (1, 0, true), (1, 1, false)] {
            try table.take(standing(UInt32(place), UInt32(number), isUp: isUp), at: now)
        }
        for place in 0..<2 {
            try table.take(.service(ServiceStanding(service: UInt32(place), hasQuorum: true)), at: now)
        }
        func removed(by next: [VirtualServerSettings]) -> [String] {
            table.removed(by: StandingTable(next, after: table)).map { "\($0.subject.kind.word) \($0.subject.name)" }
        }
        let (one, two) = ("RS [10.0.0.1]:tcp:80 [10.99.0.1]:tcp:80", "RS [10.0.0.2]:tcp:80 [10.99.0.1]:tcp:80")
        #expect(removed(by: [first, second]) == [])
        #expect(removed(by: [second, service([server(2), server(9)])]) == [one])
        #expect(removed(by: [second]) == [one, two, "VS [10.99.0.1]:tcp:80"])
        #expect(removed(by: []).suffix(2) == ["RS [10.0.0.4]:tcp:80 [10.99.0.1]:tcp:81", "VS [10.99.0.1]:tcp:81"])
        try table.take(.service(ServiceStanding(service: 0, hasQuorum: false)), at: now)
        #expect(removed(by: [second]) == [one, two], "its quorum was lost before")
        #expect(StandingTable([first]).removed(by: StandingTable()).isEmpty, "nothing is known of it")
    }

    @Test("reports in bytes") func bytes() throws {
        var full = ServerStanding(service: 1, server: 2, isUp: false, isProven: true, weight: 3)
        full.reason = .statusCode
        full.detail = 503
        full.notification = 9
        let reports: [CheckerReport] = [
            .server(full), .service(ServiceStanding(service: 4, hasQuorum: true)),
            .server(ServerStanding(service: 5, server: 6, isUp: true, isProven: true, weight: 1)),
        ]
        var writer = ByteWriter()
        for report in reports { report.encode(into: &writer) }
        let read = try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try reader.readAll(CheckerReport.self, max: 3)
        }
        #expect(read == reports)
        #expect(throws: ByteError.invalid) {
            try writer.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                _ = try reader.readAll(CheckerReport.self, max: 2)
            }
        }
        for length in 1..<writer.bytes.count {
            let isWhole = [28, 42].contains(length)
            let part = try? writer.bytes[..<length].withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return try reader.readAll(CheckerReport.self, max: 3)
            }
            #expect((part != nil) == isWhole, "\(length)")
        }
    }
}

@Suite("MD5 (RFC 1321, section A.5)")
struct MD5Tests {
    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"), ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a"
        ),
    ]) func vectors(_ text: String, _ digest: String) {
        let hex = MD5.digest(of: Array(text.utf8)).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        #expect(hex.joined() == digest)
    }
}

@Suite("What outlives hasupd of what the checker has told (docs/decisions, D73)")
struct KeptStandingsTests {
    private func table() throws -> (StandingTable, [VirtualServerSettings]) {
        let services = (0..<5).map { place in
            service((1...(3 + place * 4)).map { server($0, weight: $0) }, port: UInt16(80 + place))
        }
        var table = StandingTable(services)
        for (place, settings) in services.enumerated() where place != 3 {
            for number in settings.realServers.indices {
                try table.take(
                    standing(UInt32(place), UInt32(number), isUp: number % 3 != 0, weight: UInt32(number + 1)), at: now)
            }
            try table.take(.service(ServiceStanding(service: UInt32(place), hasQuorum: place % 2 == 0)), at: now)
        }
        try table.take(standing(0, 0, isUp: true, number: 77), at: now)
        return (table, services)
    }

    @Test("found again in another order; what wasn't known isn't") func restored() throws {
        let (table, services) = try table()
        var kept = KeptStandings()
        for record in table.records {
            #expect(record.count <= 232)
            kept.add(record)
        }
        var next = StandingTable(services.reversed())
        next.restore(kept)
        #expect(next.lastNotification == 77)
        for place in services.indices {
            #expect(next.state(ofService: 4 - place) == table.state(ofService: place))
        }
        #expect(next.state(ofService: 1) == nil)
    }

    @Test("one record by itself is the same as among all") func single() throws {
        let (table, _) = try table()
        let all = table.records
        #expect(all.count > 3)
        for (number, record) in all.enumerated() { #expect(table.bytes(ofRecord: number) == record) }
        for report in table.reports {
            guard let number = table.record(of: report), var changed = Optional(table) else { continue }
            guard case .server(var standing) = report else { continue }
            standing.isUp.toggle()
            standing.notification = 0
            try changed.take(.server(standing), at: now)
            let differing = changed.records.indices.filter { changed.records[$0] != all[$0] }
            #expect(differing == [number])
        }
    }

    @Test("strange bytes stand for nothing") func strange() {
        var kept = KeptStandings()
        for bytes in [[], [9], [1, 0, 0], Array(repeating: 0xff, count: 232)] as [[UInt8]] { kept.add(bytes) }
        #expect(kept.lastNotification == 0)
    }
}
