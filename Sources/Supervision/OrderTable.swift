import Base

/// The orders in force and who gave them (docs/decisions, D49). At most one of an instance, and of a sync group; members
/// of a group have none of their own.
package struct OrderTable: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var order: OperatorOrder
        /// The instances of a group's order: who has it when the group is gone.
        package var members: [String]
        package var uid: UInt32
        /// When it was given, in nanoseconds since 1970.
        package var wallNanoseconds: Int64
        /// The last outcome that a worker has reported.
        package fileprivate(set) var outcome: OrderOutcome?

        package init(_ order: OperatorOrder, of members: [String] = [], uid: UInt32, wallNanoseconds: Int64) {
            self.order = order
            self.members = members
            self.uid = uid
            self.wallNanoseconds = wallNanoseconds
        }
    }

    /// The subjects of a configuration, as far as orders need them.
    package protocol Subjects {
        func hasInstance(_ name: String) -> Bool
        /// The sync group that an instance is a member of.
        func group(of instance: String) -> String?
        /// A sync group's members; nil when there is no such group.
        func members(of group: String) -> [String]?
    }

    private var bySubject: [NotificationKey: Entry] = [:]
    /// The number of the last order that was given.
    package private(set) var lastNumber: UInt64

    /// A table that goes on with what a former hasupd has left.
    package init(_ entries: [Entry] = [], lastNumber: UInt64 = 0) {
        self.lastNumber = entries.reduce(lastNumber) { max($0, $1.order.number) }
        for entry in entries { bySubject[entry.order.subject] = entry }
    }

    /// In the order in which they were given.
    package var entries: [Entry] { bySubject.values.sorted { $0.order.number < $1.order.number } }
    package var orders: [OperatorOrder] { entries.map(\.order) }
    package var isEmpty: Bool { bySubject.isEmpty }

    package subscript(subject: NotificationKey) -> Entry? { bySubject[subject] }

    /// Gives an order; an earlier one of the same subject ends.
    ///
    /// - Parameter members: the instances of a group.
    package mutating func give(
        _ kind: OperatorOrder.Kind, to subject: NotificationKey, of members: [String] = [], by uid: UInt32,
        wallNanoseconds: Int64, given: Instant, until: Instant = .never
    ) -> OperatorOrder {
        lastNumber += 1
        let order = OperatorOrder(kind, subject, number: lastNumber, until: until, given: given)
        bySubject[subject] = Entry(order, of: members, uid: uid, wallNanoseconds: wallNanoseconds)
        return order
    }

    /// Ends the order of a subject.
    @discardableResult
    package mutating func end(of subject: NotificationKey) -> Entry? { bySubject.removeValue(forKey: subject) }

    /// Takes what a worker reports of an order. Nil for one that isn't in force, for an outcome that it can't have, and for
    /// what was reported before: a worker may be hostile, and each is an entry of the history.
    package mutating func take(_ outcome: OrderOutcome, of number: UInt64) -> (entry: Entry, isEnd: Bool)? {
        guard let entry = bySubject.values.first(where: { $0.order.number == number }),
            outcome.fits(entry.order.kind), entry.outcome == nil || outcome.ends(entry.order.kind)
        else { return nil }
        let isEnd = outcome.ends(entry.order.kind)
        if isEnd { end(of: entry.order.subject) } else { bySubject[entry.order.subject]?.outcome = outcome }
        return (entry, isEnd)
    }

    /// The same orders for another configuration: that of an instance that is now a group's member is the group's, and
    /// that of a group that is gone its members'. Of two for one subject, maintenance stays, else the later one.
    ///
    /// - Returns: what has no subject any more, besides.
    package func moved(to new: some Subjects) -> (table: OrderTable, ended: [Entry]) {
        var table = OrderTable(lastNumber: lastNumber)
        var ended: [Entry] = []
        for entry in entries {
            let name = entry.order.subject.name
            var subjects: Set<NotificationKey>
            switch entry.order.subject.kind {
            case .instance: subjects = Self.subjects(of: [name], in: new)
            case .group where new.members(of: name) != nil: subjects = [entry.order.subject]
            case .group: subjects = Self.subjects(of: entry.members, in: new)
            case .service, .server: subjects = []
            }
            if subjects.isEmpty { ended.append(entry) }
            for subject in subjects.sorted() {
                var moved = entry
                moved.order.subject = subject
                moved.members = subject.kind == .group ? new.members(of: subject.name) ?? [] : []
                if let other = table.bySubject[subject], other.order.kind == .maintenance { continue }
                // A number names one order: the first subject keeps it.
                if table.orders.contains(where: { $0.number == moved.order.number }) {
                    table.lastNumber += 1
                    moved.order.number = table.lastNumber
                }
                table.bySubject[subject] = moved
            }
        }
        return (table, ended)
    }

    private static func subjects(of instances: [String], in new: some Subjects) -> Set<NotificationKey> {
        Set(
            instances.filter(new.hasInstance).map { name in
                new.group(of: name).map { NotificationKey(.group, $0) } ?? NotificationKey(.instance, name)
            })
    }
}
