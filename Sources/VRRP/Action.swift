import Base
import ConfigurationModel
import Wire

/// A request of the core to its shell, in the order of execution on the wire and in the kernel.
package enum Action: Sendable {
    /// Send an advertisement of this instance now, to the group or to each unicast peer.
    case advertise(InstanceID, AdvertContents)
    /// Add these addresses; answer with `Event.applied(ticket:)`. One that is there already stays as it is.
    case install([PlacedAddress], ticket: UInt64)
    /// Remove these addresses, which the ledger calls ours; answer with `Event.applied(ticket:)`. Guarded: interfaces
    /// on which others would go with them unless the kernel promotes secondary addresses.
    case withdraw([AddressKey], guarded: Set<Int32>, ticket: UInt64)
    /// Give these addresses of ours their lifetime anew, from now on; answer with `Event.applied(ticket:)`. Guarded: as for
    /// a withdrawal; there they have no lifetime unless the kernel promotes secondary addresses.
    case renew([PlacedAddress], guarded: Set<Int32>, ticket: UInt64)
    /// Send one gratuitous ARP or unsolicited neighbour advertisement for this address.
    case announce(InstanceID, VirtualAddress)
    /// A state change for scripts and FIFOs.
    case notify(Notification)
    /// Send a heartbeat to the other nodes of this cluster by all paths. The shell adds what the core doesn't know: the
    /// cluster's tag, the key's number, the path and the signature.
    case beat(cluster: Int, Heartbeat)
    /// Ask this reference address of a cluster, by its place: send an ICMP echo request with this number, or make a TCP
    /// connection. `Event.referenceAnswered` follows if it answers.
    case askReference(cluster: Int, reference: Int, number: UInt16)
    /// Ask who has this address on this interface, by ARP or neighbour solicitation. `Event.probeAnswered` follows for each
    /// machine that answers.
    case probe(interfaceIndex: Int32, IPAddress)
    /// Pass this request on to the engine that keeps the cluster's lock. `Event.lockAnswered` follows, or nothing does.
    case lock(cluster: Int, LockRequest)
    /// Run a hook; `Event.hookEnded` follows, or its time runs out.
    case runHook(HookRequest)
    /// Something worth a log line or a live event.
    case observe(Observation)
    /// A new configuration is in force from here on: actions before this one name instances by their place in the old
    /// list, actions after it by their place in the new one. Old number → new number, nil for a removed instance.
    case renumber([InstanceID?])
}

/// The contents of an advertisement that the configuration alone doesn't decide. The shell encodes an advertisement
/// once and sends the same bytes again while this value and the configuration stay the same.
package struct AdvertContents: Hashable, Sendable {
    /// Priority of the moment; 0 releases.
    package var priority: Priority
    package var source: IPAddress
    /// Index of the interface it leaves by.
    package var interfaceIndex: Int32
    /// The number of virtual addresses that it lists, the first ones: those that fit the link.
    package var addressCount: UInt8

    package init(priority: Priority, source: IPAddress, interfaceIndex: Int32, addressCount: UInt8) {
        self.priority = priority
        self.source = source
        self.interfaceIndex = interfaceIndex
        self.addressCount = addressCount
    }
}

/// States under their operators' names (docs/architecture.md §4). RFC 9568 calls the first Initialize, the third
/// Active.
package enum RouterState: UInt8, Hashable, Sendable, CaseIterable {
    /// Not started, or stopped.
    case initialize = 0
    case backup = 1
    case master = 2
    case fault = 3
}

extension RouterState: CustomStringConvertible {
    /// INIT, BACKUP, MASTER or FAULT.
    package var description: String {
        switch self {
        case .initialize: "INIT"
        case .backup: "BACKUP"
        case .master: "MASTER"
        case .fault: "FAULT"
        }
    }
}

extension NotificationSubject {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .instance(let id):
            writer.write(UInt8(0))
            writer.write(UInt32(truncatingIfNeeded: id))
        case .group(let place):
            writer.write(UInt8(1))
            writer.write(UInt32(truncatingIfNeeded: place))
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .instance(InstanceID(try reader.readUInt32()))
        case 1: self = .group(Int(try reader.readUInt32()))
        default: throw .invalid
        }
    }
}

/// A state change for scripts and FIFOs. `sequence` counts up per node, so that none is started twice or lost.
package struct Notification: Hashable, Sendable {
    /// Counts up from 1.
    package var sequence: UInt64
    package var subject: NotificationSubject
    /// `.any` never appears here: it is for scripts that want all.
    package var trigger: NotifyTrigger
    /// Effective priority of the moment. It isn't told of a group.
    package var priority: Priority

    package init(sequence: UInt64, subject: NotificationSubject, trigger: NotifyTrigger, priority: Priority) {
        self.sequence = sequence
        self.subject = subject
        self.trigger = trigger
        self.priority = priority
    }

    /// Writes what hasupd is told.
    package func encode(into writer: inout ByteWriter) {
        subject.encode(into: &writer)
        writer.write(sequence)
        writer.write(trigger.rawValue)
        writer.write(priority.rawValue)
    }

    /// Reads what a worker tells. A trigger that there isn't is `.any`, which no worker may send. - Throws: `ByteError`.
    package init(from reader: inout ByteReader) throws(ByteError) {
        subject = try NotificationSubject(from: &reader)
        sequence = try reader.readUInt64()
        trigger = NotifyTrigger(rawValue: try reader.readUInt8()) ?? .any
        priority = try reader.readPriority()
    }

    /// Writes what a worker's successor goes on with, of an instance. Its number may be another one by then.
    func encodeRecord(into writer: inout ByteWriter) {
        writer.write(compact: sequence)
        writer.write(trigger.rawValue)
        writer.write(priority.rawValue)
    }

    /// Reads what a predecessor has left of an instance. - Throws: `ByteError`.
    init(record reader: inout ByteReader, of instance: InstanceID) throws(ByteError) {
        subject = .instance(instance)
        sequence = try reader.readCount64()
        guard let trigger = NotifyTrigger(rawValue: try reader.readUInt8()), trigger != .any else { throw .invalid }
        self.trigger = trigger
        priority = try reader.readPriority()
    }
}

/// An event for operators. Text is made elsewhere, in one place.
package enum Observation: Hashable, Sendable {
    case transition(Transition)
    /// A state change that a predecessor decided and may not have reported, and its time.
    case earlier(Transition, at: Instant)
    /// A packet was discarded; reported at most once a second per instance and reason. `detail` is what was received:
    /// bytes (`length`), TTL, version, type, checksum, authentication type, centiseconds (`interval`), VRID; else 0.
    case discarded(InstanceID?, DiscardReason, source: IPAddress, detail: UInt32)
    /// A packet was accepted although something in it differs (address list, version 3 interval).
    case accepted(InstanceID, Anomaly, source: IPAddress)
    /// This node acted this much too late (it was stopped, or the machine was); everything received meanwhile was
    /// read before anything was sent.
    case stalled(Interval)
    case kernelFailure(InstanceID, String)
    /// Virtual addresses were removed by another program, this one and others; they were put back.
    case addressRemoved(InstanceID, IPAddress, count: Int)
    /// A MASTER's address can't be set, because its interface doesn't exist; it is set when that appears.
    case addressWaits(InstanceID, Prefix, interface: String)
    /// A node that isn't MASTER has a virtual address that it hasn't added: two machines may have it.
    case foreignAddressFound(InstanceID, ForeignAddress)
    /// A foreign address that was reported is gone, or isn't there any more on this interface.
    case foreignAddressGone(InstanceID, NamedAddress)
    /// A MASTER has ended, and these virtual addresses, which it hadn't added, stay; `count` is how many there are.
    case addressesStay(InstanceID, [NamedAddress], count: Int)
    /// A start has removed virtual addresses that hasup hadn't added: those with this mark (IFA_PROTO), or with none
    /// (0). `count` is how many there were.
    case staleAddressesRemoved([NamedAddress], count: Int, addedBy: UInt8)
    /// So many of its addresses, the last ones, don't fit the link's MTU and aren't advertised, now or, with 0, any more.
    case addressesUnadvertised(InstanceID, count: Int)
    /// Another router advertises while this one is MASTER, and hasn't yielded; reported once for as long as it is
    /// heard.
    case rivalMaster(InstanceID, source: IPAddress, RivalMaster.Sign)
    /// The outcome of an operator's order, by its number.
    case order(UInt64, OrderOutcome)
    /// The effective priority is another one now.
    case priorityChanged(InstanceID, from: Priority, to: Priority)
    /// A guard keeps an instance whose timer is over from becoming MASTER; reported once for as long as it does.
    case takeoverHeld(InstanceID, GuardHold)
    /// A node of a cluster is heard by heartbeats from now on, or isn't any more.
    case clusterNode(String, of: String, isHeard: Bool)
}

/// One state change, with what an operator needs to know.
package struct Transition: Hashable, Sendable {
    package var instance: InstanceID
    package var from: RouterState
    package var to: RouterState
    package var reason: TransitionReason
    /// The other router concerned, if any: the new master, or the one that fell silent.
    package var peer: IPAddress?
    package var peerPriority: Priority?
    /// Our effective priority.
    package var ownPriority: Priority
    /// Age of the last good advertisement of another master; nil when there was none.
    package var lastAdvertAge: Interval?

    package init(
        instance: InstanceID, from: RouterState, to: RouterState, reason: TransitionReason, peer: IPAddress?,
        peerPriority: Priority?, ownPriority: Priority, lastAdvertAge: Interval?
    ) {
        self.instance = instance
        self.from = from
        self.to = to
        self.reason = reason
        self.peer = peer
        self.peerPriority = peerPriority
        self.ownPriority = ownPriority
        self.lastAdvertAge = lastAdvertAge
    }
}

package enum TransitionReason: Hashable, Sendable {
    /// The node, or this instance of it, started.
    case started
    /// Priority 255: the addresses are ours.
    case addressOwner
    /// No advertisement was heard for the master-down interval.
    case masterDown
    /// The master sent priority 0 and the skew time passed.
    case masterReleased
    /// The master has a lower priority than we have, and preemption is allowed.
    case preempted
    /// A router with a higher priority advertises.
    case higherPriority
    /// A router with our priority and a higher address advertises.
    case equalPriorityHigherAddress
    /// Something that the instance needs is missing: see the faults.
    case fault(Fault)
    /// The last fault is gone.
    case recovered
    /// A virtual address was removed by another program.
    case addressRemoved(IPAddress)
    /// A reload removed or replaced the instance.
    case reconfigured
    /// The node is to stop.
    case stopped
    /// A MASTER died, and its successor came too late: by then a peer may have taken over.
    case interrupted
    /// Another member of its sync group became MASTER, or can't be.
    case syncGroup(member: String, group: String)
    /// An operator had it resign, and another router is heard, or is about to take over.
    case resigned
    /// It had resigned, and no other router has taken over.
    case notTakenOver
    /// It is in maintenance.
    case maintenance
    /// An operator has raised its priority above the master's.
    case raised
    /// A before_master has failed or was late, and `hook_failure` is yield.
    case hookFailed
    /// Its guard has decided it.
    case guarded(GuardRelease)
    /// It stood still until the lease of its addresses was over and a peer may have taken over.
    case leaseEnded
}

/// A reason that keeps an instance from taking part.
package enum Fault: Hashable, Sendable {
    /// The configuration block can't run; its own sentences say why.
    case configuration
    /// The VRRP interface doesn't exist.
    case interfaceMissing(String)
    /// The VRRP interface is down.
    case interfaceDown(String)
    /// A tracked interface with weight 0 is down or missing.
    case trackedInterfaceDown(String)
    /// A tracked interface with weight 0 and `reverse` is up.
    case trackedInterfaceUp(String)
    /// The interface has no address to send from.
    case noSourceAddress(String)
    /// The configured source address of a unicast instance is on no interface as an address that packets may leave
    /// with.
    case sourceAddressMissing(IPAddress)
    /// An interface that virtual addresses go to is down or missing.
    case addressInterfaceDown(String)
    /// It was MASTER and could use none of its addresses: the kernel refused this one with an error number, or another
    /// machine has it (0). It tries again later.
    case addressesUnusable(IPAddress, code: Int32)
    /// A script or a process with weight 0 isn't well.
    case trackerDown(TrackerKey)
    /// A script or a process with weight 0 and `reverse` is well.
    case trackerUp(TrackerKey)
    /// The number in a tracked file means a fault.
    case fileNumber(String, Int32)
    /// Another member of its sync group is in FAULT.
    case memberFault(String, group: String)
}

/// Something unusual in a packet that was accepted.
package enum Anomaly: UInt8, Hashable, Sendable, CaseIterable {
    /// Its address list isn't ours.
    case addressListMismatch = 0
    /// Version 3: it advertises another interval, which was adopted.
    case intervalAdopted = 1
    /// It has our priority: the configured priorities are equal.
    case equalPriority = 2
}

/// The reason a packet was discarded; each has its own counter.
package enum DiscardReason: UInt8, Hashable, Sendable, CaseIterable {
    /// Shorter than its header or than its address count says, or longer than it may be.
    case length = 0
    /// TTL or hop limit isn't 255 (multicast), or outside the limits of a unicast peer.
    case hopLimit
    /// Version isn't the configured one, or unknown.
    case version
    /// Type isn't 1.
    case type
    case checksum
    /// Checksum is wrong, and would be right with the other form of version 3's IPv4 checksum (pain point I1).
    case checksumOtherForm
    /// Authentication type isn't the configured one.
    case authenticationType
    case authenticationFailure
    /// Version 2: the interval isn't ours.
    case interval
    /// No instance has this VRID on the interface.
    case unknownVRID
    /// Unicast where multicast is configured, or the other way round.
    case destination
    /// Unicast: the source isn't a configured peer.
    case source
    /// Zero or multicast source address.
    case badSource
    /// It has our own address as its source.
    case own
    /// The instance isn't running (FAULT or INIT), or the startup delay isn't over.
    case notRunning
    /// It names no address at all, and ours isn't an instance without addresses (RFC 9568 §5.2.5).
    case noAddress
    /// For a VRID that nobody here has, but with an address of this instance in its list.
    case otherVRID
    /// It is of CARP, which has VRRP's protocol number, and counts its virtual hosts as VRRP its virtual routers.
    case carp
    /// It carries the trailer of `auth_hmac`, which isn't read.
    case authenticationTrailer
    /// Authentication type is none that there is (RFC 2338 §5.3.6).
    case unknownAuthenticationType
}
