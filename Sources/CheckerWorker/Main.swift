// CheckerWorker: the program `hasup-checker`, which will run health checks.
// Imports: Base, CLinux, Reactor, Sandbox, WorkerProtocol.
// Begin with Main.swift, the only file.

import CLinux
import Glibc
import Reactor
import Sandbox
import WorkerProtocol

/// `hasup-checker`: no capability at all, because it is to read untrusted bytes of the network. Without checks to run
/// it says that it is ready and waits. Descriptor 3 is hasupd, 4 the compiled system call filter, 5 its own image.
@main
enum Main {
    /// Connections that checks may have open at once.
    private static let descriptorsMax: UInt64 = 4_096

    static func main() {
        hasup_open_standard_descriptors(O_RDWR)
        hasup_process_name_set("hasup-checker")
        // It is born realtime, so that hasupd needn't wait for it.
        Realtime.end()
        guard let options = SandboxArguments(words: CommandLine.arguments.dropFirst()) else { exit(64) }
        do throws(SystemError) {
            // The loop's own descriptors bring no input; after the seal none can be made.
            let loop = try EventLoop()
            let report = seal(
                as: SandboxPlan(options, filter: 4, landlock: .checker, descriptorsMax: descriptorsMax))
            close(4)
            close(5)
            let channel = try Channel(
                Descriptor(owning: 3), on: loop,
                onFrame: { frame throws(FrameError) in
                    switch try SupervisorToChecker(frame) {
                    case .hello(let version, _):
                        guard version == workerProtocolVersion else { throw .version(version) }
                    case .stop: exit(0)
                    }
                }, onEnd: { _ in exit(0) })
            let sealed = SandboxReport(
                shortfalls: report.shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
                isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? "")
            CheckerToSupervisor.hello(version: workerProtocolVersion, sealed).send(on: channel)
            if let refusal = report.refusal(for: options) {
                CheckerToSupervisor.log(.error, refusal).send(on: channel)
                exit(77)
            }
            try loop.run()
            withExtendedLifetime(channel) {}
        } catch {
            StandardError.writeLine("hasup-checker: \(error)")
            exit(71)
        }
    }
}
