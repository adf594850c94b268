import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// The sockets of heartbeat paths that hasupd has opened for us, one for each path and peer.
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

    init(on loop: EventLoop) { self.loop = loop }

    deinit { if let receiver { hasup_receiver_destroy(receiver) } }

    func has(_ key: Key) -> Bool { sockets[key] != nil }

    func adopt(_ descriptor: consuming Descriptor, for key: Key) throws(SystemError) {
        if receiver == nil { receiver = hasup_receiver_create() }
        guard receiver != nil else { throw SystemError(ENOMEM, "allocate receive buffers") }
        close(key)
        let socket = Entry(descriptor)
        socket.watch = try loop.add(socket.descriptor.number) { [unowned self] _ in self.drain(key) }
        sockets[key] = socket
    }

    func close(_ key: Key) {
        guard let socket = sockets.removeValue(forKey: key) else { return }
        if let watch = socket.watch { loop.remove(watch) }
    }

    func close(except kept: Set<Key>) { for key in sockets.keys where !kept.contains(key) { close(key) } }

    /// Reads all sockets: what has come is heard before silence is judged (docs/decisions, D106).
    func drain() { for key in Array(sockets.keys) { drain(key) } }

    private func drain(_ key: Key) {
        guard let receiver, let socket = sockets[key] else { return }
        var errors = 0
        var batches = 0
        while batches < Self.batchesMax, errors < Self.errorsMax {
            // Without addresses: the socket is connected, and the family doesn't matter.
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
        guard let socket = sockets[key] else { return false }
        // An error that was reported for a frame before takes the place of sending this one: the second attempt sends.
        for _ in 0..<2 {
            let result = hasup_send_connected(socket.descriptor.number, frame, frame.count)
            if result == 0 { return true }
            fail(key, -result)
            guard sockets[key] != nil else { return false }
        }
        return false
    }

    /// The device is gone: that error stays, so that another socket is needed. All others pass.
    private func fail(_ key: Key, _ code: Int32) {
        if code == ENODEV || code == ENXIO || code == EBADF { close(key) }
        onError?(key, code)
    }
}
