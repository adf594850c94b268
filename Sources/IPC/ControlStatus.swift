/// What status says of the daemon as a whole.
public struct DaemonStatus: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "The daemon as a whole; log_level is one of debug, info, notice, warning, error"
    /// Of hasupd.
    public var version = ""
    /// Of hasupd.
    public var pid = 0
    /// When it was started.
    public var startedUnixSeconds = 0
    /// For how long it has been running.
    public var uptimeSeconds = 0.0
    /// `--instance`; nil without.
    public var instanceName: String?
    /// router_id, or the host's name.
    public var routerID = ""
    /// The main file.
    public var configurationFile = ""
    /// Counts up from 1 with every configuration that was accepted.
    public var configurationGeneration = 0
    /// When this generation was accepted.
    public var loadedUnixSeconds = 0
    /// Settings that were read and have no effect.
    public var ignoredSettings = 0
    /// Warnings of the running configuration, without those about what this machine lacked when it was read.
    public var warnings = 0
    /// Errors of the running configuration, which a start tolerates and a reload doesn't; counted as the warnings are.
    public var errors = 0
    /// Files of the configuration that couldn't be read and are left out, a sentence each.
    public var unreadFiles: [String] = []
    /// Whether the kernel still has addresses that only an earlier configuration names.
    public var keepsFormerAddresses = false
    /// Smallest severity that is logged.
    public var logLevel = ""
    /// The last reload, when it was refused; nil after one that succeeded.
    public var refusedReload: RefusedReload?
    /// The next reload of a reload_time_file; nil when none is scheduled.
    public var scheduledReload: ScheduledReloadReport?
    /// Why the VRRP worker told nothing, so that no state is known; nil when it did.
    public var workerTrouble: String?
    /// Workers that were replaced in the last ten minutes.
    public var replacements: [ReplacementReport] = []
    /// What goes wrong at present beside the service, such as a full disk: a sentence each.
    public var problems: [String] = []
    /// Which processes work without their filter of system calls: a sentence each.
    public var unsealed: [String] = []
    /// What the processes couldn't get or give up: a sentence each.
    public var notes: [String] = []
    /// Packets thrown away that no instance was meant by, by reason; those that aren't 0.
    public var discarded = NamedCounts()
    /// The last of them; nil when there was none. One a second is told; recent: within two minutes.
    public var lastDiscard: DiscardReport?

    /// Nothing known.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("version", &version)
        members.member("pid", &pid)
        members.member("started_unix_seconds", &startedUnixSeconds)
        members.member("uptime_seconds", &uptimeSeconds)
        members.member("instance_name", &instanceName)
        members.member("router_id", &routerID)
        members.member("configuration_file", &configurationFile)
        members.member("configuration_generation", &configurationGeneration)
        members.member("loaded_unix_seconds", &loadedUnixSeconds)
        members.member("ignored_settings", &ignoredSettings)
        members.member("warnings", &warnings)
        members.member("errors", &errors)
        members.member("unread_files", &unreadFiles)
        members.member("keeps_former_addresses", &keepsFormerAddresses)
        members.member("log_level", &logLevel)
        members.member("refused_reload", &refusedReload)
        members.member("scheduled_reload", &scheduledReload)
        members.member("worker_trouble", &workerTrouble)
        members.member("replacements", &replacements)
        members.member("problems", &problems)
        members.member("unsealed", &unsealed)
        members.member("notes", &notes)
        members.member("discarded", &discarded)
        members.member("last_discard", &lastDiscard)
    }
}

/// One virtual router.
public struct InstanceReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "One virtual router; state is one of INIT, BACKUP, MASTER, FAULT; family is ipv4 or ipv6"
    /// The block's name.
    public var name = ""
    /// INIT, BACKUP, MASTER or FAULT.
    public var state = ""
    /// For how long it has been in this state.
    public var inStateSeconds = 0.0
    /// Since when it has been in this state.
    public var sinceUnixSeconds = 0
    /// Effective priority.
    public var priority = 0
    /// Configured priority.
    public var basePriority = 0
    /// Interface of the advertisements.
    public var interface = ""
    /// Virtual router identifier.
    public var vrid = 0
    /// Of VRRP: 2 or 3.
    public var version = 0
    /// `ipv4` or `ipv6`.
    public var family = ""
    /// virtual_ipaddress.
    public var addresses: [AddressReport] = []
    /// virtual_ipaddress_excluded.
    public var excludedAddresses: [AddressReport] = []
    /// Where our advertisements come from; nil when there is no address for it.
    public var source: String?
    /// The master's address, our own when MASTER; nil when unknown.
    public var master: String?
    /// The master's priority.
    public var masterPriority: Int?
    /// The interval in force.
    public var advertIntervalSeconds = 0.0
    /// How long ago an advertisement of another master was last accepted.
    public var lastAdvertAgeSeconds: Double?
    /// For a BACKUP: why it isn't MASTER.
    public var whyNotMaster: WaitReport?
    /// For FAULT: what keeps it there, a sentence each.
    public var faults: [String] = []
    /// The last state change; nil when there was none.
    public var lastTransition: TransitionReport?
    /// Since it was configured.
    public var counters = CounterReport()
    /// Notifications that were left out because newer ones overtook them.
    public var notificationsSkipped = 0
    /// The last advertisement for it that was thrown away; nil when none was.
    public var lastDiscard: DiscardReport?
    /// The router that advertises other addresses than ours: the master, or one that would be; nil when none does.
    public var differentAddressesOf: String?
    /// Virtual addresses that this node has and hasn't added: an alarm unless it is MASTER, and then they stay after it.
    public var strangers: [StrangerReport] = []
    /// How many of its addresses, the last ones, aren't advertised because the link's MTU has no room for them.
    public var unadvertisedAddresses = 0
    /// What keeps its advertisements from leaving; nil when nothing does.
    public var sendFailure: SendFailureReport?
    /// Its notify scripts; nil when none was ever wanted.
    public var scripts: ScriptReport?
    /// For a MASTER: who else advertises for it, and hasn't yielded.
    public var rivals: [RivalReport] = []

    /// Nothing known.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("name", &name)
        members.member("state", &state)
        members.member("in_state_seconds", &inStateSeconds)
        members.member("since_unix_seconds", &sinceUnixSeconds)
        members.member("priority", &priority)
        members.member("base_priority", &basePriority)
        members.member("interface", &interface)
        members.member("vrid", &vrid)
        members.member("version", &version)
        members.member("family", &family)
        members.member("addresses", &addresses)
        members.member("excluded_addresses", &excludedAddresses)
        members.member("source", &source)
        members.member("master", &master)
        members.member("master_priority", &masterPriority)
        members.member("advert_interval_seconds", &advertIntervalSeconds)
        members.member("last_advert_age_seconds", &lastAdvertAgeSeconds)
        members.member("why_not_master", &whyNotMaster)
        members.member("faults", &faults)
        members.member("last_transition", &lastTransition)
        members.member("counters", &counters)
        members.member("notifications_skipped", &notificationsSkipped)
        members.member("last_discard", &lastDiscard)
        members.member("different_addresses_of", &differentAddressesOf)
        members.member("strangers", &strangers)
        members.member("unadvertised_addresses", &unadvertisedAddresses)
        members.member("send_failure", &sendFailure)
        members.member("scripts", &scripts)
        members.member("rivals", &rivals)
    }
}

/// Another router that advertises while this one is MASTER.
public struct RivalReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "Who goes on advertising beside a MASTER; reason is lowerPriority, or why its adverts are thrown away"
    /// Where it sends from.
    public var source = ""
    /// For programs.
    public var reason = ""
    /// For people: a clause.
    public var text = ""
    /// For how long it has been heard.
    public var sinceSeconds = 0.0
    /// How long ago it was last heard.
    public var agoSeconds = 0.0

    /// None.
    public init() {}
    /// A router.
    public init(source: String, reason: String, text: String, sinceSeconds: Double, agoSeconds: Double) {
        self.source = source
        self.reason = reason
        self.text = text
        self.sinceSeconds = sinceSeconds
        self.agoSeconds = agoSeconds
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("source", &source)
        members.member("reason", &reason)
        members.member("text", &text)
        members.member("since_seconds", &sinceSeconds)
        members.member("ago_seconds", &agoSeconds)
    }
}

/// One virtual address.
public struct AddressReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "One virtual address; foreign: not ours, it stays; obstacle, missing: a MASTER hasn't got it"
    /// `ADDRESS/LENGTH`.
    public var address = ""
    /// Where it goes.
    public var interface = ""
    /// Whether the kernel has it for us.
    public var installed = false
    /// Whether somebody else had put it there.
    public var foreign = false
    /// Why a MASTER hasn't got it; nil when it has, or when that isn't known.
    public var obstacle: String?
    /// Whether a MASTER hasn't got it, and it is known of no reason.
    public var missing = false

    /// No address.
    public init() {}
    /// An address.
    public init(_ address: String, interface: String, installed: Bool = false, foreign: Bool = false) {
        self.address = address
        self.interface = interface
        self.installed = installed
        self.foreign = foreign
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("address", &address)
        members.member("interface", &interface)
        members.member("installed", &installed)
        members.member("foreign", &foreign)
        members.member("obstacle", &obstacle)
        members.member("missing", &missing)
    }
}

/// A virtual address that somebody else has put there.
public struct StrangerReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "An address that a node has and hasn't added: an alarm unless it is MASTER; silent: no neighbour is told of it"
    /// `ADDRESS/LENGTH`.
    public var address = ""
    /// Where it is.
    public var interface = ""
    /// Whether it is on the loopback interface, or on one without ARP.
    public var silent = false
    /// For people: a sentence.
    public var text = ""

    /// None.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("address", &address)
        members.member("interface", &interface)
        members.member("silent", &silent)
        members.member("text", &text)
    }
}

/// Why a BACKUP isn't MASTER.
public struct WaitReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Why a BACKUP isn't MASTER, and when it would act if nothing changes"
    /// For programs.
    public var code = ""
    /// For people: a sentence.
    public var text = ""
    /// When the timer fires; nil when none runs.
    public var secondsLeft: Double?

    /// No reason.
    public init() {}
    /// A reason.
    public init(code: String, text: String, secondsLeft: Double? = nil) {
        self.code = code
        self.text = text
        self.secondsLeft = secondsLeft
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("code", &code)
        members.member("text", &text)
        members.member("seconds_left", &secondsLeft)
    }
}

/// Advertisements that the kernel doesn't take.
public struct SendFailureReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "Adverts that can't leave; silent: a MASTER's peers have heard nothing for so long that they must think it is gone"
    /// For people: the error.
    public var text = ""
    /// For how long it has been so.
    public var sinceSeconds = 0.0
    /// Whether nothing leaves at all.
    public var silent = false

    /// No failure.
    public init() {}
    /// A failure.
    public init(_ text: String, sinceSeconds: Double, silent: Bool) {
        self.text = text
        self.sinceSeconds = sinceSeconds
        self.silent = silent
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("text", &text)
        members.member("since_seconds", &sinceSeconds)
        members.member("silent", &silent)
    }
}

/// What has become of an instance's notify scripts.
public struct ScriptReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Notify scripts of one virtual router since hasupd's start; failed: ended with a status"
    /// Scripts that were wanted.
    public var started = 0
    /// Those that ended with another status than 0, or couldn't be started.
    public var failed = 0
    /// Those that weren't run, because somebody else could have written them or because their user doesn't exist.
    public var refused = 0
    /// Those that took too long and were told to end.
    public var timedOut = 0
    /// Transitions whose scripts were left out because a newer one had overtaken them.
    public var skipped = 0
    /// The last of these failures: a sentence.
    public var lastFailure: String?

    /// None.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("started", &started)
        members.member("failed", &failed)
        members.member("refused", &refused)
        members.member("timed_out", &timedOut)
        members.member("skipped", &skipped)
        members.member("last_failure", &lastFailure)
    }
}

/// One state change.
public struct TransitionReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "One state change; reason is for programs, text for people"
    /// State before.
    public var from = ""
    /// State after.
    public var to = ""
    /// For programs.
    public var reason = ""
    /// For people.
    public var text = ""
    /// The other router concerned.
    public var peer: String?
    /// Its priority.
    public var peerPriority: Int?
    /// Our effective priority at that moment.
    public var ownPriority = 0
    /// Age of the last good advertisement at that moment.
    public var lastAdvertAgeSeconds: Double?
    /// How long ago it was.
    public var agoSeconds = 0.0
    /// When it was.
    public var unixSeconds = 0

    /// No change.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("from", &from)
        members.member("to", &to)
        members.member("reason", &reason)
        members.member("text", &text)
        members.member("peer", &peer)
        members.member("peer_priority", &peerPriority)
        members.member("own_priority", &ownPriority)
        members.member("last_advert_age_seconds", &lastAdvertAgeSeconds)
        members.member("ago_seconds", &agoSeconds)
        members.member("unix_seconds", &unixSeconds)
    }
}

/// What one virtual router counted.
public struct CounterReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Counters since configured; releases are adverts of priority 0"
    /// Good advertisements received.
    public var advertsReceived: UInt64 = 0
    /// Advertisements sent.
    public var advertsSent: UInt64 = 0
    /// Priority 0 received.
    public var releasesReceived: UInt64 = 0
    /// Priority 0 sent.
    public var releasesSent: UInt64 = 0
    /// Adverts that the kernel didn't take.
    public var sendFailures: UInt64 = 0
    /// Times that it became MASTER.
    public var becameMaster: UInt64 = 0
    /// Times that it left MASTER.
    public var leftMaster: UInt64 = 0
    /// Packets thrown away, by reason; those that aren't 0.
    public var discarded = NamedCounts()
    /// Packets accepted with a remark, by remark; those that aren't 0.
    public var remarks = NamedCounts()

    /// All 0.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("adverts_received", &advertsReceived)
        members.member("adverts_sent", &advertsSent)
        members.member("releases_received", &releasesReceived)
        members.member("releases_sent", &releasesSent)
        members.member("send_failures", &sendFailures)
        members.member("became_master", &becameMaster)
        members.member("left_master", &leftMaster)
        members.member("discarded", &discarded)
        members.member("remarks", &remarks)
    }
}
