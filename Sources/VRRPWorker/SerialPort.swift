import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Wire

/// A serial line that hasupd has opened for heartbeats (docs/decisions, D104).
final class SerialPort {
    enum Outcome {
        case sent
        /// Another one is on the line for some time yet: the newest frame follows it.
        case waits
        /// The one before hasn't left: this one is left out.
        case leftOut
        case failed(Int32)
    }

    /// Bytes of one reading.
    private static let readingMax = 4_096

    let descriptor: Descriptor
    private let line: SerialLine
    private var reader = SerialReader(frameMax: Heartbeat.bytesMax)
    private var buffer = [UInt8](repeating: 0, count: SerialPort.readingMax)
    /// The part of the last frame that the line hasn't taken.
    private var rest: ArraySlice<UInt8> = []
    /// The newest frame that waits.
    private var waiting: [UInt8]?
    /// When the next frame may be sent: half of the time is free.
    private(set) var freeAt = Instant(nanoseconds: .min)

    init(_ descriptor: consuming Descriptor, _ line: SerialLine) {
        self.descriptor = descriptor
        self.line = line
    }

    /// Pieces so far that weren't frames.
    var noise: UInt64 { reader.dropped }

    /// The time at which the frame that waits may be sent.
    var deadline: Instant { waiting == nil ? .never : freeAt }

    func send(_ frame: [UInt8], at now: Instant) -> Outcome {
        guard now >= freeAt else {
            waiting = frame
            return .waits
        }
        waiting = nil
        let code = writeRest()
        guard code == 0 else { return .failed(code) }
        guard rest.isEmpty, hasup_serial_unsent(descriptor.number) <= 0 else { return .leftOut }
        rest = SerialFraming.encode(frame)[...]
        let length = rest.count
        let failure = writeRest()
        guard failure == 0 else { return .failed(failure) }
        // Nothing of it has found room.
        guard rest.count < length else {
            rest = []
            return .leftOut
        }
        freeAt = now + line.time(of: length) * 2
        return .sent
    }

    /// Sends the frame that waits, if its time has come.
    func sendWaiting(at now: Instant) -> Outcome {
        guard let waiting, now >= freeAt else { return .waits }
        return send(waiting, at: now)
    }

    /// Writes what is left of a frame. - Returns: an error number, or 0.
    private func writeRest() -> Int32 {
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor.number, $0.baseAddress, $0.count) }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? 0 : errno }
            guard count > 0 else { return 0 }
            rest = rest.dropFirst(count)
        }
        rest = []
        return 0
    }

    /// Reads once. - Returns: an error number, 0 when there was something, nil when there is nothing more.
    func read(_ give: ([UInt8]) -> Void) -> Int32? {
        let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor.number, $0.baseAddress, $0.count) }
        // It has hung up.
        if count == 0 { return EIO }
        guard count > 0 else { return errno == EAGAIN || errno == EINTR ? nil : errno }
        buffer.withUnsafeBytes { reader.take(UnsafeRawBufferPointer(rebasing: $0[..<count]), give) }
        return 0
    }
}
