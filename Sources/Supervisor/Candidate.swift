import Base
import CLinux
import Glibc
import Reactor
import Supervision

/// The program that lies where hasupd was started from, while it is asked whether it can become this process. It may be
/// anything: it runs as a child in the ordinary class, has a limited time, and of what it prints the end is read.
final class Candidate {
    /// What came of a question.
    enum Answer {
        /// It ended, and what it printed ended with this.
        case ended(WorkerExit, String)
        /// It was killed after that time.
        case late(Interval)
        /// It couldn't be started: errno.
        case unstartable(Int32)
    }

    private static let answerMax = 2_048

    /// Where it lies.
    let path: String
    private let loop: EventLoop
    private var child: ChildProcess?
    private var hasTimedOut = false
    private var timer: Timer?

    init(path: String, on loop: EventLoop) {
        self.path = path
        self.loop = loop
        timer = loop.makeTimer { [unowned self] in
            self.hasTimedOut = true
            self.child?.kill()
        }
    }

    deinit { if let timer { loop.remove(timer) } }

    /// Asks it one thing; one question at a time.
    func ask(
        _ arguments: [String], environment: [String] = ["LC_ALL=C"], within patience: Interval,
        _ completion: @escaping (Answer) -> Void
    ) {
        hasTimedOut = false
        do throws(SystemError) {
            let output = try owned(hasup_memfd_create("hasup-answer"), "create a memory file")
            let copy = try owned(fcntl(output.number, F_DUPFD_CLOEXEC, 3), "copy a descriptor")
            let printed = Output(copy)
            child = try ChildProcess.spawn(
                path: path, arguments: [path] + arguments, environment: environment, descriptors: [],
                output: output.number, lendsClass: false, on: loop
            ) { [unowned self] _, exit in
                self.child = nil
                if let timer = self.timer { self.loop.set(timer, to: .never) }
                completion(self.hasTimedOut ? .late(patience) : .ended(exit, printed.end))
            }
            if let timer { loop.set(timer, to: Clock.now + patience) }
        } catch {
            completion(.unstartable(error.code))
        }
    }

    /// The answer isn't wanted any more.
    func end() { child?.kill() }

    /// What the program has printed.
    private final class Output {
        private let file: Descriptor
        init(_ file: consuming Descriptor) { self.file = file }

        var end: String {
            let size = lseek(file.number, 0, SEEK_END)
            var bytes = [UInt8](repeating: 0, count: answerMax)
            let count = max(0, pread(file.number, &bytes, bytes.count, max(0, size - answerMax)))
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }
}
