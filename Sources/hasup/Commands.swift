import ArgumentParser
import Base
import Control
import Glibc
import Reactor
import Varlink

/// hasup status
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows each instance, its state and the reason for it.")

    @OptionGroup var options: ControlOptions
    @Flag(help: "Print the daemon's answer as JSON.") var json = false
    @Flag(help: "Show the daemon's processes instead: user, capabilities, seccomp, restarts.") var processes = false

    func run() throws {
        if processes { return try showProcesses() }
        let (parameters, status) = try options.ask(.status, StatusReply.self)
        if json {
            Terminal.write(parameters.bytes + [0x0a])
        } else {
            Terminal.write(StatusTable(width: Terminal.width, style: Terminal.style).render(status))
        }
        if !status.isWell { throw ExitCode(1) }
    }

    private func showProcesses() throws {
        let (parameters, reply) = try options.ask(.processes, ProcessesReply.self)
        if json {
            Terminal.write(parameters.bytes + [0x0a])
        } else {
            Terminal.write(ProcessTable(width: Terminal.width).render(reply.processes))
        }
        if !reply.isWell { throw ExitCode(1) }
    }
}

/// hasup watch
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Prints events as they happen.")

    @OptionGroup var options: ControlOptions
    @Flag(help: "Print each event as a line of JSON.") var json = false

    func run() throws {
        let path = try options.path()
        try options.ask { client throws(ControlClient.Failure) in
            try client.watch()
            // Only the first answer has a limit: after it, silence means that nothing happens.
            let beginning = try client.nextEvent(within: Interval(nanoseconds: Int64((options.timeout ?? 5) * 1e9)))
            // On a connection of its own, now that the stream runs: nothing is missed in between.
            if json { try show(beginning) } else { try? showBeginning() }
            while true {
                let parameters: JSONText
                do throws(ControlClient.Failure) {
                    parameters = try client.nextEvent(within: nil)
                } catch {
                    guard case .ended = error else { throw error }
                    Terminal.complain("hasupd at \(path) exited: there are no more events.")
                    Glibc.exit(2)
                }
                try show(parameters)
            }
        }
    }

    /// The states of all instances before the first event.
    private func showBeginning() throws {
        let (_, status) = try options.ask(.status, StatusReply.self)
        let line = EventLine(style: Terminal.style)
        let now = LocalTime.now
        for instance in status.instances { write(line.render(instance, at: now)) }
    }

    private func show(_ parameters: JSONText) throws(ControlClient.Failure) {
        let event = try ControlClient.read(WatchReply.self, from: parameters).event
        if json {
            var writer = JSONWriter()
            event.write(into: &writer)
            Terminal.write(writer.bytes + [0x0a])
        } else {
            write(EventLine(style: Terminal.style).render(event, at: LocalTime(unixSeconds: event.unixSeconds)))
        }
    }

    /// On a terminal a line is broken between words; for a program it stays one line.
    private func write(_ line: String) {
        let lines = Terminal.isTerminal ? Layout.wrap(line, width: Terminal.width, indent: 0) : [line]
        Terminal.write(lines.joined(separator: "\n") + "\n")
    }
}

/// hasup reload
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Makes the daemon read its configuration again, and waits for the result.",
        discussion:
            "A configuration with any error is refused, and the old one stays in force. Exit status 1 then, and when "
            + "the reload puts an instance into FAULT.")

    @OptionGroup var options: ControlOptions
    @Flag(help: "Dry run: check the files and show what a reload would change.")
    var dryRun = false
    @Flag(
        help: ArgumentHelp(
            "Upgrade the daemon instead if another program than the running one is installed.",
            discussion: "The new program reads the configuration, too. The unit's ExecReload uses this."))
    var upgradeIfChanged = false
    @Flag(help: "Print the result as JSON.") var json = false

    func validate() throws {
        if dryRun, upgradeIfChanged { throw ValidationError("--dry-run and --upgrade-if-changed exclude each other.") }
    }

    func run() throws {
        if upgradeIfChanged, try DaemonUpgrade(options).upgrade(onlyIfChanged: true, json: json) { return }
        let before = instances()
        let (parameters, reply) = try options.ask(
            .reload, with: dryRun ? [JSONMember("dry_run", .bool(true))] : [], ReloadReply.self, timeoutSeconds: 60)
        let faults = reply.result.newFaults(before: before, after: dryRun ? nil : instances())
        if json {
            Terminal.write(parameters.bytes + [0x0a])
            if let sentence = ReloadText.sentence(onFaults: faults, isDryRun: dryRun) { Terminal.complain(sentence) }
        } else {
            Terminal.write(ReloadText(style: Terminal.style).render(reply.result, newFaults: faults))
        }
        if !reply.result.ok || !faults.isEmpty { throw ExitCode(1) }
    }

    /// The running instances; nil without an answer, for which a reload needn't fail.
    private func instances() -> [InstanceReport]? {
        guard let path = try? options.path(), let client = try? ControlClient(path: path, timeout: options.limit())
        else { return nil }
        return (try? client.call(.status, StatusReply.self))?.instances
    }
}

/// hasup version
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the versions of this program and of the daemon that runs.")

    @OptionGroup var options: ControlOptions

    func run() throws {
        Terminal.write("hasup \(hasupVersion)\n")
        let (_, reply) = try options.ask(.version, VersionReply.self)
        Terminal.write("hasupd \(Printable.text(reply.version))\n")
    }
}
