import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Sandbox

/// What hasupd may do on this machine, and what is lost by what it may not (pain point C3): each capability that is
/// missing, and would be needed, gives one sentence that names it and the loss.
///
/// As root, in a container whose root has few capabilities, or as an ordinary user to whom a service manager gave some
/// as ambient ones: it is the same judgement.
struct Privileges: Equatable {
    /// What hasupd has.
    var effective: CapabilitySet
    var user: UInt32
    /// Realtime priority that the limit allows without CAP_SYS_NICE (RLIMIT_RTPRIO).
    var realtimeLimit: UInt64

    /// The calling process's; nil when /proc doesn't tell.
    static var current: Privileges? {
        guard let process = try? ProcessInspection(pid: getpid()) else { return nil }
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        _ = hasup_limit_get(HASUP_LIMIT_REALTIME_PRIORITY, &soft, &hard)
        return Privileges(effective: process.effective, user: process.uid, realtimeLimit: soft)
    }

    /// What is asked of it.
    struct Needs: Equatable {
        /// Whether there is a user whom the workers are to become.
        var hasWorkerUser = false
        /// Whether the configuration has scripts.
        var hasScripts = false
        /// SCHED_FIFO priority of the VRRP worker.
        var realtimePriority: Int32?
        /// Whether there are operators to whom the control socket can't be given without CAP_CHOWN.
        var needsChown = false
    }

    /// Without these, nothing works that a configuration can ask for: why hasupd can't start, nil when it can.
    var refusal: String? {
        let needed: [(CapabilitySet, String)] = [
            (.netRaw, "no VRRP packet can be sent or received"), (.netAdmin, "no virtual address can be set"),
        ]
        let missing = needed.filter { !effective.contains($0.0) }
        if missing.isEmpty { return nil }
        return missing.map { "the capability \($0.0) is missing, so \($0.1)" }.joined(separator: "; ")
            + ". Start it as root, or with this capability: hasupd(8), Without root."
    }

    /// Whether workers can be given a user of their own, and be ended afterwards.
    var mayChangeUsers: Bool { user == 0 && effective.isSuperset(of: [.setUID, .setGID, .kill]) }

    /// Whether a process of hasupd's may have this priority of the realtime class.
    func mayBeRealtime(_ priority: Int32) -> Bool {
        effective.contains(.sysNice) || realtimeLimit >= UInt64(max(priority, 0))
    }

    /// One sentence for each capability that is missing and costs something.
    func losses(for needs: Needs) -> [String] {
        var losses: [(CapabilitySet, String)] = []
        let changesWorkers = user == 0 && needs.hasWorkerUser
        if changesWorkers || needs.hasScripts {
            let identities: [(CapabilitySet, String)] = [(.setUID, "user"), (.setGID, "group")]
            for (capability, what) in identities {
                let workers = changesWorkers ? ["the workers keep uid \(user)"] : []
                let scripts = needs.hasScripts ? ["scripts of another \(what) are refused"] : []
                losses.append((capability, (workers + scripts).joined(separator: ", and ")))
            }
        }
        if changesWorkers {
            losses.append((.kill, "the workers keep uid \(user), because one of another user couldn't be ended"))
        } else if needs.hasScripts, effective.contains(.setUID) {
            losses.append((.kill, "scripts of other users that take too long can't be ended"))
        }
        losses.append((.setPCap, "the workers' bounding sets stay as hasupd's is"))
        if let priority = needs.realtimePriority, !mayBeRealtime(priority) {
            losses.append((.sysNice, "there is no realtime priority, and adverts may be late on a loaded machine"))
        }
        if needs.needsChown {
            losses.append((.chown, "the group '\(HostProfile.operatorGroupName)' can't use the control socket"))
        }
        return losses.filter { !effective.contains($0.0) }.map { "the capability \($0.0) is missing: \($0.1)" }
    }
}
