/// An instance, a sync group, a virtual or a real server by its name. One of each may have the same.
package struct NotificationKey: ByteCoded, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Numbers stand in what is kept.
    package enum Kind: UInt8, Sendable {
        case instance = 0
        case group = 1
        /// A virtual server: `[a]:tcp:80`.
        case service = 2
        /// A real server, and its virtual one: `[a]:tcp:80 [b]:tcp:80`.
        case server = 3

        /// The word in the arguments of a generic script, and in FIFOs.
        package var word: String {
            switch self {
            case .instance: "INSTANCE"
            case .group: "GROUP"
            case .service: "VS"
            case .server: "RS"
            }
        }
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
    package var description: String {
        switch kind {
        case .instance: name
        case .group: "sync group \(name)"
        case .service: "virtual server \(Self.title(name[...], isService: true))"
        case .server:
            "real server "
                + name.split(separator: " ", maxSplits: 1).enumerated()
                .map { Self.title($1, isService: $0 > 0) }.joined(separator: " of ")
        }
    }

    /// A service or server for people: `tcp 10.0.0.1:80`, `fwmark 7`, `group NAME`; `10.0.0.11:80`.
    private static func title(_ name: Substring, isService: Bool) -> String {
        if name.hasPrefix("FWM ") { return "fwmark \(name.dropFirst(4))" }
        guard name.first == "[", let end = name.lastIndex(of: "]") else { return String(name) }
        let address = name[name.index(after: name.startIndex)..<end]
        let words = name[end...].dropFirst(2).split(separator: ":")
        guard words.count == 2 else { return "group \(address)" }
        let place = address.contains(":") ? "[\(address)]:\(words[1])" : "\(address):\(words[1])"
        return isService ? "\(words[0]) \(place)" : place
    }

    package static func < (left: NotificationKey, right: NotificationKey) -> Bool {
        (left.name, left.kind.rawValue) < (right.name, right.kind.rawValue)
    }
}
