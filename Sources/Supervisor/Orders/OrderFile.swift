import Base
import Supervision
import VRRP
import Varlink

/// The orders in force, as the run directory keeps them (docs/decisions, D49).
struct OrderFile: JSONRecord {
    static let name = "orders"
    static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    static let readableFormats = [1]

    static let summary = "The orders in force, and the number of the last one that was given"
    var lastNumber: UInt64 = 0
    var orders: [KeptOrder] = []

    struct KeptOrder: JSONRecord {
        static let summary = "An order in force"
        var order = ""
        /// `instance` or `group`.
        var subject = ""
        var name = ""
        var number: UInt64 = 0
        /// CLOCK_BOOTTIME; nil for an order without such an end.
        var untilNanoseconds: Int64?
        /// CLOCK_BOOTTIME at which it was given.
        var givenNanoseconds: Int64 = 0
        /// The instances of a group.
        var instances: [String] = []
        var uid = 0
        var unixNanoseconds: Int64 = 0

        mutating func visit(_ members: inout some Members) throws(ByteError) {
            members.member("order", &order)
            members.member("subject", &subject)
            members.member("name", &name)
            members.member("number", &number)
            members.member("until_nanoseconds", &untilNanoseconds)
            members.member("given_nanoseconds", &givenNanoseconds)
            members.member("instances", &instances)
            members.member("uid", &uid)
            members.member("unix_nanoseconds", &unixNanoseconds)
        }
    }

    mutating func visit(_ members: inout some Members) throws(ByteError) {
        members.member("last_number", &lastNumber)
        members.member("orders", &orders)
    }
}

extension OrderFile {
    init(_ table: OrderTable) {
        lastNumber = table.lastNumber
        orders = table.entries.map { entry in
            var kept = KeptOrder()
            kept.order = entry.order.kind.word
            kept.subject = entry.order.subject.kind.word.lowercased()
            kept.name = entry.order.subject.name
            kept.number = entry.order.number
            kept.untilNanoseconds = entry.order.until == .never ? nil : entry.order.until.nanoseconds
            kept.givenNanoseconds = entry.order.given.nanoseconds
            kept.instances = entry.members
            kept.uid = Int(entry.uid)
            kept.unixNanoseconds = entry.wallNanoseconds
            return kept
        }
    }

    /// The table that was kept; nil if an entry isn't an order.
    var table: OrderTable? {
        var entries: [OrderTable.Entry] = []
        for kept in orders {
            guard let kind = OperatorOrder.Kind.allCases.first(where: { $0.word == kept.order }),
                let subject = NotificationKey.Kind(word: kept.subject), !kept.name.isEmpty,
                let uid = UInt32(exactly: kept.uid)
            else { return nil }
            let order = OperatorOrder(
                kind, NotificationKey(subject, kept.name), number: kept.number,
                until: kept.untilNanoseconds.map { Instant(nanoseconds: $0) } ?? .never,
                given: Instant(nanoseconds: kept.givenNanoseconds))
            entries.append(OrderTable.Entry(order, of: kept.instances, uid: uid, wallNanoseconds: kept.unixNanoseconds))
        }
        return OrderTable(entries, lastNumber: lastNumber)
    }
}

extension OperatorOrder.Kind {
    /// Its name in files, answers and texts.
    var word: String {
        switch self {
        case .resigned: "resigned"
        case .maintenance: "maintenance"
        case .raised: "raised"
        }
    }
}

extension NotificationKey.Kind {
    fileprivate init?(word: String) {
        guard let kind = [Self.instance, .group].first(where: { $0.word.lowercased() == word }) else { return nil }
        self = kind
    }
}
