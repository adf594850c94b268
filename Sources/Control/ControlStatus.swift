import Varlink

/// What status says of the daemon as a whole.
package struct DaemonStatus: JSONRecord, Hashable {
    package static let summary = "The daemon as a whole; log_level is one of debug, info, notice, warning, error"
    package var version = ""
    package var pid = 0
    /// When it was started.
    package var startedUnixSeconds = 0
    /// For how long it has been running.
    package var uptimeSeconds = 0.0
    /// `--instance`; nil without.
    package var instanceName: String?
    /// router_id, or the host's name.
    package var routerID = ""
    /// The main file.
    package var configurationFile = ""
    /// Counts up from 1 with every configuration that was accepted.
    package var configurationGeneration = 0
    /// When this generation was accepted.
    package var loadedUnixSeconds = 0
    /// Settings that were read and have no effect.
    package var ignoredSettings = 0
    /// Warnings of the running configuration, without those about what this machine lacked when it was read.
    package var warnings = 0
    /// Errors of the running configuration, which a start tolerates and a reload doesn't; counted as the warnings are.
    package var errors = 0
    /// Files of the configuration that couldn't be read and are left out, a sentence each.
    package var unreadFiles: [String] = []
    /// Whether the kernel still has addresses that only an earlier configuration names.
    package var keepsFormerAddresses = false
    /// Smallest severity that is logged.
    package var logLevel = ""
    /// The last reload, when it was refused; nil after one that succeeded.
    package var refusedReload: RefusedReload?
    /// The next reload of a reload_time_file; nil when none is scheduled.
    package var scheduledReload: ScheduledReloadReport?
    /// Why the VRRP worker told nothing, so that no state is known; nil when it did.
    package var workerTrouble: String?
    /// Workers that were replaced in the last ten minutes.
    package var replacements: [ReplacementReport] = []
    /// What goes wrong at present beside the service, such as a full disk: a sentence each.
    package var problems: [String] = []
    /// Which processes work without their filter of system calls: a sentence each.
    package var unsealed: [String] = []
    /// What the processes couldn't get or give up: a sentence each.
    package var notes: [String] = []
    /// Packets thrown away that no instance was meant by, by reason; those that aren't 0.
    package var discarded = NamedCounts()
    /// The last of them; nil when there was none. One a second is told; recent: within two minutes.
    package var lastDiscard: DiscardReport?

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
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
package struct InstanceReport: JSONRecord, Hashable {
    package static let summary =
        "One virtual router; state is one of INIT, BACKUP, MASTER, FAULT; family is ipv4 or ipv6"
    package var name = ""
    /// INIT, BACKUP, MASTER or FAULT.
    package var state = ""
    /// For how long it has been in this state.
    package var inStateSeconds = 0.0
    /// Since when it has been in this state.
    package var sinceUnixSeconds = 0
    /// Effective priority.
    package var priority = 0
    /// Configured priority.
    package var basePriority = 0
    /// Interface of the advertisements.
    package var interface = ""
    /// Virtual router identifier.
    package var vrid = 0
    /// Of VRRP: 2 or 3.
    package var version = 0
    /// `ipv4` or `ipv6`.
    package var family = ""
    /// virtual_ipaddress.
    package var addresses: [AddressReport] = []
    /// virtual_ipaddress_excluded.
    package var excludedAddresses: [AddressReport] = []
    /// Where our advertisements come from; nil when there is no address for it.
    package var source: String?
    /// The master's address, our own when MASTER; nil when unknown.
    package var master: String?
    /// The master's priority.
    package var masterPriority: Int?
    /// The interval in force.
    package var advertIntervalSeconds = 0.0
    /// How long ago an advertisement of another master was last accepted.
    package var lastAdvertAgeSeconds: Double?
    /// For a BACKUP: why it isn't MASTER.
    package var whyNotMaster: WaitReport?
    /// For FAULT: what keeps it there, a sentence each.
    package var faults: [String] = []
    /// The last state change; nil when there was none.
    package var lastTransition: TransitionReport?
    /// Since it was configured.
    package var counters = CounterReport()
    /// Notifications that were left out because newer ones overtook them.
    package var notificationsSkipped = 0
    /// The last advertisement for it that was thrown away; nil when none was.
    package var lastDiscard: DiscardReport?
    /// The router that advertises other addresses than ours: the master, or one that would be; nil when none does.
    package var differentAddressesOf: String?
    /// Virtual addresses that this node has and hasn't added: an alarm unless it is MASTER, and then they stay after it.
    package var strangers: [StrangerReport] = []
    /// How many of its addresses, the last ones, aren't advertised because the link's MTU has no room for them.
    package var unadvertisedAddresses = 0
    /// What keeps its advertisements from leaving; nil when nothing does.
    package var sendFailure: SendFailureReport?
    /// Its notify scripts; nil when none was ever wanted.
    package var scripts: ScriptReport?
    /// For a MASTER: who else advertises for it, and hasn't yielded.
    package var rivals: [RivalReport] = []

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
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
package struct RivalReport: JSONRecord, Hashable {
    package static let summary =
        "Who goes on advertising beside a MASTER; reason is lowerPriority, or why its adverts are thrown away"
    /// Where it sends from.
    package var source = ""
    package var reason = ""
    /// For people: a clause.
    package var text = ""
    /// For how long it has been heard.
    package var sinceSeconds = 0.0
    /// How long ago it was last heard.
    package var agoSeconds = 0.0

    package init() {}
    /// A router.
    package init(source: String, reason: String, text: String, sinceSeconds: Double, agoSeconds: Double) {
        self.source = source
        self.reason = reason
        self.text = text
        self.sinceSeconds = sinceSeconds
        self.agoSeconds = agoSeconds
    }

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("source", &source)
        members.member("reason", &reason)
        members.member("text", &text)
        members.member("since_seconds", &sinceSeconds)
        members.member("ago_seconds", &agoSeconds)
    }
}

/// One virtual address.
package struct AddressReport: JSONRecord, Hashable {
    package static let summary =
        "One virtual address; foreign: not ours, it stays; obstacle, missing: a MASTER hasn't got it"
    /// `ADDRESS/LENGTH`.
    package var address = ""
    /// Where it goes.
    package var interface = ""
    /// Whether the kernel has it for us.
    package var installed = false
    /// Whether somebody else had put it there.
    package var foreign = false
    /// Why a MASTER hasn't got it; nil when it has, or when that isn't known.
    package var obstacle: String?
    /// Whether a MASTER hasn't got it, and it is known of no reason.
    package var missing = false

    /// No address.
    package init() {}
    package init(_ address: String, interface: String, installed: Bool = false, foreign: Bool = false) {
        self.address = address
        self.interface = interface
        self.installed = installed
        self.foreign = foreign
    }

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("address", &address)
        members.member("interface", &interface)
        members.member("installed", &installed)
        members.member("foreign", &foreign)
        members.member("obstacle", &obstacle)
        members.member("missing", &missing)
    }
}

/// A virtual address that somebody else has put there.
package struct StrangerReport: JSONRecord, Hashable {
    package static let summary =
        "An address that a node has and hasn't added: an alarm unless it is MASTER; silent: no neighbour is told of it"
    /// `ADDRESS/LENGTH`.
    package var address = ""
    /// Where it is.
    package var interface = ""
    /// Whether it is on the loopback interface, or on one without ARP.
    package var silent = false
    /// For people: a sentence.
    package var text = ""

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("address", &address)
        members.member("interface", &interface)
        members.member("silent", &silent)
        members.member("text", &text)
    }
}

/// Why a BACKUP isn't MASTER.
package struct WaitReport: JSONRecord, Hashable {
    package static let summary = "Why a BACKUP isn't MASTER, and when it would act if nothing changes"
    package var code = ""
    /// For people: a sentence.
    package var text = ""
    /// When the timer fires; nil when none runs.
    package var secondsLeft: Double?

    /// No reason.
    package init() {}
    /// A reason.
    package init(code: String, text: String, secondsLeft: Double? = nil) {
        self.code = code
        self.text = text
        self.secondsLeft = secondsLeft
    }

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("code", &code)
        members.member("text", &text)
        members.member("seconds_left", &secondsLeft)
    }
}

/// Advertisements that the kernel doesn't take.
package struct SendFailureReport: JSONRecord, Hashable {
    package static let summary =
        "Adverts that can't leave; silent: a MASTER's peers have heard nothing for so long that they must think it is gone"
    /// For people: the error.
    package var text = ""
    /// For how long it has been so.
    package var sinceSeconds = 0.0
    /// Whether nothing leaves at all.
    package var silent = false

    /// No failure.
    package init() {}
    /// A failure.
    package init(_ text: String, sinceSeconds: Double, silent: Bool) {
        self.text = text
        self.sinceSeconds = sinceSeconds
        self.silent = silent
    }

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("text", &text)
        members.member("since_seconds", &sinceSeconds)
        members.member("silent", &silent)
    }
}

/// What has become of an instance's notify scripts.
package struct ScriptReport: JSONRecord, Hashable {
    package static let summary =
        "Notify scripts of one virtual router since hasupd's start; failed: ended with a status"
    /// Scripts that were wanted.
    package var started = 0
    /// Those that ended with another status than 0, or couldn't be started.
    package var failed = 0
    /// Those that weren't run, because somebody else could have written them or because their user doesn't exist.
    package var refused = 0
    /// Those that took too long and were told to end.
    package var timedOut = 0
    /// Transitions whose scripts were left out because a newer one had overtaken them.
    package var skipped = 0
    /// The last of these failures: a sentence.
    package var lastFailure: String?

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("started", &started)
        members.member("failed", &failed)
        members.member("refused", &refused)
        members.member("timed_out", &timedOut)
        members.member("skipped", &skipped)
        members.member("last_failure", &lastFailure)
    }
}

/// One state change.
package struct TransitionReport: JSONRecord, Hashable {
    package static let summary = "One state change; reason is for programs, text for people"
    /// State before.
    package var from = ""
    /// State after.
    package var to = ""
    package var reason = ""
    /// For people.
    package var text = ""
    /// The other router concerned.
    package var peer: String?
    package var peerPriority: Int?
    /// Our effective priority at that moment.
    package var ownPriority = 0
    /// Age of the last good advertisement at that moment.
    package var lastAdvertAgeSeconds: Double?
    /// How long ago it was.
    package var agoSeconds = 0.0
    /// When it was.
    package var unixSeconds = 0

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
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
package struct CounterReport: JSONRecord, Hashable {
    package static let summary = "Counters since configured; releases are adverts of priority 0"
    /// Good advertisements received.
    package var advertsReceived: UInt64 = 0
    /// Advertisements sent.
    package var advertsSent: UInt64 = 0
    /// Priority 0 received.
    package var releasesReceived: UInt64 = 0
    /// Priority 0 sent.
    package var releasesSent: UInt64 = 0
    /// Adverts that the kernel didn't take.
    package var sendFailures: UInt64 = 0
    /// Times that it became MASTER.
    package var becameMaster: UInt64 = 0
    /// Times that it left MASTER.
    package var leftMaster: UInt64 = 0
    /// Packets thrown away, by reason; those that aren't 0.
    package var discarded = NamedCounts()
    /// Packets accepted with a remark, by remark; those that aren't 0.
    package var remarks = NamedCounts()

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
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
