import Base

/// What decides who is master: priority, then the primary address (RFC 9568 §6.4.3).
struct MasterCandidate: Hashable, Comparable {
    var priority: Priority
    var address: IPAddress

    static func < (left: MasterCandidate, right: MasterCandidate) -> Bool {
        left.priority != right.priority ? left.priority < right.priority : left.address < right.address
    }
}

/// How an advertisement looks to a BACKUP with preemption (RFC 9568 §6.4.2). The address doesn't count here: a BACKUP
/// leaves a master of its own priority alone, whoever has the higher address; only two masters compare addresses.
enum BackupView: Hashable {
    case superior
    case equal
    case inferior

    init(of sender: Priority, own: Priority) {
        self = sender > own ? .superior : sender == own ? .equal : .inferior
    }
}

/// Times of the state machine (RFC 9568 §6.1, RFC 3768 §6.1).
enum ElectionTimes {
    /// Skew_Time: version 2 in parts of a second, version 3 in parts of the master's interval. A higher priority
    /// waits less, so that the best BACKUP claims first.
    static func skew(_ version: VRRPVersion, _ priority: Priority, masterInterval: Interval) -> Interval {
        let parts = Int64(256 - Int(priority.rawValue))
        switch version {
        case .v2: return Interval.seconds(1) * parts / 256
        case .v3: return masterInterval * parts / 256
        }
    }

    /// Master_Down_Interval (Active_Down_Interval): this many intervals of the master's, and the skew.
    static func masterDown(
        _ version: VRRPVersion, _ priority: Priority, masterInterval: Interval, adverts: Int
    ) -> Interval {
        masterInterval * Int64(max(1, adverts)) + skew(version, priority, masterInterval: masterInterval)
    }
}
