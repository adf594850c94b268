import Base
import VRRP
import Varlink

/// One process of the daemon, as the kernel shows it.
package struct ProcessReport: JSONRecord, Hashable {
    package static let summary = "A process by /proc (landlock: by itself); seccomp is one of disabled, strict, filter"
    /// `supervisor`, `vrrp`, `checker`, `track`, or `mail` while one is being sent.
    package var role = ""
    /// Process id; 0 while it waits for its restart.
    package var pid = 0
    /// Effective user id.
    package var uid = 0
    /// The user's name; nil without one.
    package var user: String?
    /// Effective group id.
    package var gid = 0
    /// Effective capabilities by name, without `cap_`.
    package var capabilities: [String] = []
    /// `disabled`, `strict` or `filter`.
    package var seccomp = ""
    /// no_new_privs.
    package var noNewPrivileges = false
    /// Limit of the capabilities of programs that it executes, by name, without `cap_`.
    package var boundingSet: [String] = []
    /// True if Landlock is in force, as the process found by a test.
    package var landlock = false
    /// The largest core file that a crash may leave; nil without a limit.
    package var coreLimitBytes: Int?
    /// True if processes of its user may trace it, and a crash may leave a core file.
    package var dumpable = false
    /// By its own report; nil if it couldn't read it.
    package var workingDirectory: String?
    package var restarts = 0
    package var uptimeSeconds = 0.0
    /// Resident memory.
    package var residentBytes = 0
    /// Age of its loop's stamp; nil without one.
    package var loopStampAgeSeconds: Double?
    /// The reason it isn't running, or isn't sandboxed: a sentence.
    package var note: String?

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("role", &role)
        members.member("pid", &pid)
        members.member("uid", &uid)
        members.member("user", &user)
        members.member("gid", &gid)
        members.member("capabilities", &capabilities)
        members.member("seccomp", &seccomp)
        members.member("no_new_privileges", &noNewPrivileges)
        members.member("bounding_set", &boundingSet)
        members.member("landlock", &landlock)
        members.member("core_limit_bytes", &coreLimitBytes)
        members.member("dumpable", &dumpable)
        members.member("working_directory", &workingDirectory)
        members.member("restarts", &restarts)
        members.member("uptime_seconds", &uptimeSeconds)
        members.member("resident_bytes", &residentBytes)
        members.member("loop_stamp_age_seconds", &loopStampAgeSeconds)
        members.member("note", &note)
    }
}

/// One finding about a configuration.
package struct DiagnosticReport: JSONRecord, Hashable {
    package static let summary = "One finding about a configuration; severity is one of note, warning, error"
    /// `note`, `warning` or `error`.
    package var severity = ""
    /// A sentence an operator can act on.
    package var message = ""
    /// The file; nil when it is about the whole.
    package var file: String?
    /// From 1.
    package var line: Int?
    /// From 1, in UTF-8 bytes.
    package var column: Int?
    /// Length of the underlined text in UTF-8 bytes.
    package var length: Int?
    /// The line itself.
    package var sourceLine: String?
    /// The kind of finding.
    package var code: String?
    /// The includes through which the file was reached, innermost first.
    package var includedFrom: [PlaceReport] = []

    /// No finding.
    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("severity", &severity)
        members.member("message", &message)
        members.member("file", &file)
        members.member("line", &line)
        members.member("column", &column)
        members.member("length", &length)
        members.member("source_line", &sourceLine)
        members.member("code", &code)
        members.member("included_from", &includedFrom)
    }
}

/// A line of a file.
package struct PlaceReport: JSONRecord, Hashable {
    package static let summary = "A line of a file"
    package var file = ""
    /// From 1.
    package var line = 0

    /// Nowhere.
    package init() {}
    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("file", &file)
        members.member("line", &line)
    }
}

/// A setting that changes.
package struct SettingChange: JSONRecord, Hashable {
    package static let summary = "A setting that changes; a flag, a secret and an order have empty values"
    /// The keyword.
    package var setting = ""
    /// As it was; nil when it wasn't set.
    package var old: String?
    /// As it is; nil when it isn't set any more.
    package var new: String?
    /// The same for people.
    package var text = ""

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("setting", &setting)
        members.member("old", &old)
        members.member("new", &new)
        members.member("text", &text)
    }
}

/// An instance that changes.
package struct InstanceChange: JSONRecord, Hashable {
    package static let summary = "An instance that changes"
    package var name = ""
    /// It becomes another virtual router and starts again, in BACKUP or FAULT.
    package var startsAnew = false
    package var settings: [SettingChange] = []

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("starts_anew", &startsAnew)
        members.member("settings", &settings)
    }
}

/// An instance that can't run with a new configuration.
package struct InstanceFault: JSONRecord, Hashable {
    package static let summary = "An instance that is in FAULT with the new configuration"
    package var name = ""
    package var reason = ""

    /// No fault.
    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("reason", &reason)
    }
}

/// The result of a reload.
package struct ReloadReport: JSONRecord, Hashable {
    package static let summary =
        "The result of a reload, or of a dry run; ok false: the old configuration stays in force"
    /// True if the new configuration runs, or would.
    package var ok = false
    /// Nothing was changed: the effect of a reload.
    package var dryRun = false
    /// The generation that runs now.
    package var generation = 0
    /// The changes, or the reason of the refusal: a sentence.
    package var summaryText = ""
    /// Names of instances that are new.
    package var added: [String] = []
    /// Names of instances that are gone.
    package var removed: [String] = []
    /// Names of instances that differ.
    package var changed: [String] = []
    /// The same instances with what changes in them, the first of them only when there are many.
    package var changes: [InstanceChange] = []
    /// Changes outside of instances.
    package var globalChanges: [SettingChange] = []
    /// Entries of the five lists above, and settings in them, that weren't sent because there are too many.
    package var changesOmitted = 0
    /// New and changed instances that lack something, and so are in FAULT.
    package var faults: [InstanceFault] = []
    /// Number of instances that didn't change.
    package var unchanged = 0
    /// All findings.
    package var diagnostics: [DiagnosticReport] = []
    /// Findings that weren't sent because there are too many.
    package var diagnosticsOmitted = 0
    package var elapsedSeconds = 0.0

    /// Refused without a reason.
    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("ok", &ok)
        members.member("dry_run", &dryRun)
        members.member("generation", &generation)
        members.member("summary", &summaryText)
        members.member("added", &added)
        members.member("removed", &removed)
        members.member("changed", &changed)
        members.member("changes", &changes)
        members.member("global_changes", &globalChanges)
        members.member("changes_omitted", &changesOmitted)
        members.member("faults", &faults)
        members.member("unchanged", &unchanged)
        members.member("diagnostics", &diagnostics)
        members.member("diagnostics_omitted", &diagnosticsOmitted)
        members.member("elapsed_seconds", &elapsedSeconds)
    }
}

/// An event.
package struct WatchEvent: JSONRecord, Hashable {
    /// The longest delay between an event and its report: of a worker whose hasupd was being replaced.
    package static let lateness = Interval.seconds(60)

    package static let summary =
        "An event; kind is one of watching, transition, order, discard, remark, rival, reload, process, note"
    package var kind = ""
    /// With microseconds.
    package var unixSeconds = 0.0
    /// Nil for the daemon's own events.
    package var instance: String?
    /// A line for people.
    package var text = ""
    /// For `transition`.
    package var transition: TransitionReport?
    /// For `discard`, `remark` and `rival`: the reason's name.
    package var reason: String?
    /// For `discard`, `remark` and `rival`: who sent the packet.
    package var source: String?
    /// For `discard` and `remark`: how many since the last report.
    package var count: Int?
    /// For `reload`.
    package var reload: ReloadReport?

    /// No event.
    package init() {}
    /// An event of this kind.
    package init(_ kind: String, text: String, unixSeconds: Double) {
        self.kind = kind
        self.text = text
        self.unixSeconds = unixSeconds
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("kind", &kind)
        members.member("unix_seconds", &unixSeconds)
        members.member("instance", &instance)
        members.member("text", &text)
        members.member("transition", &transition)
        members.member("reason", &reason)
        members.member("source", &source)
        members.member("count", &count)
        members.member("reload", &reload)
    }
}

/// The outcome of a command to one instance or sync group.
package struct OrderResult: JSONRecord, Hashable {
    package static let summary = "The outcome of an order to an instance or a sync group; ok false: not what was wanted"
    package var name = ""
    package var isGroup = false
    package var ok = false
    /// For people: a clause.
    package var text = ""

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("group", &isGroup)
        members.member("ok", &ok)
        members.member("text", &text)
    }
}

/// An instance in brief.
package struct InstanceSummary: JSONRecord, Hashable {
    package static let summary = "An instance in brief"
    package var name = ""
    /// INIT, BACKUP, MASTER or FAULT.
    package var state = ""
    /// Effective priority.
    package var priority = 0
    package var inStateSeconds = 0.0

    package init() {}
    /// An instance's summary.
    package init(name: String, state: String, priority: Int, inStateSeconds: Double) {
        self.name = name
        self.state = state
        self.priority = priority
        self.inStateSeconds = inStateSeconds
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("state", &state)
        members.member("priority", &priority)
        members.member("in_state_seconds", &inStateSeconds)
    }
}

/// An instance's counters.
package struct InstanceStatistics: JSONRecord, Hashable {
    package static let summary = "An instance's counters"
    package var name = ""
    /// Since it was configured or they were reset.
    package var counters = Counters()
    /// The same as keepalived counts.
    package var keepalived = KeepalivedCounters()

    /// Nothing counted.
    package init() {}
    /// An instance's counters.
    package init(name: String, counters: Counters, keepalived: KeepalivedCounters) {
        self.name = name
        self.counters = counters
        self.keepalived = keepalived
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("counters", &counters)
        members.member("keepalived", &keepalived)
    }
}

/// Counts of the control socket since the start.
package struct ControlCounters: JSONRecord, Hashable {
    package static let summary = "Counts of the control socket since the start"
    /// Clients that were accepted.
    package var accepted: UInt64 = 0
    /// Clients connected now.
    package var connected = 0
    /// Clients refused: too many, or not allowed.
    package var refused: UInt64 = 0
    /// Calls that were answered.
    package var calls: UInt64 = 0
    /// Calls answered with an error.
    package var failedCalls: UInt64 = 0
    /// Clients cut off, by reason.
    package var cutOff = NamedCounts()

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("accepted", &accepted)
        members.member("connected", &connected)
        members.member("refused", &refused)
        members.member("calls", &calls)
        members.member("failed_calls", &failedCalls)
        members.member("cut_off", &cutOff)
    }
}
