import Base
import Reactor
import VRRP
import WorkerProtocol

/// What a worker has answered. Numbers of instances mean something in its generation only: while a reload is under
/// way, that may be the one before hasupd's, or the one after it.
struct WorkerStatuses {
    let generation: Generation
    /// By the number of the instance.
    fileprivate(set) var statuses: [UInt32: InstanceStatus] = [:]
}

/// The questions for the status of all instances. One is under way at a time, and its answer is shared by all who asked
/// before it was put: so many askers cost no more memory than one, and nobody is told what was before he asked.
final class StatusRequests {
    private static let timeout = Interval.seconds(2)
    private let loop: EventLoop
    /// Sends a question with this number to the worker; false when there is none that could answer.
    private let send: (UInt32) -> Bool
    /// The number of the question that is under way, or was last.
    private var number: UInt32 = 0
    private var isUnderWay = false
    /// Frames that have come of the answer.
    private var parts = 0
    private var answer: WorkerStatuses?
    private var served: [(WorkerStatuses?) -> Void] = []
    /// Those who have asked since.
    private var waiting: [(WorkerStatuses?) -> Void] = []
    private var expiry: Timer?

    init(on loop: EventLoop, send: @escaping (UInt32) -> Bool) {
        self.loop = loop
        self.send = send
        expiry = loop.makeTimer { [weak self] in self?.finish(nil) }
    }

    func add(_ completion: @escaping (WorkerStatuses?) -> Void) {
        waiting.append(completion)
        if !isUnderWay { sendNext() }
    }

    /// The worker is gone: nobody will answer.
    func workerEnded() {
        served += waiting
        waiting = []
        finish(nil)
    }

    /// A part of an answer; one that comes too late isn't looked at.
    ///
    /// - Parameters:
    ///   - generation: whose instances it speaks of.
    ///   - part: decodes it.
    /// - Throws: `FrameError` for an answer that nobody asked for, or one without an end.
    func receive(
        _ correlation: UInt32, _ generation: Generation, isLast: Bool,
        _ part: () throws(FrameError) -> [(UInt32, InstanceStatus)]
    ) throws(FrameError) {
        // One to a number that wasn't given yet is a crime.
        guard correlation != 0, number &- correlation < 1 << 31 else {
            throw .unexpected("a status that nobody asked for")
        }
        guard isUnderWay, correlation == number else { return }
        // No part is empty but the only one.
        guard parts <= generation.instanceCount else { throw .unexpected("a status without an end") }
        if answer == nil {
            answer = WorkerStatuses(generation: generation)
            answer?.statuses.reserveCapacity(generation.instanceCount)
        }
        guard answer?.generation === generation else { throw .unexpected("a status of two generations") }
        parts += 1
        for (id, status) in try part() { answer?.statuses[id] = status }
        if isLast { finish(answer) }
    }

    private func sendNext() {
        guard !waiting.isEmpty else { return }
        served = waiting
        waiting = []
        number &+= 1
        if number == 0 { number = 1 }
        parts = 0
        answer = nil
        isUnderWay = true
        guard send(number) else { return finish(nil) }
        if let expiry { loop.set(expiry, to: Clock.now + Self.timeout) }
    }

    private func finish(_ result: WorkerStatuses?) {
        if let expiry { loop.set(expiry, to: .never) }
        let answered = served
        served = []
        answer = nil
        isUnderWay = false
        sendNext()
        guard !answered.isEmpty else { return }
        var next = answered.startIndex
        loop.doInSlices {
            answered[next](result)
            next += 1
            return next < answered.endIndex
        }
    }
}
