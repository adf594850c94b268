import Base
import VRRP
import Varlink

@testable import WorkerProtocol

/// Frames between hasupd and its workers, in every direction, and what the VRRP worker packs into them.
///
/// The first byte is the number of descriptors that came; the rest is the packet.
enum FrameFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] {
        func packet(_ type: UInt16, _ descriptors: UInt8 = 0, _ body: (inout ByteWriter) -> Void = { _ in }) -> [UInt8]
        {
            var payload = ByteWriter()
            body(&payload)
            var header = FrameHeader(type: type)
            header.descriptorCount = descriptors
            header.correlation = 7
            return [descriptors] + header.encode(payload: payload.bytes)
        }
        let generation: (inout ByteWriter) -> Void = { $0.write(UInt64(9)) }
        return [
            packet(0x101, 5) { writer in
                writer.write(UInt16(1))
                writer.write(UInt64(9))
                writer.write(UInt64(4))
                writer.write(Int64(2_000_000_000))
            },
            packet(0x102, 1, generation), packet(0x103, 1), packet(0x104) { $0.write("no") }, packet(0x105),
            packet(0x201) { writer in
                writer.write(UInt16(1))
                writer.write(UInt16(1))
                writer.write("no realtime")
                writer.write(UInt8(3))
                writer.write("/run/hasup")
            },
            packet(0x202, 0, generation), packet(0x203),
            packet(0x204) { writer in
                writer.write(UInt64(9))
                writer.write(UInt32(0))
            },
            packet(0x205) { writer in
                writer.write(UInt64(9))
                writer.write(UInt32(0))
                writer.write(UInt64(1))
                writer.write(UInt8(1))
                writer.write(UInt8(100))
            },
            packet(0x206) { writer in
                writer.write(UInt64(9))
                Observation.stalled(.seconds(1)).encode(into: &writer)
            },
            packet(0x207) { writer in
                writer.write(UInt64(9))
                InstanceStatus(priority: .standard, advertInterval: .seconds(1))
                    .encode(into: &writer)
            },
            packet(0x208) { writer in
                writer.write(UInt8(6))
                writer.write("line")
            },
            packet(0x20a) { writer in (UInt32(0)..<4).forEach { writer.write($0) } },
            packet(0x20c) { writer in (UInt64(0)..<16).forEach { writer.write($0) } },
            packet(0x601, 1) { writer in
                writer.write(UInt16(1))
                [ProcessIdentity(pid: 7, startTicks: 8)].encode(into: &writer)
            },
            packet(0x703) { writer in
                writer.write(UInt64(9))
                NumberedVerdict(3, TrackerVerdict(.down, count: 2, detail: "exit status 1")).encode(into: &writer)
            },
            packet(0x501, 1), packet(0x502) { $0.write("why") },
        ] + checkerSeeds(packet)
    }

    /// Those of the checker and for it.
    private static func checkerSeeds(
        _ packet: (_ type: UInt16, _ descriptors: UInt8, _ body: (inout ByteWriter) -> Void) -> [UInt8]
    ) -> [[UInt8]] {
        let generation: (inout ByteWriter) -> Void = { $0.write(UInt64(9)) }
        return [
            packet(0x301, 1) { writer in
                writer.write(UInt16(1))
                writer.write(UInt64(9))
            },
            packet(0x302, 0) { _ in }, packet(0x303, 0, generation), packet(0x304, 1, generation),
            packet(0x305, 0) { writer in
                writer.write(true)
                [IPAddress(v4: 0x0a00_0001), IPAddress(v6High: 1, low: 2)].encode(into: &writer)
            },
            packet(0x306, 0) { writer in
                "load".encode(into: &writer)
                Int32(-3).encode(into: &writer)
            },
            packet(0x307, 0) { writer in
                writer.write(UInt32(1))
                writer.write(UInt64(2))
                writer.write(UInt8(1))
            },
            packet(0x401, 0) { writer in
                writer.write(UInt16(1))
                writer.write(UInt16(0))
                writer.write(UInt8(3))
                writer.write("/")
            },
            packet(0x402, 0) { writer in
                writer.write(UInt8(6))
                writer.write("line")
            },
            packet(0x308, 1) { writer in (UInt32(0)..<3).forEach { writer.write($0) } },
            packet(0x309, 0) { writer in (UInt32(0)..<4).forEach { writer.write($0) } },
            packet(0x409, 0) { writer in (UInt32(0)..<3).forEach { writer.write($0) } },
            packet(0x403, 0, generation), packet(0x404, 0, generation), packet(0x405, 0, generation),
            packet(0x406, 0, generation), packet(0x407, 0) { _ in },
            packet(0x408, 0) { writer in
                writer.write(UInt32(1))
                writer.write(UInt64(2))
            },
        ]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let count = input.first, count <= 15 else { return }
        let packet = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        guard let header = try? FrameHeader(packet, descriptorsReceived: Int(count)) else { return }
        precondition(packet.count >= FrameHeader.size)
        let payload = Array(packet[FrameHeader.size...])
        precondition(header.encode(payload: payload).elementsEqual(packet), "the header isn't what it was")
        // Numbers below zero stand for descriptors that nobody needs to close.
        func frame() -> Frame {
            let descriptors = PassedDescriptors(Array(repeating: -1, count: Int(count)))
            return Frame(header: header, payload: payload, descriptors: descriptors)
        }
        _ = try? SupervisorToVRRP(frame())
        _ = try? SupervisorToChecker(frame())
        _ = try? CheckerToSupervisor(frame())
        _ = try? ConfigurationToSupervisor(frame())
        _ = try? SupervisorToTracker(frame())
        if case .verdicts(_, let verdicts) = try? TrackerToSupervisor(frame()) {
            var writer = ByteWriter()
            for verdict in verdicts { verdict.encode(into: &writer) }
            precondition(writer.bytes.elementsEqual(payload.dropFirst(8)), "verdicts aren't what they were")
        }
        guard let message = try? VRRPToSupervisor(frame()) else { return }
        switch message {
        case .observations(_, let bytes):
            decode(bytes, Observation.init(from:)) { value, writer in value.encode(into: &writer) }
        case .status(_, let bytes):
            decode(bytes, InstanceStatus.init(decoding:)) { value, writer in value.encode(into: &writer) }
        default: break
        }
    }

    /// What was read completely is written the same way.
    private static func decode<Value>(
        _ bytes: [UInt8], _ read: (inout ByteReader) throws(ByteError) -> Value,
        _ write: (Value, inout ByteWriter) -> Void
    ) {
        bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(buffer)
            guard let value = try? read(&reader) else { return }
            var writer = ByteWriter()
            write(value, &writer)
            precondition(writer.bytes.elementsEqual(buffer.prefix(reader.offset)), "the value isn't what it was")
        }
    }
}
