import Varlink

/// A reload that was refused.
package struct RefusedReload: JSONRecord, Hashable {
    package static let summary = "The last reload, when it was refused"
    /// When it was.
    package var unixSeconds = 0
    /// How long ago it was.
    package var agoSeconds = 0.0
    package var reason = ""

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("unix_seconds", &unixSeconds)
        members.member("ago_seconds", &agoSeconds)
        members.member("reason", &reason)
    }
}

/// The next reload of a reload_time_file.
package struct ScheduledReloadReport: JSONRecord, Hashable {
    package static let summary = "The next reload that a reload_time_file asks for"
    /// When it is.
    package var unixSeconds = 0
    /// How long it is until then.
    package var inSeconds = 0.0

    package init() {}

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("unix_seconds", &unixSeconds)
        members.member("in_seconds", &inSeconds)
    }
}
