import Base
import CLinux
import Glibc
import Reactor

/// The reason a channel ended.
package enum ChannelEnd: Hashable, Sendable, CustomStringConvertible {
    /// The other process closed it or ended.
    case closed
    /// The other process sent something that it must not.
    case protocolError(FrameError)
    /// The other process doesn't read: the queue is full.
    case notReading
    /// The kernel refused.
    case system(SystemError)

    /// The reason as it continues "the channel was closed: ".
    package var description: String {
        switch self {
        case .closed: "the other side closed it"
        case .protocolError(let error): error.description
        case .notReading: "the other side doesn't read"
        case .system(let error): error.description
        }
    }
}

/// One end of a SOCK_SEQPACKET pair between hasupd and a worker: frames in, frames out, never blocking.
///
/// Sending keeps the order; what the socket can't take waits in a bounded queue. A hostile or torn frame ends the
/// channel with a reason and does nothing else.
package final class Channel {
    /// Frames that may wait to be sent.
    package static let queueMax = 4_096
    /// Descriptors that may wait to be sent: each of them is one of our own that a peer who doesn't read keeps open.
    package static let waitingDescriptorsMax = 256
    /// Frames handled in one turn, so that a flood can't hold the loop.
    package static let framesPerTurnMax = 64
    /// Last words are listened to no longer than this (docs/decisions, D6).
    private static let drainMax = Interval.milliseconds(1)

    private struct Waiting {
        let bytes: [UInt8]
        let descriptors: PassedDescriptors
        let numbers: [Int32]
    }

    private let descriptor: Descriptor
    private let loop: EventLoop
    private var watch: Watch?
    private var waiting: [Waiting] = []
    private var waitingDescriptors = 0
    /// Room for the largest frame; what no frame has reached takes no memory.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameHeader.frameSizeMax, alignment: 16)
    private let onFrame: (Frame) throws(FrameError) -> Void
    private let onEnd: (ChannelEnd) -> Void

    /// Serves this descriptor. `onFrame` may throw to end the channel; `onEnd` is called once at most.
    /// - Throws: `SystemError` when it can't be watched.
    package init(
        _ descriptor: consuming Descriptor, on loop: EventLoop,
        onFrame: @escaping (Frame) throws(FrameError) -> Void, onEnd: @escaping (ChannelEnd) -> Void
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.loop = loop
        self.onFrame = onFrame
        self.onEnd = onEnd
        watch = try loop.add(self.descriptor.number, .readable) { [weak self] ready in self?.serve(ready) }
    }

    deinit {
        if let watch { loop.remove(watch) }
        buffer.deallocate()
    }

    /// True if all that was sent has left.
    package var isSent: Bool { waiting.isEmpty }
    /// True if frames can still be exchanged.
    package var isOpen: Bool { watch != nil }

    /// True if the other side has received all that was sent.
    package var hasDeliveredAll: Bool { waiting.isEmpty && hasup_unreceived(descriptor.number) == 0 }

    /// Ends the channel from our side, without telling `onEnd`.
    package func close() {
        guard let watch else { return }
        loop.remove(watch)
        self.watch = nil
        waiting = []
        waitingDescriptors = 0
        shutdown(descriptor.number, Int32(SHUT_RDWR))
    }

    /// Sends a frame, now or as soon as the socket takes it. Descriptors stay the caller's. Does nothing when the
    /// channel has ended.
    package func send(_ header: FrameHeader, _ payload: [UInt8] = [], descriptors: [Int32] = []) {
        guard isOpen else { return }
        var header = header
        header.descriptorCount = UInt8(truncatingIfNeeded: descriptors.count)
        let bytes = header.encode(payload: payload)
        guard bytes.count <= FrameHeader.frameSizeMax, descriptors.count <= Int(HASUP_DESCRIPTORS_MAX) else {
            return end(.system(SystemError(EMSGSIZE, "send a frame of \(bytes.count) bytes")))
        }
        if waiting.isEmpty {
            let result = hasup_send_packet(descriptor.number, bytes, bytes.count, descriptors, Int32(descriptors.count))
            if result >= 0 { return }
            if result != -Int(EAGAIN) { return failed(result) }
        }
        guard waiting.count < Self.queueMax, waitingDescriptors + descriptors.count <= Self.waitingDescriptorsMax else {
            return end(.notReading)
        }
        waitingDescriptors += descriptors.count
        let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
        waiting.append(Waiting(bytes: bytes, descriptors: PassedDescriptors(copies), numbers: copies))
        if let watch { loop.modify(watch, [.readable, .writable]) }
    }

    /// Handles at once what has come already, as far as a turn's time goes. For a process that has ended: its last
    /// words may still be waiting when the loop tells of its end.
    ///
    /// - Returns: whether that was all.
    @discardableResult package func drain() -> Bool {
        let begin = Clock.now
        while isOpen, receive() { if Clock.now - begin > Self.drainMax { return false } }
        return true
    }

    private func serve(_ ready: Readiness) {
        if ready.contains(.writable) { flush() }
        guard isOpen, !ready.isDisjoint(with: [.readable, .hungUp, .failed]) else { return }
        for _ in 0..<Self.framesPerTurnMax {
            guard isOpen, receive(), !loop.isTurnLong else { return }
        }
    }

    /// Sends what waits, as far as the socket takes it and the turn's time goes.
    private func flush() {
        var sent = 0
        while sent < waiting.count, sent == 0 || !loop.isTurnLong {
            let next = waiting[sent]
            let result = hasup_send_packet(
                descriptor.number, next.bytes, next.bytes.count, next.numbers, Int32(next.numbers.count))
            if result == -Int(EAGAIN) { break }
            if result < 0 { return failed(result) }
            sent += 1
            waitingDescriptors -= next.numbers.count
        }
        // All at once: one by one would move the rest each time.
        waiting.removeFirst(sent)
        if waiting.isEmpty, let watch { loop.modify(watch, .readable) }
    }

    /// Handles one frame; false when there is none.
    private func receive() -> Bool {
        var numbers = [Int32](repeating: -1, count: Int(HASUP_DESCRIPTORS_MAX))
        var count: Int32 = 0
        let size = hasup_receive_packet(descriptor.number, buffer.baseAddress, buffer.count, &numbers, &count)
        if size == -Int(EAGAIN) || size == -Int(EINTR) { return false }
        if size == -Int(EMSGSIZE) {
            end(.protocolError(.length(claimed: 0, real: FrameHeader.frameSizeMax + 1)))
            return false
        }
        if size < 0 {
            failed(size)
            return false
        }
        // A packet of no bytes and the end of the stream look alike; no frame is empty.
        if size == 0 {
            end(.closed)
            return false
        }
        let passed = PassedDescriptors(Array(numbers.prefix(Int(count))))
        do throws(FrameError) {
            let header = try FrameHeader(
                UnsafeRawBufferPointer(rebasing: buffer[..<size]), descriptorsReceived: Int(count))
            try onFrame(
                Frame(header: header, payload: Array(buffer[FrameHeader.size..<size]), descriptors: passed))
        } catch {
            end(.protocolError(error))
            return false
        }
        return true
    }

    private func failed(_ result: Int) {
        let code = Int32(-result)
        end(
            code == EPIPE || code == ECONNRESET
                ? .closed : .system(SystemError(code, "use the channel between hasupd and a worker")))
    }

    private func end(_ reason: ChannelEnd) {
        guard isOpen else { return }
        close()
        onEnd(reason)
    }
}

extension FrameHeader {
    /// Sends one frame on a socket that nobody else serves. - Throws: `SystemError`.
    func send(on socket: Int32, payload: [UInt8], descriptors: [Int32]) throws(SystemError) {
        var header = self
        header.descriptorCount = UInt8(truncatingIfNeeded: descriptors.count)
        let bytes = header.encode(payload: payload)
        let sent = hasup_send_packet(socket, bytes, bytes.count, descriptors, Int32(descriptors.count))
        try checked(Int32(truncatingIfNeeded: sent), "send a frame of \(bytes.count) bytes")
    }
}
