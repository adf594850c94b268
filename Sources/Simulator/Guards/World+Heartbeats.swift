import Base
import VRRP
import Wire

/// A heartbeat on its way: the bytes that would be signed.
struct HeartbeatOnPath {
    var from: Int
    var path: Int
    var bytes: [UInt8]
}

/// Heartbeats between machines: each path is a network of its own.
extension World {
    mutating func send(_ frame: Heartbeat, from machine: Int) {
        for path in heartbeats.indices {
            var frame = frame
            frame.path = UInt8(path)
            guardFault?.bend(&frame)
            var writer = ByteWriter()
            frame.encode(into: &writer)
            let sent = HeartbeatOnPath(from: machine, path: path, bytes: writer.bytes)
            for other in machines.indices where other != machine {
                for delay in heartbeats[path].deliveries(from: machine, to: other, at: now, random: &random) {
                    schedule(.heartbeat(sent, to: other), after: delay)
                }
            }
        }
    }

    /// The event for a core that a frame has come to.
    func event(of beat: HeartbeatOnPath) -> Event? {
        beat.bytes.withUnsafeBytes { try? Heartbeat($0) }.map { .heartbeat($0, cluster: 0, path: beat.path) }
    }

    /// Cuts all paths, or one, between two machines or mends them.
    mutating func setPaths(_ isCut: Bool, _ paths: Range<Int>, from: Int, to: Int) {
        for path in paths { heartbeats[path].setCut(isCut, from: from, to: to) }
    }
}
