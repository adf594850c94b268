import ArgumentParser
import Base
import Configuration
import Control
import VRRP
import Varlink

/// hasup stats
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Prints the counters of each instance.",
        discussion:
            "An instance's first lines are those of keepalived's file keepalived.stats, and mean the same. Behind them "
            + "stand hasup's own. All count since the instance was configured, or since the last --reset.")

    @OptionGroup var options: ControlOptions
    @Argument(help: ArgumentHelp("Only this instance's counters.", valueName: "name")) var name: String?
    @Flag(help: "Print the counters as JSON.") var json = false
    @Flag(help: "Count from zero again. The counters until now are printed.") var reset = false

    func run() throws {
        let counters = try self.counters()
        if counters.isEmpty {
            let known = try options.ask(.instances, InstancesReply.self).1.instances.map(\.name)
            Terminal.complain(Self.complaint(about: name, among: known))
            throw ExitCode(1)
        }
        if json {
            var reply = ResetStatisticsReply()
            reply.instances = counters
            var writer = JSONWriter()
            reply.write(into: &writer)
            Terminal.write(writer.bytes + [0x0a])
        } else {
            Terminal.write(counters.map(Self.text).joined())
        }
    }

    /// A sentence on an answer without instances.
    static func complaint(about name: String?, among known: [String]) -> String {
        if let name, !known.contains(name) {
            let hint = nearestWord(to: name, among: known).map { " Did you mean '\($0)'?" } ?? ""
            return "there is no instance '\(Printable.text(name))'.\(hint)"
        }
        return known.isEmpty
            ? "there is no instance." : "the VRRP worker, which counts, doesn't answer: see `hasup status --processes`."
    }

    private func counters() throws -> [InstanceStatistics] {
        if reset {
            let arguments = name.map { [JSONMember("name", .string($0))] } ?? []
            return try options.ask(.resetStatistics, with: arguments, ResetStatisticsReply.self).1.instances
        }
        let all = try options.ask(.statistics, StatisticsReply.self).1.instances
        return name.map { name in all.filter { $0.name == name } } ?? all
    }

    /// One instance's: keepalived's counters, then hasup's own in a section of the same form.
    static func text(of instance: InstanceStatistics) -> String {
        let counters = instance.counters
        var lines = ["Send failures: \(counters.sendFailures)"]
        lines += counters.discarded.entries.map { "Discarded (\(StatusTable.words(for: $0.name))): \($0.count)" }
        lines += counters.remarks.entries.map {
            "Accepted (\(Anomaly(name: $0.name)?.words ?? Printable.text($0.name))): \($0.count)"
        }
        return instance.keepalived.text(of: Printable.text(instance.name)) + "  hasup:\n"
            + lines.map { "    \($0)\n" }.joined()
    }
}
