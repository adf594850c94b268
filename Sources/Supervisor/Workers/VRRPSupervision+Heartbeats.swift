import Base
import CLinux
import ConfigurationModel
import Control
import Glibc
import Reactor
import Supervision
import Varlink
import WorkerProtocol

extension VRRPSupervision {
    /// The heartbeat paths of the configuration that runs, as the worker last reported them.
    var heartbeatReports: [HeartbeatPathReport] {
        let clusters = broker.source.clusters
        return heartbeatCounts.compactMap { counts in
            guard clusters.indices.contains(Int(counts.cluster)) else { return nil }
            let cluster = clusters[Int(counts.cluster)]
            let paths = cluster.ownNode.map { cluster.nodes[$0].paths } ?? []
            guard paths.indices.contains(Int(counts.path)) else { return nil }
            return HeartbeatPathReport(cluster: cluster.name, path: paths[Int(counts.path)].name, counts)
        }
    }

    /// Opens the socket of a heartbeat path for the worker, which names it by its place.
    func openHeartbeatSocket(
        generation: UInt64, _ place: HeartbeatPlace, _ correlation: UInt32, _ worker: WorkerProcess
    ) {
        guard let channel = worker.channel else { return }
        checkDelivery(on: channel)
        do throws(Refusal) {
            let ends = try heartbeatEnds(generation: generation, at: place)
            do throws(SystemError) {
                let socket = try Self.open(ends)
                SupervisorToVRRP.socket.send(on: channel, correlation: correlation, descriptors: [socket.number])
            } catch {
                SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
            }
        } catch {
            refuse(error)
            SupervisorToVRRP.socketRefused(error.description).send(on: channel, correlation: correlation)
        }
    }

    private static func open(_ ends: HeartbeatConnection) throws(SystemError) -> Descriptor {
        let operation = "open a socket for heartbeats from \(ends.address) to \(ends.peer) on \(ends.device)"
        let index = hasup_interface_index(ends.device)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        let result = ends.device.withCString { device in
            ends.address.bytes.withUnsafeBufferPointer { own in
                ends.peer.bytes.withUnsafeBufferPointer { peer in
                    var path = hasup_heartbeat_path(
                        device: device, interface_index: index, family: Int32(ends.address.family.rawValue),
                        own: own.baseAddress, peer: peer.baseAddress, own_port: ends.port, peer_port: ends.peerPort)
                    return hasup_heartbeat_socket(&path)
                }
            }
        }
        return try owned(result, operation)
    }
}

extension HeartbeatPathReport {
    fileprivate init(cluster: String, path: String, _ counts: HeartbeatCounts) {
        self.init()
        self.cluster = cluster
        self.path = path
        sent = Int(clamping: counts.sent)
        errors = Int(clamping: counts.errors)
        lastError = counts.lastError == 0 ? nil : SystemError.text(of: counts.lastError)
        received = Int(clamping: counts.received)
        for (reason, count) in zip(FrameRefusal.allCases, counts.refused) where count > 0 {
            refused.add(reason.name, count)
        }
    }
}
