import Base
import CLinux
import Configuration
import Reactor
import VRRP
import Wire

/// Sends what the core wants on the wire: advertisements through the VRRP sockets, gratuitous ARP and neighbour
/// advertisements as frames. Order is kept: an advertisement never leaves after a frame that the core asked for later.
final class Transmitter {
    private let sockets: VRRPSockets
    private let frames: Descriptor
    private var cached: [AdvertPackets?] = []
    private var identifications: [UInt16] = []
    private var inBatch: Set<InstanceID> = []
    /// Frames that the kernel didn't take.
    private(set) var framesFailed: UInt64 = 0
    /// Advertisements that had no socket to leave by.
    private(set) var advertsUnsent: UInt64 = 0

    init(_ sockets: VRRPSockets, frames: consuming Descriptor) {
        self.sockets = sockets
        self.frames = frames
    }

    /// A new configuration: everything is encoded anew. Packets in the batch leave first.
    func reset(instanceCount: Int) {
        flush()
        cached = Array(repeating: nil, count: instanceCount)
        identifications = Array(repeating: 0, count: instanceCount)
    }

    func advertise(_ id: InstanceID, _ instance: InstanceSettings, _ contents: Advertised) {
        // The bytes of a queued packet must stay as they are.
        if !inBatch.insert(id).inserted {
            flush()
            inBatch.insert(id)
        }
        let packets: AdvertPackets
        if let known = cached[id], known.contents == contents {
            packets = known
        } else {
            guard let made = AdvertPackets(instance, contents, identification: identifications[id]) else { return }
            cached[id] = made
            packets = made
        }
        identifications[id] = packets.advance()
        for packet in packets.packets {
            let isQueued = sockets.send(
                UnsafeRawBufferPointer(packet.bytes), to: packet.destination, on: packets.key)
            if !isQueued { advertsUnsent += 1 }
        }
    }

    /// One gratuitous ARP or unsolicited neighbour advertisement.
    func announce(_ address: IPAddress, from hardware: MACAddress, interfaceIndex: Int32, isRouter: Bool) {
        flush()
        let frame =
            switch address.family {
            case .ipv4: encodeGratuitousARP(for: address, from: hardware)
            case .ipv6: encodeNeighborAdvertisement(for: address, from: hardware, isRouter: isRouter)
            }
        guard let frame else { return }
        if hasup_send_frame(frames.number, interfaceIndex, frame, frame.count) < 0 { framesFailed += 1 }
    }

    func flush() {
        sockets.flush()
        inBatch.removeAll(keepingCapacity: true)
    }
}
