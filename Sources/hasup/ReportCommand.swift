import ArgumentParser
import Base
import Configuration
import ConfigurationModel
import Control
import Files
import Glibc
import Reactor

/// hasup report
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes a bug report to one text file, without secrets.",
        discussion: "It contains the daemon's status and last log lines, the configuration and its findings, and the "
            + "interfaces, addresses, routes and rules of this machine. Passwords, keys and the arguments of scripts are "
            + "left out; addresses and names stay. Review it before you send it.")

    @OptionGroup var options: ControlOptions
    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp(
            "Write to this file, which must not exist; - is standard output (default: hasup-report-HOST-TIME.txt).",
            valueName: "file"), completion: .file())
    var output: String?
    @Option(
        name: [.customShort("f"), .long],
        help: ArgumentHelp(
            "The configuration, instead of the daemon's (without one: /etc/keepalived/keepalived.conf).",
            valueName: "file"), completion: .file(extensions: ["conf"]))
    var file: String?

    @Option(
        name: .customLong("guard"),
        help: ArgumentHelp(
            "The file of the cluster blocks, when hasupd was started with this option (default: guard.conf beside the "
                + "configuration, if there is one).", valueName: "file"), completion: .file(extensions: ["conf"]))
    var guardFile: String?

    func run() throws {
        // Before the work, so that a missing permission is reported at once.
        let path = output ?? Self.defaultName(host: SystemEnvironment.nodeName(), at: .now)
        let target = path == "-" ? nil : try Self.create(path)
        var report = Report()
        report.add(
            "Program", "hasup \(hasupVersion), run by uid \(getuid()) at \(LocalTime.now.date) \(LocalTime.now.text)")
        let status = report.addDaemon(options)
        let file = file ?? status?.daemon.configurationFile ?? "/etc/keepalived/keepalived.conf"
        var environment = SystemEnvironment.current(checksInterfaces: true)
        environment.guardFile = guardFile.map { .named($0) } ?? .beside
        let secrets = SecretFinder(report.addConfiguration(file, environment))
        if let pid = status?.daemon.pid, NamespaceCheck.isElsewhere(pid: pid) == true {
            report.omit(
                "the interfaces, addresses, routes and rules of hasupd's own network namespace: the report was made in "
                    + "another, whose are shown and used by `hasup check`. `nsenter --net --target \(pid) hasup report` "
                    + "makes it in the right one")
        }
        report.addMachine(daemon: status?.daemon.pid)
        let text = report.render(without: secrets)
        if let target {
            try Self.write(text, to: target, path)
        } else {
            Terminal.write(text)
        }
        let omissions = report.omissions.map { "  - \(Printable.text(secrets.redacted($0)))\n" }.joined()
        Terminal.writeError("Left out:\n\(omissions)")
        Terminal.writeError(
            "\(path == "-" ? "The report" : Printable.text(path)) contains names, addresses and log lines of this machine: "
                + "review it before you send it.\n")
    }

    /// `hasup-report-HOST-YYYYMMDD-HHMMSS.txt`
    static func defaultName(host: String, at time: LocalTime) -> String {
        let host = host.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") ? $0 : "_" }
        let digits = "\(time.date)-\(time.text.prefix(8))".filter { $0.isNumber }
        return "hasup-report-\(String(host))-\(digits.prefix(8))-\(digits.dropFirst(8)).txt"
    }

    private static func create(_ path: String) throws -> Int32 {
        // It must not overwrite another file, and only its owner may read it.
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            Terminal.complain(
                "can't write \(Printable.text(path)): \(SystemError.text(of: errno)). Choose another one with -o.")
            throw ExitCode(1)
        }
        return number
    }

    private static func write(_ text: String, to target: Int32, _ path: String) throws {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(target, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                Terminal.complain("can't write \(Printable.text(path)): \(SystemError.text(of: errno)).")
                unlink(path)
                throw ExitCode(1)
            }
            written += count
        }
        close(target)
    }
}
