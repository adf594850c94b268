// hasup: the command line of operators, a client of the control socket and of the configuration's parser.
// Imports: what Package.swift lists.
// Begin with Hasup.swift, then Commands.swift; longer commands have files of their own.

import ArgumentParser
import Base
import CLinux
import Configuration
import ConfigurationModel
import Control
import Glibc
import Reactor
import Varlink

/// The command line's entrance.
@main struct Hasup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hasup",
        abstract: "Queries and controls a running hasupd; checks, formats and explains configurations.",
        discussion:
            "Exit status: 0 all is well; 1 something isn't, a check or reload found errors, or an instance is in "
            + "FAULT because of a reload; "
            + "2 hasupd can't be reached; 64 the command line is wrong.",
        version: hasupVersion,
        subcommands: [
            StatusCommand.self, ServicesCommand.self, StatsCommand.self, WatchCommand.self, CheckCommand.self,
            FormatCommand.self,
            ExplainCommand.self,
            HistoryCommand.self, ReportCommand.self, LogLevelCommand.self, ReloadCommand.self, UpgradeCommand.self,
            ResignCommand.self, TakeoverCommand.self, MaintenanceCommand.self,
            KeygenCommand.self, KeywordsCommand.self,
            VersionCommand.self, MeasureCommand.self,
        ])

    static func main() {
        hasup_open_standard_descriptors(O_RDONLY)
        let words = Array(CommandLine.arguments.dropFirst())
        if let word = words.first, let complaint = complaint(aboutCommand: word) {
            Terminal.complain(complaint)
            Glibc.exit(ExitCode.validationFailure.rawValue)
        }
        do {
            var command = try parseAsRoot(words)
            try command.run()
        } catch {
            let code = exitCode(for: error)
            if code == .success, fullMessage(for: error).contains("\nUSAGE: ") {
                Terminal.write(help(fullMessage(for: error, columns: Terminal.width), width: Terminal.width))
                Glibc.exit(0)
            }
            guard code == .validationFailure else { exit(withError: error) }
            Terminal.complain(usageComplaint(message(for: error), command: words.first))
            Glibc.exit(ExitCode.validationFailure.rawValue)
        }
    }

    /// The text of --help; the parser breaks all of its lines but the usage's.
    static func help(_ text: String, width: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard line.hasPrefix("USAGE: ") else { return String(line) }
            return Layout.wrap(String(line), width: width, indent: 0).joined(separator: "\n")
        }.joined(separator: "\n") + "\n"
    }

    /// The form of all usage errors: a sentence and a pointer to the help.
    static func usageComplaint(_ message: String, command: String?) -> String {
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        let help = command.flatMap { names.contains($0) ? "hasup \($0) --help" : nil } ?? "hasup --help"
        // Behind the first line the parser shows the usage, which --help has, too.
        let first = message.split(separator: "\n").first.map(String.init) ?? "the command line is wrong"
        let sentence = Printable.text(first.prefix(1).lowercased() + first.dropFirst())
        return sentence + (sentence.last.map { ".?!".contains($0) } == true ? "" : ".") + " Try \(help)."
    }

    /// The error for the first word; nil if it is an option or a command.
    static func complaint(aboutCommand word: String) -> String? {
        let commands = configuration.subcommands
        let names = commands.compactMap { $0.configuration.commandName } + ["help"]
        guard !word.hasPrefix("-"), !names.contains(word) else { return nil }
        let shown =
            commands.filter { $0.configuration.shouldDisplay }.compactMap { $0.configuration.commandName } + ["help"]
        let hint = nearestWord(to: word, among: shown).map { " Did you mean '\($0)'?" } ?? ""
        return "unknown command '\(Printable.text(word))'.\(hint) Try hasup --help."
    }
}

/// Options that choose the daemon and the time to wait for it.
struct ControlOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The control socket.", valueName: "path"))
    var control: String?

    @Option(name: .long, help: ArgumentHelp("The run directory of the daemon.", valueName: "dir"))
    var runDir: String?

    @Option(name: .long, help: ArgumentHelp("The daemon started with this --instance.", valueName: "name"))
    var instance: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How long to wait for an answer (default: 5, for reload and upgrade 60, for orders 70).",
            valueName: "seconds"))
    var timeout: Double?

    func validate() throws {
        if let timeout, !(timeout > 0 && timeout <= 86_400) {
            throw ValidationError("--timeout must be more than 0 and at most 86400 seconds.")
        }
        do throws(ControlPath.Failure) { _ = try path() } catch { throw ValidationError(error.description) }
    }

    func path() throws(ControlPath.Failure) -> String {
        try ControlPath.socket(
            explicit: control, runDirectory: runDir, instance: instance, namespace: ControlPath.currentNamespace())
    }

    /// The daemon's run directory: that of the control socket, if only that is named. - Throws: `ControlPath.Failure`.
    func runDirectory() throws(ControlPath.Failure) -> String {
        if let control, runDir == nil, let slash = control.lastIndex(of: "/") { return String(control[..<slash]) }
        return try ControlPath.runDirectory(
            explicit: runDir, instance: instance, namespace: ControlPath.currentNamespace())
    }

    /// Time to wait.
    func limit(seconds: Double = 5) -> Interval { Interval(nanoseconds: Int64((timeout ?? seconds) * 1e9)) }

    /// The sentence about a missing answer.
    func sentence(for failure: ControlClient.Failure, path: String) -> String {
        FailureText.sentence(for: failure, path: path, elsewhere: OtherDaemon.all(except: path))
    }

    /// Connects and calls; a failure ends the program with its sentence. `besides` is waited on top of what `--timeout` says.
    /// - Throws: `ExitCode`, `ControlPath.Failure`.
    func ask<Answer>(
        timeoutSeconds: Double = 5, besides: Interval = .zero,
        _ question: (ControlClient) throws(ControlClient.Failure) -> Answer
    ) throws -> Answer {
        let path = try path()
        do throws(ControlClient.Failure) {
            return try question(try ControlClient(path: path, timeout: limit(seconds: timeoutSeconds) + besides))
        } catch {
            Terminal.complain(sentence(for: error, path: path))
            throw ExitCode(FailureText.exitCode(for: error))
        }
    }
}

extension ControlOptions {
    /// Calls a method; its results as they came, and read. - Throws: `ExitCode`, `ControlPath.Failure`.
    func ask<Results: JSONRecord>(
        _ method: ControlMethod, with arguments: [JSONMember] = [], _ results: Results.Type, timeoutSeconds: Double = 5,
        besides: Interval = .zero
    ) throws -> (JSONText, Results) {
        try ask(timeoutSeconds: timeoutSeconds, besides: besides) { client throws(ControlClient.Failure) in
            let parameters = try client.call(method, arguments)
            return (parameters, try ControlClient.read(results, from: parameters))
        }
    }
}

/// Sentences about a missing answer.
enum FailureText {
    static func sentence(
        for failure: ControlClient.Failure, path: String, elsewhere: [OtherDaemon] = []
    ) -> String {
        switch failure {
        case .unreachable(let error):
            return
                "hasupd doesn't answer at \(path): \(SystemError.text(of: error.code)). \(advice(error.code, elsewhere))"
        case .timeout(let limit):
            return "hasupd at \(path) didn't answer within \(limit). It may still carry out the request: see "
                + "`hasup history` and its log."
        case .ended:
            return "hasupd at \(path) closed the connection without an answer. The reason is in its log."
        case .malformed(let reason):
            return "The program at \(path) isn't a hasupd of a known version: \(reason)."
        case .refused(let error):
            return "hasupd refused: \(reason(of: error))"
        }
    }

    private static func advice(_ code: Int32, _ elsewhere: [OtherDaemon]) -> String {
        switch code {
        case ENOENT, ECONNREFUSED:
            elsewhere.isEmpty
                ? "Is it running? `systemctl start hasup` starts it. If it has another control socket, name it with --control "
                    + "or --instance. If its own was removed: `systemctl kill -s HUP --kill-whom=main hasup` creates it "
                    + "again."
                : "Other control sockets: " + elsewhere.map(\.advice).joined(separator: "; ") + "."
        case EACCES, EPERM:
            "Only root and members of the group 'hasup' may connect: use sudo, or join the group."
        default: "See its log."
        }
    }

    private static func reason(of error: VarlinkError) -> String {
        let detail = error.parameters.first.map { member in
            switch member.value {
            case .string(let text): text
            case .int(let number): "\(number)"
            case .null, .bool, .double, .array, .object: member.name
            }
        }
        switch error.name {
        case VarlinkError.permissionDenied.name:
            return "only root and members of the group 'hasup' may do this."
        case "\(ControlInterface.name).TooManyClients":
            return "it serves \(detail ?? "as many") clients already; try again in a moment."
        case "\(ControlInterface.name).Unavailable": return detail ?? "the request can't be served now."
        case "org.varlink.service.MethodNotFound":
            return "its version doesn't know \(detail ?? "this"). Is it older than this program?"
        default: return detail.map { "\(error.name) (\($0))." } ?? "\(error.name)."
        }
    }

    /// 2 without an answer of a daemon, 1 if it refused.
    static func exitCode(for failure: ControlClient.Failure) -> Int32 {
        switch failure {
        case .unreachable, .timeout, .ended, .malformed: 2
        case .refused: 1
        }
    }
}
