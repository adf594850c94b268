import Base
import VRRP
import Varlink

/// Results of Services.
package struct ServicesReply: JSONRecord, Hashable {
    package static let summary = "Results of Services"
    package var table = TableReport()
    /// Checks that began late since hasupd's start: no descriptor was left, or too many programs ran.
    package var lateChecks: UInt64 = 0
    /// Checks that the configuration asks for and that couldn't be set up, a sentence each.
    package var unmadeChecks: [String] = []
    /// In the order of the configuration.
    package var services: [ServiceReport] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("table", &table)
        members.member("late_checks", &lateChecks)
        members.member("checks_not_set_up", &unmadeChecks)
        members.member("services", &services)
    }
}

/// IPVS's table as a whole.
package struct TableReport: JSONRecord, Hashable {
    package static let summary = "The kernel's IPVS table as a whole"
    /// The reason that IPVS isn't written, a sentence; nil while it is.
    package var trouble: String?
    /// `--ipvs-record`: the file that changes are written into, instead of the kernel; nil without.
    package var recordFile: String?
    /// Requests that the kernel was given since hasupd's start.
    package var writes: UInt64 = 0
    /// Of them, those that it refused.
    package var refusedWrites: UInt64 = 0
    /// Differences that others made and that were mended.
    package var mended: UInt64 = 0
    /// Services of others, as `tcp 10.0.0.1:80`; they are left alone.
    package var foreign: [String] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("trouble", &trouble)
        members.member("record_file", &recordFile)
        members.member("writes", &writes)
        members.member("refused_writes", &refusedWrites)
        members.member("mended", &mended)
        members.member("foreign", &foreign)
    }
}

/// The virtual servers and their real servers, counted.
package struct ServiceCounts: JSONRecord, Hashable {
    package static let summary =
        "The number of virtual servers: all, without quorum, and those that can't be set up; and of their real servers"
    package var total = 0
    package var down = 0
    package var fault = 0
    /// Real servers of all of them; one that stands behind two services counts twice.
    package var servers = 0
    package var serversDown = 0
    /// Real servers that stand in the table and that no check looks at.
    package var serversUnchecked = 0
    /// Real servers with a check that can't be done until somebody mends the configuration or this machine.
    package var serversToMend = 0

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("total", &total)
        members.member("down", &down)
        members.member("fault", &fault)
        members.member("servers", &servers)
        members.member("servers_down", &serversDown)
        members.member("servers_unchecked", &serversUnchecked)
        members.member("servers_to_mend", &serversToMend)
    }

    package var isWell: Bool { down == 0 && fault == 0 && serversToMend == 0 }
}

/// One virtual server.
package struct ServiceReport: JSONRecord, Hashable {
    package static let summary =
        "One virtual server; state is one of UP, DOWN, FAULT; protocol is tcp, udp, sctp, or null for a fwmark"
    /// As it stands after virtual_server.
    package var name = ""
    /// The name for people: `tcp 10.0.0.1:80`, `fwmark 7`, `tcp group NAME`.
    package var title = ""
    package var transport: String?
    package var scheduler = ""
    /// `UP`; `DOWN` without quorum; `FAULT` when it can't be set up.
    package var state = ""
    /// The weight of live servers that it needs.
    package var quorum = 0
    /// The weight of live servers that it has.
    package var weight = 0
    /// Services in the kernel's table: more than one for a group.
    package var tableServices = 0
    /// The reasons for FAULT, and what the kernel refused last: a sentence each.
    package var faults: [String] = []
    /// Destinations that others have put there; they are left until the next reload or restart, as `10.0.0.9:80`.
    package var surplus: [String] = []
    package var mended: UInt64 = 0
    package var sorryServer: SorryServerReport?
    /// In the order of the configuration.
    package var servers: [ServerReport] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("name", &name)
        members.member("title", &title)
        members.member("protocol", &transport)
        members.member("scheduler", &scheduler)
        members.member("state", &state)
        members.member("quorum", &quorum)
        members.member("weight", &weight)
        members.member("table_services", &tableServices)
        members.member("faults", &faults)
        members.member("surplus", &surplus)
        members.member("mended", &mended)
        members.member("sorry_server", &sorryServer)
        members.member("servers", &servers)
    }
}

/// One real server.
package struct ServerReport: JSONRecord, Hashable {
    package static let summary =
        "One real server; state is one of UP, DOWN, UNCHECKED; forwarding is one of NAT, DR, TUN"
    package var address = ""
    package var port = 0
    package var forwarding = ""
    /// `UNCHECKED`: it stands as if it were up, and no check looks at it.
    package var state = ""
    /// Its weight in the table; 0 while it isn't there.
    package var weight = 0
    package var configuredWeight = 0
    /// The time since it is in this state; nil when nobody has told.
    package var stateSeconds: Double?
    /// The last result of a check in words: of a failing one when there is one; nil for a success.
    package var reason: String?
    /// The age of the oldest verdict among its checks; nil before all have one, and without checks.
    package var verdictAgeSeconds: Double?
    /// The longest last attempt among its checks.
    package var checkSeconds: Double?
    /// A remark on the state: `not in the table` (the sorry server stands for it), `not checked yet`, `unproven`, `unchecked`
    /// of one that is down; of one that is UNCHECKED why, where `reason` doesn't say it. Nil when the state says all.
    package var note: String?
    /// In the order of the configuration.
    package var checks: [CheckStateReport] = []

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("address", &address)
        members.member("port", &port)
        members.member("forwarding", &forwarding)
        members.member("state", &state)
        members.member("weight", &weight)
        members.member("configured_weight", &configuredWeight)
        members.member("state_seconds", &stateSeconds)
        members.member("reason", &reason)
        members.member("verdict_age_seconds", &verdictAgeSeconds)
        members.member("check_seconds", &checkSeconds)
        members.member("note", &note)
        members.member("checks", &checks)
    }

    /// The check that `reason` is about: one that fails, else one that can't be done, else one that is tried again.
    package var troubledCheck: CheckStateReport? {
        checks.first { $0.state == "DOWN" } ?? checks.first { $0.state == "UNCHECKED" && $0.needsMending }
            ?? checks.first { $0.reason != nil }
    }

    /// True if one of its checks can't be done until somebody mends something.
    package var needsMending: Bool { checks.contains(where: \.needsMending) }
}

/// One check of a real server.
package struct CheckStateReport: JSONRecord, Hashable {
    package static let summary =
        "One check of a real server; state is one of UP, DOWN, UNCHECKED, NONE (no verdict yet)"
    /// As it stands in the configuration, such as `TCP_CHECK`.
    package var kind = ""
    /// An address and port, with a path for HTTP; a program, a tracked file, a BFD session.
    package var target = ""
    /// `UNCHECKED` when the last attempt couldn't be made.
    package var state = ""
    /// The last result in words; nil for a success.
    package var reason: String?
    package var verdictAgeSeconds: Double?
    /// Of the last attempt.
    package var checkSeconds: Double?
    /// True if it can't be done until somebody mends the configuration or this machine.
    package var needsMending = false

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("kind", &kind)
        members.member("target", &target)
        members.member("state", &state)
        members.member("reason", &reason)
        members.member("verdict_age_seconds", &verdictAgeSeconds)
        members.member("check_seconds", &checkSeconds)
        members.member("needs_mending", &needsMending)
    }
}

/// The sorry server.
package struct SorryServerReport: JSONRecord, Hashable {
    package static let summary = "The server that is used while a virtual server has no quorum"
    package var address = ""
    package var port = 0
    package var forwarding = ""
    package var isUsed = false

    package init() {}
    package mutating func visit(_ members: inout some Members) {
        members.member("address", &address)
        members.member("port", &port)
        members.member("forwarding", &forwarding)
        members.member("used", &isUsed)
    }
}

extension ServicesReply {
    /// True if all services have their quorum and stand in the table, and each check that the file asks for is done.
    package var isWell: Bool {
        table.trouble == nil && unmadeChecks.isEmpty
            && services.allSatisfy { $0.state == "UP" && !$0.servers.contains(where: \.needsMending) }
    }
}
