import Base

/// Which instances have changed since they were last saved: each once.
struct ChangedInstances: Sendable {
    private(set) var list: [InstanceID] = []
    private var isListed: [Bool] = []
    /// Whether the node's own record has.
    var isNodeChanged = true

    mutating func add(_ id: InstanceID) {
        if id >= isListed.count {
            isListed.append(contentsOf: repeatElement(false, count: id + 1 - isListed.count))
        }
        guard !isListed[id] else { return }
        isListed[id] = true
        list.append(id)
    }

    mutating func addAll(_ count: Int) {
        isNodeChanged = true
        for id in 0..<count { add(id) }
    }

    mutating func removeAll() {
        for id in list { isListed[id] = false }
        list.removeAll(keepingCapacity: list.capacity <= 512)
        isNodeChanged = false
    }
}

extension Node {
    /// Gives the records of everything that has changed since the last call: number 0 is the node's own, an instance's is
    /// one more than its number. Whoever keeps them can give them to `Event.resume`.
    public mutating func saveChanges(with writer: inout ByteWriter, _ save: (Int, [UInt8]) -> Void) {
        if changed.isNodeChanged {
            writer.bytes.removeAll(keepingCapacity: true)
            encodeNode(into: &writer)
            save(0, writer.bytes)
        }
        for id in changed.list where id < routers.count {
            routers[id].encode(context, into: &writer)
            save(id + 1, writer.bytes)
        }
        changed.removeAll()
    }

    private func encodeNode(into writer: inout ByteWriter) {
        writer.write(RecordHead.version)
        writer.write(context.startsAt.nanoseconds == .min ? 0 : context.startsAt.nanoseconds)
        writer.write(nextDiscardTold.nanoseconds == .min ? 0 : nextDiscardTold.nanoseconds)
        let counted = discardedWithoutInstance.enumerated().filter { $0.element > 0 }
        writer.write(UInt8(counted.count))
        for (number, count) in counted {
            writer.write(UInt8(number))
            writer.write(compact: count)
        }
    }

    /// Takes over the node's own record, if it can be read.
    mutating func resumeNode(_ snapshot: NodeSnapshot, at now: Instant) {
        let read = (snapshot.node ?? []).withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                guard try reader.readUInt8() == RecordHead.version else { throw ByteError.invalid }
                let startsAt = try reader.readMoment()
                let nextTold = try reader.readMoment()
                var counts: [Int: UInt64] = [:]
                for _ in 0..<(try reader.readUInt8()) {
                    let number = Int(try reader.readUInt8())
                    guard number < DiscardReason.allCases.count else { throw .invalid }
                    counts[number] = try reader.readCount64()
                }
                try reader.finish()
                return (startsAt, nextTold, counts)
            }
        }
        guard case .success(let (startsAt, nextTold, counts)) = read else { return }
        // The delay runs from the first start, and never for longer than now configured.
        context.startsAt = min(context.startsAt, startsAt.nanoseconds == 0 ? Instant(nanoseconds: .min) : startsAt)
        nextDiscardTold = min(nextTold, now + .seconds(1))
        for (number, count) in counts { discardedWithoutInstance[number] = count }
    }
}
