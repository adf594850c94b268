import Base

/// The reason bytes are no heartbeat.
package enum HeartbeatError: Error, Hashable, Sendable {
    /// Shorter or longer than its counts say.
    case length
    /// The first two bytes aren't "HU".
    case magic
    case version
    /// Not a beat.
    case kind
    /// More echoes or standings than a cluster has nodes or groups.
    case counts
    /// A node, group or state that can't be, or one that is there twice.
    case value
}

/// The use of a frame. Each has a key of its own.
package enum HeartbeatKind: UInt8, Hashable, Sendable, CaseIterable {
    case beat = 1
    case lockRequest = 2
    case lockAnswer = 3
}

/// The newest answer of a reference address, as a node tells its peers.
package enum ReferenceAge: Hashable, Sendable {
    case notConfigured
    case lost
    /// The time since the request that was answered last: whole milliseconds on the wire, so up to one more.
    case answered(age: Interval)
}

/// A heartbeat (docs/decisions, D103): a node's word about itself, sent on each path, before it is signed.
package struct Heartbeat: Hashable, Sendable {
    static let magic: UInt16 = 0x4855
    static let version: UInt8 = 1
    package static let headLength = 40
    private static let clusterOffset = 4
    /// The place of the path, which differs between frames that are otherwise the same.
    package static let pathOffset = 9
    static let echoLength = 24
    static let standingLength = 24
    /// HMAC-SHA-256, its first half.
    package static let signatureLength = 16
    package static let nodesMax = 8
    package static let groupsMax = 48
    /// A frame with its signature.
    package static let bytesMax = 1_400

    package var kind: HeartbeatKind
    /// The key by which it is signed, 0 to 15.
    package var keyNumber: UInt8
    /// The cluster's tag.
    package var cluster: UInt32
    /// The sender's place among the cluster's nodes.
    package var sender: UInt8
    /// The path's place among the cluster's paths.
    package var path: UInt8
    /// A random number of the sender's start: sequences count anew with it.
    package var nonce: UInt64
    package var sequence: UInt64
    /// The longest time for which the sender stays MASTER unheard. Whole milliseconds on the wire, rounded up.
    package var stayBound: Interval
    /// A digest of the settings that all nodes must have in common.
    package var settings: UInt32
    package var references: ReferenceAge
    package var echoes: [HeartbeatEcho]
    package var standings: [GroupStanding]

    package init(
        kind: HeartbeatKind = .beat, keyNumber: UInt8 = 0, cluster: UInt32, sender: UInt8, path: UInt8, nonce: UInt64,
        sequence: UInt64, stayBound: Interval, settings: UInt32, references: ReferenceAge, echoes: [HeartbeatEcho],
        standings: [GroupStanding]
    ) {
        self.kind = kind
        self.keyNumber = keyNumber
        self.cluster = cluster
        self.sender = sender
        self.path = path
        self.nonce = nonce
        self.sequence = sequence
        self.stayBound = stayBound
        self.settings = settings
        self.references = references
        self.echoes = echoes
        self.standings = standings
    }

    /// Appends the frame without its signature. Echoes and standings beyond the limits are left out.
    package func encode(into writer: inout ByteWriter) {
        let echoes = echoes.prefix(Self.nodesMax)
        let standings = standings.prefix(Self.groupsMax)
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(kind.rawValue << 4 | keyNumber & 0xf)
        writer.write(cluster)
        writer.write(sender)
        writer.write(path)
        writer.write(UInt8(echoes.count))
        writer.write(UInt8(standings.count))
        writer.write(nonce)
        writer.write(sequence)
        writer.write(stayBound.units(of: 1_000_000, roundedUp: true))
        writer.write(settings)
        writer.write(references.wireValue)
        for echo in echoes { echo.encode(into: &writer) }
        for standing in standings { standing.encode(into: &writer) }
    }

    /// The tag of a frame's cluster, before anything else is known of it; nil when there are too few bytes.
    package static func cluster(of bytes: UnsafeRawBufferPointer) -> UInt32? {
        guard bytes.count >= headLength else { return nil }
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: clusterOffset, as: UInt32.self))
    }

    /// Reads a beat without its signature. - Throws: `HeartbeatError`.
    package init(_ bytes: UnsafeRawBufferPointer) throws(HeartbeatError) {
        guard bytes.count >= Self.headLength else { throw .length }
        var reader = ByteReader(bytes)
        do {
            guard try reader.readUInt16() == Self.magic else { throw HeartbeatError.magic }
            guard try reader.readUInt8() == Self.version else { throw HeartbeatError.version }
            let kindAndKey = try reader.readUInt8()
            guard let kind = HeartbeatKind(rawValue: kindAndKey >> 4), kind == .beat else { throw HeartbeatError.kind }
            self.kind = kind
            keyNumber = kindAndKey & 0xf
            cluster = try reader.readUInt32()
            sender = try reader.readNode()
            path = try reader.readUInt8()
            let echoCount = Int(try reader.readUInt8())
            let standingCount = Int(try reader.readUInt8())
            guard echoCount <= Self.nodesMax, standingCount <= Self.groupsMax else { throw HeartbeatError.counts }
            let rest = echoCount * Self.echoLength + standingCount * Self.standingLength
            guard bytes.count == Self.headLength + rest else { throw HeartbeatError.length }
            nonce = try reader.readUInt64()
            sequence = try reader.readUInt64()
            stayBound = .milliseconds(Int64(try reader.readUInt32()))
            settings = try reader.readUInt32()
            references = ReferenceAge(wireValue: try reader.readUInt32())
            echoes = try reader.readEchoes(echoCount)
            standings = try reader.readStandings(standingCount)
        } catch let error as HeartbeatError {
            throw error
        } catch {
            throw .length
        }
    }
}

/// A node's statement about the newest frame of another one.
package struct HeartbeatEcho: Hashable, Sendable {
    /// The node whose frame it is.
    package var node: UInt8
    /// True if the sender hears the node's VRRP advertisements.
    package var hearsAdverts: Bool
    /// True if the sender says goodbye: it ends, and silence from now on is no fault.
    package var isGoodbye: Bool
    /// The time since that frame came. Whole microseconds on the wire, rounded down.
    package var held: Interval
    package var nonce: UInt64
    package var sequence: UInt64

    private static let hearsAdvertsBit: UInt8 = 1
    private static let goodbyeBit: UInt8 = 2

    package init(
        node: UInt8, hearsAdverts: Bool, isGoodbye: Bool, held: Interval, nonce: UInt64, sequence: UInt64
    ) {
        self.node = node
        self.hearsAdverts = hearsAdverts
        self.isGoodbye = isGoodbye
        self.held = held
        self.nonce = nonce
        self.sequence = sequence
    }

    fileprivate func encode(into writer: inout ByteWriter) {
        writer.write(node)
        writer.write((hearsAdverts ? Self.hearsAdvertsBit : 0) | (isGoodbye ? Self.goodbyeBit : 0))
        writer.write(UInt16(0))
        writer.write(held.units(of: 1_000, roundedUp: false))
        writer.write(nonce)
        writer.write(sequence)
    }

    fileprivate init(from reader: inout ByteReader) throws {
        node = try reader.readNode()
        let flags = try reader.readUInt8()
        hearsAdverts = flags & Self.hearsAdvertsBit != 0
        isGoodbye = flags & Self.goodbyeBit != 0
        _ = try reader.readUInt16()
        held = .microseconds(Int64(try reader.readUInt32()))
        nonce = try reader.readUInt64()
        sequence = try reader.readUInt64()
    }
}

package struct GroupFlags: OptionSet, Hashable, Sendable {
    package var rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let ready = GroupFlags(rawValue: 1)
    package static let asksForHandOver = GroupFlags(rawValue: 2)
    package static let claims = GroupFlags(rawValue: 4)
    package static let isProved = GroupFlags(rawValue: 8)
    package static let holdsLock = GroupFlags(rawValue: 16)
    package static let addressIsThere = GroupFlags(rawValue: 32)
    fileprivate static let known: GroupFlags = [
        .ready, .asksForHandOver, .claims, .isProved, .holdsLock, .addressIsThere,
    ]
}

/// A node's statement about one guarded group: an instance or a sync group.
package struct GroupStanding: Hashable, Sendable {
    /// The group's place among the cluster's guarded ones.
    package var group: UInt8
    /// 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.
    package var state: UInt8
    package var flags: GroupFlags
    package var priority: UInt8
    /// The node whose claim the sender assents to.
    package var assentsTo: UInt8?
    package var epoch: UInt64
    /// The number of the sender's own claim.
    package var claim: UInt64

    private static let nobody: UInt8 = 0xff
    private static let lastState: UInt8 = 3

    package init(
        group: UInt8, state: UInt8, flags: GroupFlags, priority: UInt8, assentsTo: UInt8?, epoch: UInt64, claim: UInt64
    ) {
        self.group = group
        self.state = state
        self.flags = flags
        self.priority = priority
        self.assentsTo = assentsTo
        self.epoch = epoch
        self.claim = claim
    }

    fileprivate func encode(into writer: inout ByteWriter) {
        writer.write(UInt16(group))
        writer.write(state)
        writer.write(flags.rawValue)
        writer.write(priority)
        writer.write(assentsTo ?? Self.nobody)
        writer.write(UInt16(0))
        writer.write(epoch)
        writer.write(claim)
    }

    fileprivate init(from reader: inout ByteReader) throws {
        let number = try reader.readUInt16()
        guard number < Heartbeat.groupsMax else { throw HeartbeatError.value }
        group = UInt8(number)
        state = try reader.readUInt8()
        guard state <= Self.lastState else { throw HeartbeatError.value }
        flags = GroupFlags(rawValue: try reader.readUInt8()).intersection(.known)
        priority = try reader.readUInt8()
        let assent = try reader.readUInt8()
        guard assent == Self.nobody || assent < Heartbeat.nodesMax else { throw HeartbeatError.value }
        assentsTo = assent == Self.nobody ? nil : assent
        _ = try reader.readUInt16()
        epoch = try reader.readUInt64()
        claim = try reader.readUInt64()
    }
}

extension ReferenceAge {
    private static let notConfiguredValue = UInt32.max
    private static let lostValue = UInt32.max - 1

    fileprivate var wireValue: UInt32 {
        switch self {
        case .notConfigured: Self.notConfiguredValue
        case .lost: Self.lostValue
        case .answered(let age): min(age.units(of: 1_000_000, roundedUp: false), Self.lostValue - 1)
        }
    }

    fileprivate init(wireValue: UInt32) {
        switch wireValue {
        case Self.notConfiguredValue: self = .notConfigured
        case Self.lostValue: self = .lost
        default: self = .answered(age: .milliseconds(Int64(wireValue)))
        }
    }
}

extension Interval {
    /// The length in units of so many nanoseconds, at least 0 and at most what four bytes hold.
    fileprivate func units(of unit: Int64, roundedUp: Bool) -> UInt32 {
        guard nanoseconds > 0 else { return 0 }
        let whole = nanoseconds / unit
        return UInt32(clamping: roundedUp && nanoseconds % unit > 0 ? whole + 1 : whole)
    }
}

extension ByteReader {
    fileprivate mutating func readNode() throws -> UInt8 {
        let node = try readUInt8()
        guard node < Heartbeat.nodesMax else { throw HeartbeatError.value }
        return node
    }

    /// Each node once.
    fileprivate mutating func readEchoes(_ count: Int) throws -> [HeartbeatEcho] {
        var echoes: [HeartbeatEcho] = []
        echoes.reserveCapacity(count)
        var seen: UInt64 = 0
        for _ in 0..<count {
            let echo = try HeartbeatEcho(from: &self)
            guard seen & (1 << UInt64(echo.node)) == 0 else { throw HeartbeatError.value }
            seen |= 1 << UInt64(echo.node)
            echoes.append(echo)
        }
        return echoes
    }

    /// Each group once.
    fileprivate mutating func readStandings(_ count: Int) throws -> [GroupStanding] {
        var standings: [GroupStanding] = []
        standings.reserveCapacity(count)
        var seen: UInt64 = 0
        for _ in 0..<count {
            let standing = try GroupStanding(from: &self)
            guard seen & (1 << UInt64(standing.group)) == 0 else { throw HeartbeatError.value }
            seen |= 1 << UInt64(standing.group)
            standings.append(standing)
        }
        return standings
    }
}
