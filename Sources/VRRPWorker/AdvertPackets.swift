import Base
import CLinux
import ConfigurationModel
import VRRP
import Wire

/// The encoded advertisements of one instance: made once, sent again until something in them changes. Unicast has one
/// for each peer, because addresses and checksum differ.
final class AdvertPackets {
    let contents: AdvertContents
    /// The socket that sends them.
    let key: VRRPSockets.Key
    /// The way to it, once it is known.
    var route: VRRPSockets.Route?
    /// The packets, in the form for the system call; their bytes lie behind them in the same block.
    let packets: UnsafeMutableBufferPointer<hasup_outgoing>
    /// dont_track_primary: they are sent without a carrier, too.
    let ignoresCarrier: Bool
    /// True if there was none when they were last sent: that the kernel took them says nothing then.
    var isLost = false
    private var identification: UInt16

    /// Encodes an instance's advertisements; nil for an instance without VRID, which never advertises.
    init?(_ instance: InstanceSettings, _ contents: AdvertContents, identification: UInt16) {
        guard let id = instance.virtualRouterID else { return nil }
        self.contents = contents
        self.identification = identification
        ignoresCarrier = instance.ignoresPrimaryInterface
        let family = contents.source.family
        key = VRRPSockets.Key(
            interfaceIndex: contents.interfaceIndex, family: family,
            group: instance.isUnicast ? nil : instance.multicastGroup)
        let advertisement = Advertisement(
            version: instance.version, virtualRouterID: id, priority: contents.priority,
            interval: instance.advertInterval,
            addresses: instance.virtualAddresses.prefix(Int(contents.addressCount)).map(\.prefix.address),
            password: instance.password, checksumWithoutPseudoHeader: instance.checksumWithoutPseudoHeader)
        let destinations = instance.isUnicast ? instance.unicastPeers.map(\.address) : [instance.multicastGroup]
        let encoded = destinations.map {
            encodeAdvertisementPacket(
                advertisement, source: contents.source, destination: $0,
                hopLimit: instance.isUnicast ? instance.unicastTTL : 255)
        }
        let heads = encoded.count * MemoryLayout<hasup_outgoing>.stride
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: heads + encoded.reduce(0) { $0 + $1.count }, alignment: MemoryLayout<hasup_outgoing>.alignment)
        packets = UnsafeMutableBufferPointer(
            start: block.bindMemory(to: hasup_outgoing.self, capacity: encoded.count), count: encoded.count)
        var place = block + heads
        for (index, bytes) in encoded.enumerated() {
            place.copyMemory(from: bytes, byteCount: bytes.count)
            var packet = hasup_outgoing()
            packet.bytes = place
            packet.count = UInt32(bytes.count)
            packet.family = family.rawValue
            withUnsafeMutableBytes(of: &packet.destination) { target in
                for byte in 0..<family.addressLength { target[byte] = destinations[index].byte(at: byte) }
            }
            packets.initializeElement(at: index, to: packet)
            place += bytes.count
        }
    }

    deinit { UnsafeMutableRawPointer(packets.baseAddress)?.deallocate() }

    /// Gives the packets their next IPv4 identification, which counts up per instance.
    func advance() -> UInt16 {
        identification &+= 1
        guard contents.source.family == .ipv4 else { return identification }
        for packet in packets {
            if let bytes = packet.bytes { IPHeaderView.setIdentification(identification, of: bytes) }
        }
        return identification
    }
}
