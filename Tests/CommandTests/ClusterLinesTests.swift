import Base
import Testing
import VRRP
import Varlink

@testable import hasup

/// What status says of another node of a cluster.
@Suite struct ClusterLinesTests {
    private static func node(_ change: (inout ClusterNodeReport) -> Void = { _ in }) -> ClusterNodeReport {
        var node = ClusterNodeReport()
        (node.cluster, node.node, node.isHeard, node.hearsUs) = ("web", "lb2", true, true)
        node.lastHeard = .milliseconds(70)
        var group = GuardedGroupReport()
        (group.name, group.state, group.priority, group.hasAddresses) = ("VI_1", .master, Priority(rawValue: 150), true)
        node.groups = [group]
        node.paths = ["lan", "line"].map { name in
            var path = HeartbeatPathReport()
            (path.path, path.isHeard, path.received) = (name, true, 100)
            (path.lastHeard, path.roundTrip) = (.milliseconds(70), .microseconds(150))
            return path
        }
        change(&node)
        return node
    }

    @Test func aNodeThatIsWellTakesOneSentence() {
        #expect(
            Self.node().line
                == "Cluster web: lb2 is heard by lan (0.15 ms there and back), line (0.15 ms there and back); there: VI_1 "
                + "MASTER (150).")
    }

    @Test func whatIsWrongIsSaid() {
        let line = Self.node { node in
            node.hearsUs = false
            node.hasOtherSettings = true
            (node.groups[0].state, node.paths[0].isHeard, node.paths[0].lastHeard) = (.backup, false, .seconds(12))
            (node.paths[1].lost, node.paths[1].errors, node.paths[1].lastError) = (25, 1, "Network is unreachable")
            node.paths[1].refused.add("authentication", 7)
        }.line
        #expect(
            line
                == "Cluster web: lb2 is heard by line (0.15 ms there and back); it doesn't hear this node; its cluster block "
                + "isn't the same: compare guard.conf; there: VI_1 BACKUP (150) and still has the addresses; by lan nothing for "
                + "12s; by line 25 of 125 lost, 1 couldn't be sent, the last one: Network is unreachable, refused: 7 "
                + "authentication.")
    }

    @Test func silence() {
        #expect(
            Self.node { ($0.isHeard, $0.lastHeard, $0.paths) = (false, .seconds(90), []) }.line
                == "Cluster web: lb2 isn't heard for 1m 30s.")
        #expect(
            Self.node { ($0.isHeard, $0.lastHeard, $0.paths) = (false, nil, []) }.line
                == "Cluster web: lb2 hasn't been heard since this node's start.")
        #expect(
            Self.node { ($0.isHeard, $0.isOff, $0.paths) = (false, true, []) }.line
                == "Cluster web: lb2 has ended, and said so.")
    }
}
