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
    /// Bytes of a serial line that aren't a frame.
    case noise

    package var name: String {
        switch self {
        case .length: "length"
        case .cluster: "cluster"
        case .authentication: "authentication"
        case .form: "form"
        case .node: "node"
        case .path: "path"
        case .noise: "noise"
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
        case .noise: "noise came by the line"
        }
    }
}
