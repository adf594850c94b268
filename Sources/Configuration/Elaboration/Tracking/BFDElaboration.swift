import Base
import ConfigurationModel

/// A bfd_instance block while it is read.
struct BFDSessionDraft {
    var settings = BFDSession(name: "", neighbor: IPAddress(v4: 0))
    var neighborPlace: Int?
    var sourcePlace: Int?
    var timeToLive: UInt8?
    /// vrrp and checker: whom the session serves alone; both mean both.
    var isForVRRP = false
    var isForCheckers = false
}

extension Elaborator {
    /// Reads one bfd_instance block.
    mutating func bfdSession(_ block: Statement) {
        guard let name = define(.bfd, block) else { return }
        guard name.utf8.count <= 31 else {
            return discard(.bfd, name, "a name has at most 31 bytes", at: block.token + 1)
        }
        session = BFDSessionDraft()
        session.settings.name = name
        perform(inside: block)
        if session.isForVRRP || session.isForCheckers {
            (session.settings.servesVRRP, session.settings.servesCheckers) = (session.isForVRRP, session.isForCheckers)
        }
        let settings = session.settings
        settle(.bfd, name, weight: settings.weight, reverse: settings.reverse)
        guard let neighborPlace = session.neighborPlace else {
            return discard(
                .bfd, name, "it has no usable `neighbor_ip`", at: block.token, missing: "neighbor_ip", in: block)
        }
        guard !settings.neighbor.isUnspecified, !settings.neighbor.isMulticast else {
            return discard(.bfd, name, "`\(settings.neighbor)` can't be a neighbour", at: neighborPlace)
        }
        if let source = settings.source, source.family != settings.neighbor.family,
            let sourcePlace = session.sourcePlace
        {
            return discard(.bfd, name, "`source_ip` isn't of the neighbour's family", at: sourcePlace)
        }
        if let other = model.shared.bfdSessions.first(where: { $0.neighbor == settings.neighbor }) {
            discard(.bfd, name, "`\(settings.neighbor)` is the neighbour of another session", at: neighborPlace)
            if let first = shared.trackers[.bfd]?[other.name] { report(.note, "it is here", at: first.token) }
            return
        }
        session.settings.timeToLive = session.timeToLive ?? (settings.neighbor.family == .ipv4 ? 255 : 64)
        model.shared.bfdSessions.append(session.settings)
    }

    mutating func neighbor(_ statement: Statement) {
        guard let address = address(statement) else { return }
        (session.settings.neighbor, session.neighborPlace) = (address, statement.words.first)
    }

    mutating func sessionSource(_ statement: Statement) {
        guard let address = address(statement) else { return }
        (session.settings.source, session.sourcePlace) = (address, statement.words.first)
    }

    mutating func maximumHops(_ statement: Statement) {
        guard let value = integer(statement) else { return }
        session.settings.maximumHops = value == 255 ? nil : UInt8(exactly: value)
    }

    /// Milliseconds with decimals.
    mutating func set(_ path: KeywordRow.Path<Interval>, milliseconds statement: Statement) {
        guard let word = word(of: statement), let millionths = decimal(at: word) else { return }
        // A millionth of a millisecond is a nanosecond. RFC 5880 has microseconds in 32 bits.
        let interval = Interval(nanoseconds: millionths)
        guard let limits = statement.row.value.times, limits.contains(interval) else {
            let range = statement.row.value.range?.replacing("..", with: " to ") ?? ""
            return refuse("`\(statement.row.name)` is \(range), in milliseconds", at: word)
        }
        self[keyPath: path] = interval
    }
}
