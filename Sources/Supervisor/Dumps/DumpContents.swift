import Base
import ConfigurationModel
import Reactor
import VRRP
import Varlink
import WorkerProtocol

/// All that a dump shows: a configuration, and the state of its instances at one moment.
struct DumpContents {
    var model: ConfigurationModel
    /// By the number of the instance; nil for one that the worker didn't send.
    var statuses: [InstanceStatus?]
    /// The times of the last transitions, nanoseconds since 1970, by the number of the instance.
    var transitions: [Int64]
    /// The tracked objects that hasupd knows; those that aren't here aren't tracked.
    var verdicts: [TrackerKey: TrackerVerdict] = [:]
    /// The moment, nanoseconds since 1970.
    var now: Int64

    /// The instances with their state. One without takes no part yet.
    var instances: [(settings: InstanceSettings, status: InstanceStatus, transition: Int64)] {
        model.instances.enumerated().map { index, settings in
            let status =
                statuses[index] ?? InstanceStatus(priority: settings.priority, advertInterval: settings.advertInterval)
            return (settings, status, transitions[index])
        }
    }
}

/// The way of contents from hasupd to `hasup-save`: the configuration's image, and a memory file with the rest.
enum DumpHandover {
    /// The rest, for a packet's descriptors.
    ///
    /// - Parameter transitions: by the number of the instance.
    /// - Throws: `SystemError`.
    static func file(
        of statuses: WorkerStatuses, transitions: [Int64], verdicts: [TrackerKey: TrackerVerdict], now: Int64
    ) throws(SystemError) -> Descriptor {
        let bytes = statuses.parts.reduce(0) { $0 + $1.count }
        var writer = ByteWriter(capacity: bytes + transitions.count * 8 + 16)
        writer.write(now)
        writer.write(UInt32(transitions.count))
        for time in transitions { writer.write(time) }
        write(verdicts, into: &writer)
        for part in statuses.parts { writer.write(part) }
        return try MappedMemory.sealed(writer.bytes, name: "hasup-statuses")
    }

    static func write(_ verdicts: [TrackerKey: TrackerVerdict], into writer: inout ByteWriter) {
        writer.write(UInt32(verdicts.count))
        for (key, verdict) in verdicts {
            key.encode(into: &writer)
            verdict.encode(into: &writer)
        }
    }

    /// Reads both, which are a worker's for the greatest part. - Throws: `ByteError`.
    static func contents(
        _ image: ConfigurationImage, _ rest: UnsafeRawBufferPointer
    ) throws(ByteError) -> DumpContents {
        let model = try EncodedModel(image.model).decode()
        let count = model.instances.count
        var reader = ByteReader(rest)
        let now = try reader.readInt64()
        guard try Int(reader.readUInt32()) == count else { throw .invalid }
        var transitions: [Int64] = []
        for _ in 0..<count { transitions.append(try reader.readInt64()) }
        var verdicts: [TrackerKey: TrackerVerdict] = [:]
        for _ in 0..<(try reader.readUInt32()) {
            let key = try TrackerKey(decoding: &reader)
            verdicts[key] = try TrackerVerdict(decoding: &reader)
        }
        var statuses = [InstanceStatus?](repeating: nil, count: count)
        while reader.remaining > 0 {
            let id = Int(try reader.readUInt32())
            guard statuses.indices.contains(id) else { throw .invalid }
            statuses[id] = try InstanceStatus(decoding: &reader)
        }
        return DumpContents(
            model: model, statuses: statuses, transitions: transitions, verdicts: verdicts, now: now)
    }
}
