import Base
import Reactor

/// The head of every frame between hasupd and its workers, 12 bytes in network order:
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                 length of the whole frame                     |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |             type              |       flags       |  n of fds |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                        correlation id                         |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// A frame is one SOCK_SEQPACKET packet, so its descriptors can't slip to another one.
package struct FrameHeader: Hashable, Sendable {
    package static let size = 12
    /// The largest frame, header included. Twice that still fits the kernel's default send buffer.
    package static let frameSizeMax = 65_536

    /// The kind of message; its meaning depends on the direction.
    package var type: UInt16
    /// More frames with this correlation id follow.
    package var hasMore = false
    /// Descriptors that travel with the frame, at most 8.
    package var descriptorCount: UInt8 = 0
    /// Chosen by the side that requests; 0 for messages without a request.
    package var correlation: UInt32 = 0

    /// The header of a message without a request.
    package init(type: UInt16) { self.type = type }

    func encode(payload: some Collection<UInt8>) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.size + payload.count)
        writer.write(UInt32(Self.size + payload.count))
        writer.write(type)
        writer.write((hasMore ? 0x4000 : 0) | UInt16(descriptorCount))
        writer.write(correlation)
        writer.write(payload)
        return writer.bytes
    }

    /// The header of a received packet. - Throws: `FrameError` for anything that the other side can't have meant.
    init(_ packet: UnsafeRawBufferPointer, descriptorsReceived: Int) throws(FrameError) {
        var reader = ByteReader(packet)
        do {
            let length = try reader.readUInt32()
            type = try reader.readUInt16()
            let flags = try reader.readUInt16()
            correlation = try reader.readUInt32()
            guard Int(length) == packet.count else { throw FrameError.length(claimed: Int(length), real: packet.count) }
            guard flags & 0xbff0 == 0 else { throw FrameError.flags(flags) }
            hasMore = flags & 0x4000 != 0
            descriptorCount = UInt8(flags & 0xf)
        } catch let error as FrameError {
            throw error
        } catch {
            throw .length(claimed: 0, real: packet.count)
        }
        guard Int(descriptorCount) == descriptorsReceived else {
            throw .descriptors(claimed: Int(descriptorCount), real: descriptorsReceived)
        }
    }
}

/// A fault of a frame; each ends the channel that it came from.
package enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Torn or padded.
    case length(claimed: Int, real: Int)
    /// Undefined flags are set.
    case flags(UInt16)
    /// More or fewer descriptors than it says.
    case descriptors(claimed: Int, real: Int)
    /// No message of this direction has this type.
    case unknownType(UInt16)
    /// The payload isn't one of this type.
    case payload(UInt16)
    /// A message that isn't expected now.
    case unexpected(String)
    /// The first message says another protocol version.
    case version(UInt16)

    /// The reason as it continues "the channel was closed: ".
    package var description: String {
        switch self {
        case .length(let claimed, let real): "a frame says \(claimed) bytes and has \(real)"
        case .flags(let flags): "a frame has undefined flags 0x\(String(flags, radix: 16))"
        case .descriptors(let claimed, let real): "a frame says \(claimed) descriptors and brought \(real)"
        case .unknownType(let type): "a frame of unknown type 0x\(String(type, radix: 16))"
        case .payload(let type): "a frame of type 0x\(String(type, radix: 16)) with a malformed payload"
        case .unexpected(let what): "\(what) at the wrong moment"
        case .version(let version): "the other side speaks protocol version \(version)"
        }
    }
}

/// Descriptors that came with a frame. Those that aren't taken are closed.
package final class PassedDescriptors {
    private var numbers: [Int32]

    init(_ numbers: [Int32]) { self.numbers = numbers }

    deinit { for number in numbers where number >= 0 { _ = Descriptor(owning: number) } }

    package var count: Int { numbers.count }

    /// Takes ownership of one. - Throws: `FrameError` when it didn't come or was taken before.
    package func take(_ index: Int) throws(FrameError) -> Descriptor {
        guard index < numbers.count, numbers[index] >= 0 else {
            throw .descriptors(claimed: index + 1, real: numbers.count)
        }
        defer { numbers[index] = -1 }
        return Descriptor(owning: numbers[index])
    }
}

/// A frame as it was received.
package struct Frame {
    package let header: FrameHeader
    package let payload: [UInt8]
    package let descriptors: PassedDescriptors

    /// Reads a payload completely. - Throws: `FrameError.payload`.
    package func decode<Value>(_ body: (inout ByteReader) throws -> Value) throws(FrameError) -> Value {
        do {
            return try payload.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                let value = try body(&reader)
                try reader.finish()
                return value
            }
        } catch {
            throw .payload(header.type)
        }
    }
}
