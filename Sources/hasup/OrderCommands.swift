import ArgumentParser
import Base
import Control
import Varlink

/// The instance or the sync group of an order.
struct OrderSubject: ParsableArguments {
    @Argument(help: ArgumentHelp("An instance or a sync group.", valueName: "name")) var name: String?
    @Flag(help: "Every sync group, and every instance that is in none.") var all = false

    func validate() throws {
        if (name != nil) == all { throw ValidationError("Name an instance or a sync group, or say --all.") }
    }
}

extension ControlOptions {
    /// Time that the answer to an order may take: a before_master or a before_release may take a minute.
    private static let orderSeconds = 70.0
    /// Time that hasupd's answer may take besides: it asks its worker first, and waits for that one's last report.
    private static let answerTime = Interval.seconds(5)

    /// Gives an order and prints its outcome. - Throws: `ExitCode`, `ControlPath.Failure`.
    func give(
        _ method: ControlMethod, to subject: OrderSubject, _ arguments: [JSONMember] = [], json: Bool
    ) throws {
        // hasupd ends the waiting and says what has become of the order. This program waits longer than that.
        let wait = JSONMember("wait_seconds", .double(timeout ?? Self.orderSeconds))
        let whom = subject.name.map { JSONMember("name", .string($0)) } ?? JSONMember("all", .bool(true))
        let (parameters, reply) = try ask(
            method, with: arguments + [whom, wait], OrderReply.self, timeoutSeconds: Self.orderSeconds,
            besides: Self.answerTime)
        if json {
            Terminal.write(parameters.bytes + [0x0a])
        } else {
            Terminal.write(OrderText.render(reply.results, isForAll: subject.all))
        }
        if !reply.results.allSatisfy(\.ok) { throw ExitCode(1) }
    }
}

/// The outcome of an order for people.
enum OrderText {
    static func render(_ results: [OrderResult], isForAll: Bool) -> String {
        guard isForAll else { return results.map { Printable.text($0.text) + "\n" }.joined() }
        guard !results.isEmpty else { return "no instance is configured\n" }
        return results.map { result in
            let name = Printable.text(result.name)
            return "\(result.isGroup ? "sync group \(name)" : name): \(Printable.text(result.text))\n"
        }.joined()
    }
}

/// hasup resign
struct ResignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resign", abstract: "Hands mastership over to another router, and waits for the result.",
        discussion:
            "The addresses stay until the successor is heard, so clients lose nothing. Afterwards a master with a lower "
            + "priority is left alone until it falls silent, or until 'hasup takeover'. If nobody takes over, it is "
            + "MASTER again. Exit status 1 then.")

    @OptionGroup var options: ControlOptions
    @OptionGroup var subject: OrderSubject
    @Flag(help: "Print the result as JSON.") var json = false

    func run() throws { try options.give(.resign, to: subject, json: json) }
}

/// hasup takeover
struct TakeoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "takeover", abstract: "Becomes MASTER by a higher priority, and waits for the result.",
        discussion:
            "nopreempt and preempt_delay don't count. The priority stays raised until this node isn't MASTER any more, or "
            + "until 'hasup resign'. Refused while the master has priority 254 or more.")

    @OptionGroup var options: ControlOptions
    @OptionGroup var subject: OrderSubject
    @Flag(help: "Print the result as JSON.") var json = false

    func run() throws { try options.give(.takeover, to: subject, json: json) }
}

/// hasup maintenance
struct MaintenanceCommand: ParsableCommand {
    enum State: String, ExpressibleByArgument, CaseIterable {
        case on
        case off
    }

    static let configuration = CommandConfiguration(
        commandName: "maintenance", abstract: "Keeps this node from being MASTER, or ends that.",
        discussion:
            "It hands over as 'hasup resign' does, and stays BACKUP whatever happens: over crashes, reloads, restarts and "
            + "upgrades, not over a reboot. If nobody takes over, the addresses are nobody's: exit status 1.")

    @OptionGroup var options: ControlOptions
    @Argument(help: "on or off.") var state: State
    @OptionGroup var subject: OrderSubject
    @Flag(help: "Print the result as JSON.") var json = false

    func run() throws {
        try options.give(.maintenance, to: subject, [JSONMember("on", .bool(state == .on))], json: json)
    }
}
