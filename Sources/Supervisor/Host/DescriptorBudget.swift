import Base
import CLinux
import Reactor
import Sandbox

/// The use of the limit of open files (RLIMIT_NOFILE). Clients and scripts must not use it up, or no worker could be
/// started again: a small limit leaves room for fewer of them.
struct DescriptorBudget: Equatable {
    /// Descriptors of hasupd itself, while a worker is being started and the addresses of the last one are being removed, and
    /// some to spare.
    static let needed: UInt64 = 48 + perHook
    /// The limit that is asked for.
    static let wanted: UInt64 = 4_096
    /// A running script's: its pidfd, and its error channel.
    private static let perScript: UInt64 = 2
    /// A running hook's: its output besides.
    private static let perHook: UInt64 = 3

    /// Clients of the control socket at one time.
    let clientsMax: Int
    /// Scripts that run at once.
    let scriptsMax: Int
    /// Hooks that run at once.
    let hooksMax: Int
    private let limit: UInt64

    /// Divides a limit, up to these numbers of clients, scripts and hooks. Nil when it is too small.
    init?(limit: UInt64, clients: Int, scripts: Int, hooks: Int) {
        guard limit >= Self.needed + 1 + Self.perScript else { return nil }
        self.limit = limit
        let room = Int(clamping: min(limit, Self.wanted) - Self.needed)
        clientsMax = min(clients, max(1, room / 3))
        scriptsMax = min(scripts, (room - clientsMax) / Int(Self.perScript))
        let rest = room - clientsMax - scriptsMax * Int(Self.perScript)
        hooksMax = min(hooks, 1 + rest / Int(Self.perHook))
        isUnrestricted = clientsMax == clients && scriptsMax == scripts && hooksMax == hooks
    }

    /// True if the limit allows all clients, scripts and hooks that were asked for.
    private let isUnrestricted: Bool

    /// A sentence on the loss by a small limit; nil when there is none.
    var problem: String? {
        isUnrestricted
            ? nil
            : "The limit of open files is \(limit): hasupd serves at most \(clientsMax) clients of its control socket and "
                + "runs at most \(scriptsMax) scripts and \(counted(hooksMax, "hook")) at a time. Raise it (LimitNOFILE= in the unit, ulimit -n)."
    }

    /// Raises the soft limit as far as the hard one allows and it is of use. - Throws: `StartError` when that is too small.
    static func take(clients: Int, scripts: Int, hooks: Int) throws(StartError) -> DescriptorBudget {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        do throws(SystemError) {
            try ResourceLimits.descriptors(wanted, forGood: false)
            try checked(hasup_limit_get(HASUP_LIMIT_DESCRIPTORS, &soft, &hard), "read the limit of open files")
        } catch {
            throw StartError(.unavailable, error.description)
        }
        guard let budget = DescriptorBudget(limit: soft, clients: clients, scripts: scripts, hooks: hooks) else {
            throw StartError(
                .unavailable,
                "the limit of open files is \(soft), and hasupd needs at least \(needed + 1 + perScript). Raise it "
                    + "(LimitNOFILE= in the unit, ulimit -n).")
        }
        return budget
    }
}
