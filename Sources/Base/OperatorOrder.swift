/// An operator's order to a virtual router, or to the members of a sync group together (docs/decisions, D49).
package struct OperatorOrder: ByteCoded, Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// It gives up being MASTER, and leaves a lower master alone until that falls silent.
        case resigned = 0
        /// It isn't MASTER, whoever is or isn't.
        case maintenance
        /// It becomes MASTER, by a higher priority than its own if need be.
        case raised
    }

    package var subject: NotificationKey
    package var kind: Kind
    /// Counts up since the boot, so that an outcome names one order and not another one of the same subject.
    package var number: UInt64
    /// raised: the time by which it has to be MASTER; never for the other kinds.
    package var until: Instant
    /// When it was given: a router that has become MASTER since then has ended it.
    package var given: Instant

    package init(
        _ kind: Kind, _ subject: NotificationKey, number: UInt64, until: Instant = .never,
        given: Instant = Instant(nanoseconds: .max)
    ) {
        self.kind = kind
        self.subject = subject
        self.number = number
        self.until = until
        self.given = given
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let subject = try NotificationKey(decoding: &reader)
        guard let kind = Kind(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.init(
            kind, subject, number: try reader.readUInt64(), until: Instant(nanoseconds: try reader.readInt64()),
            given: Instant(nanoseconds: try reader.readInt64()))
    }

    package func encode(into writer: inout ByteWriter) {
        subject.encode(into: &writer)
        writer.write(kind.rawValue)
        writer.write(number)
        writer.write(until.nanoseconds)
        writer.write(given.nanoseconds)
    }
}

/// The outcome of an order.
package enum OrderOutcome: ByteCoded, Hashable, Sendable {
    /// It wasn't MASTER: nothing had to change.
    case holds
    /// It was MASTER, and this router is now; nil if it isn't known.
    case handedOver(IPAddress?)
    /// It isn't MASTER any more for another reason, a fault, and no other router has claimed.
    case lost
    /// No other router has claimed. It is MASTER again, or, in maintenance, the addresses are nobody's.
    case nobodyTookOver
    /// A before_release has failed: it stays MASTER.
    case refused
    /// It is MASTER and has its addresses.
    case becameMaster
    /// The master that it left alone has fallen silent, and it claims.
    case masterSilent
    /// It was MASTER by the order and isn't any more.
    case lostMastership
    /// It wasn't MASTER in time.
    case late

    /// True if an order of this kind may have it.
    package func fits(_ kind: OperatorOrder.Kind) -> Bool {
        switch self {
        case .holds, .handedOver, .lost, .nobodyTookOver, .refused: kind != .raised
        case .becameMaster, .lostMastership, .late: kind == .raised
        case .masterSilent: kind == .resigned
        }
    }

    /// True if it ends an order of this kind.
    package func ends(_ kind: OperatorOrder.Kind) -> Bool {
        switch self {
        case .holds, .handedOver, .lost, .becameMaster: false
        case .nobodyTookOver: kind == .resigned
        case .refused, .masterSilent, .lostMastership, .late: true
        }
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .holds
        case 1: self = .handedOver(try IPAddress?(decoding: &reader))
        case 2: self = .nobodyTookOver
        case 3: self = .refused
        case 4: self = .becameMaster
        case 5: self = .masterSilent
        case 6: self = .lostMastership
        case 7: self = .late
        case 8: self = .lost
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .holds: writer.write(UInt8(0))
        case .handedOver(let address):
            writer.write(UInt8(1))
            address.encode(into: &writer)
        case .nobodyTookOver: writer.write(UInt8(2))
        case .refused: writer.write(UInt8(3))
        case .becameMaster: writer.write(UInt8(4))
        case .masterSilent: writer.write(UInt8(5))
        case .lostMastership: writer.write(UInt8(6))
        case .late: writer.write(UInt8(7))
        case .lost: writer.write(UInt8(8))
        }
    }
}
