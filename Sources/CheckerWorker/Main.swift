// CheckerWorker: the program `hasup-checker`, the shell around the core `Checker`: sockets and messages, no decisions.
// Imports: Base, CLinux, ConfigurationModel, LoadBalancing, Reactor, Sandbox, WorkerProtocol.
// Begin with Main.swift, then the drawing in CheckerShell.swift.

import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import Sandbox
import WorkerProtocol

/// `hasup-checker`: no capability at all, because it is to read untrusted bytes of the network. Descriptor 3 is hasupd,
/// 4 the compiled system call filter, 5 its own image. Arguments: the words of `SandboxArguments`, then those of
/// `CheckerArguments`.
@main
enum Main {
    /// Descriptors that it may have open.
    private static let descriptorsMax: UInt64 = 16_384
    /// Descriptors that aren't connections: its channel, its page, the loop's, a configuration on its way.
    private static let reserve = 32

    static func main() {
        hasup_configure_malloc()
        hasup_open_standard_descriptors(O_RDWR)
        hasup_process_name_set("hasup-checker")
        // It is born realtime, so that hasupd needn't wait for it.
        Realtime.end()
        let words = CommandLine.arguments.dropFirst()
        guard let options = SandboxArguments(words: words.prefix(SandboxArguments.wordCount)),
            let wishes = CheckerArguments(words: words.dropFirst(SandboxArguments.wordCount))
        else { exit(64) }
        do throws(SystemError) {
            // The loop's own descriptors bring no input; after the seal none can be made.
            let loop = try EventLoop()
            var (soft, hard): (UInt64, UInt64) = (0, 0)
            try checked(hasup_limit_get(HASUP_LIMIT_DESCRIPTORS, &soft, &hard), "read the limit of descriptors")
            // Libraries are loaded before the seal (docs/decisions, D80).
            signal(SIGPIPE, SIG_IGN)
            let patternFailure = wishes.usesPatterns ? hasup_pattern_load().map { String(cString: $0) } : nil
            let tlsFailure = wishes.usesTLS ? hasup_tls_load().map { String(cString: $0) } : nil
            var plan = SandboxPlan(options, filter: 4, landlock: .checker, descriptorsMax: descriptorsMax)
            plan.realtime = Self.scheduling(wishes.process)
            let report = seal(as: plan)
            close(4)
            close(5)
            let connectionsMax = max(1, Int(min(hard, descriptorsMax)) - reserve)
            let messages = Messages(loop, connectionsMax: connectionsMax)
            let channel = try Channel(
                Descriptor(owning: 3), on: loop,
                onFrame: { frame throws(FrameError) in try messages.receive(frame) }, onEnd: { _ in exit(0) })
            messages.channel = channel
            let sealed = SandboxReport(
                shortfalls: report.shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
                isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? "")
            CheckerToSupervisor.hello(version: workerProtocolVersion, sealed).send(on: channel)
            for (failure, what) in [(patternFailure, "with a regex"), (tlsFailure, "by TLS")] {
                guard let failure else { continue }
                CheckerToSupervisor.log(.error, "checks \(what) aren't done: a library can't be loaded: \(failure)")
                    .send(on: channel)
            }
            if let refusal = report.refusal(for: options) {
                CheckerToSupervisor.log(.error, refusal).send(on: channel)
                exit(77)
            }
            try loop.run()
            withExtendedLifetime(messages) {}
        } catch {
            StandardError.writeLine("hasup-checker: \(error)")
            exit(71)
        }
    }

    /// Its scheduling; nil where nothing is configured.
    private static func scheduling(_ process: ProcessSettings) -> RealtimePlan? {
        guard process != ProcessSettings() else { return nil }
        var plan = RealtimePlan(
            priority: process.realtimePriority.map { Int32($0) }, niceness: process.nice.map { Int32($0) },
            locksMemory: process.locksMemory)
        plan.processors = process.processors.map { Int32($0) }
        plan.limit = process.realtimeLimit.map { UInt64(max(0, $0.nanoseconds / 1_000)) }
        return plan
    }
}

/// The messages of hasupd, in their order.
private final class Messages {
    private let loop: EventLoop
    private let connectionsMax: Int
    var channel: Channel?
    private var shell: CheckerShell?

    init(_ loop: EventLoop, connectionsMax: Int) {
        self.loop = loop
        self.connectionsMax = connectionsMax
    }

    func receive(_ frame: Frame) throws(FrameError) {
        let message = try SupervisorToChecker(frame)
        if case .hello(let version, let lastNotification) = message {
            guard version == workerProtocolVersion else { throw .version(version) }
            guard shell == nil, let channel else { throw .unexpected("a second hello") }
            let descriptor = try frame.descriptors.take(0)
            let page: CheckPage
            do throws(SystemError) {
                page = try CheckPage(descriptor)
            } catch {
                throw .unexpected("a page of checks that can't be used (\(error))")
            }
            shell = CheckerShell(
                on: loop, channel: channel, page: page, lastNotification: lastNotification,
                connectionsMax: connectionsMax)
            return
        }
        guard let shell else { throw .unexpected("a message before hello") }
        switch message {
        case .hello: break
        case .standings(let bytes): try shell.add(standings: bytes)
        case .addresses(let addresses, let arePresent): shell.take(addresses, arePresent: arePresent)
        case .scriptEnded(let check, let fingerprint, let bytes):
            try shell.take(endOf: Int(check), CheckFingerprint(value: fingerprint), bytes)
        case .socket(let check, let fingerprint):
            shell.take(try frame.descriptors.take(0), of: Int(check), CheckFingerprint(value: fingerprint))
        case .socketRefused(let check, let fingerprint, let error):
            shell.take(socketRefusal: error, of: Int(check), CheckFingerprint(value: fingerprint))
        case .file(let name, let value): shell.take(file: name, value)
        case .configure(let generation):
            let descriptor = try frame.descriptors.take(0)
            let image: ConfigurationImage
            do throws(ImageError) {
                image = try ConfigurationImage(descriptor)
            } catch {
                throw .unexpected("a configuration that can't be used (\(error))")
            }
            try shell.configure(generation, image)
        case .stop: shell.stop()
        }
    }
}
