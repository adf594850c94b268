import Base
import Control
import Supervision
import VRRP

/// The decision on a command of an operator: an order, or an answer at once.
enum OrderDecision: Equatable {
    case give(OperatorOrder.Kind)
    case end
    case answer(ok: Bool, String)

    /// - Parameters:
    ///   - entry: the order in force; nil for none.
    ///   - members: the instances that the order is for, with their statuses.
    init(
        _ command: OrderCommand, for subject: NotificationKey, _ entry: OrderTable.Entry?,
        _ members: [(name: String, status: InstanceStatus)]
    ) {
        let kind = entry?.order.kind
        switch command {
        case .maintenance(on: true):
            self = kind == .maintenance ? .answer(ok: true, "in maintenance already") : .give(.maintenance)
        case .maintenance(on: false): self = kind == .maintenance ? .end : .answer(ok: true, "it wasn't in maintenance")
        case .resign where kind == .maintenance:
            self = .answer(ok: false, "it is in maintenance, so there is nothing to resign")
        case .resign: self = .give(.resigned)
        case .takeover where kind == .maintenance:
            self = .answer(ok: false, "it is in maintenance: end that first (`\(Self.maintenanceOff(subject))`)")
        case .takeover: self = Self.takeover(kind, members)
        }
    }

    private static func takeover(
        _ kind: OperatorOrder.Kind?, _ members: [(name: String, status: InstanceStatus)]
    ) -> OrderDecision {
        if let member = members.first(where: { $0.status.state == .fault }) {
            return .answer(ok: false, "\(member.name) is in FAULT: `hasup status` shows the reason")
        }
        if let member = members.first(where: { $0.status.state == .initialize }) {
            return .answer(ok: false, "\(member.name) hasn't started yet")
        }
        if kind != .resigned, members.allSatisfy({ $0.status.state == .master }) {
            let isWaiting = members.contains { $0.status.awaitsAddresses }
            return .answer(ok: true, "MASTER already\(isWaiting ? ", and waits for its before_master" : "")")
        }
        for (_, status) in members where status.state == .backup {
            guard let priority = status.masterPriority, priority.rawValue >= 254, let master = status.master else {
                continue
            }
            let reason =
                "\(master) is MASTER with priority \(priority), and none above 254 can be taken: resign there (`hasup resign`)"
            return .answer(ok: false, reason)
        }
        return .give(.raised)
    }

    static func maintenanceOff(_ subject: NotificationKey) -> String { "hasup maintenance off \(subject.name)" }
}

extension OrderTable.Entry {
    /// A clause: the order, who gave it, and what ends it.
    var text: String {
        let ends =
            switch order.kind {
            case .resigned:
                "ends when the master falls silent, or by `hasup takeover \(order.subject.name)`"
            case .maintenance: "ends by `\(OrderDecision.maintenanceOff(order.subject))`"
            case .raised: "ends when it isn't MASTER any more, or by `hasup resign \(order.subject.name)`"
            }
        let whose = order.subject.kind == .group ? " (\(order.subject))" : ""
        return "\(name)\(whose) by \(giver); \(ends)"
    }

    /// `in maintenance`.
    var name: String {
        switch order.kind {
        case .resigned: "resigned"
        case .maintenance: "in maintenance"
        case .raised: "raised above the other routers"
        }
    }

    var giver: String { uid == 0 ? "root" : "uid \(uid)" }
}

extension OrderOutcome {
    /// True if it is what the operator wanted.
    var isSuccess: Bool {
        switch self {
        case .holds, .handedOver, .becameMaster: true
        case .lost, .nobodyTookOver, .refused, .masterSilent, .lostMastership, .late: false
        }
    }

    /// A clause: what has become of an order.
    ///
    /// - Parameters:
    ///   - time: since it was given.
    ///   - failure: of a before_release that has refused, or of a before_master, a clause.
    func text(of order: OperatorOrder, after time: Interval, failure: String?) -> String {
        switch self {
        case .holds:
            switch order.kind {
            case .resigned: "not MASTER; it leaves a lower master alone until that falls silent"
            case .maintenance, .raised: "in maintenance; it wasn't MASTER"
            }
        case .handedOver(let address):
            "\(address.map(\.description) ?? "another router") is MASTER after \(time.shortText)"
        case .lost: "it isn't MASTER any more, and no other router is heard: `hasup status` shows the reason"
        case .nobodyTookOver where order.kind == .maintenance:
            "nobody took over, so the addresses are nobody's; in maintenance all the same, until "
                + "`\(OrderDecision.maintenanceOff(order.subject))`"
        case .nobodyTookOver: "nobody took over; MASTER again"
        case .refused: "before_release refused\(failure.map { ": \($0)" } ?? ""); still MASTER"
        case .becameMaster: "MASTER after \(time.shortText)"
        case .masterSilent: "the master fell silent: the order to leave it alone has ended"
        case .lostMastership where failure != nil:
            "before_master failed: \(failure ?? ""); its raised priority has ended"
        case .lostMastership: "it isn't MASTER any more: its raised priority has ended"
        case .late: "it didn't become MASTER within \(time.shortText): its raised priority has ended"
        }
    }
}

extension Interval {
    /// `612 ms`, `12.3 s`.
    fileprivate var shortText: String {
        let milliseconds = inMilliseconds.nanoseconds / 1_000_000
        return milliseconds < 10_000
            ? "\(milliseconds) ms" : "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
    }
}
