import Base
import ConfigurationModel
import Wire

/// The reason that an authentic heartbeat changes nothing.
package enum HeartbeatRefusal: UInt8, Hashable, Sendable, CaseIterable {
    /// Its number isn't higher than that of the last one of its path: it was repeated, or the network has reordered it.
    case repeated = 0
    /// Its sender has started anew, and hasn't shown yet that it hears us: it may be of an earlier start.
    case unproved

    package var name: String {
        switch self {
        case .repeated: "repeated"
        case .unproved: "unproved"
        }
    }
}

/// Evidence about a path to another node.
struct HeartbeatPathEvidence: Hashable, Sendable {
    var nonce: UInt64 = 0
    var sequence: UInt64 = 0
    var lastHeard: Instant?
    var received: UInt64 = 0
    /// Numbers that were left out between those that were received.
    var missed: UInt64 = 0
    /// Refused ones, by `HeartbeatRefusal`.
    var refused = [UInt64](repeating: 0, count: HeartbeatRefusal.allCases.count)
    /// From sending a frame to the arrival of its echo, without the time that the peer held it.
    var roundTrip: Interval?
}

/// Evidence about another node of the cluster (docs/decisions, D106).
struct GuardPeer: Hashable, Sendable {
    /// The boot nonce whose frames count.
    var nonce: UInt64?
    /// The number of its newest frame that counts.
    var sequence: UInt64 = 0
    /// The arrival of that frame: it says that the node lives. Nil if it hasn't been heard since our start.
    var lifeSignAt: Instant?
    /// The time at which the newest of our frames that came back was sent.
    var echoedAt: Instant?
    /// True if it has said goodbye, and hasn't been heard since.
    var isOff = false
    /// True if it hears our advertisements.
    var hearsAdverts = false
    var standings: [GroupStanding] = []
    /// The longest time for which it may stay MASTER without hearing us.
    var stayBound = Interval.zero
    var settingsDigest: UInt32?
    /// Its newest answer of a reference address, as its last frame says.
    var references = ReferenceAge.notConfigured
    /// By the place of our own path.
    var paths: [HeartbeatPathEvidence]
    /// The frame that our next one echoes: the newest of its boot, or of a boot that hasn't shown yet that it hears us.
    var newest: (nonce: UInt64, sequence: UInt64, at: Instant)?

    /// True if it was last reported as heard.
    var isReportedHeard = false

    init(pathCount: Int) { paths = Array(repeating: HeartbeatPathEvidence(), count: pathCount) }

    /// True if it was heard within this time.
    func isHeard(within silence: Interval, at now: Instant) -> Bool {
        guard !isOff, let lifeSignAt else { return false }
        return now - lifeSignAt < silence
    }

    /// True if it hears us: a frame of ours that was sent within this time has come back.
    func hearsUs(within silence: Interval, at now: Instant) -> Bool {
        echoedAt.map { now - $0 < silence } ?? false
    }

    func standing(of group: Int) -> GroupStanding? { standings.first { $0.group == group } }

    /// The same node in another configuration.
    ///
    /// - Parameter pathCount: nil if the numbers of nodes, groups and paths are the same as before.
    func moved(_ pathCount: Int?) -> GuardPeer {
        guard let pathCount else { return self }
        var peer = self
        peer.paths = Array(repeating: HeartbeatPathEvidence(), count: pathCount)
        // What it says of groups is to be said anew.
        peer.standings = []
        return peer
    }

    static func == (left: GuardPeer, right: GuardPeer) -> Bool {
        left.nonce == right.nonce && left.sequence == right.sequence && left.lifeSignAt == right.lifeSignAt
            && left.echoedAt == right.echoedAt && left.isOff == right.isOff && left.standings == right.standings
            && left.paths == right.paths
    }

    func hash(into hasher: inout Hasher) { hasher.combine(sequence) }

    /// Takes in an authentic frame.
    ///
    /// - Parameter echoSentAt: when the frame of ours was sent that it echoes; nil if it echoes none that is known.
    /// - Returns: why it changes nothing; nil if it does.
    mutating func take(
        _ frame: Heartbeat, path: Int, echoSentAt: Instant?, own: Int, timeout: Interval, at now: Instant
    ) -> HeartbeatRefusal? {
        let echo = frame.echoes.first { $0.node == own }
        if paths[path].nonce == frame.nonce, frame.sequence <= paths[path].sequence { return .repeated }
        if frame.nonce != nonce {
            // D106 (1): a new boot counts from the first frame that echoes a young one of ours. What was sent before, in
            // another life, can't.
            guard let echoSentAt, now - echoSentAt < timeout else {
                if !isHeard(within: timeout, at: now) { newest = (frame.nonce, frame.sequence, now) }
                return .unproved
            }
            nonce = frame.nonce
            sequence = 0
        }
        note(frame, path: path, echoSentAt: echoSentAt, held: echo?.held ?? .zero, at: now)
        if let echoSentAt { echoedAt = max(echoedAt ?? echoSentAt, echoSentAt) }
        // The same one by another path, or an older one by a slow path: the node lives, and nothing is new.
        guard frame.sequence > sequence else { return nil }
        sequence = frame.sequence
        lifeSignAt = now
        newest = (frame.nonce, frame.sequence, now)
        isOff = echo?.isGoodbye ?? false
        hearsAdverts = echo?.hearsAdverts ?? false
        standings = frame.standings
        stayBound = frame.stayBound
        settingsDigest = frame.settings
        references = frame.references
        return nil
    }

    private mutating func note(
        _ frame: Heartbeat, path: Int, echoSentAt: Instant?, held: Interval, at now: Instant
    ) {
        let isSameBoot = paths[path].nonce == frame.nonce
        // A node in strange hands may send any number.
        if isSameBoot { paths[path].missed &+= frame.sequence - paths[path].sequence - 1 }
        paths[path].nonce = frame.nonce
        paths[path].sequence = frame.sequence
        paths[path].lastHeard = now
        paths[path].received += 1
        if let echoSentAt { paths[path].roundTrip = max(.zero, now - echoSentAt - held) }
    }
}
