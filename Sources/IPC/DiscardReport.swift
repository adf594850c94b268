/// The last advertisement of another router that was thrown away.
public struct DiscardReport: JSONRecord, Hashable {
    /// For the interface's text.
    public static let summary =
        "The last advert that was thrown away; recent: within three master-down intervals"
    /// For programs: the counter's name.
    public var reason = ""
    /// For people: a clause.
    public var text = ""
    /// Who sent it.
    public var source = ""
    /// How long ago it came.
    public var agoSeconds = 0.0
    /// Whether it came within three master-down intervals.
    public var recent = false

    /// None.
    public init() {}
    /// A packet.
    public init(reason: String, text: String, source: String, agoSeconds: Double, recent: Bool) {
        self.reason = reason
        self.text = text
        self.source = source
        self.agoSeconds = agoSeconds
        self.recent = recent
    }

    /// The members in their order.
    public mutating func visit(_ members: inout some JSONMembers) {
        members.member("reason", &reason)
        members.member("text", &text)
        members.member("source", &source)
        members.member("ago_seconds", &agoSeconds)
        members.member("recent", &recent)
    }
}
