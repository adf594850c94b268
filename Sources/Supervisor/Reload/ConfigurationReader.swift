import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// The outcome of reading the files.
enum ReadOutcome {
    /// The findings may be errors: the caller decides what they mean.
    case judged(ConfigurationImage, EncodedModel, [Diagnostic])
    /// The files couldn't be read, for this reason.
    case failed(String)
}

/// hasupd's side of `hasup-config`: starts the child, waits for its one frame, and decodes that without trust.
final class ConfigurationReader {
    private static let timeout = Interval.seconds(30)

    private let file: String
    private let configID: String
    private let guardFile: String?
    private let seal: SandboxArguments
    private let filter: Int32
    private let hasOwnProcessGroup: Bool
    private let loop: EventLoop
    /// Children that haven't ended yet: the one that reads, and one whose frame has come.
    private var children: [Int32: ChildProcess] = [:]
    private var reading: Int32?
    private var channel: Channel?
    private var timer: Timer?
    private var failure: String?
    private var completion: ((ReadOutcome) -> Void)?

    /// - Parameters:
    ///   - guardFile: the file of cluster blocks; nil for guard.conf beside the main file.
    ///   - filter: a descriptor that stays the caller's and must stay open.
    ///   - hasOwnProcessGroup: false if the child is to end with this process's group.
    init(
        file: String, configID: String, guardFile: String?, seal: SandboxArguments, filter: Int32,
        hasOwnProcessGroup: Bool = true, on loop: EventLoop
    ) {
        self.hasOwnProcessGroup = hasOwnProcessGroup
        self.file = file
        self.configID = configID
        self.guardFile = guardFile
        self.seal = seal
        self.filter = filter
        self.loop = loop
        timer = loop.makeTimer { [weak self] in self?.timedOut() }
    }

    /// Reads the files once; one reading at a time.
    ///
    /// - Parameters:
    ///   - running: the configuration that the result is compared with.
    ///   - mark: the path of a file that exists while the files are read.
    ///   - wantsText: true if the result's text is wanted even when it has no config_save_dir.
    func read(
        comparedWith running: ConfigurationImage? = nil, mark: String? = nil, wantsText: Bool = false,
        _ completion: @escaping (ReadOutcome) -> Void
    ) {
        self.completion = completion
        failure = nil
        do throws(SystemError) {
            var pair: [Int32] = [-1, -1]
            try checked(hasup_socketpair(&pair), "create a socket pair")
            let ours = Descriptor(owning: pair[0])
            let theirs = Descriptor(owning: pair[1])
            let child = try ChildProcess.spawn(
                path: "/proc/self/exe",
                arguments: ConfigurationRole.arguments(
                    file: file, configID: configID, guardFile: guardFile, isCompared: running != nil,
                    wantsText: wantsText, mark: mark, seal: seal),
                environment: Self.environment,
                // Without contents of files of SSL nothing is compared with them.
                descriptors: [theirs.number, filter]
                    + (running.map { [$0.number, ($0.servicesPart ?? $0).number] } ?? []),
                hasOwnProcessGroup: hasOwnProcessGroup, on: loop
            ) { [weak self] pid, exit in self?.ended(pid, exit) }
            children[child.pid] = child
            reading = child.pid
            channel = try Channel(
                ours, on: loop,
                onFrame: { [weak self] frame throws(FrameError) in try self?.receive(frame) }, onEnd: { _ in })
        } catch {
            return finish(.failed(error.description))
        }
        if let timer { loop.set(timer, to: Clock.now + Self.timeout) }
    }

    /// Reads, and runs the loop until that is done. - Throws: `SystemError` when the loop itself fails.
    func readNow() throws(SystemError) -> ReadOutcome {
        var outcome: ReadOutcome?
        read { outcome = $0 }
        while true {
            if let outcome, children.isEmpty { return outcome }
            try loop.turn()
        }
    }

    /// hasupd's own environment, which a configuration may use, without the variables of the dynamic loader.
    static let environment: [String] = {
        var result: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let line = String(cString: text)
            let name = line.prefix { $0 != "=" }
            if name != "IFS", !name.hasPrefix("LD_"), name != "NOTIFY_SOCKET", name != "LISTEN_FDS" {
                result.append(line)
            }
            entry += 1
        }
        return result
    }()

    private func receive(_ frame: Frame) throws(FrameError) {
        switch try ConfigurationToSupervisor(frame) {
        case .judged:
            let descriptor = try frame.descriptors.take(0)
            let part = try frame.descriptors.take(1)
            let trackingPart = try frame.descriptors.take(2)
            let servicesPart = try frame.descriptors.take(3)
            do throws(ImageError) {
                let image = try ConfigurationImage(descriptor)
                image.part = try ConfigurationImage(part)
                image.trackingPart = try ConfigurationImage(trackingPart)
                image.servicesPart = try ConfigurationImage(servicesPart)
                received(Self.judge(image))
            } catch {
                received(.failed(error.description))
            }
        case .failed(let reason): received(.failed(reason))
        }
    }

    /// The frame has come: the child is ended, and its end isn't waited for.
    private func received(_ outcome: ReadOutcome) {
        if let reading { children[reading]?.kill() }
        finish(outcome)
    }

    private func timedOut() {
        failure = "reading \(file) took longer than \(Self.timeout)"
        if let reading { children[reading]?.kill() }
    }

    private func ended(_ pid: Int32, _ exit: WorkerExit) {
        children[pid] = nil
        guard pid == reading else { return }
        // Its frame may not have been received yet.
        channel?.drain()
        guard pid == reading else { return }
        finish(.failed(failure ?? "reading \(file) failed: the reader ended with \(exit)"))
    }

    private static func judge(_ image: ConfigurationImage) -> ReadOutcome {
        do throws(ByteError) {
            let diagnostics = try [Diagnostic](decoding: image.diagnostics)
            return .judged(image, try EncodedModel(image.model), diagnostics)
        } catch {
            return .failed("the reader's result is malformed (\(error))")
        }
    }

    private func finish(_ outcome: ReadOutcome) {
        if let timer { loop.set(timer, to: .never) }
        channel?.close()
        channel = nil
        reading = nil
        let completion = self.completion
        self.completion = nil
        completion?(outcome)
    }
}
