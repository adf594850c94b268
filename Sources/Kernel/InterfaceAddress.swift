import Base

/// An address as it is to be put on an interface: what `ip address add` would be told.
public struct InterfaceAddress: Hashable, Sendable {
    /// The kernel's number of the interface.
    public var interfaceIndex: Int32
    /// The interface's name, for sentences only.
    public var interfaceName: String
    /// The address itself (IFA_LOCAL).
    public var address: IPAddress
    /// Bits of the network; of the peer's when there is one.
    public var prefixLength: UInt8
    /// The other end of a point-to-point address (IFA_ADDRESS); nil for none.
    public var peer: IPAddress?
    /// Broadcast address; nil for none, which is what the kernel then keeps.
    public var broadcast: IPAddress?
    /// 0 global, 200 site, 253 link, 254 host, 255 nowhere (linux/rtnetlink.h).
    public var scope: UInt8 = 0
    /// Label, at most 15 bytes and IPv4 only; nil for the interface's name.
    public var label: String?
    /// Whether an IPv6 address goes through duplicate address detection; without it, it is usable at once.
    public var detectsDuplicates = false
    /// Whether the kernel leaves out the route to the prefix.
    public var noPrefixRoute = false
    /// Seconds as preferred source; nil for ever, or 0 for an IPv6 /128, so that it isn't chosen as source.
    public var preferredLifetime: UInt32?

    /// An address with no options.
    public init(interfaceIndex: Int32, interfaceName: String, address: IPAddress, prefixLength: UInt8) {
        self.interfaceIndex = interfaceIndex
        self.interfaceName = interfaceName
        self.address = address
        self.prefixLength = prefixLength
    }

    /// What is needed to remove an address that the kernel has reported.
    public init(_ known: LinkAddress, interfaceName: String) {
        self.init(
            interfaceIndex: known.interfaceIndex, interfaceName: interfaceName, address: known.address,
            prefixLength: known.prefixLength)
        peer = known.peer
    }
}

extension InterfaceAddress: CustomStringConvertible {
    /// `10.0.0.1/24`.
    public var description: String { "\(address)/\(prefixLength)" }
}

/// An address as the kernel reports it.
public struct LinkAddress: Hashable, Sendable {
    /// The kernel's number of the interface.
    public var interfaceIndex: Int32
    /// The address itself (IFA_LOCAL, or IFA_ADDRESS where there is no other).
    public var address: IPAddress
    /// Bits of the network.
    public var prefixLength: UInt8
    /// 0 global, 200 site, 253 link, 254 host, 255 nowhere.
    public var scope: UInt8
    /// IFA_F_* bits.
    public var flags: UInt32
    /// Who added it; nil when the kernel doesn't say.
    public var addedBy: UInt8?
    /// The other end, when it isn't the address itself.
    public var peer: IPAddress?
    /// Label (IPv4 only).
    public var label: String?
    /// Whether it has a lifetime: somebody renews it, or it goes.
    public var hasLifetime = false

    /// Whether we have added it.
    public var isOurs: Bool { addedBy == AddressProtocol.ours }
    /// IFA_F_SECONDARY; for IPv6 the same bit means a temporary address.
    public var isSecondary: Bool { flags & 0x01 != 0 }
    /// Whether duplicate address detection isn't over (IFA_F_TENTATIVE). An optimistic address (IFA_F_OPTIMISTIC) is used
    /// before it is known to be the only one (RFC 4429).
    public var isTentative: Bool { flags & 0x44 == 0x40 && !isDuplicate }
    /// IFA_F_DADFAILED: another machine has it.
    public var isDuplicate: Bool { flags & 0x08 != 0 }
}

/// A network interface as the kernel reports it.
public struct Link: Hashable, Sendable {
    /// The kernel's number; a re-created interface has a new one.
    public var index: Int32
    /// Name.
    public var name: String
    /// IFF_* bits (netdevice(7)).
    public var flags: UInt32
    /// RFC 2863's state as the kernel numbers it: 0 unknown, 2 down, 6 up (linux/if.h).
    public var operationalState: UInt8
    /// Ethernet address; nil for interfaces without one.
    public var hardwareAddress: MACAddress?
    /// Largest packet in bytes.
    public var mtu: UInt32
    /// The interface below, for macvlan, VLAN and the like; 0 for none.
    public var lowerIndex: Int32
    /// Whether it forwards IPv6, which makes its host a router to its neighbours (RFC 4861 §6.2.2); nil when this
    /// message doesn't say.
    public var forwardsIPv6: Bool?

    /// IFF_UP: the administrator wants it up.
    public var isUp: Bool { flags & 0x01 != 0 }
    /// IFF_RUNNING: the kernel can use it.
    public var isRunning: Bool { flags & 0x40 != 0 }
    /// IFF_LOWER_UP: there is a carrier. Without it the kernel takes packets and drops them.
    public var hasCarrier: Bool { flags & 0x1_0000 != 0 }
    /// IFF_UP and IFF_RUNNING.
    public var isUsable: Bool { isUp && isRunning }
    /// IFF_LOOPBACK or IFF_NOARP: nobody on a link is told of its addresses.
    public var isSilent: Bool { flags & 0x88 != 0 }
}

/// All interfaces and addresses at one time.
public struct RouteSnapshot: Sendable {
    /// Interfaces.
    public var links: [Link] = []
    /// Addresses of all of them, in the kernel's order.
    public var addresses: [LinkAddress] = []

    /// Nothing yet.
    public init() {}
}
