import Base
import CLibnl
import Glibc
import Reactor

/// Requests to rtnetlink(7), built with libnl's message functions. Pure: bytes out, nothing sent.
///
/// libnl 3.7's own address objects don't know IFA_PROTO, so the attributes are put one by one.
enum RouteRequest {
    /// Bytes that one address request needs at most: headers, two addresses, broadcast, label, flags, lifetimes, mark.
    static let addressRequestMaximum = 256

    /// Appends RTM_NEWADDR for an address that doesn't exist. - Throws: `SystemError` when there is no memory.
    static func appendNew(
        _ address: InterfaceAddress, sequence: UInt32, acknowledge: Bool, to bytes: inout [UInt8]
    ) throws(SystemError) {
        try append(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, sequence, acknowledge, to: &bytes) { message in
            putOptions(of: address, into: message)
        }
    }

    /// Appends RTM_NEWADDR for an address that exists: its lifetime begins anew. - Throws: `SystemError` when there is no
    /// memory.
    static func appendRenewal(
        _ address: InterfaceAddress, sequence: UInt32, acknowledge: Bool, to bytes: inout [UInt8]
    ) throws(SystemError) {
        try append(RTM_NEWADDR, NLM_F_REPLACE, address, sequence, acknowledge, to: &bytes) { message in
            putOptions(of: address, into: message)
        }
    }

    /// Appends RTM_DELADDR. - Throws: `SystemError` when there is no memory.
    static func appendDelete(
        _ address: InterfaceAddress, sequence: UInt32, acknowledge: Bool, to bytes: inout [UInt8]
    ) throws(SystemError) {
        try append(RTM_DELADDR, 0, address, sequence, acknowledge, to: &bytes) { _ in 0 }
    }

    /// Appends a request for all links. - Throws: `SystemError` when there is no memory.
    static func appendLinkDump(sequence: UInt32, to bytes: inout [UInt8]) throws(SystemError) {
        try appendMessage(RTM_GETLINK, NLM_F_DUMP, sequence, ifinfomsg(), to: &bytes) { message in
            // Statistics are two thirds of an answer, and nobody reads them here.
            nla_put_u32(message, Int32(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        }
    }

    /// Appends a request for one link. - Throws: `SystemError` when there is no memory.
    static func appendLinkRequest(
        interfaceIndex: Int32, sequence: UInt32, to bytes: inout [UInt8]
    ) throws(SystemError) {
        var header = ifinfomsg()
        header.ifi_index = interfaceIndex
        try appendMessage(RTM_GETLINK, NLM_F_ACK, sequence, header, to: &bytes) { message in
            nla_put_u32(message, Int32(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        }
    }

    /// Appends a change of an interface's promote_secondaries. - Throws: `SystemError` when there is no memory.
    static func appendPromotion(
        _ isOn: Bool, interfaceIndex: Int32, sequence: UInt32, acknowledge: Bool, to bytes: inout [UInt8]
    ) throws(SystemError) {
        var header = ifinfomsg()
        header.ifi_index = interfaceIndex
        try appendMessage(RTM_SETLINK, acknowledge ? NLM_F_ACK : 0, sequence, header, to: &bytes) { message in
            guard let families = nla_nest_start(message, Int32(IFLA_AF_SPEC)),
                let family = nla_nest_start(message, AF_INET),
                let settings = nla_nest_start(message, Int32(IFLA_INET_CONF))
            else { return -1 }
            let failed = nla_put_u32(message, RouteReader.promoteSecondaries, isOn ? 1 : 0)
            nla_nest_end(message, settings)
            nla_nest_end(message, family)
            nla_nest_end(message, families)
            return failed
        }
    }

    /// Appends a request for the addresses of one interface, or of all for index 0; a kernel that doesn't know the
    /// filter answers with all. - Throws: `SystemError` when there is no memory.
    static func appendAddressDump(
        interfaceIndex: Int32, sequence: UInt32, to bytes: inout [UInt8]
    ) throws(SystemError) {
        var header = ifaddrmsg()
        header.ifa_index = UInt32(bitPattern: interfaceIndex)
        try appendMessage(RTM_GETADDR, NLM_F_DUMP, sequence, header, to: &bytes) { _ in 0 }
    }

    private static func append(
        _ type: Int, _ flags: Int32, _ address: InterfaceAddress, _ sequence: UInt32, _ acknowledge: Bool,
        to bytes: inout [UInt8], options: (OpaquePointer) -> Int32
    ) throws(SystemError) {
        var header = ifaddrmsg()
        header.ifa_family = UInt8(address.address.family == .ipv4 ? AF_INET : AF_INET6)
        header.ifa_prefixlen = address.prefixLength
        header.ifa_scope = address.scope
        header.ifa_index = UInt32(bitPattern: address.interfaceIndex)
        let allFlags = flags | (acknowledge ? NLM_F_ACK : 0)
        try appendMessage(type, allFlags, sequence, header, to: &bytes) { message in
            let failed = put(address.address, as: IFA_LOCAL, into: message)
            if failed != 0 { return failed }
            let other = put(address.peer ?? address.address, as: IFA_ADDRESS, into: message)
            return other != 0 ? other : options(message)
        }
    }

    private static func putOptions(of address: InterfaceAddress, into message: OpaquePointer) -> Int32 {
        var failed: Int32 = 0
        func put(_ result: Int32) { if failed == 0 { failed = result } }
        let isIPv6 = address.address.family == .ipv6
        if let broadcast = address.broadcast, !isIPv6 { put(Self.put(broadcast, as: IFA_BROADCAST, into: message)) }
        if let label = address.label, !isIPv6 { put(nla_put_string(message, Int32(IFA_LABEL), label)) }
        var flags: UInt32 = 0
        if isIPv6, !address.detectsDuplicates { flags |= UInt32(IFA_F_NODAD) }
        if address.noPrefixRoute { flags |= UInt32(IFA_F_NOPREFIXROUTE) }
        if flags != 0 { put(nla_put_u32(message, Int32(IFA_FLAGS), flags)) }
        let preferred = address.preferredLifetime ?? (isIPv6 && address.prefixLength == 128 ? 0 : .max)
        if preferred != .max || address.lease != nil {
            var lifetimes = ifa_cacheinfo()
            let valid = address.lease ?? .max
            // A renewed one would never be deprecated, unless it is from the beginning.
            lifetimes.ifa_prefered = address.lease == nil || preferred == 0 ? preferred : valid
            lifetimes.ifa_valid = valid
            put(nla_put(message, Int32(IFA_CACHEINFO), Int32(MemoryLayout<ifa_cacheinfo>.size), &lifetimes))
        }
        put(nla_put_u8(message, Int32(IFA_PROTO), AddressProtocol.ours))
        return failed
    }

    private static func put(_ address: IPAddress, as attribute: Int, into message: OpaquePointer) -> Int32 {
        if address.family == .ipv4 {
            return nla_put_u32(message, Int32(attribute), UInt32(truncatingIfNeeded: address.low).bigEndian)
        }
        let halves = (address.high.bigEndian, address.low.bigEndian)
        return withUnsafeBytes(of: halves) { nla_put(message, Int32(attribute), 16, $0.baseAddress) }
    }

    private static func appendMessage<Header: BitwiseCopyable>(
        _ type: Int, _ flags: Int32, _ sequence: UInt32, _ header: Header, to bytes: inout [UInt8],
        attributes: (OpaquePointer) -> Int32
    ) throws(SystemError) {
        try NetlinkMessages.append(
            type, flags, sequence, maximum: addressRequestMaximum, header: header, to: &bytes, attributes: attributes)
    }
}
