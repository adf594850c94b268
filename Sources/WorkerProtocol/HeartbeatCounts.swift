import Base

/// The reason that a frame of a heartbeat path isn't given to the core.
package enum FrameRefusal: UInt8, Error, CaseIterable, Sendable {
    /// Too short or too long.
    case length
    /// Another cluster's: two have the same addresses and ports.
    case cluster
    /// No key of ours has signed it.
    case authentication
    /// Signed, and not a heartbeat of a form that is known.
    case form
    /// Another node's than the one at the other end.
    case node
    /// Of a path with another name.
    case path

    package var name: String {
        switch self {
        case .length: "length"
        case .cluster: "cluster"
        case .authentication: "authentication"
        case .form: "form"
        case .node: "node"
        case .path: "path"
        }
    }

    /// The reason as it continues "heartbeats were refused: ".
    package var text: String {
        switch self {
        case .length: "they have another length"
        case .cluster: "they are another cluster's, which uses the same addresses and port"
        case .authentication: "no key of this node has signed them. Do all nodes have the same key file?"
        case .form: "they have a form that isn't known. Do all nodes have the same version of hasup?"
        case .node: "they are another node's. Do all nodes have the same cluster block?"
        case .path: "they are another path's. Do all nodes have the same cluster block?"
        }
    }
}

/// The counters of one heartbeat path of this node, as the worker has them.
package struct HeartbeatCounts: Hashable, Sendable, ByteCoded {
    /// The place of the cluster, and that of the path among the node's.
    package var cluster: UInt8
    package var path: UInt8
    package var sent: UInt64 = 0
    /// Errors of sending, also those that the network has reported afterwards.
    package var errors: UInt64 = 0
    /// The error number of the last one.
    package var lastError: Int32 = 0
    package var received: UInt64 = 0
    /// By reason.
    package var refused = [UInt64](repeating: 0, count: FrameRefusal.allCases.count)

    package init(cluster: UInt8, path: UInt8) {
        self.cluster = cluster
        self.path = path
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(cluster: try reader.readUInt8(), path: try reader.readUInt8())
        sent = try reader.readUInt64()
        errors = try reader.readUInt64()
        lastError = try Int32(decoding: &reader)
        received = try reader.readUInt64()
        for reason in refused.indices { refused[reason] = try reader.readUInt64() }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(cluster)
        writer.write(path)
        writer.write(sent)
        writer.write(errors)
        lastError.encode(into: &writer)
        writer.write(received)
        for count in refused { writer.write(count) }
    }
}
