import Base
import IPC
import Reactor
import VRRP

/// The questions for the status of all instances. One is under way at a time, and its answer is shared by all who asked
/// before it was put: so many askers cost no more memory than one, and nobody is told what was before he asked.
final class StatusQuestions {
    /// The status of each instance; nil when there is no worker that answers in time.
    typealias Completion = ([UInt32: InstanceStatus]?) -> Void

    private static let patience = Interval.seconds(2)
    private let loop: EventLoop
    /// Sends a question with this number to the worker; false when there is none that could answer.
    private let send: (UInt32) -> Bool
    /// The number of the question that is under way, or was last.
    private var number: UInt32 = 0
    private var isUnderWay = false
    /// Frames that have come of the answer.
    private var parts = 0
    private var statuses: [UInt32: InstanceStatus] = [:]
    private var asking: [Completion] = []
    /// Those who have asked since.
    private var waiting: [Completion] = []
    private var expiry: Timer?

    init(on loop: EventLoop, send: @escaping (UInt32) -> Bool) {
        self.loop = loop
        self.send = send
        expiry = loop.makeTimer { [weak self] in self?.finish(nil) }
    }

    /// Asks.
    func ask(_ completion: @escaping Completion) {
        waiting.append(completion)
        if !isUnderWay { put() }
    }

    /// The worker is gone: nobody will answer.
    func workerEnded() {
        asking += waiting
        waiting = []
        finish(nil)
    }

    /// A part of an answer; one that comes too late isn't looked at.
    ///
    /// - Parameters:
    ///   - limit: how many instances there are.
    ///   - part: decodes it.
    /// - Throws: `FrameError` for an answer that nobody asked for, or one without an end.
    func receive(
        _ correlation: UInt32, limit: Int, isLast: Bool, _ part: () throws(FrameError) -> [(UInt32, InstanceStatus)]
    ) throws(FrameError) {
        // One to a number that wasn't given yet is a crime.
        guard correlation != 0, number &- correlation < 1 << 31 else {
            throw .unexpected("a status that nobody asked for")
        }
        guard isUnderWay, correlation == number else { return }
        // No part is empty but the only one.
        guard parts <= limit else { throw .unexpected("a status without an end") }
        if parts == 0 { statuses.reserveCapacity(limit) }
        parts += 1
        for (id, status) in try part() { statuses[id] = status }
        if isLast { finish(statuses) }
    }

    private func put() {
        guard !waiting.isEmpty else { return }
        asking = waiting
        waiting = []
        number &+= 1
        if number == 0 { number = 1 }
        parts = 0
        statuses = [:]
        isUnderWay = true
        guard send(number) else { return finish(nil) }
        if let expiry { loop.set(expiry, to: Clock.now + Self.patience) }
    }

    private func finish(_ result: [UInt32: InstanceStatus]?) {
        if let expiry { loop.set(expiry, to: .never) }
        let answered = asking
        asking = []
        statuses = [:]
        isUnderWay = false
        put()
        guard !answered.isEmpty else { return }
        var next = answered.startIndex
        loop.doInSlices {
            answered[next](result)
            next += 1
            return next < answered.endIndex
        }
    }
}
