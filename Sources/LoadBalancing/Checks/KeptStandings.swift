import Base

// What the checker has told, in bytes that outlive hasupd (docs/decisions, D73): records of a few entries each, one entry a
// service or a server, found again by a hash of its identity.

/// One entry.
package struct KeptStanding: Hashable, Sendable {
    /// The form of the bytes: to be counted up with every change.
    package static let formatVersion = 1
    package static let readableFormats = [1]
    static let size = 16

    var isUp: Bool
    var isProven: Bool
    var weight: UInt32
}

/// The records of a former hasupd, read: untrusted bytes.
package struct KeptStandings: Sendable {
    private var entries: [UInt64: KeptStanding] = [:]
    package private(set) var lastNotification: UInt64 = 0

    package init() {}

    /// Reads one record; what can't be read stands for nothing.
    package mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { memory in
            var reader = ByteReader(memory)
            guard let version = try? reader.readUInt8(), KeptStanding.readableFormats.contains(Int(version)),
                let notification = try? reader.readUInt64()
            else { return }
            lastNotification = max(lastNotification, notification)
            while let hash = try? reader.readUInt64(), let weight = try? reader.readUInt32(),
                let isUp = try? reader.readBool(), let isProven = try? reader.readBool(),
                (try? reader.readView(2)) != nil
            {
                entries[hash] = KeptStanding(isUp: isUp, isProven: isProven, weight: weight)
            }
        }
    }

    subscript(_ hash: UInt64) -> KeptStanding? { entries[hash] }
}

extension StandingTable {
    /// Entries in a record, which has room for 232 bytes.
    private static let entriesPerRecord = 13

    /// The record in which this stands.
    package func record(of report: CheckerReport) -> Int? {
        switch report {
        case .service(let standing): record(Int(standing.service), nil)
        case .server(let standing): record(Int(standing.service), Int(standing.server))
        }
    }

    private func record(_ service: Int, _ server: Int?) -> Int? {
        guard services.indices.contains(service) else { return nil }
        return (services[service].firstEntry + (server.map { $0 + 1 } ?? 0)) / Self.entriesPerRecord
    }

    /// The bytes of all records.
    package var records: [[UInt8]] {
        var records: [[UInt8]] = []
        var writer = beginRecord()
        var count = 0
        func end() {
            records.append(writer.bytes)
            writer = beginRecord()
            count = 0
        }
        for service in services {
            let standing = service.standing
            write(standing.map { ($0.hasQuorum, true, 0) }, service.identity.hash, to: &writer)
            count += 1
            if count == Self.entriesPerRecord { end() }
            for server in service.servers {
                write(
                    server.standing.map { ($0.isUp, $0.isProven, $0.weight) }, server.hash,
                    to: &writer)
                count += 1
                if count == Self.entriesPerRecord { end() }
            }
        }
        if count > 0 { end() }
        return records
    }

    /// The bytes of one record.
    package func bytes(ofRecord number: Int) -> [UInt8] {
        var writer = beginRecord()
        let range = number * Self.entriesPerRecord..<(number + 1) * Self.entriesPerRecord
        // The last service that begins at or before the first entry.
        var place = services.partitioningIndex { $0.firstEntry > range.lowerBound } - 1
        while services.indices.contains(place), services[place].firstEntry < range.upperBound {
            let service = services[place]
            if range.contains(service.firstEntry) {
                write(service.standing.map { ($0.hasQuorum, true, 0) }, service.identity.hash, to: &writer)
            }
            let first = service.firstEntry + 1
            for server in service.servers[range.clamped(to: first..<first + service.servers.count).shifted(by: -first)]
            {
                write(
                    server.standing.map { ($0.isUp, $0.isProven, $0.weight) }, server.hash,
                    to: &writer)
            }
            place += 1
        }
        return writer.bytes
    }

    private func beginRecord() -> ByteWriter {
        var writer = ByteWriter(capacity: 9 + Self.entriesPerRecord * KeptStanding.size)
        writer.write(UInt8(KeptStanding.formatVersion))
        writer.write(lastNotification)
        return writer
    }

    private func write(
        _ entry: (isUp: Bool, isProven: Bool, weight: UInt32)?, _ hash: UInt64, to writer: inout ByteWriter
    ) {
        // What isn't known has no entry.
        guard let entry else { return }
        writer.write(hash)
        writer.write(entry.weight)
        writer.write(entry.isUp)
        writer.write(entry.isProven)
        writer.write(UInt16(0))
    }

    /// Takes over what a former hasupd has kept, where nothing is known yet.
    package mutating func restore(_ kept: KeptStandings) {
        note(notification: kept.lastNotification)
        for place in services.indices where services[place].standing == nil {
            if let entry = kept[services[place].identity.hash] {
                services[place].standing = ServiceStanding(service: UInt32(place), hasQuorum: entry.isUp)
            }
            for number in services[place].servers.indices {
                let server = services[place].servers[number]
                guard let entry = kept[server.hash] else { continue }
                services[place].servers[number].standing = ServerStanding(
                    service: UInt32(place), server: UInt32(number), isUp: entry.isUp, isProven: entry.isProven,
                    weight: min(entry.weight, server.weightMax))
            }
        }
    }
}

extension Range<Int> {
    fileprivate func shifted(by distance: Int) -> Range { lowerBound + distance..<upperBound + distance }
}

extension RandomAccessCollection where Index == Int {
    /// The first place from which on this holds, in a collection in which it holds from some place on.
    fileprivate func partitioningIndex(where holds: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
