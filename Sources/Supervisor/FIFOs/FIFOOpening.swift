import Base
import CLinux
import Glibc
import Reactor
import Supervision

/// A process of the role `hasup-fifo`, and its answer.
final class FIFOOpening {
    enum OpeningAnswer {
        /// The number of the open file, which is the receiver's.
        case opened(Int32, isMade: Bool)
        /// A sentence without its end.
        case failed(String)
    }

    private let loop: EventLoop
    private let socket: Descriptor
    private let child: ChildProcess
    private var timer: Timer?
    private var completion: ((OpeningAnswer) -> Void)?

    private init(_ child: ChildProcess, _ socket: consuming Descriptor, on loop: EventLoop) {
        self.child = child
        self.socket = socket
        self.loop = loop
    }

    deinit { if let timer { loop.remove(timer) } }

    /// - Parameter limit: a process that hasn't answered by then is killed. The kernel may keep it all the same.
    /// - Throws: `SystemError`.
    static func start(
        _ order: FIFOOrder, within limit: Interval, on loop: EventLoop, _ completion: @escaping (OpeningAnswer) -> Void
    ) throws(SystemError) -> FIFOOpening {
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "create a socket pair")
        let ours = Descriptor(owning: pair[0])
        let theirs = Descriptor(owning: pair[1])
        var opening: FIFOOpening?
        let child = try ChildProcess.spawn(
            path: "/proc/self/exe", arguments: [FIFORole.name] + order.words, descriptors: [theirs.number], on: loop
        ) { _, exit in
            opening?.ended(exit)
            opening = nil
        }
        let started = FIFOOpening(child, ours, on: loop)
        opening = started
        started.completion = completion
        started.timer = loop.makeTimer { [unowned started] in
            started.child.kill()
            started.complete(
                .failed("it wasn't opened within \(limit): is its folder on a server that doesn't answer?"))
        }
        if let timer = started.timer { loop.set(timer, to: Clock.now + limit) }
        return started
    }

    private func ended(_ exit: WorkerExit) {
        var buffer = [UInt8](repeating: 0, count: 512)
        var descriptors = [Int32](repeating: -1, count: Int(HASUP_DESCRIPTORS_MAX))
        var count: Int32 = 0
        let size = hasup_receive_packet(socket.number, &buffer, buffer.count, &descriptors, &count)
        let text = String(decoding: buffer[..<max(0, size)], as: UTF8.self)
        let passed = descriptors[..<Int(count)]
        guard passed.count == 1, let number = passed.first, completion != nil else {
            for number in passed { close(number) }
            return complete(.failed(text.isEmpty ? "hasup-fifo ended with \(exit)" : text))
        }
        complete(.opened(number, isMade: text == FIFORole.made))
    }

    private func complete(_ answer: OpeningAnswer) {
        if let timer { loop.set(timer, to: .never) }
        let completion = self.completion
        self.completion = nil
        completion?(answer)
    }
}
