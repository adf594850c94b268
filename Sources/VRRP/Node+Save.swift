import Base

/// The instances that have changed since they were last saved, each once.
struct ChangedInstances: Sendable {
    private(set) var list: [InstanceID] = []
    /// Those of which nothing but an advertisement on time is to be saved; some may be in the other list by now.
    private(set) var advertised: [InstanceID] = []
    private var changes: [Change] = []
    /// True if the node's own record has changed.
    var isNodeChanged = true

    private enum Change: UInt8 {
        case none
        case advertised
        case changed
    }

    mutating func add(_ id: InstanceID) {
        grow(to: id)
        guard changes[id] != .changed else { return }
        changes[id] = .changed
        list.append(id)
    }

    mutating func addAdvertised(_ id: InstanceID) {
        grow(to: id)
        guard changes[id] == .none else { return }
        changes[id] = .advertised
        advertised.append(id)
    }

    func hasOnlyAdvertised(_ id: InstanceID) -> Bool { changes[id] == .advertised }

    private mutating func grow(to id: InstanceID) {
        guard id >= changes.count else { return }
        changes.append(contentsOf: repeatElement(.none, count: id + 1 - changes.count))
    }

    mutating func addAll(_ count: Int) {
        isNodeChanged = true
        for id in 0..<count { add(id) }
    }

    mutating func removeAll() {
        for id in list { changes[id] = .none }
        for id in advertised { changes[id] = .none }
        list.removeAll(keepingCapacity: list.capacity <= 512)
        advertised.removeAll(keepingCapacity: advertised.capacity <= 512)
        isNodeChanged = false
    }
}

extension Node {
    /// Gives the records of everything that has changed since the last call: number 0 is the node's own, an instance's
    /// is one more than its number. Whoever keeps them can give them to `Event.resume`.
    ///
    /// - Parameter mark: an instance has done nothing but advertise on time since its record was given: when its next
    ///   advertisement is due is all that is new, and is kept beside the record until that is given anew.
    package mutating func saveChanges(
        with writer: inout ByteWriter, _ save: (Int, [UInt8]) -> Void, mark: (Int, Instant) -> Void
    ) {
        if changed.isNodeChanged {
            writer.bytes.removeAll(keepingCapacity: true)
            encodeNode(into: &writer)
            save(0, writer.bytes)
        }
        for id in changed.list where id < routers.count {
            routers[id].encode(context, into: &writer)
            save(id + 1, writer.bytes)
        }
        for id in changed.advertised where id < routers.count && changed.hasOnlyAdvertised(id) {
            mark(id + 1, routers[id].advertDueAt)
        }
        changed.removeAll()
    }

    /// Gives what has changed in the ledger since the last call, by place in its memory file; nil ends an entry. To be
    /// kept before the actions of the same call are done.
    package mutating func saveLedger(_ save: (Int, AddressRecord?) -> Void) { context.ledger.saveChanges(save) }

    private func encodeNode(into writer: inout ByteWriter) {
        writer.write(RecordHead.version)
        writer.write(context.startsAt.nanoseconds == .min ? 0 : context.startsAt.nanoseconds)
        discardReports.encode(into: &writer)
        let counted = discardedWithoutInstance.enumerated().filter { $0.element > 0 }
        writer.write(UInt8(counted.count))
        for (number, count) in counted {
            writer.write(UInt8(number))
            writer.write(compact: count)
        }
        KeptGuards(context.guards.clusters)?.encode(into: &writer, limit: VirtualRouter.recordMax)
    }

    /// Takes over the node's own record, if it can be read.
    mutating func resumeNode(_ snapshot: NodeSnapshot, at now: Instant) {
        let read = (snapshot.node ?? []).withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                guard RecordHead.readableVersions.contains(try reader.readUInt8()) else { throw ByteError.invalid }
                let startsAt = try reader.readMoment()
                let discardReports = try DiscardReportLimit(from: &reader)
                var counts: [Int: UInt64] = [:]
                for _ in 0..<(try reader.readUInt8()) {
                    let number = Int(try reader.readUInt8())
                    guard number < DiscardReason.allCases.count else { throw .invalid }
                    counts[number] = try reader.readCount64()
                }
                let guards = reader.remaining > 0 ? try KeptGuards(from: &reader) : nil
                return (startsAt, discardReports, counts, guards)
            }
        }
        guard case .success(let (startsAt, discardReports, counts, guards)) = read else { return }
        context.guards.kept = guards
        // The delay runs from the first start, and never for longer than now configured.
        context.startsAt = min(context.startsAt, startsAt.nanoseconds == 0 ? Instant(nanoseconds: .min) : startsAt)
        self.discardReports = discardReports
        self.discardReports.bound(at: now)
        for (number, count) in counts { discardedWithoutInstance[number] = count }
    }
}
