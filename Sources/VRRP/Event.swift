import Base
import ConfigurationModel
import Wire

/// Number of an instance: its place in the configuration's list.
package typealias InstanceID = Int

/// Everything that can happen to a node's virtual routers. With the time beside it, it is the whole input of a core.
package enum Event {
    /// A configuration to run. The first one starts the node; later ones are applied as differences, and a virtual
    /// router whose identity stays keeps its state. Report the interfaces that exist before the first one: what is
    /// unknown then is missing, and the instance starts in FAULT.
    case configure(ConfigurationModel)
    /// The first configuration of a node that goes on where a predecessor has died. What the snapshot doesn't know
    /// starts as with `configure`.
    case resume(ConfigurationModel, NodeSnapshot)
    /// State of an interface, at start for each that exists and then at each change; with another name, it was renamed.
    case interface(InterfaceState)
    /// The interface with this number is gone, and its addresses with it.
    case interfaceRemoved(Int32)
    /// Changes of addresses, all of it that was read together: one command may change thousands. At start all that are
    /// there. Lost: notifications were lost before these, and what they report may be old.
    case addresses([AddressChange], isAfterLoss: Bool)
    /// A packet of protocol 112 from a VRRP socket. The bytes are the VRRP PDU, valid during the call only.
    case packet(PacketInformation, UnsafeRawBufferPointer)
    /// The kernel has done, or refused, the request of a ticket.
    case applied(ticket: UInt64, KernelAnswer)
    /// Addresses that a predecessor has left behind and the kernel hasn't let go.
    case staleAddresses([AddressRecord])
    /// The results of all tracked objects of the configuration that comes next, before it; in effect with it. An object
    /// that isn't named has no result yet.
    case trackerTable([TrackerState])
    /// New results of tracked objects of the configuration that runs; after a table, also of the one that comes next.
    case trackers([TrackerState])
    /// Counts one instance's counters, or with nil those of all, from zero again.
    case resetCounters(InstanceID?)
    /// The operators' orders that are in effect with the configuration that comes next, before it: all of them.
    case orderTable([OperatorOrder])
    /// All orders, in effect from now on.
    case orders([OperatorOrder])
    /// A configuration comes. It is to be given by `configure` when `isPreparing` is false.
    case prepare(ConfigurationModel)
    /// A hook has ended.
    case hookEnded(HookEnd)
    /// A random number that stands for this start of the node in heartbeats; before the first configuration.
    case bootNonce(UInt64)
    /// An authentic heartbeat, which came by this of our paths; both by their places in the configuration.
    case heartbeat(Heartbeat, cluster: Int, path: Int)
    /// `deadline` may have come. Spurious calls do nothing.
    case timeout
    /// Hand over everything: priority 0, addresses withdrawn, STOP notifications. Nothing is sent afterwards.
    case stop
    /// The same for each instance when its before_releases have ended: then `hasStopped` is true.
    case stopAfterHooks
}

/// The state of an interface in the kernel.
package struct InterfaceState: Hashable, Sendable {
    /// The kernel's number; a re-created interface has a new one.
    package var index: Int32
    package var name: String
    /// IFF_UP and IFF_RUNNING.
    package var isUsable: Bool
    /// Hardware address; nil for interfaces without one.
    package var hardwareAddress: MACAddress?
    /// Largest packet in bytes; 0 when it isn't known.
    package var mtu: UInt32 = 0
    /// True if nobody on a link is told of its addresses: the loopback interface, or one without ARP (IFF_NOARP). There
    /// the real servers of LVS-DR keep a virtual address for good.
    package var isSilent = false
    /// True if the interface forwards IPv6, which sets the Router flag of neighbour advertisements.
    package var forwardsIPv6 = false

    package init(index: Int32, name: String, isUsable: Bool) {
        self.index = index
        self.name = name
        self.isUsable = isUsable
    }
}

/// The facts about a packet that its payload doesn't hold.
package struct PacketInformation: Hashable, Sendable {
    /// Index of the interface it arrived on.
    package var interfaceIndex: Int32
    package var source: IPAddress
    package var destination: IPAddress
    /// TTL or hop limit; nil when the kernel didn't say.
    package var hopLimit: UInt8?
    /// The payload's length by the IP header; differs from the bytes' count for a truncated packet.
    package var payloadLength: Int

    /// The facts about a packet that its payload doesn't hold.
    package init(
        interfaceIndex: Int32, source: IPAddress, destination: IPAddress, hopLimit: UInt8?, payloadLength: Int
    ) {
        self.interfaceIndex = interfaceIndex
        self.source = source
        self.destination = destination
        self.hopLimit = hopLimit
        self.payloadLength = payloadLength
    }
}
