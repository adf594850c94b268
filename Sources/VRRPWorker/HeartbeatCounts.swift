import Base

/// The reason that a frame of a heartbeat path isn't given to the core.
enum FrameRefusal: UInt8, Error, CaseIterable {
    /// Too short or too long.
    case length
    /// Another cluster's: two have the same addresses and ports.
    case cluster
    /// No key of ours has signed it.
    case authentication
    /// Signed, and not a heartbeat of a form that is known.
    case form
    /// Another node's than the one at the other end.
    case node
    /// Of a path with another name.
    case path

    /// The reason as it continues "heartbeats were refused: ".
    var text: String {
        switch self {
        case .length: "they have another length"
        case .cluster: "they are another cluster's, which uses the same addresses and port"
        case .authentication: "no key of this node has signed them. Do all nodes have the same key file?"
        case .form: "they have a form that isn't known. Do all nodes have the same version of hasup?"
        case .node: "they are another node's. Do all nodes have the same cluster block?"
        case .path: "they are another path's. Do all nodes have the same cluster block?"
        }
    }
}

/// The counters of one heartbeat path of this node.
struct HeartbeatCounts {
    private(set) var received: UInt64 = 0
    private(set) var refused = [UInt64](repeating: 0, count: FrameRefusal.allCases.count)
    private(set) var sent: UInt64 = 0
    /// Frames that couldn't leave, or of which the network said that nobody took them.
    private(set) var unsent: UInt64 = 0
    /// The error number of the last one of those.
    private(set) var lastError: Int32 = 0
    private var reports: [UInt8: RateLimit] = [:]

    mutating func noteReceived() { received += 1 }
    mutating func noteSent() { sent += 1 }

    mutating func note(error: Int32) {
        unsent += 1
        lastError = error
    }

    /// Counts a refused frame. Returns the sum when the log should say it: once a minute for each reason.
    mutating func note(_ refusal: FrameRefusal, at now: Instant) -> UInt64? {
        refused[Int(refusal.rawValue)] += 1
        return reports[refusal.rawValue, default: RateLimit(period: .seconds(60))].admits(at: now)
            ? refused[Int(refusal.rawValue)] : nil
    }
}
