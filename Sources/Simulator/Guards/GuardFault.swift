import Base
import ConfigurationModel
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
    /// A lock whose holder's lease isn't over looks free to others.
    case ignoresLease
    /// The first machine counts its lease a tenth of the ttl too long: from an answer that is as late as may be.
    case deadlineFromAnswer

    /// A part of the message of an invariant that finds it.
    var sign: String {
        switch self {
        case .off, .hidesMasters, .hidesAddresses, .ignoresLease, .deadlineFromAnswer: "hold"
        case .hidesAssents: "no master"
        }
    }

    /// True if it needs a cluster with a lock.
    var isOfLocks: Bool { self == .ignoresLease || self == .deadlineFromAnswer }

    /// Returns the answer of a lock's engine that a machine gets.
    func bent(_ answer: LockAnswer, to machine: Int) -> LockAnswer {
        guard self == .ignoresLease, case .register(let revision, var value, let isWritten) = answer.result,
            value?.owner != UInt8(machine)
        else { return answer }
        var answer = answer
        value?.owner = nil
        answer.result = .register(revision: revision, value, isWritten: isWritten)
        return answer
    }

    /// Returns the settings of a machine.
    func bent(_ cluster: ClusterSettings, of machine: Int) -> ClusterSettings {
        guard self == .deadlineFromAnswer, machine == 0, let ttl = cluster.lock?.ttl else { return cluster }
        var cluster = cluster
        cluster.lock?.ttl = ttl * 11 / 10
        return cluster
    }

    /// Changes a frame that leaves.
    func bend(_ frame: inout Heartbeat) {
        for place in frame.standings.indices {
            switch self {
            case .off, .ignoresLease, .deadlineFromAnswer: break
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
