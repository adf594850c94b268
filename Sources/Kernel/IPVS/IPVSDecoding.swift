import Base
import CLibnl
import ConfigurationModel
import Glibc
import LoadBalancing

/// A message of IPVS by generic netlink.
enum IPVSMessage: Hashable {
    case service(ServiceKey, KernelService)
    case destination(DestinationKey, KernelDestination)
    /// The number of the family "IPVS".
    case family(UInt16)
    /// The answer to a request: 0 for done, else an error number.
    case answer(Int32)
    /// The end of a dump: 0, or an error number.
    case endOfDump(Int32)
    /// A message that says nothing to us, or that doesn't hold what its command promises.
    case other
}

/// Reads the messages of one datagram. Every length is checked: what doesn't fit ends the reading.
struct IPVSReader {
    private var messages: NetlinkMessages
    private let family: UInt16?
    private let serviceFamily: AddressFamily
    /// nlmsg_seq of the last message.
    private(set) var sequence: UInt32 = 0

    /// A reader of a datagram. It must not outlive the bytes.
    ///
    /// - Parameters:
    ///   - family: the number of the family "IPVS"; nil while it isn't known.
    ///   - serviceFamily: what the addresses of destinations are of when they don't say (kernels before 3.18).
    init(_ bytes: UnsafeRawBufferPointer, family: UInt16?, serviceFamily: AddressFamily = .ipv4) {
        messages = NetlinkMessages(bytes)
        self.family = family
        self.serviceFamily = serviceFamily
    }

    /// The next message, nil at the end.
    mutating func next() -> IPVSMessage? {
        guard let message = messages.next() else { return nil }
        sequence = message.sequence
        switch message.type {
        case Int(NLMSG_ERROR): return message.errorNumber.map { .answer($0) } ?? .other
        case Int(NLMSG_DONE): return .endOfDump(message.errorNumber ?? 0)
        case Int(GENL_ID_CTRL): return Self.familyNumber(message.payload).map { .family($0) } ?? .other
        case family.map(Int.init): return table(message.payload) ?? .other
        default: return .other
        }
    }

    private static func familyNumber(_ payload: UnsafeRawBufferPointer) -> UInt16? {
        guard payload.count >= 4, payload[0] == UInt8(CTRL_CMD_NEWFAMILY) else { return nil }
        var attributes = AttributeReader(payload, from: 4)
        guard let value = attributes.first(Int(CTRL_ATTR_FAMILY_ID)), value.count >= 2 else { return nil }
        return value.loadUnaligned(as: UInt16.self)
    }

    private func table(_ payload: UnsafeRawBufferPointer) -> IPVSMessage? {
        guard payload.count >= 4 else { return nil }
        var attributes = AttributeReader(payload, from: 4)
        switch Int(payload[0]) {
        case IPVS_CMD_NEW_SERVICE:
            guard let value = attributes.first(IPVS_CMD_ATTR_SERVICE) else { return nil }
            return Self.service(value)
        case IPVS_CMD_NEW_DEST:
            guard let value = attributes.first(IPVS_CMD_ATTR_DEST) else { return nil }
            return destination(value)
        default: return nil
        }
    }

    private static func service(_ bytes: UnsafeRawBufferPointer) -> IPVSMessage? {
        var family: AddressFamily?
        var transport: ServiceTransport?
        var address: UnsafeRawBufferPointer?
        var port: UInt16?
        var mark: UInt32?
        var scheduler = "none"
        var engine: String?
        var flags: UInt32 = 0
        var timeout: UInt32 = 0
        var netmask: UInt32?
        var attributes = AttributeReader(bytes, from: 0)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IPVS_SVC_ATTR_AF: family = attribute.halfWord.flatMap(AddressFamily.init(number:))
            case IPVS_SVC_ATTR_PROTOCOL:
                transport = attribute.halfWord.flatMap { UInt8(exactly: $0) }.flatMap(ServiceTransport.init)
            case IPVS_SVC_ATTR_ADDR: address = attribute.value
            case IPVS_SVC_ATTR_PORT: port = attribute.port
            case IPVS_SVC_ATTR_FWMARK: mark = attribute.word
            case IPVS_SVC_ATTR_SCHED_NAME: scheduler = attribute.text ?? scheduler
            case IPVS_SVC_ATTR_PE_NAME: engine = attribute.text
            case IPVS_SVC_ATTR_FLAGS: flags = attribute.word ?? 0
            case IPVS_SVC_ATTR_TIMEOUT: timeout = attribute.word ?? 0
            case IPVS_SVC_ATTR_NETMASK: netmask = attribute.word
            default: break
            }
        }
        guard let family else { return nil }
        let target: ServiceKey.Target
        if let mark {
            target = .firewallMark(mark, family)
        } else {
            guard let transport, let port, let place = address.flatMap({ IPAddress($0, of: family) }) else {
                return nil
            }
            target = .address(place, port: port, transport)
        }
        var service = KernelService(scheduler: scheduler, family: family)
        service.schedulerFlags = SchedulerFlags(
            rawValue: UInt8(truncatingIfNeeded: flags / UInt32(IP_VS_SVC_F_SCHED1) & 7))
        service.schedulesSinglePackets = flags & UInt32(IP_VS_SVC_F_ONEPACKET) != 0
        service.persistence = flags & UInt32(IP_VS_SVC_F_PERSISTENT) != 0 ? timeout : nil
        if let netmask { service.netmask = family == .ipv4 ? UInt32(bigEndian: netmask) : netmask }
        service.persistenceEngine = engine
        return .service(ServiceKey(target), service)
    }

    private func destination(_ bytes: UnsafeRawBufferPointer) -> IPVSMessage? {
        var family = serviceFamily
        var address: UnsafeRawBufferPointer?
        var port: UInt16?
        var method: UInt32?
        var weight: UInt32?
        var tunnel = TunnelAttributes()
        var (upper, lower): (UInt32, UInt32) = (0, 0)
        var attributes = AttributeReader(bytes, from: 0)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IPVS_DEST_ATTR_ADDR_FAMILY:
                guard let known = attribute.halfWord.flatMap(AddressFamily.init(number:)) else { return nil }
                family = known
            case IPVS_DEST_ATTR_ADDR: address = attribute.value
            case IPVS_DEST_ATTR_PORT: port = attribute.port
            case IPVS_DEST_ATTR_FWD_METHOD: method = attribute.word
            case IPVS_DEST_ATTR_WEIGHT: weight = attribute.word
            case IPVS_DEST_ATTR_U_THRESH: upper = attribute.word ?? 0
            case IPVS_DEST_ATTR_L_THRESH: lower = attribute.word ?? 0
            case IPVS_DEST_ATTR_TUN_TYPE: tunnel.type = attribute.value.first ?? 0
            case IPVS_DEST_ATTR_TUN_PORT: tunnel.port = attribute.port ?? 0
            case IPVS_DEST_ATTR_TUN_FLAGS: tunnel.flags = attribute.halfWord ?? 0
            default: break
            }
        }
        guard let port, let method, let weight, let place = address.flatMap({ IPAddress($0, of: family) }) else {
            return nil
        }
        var destination = KernelDestination(forwarding: tunnel.forwarding(method), weight: weight)
        destination.upperThreshold = upper
        destination.lowerThreshold = lower
        return .destination(DestinationKey(place, port: port), destination)
    }
}

private struct TunnelAttributes {
    var type: UInt8 = 0
    var port: UInt16 = 0
    var flags: UInt16 = 0

    /// - Parameter method: IP_VS_CONN_F_*. "Local" and "bypass", which no tool sets, count as direct routing.
    func forwarding(_ method: UInt32) -> Forwarding {
        switch method & UInt32(IP_VS_CONN_F_FWD_MASK) {
        case UInt32(IP_VS_CONN_F_MASQ): return .masquerading
        case UInt32(IP_VS_CONN_F_TUNNEL): break
        default: return .directRouting
        }
        let checksum: TunnelChecksum = flags & 1 != 0 ? .full : flags & 2 != 0 ? .remoteOffload : .none
        switch Int(type) {
        case Int(IP_VS_CONN_F_TUNNEL_TYPE_GUE): return .tunnel(.gue(port: port, checksum))
        case Int(IP_VS_CONN_F_TUNNEL_TYPE_GRE): return .tunnel(.gre(checksum))
        default: return .tunnel(.ipip)
        }
    }
}

extension AddressFamily {
    fileprivate init?(number: UInt16) {
        switch Int32(number) {
        case AF_INET: self = .ipv4
        case AF_INET6: self = .ipv6
        default: return nil
        }
    }
}

extension IPAddress {
    /// The beginning of a field that has room for both families.
    fileprivate init?(_ field: UnsafeRawBufferPointer, of family: AddressFamily) {
        guard field.count >= family.addressLength else { return nil }
        self.init(bytes: field.prefix(family.addressLength))
    }
}
