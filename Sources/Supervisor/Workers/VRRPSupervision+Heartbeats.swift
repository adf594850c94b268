import Base
import CLinux
import ConfigurationModel
import Control
import Glibc
import Reactor
import Supervision
import VRRP
import Varlink
import WorkerProtocol

/// The other nodes of clusters: a worker reports each one before the last part of a status.
struct ClusterNodes {
    /// Those of the last status that is whole.
    private(set) var all: [ClusterNodeReport] = []
    private var coming: [ClusterNodeReport] = []

    mutating func add(_ node: ClusterNodeReport) {
        guard coming.count < ClusterNodeReport.most else { return }
        var node = node
        for path in node.paths.indices { node.paths[path].explain() }
        coming.removeAll { $0.cluster == node.cluster && $0.node == node.node }
        coming.append(node)
    }

    /// The last part of a status has come.
    mutating func finish() {
        all = coming
        coming = []
    }
}

extension HeartbeatPathReport {
    /// Adds names and texts for people.
    fileprivate mutating func explain() {
        lastError = errorCode == 0 ? nil : SystemError.text(of: errorCode)
        for (reason, count) in zip(FrameRefusal.allCases, unread) where count > 0 { refused.add(reason.name, count) }
        for (reason, count) in zip(HeartbeatRefusal.allCases, repeated) where count > 0 {
            refused.add(reason.name, count)
        }
    }
}
