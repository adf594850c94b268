import Base
import ConfigurationModel

/// The key of an address in the kernel. IPv4 may have one address with two lengths on an interface, IPv6 may not.
package struct AddressKey: Hashable, Sendable {
    /// The kernel's number of the interface: a renamed one keeps it, one that is made anew has another.
    package var interfaceIndex: Int32
    /// The address itself (IFA_LOCAL).
    package var address: IPAddress
    /// Bits of the network; of the peer's when there is one.
    package var length: UInt8
    /// The other end of a point-to-point address; nil for none.
    package var peer: IPAddress?

    package init(interfaceIndex: Int32, address: IPAddress, length: UInt8, peer: IPAddress? = nil) {
        self.interfaceIndex = interfaceIndex
        self.address = address
        self.length = length
        self.peer = peer == address ? nil : peer
    }

    package init(_ address: VirtualAddress, interfaceIndex: Int32) {
        self.init(
            interfaceIndex: interfaceIndex, address: address.prefix.address, length: UInt8(address.prefix.length),
            peer: address.peer?.address)
    }

    /// True if the kernel can't have both: of an IPv6 address it takes one length, of an IPv4 address one peer in each
    /// network (`__inet_insert_ifa`).
    func excludes(_ other: AddressKey) -> Bool {
        guard address == other.address, interfaceIndex == other.interfaceIndex else { return false }
        if address.family == .ipv6 { return true }
        return length == other.length
            && (peer ?? address).masked(to: Int(length)) == (other.peer ?? address).masked(to: Int(length))
    }
}

/// An address as the kernel has it.
package struct KernelAddress: Hashable, Sendable {
    package var key: AddressKey
    /// 0 global, 200 site, 253 link, 254 host, 255 nowhere (linux/rtnetlink.h).
    package var scope: UInt8
    /// The program that added it, as IFA_PROTO says; 0 when the kernel doesn't.
    package var addedBy: UInt8
    package var flags: Flags

    /// IFA_F_* as far as they decide anything.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// IPv4: it goes with its network's first address.
        package static let secondary = Flags(rawValue: 1)
        /// Duplicate address detection isn't over, and nothing may leave with it.
        package static let tentative = Flags(rawValue: 2)
        /// Another machine has it: nobody can use it here.
        package static let duplicate = Flags(rawValue: 4)
        /// It has a lifetime: somebody renews it (DHCP, router advertisements).
        package static let limited = Flags(rawValue: 8)
    }

    package init(_ key: AddressKey, scope: UInt8 = 0, addedBy: UInt8 = 0, flags: Flags = []) {
        self.key = key
        self.scope = scope
        self.addedBy = addedBy
        self.flags = flags
    }

    /// True if packets may leave with it.
    package var isUsable: Bool { flags.isDisjoint(with: [.tentative, .duplicate]) }
}

/// An address that has come to an interface, has changed there or is gone from it.
package struct AddressChange: Hashable, Sendable {
    /// The address; when it is gone, as it was.
    package var address: KernelAddress
    package var isPresent: Bool

    package init(_ address: KernelAddress, isPresent: Bool) {
        self.address = address
        self.isPresent = isPresent
    }
}

/// A virtual address with the interface that it goes to.
package struct PlacedAddress: Hashable, Sendable {
    /// The kernel's number of the interface.
    package var interfaceIndex: Int32
    /// The address, with the options that it is added with.
    package var address: VirtualAddress
    /// The seconds after which the kernel removes it by itself, unless it is renewed; nil for never.
    package var lease: Int?

    package init(_ address: VirtualAddress, interfaceIndex: Int32) {
        self.address = address
        self.interfaceIndex = interfaceIndex
    }

    package var key: AddressKey { AddressKey(address, interfaceIndex: interfaceIndex) }
}

/// The result of a request for one address.
package enum AddressResult: Hashable, Sendable {
    /// It is there now, or it is gone now, on request.
    case done
    /// It was there already, and wasn't added.
    case existed
    /// It wasn't there, and wasn't removed.
    case absent
    /// It is there without a lifetime: other addresses would go with it when that ends.
    case endless
    /// The kernel refused, with this error number.
    case refused(Int32)

    var isRefusal: Bool { if case .refused = self { true } else { false } }
}

/// The kernel's answer to a request.
package struct KernelAnswer: Hashable, Sendable {
    /// One for each address of the request, in its order.
    package var results: [AddressResult]
    /// The refusals and their reasons, for operators; empty without any.
    package var sentence: String

    package init(_ results: [AddressResult], sentence: String = "") {
        self.results = results
        self.sentence = sentence
    }
}
