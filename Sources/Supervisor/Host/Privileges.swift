import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Sandbox

/// hasupd's privileges, and the losses by missing ones (pain point C3): each capability that is needed and missing gives
/// one sentence that names it and the loss.
///
/// The rules are the same for root, for a container's root with few capabilities, and for an ordinary user with ambient ones.
struct Privileges: Equatable {
    var effective: CapabilitySet
    var user: UInt32
    /// Realtime priority that the limit allows without CAP_SYS_NICE (RLIMIT_RTPRIO).
    var realtimeLimit: UInt64

    /// The calling process's; nil when /proc can't be read.
    static var current: Privileges? {
        guard let process = try? ProcessInspection(pid: getpid()) else { return nil }
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        _ = hasup_limit_get(HASUP_LIMIT_REALTIME_PRIORITY, &soft, &hard)
        return Privileges(effective: process.effective, user: process.uid, realtimeLimit: soft)
    }

    /// The needs of a configuration.
    struct Needs: Equatable {
        /// True if the workers have a user of their own.
        var hasWorkerUser = false
        var hasScripts = false
        /// SCHED_FIFO priority of the VRRP worker.
        var realtimePriority: Int32?
        /// True if only CAP_CHOWN can give the control socket to the operators.
        var needsChown = false
        /// True if a FIFO is to belong to another user.
        var givesFIFOsAway = false
    }

    /// The capabilities without which hasupd can't start, with the remedy; nil when it has them.
    var refusal: String? {
        let needed: [(CapabilitySet, String)] = [
            (.netRaw, "hasupd can't send or receive VRRP packets"), (.netAdmin, "hasupd can't set virtual addresses"),
        ]
        let missing = needed.filter { !effective.contains($0.0) }
        if missing.isEmpty { return nil }
        return missing.map { "the capability \($0.0) is missing: \($0.1)" }.joined(separator: "; ")
            + ". Start hasupd as root, or with this capability: see hasupd(8), Without root."
    }

    /// True if workers can be given a user of their own, and be killed afterwards.
    var mayChangeUsers: Bool { user == 0 && effective.isSuperset(of: [.setUID, .setGID, .kill]) }

    /// Returns true if a process of hasupd's may have this realtime priority.
    func mayBeRealtime(_ priority: Int32) -> Bool {
        effective.contains(.sysNice) || realtimeLimit >= UInt64(max(priority, 0))
    }

    /// Returns a sentence for each capability that is needed and missing.
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
            losses.append((.kill, "the workers keep uid \(user), because hasupd couldn't kill those of another user"))
        } else if needs.hasScripts, effective.contains(.setUID) {
            losses.append((.kill, "hasupd can't end scripts of other users that take too long"))
        }
        losses.append((.setPCap, "the workers keep hasupd's bounding set"))
        if let priority = needs.realtimePriority, !mayBeRealtime(priority) {
            losses.append((.sysNice, "hasup gets no realtime priority, and adverts may be late on a loaded machine"))
        }
        let group = HostProfile.operatorGroupName
        let socket = needs.needsChown ? ["the group '\(group)' can't use the control socket"] : []
        let fifos = needs.givesFIFOsAway ? ["a FIFO that hasupd makes can't be given to its owner"] : []
        if needs.needsChown || needs.givesFIFOsAway {
            losses.append((.chown, (socket + fifos).joined(separator: ", and ")))
        }
        return losses.filter { !effective.contains($0.0) }.map { "the capability \($0.0) is missing: \($0.1)" }
    }
}
