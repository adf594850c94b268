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
        }
    }
}

extension GuardRelease {
    /// A clause: the reason a MASTER has let go.
    var why: String {
        switch self {
        case .handOver(let node): "\(node) has asked for the hand-over"
        case .secondMaster(let node): "\(node) is MASTER, too, and its claim goes before ours"
        }
    }
}
