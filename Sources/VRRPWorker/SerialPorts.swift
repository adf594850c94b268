import Base
import Reactor

/// The serial lines of heartbeat paths.
final class SerialPorts {
    private final class Entry {
        let port: SerialPort
        var watch: Watch?
        var noise: UInt64 = 0

        init(_ port: SerialPort) { self.port = port }
    }

    /// Readings of one line before the others get their turn.
    private static let readingsMax = 4

    private let loop: EventLoop
    private var entries: [HeartbeatSockets.Key: Entry] = [:]
    private var timer: Timer?
    var onFrame: ((HeartbeatSockets.Key, UnsafeRawBufferPointer) -> Void)?
    var onError: ((HeartbeatSockets.Key, Int32) -> Void)?
    /// Pieces that weren't frames have come.
    var onNoise: ((HeartbeatSockets.Key, UInt64) -> Void)?
    /// Another frame has left.
    var onSent: ((HeartbeatSockets.Key) -> Void)?
    /// A frame was left out: the one before is still there.
    var onLeftOut: ((HeartbeatSockets.Key) -> Void)?

    init(on loop: EventLoop) {
        self.loop = loop
        timer = loop.makeTimer { [unowned self] in self.sendWaiting() }
    }

    var keys: [HeartbeatSockets.Key] { Array(entries.keys) }

    func has(_ key: HeartbeatSockets.Key) -> Bool { entries[key] != nil }

    func adopt(_ port: SerialPort, for key: HeartbeatSockets.Key) throws(SystemError) {
        close(key)
        let entry = Entry(port)
        entry.watch = try loop.add(port.descriptor.number) { [unowned self] _ in self.drain(key) }
        entries[key] = entry
    }

    func close(_ key: HeartbeatSockets.Key) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        if let watch = entry.watch { loop.remove(watch) }
    }

    func drain(_ key: HeartbeatSockets.Key) {
        guard let entry = entries[key] else { return }
        for _ in 0..<Self.readingsMax {
            let code = entry.port.read { [unowned self] frame in
                frame.withUnsafeBytes { self.onFrame?(key, $0) }
            }
            // A frame may have ended the path.
            guard entries[key] === entry else { return }
            if entry.port.noise > entry.noise {
                onNoise?(key, entry.port.noise - entry.noise)
                entry.noise = entry.port.noise
            }
            guard let code else { return }
            if code != 0 { return fail(key, code) }
        }
    }

    func send(_ frame: [UInt8], by key: HeartbeatSockets.Key) {
        guard let entry = entries[key] else { return }
        note(entry.port.send(frame, at: loop.now), key)
        arm()
    }

    private func sendWaiting() {
        for (key, entry) in entries { note(entry.port.sendWaiting(at: loop.now), key) }
        arm()
    }

    private func note(_ outcome: SerialPort.Outcome, _ key: HeartbeatSockets.Key) {
        switch outcome {
        case .sent: onSent?(key)
        case .waits: break
        case .leftOut: onLeftOut?(key)
        case .failed(let code): fail(key, code)
        }
    }

    private func arm() {
        guard let timer else { return }
        loop.set(timer, to: entries.values.reduce(.never) { min($0, $1.port.deadline) })
    }

    /// Whatever a line fails by, another descriptor is asked for.
    private func fail(_ key: HeartbeatSockets.Key, _ code: Int32) {
        close(key)
        onError?(key, code)
    }
}
