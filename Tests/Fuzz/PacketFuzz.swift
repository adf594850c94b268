import Base
import Configuration
import ConfigurationModel
import VRRP

@testable import Wire

/// Packets of protocol 112 for a virtual router that is BACKUP or MASTER.
///
/// Byte 0: bit 0 IPv6, bit 1 version 3, bit 2 MASTER, bit 3 unicast, bit 4 a password, bit 7 the checksum is put right.
/// Byte 1: last byte of the source address. Byte 2: TTL. The rest is the PDU.
enum PacketFuzz: FuzzTarget {
    private static let head = 3

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for mode in UInt8(0)..<32 {
            let settings = settings(mode)
            guard let virtualRouterID = settings.virtualRouterID else { continue }
            for priority: UInt8 in [0, 100, 200] {
                let advertisement = Advertisement(
                    version: settings.version, virtualRouterID: virtualRouterID,
                    priority: Priority(rawValue: priority), interval: settings.advertInterval,
                    addresses: settings.virtualAddresses.map(\.prefix.address), password: settings.password)
                let (source, destination) = addresses(settings, 9)
                seeds.append([mode | 0x80, 9, 255] + advertisement.encode(source: source, destination: destination))
            }
        }
        return seeds
    }

    private static func settings(_ mode: UInt8) -> InstanceSettings {
        var settings = InstanceSettings(name: "A", location: SourceLocation(file: "fuzz.conf", line: 1))
        settings.interface = "eth0"
        settings.virtualRouterID = VRID(rawValue: 20)
        settings.family = mode & 1 != 0 ? .ipv6 : .ipv4
        settings.version = mode & 3 != 0 ? .v3 : .v2
        let virtual = settings.family == .ipv6 ? linkLocal(0x1000) : IPAddress(v4: 0x0a00_0401)
        settings.virtualAddresses = [VirtualAddress(prefix: Prefix(host: virtual))]
        if settings.family == .ipv6 { settings.multicastGroup = IPAddress(v6High: 0xff02 << 48, low: 0x12) }
        if mode & 8 != 0 {
            settings.unicastPeers = [UnicastPeer(address: addresses(settings, 9).source)]
            settings.checkUnicastSource = true
        }
        if mode & 16 != 0, settings.version == .v2 { settings.password = Array("password".utf8) }
        return settings
    }

    private static func linkLocal(_ low: UInt64) -> IPAddress { IPAddress(v6High: 0xfe80 << 48, low: low) }

    private static func addresses(
        _ settings: InstanceSettings, _ last: UInt8
    ) -> (source: IPAddress, destination: IPAddress) {
        let isV6 = settings.family == .ipv6
        let source = isV6 ? linkLocal(UInt64(last)) : IPAddress(v4: 0x0a00_0000 | UInt32(last))
        let own = isV6 ? linkLocal(5) : IPAddress(v4: 0x0a00_0005)
        return (source, settings.isUnicast ? own : settings.multicastGroup)
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= head else { return }
        let settings = settings(input[0])
        let (source, destination) = addresses(settings, input[1])
        var pdu = Array(input[head...])
        if input[0] & 0x80 != 0, pdu.count >= 8 { correctChecksum(of: &pdu, settings.version, source, destination) }
        var node = Node()
        var now = Instant(nanoseconds: 1_000_000_000)
        var actions: [Action] = []
        let interface = InterfaceState(index: 2, name: "eth0", isUsable: true)
        var model = ConfigurationModel()
        model.instances = [settings]
        node.handle(.interface(interface), at: now, into: &actions)
        node.handle(ownAddresses, at: now, into: &actions)
        node.handle(.configure(model), at: now, into: &actions)
        if input[0] & 4 != 0 {
            now = now + .seconds(10)
            node.handle(.timeout, at: now, into: &actions)
        }
        let before = node.status(of: 0, at: now)
        let deadline = node.deadline
        let information = PacketInformation(
            interfaceIndex: 2, source: source, destination: destination, hopLimit: input[2], payloadLength: pdu.count)
        pdu.withUnsafeBytes { node.handle(.packet(information, $0), at: now, into: &actions) }
        guard let before, let after = node.status(of: 0, at: now) else { return }
        if after.counters.discarded != before.counters.discarded {
            precondition(after.state == before.state && node.deadline == deadline, "a rejected packet had an effect")
        }
        // The time after it must be survived, too.
        for _ in 0..<4 where node.deadline < .never {
            now = max(now, node.deadline)
            node.handle(.timeout, at: now, into: &actions)
        }
    }

    private static func correctChecksum(
        of pdu: inout [UInt8], _ version: VRRPVersion, _ source: IPAddress, _ destination: IPAddress
    ) {
        (pdu[6], pdu[7]) = (0, 0)
        let checksum = pdu.withUnsafeBytes { bytes in
            var sum = InternetChecksum()
            sum.add(bytes)
            if version == .v3 || source.family == .ipv6 {
                sum.addPseudoHeader(
                    source: source, destination: destination, length: bytes.count, next: vrrpProtocolNumber)
            }
            return sum.value
        }
        (pdu[6], pdu[7]) = (UInt8(checksum >> 8), UInt8(truncatingIfNeeded: checksum))
    }
}
