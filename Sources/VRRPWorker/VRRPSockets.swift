import Base
import CLinux
import Glibc
import Reactor
import VRRP
import Wire

/// The VRRP sockets that hasupd has opened for us: one for each interface, family and group. Arriving packets are read
/// in batches, leaving ones gathered in a turn and sent in one call (docs/architecture.md §3).
final class VRRPSockets {
    /// The purpose of a socket; nil group for unicast.
    struct Key: Hashable {
        var interfaceIndex: Int32
        var family: AddressFamily
        var group: IPAddress?
    }

    private final class Socket {
        let key: Key
        let descriptor: Descriptor
        var watch: Watch?
        var outgoing: [hasup_outgoing] = []
        /// The instances of the outgoing packets, in their order.
        var senders: [InstanceID] = []

        init(_ key: Key, _ descriptor: consuming Descriptor) {
            self.key = key
            self.descriptor = descriptor
        }
    }

    /// A way out that was looked up once, good while no socket came or went.
    struct Route {
        fileprivate let socket: Int
        fileprivate let generation: Int
    }

    /// Batches read from one socket before the others get their turn.
    private static let batchesPerTurnMax = 32

    private let loop: EventLoop
    private let receiver: OpaquePointer
    private var sockets: [Key: Socket] = [:]
    /// The sockets by number, for routes.
    private var numbered: [Socket] = []
    private var generation = 0
    /// The time at which a missing socket was last requested.
    private var requestedAt: [Key: Instant] = [:]
    private var pending: [Socket] = []
    /// A packet has come; its bytes are valid during the call.
    var onPacket: ((PacketInformation, UnsafeRawBufferPointer) -> Void)?
    /// A socket failed with this error number.
    var onFailure: ((Int32, Key) -> Void)?
    /// A packet of this instance couldn't leave, and the error number.
    var onUnsent: ((InstanceID, Int32) -> Void)?
    /// Packets of this instance have left; unset while no one needs it.
    var onSent: ((InstanceID) -> Void)?

    init(on loop: EventLoop) throws(SystemError) {
        guard let receiver = hasup_receiver_create() else { throw SystemError(ENOMEM, "allocate receive buffers") }
        self.loop = loop
        self.receiver = receiver
    }

    deinit { hasup_receiver_destroy(receiver) }

    // MARK: Which sockets there are

    /// True if there is a socket on the interface with this number.
    func uses(_ interfaceIndex: Int32) -> Bool { sockets.keys.contains { $0.interfaceIndex == interfaceIndex } }

    func has(_ key: Key) -> Bool { sockets[key] != nil }

    /// Drops sockets that are neither wanted any more nor to be kept, and gives those that are wanted, missing and
    /// weren't requested lately.
    func reconcile(wanted: Set<Key>, kept: Set<Key>, at now: Instant) -> [Key] {
        for key in sockets.keys where !wanted.contains(key) && !kept.contains(key) { close(key) }
        requestedAt = requestedAt.filter { wanted.contains($0.key) && now - $0.value < .seconds(1) }
        let missing = wanted.filter { sockets[$0] == nil && requestedAt[$0] == nil }
        for key in missing { requestedAt[key] = now }
        return Array(missing)
    }

    func adopt(_ descriptor: consuming Descriptor, for key: Key) throws(SystemError) {
        requestedAt[key] = nil
        close(key)
        let socket = Socket(key, descriptor)
        socket.watch = try loop.add(socket.descriptor.number) { [unowned self, unowned socket] _ in self.drain(socket) }
        sockets[key] = socket
        renumber()
    }

    func close(_ key: Key) {
        guard let socket = sockets.removeValue(forKey: key) else { return }
        // A release that still waits in the batch leaves first.
        flush(socket)
        if let watch = socket.watch { loop.remove(watch) }
        pending.removeAll { $0 === socket }
        renumber()
    }

    private func renumber() {
        numbered = Array(sockets.values)
        generation += 1
    }

    // MARK: Receiving

    private func drain(_ socket: Socket) {
        let family = socket.key.family
        for _ in 0..<Self.batchesPerTurnMax {
            let count = hasup_receive_batch(receiver, socket.descriptor.number, family.rawValue)
            if count < 0 {
                // The device is gone or down. An error that stays would be reported for ever: a new socket is needed.
                if count == -ENODEV || count == -EBADF { close(socket.key) }
                onFailure?(-count, socket.key)
                return
            }
            for index in 0..<count { deliver(index, of: socket) }
            if count < Int32(HASUP_BATCH_MAX) || sockets[socket.key] !== socket { return }
        }
    }

    private func deliver(_ index: Int32, of socket: Socket) {
        guard let packet = hasup_received(receiver, index)?.pointee, let start = hasup_received_bytes(receiver, index)
        else { return }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(packet.count))
        let key = socket.key
        let information: PacketInformation
        let payload: UnsafeRawBufferPointer
        switch key.family {
        case .ipv4:
            guard let header = IPHeaderView(bytes) else { return }
            payload = header.payload
            information = PacketInformation(
                interfaceIndex: key.interfaceIndex, source: header.source, destination: header.destination,
                hopLimit: header.timeToLive, payloadLength: header.payloadLength)
        case .ipv6:
            payload = bytes
            information = PacketInformation(
                interfaceIndex: key.interfaceIndex, source: IPAddress(v6: packet.source),
                destination: IPAddress(v6: packet.destination),
                hopLimit: packet.hop_limit < 0 ? nil : UInt8(truncatingIfNeeded: packet.hop_limit),
                payloadLength: bytes.count)
        }
        if isResponsible(key, for: information.destination) { onPacket?(information, payload) }
    }

    /// The kernel gives a unicast packet to every socket of the interface: only one of them is to deliver it.
    private func isResponsible(_ key: Key, for destination: IPAddress) -> Bool {
        if destination.isMulticast { return key.group == destination }
        guard key.group != nil else { return true }
        let unicast = Key(interfaceIndex: key.interfaceIndex, family: key.family, group: nil)
        guard sockets[unicast] == nil else { return false }
        let first = sockets.keys.filter { $0.interfaceIndex == key.interfaceIndex && $0.family == key.family }
            .compactMap(\.group).min()
        return first == key.group
    }

    // MARK: Sending

    /// The way out by the socket of this key; nil when there is no socket.
    func route(by key: Key) -> Route? {
        numbered.firstIndex { $0.key == key }.map { Route(socket: $0, generation: generation) }
    }

    /// True if `send` may use it.
    func isGood(_ route: Route) -> Bool { route.generation == generation }

    /// Queues a packet on a good route; its bytes must stay as they are until `flush`.
    func send(_ packet: hasup_outgoing, of id: InstanceID, by route: Route) {
        let socket = numbered[route.socket]
        if socket.outgoing.isEmpty { pending.append(socket) }
        socket.outgoing.append(packet)
        socket.senders.append(id)
        if socket.outgoing.count == Int(HASUP_BATCH_MAX) { flush(socket) }
    }

    /// Sends everything that was queued.
    func flush() {
        guard !pending.isEmpty else { return }
        for socket in pending { flush(socket) }
        pending.removeAll(keepingCapacity: true)
    }

    private func flush(_ socket: Socket) {
        var offset = 0
        while offset < socket.outgoing.count {
            let sent = socket.outgoing.withUnsafeBufferPointer { packets in
                hasup_send_batch(
                    socket.descriptor.number, packets.baseAddress.map { $0 + offset }, Int32(packets.count - offset))
            }
            if sent < 0 {
                // One packet can't leave (an unreachable peer, a full queue, a device that is down): the others may.
                onUnsent?(socket.senders[offset], -sent)
                offset += 1
            } else {
                if let onSent { for id in socket.senders[offset..<offset + Int(sent)] { onSent(id) } }
                offset += Int(sent)
            }
        }
        socket.outgoing.removeAll(keepingCapacity: true)
        socket.senders.removeAll(keepingCapacity: true)
    }
}

private typealias Bytes16 = (
    UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
)

extension IPAddress {
    /// An address as the C side keeps it, in network order.
    fileprivate init(v6 bytes: Bytes16) {
        self = withUnsafeBytes(of: bytes) { buffer in
            IPAddress(
                v6High: UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                low: UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
