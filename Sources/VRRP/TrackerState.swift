import Base
import ConfigurationModel

/// A tracked object's definition by the names of the configuration: each kind has names of its own.
package struct TrackerKey: ByteCoded, Hashable, Sendable {
    package var kind: TrackerKind
    package var name: String

    package init(_ kind: TrackerKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// The object of an instance's entry.
    init(_ tracker: Tracker) { self.init(tracker.kind, tracker.name) }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        guard let kind = TrackerKind(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.init(kind, try String(decoding: &reader))
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(kind.rawValue)
        name.encode(into: &writer)
    }
}

/// The latest result of a tracked object, as hasupd knows it (docs/decisions, D45).
package struct TrackerState: ByteCoded, Hashable, Sendable {
    package var key: TrackerKey
    package var result: TrackerResult

    package init(_ key: TrackerKey, _ result: TrackerResult) {
        self.key = key
        self.result = result
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(try TrackerKey(decoding: &reader), try TrackerResult(decoding: &reader))
    }

    package func encode(into writer: inout ByteWriter) {
        key.encode(into: &writer)
        result.encode(into: &writer)
    }
}
