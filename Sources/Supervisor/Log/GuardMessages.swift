import Base
import VRRP

extension GuardHold {
    /// A sentence: the reason it isn't MASTER, though its timer is over.
    var sentence: String {
        let way = path.map { " by `\($0)`" } ?? ""
        switch kind {
        case .masterAlive: return "\(node) is alive and MASTER\(way), its adverts aren't heard here"
        case .addressStillThere: return "\(node) is alive\(way), isn't MASTER any more and still has the addresses"
        case .awaitsAssent: return "\(node) is alive\(way) and hasn't agreed yet"
        case .silence: return "\(node) is silent, and not for long enough to be replaced"
        case .peerRelease:
            return
                "\(node) is alive\(way), isn't MASTER any more and isn't released: it has the addresses, or its release "
                + "script hasn't ended"
        case .ownRelease: return "its own release script hasn't ended"
        case .notReleased:
            return
                "its release script was killed or couldn't be started, so it counts as not released: no other node "
                + "becomes MASTER while this one is heard"
        case .neverHeard: return "\(node) hasn't been heard since the start"
        case .lockHeldByOther: return "\(node) holds the lock"
        case .awaitsLock: return "waits for the lock: \(node) has it, and doesn't renew it"
        case .asksForLock: return "asks for the lock"
        case .lockUnreachable: return "the lock engine doesn't answer"
        }
    }
}

extension GuardHold {
    /// The same for status, with the time that is left.
    func sentence(_ left: Interval?) -> String {
        guard kind == .awaitsLock, let left else { return sentence }
        let tenths = Interval(nanoseconds: (left.nanoseconds + 99_999_999) / 100_000_000 * 100_000_000)
        return "waits for the lock: \(node) has it for \(tenths) more at most"
    }
}

extension GuardRelease {
    /// A clause: the reason a MASTER has let go.
    var why: String {
        switch self {
        case .handOver(let node): "\(node) has asked for the hand-over"
        case .secondMaster(let node): "\(node) is MASTER, too, and its claim goes before ours"
        case .lockLost(let node): "\(node) has the lock"
        case .lockUnreachable: "not all nodes are heard, and the lock can't be had"
        }
    }
}
