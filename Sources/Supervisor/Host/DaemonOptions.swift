import Base
import Configuration
import ConfigurationModel
import Control
import Logging
import Sandbox

/// The options of hasupd's command line. `table` is the only list of them: parsing and `--help` are made from it.
struct DaemonOptions {
    var file = "/etc/keepalived/keepalived.conf"
    var foreground = false
    var controlPath: String?
    var runDirectory: String?
    var instance: String?
    var violation = SeccompViolation.refuse
    /// True if the workers may run without system call filters where the kernel has none.
    var isFilterOptional = false
    var keepsCore = false
    var logLevel = Logger.Level.info
    var configID: String?
    /// The file of cluster blocks; nil for guard.conf beside the main file, where it may be missing.
    var guardFile: String?
    /// Pid files of hasupd, its VRRP worker and its checker. Nil for the default one of hasupd, and for none of the others.
    var pidFile: String?
    var vrrpPidFile: String?
    var checkersPidFile: String?
    /// The file that changes of IPVS's table are written into, instead of the kernel (docs/decisions, D69).
    var recordFile: String?
    /// Time that the VRRP worker runs on after hasupd has died (docs/decisions, D10).
    var grace = Interval.seconds(2)

    /// The fault of a command line, a sentence without its end.
    struct UsageError: Error {
        let message: String
    }

    enum Parsed {
        case run(DaemonOptions)
        case help
        case version
        case signal(Int32)
        case formats
        case check(DaemonOptions)
    }

    private struct Row {
        let names: [String]
        let argument: String?
        let text: String
    }

    private static let table = [
        Row(names: ["-f", "--use-file"], argument: "FILE", text: "read this configuration"),
        Row(names: ["-n", "--foreground"], argument: nil, text: "log to standard error"),
        Row(names: ["--control"], argument: "PATH", text: "put the control socket here"),
        Row(names: ["--run-dir"], argument: "DIR", text: "keep the lock and the control socket here"),
        Row(names: ["--instance"], argument: "NAME", text: "run under this name, beside other instances"),
        Row(names: ["-p", "--pid"], argument: "FILE", text: "write the pid here, not into the run directory"),
        Row(names: ["-r", "--vrrp_pid"], argument: "FILE", text: "write the pid of the VRRP worker here"),
        Row(names: ["-c", "--checkers_pid"], argument: "FILE", text: "write the pid of the checker here"),
        Row(names: ["-i", "--config-id"], argument: "ID", text: "the ID that @ID lines are compared with"),
        Row(names: ["--guard"], argument: "FILE", text: "read the split-brain guard's cluster blocks here"),
        Row(names: ["--log-level"], argument: "LEVEL", text: "debug, info (default), notice, warning or error"),
        Row(names: ["--seccomp"], argument: "ACTION", text: "errno (default), kill, log, optional: hasupd(8)"),
        Row(names: ["--core"], argument: nil, text: "let a crash leave a core file"),
        Row(names: ["--grace"], argument: "SECONDS", text: "how long VRRP runs on after hasupd dies (2)"),
        Row(names: ["--ipvs-record"], argument: "FILE", text: "write IPVS's changes here, not into the kernel"),
        Row(names: ["-h", "--help"], argument: nil, text: "show this text"),
        Row(names: ["-v", "--version"], argument: nil, text: "show the version"),
        Row(names: ["--signum"], argument: "NAME", text: "show the number of the signal of this name"),
        Row(names: ["--formats"], argument: nil, text: "show the version and the state formats it reads"),
        Row(names: ["--check"], argument: nil, text: "only check the configuration as at a start"),
    ]

    private static let violations: [String: SeccompViolation] = ["errno": .refuse, "kill": .killProcess, "log": .log]

    /// Reads the arguments after the program's name. - Throws: `UsageError`.
    static func parse(_ arguments: [String]) throws(UsageError) -> Parsed {
        var options = DaemonOptions()
        var isCheck = false
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if let words = splitShortOptions(word) {
                rest = words + rest
                continue
            }
            let parts = word.hasPrefix("--") ? word.split(separator: "=", maxSplits: 1) : [word[...]]
            guard let name = parts.first.map(String.init), let row = table.first(where: { $0.names.contains(name) })
            else { throw UsageError(message: usageMessage(for: word)) }
            var value = ""
            if let argument = row.argument {
                guard let given = parts.count == 2 ? String(parts[1]) : rest.popFirst(), !given.isEmpty else {
                    throw UsageError(message: "\(name) needs \(argument)")
                }
                value = given
            } else if parts.count == 2 {
                throw UsageError(message: "\(name) takes no value")
            }
            switch row.names.last {
            case "--use-file": options.file = value
            case "--foreground": options.foreground = true
            case "--control": options.controlPath = value
            case "--run-dir": options.runDirectory = value
            case "--instance":
                guard value.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 > 32 }), !value.hasPrefix(".") else {
                    throw UsageError(message: "--instance '\(value)' can't be part of a path")
                }
                options.instance = value
            case "--config-id": options.configID = value
            case "--guard": options.guardFile = value
            case "--pid": options.pidFile = value
            case "--vrrp_pid": options.vrrpPidFile = value
            case "--checkers_pid": options.checkersPidFile = value
            case "--log-level":
                guard ControlInterface.logLevels.contains(value), let level = Logger.Level(rawValue: value) else {
                    let list = ControlInterface.logLevels.joined(separator: ", ")
                    throw UsageError(message: "unknown level '\(value)': it is one of \(list)")
                }
                options.logLevel = level
            case "--seccomp":
                options.isFilterOptional = value == "optional"
                guard let violation = options.isFilterOptional ? .refuse : violations[value] else {
                    throw UsageError(message: "--seccomp takes errno, kill, log or optional, not '\(value)'")
                }
                options.violation = violation
            case "--core": options.keepsCore = true
            case "--grace":
                guard let seconds = Self.decimal(value), (0...60).contains(seconds) else {
                    throw UsageError(message: "--grace takes 0 to 60 seconds such as 0.5, not '\(value)'")
                }
                options.grace = Interval(nanoseconds: Int64(seconds * 1e9))
            case "--ipvs-record": options.recordFile = value
            case "--help": return .help
            case "--version": return .version
            case "--signum":
                guard let named = NamedSignal.all.first(where: { $0.name == value }) else {
                    let list = NamedSignal.all.map(\.name).joined(separator: ", ")
                    throw UsageError(message: "there is no signal '\(value)': the names are \(list)")
                }
                return .signal(named.number)
            case "--formats": return .formats
            case "--check": isCheck = true
            default: throw UsageError(message: "unknown option '\(word)'")
            }
        }
        return isCheck ? .check(options) : .run(options)
    }

    /// Splits `-fFILE` into `-f FILE` and `-nh` into `-n -h`, as getopt(3) does. Returns nil for any other word.
    private static func splitShortOptions(_ word: String) -> ArraySlice<String>? {
        let (name, more) = (String(word.prefix(2)), word.dropFirst(2))
        guard name != "--", !more.isEmpty, let row = table.first(where: { $0.names.contains(name) }) else { return nil }
        return [name, row.argument == nil ? "-\(more)" : String(more)]
    }

    /// Digits with at most one dot: not what `Double` reads beyond that (`1e1`, `0x2`, `nan`).
    private static func decimal(_ text: String) -> Double? {
        text.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) } ? Double(text) : nil
    }

    /// Replacements of keepalived's options, which a copied DAEMON_ARGS may have.
    private static let keepalived: [(names: [String], advice: String)] = [
        (["-D", "--log-detail"], "hasupd's log has the details; --log-level debug adds more"),
        (["-l", "--log-console", "-G", "--no-syslog"], "use -n to log to standard error"),
        (
            ["-S", "--log-facility", "-g", "--log-file"],
            "hasupd logs to the journal, syslog or, with -n, standard error"
        ),
        (["--dont-fork"], "hasupd never forks; use -n to log to standard error"),
        (["-t", "--config-test"], "use `hasup check FILE`"),
        (["-d", "--dump-conf"], "use `hasup check --effective FILE`"),
        (
            ["-P", "--vrrp", "-C", "-B", "--no_bfd", "--all"],
            "hasupd starts the processes that the configuration needs"
        ),
        (
            ["-V", "--dont-release-vrrp", "-I", "--dont-release-ipvs"],
            "`systemctl restart hasup` keeps the addresses; a stop removes them"
        ),
        (["-m", "--core-dump", "-M", "--core-dump-pattern"], "use --core"),
        (["-x", "--snmp"], "hasupd doesn't have SNMP yet"),
    ]

    private static func usageMessage(for word: String) -> String {
        guard word.hasPrefix("-") else {
            return "hasupd takes only options, not '\(word)'; name the configuration with -f"
        }
        if let row = keepalived.first(where: { $0.names.contains(word) }) {
            return "'\(word)' is an option of keepalived: \(row.advice)"
        }
        let hint = nearestWord(to: word, among: table.flatMap(\.names)).map { ". Did you mean '\($0)'?" } ?? ""
        return "unknown option '\(word)'\(hint)"
    }

    static var help: String {
        var lines = [
            "Usage: hasupd [-f FILE] [OPTION]...",
            "Keeps service addresses available with VRRP, as configured in keepalived.conf.", "",
        ]
        for row in table {
            let left = row.names.joined(separator: ", ") + (row.argument.map { " " + $0 } ?? "")
            lines.append("  " + left + String(repeating: " ", count: max(1, 26 - left.count)) + row.text)
        }
        lines += [
            "", "The default FILE is \(DaemonOptions().file);",
            "the default ID is the host name up to its first dot. Without --guard,",
            "guard.conf beside FILE is read when it is there.",
            "The log goes to the journal under systemd, to standard error on a terminal or with",
            "-n, else to syslog, or to standard error without syslog.",
            "See hasupd(8) and hasup(1).",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}
