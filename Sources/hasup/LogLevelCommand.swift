import ArgumentParser
import Base
import Control
import Varlink

/// hasup log-level
struct LogLevelCommand: ParsableCommand {
    /// From the most to the least.
    static let levels = ControlInterface.logLevels

    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Prints or changes how much the daemon logs.",
        discussion: "A change lasts until the next one, or until the daemon ends.")

    @OptionGroup var options: ControlOptions
    @Argument(
        help: ArgumentHelp("One of \(Self.levels.joined(separator: ", ")); nothing to print it.", valueName: "level"))
    var level: String?

    func validate() throws {
        if let level, !Self.levels.contains(level) {
            throw ValidationError("'\(level)' is none of \(Self.levels.joined(separator: ", ")).")
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
