import Base
import ConfigurationModel

extension Elaborator {
    /// Reads one bfd_instance block.
    mutating func bfdSession(_ place: Int) {
        guard let name = define(.bfd, place) else { return }
        let block = statements[place]
        guard name.utf8.count <= 31 else {
            return discard(.bfd, name, "a name has at most 31 bytes", at: block.token + 1)
        }
        var session = BFDSession(
            name: name, neighbor: IPAddress(v4: 0))
        var neighborPlace: Int?
        var sourcePlace: Int?
        var timeToLive: UInt8?
        var isExclusive = false
        forEach(inside: place) { elaborator, statement, child in
            switch elaborator.keyword(child) {
            case "neighbor_ip", "neighbour_ip":
                if let address = elaborator.address(statement) {
                    session.neighbor = address
                    neighborPlace = statement.words.first
                }
            case "source_ip":
                if let address = elaborator.address(statement) {
                    session.source = address
                    sourcePlace = statement.words.first
                }
            case "ttl", "hoplimit":
                if let value = elaborator.integer(statement, 1...255) { timeToLive = UInt8(value) }
            case "max_hops":
                if let value = elaborator.integer(statement, -1...255) {
                    session.maximumHops = value == -1 || value == 255 ? nil : UInt8(value)
                }
            case "multiplier":
                if let value = elaborator.integer(statement, 1...255) { session.multiplier = value }
            case "passive": session.isPassive = elaborator.flag(statement)
            case "multihop": if let value = elaborator.boolean(statement) { session.isMultihop = value }
            case "weight": elaborator.weight(statement, 253, &session.weight, &session.reverse)
            case "vrrp":
                session.servesVRRP = elaborator.flag(statement)
                if !isExclusive { session.servesCheckers = false }
                isExclusive = true
            case "checker":
                session.servesCheckers = elaborator.flag(statement)
                if !isExclusive { session.servesVRRP = false }
                isExclusive = true
            default: elaborator.bfdInterval(statement, elaborator.keyword(child), &session)
            }
        }
        settle(.bfd, name, weight: session.weight, reverse: session.reverse)
        guard let neighborPlace else {
            return discard(
                .bfd, name, "it has no usable `neighbor_ip`", at: block.token, missing: "neighbor_ip", in: place)
        }
        guard !session.neighbor.isUnspecified, !session.neighbor.isMulticast else {
            return discard(.bfd, name, "`\(session.neighbor)` can't be a neighbour", at: neighborPlace)
        }
        if let source = session.source, source.family != session.neighbor.family, let sourcePlace {
            return discard(.bfd, name, "`source_ip` isn't of the neighbour's family", at: sourcePlace)
        }
        if let other = model.shared.bfdSessions.first(where: { $0.neighbor == session.neighbor }) {
            discard(.bfd, name, "`\(session.neighbor)` is the neighbour of another session", at: neighborPlace)
            if let first = shared.trackers[.bfd]?[other.name] { report(.note, "it is here", at: first.token) }
            return
        }
        session.timeToLive = timeToLive ?? (session.neighbor.family == .ipv4 ? 255 : 64)
        model.shared.bfdSessions.append(session)
    }

    /// min_rx, min_tx and idle_tx: milliseconds with decimals.
    private mutating func bfdInterval(_ statement: Statement, _ name: String, _ session: inout BFDSession) {
        guard ["min_rx", "min_tx", "idle_tx"].contains(name), let word = word(of: statement),
            let thousandths = decimal(at: word)
        else { return }
        // A millionth of a millisecond is a nanosecond. RFC 5880 has microseconds in 32 bits.
        let interval = Interval(nanoseconds: thousandths)
        let low = Interval.milliseconds(name == "idle_tx" ? 1_000 : 1)
        guard interval >= low, interval <= .microseconds(Int64(UInt32.max)) else {
            return refuse("`\(name)` is at least \(low.nanoseconds / 1_000_000), in milliseconds", at: word)
        }
        switch name {
        case "min_rx": session.minimumReceive = interval
        case "min_tx": session.minimumTransmit = interval
        default: session.idleTransmit = interval
        }
    }
}
