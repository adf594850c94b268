import Base
import CLinux
import Glibc
import Reactor
import Supervision

/// The answer of the program to one question.
enum CandidateAnswer: Equatable {
    /// It ended, and what it printed ended with this.
    case ended(WorkerExit, String)
    /// It was killed after that time.
    case late(Interval)
    /// It was killed because it had printed more bytes than that.
    case tooMuch(Int)
    /// It couldn't be started: errno.
    case unstartable(Int32)
}

/// The program at the path where hasupd was started from, while it is asked whether this process can become it. It may be
/// anything: it runs as a child in the ordinary class, its time and its output are limited, and the end of its output is
/// kept. Over one of these limits it is killed with its process group.
final class UpgradeCandidate {
    /// Findings of thousands of lines are less.
    static let outputMax = 4 << 20

    let path: String
    private let loop: EventLoop
    private var child: ChildProcess?
    private var output: Output?
    private var hasTimedOut = false
    private var timer: Timer?

    init(path: String, on loop: EventLoop) {
        self.path = path
        self.loop = loop
        timer = loop.makeTimer { [unowned self] in
            self.hasTimedOut = true
            self.end()
        }
    }

    deinit { if let timer { loop.remove(timer) } }

    /// Asks it one thing; one question at a time.
    func ask(
        _ arguments: [String], environment: [String] = ["LC_ALL=C"], within timeout: Interval,
        _ completion: @escaping (CandidateAnswer) -> Void
    ) {
        hasTimedOut = false
        do throws(SystemError) {
            var ends: [Int32] = [-1, -1]
            try checked(hasup_pipe(&ends), "create a pipe")
            let reading = Descriptor(owning: ends[0])
            let writing = Descriptor(owning: ends[1])
            let output = try Output(reading, on: loop) { [unowned self] in self.end() }
            child = try ChildProcess.spawn(
                path: path, arguments: [path] + arguments, environment: environment, descriptors: [],
                output: writing.number, inheritsRealtime: false, on: loop
            ) { [unowned self] _, exit in
                self.child = nil
                self.output = nil
                if let timer = self.timer { self.loop.set(timer, to: .never) }
                output.finish()
                if self.hasTimedOut { return completion(.late(timeout)) }
                completion(output.isTooMuch ? .tooMuch(Self.outputMax) : .ended(exit, output.end))
            }
            self.output = output
            if let timer { loop.set(timer, to: Clock.now + timeout) }
        } catch {
            completion(.unstartable(error.code))
        }
    }

    /// Kills it: its answer isn't needed.
    func end() { child?.killGroup() }

    /// The program's output.
    private final class Output {
        private static let keptMax = 2_048
        private static let partMax = 64 << 10

        private let pipe: Descriptor
        private let loop: EventLoop
        private let onTooMuch: () -> Void
        private var watch: Watch?
        private var count = 0
        private var last: [UInt8] = []

        init(
            _ pipe: consuming Descriptor, on loop: EventLoop, onTooMuch: @escaping () -> Void
        ) throws(SystemError) {
            self.pipe = pipe
            self.loop = loop
            self.onTooMuch = onTooMuch
            watch = try loop.add(self.pipe.number) { [weak self] _ in _ = self?.readPart() }
        }

        deinit { forget() }

        var isTooMuch: Bool { count > outputMax }

        /// The end of it. Bytes that aren't UTF-8 are replaced.
        var end: String { String(decoding: last, as: UTF8.self) }

        /// Reads the rest after its end; another process may hold the other side open.
        func finish() {
            while readPart() {}
            forget()
        }

        /// - Returns: true if there may be more.
        private func readPart() -> Bool {
            guard watch != nil else { return false }
            var part = [UInt8](repeating: 0, count: Self.partMax)
            let size = read(pipe.number, &part, part.count)
            if size < 0, errno == EINTR { return true }
            guard size > 0 else {
                if size == 0 { forget() }
                return false
            }
            count += size
            last = (last + part[..<size]).suffix(Self.keptMax)
            guard isTooMuch else { return true }
            forget()
            onTooMuch()
            return false
        }

        private func forget() {
            if let watch { loop.remove(watch) }
            watch = nil
        }
    }
}
