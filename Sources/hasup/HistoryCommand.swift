import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Control
import Varlink

/// hasup history
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Prints past events: transitions, reloads, exits of processes.",
        discussion: "The daemon keeps the last 1,000 events. They survive the daemon, not a reboot.")

    @OptionGroup var options: ControlOptions
    @Argument(help: ArgumentHelp("Only this instance's events.", valueName: "name")) var name: String?
    @Option(
        name: [.customShort("n", allowingJoined: true), .long],
        help: ArgumentHelp("Only the last COUNT events.", valueName: "count"))
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
                Terminal.complain("there is no instance '\(Printable.text(name))', and none in the history.\(hint)")
                throw ExitCode(1)
            }
        }
        if chosen.isEmpty, !json { Terminal.complain("no events yet\(name.map { " of \($0)" } ?? "").") }
    }

    /// The daemon's events; without an answer those of its file, with the exit status for that.
    private func events() throws -> ([WatchEvent], ExitCode?) {
        let path = try options.path()
        do throws(ControlClient.Failure) {
            let client = try ControlClient(path: path, timeout: options.limit())
            return (try ControlClient.read(HistoryReply.self, from: try client.call(.history, [])).events, nil)
        } catch {
            let file = try options.runDirectory() + "/history"
            let events = HistoryCommand.savedEvents(in: file)
            let sentence = options.sentence(for: error, path: path)
            Terminal.complain(events.isEmpty ? sentence : "\(sentence) These events are from \(file):")
            let code = ExitCode(FailureText.exitCode(for: error))
            if events.isEmpty { throw code }
            return (events, code)
        }
    }

    /// The events in the history file of a hasupd that doesn't answer, the oldest first; lines that aren't events are
    /// ignored.
    static func savedEvents(in path: String) -> [WatchEvent] {
        guard case .success(let bytes) = FileTail.bytes(of: path, max: 8 << 20) else { return [] }
        return bytes.split(separator: 0x0a).compactMap { try? WatchEvent(parsing: $0) }
    }

    /// Events in the order in which they happened: those of a worker whose hasupd was being replaced are reported, and so
    /// saved, later. A greater disorder is that of a clock that was set back, and stays.
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

    /// The requested events.
    static func choose(_ events: [WatchEvent], of name: String?, last count: Int?) -> [WatchEvent] {
        let events = inOrder(events)
        let chosen = name.map { name in events.filter { $0.instance == name } } ?? events
        return Array(chosen.suffix(count ?? chosen.count))
    }
}
