import Base

/// What status shows of one instance.
package struct InstanceStatus: Hashable, Sendable {
    package var state: RouterState
    /// Since when.
    package var since: Instant
    /// Effective priority.
    package var priority: Priority
    /// The master's address: our own when MASTER, nil when unknown.
    package var master: IPAddress?
    /// The master's priority.
    package var masterPriority: Priority?
    /// The interval in force: our own, or the one learned from the master (version 3).
    package var advertInterval: Interval
    /// When an advertisement of another master was last accepted.
    package var lastAdvertReceived: Instant?
    /// When the master-down timer, or the preemption, will fire, for a BACKUP.
    package var takeoverAt: Instant?
    /// Why it isn't MASTER, for a BACKUP.
    package var waiting: BackupReason?
    /// What keeps it in FAULT.
    package var faults: [Fault]
    /// The last transition, and when it was.
    package var lastTransition: Transition?
    /// Counters since start.
    package var counters: Counters
    /// Virtual addresses that the kernel has for us.
    package var installedAddresses: [IPAddress]
    /// Virtual addresses that were there before and aren't ours.
    package var foreignAddresses: [IPAddress]
    /// Virtual addresses that a MASTER can't have, because their interface doesn't exist.
    package var waitingAddresses: [IPAddress] = []
    /// Virtual addresses that a MASTER can't use, with the kernel's error number, or 0 for one that another machine has.
    package var unusableAddresses: [UnusableAddress] = []
    /// Virtual addresses that this node has and hasn't added: beside a MASTER they stay when a peer takes over.
    package var strangers: [ForeignAddress] = []
    /// How many virtual addresses, the last ones, aren't advertised because the link's MTU has no room for them.
    package var unadvertisedAddresses = 0
    /// The last advertisement that was thrown away; nil when there was none.
    package var lastDiscard: LastDiscard?
    /// The last router whose address list differs from ours; nil when it was never so, or isn't any more.
    package var differentAddresses: DifferentAddresses?
    /// What keeps advertisements from leaving at this moment; the core doesn't know, the shell fills it in.
    package var sendFailure: SendFailure?
    /// MASTER: other routers that advertise, too, and haven't yielded.
    package var rivals: [RivalMaster] = []

    /// A status of an instance that hasn't started.
    package init(since: Instant, priority: Priority, advertInterval: Interval) {
        state = .initialize
        self.since = since
        self.priority = priority
        self.advertInterval = advertInterval
        faults = []
        counters = Counters()
        installedAddresses = []
        foreignAddresses = []
    }
}

/// A virtual address that a MASTER can't use.
package struct UnusableAddress: Hashable, Sendable {
    package var address: IPAddress
    /// The kernel's error number (errno(3)); 0 when another machine has the address (duplicate address detection).
    package var code: Int32
    package init(_ address: IPAddress, code: Int32) {
        self.address = address
        self.code = code
    }
}

/// An address of an interface, under the interface's name: for who is told of it.
package struct NamedAddress: Hashable, Sendable {
    /// Address and length as they are there.
    package var prefix: Prefix
    /// The interface that has it, or had it.
    package var interface: String
    package init(_ prefix: Prefix, interface: String) {
        self.prefix = prefix
        self.interface = interface
    }

    /// How many of a list are named; the others are counted.
    package static let namedMax = 10
}

/// A virtual address that a node has and hasn't added.
package struct ForeignAddress: Hashable, Sendable {
    /// What a start of hasupd does with it, once no keepalived runs.
    package enum AtStart: UInt8, Hashable, Sendable {
        case stays = 0
        /// It stays, and would go with `adopt_leftovers`.
        case staysUnlessAdopted
        case goes
    }

    /// Address and length as they are there.
    package var prefix: Prefix
    /// The interface that has it.
    package var interface: String
    /// Whether nobody on a link is told of it: the loopback interface, or one without ARP.
    package var isSilent: Bool
    /// Who added it, as IFA_PROTO says; 0 when the kernel doesn't.
    package var addedBy: UInt8
    /// Whether it has a lifetime: somebody renews it.
    package var hasLifetime: Bool
    /// What a start does with it.
    package var atStart: AtStart
    package init(
        _ prefix: Prefix, interface: String, isSilent: Bool, addedBy: UInt8, hasLifetime: Bool, atStart: AtStart
    ) {
        self.atStart = atStart
        self.hasLifetime = hasLifetime
        self.prefix = prefix
        self.interface = interface
        self.isSilent = isSilent
        self.addedBy = addedBy
    }

    /// Which it is, and where.
    package var place: NamedAddress { NamedAddress(prefix, interface: interface) }
}

/// An advertisement that was thrown away.
package struct LastDiscard: Hashable, Sendable {
    /// What was wrong with it.
    package var reason: DiscardReason
    /// Who had sent it.
    package var source: IPAddress
    /// As `Observation.discarded` explains it.
    package var detail: UInt32
    /// When it came.
    package var at: Instant
    /// So long it is said what was wrong with it: three master-down intervals.
    package var countsUntil: Instant
    /// A packet.
    package init(_ reason: DiscardReason, source: IPAddress, detail: UInt32, at: Instant, countsUntil: Instant) {
        self.reason = reason
        self.source = source
        self.detail = detail
        self.at = at
        self.countsUntil = countsUntil
    }
}

/// Another router's address list that isn't ours.
package struct DifferentAddresses: Hashable, Sendable {
    /// Who advertises it.
    package var source: IPAddress
    /// Silent until then, it advertises nothing any more.
    package var countsUntil: Instant
    /// A list.
    package init(_ source: IPAddress, countsUntil: Instant) {
        self.source = source
        self.countsUntil = countsUntil
    }
}

/// Advertisements that the kernel doesn't take.
package struct SendFailure: Hashable, Sendable {
    /// The last error's number (errno(3)); 0 when there is no socket.
    package var code: Int32
    /// Since when they have been failing with it.
    package var since: Instant
    /// Whether a MASTER's peers have heard nothing for so long that they must think it is gone.
    package var isSilent: Bool
    /// A failure.
    package init(code: Int32, since: Instant, isSilent: Bool) {
        self.code = code
        self.since = since
        self.isSilent = isSilent
    }
}

/// Why a BACKUP isn't MASTER.
package enum BackupReason: UInt8, Hashable, Sendable {
    /// The master has a higher priority.
    case higherPriority = 0
    /// The master has our priority and a higher address.
    case higherAddress
    /// nopreempt: a master with a lower priority is left alone.
    case nopreempt
    /// preempt_delay isn't over.
    case preemptDelay
    /// The master has a lower priority and will be replaced when the timer fires.
    case preempting
    /// No master was heard yet: the first master-down interval runs.
    case listening
    /// vrrp_startup_delay isn't over.
    case startupDelay
    /// The master has our priority and a lower address; an equal doesn't displace it (RFC 9568 §6.4.2).
    case equalPriority
}

/// What one instance counted since it was configured.
package struct Counters: Hashable, Sendable {
    /// Good advertisements received.
    package var advertsReceived: UInt64 = 0
    /// Advertisements sent.
    package var advertsSent: UInt64 = 0
    /// Priority 0 received.
    package var releasesReceived: UInt64 = 0
    /// Priority 0 sent.
    package var releasesSent: UInt64 = 0
    /// Times that it became MASTER.
    package var becameMaster: UInt64 = 0
    /// Times that it left MASTER.
    package var leftMaster: UInt64 = 0
    /// Packets that the kernel didn't take; the core doesn't know, the shell fills it in.
    package var sendFailures: UInt64 = 0
    /// Packets thrown away, by `DiscardReason.rawValue`.
    package var discarded = Tally()
    /// Packets accepted with a remark, by `Anomaly.rawValue`.
    package var remarks = Tally()

    /// All zero.
    package init() {}
}

/// Counters by small number. Most of them stay at zero for ever, on thousands of instances: memory is taken by the
/// first one that counts.
package struct Tally: Hashable, Sendable {
    private var values: [UInt64] = []

    /// All zero.
    package init() {}

    /// The counter of this number.
    package subscript(number: UInt8) -> UInt64 {
        get { Int(number) < values.count ? values[Int(number)] : 0 }
        set {
            guard newValue != self[number] else { return }
            while values.count <= Int(number) { values.append(0) }
            values[Int(number)] = newValue
        }
    }

    /// Numbers that have counted, in order.
    package var numbers: [UInt8] { values.indices.filter { values[$0] > 0 }.map(UInt8.init) }
    /// All together.
    package var total: UInt64 { values.reduce(0, &+) }
}
