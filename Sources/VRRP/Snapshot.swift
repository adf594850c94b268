import Base
import ConfigurationModel

/// The record of an instance, as `Node.saveChanges` gave it.
package struct InstanceRecord: Sendable {
    package var bytes: [UInt8]
    /// The time at which the next advertisement was due after those that have left since.
    package var nextAdvert: Instant?

    /// A record, and the last mark that followed it.
    package init(_ bytes: [UInt8], nextAdvert: Instant? = nil) {
        self.bytes = bytes
        self.nextAdvert = nextAdvert
    }
}

/// The state that a dead worker has left to its successor (docs/decisions, D12), and what the kernel has by now.
package struct NodeSnapshot: Sendable {
    /// Records of instances as `Node.saveChanges` gave them, oldest first; under which number doesn't matter, an
    /// instance is recognized by its identity.
    package var instances: [InstanceRecord]
    /// The record of the node itself.
    package var node: [UInt8]?
    /// The time until which a worker listened.
    package var heardUntil: Instant
    /// The last notification that hasupd has got.
    package var lastNotification: UInt64
    /// The dead worker's addresses, of the instances that may go on as MASTER (`StaleAddresses.staying`).
    package var ledger: [AddressRecord] = []

    /// A snapshot of these records.
    package init(instances: [InstanceRecord], node: [UInt8]?, heardUntil: Instant, lastNotification: UInt64) {
        self.instances = instances
        self.node = node
        self.heardUntil = heardUntil
        self.lastNotification = lastNotification
    }

    /// The instances of this configuration that were MASTER: their addresses stay where they are until it is decided
    /// whether they go on.
    package func masters(of model: ConfigurationModel) -> Set<InstanceID> {
        var records = byIdentity
        var found: Set<InstanceID> = []
        for (id, settings) in model.instances.enumerated() {
            let record = records[settings.identity.fingerprint]?.popLast()
            if let head = record.flatMap({ RecordHead($0.bytes) }), head.state == .master { found.insert(id) }
        }
        return found
    }

    /// Returns the time at which a MASTER of this configuration is silent for so long that a peer may have taken over, or
    /// another member of its sync group is; nil for an instance that wasn't MASTER, or whose record says what can't be. For who withdraws its addresses when
    /// there is no successor.
    package func masterDeadlines(of model: ConfigurationModel, at now: Instant) -> [InstanceID: Instant] {
        var records = byIdentity
        var found: [InstanceID: Instant] = [:]
        for (id, settings) in model.instances.enumerated() {
            guard let record = records[settings.identity.fingerprint]?.popLast(),
                let kept = VirtualRouter.DecodedRecord(record, id: id, settings: settings, at: now),
                kept.router.state == .master
            else { continue }
            found[id] = kept.router.peerTakeoverAt
        }
        for group in model.shared.syncGroups {
            let earliest = group.members.compactMap { found[$0] }.min()
            for member in group.members where found[member] != nil { found[member] = earliest }
        }
        return found
    }

    /// Records by the fingerprint of the instance's identity, the newest last.
    var byIdentity: [UInt64: [InstanceRecord]] {
        var found: [UInt64: [InstanceRecord]] = [:]
        for record in instances {
            guard let head = RecordHead(record.bytes) else { continue }
            found[head.fingerprint, default: []].append(record)
        }
        return found
    }
}

/// The number of instances by how they went on.
package struct Resumption: Hashable, Sendable {
    /// Went on as MASTER.
    package var masters = 0
    /// Went on as BACKUP or in FAULT.
    package var others = 0
    /// Were MASTER, but for too long nobody has advertised: BACKUP now.
    package var late = 0
    /// Weren't known, or their record couldn't be read.
    package var fresh = 0
}

extension NodeSnapshot {
    /// The form of the records, of the node and of instances.
    package static var formatVersion: Int { Int(RecordHead.version) }
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static var readableFormats: [Int] { RecordHead.readableVersions.map(Int.init) }
}

/// The beginning of an instance's record, whatever its settings are.
struct RecordHead {
    /// The form of records. A successor of the next version reads this one, too.
    static let version: UInt8 = 7
    static let readableVersions: [UInt8] = [7]

    var fingerprint: UInt64
    var state: RouterState

    init?(_ record: [UInt8]) {
        let head = record.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                return try RecordHead(from: &reader)
            }
        }
        guard case .success(let head) = head else { return nil }
        self = head
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        guard Self.readableVersions.contains(try reader.readUInt8()) else { throw .invalid }
        fingerprint = try reader.readUInt64()
        state = try reader.readState()
    }
}

extension InstanceIdentity {
    /// A number that stands for it in records. Two identities with one number would be taken for each other, which
    /// happens once in 2^64.
    var fingerprint: UInt64 {
        var hash = FNV1a()
        hash.add(interface.utf8)
        hash.add(0)
        hash.add(family.rawValue)
        hash.add(virtualRouterID)
        for address in [unicastSource, group] {
            hash.add(address == nil ? 0 : 1)
            hash.add(address?.bytes ?? [])
        }
        return hash.value
    }
}

extension ByteReader {
    /// A counter that can go on counting.
    mutating func readCount64() throws(ByteError) -> UInt64 {
        let value = try readCompact()
        guard value < 1 << 62 else { throw .invalid }
        return value
    }

    /// A point in time that can be calculated with, or `.never`.
    mutating func readMoment() throws(ByteError) -> Instant {
        let moment = try readInstant()
        guard moment == .never || moment.nanoseconds.magnitude < 1 << 61 else { throw .invalid }
        return moment
    }
}
