import Base
import VRRP
import Varlink

/// The daemon's status.
package struct DaemonStatus: JSONRecord, Hashable {
    package static let summary = "The daemon as a whole; log_level is one of debug, info, notice, warning, error"
    package var version = ""
    package var pid = 0
    package var startedUnixSeconds = 0
    package var uptimeSeconds = 0.0
    /// `--instance`; nil without.
    package var instanceName: String?
    /// router_id, or the host's name.
    package var routerID = ""
    /// The main file.
    package var configurationFile = ""
    /// Counts up from 1 with every configuration that was accepted.
    package var configurationGeneration = 0
    /// Time at which this generation was accepted.
    package var loadedUnixSeconds = 0
    /// Settings that were read and have no effect.
    package var ignoredSettings = 0
    /// Warnings of the running configuration, without those about what the machine lacked when it was read.
    package var warnings = 0
    /// Errors of the running configuration, which a start tolerates and a reload doesn't; counted as the warnings are.
    package var errors = 0
    /// Files of the configuration that couldn't be read and are left out, a sentence each.
    package var unreadFiles: [String] = []
    /// Checks of real servers that the configuration asks for and that couldn't be set up, a sentence each.
    package var unmadeChecks: [String] = []
    /// True if the kernel still has addresses that only an earlier configuration names.
    package var keepsFormerAddresses = false
    /// Smallest severity that is logged.
    package var logLevel = ""
    /// The last reload, when it was refused; nil after one that succeeded.
    package var refusedReload: RefusedReload?
    /// The next reload of a reload_time_file; nil when none is scheduled.
    package var scheduledReload: ScheduledReloadReport?
    /// The reason there is no answer of the VRRP worker, so that no state is known; nil with one.
    package var workerTrouble: String?
    /// Workers that were replaced in the last ten minutes.
    package var replacements: [ReplacementReport] = []
    /// Present problems of the daemon, such as a full disk: a sentence each.
    package var problems: [String] = []
    /// Processes without their filter of system calls: a sentence each.
    package var unsealed: [String] = []
    /// Privileges and limits that the processes couldn't get or give up: a sentence each.
    package var notes: [String] = []
    /// Discarded packets for no instance, by reason; those that aren't 0.
    package var discarded = NamedCounts()
    /// The last of them, of which the worker reports one a second; recent: within two minutes.
    package var lastDiscard: LastDiscard?
    /// The other nodes of clusters, as they are heard by heartbeats.
    package var clusterNodes: [ClusterNodeReport] = []
    /// Objects that hasup-track watches, the first thousand of them.
    package var trackers: [TrackerReport] = []
    /// Virtual servers; nil without any.
    package var services: ServiceCounts?
    /// `--ipvs-record`: the file that IPVS's changes are written into, instead of the kernel; nil without.
    package var tableRecord: String?

    package init() {}

    package mutating func visit(_ members: inout some Members) {
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
        members.member("checks_not_set_up", &unmadeChecks)
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
        members.member("cluster_nodes", &clusterNodes)
        members.member("trackers", &trackers)
        members.member("services", &services)
        members.member("ipvs_record", &tableRecord)
    }
}

/// One virtual router: what its configuration says, its status, and the texts that hasupd makes of the two.
@dynamicMemberLookup
package struct InstanceReport: JSONRecord, Hashable {
    package static let summary =
        "One virtual router; state is one of INIT, BACKUP, MASTER, FAULT; family is ipv4 or ipv6"
    package var name = ""
    package var interface = ""
    package var vrid = 0
    /// Of VRRP: 2 or 3.
    package var version = 0
    /// `ipv4` or `ipv6`.
    package var family = ""
    /// Configured priority.
    package var basePriority = 0
    /// virtual_ipaddress.
    package var addresses: [AddressReport] = []
    /// virtual_ipaddress_excluded.
    package var excludedAddresses: [AddressReport] = []
    /// Its members stand among the others.
    package var status = InstanceStatus()
    /// Time at which it came into its state.
    package var sinceUnixSeconds = 0
    /// The reason that a BACKUP isn't MASTER.
    package var whyNotMaster: WaitReport?
    /// The reasons for FAULT: a sentence each.
    package var faults: [String] = []
    /// The last state change; nil when there was none.
    package var lastTransition: TransitionReport?
    /// The operator's order to it, or to its sync group; nil without one.
    package var order: OrderReport?
    /// Notifications that were skipped because newer ones superseded them.
    package var notificationsSkipped = 0
    /// Its notify scripts; nil when none was ever wanted.
    package var scripts: ScriptReport?
    /// track_script, track_file and track_process.
    package var trackers: [TrackerUseReport] = []

    package init() {}

    package subscript<Value>(dynamicMember path: WritableKeyPath<InstanceStatus, Value>) -> Value {
        get { status[keyPath: path] }
        set { status[keyPath: path] = newValue }
    }

    package mutating func visit(_ members: inout some Members) throws(ByteError) {
        members.member("name", &name)
        members.member("interface", &interface)
        members.member("vrid", &vrid)
        members.member("version", &version)
        members.member("family", &family)
        members.member("base_priority", &basePriority)
        members.member("addresses", &addresses)
        members.member("excluded_addresses", &excludedAddresses)
        try status.visit(&members)
        members.member("since_unix_seconds", &sinceUnixSeconds)
        members.member("why_not_master", &whyNotMaster)
        members.member("faults", &faults)
        members.member("last_transition", &lastTransition)
        members.member("order", &order)
        members.member("notifications_skipped", &notificationsSkipped)
        members.member("scripts", &scripts)
        members.member("trackers", &trackers)
    }
}

/// An operator's order in force.
package struct OrderReport: JSONRecord, Hashable {
    package static let summary = "An operator's order in force; order is one of resigned, maintenance, raised"
    package var order = ""
    /// The sync group that it was given to; nil for an instance.
    package var group: String?
    /// The user who gave it.
    package var uid = 0
    package var unixSeconds = 0
    package var agoSeconds = 0.0
    /// For people: a clause, with what ends it.
    package var text = ""

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("order", &order)
        members.member("group", &group)
        members.member("uid", &uid)
        members.member("unix_seconds", &unixSeconds)
        members.member("ago_seconds", &agoSeconds)
        members.member("text", &text)
    }
}

/// One virtual address.
package struct AddressReport: JSONRecord, Hashable {
    package static let summary =
        "One virtual address; foreign: not ours, it stays; obstacle, missing: a MASTER doesn't have it"
    /// `ADDRESS/LENGTH`.
    package var address = ""
    package var interface = ""
    /// True if the kernel has it for us.
    package var installed = false
    /// True if it was there before.
    package var foreign = false
    /// The reason a MASTER doesn't have it; nil if it has, or if the reason isn't known.
    package var obstacle: String?
    /// True if a MASTER doesn't have it for no known reason.
    package var missing = false

    /// No address.
    package init() {}
    package init(_ address: String, interface: String, installed: Bool = false, foreign: Bool = false) {
        self.address = address
        self.interface = interface
        self.installed = installed
        self.foreign = foreign
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("address", &address)
        members.member("interface", &interface)
        members.member("installed", &installed)
        members.member("foreign", &foreign)
        members.member("obstacle", &obstacle)
        members.member("missing", &missing)
    }
}

/// The reason a BACKUP isn't MASTER.
package struct WaitReport: JSONRecord, Hashable {
    package static let summary = "Why a BACKUP isn't MASTER, and when it would act if nothing changes"
    package var code = ""
    /// For people: a sentence.
    package var text = ""
    /// Time until the timer fires; nil when none runs.
    package var secondsLeft: Double?

    /// No reason.
    package init() {}
    /// A reason.
    package init(code: String, text: String, secondsLeft: Double? = nil) {
        self.code = code
        self.text = text
        self.secondsLeft = secondsLeft
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("code", &code)
        members.member("text", &text)
        members.member("seconds_left", &secondsLeft)
    }
}

/// Counts of an instance's notify scripts.
package struct ScriptReport: JSONRecord, Hashable {
    package static let summary =
        "Notify scripts of one virtual router since hasupd's start; failed: ended with a status"
    package var started = 0
    /// Scripts that ended with another status than 0, or couldn't be started.
    package var failed = 0
    /// Scripts that weren't run, because another user could have written them or because their user doesn't exist.
    package var refused = 0
    /// Scripts that took too long and were terminated.
    package var timedOut = 0
    /// Transitions whose scripts were skipped because a newer one superseded them.
    package var skipped = 0
    /// The last of these failures: a sentence.
    package var lastFailure: String?

    package init() {}

    package mutating func visit(_ members: inout some Members) {
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
    package var agoSeconds = 0.0
    package var unixSeconds = 0

    package init() {}

    package mutating func visit(_ members: inout some Members) {
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

/// A reload that was refused.
package struct RefusedReload: JSONRecord, Hashable {
    package static let summary = "The last reload, when it was refused"
    package var unixSeconds = 0
    package var agoSeconds = 0.0
    package var reason = ""

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("unix_seconds", &unixSeconds)
        members.member("ago_seconds", &agoSeconds)
        members.member("reason", &reason)
    }
}

/// The next reload of a reload_time_file.
package struct ScheduledReloadReport: JSONRecord, Hashable {
    package static let summary = "The next reload that a reload_time_file asks for"
    package var unixSeconds = 0
    package var inSeconds = 0.0

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("unix_seconds", &unixSeconds)
        members.member("in_seconds", &inSeconds)
    }
}

/// A worker that was replaced not long ago.
package struct ReplacementReport: JSONRecord, Hashable {
    package static let summary = "A worker that died, or was replaced, in the last ten minutes"
    /// The program: `hasup-vrrp`, `hasup-checker` or `hasup-track`.
    package var process = ""
    /// The last event, as in the log.
    package var text = ""
    package var agoSeconds = 0.0
    /// Restarts since hasupd started.
    package var restarts = 0

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("process", &process)
        members.member("text", &text)
        members.member("ago_seconds", &agoSeconds)
        members.member("restarts", &restarts)
    }
}
