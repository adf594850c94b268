import Varlink

/// The last advertisement of another router that was thrown away.
package struct DiscardReport: JSONRecord, Hashable {
    package static let summary =
        "The last advert that was thrown away; recent: within three master-down intervals"
    /// For programs: the counter's name.
    package var reason = ""
    /// For people: a clause.
    package var text = ""
    /// Who sent it.
    package var source = ""
    /// How long ago it came.
    package var agoSeconds = 0.0
    /// Whether it came within three master-down intervals.
    package var recent = false

    package init() {}
    /// A packet.
    package init(reason: String, text: String, source: String, agoSeconds: Double, recent: Bool) {
        self.reason = reason
        self.text = text
        self.source = source
        self.agoSeconds = agoSeconds
        self.recent = recent
    }

    package mutating func visit(_ members: inout some JSONMembers) {
        members.member("reason", &reason)
        members.member("text", &text)
        members.member("source", &source)
        members.member("ago_seconds", &agoSeconds)
        members.member("recent", &recent)
    }
}
