import CLinux
import Reactor
import Sandbox

/// What the limit of open files (RLIMIT_NOFILE) is used for. Those who ask hasupd for something must not use it up, or no
/// worker could be started again: a small limit leaves room for fewer of them.
struct DescriptorBudget: Equatable {
    /// What hasupd has open by itself, with a worker that is being started while the addresses of the last one are being
    /// removed, and some to spare.
    static let needed: UInt64 = 48
    /// More than this isn't asked for.
    static let wanted: UInt64 = 4_096
    /// A script that runs: its process, and what it complains of.
    private static let perScript: UInt64 = 2

    /// Clients of the control socket at a time.
    let clientsMax: Int
    /// Scripts that run at once.
    let scriptsMax: Int
    private let limit: UInt64

    /// What this limit leaves room for, up to these numbers; nil when it is too small for anything.
    init?(limit: UInt64, clients: Int, scripts: Int) {
        guard limit >= Self.needed + 1 + Self.perScript else { return nil }
        self.limit = limit
        let room = Int(clamping: min(limit, Self.wanted) - Self.needed)
        clientsMax = min(clients, max(1, room / 3))
        scriptsMax = min(scripts, (room - clientsMax) / Int(Self.perScript))
        isUnrestricted = clientsMax == clients && scriptsMax == scripts
    }

    /// Whether nobody has to do with less.
    private let isUnrestricted: Bool

    /// What is lost by the limit, a sentence; nil when nothing is.
    var problem: String? {
        isUnrestricted
            ? nil
            : "The limit of open files is \(limit), so hasupd serves at most \(clientsMax) clients of its control socket at "
                + "a time and runs \(scriptsMax) scripts: raise it (LimitNOFILE= in the unit, ulimit -n)."
    }

    /// Raises the soft limit as far as the hard one allows and there is use for it. - Throws: `StartError` when even that
    /// is too small.
    static func take(clients: Int, scripts: Int) throws(StartError) -> DescriptorBudget {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        do throws(SystemError) {
            try ResourceLimits.descriptors(wanted, forGood: false)
            try checked(hasup_limit_get(HASUP_LIMIT_DESCRIPTORS, &soft, &hard), "read the limit of open files")
        } catch {
            throw StartError(.unavailable, error.description)
        }
        guard let budget = DescriptorBudget(limit: soft, clients: clients, scripts: scripts) else {
            throw StartError(
                .unavailable,
                "the limit of open files is \(soft), and hasupd needs \(needed + 1 + perScript) at least: raise it "
                    + "(LimitNOFILE= in the unit, ulimit -n)")
        }
        return budget
    }
}
