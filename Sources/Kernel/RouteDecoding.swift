import Base
import CLibnl
import Glibc

/// A message of rtnetlink(7).
package enum RouteMessage: Hashable, Sendable {
    /// An interface exists, or has changed.
    case link(Link)
    case linkRemoved(Link)
    /// An address exists, or has changed.
    case address(LinkAddress)
    case addressRemoved(LinkAddress)
    /// Forwarding of IPv6 was switched on or off on an interface.
    case forwardsIPv6(index: Int32, Bool)
    /// The answer to a request: 0 for done, else an error number.
    case answer(Int32)
    /// The end of a dump: 0, or an error number.
    case endOfDump(Int32)
    /// A message that says nothing to us, or that doesn't hold what its type promises.
    case other
}

/// Reads the messages of one datagram. Every length is checked: what doesn't fit ends the reading.
package struct RouteReader {
    /// IPV4_DEVCONF_PROMOTE_SECONDARIES (linux/ip.h): settings are numbered from 1.
    static let promoteSecondaries: Int32 = 20

    private var messages: NetlinkMessages
    private var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    /// nlmsg_seq of the last message: the request that it answers, 0 for a notification.
    package private(set) var sequence: UInt32 = 0
    /// True if the last message said that something has changed during the dump (NLM_F_DUMP_INTR).
    package private(set) var isInterrupted = false

    /// A reader of a datagram. It must not outlive the bytes.
    package init(_ bytes: UnsafeRawBufferPointer) { messages = NetlinkMessages(bytes) }

    /// The next message, nil at the end.
    package mutating func next() -> RouteMessage? {
        guard let message = messages.next() else { return nil }
        sequence = message.sequence
        isInterrupted = message.isInterrupted
        payload = message.payload
        switch message.type {
        case RTM_NEWLINK: return Self.link(payload).map { .link($0) } ?? .other
        case RTM_DELLINK: return Self.link(payload).map { .linkRemoved($0) } ?? .other
        case RTM_NEWADDR: return Self.address(payload).map { .address($0) } ?? .other
        case RTM_DELADDR: return Self.address(payload).map { .addressRemoved($0) } ?? .other
        case RTM_NEWNETCONF: return Self.forwarding(payload) ?? .other
        case Int(NLMSG_ERROR): return message.errorNumber.map { .answer($0) } ?? .other
        case Int(NLMSG_DONE): return .endOfDump(message.errorNumber ?? 0)
        default: return .other
        }
    }

    private static func link(_ payload: UnsafeRawBufferPointer) -> Link? {
        // A bridge reports its ports with the same types and its own family: there RTM_DELLINK means "left the bridge".
        guard payload.count >= MemoryLayout<ifinfomsg>.size, payload[0] == UInt8(AF_UNSPEC) else { return nil }
        let header = payload.loadUnaligned(as: ifinfomsg.self)
        var link = Link(
            index: header.ifi_index, name: "", flags: header.ifi_flags, hardwareAddress: nil, mtu: 0)
        var attributes = AttributeReader(payload, from: MemoryLayout<ifinfomsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IFLA_IFNAME: link.name = attribute.text ?? ""
            case IFLA_ADDRESS: link.hardwareAddress = MACAddress(bytes: attribute.value)
            case IFLA_MTU: link.mtu = attribute.word ?? 0
            case IFLA_AF_SPEC: link.forwardsIPv6 = forwardsIPv6(attribute.value)
            default: break
            }
        }
        if link.hardwareAddress?.bits == 0 { link.hardwareAddress = nil }
        return link.name.isEmpty || link.index <= 0 ? nil : link
    }

    /// The first of the interface's IPv6 settings (DEVCONF_FORWARDING of linux/ipv6.h), three levels down.
    private static func forwardsIPv6(_ families: UnsafeRawBufferPointer) -> Bool? {
        var inner = AttributeReader(families, from: 0)
        while let family = inner.next() {
            guard family.type == Int(AF_INET6) else { continue }
            var settings = AttributeReader(family.value, from: 0)
            while let setting = settings.next() {
                if setting.type == IFLA_INET6_CONF { return setting.word.map { $0 != 0 } }
            }
        }
        return nil
    }

    /// True if the interface that the last message is about promotes secondary addresses; nil when it isn't one about
    /// an interface.
    var promotesSecondaries: Bool? {
        var attributes = AttributeReader(payload, from: MemoryLayout<ifinfomsg>.size)
        guard let families = attributes.first(IFLA_AF_SPEC) else { return nil }
        var family = AttributeReader(families, from: 0)
        guard let ofIPv4 = family.first(Int(AF_INET)) else { return nil }
        var settings = AttributeReader(ofIPv4, from: 0)
        let offset = 4 * Int(Self.promoteSecondaries - 1)
        guard let values = settings.first(IFLA_INET_CONF), values.count >= offset + 4 else { return nil }
        return values.loadUnaligned(fromByteOffset: offset, as: UInt32.self) != 0
    }

    private static func forwarding(_ payload: UnsafeRawBufferPointer) -> RouteMessage? {
        guard payload.count >= MemoryLayout<netconfmsg>.size, payload[0] == UInt8(AF_INET6) else { return nil }
        var index: UInt32?
        var isOn: UInt32?
        var attributes = AttributeReader(payload, from: MemoryLayout<netconfmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case NETCONFA_IFINDEX: index = attribute.word
            case NETCONFA_FORWARDING: isOn = attribute.word
            default: break
            }
        }
        // 0 and below are the settings "all" and "default", which change no interface by themselves.
        guard let index, let isOn, index > 0, index <= UInt32(Int32.max) else { return nil }
        return .forwardsIPv6(index: Int32(index), isOn != 0)
    }

    private static func address(_ payload: UnsafeRawBufferPointer) -> LinkAddress? {
        guard payload.count >= MemoryLayout<ifaddrmsg>.size else { return nil }
        let header = payload.loadUnaligned(as: ifaddrmsg.self)
        let length: Int
        switch Int32(header.ifa_family) {
        case AF_INET: length = 4
        case AF_INET6: length = 16
        default: return nil
        }
        var local: IPAddress?
        var other: IPAddress?
        var flags = UInt32(header.ifa_flags)
        var addedBy: UInt8?
        var label: String?
        var hasLifetime = false
        var attributes = AttributeReader(payload, from: MemoryLayout<ifaddrmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IFA_LOCAL where attribute.value.count == length: local = IPAddress(bytes: attribute.value)
            case IFA_ADDRESS where attribute.value.count == length: other = IPAddress(bytes: attribute.value)
            case IFA_FLAGS: flags = attribute.word ?? flags
            case IFA_PROTO: addedBy = attribute.value.first
            case IFA_LABEL: label = attribute.text
            case IFA_CACHEINFO where attribute.value.count >= 8:
                // ifa_prefered, then ifa_valid.
                hasLifetime = attribute.value.loadUnaligned(fromByteOffset: 4, as: UInt32.self) != .max
            default: break
            }
        }
        guard let address = local ?? other, Int(header.ifa_prefixlen) <= 8 * length else { return nil }
        return LinkAddress(
            interfaceIndex: Int32(bitPattern: header.ifa_index), address: address, prefixLength: header.ifa_prefixlen,
            scope: header.ifa_scope, flags: flags, addedBy: addedBy, peer: other == address ? nil : other,
            label: label, hasLifetime: hasLifetime)
    }
}
