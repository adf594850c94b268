import ArgumentParser
import Base
import Control
import Glibc
import Reactor
import Varlink

/// hasup upgrade
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Makes the daemon become the program that is installed by now.",
        discussion: "Masters stay masters and no address is moved. It is refused, and nothing changes, when the new "
            + "program can't be run or the configuration has errors.")

    @OptionGroup var options: ControlOptions
    @Flag(help: "Print the result as JSON.") var json = false

    func run() throws { _ = try DaemonUpgrade(options).upgrade(onlyIfChanged: false, json: json) }
}

/// The daemon that is asked for an upgrade, and the one that it becomes.
struct DaemonUpgrade {
    /// How long the daemon may take to be replaced, after it has said that it will be.
    private static let timeout = Interval.seconds(5)
    /// How long one that has closed the connection may take to end: it waits for scripts.
    private static let endPatience: Int32 = 5_000
    private static let pauseMilliseconds: Int32 = 20

    let options: ControlOptions

    init(_ options: ControlOptions) { self.options = options }

    /// Upgrades it and prints what it was and is. - Returns: false when it was left, because it is the program that is
    /// installed. - Throws: `ExitCode`.
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
            Terminal.write("hasupd \(before) -> \(after == before ? "\(after), the same version anew" : after)\n")
        }
        return true
    }

    /// What the daemon says; when it says that it will be replaced, also waits until it is about to be.
    private func ask(
        _ client: ControlClient, onlyIfChanged: Bool, _ process: DaemonProcess?, _ path: String
    ) throws(ControlClient.Failure) -> UpgradeReply {
        do throws(ControlClient.Failure) {
            // The daemon says whether it is another program only when the answer matters to it.
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
                Terminal.complain("hasupd at \(path) didn't become the new program: its log says why.")
                Glibc.exit(1)
            }
            return reply
        } catch {
            // Who ends closes the connection first.
            if error == .ended, let process, process.ends(within: Self.endPatience) { Self.tellEnd(of: process) }
            throw error
        }
    }

    private static func tellEnd(of process: DaemonProcess) -> Never {
        Terminal.complain("hasupd (pid \(process.pid)) has ended, and wasn't upgraded: its log says why.")
        Glibc.exit(1)
    }

    /// The version of what answers now and has a VRRP worker that runs. It is the same process: another one that answers
    /// after its end isn't what it has become. - Throws: `ExitCode`.
    private func awaitSuccessor(of process: DaemonProcess?, at path: String) throws -> String {
        let deadline = Clock.now + Interval(nanoseconds: Int64((options.timeout ?? 60) * 1e9))
        while Clock.now < deadline {
            if let process, process.ends(within: 0) { Self.tellEnd(of: process) }
            if let client = try? ControlClient(path: path, timeout: .seconds(2)),
                let status = try? client.call(.status, StatusReply.self), status.daemon.workerTrouble == nil
            {
                return status.daemon.version
            }
            if process?.ends(within: Self.pauseMilliseconds) == nil { usleep(UInt32(Self.pauseMilliseconds) * 1_000) }
        }
        Terminal.complain("What hasupd has become doesn't answer at \(path), or has no VRRP worker: its log says why.")
        throw ExitCode(2)
    }
}
