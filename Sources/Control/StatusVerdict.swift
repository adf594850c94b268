import Base
import VRRP
import Varlink

// The rule behind the exit status of `hasup status`.

extension StatusReply {
    /// True if the VRRP worker answers; no instance is in FAULT or can't run; no MASTER can't send, has a rival or lacks an
    /// address, and none waits for a before_master or after one that failed; an instance in maintenance hears a master; the last release script has ended by itself;
    /// no router advertises other addresses than ours; no BACKUP has an address; the kernel has removed what it was to
    /// remove; all virtual servers have their quorum, and each check that the file asks for is done; all processes have
    /// their filters; all files were read; and the daemon has no problem.
    package var isWell: Bool {
        daemon.workerTrouble == nil && daemon.unsealed.isEmpty && daemon.unreadFiles.isEmpty
            && daemon.unmadeChecks.isEmpty
            && daemon.problems.isEmpty && !daemon.keepsFormerAddresses && daemon.services?.isWell != false
            && !instances.contains {
                $0.state == .fault || !$0.faults.isEmpty || $0.sendFailure?.isSilent == true || $0.hasConflictingMaster
                    || $0.differentAddressesOf != nil || $0.hasStranger || $0.lacksAddress
                    || $0.keepsAddress || $0.leavesAddressesToNobody || $0.status.hasFailedRelease
            }
    }

    /// Discarded packets, of all instances and of none.
    package var packetsRejected: UInt64 {
        (instances.map(\.counters.discarded.entries) + [daemon.discarded.entries]).reduce(0) { sum, entries in
            entries.reduce(sum) { sum, entry in
                let (next, overflow) = sum.addingReportingOverflow(entry.count)
                return overflow ? .max : next
            }
        }
    }
}

extension InstanceReport {
    /// True for a MASTER beside which another router advertises: very likely both are master.
    package var hasConflictingMaster: Bool { self.state == .master && !self.rivals.isEmpty }

    /// True if a node that isn't MASTER has a virtual address that neighbours may hear of.
    package var hasStranger: Bool { self.state != .master && self.strangers.contains { !$0.isSilent } }

    /// A sentence: the reason some addresses aren't advertised, and the consequence.
    package static func unadvertised(_ count: Int, of total: Int, on interface: String) -> String {
        "\(count) of \(total) addresses \(count == 1 ? "isn't" : "aren't") advertised: the MTU of \(interface) has "
            + "no room for more, and a keepalived before 2.3 discards a list that isn't its own"
    }

    /// True for a MASTER without some of its addresses.
    package var lacksAddress: Bool {
        (addresses + excludedAddresses).contains {
            $0.obstacle != nil || $0.missing && self.timeInState >= Self.handOver
        }
    }

    /// True if the addresses are nobody's as far as it knows: its before_master runs or has failed, or nobody has taken over
    /// from it in maintenance.
    package var leavesAddressesToNobody: Bool {
        switch self.state {
        case .master: return status.awaitsAddresses && self.timeInState >= Self.handOver
        case .backup:
            let isKept = [BackupReason.hookFailed, .maintenance].contains { $0.name == whyNotMaster?.code }
            return isKept && self.master == nil
        case .initialize, .fault: return false
        }
    }

    /// True if a node that isn't MASTER still has an address: its removal was refused, or hangs.
    package var keepsAddress: Bool {
        self.state != .master && self.timeInState >= Self.handOver
            && (addresses + excludedAddresses).contains { $0.installed }
    }

    /// Time that the kernel may take to add and to remove addresses.
    private static let handOver = Interval.seconds(1)
}

extension ProcessesReply {
    /// True if all processes run.
    package var isWell: Bool { !processes.contains { $0.pid == 0 } }
}
