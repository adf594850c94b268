import Base
import Wire

/// Heartbeats, as they are once their signature is found right. They come from a node with the key, which may be in
/// strange hands.
enum HeartbeatFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] {
        ([0, 1, 2, 8] as [UInt8]).map { count in
            var writer = ByteWriter()
            Heartbeat(
                cluster: 7, sender: 0, path: 1, nonce: 2, sequence: 3, stayBound: .seconds(1), settings: 4,
                references: count == 1 ? .lost : .answered(age: .milliseconds(100)),
                echoes: (UInt8(0)..<count).map {
                    HeartbeatEcho(
                        node: $0, hearsAdverts: true, isGoodbye: false, held: .milliseconds(2), nonce: 5, sequence: 6)
                },
                standings: (UInt8(0)..<count * 6).map {
                    GroupStanding(
                        group: $0, state: $0 % 4, flags: [.ready, .claims], priority: 100, assentsTo: nil, epoch: 1,
                        claim: 2)
                }
            ).encode(into: &writer)
            return writer.bytes
        }
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let beat = try? Heartbeat(input) else { return }
        var writer = ByteWriter()
        beat.encode(into: &writer)
        precondition(writer.bytes.count == input.count, "the frame has another length than it was read with")
        let again = writer.bytes.withUnsafeBytes { try? Heartbeat($0) }
        precondition(again == beat, "the frame isn't what it was")
    }
}
