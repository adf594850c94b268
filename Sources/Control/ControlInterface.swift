import Varlink

/// The methods of `io.hasup` that are served.
package enum ControlMethod: String, Hashable, Sendable, CaseIterable {
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
    /// The instances in brief.
    case instances = "Instances"
    /// The virtual servers.
    case services = "Services"
    /// Counters.
    case statistics = "Statistics"
    /// Counters, which are then counted from zero again.
    case resetStatistics = "ResetStatistics"
    /// Past events.
    case history = "History"
    /// Has instances or sync groups give up being MASTER.
    case resign = "Resign"
    /// Has them become MASTER.
    case takeover = "Takeover"
    /// Keeps them from being MASTER, or ends that.
    case maintenance = "Maintenance"
    /// Changes the log level.
    case setLogLevel = "SetLogLevel"
    /// Replaces the daemon by the installed program.
    case upgrade = "Upgrade"

    /// True if read access isn't enough.
    package var changesSomething: Bool {
        switch self {
        case .reload, .resign, .takeover, .maintenance, .setLogLevel, .upgrade, .resetStatistics: true
        case .status, .processes, .watch, .version, .instances, .services, .statistics, .history: false
        }
    }

    /// `io.hasup.NAME`.
    package var fullName: String { "\(ControlInterface.name).\(rawValue)" }
}

/// The control protocol's text and names.
package enum ControlInterface {
    /// The interface's name.
    package static let name = "io.hasup"
    /// Log levels from the most to the least: the one list of `hasupd --log-level` and SetLogLevel.
    package static let logLevels = ["debug", "info", "notice", "warning", "error"]
    /// The longest request.
    package static let requestMax = 64 * 1024
    /// The longest reply that a client should take.
    package static let replyMax = 256 * 1024 * 1024

    /// No more clients, or no more streams, can be served at the moment.
    package static func tooManyClients(_ limit: Int) -> VarlinkError {
        VarlinkError("\(name).TooManyClients", [JSONMember("limit", .int(Int64(limit)))])
    }
    /// The request can't be served now, for the reason in this sentence.
    package static func unavailable(_ reason: String) -> VarlinkError {
        VarlinkError("\(name).Unavailable", [JSONMember("reason", .string(reason))])
    }
    /// The request was no Varlink message; the connection ends.
    package static func malformedRequest(_ reason: String) -> VarlinkError {
        VarlinkError("\(name).MalformedRequest", [JSONMember("reason", .string(reason))])
    }

    /// The interface's text, from the records that are sent.
    package static let text: String = {
        var interface = VarlinkInterface(
            name, summary: "hasup: VRRP and virtual services. Names of numbers end in their units.")
        for method in ControlMethod.allCases { declare(method, in: &interface) }
        interface.error("TooManyClients", "limit: int", "No more clients, or streams, than this are served at a time")
        interface.error("Unavailable", "reason: string", "The request can't be served now")
        interface.error("MalformedRequest", "reason: string", "It isn't a Varlink message; the connection is closed")
        return interface.text
    }()

    private static let orderArguments = "name: ?string, all: ?bool, wait_seconds: ?float"

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
                    + "dry_run only checks it")
        case .resign:
            interface.method(
                name, arguments: orderArguments, OrderReply.self,
                "Hands over, and then leaves a lower master alone; answers when the outcome is known")
        case .takeover:
            interface.method(
                name, arguments: orderArguments, OrderReply.self,
                "Becomes MASTER, by a higher priority than its own if need be; answers as Resign does")
        case .maintenance:
            interface.method(
                name, arguments: "on: bool, \(orderArguments)", OrderReply.self,
                "Isn't MASTER, whatever happens, until that is ended; answers as Resign does")
        case .version: interface.method(name, VersionReply.self, "The daemon's version")
        case .instances: interface.method(name, InstancesReply.self, "The instances in brief")
        case .services:
            interface.method(name, ServicesReply.self, "The virtual servers, their real servers, and IPVS's table")
        case .statistics: interface.method(name, StatisticsReply.self, "Counters")
        case .resetStatistics:
            interface.method(
                name, arguments: "name: ?string", ResetStatisticsReply.self,
                "Counts the counters of all instances, or of one, from zero again; answers them as they were")
        case .setLogLevel:
            interface.method(
                name, arguments: "level: string", LogLevelReply.self,
                "Lines below this level aren't logged from now on: one of \(ControlInterface.logLevels.joined(separator: ", "))"
            )
        case .upgrade:
            interface.method(
                name, arguments: "only_if_changed: ?bool", UpgradeReply.self,
                "Replaces the daemon by the installed program (with only_if_changed: if it is another one) and closes the connection"
            )
        case .history:
            interface.method(
                name, HistoryReply.self,
                "The last 1,000 transitions and reloads since the machine booted, oldest first")
        }
    }
}

/// Results of Status.
package struct StatusReply: JSONRecord, Hashable {
    package static let summary = "Results of Status"
    /// The daemon as a whole.
    package var daemon = DaemonStatus()
    /// In the order of the configuration.
    package var instances: [InstanceReport] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("daemon", &daemon)
        members.member("instances", &instances)
    }
}

/// Results of Processes.
package struct ProcessesReply: JSONRecord, Hashable {
    package static let summary = "Results of Processes"
    /// The supervisor first.
    package var processes: [ProcessReport] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("processes", &processes) }
}

/// One result of Watch.
package struct WatchReply: JSONRecord, Hashable {
    package static let summary = "One result of Watch"
    package var event = WatchEvent()

    /// No event.
    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("event", &event) }
}

/// Results of Reload.
package struct ReloadReply: JSONRecord, Hashable {
    package static let summary = "Results of Reload"
    package var result = ReloadReport()

    /// No result.
    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("result", &result) }
}

/// Results of Resign, Takeover and Maintenance.
package struct OrderReply: JSONRecord, Hashable {
    package static let summary = "Results of Resign, Takeover and Maintenance"
    /// In the order of the configuration, sync groups first.
    package var results: [OrderResult] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("results", &results) }
}

/// Results of Version.
package struct VersionReply: JSONRecord, Hashable {
    package static let summary = "Results of Version"
    package var version = ""

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("version", &version) }
}

/// Results of Instances.
package struct InstancesReply: JSONRecord, Hashable {
    package static let summary = "Results of Instances"
    /// In the order of the configuration.
    package var instances: [InstanceSummary] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("instances", &instances) }
}

/// Results of SetLogLevel.
package struct LogLevelReply: JSONRecord, Hashable {
    package static let summary = "Results of SetLogLevel"
    /// The level until now.
    package var before = ""

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("before", &before) }
}

/// Results of Upgrade.
package struct UpgradeReply: JSONRecord, Hashable {
    package static let summary = "Results of Upgrade"
    /// The version that was running.
    package var before = ""
    /// The version that it becomes.
    package var version = ""
    /// Nothing was done: the running program is the installed one.
    package var unchanged = false

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("before", &before)
        members.member("version", &version)
        members.member("unchanged", &unchanged)
    }
}

/// Results of History.
package struct HistoryReply: JSONRecord, Hashable {
    package static let summary = "Results of History"
    /// The oldest first.
    package var events: [WatchEvent] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("events", &events) }
}

/// The supervisor's loop since its start.
package struct LoopReport: JSONRecord, Hashable {
    package static let summary = "The turns of the supervisor's loop since its start"
    package var turns: UInt64 = 0
    /// Turns that took more than 10 ms of processor time.
    package var slowTurns: UInt64 = 0
    package var longestTurnSeconds = 0.0
    /// The processor time of the turn that took most.
    package var longestWorkSeconds = 0.0

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("turns", &turns)
        members.member("slow_turns", &slowTurns)
        members.member("longest_turn_seconds", &longestTurnSeconds)
        members.member("longest_work_seconds", &longestWorkSeconds)
    }
}

/// Results of ResetStatistics.
package struct ResetStatisticsReply: JSONRecord, Hashable {
    package static let summary = "Results of ResetStatistics"
    /// Those that were reset, in the order of the configuration; empty when no instance has the name.
    package var instances: [InstanceStatistics] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) { members.member("instances", &instances) }
}

/// Results of Statistics.
package struct StatisticsReply: JSONRecord, Hashable {
    package static let summary = "Results of Statistics"
    /// The supervisor's loop.
    package var loop = LoopReport()
    /// The control socket's own.
    package var control = ControlCounters()
    /// In the order of the configuration; empty when the VRRP worker, which counts, doesn't answer.
    package var instances: [InstanceStatistics] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("loop", &loop)
        members.member("control", &control)
        members.member("instances", &instances)
    }
}
