import ArgumentParser
import Base
import Control
import Varlink

/// hasup log-level
struct LogLevelCommand: ParsableCommand {
    /// From the most to the least.
    static let levels = ControlInterface.logLevels

    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Prints or changes the daemon's log level.",
        discussion: "A change lasts until the next one, or until the daemon exits.")

    @OptionGroup var options: ControlOptions
    @Argument(
        help: ArgumentHelp(
            "The new level, one of \(Self.levels.joined(separator: ", ")). Without it the level is printed.",
            valueName: "level"))
    var level: String?

    func validate() throws {
        if let level, !Self.levels.contains(level) {
            throw ValidationError("'\(level)' isn't one of \(Self.levels.joined(separator: ", ")).")
        }
    }

    func run() throws {
        guard let level else {
            let (_, status) = try options.ask(.status, StatusReply.self)
            return Terminal.write("\(Printable.text(status.daemon.logLevel))\n")
        }
        let (_, reply) = try options.ask(
            .setLogLevel, with: [JSONMember("level", .string(level))], LogLevelReply.self)
        Terminal.write("\(Printable.text(reply.before)) -> \(level)\n")
    }
}
