import Base
import Configuration

/// Number of an instance: its place in the configuration's list.
public typealias InstanceID = Int

/// Everything that can happen to a node's virtual routers. With the time beside it, it is all that a core is told.
public enum Event {
    /// A configuration to run. The first one starts the node; later ones are applied as differences, and a virtual
    /// router whose identity stays keeps its state. Tell of the interfaces that exist before the first one: what is
    /// unknown then is missing, and the instance starts in FAULT.
    case configure(ConfigurationModel)
    /// The first configuration of a node that goes on where a predecessor has died. What the snapshot doesn't know starts
    /// as with `configure`.
    case resume(ConfigurationModel, NodeSnapshot)
    /// State of an interface, at start for each that exists and then at each change.
    case interface(InterfaceState)
    /// An interface with this name is gone.
    case interfaceRemoved(String)
    /// A packet of protocol 112 from a VRRP socket. The bytes are the VRRP PDU, valid during the call only.
    case packet(PacketInformation, UnsafeRawBufferPointer)
    /// The kernel has done, or refused, what a ticket asked for.
    case applied(ticket: UInt64, KernelOutcome)
    /// A virtual address that a MASTER had installed was removed by somebody else.
    case addressRemoved(instance: InstanceID, IPAddress)
    /// Addresses with our mark that a predecessor has left behind and the kernel hasn't let go; each names its interface.
    case leftBehind([VirtualAddress])
    /// `deadline` may have come. Spurious calls do nothing.
    case timeout
    /// Hand over everything: priority 0, addresses withdrawn, STOP notifications. Nothing is sent afterwards.
    case stop
}

/// What the kernel knows of an interface.
public struct InterfaceState: Hashable, Sendable {
    /// The kernel's number; a re-created interface has a new one.
    public var index: Int32
    /// Name.
    public var name: String
    /// IFF_UP and IFF_RUNNING.
    public var isUsable: Bool
    /// Hardware address; nil for interfaces without one.
    public var hardwareAddress: MACAddress?
    /// Primary IPv4 address: the first one that isn't a virtual address of ours; nil without any.
    public var primaryIPv4: IPAddress?
    /// Usable link-local IPv6 address (not tentative); nil without any.
    public var linkLocalIPv6: IPAddress?
    /// All usable addresses that carry no mark of ours: a unicast instance's configured source must be among those of
    /// some interface.
    public var addresses: Set<IPAddress> = []
    /// Whether the interface forwards IPv6, which sets the Router flag of neighbour advertisements.
    public var forwardsIPv6 = false

    /// An interface without addresses.
    public init(index: Int32, name: String, isUsable: Bool) {
        self.index = index
        self.name = name
        self.isUsable = isUsable
    }
}

/// What came with a packet.
public struct PacketInformation: Hashable, Sendable {
    /// Index of the interface it arrived on.
    public var interfaceIndex: Int32
    /// IP source address.
    public var source: IPAddress
    /// IP destination address.
    public var destination: IPAddress
    /// TTL or hop limit; nil when the kernel didn't say.
    public var hopLimit: UInt8?
    /// What the IP header says of the payload's length; differs from the bytes' count for a truncated packet.
    public var payloadLength: Int

    /// What came with a packet.
    public init(
        interfaceIndex: Int32, source: IPAddress, destination: IPAddress, hopLimit: UInt8?, payloadLength: Int
    ) {
        self.interfaceIndex = interfaceIndex
        self.source = source
        self.destination = destination
        self.hopLimit = hopLimit
        self.payloadLength = payloadLength
    }
}

/// How the kernel answered.
public enum KernelOutcome: Hashable, Sendable {
    /// All of it is as wanted, for whatever reason.
    case done
    /// All of it is as wanted; these addresses were there before, aren't ours and won't be withdrawn.
    case doneKeeping([IPAddress])
    /// None of it came true; the sentence names the addresses and the error.
    case failed(String)
    /// All but the refused addresses is as wanted, `keeping` as in `doneKeeping`; the sentence names the refused ones
    /// and the error.
    case partly(String, refused: [IPAddress], keeping: [IPAddress])

    /// Addresses that were there before and aren't ours.
    public var foreign: [IPAddress] {
        switch self {
        case .doneKeeping(let addresses), .partly(_, _, let addresses): addresses
        case .done, .failed: []
        }
    }
}
