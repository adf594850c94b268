import VRRP
import Wire

/// A deliberate fault of a guard, to prove that its invariants can fail.
enum GuardFault: String, CaseIterable {
    /// Nodes have no guard.
    case off
    /// No frame says that its sender is MASTER, or has addresses.
    case hidesMasters
    /// A MASTER that lets go says that its addresses are gone at once.
    case hidesAddresses
    /// No frame says that its sender agrees.
    case hidesAssents

    /// A part of the message of an invariant that finds it.
    var sign: String {
        switch self {
        case .off, .hidesMasters, .hidesAddresses: "hold"
        case .hidesAssents: "no master"
        }
    }

    /// Changes a frame that leaves.
    func bend(_ frame: inout Heartbeat) {
        for place in frame.standings.indices {
            switch self {
            case .off: break
            case .hidesMasters where frame.standings[place].state == RouterState.master.rawValue:
                frame.standings[place].state = RouterState.backup.rawValue
                frame.standings[place].flags.remove(.addressIsThere)
            case .hidesMasters: break
            case .hidesAddresses: frame.standings[place].flags.remove(.addressIsThere)
            case .hidesAssents: frame.standings[place].assentsTo = nil
            }
        }
    }
}
