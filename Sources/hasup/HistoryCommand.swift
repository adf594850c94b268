import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Control
import Varlink

/// hasup history
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Prints what happened: transitions, reloads, deaths of processes.",
        discussion: "The daemon keeps the last 1,000 events. They outlive the daemon, not a reboot.")

    @OptionGroup var options: ControlOptions
    @Argument(help: ArgumentHelp("Only this instance's events.", valueName: "name")) var name: String?
    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: ArgumentHelp("Only the last so many.", valueName: "count"))
    var lines: Int?
    @Flag(help: "Print each event as a line of JSON.") var json = false

    func validate() throws {
        if let lines, lines < 1 { throw ValidationError("--lines must be 1 or more.") }
    }

    func run() throws {
        let (events, failure) = try self.events()
        let chosen = Self.choose(events, of: name, last: lines)
        let line = EventLine(style: Terminal.style)
        for event in chosen {
            if json {
                var writer = JSONWriter()
                event.write(into: &writer)
                Terminal.write(writer.bytes + [0x0a])
            } else {
                let time = LocalTime(unixSeconds: event.unixSeconds)
                let text = "\(time.date) \(line.render(event, at: time))"
                // For a program an event stays a line, as in `hasup watch`.
                let lines = Terminal.isTerminal ? Layout.wrap(text, width: Terminal.width, indent: 0) : [text]
                Terminal.write(lines.joined(separator: "\n") + "\n")
            }
        }
        if let failure { throw failure }
        if chosen.isEmpty, let name {
            let (_, known) = try options.ask(.instances, InstancesReply.self)
            if !known.instances.contains(where: { $0.name == name }) {
                let hint =
                    nearestWord(to: name, among: known.instances.map(\.name)).map { " Did you mean '\($0)'?" } ?? ""
                Terminal.complain("there is no instance '\(Printable.text(name))', and the history knows none.\(hint)")
                throw ExitCode(1)
            }
        }
        if chosen.isEmpty, !json { Terminal.complain("nothing has happened yet\(name.map { " to \($0)" } ?? "").") }
    }

    /// What the daemon has kept; from its file when it doesn't answer, with the exit status for that.
    private func events() throws -> ([WatchEvent], ExitCode?) {
        let path = try options.path()
        do throws(ControlClient.Failure) {
            let client = try ControlClient(path: path, timeout: options.limit())
            return (try ControlClient.read(HistoryReply.self, from: try client.call(.history, [])).events, nil)
        } catch {
            let file = try options.runDirectory() + "/history"
            let events = KeptHistory.events(in: file)
            let sentence = options.sentence(for: error, path: path)
            Terminal.complain(events.isEmpty ? sentence : "\(sentence) This is what it has left in \(file):")
            let code = ExitCode(FailureText.exitCode(for: error))
            if events.isEmpty { throw code }
            return (events, code)
        }
    }

    /// In the order in which they happened: what a worker did while its hasupd was replaced is told, and so kept, later.
    /// A clock that was set back further than that is left to speak for itself.
    static func inOrder(_ events: [WatchEvent]) -> [WatchEvent] {
        var ordered: [WatchEvent] = []
        ordered.reserveCapacity(events.count)
        for event in events {
            var place = ordered.count
            if event.kind == "transition" {
                while place > 0, ordered[place - 1].unixSeconds > event.unixSeconds,
                    ordered[place - 1].unixSeconds - event.unixSeconds < WatchEvent.lateness.seconds
                {
                    place -= 1
                }
            }
            ordered.insert(event, at: place)
        }
        return ordered
    }

    /// The events that were asked for.
    static func choose(_ events: [WatchEvent], of name: String?, last count: Int?) -> [WatchEvent] {
        let events = inOrder(events)
        let chosen = name.map { name in events.filter { $0.instance == name } } ?? events
        return Array(chosen.suffix(count ?? chosen.count))
    }
}
