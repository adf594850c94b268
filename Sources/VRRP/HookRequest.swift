import Base
import ConfigurationModel

/// A hook that is to run, or needn't run any more (docs/decisions, D48).
package struct HookRequest: Hashable, Sendable {
    package var hook: Hook
    package var subject: HookSubject
    /// The run: a successor that asks for the same one asks under the same number.
    package var number: UInt64
    /// True if the router is not MASTER any more: the run is ended, or isn't begun.
    package var isVoid: Bool

    package init(_ hook: Hook, of subject: HookSubject, number: UInt64, isVoid: Bool = false) {
        self.hook = hook
        self.subject = subject
        self.number = number
        self.isVoid = isVoid
    }

    /// Writes what hasupd is told.
    package func encode(into writer: inout ByteWriter) {
        writer.write(hook.rawValue)
        subject.encode(into: &writer)
        writer.write(number)
        writer.write(isVoid)
    }

    /// Reads what a worker tells. - Throws: `ByteError`.
    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let hook = Hook(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.hook = hook
        subject = try HookSubject(from: &reader)
        number = try reader.readUInt64()
        isVoid = try reader.readBool()
    }
}

extension HookSubject {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .instance(let id): NotificationSubject.instance(id).encode(into: &writer)
        case .group(let place): NotificationSubject.group(place).encode(into: &writer)
        case .guarded(let cluster, let group):
            writer.write(UInt8(2))
            writer.write(UInt8(clamping: cluster))
            writer.write(UInt8(clamping: group))
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .instance(Int(try reader.readUInt32()))
        case 1: self = .group(Int(try reader.readUInt32()))
        case 2: self = .guarded(cluster: Int(try reader.readUInt8()), group: Int(try reader.readUInt8()))
        default: throw .invalid
        }
    }
}

/// The end of a hook's run. Its subject goes by name: a reload may have renumbered it since.
package struct HookEnd: ByteCoded, Hashable, Sendable {
    package var hook: Hook
    package var subject: NotificationKey
    package var number: UInt64
    package var succeeded: Bool

    package init(_ hook: Hook, of subject: NotificationKey, number: UInt64, succeeded: Bool) {
        self.hook = hook
        self.subject = subject
        self.number = number
        self.succeeded = succeeded
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        guard let hook = Hook(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.init(
            hook, of: try NotificationKey(decoding: &reader), number: try reader.readUInt64(),
            succeeded: try reader.readBool())
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(hook.rawValue)
        subject.encode(into: &writer)
        writer.write(number)
        writer.write(succeeded)
    }
}
