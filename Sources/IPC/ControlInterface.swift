/// The methods of `io.hasup` that are served.
public enum ControlMethod: String, Hashable, Sendable, CaseIterable {
    /// Everything about the daemon and its instances.
    case status = "Status"
    /// The daemon's processes.
    case processes = "Processes"
    /// A stream of events.
    case watch = "Watch"
    /// Reads the configuration again.
    case reload = "Reload"
    /// The daemon's version.
    case version = "Version"
    /// The instances in short.
    case instances = "Instances"
    /// Counters.
    case statistics = "Statistics"
    /// What happened.
    case history = "History"
    /// Changes how much is logged.
    case setLogLevel = "SetLogLevel"
    /// Becomes the program that is installed by now.
    case upgrade = "Upgrade"

    /// Whether it changes something, so that reading access isn't enough.
    public var changesSomething: Bool {
        switch self {
        case .reload, .setLogLevel, .upgrade: true
        case .status, .processes, .watch, .version, .instances, .statistics, .history: false
        }
    }

    /// `io.hasup.NAME`.
    public var fullName: String { "\(ControlInterface.name).\(rawValue)" }
}

/// The control protocol's text and names.
public enum ControlInterface {
    /// The interface's name.
    public static let name = "io.hasup"
    /// How much can be logged, from the most to the least: the one list of `hasupd --log-level` and SetLogLevel.
    public static let logLevels = ["debug", "info", "notice", "warning", "error"]
    /// The longest request.
    public static let requestMax = 64 * 1024
    /// The longest reply that a client should take.
    public static let replyMax = 256 * 1024 * 1024

    /// No more clients, or no more streams, can be served at the moment.
    public static func tooManyClients(_ limit: Int) -> VarlinkError {
        VarlinkError("\(name).TooManyClients", [JSONMember("limit", .int(Int64(limit)))])
    }
    /// It can't be done now; the sentence says why.
    public static func unavailable(_ reason: String) -> VarlinkError {
        VarlinkError("\(name).Unavailable", [JSONMember("reason", .string(reason))])
    }
    /// The request was no Varlink message; the connection ends.
    public static func malformedRequest(_ reason: String) -> VarlinkError {
        VarlinkError("\(name).MalformedRequest", [JSONMember("reason", .string(reason))])
    }

    /// The interface's text, from the records that are sent.
    public static let text: String = {
        var interface = VarlinkInterface(name, summary: "hasup: VRRP and virtual services. Numbers carry their units.")
        for method in ControlMethod.allCases { declare(method, in: &interface) }
        interface.error("TooManyClients", "limit: int", "No more clients, or streams, than this are served at a time")
        interface.error("Unavailable", "reason: string", "It can't be done now")
        interface.error("MalformedRequest", "reason: string", "That was no Varlink message; the connection ends")
        return interface.text
    }()

    private static func declare(_ method: ControlMethod, in interface: inout VarlinkInterface) {
        let name = method.rawValue
        switch method {
        case .status: interface.method(name, StatusReply.self, "Everything about the daemon and its instances")
        case .processes: interface.method(name, ProcessesReply.self, "The daemon's processes as the kernel shows them")
        case .watch:
            interface.method(name, WatchReply.self, "Events as they happen; the first one has the kind 'watching'")
        case .reload:
            interface.method(
                name, arguments: "dry_run: ?bool", ReloadReply.self,
                "Reads the configuration again and answers when the new one runs or was refused; "
                    + "dry_run only judges it")
        case .version: interface.method(name, VersionReply.self, "The daemon's version")
        case .instances: interface.method(name, InstancesReply.self, "The instances in short")
        case .statistics: interface.method(name, StatisticsReply.self, "Counters")
        case .setLogLevel:
            interface.method(
                name, arguments: "level: string", LogLevelReply.self,
                "Lines below this level aren't logged from now on: one of \(ControlInterface.logLevels.joined(separator: ", "))"
            )
        case .upgrade:
            interface.method(
                name, arguments: "only_if_changed: ?bool", UpgradeReply.self,
                "Becomes the installed program (with only_if_changed: if another one runs); the connection ends then")
        case .history:
            interface.method(
                name, HistoryReply.self,
                "The last 1,000 transitions and reloads since the machine booted, the oldest first")
        }
    }
}

/// Results of Status.
public struct StatusReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Status"
    /// The daemon as a whole.
    public var daemon = DaemonStatus()
    /// In the order of the configuration.
    public var instances: [InstanceReport] = []

    /// Nothing known.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("daemon", &daemon)
        members.member("instances", &instances)
    }
}

/// Results of Processes.
public struct ProcessesReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Processes"
    /// The supervisor first.
    public var processes: [ProcessReport] = []

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("processes", &processes) }
}

/// One result of Watch.
public struct WatchReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "One result of Watch"
    /// What happened.
    public var event = WatchEvent()

    /// No event.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("event", &event) }
}

/// Results of Reload.
public struct ReloadReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Reload"
    /// How it ended.
    public var result = ReloadReport()

    /// No result.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("result", &result) }
}

/// Results of Version.
public struct VersionReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Version"
    /// Of hasupd.
    public var version = ""

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("version", &version) }
}

/// Results of Instances.
public struct InstancesReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Instances"
    /// In the order of the configuration.
    public var instances: [InstanceSummary] = []

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("instances", &instances) }
}

/// Results of SetLogLevel.
public struct LogLevelReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of SetLogLevel"
    /// The level until now.
    public var before = ""

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("before", &before) }
}

/// Results of Upgrade.
public struct UpgradeReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Upgrade"
    /// The daemon's version until now.
    public var before = ""
    /// The version that it is about to become.
    public var version = ""
    /// Nothing happens: it is the program that is installed.
    public var unchanged = false

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("before", &before)
        members.member("version", &version)
        members.member("unchanged", &unchanged)
    }
}

/// Results of History.
public struct HistoryReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of History"
    /// The oldest first.
    public var events: [WatchEvent] = []

    /// None.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) { members.member("events", &events) }
}

/// The supervisor's loop since its start.
public struct LoopReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "The turns of the supervisor's loop since its start"
    /// How many there were.
    public var turns: UInt64 = 0
    /// Those that took more than 2 ms of processor time.
    public var slowTurns: UInt64 = 0
    /// The longest turn.
    public var longestTurnSeconds = 0.0
    /// The processor time of the turn that took most.
    public var longestWorkSeconds = 0.0

    /// All 0.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("turns", &turns)
        members.member("slow_turns", &slowTurns)
        members.member("longest_turn_seconds", &longestTurnSeconds)
        members.member("longest_work_seconds", &longestWorkSeconds)
    }
}

/// Results of Statistics.
public struct StatisticsReply: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "Results of Statistics"
    /// The supervisor's loop.
    public var loop = LoopReport()
    /// The control socket's own.
    public var control = ControlCounters()
    /// In the order of the configuration.
    public var instances: [InstanceStatistics] = []

    /// All 0.
    public init() {}
    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("loop", &loop)
        members.member("control", &control)
        members.member("instances", &instances)
    }
}
