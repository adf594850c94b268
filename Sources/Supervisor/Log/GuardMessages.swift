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
        case .neverHeard: return "\(node) hasn't been heard since the start"
        case .referencesLost: return "its reference addresses don't answer: this node may be cut off"
        case .awaitsReferences: return "it waits for its reference addresses to answer within 50 ms"
        case .asksForAddress: return "it asks on the link who has the addresses"
        case .addressAnswers:
            let (what, who) = (address.map { "\($0)" } ?? "an address", machine.map { "\($0)" } ?? "another machine")
            return "\(who) answers for \(what): another machine has the address"
        }
    }
}

extension GuardRelease {
    /// A clause: the reason a MASTER has let go.
    var why: String {
        switch self {
        case .handOver(let node): "\(node) has asked for the hand-over"
        case .secondMaster(let node): "\(node) is MASTER, too, and its claim goes before ours"
        case .referencesLost(let node?): "its reference addresses don't answer, and \(node) reaches them"
        case .referencesLost(nil): "its reference addresses don't answer, and no other node is heard"
        }
    }
}
