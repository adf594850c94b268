import Base

/// One process of the daemon, as the kernel shows it.
public struct ProcessReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "A process by /proc (landlock: by itself); seccomp is one of disabled, strict, filter"
    /// `supervisor`, `vrrp` or `checker`.
    public var role = ""
    /// Process id; 0 while it waits for its restart.
    public var pid = 0
    /// Effective user id.
    public var uid = 0
    /// The user's name; nil without one.
    public var user: String?
    /// Effective group id.
    public var gid = 0
    /// Effective capabilities by name, without `cap_`.
    public var capabilities: [String] = []
    /// `disabled`, `strict` or `filter`.
    public var seccomp = ""
    /// no_new_privs.
    public var noNewPrivileges = false
    /// What a program that it executes could have at most, by name, without `cap_`.
    public var boundingSet: [String] = []
    /// Whether Landlock is in force, as the process has found by trying.
    public var landlock = false
    /// The largest core file that a crash may leave; nil without a limit.
    public var coreLimitBytes: Int?
    /// Whether processes of its user may look into it, and a crash may leave a core file.
    public var dumpable = false
    /// Where it stands, as it has said itself; nil when it couldn't tell.
    public var workingDirectory: String?
    /// How often it was replaced.
    public var restarts = 0
    /// For how long it has been running.
    public var uptimeSeconds = 0.0
    /// Resident memory.
    public var residentBytes = 0
    /// How old the stamp of its loop is; nil for who has none.
    public var loopStampAgeSeconds: Double?
    /// Why it isn't running, or isn't sealed: a sentence.
    public var note: String?

    /// Nothing known.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
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
public struct DiagnosticReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "One finding about a configuration; severity is one of note, warning, error"
    /// `note`, `warning` or `error`.
    public var severity = ""
    /// A sentence an operator can act on.
    public var message = ""
    /// The file; nil when it is about the whole.
    public var file: String?
    /// From 1.
    public var line: Int?
    /// From 1, in UTF-8 bytes.
    public var column: Int?
    /// Length of the underlined text in UTF-8 bytes.
    public var length: Int?
    /// The line itself.
    public var sourceLine: String?
    /// What kind of finding it is.
    public var code: String?
    /// The includes through which the file was reached, innermost first.
    public var includedFrom: [PlaceReport] = []

    /// No finding.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
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
public struct PlaceReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "A line of a file"
    /// The file.
    public var file = ""
    /// From 1.
    public var line = 0

    /// Nowhere.
    public init() {}
    /// A line.
    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("file", &file)
        members.member("line", &line)
    }
}

/// A setting that changes.
public struct SettingChange: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "A setting that changes; a flag, a secret and an order have empty values"
    /// The keyword.
    public var setting = ""
    /// As it was; nil when it wasn't set.
    public var old: String?
    /// As it is; nil when it isn't set any more.
    public var new: String?
    /// The same for people.
    public var text = ""

    /// No change.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("setting", &setting)
        members.member("old", &old)
        members.member("new", &new)
        members.member("text", &text)
    }
}

/// An instance that changes.
public struct InstanceChange: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "An instance that changes"
    /// The block's name.
    public var name = ""
    /// It becomes another virtual router and starts again, in BACKUP or FAULT.
    public var startsAnew = false
    /// What changes in it.
    public var settings: [SettingChange] = []

    /// No change.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("name", &name)
        members.member("starts_anew", &startsAnew)
        members.member("settings", &settings)
    }
}

/// An instance that can't run with a new configuration.
public struct InstanceFault: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "An instance that is in FAULT with the new configuration"
    /// The block's name.
    public var name = ""
    /// What is wrong or missing.
    public var reason = ""

    /// No fault.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("name", &name)
        members.member("reason", &reason)
    }
}

/// How a reload ended.
public struct ReloadReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "How a reload ended, or would end; ok false: the old configuration goes on in every detail"
    /// Whether the new configuration runs, or would.
    public var ok = false
    /// Nothing was changed: this is what a reload would do.
    public var dryRun = false
    /// The generation that runs now.
    public var generation = 0
    /// What changed, or why it was refused: a sentence.
    public var summaryText = ""
    /// Names of instances that are new.
    public var added: [String] = []
    /// Names of instances that are gone.
    public var removed: [String] = []
    /// Names of instances that differ.
    public var changed: [String] = []
    /// The same instances with what changes in them, the first of them only when there are many.
    public var changes: [InstanceChange] = []
    /// What changes outside of instances.
    public var globalChanges: [SettingChange] = []
    /// Entries of the five lists above, and settings in them, that weren't sent because there are too many.
    public var changesOmitted = 0
    /// New and changed instances that lack something, and so are in FAULT.
    public var faults: [InstanceFault] = []
    /// How many instances stayed as they were.
    public var unchanged = 0
    /// All findings.
    public var diagnostics: [DiagnosticReport] = []
    /// Findings that weren't sent because there are too many.
    public var diagnosticsOmitted = 0
    /// How long it took.
    public var elapsedSeconds = 0.0

    /// Refused without a reason.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
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

/// Something that happened just now.
public struct WatchEvent: JSONRecord, Hashable {
    /// How much later than it happened an event may be told: what a worker did while its hasupd was replaced. Nothing
    /// older is believed to be late.
    public static let lateness = Interval.seconds(60)

    /// For the interface's text.
    public static let summary =
        "Something that happened; kind is one of watching, transition, discard, remark, rival, reload, process, note"
    /// What kind of event it is.
    public var kind = ""
    /// When it was, with microseconds.
    public var unixSeconds = 0.0
    /// Whose it is; nil for the daemon's own.
    public var instance: String?
    /// A line for people.
    public var text = ""
    /// For `transition`.
    public var transition: TransitionReport?
    /// For `discard`, `remark` and `rival`: the reason's name.
    public var reason: String?
    /// For `discard`, `remark` and `rival`: who sent the packet.
    public var source: String?
    /// For `discard` and `remark`: how many since the last report.
    public var count: Int?
    /// For `reload`.
    public var reload: ReloadReport?

    /// No event.
    public init() {}
    /// An event of this kind.
    public init(_ kind: String, text: String, unixSeconds: Double) {
        self.kind = kind
        self.text = text
        self.unixSeconds = unixSeconds
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
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

/// An instance in short.
public struct InstanceSummary: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "An instance in short"
    /// The block's name.
    public var name = ""
    /// INIT, BACKUP, MASTER or FAULT.
    public var state = ""
    /// Effective priority.
    public var priority = 0
    /// For how long it has been in this state.
    public var inStateSeconds = 0.0

    /// Nothing known.
    public init() {}
    /// An instance's summary.
    public init(name: String, state: String, priority: Int, inStateSeconds: Double) {
        self.name = name
        self.state = state
        self.priority = priority
        self.inStateSeconds = inStateSeconds
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("name", &name)
        members.member("state", &state)
        members.member("priority", &priority)
        members.member("in_state_seconds", &inStateSeconds)
    }
}

/// An instance's counters.
public struct InstanceStatistics: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "An instance's counters"
    /// The block's name.
    public var name = ""
    /// Since it was configured.
    public var counters = CounterReport()

    /// Nothing counted.
    public init() {}
    /// An instance's counters.
    public init(name: String, counters: CounterReport) {
        self.name = name
        self.counters = counters
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("name", &name)
        members.member("counters", &counters)
    }
}

/// What the control socket counted since the start.
public struct ControlCounters: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "What the control socket counted since the start"
    /// Clients that were accepted.
    public var accepted: UInt64 = 0
    /// Clients connected now.
    public var connected = 0
    /// Clients turned away: too many, or not allowed.
    public var refused: UInt64 = 0
    /// Calls that were answered.
    public var calls: UInt64 = 0
    /// Calls answered with an error.
    public var failedCalls: UInt64 = 0
    /// Clients cut off, by reason.
    public var cutOff = NamedCounts()

    /// All 0.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("accepted", &accepted)
        members.member("connected", &connected)
        members.member("refused", &refused)
        members.member("calls", &calls)
        members.member("failed_calls", &failedCalls)
        members.member("cut_off", &cutOff)
    }
}
