import Base
import ConfigurationModel
import Testing

@testable import Configuration

/// Heartbeat paths by multicast and by serial lines (docs/decisions, D104).
@Suite struct ClusterPathTests {
    private static let cases = [
        (
            "node lb3 {\nheartbeat g multicast 239.1.2.3 dev eth0\nheartbeat h multicast 239.1.2.3 dev eth0\n}\n"
                + "node lb4 {\nheartbeat g multicast 239.1.2.3 dev eth0\nheartbeat h multicast 239.1.2.3 dev eth1\n}",
            "6:11 error 239.1.2.3 with port 7112 on eth0 is the end of another heartbeat already"
        ),
        (
            "node lb3 {\nheartbeat l serial /dev/ttyS0\nheartbeat m serial /dev/ttyS0\n}\n"
                + "node lb4 {\nheartbeat l serial /dev/ttyS0\nheartbeat m serial /dev/ttyS1\n}",
            "6:11 error /dev/ttyS0 is the end of another heartbeat already"
        ),
        (
            "node lb3 {\nheartbeat l serial /dev/ttyS0 4800\n}\nnode lb4 {\nheartbeat l serial /dev/ttyS0 4800\n}",
            "5:11 warning this line is too slow to count, and isn't used: a frame has 155 bytes, so one leaves every 0.645833 s, and `timeout` (1 s) has no room for 4 of them. Take a higher speed, or a longer `timeout`"
        ),
    ]

    @Test(arguments: cases.indices)
    func finding(_ index: Int) {
        let (lines, finding) = Self.cases[index]
        let loaded = ClusterTests.load(instance(""), guarded: ClusterTests.cluster(lines))
        #expect(loaded.findings.contains(finding), "\(lines)\n\(loaded.findings.joined(separator: "\n"))")
    }

    @Test func pathsOfEachKindAct() {
        let nodes = ["lb1", "lb2"].map { node in
            "node \(node) {\nheartbeat g multicast ff02::7112 dev eth0 port 9\nheartbeat l serial /dev/ttyS0\n}"
        }
        let text = ClusterTests.cluster("", nodes: nodes.joined(separator: "\n"))
        let loaded = ClusterTests.load(instance(""), guarded: text)
        #expect(loaded.findings.isEmpty, "\(loaded.findings)")
        #expect(loaded.model.clusters[0].connections(ofCluster: 0).map(\.ends.isShared) == [true, true])
    }
}
