import Base
import VRRP
import Varlink

/// One tracked object.
package struct TrackerReport: JSONRecord, Hashable {
    package static let summary =
        "A tracked object; kind is one of script, file, process; state is one of UP, DOWN, VALUE, NONE"
    package var kind = ""
    package var name = ""
    /// `VALUE` for a file; `NONE` without a result.
    package var state = "NONE"
    /// The number in a file.
    package var value: Int?
    /// Time at which it came into its state; nil without a result.
    package var sinceUnixSeconds: Int?
    package var inStateSeconds: Double?
    /// Runs in a row that made the state.
    package var count = 0
    /// Runs in a row since then that speak against it: rise or fall of them change it.
    package var streak = 0
    /// The last observation, as `exit status 1`; empty for a success.
    package var lastResult = ""
    /// FILE_CHECKs of real servers that use it.
    package var fileChecks = 0

    /// Nothing.
    package init() {}

    package mutating func visit(_ members: inout some Members) {
        members.member("kind", &kind)
        members.member("name", &name)
        members.member("state", &state)
        members.member("value", &value)
        members.member("since_unix_seconds", &sinceUnixSeconds)
        members.member("in_state_seconds", &inStateSeconds)
        members.member("count", &count)
        members.member("streak", &streak)
        members.member("last_result", &lastResult)
        members.member("file_checks", &fileChecks)
    }
}

/// The effect of a tracked object on an instance.
package struct TrackerUseReport: JSONRecord, Hashable {
    package static let summary = "An entry of a virtual router's trackers; weight 0: a failure is a fault"
    package var kind = ""
    package var name = ""
    package var weight = 0
    package var reverse = false

    /// Nothing.
    package init() {}
    package init(_ kind: String, _ name: String, weight: Int, reverse: Bool) {
        self.kind = kind
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }

    package mutating func visit(_ members: inout some Members) {
        members.member("kind", &kind)
        members.member("name", &name)
        members.member("weight", &weight)
        members.member("reverse", &reverse)
    }
}
