/// An instance or a sync group by its name. One of each may have the same.
package struct NotificationKey: ByteCoded, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Numbers stand in what is kept.
    package enum Kind: UInt8, Sendable {
        case instance = 0
        case group = 1

        /// The word in the arguments of a generic script.
        package var word: String { self == .instance ? "INSTANCE" : "GROUP" }
    }

    package var kind: Kind
    package var name: String

    package init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        guard let kind = Kind(rawValue: try reader.readUInt8()) else { throw .invalid }
        self.init(kind, try reader.readString())
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(kind.rawValue)
        writer.write(name)
    }

    /// The name in log lines.
    package var description: String { kind == .instance ? name : "sync group \(name)" }

    package static func < (left: NotificationKey, right: NotificationKey) -> Bool {
        (left.name, left.kind.rawValue) < (right.name, right.kind.rawValue)
    }
}
