import ArgumentParser
import Base
import Control
import Glibc
import Reactor
import Varlink

/// hasup upgrade
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Replaces the running daemon by the installed program.",
        discussion: "Masters stay masters and no address moves. If the new program can't be run, or the configuration "
            + "has errors, the upgrade is refused and nothing changes.")

    @OptionGroup var options: ControlOptions
    @Flag(help: "Print the result as JSON.") var json = false

    func run() throws { _ = try DaemonUpgrade(options).upgrade(onlyIfChanged: false, json: json) }
}

/// An upgrade of one daemon, from the request until the new program answers.
struct DaemonUpgrade {
    /// Limit from the daemon's consent to its replacement.
    private static let timeout = Interval.seconds(5)
    /// Limit for the exit of a daemon that has closed the connection: it waits for scripts.
    private static let exitTimeout: Int32 = 5_000
    private static let pauseMilliseconds: Int32 = 20

    let options: ControlOptions

    init(_ options: ControlOptions) { self.options = options }

    /// Upgrades the daemon and prints both versions. - Returns: false if nothing was done, because it is the installed
    /// program already. - Throws: `ExitCode`.
    func upgrade(onlyIfChanged: Bool, json: Bool) throws -> Bool {
        let path = try options.path()
        var process: DaemonProcess?
        let reply = try options.ask(timeoutSeconds: 60) { client throws(ControlClient.Failure) in
            process = DaemonProcess(of: client)
            return try ask(client, onlyIfChanged: onlyIfChanged, process, path)
        }
        if reply.unchanged, onlyIfChanged { return false }
        let version = try awaitSuccessor(of: process, at: path)
        if json {
            var result = UpgradeReply()
            result.before = reply.before
            result.version = version
            result.unchanged = reply.unchanged
            var writer = JSONWriter()
            result.write(into: &writer)
            Terminal.write(writer.bytes + [0x0a])
        } else {
            let (before, after) = (Printable.text(reply.before), Printable.text(version))
            Terminal.write("hasupd \(before) -> \(after == before ? "\(after), the same version" : after)\n")
        }
        return true
    }

    /// Asks the daemon and, if it agrees, waits until it is being replaced.
    private func ask(
        _ client: ControlClient, onlyIfChanged: Bool, _ process: DaemonProcess?, _ path: String
    ) throws(ControlClient.Failure) -> UpgradeReply {
        do throws(ControlClient.Failure) {
            // Only with the condition does the daemon compare itself with the installed program.
            let condition = JSONMember("only_if_changed", .bool(true))
            var reply = try ControlClient.read(UpgradeReply.self, from: client.call(.upgrade, [condition]))
            if reply.unchanged {
                if onlyIfChanged { return reply }
                reply = try ControlClient.read(UpgradeReply.self, from: client.call(.upgrade, []))
                reply.unchanged = true
            }
            do throws(ControlClient.Failure) {
                try client.waitForEnd(within: Self.timeout)
            } catch {
                Terminal.complain("hasupd at \(path) wasn't upgraded. The reason is in its log.")
                Glibc.exit(1)
            }
            return reply
        } catch {
            // A daemon that exits closes the connection first.
            if error == .ended, let process, process.ends(within: Self.exitTimeout) { Self.reportExit(of: process) }
            throw error
        }
    }

    private static func reportExit(of process: DaemonProcess) -> Never {
        Terminal.complain("hasupd (pid \(process.pid)) exited and wasn't upgraded. The reason is in its log.")
        Glibc.exit(1)
    }

    /// Waits for an answer of the new program with a running VRRP worker, and returns its version. It must be the same
    /// process: another daemon may answer after this one's exit. - Throws: `ExitCode`.
    private func awaitSuccessor(of process: DaemonProcess?, at path: String) throws -> String {
        let deadline = Clock.now + Interval(nanoseconds: Int64((options.timeout ?? 60) * 1e9))
        while Clock.now < deadline {
            if let process, process.ends(within: 0) { Self.reportExit(of: process) }
            if let client = try? ControlClient(path: path, timeout: .seconds(2)),
                let status = try? client.call(.status, StatusReply.self), status.daemon.workerTrouble == nil
            {
                return status.daemon.version
            }
            if process?.ends(within: Self.pauseMilliseconds) == nil { usleep(UInt32(Self.pauseMilliseconds) * 1_000) }
        }
        Terminal.complain(
            "The upgraded hasupd doesn't answer at \(path), or has no VRRP worker. The reason is in its log.")
        throw ExitCode(2)
    }
}
