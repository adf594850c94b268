import Base
import ConfigurationModel
import Reactor
import VRRP
import WorkerProtocol

/// The status of all instances, as a worker reported it. Numbers of instances belong to the worker's generation: during
/// a reload that may be the one before hasupd's, or the one after it.
struct WorkerStatuses {
    let generation: Generation
    /// As the worker has sent them, one after the other: a number and a status each.
    fileprivate(set) var parts: [[UInt8]] = []
    /// By the number of the instance.
    fileprivate(set) var statuses: [UInt32: InstanceStatus] = [:]

    /// The last state that an instance has told, with its priority of now; nil if it hasn't told any.
    func told(_ number: Int) -> (trigger: NotifyTrigger, priority: UInt8)? {
        guard let status = statuses[UInt32(number)], let trigger = NotifyTrigger(rawValue: status.told), trigger.isState
        else { return nil }
        return (trigger, status.priority.rawValue)
    }
}

/// Requests for the status of all instances. One is sent to the worker at a time, and its reply completes all requests
/// that were made before it was sent: many clients cost no more memory than one, and none gets a status older than its
/// request. Of those that reset counters one is sent at a time.
final class StatusRequests {
    private static let timeout = Interval.seconds(2)
    private let loop: EventLoop
    /// Sends a request with this number to the worker; false when no worker can reply.
    private let send: (UInt32, CounterReset) -> Bool
    /// The number of the last request that was sent.
    private var number: UInt32 = 0
    private var isPending = false
    /// Frames of the reply that were received.
    private var frames = 0
    private var reply: WorkerStatuses?
    /// Requests that the pending reply completes.
    private var current: [(WorkerStatuses?) -> Void] = []
    /// Requests made since.
    private var next: [(reset: CounterReset, completion: (WorkerStatuses?) -> Void)] = []
    private var timer: Timer?

    init(on loop: EventLoop, send: @escaping (UInt32, CounterReset) -> Bool) {
        self.loop = loop
        self.send = send
        timer = loop.makeTimer { [weak self] in self?.complete(nil) }
    }

    /// Adds a request. It is completed with nil when no worker replies in time.
    func add(resetting reset: CounterReset = .none, _ completion: @escaping (WorkerStatuses?) -> Void) {
        next.append((reset, completion))
        if !isPending { sendNext() }
    }

    /// Completes all requests with nil.
    func workerEnded() {
        current += next.map(\.completion)
        next = []
        complete(nil)
    }

    /// Receives a frame of a reply. One that comes after its request's timeout is ignored.
    ///
    /// - Parameters:
    ///   - generation: the one that the numbers of instances belong to.
    ///   - bytes: what the frame holds.
    ///   - decode: decodes that.
    /// - Throws: `FrameError` for a reply to a request that was never sent, and for one without an end.
    func receive(
        _ correlation: UInt32, _ generation: Generation, _ bytes: [UInt8], isLast: Bool,
        _ decode: () throws(FrameError) -> [(UInt32, InstanceStatus)]
    ) throws(FrameError) {
        guard correlation != 0, number &- correlation < 1 << 31 else {
            throw .unexpected("a status that wasn't requested")
        }
        guard isPending, correlation == number else { return }
        // Only a reply of one frame may be empty.
        guard frames <= generation.instanceCount else { throw .unexpected("a status without an end") }
        if reply == nil {
            reply = WorkerStatuses(generation: generation)
            reply?.statuses.reserveCapacity(generation.instanceCount)
        }
        guard reply?.generation === generation else { throw .unexpected("a status of two generations") }
        frames += 1
        for (id, status) in try decode() { reply?.statuses[id] = status }
        reply?.parts.append(bytes)
        if isLast { complete(reply) }
    }

    private func sendNext() {
        guard !next.isEmpty else { return }
        let reset = next.first { $0.reset != .none }?.reset ?? .none
        let others = next.enumerated().drop { $1.reset == .none }.dropFirst().first { $1.reset != .none }
        let end = others?.offset ?? next.count
        current = next[..<end].map(\.completion)
        next.removeFirst(end)
        number &+= 1
        if number == 0 { number = 1 }
        frames = 0
        reply = nil
        isPending = true
        guard send(number, reset) else { return complete(nil) }
        if let timer { loop.set(timer, to: Clock.now + Self.timeout) }
    }

    private func complete(_ result: WorkerStatuses?) {
        if let timer { loop.set(timer, to: .never) }
        let completed = current
        current = []
        reply = nil
        isPending = false
        sendNext()
        for completion in completed { completion(result) }
    }
}
