import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Supervision

/// Child processes that open and read files for us, because a file system may never answer. While all answer, there is
/// one. One that doesn't is left behind, and keeps nothing of ours from ending, as a thread would.
final class FileProcesses {
    /// A helper that hasn't answered for this long gets others beside it, if there is more to do.
    static let patience = Interval.milliseconds(50)

    /// A request about a file.
    enum Task {
        case open(ScriptAccount)
        case read
        /// Writes a number first, into a file that isn't there, or into any; `mode` is that of a file that is made.
        case write(Int32, overwrites: Bool, mode: UInt32)
    }

    private struct Order {
        let task: Task
        let path: String
        /// Nil when nobody knows what has become of it.
        let answer: (FileAnswer?) -> Void
    }

    private final class Helper {
        var socket: Descriptor?
        var child: ChildProcess?
        var watch: Watch?
        var answer: ((FileAnswer?) -> Void)?
        var since = Instant.never

        init(_ socket: consuming Descriptor) { self.socket = consume socket }

        var number: Int32 {
            switch socket {
            case .some(let socket): socket.number
            case .none: -1
            }
        }
    }

    private let loop: EventLoop
    private let inotify: Int32
    private var helpers: [Helper] = []
    /// Those that are to end, until they are gone.
    private var ended: [Int32: ChildProcess] = [:]
    private var queue: [Order] = []
    private var timer: Timer?
    private let buffer = hasup_file_answer_create()

    /// - Parameter inotify: what watches the files that are read; -1 if they are only opened.
    init(on loop: EventLoop, inotify: Int32 = -1) {
        self.loop = loop
        self.inotify = inotify
        timer = loop.makeTimer { [weak self] in self?.work() }
    }

    deinit {
        for helper in helpers { end(helper) }
        if let timer { loop.remove(timer) }
        hasup_file_answer_destroy(buffer)
    }

    /// Has something done with a file. The answer doesn't come before this call ends.
    func ask(_ task: Task, _ path: String, answer: @escaping (FileAnswer?) -> Void) {
        queue.append(Order(task: task, path: path, answer: answer))
        work()
    }

    /// Gives work to helpers that have none.
    private func work() {
        guard let timer else { return }
        loop.set(timer, to: .never)
        while let order = queue.first {
            if let helper = helpers.first(where: { $0.answer == nil }) {
                queue.removeFirst()
                give(order, to: helper)
            } else if let next = nextStart {
                return loop.set(timer, to: next)
            } else if !start() {
                queue.removeFirst()
                loop.deferWork { order.answer(nil) }
            }
        }
    }

    /// The time until which those that were just asked are waited for; nil to start one more at once. The more are stuck, the
    /// more are started together, so that a hundred files on a dead server don't keep the others waiting one by one.
    private var nextStart: Instant? {
        let young = helpers.map { $0.since + Self.patience }.filter { $0 > loop.now }
        let stuck = helpers.count - young.count
        return young.count < max(1, 2 * stuck) ? nil : young.min()
    }

    private func give(_ order: Order, to helper: Helper) {
        let socket = helper.number
        let result =
            switch order.task {
            case .open(let account):
                hasup_file_helper_open(
                    socket, order.path, account.uid, account.gid, account.groups, UInt32(account.groups.count))
            case .read: hasup_file_helper_ask(socket, HASUP_FILE_READS, order.path, 0, 0)
            case .write(let number, let overwrites, let mode):
                hasup_file_helper_ask(
                    socket, overwrites ? HASUP_FILE_OVERWRITES : HASUP_FILE_CREATES, order.path, number, mode)
            }
        // The socket of one that is gone tells so in the next turn.
        guard result == 0 || result == -EPIPE else { return loop.deferWork { order.answer(nil) } }
        (helper.answer, helper.since) = (order.answer, loop.now)
    }

    /// Starts one more; false when that isn't possible.
    private func start() -> Bool {
        var pid: Int32 = 0
        let socket = hasup_file_helper_start(inotify, &pid)
        guard socket >= 0 else { return false }
        let helper = Helper(Descriptor(owning: socket))
        helper.child = try? ChildProcess.forked(pid, on: loop) { [weak self] pid, exit in
            // Of one that somebody else has reaped the number may be another child's.
            if exit != .unknown { hasup_reap(pid) }
            self?.ended[pid] = nil
        }
        helper.child?.isKept = true
        helper.watch = try? loop.add(socket) { [weak self, unowned helper] _ in self?.receive(from: helper) }
        helpers.append(helper)
        if helper.child != nil, helper.watch != nil { return true }
        end(helper)
        return false
    }

    private func receive(from helper: Helper) {
        let result = hasup_file_helper_answer(helper.number, buffer)
        guard result != 0 else { return }
        let answer = helper.answer
        helper.answer = nil
        // More than one is needed only while one of them waits.
        let isSpare = queue.isEmpty && helpers.contains { $0 !== helper && $0.answer == nil }
        if result < 0 || isSpare { end(helper) }
        answer?(result > 0 ? FileAnswer(buffer) : nil)
        work()
    }

    private func end(_ helper: Helper) {
        if let watch = helper.watch { loop.remove(watch) }
        helper.watch = nil
        helpers.removeAll { $0 === helper }
        // It ends with its socket, as soon as it looks at that.
        helper.socket = nil
        guard let child = helper.child else { return }
        ended[child.pid] = child
    }
}

/// The answer of a helper about a file.
struct FileAnswer {
    let outcome: hasup_file_outcome
    let bytes: [UInt8]
    let places: [FilePlace]

    init(_ answer: OpaquePointer?) {
        outcome = hasup_file_outcome(answer)
        bytes = Array(UnsafeBufferPointer(start: hasup_file_bytes(answer), count: Int(outcome.length)))
        places = (0..<outcome.place_count).map { index in
            var name: UnsafePointer<CChar>?
            let watch = hasup_file_place(answer, index, &name)
            return FilePlace(watch: watch, name: name.map { String(cString: $0) } ?? "")
        }
    }
}

/// An entry of a watched folder, or a watched file, which has no name here.
struct FilePlace: Hashable {
    let watch: Int32
    let name: String
}
