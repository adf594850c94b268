import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import VRRP
import Wire

/// Sends what the core wants on the wire: advertisements through the VRRP sockets, gratuitous ARP and neighbour
/// advertisements as frames. Order is kept: an advertisement never leaves after a frame that the core requested later.
final class Transmitter {
    private let sockets: VRRPSockets
    private let frames: Descriptor
    private var cached: [AdvertPackets?] = []
    private var identifications: [UInt16] = []
    /// The batch that an instance's packets were last queued in, by instance.
    private var batches: [UInt64] = []
    private var batch: UInt64 = 1
    /// Frames that the kernel didn't take.
    private(set) var framesFailed: UInt64 = 0
    /// Advertisements that couldn't leave.
    private(set) var failures = SendFailures()

    /// Counts an instance's failures from zero again.
    func resetFailureCount(of id: InstanceID) { failures.resetCount(of: id) }
    private var reportedUnsent: UInt64 = 0
    private var unsentReports = RateLimit(period: .seconds(60))
    /// The first of a series of advertisements that couldn't leave, and the error number; 0 without a socket.
    var onFailure: ((InstanceID, Int32) -> Void)?
    /// True if the interface with this number has a carrier.
    var hasCarrier: ((Int32) -> Bool)?
    private let now: () -> Instant

    init(_ sockets: VRRPSockets, frames: consuming Descriptor, now: @escaping () -> Instant) {
        self.sockets = sockets
        self.frames = frames
        self.now = now
        sockets.onUnsent = { [unowned self] in self.failed($0, $1) }
    }

    private func failed(_ id: InstanceID, _ code: Int32) {
        if failures.failed(id, code, at: now()) { onFailure?(id, code) }
        guard sockets.onSent == nil else { return }
        sockets.onSent = { [unowned self] in
            if self.cached[$0]?.isLost != true { self.failures.left($0) }
        }
    }

    /// A new configuration gives instances new numbers.
    func renumber(_ map: [InstanceID?]) {
        flush()
        failures.renumber(map)
        if !failures.isWatching { sockets.onSent = nil }
    }

    /// A new configuration: everything is encoded anew. Packets in the batch leave first.
    func reset(instanceCount: Int) {
        flush()
        cached = Array(repeating: nil, count: instanceCount)
        identifications = Array(repeating: 0, count: instanceCount)
        batches = Array(repeating: 0, count: instanceCount)
    }

    /// Sends an advertisement that was encoded before. False when it must be encoded (anew): then `advertise` is
    /// called.
    func repeatAdvert(_ id: InstanceID, _ contents: AdvertContents) -> Bool {
        guard let packets = cached[id], packets.contents == contents else { return false }
        send(packets, of: id)
        return true
    }

    /// Encodes an advertisement and sends it.
    func advertise(_ id: InstanceID, _ instance: InstanceSettings, _ contents: AdvertContents) {
        // The bytes of the old one may be in the batch.
        flush()
        cached[id] = AdvertPackets(instance, contents, identification: identifications[id])
        if let packets = cached[id] { send(packets, of: id) }
    }

    private func send(_ packets: AdvertPackets, of id: InstanceID) {
        // The bytes of a queued packet must stay as they are.
        if batches[id] == batch { flush() }
        batches[id] = batch
        identifications[id] = packets.advance()
        if packets.route.map(sockets.isGood) != true { packets.route = sockets.route(by: packets.key) }
        guard let route = packets.route else {
            failed(id, 0)
            return
        }
        for packet in packets.packets { sockets.send(packet, of: id, by: route) }
        guard packets.ignoresCarrier else { return }
        packets.isLost = hasCarrier?(packets.contents.interfaceIndex) == false
        if packets.isLost { failed(id, ENETDOWN) }
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

    /// Returns the number of packets that couldn't leave since the last report, at most once a minute; nil for none.
    func unsentToReport() -> UInt64? {
        let unsent = failures.total + framesFailed
        guard unsent > reportedUnsent, unsentReports.admits(at: now()) else { return nil }
        defer { reportedUnsent = unsent }
        return unsent - reportedUnsent
    }

    func flush() {
        sockets.flush()
        batch += 1
    }
}
