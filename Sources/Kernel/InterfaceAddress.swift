import Base

/// An address as it is to be put on an interface: like the arguments of `ip address add`.
package struct InterfaceAddress: Hashable, Sendable {
    /// The kernel's number of the interface.
    package var interfaceIndex: Int32
    /// The interface's name, for sentences only.
    package var interfaceName: String
    /// The address itself (IFA_LOCAL).
    package var address: IPAddress
    /// Bits of the network; of the peer's when there is one.
    package var prefixLength: UInt8
    /// The other end of a point-to-point address (IFA_ADDRESS); nil for none.
    package var peer: IPAddress?
    /// Broadcast address; nil for none, which is what the kernel then keeps.
    package var broadcast: IPAddress?
    /// 0 global, 200 site, 253 link, 254 host, 255 nowhere (linux/rtnetlink.h).
    package var scope: UInt8 = 0
    /// Label, at most 15 bytes and IPv4 only; nil for the interface's name.
    package var label: String?
    /// True if an IPv6 address goes through duplicate address detection; without it, it is usable at once.
    package var detectsDuplicates = false
    /// True if the kernel leaves out the route to the prefix.
    package var noPrefixRoute = false
    /// Seconds as preferred source; nil for ever, or 0 for an IPv6 /128, so that it isn't chosen as source.
    package var preferredLifetime: UInt32?
    /// Seconds until the kernel removes it by itself; nil for never.
    package var lease: UInt32?

    package init(interfaceIndex: Int32, interfaceName: String, address: IPAddress, prefixLength: UInt8) {
        self.interfaceIndex = interfaceIndex
        self.interfaceName = interfaceName
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Holds as much as is needed to remove an address that the kernel has reported.
    package init(_ known: LinkAddress, interfaceName: String) {
        self.init(
            interfaceIndex: known.interfaceIndex, interfaceName: interfaceName, address: known.address,
            prefixLength: known.prefixLength)
        peer = known.peer
    }
}

extension InterfaceAddress: CustomStringConvertible {
    /// `10.0.0.1/24`.
    package var description: String { "\(address)/\(prefixLength)" }
}

/// An address as the kernel reports it.
package struct LinkAddress: Hashable, Sendable {
    /// The kernel's number of the interface.
    package var interfaceIndex: Int32
    /// The address itself (IFA_LOCAL, or IFA_ADDRESS where there is no other).
    package var address: IPAddress
    package var prefixLength: UInt8
    /// 0 global, 200 site, 253 link, 254 host, 255 nowhere.
    package var scope: UInt8
    /// IFA_F_* bits.
    package var flags: UInt32
    /// The program that added it; nil when the kernel doesn't say.
    package var addedBy: UInt8?
    /// The other end, when it isn't the address itself.
    package var peer: IPAddress?
    /// Label (IPv4 only).
    package var label: String?
    /// True if it has a lifetime: somebody renews it, or it goes.
    package var hasLifetime = false

    /// IFA_F_SECONDARY; for IPv6 the same bit means a temporary address.
    package var isSecondary: Bool { flags & 0x01 != 0 }
    /// True while duplicate address detection isn't over (IFA_F_TENTATIVE). An optimistic address (IFA_F_OPTIMISTIC) is
    /// used before it is known to be the only one (RFC 4429).
    package var isTentative: Bool { flags & 0x44 == 0x40 && !isDuplicate }
    /// IFA_F_DADFAILED: another machine has it.
    package var isDuplicate: Bool { flags & 0x08 != 0 }
}

/// A network interface as the kernel reports it.
package struct Link: Hashable, Sendable {
    /// The kernel's number; a re-created interface has a new one.
    package var index: Int32
    package var name: String
    /// IFF_* bits (netdevice(7)).
    package var flags: UInt32
    /// Ethernet address; nil for interfaces without one.
    package var hardwareAddress: MACAddress?
    package var mtu: UInt32
    /// True if it forwards IPv6, which makes its host a router to its neighbours (RFC 4861 §6.2.2); nil when this
    /// message doesn't say.
    package var forwardsIPv6: Bool?

    /// IFF_UP: the administrator wants it up.
    package var isUp: Bool { flags & 0x01 != 0 }
    /// IFF_RUNNING: the kernel can use it.
    package var isRunning: Bool { flags & 0x40 != 0 }
    /// IFF_LOWER_UP: there is a carrier. Without it the kernel takes packets and drops them.
    package var hasCarrier: Bool { flags & 0x1_0000 != 0 }
    package var isUsable: Bool { isUp && isRunning }
    /// IFF_LOOPBACK or IFF_NOARP: nobody on a link is told of its addresses.
    package var isSilent: Bool { flags & 0x88 != 0 }
}

/// All interfaces and addresses at one time.
package struct RouteSnapshot: Sendable {
    package var links: [Link] = []
    /// Addresses of all of them, in the kernel's order.
    package var addresses: [LinkAddress] = []

    package init() {}
}
