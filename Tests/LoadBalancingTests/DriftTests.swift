import Base
import ConfigurationModel
import LoadBalancing
import Testing

@testable import Simulator

/// What others do to our services, and a kernel that refuses (docs/decisions, D67 and D69).
@Suite struct DriftTests {
    private static let model = Sample.model(Sample.service(weights: [3, 4]))
    private static let wanted = WantedTable(unchecked: model).services

    /// A2: what is missing or changed comes back, after two readings, and is counted.
    @Test(
        arguments: [
            (.removeDestination(Sample.key, Sample.place(1)), 1),
            (.editDestination(Sample.key, Sample.place(1), Sample.destination(0)), 1),
            (.editService(Sample.key, KernelService(scheduler: "mh", family: .ipv4)), 1),
            (.removeService(Sample.key), 3), (.flush, 3),
        ] as [(TableRequest, UInt64)])
    func mended(_ request: TableRequest, _ count: UInt64) {
        var bench = DirectedTable(Self.model)
        bench.pass(.seconds(3))
        #expect(bench.table.take(request) == 0)
        #expect(bench.writes { $0.pass(.seconds(1)) } == [])
        bench.pass(.seconds(1))
        #expect(bench.table.services == Self.wanted)
        #expect(bench.director.counters.mended == count && bench.director.services[0].mended == count)
        #expect(
            bench.observations.contains {
                if case .mended(let difference) = $0 { difference.changes.count == Int(count) } else { false }
            })
    }

    /// A difference that is gone at the second reading was never one.
    @Test func briefly() {
        var bench = DirectedTable(Self.model)
        bench.pass(.seconds(3))
        _ = bench.table.take(.removeDestination(Sample.key, Sample.place(1)))
        bench.pass(.seconds(1))
        _ = bench.table.take(.addDestination(Sample.key, Sample.place(1), Sample.destination(4)))
        #expect(bench.writes { $0.pass(.seconds(9)) } == [] && bench.director.counters.mended == 0)
    }

    /// A2: somebody's destination is shown and left, until a reload, which says so.
    @Test func foreignDestination() {
        var bench = DirectedTable(Self.model)
        _ = bench.table.take(.addDestination(Sample.key, Sample.place(9), Sample.destination(1)))
        #expect(bench.writes { $0.pass(.seconds(9)) } == [])
        #expect(bench.director.services[0].foreign == [Sample.key: [Sample.place(9)]])
        #expect(bench.observations.count { $0 == .foreign(Sample.key, [Sample.place(9)]) } == 1)
        #expect(bench.writes { $0.play(.reload) } == [.removeDestination(Sample.key, Sample.place(9))])
        #expect(bench.observations.last == .foreignRemoved(Sample.key, [Sample.place(9)]))
        #expect(bench.director.services[0].foreign.isEmpty && bench.director.counters.mended == 0)
    }

    /// A destination that a configuration of this boot has named isn't somebody's: it goes.
    @Test func formerDestination() {
        var bench = DirectedTable(Self.model)
        bench.reload(Sample.model(Sample.service(weights: [3])))
        _ = bench.table.take(.addDestination(Sample.key, Sample.place(1), Sample.destination(4)))
        bench.pass(.seconds(2))
        #expect(bench.table.services[Sample.key]?.destinations.count == 1 && bench.director.counters.mended == 1)
    }

    /// What our own news change isn't drift, what somebody has changed beside it is.
    @Test func besideNews() {
        let model = Sample.model(Sample.service(weights: [3, 4], hasChecks: true))
        var bench = DirectedTable(model, hasChecker: true)
        let up = ServerState(isUp: true, weight: 3)
        bench.play(
            .states([
                .whole(
                    service: 0,
                    ServiceState(
                        hasQuorum: true, usesSorryServer: false, servers: [up, ServerState(isUp: true, weight: 4)]))
            ]))
        _ = bench.table.take(.editDestination(Sample.key, Sample.place(0), Sample.destination(9)))
        bench.play(.states([.server(service: 0, server: 1, ServerState(isUp: true, weight: 1))]))
        #expect(bench.director.counters.mended == 1)
        #expect(bench.table.services[Sample.key]?.destinations.values.map(\.weight).sorted() == [1, 3])
    }

    /// The same thing mended five times in a minute is said once a minute from then on; the mending goes on.
    @Test func repeatedly() {
        var bench = DirectedTable(Self.model)
        for _ in 0..<40 {
            _ = bench.table.take(.removeDestination(Sample.key, Sample.place(1)))
            bench.pass(.seconds(3))
            #expect(bench.table.services == Self.wanted)
        }
        let said = bench.observations.count { if case .mended = $0 { true } else { false } }
        let summaries = bench.observations.compactMap {
            if case .mendedRepeatedly(Sample.key, Sample.place(1), let count) = $0 { count } else { nil }
        }
        #expect(said == 5 && summaries.count == 1 && bench.director.counters.mended == 40)
    }

    /// Each second all services and 1,000 destinations; a service with more has all its readings' worth.
    @Test func pace() {
        let large = Sample.service(weights: Array(repeating: 1, count: 3_000))
        let small = (1...10).map { number in
            Sample.service(
                .address(IPAddress(v4: 0x0a01_0000 + UInt32(number)), port: 80), Array(repeating: 1, count: 200))
        }
        var model = Sample.model(large)
        model.virtualServers += small
        var bench = DirectedTable(model)
        var read: [ServiceKey: Int] = [:]
        var most = 0
        for _ in 0..<50 {
            bench.now = bench.director.deadline
            bench.send(.timeout)
            var destinations = 0
            while let call = bench.call {
                if case .readDestinations(let keys) = call.call {
                    for key in keys {
                        read[key, default: 0] += 1
                        destinations += bench.table.services[key]?.destinations.count ?? 0
                    }
                }
                bench.answer()
            }
            most = max(most, destinations)
        }
        // 5,000 destinations take 5 s.
        #expect(most <= 3_000 + 999 && read.count == 11)
        #expect(read.values.allSatisfy { (9...11).contains($0) }, "\(read)")
    }

    // MARK: - Refusals

    /// B4: without IPVS it is tried again every 10 s and at a reload; nothing is noted meanwhile.
    @Test(arguments: [Int32(2), 1])
    func missing(_ error: Int32) {
        var bench = DirectedTable()
        bench.table.missing = error
        bench.play(.configure(DirectorConfiguration(Self.model, occasion: .start(noted: []), hasChecker: false)))
        #expect(bench.director.condition == .missing(error, since: bench.now) && bench.file.isEmpty)
        #expect(bench.director.deadline == bench.now + .seconds(10))
        bench.pass(.seconds(25))
        #expect(bench.observations == [.missing(error)])
        bench.table.missing = nil
        bench.play(.reload)
        #expect(bench.table.services == Self.wanted && bench.file == [Sample.key])
        #expect(bench.observations.last == .available)
        bench.table.services = [:]
        bench.table.missing = error
        bench.pass(.seconds(1))
        bench.table.missing = nil
        bench.pass(.seconds(10))
        #expect(bench.table.services == Self.wanted)
        bench.table.missing = error
        bench.pass(.seconds(1))
        bench.play(.stop(keepsServices: false))
        #expect(bench.isStopped)
    }

    /// EPERM for a request is one for all.
    @Test func refusedAsAWhole() {
        var bench = DirectedTable()
        bench.table.refuses = { _ in 1 }
        bench.play(.configure(DirectorConfiguration(Self.model, occasion: .start(noted: []), hasChecker: false)))
        #expect(bench.director.condition == .missing(1, since: bench.now))
    }

    /// A scheduler that the kernel hasn't got: that service has the kernel's words, the others stand; tried again after 1, 2,
    /// 4, 8, 10 s.
    @Test func unknownScheduler() {
        var model = Self.model
        var other = Sample.service(.address(Sample.address("10.0.0.2"), port: 80))
        other.scheduler = .powerOfTwoChoices
        model.virtualServers.append(other)
        let key = Sample.key("10.0.0.2", 80)
        var bench = DirectedTable()
        bench.table.unknownSchedulers = ["twos"]
        bench.play(.configure(DirectorConfiguration(model, occasion: .start(noted: []), hasChecker: false)))
        let refusal = bench.director.services[1].refusal
        #expect(bench.table.services == Self.wanted && refusal?.error == 2 && refusal?.request.service == key)
        #expect(bench.observations.count { if case .refused = $0 { true } else { false } } == 1)
        let count = bench.director.counters.refused
        bench.pass(.seconds(60))
        // Each try is a service and a destination.
        #expect((bench.director.counters.refused - count) / 2 == 8)
        #expect(bench.observations.count { if case .refused = $0 { true } else { false } } == 1)
        bench.table.unknownSchedulers = []
        bench.pass(.seconds(10))
        #expect(bench.table.services.count == 2 && bench.director.services[1].refusal == nil)
        #expect(bench.observations.last == .accepted(key))
    }

    /// A failed write reads its service at once: somebody else's change at the same moment isn't seen for longer than that.
    @Test func failedWrite() {
        var bench = DirectedTable(Self.model)
        bench.send(
            .configure(
                DirectorConfiguration(
                    Sample.model(Sample.service(weights: [3, 5, 6])), occasion: .reload, hasChecker: false)))
        while case .some(let call) = bench.call, !call.call.isWrite { bench.answer() }
        _ = bench.table.take(.addDestination(Sample.key, Sample.place(2), Sample.destination(1)))
        bench.settle()
        #expect(bench.table.services[Sample.key]?.destinations.values.map(\.weight).sorted() == [3, 5, 6])
        #expect(bench.director.services[0].refusal == nil)
    }

    /// Servers aren't taken out when none of those that should take their place could be brought in.
    @Test func refusedAddition() {
        var bench = DirectedTable(Sample.model(Sample.service(weights: [3])))
        var service = Sample.service(weights: [0, 4])
        service.realServers.removeFirst()
        bench.table.refuses = { if case .addDestination = $0 { 12 } else { nil } }
        bench.reload(Sample.model(service))
        bench.pass(.seconds(20))
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(0): Sample.destination(3)])
        bench.table.refuses = { _ in nil }
        bench.pass(.seconds(10))
        #expect(bench.table.services[Sample.key]?.destinations == [Sample.place(1): Sample.destination(4)])
    }

    /// A plan whose first half is under way when another configuration comes leaves its second half.
    @Test func overtaken() {
        var bench = DirectedTable(Sample.model(Sample.service(weights: [3])))
        var service = Sample.service(weights: [0, 4])
        service.realServers.removeFirst()
        bench.send(.configure(DirectorConfiguration(Sample.model(service), occasion: .reload, hasChecker: false)))
        while case .some(let call) = bench.call, !call.call.isWrite { bench.answer() }
        bench.send(
            .configure(
                DirectorConfiguration(Sample.model(Sample.service(weights: [3])), occasion: .reload, hasChecker: false))
        )
        let writes = bench.writes { $0.settle() }
        #expect(
            writes == [
                .addDestination(Sample.key, Sample.place(1), Sample.destination(4)),
                .removeDestination(Sample.key, Sample.place(1)),
            ])
    }

    @Test func strayAnswer() {
        var bench = DirectedTable(Self.model)
        bench.play(.result(.survey(SurveyBasis().survey([:])), ticket: 9_999))
        #expect(bench.director.counters.strayResults == 1 && bench.table.services == Self.wanted)
    }
}

extension TableCall {
    var isWrite: Bool { if case .write = self { true } else { false } }
}
