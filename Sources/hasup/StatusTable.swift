import Base
import Control
import Varlink

/// `hasup status`: a table, and under each row what an operator asks next.
struct StatusTable {
    var width: Int
    var style: Style

    /// Codes of a backup that is what it should be.
    private static let healthy = ["higherPriority", "higherAddress", "equalPriority"]

    /// Stands in a cell whose text has no room there.
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
            lines.append("No instance is configured.")
        } else {
            let columns = layout(status.instances)
            lines.append(header(columns))
            for instance in status.instances {
                lines += row(instance, columns)
                lines += whole(instance, columns) + details(instance)
            }
        }
        lines += problems(status)
        return lines.joined(separator: "\n") + "\n"
    }

    private func heading(_ daemon: DaemonStatus) -> [String] {
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
            since: widest("SINCE", 7) { Layout.age($0.inStateSeconds) },
            priority: widest("PRIO", 7, priority), master: 0, addresses: 0)
        let left = width - (columns.name + columns.state + columns.since + columns.priority + 5 * 2)
        let longest = instances.lazy.flatMap { $0.allAddresses }.reduce(18) { max($0, Printable.width($1)) }
        // What isn't needed for the virtual addresses is the masters'.
        columns.master = widest("MASTER", max(17, left - longest)) { $0.master ?? "-" }
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
                Layout.cell(Printable.text(instance.state), columns.state), Style.colour(ofState: instance.state)),
            Layout.cell(Layout.age(instance.inStateSeconds), columns.since),
            Layout.right(priority(instance), columns.priority),
            Layout.cell(masterCell(instance, columns), columns.master),
            addressLines.first ?? "-",
        ]
        return [cells.joined(separator: "  ")]
            + addressLines.dropFirst().map { Layout.right("", width - columns.addresses) + $0 }
    }

    private func masterCell(_ instance: InstanceReport, _ columns: Columns) -> String {
        let master = Printable.text(instance.master ?? "-")
        return Printable.width(master) <= columns.master ? master : Self.below
    }

    /// Addresses that have no room in the row. An address isn't cut: half of one misleads.
    private func whole(_ instance: InstanceReport, _ columns: Columns) -> [String] {
        var texts: [String] = []
        if let master = instance.master.map(Printable.text), Printable.width(master) > columns.master {
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
        instance.priority == instance.basePriority || instance.basePriority == 0
            ? "\(instance.priority)" : "\(instance.priority)/\(instance.basePriority)"
    }

    // MARK: What an operator asks next

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
        // What the last transition says already isn't said again.
        let told = instance.lastTransition.map { $0.to == "FAULT" && instance.state == "FAULT" ? $0.text : "" } ?? ""
        for fault in instance.faults where !told.contains(fault) { texts.append("fault: \(fault)") }
        for address in instance.addresses + instance.excludedAddresses {
            if let obstacle = address.obstacle {
                texts.append("\(address.address) dev \(address.interface): \(obstacle)")
            } else if instance.state == "MASTER", !address.installed, !address.foreign {
                texts.append("\(address.address) is missing on \(address.interface)")
            } else if instance.keepsAddress, address.installed {
                texts.append(
                    "\(address.address) is still on \(address.interface): the kernel hasn't removed it, and a MASTER may "
                        + "have it, too; the log says why if it was refused")
            }
        }
        if instance.hasConflictingMaster {
            for rival in instance.rivals {
                texts.append(
                    "probably two masters: \(rival.text); heard for \(Layout.age(rival.sinceSeconds)), "
                        + "the last \(Layout.age(rival.agoSeconds)) ago")
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
                "\(peer) advertises other addresses than ours, so some may be nobody's: compare virtual_ipaddress")
        }
        if instance.notificationsSkipped > 0 {
            texts.append(
                "\(counted(instance.notificationsSkipped, "notification")) left out: newer ones overtook them")
        }
        if let failure = instance.sendFailure {
            let silent = failure.silent ? "; nothing leaves: its peers must think that it is gone" : ""
            texts.append("adverts can't leave since \(Layout.age(failure.sinceSeconds)): \(failure.text)\(silent)")
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
            let counts = discarded.map { "\($0.count) \(DiscardWords.of($0.name))" }.joined(separator: ", ")
            let last = instance.lastDiscard.map { last in
                "; the last \(Layout.age(last.agoSeconds)) ago from \(last.source)"
                    + (last.recent ? ": \(last.text)" : "")
            }
            texts.append("adverts thrown away: \(counts)\(last ?? "")")
        }
        return texts.flatMap { Layout.wrap(Printable.text($0), width: width) }
    }

    /// How many are what; for one instance that is well the table says it.
    private func totals(_ status: StatusReply) -> String? {
        let instances = status.instances
        guard !instances.isEmpty, instances.count > 1 || !status.isWell else { return nil }
        func count(_ state: String) -> Int { instances.count { $0.state == state } }
        let starting = count("INIT")
        let rejected = status.packetsRejected
        return "\(counted(instances.count, "instance")): \(count("MASTER")) MASTER, \(count("BACKUP")) BACKUP, "
            + "\(count("FAULT")) FAULT\(starting > 0 ? ", \(starting) INIT" : ""); "
            + "\(counted(Int(clamping: rejected), "packet")) thrown away"
    }

    private func problems(_ status: StatusReply) -> [String] {
        let daemon = status.daemon
        var texts: [String] = []
        if let totals = totals(status) { texts.append(totals) }
        if let trouble = daemon.workerTrouble {
            texts.append("\(trouble): what is shown above is the configuration, and no state is known.")
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
        if daemon.keepsFormerAddresses {
            texts.append(
                "The kernel still has addresses that left the configuration: their removal was refused, which the log "
                    + "says, or it hangs; another machine may have them, too.")
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
            let counts = strays.map { "\($0.count) \(DiscardWords.of($0.name))" }.joined(separator: ", ")
            let last =
                daemon.lastDiscard.map { "; the last \(Layout.age($0.agoSeconds)) ago from \($0.source): \($0.text)" }
                ?? ""
            texts.append("Packets for no instance here, thrown away: \(counts)\(last).")
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

    /// Whether one of its addresses is longer than this.
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
