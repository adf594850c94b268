import Base
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision

/// The reason why this process can't become the new program.
struct UpgradeRefusal: Error {
    /// A sentence without its end.
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// hasupd becomes the program that is now at the path where it was started from: the same process, with the same arguments,
/// which goes on as after a crash (docs/decisions, D7, D9). Until then nothing changes, so an attempt that fails costs
/// nothing.
final class Upgrade {
    /// The time that the new program has to print its formats, and to check the configuration.
    private static let timeout = Interval.seconds(5)
    private static let checkTimeout = Interval.seconds(15)
    /// Time for the answer to leave.
    private static let answerTime = Interval.milliseconds(20)

    private let loop: EventLoop
    private let log: Logger
    private let path: String
    private let paths: Paths
    private let candidate: UpgradeCandidate
    private var execTimer: Timer?
    private var lastWork: (() -> Void)?
    private var onFailure: (() -> Void)?
    private var handover: (() -> Handover)?
    private var isBusy = false
    private var isCancelled = false

    /// To be made at the start, when the image still lies where it was started from.
    init(on loop: EventLoop, log: Logger, paths: Paths) {
        self.loop = loop
        self.paths = paths
        self.log = log
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        path = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        candidate = UpgradeCandidate(path: path, on: loop)
        execTimer = loop.makeTimer { [unowned self] in self.execute() }
    }

    /// True if the file at that path isn't the program that runs. One that is missing is none.
    var isProgramChanged: Bool {
        var running = stat()
        var installed = stat()
        guard stat("/proc/self/exe", &running) == 0, stat(path, &installed) == 0 else { return false }
        return running.st_ino != installed.st_ino || running.st_dev != installed.st_dev
    }

    /// Asks the new program for its version and the forms of state that it reads (`Formats`), and lets it check the
    /// configuration (`CandidateCheck`). The completion gets the version, or the reason why this process can't become it.
    func inspect(_ completion: @escaping (Result<String, UpgradeRefusal>) -> Void) {
        guard getuid() == 0 || AmbientCapabilities.current.isSuperset(of: [.netAdmin, .netRaw]) else {
            return completion(.failure(UpgradeRefusal("hasupd would lose its capabilities: restart it")))
        }
        guard !isBusy else { return completion(.failure(UpgradeRefusal("another upgrade is under way"))) }
        isBusy = true
        let end = { [unowned self] (result: Result<String, UpgradeRefusal>) in
            if case .failure = result { self.isBusy = false }
            // The program's answer doesn't count then.
            completion(self.isCancelled ? .failure(UpgradeRefusal("hasupd is stopping")) : result)
        }
        candidate.ask(["--formats"], within: Self.timeout) { [unowned self] answer in
            do throws(UpgradeRefusal) {
                let version = try self.version(in: answer)
                self.candidate.ask(
                    self.checkArguments, environment: ConfigurationReader.environment, within: Self.checkTimeout
                ) { [unowned self] answer in
                    do throws(UpgradeRefusal) {
                        try self.requireAcceptance(in: answer, by: version)
                        end(.success(version))
                    } catch {
                        end(.failure(error))
                    }
                }
            } catch {
                end(.failure(error))
            }
        }
    }

    /// Its own arguments, which the new program has to understand, with the path of the file as it is by now.
    private var checkArguments: [String] {
        CommandLine.arguments.dropFirst() + ["-f", paths.configuration, "--check"]
    }

    private func version(in answer: CandidateAnswer) throws(UpgradeRefusal) -> String {
        let text = try text(of: answer, to: "--formats")
        guard let version = Formats.version(in: text) else {
            throw UpgradeRefusal("\(path) isn't hasupd: --formats prints no version")
        }
        if let reason = Formats.refusal(to: text) {
            throw UpgradeRefusal(
                "\(Printable.text("hasupd \(version) at \(path) can't take over from this one: \(reason)")). Restart hasupd "
                    + "to change to it; the addresses fail over")
        }
        return Printable.text(version)
    }

    private func requireAcceptance(in answer: CandidateAnswer, by version: String) throws(UpgradeRefusal) {
        var reason: String?
        // One that refuses the files ends with a status of its own, after it has said why.
        if case .ended(_, let text) = answer { reason = CandidateCheck.refusal(in: text) }
        guard let reason else {
            _ = try text(of: answer, to: "--check")
            return
        }
        throw UpgradeRefusal("hasupd \(version) at \(path) doesn't accept the configuration: \(reason)")
    }

    /// Returns what it has printed. - Throws: `UpgradeRefusal` when it has failed.
    private func text(of answer: CandidateAnswer, to option: String) throws(UpgradeRefusal) -> String {
        switch answer {
        case .ended(.code(0), let text): return text
        case .ended(let exit, _): throw UpgradeRefusal("\(path) can't be run: \(option) ended with \(exit)")
        case .late(let timeout): throw UpgradeRefusal("\(path) \(option) hasn't ended after \(timeout)")
        case .tooMuch(let count): throw UpgradeRefusal("\(path) \(option) has printed more than \(count >> 20) MiB")
        case .unstartable(let code): throw UpgradeRefusal("\(path) can't be run: \(SystemError.text(of: code))")
        }
    }

    /// Becomes it when the answer has left. The worker is left in its grace until its successor begins.
    ///
    /// - Parameters:
    ///   - lastWork: done immediately before, in the ordinary class: it may take its time.
    ///   - handover: the value for that program, made after that.
    ///   - onFailure: called if this program goes on.
    func execReplacement(
        lastWork: @escaping () -> Void, handover: @escaping () -> Handover, onFailure: @escaping () -> Void
    ) {
        self.lastWork = lastWork
        self.handover = handover
        self.onFailure = onFailure
        if let execTimer { loop.set(execTimer, to: Clock.now + Self.answerTime) }
    }

    /// Cancels it: hasupd ends.
    func cancel() {
        guard isBusy else { return }
        isCancelled = true
        if let execTimer { loop.set(execTimer, to: .never) }
        log.notice("upgrade cancelled: hasupd is stopping")
        candidate.end()
    }

    private func execute() {
        // The scheduling class survives execve, and so does its fuse: on a slow machine the start of a program is longer
        // than a realtime process may work without a pause. The next hasupd asks for the class itself.
        let result = Realtime.leaving { () -> Int32 in
            lastWork?()
            // Relative paths in the arguments mean what they meant at the start.
            if let folder = paths.startDirectory, chdir(folder) < 0 { return -errno }
            return handover?().exec(path) ?? -EINVAL
        }
        paths.enterRunDirectory()
        isBusy = false
        log.error("upgrade: \(SystemError(-result, "become \(path)")); this hasupd goes on")
        onFailure?()
    }
}
