import Base

// How status crosses a process boundary (see Encoding.swift).

/// Faults of one instance.
private let faultsMax = 256

extension InstanceStatus {
    package func encode(into writer: inout ByteWriter) {
        writer.write(since.nanoseconds)
        writer.write(priority.rawValue)
        writer.write(advertInterval.nanoseconds)
        writer.write(state.rawValue)
        writer.write(optional: master) { $0.write(tagged: $1) }
        writer.write(optional: masterPriority) { $0.write($1.rawValue) }
        writer.write(optional: lastAdvertReceived) { $0.write($1.nanoseconds) }
        writer.write(optional: takeoverAt) { $0.write($1.nanoseconds) }
        writer.write(optional: waiting) { $0.write($1.rawValue) }
        let faults = faults.prefix(faultsMax)
        writer.write(UInt32(faults.count))
        faults.forEach { $0.encode(into: &writer) }
        writer.write(optional: lastTransition) { $1.encode(into: &$0) }
        counters.encode(into: &writer)
        for list in [installedAddresses, foreignAddresses, waitingAddresses] {
            writer.write(UInt32(list.count))
            list.forEach { writer.write(tagged: $0) }
        }
        writer.write(UInt32(unusableAddresses.count))
        for unusable in unusableAddresses {
            writer.write(tagged: unusable.address)
            writer.write(UInt32(bitPattern: unusable.code))
        }
        writer.write(UInt32(strangers.count))
        strangers.forEach { $0.encode(into: &writer) }
        writer.write(UInt32(clamping: unadvertisedAddresses))
        writer.write(optional: lastDiscard) { writer, discard in
            writer.write(discard.reason.rawValue)
            writer.write(tagged: discard.source)
            writer.write(discard.detail)
            writer.write(discard.at.nanoseconds)
            writer.write(discard.countsUntil.nanoseconds)
        }
        writer.write(optional: differentAddresses) { writer, other in
            writer.write(tagged: other.source)
            writer.write(other.countsUntil.nanoseconds)
        }
        writer.write(optional: sendFailure) { writer, failure in
            writer.write(UInt32(bitPattern: failure.code))
            writer.write(failure.since.nanoseconds)
            writer.write(failure.isSilent)
        }
        let rivals = rivals.prefix(RivalMasters.most)
        writer.write(UInt8(rivals.count))
        rivals.forEach { $0.encode(into: &writer) }
    }

    /// Reads what `encode` wrote. - Throws: `ByteError`.
    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            since: try reader.readInstant(), priority: try reader.readPriority(),
            advertInterval: try reader.readInterval())
        state = try reader.readState()
        master = try reader.readOptional { reader throws(ByteError) in try reader.readTaggedAddress() }
        masterPriority = try reader.readOptional { reader throws(ByteError) in try reader.readPriority() }
        lastAdvertReceived = try reader.readOptional { reader throws(ByteError) in try reader.readInstant() }
        takeoverAt = try reader.readOptional { reader throws(ByteError) in try reader.readInstant() }
        waiting = try reader.readOptional { reader throws(ByteError) in
            guard let reason = BackupReason(rawValue: try reader.readUInt8()) else { throw .invalid }
            return reason
        }
        let count = try reader.readCount(ofSize: 1)
        guard count <= faultsMax else { throw .invalid }
        for _ in 0..<count { faults.append(try Fault(from: &reader)) }
        lastTransition = try reader.readOptional { reader throws(ByteError) in try Transition(from: &reader) }
        counters = try Counters(from: &reader)
        for _ in 0..<(try reader.readCount(ofSize: 5)) { installedAddresses.append(try reader.readTaggedAddress()) }
        for _ in 0..<(try reader.readCount(ofSize: 5)) { foreignAddresses.append(try reader.readTaggedAddress()) }
        for _ in 0..<(try reader.readCount(ofSize: 5)) { waitingAddresses.append(try reader.readTaggedAddress()) }
        for _ in 0..<(try reader.readCount(ofSize: 9)) {
            unusableAddresses.append(
                UnusableAddress(try reader.readTaggedAddress(), code: Int32(bitPattern: try reader.readUInt32())))
        }
        for _ in 0..<(try reader.readCount(ofSize: 14)) { strangers.append(try ForeignAddress(from: &reader)) }
        unadvertisedAddresses = Int(try reader.readUInt32())
        lastDiscard = try reader.readOptional { reader throws(ByteError) in
            guard let reason = DiscardReason(rawValue: try reader.readUInt8()) else { throw .invalid }
            return LastDiscard(
                reason, source: try reader.readTaggedAddress(), detail: try reader.readUInt32(),
                at: try reader.readInstant(), countsUntil: try reader.readInstant())
        }
        differentAddresses = try reader.readOptional { reader throws(ByteError) in
            DifferentAddresses(try reader.readTaggedAddress(), countsUntil: try reader.readInstant())
        }
        sendFailure = try reader.readOptional { reader throws(ByteError) in
            SendFailure(
                code: Int32(bitPattern: try reader.readUInt32()), since: try reader.readInstant(),
                isSilent: try reader.readBool())
        }
        let rivalCount = Int(try reader.readUInt8())
        guard rivalCount <= RivalMasters.most else { throw .invalid }
        for _ in 0..<rivalCount { rivals.append(try RivalMaster(from: &reader)) }
    }
}

extension RivalMaster {
    func encode(into writer: inout ByteWriter) {
        writer.write(tagged: source)
        sign.encode(into: &writer)
        writer.write(since.nanoseconds)
        writer.write(lastHeard.nanoseconds)
        writer.write(countsUntil.nanoseconds)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            try reader.readTaggedAddress(), try Sign(from: &reader), since: try reader.readInstant(),
            lastHeard: try reader.readInstant(), countsUntil: try reader.readInstant())
    }
}

extension Counters {
    func encode(into writer: inout ByteWriter) {
        for value in [
            advertsReceived, advertsSent, releasesReceived, releasesSent, becameMaster, leftMaster, sendFailures,
        ] {
            writer.write(value)
        }
        discarded.encode(into: &writer)
        remarks.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        advertsReceived = try reader.readUInt64()
        advertsSent = try reader.readUInt64()
        releasesReceived = try reader.readUInt64()
        releasesSent = try reader.readUInt64()
        becameMaster = try reader.readUInt64()
        leftMaster = try reader.readUInt64()
        sendFailures = try reader.readUInt64()
        discarded = try Tally(from: &reader, below: DiscardReason.allCases.count)
        remarks = try Tally(from: &reader, below: Anomaly.allCases.count)
    }
}

extension Tally {
    func encode(into writer: inout ByteWriter) {
        let numbers = numbers
        writer.write(UInt8(numbers.count))
        for number in numbers {
            writer.write(number)
            writer.write(self[number])
        }
    }

    /// - Throws: `ByteError` also for numbers that aren't below the limit or don't rise, and for a counter of zero.
    init(from reader: inout ByteReader, below limit: Int) throws(ByteError) {
        self.init()
        var lowest: UInt8 = 0
        for _ in 0..<Int(try reader.readUInt8()) {
            let number = try reader.readUInt8()
            guard number >= lowest, number < limit else { throw ByteError.invalid }
            let value = try reader.readUInt64()
            guard value > 0 else { throw ByteError.invalid }
            self[number] = value
            lowest = number + 1
        }
    }
}
