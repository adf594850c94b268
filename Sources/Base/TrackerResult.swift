/// The latest result of a tracked object: of a vrrp_script, a track_file or a vrrp_track_process.
package enum TrackerResult: ByteCoded, Hashable, Sendable {
    /// It has none yet.
    case none
    /// A script's success; as many processes as the quorum asks for.
    case up
    case down
    /// The number in a file.
    case number(Int32)

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .none
        case 1: self = .up
        case 2: self = .down
        case 3: self = .number(try Int32(decoding: &reader))
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .none: writer.write(UInt8(0))
        case .up: writer.write(UInt8(1))
        case .down: writer.write(UInt8(2))
        case .number(let value):
            writer.write(UInt8(3))
            value.encode(into: &writer)
        }
    }
}
