import Base
import Configuration
import ConfigurationModel
import Control
import Files
import Glibc
import Varlink

/// The parts of a report: the daemon's answers, the configuration, and what any user may read of the machine.
extension Report {
    // MARK: The daemon

    /// hasupd's own data. - Returns: its answer to Status; nil without one.
    mutating func addDaemon(_ options: ControlOptions) -> StatusReply? {
        guard let path = try? options.path() else { return nil }
        let limit = Interval(nanoseconds: Int64((options.timeout ?? 5) * 1e9))
        let client: ControlClient
        do throws(ControlClient.Failure) {
            client = try ControlClient(path: path, timeout: limit)
        } catch {
            let sentence = FailureText.sentence(for: error, path: path, elsewhere: OtherDaemon.all(except: path))
            add("The daemon", sentence)
            omit("hasupd's own data (status, processes, history, statistics): \(sentence)")
            return nil
        }
        var status: StatusReply?
        let methods: [(ControlMethod, String)] = [
            (.version, "Version"), (.status, "Status"), (.processes, "Processes"), (.statistics, "Statistics"),
            (.history, "History"),
        ]
        for (method, name) in methods {
            do throws(ControlClient.Failure) {
                let parameters = try client.call(method)
                if method == .status {
                    let reply = try ControlClient.read(StatusReply.self, from: parameters)
                    add("hasup status", StatusTable(width: 120, style: .plain).render(reply))
                    status = reply
                }
                if method == .processes {
                    let reply = try ControlClient.read(ProcessesReply.self, from: parameters)
                    add("hasup status --processes", ProcessTable(width: 120).render(reply.processes))
                }
                if method == .history {
                    let reply = try ControlClient.read(HistoryReply.self, from: parameters)
                    add("hasup history", reply.events.map(Self.line).joined(separator: "\n"))
                }
                add("io.hasup.\(name)", parameters.bytes)
            } catch {
                omit("io.hasup.\(name): \(FailureText.sentence(for: error, path: path))")
                // After a failure the connection is unusable.
                guard case .refused = error else { return status }
            }
        }
        return status
    }

    private static func line(_ event: WatchEvent) -> String {
        let time = LocalTime(unixSeconds: event.unixSeconds)
        return "\(time.date) \(EventLine(style: .plain).render(event, at: time))"
    }

    // MARK: The configuration

    /// The effective text and the findings, without secrets. - Returns: the secrets that were taken out.
    mutating func addConfiguration(_ file: String, _ environment: Environment) -> Set<String> {
        let files = SystemFiles()
        let redacted = redactedConfiguration(path: file, files: files, environment: environment)
        let loaded = loadConfiguration(path: file, files: files, environment: environment)
        if loaded.isReadable {
            add("Configuration \(file), effective text", redacted.text)
            omit(Self.omission(secrets: redacted.secretCount, scripts: redacted.argumentCount))
        } else {
            omit("the configuration: \(loaded.diagnostics.first?.message ?? "\(file) can't be read")")
        }
        let findings = loaded.orderedDiagnostics.map { finding in
            var finding = finding
            // The line could hold anything.
            finding.sourceLine = nil
            return finding.rendered(inColour: false, width: 120)
        }
        let verdict = FindingText.verdict(on: file, loaded)
        add("hasup check \(file)", findings.joined(separator: "\n") + "\n" + verdict)
        return redacted.secrets
    }

    /// The omissions of the configuration's text; those of which there were none aren't listed.
    static func omission(secrets: Int, scripts: Int) -> String {
        var parts: [String] = []
        if secrets > 0 { parts.append("\(counted(secrets, "word")) that \(secrets == 1 ? "is" : "are") secret") }
        if scripts > 0 { parts.append("the arguments of \(counted(scripts, "script"))") }
        parts.append("all comments")
        let last = parts.removeLast()
        return "of the configuration: \(parts.isEmpty ? last : parts.joined(separator: ", ") + " and " + last)"
    }

    // MARK: The machine

    mutating func addMachine(daemon: Int?) {
        var name = utsname()
        uname(&name)
        add(
            "Kernel",
            "\(Self.text(name.sysname)) \(Self.text(name.release)) \(Self.text(name.version)) \(Self.text(name.machine))"
        )
        addFile("/etc/os-release")
        for command in Self.commands { addOutput(of: command) }
        for setting in Self.settings { addFile("/proc/sys/net/\(setting)") }
        addFile("/proc/uptime")
        addFile("/proc/loadavg")
        addFile("/proc/meminfo")
        addFile("/proc/\(daemon.map { "\($0)" } ?? "self")/limits")
        if let daemon { addFile("/proc/\(daemon)/status") }
        addLog()
    }

    private static let commands: [[String]] = [
        ["ip", "-details", "-statistics", "link"], ["ip", "address"], ["ip", "route", "show", "table", "all"],
        ["ip", "-6", "route", "show", "table", "all"], ["ip", "rule"], ["ip", "-6", "rule"], ["ip", "neighbour"],
        ["systemctl", "--no-pager", "show", "hasup.service", "--property=\(properties.joined(separator: ","))"],
    ]

    /// Instead of `systemctl status`, which lists the command lines of all that runs in the service: scripts, too.
    private static let properties = [
        "LoadState", "FragmentPath", "DropInPaths", "UnitFileState", "NeedDaemonReload", "ActiveState", "SubState",
        "StateChangeTimestamp", "ActiveEnterTimestamp", "StatusText", "MainPID", "Result", "NRestarts",
        "ExecMainStatus", "ExecMainStartTimestamp", "TasksCurrent", "MemoryCurrent", "CPUUsageNSec", "WatchdogUSec",
        "NFileDescriptorStore",
    ]

    private static let settings = [
        "ipv4/ip_forward", "ipv4/ip_nonlocal_bind", "ipv4/conf/all/rp_filter", "ipv4/conf/all/arp_ignore",
        "ipv4/conf/all/arp_announce", "ipv4/conf/all/promote_secondaries", "ipv6/conf/all/disable_ipv6",
        "ipv6/conf/all/forwarding",
    ]

    /// The last lines of hasup's programs, from the journal or else from syslog's file.
    private mutating func addLog() {
        let journal = ["journalctl", "--no-pager", "--lines=500", "--output=short-iso"]
        let tags = ["hasupd", "hasup-vrrp", "hasup-checker", "hasup-exec"].flatMap { ["-t", $0] }
        let (bytes, trouble) = ProgramOutput.of(journal + tags)
        if trouble == nil, bytes.contains(UInt8(ascii: ":")) { return add("Journal", bytes) }
        var reasons = ["the journal: \(trouble ?? "it has none")"]
        for path in ["/var/log/syslog", "/var/log/messages", "/var/log/daemon.log"] {
            switch FileTail.lines(of: path, containing: "hasup", max: 500) {
            case .success(let lines) where !lines.isEmpty: return add(path, lines.joined(separator: "\n"))
            case .success: reasons.append("\(path): it has none")
            case .failure(let error): reasons.append("\(path): \(error.explanation)")
            }
        }
        omit("hasup's lines in the log (\(reasons.joined(separator: "; ")))")
    }

    private mutating func addOutput(of command: [String]) {
        let title = command.joined(separator: " ")
        let (bytes, trouble) = ProgramOutput.of(command)
        if !bytes.isEmpty { add(title, bytes) }
        if let trouble { omit("\(bytes.isEmpty ? "" : "part of ")`\(title)`: \(trouble)") }
    }

    private mutating func addFile(_ path: String) {
        switch FileTail.bytes(of: path, max: 64 << 10) {
        case .success(let bytes): add(path, bytes)
        case .failure(let error): omit("\(path): \(error.explanation)")
        }
    }

    private static func text<Bytes>(_ bytes: Bytes) -> String {
        withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
