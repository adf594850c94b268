import Base
import Supervision
import Testing

/// A configuration by its names.
private struct Names: OrderTable.Subjects {
    var instances: [String] = []
    var groups: [String: [String]] = [:]
    func hasInstance(_ name: String) -> Bool { instances.contains(name) }
    func group(of instance: String) -> String? { groups.first { $0.value.contains(instance) }?.key }
    func members(of group: String) -> [String]? { groups[group] }
}

@Suite("Orders of operators (D49)")
struct OrderTableTests {
    private static let a = NotificationKey(.instance, "A")
    private static let g = NotificationKey(.group, "G")

    private static func table(
        _ orders: (OperatorOrder.Kind, NotificationKey)..., members: [String] = []
    ) -> OrderTable {
        var table = OrderTable()
        for (kind, subject) in orders {
            _ = table.give(
                kind, to: subject, of: members, by: 7, wallNanoseconds: 0, given: Instant(nanoseconds: 5))
        }
        return table
    }

    @Test("a subject has one order, and each has a number of its own")
    func one() {
        let table = Self.table((.resigned, Self.a), (.maintenance, Self.a), (.raised, Self.g))
        #expect(table.orders.map(\.number) == [2, 3] && table.orders.map(\.kind) == [.maintenance, .raised])
        #expect(OrderTable(table.entries, lastNumber: 1).lastNumber == 3)
    }

    @Test("a worker ends what it may end, once, and nothing else")
    func outcomes() {
        var table = Self.table((.maintenance, Self.a))
        #expect(table.take(.nobodyTookOver, of: 2) == nil, "there is no such order")
        #expect(table.take(.masterSilent, of: 1) == nil && table.take(.late, of: 1) == nil, "it can't have that")
        #expect(table.take(.nobodyTookOver, of: 1)?.isEnd == false)
        #expect(table.take(.holds, of: 1) == nil, "it was reported before")
        #expect(table.take(.refused, of: 1)?.isEnd == true && table.isEmpty)
        #expect(table.take(.refused, of: 1) == nil)
    }

    @Test("every outcome fits a kind, and what ends an order is told from what doesn't")
    func kinds() {
        let all: [OrderOutcome] = [
            .holds, .handedOver(nil), .lost, .nobodyTookOver, .refused, .becameMaster, .masterSilent, .lostMastership,
            .late,
        ]
        for outcome in all { #expect(OperatorOrder.Kind.allCases.contains { outcome.fits($0) }) }
        #expect(all.filter { $0.fits(.resigned) && $0.ends(.resigned) } == [.nobodyTookOver, .refused, .masterSilent])
        #expect(all.filter { $0.fits(.maintenance) && $0.ends(.maintenance) } == [.refused])
        #expect(all.filter { $0.fits(.raised) && $0.ends(.raised) } == [.lostMastership, .late])
    }

    @Test("an instance that joins a group takes its order along")
    func join() {
        let table = Self.table((.maintenance, Self.a))
        let new = Names(instances: ["A", "B"], groups: ["G": ["A", "B"]])
        let (moved, ended) = table.moved(to: new)
        #expect(moved.orders.map(\.subject) == [Self.g] && moved.orders.map(\.number) == [1] && ended.isEmpty)
    }

    @Test("a group that is gone leaves its order to its members")
    func leave() {
        let table = Self.table((.maintenance, Self.g), members: ["A", "B", "C"])
        let (moved, ended) = table.moved(to: Names(instances: ["A", "B"]))
        #expect(moved.orders.map(\.subject.name) == ["A", "B"] && ended.isEmpty)
        #expect(Set(moved.orders.map(\.number)).count == 2, "a number names one order")
        #expect(moved.orders.allSatisfy { $0.given == Instant(nanoseconds: 5) }, "when it was given stays")
    }

    @Test("the members of a group's order are those of the last configuration")
    func members() {
        let table = Self.table((.maintenance, Self.g), members: ["A"])
        let grown = table.moved(to: Names(instances: ["A", "B"], groups: ["G": ["A", "B"]])).table
        #expect(grown.entries.map(\.members) == [["A", "B"]] && grown.orders == table.orders)
        #expect(grown.moved(to: Names(instances: ["B"])).table.orders.map(\.subject.name) == ["B"])
    }

    @Test("of two that come together maintenance stays, else the later one")
    func together() {
        let new = Names(instances: ["A", "B"], groups: ["G": ["A", "B"]])
        let b = NotificationKey(.instance, "B")
        for (first, second, kept) in [
            (OperatorOrder.Kind.maintenance, OperatorOrder.Kind.resigned, OperatorOrder.Kind.maintenance),
            (.resigned, .maintenance, .maintenance), (.resigned, .raised, .raised),
        ] {
            let table = Self.table((first, Self.a), (second, b))
            #expect(table.moved(to: new).table.orders.map(\.kind) == [kept])
        }
    }

    @Test("what isn't in the configuration any more has no order")
    func removal() {
        let table = Self.table((.resigned, Self.a))
        let (moved, ended) = table.moved(to: Names(instances: ["B"]))
        #expect(moved.isEmpty && ended.map(\.order.number) == [1] && moved.lastNumber == 1)
    }
}
