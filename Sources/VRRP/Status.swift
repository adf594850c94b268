import Base
import ConfigurationModel
import Varlink

/// The status of one virtual router, from the worker's bytes to the JSON of `hasup status`. All times are ages at the moment
/// of the answer.
package struct InstanceStatus: JSONRecord, ByteCoded, Hashable {
    package static let summary = "The state of one virtual router"

    package var state = RouterState.initialize
    package var timeInState = Interval.zero
    /// The time at which it came into this state, which unlike its age is the same in each answer.
    package var since = Instant(nanoseconds: 0)
    /// Effective priority.
    package var priority = Priority.release
    /// Changes of the base priority by tracked objects.
    package var contributions: [Contribution] = []
    /// INIT: the scripts whose first results it waits for.
    package var awaitedScripts: [String] = []
    /// The name of its sync group; nil without one.
    package var syncGroup: String?
    /// Other members of the group that keep it from being MASTER, or from starting.
    package var heldBy: [String] = []
    /// Address that advertisements are sent from; nil without one.
    package var source: IPAddress?
    /// The master's address: our own when MASTER, nil when unknown.
    package var master: IPAddress?
    package var masterPriority: Priority?
    /// The interval in force: our own, or the one learned from the master (version 3).
    package var advertInterval = Interval.zero
    /// Age of the last accepted advertisement of another master.
    package var lastAdvertAge: Interval?
    /// Time until the master-down timer, or the preemption, fires, for a BACKUP.
    package var takeover: Interval?
    /// The reason a BACKUP isn't MASTER.
    package var waiting: BackupReason?
    /// The reason for which its guard keeps it from being MASTER, though its timer is over.
    package var guardHold: GuardHold?
    /// The reasons for FAULT.
    package var faults: [Fault] = []
    /// The last transition, which has led to this state.
    package var lastTransition: Transition?
    package var counters = Counters()
    /// Virtual addresses that the kernel has for us.
    package var installedAddresses: [IPAddress] = []
    /// Virtual addresses that were there before and aren't ours.
    package var foreignAddresses: [IPAddress] = []
    /// Virtual addresses that a MASTER can't have, because their interface doesn't exist.
    package var waitingAddresses: [IPAddress] = []
    package var unusableAddresses: [UnusableAddress] = []
    /// Virtual addresses that this node has and hasn't added: beside a MASTER they stay when a peer takes over.
    package var strangers: [ForeignAddress] = []
    /// Number of virtual addresses, the last ones, that aren't advertised because the link's MTU has no room for them.
    package var unadvertisedAddresses = 0
    package var lastDiscard: LastDiscard?
    /// The router that advertises other addresses than ours: the master, or one that would be.
    package var differentAddressesOf: IPAddress?
    /// The reason advertisements can't be sent. The core doesn't know it: the worker fills it in.
    package var sendFailure: SendFailure?
    /// Of a MASTER: other routers that advertise, too, and haven't yielded.
    package var rivals: [RivalReport] = []
    /// The hook that is waited for: before a MASTER takes its addresses or releases, or after it has released.
    package var awaitedHook: Hook?
    /// The time until it isn't waited for any more.
    package var hookTimeLeft: Interval?
    /// True of a MASTER that has sent priority 0, and keeps its addresses until it hears a successor.
    package var isResigning = false
    /// The lifetime of a MASTER's addresses in the kernel; nil for no end.
    package var addressLease: Interval?
    /// Time since the kernel was asked for the last renewal that it has done.
    package var leaseAge: Interval?
    /// Number of addresses without it, because others would go with them.
    package var endlessAddresses = 0

    /// True if its group's last release script was killed or couldn't be started.
    package var hasFailedRelease = false
    /// The reason for that, a clause. From hasupd.
    package var releaseFailure: String?

    /// True of a MASTER that has no addresses yet, because its before_master runs.
    package var awaitsAddresses: Bool { awaitedHook == .beforeMaster }
    /// The last state that was told to scripts and FIFOs, as `NotifyTrigger` numbers it; 0 for none.
    package var told: UInt8 = 0

    package init() {}
    package init(priority: Priority, advertInterval: Interval) {
        self.priority = priority
        self.advertInterval = advertInterval
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("state", &state)
        try members.field("in_state_seconds", &timeInState)
        try members.hidden(&since)
        try members.field("priority", &priority)
        try members.field("contributions", &contributions, atMost: Contribution.most)
        try members.field("awaited_scripts", &awaitedScripts, atMost: Contribution.most)
        try members.field("sync_group", &syncGroup)
        try members.field("held_by", &heldBy, atMost: Contribution.most)
        try members.field("source", &source)
        try members.field("master", &master)
        try members.field("master_priority", &masterPriority)
        try members.field("advert_interval_seconds", &advertInterval)
        try members.field("last_advert_age_seconds", &lastAdvertAge)
        try members.hidden(&takeover)
        try members.hidden(&waiting)
        try members.hidden(&guardHold)
        try members.hidden(&faults, atMost: 256)
        try members.hidden(&lastTransition)
        try members.field("counters", &counters)
        try members.hidden(&installedAddresses)
        try members.hidden(&foreignAddresses)
        try members.hidden(&waitingAddresses)
        try members.hidden(&unusableAddresses)
        try members.field("strangers", &strangers)
        try members.field("unadvertised_addresses", &unadvertisedAddresses)
        try members.field("last_discard", &lastDiscard)
        try members.field("different_addresses_of", &differentAddressesOf)
        try members.field("send_failure", &sendFailure)
        try members.field("rivals", &rivals, atMost: RivalMasters.most)
        try members.field("awaited_hook", &awaitedHook)
        try members.field("hook_seconds_left", &hookTimeLeft)
        try members.field("resigning", &isResigning)
        try members.field("release_failed", &hasFailedRelease)
        members.member("release_failure", &releaseFailure)
        try members.field("address_lease_seconds", &addressLease)
        try members.field("lease_age_seconds", &leaseAge)
        try members.field("endless_addresses", &endlessAddresses)
        try members.hidden(&told)
    }
}

/// A virtual address that a MASTER can't use.
package struct UnusableAddress: ByteCoded, Hashable, Sendable {
    package var address: IPAddress
    /// The kernel's error number (errno(3)); 0 when another machine has the address (duplicate address detection).
    package var code: Int32
    package init(_ address: IPAddress, code: Int32) {
        self.address = address
        self.code = code
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(try IPAddress(decoding: &reader), code: try Int32(decoding: &reader))
    }
    package func encode(into writer: inout ByteWriter) {
        address.encode(into: &writer)
        code.encode(into: &writer)
    }
}

/// An address with its interface's name, for texts.
package struct NamedAddress: Hashable, Sendable {
    package var prefix: Prefix
    /// The interface that has it, or had it.
    package var interface: String
    package init(_ prefix: Prefix, interface: String) {
        self.prefix = prefix
        self.interface = interface
    }

    /// Number of addresses that a list names; the others are counted.
    package static let namedMax = 10
}

/// A virtual address that a node has and hasn't added.
package struct ForeignAddress: JSONRecord, ByteCoded, Hashable {
    package static let typeName = "StrangerReport"
    package static let summary =
        "An address that a node has and hasn't added: an alarm unless it is MASTER; silent: no neighbour hears of it"

    /// The effect of a start of hasupd on it, once no keepalived runs.
    package enum AtStart: UInt8, ByteCoded, Hashable, Sendable {
        case stays = 0
        /// It stays, and would go with `adopt_leftovers`.
        case staysUnlessAdopted
        case goes

        package init(decoding reader: inout ByteReader) throws(ByteError) {
            self = try reader.readCase(Self.self)
        }
        package func encode(into writer: inout ByteWriter) { writer.write(rawValue) }
    }

    package var prefix = Prefix(host: IPAddress(v4: 0))
    package var interface = ""
    /// True if no neighbour hears of it: it is on the loopback interface, or on one without ARP.
    package var isSilent = false
    /// The program that added it, by IFA_PROTO; 0 when the kernel doesn't know.
    package var addedBy: UInt8 = 0
    /// True if it has a lifetime: another program renews it.
    package var hasLifetime = false
    package var atStart = AtStart.stays
    /// A sentence for people, from hasupd.
    package var text = ""

    package init() {}
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

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("address", &prefix)
        try members.field("interface", &interface)
        try members.field("silent", &isSilent)
        try members.hidden(&addedBy)
        try members.hidden(&hasLifetime)
        try members.hidden(&atStart)
        members.member("text", &text)
    }

    package var place: NamedAddress { NamedAddress(prefix, interface: interface) }
}

/// The last advertisement that was discarded.
package struct LastDiscard: JSONRecord, ByteCoded, Hashable {
    package static let typeName = "DiscardReport"
    package static let summary =
        "The last advert that was discarded; recent: within three master-down intervals"

    package var reason = DiscardReason.length
    /// The sender.
    package var source = IPAddress(v4: 0)
    /// As `Observation.discarded` explains it.
    package var detail: UInt32 = 0
    package var age = Interval.zero
    /// True if it came within three master-down intervals.
    package var isRecent = false
    /// A clause for people, from hasupd.
    package var text = ""

    package init() {}
    package init(_ reason: DiscardReason, source: IPAddress, detail: UInt32, age: Interval, isRecent: Bool) {
        self.reason = reason
        self.source = source
        self.detail = detail
        self.age = age
        self.isRecent = isRecent
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("reason", &reason)
        try members.field("source", &source)
        try members.hidden(&detail)
        try members.field("ago_seconds", &age)
        try members.field("recent", &isRecent)
        members.member("text", &text)
    }
}

/// Another router that advertises while this one is MASTER.
package struct RivalReport: JSONRecord, ByteCoded, Hashable {
    package static let summary =
        "A router that advertises beside a MASTER; reason is lowerPriority, or why its adverts are discarded"

    package var source = IPAddress(v4: 0)
    package var sign = RivalMaster.Sign.lowerPriority(.release)
    /// Time since it was first heard.
    package var since = Interval.zero
    /// Age of its last advertisement.
    package var age = Interval.zero
    /// The sign's name, from hasupd.
    package var reason = ""
    /// A clause for people, from hasupd.
    package var text = ""

    package init() {}
    package init(_ source: IPAddress, _ sign: RivalMaster.Sign, since: Interval, age: Interval) {
        self.source = source
        self.sign = sign
        self.since = since
        self.age = age
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("source", &source)
        try members.hidden(&sign)
        try members.field("since_seconds", &since)
        try members.field("ago_seconds", &age)
        members.member("reason", &reason)
        members.member("text", &text)
    }
}

/// Advertisements that the kernel refuses to send.
package struct SendFailure: JSONRecord, ByteCoded, Hashable {
    package static let typeName = "SendFailureReport"
    package static let summary =
        "Adverts that can't be sent; silent: a MASTER's peers have heard nothing for so long that they must think it is gone"

    /// The last error's number (errno(3)); 0 without a socket.
    package var code: Int32 = 0
    /// Time since the first failure with this error.
    package var since = Interval.zero
    /// True if a MASTER's peers have heard nothing for so long that they must think it is gone.
    package var isSilent = false
    /// The error for people, from hasupd.
    package var text = ""

    package init() {}
    package init(code: Int32, since: Interval, isSilent: Bool) {
        self.code = code
        self.since = since
        self.isSilent = isSilent
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.hidden(&code)
        try members.field("since_seconds", &since)
        try members.field("silent", &isSilent)
        members.member("text", &text)
    }
}

/// The reason a BACKUP isn't MASTER.
package enum BackupReason: UInt8, Sendable, NamedCase {
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
    /// Its timer is over, and other members of its sync group don't want to be MASTER.
    case syncGroup
    /// An operator had it resign: a master with a lower priority is left alone.
    case resigned
    /// It is in maintenance.
    case maintenance
    /// A before_master has failed or was late.
    case hookFailed
    /// Its timer is over, and its guard keeps it from being MASTER.
    case guarded

    package var name: String {
        switch self {
        case .higherPriority: "higherPriority"
        case .higherAddress: "higherAddress"
        case .nopreempt: "nopreempt"
        case .preemptDelay: "preemptDelay"
        case .preempting: "preempting"
        case .listening: "listening"
        case .startupDelay: "startupDelay"
        case .equalPriority: "equalPriority"
        case .syncGroup: "syncGroup"
        case .resigned: "resigned"
        case .maintenance: "maintenance"
        case .hookFailed: "hookFailed"
        case .guarded: "guarded"
        }
    }
}

/// Counts of one instance since it was configured, or since they were reset.
package struct Counters: JSONRecord, ByteCoded, Hashable {
    package static let typeName = "CounterReport"
    package static let summary = "Counters since configured or reset; releases are adverts of priority 0"

    /// Good advertisements received.
    package var advertsReceived: UInt64 = 0
    package var advertsSent: UInt64 = 0
    /// Priority 0 received.
    package var releasesReceived: UInt64 = 0
    /// Priority 0 sent.
    package var releasesSent: UInt64 = 0
    package var becameMaster: UInt64 = 0
    package var leftMaster: UInt64 = 0
    /// Packets that the kernel refused to send. The core doesn't know them: the worker fills them in.
    package var sendFailures: UInt64 = 0
    package var discarded = Tally<DiscardReason>()
    /// Packets accepted with an anomaly.
    package var remarks = Tally<Anomaly>()

    package init() {}

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        try members.field("adverts_received", &advertsReceived)
        try members.field("adverts_sent", &advertsSent)
        try members.field("releases_received", &releasesReceived)
        try members.field("releases_sent", &releasesSent)
        try members.field("became_master", &becameMaster)
        try members.field("left_master", &leftMaster)
        try members.field("send_failures", &sendFailures)
        try members.field("discarded", &discarded)
        try members.field("remarks", &remarks)
    }
}

/// Counters of an enumeration's cases. Most of them stay at zero for ever, on thousands of instances: memory is taken by the
/// first one that counts.
package struct Tally<Reason: NamedCase>: Hashable, Sendable {
    private var values: [UInt64] = []
    /// Of a newer daemon, whose reasons aren't known here.
    private var others: [NamedCounts.Entry] = []

    /// All zero.
    package init() {}

    /// The counter of a case by its number.
    package subscript(number: UInt8) -> UInt64 {
        get { Int(number) < values.count ? values[Int(number)] : 0 }
        set {
            guard newValue != self[number] else { return }
            while values.count <= Int(number) { values.append(0) }
            values[Int(number)] = newValue
        }
    }

    /// Numbers of the cases that have counted, in order.
    package var numbers: [UInt8] { values.indices.filter { values[$0] > 0 }.map(UInt8.init) }
    /// All together.
    package var total: UInt64 { values.reduce(0, &+) }

    /// Names and counters of the cases that have counted.
    package var entries: [NamedCounts.Entry] {
        zip(Reason.allCases, values).lazy.filter { $1 > 0 }.map { NamedCounts.Entry(name: $0.name, count: $1) } + others
    }

    package mutating func add(_ name: String, _ count: UInt64) {
        if let reason = Reason(name: name) {
            self[reason.rawValue] = count
        } else {
            others.append(NamedCounts.Entry(name: name, count: count))
        }
    }
}

extension Tally: JSONCoded {
    package init(parsing parser: inout JSONParser) throws(JSONError) {
        self.init()
        for entry in try NamedCounts(parsing: &parser).entries { add(entry.name, entry.count) }
    }
    package func write(into writer: inout JSONWriter) { NamedCounts(entries).write(into: &writer) }
    package static func varlinkType(_ types: inout VarlinkTypes) -> String { NamedCounts.varlinkType(&types) }
}

extension Tally: ByteCoded {
    /// - Throws: `ByteError` also for numbers that aren't of a case or don't rise, and for a counter of zero.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init()
        var lowest: UInt8 = 0
        for _ in 0..<Int(try reader.readUInt8()) {
            let number = try reader.readUInt8()
            guard number >= lowest, Int(number) < Reason.allCases.count else { throw .invalid }
            let value = try reader.readUInt64()
            guard value > 0 else { throw .invalid }
            self[number] = value
            lowest = number + 1
        }
    }

    package func encode(into writer: inout ByteWriter) {
        let numbers = numbers
        writer.write(UInt8(numbers.count))
        for number in numbers {
            writer.write(number)
            writer.write(self[number])
        }
    }
}
