import Base
import CLinux
import Glibc
import Logging
import Reactor
import Sandbox
import Supervision

/// hasupd becomes the program that lies where it was started from by now: the same process, with the same arguments, which
/// goes on as after a crash (docs/decisions.md, D7, D9). Until then nothing changes, so an attempt that fails costs nothing.
final class Upgrade {
    /// Why it isn't done, as a sentence.
    struct Refusal: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// How long the new program may take to say what it is.
    private static let patience = Interval.seconds(5)
    /// Time for the answer to leave.
    private static let farewell = Interval.milliseconds(20)
    private static let answerMax = 2_048

    private let loop: EventLoop
    private let log: Logger
    private let store: DescriptorStore
    private let path: String
    private let paths: Paths
    private var child: ChildProcess?
    private var hasTimedOut = false
    private var patienceTimer: Timer?
    private var execTimer: Timer?
    private var lastWork: (() -> Void)?
    private var onFailure: (() -> Void)?
    private var succession: Succession?
    private var isBusy = false

    /// To be made at the start, when the image still lies where it was started from.
    init(on loop: EventLoop, log: Logger, store: DescriptorStore, paths: Paths) {
        self.loop = loop
        self.paths = paths
        self.log = log
        self.store = store
        var buffer = [CChar](repeating: 0, count: 4096)
        let size = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        path = String(decoding: buffer.prefix(size).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        patienceTimer = loop.makeTimer { [unowned self] in
            self.hasTimedOut = true
            self.child?.kill()
        }
        execTimer = loop.makeTimer { [unowned self] in self.execute() }
    }

    /// Whether another file lies there by now than the one that runs. One that is missing is none.
    var isProgramChanged: Bool {
        var running = stat()
        var installed = stat()
        guard stat("/proc/self/exe", &running) == 0, stat(path, &installed) == 0 else { return false }
        return running.st_ino != installed.st_ino || running.st_dev != installed.st_dev
    }

    /// Lets the new program say its version and which forms of state it reads (`Formats`); the completion is told the
    /// version, or why this one can't become it.
    func inspect(_ completion: @escaping (Result<String, Refusal>) -> Void) {
        guard getuid() == 0 || PassedOn.current.isSuperset(of: [.netAdmin, .netRaw]) else {
            return completion(.failure(Refusal("hasupd would lose its capabilities: restart it")))
        }
        guard !isBusy else { return completion(.failure(Refusal("another upgrade is under way"))) }
        isBusy = true
        hasTimedOut = false
        do throws(SystemError) {
            let output = try owned(hasup_memfd_create("hasup-formats"), "create a memory file")
            let copy = try owned(fcntl(output.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
            let reader = Output(copy)
            child = try ChildProcess.spawn(
                path: path, arguments: [path, "--formats"], environment: ["LC_ALL=C"], descriptors: [],
                output: output.number, lendsClass: false, on: loop
            ) { [unowned self] _, exit in completion(self.judge(exit, reader)) }
            if let patienceTimer { loop.set(patienceTimer, to: Clock.now + Self.patience) }
        } catch {
            isBusy = false
            completion(.failure(Refusal("\(path) can't be run: \(SystemError.text(of: error.code))")))
        }
    }

    /// What the program has printed.
    private final class Output {
        private let file: Descriptor
        init(_ file: consuming Descriptor) { self.file = file }

        var text: String {
            var bytes = [UInt8](repeating: 0, count: answerMax)
            let count = max(0, pread(file.number, &bytes, bytes.count, 0))
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    private func judge(_ exit: WorkerExit, _ output: Output) -> Result<String, Refusal> {
        child = nil
        if let patienceTimer { loop.set(patienceTimer, to: .never) }
        isBusy = false
        if hasTimedOut { return .failure(Refusal("\(path) --formats hasn't ended after \(Self.patience)")) }
        guard exit == .code(0) else { return .failure(Refusal("\(path) can't be run: it ended with \(exit)")) }
        let answer = output.text
        guard let version = Formats.version(in: answer) else {
            return .failure(Refusal("\(path) isn't hasupd: it says nothing of the kind when asked for its version"))
        }
        if let reason = Formats.refusal(to: answer) {
            return .failure(
                Refusal(
                    "\(Printable.text("hasupd \(version) at \(path) can't go on where this one is: \(reason)")); a restart "
                        + "changes to it, and the addresses fail over"))
        }
        isBusy = true
        return .success(Printable.text(version))
    }

    /// Becomes it when the answer has left, and tells it this. The worker is left in its grace until its successor begins.
    ///
    /// - Parameters:
    ///   - lastWork: done immediately before, in the ordinary class: it may take its time.
    ///   - onFailure: called if this program goes on.
    func becomeIt(
        _ succession: Succession, lastWork: @escaping () -> Void, onFailure: @escaping () -> Void
    ) {
        self.succession = succession
        self.lastWork = lastWork
        self.onFailure = onFailure
        if let execTimer { loop.set(execTimer, to: Clock.now + Self.farewell) }
    }

    /// It isn't wanted any more: hasupd ends.
    func cancel() {
        guard isBusy else { return }
        if let execTimer { loop.set(execTimer, to: .never) }
        log.notice("the upgrade is called off: hasupd ends")
        child?.kill()
    }

    private func execute() {
        // The scheduling class survives execve, and so does its fuse: on a slow machine the start of a program is longer
        // than a realtime process may work without a pause. The next hasupd asks for the class itself.
        let result = Realtime.leaving { () -> Int32 in
            lastWork?()
            return become()
        }
        paths.enterRunDirectory()
        PassedDescriptors.unannounce()
        Succession.unannounce()
        isBusy = false
        log.error("upgrade: \(SystemError(-result, "become \(path)")); this hasupd goes on")
        onFailure?()
    }

    /// Comes back only if that fails, with -errno.
    private func become() -> Int32 {
        let passing = store.passing
        PassedDescriptors.announce(passing.names)
        succession?.announce()
        // Relative paths in the arguments mean what they meant at the start.
        if let folder = paths.startDirectory, chdir(folder) < 0 { return -errno }
        return hasup_exec_passing(
            path, CommandLine.unsafeArgv, environ, passing.numbers, Int32(passing.numbers.count))
    }
}
