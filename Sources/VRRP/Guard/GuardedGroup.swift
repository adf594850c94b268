import Base
import ConfigurationModel
import Varlink

/// The reason that a guarded group of virtual routers doesn't become MASTER, though its timer is over (docs/decisions, D108).
package struct GuardHold: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// The node is heard, and is MASTER.
        case masterAlive = 0
        /// The node isn't MASTER any more, and its kernel has the addresses still.
        case addressStillThere
        /// The node is heard, and hasn't agreed yet.
        case awaitsAssent
        /// The node is silent, and not for long enough.
        case silence
        /// The node hasn't been heard since our start.
        case neverHeard
        /// The node isn't MASTER any more, and its release isn't over: its addresses, or its release script.
        case peerRelease
        /// Our own release isn't over.
        case ownRelease
        /// Our own release script was killed, or couldn't be started.
        case notReleased
    }

    package var kind: Kind
    /// The other node's name.
    package var node: String
    /// The name of the path by which it was heard last.
    package var path: String?
    /// The end of the waiting, if nothing happens; `.never` if something must.
    package var until: Instant

    package init(_ kind: Kind, node: String, path: String? = nil, until: Instant = .never) {
        self.kind = kind
        self.node = node
        self.path = path
        self.until = until
    }

    /// True if the two say the same, but for the time.
    func isLike(_ other: GuardHold?) -> Bool { other?.kind == kind && other?.node == node }
}

/// The reason that a guarded MASTER has let go.
package enum GuardRelease: Hashable, Sendable {
    /// The other node has asked for a hand-over.
    case handOver(node: String)
    /// The other node is MASTER, too, and its claim goes before ours (docs/decisions, D110).
    case secondMaster(node: String)
}

/// An instance, or the members of a sync group, about which the cluster decides as one.
struct GuardedGroup: Hashable, Sendable {
    let name: String
    /// Its instances in the running configuration; empty if the name isn't in it.
    var members: [Int]
    /// One more than the highest that was seen when it became MASTER last.
    var epoch: UInt64 = 0
    /// True of a MASTER to whose claim the others have agreed.
    var isProved = false
    /// The number of the claim under way, 0 for none.
    var claim: UInt64 = 0
    /// True if the claim asks a living master of a lower priority to hand over.
    var asksForHandOver = false
    /// The claim of another node that this one has agreed to.
    var assent: (node: Int, claim: UInt64)?
    var hold: GuardHold?
    /// True if it was MASTER when it was looked at last.
    var wasMaster = false
    /// Its release since.
    var release = GroupRelease()

    init(name: String, members: [Int]) {
        self.name = name
        self.members = members
    }

    static func == (left: GuardedGroup, right: GuardedGroup) -> Bool {
        left.name == right.name && left.members == right.members && left.epoch == right.epoch
            && left.isProved == right.isProved && left.claim == right.claim && left.hold == right.hold
            && left.asksForHandOver == right.asksForHandOver && left.assent?.node == right.assent?.node
            && left.assent?.claim == right.assent?.claim && left.release == right.release
    }

    func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension GuardHold: ByteCoded {
    package func encode(into writer: inout ByteWriter) {
        writer.write(kind.rawValue)
        writer.write(text: node)
        writer.write(optional: path) { $0.write(text: $1) }
        writer.write(until.nanoseconds)
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        kind = try reader.readCase(Kind.self)
        node = try reader.readText()
        path = try reader.readOptional { reader throws(ByteError) in try reader.readText() }
        until = try reader.readMoment()
    }
}

extension GuardRelease: ByteCoded {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .handOver(let node):
            writer.write(UInt8(0))
            writer.write(text: node)
        case .secondMaster(let node):
            writer.write(UInt8(1))
            writer.write(text: node)
        }
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .handOver(node: try reader.readText())
        case 1: self = .secondMaster(node: try reader.readText())
        default: throw .invalid
        }
    }
}
