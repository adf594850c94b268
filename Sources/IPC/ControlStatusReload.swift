/// A reload that was refused.
public struct RefusedReload: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "The last reload, when it was refused"
    /// When it was.
    public var unixSeconds = 0
    /// How long ago it was.
    public var agoSeconds = 0.0
    /// Why.
    public var reason = ""

    /// None.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("unix_seconds", &unixSeconds)
        members.member("ago_seconds", &agoSeconds)
        members.member("reason", &reason)
    }
}

/// The next reload of a reload_time_file.
public struct ScheduledReloadReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary = "The next reload that a reload_time_file asks for"
    /// When it is.
    public var unixSeconds = 0
    /// How long it is until then.
    public var inSeconds = 0.0

    /// None.
    public init() {}

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("unix_seconds", &unixSeconds)
        members.member("in_seconds", &inSeconds)
    }
}
