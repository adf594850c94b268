import Base
import ConfigurationModel
import Control
import VRRP
import Varlink

/// `hasup status`: a table with details under each row.
struct StatusTable {
    var width: Int
    var style: Style

    /// Codes of a backup as it should be.
    private static let healthy = ["higherPriority", "higherAddress", "equalPriority", "resigned"]

    /// Members of a sync group that are named.
    private static let membersMax = 10

    /// In the cell of a text that is too wide for it.
    private static let below = "(below)"

    private struct Columns {
        var name: Int
        var state = 6
        var since: Int
        var priority: Int
        var master: Int
        var addresses: Int
    }

    func render(_ status: StatusReply) -> String {
        var lines = heading(status.daemon)
        if status.instances.isEmpty {
            if status.daemon.services == nil { lines.append("No instance is configured.") }
        } else {
            let columns = layout(status.instances)
            lines.append(header(columns))
            for instance in status.instances {
                lines += row(instance, columns)
                lines += whole(instance, columns) + details(instance)
            }
        }
        for node in status.daemon.clusterNodes {
            lines += Layout.wrap(Printable.text(node.line), width: width, indent: 0)
        }
        lines += TrackerLines(width: width, style: style).render(status)
        if let services = status.daemon.services { lines += Layout.wrap(Self.text(services), width: width, indent: 0) }
        lines += problems(status)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ services: ServiceCounts) -> String {
        var parts = ["\(counted(services.total, "virtual server"))"]
        if services.down == 0, services.fault == 0 { parts.append("all with their quorum") }
        if services.down > 0 { parts.append("\(services.down) without quorum") }
        if services.fault > 0 { parts.append("\(services.fault) in FAULT") }
        var servers = ["\(counted(services.servers, "real server"))"]
        if services.serversDown > 0 { servers.append("\(services.serversDown) down") }
        if services.serversUnchecked > 0 { servers.append("\(services.serversUnchecked) unchecked") }
        if services.serversToMend > 0 { servers.append("\(services.serversToMend) with a check that can't be done") }
        return parts.joined(separator: ", ") + "; " + servers.joined(separator: ", ") + ": `hasup services`"
    }

    private func heading(_ daemon: DaemonStatus) -> [String] {
        let record = daemon.tableRecord.map { "IPVS isn't written: its changes go into \(Printable.text($0))." }
        return (record.map { Layout.wrap($0, width: width, indent: 0) } ?? []) + programLines(daemon)
    }

    private func programLines(_ daemon: DaemonStatus) -> [String] {
        let name = daemon.instanceName.map { " '\(Printable.text($0))'" } ?? ""
        let router = daemon.routerID.isEmpty ? "" : " on \(Printable.text(daemon.routerID))"
        return Layout.wrap(
            parts: [
                "hasupd\(name) \(Printable.text(daemon.version))\(router)", "pid \(daemon.pid)",
                "up \(Layout.age(daemon.uptimeSeconds))", "configuration \(Printable.text(daemon.configurationFile))",
                "generation \(daemon.configurationGeneration)",
            ], width: width)
    }

    // MARK: The table

    private func layout(_ instances: [InstanceReport]) -> Columns {
        func widest(_ title: String, _ limit: Int, _ text: (InstanceReport) -> String) -> Int {
            let longest = instances.reduce(title.count) { max($0, Printable.width(text($1))) }
            return min(limit, longest)
        }
        // A wider terminal gives names more room before they are cut.
        let spare = max(0, width - 80)
        var columns = Columns(
            name: widest("INSTANCE", 18 + spare / 4) { $0.name },
            since: widest("SINCE", 7) { Layout.age($0.timeInState) },
            priority: widest("PRIO", 7, priority), master: 0, addresses: 0)
        let left = width - (columns.name + columns.state + columns.since + columns.priority + 5 * 2)
        let longest = instances.lazy.flatMap { $0.allAddresses }.reduce(18) { max($0, Printable.width($1)) }
        // What isn't needed for the virtual addresses is the masters'.
        columns.master = widest("MASTER", max(17, left - longest)) { $0.master?.description ?? "-" }
        columns.addresses = max(18, left - columns.master)
        return columns
    }

    private func header(_ columns: Columns) -> String {
        let cells = [
            Layout.cell("INSTANCE", columns.name), Layout.cell("STATE", columns.state),
            Layout.cell("SINCE", columns.since), Layout.right("PRIO", columns.priority),
            Layout.cell("MASTER", columns.master), "ADDRESSES",
        ]
        return style.paint(cells.joined(separator: "  "), .bold)
    }

    private func row(_ instance: InstanceReport, _ columns: Columns) -> [String] {
        let addressLines =
            instance.isTooWide(for: columns.addresses) ? [Self.below] : fill(instance.allAddresses, columns.addresses)
        let cells = [
            Layout.cell(Printable.text(instance.name), columns.name),
            style.paint(
                Layout.cell(instance.state.name, columns.state), Style.colour(ofState: instance.state.name)),
            Layout.cell(Layout.age(instance.timeInState), columns.since),
            Layout.right(priority(instance), columns.priority),
            Layout.cell(masterCell(instance, columns), columns.master),
            addressLines.first ?? "-",
        ]
        return [cells.joined(separator: "  ")]
            + addressLines.dropFirst().map { Layout.right("", width - columns.addresses) + $0 }
    }

    private func masterCell(_ instance: InstanceReport, _ columns: Columns) -> String {
        let master = instance.master?.description ?? "-"
        return Printable.width(master) <= columns.master ? master : Self.below
    }

    /// Addresses that have no room in the row. An address isn't cut: half of one misleads.
    private func whole(_ instance: InstanceReport, _ columns: Columns) -> [String] {
        var texts: [String] = []
        if let master = instance.master?.description, Printable.width(master) > columns.master {
            texts.append("master: \(master)")
        }
        if instance.isTooWide(for: columns.addresses) {
            texts.append("addresses: " + fill(instance.allAddresses, width - 17).joined(separator: " "))
        }
        return texts.flatMap { Layout.wrap($0, width: width) }
    }

    /// Up to two lines of addresses, and how many more there are.
    private func fill(_ addresses: [String], _ width: Int) -> [String] {
        var lines: [String] = []
        for (index, address) in addresses.enumerated() {
            let joined = lines.last.map { "\($0) \(address)" }
            if let joined, Printable.width(joined) <= width {
                lines[lines.count - 1] = joined
            } else if lines.count == 2, addresses.count > 3 {
                lines.append("and \(addresses.count - index) more")
                break
            } else {
                lines.append(address)
            }
        }
        return lines
    }

    private func priority(_ instance: InstanceReport) -> String {
        Int(instance.priority.rawValue) == instance.basePriority || instance.basePriority == 0
            ? "\(instance.priority)" : "\(instance.priority)/\(instance.basePriority)"
    }

    // MARK: Details

    private func details(_ instance: InstanceReport) -> [String] {
        var texts: [String] = []
        if let last = instance.lastTransition {
            texts.append("\(last.from) -> \(last.to) \(Layout.age(last.agoSeconds)) ago: \(last.text)")
        }
        if let wait = instance.whyNotMaster {
            if Self.healthy.contains(wait.code) {
                texts.append(wait.text)
            } else {
                let sentence = wait.text.hasSuffix(".") ? wait.text : wait.text + "."
                let act = wait.secondsLeft.map { " Becomes MASTER in \(Layout.timeLeft($0)) if nothing changes." } ?? ""
                texts.append("not MASTER: \(sentence)\(act)")
            }
        }
        texts += startAndPriority(instance)
        texts += hookTexts(instance)
        if let order = instance.order {
            texts.append("order of \(Layout.age(order.agoSeconds)) ago: \(order.text)")
        }
        // A fault in the last transition's text isn't repeated.
        let shown = instance.lastTransition.map { $0.to == "FAULT" && instance.state == .fault ? $0.text : "" } ?? ""
        for fault in instance.faults where !shown.contains(fault) { texts.append("fault: \(fault)") }
        texts += addressProblems(instance)
        if instance.hasConflictingMaster {
            for rival in instance.rivals {
                texts.append(
                    "probably two masters: \(rival.text); heard for \(Layout.age(rival.since)), "
                        + "the last \(Layout.age(rival.age)) ago")
            }
        }
        for stranger in instance.strangers { texts.append(stranger.text) }
        if instance.unadvertisedAddresses > 0 {
            texts.append(
                InstanceReport.unadvertised(
                    instance.unadvertisedAddresses, of: instance.addresses.count, on: instance.interface))
        }
        if let peer = instance.differentAddressesOf {
            texts.append(
                "\(peer) advertises other addresses than ours, so some may be served by no router: compare virtual_ipaddress"
            )
        }
        if instance.notificationsSkipped > 0 {
            texts.append(
                "\(counted(instance.notificationsSkipped, "notification")) skipped: newer ones superseded them")
        }
        if let failure = instance.sendFailure {
            let silent = failure.isSilent ? "; its peers hear nothing and must think that it is gone" : ""
            texts.append("adverts can't be sent for \(Layout.age(failure.since)): \(failure.text)\(silent)")
        }
        if let scripts = instance.scripts, let last = scripts.lastFailure {
            let counts = [
                (scripts.failed, "failed"), (scripts.refused, "refused"), (scripts.timedOut, "took too long"),
            ]
            let words = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
            texts.append("notify scripts: \(words) of \(scripts.started); last: \(last)")
        }
        let discarded = instance.counters.discarded.entries.filter { $0.count > 0 }
        if !discarded.isEmpty {
            let counts = discarded.map { "\($0.count) \(Self.words(for: $0.name))" }.joined(separator: ", ")
            let last = instance.lastDiscard.map { last in
                "; the last \(Layout.age(last.age)) ago from \(last.source)"
                    + (last.isRecent ? ": \(last.text)" : "")
            }
            texts.append("adverts discarded: \(counts)\(last ?? "")")
        }
        return texts.flatMap { Layout.wrap(Printable.text($0), width: width) }
    }

    private func hookTexts(_ instance: InstanceReport) -> [String] {
        var texts: [String] = []
        let left = instance.hookTimeLeft.map { ", for \(Layout.timeLeft($0.seconds)) at most" } ?? ""
        switch instance.awaitedHook {
        case .beforeMaster: texts.append("waits for before_master\(left): it has no addresses until then")
        case .release: texts.append("waits for its release script\(left): no other node becomes MASTER until then")
        case .beforeRelease: texts.append("waits for before_release\(left), and is MASTER until then")
        case nil: break
        }
        if instance.hasFailedRelease {
            let failure = instance.releaseFailure.map { " (\($0))" } ?? ""
            texts.append(
                "its last release script was killed or couldn't be started\(failure): that counts as not released, so no other "
                    + "node could become MASTER. Mend it and try `hasup resign`")
        }
        if instance.isResigning { texts.append("resigns: it keeps its addresses until it hears a successor") }
        return texts
    }

    /// The reasons for which an instance hasn't started, and the parts of its priority.
    private func startAndPriority(_ instance: InstanceReport) -> [String] {
        var texts: [String] = []
        if !instance.awaitedScripts.isEmpty {
            texts.append(
                "waits for the first result of \(instance.awaitedScripts.count == 1 ? "script" : "scripts") "
                    + instance.awaitedScripts.joined(separator: ", "))
        }
        if instance.state == .initialize, !instance.heldBy.isEmpty {
            texts.append(
                "waits for \(instance.heldBy.joined(separator: ", ")) of sync group \(instance.syncGroup ?? "")")
        }
        if let lease = instance.addressLease {
            let age = instance.leaseAge.map { ", renewed \(Layout.age($0)) ago" } ?? ""
            texts.append("the kernel ends its addresses \(Layout.timeLeft(lease.seconds)) after hasup is dead\(age)")
        }
        if instance.endlessAddresses > 0 {
            let count = instance.endlessAddresses == 1 ? "1 address" : "\(instance.endlessAddresses) addresses"
            texts.append("without a lease: \(count), because others would go with them (promote_secondaries is off)")
        }
        if let sum = instance.prioritySum { texts.append(sum) }
        return texts
    }

    private func addressProblems(_ instance: InstanceReport) -> [String] {
        (instance.addresses + instance.excludedAddresses).compactMap { address -> String? in
            if let obstacle = address.obstacle {
                "\(address.address) dev \(address.interface): \(obstacle)"
            } else if instance.state == .master, !instance.status.awaitsAddresses, !address.installed, !address.foreign
            {
                "\(address.address) is missing on \(address.interface)"
            } else if instance.keepsAddress, address.installed {
                "\(address.address) is still on \(address.interface): the kernel hasn't removed it, and a MASTER may "
                    + "have it, too; if it refused, the reason is in the log"
            } else {
                nil
            }
        }
    }

    /// A discard reason in words; a newer daemon's, which isn't known here, by its name.
    static func words(for name: String) -> String {
        if let known = DiscardReason(name: name) { return known.words }
        let parts = name.flatMap { $0.isUppercase ? " " + $0.lowercased() : $0 == "_" ? " " : String($0) }
        return Printable.text(String(parts))
    }

    /// One sentence for each sync group, in the order of their first members.
    private func groups(_ status: StatusReply) -> [String] {
        var names: [String] = []
        var members: [String: [InstanceReport]] = [:]
        for instance in status.instances {
            guard let name = instance.syncGroup else { continue }
            if members[name] == nil { names.append(name) }
            members[name, default: []].append(instance)
        }
        return names.map { name in
            let members = members[name] ?? []
            let states = Set(members.map(\.state))
            let state: RouterState =
                states.contains(.initialize)
                ? .initialize : states.contains(.fault) ? .fault : states == [.master] ? .master : .backup
            let shown = members.prefix(Self.membersMax).map(\.name).joined(separator: ", ")
            let rest = members.count > Self.membersMax ? " and \(members.count - Self.membersMax) more" : ""
            return "Sync group \(name) is \(state): \(shown)\(rest)."
        }
    }

    /// Numbers of instances by state; one instance that is well needs none.
    private func totals(_ status: StatusReply) -> String? {
        let instances = status.instances
        guard !instances.isEmpty, instances.count > 1 || !status.isWell else { return nil }
        func count(_ state: RouterState) -> Int { instances.count { $0.state == state } }
        let starting = count(.initialize)
        let rejected = status.packetsRejected
        return "\(counted(instances.count, "instance")): \(count(.master)) MASTER, \(count(.backup)) BACKUP, "
            + "\(count(.fault)) FAULT\(starting > 0 ? ", \(starting) INIT" : ""); "
            + "\(counted(Int(clamping: rejected), "packet")) discarded"
    }

    private func problems(_ status: StatusReply) -> [String] {
        let daemon = status.daemon
        var texts: [String] = []
        texts += groups(status)
        if let totals = totals(status) { texts.append(totals) }
        if let trouble = daemon.workerTrouble {
            texts.append("\(trouble): the table shows the configuration only, and no state is known.")
        }
        for replaced in daemon.replacements {
            texts.append(
                "\(replaced.text), \(Layout.age(replaced.agoSeconds)) ago "
                    + "(\(counted(replaced.restarts, "restart")) since hasupd started).")
        }
        if daemon.ignoredSettings + daemon.errors + daemon.warnings > 0 {
            texts.append(
                "The configuration has \(counted(daemon.errors, "error")), "
                    + "\(counted(daemon.warnings, "warning")) and \(counted(daemon.ignoredSettings, "setting")) "
                    + "without effect; 'hasup check \(daemon.configurationFile)' lists them, and what this machine lacks "
                    + "at the moment.")
        }
        for unread in daemon.unreadFiles {
            texts.append("The configuration runs without a part of it, until a reload succeeds: \(unread).")
        }
        for check in daemon.unmadeChecks {
            texts.append("A check isn't set up, until a reload succeeds: \(check).")
        }
        if daemon.keepsFormerAddresses {
            texts.append(
                "The kernel still has addresses that were removed from the configuration: it refused the removal (see the "
                    + "log), or it hangs; another machine may have them, too.")
        }
        if let refused = daemon.refusedReload {
            texts.append(
                "The last reload, \(Layout.age(refused.agoSeconds)) ago, was refused: \(refused.reason)")
        }
        if let next = daemon.scheduledReload {
            let time = LocalTime(unixSeconds: Double(next.unixSeconds))
            texts.append(
                "The configuration is reloaded on \(time.date) at \(time.text.prefix(8)), in \(Layout.timeLeft(next.inSeconds))."
            )
        }
        let strays = daemon.discarded.entries.filter { $0.count > 0 }
        if !strays.isEmpty {
            let counts = strays.map { "\($0.count) \(Self.words(for: $0.name))" }.joined(separator: ", ")
            let last =
                daemon.lastDiscard.map { "; the last \(Layout.age($0.age)) ago from \($0.source): \($0.text)" }
                ?? ""
            texts.append("Packets for no instance here, discarded: \(counts)\(last).")
        }
        texts += daemon.unsealed + daemon.problems
        if !daemon.notes.isEmpty {
            texts.append(
                "\(counted(daemon.notes.count, "note")) on the processes: 'hasup status --processes' shows them.")
        }
        return texts.flatMap { Layout.wrap(Printable.text($0), width: width, indent: 0) }
    }
}

extension InstanceReport {
    /// With the excluded ones, as they are shown.
    fileprivate var allAddresses: [String] { (addresses + excludedAddresses).map { Printable.text($0.address) } }

    /// The parts of its priority: `priority 150 + 30 script web - 20 file load = 160`; nil when nothing changes it.
    fileprivate var prioritySum: String? {
        let parts = self.contributions
        guard !parts.isEmpty else { return nil }
        let sum = parts.reduce(basePriority) { $0 &+ Int($1.amount) }
        let terms = parts.map { " \($0.amount < 0 ? "-" : "+") \($0.amount.magnitude) \($0.kind.name) \($0.name)" }
        let priority = Int(self.priority.rawValue)
        return "priority \(basePriority)\(terms.joined()) = "
            + (sum == priority ? "\(priority)" : "\(sum), limited to \(priority)")
    }

    /// True if one of its addresses is longer than this.
    fileprivate func isTooWide(for width: Int) -> Bool { allAddresses.contains { Printable.width($0) > width } }
}

/// `hasup status --processes`.
struct ProcessTable {
    var width: Int

    func render(_ processes: [ProcessReport]) -> String {
        var lines = ["ROLE        PID      USER        SECCOMP   NNP  RESTARTS  UPTIME   MEMORY"]
        for process in processes {
            let pid = process.pid == 0 ? "-" : "\(process.pid)"
            let user = process.user.map(Printable.text) ?? "\(process.uid)"
            lines.append(
                [
                    Layout.cell(Printable.text(process.role), 10), Layout.cell(pid, 7), Layout.cell(user, 10),
                    Layout.cell(Printable.text(process.seccomp), 8),
                    Layout.cell(process.noNewPrivileges ? "yes" : "no", 3),
                    Layout.right("\(process.restarts)", 8), Layout.cell(Layout.age(process.uptimeSeconds), 7),
                    Layout.right("\(process.residentBytes / 1_024) kB", 8),
                ].joined(separator: "  "))
            lines += Layout.wrap("capabilities: \(Self.list(process.capabilities))", width: width)
            if process.pid != 0 { lines += confinement(process) }
            if let note = process.note { lines += Layout.wrap(Printable.text(note), width: width) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func confinement(_ process: ProcessReport) -> [String] {
        let bounding = process.boundingSet == process.capabilities ? "the same" : Self.list(process.boundingSet)
        let core = process.coreLimitBytes.map { $0 == 0 ? "none" : "at most \($0) bytes" } ?? "of any size"
        let parts = [
            "Landlock: \(process.landlock ? "yes" : "no")", "core files: \(core)",
            "dumpable: \(process.dumpable ? "yes" : "no")",
            "in \(process.workingDirectory.map(Printable.text) ?? "an unknown folder")",
        ]
        return Layout.wrap("bounding set: \(bounding)", width: width)
            + Layout.wrap(parts.joined(separator: ", "), width: width)
    }

    /// Names of capabilities; the number where they would fill lines.
    private static func list(_ names: [String]) -> String {
        if names.count > 20 { return "\(names.count) capabilities" }
        return names.isEmpty ? "none" : Printable.text(names.joined(separator: " "))
    }
}
