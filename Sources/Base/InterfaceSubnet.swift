/// An IPv4 network on an interface. To the kernel its first address is primary, the others are its secondaries, and
/// with promote_secondaries=0 they go when it goes (ip-sysctl, `__inet_del_ifa`).
package struct InterfaceSubnet: Hashable, Sendable {
    package let interfaceIndex: Int32
    private let network: IPAddress
    private let length: UInt8

    /// The network of an address, or of its peer when it has one.
    package init(interfaceIndex: Int32, address: IPAddress, length: UInt8, peer: IPAddress?) {
        self.interfaceIndex = interfaceIndex
        self.length = length
        network = (peer ?? address).masked(to: Int(length))
    }
}
