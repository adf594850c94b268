import Base
import CLibnl
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor

/// Requests to IPVS by generic netlink (linux/ip_vs.h). Pure: bytes out, nothing sent.
///
/// What is written is numbers in the host's order, but for ports and IPv4 netmasks; an address is 16 bytes in network
/// order, of which an IPv4 address fills the first four.
struct IPVSRequest {
    /// Bytes that one request needs at most.
    static let maximum = 320

    /// The number of the family "IPVS", nlmsg_type of its messages.
    let family: UInt16

    /// Appends a request that changes the table. - Throws: `SystemError` when there is no memory.
    func append(
        _ request: TableRequest, sequence: UInt32, acknowledge: Bool, to bytes: inout [UInt8]
    ) throws(SystemError) {
        try append(request.command, acknowledge ? NLM_F_ACK : 0, sequence, to: &bytes) { attributes in
            switch request {
            case .addService(let key, let service), .editService(let key, let service):
                attributes.nest(IPVS_CMD_ATTR_SERVICE) {
                    $0.put(key)
                    $0.put(service, of: key.family)
                }
            case .removeService(let key): attributes.nest(IPVS_CMD_ATTR_SERVICE) { $0.put(key) }
            case .addDestination(let key, let place, let destination),
                .editDestination(let key, let place, let destination):
                attributes.nest(IPVS_CMD_ATTR_SERVICE) { $0.put(key) }
                attributes.nest(IPVS_CMD_ATTR_DEST) {
                    $0.put(place)
                    $0.put(destination)
                }
            case .removeDestination(let key, let place):
                attributes.nest(IPVS_CMD_ATTR_SERVICE) { $0.put(key) }
                attributes.nest(IPVS_CMD_ATTR_DEST) { $0.put(place) }
            case .flush: break
            case .setTimeouts(let tcp, let tcpFin, let udp):
                if tcp != 0 { attributes.put(IPVS_CMD_ATTR_TIMEOUT_TCP, tcp) }
                if tcpFin != 0 { attributes.put(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, tcpFin) }
                if udp != 0 { attributes.put(IPVS_CMD_ATTR_TIMEOUT_UDP, udp) }
            }
        }
    }

    /// Appends a request for all services. - Throws: `SystemError` when there is no memory.
    func appendServiceDump(sequence: UInt32, to bytes: inout [UInt8]) throws(SystemError) {
        try append(IPVS_CMD_GET_SERVICE, NLM_F_DUMP, sequence, to: &bytes) { _ in }
    }

    /// Appends a request for one service; ESRCH answers that it isn't there. - Throws: `SystemError` when there is no
    /// memory.
    func appendServiceQuery(_ key: ServiceKey, sequence: UInt32, to bytes: inout [UInt8]) throws(SystemError) {
        try append(IPVS_CMD_GET_SERVICE, NLM_F_ACK, sequence, to: &bytes) {
            $0.nest(IPVS_CMD_ATTR_SERVICE) { $0.put(key) }
        }
    }

    /// Appends a request for the destinations of a service. - Throws: `SystemError` when there is no memory.
    func appendDestinationDump(
        of key: ServiceKey, sequence: UInt32, to bytes: inout [UInt8]
    ) throws(SystemError) {
        try append(IPVS_CMD_GET_DEST, NLM_F_DUMP, sequence, to: &bytes) {
            $0.nest(IPVS_CMD_ATTR_SERVICE) { $0.put(key) }
        }
    }

    /// Appends a request for the number of the family "IPVS", which makes the kernel load the module.
    /// - Throws: `SystemError` when there is no memory.
    static func appendFamilyQuery(sequence: UInt32, to bytes: inout [UInt8]) throws(SystemError) {
        try append(
            Int(GENL_ID_CTRL), Int(CTRL_CMD_GETFAMILY), version: 1, NLM_F_ACK, sequence, to: &bytes
        ) {
            $0.put(Int(CTRL_ATTR_FAMILY_NAME), text: IPVS_GENL_NAME)
        }
    }

    private func append(
        _ command: Int, _ flags: Int32, _ sequence: UInt32, to bytes: inout [UInt8],
        attributes: (inout AttributeWriter) -> Void
    ) throws(SystemError) {
        try Self.append(
            Int(family), command, version: UInt8(IPVS_GENL_VERSION), flags, sequence, to: &bytes,
            attributes: attributes)
    }

    private static func append(
        _ type: Int, _ command: Int, version: UInt8, _ flags: Int32, _ sequence: UInt32, to bytes: inout [UInt8],
        attributes: (inout AttributeWriter) -> Void
    ) throws(SystemError) {
        var header = genlmsghdr()
        header.cmd = UInt8(truncatingIfNeeded: command)
        header.version = version
        try NetlinkMessages.append(type, flags, sequence, maximum: maximum, header: header, to: &bytes) { message in
            var writer = AttributeWriter(message)
            attributes(&writer)
            return writer.failure
        }
    }
}

extension TableRequest {
    fileprivate var command: Int {
        switch self {
        case .addService: IPVS_CMD_NEW_SERVICE
        case .editService: IPVS_CMD_SET_SERVICE
        case .removeService: IPVS_CMD_DEL_SERVICE
        case .addDestination: IPVS_CMD_NEW_DEST
        case .editDestination: IPVS_CMD_SET_DEST
        case .removeDestination: IPVS_CMD_DEL_DEST
        case .flush: IPVS_CMD_FLUSH
        case .setTimeouts: IPVS_CMD_SET_CONFIG
        }
    }
}

extension AttributeWriter {
    fileprivate mutating func put(_ key: ServiceKey) {
        put(IPVS_SVC_ATTR_AF, UInt16(key.family == .ipv4 ? AF_INET : AF_INET6))
        switch key.target {
        case .address(let address, let port, let transport):
            put(IPVS_SVC_ATTR_PROTOCOL, UInt16(transport.rawValue))
            put(IPVS_SVC_ATTR_ADDR, address)
            put(IPVS_SVC_ATTR_PORT, port.bigEndian)
        case .firewallMark(let mark, _): put(IPVS_SVC_ATTR_FWMARK, mark)
        }
    }

    fileprivate mutating func put(_ service: KernelService, of family: AddressFamily) {
        put(IPVS_SVC_ATTR_SCHED_NAME, text: service.scheduler)
        if let engine = service.persistenceEngine { put(IPVS_SVC_ATTR_PE_NAME, text: engine) }
        // Each flag is said, so that an edit takes away those that were there.
        put(IPVS_SVC_ATTR_FLAGS, bytes: [service.flags, UInt32.max])
        put(IPVS_SVC_ATTR_TIMEOUT, service.persistence ?? 0)
        put(IPVS_SVC_ATTR_NETMASK, family == .ipv4 ? service.netmask.bigEndian : service.netmask)
    }

    fileprivate mutating func put(_ key: DestinationKey) {
        put(IPVS_DEST_ATTR_ADDR, key.address)
        put(IPVS_DEST_ATTR_PORT, key.port.bigEndian)
        put(IPVS_DEST_ATTR_ADDR_FAMILY, UInt16(key.address.family == .ipv4 ? AF_INET : AF_INET6))
    }

    fileprivate mutating func put(_ destination: KernelDestination) {
        put(IPVS_DEST_ATTR_FWD_METHOD, destination.forwarding.method)
        put(IPVS_DEST_ATTR_WEIGHT, destination.weight)
        put(IPVS_DEST_ATTR_U_THRESH, destination.upperThreshold)
        put(IPVS_DEST_ATTR_L_THRESH, destination.lowerThreshold)
        guard case .tunnel(let tunnel) = destination.forwarding else { return }
        switch tunnel {
        case .ipip: put(IPVS_DEST_ATTR_TUN_TYPE, UInt8(IP_VS_CONN_F_TUNNEL_TYPE_IPIP))
        case .gue(let port, let checksum):
            put(IPVS_DEST_ATTR_TUN_TYPE, UInt8(IP_VS_CONN_F_TUNNEL_TYPE_GUE))
            put(IPVS_DEST_ATTR_TUN_PORT, port.bigEndian)
            put(IPVS_DEST_ATTR_TUN_FLAGS, checksum.flags)
        case .gre(let checksum):
            put(IPVS_DEST_ATTR_TUN_TYPE, UInt8(IP_VS_CONN_F_TUNNEL_TYPE_GRE))
            put(IPVS_DEST_ATTR_TUN_FLAGS, checksum.flags)
        }
    }

    private mutating func put(_ type: Int, _ address: IPAddress) {
        if address.family == .ipv4 {
            put(type, bytes: [UInt32(truncatingIfNeeded: address.low).bigEndian, 0, 0, 0])
        } else {
            put(type, bytes: [address.high.bigEndian, address.low.bigEndian])
        }
    }
}

extension KernelService {
    /// IP_VS_SVC_F_*.
    fileprivate var flags: UInt32 {
        var flags: UInt32 = UInt32(schedulerFlags.rawValue) * UInt32(IP_VS_SVC_F_SCHED1)
        if persistence != nil { flags |= UInt32(IP_VS_SVC_F_PERSISTENT) }
        if schedulesSinglePackets { flags |= UInt32(IP_VS_SVC_F_ONEPACKET) }
        return flags
    }
}

extension Forwarding {
    /// IP_VS_CONN_F_*.
    fileprivate var method: UInt32 {
        switch self {
        case .masquerading: UInt32(IP_VS_CONN_F_MASQ)
        case .directRouting: UInt32(IP_VS_CONN_F_DROUTE)
        case .tunnel: UInt32(IP_VS_CONN_F_TUNNEL)
        }
    }
}

extension TunnelChecksum {
    /// IP_VS_TUNNEL_ENCAP_FLAG_*.
    fileprivate var flags: UInt16 {
        switch self {
        case .none: UInt16(IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM)
        case .full: 1
        case .remoteOffload: 2
        }
    }
}
