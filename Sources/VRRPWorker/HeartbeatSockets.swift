import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// The sockets of heartbeat paths that hasupd has opened for us: one for each path and peer, or for each path that all nodes
/// share; and the serial lines.
final class HeartbeatSockets {
    /// The purpose of a socket: what stays the same when a reload changes places.
    struct Key: Hashable {
        var cluster: String
        var ends: HeartbeatConnection
    }

    private final class Entry {
        let descriptor: Descriptor
        var watch: Watch?

        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    /// Batches that are read from one socket before the others get their turn: a flood of what isn't authentic must not hold
    /// the loop.
    private static let batchesMax = 4
    /// Errors in a row that are read from one socket: each is one that the network has reported.
    private static let errorsMax = 16

    private let loop: EventLoop
    /// Made when there is a path.
    private var receiver: OpaquePointer?
    private var sockets: [Key: Entry] = [:]
    /// A frame has come; its bytes are valid during the call.
    var onFrame: ((Key, UnsafeRawBufferPointer) -> Void)?
    /// The network or the kernel has reported an error.
    var onError: ((Key, Int32) -> Void)?

    let lines: SerialPorts

    init(on loop: EventLoop) {
        self.loop = loop
        lines = SerialPorts(on: loop)
    }

    deinit { if let receiver { hasup_receiver_destroy(receiver) } }

    func has(_ key: Key) -> Bool { sockets[key] != nil || lines.has(key) }

    func adopt(_ descriptor: consuming Descriptor, for key: Key) throws(SystemError) {
        if case .serial(let line) = key.ends { return try lines.adopt(SerialPort(descriptor, line), for: key) }
        if receiver == nil { receiver = hasup_receiver_create() }
        guard receiver != nil else { throw SystemError(ENOMEM, "allocate receive buffers") }
        close(key)
        let socket = Entry(descriptor)
        socket.watch = try loop.add(socket.descriptor.number) { [unowned self] _ in self.drain(key) }
        sockets[key] = socket
    }

    func close(_ key: Key) {
        lines.close(key)
        guard let socket = sockets.removeValue(forKey: key) else { return }
        if let watch = socket.watch { loop.remove(watch) }
    }

    func close(except kept: Set<Key>) {
        for key in Array(sockets.keys) + lines.keys where !kept.contains(key) { close(key) }
    }

    /// Reads all sockets: what has come is heard before silence is judged (docs/decisions, D106).
    func drain() {
        for key in Array(sockets.keys) { drain(key) }
        for key in lines.keys { lines.drain(key) }
    }

    private func drain(_ key: Key) {
        guard let receiver, let socket = sockets[key] else { return }
        var errors = 0
        var batches = 0
        while batches < Self.batchesMax, errors < Self.errorsMax {
            // Without addresses: the signature says who has sent it, and the family doesn't matter.
            let count = hasup_receive_batch(receiver, socket.descriptor.number, AddressFamily.ipv4.rawValue)
            if count < 0 {
                errors += 1
                fail(key, -count)
                guard sockets[key] === socket else { return }
                continue
            }
            for index in 0..<count {
                guard let packet = hasup_received(receiver, index)?.pointee,
                    let start = hasup_received_bytes(receiver, index)
                else { continue }
                onFrame?(key, UnsafeRawBufferPointer(start: start, count: Int(packet.count)))
                // It may have ended the path.
                guard sockets[key] === socket else { return }
            }
            guard count == Int32(HASUP_BATCH_MAX) else { return }
            batches += 1
        }
    }

    /// Sends a frame; true if it has left.
    func send(_ frame: [UInt8], by key: Key) -> Bool {
        guard let socket = sockets[key] else {
            // It says itself what becomes of the frame.
            lines.send(frame, by: key)
            return false
        }
        // An error that was reported for a frame before takes the place of sending this one: the second attempt sends.
        for _ in 0..<2 {
            let result = Self.send(frame, through: socket.descriptor.number, to: key.ends)
            if result == 0 { return true }
            fail(key, -result)
            guard sockets[key] != nil else { return false }
        }
        return false
    }

    private static func send(_ frame: [UInt8], through socket: Int32, to ends: HeartbeatConnection) -> Int32 {
        guard case .multicast(let to) = ends else { return hasup_send_connected(socket, frame, frame.count) }
        return to.group.bytes.withUnsafeBufferPointer { group in
            hasup_send_to_group(
                socket, Int32(to.group.family.rawValue), group.baseAddress, to.port, frame, frame.count)
        }
    }

    /// The device is gone: that error stays, so that another socket is needed. All others pass.
    private func fail(_ key: Key, _ code: Int32) {
        if code == ENODEV || code == ENXIO || code == EBADF { close(key) }
        onError?(key, code)
    }
}
