import Varlink

// Whether all is well: one rule, by which exit statuses are chosen and tables end.

extension StatusReply {
    /// The VRRP worker answers, and every instance runs: none is in FAULT, nothing keeps one from running, no MASTER is
    /// silent against its will, beside none another router goes on advertising, and none hears its master advertise other
    /// addresses than its own, of which nobody may serve some. No MASTER lacks an address, and nobody else has one, nor has
    /// the kernel kept one that was to go. Nor does a process work without its filter, or is a file of the configuration left out, or
    /// something missing around the daemon.
    package var isWell: Bool {
        daemon.workerTrouble == nil && daemon.unsealed.isEmpty && daemon.unreadFiles.isEmpty
            && daemon.problems.isEmpty && !daemon.keepsFormerAddresses
            && !instances.contains {
                $0.state == "FAULT" || !$0.faults.isEmpty || $0.sendFailure?.silent == true || $0.hasConflictingMaster
                    || $0.differentAddressesOf != nil || $0.hasStranger || $0.lacksAddress
                    || $0.keepsAddress
            }
    }

    /// Packets that were thrown away, of all instances and of none.
    package var packetsRejected: UInt64 {
        (instances.map(\.counters.discarded) + [daemon.discarded]).reduce(0) { sum, discarded in
            discarded.entries.reduce(sum) { sum, entry in
                let (next, overflow) = sum.addingReportingOverflow(entry.count)
                return overflow ? .max : next
            }
        }
    }
}

extension InstanceReport {
    /// A MASTER beside which another router goes on advertising: very likely both are master.
    package var hasConflictingMaster: Bool { state == "MASTER" && !rivals.isEmpty }

    /// A node that isn't MASTER has a virtual address, and neighbours may be told of it.
    package var hasStranger: Bool { state != "MASTER" && strangers.contains { !$0.silent } }

    /// A sentence: why some addresses aren't advertised, and what follows.
    package static func unadvertised(_ count: Int, of total: Int, on interface: String) -> String {
        "\(count) of \(total) addresses \(count == 1 ? "isn't" : "aren't") advertised: the MTU of \(interface) has "
            + "no room for more, and a keepalived before 2.3 discards a list that isn't its own"
    }

    /// A MASTER that can't have some of its addresses.
    package var lacksAddress: Bool {
        (addresses + excludedAddresses).contains { $0.obstacle != nil || $0.missing && inStateSeconds >= Self.handOver }
    }

    /// A node that isn't MASTER, and whose kernel hasn't let go an address: its removal was refused, or hangs.
    package var keepsAddress: Bool {
        state != "MASTER" && inStateSeconds >= Self.handOver
            && (addresses + excludedAddresses).contains { $0.installed }
    }

    /// Seconds that the kernel may take to add and to remove addresses.
    private static let handOver = 1.0
}

extension ProcessesReply {
    /// Every process that is wanted runs.
    package var isWell: Bool { !processes.contains { $0.pid == 0 } }
}

/// A worker that was replaced not long ago.
package struct ReplacementReport: JSONRecord, Hashable {
    package static let summary = "A worker that died, or was replaced, in the last ten minutes"
    /// The program: `hasup-vrrp` or `hasup-checker`.
    package var process = ""
    /// What happened last, as the log says it.
    package var text = ""
    /// How long ago that was.
    package var agoSeconds = 0.0
    /// How often it was started again since hasupd started.
    package var restarts = 0

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("process", &process)
        members.member("text", &text)
        members.member("ago_seconds", &agoSeconds)
        members.member("restarts", &restarts)
    }
}
