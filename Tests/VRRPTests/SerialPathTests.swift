import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// The pace of serial lines follows from the length of a frame, which the model computes without writing one
/// (docs/decisions, D103, D104).
@Suite struct SerialPathTests {
    @Test(arguments: [(2, 1), (2, 48), (3, 5), (8, 48)])
    func lengthOfAFrame(_ nodes: Int, _ groups: Int) {
        var cluster = ClusterSettings(name: "web", location: SourceLocation())
        cluster.nodes = (0..<nodes).map { ClusterMember(name: "n\($0)") }
        cluster.guarded = (0..<groups).map { "VI_\($0)" }
        var writer = ByteWriter()
        Heartbeat(
            cluster: 1, sender: 0, path: 0, nonce: 1, sequence: 1, stayBound: .seconds(1), settings: 1,
            references: .notConfigured,
            echoes: (1..<nodes).map {
                HeartbeatEcho(
                    node: UInt8($0), hearsAdverts: false, isGoodbye: false, held: .zero, nonce: 1, sequence: 1)
            },
            standings: (0..<groups).map {
                GroupStanding(
                    group: UInt8($0), state: 1, flags: [], priority: 100, assentsTo: nil, epoch: 0, claim: 0)
            }
        ).encode(into: &writer)
        let length = writer.bytes.count + Heartbeat.signatureLength
        #expect(cluster.serialFrameLength == SerialFraming.length(of: length))
    }

    @Test func pace() {
        var cluster = ClusterSettings(name: "web", location: SourceLocation())
        cluster.nodes = [ClusterMember(name: "a"), ClusterMember(name: "b")]
        cluster.guarded = ["VI_1"]
        #expect(cluster.serialFrameLength == 107)
        #expect(cluster.serialInterval(of: SerialLine(device: "/d", speed: 115_200)) == cluster.interval)
        // 1,070 bits, twice.
        let slow = SerialLine(device: "/d", speed: 9_600)
        #expect(cluster.serialInterval(of: slow) == slow.time(of: 107) * 2 && slow.time(of: 96) == .milliseconds(100))
        #expect(!cluster.isTooSlow(slow) && cluster.isTooSlow(SerialLine(device: "/d", speed: 4_800)))
    }

    @Test("D107: a slow line may be the path that is left, so silence is waited for as its pace asks")
    func confirmation() {
        var cluster = ClusterSettings(name: "web", location: SourceLocation())
        cluster.guarded = ["VI_1"]
        cluster.nodes = ["a", "b"].map { name in
            var node = ClusterMember(name: name)
            node.paths = [HeartbeatPath(name: "line", kind: .serial("/d", speed: 9_600))]
            return node
        }
        let line = SerialLine(device: "/d", speed: 9_600)
        cluster.release = ReleaseScript(arguments: ["/stop"])
        let slow = GuardTimes(cluster).silenceConfirmation()
        for node in cluster.nodes.indices { cluster.nodes[node].paths[0].kind = .serial("/d", speed: 115_200) }
        let fast = GuardTimes(cluster).silenceConfirmation()
        let more = cluster.serialInterval(of: line) - cluster.interval
        #expect(slow - fast > more && slow - fast < more + .milliseconds(5))
    }
}
