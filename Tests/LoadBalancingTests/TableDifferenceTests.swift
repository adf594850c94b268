import Base
import ConfigurationModel
import LoadBalancing
import Testing

/// Differences, and the order in which they are written (docs/decisions, D66).
@Suite struct TableDifferenceTests {
    private static func service(
        _ scheduler: String = "wrr", _ destinations: [DestinationKey: KernelDestination] = [:]
    ) -> TableService {
        TableService(settings: KernelService(scheduler: scheduler, family: .ipv4), destinations: destinations)
    }

    private static func plan(_ actual: TableService?, _ wanted: TableService?) -> ServicePlan {
        ServicePlan(TableDifference(Sample.key, from: actual, to: wanted))
    }

    @Test func nothing() {
        let service = Self.service("wrr", [Sample.place(0): Sample.destination(3)])
        #expect(TableDifference(Sample.key, from: service, to: service).isEmpty)
        #expect(TableDifference(Sample.key, from: nil, to: nil).isEmpty)
        #expect(TableDifference(Sample.key, from: service, to: nil).changes.count == 1)
    }

    /// Additions and raises first, removals and zeros last.
    @Test func order() {
        let key = Sample.key
        let actual = Self.service(
            "wrr",
            [
                Sample.place(0): Sample.destination(5), Sample.place(1): Sample.destination(5),
                Sample.place(2): Sample.destination(5), Sample.place(3): Sample.destination(5),
                Sample.place(4): Sample.destination(0), Sample.place(5): Sample.destination(3),
            ])
        let wanted = Self.service(
            "wlc",
            [
                Sample.place(1): Sample.destination(0), Sample.place(2): Sample.destination(4),
                Sample.place(3): Sample.destination(6), Sample.place(4): Sample.destination(1),
                Sample.place(5): Sample.destination(3), Sample.place(6): Sample.destination(1),
                Sample.place(7): Sample.destination(0),
            ])
        let plan = Self.plan(actual, wanted)
        #expect(
            plan.first == [
                .editService(key, wanted.settings), .addDestination(key, Sample.place(6), Sample.destination(1)),
                .editDestination(key, Sample.place(3), Sample.destination(6)),
                .editDestination(key, Sample.place(4), Sample.destination(1)),
                .editDestination(key, Sample.place(2), Sample.destination(4)),
                .addDestination(key, Sample.place(7), Sample.destination(0)),
            ])
        #expect(
            plan.last == [
                .editDestination(key, Sample.place(1), Sample.destination(0)),
                .removeDestination(key, Sample.place(0)),
            ])
    }

    /// Nothing is deleted and added that can be edited: an edit keeps connections.
    @Test func edits() {
        var other = Sample.destination(5)
        other.forwarding = .directRouting
        other.upperThreshold = 9
        let plan = Self.plan(
            Self.service("wrr", [Sample.place(0): Sample.destination(5)]),
            Self.service("wrr", [Sample.place(0): other]))
        #expect(plan.first == [.editDestination(Sample.key, Sample.place(0), other)] && plan.last.isEmpty)
    }

    /// A scheduler that makes a table of its servers is given to a new service of more than 8 of them when they are in.
    @Test(arguments: [
        ("mh", 9, true), ("sh", 9, true), ("dh", 9, true), ("lblc", 9, true), ("lblcr", 9, true), ("mh", 8, false),
        ("wrr", 9, false),
    ])
    func tableSchedulers(_ scheduler: String, _ count: Int, _ isLate: Bool) {
        var wanted = Self.service(scheduler)
        wanted.settings.schedulerFlags = [.first]
        for number in 0..<count { wanted.destinations[Sample.place(UInt32(number))] = Sample.destination(1) }
        let plan = Self.plan(nil, wanted)
        var plain = wanted.settings
        (plain.scheduler, plain.schedulerFlags) = ("rr", [])
        #expect(plan.first.first == .addService(Sample.key, isLate ? plain : wanted.settings))
        #expect(plan.first.last == .editService(Sample.key, wanted.settings) || !isLate)
        #expect(plan.first.count == count + (isLate ? 2 : 1) && plan.last.isEmpty)
    }

    /// A table is made anew with each server that comes or goes: the scheduler comes last, and leaves first.
    @Test func changedScheduler() {
        let plain = Self.service("rr", [Sample.place(0): Sample.destination(1)])
        let hashed = Self.service("mh", [Sample.place(1): Sample.destination(1)])
        #expect(Self.plan(plain, hashed).first.last == .editService(Sample.key, hashed.settings))
        #expect(Self.plan(hashed, plain).first.first == .editService(Sample.key, plain.settings))
    }

    @Test func removedService() {
        let plan = Self.plan(Self.service("rr", [Sample.place(0): Sample.destination(1)]), nil)
        #expect(plan.first.isEmpty && plan.last == [.removeService(Sample.key)])
    }
}
