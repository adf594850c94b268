import Base
import ConfigurationModel

/// The results of all tracked objects, which are hasupd's (docs/decisions, D45): a state is what it was until the next
/// result, whoever dies or is replaced meanwhile.
package struct TrackerTable: Sendable {
    /// The form of what is kept of it for the next hasupd.
    package static let formatVersion = 1
    /// Forms that are read: its own, and that of the minor version before, when there is one.
    package static let readableFormats = [1]

    /// The entry of one object.
    package struct Entry: Hashable, Sendable {
        package var fingerprint: UInt64
        package var verdict: TrackerVerdict
        /// Time of the last change of its result.
        package var since: Instant

        package init(fingerprint: UInt64, verdict: TrackerVerdict, since: Instant) {
            self.fingerprint = fingerprint
            self.verdict = verdict
            self.since = since
        }

        package var bytes: [UInt8] {
            var writer = ByteWriter(capacity: 64)
            writer.write(UInt8(TrackerTable.formatVersion))
            writer.write(fingerprint)
            writer.write(since.nanoseconds)
            verdict.encode(into: &writer)
            return writer.bytes
        }

        /// Reads `bytes`; nil for anything else.
        package init?(_ bytes: [UInt8]) {
            let read = bytes.withUnsafeBytes { bytes in
                Result { () throws(ByteError) in
                    var reader = ByteReader(bytes)
                    let value = try Entry(from: &reader)
                    try reader.finish()
                    return value
                }
            }
            guard case .success(let value) = read else { return nil }
            self = value
        }

        private init(from reader: inout ByteReader) throws(ByteError) {
            guard TrackerTable.readableFormats.contains(Int(try reader.readUInt8())) else { throw .invalid }
            fingerprint = try reader.readUInt64()
            since = Instant(nanoseconds: try reader.readInt64())
            verdict = try TrackerVerdict(decoding: &reader)
        }
    }

    /// The change that a verdict makes.
    package enum VerdictChange: Hashable, Sendable {
        /// Nothing that is new.
        case none
        /// The reason of the result, not the result.
        case detail
        /// The result; `before` is the one before.
        case result(before: TrackerResult)
    }

    /// The hasup-tracks that may have left runs, as they are kept.
    package static func bytes(of processes: [ProcessIdentity]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt8(formatVersion))
        processes.encode(into: &writer)
        return writer.bytes
    }

    /// Reads `bytes(of:)`; none in anything else.
    package static func processes(in bytes: [UInt8]) -> [ProcessIdentity] {
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(ByteError) in
                var reader = ByteReader(bytes)
                guard readableFormats.contains(Int(try reader.readUInt8())) else { throw .invalid }
                let found = try [ProcessIdentity](decoding: &reader)
                try reader.finish()
                return found
            }
        }
        return (try? read.get()) ?? []
    }

    private var entries: [UInt64: Entry] = [:]

    package init(_ entries: [Entry] = []) {
        for entry in entries { self.entries[entry.fingerprint] = entry }
    }

    package func entry(of object: TrackedObject) -> Entry? { entries[object.fingerprint] }

    /// The verdict that hasup-track goes on with.
    package func verdict(on object: TrackedObject) -> TrackerVerdict {
        entries[object.fingerprint]?.verdict ?? TrackerVerdict()
    }

    /// The result that decides about instances: with init_fail, an object that has none counts as failed.
    package func result(of object: TrackedObject) -> TrackerResult {
        let known = verdict(on: object).result
        return known == .none && object.startsFailed ? .down : known
    }

    /// Takes a verdict of hasup-track.
    package mutating func take(_ verdict: TrackerVerdict, on object: TrackedObject, at now: Instant) -> VerdictChange {
        let before = self.verdict(on: object)
        guard verdict != before else { return .none }
        let isNew = verdict.result != before.result
        let since = isNew ? now : entries[object.fingerprint]?.since ?? now
        entries[object.fingerprint] = Entry(fingerprint: object.fingerprint, verdict: verdict, since: since)
        return isNew ? .result(before: before.result) : .detail
    }

    /// Forgets objects that aren't configured any more. Returns their fingerprints.
    package mutating func keep(only objects: [TrackedObject]) -> [UInt64] {
        let kept = Set(objects.map(\.fingerprint))
        let gone = entries.keys.filter { !kept.contains($0) }
        for fingerprint in gone { entries[fingerprint] = nil }
        return gone
    }
}

extension TrackedObject {
    /// True if a verdict on this object can have this result.
    package func canBe(_ result: TrackerResult) -> Bool {
        switch (kind, result) {
        case (.script, .up), (.script, .down), (.process, .up), (.process, .down), (.file, .number): true
        default: false
        }
    }
}
