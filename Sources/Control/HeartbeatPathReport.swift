import Base
import VRRP
import Varlink

/// One heartbeat path of this node. Counters begin with the worker.
package struct HeartbeatPathReport: JSONRecord, Hashable {
    package static let summary = "One heartbeat path of this node; its counters begin with the VRRP worker"
    package var cluster = ""
    package var path = ""
    package var sent = 0
    /// Frames that couldn't be sent, or of which the network has said that nobody took them.
    package var errors = 0
    /// The text of the last error; nil without one.
    package var lastError: String?
    /// Frames that were right.
    package var received = 0
    /// Refused frames by reason; those that aren't 0.
    package var refused = NamedCounts()

    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("cluster", &cluster)
        members.member("path", &path)
        members.member("sent", &sent)
        members.member("errors", &errors)
        members.member("last_error", &lastError)
        members.member("received", &received)
        members.member("refused", &refused)
    }
}
