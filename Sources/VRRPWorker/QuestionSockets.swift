import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

/// The sockets by which the guard asks others, which hasupd has opened for us: a raw ICMP one for each reference address, and
/// a packet socket for each link on which we ask who has an address.
final class QuestionSockets {
    /// The purpose of a socket: what stays the same when a reload changes places.
    enum Key: Hashable {
        case reference(cluster: String, ReferenceTarget)
        case link(QuestionLink)

        /// The interface that it is bound to.
        var device: String {
            switch self {
            case .reference(_, let target): target.device
            case .link(let link): link.interface
            }
        }
    }

    private final class Entry {
        let descriptor: Descriptor
        /// The interface's number when it came: another one of this name needs another socket.
        let interfaceIndex: Int32
        var watch: Watch?

        init(_ descriptor: consuming Descriptor, _ interfaceIndex: Int32) {
            self.descriptor = descriptor
            self.interfaceIndex = interfaceIndex
        }
    }

    /// Batches that are read from one socket before the others get their turn: whoever is on the link can send any number.
    private static let batchesMax = 4
    /// Errors in a row that are read from one socket: each is one that the network has reported.
    private static let errorsMax = 16

    private let loop: EventLoop
    /// Made when there is a socket.
    private var receiver: OpaquePointer?
    private var sockets: [Key: Entry] = [:]
    /// Something has come; its bytes are valid during the call.
    var onMessage: ((Key, UnsafeRawBufferPointer) -> Void)?
    /// The network or the kernel has reported an error.
    var onError: ((Key, Int32) -> Void)?

    init(on loop: EventLoop) { self.loop = loop }

    deinit { if let receiver { hasup_receiver_destroy(receiver) } }

    /// The number of the interface that the socket is bound to; nil without a socket.
    func interfaceIndex(of key: Key) -> Int32? { sockets[key]?.interfaceIndex }

    func has(_ key: Key) -> Bool { sockets[key] != nil }

    func adopt(
        _ descriptor: consuming Descriptor, for key: Key, interfaceIndex: Int32
    ) throws(SystemError) {
        if receiver == nil { receiver = hasup_receiver_create() }
        guard receiver != nil else { throw SystemError(ENOMEM, "allocate receive buffers") }
        close(key)
        let socket = Entry(descriptor, interfaceIndex)
        discardOld(socket)
        socket.watch = try loop.add(socket.descriptor.number) { [unowned self] _ in self.drain(key) }
        sockets[key] = socket
    }

    /// What lies in it was asked for by a predecessor.
    private func discardOld(_ socket: Entry) {
        guard let receiver else { return }
        for _ in 0..<Self.batchesMax {
            let count = hasup_receive_batch(receiver, socket.descriptor.number, AddressFamily.ipv4.rawValue)
            guard count == Int32(HASUP_BATCH_MAX) else { return }
        }
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
            // Without addresses: the kernel has compared the reference's, and a frame has its own.
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
                onMessage?(key, UnsafeRawBufferPointer(start: start, count: Int(packet.count)))
                // It may have ended the question.
                guard sockets[key] === socket else { return }
            }
            guard count == Int32(HASUP_BATCH_MAX) else { return }
            batches += 1
        }
    }

    /// Sends an ICMP message to the reference, or a frame on the link; true if it has left.
    func send(_ bytes: [UInt8], by key: Key) -> Bool {
        guard let socket = sockets[key] else { return false }
        // An error that was reported for what was sent before takes the place of sending this: the second attempt sends.
        for _ in 0..<2 {
            let result =
                switch key {
                case .reference: hasup_send_connected(socket.descriptor.number, bytes, bytes.count)
                case .link: hasup_send_frame(socket.descriptor.number, socket.interfaceIndex, bytes, bytes.count)
                }
            if result == 0 { return true }
            fail(key, -result)
            guard sockets[key] != nil else { return false }
        }
        return false
    }

    /// Errors that stay: the device is gone, or the address that the kernel has chosen for requests when the socket was
    /// connected is. Another socket is needed. All others pass.
    private func fail(_ key: Key, _ code: Int32) {
        switch code {
        case ENODEV, ENXIO, EBADF, EINVAL, EADDRNOTAVAIL: close(key)
        default: break
        }
        onError?(key, code)
    }
}
