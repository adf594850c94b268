import Base
import Glibc
import Reactor
import Varlink

/// One client: its buffers and the request that is being answered. It knows nothing of other clients.
final class ControlConnection {
    /// The reason a client was cut off; each is counted.
    enum Cut: String, CaseIterable {
        case malformed
        case tooLong = "too_long"
        case halfRequest = "half_request"
        case idle
        case stalled
        case slowReader = "slow_reader"
        case displaced
        case failed
    }

    /// The result of a piece of work.
    enum Outcome {
        /// There is more to do without waiting for the client.
        case again
        /// Nothing to do until the client does something.
        case wait
        /// The connection ends, with the reason if it was cut off.
        case close(Cut?, String)
    }

    private enum Activity {
        case idle
        case answering
        case producing(ControlSlices)
        case streaming
        /// Nothing more is read; what waits is sent, then it ends.
        case ending(Cut?, String)
    }

    let descriptor: Descriptor
    let peer: ControlPeer
    let access: ControlAccess
    let limits: ControlLimits
    /// Called when there is something to do.
    var wake: (() -> Void)?
    /// Called at the end of each call.
    var onFinished: ((_ failed: Bool) -> Void)?

    private var activity = Activity.idle
    private var input: VarlinkInput
    private var output: [UInt8] = []
    private var sent = 0
    private var writer = JSONWriter()
    private var isOneway = false
    private var inputEnded = false
    private var canRead = false
    private var canWrite = true
    /// When the request began, the connection fell idle, or the client last took something.
    private(set) var lastProgress: Instant
    private(set) var currentRequest: UInt64 = 0
    /// True while it waits in the server's queue.
    var isQueued = false

    init(
        _ descriptor: consuming Descriptor, peer: ControlPeer, access: ControlAccess, limits: ControlLimits,
        now: Instant
    ) {
        self.descriptor = descriptor
        self.peer = peer
        self.access = access
        self.limits = limits
        input = VarlinkInput(messageMax: limits.requestMax)
        lastProgress = now
    }

    /// True without a request and without bytes to send; half a request counts as none.
    var isIdle: Bool {
        if case .idle = activity { return queued == 0 && !isQueued }
        return false
    }

    var isStreaming: Bool {
        if case .streaming = activity { return true }
        return false
    }

    private var queued: Int { output.count - sent }

    /// The events for epoll.
    var interest: Readiness {
        var interest: Readiness = []
        if case .idle = activity, !inputEnded, !canRead { interest.insert(.readable) }
        if queued > 0, !canWrite { interest.insert(.writable) }
        return interest
    }

    func note(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.readable, .readHungUp, .hungUp, .failed]) { canRead = true }
        if readiness.contains(.writable) { canWrite = true }
        guard !readiness.isDisjoint(with: [.hungUp, .failed]) else { return }
        // There is no reader any more. What was received may hold a call that wants no reply.
        drop()
        if case .idle = activity { return }
        end(nil, "")
    }

    private func end(_ cut: Cut?, _ reason: String) {
        // Makes a late answer one to another request, which is ignored.
        currentRequest += 1
        activity = .ending(cut, reason)
    }

    private func drop() {
        output = []
        sent = 0
    }

    // MARK: Work

    /// Does one small piece of work. `handle` is given a complete call.
    func work(now: Instant, handle: (VarlinkCall) -> Void) -> Outcome {
        if queued > 0, canWrite {
            if let failure = flush(now: now) { return failure }
            if queued > 0, canWrite { return .again }
        }
        switch activity {
        case .ending(let cut, let reason):
            if queued > 0 { return .wait }
            return .close(cut, reason)
        case .producing(let slices):
            if queued >= limits.sliceThreshold { return canWrite ? .again : .wait }
            produce(slices)
            return .again
        case .answering, .streaming:
            return .wait
        case .idle:
            // A client that doesn't read its replies isn't served further ones.
            if queued > 0 { return .wait }
            return takeRequest(now: now, handle: handle)
        }
    }

    private func flush(now: Instant) -> Outcome? {
        let count = min(queued, 256 * 1024)
        let result = output.withUnsafeBytes { bytes -> Int in
            guard let base = bytes.baseAddress else { return 0 }
            let outcome = send(
                descriptor.number, base + sent, count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            return outcome < 0 ? -Int(errno) : outcome
        }
        if result < 0 {
            if result == -Int(EAGAIN) || result == -Int(EINTR) {
                canWrite = result == -Int(EINTR)
                return nil
            }
            return .close(nil, "")
        }
        sent += result
        lastProgress = now
        if result < count { canWrite = false }
        if queued == 0 {
            output.removeAll(keepingCapacity: output.capacity <= 128 * 1024)
            sent = 0
        } else if sent > 1024 * 1024 {
            output.removeFirst(sent)
            sent = 0
        }
        return nil
    }

    private func produce(_ slices: ControlSlices) {
        // The writer continues the queue itself: a slice is written once and copied never.
        swap(&writer.bytes, &output)
        let more = slices(&writer)
        if !more {
            writer.endObject()
            writer.endObject()
            writer.bytes.append(0)
        }
        swap(&writer.bytes, &output)
        if !more { finished(failed: false) }
    }

    private func takeRequest(now: Instant, handle: (VarlinkCall) -> Void) -> Outcome {
        do throws(VarlinkInput.Failure) {
            if let message = try input.next() {
                do throws(JSONError) {
                    let call = try VarlinkCall(parsing: message)
                    currentRequest += 1
                    activity = .answering
                    isOneway = call.isOneway
                    handle(call)
                } catch {
                    refuse(.malformed, "a request that isn't Varlink: \(error)")
                }
                return .again
            }
        } catch {
            refuse(.tooLong, "a request of more than \(limits.requestMax) bytes")
            return .again
        }
        if inputEnded {
            return input.pending > 0
                ? .close(.halfRequest, "it closed the connection within a request") : .close(nil, "")
        }
        return canRead ? receive(now: now) : .wait
    }

    private func receive(now: Instant) -> Outcome {
        let wasEmpty = input.pending == 0
        let result = withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 8) { buffer -> Int in
            let count = recv(descriptor.number, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 { input.append(UnsafeRawBufferPointer(rebasing: buffer[0..<count])) }
            return count < 0 ? -Int(errno) : count
        }
        switch result {
        case 1...:
            // A request's time runs from its first byte, however slowly the others come.
            if wasEmpty { lastProgress = now }
            return .again
        case 0:
            inputEnded = true
            return .again
        case -Int(EAGAIN), -Int(EINTR):
            canRead = result == -Int(EINTR)
            return canRead ? .again : .wait
        default:
            return .close(nil, "")
        }
    }

    // MARK: Answers

    /// The complete answer to the current request.
    func finish(sending message: [UInt8], failed: Bool) {
        if !isOneway { output.append(contentsOf: message) }
        finished(failed: failed)
        wake?()
    }

    /// The answer to the current request comes in slices.
    func finish(producing slices: @escaping ControlSlices) {
        // The caller wants no reply.
        if isOneway { return finish(sending: [], failed: false) }
        writer = JSONWriter()
        swap(&writer.bytes, &output)
        writer.beginObject()
        writer.name("parameters")
        writer.beginObject()
        swap(&writer.bytes, &output)
        activity = .producing(slices)
        wake?()
    }

    /// The current request lasts until the client leaves.
    func startStream(with message: [UInt8]) {
        activity = .streaming
        enqueue(message)
    }

    /// One more message of the stream.
    func enqueue(_ message: [UInt8]) {
        guard isStreaming else { return }
        if queued + message.count > limits.queuedMax {
            drop()
            end(.slowReader, "it doesn't read the stream: \(limits.queuedMax) bytes are queued")
        } else {
            if queued == 0 { lastProgress = Clock.now }
            output.append(contentsOf: message)
        }
        wake?()
    }

    private func finished(failed: Bool) {
        activity = .idle
        currentRequest += 1
        lastProgress = Clock.now
        input.shrink()
        onFinished?(failed)
    }

    private func refuse(_ cut: Cut, _ reason: String) {
        output.append(contentsOf: ControlInterface.malformedRequest(reason).encoded)
        end(cut, "it sent \(reason)")
        onFinished?(true)
    }

    // MARK: Time

    /// The reason to cut it off if it has used up its time.
    func overdue(now: Instant) -> (Cut, String)? {
        let age = now - lastProgress
        if queued > 0 {
            return age > limits.stallTime ? (.stalled, "it read nothing for \(limits.stallTime)") : nil
        }
        guard case .idle = activity else { return nil }
        if input.pending > 0 {
            return age > limits.requestTime
                ? (.halfRequest, "its request wasn't complete after \(limits.requestTime)") : nil
        }
        return age > limits.idleTime ? (.idle, "it sent no request for \(limits.idleTime)") : nil
    }
}
